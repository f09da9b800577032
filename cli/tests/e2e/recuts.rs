//! Correcting a cut: two cups of which only one is wanted, removed by a click, approved and fetched.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage, RgbaImage, imageops};
use serde_json::{Value, json};

use crate::command_line::only_stdout_of;
use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, accepted};

/// Two cups next to each other on a plain wall, and a point in the middle of the second.
struct TwoCups {
    picture: RgbImage,
    /// Whether each pixel belongs to the first cup or to the second.
    masks: [Vec<bool>; 2],
    second: (u32, u32),
}

impl TwoCups {
    fn new() -> Self {
        let (cup, matte) = pictures::subject();
        let (width, height) = cup.dimensions();
        let mut picture = RgbImage::from_pixel(2 * width, height, Rgb([206, 208, 212]));
        let mut masks = [vec![false; (2 * width * height) as usize], vec![false; (2 * width * height) as usize]];
        let (mut sum, mut count) = ((0, 0), 0);
        for (side, (cup, matte)) in
            [(cup.clone(), matte.clone()), (imageops::flip_horizontal(&cup), imageops::flip_horizontal(&matte))]
                .into_iter()
                .enumerate()
        {
            for (x, y, pixel) in cup.enumerate_pixels() {
                let (alpha, at) = (f32::from(matte.get_pixel(x, y).0[0]) / 255.0, (x + side as u32 * width, y));
                let below = *picture.get_pixel(at.0, at.1);
                let mixed = [0, 1, 2].map(|channel| {
                    let [over, under] = [pixel, &below].map(|pixel| f32::from(pixel.0[channel]));
                    (over * alpha + under * (1.0 - alpha)).round() as u8
                });
                picture.put_pixel(at.0, at.1, Rgb(mixed));
                // Without the rim, where cuts differ by a pixel.
                if alpha > 0.99 {
                    masks[side][(at.1 * 2 * width + at.0) as usize] = true;
                    if side == 1 {
                        sum = (sum.0 + at.0, sum.1 + at.1);
                        count += 1;
                    }
                }
            }
        }
        Self { picture, masks, second: (sum.0 / count, sum.1 / count) }
    }

    fn file(&self) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        self.picture.write_to(&mut bytes, image::ImageFormat::Png).expect("encodes");
        bytes.into_inner()
    }

    /// The mean alpha of each cup in a cut-out, 0 to 255.
    fn alphas(&self, cutout: &RgbaImage) -> [f64; 2] {
        assert_eq!(cutout.dimensions(), self.picture.dimensions());
        self.masks.each_ref().map(|mask| {
            let inside =
                cutout.pixels().zip(mask).filter(|(_, inside)| **inside).map(|(pixel, _)| f64::from(pixel.0[3]));
            let (sum, count) = inside.fold((0.0, 0.0), |(sum, count), alpha| (sum + alpha, count + 1.0));
            sum / count
        })
    }

    /// The number of visible pixels in the second cup's half of a cut-out.
    fn visible_in_second_half(cutout: &RgbaImage) -> usize {
        let half = cutout.width() / 2;
        cutout.enumerate_pixels().filter(|(x, _, pixel)| *x >= half && pixel.0[3] > 20).count()
    }
}

/// Keeps a picture for people, if CUTLINE_E2E_PICTURES names a folder.
fn show(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("CUTLINE_E2E_PICTURES") {
        std::fs::write(PathBuf::from(folder).join(name), bytes).expect("is written");
    }
}

