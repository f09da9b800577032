//! `cutline keys`: creating, listing and revoking API keys.
//!
//! A secret is shown once, when its key is created; only its hash is stored. The commands open the database directly,
//! also while a server has it open.

mod aws;
mod new_key;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use cutline_core::domain::keys::Owner;
use cutline_core::ports::Keys as _;
use cutline_core::{Clock as _, OwnerId, SystemClock};
use cutline_local::{DataDir, Database, LocalKeys};

use crate::data::DataArgs;

pub(crate) use new_key::new_key;

/// Create, list and revoke API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key and print its secret, which is shown only once.
    Create(CreateArgs),
    /// List the keys: id, owner, creation, revocation, label.
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

    /// Set the owner's remaining credits, one for each job, shared by all keys of the owner. Without this option
    /// credits stay as they are; they are unlimited until first set.
    #[arg(long, value_name = "N|unlimited", value_parser = parse_credits)]
    credits: Option<Credits>,

    /// Print commands that store the key in this DynamoDB table, and store nothing on this machine.
    #[arg(long, value_name = "TABLE", value_parser = aws::parse_table_name)]
    for_aws: Option<String>,

    #[command(flatten)]
    data: DataArgs,
}

/// The shortest prefix of an id that names a key.
const MIN_ID_LENGTH: usize = 6;

/// More than an owner will spend, and small enough for the number types of every store and client.
const MAX_CREDITS: u64 = 1_000_000_000_000;

/// The value of `--credits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credits {
    Limited(u64),
    Unlimited,
}

impl Credits {
    /// The value as an owner's record stores it.
    fn limit(self) -> Option<u64> {
        match self {
            Self::Limited(jobs) => Some(jobs),
            Self::Unlimited => None,
        }
    }
}

fn parse_credits(text: &str) -> Result<Credits, String> {
    match (text, text.parse()) {
        ("unlimited", _) => Ok(Credits::Unlimited),
        (_, Ok(jobs @ ..=MAX_CREDITS)) => Ok(Credits::Limited(jobs)),
        _ => Err(format!("must be a whole number up to {MAX_CREDITS}, or `unlimited`")),
    }
}

/// Arguments of `keys list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
}

/// Arguments of `keys revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, as `keys list` shows it.
    id: String,

    #[command(flatten)]
    data: DataArgs,
}

/// Runs the command.
pub(crate) fn run(command: KeysCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            KeysCommand::Create(args) => create(args).await,
            KeysCommand::List(args) => list(&open_existing(&args.data)?).await,
            KeysCommand::Revoke(args) => revoke(&open_existing(&args.data)?, &args.id).await,
        }
    })
}

fn open(data: &DataArgs) -> anyhow::Result<LocalKeys> {
    let folder = DataDir::open(&data.folder()?)?;
    Ok(LocalKeys::new(Database::open(&folder.database())?))
}

/// The keys of an existing data folder. A mistyped folder is an error and is not created.
fn open_existing(data: &DataArgs) -> anyhow::Result<LocalKeys> {
    let path = data.folder()?;
    let missing =
        || format!("no database in {}; name the server's folder with --data or CUTLINE_DATA_DIR", path.display());
    let folder = DataDir::existing(&path).with_context(missing)?;
    Ok(LocalKeys::new(Database::open(&folder.database())?))
}

async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let (secret, record) = new_key(args.owner, args.label)?;
    let settings =
        args.credits.map(|credits| Owner { credits: credits.limit(), ..Owner::unlimited(record.owner.clone()) });
    if let Some(table) = args.for_aws {
        print!("{}", aws::instructions(&table, &secret, &record, settings.as_ref())?);
        return Ok(());
    }
    let keys = open(&args.data)?;
    if let Some(settings) = &settings {
        let stored = keys.owner(&record.owner).await?;
        keys.put_owner(&Owner { credits: settings.credits, ..stored }).await?;
    }
    keys.insert(&record).await?;
    println!("{}", secret.reveal());
    eprintln!(
        "Created key {} of owner {} in {}. Its secret will not be shown again.",
        record.hash.id(),
        record.owner,
        args.data.folder()?.display()
    );
    Ok(())
}

async fn list(keys: &LocalKeys) -> anyhow::Result<()> {
    let list = keys.list().await?;
    if list.is_empty() {
        eprintln!("No keys; create one with `cutline keys create`.");
        return Ok(());
    }
    let owner_width = list.iter().map(|key| key.owner.as_str().len()).max().unwrap_or(0).max("owner".len());
    println!("{:<12}  {:<owner_width$}  {:<20}  {:<20}  label", "id", "owner", "created", "revoked");
    for key in list {
        let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let revoked = key.revoked_at.map_or("-".to_owned(), time);
        let (id, created) = (key.hash.id(), time(key.created_at));
        // Labels are untrusted text: escape control characters, which could rewrite the terminal.
        let label = key.label.escape_debug();
        println!("{id:<12}  {:<owner_width$}  {created:<20}  {revoked:<20}  {label}", key.owner.as_str());
    }
    Ok(())
}

async fn revoke(keys: &LocalKeys, id: &str) -> anyhow::Result<()> {
    ensure!(
        id.len() >= MIN_ID_LENGTH,
        "key id too short: `{id}`; give at least {MIN_ID_LENGTH} characters of an id from `cutline keys list`"
    );
    let matching: Vec<_> = keys.list().await?.into_iter().filter(|key| key.hash.to_string().starts_with(id)).collect();
    let [key] = &matching[..] else {
        match matching.len() {
            0 => bail!("no key has the id `{id}`; list the ids with `cutline keys list`"),
            n => bail!("ambiguous key id: {n} keys begin with `{id}`; give more of its characters"),
        }
    };
    if keys.revoke(&key.hash, SystemClock.now()).await? {
        eprintln!("Revoked key {} of owner {}.", key.hash.id(), key.owner);
    } else {
        eprintln!("Key {} of owner {} was already revoked.", key.hash.id(), key.owner);
    }
    Ok(())
}
