//! `cutline batch` against a real server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::Request;
use crate::image_workers::freeze;
use crate::pictures;
use crate::server::{Data, Server, TIMEOUT, cutline};

/// A run: a folder of photos, an output folder, and a server.
struct Scene {
    folder: TempDir,
    data: Data,
    server: Server,
    key: String,
}

impl Scene {
    fn new(arguments: &[&str]) -> Self {
        let data = Data::new();
        let server = Server::start(&data, arguments);
        let key = server.key().to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("photos")).expect("a folder");
        Self { folder, data, server, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("is written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cutline(&self.data.path());
        command
            .arg("batch")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CUTLINE_URL", self.server.url(""))
            .env("CUTLINE_API_KEY", &self.key)
            .env("NO_PROXY", "127.0.0.1");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// Every job that the server has, by the file's key of its request.
    fn jobs(&self) -> Vec<Value> {
        let answer = Request::new("GET", self.server.url("/api/v1/jobs?limit=1000")).key(&self.key).send();
        answer.json()["jobs"].as_array().expect("jobs").clone()
    }

    fn failures(&self, file: &str) -> BTreeMap<String, (String, String)> {
        let text = fs::read_to_string(self.path(file)).expect("a file of failures");
        let rows = text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        rows.map(|row| (row[0].clone(), (row[2].clone(), row[3].clone()))).collect()
    }

    /// The files below the output folder.
    fn results(&self, output: &str) -> Vec<String> {
        fn visit(root: &Path, folder: &Path, files: &mut Vec<String>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    visit(root, &path, files);
                } else {
                    files.push(path.strip_prefix(root).expect("is below").display().to_string());
                }
            }
        }
        let (root, mut files) = (self.path(output), Vec::new());
        visit(&root, &root, &mut files);
        files.sort();
        files
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until `enough`, and panics if the run ends before.
#[track_caller]
fn wait_until(run: &mut Child, what: &str, enough: impl Fn() -> bool) {
    let started = Instant::now();
    while !enough() {
        assert!(run.try_wait().expect("a child").is_none(), "the run ended before {what}");
        assert!(started.elapsed() < TIMEOUT, "never: {what}");
        sleep(Duration::from_millis(20));
    }
}

const OPTIONS: [&str; 6] = ["photos", "--mode", "background", "-o", "out", "--open=8"];

#[test]
fn a_killed_run_resumes_without_a_second_job_or_a_lost_picture() {
    let scene = Scene::new(&[]);
    let photo = pictures::photo();
    for number in 0..26 {
        scene.write(&format!("photos/{}/{number:02}.jpg", ["a", "b"][number % 2]), &photo);
    }
    // Broken ones: refused here, refused by a worker, hostile names.
    scene.write("photos/empty.jpg", "");
    scene.write("photos/page.png", "<script>alert(1)</script>");
    scene.write("photos/half.jpg", &photo[..photo.len() / 40]);
    scene.write("photos/<b>\n..%.jpg", &photo);

    // Killed while pictures are sent, then while results are saved, then left alone.
    let state = scene.path("out/cutline-batch.jsonl");
    let lines = |step: &str| {
        let text = fs::read_to_string(&state).unwrap_or_default();
        text.matches(&format!("\"step\":\"{step}\"")).count()
    };
    for (step, count) in [("sending", 3), ("done", 5)] {
        let mut run = scene.command(&OPTIONS).stderr(Stdio::null()).spawn().expect("starts");
        wait_until(&mut run, step, || lines(step) >= count);
        run.kill().expect("SIGKILL");
        run.wait().expect("ends");
    }
    let output = scene.run(&OPTIONS);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));

    // 27 good photos, and one that a worker refused. No picture has two jobs.
    let jobs = scene.jobs();
    assert_eq!(jobs.len(), 28, "{}", stderr(&output));
    let done = jobs.iter().filter(|job| job["status"] == "done").count();
    assert_eq!(done, 27, "{jobs:?}");
    assert_eq!(lines("sending"), lines("accepted"), "each request was sent under one name");

