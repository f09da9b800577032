//! Bad input: each ends in a clear answer or a clear failure, and the server stays up.

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::pictures;
use crate::server::{Data, Server, shared};
use crate::sources;

#[track_caller]
fn is(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, &answer.json()["error"]), (status, &json!(error)), "{answer:?}");
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
}

/// That the job failed for this reason, and that nobody is told to try again.
#[track_caller]
fn failed(status: &Value, code: &str) {
    assert_eq!((&status["state"], &status["status"]), (&json!("done"), &json!("failed")), "{status}");
    assert_eq!(status["error"]["code"], code, "{status}");
    assert_eq!(status["error"]["retryable"], false, "{status}");
    let message = status["error"]["message"].as_str().expect("a message");
    assert!(message.len() > 10 && !message.contains("Error"), "{message}");
}

#[track_caller]
fn is_up(server: &Server) {
    let answer = Request::new("GET", server.url("/api/v1/status")).key(server.key()).send();
    is(&answer, 422, "validation");
}

#[test]
fn a_request_that_is_none_is_answered_with_what_is_wrong() {
    let server = shared();
    let key = server.key();
    let photo = pictures::photo();
    let file = Some(("coffee.jpg", &photo[..]));

    is(&server.post().key(key).body("application/json", "").send(), 400, "bad_request");
    is(&server.post().key(key).body("application/json", "{").send(), 400, "bad_request");
    is(&server.post().key(key).body("multipart/form-data; boundary=x", "--x\r\nbroken").send(), 400, "bad_request");
    is(&server.post().key(key).body("text/plain", "hello").send(), 415, "unsupported_media_type");
    is(&Request::new("PUT", server.url("/api/v1/upload")).key(key).send(), 405, "method_not_allowed");
    is(&Request::new("GET", server.url("/api/v2/upload")).key(key).send(), 404, "not_found");

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
        (vec![("mode", "background"), ("delivery_mode", "pigeon")], file, "delivery_mode"),
        (vec![("mode", "background"), ("file_url", "ftp://example.com/a.jpg")], None, "file_url"),
    ] {
        let answer = server.post().key(key).form(&fields, file).send();
        is(&answer, 422, "validation");
        assert!(answer.json()["details"][faulty].is_array(), "{faulty}: {answer:?}");
    }
    is_up(&server);
}

#[test]
fn only_who_has_a_key_is_served() {
    let server = shared();
    let photo = pictures::photo();
    for key in ["", "ck_wrong", "0"] {
        let answer = server.post().key(key).form(&[("mode", "background")], Some(("coffee.jpg", &photo))).send();
        is(&answer, 401, "unauthorized");
        is(&server.status(key, "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"), 401, "unauthorized");
    }
    is(&server.status(server.key(), "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"), 404, "not_found");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let server = shared();
    let large = vec![0xFF; 51_500_000];
    let answer = server.post().key(server.key()).form(&[("mode", "background")], Some(("large.jpg", &large))).send();
    is(&answer, 413, "too_large");
    is_up(&server);
}

#[test]
fn a_picture_that_cannot_be_cut_out_fails_its_job_alone() {
    let server = shared();
    let key = server.key();
    let photo = pictures::photo();
    let truncated = server.upload(key, "coffee.jpg", &photo[..photo.len() / 3]);
    let bomb = server.upload(key, "bomb.png", &pictures::bomb());
    let tiny = server.upload(key, "tiny.png", &pictures::one_pixel());
    let good = server.upload(key, "coffee.jpg", &photo);
    failed(&server.poll(key, &truncated), "invalid_image");
    failed(&server.poll(key, &bomb), "image_too_large");
    failed(&server.poll(key, &tiny), "no_subject");
    assert_eq!(server.poll(key, &good)["status"], "done");
}

#[test]
fn a_source_that_is_none_fails_its_job_alone() {
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
        failed(&server.poll(key, &job), code);
    }
    is_up(&server);
}

#[test]
fn private_addresses_are_out_of_reach_unless_they_are_allowed() {
    let data = Data::new();
    let server = Server::start(&data, &[]);
    let key = server.key();
    let source = sources::start();
    let port = source.rsplit(':').next().expect("a port");
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "169.254.169.254"] {
        let job = server.upload_url(key, &format!("http://{host}:{port}/photo.jpg"));
        failed(&server.poll(key, &job), "source_forbidden");
    }
    assert!(!server.log().contains("private sources are allowed"));
    assert!(shared().log().contains("private sources are allowed"), "the other server warns");
}
