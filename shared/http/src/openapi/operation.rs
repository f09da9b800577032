//! An operation of the document: its descriptor, and what the document says of it.

use serde_json::{Value, json};

use super::values::SCHEMAS;
use super::{errors, examples, headers};
use crate::docs;

/// An operation.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The name of the operation in generated clients.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) access: Access,
    /// The names of its parameters among the components.
    pub(super) parameters: &'static [&'static str],
    pub(super) body: Option<fn() -> Value>,
    pub(super) answers: &'static [Answer],
    /// The statuses of its errors, in addition to those of its access.
    pub(super) errors: &'static [u16],
}

/// Who may send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everyone.
    Open,
    /// Every key.
    Read,
    /// A key that may decide about reviews. The request counts against the owner's rate limit.
    Review,
    /// A key that may change something. The request counts against the owner's rate limit.
    Change,
}

impl Access {
    /// Whether the request counts against the owner's rate limit.
    const fn is_counted(self) -> bool {
        matches!(self, Self::Review | Self::Change)
    }
}

/// A successful answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// The name of its schema; `None` for an empty body.
    pub(super) schema: Option<&'static str>,
    pub(super) headers: &'static [&'static str],
    pub(super) examples: fn() -> Vec<(&'static str, Value)>,
    /// What the body leads to.
    pub(super) links: &'static [Link],
}

/// A request that an answer leads to: an operation, with a member of the body as its parameter.
pub(super) struct Link {
    pub(super) operation: &'static str,
    pub(super) parameter: &'static str,
    pub(super) member: &'static str,
}

/// A request about the job.
pub(super) const fn job_link(operation: &'static str, parameter: &'static str) -> Link {
    Link { operation, parameter, member: "job_id" }
}

pub(super) const fn empty(status: u16, description: &'static str) -> Answer {
    Answer { status, description, schema: None, headers: &[], examples: Vec::new, links: &[] }
}

/// The errors of every request: its head may be refused before its path is known.
const HEAD_ERRORS: [u16; 4] = [400, 408, 414, 431];

impl Operation {
    /// The statuses of all its errors.
    pub(super) fn all_errors(&self) -> impl Iterator<Item = u16> {
        let of_access: &[u16] = match self.access {
            Access::Open => &[],
            Access::Read => &[401, 500, 503],
            Access::Review | Access::Change => &[401, 403, 429, 500, 503],
        };
        HEAD_ERRORS.iter().chain(of_access).chain(self.errors).copied()
    }

    pub(super) fn to_value(&self) -> Value {
        let mut responses = errors::references(self.all_errors());
        for answer in self.answers {
            responses.insert(answer.status.to_string(), answer.to_value(self));
        }
        let reference = |key: &&str| json!({ "$ref": format!("#/components/parameters/{key}") });
        let mut value = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "responses": responses,
        });
        let members = [
            ("description", (!self.description.is_empty()).then(|| self.description.into())),
            ("parameters", (!self.parameters.is_empty()).then(|| self.parameters.iter().map(reference).collect())),
            ("requestBody", self.body.map(|body| body())),
            ("security", (self.access == Access::Open).then(|| json!([]))),
        ];
        for (name, member) in members {
            if let Some(member) = member {
                value[name] = member;
            }
        }
        value
    }
}

impl Answer {
    fn to_value(&self, operation: &Operation) -> Value {
        let counted = if operation.access.is_counted() { &headers::COUNTED[..] } else { &[] };
        let mut value = json!({
            "description": self.description,
            "headers": headers::of_response(&[self.headers, counted].concat()),
        });
        if !self.links.is_empty() {
            let link = |link: &Link| {
                let expression = format!("$response.body#/{}", link.member);
                let link_value = json!({ "operationId": link.operation, "parameters": { link.parameter: expression } });
                (link.operation.to_owned(), link_value)
            };
            value["links"] = Value::Object(self.links.iter().map(link).collect());
        }
        if let Some(schema) = self.schema {
            let mut content = json!({ "schema": { "$ref": format!("{SCHEMAS}{schema}") } });
            let examples = (self.examples)();
            if !examples.is_empty() {
                content["examples"] = examples::as_components(examples);
            }
            value["content"] = json!({ "application/json": content });
        } else if operation.path == docs::PATH {
            value["content"] = json!({ "text/html": { "schema": { "type": "string" } } });
        }
        value
    }
}
