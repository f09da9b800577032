//! `GET /api/v1/account` in the document.

use super::examples;
use super::operation::{Access, Answer, Operation};
use crate::account;

pub(super) const READ: Operation = Operation {
    method: "get",
    path: account::PATH,
    id: "getAccount",
    tag: "Account",
    summary: "Look at your account",
    description: "Credits, limits, and the jobs that ended this month.",
    access: Access::Read,
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        description: "The account of the key's owner.",
        schema: Some("Account"),
        headers: &[],
        examples: examples::account,
        links: &[],
    }],
    errors: &[],
};
