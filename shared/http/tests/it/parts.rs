//! The limits of a multipart upload: the number of parts, the size of the files together, and that of everything else.

use crate::support::{Form, PNG, World};
use crate::upload::{ACCEPTED, bad_request};

#[tokio::test]
async fn everything_besides_the_file_has_its_own_limit() {
    let world = World::new().await;
    let too_large = r#"{"error":"too_large","message":"The fields beside the file may be at most 256 KB together."}"#;
    let text = "x".repeat(60_000);
    let texts = |count: usize| (0..count).fold(Form::new(), |form, n| form.text(&format!("unknown{n}"), &text));
    let with_file = |form: Form| form.text("mode", "background").file("cup.png", &[PNG, &[0; 500_000]].concat());
    assert_eq!(world.upload_form(&with_file(texts(4))).await.status, 202);
    world.upload_form(&with_file(texts(5))).await.is(413, too_large);
    let file_first = Form::new().file("cup.png", &[PNG, &[0; 500_000]].concat());
    let file_first = (0..5).fold(file_first, |form, n| form.text(&format!("unknown{n}"), &text));
    world.upload_form(&file_first).await.is(413, too_large);

    let long = "x".repeat(400_000);
    for form in [
        Form::new().text("params", &long),
        Form::new().text("mode", "background").text(&long, ""),
        // A part without a name is ignored, but still counts.
        Form::new().part("", long.as_bytes()),
    ] {
        world.upload_form(&form).await.is(413, too_large);
    }
    let before_the_first = [long.as_bytes(), &Form::new().text("mode", "background").body()].concat();
    let malformed = bad_request("The multipart body is malformed.");
    world.upload(Form::CONTENT_TYPE, before_the_first).await.is(400, &malformed);
    assert_eq!(world.store.all_jobs().len(), 1);
}

#[tokio::test]
async fn photo_and_mask_share_the_limit_of_a_file() {
    let world = World::new().await.with(|api| api.max_file_bytes = 1_000);
    let sized = |bytes: usize| [PNG, &vec![0; bytes - PNG.len()]].concat();
    let too_large = r#"{"error":"too_large","message":"The file, with its mask, may be at most 1 KB."}"#;
    let form = |photo: usize, mask: usize| {
        Form::new().text("mode", "background").file("cup.png", &sized(photo)).mask(&sized(mask))
    };
    world.upload_form(&form(600, 401)).await.is(413, too_large);
    let mask_first = Form::new().mask(&sized(600)).file("cup.png", &sized(401)).text("mode", "background");
    world.upload_form(&mask_first).await.is(413, too_large);
    assert!(world.store.all_jobs().is_empty());
    world.upload_form(&form(600, 400)).await.is(202, ACCEPTED);
}

#[tokio::test]
async fn a_mask_has_a_limit_of_its_own() {
    let world = World::new().await;
    let sized = |bytes: usize| [PNG, &vec![0; bytes - PNG.len()]].concat();
    let form = |mask: usize| Form::new().text("mode", "background").file("cup.png", PNG).mask(&sized(mask));
    let too_large =
        r#"{"error":"too_large","message":"The file of mask may be at most 10 MB; save it as a grayscale PNG."}"#;
    world.upload_form(&form(10_000_001)).await.is(413, too_large);
    assert!(world.store.all_jobs().is_empty());
    world.upload_form(&form(10_000_000)).await.is(202, ACCEPTED);
}

#[tokio::test]
async fn a_body_has_at_most_100_parts() {
    let world = World::new().await;
    let empty = |count: usize| (0..count).fold(Form::new(), |form, n| form.text(&format!("unknown{n}"), ""));
    let form = empty(98).text("mode", "background").file("cup.png", PNG);
    world.upload_form(&form).await.is(202, ACCEPTED);
    let too_many = bad_request("A multipart body may have at most 100 parts.");
    world.upload_form(&empty(101)).await.is(400, &too_many);
    let nameless = (0..101).fold(Form::new(), |form, _| form.part("", b""));
    world.upload_form(&nameless).await.is(400, &too_many);
}
