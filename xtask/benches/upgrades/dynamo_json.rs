//! Items of DynamoDB as JSON, in the form that AWS's command line uses.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};

/// The attributes of an item, by name.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The item as JSON.
pub(crate) fn to_json(item: &Item) -> Result<Value> {
    let mut members = Map::new();
    for (name, value) in item {
        members.insert(name.clone(), typed(value).with_context(|| format!("attribute {name}"))?);
    }
    Ok(Value::Object(members))
}

fn typed(value: &AttributeValue) -> Result<Value> {
    Ok(match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(typed).collect::<Result<Vec<_>>>()? }),
        AttributeValue::M(members) => json!({ "M": to_json(members)? }),
        other => bail!("records have no such value: {other:?}"),
    })
}

/// The item that JSON of this form describes.
pub(crate) fn from_json(item: &Value) -> Result<Item> {
    let members = item.as_object().context("an item is an object")?;
    members.iter().map(|(name, value)| Ok((name.clone(), attribute(value)?))).collect()
}

fn attribute(typed: &Value) -> Result<AttributeValue> {
    let (kind, value) = typed.as_object().and_then(|one| one.iter().next()).context("a value names its type")?;
    Ok(match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("BOOL", Value::Bool(flag)) => AttributeValue::Bool(*flag),
        ("NULL", _) => AttributeValue::Null(true),
        ("L", Value::Array(values)) => AttributeValue::L(values.iter().map(attribute).collect::<Result<_>>()?),
        ("M", members) => AttributeValue::M(from_json(members)?),
        (kind, value) => bail!("unknown value: {kind} {value}"),
    })
}

/// The value as plain JSON, as records have it.
pub(crate) fn plain(typed: &Value) -> Value {
    let Some((kind, value)) = typed.as_object().and_then(|one| one.iter().next()) else { return Value::Null };
    match (kind.as_str(), value) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or(Value::Null),
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("M", members) => plain_members(members),
        ("S" | "BOOL", value) => value.clone(),
        _ => Value::Null,
    }
}

/// The item as plain JSON.
pub(crate) fn plain_members(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten();
    Value::Object(members.map(|(name, value)| (name.clone(), plain(value))).collect())
}