    let mut expected: Vec<String> =
        (0..26).map(|number| format!("{}/{number:02}.png", ["a", "b"][number % 2])).collect();
    expected.extend(["<b>\n..%.png", "cutline-batch.jsonl", "cutline-batch.failures.csv"].map(str::to_owned));
    expected.sort();
    assert_eq!(scene.results("out"), expected, "every result, and nothing unfinished");
    pictures::check(&fs::read(scene.path("out/a/00.png")).expect("a result"));
    pictures::check(&fs::read(scene.path("out/<b>\n..%.png")).expect("a result"));

    let failures = scene.failures("out/cutline-batch.failures.csv");
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert_eq!(failures["empty.jpg"], (String::new(), "unsupported_file".to_owned()));
    assert_eq!(failures["page.png"], (String::new(), "unsupported_file".to_owned()));
    let (job, code) = &failures["half.jpg"];
    assert!(jobs.iter().any(|one| one["job_id"] == **job && one["error"]["code"] == **code), "{failures:?}");

    // The failures once more, two of them repaired. Nothing else is sent.
    scene.write("photos/empty.jpg", &photo);
    scene.write("photos/half.jpg", &photo);
    let retry = [&OPTIONS[..], &["--retry", "out/cutline-batch.failures.csv"]].concat();
    let output = scene.run(&retry);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("3 are sent again"), "{}", stderr(&output));
    assert!(stderr(&output).contains("2 done") && stderr(&output).contains("27 skipped"), "{}", stderr(&output));
    assert_eq!(scene.jobs().len(), 30);
    pictures::check(&fs::read(scene.path("out/half.png")).expect("a result"));
    let failures = scene.failures("out/cutline-batch.failures.csv");
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["page.png"]);

    // A failure whose picture is gone by now.
    fs::remove_file(scene.path("photos/page.png")).expect("is removed");
    let output = scene.run(&retry);
    assert!(stderr(&output).contains("1 are sent again"), "{}", stderr(&output));
    assert_eq!(scene.failures("out/cutline-batch.failures.csv")["page.png"].1, "unreadable");
    assert_eq!(scene.jobs().len(), 30);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_orderly_and_says_how_to_resume() {
    let scene = Scene::new(&["--workers", "1"]);
    for number in 0..8 {
        scene.write(&format!("photos/{number}.jpg"), pictures::photo());
    }
    let frozen = freeze::<1>(&scene.server);
    let mut run = scene.command(&OPTIONS).stderr(Stdio::piped()).spawn().expect("starts");
    wait_until(&mut run, "every job", || scene.jobs().len() == 8);
    let pid = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    drop(frozen);
    let output = run.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains(" left; run the same command again to resume"), "{}", stderr(&output));

    let other = scene.run(&["photos", "--mode", "clipping", "-o", "out"]);
    let error = stderr(&other);
    assert!(!other.status.success() && error.contains("--mode: clipping, in the state file background"), "{error}");

    let output = scene.run(&OPTIONS);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!((scene.jobs().len(), scene.results("out").len()), (8, 9), "{}", stderr(&output));
    let output = scene.run(&OPTIONS);
    assert!(output.status.success() && stderr(&output).contains("8 skipped"), "{}", stderr(&output));
}

#[test]
fn ids_come_from_the_names_of_files() {
    let scene = Scene::new(&[]);
    scene.write("photos/4711_front.jpg", pictures::photo());
    scene.write("photos/cup.jpg", pictures::photo());
    let pattern = ["--id-pattern", "(?<sku>[0-9]+)_(?<shot>.+)", "--output-name", "{external_id}"];
    let output = scene.run(&[&OPTIONS[..], &pattern].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("the name cup.jpg gives no ids by the pattern"), "{}", stderr(&output));
    assert!(scene.path("out/4711.png").is_file());
    let job = &scene.jobs().into_iter().find(|job| job["external_id"] == "4711").expect("a job");
    assert_eq!(job["metadata"]["shot"], "front");
}

