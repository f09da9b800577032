//! `/api/v1/params`: storing, reading, replacing and deleting sets, with and without preconditions.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Method;
use cutline_core::domain::params::presets;
use futures::stream;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::failing_ports::Broken;
use crate::support::{Answer, KEY, OTHER_KEY, World, get, params, put};
use crate::upload::bad_request;

const NOT_FOUND: &str = r#"{"error":"not_found"}"#;
const FIRST: &str = "\"019c0000000070008000000000000000\"";
const SECOND: &str = "\"019c0000000070008000000000000001\"";
const EXISTS: &str = r#"{"error":"precondition_failed","message":"A parameter set with this name already exists; to replace it, send its ETag in If-Match."}"#;
const CHANGED: &str = r#"{"error":"precondition_failed","message":"The stored parameter set does not match If-Match; get it again and send its current ETag."}"#;

/// A set as sent, and as returned.
const RED: &str = r##"{"margin":"10%","background":"#FF0000"}"##;
const RED_STORED: &str = r##"{"version":1,"background":{"color":"#ff0000"},"margin":"10%"}"##;

async fn read(world: &World, name: &str) -> Answer {
    world.ask(params(Method::GET, name)).await
}

async fn delete(world: &World, name: &str) -> Answer {
    world.ask(params(Method::DELETE, name)).await
}

async fn list(world: &World, key: &str) -> Value {
    let answer = world.ask(get("/api/v1/params").header("x-api-key", key)).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    answer.json()["params"].clone()
}

