//! The address of a running deployment that the other commands use: the path of Lambda's own API for invocations, and one to
//! end the deployment.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cutline_deployment::Function;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::environments::Environments;

/// The header of an answer that is the error of a function.
pub(crate) const FUNCTION_ERROR: &str = "x-amz-function-error";

#[derive(Clone)]
struct Control {
    environments: Arc<Environments>,
    stop: Arc<Notify>,
}

/// Everything is under `/INSTANCE`. `stop` is notified when somebody ends the deployment.
pub(crate) fn router(instance: Uuid, environments: Arc<Environments>, stop: Arc<Notify>) -> Router {
    let routes = Router::new()
        .route("/", get(async || "running"))
        .route("/stop", post(async |State(control): State<Control>| control.stop.notify_one()))
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .with_state(Control { environments, stop });
    Router::new().nest(&format!("/{instance}"), routes)
}

async fn invoke(State(control): State<Control>, Path(name): Path<String>, body: Bytes) -> Response {
    let Some(function) = Function::named(&name) else {
        let names = Function::ALL.map(Function::logical_id).join(", ");
        return refused(StatusCode::NOT_FOUND, format!("unknown function: {name}; the functions are {names}"));
    };
    let event: Value = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => return refused(StatusCode::BAD_REQUEST, format!("the event is not JSON: {error}; correct it")),
    };
    match control.environments.of(function).invoke(&event).await {
        Ok(answer) => json_body(&answer),
        Err(error) => {
            let answer = json_body(&json!({ "errorMessage": format!("{error:#}") }));
            ([(FUNCTION_ERROR, "Unhandled")], answer).into_response()
        }
    }
}

fn refused(status: StatusCode, message: String) -> Response {
    (status, json_body(&json!({ "message": message }))).into_response()
}

fn json_body(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
