//! The round trip to a retoucher: the PSD of a cut comes back into the watched folder with another layer mask.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use serde_json::{Value, json};

use crate::http::Request;
use crate::server::{Data, Server, TIMEOUT, accepted};
use crate::{layer_mask, pictures};

/// A watched folder, and what a retoucher does there. The first key's owner is `default`.
struct Folder(tempfile::TempDir);

impl Folder {
    fn retouched(&self, name: &str) -> PathBuf {
        self.0.path().join("retouch/default").join(name)
    }

    /// Drops a retouched file, and waits for its manifest.
    #[track_caller]
    fn put(&self, name: &str, bytes: &[u8]) -> Value {
        fs::create_dir_all(self.retouched("")).expect("folders");
        fs::write(self.retouched(name), bytes).expect("is written");
        let manifest = self.0.path().join(format!("results/default/_retouch/{name}/manifest.json"));
        wait_for(&manifest)
    }
}

#[track_caller]
fn wait_for(manifest: &Path) -> Value {
    let begun = Instant::now();
    loop {
        match fs::read(manifest) {
            Ok(bytes) => return serde_json::from_slice(&bytes).expect("JSON"),
            Err(error) => assert!(begun.elapsed() < TIMEOUT, "{}: {error}", manifest.display()),
        }
        sleep(Duration::from_millis(50));
    }
}

fn download(link: &Value) -> Vec<u8> {
    let answer = Request::new("GET", link.as_str().expect("a link")).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// A mask that somebody drew: soft from left to right, with a hole.
fn drawn((width, height): (u32, u32)) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        let is_hole = (width / 3..width / 2).contains(&x) && (height / 3..height / 2).contains(&y);
        Luma([if is_hole { 0 } else { (x * 255 / (width - 1)) as u8 }])
    })
}

#[test]
fn a_retouched_psd_is_the_mask_of_the_next_revision() {
    let data = Data::new();
    let folder = Folder(tempfile::tempdir().expect("a folder"));
    let watched = folder.0.path().to_str().expect("UTF-8");
    let server = Server::start(&data, &["--workers", "1", "--watch", watched]);
    let key = server.key().to_owned();
    let fields = [("mode", "background"), ("output_format", "psd"), ("review", "always")];
    let job = accepted(&server.post().key(&key).form(&fields, Some(("coffee.jpg", &pictures::photo()))).send());
    let is_held = |revision: u32| {
        move |status: &Value| status["status"] == "pending_review" && status["draft"]["revision"] == revision
    };
    let first = server.poll_until(&key, &job, is_held(1));
    let psd = download(&first["draft"]["final_urls"]["background"]);
    let before = layer_mask::read(&psd);
    let mask = drawn(before.dimensions());
    assert!(mask != before);

    let retouched = layer_mask::replaced(&psd, &mask);
    let manifest = folder.put(&format!("cup-{job}_v2.psd"), &retouched);
    assert_eq!((&manifest["status"], &manifest["draft_revision"]), (&json!("done"), &json!(2)), "{manifest}");
    assert_eq!(manifest["job_id"], json!(job), "{manifest}");
    let second = server.poll_until(&key, &job, is_held(2));
    let psd = download(&second["draft"]["final_urls"]["background"]);
    assert!(layer_mask::read(&psd) == mask, "the alpha is not the mask's");

    // Nothing of it fits: the draft stays.
    let manifest = folder.put(&format!("{job}-small.png"), &pictures::one_pixel());
    assert_eq!(manifest["error"]["code"], "mask_mismatch", "{manifest}");
    let manifest = folder.put("cup.psd", &retouched);
    assert_eq!(manifest["error"]["code"], "unknown_job", "{manifest}");
    let shown = Request::new("GET", server.url(&format!("/api/v1/jobs/{job}"))).key(&key).send().json();
    assert_eq!((&shown["draft"]["revision"], &shown["recut"]), (&json!(2), &Value::Null), "{shown}");

    // The server knows the files after a restart, and cuts the done job as a new one.
    let path = server.url(&format!("/api/v1/jobs/{job}/approve"));
    assert_eq!(Request::new("POST", path).key(&key).json(&json!({"revision": 2})).send().status, 200);
    server.kill();
    let server = Server::start(&data, &["--workers", "1", "--watch", watched]);
    let manifest = folder.put(&format!("{job}.png"), &pictures::half_mask(true));
    let new = manifest["job_id"].as_str().unwrap_or_else(|| panic!("{manifest}"));
    let shown = Request::new("GET", server.url(&format!("/api/v1/jobs/{new}"))).key(&key).send().json();
    assert_eq!((&shown["recut_of"], &shown["status"]), (&json!(job), &json!("pending_review")), "{shown}");
    let psd = download(&shown["draft"]["final_urls"]["background"]);
    let half = image::load_from_memory(&pictures::half_mask(true)).expect("a PNG").to_luma8();
    assert!(layer_mask::read(&psd) == half, "the alpha is not the mask's");
    let listed = Request::new("GET", server.url("/api/v1/jobs")).key(&key).send().json();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(2), "{listed}");
}
