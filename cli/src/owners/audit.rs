//! `cutline owners audit`.

use anyhow::Context;
use clap::Args;
use cutline_core::OwnerId;
use cutline_core::domain::audit::AuditEntry;

use super::known::ensure_known;
use crate::output::{print, without_controls};
use crate::stores::PlaceArgs;

/// Arguments of `owners audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Entries are kept for 400 days, also those of deleted jobs. The actor is `key:ID`, with the id of
`keys list`, or `command-line`.

Examples:
  cutline owners audit shop-1
  cutline owners audit shop-1 --json --limit 100000 > audit.jsonl
  cutline owners audit shop-1 --aws TABLE")]
pub(crate) struct AuditArgs {
    /// The owner's name.
    name: OwnerId,

    /// The most entries to list, the newest first.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// Print one JSON object a line instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the command.
pub(super) async fn run(args: &AuditArgs) -> anyhow::Result<()> {
    let records = args.place.place()?.records().await?;
    ensure_known(records.keys.as_ref(), &args.name).await?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let entries = records.audit.list(&args.name, None, limit).await.context("cannot read the audit log")?;
    if entries.is_empty() {
        eprintln!("No entries about owner {}.", args.name);
        return Ok(());
    }
    print(&if args.json { json_lines(&entries)? } else { table(&entries) })?;
    if entries.len() == limit {
        eprintln!("Stopped at --limit {limit}; older entries may exist.");
    }
    Ok(())
}

const HEADER: [&str; 5] = ["time", "actor", "action", "subject", "detail"];

/// The entries, one a line under a heading.
fn table(entries: &[AuditEntry]) -> String {
    let rows: Vec<_> = [HEADER.map(str::to_owned)].into_iter().chain(entries.iter().map(row)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(entry: &AuditEntry) -> [String; HEADER.len()] {
    let job = entry.job.map(|job| format!("job:{job}"));
    let subject = job.or_else(|| entry.key.as_ref().map(|key| format!("key:{key}")));
    let detail: Vec<_> = entry.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let shown = [
        entry.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        entry.actor.to_string(),
        entry.action.as_str().to_owned(),
        subject.unwrap_or_else(|| "-".to_owned()),
        detail.join(" "),
    ];
    // Of a newer release, or damaged: escape what could rewrite the terminal.
    shown.map(|cell| cell.escape_debug().to_string())
}

/// One JSON object a line.
fn json_lines(entries: &[AuditEntry]) -> serde_json::Result<String> {
    entries.iter().map(|entry| Ok(without_controls(&serde_json::to_string(entry)?) + "\n")).collect()
}

#[cfg(test)]
mod tests {
    use cutline_core::domain::audit::{Actor, AuditEvent, AuditId};
    use cutline_core::domain::keys::{CreditChange, KeyScope, OwnerChange};
    use jiff::Timestamp;

    use super::*;
    use crate::keys::new_key;

    fn entries() -> Vec<AuditEntry> {
        let owner: OwnerId = "shop-1".parse().expect("an owner");
        let (_, key) = new_key(owner.clone(), "private".to_owned(), KeyScope::Read).expect("a key");
        let change = OwnerChange { credits: Some(CreditChange::Add(100)), ..OwnerChange::default() };
        let job = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a".parse().expect("an id");
        let id: AuditId = serde_json::from_value(serde_json::json!(job)).expect("an id");
        let at = Timestamp::UNIX_EPOCH;
        let entry = |actor, event| AuditEntry::new(id, at, owner.clone(), actor, event);
        vec![
            entry(Actor::Key("0a1b2c3d4e5f".to_owned()), AuditEvent::job_deleted(job, "done")),
            entry(Actor::CommandLine, AuditEvent::owner_changed(&change)),
            entry(Actor::Unsupported("a\u{1b}[2J".to_owned()), AuditEvent::key_created(&key)),
        ]
    }

    #[test]
    fn lists_entries_in_columns() {
        let table = table(&entries());
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), HEADER);
        let job = "1970-01-01T00:00:00Z  key:0a1b2c3d4e5f  job.deleted    job:019cdc54-2673-dc32-b9e5-6e1d36cc9e8a  state=done";
        assert_eq!(lines[1], job);
        assert!(lines[2].contains("owner.changed") && lines[2].ends_with("  credits=+100"), "{table}");
        assert!(
            lines[3].contains("scope=read") && !table.contains(['\u{1b}']) && !table.contains("private"),
            "{table}"
        );
    }

    #[test]
    fn json_lines_are_the_entries() {
        let lines = json_lines(&entries()).expect("serializes");
        let read: Vec<AuditEntry> = lines.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect();
        assert_eq!(read, entries_without_key(&read));
    }

    /// The same entries; the key is a new one each time.
    fn entries_without_key(read: &[AuditEntry]) -> Vec<AuditEntry> {
        let mut entries = entries();
        entries[2].key.clone_from(&read[2].key);
        entries
    }
}
