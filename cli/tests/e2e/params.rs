//! Parameter sets: stored, listed and read over HTTP, and used for photos.

use serde_json::{Value, json};

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, shared};

/// A set with a canvas smaller than the photo, in a color that the photo does not contain.
fn set() -> Value {
    json!({
        "canvas": {"width": 300, "height": 200}, "background": "#ff0000", "margin": "10%",
        "variations": ["compose", "background"],
    })
}

fn set_request(server: &Server, method: &'static str, name: &str) -> Request<'static> {
    Request::new(method, server.url(&format!("/api/v1/params/{name}"))).key(server.key())
}

/// The names in the list of sets, and whether each is built in.
#[track_caller]
fn listed(server: &Server) -> Vec<(String, bool)> {
    let response = Request::new("GET", server.url("/api/v1/params")).key(server.key()).send();
    assert_eq!(response.status, 200, "{response:?}");
    let list = response.json();
    let line = |line: &Value| Some((line["name"].as_str()?.to_owned(), line["built_in"].as_bool()?));
    list["params"].as_array().expect("a list").iter().map(|one| line(one).expect("a line")).collect()
}

/// The id of an accepted job in mode params.
#[track_caller]
fn accepted_params_job(response: &Response) -> String {
    assert_eq!(response.status, 202, "{response:?}");
    let body = response.json();
    assert_eq!((&body["status"], &body["mode"]), (&json!("queued"), &json!("params")), "{body}");
    body["job_id"].as_str().expect("an id").to_owned()
}

/// Checks that a job has exactly the pictures of [`set`].
#[track_caller]
fn check_pictures(status: &Value) {
    assert_eq!((&status["status"], &status["mode"]), (&json!("done"), &json!("params")), "{status}");
    let links = status["final_urls"].as_object().expect("links");
    assert_eq!(links.keys().collect::<Vec<_>>(), ["background", "compose"], "{status}");
    assert!(status["assets"]["matte"].is_string(), "{status}");
    let picture = |name: &str| {
        let response = Request::new("GET", links[name].as_str().expect("a link")).send();
        assert_eq!((response.status, response.header("content-type")), (200, Some("image/png")), "{name}");
        image::load_from_memory(&response.body).expect("a picture").to_rgba8()
    };
    let composed = picture("compose");
    assert_eq!(composed.dimensions(), (300, 200));
    for (x, y) in [(0, 0), (299, 0), (0, 199), (299, 199)] {
        assert_eq!(composed.get_pixel(x, y).0, [255, 0, 0, 255], "the background at {x}, {y}");
    }
    assert_eq!(picture("background").dimensions(), (600, 400), "the cut-out keeps the photo's size");
}

#[test]
fn composes_a_photo_with_a_stored_set() {
    let data = Data::new();
    let server = Server::start(&data, &[]);
    let built_in = listed(&server);
    assert!(built_in.contains(&("amazon-main".to_owned(), true)), "{built_in:?}");

    let created = set_request(&server, "PUT", "Test-Api").json(&set()).send();
    assert_eq!((created.status, created.header("location")), (201, Some("/api/v1/params/Test-Api")), "{created:?}");
    let etag = created.header("etag").expect("an ETag").to_owned();
    assert_eq!(listed(&server)[0], ("Test-Api".to_owned(), false));
    let stored = set_request(&server, "GET", "Test-Api").send();
    assert_eq!((stored.status, stored.header("etag")), (200, Some(etag.as_str())), "{stored:?}");
    assert_eq!(stored.json()["canvas"], set()["canvas"]);
    assert_eq!(set_request(&server, "GET", "Test-Api").header("If-None-Match", &etag).send().status, 304);

    let photo = pictures::photo();
    let fields = [("mode", "params"), ("params", "Test-Api")];
    let job = accepted_params_job(&server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &photo))).send());
    // Later changes of the set do not affect the job.
    let replaced = set_request(&server, "PUT", "Test-Api").header("If-Match", &etag).json(&json!({})).send();
    assert_eq!(replaced.status, 200, "{replaced:?}");
    let outdated = set_request(&server, "PUT", "Test-Api").header("If-Match", &etag).json(&json!({})).send();
    assert_eq!((outdated.status, &outdated.json()["error"]), (412, &json!("precondition_failed")));

    let status = server.poll(server.key(), &job);
    check_pictures(&status);
    let revision = etag.trim_matches('"');
    assert_eq!(status["params"], json!({ "name": "Test-Api", "revision": revision }));

    // An acknowledged change survives a kill.
    let key = server.key().to_owned();
    server.kill();
    let server = Server::start(&data, &[]);
    let request = |method| Request::new(method, server.url("/api/v1/params/Test-Api")).key(&key);
    assert_eq!(request("GET").send().header("etag"), replaced.header("etag"));
    assert_eq!(request("DELETE").send().status, 204);
    assert_eq!(request("DELETE").send().status, 404);
}

#[test]
fn composes_a_photo_with_a_set_in_the_request() {
    let server = shared();
    let photo = pictures::photo();
    let fields = [("mode", "params"), ("params", &*set().to_string())];
    let job = accepted_params_job(&server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &photo))).send());
    let status = server.poll(server.key(), &job);
    check_pictures(&status);
    assert!(status.get("params").is_none(), "the set has no name: {status}");
}

#[test]
fn rejects_an_invalid_set_with_its_faults() {
    let server = shared();
    let photo = pictures::photo();
    for (params, faulty) in [("no-such-set", "params"), (r#"{"margin":"60%"}"#, "params.margin"), ("{", "params")] {
        let fields = [("mode", "params"), ("params", params)];
        let response = server.post().key(server.key()).form(&fields, Some(("coffee.jpg", &photo))).send();
        assert_eq!(response.status, 422, "{response:?}");
        assert!(response.json()["details"][faulty].is_array(), "{faulty}: {response:?}");
    }
    let response = set_request(&server, "DELETE", "amazon-main").send();
    assert_eq!((response.status, &response.json()["error"]), (403, &json!("forbidden")), "{response:?}");
    let response = set_request(&server, "PUT", "Test-Api").json(&json!({ "color": "red" })).send();
    assert_eq!(response.status, 422, "{response:?}");
    assert!(response.json()["details"]["params.color"].is_array(), "{response:?}");
}
