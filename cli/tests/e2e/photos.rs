//! A photo goes in, and its cut-out comes out.

use serde_json::json;

use crate::http::{Answer, Request};
use crate::pictures;
use crate::server::{Server, accepted, shared};
use crate::sources;

#[track_caller]
fn download(server: &Server, link: &str) -> Answer {
    assert!(link.starts_with(&server.url("/files/jobs/")), "{link}");
    Request::new("GET", link).send()
}

#[test]
fn an_uploaded_photo_is_cut_out() {
    let server = shared();
    let job = server.upload(server.key(), "coffee.jpg", &pictures::photo());
    let status = server.poll(server.key(), &job);
    assert_eq!(status["status"], "done", "{status}");
    assert_eq!(status["progress"], 100);
    assert_eq!(status["final_url"], json!(null), "delivery_mode is url");
    let links = status["final_urls"].as_object().expect("links");
    assert_eq!(links.keys().collect::<Vec<_>>(), ["background"]);

    let link = links["background"].as_str().expect("a link");
    let picture = download(&server, link);
    assert_eq!(picture.status, 200, "{:?}", picture.header("content-type"));
    assert_eq!(picture.header("content-type"), Some("image/png"));
    assert!(picture.header("x-request-id").is_some());
    pictures::check(&picture.body);

    for changed in [
        format!("{link}0"),
        link.replace("expires=", "expires=9"),
        link.replace("background.png", "background.jpg"),
        link.split('?').next().expect("a path").to_owned(),
        server.url(&format!("/files/sources/{job}")),
    ] {
        assert_eq!(Request::new("GET", changed.clone()).send().status, 403, "{changed}");
    }
}

#[test]
fn a_photo_behind_an_address_is_fetched_and_cut_out() {
    let server = shared();
    let job = server.upload_url(server.key(), &format!("{}/moved", sources::start()));
    let status = server.poll(server.key(), &job);
    assert_eq!(status["status"], "done", "{status}");
    let link = status["final_urls"]["background"].as_str().expect("a link");
    pictures::check(&download(&server, link).body);
}

#[test]
fn every_format_comes_with_its_media_type_and_final_url_is_one_link() {
    let server = shared();
    let jobs = ["jpg", "webp"].map(|format| {
        let fields = [("mode", "background"), ("output_format", format), ("delivery_mode", "final_url")];
        let request = server.post().header("Authorization", &format!("Bearer {}", server.key()));
        accepted(&request.form(&fields, Some(("coffee.jpg", &pictures::photo()))).send())
    });
    for (job, media_type) in jobs.iter().zip(["image/jpeg", "image/webp"]) {
        let status = server.poll(server.key(), job);
        assert_eq!(status["status"], "done", "{status}");
        assert!(status.get("final_urls").is_none(), "{status}");
        let picture = download(&server, status["final_url"].as_str().expect("a link"));
        assert_eq!(picture.header("content-type"), Some(media_type));
        assert_eq!(image::load_from_memory(&picture.body).expect("a picture").width(), 600);
    }
}

#[test]
fn a_web_page_of_an_allowed_origin_may_call() {
    let server = shared();
    let preflight = |origin: &str| {
        Request::new("OPTIONS", server.url("/api/v1/upload"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-api-key")
            .send()
    };
    let allowed = "https://shop.example.com";
    assert_eq!(preflight(allowed).header("access-control-allow-origin"), Some(allowed));
    assert_eq!(preflight("https://other.example.com").header("access-control-allow-origin"), None);
}
