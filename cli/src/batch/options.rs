//! The arguments of `batch`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::NonEmptyStringValueParser;
use cutline_core::domain::id_pattern::IdPattern;
use cutline_core::domain::output_name::OutputName;
use cutline_core::domain::params::SetName;
use cutline_core::{Mode, OutputFormat};
use cutline_http::ApiClient;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::calls::MAX_RATE;
use super::context::{JobOptions, Pictures};
use super::dry_run::Assumptions;
use super::source::Source;
use crate::choices::{format_parser, mode_parser};
use crate::folders::FilterArgs;

/// The name of the state file in the output folder.
const STATE_FILE: &str = "cutline-batch.jsonl";

/// Arguments of `batch`.
#[derive(Debug, clap::Args)]
#[command(about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
pub(crate) struct BatchArgs {
    /// A folder of pictures with all of its subfolders, a manifest (`.csv`), or `s3://bucket/prefix`.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    #[command(flatten)]
    pictures: PicturesArgs,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    api: ApiArgs,

    /// File that notes how far the run is. [default: cutline-batch.jsonl in the output folder]
    #[arg(long, value_name = "FILE", required_unless_present_any = ["output", "dry_run"])]
    state: Option<PathBuf>,

    /// Send the failures in this file again, as new jobs: the file that the run wrote, or some of its lines.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    retry: Option<PathBuf>,

    #[command(flatten)]
    dry_run: DryRunArgs,
}

/// Which pictures are made.
#[derive(Debug, clap::Args)]
struct PicturesArgs {
    /// Make the pictures of this parameter set: one of your own that the API stores, or a built-in one.
    #[arg(long, value_name = "NAME", required_unless_present = "mode", conflicts_with = "mode")]
    set: Option<SetName>,

    /// Make the picture of this mode.
    #[arg(long, value_parser = mode_parser())]
    mode: Option<Mode>,

    /// Format of the results. [default: the parameter set's, otherwise png]
    #[arg(long, value_parser = format_parser())]
    format: Option<OutputFormat>,
}

/// Where the results go.
#[derive(Debug, clap::Args)]
struct OutputArgs {
    /// Folder for the results; created if missing. It gets the source's subfolders. A set's pictures go into a folder for
    /// each source picture.
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["no_download", "dry_run"])]
    output: Option<PathBuf>,

    /// Leave the results where they are, for example for a program that gets webhooks.
    #[arg(long, conflicts_with = "output")]
    no_download: bool,

    /// Read `external_id` and `metadata.shot` from the pictures' names, without extension: a regular expression that matches
    /// a whole name, with the groups `(?<sku>…)`, `(?<shot>…)`, or both. A manifest's columns win over it.
    /// [default: the parameter set's]
    #[arg(long, value_name = "REGEX")]
    id_pattern: Option<IdPattern>,

    /// Names of the results, with {external_id}, {job_id}, {variation}, {source_name}, {revision} and {metadata.NAME}. A
    /// manifest's column `output_name` wins over it.
    #[arg(long, value_name = "TEMPLATE")]
    output_name: Option<OutputName>,
}

/// The API, and how it is used.
#[derive(Debug, clap::Args)]
struct ApiArgs {
    /// Address of the API, without /api/v1.
    #[arg(long, env = "CUTLINE_URL", hide_env_values = true, required_unless_present = "dry_run")]
    url: Option<Url>,

    /// API key of scope full. Other users of this machine may see a flag; they do not see the variable.
    #[arg(long, env = "CUTLINE_API_KEY", hide_env_values = true, required_unless_present = "dry_run",
          value_parser = NonEmptyStringValueParser::new())]
    key: Option<String>,

    /// The most requests a second. A picture takes two, or three if it is a file; one less with --no-download. Files
    /// themselves do not count.
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = rate)]
    rate: f64,

    /// The most jobs that are open at the same time.
    #[arg(long, value_name = "N", default_value = "200")]
    open: NonZeroUsize,
}

/// The estimate.
#[derive(Debug, clap::Args)]
struct DryRunArgs {
    /// Send nothing: report how many pictures there are, and what they would take on AWS with --rate and --open. A run
    /// above 10 days is refused.
    #[arg(long)]
    dry_run: bool,

    /// For --dry-run: the deployment's BulkConcurrency.
    #[arg(long, value_name = "N", default_value = "2", requires = "dry_run")]
    concurrency: NonZeroU32,

    /// For --dry-run: the size of a picture, in megapixels.
    #[arg(long, value_name = "X", default_value_t = 12.0, requires = "dry_run", value_parser = megapixels)]
    megapixels: f64,
}

const ABOUT: &str = "Send many pictures to a server or a deployment, and collect their results";

const LONG_ABOUT: &str = "\
Send many pictures to a server or a deployment as bulk jobs, which delay no others, and collect their results.

