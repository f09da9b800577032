//! `cutline owners`: credits, rate limits, webhooks and the audit log.
//!
//! The commands open the database of a data folder, also while a server has it open, or a deployment's table. A change
//! takes effect with the next request.

mod audit;
mod changes;
mod known;
mod webhooks;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use cutline_core::OwnerId;
use cutline_core::domain::audit::{Actor, AuditEvent};
use cutline_core::domain::keys::{Owner, OwnerChange};
use cutline_core::domain::review::ReviewRule;
use cutline_core::ports::{ChangeOwnerError, PortError, StorageUsage as _};
use cutline_local::{Database, ListedOwner, LocalJobs, LocalKeys};
use serde::Serialize;

use crate::audit::note;
use crate::output::print;
use crate::stores::{Directory, Place, PlaceArgs};

use audit::AuditArgs;
pub(crate) use changes::{CreditArg, RateLimitArg, parse_credits};
use changes::{parse_credit_change, parse_rate_limit, parse_review};
use known::{ensure_known, unknown};
use webhooks::{ShownSecret, WebhookArgs};

/// Show and set the credits, rate limits and webhooks of owners, and read their audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum OwnersCommand {
    /// List the owners: credits, requests per minute, valid keys.
    List(ListArgs),
    /// Print an owner's settings as JSON. Null means unlimited.
    Show(ShowArgs),
    /// Change an owner's settings. Settings that are not named stay as they are.
    Set(SetArgs),
    /// List changes of an owner's settings and keys, and deleted and repeated jobs, newest first.
    Audit(AuditArgs),
}

/// Arguments of `owners list`.
#[derive(Debug, Args)]
#[command(after_help = "\
A deployment's table has no index of owners, so --aws reads all of it. For a million jobs this costs
about ten cents and takes some minutes.")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Arguments of `owners show`.
#[derive(Debug, Args)]
#[command(after_help = "\
In a data folder, the output also has `stored_bytes`, the bytes of the owner's files, and `keys`, the
number of keys that are not revoked.")]
pub(crate) struct ShowArgs {
    /// The owner's name.
    name: OwnerId,

    #[command(flatten)]
    place: PlaceArgs,
}

/// Arguments of `owners set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cutline owners set shop-1 --credits 500              500 jobs from now on
  cutline owners set shop-1 --credits +100             100 more jobs, whatever is spent meanwhile
  cutline owners set shop-1 --requests-per-minute 60   at most 60 uploads and changes a minute
  cutline owners set shop-1 --review below:0.5         hold doubtful pictures until a person approves them
  cutline owners set shop-1 --webhook-url https://shop.example.com/hooks/cutline
  cutline owners set shop-1 --rotate-secret            a new webhook secret; the old one signs for a day
  cutline owners set shop-1 --credits unlimited --aws TABLE")]
pub(crate) struct SetArgs {
    /// The owner's name.
    name: OwnerId,

    /// Credits, one for each job: a new number, or `+N` or `-N` to add or subtract.
    #[arg(long, value_name = "N|+N|-N|unlimited", value_parser = parse_credit_change, allow_negative_numbers = true)]
    credits: Option<CreditArg>,

    /// Requests in a minute that change something: POST, PUT and DELETE.
    #[arg(long, value_name = "N|unlimited", value_parser = parse_rate_limit)]
    requests_per_minute: Option<RateLimitArg>,

    /// Hold jobs until a person approves their pictures: none, all, or those with a confidence below a number from 0 to 1.
    #[arg(long, value_name = "off|always|below:N", value_parser = parse_review)]
    review: Option<ReviewRule>,

    #[command(flatten)]
    webhooks: WebhookArgs,

    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the command.
pub(crate) fn run(command: OwnersCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            OwnersCommand::List(args) => list(&args).await,
            OwnersCommand::Show(args) => show(&args).await,
            OwnersCommand::Set(args) => set(&args).await,
            OwnersCommand::Audit(args) => audit::run(&args).await,
        }
    })
}

async fn list(args: &ListArgs) -> anyhow::Result<()> {
    let Directory { owners, .. } = args.place.place()?.directory().await.context("cannot list the owners")?;
    if owners.is_empty() {
        eprintln!("No owners; create a key of one with `cutline keys create --owner OWNER`.");
        return Ok(());
    }
    print(&table(&owners))
}

