//! Keys of a deployment, printed as commands for the AWS CLI. So this program needs no access to AWS, and the API needs
//! no endpoint that creates keys.
//!
//! The items have the form that `cutline-aws` reads: the primary key, and each field of a record, as serde writes it, as
//! an attribute of the same name. Null fields are left out.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use cutline_core::domain::audit::{AUDIT_DAYS, Actor, AuditEntry, AuditEvent};
use cutline_core::domain::keys::{CreditChange, KeyRecord, Owner, OwnerChange, Secret};
use cutline_core::{Ids as _, OwnerId, SystemIds};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::shell::quoted;

/// Checks the name of a table by DynamoDB's rule.
pub(super) fn parse_table_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if (3..=255).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("must be 3 to 255 characters of a-z, A-Z, 0-9, `_`, `-` and `.`".to_owned())
    }
}

/// The secret, and the commands that store the key, create the owner or set its credits, note the key in the audit log, and
/// revoke the key.
pub(super) fn instructions(
    table: &str,
    secret: &Secret,
    record: &KeyRecord,
    credits: Option<CreditChange>,
) -> anyhow::Result<String> {
    let mut text = format!(
        "API key of owner {}, shown only once:\n\n    {}\n\n\
         To store the key, run this with access to the table. It contains only the key's hash.\n\n",
        record.owner,
        secret.reveal(),
    );
    let unlimited = Owner::unlimited(record.owner.clone());
    let key = item(&format!("key#{}", record.hash), "key", record)?;
    writeln!(text, "{}", put_new_item(table, &key))?;
    let (purpose, command) = match credits {
        Some(credits) => ("To set the owner's credits", update_credits(table, &record.owner, credits)?),
        // Files can be dropped only for owners with a record.
        None => {
            let owner = item(&owner_key(&record.owner), "owner", &unlimited)?;
            let purpose = "To create the owner (the condition fails if the owner exists, which is fine)";
            (purpose, put_new_item(table, &owner))
        }
    };
    writeln!(text, "\n{purpose}, run:\n\n{command}")?;
    let entry = put_new_item(table, &audit_item(record, credits)?);
    writeln!(text, "\nTo note the key in the owner's audit log, run:\n\n{entry}")?;
    let key = json!({ "pk": { "S": format!("key#{}", record.hash) }, "sk": { "S": "key" } });
    let key = quoted(&key.to_string());
    writeln!(text, "\nTo revoke the key later, run:\n\naws dynamodb delete-item --table-name {table} --key {key}")?;
    Ok(text)
}

/// The command that stores an item. It fails rather than replace one.
fn put_new_item(table: &str, item: &Value) -> String {
    let item = quoted(&item.to_string());
    format!(
        "aws dynamodb put-item --table-name {table} --condition-expression 'attribute_not_exists(pk)' --item {item}"
    )
}

/// The item of the audit log about a new key, and about the credits that come with it.
fn audit_item(record: &KeyRecord, credits: Option<CreditChange>) -> anyhow::Result<Value> {
    let mut event = AuditEvent::key_created(record);
    let change = OwnerChange { credits, ..OwnerChange::default() };
    event.detail.extend(AuditEvent::owner_changed(&change).detail);
    let (owner, id, at) = (record.owner.clone(), SystemIds.audit(), record.created_at);
    let entry = AuditEntry::new(id, at, owner, Actor::CommandLine, event);
    let mut item = item(&format!("audit#{}", record.owner), &format!("audit#{id}"), &entry)?;
    let expires_at = at.as_second() + AUDIT_DAYS * 24 * 60 * 60;
    item["ttl"] = attribute(expires_at.into())?;
    Ok(item)
}

/// The command that sets the owner's credits. The owner's other settings stay as they are.
fn update_credits(table: &str, owner: &OwnerId, change: CreditChange) -> anyhow::Result<String> {
    let (expression, credits) = match change {
        CreditChange::Set(credits) => ("SET id = :id, credits = :credits", Some(credits)),
        CreditChange::Unlimited => ("SET id = :id REMOVE credits", None),
        CreditChange::Add(_) | CreditChange::Subtract(_) => bail!("a new number of credits has no sign"),
    };
    let key = json!({ "pk": { "S": owner_key(owner) }, "sk": { "S": "owner" } });
    let mut values = Map::from_iter([(":id".to_owned(), json!({ "S": owner }))]);
    values.extend(credits.map(|credits| (":credits".to_owned(), json!({ "N": credits.to_string() }))));
    Ok(format!(
        "aws dynamodb update-item --table-name {table} --key {} --update-expression {} --expression-attribute-values {}",
        quoted(&key.to_string()),
        quoted(expression),
        quoted(&Value::Object(values).to_string())
    ))
}

fn owner_key(owner: &OwnerId) -> String {
    format!("owner#{owner}")
}

/// A record as an item in DynamoDB's JSON.
fn item(pk: &str, sk: &str, record: &impl Serialize) -> anyhow::Result<Value> {
    let Value::Object(fields) = serde_json::to_value(record)? else { bail!("not a JSON object: a key's record") };
    let mut item = Map::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
        item.insert(name, attribute(value).context("a field of a key's record")?);
    }
    item.insert("pk".to_owned(), json!({ "S": pk }));
    item.insert("sk".to_owned(), json!({ "S": sk }));
    Ok(Value::Object(item))
}

