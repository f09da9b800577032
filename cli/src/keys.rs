//! `cutline keys`: creating, listing and revoking API keys.
//!
//! A secret is shown once, when its key is created; only its hash is stored. The commands open the database directly,
//! also while a server has it open.

mod aws;
mod new_key;

use std::io::{self, BufRead};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use cutline_core::domain::audit::{Actor, AuditEvent};
use cutline_core::domain::keys::{KeyHash, KeyRecord, KeyScope, OwnerChange, Secret};
use cutline_core::ports::Keys as _;
use cutline_core::{Clock as _, OwnerId, SystemClock};
use cutline_local::{DataDir, Database, LocalAudit, LocalKeys};

use crate::audit::note;
use crate::data::DataArgs;
use crate::owners::{CreditArg, parse_credits};
use crate::stores::{Directory, PlaceArgs};

pub(crate) use new_key::new_key;

/// Create, list and revoke API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key and print its secret, which is shown only once.
    Create(CreateArgs),
    /// List the keys: id, owner, scope, creation, revocation, label.
    List(ListArgs),
    /// Revoke a key. This takes effect at once and cannot be undone.
    Revoke(RevokeArgs),
}

/// Arguments of `keys create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cutline keys create                                 a key of the owner `default`
  cutline keys create --owner shop-1 --credits 500    also sets the owner's credits to 500 jobs
  cutline keys create --for-aws TABLE                 a key for a deployment on AWS

With --for-aws nothing is stored on this machine. The command prints the secret and commands for
the AWS CLI, which store the secret's hash in the deployment's table.")]
pub(crate) struct CreateArgs {
    /// Owner of the key. Jobs and credits belong to the owner, who can have several keys.
    #[arg(long, default_value = "default")]
    owner: OwnerId,

    /// Label of the key in lists.
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,

    /// What the key may do: `full` for everything, `read` for status, jobs, links and parameter sets, `review` for reading
    /// and for deciding about jobs that are held for review, `desk` for the web pages: what `review` may, and uploads.
    #[arg(long, default_value = "full", value_parser = parse_scope)]
    scope: KeyScope,

    /// Set the owner's remaining credits, one for each job, shared by all keys of the owner. Without this option
    /// credits stay as they are; they are unlimited until first set.
    #[arg(long, value_name = "N|unlimited", value_parser = parse_credits)]
    credits: Option<CreditArg>,

    /// Print commands that store the key in this DynamoDB table, and store nothing on this machine.
    #[arg(long, value_name = "TABLE", value_parser = aws::parse_table_name)]
    for_aws: Option<String>,

    #[command(flatten)]
    data: DataArgs,
}

/// The id that stands for the secret on standard input.
const FROM_STDIN: &str = "-";

/// The shortest prefix of an id that names a key.
const MIN_ID_LENGTH: usize = 6;

fn parse_scope(text: &str) -> Result<KeyScope, String> {
    text.parse().map_err(|_| format!("must be one of {}", KeyScope::ALL.map(KeyScope::as_str).join(", ")))
}

/// Arguments of `keys list`.
#[derive(Debug, Args)]
#[command(after_help = "\
A deployment's table has no index of keys, so --aws reads all of it. For a million jobs this costs about
ten cents and takes some minutes.")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Arguments of `keys revoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cutline keys revoke 0a1b2c3d4e5f                   by the id from `keys list`
  cutline keys revoke - < secret.txt                 by the secret on standard input
  cutline keys revoke 0a1b2c3d4e5f --aws TABLE       of a deployment

A deployment's table finds a key by its whole hash only, all 64 digits of the SHA-256 of the secret. By a
shorter id, --aws reads all of the table, as `keys list` does.")]
pub(crate) struct RevokeArgs {
    /// The key's id, as `keys list` shows it, or its whole hash. `-` reads the secret from standard input.
    id: String,

    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the command.
pub(crate) fn run(command: KeysCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            KeysCommand::Create(args) => create(args).await,
            KeysCommand::List(args) => list(&args).await,
            KeysCommand::Revoke(args) => revoke(&args).await,
        }
    })
}

/// The keys and the audit log of a data folder, which is created if it is missing.
fn open(data: &DataArgs) -> anyhow::Result<(LocalKeys, Arc<LocalAudit>)> {
    let folder = DataDir::open(&data.folder()?)?;
    let database = Database::open(&folder.database())?;
    Ok((LocalKeys::new(database.clone()), Arc::new(LocalAudit::new(database))))
}

async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let (secret, record) = new_key(args.owner, args.label, args.scope)?;
    let credits = args.credits.map(|CreditArg(change)| change);
    if let Some(table) = args.for_aws {
        print!("{}", aws::instructions(&table, &secret, &record, credits)?);
        return Ok(());
    }
    let (keys, audit) = open(&args.data)?;
    let note = async |event| note(audit.clone(), &record.owner, Actor::CommandLine, event).await;
    if credits.is_some() {
        let change = OwnerChange { credits, ..OwnerChange::default() };
        keys.change_owner(&record.owner, change).await?;
        note(AuditEvent::owner_changed(&change)).await?;
    }
    keys.insert(&record).await?;
    println!("{}", secret.reveal());
    note(AuditEvent::key_created(&record)).await?;
    eprintln!(
        "Created key {} of owner {} in {}. Its secret will not be shown again.",
        record.hash.id(),
        record.owner,
        args.data.folder()?.display()
    );
    Ok(())
}

