use axum::http::Request;
use cutline_deployment::sample;

use super::*;

fn event_of(request: Request<&[u8]>) -> Value {
    let (parts, body) = request.into_parts();
    event(&parts, body, &Route::of(&parts))
}

/// The names of all values in a part of an event, such as `requestContext.http.path`.
fn names(value: &Value, path: &str, found: &mut Vec<String>) {
    match value.as_object() {
        // Callers choose these names.
        Some(fields) if !["headers", "queryStringParameters"].contains(&path) => {
            for (name, value) in fields {
                names(value, format!("{path}.{name}").trim_start_matches('.'), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

fn sorted_names(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    names(event, "", &mut found);
    found.sort();
    found
}

/// The samples were recorded by API Gateway's rules, so events made here have the same parts.
#[test]
fn events_have_the_parts_of_the_samples() -> Result<()> {
    let post = Request::post("/api/v1/upload").header("content-type", "application/json").body(&b"{}"[..])?;
    assert_eq!(sorted_names(&event_of(post)), sorted_names(&sample("upload-json.json")?));
    let get = Request::get("/api/v1/jobs?state=done&limit=50").body(&b""[..])?;
    let get = event_of(get);
    assert_eq!(sorted_names(&get), sorted_names(&sample("status-jobs.json")?));
    assert_eq!(get["queryStringParameters"], json!({ "state": "done", "limit": "50" }));
    Ok(())
}

#[test]
fn methods_that_change_something_go_to_the_upload_function() -> Result<()> {
    let route = |method: &str, path: &str| {
        let (parts, ()) = Request::builder().method(method).uri(path).body(()).expect("a request").into_parts();
        Route::of(&parts)
    };
    for method in ["POST", "PUT", "DELETE"] {
        let Route { key, proxy, function } = route(method, "/api/v1/params/A%20b");
        assert_eq!(key, format!("{method} /api/v1/{{proxy+}}"));
        assert_eq!((proxy.as_deref(), function), (Some("params/A b"), Function::Upload));
    }
    for (method, path) in
        [("GET", "/api/v1/jobs"), ("PATCH", "/api/v1/jobs"), ("POST", "/elsewhere"), ("PUT", "/api/v1/")]
    {
        let Route { key, proxy, function } = route(method, path);
        assert_eq!((key.as_str(), proxy, function), ("$default", None, Function::Status), "{method} {path}");
    }
    Ok(())
}

#[test]
fn bytes_are_encoded_and_text_is_not() -> Result<()> {
    let with = |content_type: &str, body: &'static [u8]| {
        event_of(Request::post("/api/v1/upload").header("content-type", content_type).body(body).expect("a request"))
    };
    let photo = with("multipart/form-data; boundary=x", b"\xff\xd8");
    assert_eq!((&photo["body"], &photo["isBase64Encoded"]), (&json!("/9g="), &json!(true)));
    let text = with("application/json; charset=utf-8", b"{}");
    assert_eq!((&text["body"], &text["isBase64Encoded"]), (&json!("{}"), &json!(false)));
    let broken = with("application/json", b"\xff");
    assert_eq!((&broken["body"], &broken["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    Ok(())
}

#[test]
fn repeated_headers_and_parameters_are_joined_by_commas() -> Result<()> {
    let request = Request::get("/api/v1/jobs?a=1&b=x+y&a=%C3%BC").header("accept", "a/b").header("Accept", "c/d");
    let event = event_of(request.body(&b""[..])?);
    assert_eq!(event["headers"], json!({ "accept": "a/b,c/d" }));
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,ü", "b": "x y" }));
    Ok(())
}

#[tokio::test]
async fn answers_become_responses() -> Result<()> {
    let answer = json!({
        "statusCode": 201, "headers": { "x-request-id": "r" }, "cookies": ["a=1", "b=2"],
        "body": "/9g=", "isBase64Encoded": true,
    });
    let response = response(&answer)?;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["x-request-id"], "r");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(&to_bytes(response.into_body(), 10).await?[..], b"\xff\xd8");
    assert!(super::response(&json!({ "body": "no status" })).is_err());
    Ok(())
}