fn attribute(value: Value) -> anyhow::Result<Value> {
    match value {
        Value::String(text) => Ok(json!({ "S": text })),
        Value::Number(number) => Ok(json!({ "N": number.to_string() })),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| Ok((name, attribute(value)?)));
            Ok(json!({ "M": members.collect::<anyhow::Result<Map<_, _>>>()? }))
        }
        other => bail!("neither text, a number nor an object: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use cutline_core::domain::keys::KeyScope;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::keys::new_key::new_key;

    /// The words of a printed command, as a shell splits them.
    fn words(command: &str) -> Vec<String> {
        let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}; {command}");
        let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// The record of an item, read as `cutline-aws` reads it: attributes by name, others ignored.
    fn record<T: DeserializeOwned>(words: &[String]) -> (T, Value) {
        let at = words.iter().position(|word| word == "--item").expect("an item");
        let item: Value = serde_json::from_str(&words[at + 1]).expect("JSON");
        let fields: Map<String, Value> =
            item.as_object().expect("an object").iter().map(|(name, typed)| (name.clone(), plain(typed))).collect();
        (serde_json::from_value(Value::Object(fields)).expect("a record"), item)
    }

    /// A value without DynamoDB's types.
    fn plain(typed: &Value) -> Value {
        match (typed.get("S"), typed.get("N"), typed.get("M")) {
            (Some(text), None, None) => text.clone(),
            (None, Some(number), None) => serde_json::from_str(number.as_str().expect("text")).expect("a number"),
            (None, None, Some(members)) => {
                let members = members.as_object().expect("members");
                members.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
            }
            _ => panic!("{typed}"),
        }
    }

    #[test]
    fn printed_commands_store_the_records_but_not_the_secret() {
        let owner: OwnerId = "shop-1".parse().expect("an owner");
        let label = "it's \"ours\"; $(rm -rf ~) `id` \\ \n ü".to_owned();
        let (secret, key) = new_key(owner, label, KeyScope::Read).expect("a key");
        let credits = CreditChange::Set(500);
        let text = instructions("my_table", &secret, &key, Some(credits)).expect("instructions");
        let commands: Vec<_> = text.lines().filter(|line| line.starts_with("aws ")).collect();
        assert_eq!(commands.len(), 4, "{text}");

        let first = words(commands[0]);
        assert_eq!(first[..4], ["dynamodb", "put-item", "--table-name", "my_table"]);
        let (stored, item) = record::<KeyRecord>(&first);
        assert_eq!(stored, key);
        assert_eq!(item["pk"]["S"], format!("key#{}", key.hash));
        assert_eq!(item["sk"]["S"], "key");
        assert!(item.get("revoked_at").is_none(), "nulls are left out: {item}");

        let second = words(commands[1]);
        assert_eq!(second[..4], ["dynamodb", "update-item", "--table-name", "my_table"]);
        let named: Value = serde_json::from_str(&second[5]).expect("JSON");
        assert_eq!(named, json!({"pk": {"S": "owner#shop-1"}, "sk": {"S": "owner"}}));
        assert_eq!(second[7], "SET id = :id, credits = :credits");
        let values: Value = serde_json::from_str(&second[9]).expect("JSON");
        assert_eq!(values, json!({":id": {"S": "shop-1"}, ":credits": {"N": "500"}}));
        let uncounted = instructions("my_table", &secret, &key, Some(CreditChange::Unlimited)).expect("instructions");
        assert!(uncounted.contains("'SET id = :id REMOVE credits'"), "{uncounted}");

        let unlimited = instructions("my_table", &secret, &key, None).expect("instructions");
        let second = unlimited.lines().filter(|line| line.starts_with("aws ")).nth(1).expect("a command");
        let (stored, item) = record::<Owner>(&words(second));
        assert_eq!((stored, item["pk"]["S"].as_str()), (Owner::unlimited(key.owner.clone()), Some("owner#shop-1")));
        assert!(second.contains("attribute_not_exists"), "an existing owner is not replaced: {second}");

        let third = words(commands[2]);
        let (entry, item) = record::<AuditEntry>(&third);
        assert_eq!((&entry.owner, &entry.key), (&key.owner, &Some(key.hash.id())));
        assert_eq!(entry.detail.get("credits").map(String::as_str), Some("500"));
        assert_eq!(item["pk"]["S"], "audit#shop-1");
        assert_eq!(item["sk"]["S"], format!("audit#{}", entry.id));
        assert_eq!(item["ttl"]["N"], (key.created_at.as_second() + 400 * 86_400).to_string());

        let last = words(commands[3]);
        assert_eq!(last[..4], ["dynamodb", "delete-item", "--table-name", "my_table"]);
        let named: Value = serde_json::from_str(&last[5]).expect("JSON");
        assert_eq!(named, json!({"pk": {"S": format!("key#{}", key.hash)}, "sk": {"S": "key"}}));

        let shown = text.matches(secret.reveal()).count();
        assert_eq!(shown, 1, "the secret is shown once");
        assert!(commands.iter().all(|command| !command.contains(secret.reveal())));
    }

    #[test]
    fn table_names_follow_dynamodbs_rule() {
        assert!(parse_table_name("cutline-Table-1A2B.x_y").is_ok());
        for bad in ["", "ab", "a b c", "a;b;c", "täble", &"x".repeat(256)] {
            assert!(parse_table_name(bad).is_err(), "{bad}");
        }
    }
}