async fn list(args: &ListArgs) -> anyhow::Result<()> {
    let Directory { keys: list, .. } = args.place.place()?.directory().await.context("cannot list the keys")?;
    if list.is_empty() {
        eprintln!("No keys; create one with `cutline keys create`.");
        return Ok(());
    }
    let owner_width = list.iter().map(|key| key.owner.as_str().len()).max().unwrap_or(0).max("owner".len());
    println!("{:<12}  {:<owner_width$}  {:<6}  {:<20}  {:<20}  label", "id", "owner", "scope", "created", "revoked");
    for key in list {
        let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let revoked = key.revoked_at.map_or("-".to_owned(), time);
        let (id, created) = (key.hash.id(), time(key.created_at));
        // Labels are untrusted text: escape control characters, which could rewrite the terminal.
        let label = key.label.escape_debug();
        let (owner, scope) = (key.owner.as_str(), key.scope.as_str());
        println!("{id:<12}  {owner:<owner_width$}  {scope:<6}  {created:<20}  {revoked:<20}  {label}");
    }
    Ok(())
}

/// Revokes the key with this id, or with the secret on standard input.
async fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    let place = args.place.place()?;
    let hash = match args.id.as_str() {
        FROM_STDIN => read_secret(io::stdin().lock())?.hash(),
        id => match id.parse::<KeyHash>() {
            Ok(hash) => hash,
            // A bad id is no reason to read a whole table.
            Err(_) => {
                check_id(id)?;
                find_by_id(place.directory().await.context("cannot list the keys")?.keys, id)?.hash
            }
        },
    };
    let records = place.records().await?;
    let keys = &records.keys;
    let key = keys.find(&hash).await?;
    let key = key.with_context(|| format!("no key has the hash {hash}; check the secret, or the table or folder"))?;
    if keys.revoke(&hash, SystemClock.now()).await? {
        note(records.audit, &key.owner, Actor::CommandLine, AuditEvent::key_revoked(&hash)).await?;
        eprintln!("Revoked key {} of owner {}.", hash.id(), key.owner);
    } else {
        eprintln!("Key {} of owner {} was already revoked.", hash.id(), key.owner);
    }
    Ok(())
}

/// An id that can name one key.
fn check_id(id: &str) -> anyhow::Result<()> {
    ensure!(
        id.len() >= MIN_ID_LENGTH,
        "key id too short: `{id}`; give at least {MIN_ID_LENGTH} characters of an id from `cutline keys list`"
    );
    let is_hash = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ensure!(
        is_hash,
        "no key has the id `{id}`: an id has the digits 0-9 and a-f; list the ids with `cutline keys list`"
    );
    Ok(())
}

/// The only key whose hash begins with `id`.
fn find_by_id(keys: Vec<KeyRecord>, id: &str) -> anyhow::Result<KeyRecord> {
    let mut matching: Vec<_> = keys.into_iter().filter(|key| key.hash.to_string().starts_with(id)).collect();
    match (matching.pop(), matching.len()) {
        (Some(key), 0) => Ok(key),
        (None, _) => bail!("no key has the id `{id}`; list the ids with `cutline keys list`"),
        (Some(_), others) => bail!("ambiguous key id: {} keys begin with `{id}`; give more characters", others + 1),
    }
}

/// The secret on the first line of the input.
fn read_secret(mut input: impl BufRead) -> anyhow::Result<Secret> {
    let mut line = String::new();
    input.read_line(&mut line).context("cannot read the secret from standard input")?;
    ensure!(!line.trim().is_empty(), "no secret on standard input; write it there, or give the key's id");
    Ok(Secret::from_caller(line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_key_by_the_beginning_of_its_hash() {
        let (_, key) = new_key("shop-1".parse().expect("an owner"), String::new(), KeyScope::Full).expect("a key");
        let id = key.hash.id();
        let find = |keys: &[KeyRecord], id: &str| find_by_id(keys.to_vec(), id).map_err(|error| error.to_string());
        assert_eq!(find(std::slice::from_ref(&key), &id), Ok(key.clone()));
        assert_eq!(find(std::slice::from_ref(&key), &key.hash.to_string()), Ok(key.clone()));
        let check = |id: &str| check_id(id).map_err(|error| error.to_string());
        assert!(check(&id[..5]).expect_err("short").contains("too short"));
        assert!(check("0a1b2c; rm").expect_err("not hexadecimal").contains("digits 0-9 and a-f"));
        assert_eq!(check(&id), Ok(()));
        assert!(find(&[], &id).expect_err("missing").contains("no key has the id"));
        assert!(find(&[key.clone(), key], &id).expect_err("two").contains("2 keys"));
    }

    #[test]
    fn reads_a_secret_from_a_line() {
        let (secret, _) = new_key("shop-1".parse().expect("an owner"), String::new(), KeyScope::Full).expect("a key");
        let line = format!("{}\r\nmore", secret.reveal());
        assert_eq!(read_secret(line.as_bytes()).expect("a secret"), secret);
        assert!(read_secret(&b"\n"[..]).is_err());
    }
}