/// The owners, one a line under a heading.
fn table(owners: &[ListedOwner]) -> String {
    let width = owners.iter().map(|listed| listed.owner.id.as_str().len()).max().unwrap_or(0).max("owner".len());
    let mut text = format!("{:<width$}  {:<13}  {:<19}  keys\n", "owner", "credits", "requests per minute");
    for ListedOwner { owner, keys } in owners {
        let credits = or_unlimited(owner.credits);
        let requests = or_unlimited(owner.requests_per_minute);
        text.push_str(&format!("{:<width$}  {credits:<13}  {requests:<19}  {keys}\n", owner.id.as_str()));
    }
    text
}

fn or_unlimited(limit: Option<impl ToString>) -> String {
    limit.map_or("unlimited".to_owned(), |limit| limit.to_string())
}

/// The output of `owners show`.
#[derive(Debug, Serialize)]
struct ShownOwner {
    owner: OwnerId,
    credits: Option<u64>,
    requests_per_minute: Option<u32>,
    review: ReviewRule,
    webhook_url: Option<String>,
    /// When the secrets were made that sign webhooks.
    webhook_secrets: Vec<ShownSecret>,
    #[serde(flatten)]
    local: Option<LocalFigures>,
}

/// What only a data folder knows.
#[derive(Debug, Serialize)]
struct LocalFigures {
    stored_bytes: u64,
    keys: u64,
}

async fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let name = &args.name;
    let place = args.place.place()?;
    let secrets = place.webhooks().await?;
    let (settings, local) = match place {
        Place::Local(folder) => {
            let database = Database::open(&folder.database())?;
            let owners = LocalKeys::new(database.clone()).owners().await?;
            let listed = owners.into_iter().find(|listed| listed.owner.id == *name);
            let ListedOwner { owner, keys } = listed.ok_or_else(|| unknown(name))?;
            let stored_bytes = LocalJobs::new(database).stored_bytes(name).await?;
            (owner, Some(LocalFigures { stored_bytes, keys }))
        }
        place @ Place::Aws { .. } => {
            let keys = place.records().await?.keys;
            ensure_known(keys.as_ref(), name).await?;
            (keys.owner(name).await?, None)
        }
    };
    let Owner { id, credits, requests_per_minute, webhook_url, webhook_secret_at: _, review } = settings;
    let webhook_url = webhook_url.map(String::from);
    let webhook_secrets = webhooks::shown(&secrets.webhook_secrets(&id).await.context("cannot read the secrets")?);
    let shown = ShownOwner { owner: id, credits, requests_per_minute, review, webhook_url, webhook_secrets, local };
    print(&format!("{}\n", serde_json::to_string_pretty(&shown)?))
}

async fn set(args: &SetArgs) -> anyhow::Result<()> {
    let change = OwnerChange {
        credits: args.credits.map(|CreditArg(change)| change),
        requests_per_minute: args.requests_per_minute.map(|RateLimitArg(change)| change),
        review: args.review,
    };
    let webhooks = args.webhooks.change()?;
    let is_change = change != OwnerChange::default();
    ensure!(
        is_change || webhooks.is_some(),
        "nothing to set; give --credits, --requests-per-minute, --review, --webhook-url or --rotate-secret"
    );
    let place = args.place.place()?;
    let records = place.records().await?;
    let keys = &records.keys;
    ensure_known(keys.as_ref(), &args.name).await?;
    if let Some(change) = webhooks {
        webhooks::set(place.webhooks().await?, records.audit.clone(), &args.name, &change).await?;
    }
    if !is_change {
        return Ok(());
    }
    match keys.change_owner(&args.name, change).await {
        Ok(()) => note(records.audit, &args.name, Actor::CommandLine, AuditEvent::owner_changed(&change)).await,
        Err(ChangeOwnerError::Credits) => bail!(too_few(&keys.owner(&args.name).await?)),
        Err(error @ ChangeOwnerError::Port(PortError::Retry(_))) => Err(anyhow::Error::new(error).context(format!(
            "the change may have been made or not; look with `cutline owners show {}` before you repeat it",
            args.name
        ))),
        Err(error @ ChangeOwnerError::Port(_)) => Err(anyhow::Error::new(error).context("cannot change the owner")),
    }
}