A manifest is a CSV file with a header. Each line names a picture in one of the columns `file` (a path relative to the \
manifest's folder, or absolute), `url` and `s3` (s3://bucket/key). The columns `external_id`, `output_name` and `metadata.NAME` are optional. Every \
invalid line is reported before anything is sent. Objects in S3 are fetched by the API, by links that are signed with your \
own credentials.

The state file notes every step: stop a run with Ctrl-C, or lose it, and run the same command again to resume. No picture \
gets a second job. Failures are listed in a CSV file next to the state file.

The exit code is 0 if every picture has its results, 1 if not, and 130 after Ctrl-C.";

const AFTER_HELP: &str = "\
Examples:
  cutline batch photos/ --set amazon-main -o out           a folder, by the API in CUTLINE_URL
  cutline batch list.csv --set amazon-main -o out          the pictures of a manifest
  cutline batch list.csv --set amazon-main -o out --retry out/cutline-batch.failures.csv
                                                           its failures, once more
  cutline batch s3://photos/2026/ --mode clipping --no-download --state 2026.jsonl
                                                           objects, and no downloads
  cutline batch photos/ --set wall --dry-run --concurrency 20
                                                           count, time and cost on AWS";

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.01..=MAX_RATE).contains(rate));
    rate.ok_or_else(|| format!("must be a number from 0.01 to {MAX_RATE}"))
}

fn megapixels(text: &str) -> Result<f64, String> {
    let megapixels = text.parse().ok().filter(|megapixels| (0.01..=50.0).contains(megapixels));
    megapixels.ok_or_else(|| "must be a number from 0.01 to 50".to_owned())
}

impl BatchArgs {
    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    pub(super) fn filter(&self) -> &FilterArgs {
        &self.filter
    }

    pub(super) fn output(&self) -> Option<&Path> {
        self.output.output.as_deref()
    }

    pub(super) fn retry(&self) -> Option<&Path> {
        self.retry.as_deref()
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run.dry_run
    }

    pub(super) fn assumptions(&self) -> Assumptions {
        let DryRunArgs { dry_run: _, concurrency, megapixels } = self.dry_run;
        Assumptions {
            concurrency,
            megapixels,
            rate: self.api.rate,
            open: NonZeroU32::try_from(self.api.open).unwrap_or(NonZeroU32::MAX),
            is_saving: !self.output.no_download,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.api.rate
    }

    pub(super) fn max_open(&self) -> usize {
        self.api.open.get()
    }

    pub(super) fn job(&self) -> JobOptions {
        let PicturesArgs { set, mode, format } = &self.pictures;
        // Clap demands one of the two.
        let pictures = match set {
            Some(name) => Pictures::Set(name.clone()),
            None => Pictures::Mode(mode.unwrap_or_default()),
        };
        let OutputArgs { output_name, id_pattern, .. } = &self.output;
        JobOptions { pictures, format: *format, output_name: output_name.clone(), id_pattern: id_pattern.clone() }
    }

    pub(super) fn client(&self) -> anyhow::Result<ApiClient> {
        let url = self.api.url.as_ref().context("no address of the API; give --url or CUTLINE_URL")?;
        let key = self.api.key.as_ref().context("no API key; give --key or CUTLINE_API_KEY")?;
        Ok(ApiClient::new(url, key)?)
    }

    pub(super) fn state_file(&self) -> anyhow::Result<PathBuf> {
        let in_output = || self.output().map(|output| output.join(STATE_FILE));
        self.state.clone().or_else(in_output).context("no state file; give --state")
    }

    /// The options that decide what is sent and where it goes. A state file belongs to one value of each.
    pub(super) fn identity(&self, source: &Source) -> anyhow::Result<BTreeMap<String, String>> {
        let PicturesArgs { set, mode, format } = &self.pictures;
        let OutputArgs { output, no_download: _, output_name, id_pattern } = &self.output;
        let [include, exclude] = self.filter.shown();
        let name = match source {
            Source::Prefix { prefix, .. } => prefix.to_string(),
            Source::Folder { folder: path, .. } | Source::Manifest(path) => absolute(path)?,
        };
        let manifest = match source {
            Source::Manifest(path) => Some(digest(path)?),
            Source::Folder { .. } | Source::Prefix { .. } => None,
        };
        let options = [
            ("SOURCE", Some(name)),
            ("SHA-256 of the manifest", manifest),
            ("--url", self.api.url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned())),
            ("--set", set.as_ref().map(ToString::to_string)),
            ("--mode", mode.map(|mode| mode.as_str().to_owned())),
            ("--format", format.map(|format| format.extension().to_owned())),
            ("--output", output.as_ref().map(|output| absolute(output)).transpose()?),
            ("--output-name", output_name.as_ref().map(ToString::to_string)),
            ("--id-pattern", id_pattern.as_ref().map(ToString::to_string)),
            ("--include", Some(include).filter(|patterns| !patterns.is_empty())),
            ("--exclude", Some(exclude).filter(|patterns| !patterns.is_empty())),
        ];
        Ok(options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

fn absolute(path: &Path) -> anyhow::Result<String> {
    let path = fs::canonicalize(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(super::entry::printable(super::entry::bytes_of(&path)))
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let cannot_read = || format!("cannot read {}", path.display());
    let mut hash = Sha256::new();
    let mut reader = BufReader::new(File::open(path).with_context(cannot_read)?);
    loop {
        let piece = reader.fill_buf().with_context(cannot_read)?;
        if piece.is_empty() {
            break;
        }
        hash.update(piece);
        let read = piece.len();
        reader.consume(read);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
