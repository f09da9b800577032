//! `cutline keys`: who may call the API.
//!
//! A secret is shown once, when it is made; only its hash is stored. The commands work on the database
//! itself, also while a server has it open.

mod aws;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use cutline_core::domain::keys::{KeyRecord, Owner, Secret};
use cutline_core::ports::Keys as _;
use cutline_core::{Clock as _, OwnerId, SystemClock};
use cutline_local::{DataDir, Database, LocalKeys};

use crate::data::DataArgs;

pub(crate) use aws::quoted;

/// Make, list and revoke API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and print its secret, which is shown this once.
    Create(CreateArgs),
    /// List the keys: id, owner, when made, whether revoked, label.
    List(ListArgs),
    /// Revoke a key, at once and for good.
    Revoke(RevokeArgs),
}

/// Arguments of `keys create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cutline keys create                                 a key of the owner `default`
  cutline keys create --owner shop-1 --credits 500    and 500 jobs for that owner, whatever the key
  cutline keys create --for-aws TABLE                 a key for a deployment on AWS

With --for-aws nothing is stored here: it prints the secret, and a command for the AWS CLI that
stores only the secret's hash in the deployment's table.")]
pub(crate) struct CreateArgs {
    /// Whose key it is. Jobs and credits belong to the owner, who can hold several keys.
    #[arg(long, default_value = "default")]
    owner: OwnerId,

    /// What to call the key in lists.
    #[arg(long, default_value = "", hide_default_value = true)]
    label: String,

    /// Set how many jobs the owner may still have made, with all keys together, or `unlimited`. Without it
    /// nothing is changed, and an owner whose credits were never set has no limit.
    #[arg(long, value_name = "N|unlimited", value_parser = credits)]
    credits: Option<Credits>,

    /// Print the command that stores the key in this DynamoDB table, in place of storing it here.
    #[arg(long, value_name = "TABLE", value_parser = aws::table_name)]
    for_aws: Option<String>,

    #[command(flatten)]
    data: DataArgs,
}

/// More than anybody will spend, and less than any store or language fails to count.
const MAX_CREDITS: u64 = 1_000_000_000_000;

/// What `--credits` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Credits(Option<u64>);

fn credits(text: &str) -> Result<Credits, String> {
    match (text, text.parse()) {
        ("unlimited", _) => Ok(Credits(None)),
        (_, Ok(credits @ ..=MAX_CREDITS)) => Ok(Credits(Some(credits))),
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

/// Runs a command.
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

/// The keys of a folder in which there are some. A mistyped folder is not made.
fn open_existing(data: &DataArgs) -> anyhow::Result<LocalKeys> {
    let path = data.folder()?;
    let missing = || {
        format!("there is no database in {}; name the server's folder with --data or CUTLINE_DATA_DIR", path.display())
    };
    let folder = DataDir::existing(&path).with_context(missing)?;
    Ok(LocalKeys::new(Database::open(&folder.database())?))
}

/// A new key, which is not stored anywhere yet.
pub(crate) fn new_key(owner: OwnerId, label: String) -> anyhow::Result<(Secret, KeyRecord)> {
    let secret = Secret::generate().context("the system has no random numbers to give")?;
    let record = KeyRecord { hash: secret.hash(), owner, label, created_at: SystemClock.now(), revoked_at: None };
    Ok((secret, record))
}

async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let (secret, record) = new_key(args.owner, args.label)?;
    let settings = args.credits.map(|Credits(credits)| Owner { id: record.owner.clone(), credits });
    if let Some(table) = args.for_aws {
        print!("{}", aws::instructions(&table, &secret, &record, settings.as_ref())?);
        return Ok(());
    }
    let keys = open(&args.data)?;
    if let Some(settings) = &settings {
        keys.put_owner(settings).await?;
    }
    keys.insert(&record).await?;
    println!("{}", secret.reveal());
    eprintln!(
        "This is key {} of owner {}, stored in {}. Its secret is not shown again.",
        record.hash.id(),
        record.owner,
        args.data.folder()?.display()
    );
    Ok(())
}

async fn list(keys: &LocalKeys) -> anyhow::Result<()> {
    let list = keys.list().await?;
    if list.is_empty() {
        eprintln!("There are no keys. `cutline keys create` makes one.");
        return Ok(());
    }
    let owner_width = list.iter().map(|key| key.owner.as_str().len()).max().unwrap_or(0).max("owner".len());
    println!("{:<12}  {:<owner_width$}  {:<20}  {:<20}  label", "id", "owner", "made", "revoked");
    for key in list {
        let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let revoked = key.revoked_at.map_or("-".to_owned(), time);
        let (id, made) = (key.hash.id(), time(key.created_at));
        // A label is its maker's text: what would move the cursor is shown and not sent.
        let label = key.label.escape_debug();
        println!("{id:<12}  {:<owner_width$}  {made:<20}  {revoked:<20}  {label}", key.owner.as_str());
    }
    Ok(())
}

async fn revoke(keys: &LocalKeys, id: &str) -> anyhow::Result<()> {
    ensure!(id.len() >= 6, "`{id}` is too short to name a key; `cutline keys list` shows the ids");
    let matching: Vec<_> = keys.list().await?.into_iter().filter(|key| key.hash.to_string().starts_with(id)).collect();
    let [key] = &matching[..] else {
        match matching.len() {
            0 => bail!("there is no key `{id}`; `cutline keys list` shows the ids"),
            n => bail!("`{id}` is the beginning of {n} keys; give more of it"),
        }
    };
    if keys.revoke(&key.hash, SystemClock.now()).await? {
        eprintln!("Key {} of owner {} is revoked.", key.hash.id(), key.owner);
    } else {
        eprintln!("Key {} of owner {} was revoked before.", key.hash.id(), key.owner);
    }
    Ok(())
}
