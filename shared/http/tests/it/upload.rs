//! `POST /api/v1/upload`: accepted and rejected requests.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::Request;
use cutline_core::contract::samples;
use cutline_core::domain::crop::Crop;
use cutline_core::domain::job::Source;
use cutline_core::domain::keep_metadata::KeepMetadata;
use cutline_core::domain::keys::Owner;
use cutline_core::domain::params::presets;
use cutline_core::domain::subject::MaskSource;
use cutline_core::ports::Blobs;
use cutline_core::{DeliveryMode, JobState, Mode, OutputFormat, RequestedFormat, StorageKey};
use futures::stream;
use serde_json::json;

use crate::failing_ports::Broken;
use crate::support::{Form, KEY, OTHER_KEY, PNG, World, owner, put, upload};

pub(crate) const ACCEPTED: &str =
    r#"{"job_id":"019c0000-0000-7000-8000-000000000000","status":"queued","mode":"background"}"#;
const UNKNOWN: &str =
    "The file is not a picture of a known kind. Send a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture.";
const CHOICE: &str = "The value you selected is not a valid choice.";

pub(crate) fn bad_request(message: &str) -> String {
    json!({ "error": "bad_request", "message": message }).to_string()
}

/// Asserts that a rejected request stored nothing.
fn assert_nothing_stored(world: &World) {
    assert!(world.store.all_jobs().is_empty() && world.blobs.keys().is_empty() && world.queue.bodies().is_empty());
}

