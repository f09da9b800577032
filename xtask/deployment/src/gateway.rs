//! The HTTP API in front of the functions: turns requests into API Gateway's events of payload version 2.0, and answers back
//! into responses.
//!
//! Routes and limits are those of template.yaml and of Lambda. There is no throttling, CORS, domain or access log.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, Response, StatusCode, header, request::Parts};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cutline_deployment::Function;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::environments::Environments;

/// The largest request that the gateway accepts.
const MAX_REQUEST: usize = 10 << 20;
/// The largest event that a function accepts, with a file in base64.
const MAX_EVENT: usize = 6 << 20;

pub(crate) fn router(environments: Arc<Environments>) -> Router {
    Router::new().fallback(answer).with_state(environments)
}

async fn answer(State(environments): State<Arc<Environments>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Large");
    };
    let route = Route::of(&parts);
    let event = event(&parts, &body, &route);
    if event.to_string().len() > MAX_EVENT {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Large");
    }
    let answer = environments.of(route.function).invoke(&event).await;
    answer.and_then(|answer| response(&answer)).unwrap_or_else(|error| {
        eprintln!("{} {}: {error:#}", parts.method, parts.uri.path());
        message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

/// An answer of the gateway itself.
fn message(status: StatusCode, text: &str) -> Response<Body> {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, json!({ "message": text }).to_string()).into_response()
}

/// A route of the template.
struct Route {
    key: String,
    /// The part of the path after `/api/v1/`, where the route names it.
    proxy: Option<String>,
    function: Function,
}

impl Route {
    fn of(parts: &Parts) -> Self {
        let changes = [Method::POST, Method::PUT, Method::DELETE].contains(&parts.method);
        match parts.uri.path().strip_prefix("/api/v1/").filter(|rest| changes && !rest.is_empty()) {
            Some(rest) => Self {
                key: format!("{} /api/v1/{{proxy+}}", parts.method),
                proxy: Some(percent_decode_str(rest).decode_utf8_lossy().into_owned()),
                function: Function::Upload,
            },
            None => Self { key: "$default".to_owned(), proxy: None, function: Function::Status },
        }
    }
}

/// The event of a request.
fn event(parts: &Parts, body: &[u8], route: &Route) -> Value {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let header = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = Timestamp::now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": header(header::HOST),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": header(header::USER_AGENT),
            },
            "requestId": Uuid::now_v7(),
            "routeKey": route.key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query);
    }
    if let Some(proxy) = &route.proxy {
        event["pathParameters"] = json!({ "proxy": proxy });
    }
    let text = if is_text(header(header::CONTENT_TYPE)) { std::str::from_utf8(body).ok() } else { None };
    match text {
        _ if body.is_empty() => {}
        Some(text) => event["body"] = text.into(),
        None => {
            event["body"] = STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
    event
}

/// The headers, those of one name joined by commas.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let values = |name: &HeaderName| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(",")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), values(name).into())).collect()
}

/// The decoded parameters, those of one name joined by commas.
fn parameters(query: &str) -> Value {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut found = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let joined = match found.get(&name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value,
        };
        found.insert(name, joined.into());
    }
    found.into()
}

/// Whether the gateway passes a body of this type on as text. It encodes all others.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let texts = ["application/json", "application/javascript", "application/xml"];
    kind.starts_with("text/") || texts.contains(&kind.as_str()) || kind.ends_with("+json") || kind.ends_with("+xml")
}

/// The response that a function's answer describes.
fn response(answer: &Value) -> Result<Response<Body>> {
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let mut response = Response::builder().status(status.with_context(|| format!("no status code: {answer}"))?);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap_or_default());
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        response = response.header(header::SET_COOKIE, cookie.as_str().unwrap_or_default());
    }
    let text = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"] {
        Value::Bool(true) => STANDARD.decode(text).context("the body is not valid base64")?,
        _ => text.as_bytes().to_owned(),
    };
    response.body(Body::from(body)).context("invalid response")
}

#[cfg(test)]
mod tests;