fn download(link: &Value) -> Response {
    let answer = Request::new("GET", link.as_str().expect("a link")).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn cutout(file: &Response) -> RgbaImage {
    image::load_from_memory(&file.body).expect("a picture").into_rgba8()
}

fn is_held(status: &Value) -> bool {
    status["status"] == "pending_review"
}

/// The job's record while no server runs.
fn stored(data: &Data, job: &str) -> Value {
    serde_json::from_str(&only_stdout_of(data, &["jobs", "show", job])).expect("JSON")
}

#[test]
fn a_click_removes_the_wrong_object_and_the_rest_is_approved() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let scene = TwoCups::new();
    show("scene.png", &scene.file());
    let fields = [("mode", "background"), ("review", "always")];
    let uploaded = Instant::now();
    let job = accepted(&server.post().key(&key).form(&fields, Some(("cups.png", &scene.file()))).send());
    let first = server.poll_until(&key, &job, is_held);
    let first_time = uploaded.elapsed();
    assert_eq!(first["draft"]["revision"], 1, "{first}");
    let file = download(&first["draft"]["final_urls"]["background"]);
    show("revision-1.png", &file.body);
    let before = scene.alphas(&cutout(&file));
    assert!(before.iter().all(|alpha| *alpha > 240.0), "both cups are there: {before:?}");
    // The regions, from which a page could show what the click means.
    let regions = download(&first["assets"]["regions"]);
    assert!(regions.body.starts_with(b"CLRG\x01") && regions.body.len() < 200_100, "{} bytes", regions.body.len());
    assert!(first["assets"].get("evidence").is_none(), "{first}");

    let api = |action: &str, body: Value| {
        Request::new("POST", server.url(&format!("/api/v1/jobs/{job}/{action}"))).key(&key).json(&body).send()
    };
    let (x, y) = scene.second;
    let click = json!({"revision": 1, "hints": [{"kind": "remove", "points": [[x, y]]}]});
    let clicked = Instant::now();
    let answer = api("recut", click.clone());
    assert_eq!((answer.status, answer.json()["job_id"].as_str()), (202, Some(&*job)), "{answer:?}");
    assert_eq!(api("recut", click).header("Idempotent-Replayed"), Some("true"), "the same request again");
    let second = server.poll_until(&key, &job, is_held);
    println!(
        "first cut {first_time:?}, recut {:?} of {} x {}",
        clicked.elapsed(),
        scene.picture.width(),
        scene.picture.height()
    );
    assert_eq!((&second["draft"]["revision"], second["warnings"].get("recut")), (&json!(2), None), "{second}");
    let file = download(&second["draft"]["final_urls"]["background"]);
    show("revision-2.png", &file.body);
    let after = cutout(&file);
    let alphas = scene.alphas(&after);
    assert!(alphas[0] > before[0] - 2.0, "the first cup stays: {before:?} {alphas:?}");
    assert_eq!(TwoCups::visible_in_second_half(&after), 0, "nothing of the second cup is left: {alphas:?}");

    let shown = Request::new("GET", server.url(&format!("/api/v1/jobs/{job}"))).key(&key).send().json();
    assert_eq!(shown["recut"]["of"], 1, "{shown}");
    assert_eq!(shown["subject"]["hints"][0]["kind"], "remove", "{shown}");
    assert_eq!(shown["audit"][0]["action"], "job.recut", "{shown}");

    assert_eq!(api("approve", json!({"revision": 1})).json()["error"], "stale_revision");
    assert_eq!(api("approve", json!({"revision": 2})).status, 200);
    let done = server.poll(&key, &job);
    assert_eq!(done["status"], "done", "{done}");
    assert!(download(&done["final_urls"]["background"]).body == file.body, "what was approved is the result");

    // The done job again as a new one, from what the networks answered then: both cups are back.
    let again = accepted(&api("recut", json!({"hints": []})));
    assert_ne!(again, job);
    let new = server.poll_until(&key, &again, is_held);
    let file = download(&new["draft"]["final_urls"]["background"]);
    show("new-job.png", &file.body);
    let restored = scene.alphas(&cutout(&file));
    assert!(restored.iter().zip(before).all(|(now, before)| (now - before).abs() < 1.0), "{restored:?} {before:?}");
    let shown = Request::new("GET", server.url(&format!("/api/v1/jobs/{again}"))).key(&key).send().json();
    assert_eq!(shown["recut_of"], json!(job), "{shown}");
}

/// A GIF of one pixel.
const ONE_PIXEL_GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3B";