#[tokio::test]
async fn creates_reads_replaces_and_deletes_a_set() {
    let world = World::new().await;
    read(&world, "Test-Api").await.is(404, NOT_FOUND);

    let made = world.ask_with(put("Test-Api"), RED).await;
    made.is(201, RED_STORED);
    assert_eq!((made.header("etag"), made.header("location")), (FIRST, "/api/v1/params/Test-Api"));
    assert_eq!((made.header("content-type"), made.header("cache-control")), ("application/json", "no-store"));

    let found = read(&world, "Test-Api").await;
    found.is(200, RED_STORED);
    assert_eq!((found.header("etag"), found.header("content-type")), (FIRST, "application/json"));
    assert_eq!(found.header("cache-control"), "no-store");

    let replaced = world.ask_with(put("Test-Api"), "{}").await;
    replaced.is(200, r#"{"version":1}"#);
    assert_eq!((replaced.header("etag"), replaced.headers.get("location")), (SECOND, None));
    read(&world, "Test-Api").await.is(200, r#"{"version":1}"#);

    delete(&world, "Test-Api").await.is(204, "");
    delete(&world, "Test-Api").await.is(404, NOT_FOUND);
    read(&world, "Test-Api").await.is(404, NOT_FOUND);
    let again = world.ask_with(put("Test-Api"), RED).await;
    assert_eq!(again.status, 201);
    assert!(![FIRST, SECOND].contains(&again.header("etag")), "a set stored again gets a new tag");
}

#[tokio::test]
async fn a_returned_document_can_be_stored_unchanged() {
    let world = World::new().await;
    for (name, _) in presets::all() {
        let document = read(&world, name.as_str()).await.body;
        world.ask_with(put("copy"), document.clone()).await;
        read(&world, "copy").await.is(200, &document);
    }
    let document = serde_json::to_string(&cutline_core::contract::samples::set()).expect("JSON");
    world.ask_with(put("copy"), document.clone()).await.is(200, &document);
}

#[tokio::test]
async fn lists_the_callers_own_sets_first() {
    let world = World::new().await;
    let built_in = presets::all().iter().map(|(name, _)| json!({ "name": name, "built_in": true }));
    let built_in: Vec<_> = built_in.collect();
    assert_eq!(list(&world, KEY).await, json!(built_in));

    world.ask_with(put("b"), RED).await;
    world.clock.advance(Duration::from_secs(60));
    world.ask_with(put("B"), RED).await;
    let own = json!([
        { "name": "B", "etag": SECOND, "updated_at": "2026-05-28T20:27:40Z", "built_in": false },
        { "name": "b", "etag": FIRST, "updated_at": "2026-05-28T20:26:40Z", "built_in": false },
    ]);
    let listed = list(&world, KEY).await;
    assert_eq!(listed.as_array().expect("a list")[..2], own.as_array().expect("a list")[..]);
    assert_eq!(listed.as_array().expect("a list")[2..], built_in[..]);
    assert_eq!(list(&world, OTHER_KEY).await, json!(built_in));
}

/// The pages of the list, each as the names of its sets, for this limit.
async fn pages(world: &World, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = format!("?limit={limit}");
    loop {
        let answer = world.ask(get(&format!("/api/v1/params{query}")).header("x-api-key", KEY)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let names = body["params"].as_array().expect("a list").iter();
        pages.push(names.map(|set| set["name"].as_str().expect("a name").to_owned()).collect());
        match body["cursor"].as_str() {
            Some(cursor) => query = format!("?limit={limit}&cursor={cursor}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn pages_of_any_length_make_up_the_whole_list() {
    let world = World::new().await;
    for name in ["b", "a", "wall", "C", "ebay", "zz"] {
        world.ask_with(put(name), RED).await;
    }
    let own = ["C", "a", "b", "ebay", "wall", "zz"].map(str::to_owned);
    let built_in = presets::all().iter().map(|(name, _)| name.to_string()).filter(|name| !own.contains(name));
    let all: Vec<_> = own.iter().cloned().chain(built_in).collect();
    assert!(all.len() > own.len(), "some built-in sets are not replaced");
    for limit in 1..=all.len() + 1 {
        let pages = pages(&world, limit).await;
        assert_eq!(pages.concat(), all, "limit {limit}");
        assert_eq!(pages.len(), all.len().div_ceil(limit), "limit {limit}");
    }
    let unpaged = world.ask(get("/api/v1/params").header("x-api-key", KEY)).await.json();
    assert_eq!(unpaged["params"].as_array().map(Vec::len), Some(all.len()));
    assert_eq!(unpaged.get("cursor"), None);
}

#[tokio::test]
async fn a_page_continues_where_the_previous_one_ended_although_sets_changed() {
    let world = World::new().await;
    for name in ["a", "c", "e"] {
        world.ask_with(put(name), RED).await;
    }
    let first = world.ask(get("/api/v1/params?limit=1").header("x-api-key", KEY)).await.json();
    let cursor = first["cursor"].as_str().expect("a cursor");
    for name in ["a", "c"] {
        delete(&world, name).await.is(204, "");
    }
    for name in ["b", "d"] {
        world.ask_with(put(name), RED).await;
    }
    let next = world.ask(get(&format!("/api/v1/params?limit=2&cursor={cursor}")).header("x-api-key", KEY)).await;
    let names: Vec<_> =
        next.json()["params"].as_array().expect("a list").iter().map(|set| set["name"].clone()).collect();
    assert_eq!(names, ["d", "e"], "everything after the sets that were seen");
}

#[tokio::test]
async fn rejects_an_invalid_page() {
    let world = World::new().await;
    let limit = "This value must be a whole number from 1 to 1000.";
    let cursor = "This value is not a cursor of this list; send the cursor of the previous page, or none.";
    let answer = world.ask(get("/api/v1/params?limit=0&cursor=a").header("x-api-key", KEY)).await;
    answer.is_invalid(json!({ "cursor": [cursor], "limit": [limit] }));
    let keyless = world.ask(get("/api/v1/params?limit=0")).await;
    assert_eq!(keyless.status, 401, "the key comes first");
}

#[tokio::test]
async fn an_owner_stores_a_thousand_sets_and_no_more() {
    let world = World::new().await;
    for index in 0..1_000 {
        assert_eq!(world.ask_with(put(&format!("set-{index:03}")), "{}").await.status, 201, "{index}");
    }
    let full = "You have 1,000 parameter sets, the most that can be stored; delete one or replace one.";
    for request in [put("one-more"), put("one-more").header("if-none-match", "*"), put("wall")] {
        world.ask_with(request, "{}").await.is_invalid(json!({ "name": [full] }));
    }
    world.ask_with(put("one-more").header("if-match", "*"), "{}").await.is(412, CHANGED);
    world.ask_with(put("set-000"), RED).await.is(200, RED_STORED);
    let listed = pages(&world, 300).await;
    assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [300, 300, 300, 100 + presets::all().len()]);
    let unpaged = list(&world, KEY).await;
    assert_eq!(unpaged.as_array().map(Vec::len), Some(100), "the default");

    let built_in = json!({ "file_url": "https://example.com/a.jpg", "mode": "params", "params": "wall" });
    assert_eq!(world.upload_json(&built_in).await.status, 202, "built-in sets do not count");
    delete(&world, "set-500").await.is(204, "");
    world.ask_with(put("one-more"), "{}").await.is(201, r#"{"version":1}"#);
    world.ask_with(put("set-500"), "{}").await.is_invalid(json!({ "name": [full] }));
    let theirs = axum::http::Request::put("/api/v1/params/mine").header("x-api-key", OTHER_KEY);
    let theirs = theirs.header("content-type", "application/json");
    world.ask_with(theirs, "{}").await.is(201, r#"{"version":1}"#);
}

#[tokio::test]
async fn owners_do_not_share_sets() {
    let world = World::new().await;
    world.ask_with(put("Test-Api"), RED).await.is(201, RED_STORED);
    let theirs = |method| {
        axum::http::Request::builder().method(method).uri("/api/v1/params/Test-Api").header("x-api-key", OTHER_KEY)
    };
    world.ask(theirs(Method::GET)).await.is(404, NOT_FOUND);
    world.ask(theirs(Method::DELETE)).await.is(404, NOT_FOUND);
    world.ask(theirs(Method::DELETE).header("if-match", FIRST)).await.is(404, NOT_FOUND);
    let json = |builder: axum::http::request::Builder| builder.header("content-type", "application/json");
    world.ask_with(json(theirs(Method::PUT)).header("if-match", FIRST), "{}").await.is(412, CHANGED);
    world.ask_with(json(theirs(Method::PUT)), "{}").await.is(201, r#"{"version":1}"#);
    read(&world, "Test-Api").await.is(200, RED_STORED);
    world.ask(theirs(Method::DELETE)).await.is(204, "");
    read(&world, "Test-Api").await.is(200, RED_STORED);
}

#[tokio::test]
async fn an_owners_set_takes_precedence_over_a_built_in_one_of_its_name() {
    let world = World::new().await;
    let built_in = read(&world, "amazon-main").await;
    assert_eq!(built_in.status, 200);
    assert_eq!(built_in.json()["canvas"], json!({ "width": 2000, "height": 2000 }));
    let etag = concat!("\"built-in-", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(built_in.header("etag"), etag);
    world.ask(params(Method::GET, "amazon-main").header("if-none-match", etag)).await.is(304, "");

    world.ask_with(put("amazon-main"), RED).await.is(201, RED_STORED);
    read(&world, "amazon-main").await.is(200, RED_STORED);
    let listed = list(&world, KEY).await;
    let named: Vec<_> = listed.as_array().expect("a list").iter().filter(|set| set["name"] == "amazon-main").collect();
    assert!(named.len() == 1 && named[0]["built_in"] == false, "{listed}");
    assert_eq!(list(&world, OTHER_KEY).await.as_array().map(Vec::len), Some(presets::all().len()));

    delete(&world, "amazon-main").await.is(204, "");
    read(&world, "amazon-main").await.is(200, &built_in.body);
}

#[tokio::test]
async fn a_built_in_set_counts_as_current_until_the_owner_stores_one_of_its_name() {
    let world = World::new().await;
    let built_in = concat!("\"built-in-", env!("CARGO_PKG_VERSION"), "\"");
    let put_if = async |header, value| world.ask_with(put("wall").header(header, value), RED).await;
    put_if("if-none-match", "*").await.is(412, EXISTS);
    put_if("if-match", SECOND).await.is(412, CHANGED);
    assert_eq!(read(&world, "wall").await.header("etag"), built_in, "nothing was stored");
    put_if("if-match", built_in).await.is(201, RED_STORED);
    put_if("if-match", built_in).await.is(412, CHANGED);

    delete(&world, "wall").await.is(204, "");
    put_if("if-match", "*").await.is(201, RED_STORED);
    put_if("if-match", "*").await.is(200, RED_STORED);
}

#[tokio::test]
async fn a_built_in_set_cannot_be_deleted() {
    let world = World::new().await;
    let forbidden = r#"{"error":"forbidden","message":"amazon-main is built in and cannot be deleted; store your own set under its name to replace it."}"#;
    delete(&world, "amazon-main").await.is(403, forbidden);
    world.ask(params(Method::DELETE, "amazon-main").header("if-match", "*")).await.is(403, forbidden);
    // Names are case-sensitive.
    world.ask(params(Method::DELETE, "Amazon-Main")).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn makes_a_conditional_change_only_if_the_condition_holds() {
    let world = World::new().await;
    let changed = async |header: &'static str, value: &str| world.ask_with(put("a").header(header, value), RED).await;
    let made = changed("if-none-match", "*").await;
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, FIRST));
    changed("if-none-match", "*").await.is(412, EXISTS);
    for any in ["*", FIRST] {
        world.ask_with(put("b").header("if-match", any), RED).await.is(412, CHANGED);
        read(&world, "b").await.is(404, NOT_FOUND);
    }

    let weak = format!("W/{FIRST}");
    let hyphenated = "\"019c0000-0000-7000-8000-000000000000\"";
    for other in [SECOND, "\"\"", "\"another's\"", weak.as_str(), hyphenated, "\"built-in-0.1.0\""] {
        changed("if-match", other).await.is(412, CHANGED);
        world.ask(params(Method::DELETE, "a").header("if-match", other)).await.is(412, CHANGED);
    }
    assert_eq!(read(&world, "a").await.header("etag"), FIRST, "nothing was changed");
    let replaced = changed("if-match", &format!("\"x\", {FIRST}")).await;
    assert_eq!(replaced.status, 200);
    // A caller with the old state gets a conflict.
    changed("if-match", FIRST).await.is(412, CHANGED);
    assert_eq!(changed("if-match", "*").await.status, 200);

    let delete =
        async |header: &'static str, value: &str| world.ask(params(Method::DELETE, "a").header(header, value)).await;
    delete("if-none-match", "*").await.is(412, EXISTS);
    delete("if-match", FIRST).await.is(412, CHANGED);
    let current = read(&world, "a").await.header("etag").to_owned();
    delete("if-match", &current).await.is(204, "");
    delete("if-match", &current).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn a_malformed_condition_is_400_and_changes_nothing() {
    let world = World::new().await;
    world.ask_with(put("a"), RED).await;
    let malformed = bad_request("If-Match must be * or a comma-separated list of quoted ETags.");
    for value in ["", "019c0000000070008000000000000000", "\"", "*, \"a\"", "\"a\" \"b\""] {
        world.ask_with(put("a").header("if-match", value), "{}").await.is(400, &malformed);
        world.ask(params(Method::DELETE, "a").header("if-match", value)).await.is(400, &malformed);
    }
    let only_any = bad_request("If-None-Match may only be * here; to replace a known state, send If-Match.");
    world.ask_with(put("a").header("if-none-match", FIRST), "{}").await.is(400, &only_any);
    let not_both = bad_request("Send If-Match or If-None-Match, not both.");
    world.ask_with(put("a").header("if-none-match", "*").header("if-match", FIRST), "{}").await.is(400, &not_both);
    let malformed = bad_request("If-None-Match must be * or a comma-separated list of quoted ETags.");
    world.ask(params(Method::GET, "a").header("if-none-match", "x")).await.is(400, &malformed);
    assert_eq!(read(&world, "a").await.header("etag"), FIRST);
}

#[tokio::test]
async fn a_caller_with_the_current_state_gets_304() {
    let world = World::new().await;
    world.ask_with(put("a"), RED).await;
    let weak = format!("\"x\", W/{FIRST}");
    for known in [FIRST, "*", weak.as_str()] {
        for method in [Method::GET, Method::HEAD] {
            let answer = world.ask(params(method, "a").header("if-none-match", known)).await;
            answer.is(304, "");
            assert_eq!(answer.header("etag"), FIRST);
        }
    }
    let answer = world.ask(params(Method::GET, "a").header("if-none-match", SECOND)).await;
    answer.is(200, RED_STORED);
    world.ask(params(Method::GET, "b").header("if-none-match", "*")).await.is(404, NOT_FOUND);
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let world = World::new().await;
    world.ask_with(put("a"), RED).await;
    let answer = world.ask(params(Method::HEAD, "a")).await;
    answer.is(200, "");
    assert_eq!(
        (answer.header("etag"), answer.header("content-length")),
        (FIRST, RED_STORED.len().to_string().as_str())
    );
    let answer = world.ask(get("/api/v1/params").method(Method::HEAD).header("x-api-key", KEY)).await;
    answer.is(200, "");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(world.ask(params(Method::HEAD, "nothing")).await.status, 404);
}

#[tokio::test]
async fn reports_errors_of_a_document_by_path_together_with_its_name() {
    let world = World::new().await;
    let document = json!({ "shadow_top": {"blur": "thick"}, "color": "red", "variations": ["compose", "cut"] });
    let answer = world.ask_with(put("a"), document.to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (422, &json!("validation")));
    let details = answer.json()["details"].as_object().cloned().expect("details");
    let fields: Vec<_> = details.keys().map(String::as_str).collect();
    assert_eq!(fields, ["params.color", "params.shadow_top.blur", "params.variations[1]"]);
    assert!(details.values().all(|faults| faults.as_array().is_some_and(|faults| !faults.is_empty())), "{details:?}");

    let name = "This value must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -, the first a letter or a digit.";
    for bad in ["-a", "_a", "a.b", "caf%C3%A9", "a%20b", "%FF", &"x".repeat(65)] {
        world.ask_with(put(bad), RED).await.is_invalid(json!({ "name": [name] }));
        read(&world, bad).await.is(404, NOT_FOUND);
        delete(&world, bad).await.is(404, NOT_FOUND);
    }
    for root in ["[]", "null", "7", "\"wall\""] {
        let answer = world.ask_with(put("-a"), root).await;
        let details = answer.json()["details"].as_object().cloned().expect("details");
        assert_eq!(details.keys().collect::<Vec<_>>(), ["name", "params"], "{root}");
    }
    assert_eq!(list(&world, KEY).await.as_array().map(Vec::len), Some(presets::all().len()), "nothing was stored");
    // A percent-encoded name is the same name.
    assert_eq!(world.ask_with(put("%61"), RED).await.header("location"), "/api/v1/params/a");
    read(&world, "a").await.is(200, RED_STORED);
}

#[tokio::test]
async fn rejects_a_body_that_is_not_a_document() {
    let world = World::new().await;
    let unsupported = r#"{"error":"unsupported_media_type","message":"Send application/json."}"#;
    for content_type in ["text/plain", "multipart/form-data; boundary=XX", "application/jsonx", ""] {
        let request = params(Method::PUT, "a").header("content-type", content_type);
        world.ask_with(request, RED).await.is(415, unsupported);
    }
    world.ask_with(params(Method::PUT, "a"), RED).await.is(415, unsupported);
    let request = params(Method::PUT, "b").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(world.ask_with(request, RED).await.status, 201);

    world.ask(put("a")).await.is(400, &bad_request("The body is empty."));
    for (body, message) in [
        ("{", "The body is not valid JSON: see line 1, column 1."),
        ("{\"margin\":\n '7%'}", "The body is not valid JSON: see line 2, column 2."),
        ("{} {}", "The body is not valid JSON: see line 1, column 4."),
    ] {
        world.ask_with(put("a"), body).await.is(400, &bad_request(message));
    }
    assert_eq!(world.ask_with(put("a"), &b"{\"a\":\"\xff\"}"[..]).await.status, 400);
    assert_eq!(world.ask_with(put("a"), "[".repeat(60_000)).await.status, 400);
    let breaks = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("reset"))]);
    let ended_early = bad_request("The body ended early.");
    world.ask_with(put("a"), Body::from_stream(breaks)).await.is(400, &ended_early);

    let too_large = r#"{"error":"too_large","message":"A parameter set may have at most 64 KB."}"#;
    let of_length = |length: usize| format!("{RED}{}", " ".repeat(length - RED.len()));
    world.ask_with(put("a"), of_length(64_001)).await.is(413, too_large);
    let pieces = [of_length(64_000), " ".to_owned()].map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
    world.ask_with(put("a"), Body::from_stream(stream::iter(pieces))).await.is(413, too_large);
    read(&world, "a").await.is(404, NOT_FOUND);
    assert_eq!(world.ask_with(put("a"), of_length(64_000)).await.status, 201);
}

#[tokio::test]
async fn a_failing_store_is_503() {
    let world = World::new().await.with(|api| {
        for sets in [&mut api.sets, &mut api.set_changes].into_iter().flatten() {
            sets.store = Arc::new(Broken);
        }
        if let Some(submit) = &mut api.submit {
            submit.sets.store = Arc::new(Broken);
        }
    });
    let upload = json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": "Test-Api" });
    let answers = [
        read(&world, "a").await,
        // The owner may have stored a set of a built-in one's name.
        read(&world, "wall").await,
        delete(&world, "a").await,
        world.ask_with(put("a"), RED).await,
        world.ask(get("/api/v1/params").header("x-api-key", KEY)).await,
        world.upload_json(&upload).await,
    ];
    for answer in answers {
        answer
            .is(503, r#"{"error":"unavailable","message":"The service is temporarily unavailable; try again later."}"#);
        assert_eq!(answer.header("retry-after"), "5");
    }
}

#[tokio::test(start_paused = true)]
async fn checks_the_key_before_it_reads_the_body() {
    let world = World::new().await;
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let request = axum::http::Request::builder().method(Method::PUT).uri("/api/v1/params/a");
    let request = request.header("content-type", "application/json").header("expect", "100-continue");
    let answer = world.ask_with(request, never).await;
    answer.is(401, r#"{"error":"unauthorized","message":"API key missing"}"#);
}

/// Fragments of documents, which reach deeper code than random text.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"version\"",
        "1",
        "\"canvas\"",
        "\"width\"",
        "\"background\"",
        "\"#fff\"",
        "\"image_url\"",
        "\"http://e/\"",
        "\"variations\"",
        "\"compose\"",
        "null",
        "1e999",
        "\"10%\"",
        "\"margin\":",
    ];
    prop_oneof![6 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_document_name_and_condition_gets_a_response_of_the_contract(
        pieces in prop::collection::vec(piece(), 0..20),
        name in "[a-zA-Z0-9_.%-]{1,6}",
        condition in "[ -~]{0,12}",
        known: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let answers = runtime.block_on(async {
            let world = World::new().await;
            let header = if known { "if-none-match" } else { "if-match" };
            let put = world.ask_with(put(&name).header(header, &condition), pieces.concat()).await;
            [put, world.ask(params(Method::GET, &name).header("if-none-match", &condition)).await]
        });
        for answer in answers {
            prop_assert!(matches!(answer.status.as_u16(), 200 | 201 | 304 | 400 | 404 | 412 | 422), "{answer:?}");
        }
    }
}
