//! Invalid input: the response or the failure names the cause, and the server keeps running.

use serde_json::{Value, json};

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, shared};
use crate::sources;

#[track_caller]
fn check_error(response: &Response, status: u16, error: &str) {
    assert_eq!((response.status, &response.json()["error"]), (status, &json!(error)), "{response:?}");
    assert!(response.header("x-request-id").is_some(), "{response:?}");
}

/// Checks that a job failed with this code, and that a retry is not suggested.
#[track_caller]
fn check_failed(status: &Value, code: &str) {
    assert_eq!((&status["state"], &status["status"]), (&json!("done"), &json!("failed")), "{status}");
    assert_eq!(status["error"]["code"], code, "{status}");
    assert_eq!(status["error"]["retryable"], false, "{status}");
    let message = status["error"]["message"].as_str().expect("a message");
    assert!(message.len() > 10 && !message.contains("Error"), "{message}");
}

#[track_caller]
fn check_is_up(server: &Server) {
    let response = Request::new("GET", server.url("/api/v1/status")).key(server.key()).send();
    check_error(&response, 422, "validation");
}

/// With the feature, the file is accepted, and its job fails: it has no picture.
#[test]
fn refuses_heic_at_once_in_a_build_without_it() {
    let server = shared();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice();
    let response = server.post().key(server.key()).form(&[("mode", "background")], Some(("photo.heic", heic))).send();
    if cfg!(feature = "heic") {
        assert_eq!(response.status, 202, "{response:?}");
        return;
    }
    check_error(&response, 422, "validation");
    let message = &response.json()["details"]["file"][0];
    assert!(message.as_str().is_some_and(|message| message.contains("--features heic")), "{message}");
}

#[test]
fn rejects_invalid_requests_with_the_cause() {
    let server = shared();
    let key = server.key();
    let photo = pictures::photo();
    let file = Some(("coffee.jpg", &photo[..]));

    check_error(&server.post().key(key).body("application/json", "").send(), 400, "bad_request");
    check_error(&server.post().key(key).body("application/json", "{").send(), 400, "bad_request");
    check_error(
        &server.post().key(key).body("multipart/form-data; boundary=x", "--x\r\nbroken").send(),
        400,
        "bad_request",
    );
    check_error(&server.post().key(key).body("text/plain", "hello").send(), 415, "unsupported_media_type");
    check_error(&Request::new("PUT", server.url("/api/v1/upload")).key(key).send(), 405, "method_not_allowed");
    check_error(&Request::new("GET", server.url("/api/v2/upload")).key(key).send(), 404, "not_found");

    let url = "https://example.com/a.jpg";
    for (fields, file, faulty) in [
        (vec![("mode", "background")], None, "file"),
        (vec![("mode", "background"), ("file_url", url)], file, "file"),
        (vec![("mode", "background")], Some(("photo.jpg", &b"just a text"[..])), "file"),
        (vec![("mode", "background")], Some(("photo.jpg", &b""[..])), "file"),
        (vec![("mode", "sparkle")], file, "mode"),
        (vec![("mode", "params")], file, "params"),
        (vec![("mode", "background"), ("output_format", "bmp")], file, "output_format"),
        (vec![("quality", "0")], file, "quality"),
        (vec![("path_inset", "9")], file, "path_inset"),
        (vec![("crop", "subject"), ("crop_margin", "-5%")], file, "crop_margin"),
        (vec![("crop_margin", "5%")], file, "crop_margin"),
        (vec![("crop", "subject"), ("output_format", "original")], file, "crop"),
        (vec![("keep_metadata", "exif")], file, "keep_metadata"),
        (vec![("keep_metadata", "none"), ("output_format", "original")], file, "keep_metadata"),
        (vec![("mode", "background"), ("delivery_mode", "pigeon")], file, "delivery_mode"),
        (vec![("mode", "background"), ("file_url", "ftp://example.com/a.jpg")], None, "file_url"),
    ] {
        let response = server.post().key(key).form(&fields, file).send();
        check_error(&response, 422, "validation");
        assert!(response.json()["details"][faulty].is_array(), "{faulty}: {response:?}");
    }
    check_is_up(&server);
}