#[test]
fn a_manifest_names_its_results_and_two_of_one_name_are_an_error() {
    let scene = Scene::new(&[]);
    for file in ["list/a.jpg", "list/b.jpg", "list/c.jpg"] {
        scene.write(file, pictures::photo());
    }
    scene.write(
        "list/m.csv",
        "file,external_id,output_name,metadata.sku\na.jpg,1,{external_id}_{source_name},x\nb.jpg,2,cup,\nc.jpg,3,CUP,\n",
    );
    let output = scene.run(&["list/m.csv", "--set", "transparent", "--output", "out"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("2 done") && stderr(&output).contains("1 name_taken"), "{}", stderr(&output));
    let results = scene.results("out");
    let names: Vec<_> = results.iter().filter(|name| !name.starts_with("cutline-batch")).collect();
    assert!(names.len() == 2 && names.iter().any(|name| name.starts_with("1_a")), "{names:?}");
    let failures = scene.failures("out/cutline-batch.failures.csv");
    assert!(failures.len() == 1 && failures.values().all(|(_, code)| code == "name_taken"), "{failures:?}");
    let job = &scene.jobs().into_iter().find(|job| job["external_id"] == "1").expect("a job");
    assert_eq!((&job["metadata"]["sku"], &job["params"]["name"]), (&"x".into(), &"transparent".into()));

    // Without output_name, equal names are found before anything is sent, as is every invalid line.
    scene.write("list/n.csv", "file,external_id\na.jpg,1\nx/../a.jpg,2\n,3\nb.jpg\n");
    let output = scene.run(&["list/n.csv", "--set", "transparent", "--output", "other"]);
    let error = stderr(&output);
    for part in ["3 invalid, nothing was sent", "\n  line 3: ", "\n  line 4: no picture", "\n  line 5: 1 values"] {
        assert!(!output.status.success() && error.contains(part), "{error}");
    }
    assert_eq!(scene.jobs().len(), 3);
}

#[test]
fn a_dry_run_needs_no_server_and_refuses_what_takes_too_long() {
    let scene = Scene::new(&["--workers", "0"]);
    scene.write("m.csv", format!("url\n{}", "https://example.com/a.jpg\n".repeat(400_000)));
    let dry_run = |concurrency: &str| {
        let arguments = ["m.csv", "--set", "wall", "--dry-run", "--concurrency", concurrency];
        scene.command(&arguments).env_remove("CUTLINE_URL").env_remove("CUTLINE_API_KEY").output().expect("runs")
    };
    let output = dry_run("2");
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("deploy with BulkConcurrency 3 or more") && output.stdout.is_empty(), "{error}");
    let output = dry_run("20");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.starts_with("400,000 pictures"), "{text}");
    let this_run = text.lines().find(|line| line.ends_with("this run")).expect("a line");
    assert!(this_run.contains("bulk") && this_run.contains(" 20 ") && this_run.contains("27.8 h"), "{text}");
    // Two requests for each URL, and one a second for the list.
    let output = dry_run("100");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let advice = "With --rate 41, this run keeps BulkConcurrency 100 busy and takes 5.6 h.\n";
    assert!(output.status.success() && text.contains("limited by --rate  this run\n"), "{text}");
    assert!(text.ends_with(advice), "{text}");
    assert!(scene.jobs().is_empty());
}

#[test]
fn what_would_fail_for_every_picture_is_said_before_any_is_sent() {
    let scene = Scene::new(&["--workers", "0"]);
    scene.write("photos/a.jpg", pictures::photo());
    let refused = |command: &mut Command| {
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    };
    let error = refused(&mut scene.command(&["photos", "--set", "walls", "-o", "out"]));
    assert!(error.contains("no such parameter set: walls"), "{error}");
    let error = refused(scene.command(&OPTIONS).env("CUTLINE_API_KEY", "ck_wrong"));
    assert!(error.contains("unauthorized") && error.contains("CUTLINE_API_KEY"), "{error}");
    let error = refused(&mut scene.command(&["photos", "--set", "wall", "--no-download", "--state", "photos/a.jpg"]));
    assert!(error.contains("not a state file"), "{error}");
    assert_eq!(fs::read(scene.path("photos/a.jpg")).expect("a photo"), pictures::photo());
    fs::create_dir(scene.path("empty")).expect("a folder");
    let error = refused(&mut scene.command(&["empty", "--set", "wall", "-o", "out"]));
    assert!(error.contains("no pictures in empty"), "{error}");
    assert!(scene.jobs().is_empty());
}