/// Why credits cannot be added or subtracted.
fn too_few(owner: &Owner) -> String {
    let Owner { id, credits, .. } = owner;
    match credits {
        None => format!("credits not counted: owner {id}; set a number first with --credits N"),
        Some(left) => format!("too few credits: owner {id} has {left} left; subtract at most {left}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use cutline_core::domain::keys::{CreditChange, RateLimitChange};

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<SetArgs, String> {
        let cli = Cli::try_parse_from(["cutline", "owners", "set", "shop-1"].iter().chain(arguments));
        match cli.map_err(|error| error.to_string())?.command {
            Command::Owners(OwnersCommand::Set(args)) => Ok(args),
            other => panic!("not `owners set`: {other:?}"),
        }
    }

    #[test]
    fn credits_are_set_added_or_subtracted() {
        let cases = [
            ("0", CreditChange::Set(0)),
            ("500", CreditChange::Set(500)),
            ("+100", CreditChange::Add(100)),
            ("-7", CreditChange::Subtract(7)),
            ("unlimited", CreditChange::Unlimited),
        ];
        for (text, change) in cases {
            let args = parse(&["--credits", text]).expect(text);
            assert_eq!(args.credits, Some(CreditArg(change)), "{text}");
        }
        for bad in ["+", "many", "1.5", "+-1", "++1", "1000000000001", "+1000000000001"] {
            let error = parse(&[&format!("--credits={bad}")]).expect_err(bad);
            assert!(error.contains("--credits") && error.contains("whole number"), "{error}");
        }
    }

    #[test]
    fn a_rate_limit_lets_something_pass() {
        let args = parse(&["--requests-per-minute", "60"]).expect("valid");
        assert_eq!(args.requests_per_minute, Some(RateLimitArg(RateLimitChange::Set(60))));
        let args = parse(&["--requests-per-minute", "unlimited"]).expect("valid");
        assert_eq!(args.requests_per_minute, Some(RateLimitArg(RateLimitChange::Unlimited)));
        for bad in ["0", "+1", "many", "4294967296"] {
            assert!(parse(&["--requests-per-minute", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn says_why_credits_cannot_be_changed() {
        let owner: OwnerId = "shop-1".parse().expect("an owner");
        let uncounted = Owner::unlimited(owner);
        assert!(too_few(&uncounted).contains("not counted"));
        assert!(too_few(&Owner { credits: Some(3), ..uncounted }).contains("at most 3"));
    }

    #[test]
    fn lists_limits_in_columns() {
        let owner = |name: &str| Owner::unlimited(name.parse().expect("an owner"));
        let limited = Owner { credits: Some(0), requests_per_minute: Some(60), ..owner("a-longer-name") };
        let owners = [ListedOwner { owner: limited, keys: 2 }, ListedOwner { owner: owner("shop"), keys: 0 }];
        let expected = "\
owner          credits        requests per minute  keys
a-longer-name  0              60                   2
shop           unlimited      unlimited            0
";
        assert_eq!(table(&owners), expected);
    }

    #[test]
    fn shows_null_for_unlimited_and_figures_of_a_folder() {
        let owner: OwnerId = "shop-1".parse().expect("an owner");
        let local = Some(LocalFigures { stored_bytes: 1_234, keys: 2 });
        let unset = ShownOwner {
            owner,
            credits: None,
            requests_per_minute: Some(60),
            review: ReviewRule::Off,
            webhook_url: None,
            webhook_secrets: Vec::new(),
            local: None,
        };
        let url = Some("https://example.com/hook".to_owned());
        let shown = ShownOwner { owner: unset.owner.clone(), credits: Some(7), webhook_url: url, local, ..unset };
        let expected = r#"{"owner":"shop-1","credits":7,"requests_per_minute":60,"review":"off","webhook_url":"https://example.com/hook","webhook_secrets":[],"stored_bytes":1234,"keys":2}"#;
        assert_eq!(serde_json::to_string(&shown).expect("JSON"), expected);
        let shown = ShownOwner { credits: None, webhook_url: None, local: None, ..shown };
        let expected = r#"{"owner":"shop-1","credits":null,"requests_per_minute":60,"review":"off","webhook_url":null,"webhook_secrets":[]}"#;
        assert_eq!(serde_json::to_string(&shown).expect("JSON"), expected);
    }
}