#[tokio::test]
async fn json_with_a_url_creates_a_job() {
    let world = World::new().await;
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background", "delivery_mode": "final_url", "output_format": "jpg" });
    let answer = world.upload_json(&body).await;
    answer.is(202, ACCEPTED);
    assert_eq!(answer.header("content-type"), "application/json");
    let job = world.store.all_jobs().remove(0);
    assert_eq!((&job.owner, job.spec.mode, job.spec.delivery), (&owner(), Mode::Background, DeliveryMode::FinalUrl));
    assert_eq!((job.spec.format, job.spec.set), (Some(OutputFormat::Jpeg.into()), None));
    assert!(matches!(&job.spec.source, Source::Url(url) if url.to_string() == "https://example.com/cup.jpg"));
    assert_eq!(world.queue.bodies(), [format!(r#"{{"job_id":"{}"}}"#, job.id)]);
}

#[tokio::test]
async fn multipart_with_a_file_creates_a_job() {
    let world = World::new().await;
    let form = Form::new().text("mode", "background").file("cup.png", PNG).text("output_format", "webp");
    world.upload_form(&form).await.is(202, ACCEPTED);
    let job = world.store.all_jobs().remove(0);
    assert_eq!((job.spec.source.clone(), job.spec.format), (Source::Stored, Some(OutputFormat::Webp.into())));
    let stored = world.blobs.get(&StorageKey::Source { job: job.id }).await.expect("read");
    assert_eq!(stored.as_deref(), Some(PNG));
}

#[tokio::test]
async fn inks_that_no_picture_holds_are_refused_with_the_remedy() {
    const PSD: &[u8] = b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\0\x10\0\0\0\x10\0\x08\0\x04";
    // A JPEG of four components.
    const JPEG: &[u8] = b"\xFF\xD8\xFF\xC0\0\x14\x08\0\x10\0\x10\x04";
    let world = World::new().await;
    let form = |photo| Form::new().text("mode", "background").text("color", "keep").file("cup", photo);
    let remedy = "Send output_format=psd or tiff, or color=srgb";
    let refused = |format: &str, more: &str| {
        let message = format!("The photo is CMYK, and {format} files hold no inks. {remedy}{more}.");
        format!(r#"{{"error":"validation","details":{{"color":["{message}"]}}}}"#)
    };
    let original = ", or output_format=original with mode=clipping to get the file itself";
    for photo in [PSD, JPEG] {
        world.upload_form(&form(photo)).await.is(422, &refused("PNG", ""));
        world.upload_form(&form(photo).text("output_format", "webp")).await.is(422, &refused("WebP", ""));
        world.upload_form(&form(photo).text("output_format", "jpg")).await.is(422, &refused("JPEG", original));
    }
    let set = r##"{"variations":["compose"],"background":"#ffffff","output":{"format":"tiff","color":"keep"}}"##;
    let composed = Form::new().text("mode", "params").text("params", set).file("cup.psd", PSD);
    let message = "The photo is CMYK, and the variation compose is made in RGB. Send a set with no variation but \
                   background or clipping, or color=srgb.";
    let answer = format!(r#"{{"error":"validation","details":{{"params":["{message}"]}}}}"#);
    world.upload_form(&composed).await.is(422, &answer);
    assert_nothing_stored(&world);
    world.upload_form(&form(JPEG).text("output_format", "tiff")).await.is(202, ACCEPTED);
}

#[tokio::test]
async fn a_mask_is_stored_beside_its_photo() {
    let world = World::new().await;
    let form = Form::new().text("mode", "background").mask(&[PNG, b" of white"].concat()).file("cup.png", PNG);
    world.upload_form(&form).await.is(202, ACCEPTED);
    let job = world.store.all_jobs().remove(0);
    assert_eq!(job.spec.subject.mask_source, Some(MaskSource::File));
    let mask = job.spec.mask_file().expect("a mask");
    let key = StorageKey::Mask { job: job.id, mask: mask.id };
    let stored = world.blobs.get(&key).await.expect("read").expect("is stored");
    assert_eq!(stored, [PNG, b" of white"].concat());
    assert_eq!(world.blobs.get(&StorageKey::Source { job: job.id }).await.expect("read").as_deref(), Some(PNG));
    assert_eq!(job.source_bytes, Some((2 * PNG.len() + 9) as u64));
}

#[tokio::test]
async fn a_form_names_its_file_where_the_output_name_needs_it() {
    for (output_name, stored) in [("{source_name}", Some("red cup")), ("{job_id}", None)] {
        let world = World::new().await;
        let form = Form::new().text("output_name", output_name).file("C:\\fakepath\\red cup.png", PNG);
        assert_eq!(world.upload_form(&form).await.status, 202);
        let record = serde_json::to_value(&world.store.all_jobs()[0]).expect("serializes");
        assert_eq!(record["order"].get("source_name").and_then(|name| name.as_str()), stored, "{record}");
        assert_eq!(record["order"]["output_name"], output_name);
    }
}

#[tokio::test]
async fn the_default_mode_is_clipping() {
    let world = World::new().await;
    let answer = world.upload_json(&json!({ "file_url": "https://example.com/cup.jpg" })).await;
    answer.is(202, &ACCEPTED.replace("background", "clipping"));
    let spec = world.store.all_jobs().remove(0).spec;
    assert_eq!((spec.mode, spec.format), (Mode::Clipping, None));
}

#[tokio::test]
async fn json_and_forms_give_the_same_settings() {
    let body = json!({
        "file_url": "https://example.com/cup.jpg", "output_format": "psd", "channels": "alpha", "quality": 80,
        "lossless": true, "dpi": "72", "path_name": "Pfad 1", "path_flatness": 0.5, "path_inset": 1, "crop": "subject",
        "crop_margin": 30, "keep_metadata": "none", "depth": 16, "color": "keep",
    });
    let json = World::new().await;
    assert_eq!(json.upload_json(&body).await.status, 202);
    let members = body.as_object().expect("an object");
    let form = members
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(name, value.as_str().unwrap_or(&value.to_string())));
    let multipart = World::new().await;
    assert_eq!(multipart.upload_form(&form).await.status, 202);
    let [json, multipart] = [json, multipart].map(|world| world.store.all_jobs().remove(0).spec);
    assert_eq!(json, multipart);
    assert_eq!((json.format, json.rendering.dpi.map(|dpi| dpi.get())), (Some(OutputFormat::Psd.into()), Some(72)));
    assert_eq!((json.rendering.path.name.as_str(), json.rendering.path.inset.get()), ("Pfad 1", 1.0));
    let margin = json.rendering.crop.and_then(Crop::margin).map(|margin| margin.to_string());
    assert_eq!(margin.as_deref(), Some("30"));
    assert_eq!(json.rendering.keep_metadata, Some(KeepMetadata::None));
}

#[tokio::test]
async fn multipart_with_a_url_creates_a_job() {
    let world = World::new().await;
    // As a browser sends a form: an unused file input, and empty fields.
    let form = Form::new()
        .text("file_url", "https://example.com/cup.jpg")
        .file("", b"")
        .text("mode", "background")
        .text("params", "")
        .text("delivery_mode", "");
    world.upload_form(&form).await.is(202, ACCEPTED);
}

#[tokio::test]
async fn parses_content_type_as_rfc_9110_defines_it() {
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" }).to_string();
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        World::new().await.upload(content_type, body.clone()).await.is(202, ACCEPTED);
    }
    let form = Form::new().text("mode", "background").file("cup.png", PNG).body();
    for content_type in ["Multipart/Form-Data; boundary=XX", "multipart/form-data; charset=utf-8; boundary=\"XX\""] {
        World::new().await.upload(content_type, form.clone()).await.is(202, ACCEPTED);
    }
}

#[tokio::test]
async fn ignores_nulls_and_unknown_members() {
    let world = World::new().await;
    let body = json!({
        "file_url": "https://example.com/cup.jpg", "file": null, "mode": "background", "params": null,
        "delivery_mode": null, "output_format": null, "callback_url": "https://example.com/", "n": [1, {"a": 2}],
    });
    world.upload_json(&body).await.is(202, ACCEPTED);
}

const PARAMS_ACCEPTED: &str = r#"{"job_id":"019c0000-0000-7000-8000-000000000000","status":"queued","mode":"params"}"#;

#[tokio::test]
async fn a_job_keeps_the_named_set_as_it_was_at_submission() {
    let world = World::new().await;
    let put = world.ask_with(put("Test-Api"), r##"{"background":"#ff0000","margin":"10%"}"##).await;
    assert_eq!(put.status, 201);
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": "Test-Api" });
    // The set's revision has the first id.
    world.upload_json(&body).await.is(202, &PARAMS_ACCEPTED.replace("-000000000000", "-000000000001"));
    let job = world.store.all_jobs().remove(0);
    let used = job.spec.set.expect("a set");
    assert_eq!(used.name.as_ref().map(|name| name.as_str()), Some("Test-Api"));
    let revision = used.revision.expect("a revision").to_string();
    assert_eq!(put.header("etag"), format!("\"{revision}\""));
    assert_eq!(serde_json::to_value(used.set).expect("JSON"), put.json());
    let status = world.status(&format!("?job_id={}", job.id)).await.json();
    assert_eq!(status["params"], json!({ "name": "Test-Api", "revision": revision }));

    // A built-in one, from a form.
    let form = Form::new().file("cup.png", PNG).text("mode", "params").text("params", "amazon-main");
    let accepted = world.upload_form(&form).await;
    assert_eq!(accepted.status, 202);
    let id = accepted.json()["job_id"].as_str().expect("an id").to_owned();
    let status = world.status(&format!("?job_id={id}")).await.json();
    assert_eq!(status["params"], json!({ "name": "amazon-main" }));
}

#[tokio::test]
async fn accepts_an_inline_set_in_both_encodings() {
    let document = json!({ "canvas": {"aspect": "4:3"}, "variations": ["compose", "background"] });
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": document });
    let in_json = World::new().await;
    in_json.upload_json(&body).await.is(202, PARAMS_ACCEPTED);
    let as_text = World::new().await;
    let body = json!({
        "file_url": "https://example.com/cup.jpg", "mode": "params", "params": format!(" {document:#}"),
    });
    as_text.upload_json(&body).await.is(202, PARAMS_ACCEPTED);
    let in_form = World::new().await;
    let form = Form::new().text("file_url", "https://example.com/cup.jpg").text("mode", "params");
    in_form.upload_form(&form.text("params", &document.to_string())).await.is(202, PARAMS_ACCEPTED);
    for world in [&in_json, &as_text, &in_form] {
        let job = world.store.all_jobs().remove(0);
        let used = job.spec.set.expect("a set");
        assert_eq!((used.name, used.revision), (None, None));
        assert_eq!(serde_json::to_value(used.set).expect("JSON")["canvas"], document["canvas"]);
        let status = world.status(&format!("?job_id={}", job.id)).await.json();
        assert!(status.get("params").is_none(), "it has no name: {status}");
    }
}

#[tokio::test]
async fn an_unknown_set_name_is_422_and_lists_the_known_names() {
    let world = World::new().await;
    world.ask_with(put("Test-Api"), "{}").await;
    world.ask_with(put("other"), "{}").await;
    let theirs = Request::builder().method("PUT").uri("/api/v1/params/theirs").header("x-api-key", OTHER_KEY);
    world.ask_with(theirs.header("content-type", "application/json"), "{}").await;
    let built_in = presets::all().iter().map(|(name, _)| name.as_str());
    let known: Vec<_> = ["Test-Api", "other"].into_iter().chain(built_in).collect();
    let message = format!("No parameter set has this name. Available: {}.", known.join(", "));
    for name in ["theirs", "test-api", "a/b", " Test-Api", "[]"] {
        let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": name });
        world.upload_json(&body).await.is_invalid(json!({ "params": [message] }));
    }
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn reports_errors_of_an_inline_set_by_path() {
    let world = World::new().await;
    let params = json!({ "shadow_top": {"blur": "thick"}, "output": {"quality": 0}, "variations": ["cut"] });
    let body = json!({ "mode": "params", "params": params });
    let answer = world.upload_json(&body).await;
    let form = Form::new().text("mode", "params").text("params", &params.to_string());
    assert_eq!(world.upload_form(&form).await.json(), answer.json());
    let details = answer.json()["details"].as_object().cloned().expect("details");
    let fields: Vec<_> = details.keys().map(String::as_str).collect();
    assert_eq!(fields, ["file", "params.output.quality", "params.shadow_top.blur", "params.variations[0]"]);

    let file_url = "https://example.com/cup.jpg";
    let missing = json!({ "params": ["You must provide params with mode=params"] });
    world.upload_json(&json!({ "file_url": file_url, "mode": "params" })).await.is_invalid(missing.clone());
    world.upload_json(&json!({ "file_url": file_url, "mode": "params", "params": null })).await.is_invalid(missing);
    let not_json = json!({ "params": ["This is not valid JSON: see line 1, column 2."] });
    let body = json!({ "file_url": file_url, "mode": "params", "params": "{]" });
    world.upload_json(&body).await.is_invalid(not_json);
    let long = json!({ "params": ["A parameter set may have at most 64 KB."] });
    let body = json!({ "file_url": file_url, "mode": "params", "params": {"background": "x".repeat(64_000)} });
    world.upload_json(&body).await.is_invalid(long);
    // Other modes ignore the set.
    let body = json!({ "file_url": file_url, "mode": "background", "params": params });
    world.upload_json(&body).await.is(202, ACCEPTED);
    assert!(world.store.all_jobs().remove(0).spec.set.is_none());
}

#[tokio::test]
async fn reports_every_error_at_once() {
    let world = World::new().await;
    let answer = world.upload_json(&json!({ "mode": "cutout" })).await;
    answer.is(
        422,
        r#"{"error":"validation","details":{"file":["You must provide either file_url or file"],"mode":["The value you selected is not a valid choice.","Available in this version: background, clipping, params."]}}"#,
    );
    let body = json!({
        "file_url": 7, "mode": ["background"], "delivery_mode": true, "output_format": {}, "params": 1.5,
        "quality": 101, "lossless": 1, "path_inset": [],
    });
    world.upload_json(&body).await.is_invalid(json!({
        "file_url": ["This value must be a string."],
        "mode": ["This value must be a string."],
        "delivery_mode": ["This value must be a string."],
        "output_format": ["This value must be a string."],
        "params": ["This value must be a string or an object."],
        "quality": ["This value must be a whole number from 1 to 100."],
        "lossless": ["This value must be true or false."],
        "path_inset": ["This value must be a number from 0 to 2."],
    }));
    let formats: Vec<_> = RequestedFormat::spellings().collect();
    let formats = format!("Available in this version: {}.", formats.join(", "));
    let form = Form::new().file("notes.jpg", b"a text named .jpg").text("output_format", "bmp").text("mode", "cutout");
    world.upload_form(&form).await.is_invalid(json!({
        "file": [UNKNOWN],
        "mode": [CHOICE, "Available in this version: background, clipping, params."],
        "output_format": [CHOICE, formats],
    }));
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn requires_exactly_one_source_in_both_encodings() {
    let world = World::new().await;
    let neither = json!({ "file": ["You must provide either file_url or file"] });
    world.upload_json(&json!({ "mode": "background" })).await.is_invalid(neither.clone());
    world.upload_json(&json!({ "mode": "background", "file_url": "" })).await.is_invalid(neither.clone());
    world.upload_form(&Form::new().text("mode", "background")).await.is_invalid(neither.clone());
    world.upload_form(&Form::new()).await.is_invalid(neither.clone());
    world.upload_json(&json!({})).await.is_invalid(neither);
    let both = Form::new().text("mode", "background").text("file_url", "https://example.com/").file("cup.png", PNG);
    let not_both = json!({ "file": ["You must provide either file_url or file, not both"] });
    world.upload_form(&both).await.is_invalid(not_both);
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn judges_a_file_by_its_bytes() {
    let world = World::new().await;
    let empty = "The file is empty. Send a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture.";
    let cases: [(&[u8], &str); 3] = [(b"", empty), (b"<html></html>", UNKNOWN), (b"BM....", UNKNOWN)];
    for (bytes, message) in cases {
        let form = Form::new().text("mode", "background").file("cup.jpg", bytes);
        world.upload_form(&form).await.is_invalid(json!({ "file": [message] }));
    }
    let message = "Send the file's bytes as a part of multipart/form-data, or its address as file_url.";
    let body = json!({ "mode": "background", "file": "iVBORw0KGgo=" });
    world.upload_json(&body).await.is_invalid(json!({ "file": [message] }));
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn reports_repeated_members_at_any_depth_together_with_other_errors() {
    let world = World::new().await;
    let repeated = "This member occurs more than once; send it once.";
    let body = r##"{"file_url":"https://example.com/cup.jpg","n":[{"a":1,"a":2}],"mode":"params","quality":0,"quality":0,
        "params":{"canvas":{"width":300,"height":200,"width":300},"shadow_top":{"blur":"9%","blur":"thick"}}}"##;
    world.upload("application/json", body).await.is_invalid(json!({
        "n[0].a": [repeated],
        "params.canvas.width": [repeated],
        "params.shadow_top.blur": [repeated, "This value must be a text such as \"8%\" or \"120px\", at most 100% or 30000px."],
        "quality": ["This field was sent more than once.", "This value must be a whole number from 1 to 100."],
    }));
    // A set in text, in either encoding.
    let set = r#"{"margin":"1%","margin":"2%","output":{"dpi":72,"dpi":72}}"#;
    let expected = json!({ "params.margin": [repeated], "params.output.dpi": [repeated] });
    let file_url = "https://example.com/cup.jpg";
    let in_json = json!({ "file_url": file_url, "mode": "params", "params": set });
    world.upload_json(&in_json).await.is_invalid(expected.clone());
    let form = Form::new().text("file_url", file_url).text("mode", "params").text("params", set);
    world.upload_form(&form).await.is_invalid(expected.clone());
    // The other modes ignore a set's settings, but the body itself must be unambiguous.
    let ignored = format!(r#"{{"file_url":"{file_url}","params":{set}}}"#);
    world.upload("application/json", ignored).await.is_invalid(expected.clone());
    world.ask_with(put("Test-Api"), set).await.is_invalid(expected);
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn limits_the_depth_of_json() {
    let world = World::new().await;
    let body = |levels| {
        format!(r#"{{"file_url":"https://example.com/cup.jpg","n":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert_eq!(world.upload("application/json", body(126)).await.status, 202);
    let too_deep = world.upload("application/json", body(127)).await;
    assert_eq!(too_deep.status, 400, "{too_deep:?}");
    assert!(too_deep.body.contains("not valid JSON"), "{too_deep:?}");
}

#[tokio::test]
async fn rejects_a_field_that_occurs_twice() {
    let world = World::new().await;
    let twice = json!({ "mode": ["This field was sent more than once."] });
    let body = r#"{"file_url":"https://example.com/","mode":"background","mode":"background"}"#;
    world.upload("application/json", body).await.is_invalid(twice);
    let form = Form::new().text("mode", "background").file("a.png", PNG).file("b.png", PNG);
    world.upload_form(&form).await.is_invalid(json!({ "file": ["This field was sent more than once."] }));
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn rejects_text_parts_that_are_long_or_not_utf8() {
    let world = World::new().await;
    let message = "This value must be UTF-8 text of at most 64 KB.";
    let form =
        Form::new().file("cup.png", PNG).part("; name=\"mode\"", b"\xff\xfe").text("params", &"x".repeat(64_001));
    world.upload_form(&form).await.is_invalid(json!({ "mode": [message], "params": [message] }));
}

#[tokio::test]
async fn another_media_type_is_415() {
    let world = World::new().await;
    let unsupported = r#"{"error":"unsupported_media_type","message":"Send application/json or multipart/form-data."}"#;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "image/png", "", "application/jsonx", "\u{e9}"]
    {
        world.upload(content_type, "{}").await.is(415, unsupported);
    }
    let mut bare = upload("text/plain").header("x-api-key", KEY).body(Body::from("{}")).expect("a request");
    bare.headers_mut().remove("content-type");
    world.send(bare).await.is(415, unsupported);
}

#[tokio::test]
async fn a_malformed_body_is_400() {
    let world = World::new().await;
    let empty = bad_request("The body is empty.");
    world.upload("application/json", "").await.is(400, &empty);
    world.upload(Form::CONTENT_TYPE, "").await.is(400, &empty);

    let cases = [
        ("{", "The body is not valid JSON: see line 1, column 1."),
        ("{\"mode\":\n 'a'}", "The body is not valid JSON: see line 2, column 2."),
        ("{} {}", "The body is not valid JSON: see line 1, column 4."),
        ("\u{0}", "The body is not valid JSON: see line 1, column 1."),
        ("null", "The body must be a JSON object."),
        ("[]", "The body must be a JSON object."),
        ("\"mode=background\"", "The body must be a JSON object."),
    ];
    for (body, message) in cases {
        world.upload("application/json", body).await.is(400, &bad_request(message));
    }
    let deep = format!(r#"{{"params":{}"#, "[".repeat(100_000));
    assert_eq!(world.upload("application/json", deep).await.status, 400);
    assert_eq!(world.upload("application/json", &b"{\"a\":\"\xff\"}"[..]).await.status, 400);

    let malformed = bad_request("The multipart body is malformed.");
    let whole = Form::new().text("mode", "background").file("cup.png", PNG).body();
    let cut_short = whole[..whole.len() - 12].to_vec();
    for body in [cut_short, b"--YY\r\n\r\n--YY--".to_vec(), b"--XX".to_vec(), b"--XX\r\nno header\r\n\r\n".to_vec()] {
        world.upload(Form::CONTENT_TYPE, body).await.is(400, &malformed);
    }
    let no_boundary = bad_request("The Content-Type has no multipart boundary.");
    world.upload("multipart/form-data", whole.clone()).await.is(400, &no_boundary);

    let breaks = stream::iter([Ok(Bytes::from(whole[..40].to_vec())), Err(std::io::Error::other("reset"))]);
    let ended_early = bad_request("The body ended early.");
    world.upload(Form::CONTENT_TYPE, Body::from_stream(breaks)).await.is(400, &ended_early);
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn a_body_over_its_limit_is_413_with_and_without_content_length() {
    let world = World::new().await.with(|api| api.max_file_bytes = 1000);
    let json_too_large = r#"{"error":"too_large","message":"A JSON body may be at most 256 KB."}"#;
    let long = json!({ "mode": "background", "params": "x".repeat(256_000) }).to_string();
    world.upload("application/json", long.clone()).await.is(413, json_too_large);
    let pieces = |body: Vec<u8>| {
        let pieces: Vec<_> =
            body.chunks(1000).map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece.to_vec()))).collect();
        Body::from_stream(stream::iter(pieces))
    };
    world.upload("application/json", pieces(long.into_bytes())).await.is(413, json_too_large);

    let file_too_large = r#"{"error":"too_large","message":"The file, with its mask, may be at most 1 KB."}"#;
    let with_file = |len: usize| {
        let mut file = PNG.to_vec();
        file.resize(len, 0);
        Form::new().text("mode", "background").file("cup.png", &file).body()
    };
    world.upload(Form::CONTENT_TYPE, with_file(1001)).await.is(413, file_too_large);
    world.upload(Form::CONTENT_TYPE, pieces(with_file(300_000))).await.is(413, file_too_large);
    // Content-Length alone is enough: the caller still waits for 100 Continue.
    let declared = upload(Form::CONTENT_TYPE).header("x-api-key", KEY).header("content-length", "60000000");
    let declared = declared.header("expect", "100-continue");
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    world.send(declared.body(never).expect("a request")).await.is(413, file_too_large);
    assert_nothing_stored(&world);
    // Exactly at the limit.
    world.upload(Form::CONTENT_TYPE, pieces(with_file(1000))).await.is(202, ACCEPTED);
}

/// A gateway passes on a length that is wrong; hyper does not.
#[tokio::test]
async fn a_body_longer_than_its_content_length_is_400() {
    let world = World::new().await;
    let body = bad_request("The body is longer than its Content-Length; send its length in bytes.");
    let json = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" }).to_string();
    let form = Form::new().text("mode", "background").file("cup.png", PNG).body();
    for (content_type, bytes) in [("application/json", json.clone().into_bytes()), (Form::CONTENT_TYPE, form)] {
        let request = upload(content_type).header("x-api-key", KEY).header("content-length", bytes.len() - 1);
        world.ask_with(request, bytes).await.is(400, &body);
    }
    let set = put("summer").header("content-length", json.len() - 1);
    world.ask_with(set, json).await.is(400, &body);
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn spent_credits_are_402() {
    let world = World::new().await;
    samples::put_owner(world.store.as_ref(), &Owner { credits: Some(1), ..Owner::unlimited(owner()) }).await;
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" });
    world.upload_json(&body).await.is(202, ACCEPTED);
    world.upload_json(&body).await.is(402, r#"{"error":"insufficient_credits"}"#);
    assert_eq!(world.store.all_jobs().len(), 1);
}

#[tokio::test]
async fn a_failing_store_or_queue_is_503() {
    let unavailable = r#"{"error":"unavailable","message":"The service is temporarily unavailable; try again later."}"#;
    let body = json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" });
    let world = World::new().await.with(|api| {
        if let Some(submit) = &mut api.submit {
            submit.jobs = Arc::new(Broken);
        }
    });
    let answer = world.upload_json(&body).await;
    answer.is(503, unavailable);
    assert_eq!(answer.header("retry-after"), "5");

    let world = World::new().await.with(|api| {
        if let Some(submit) = &mut api.submit {
            submit.queue = Arc::new(Broken);
        }
    });
    world.upload_json(&body).await.is(503, unavailable);
    // The caller got an error, so the job is withdrawn.
    assert!(matches!(world.store.all_jobs()[0].state, JobState::Withdrawn { .. }));
}

#[tokio::test]
async fn refuses_a_photo_that_does_not_fit_under_the_storage_cap() {
    let world = World::new().await.with_storage_cap(2 * PNG.len() as u64 - 1);
    let form = Form::new().file("cup.png", PNG);
    assert_eq!(world.upload_form(&form).await.status, 202);
    let full = world.upload_form(&form).await;
    let body = full.json();
    assert_eq!((full.status.as_u16(), full.header("retry-after")), (507, "60"));
    assert_eq!(body["error"], "storage_full");
    let message = body["message"].as_str().expect("a message");
    assert!(message.contains(&format!("{} of {} bytes", PNG.len(), 2 * PNG.len() - 1)), "{message}");
    assert_eq!((world.store.all_jobs().len(), world.blobs.keys().len(), world.queue.bodies().len()), (1, 1, 1));
    let url = json!({ "file_url": "https://example.com/cup.jpg" });
    assert_eq!(world.upload_json(&url).await.status, 202, "there is some room left");
    let theirs = upload("application/json").header("x-api-key", OTHER_KEY);
    assert_eq!(world.ask_with(theirs, url.to_string()).await.status, 202, "another owner");
}

#[tokio::test]
async fn a_name_without_what_it_needs_is_422_and_names_the_member() {
    let world = World::new().await;
    let body = json!({ "file_url": "https://example.com/cup.jpg", "output_name": "{metadata.sku}_{metadata.size}",
                       "metadata": {"sku": "4711"} });
    let message = "This value needs metadata.size: send metadata with it.";
    world.upload_json(&body).await.is_invalid(json!({ "output_name": [message] }));
    let of_set = json!({ "file_url": "https://example.com/cup.jpg", "mode": "params",
                         "params": {"variations": ["background"], "output_name": "{metadata.size}"} });
    let message = "That of the parameter set needs metadata.size: send metadata with it, or an output_name.";
    world.upload_json(&of_set).await.is_invalid(json!({ "output_name": [message] }));
    assert_nothing_stored(&world);
}

#[tokio::test]
async fn a_sets_pattern_reads_ids_from_the_name_of_the_photo() {
    let world = World::new().await;
    let set = json!({"variations": ["background"], "id_pattern": "(?<sku>[0-9]+)_(?<shot>.+)"});
    let body = json!({ "file_url": "https://example.com/x/4711_front.jpg", "mode": "params", "params": set });
    assert_eq!(world.upload_json(&body).await.status.as_u16(), 202);
    let job = world.store.all_jobs().remove(0);
    let status = world.status(&format!("?job_id={}", job.id)).await.json();
    assert_eq!((&status["external_id"], &status["metadata"]), (&json!("4711"), &json!({"shot": "front"})));
    let bad =
        json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": {"id_pattern": "(?<id>.)"} });
    let message = "This value must have no other named groups than sku and shot.";
    world.upload_json(&bad).await.is_invalid(json!({ "params.id_pattern": [message] }));
}
