//! What somebody who starts the server for the first time needs to see.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_core::OwnerId;
use cutline_core::domain::keys::Secret;
use cutline_core::ports::Keys as _;

use super::stores::Stores;
use crate::keys::{new_key, quoted};

/// A photo to try, where the program is run from its own checkout.
const EXAMPLE: &str = "examples/coffee.jpg";

/// Makes a key if there never was one. The secret is not kept anywhere.
pub(crate) async fn first_key(stores: &Stores) -> anyhow::Result<Option<Secret>> {
    if !stores.keys.list().await?.is_empty() {
        return Ok(None);
    }
    let owner: OwnerId = "default".parse()?;
    let (secret, record) = new_key(owner, "made at the first start".to_owned())?;
    stores.keys.insert(&record).await?;
    Ok(Some(secret))
}

/// What is said about the server.
pub(crate) struct Welcome<'a> {
    pub(crate) address: SocketAddr,
    /// Where things are kept, in words.
    pub(crate) place: &'a str,
    /// The command that makes another key.
    pub(crate) new_key: &'a str,
    pub(crate) workers: usize,
    pub(crate) threads: NonZeroUsize,
    pub(crate) first_key: Option<&'a Secret>,
}

/// Prints it to standard output, in one go.
pub(crate) fn print(welcome: &Welcome<'_>) {
    print!("{}", text(welcome));
}

fn text(welcome: &Welcome<'_>) -> String {
    let Welcome { address, place, new_key, workers, threads, first_key } = welcome;
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = text.write_fmt(words);
        text.push('\n');
    };
    line(format_args!("Cutline {} listens on http://{address}", env!("CARGO_PKG_VERSION")));
    match workers {
        0 => line(format_args!("{place}; the workers are paused")),
        n => line(format_args!("{place}; workers: {n}, threads: {threads}")),
    }
    let key = match first_key {
        Some(secret) => {
            line(format_args!("\nYour API key, shown this once:\n\n    {}\n", secret.reveal()));
            line(format_args!("If it is lost, `{new_key}` makes another. Try it:\n"));
            format!("'X-API-Key: {}'", secret.reveal())
        }
        None => {
            line(format_args!("\nWith an API key in $KEY (`{new_key}` makes one), try it:\n"));
            "\"X-API-Key: $KEY\"".to_owned()
        }
    };
    let photo = if Path::new(EXAMPLE).exists() { EXAMPLE } else { "photo.jpg" };
    let address =
        if address.ip().is_unspecified() { format!("127.0.0.1:{}", address.port()) } else { address.to_string() };
    let base = format!("http://{address}/api/v1");
    line(format_args!("    curl -H {key} -F file=@{} -F mode=background {base}/upload", quoted(photo)));
    line(format_args!("    curl -H {key} '{base}/status?job_id=JOB_ID'\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_in_lines_that_can_be_pasted() {
        let secret = Secret::from_caller("ck_secret");
        let address = "0.0.0.0:8787".parse().expect("an address");
        let welcome = Welcome {
            address,
            place: "Data in /srv/cut line",
            new_key: "cutline keys create --data '/srv/cut line'",
            workers: 1,
            threads: NonZeroUsize::MIN,
            first_key: Some(&secret),
        };
        let first = text(&welcome);
        assert!(first.starts_with("Cutline 0.1.0 listens on http://0.0.0.0:8787\n"), "{first}");
        let upload = "-F mode=background http://127.0.0.1:8787/api/v1/upload";
        assert!(first.contains("    curl -H 'X-API-Key: ck_secret' -F file=@") && first.contains(upload), "{first}");
        assert!(first.contains("`cutline keys create --data '/srv/cut line'`"), "{first}");

        let later = text(&Welcome { first_key: None, workers: 0, ..welcome });
        assert!(later.contains("\"X-API-Key: $KEY\"") && later.contains("paused"), "{later}");
    }
}