#[test]
fn masks_cut_a_photo_and_cut_it_again() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let (photo, left, right) = (pictures::photo(), pictures::half_mask(true), pictures::half_mask(false));
    let fields = [("mode", "background"), ("review", "always")];
    let files = [("file", "coffee.jpg", photo.as_slice()), ("mask", "left.png", left.as_slice())];
    let job = accepted(&server.post().key(&key).form_with_files(&fields, &files).send());
    let first = server.poll_until(&key, &job, is_held);
    pictures::check_half(&download(&first["draft"]["final_urls"]["background"]).body, true);
    assert_eq!(first["confidence"], 1.0, "{first}");

    let path = server.url(&format!("/api/v1/jobs/{job}/recut"));
    let recut = Request::new("POST", path.as_str()).key(&key);
    let with = |mask: &[u8]| recut.clone().form_with_files(&[("revision", "1")], &[("mask", "mask.png", mask)]).send();
    let wrong = with(&pictures::one_pixel());
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let message = wrong.json()["details"]["mask"][0].as_str().expect("a message").to_owned();
    assert!(message.contains("mask of another size: it has 1 x 1 pixels"), "{message}");
    // The size of a GIF is known when it is decoded.
    let wrong = with(ONE_PIXEL_GIF);
    assert_eq!(wrong.status, 202, "{wrong:?}");
    let failed = server.poll_until(&key, &job, |status| is_held(status) && status["warnings"]["recut"].is_array());
    let warning = failed["warnings"]["recut"][0].as_str().expect("a warning");
    assert!(warning.contains("mask of another size: it has 1 x 1 pixels"), "{failed}");
    assert_eq!(with(&right).status, 202);
    let second = server.poll_until(&key, &job, |status| is_held(status) && status["draft"]["revision"] == 2);
    pictures::check_half(&download(&second["draft"]["final_urls"]["background"]).body, false);
    let shown = stored(&data, &job);
    assert_eq!(shown["subject"], json!({"mask_source": "file"}), "{shown}");
    let folder = PathBuf::from(shown["files"]["folder"].as_str().expect("a folder"));
    let mask = folder.join(shown["files"]["mask"].as_str().expect("a key"));
    assert!(std::fs::read(&mask).expect("is stored") == right, "{}", mask.display());
    let deleted = Request::new("DELETE", server.url(&format!("/api/v1/jobs/{job}"))).key(&key).send();
    assert_eq!(deleted.status, 204, "{deleted:?}");
}

/// The server is killed while the job is cut again. The next one finishes the recut.
#[test]
fn a_recut_survives_a_killed_server() {
    let data = Data::new();
    let mut server = Server::start(&data, &["--workers", "1"]);
    let key = server.key().to_owned();
    let fields = [("mode", "background"), ("review", "always")];
    let job = accepted(&server.post().key(&key).form(&fields, Some(("coffee.jpg", &pictures::photo()))).send());
    server.poll_until(&key, &job, is_held);
    // A fast machine may end the recut before the kill. Then the job is cut again, and the server killed sooner.
    let mut revision = 1;
    let mut delay = Duration::from_millis(100);
    let held = loop {
        assert!(revision < 10, "each recut ended before the server was killed");
        let body = json!({"revision": revision, "roi": "0 0 100% 50%"});
        let path = server.url(&format!("/api/v1/jobs/{job}/recut"));
        assert_eq!(Request::new("POST", path).key(&key).json(&body).send().status, 202);
        revision += 1;
        std::thread::sleep(delay);
        server.kill();
        let was_held = is_held(&stored(&data, &job));
        server = Server::start(&data, &["--workers", "1"]);
        let held = server.poll_until(&key, &job, is_held);
        assert_eq!(held["draft"]["revision"], revision, "{held}");
        if !was_held {
            break held;
        }
        delay /= 2;
    };
    let cutout = cutout(&download(&held["draft"]["final_urls"]["background"]));
    let lower = cutout.enumerate_pixels().filter(|(_, y, pixel)| *y > cutout.height() / 2 && pixel.0[3] > 0).count();
    assert_eq!(lower, 0, "outside of the roi is background");
}
