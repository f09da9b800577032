//! The message that the server prints at its start, with commands to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_core::domain::keys::Secret;
use url::Url;

use super::startup::FirstKeys;
use crate::shell::quoted;

/// A photo to try, if the program runs in its repository.
const EXAMPLE: &str = "examples/coffee.jpg";

/// The facts that the message shows.
pub(crate) struct StartupMessage<'a> {
    pub(crate) address: SocketAddr,
    /// The web page.
    pub(crate) page: &'a Url,
    /// Whether the page uses a bucket, which has to admit its address.
    pub(crate) page_needs_cors: bool,
    /// The place of the data.
    pub(crate) backend: &'a str,
    /// The command that creates another key.
    pub(crate) new_key_command: &'a str,
    pub(crate) workers: usize,
    pub(crate) threads: NonZeroUsize,
    /// The keys that this start created, if any.
    pub(crate) first_keys: Option<&'a FirstKeys>,
}

impl StartupMessage<'_> {
    /// Prints the message to standard output, in one write.
    pub(crate) fn print(&self) {
        print!("{}", self.text());
    }

    fn text(&self) -> String {
        let Self { address, page, page_needs_cors, backend, new_key_command, workers, threads, first_keys } = self;
        let mut text = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _ = text.write_fmt(words);
            text.push('\n');
        };
        line(format_args!("Cutline {} listens on http://{address}", env!("CARGO_PKG_VERSION")));
        match workers {
            0 => line(format_args!("{backend}; no workers: jobs wait in the queue")),
            n => line(format_args!("{backend}; workers: {n}, threads: {threads}")),
        }
        match first_keys {
            Some(FirstKeys { desk, .. }) => {
                line(format_args!("\nOpen this link in a browser:\n\n    {}", link(page, desk)));
                line(format_args!("\nIts key may upload and review, and nothing else."));
            }
            None => line(format_args!("\nOpen {page} in a browser, with an API key.")),
        }
        if *page_needs_cors {
            let origin = page.origin().ascii_serialization();
            line(format_args!("For its pictures, {origin} must be in the deployment's parameter CorsOrigins."));
        }
        let header = match first_keys {
            Some(FirstKeys { full: secret, .. }) => {
                line(format_args!("\nYour API key, shown only once:\n\n    {}\n", secret.reveal()));
                line(format_args!("If you lose it, create another with `{new_key_command}`. Try it:\n"));
                format!("'X-API-Key: {}'", secret.reveal())
            }
            None => {
                line(format_args!("\nTry it with an API key in $KEY (create one with `{new_key_command}`):\n"));
                "\"X-API-Key: $KEY\"".to_owned()
            }
        };
        let photo = if Path::new(EXAMPLE).exists() { EXAMPLE } else { "photo.jpg" };
        let base = format!("http://{}/api/v1", local_address(*address));
        line(format_args!("    curl -H {header} -F file=@{} -F mode=background {base}/upload", quoted(photo)));
        line(format_args!("    curl -H {header} '{base}/status?job_id=JOB_ID'\n"));
        text
    }
}

/// The page with the key in the fragment, which a browser sends to no server.
fn link(page: &Url, secret: &Secret) -> Url {
    let mut link = page.clone();
    link.set_fragment(Some(&format!("key={}", secret.reveal())));
    link
}

/// An address that reaches the server from this machine.
fn local_address(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("127.0.0.1:{}", address.port()) } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted() {
        let keys = FirstKeys { full: Secret::from_caller("ck_secret"), desk: Secret::from_caller("ck_pages") };
        let page = "http://127.0.0.1:8787".parse().expect("a URL");
        let message = StartupMessage {
            address: "0.0.0.0:8787".parse().expect("an address"),
            page: &page,
            page_needs_cors: false,
            backend: "Data in /srv/cut line",
            new_key_command: "cutline keys create --data '/srv/cut line'",
            workers: 1,
            threads: NonZeroUsize::MIN,
            first_keys: Some(&keys),
        };
        let first = message.text();
        assert!(
            first.starts_with(concat!("Cutline ", env!("CARGO_PKG_VERSION"), " listens on http://0.0.0.0:8787\n")),
            "{first}"
        );
        let upload = "-F mode=background http://127.0.0.1:8787/api/v1/upload";
        assert!(first.contains("    curl -H 'X-API-Key: ck_secret' -F file=@") && first.contains(upload), "{first}");
        assert!(first.contains("    http://127.0.0.1:8787/#key=ck_pages\n"), "{first}");
        assert_eq!((first.matches("ck_pages").count(), first.matches("#key=").count()), (1, 1), "{first}");
        assert!(first.contains("`cutline keys create --data '/srv/cut line'`"), "{first}");

        assert!(!first.contains("CorsOrigins"), "{first}");

        let later = StartupMessage { first_keys: None, workers: 0, page_needs_cors: true, ..message }.text();
        assert!(later.contains("\"X-API-Key: $KEY\"") && later.contains("no workers"), "{later}");
        assert!(later.contains("Open http://127.0.0.1:8787/ in a browser"), "{later}");
        assert!(later.contains("For its pictures, http://127.0.0.1:8787 must be in"), "{later}");
    }
}
