//! Uploading photos and downloading their cut-outs.

use cutline_core::domain::kind::ImageKind;
use serde_json::json;

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Server, accepted, shared};
use crate::sources;

#[track_caller]
fn download(server: &Server, link: &str) -> Response {
    assert!(link.starts_with(&server.url("/files/jobs/")), "{link}");
    Request::new("GET", link).send()
}

#[test]
fn cuts_out_an_uploaded_photo() {
    let server = shared();
    let job = server.upload(server.key(), "coffee.jpg", &pictures::photo());
    let status = server.poll(server.key(), &job);
    assert_eq!(status["status"], "done", "{status}");
    assert_eq!(status["progress"], 100);
    assert_eq!(status["final_url"], json!(null), "delivery_mode is url");
    let links = status["final_urls"].as_object().expect("links");
    assert_eq!(links.keys().collect::<Vec<_>>(), ["background"]);
    let confidence = status["confidence"].as_f64().expect("a confidence");
    assert!((0.0..=1.0).contains(&confidence), "{status}");
    let matte = download(&server, status["assets"]["matte"].as_str().expect("a link"));
    assert_eq!((matte.status, matte.header("content-type")), (200, Some("image/png")));
    pictures::check_matte(&image::load_from_memory(&matte.body).expect("a picture").into_luma8());

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
fn a_cropped_picture_is_the_box_of_the_whole_one() {
    let server = shared();
    let made = |fields: &[(&str, &str)]| {
        let request = server.post().key(server.key());
        let response = request.form(fields, Some(("coffee.jpg", &pictures::photo()))).send();
        let status = server.poll(server.key(), &accepted(&response));
        let picture = download(&server, status["final_urls"]["background"].as_str().expect("a link"));
        (image::load_from_memory(&picture.body).expect("a picture").into_rgba8(), status)
    };
    let (whole, status) = made(&[("mode", "background")]);
    assert_eq!(status.get("crop_box"), None, "{status}");
    let (cropped, status) = made(&[("mode", "background"), ("crop", "subject"), ("crop_margin", "5% 12px")]);
    let corners = serde_json::from_value::<[u32; 4]>(status["crop_box"].clone()).expect("a box");
    let [left, top, right, bottom] = corners;
    assert_eq!(cropped.dimensions(), (right - left, bottom - top), "{status}");
    assert!(cropped.width() * cropped.height() < whole.width() * whole.height(), "{status}");
    let window = image::imageops::crop_imm(&whole, left, top, right - left, bottom - top).to_image();
    assert!(cropped == window, "the pixels are those of the whole picture");
}

#[test]
fn cuts_along_a_path_by_default() {
    let server = shared();
    let request = server.post().key(server.key());
    let response = request.form(&[("path_name", "Freisteller")], Some(("coffee.jpg", &pictures::photo()))).send();
    assert_eq!((response.status, &response.json()["mode"]), (202, &json!("clipping")), "{response:?}");
    let status = server.poll(server.key(), response.json()["job_id"].as_str().expect("an id"));
    assert_eq!((&status["status"], &status["mode"]), (&json!("done"), &json!("clipping")), "{status}");
    assert_eq!(status["warnings"], json!({}), "a cup has a clean outline");
    let links = status["final_urls"].as_object().expect("links");
    assert_eq!(links.keys().collect::<Vec<_>>(), ["background", "clipping"]);
    pictures::check(&download(&server, links["background"].as_str().expect("a link")).body);
    pictures::check_clipped(&download(&server, links["clipping"].as_str().expect("a link")).body);

    let assets = status["assets"].as_object().expect("links");
    assert_eq!(assets.keys().collect::<Vec<_>>(), ["clipping_path", "matte"]);
    let path = download(&server, assets["clipping_path"].as_str().expect("a link"));
    assert_eq!((path.status, path.header("content-type")), (200, Some("image/svg+xml")));
    assert_eq!(path.header("x-content-type-options"), Some("nosniff"));
    assert!(path.header("content-security-policy").is_some_and(|policy| policy.starts_with("sandbox")), "{path:?}");
    pictures::check_path(&path.body);
}

#[test]
fn cuts_out_a_photo_from_a_url() {
    let server = shared();
    let job = server.upload_url(server.key(), &format!("{}/moved", sources::start()));
    let status = server.poll(server.key(), &job);
    assert_eq!(status["status"], "done", "{status}");
    let link = status["final_urls"]["background"].as_str().expect("a link");
    pictures::check(&download(&server, link).body);
}

#[test]
fn serves_every_format_with_its_media_type_under_final_url() {
    let server = shared();
    let jobs = ["jpg", "webp", "psd", "tiff"].map(|format| {
        let fields = [("mode", "background"), ("output_format", format), ("delivery_mode", "final_url")];
        let request = server.post().header("Authorization", &format!("Bearer {}", server.key()));
        accepted(&request.form(&fields, Some(("coffee.jpg", &pictures::photo()))).send())
    });
    let media_types = ["image/jpeg", "image/webp", "image/vnd.adobe.photoshop", "image/tiff"];
    for (job, media_type) in jobs.iter().zip(media_types) {
        let status = server.poll(server.key(), job);
        assert_eq!(status["status"], "done", "{status}");
        assert!(status.get("final_urls").is_none(), "{status}");
        let picture = download(&server, status["final_url"].as_str().expect("a link"));
        assert_eq!(picture.header("content-type"), Some(media_type));
        match ImageKind::sniff(&picture.body) {
            Some(ImageKind::Psd) => assert_eq!(media_type, "image/vnd.adobe.photoshop"),
            Some(ImageKind::Tiff) => assert_eq!(media_type, "image/tiff"),
            _ => assert_eq!(image::load_from_memory(&picture.body).expect("a picture").width(), 600),
        }
    }
}

#[test]
fn allows_only_the_configured_origins() {
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
