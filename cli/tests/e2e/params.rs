//! Parameter sets: stored over HTTP, listed, read, and what comes of a photo with one.

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::pictures;
use crate::server::{Data, Server, shared};

/// A canvas that is smaller than the photo, in a color that is not in it.
fn set() -> Value {
    json!({
        "canvas": {"width": 300, "height": 200}, "background": "#ff0000", "margin": "10%",
        "variations": ["compose", "background"],
    })
}

fn of_set(server: &Server, method: &'static str, name: &str) -> Request<'static> {
    Request::new(method, server.url(&format!("/api/v1/params/{name}"))).key(server.key())
}

/// The names that are listed, and whether each is built in.
#[track_caller]
fn listed(server: &Server) -> Vec<(String, bool)> {
    let answer = Request::new("GET", server.url("/api/v1/params")).key(server.key()).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    let list = answer.json();
    let line = |line: &Value| Some((line["name"].as_str()?.to_owned(), line["built_in"].as_bool()?));
    list["params"].as_array().expect("a list").iter().map(|one| line(one).expect("a line")).collect()
}

/// The job of a photo in mode params.
#[track_caller]
fn job_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["status"], &body["mode"]), (&json!("queued"), &json!("params")), "{body}");
    body["job_id"].as_str().expect("an id").to_owned()
}

/// That a job has made the pictures of [`set`], and nothing else.
#[track_caller]
fn check_made(status: &Value) {
    assert_eq!((&status["status"], &status["mode"]), (&json!("done"), &json!("params")), "{status}");
    let links = status["final_urls"].as_object().expect("links");
    assert_eq!(links.keys().collect::<Vec<_>>(), ["background", "compose"], "{status}");
    assert!(status["assets"]["matte"].is_string(), "{status}");
    let picture = |name: &str| {
        let answer = Request::new("GET", links[name].as_str().expect("a link")).send();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")), "{name}");
        image::load_from_memory(&answer.body).expect("a picture").to_rgba8()
    };
    let composed = picture("compose");
    assert_eq!(composed.dimensions(), (300, 200));
    for (x, y) in [(0, 0), (299, 0), (0, 199), (299, 199)] {
        assert_eq!(composed.get_pixel(x, y).0, [255, 0, 0, 255], "the background at {x}, {y}");
    }
    assert_eq!(picture("background").dimensions(), (600, 400), "it is the photo's own cut");
}

#[test]
fn a_photo_is_composed_by_a_set_that_was_stored_before() {
    let data = Data::new();
    let server = Server::start(&data, &[]);
    let built_in = listed(&server);
    assert!(built_in.contains(&("amazon-main".to_owned(), true)), "{built_in:?}");

    let made = of_set(&server, "PUT", "Test-Api").json(&set()).send();
    assert_eq!((made.status, made.header("location")), (201, Some("/api/v1/params/Test-Api")), "{made:?}");
    let etag = made.header("etag").expect("an ETag").to_owned();
    assert_eq!(listed(&server)[0], ("Test-Api".to_owned(), false));
    let found = of_set(&server, "GET", "Test-Api").send();
    assert_eq!((found.status, found.header("etag")), (200, Some(etag.as_str())), "{found:?}");
    assert_eq!(found.json()["canvas"], set()["canvas"]);
    assert_eq!(of_set(&server, "GET", "Test-Api").header("If-None-Match", &etag).send().status, 304);

    let photo = pictures::photo();
    let fields = [("mode", "params"), ("params", "Test-Api")];
    let named = job_of(&server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &photo))).send());
    // What becomes of the set after that is nothing to the job.
    let replaced = of_set(&server, "PUT", "Test-Api").header("If-Match", &etag).json(&json!({})).send();
    assert_eq!(replaced.status, 200, "{replaced:?}");
    let late = of_set(&server, "PUT", "Test-Api").header("If-Match", &etag).json(&json!({})).send();
    assert_eq!((late.status, &late.json()["error"]), (412, &json!("precondition_failed")));

    let status = server.poll(server.key(), &named);
    check_made(&status);
    let revision = etag.trim_matches('"');
    assert_eq!(status["params"], json!({ "name": "Test-Api", "revision": revision }));

    // Kept over a restart, as all that was acknowledged.
    let key = server.key().to_owned();
    server.kill();
    let server = Server::start(&data, &[]);
    let request = |method| Request::new(method, server.url("/api/v1/params/Test-Api")).key(&key);
    assert_eq!(request("GET").send().header("etag"), replaced.header("etag"));
    assert_eq!(request("DELETE").send().status, 204);
    assert_eq!(request("DELETE").send().status, 404);
}

#[test]
fn a_photo_is_composed_by_a_set_that_comes_with_it() {
    let server = shared();
    let photo = pictures::photo();
    let fields = [("mode", "params"), ("params", &*set().to_string())];
    let job = job_of(&server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &photo))).send());
    let status = server.poll(server.key(), &job);
    check_made(&status);
    assert!(status.get("params").is_none(), "it has no name: {status}");
}

#[test]
fn a_set_that_is_none_is_refused_with_what_is_wrong() {
    let server = shared();
    let photo = pictures::photo();
    for (params, faulty) in [("no-such-set", "params"), (r#"{"margin":"60%"}"#, "params.margin"), ("{", "params")] {
        let fields = [("mode", "params"), ("params", params)];
        let answer = server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &photo))).send();
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.json()["details"][faulty].is_array(), "{faulty}: {answer:?}");
    }
    let answer = of_set(&server, "DELETE", "amazon-main").send();
    assert_eq!((answer.status, &answer.json()["error"]), (403, &json!("forbidden")), "{answer:?}");
    let answer = of_set(&server, "PUT", "Test-Api").json(&json!({ "color": "red" })).send();
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.json()["details"]["params.color"].is_array(), "{answer:?}");
}