#[test]
fn serves_only_callers_with_a_key() {
    let server = shared();
    let photo = pictures::photo();
    for key in ["", "ck_wrong", "0"] {
        let response = server.post().key(key).form(&[("mode", "background")], Some(("coffee.jpg", &photo))).send();
        check_error(&response, 401, "unauthorized");
        check_error(&server.status(key, "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"), 401, "unauthorized");
    }
    check_error(&server.status(server.key(), "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"), 404, "not_found");
}

#[test]
fn rejects_a_file_that_is_too_large() {
    let server = shared();
    let large = vec![0xFF; 51_500_000];
    let response = server.post().key(server.key()).form(&[("mode", "background")], Some(("large.jpg", &large))).send();
    check_error(&response, 413, "too_large");
    check_is_up(&server);
}

#[test]
fn a_picture_without_a_cut_out_fails_only_its_job() {
    let server = shared();
    let key = server.key();
    let photo = pictures::photo();
    let truncated = server.upload(key, "coffee.jpg", &photo[..photo.len() / 3]);
    let bomb = server.upload(key, "bomb.png", &pictures::bomb());
    let tiny = server.upload(key, "tiny.png", &pictures::one_pixel());
    let good = server.upload(key, "coffee.jpg", &photo);
    check_failed(&server.poll(key, &truncated), "invalid_image");
    check_failed(&server.poll(key, &bomb), "image_too_large");
    check_failed(&server.poll(key, &tiny), "no_subject");
    assert_eq!(server.poll(key, &good)["status"], "done");
}

#[test]
fn an_invalid_source_fails_only_its_job() {
    let server = shared();
    let key = server.key();
    let source = sources::start();
    for (path, code) in [
        ("/nothing.jpg", "source_unreachable"),
        ("/gone", "source_unreachable"),
        ("/loop", "source_unreachable"),
        ("/text.jpg", "unsupported_source"),
    ] {
        let job = server.upload_url(key, &format!("{source}{path}"));
        check_failed(&server.poll(key, &job), code);
    }
    check_is_up(&server);
}

#[test]
fn refuses_private_addresses_unless_allowed() {
    let data = Data::new();
    let server = Server::start(&data, &[]);
    let key = server.key();
    let source = sources::start();
    let port = source.rsplit(':').next().expect("a port");
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "169.254.169.254"] {
        let job = server.upload_url(key, &format!("http://{host}:{port}/photo.jpg"));
        check_failed(&server.poll(key, &job), "source_forbidden");
    }
    assert!(!server.log().contains("private sources are allowed"));
    assert!(shared().log().contains("private sources are allowed"), "the other server warns");
}

#[test]
fn refuses_photos_that_do_not_fit_under_the_storage_cap() {
    let data = Data::new();
    let photo = pictures::photo();
    let cap = (photo.len() + photo.len() / 2).to_string();
    let arguments = ["--workers", "0", "--max-stored-bytes-per-owner", &*cap];
    let server = Server::start(&data, &arguments);
    let key = server.key().to_owned();
    let job = server.upload(&key, "coffee.jpg", &photo);
    let upload =
        |server: &Server| server.post().key(&key).form(&[("mode", "background")], Some(("coffee.jpg", &photo))).send();
    check_error(&upload(&server), 507, "storage_full");
    server.kill();

    let server = Server::start(&data, &arguments);
    check_error(&upload(&server), 507, "storage_full");
    assert_eq!(server.status(&key, &job).status, 200);
    drop(server);
    let server = Server::start(&data, &["--workers", "0"]);
    assert_eq!(upload(&server).status, 202, "without a cap");
}
