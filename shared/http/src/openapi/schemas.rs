//! `components.schemas`: the bodies of requests and answers.

use cutline_core::domain::params;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::values::{self, SCHEMAS};
use super::{direct_uploads, errors, fields, recuts, reviews};
use crate::account::AccountBody;
use crate::direct_upload::GrantedBody;
use crate::error::ErrorBody;
use crate::health::HealthBody;
use crate::job_bodies::{JobBody, JobsBody};
use crate::job_webhook::ResentBody;
use crate::responses::{AcceptedBody, DraftBody, ParamSetsBody, StatusBody};
use crate::reviews::DecidedBody;
use crate::webhook_client::WebhookBody;

/// Every schema, by its name.
pub(super) fn components() -> Value {
    let mut schemas = derived();
    schemas.append(&mut values::named());
    schemas.append(&mut parameter_set());
    schemas.insert("UploadJson".to_owned(), fields::json_body());
    schemas.insert("UploadRequest".to_owned(), direct_uploads::request());
    schemas.insert("Approval".to_owned(), reviews::approval());
    schemas.insert("Rejection".to_owned(), reviews::rejection());
    schemas.insert("RecutRequest".to_owned(), recuts::request());
    schemas.insert("RecutForm".to_owned(), recuts::form());
    schemas.insert("Subject".to_owned(), recuts::subject());
    schemas.insert("UploadForm".to_owned(), fields::form_body());
    let document = json!({ "type": "object", "description": "An OpenAPI document.", "additionalProperties": true });
    schemas.insert("OpenApiDocument".to_owned(), document);
    schemas["Error"]["properties"]["error"]["examples"] = json!(errors::codes());
    Value::Object(schemas)
}

/// The schemas of the types that serve, without those that exist only as parts of others.
fn derived() -> Map<String, Value> {
    let mut collected = Vec::new();
    collect::<AcceptedBody>(&mut collected);
    collect::<StatusBody>(&mut collected);
    collect::<JobsBody>(&mut collected);
    collect::<GrantedBody>(&mut collected);
    collect::<ResentBody>(&mut collected);
    collect::<DecidedBody>(&mut collected);
    collect::<DraftBody>(&mut collected);
    collect::<AccountBody>(&mut collected);
    collect::<JobBody>(&mut collected);
    collect::<ParamSetsBody>(&mut collected);
    collect::<HealthBody>(&mut collected);
    collect::<WebhookBody>(&mut collected);
    collect::<ErrorBody<'_>>(&mut collected);
    let schemas: Map<_, _> = collected
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).expect("a schema serializes")))
        .collect();
    let parts: Vec<_> = schemas.values().flat_map(parts).collect();
    let is_whole = |name: &str| name == "Status" || !parts.iter().any(|part| part == name);
    schemas
        .iter()
        .filter(|(name, _)| is_whole(name))
        .map(|(name, schema)| (name.clone(), flattened(schema, &schemas)))
        .collect()
}

type Schemas = Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>;

/// Adds the schema of a type, and those that it refers to.
fn collect<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// The names of the schemas that this one consists of: the flattened members of a type.
fn parts(schema: &Value) -> Vec<String> {
    let all_of = schema["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    all_of.iter().filter_map(|part| Some(part["$ref"].as_str()?.strip_prefix(SCHEMAS)?.to_owned())).collect()
}

/// One object in place of an `allOf`, since generators make one class of it, as serde makes one object.
fn flattened(schema: &Value, schemas: &Map<String, Value>) -> Value {
    let Some(all_of) = schema["allOf"].as_array() else { return schema.clone() };
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in all_of {
        let part = match part["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)) {
            Some(name) => flattened(schemas.get(name).unwrap_or_else(|| panic!("no schema {name}")), schemas),
            None => part.clone(),
        };
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    let mut whole = json!({ "type": "object", "required": required, "properties": properties });
    if let Some(description) = schema.get("description") {
        whole["description"] = description.clone();
    }
    whole
}

/// The JSON Schema of parameter sets, with its definitions among the components.
fn parameter_set() -> Map<String, Value> {
    let mut schema = params::schema();
    let mut definitions = schema["$defs"].take();
    let (Some(root), Some(definitions)) = (schema.as_object_mut(), definitions.as_object_mut()) else {
        panic!("an object with definitions")
    };
    root.remove("$defs");
    root.remove("$schema");
    let definitions = std::mem::take(definitions);
    let mut schemas: Map<_, _> =
        definitions.into_iter().map(|(name, definition)| (component_name(&name), definition)).collect();
    schemas.insert("ParameterSet".to_owned(), schema);
    schemas.values_mut().for_each(fit_into_document);
    schemas
}

/// Some names alone say too little among the schemas of a whole API.
fn component_name(definition: &str) -> String {
    format!("Set{definition}")
}

/// Points the references to the components, and moves the defaults into the descriptions: generators take a member with
/// the keyword `default` for one that every set has.
fn fit_into_document(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(default) = members.remove("default")
                && let Some(Value::String(description)) = members.get_mut("description")
                && !description.to_lowercase().contains("by default")
            {
                let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                description.push_str(&format!(" By default `{default}`."));
            }
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("{SCHEMAS}{}", component_name(name));
            }
            members.values_mut().for_each(fit_into_document);
        }
        Value::Array(elements) => elements.iter_mut().for_each(fit_into_document),
        _ => {}
    }
}
