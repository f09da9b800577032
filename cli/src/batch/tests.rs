//! Whole runs against an API that fails at any call, before or after it took effect.

mod fake_api;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use cutline_core::Mode;
use cutline_http::ApiClient;
use tempfile::TempDir;

use self::fake_api::FakeApi;
use super::calls::Calls;
use super::context::{Context, JobOptions, Pictures};
use super::failures;
use super::output::Output;
use super::progress::ProgressLine;
use super::run::{Run, RunEnd};
use super::source::Source;
use super::state::{Progress, State};
use crate::folders::FilterArgs;
use crate::stop::StopSignal;

/// A JPEG by its first bytes, which tell pictures apart.
fn photo(number: usize) -> Vec<u8> {
    [&[0xFF, 0xD8, 0xFF, 0xE0][..], number.to_string().as_bytes()].concat()
}

/// A folder of photos, and an output folder.
struct Folders(TempDir);

impl Folders {
    fn with(photos: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["in", "out"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        for number in 0..photos {
            fs::write(folder.path().join(format!("in/{number:02}.jpg")), photo(number)).expect("is written");
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn open_state(&self) -> State {
        State::open(&self.path("out/state.jsonl"), BTreeMap::new()).expect("opens")
    }

    /// Starts the run, and ends it after `time` as a kill would.
    async fn run(&self, api: &FakeApi, time: Duration, retry: Option<&Path>) -> Option<RunEnd> {
        let mut state = self.open_state();
        let context = Context {
            client: ApiClient::new(&api.url, "ck_test").expect("a client"),
            calls: Calls::hurried(),
            journal: state.journal().expect("a journal"),
            claims: RefCell::new(std::mem::take(&mut state.claims)),
            run: state.run.clone(),
            job: JobOptions {
                pictures: Pictures::Mode(Mode::Background),
                format: None,
                output_name: None,
                id_pattern: None,
            },
            output: Some(Output::open(&self.path("out"), &state.run).expect("a folder")),
        };
        if let Some(path) = retry {
            failures::retry(&context, &mut state, path).await.expect("reads");
        }
        let source = Source::read(&self.path("in"), FilterArgs::default(), Some(self.path("out"))).expect("a folder");
        let entries = source.entries().await.expect("pictures");
        let (_stopper, stop) = StopSignal::manual();
        let run = Run::new(&context, &stop, &mut state, 5, ProgressLine::new(12));
        tokio::time::timeout(time, run.finish(entries)).await.ok()
    }

    #[track_caller]
    fn check_results(&self, photos: usize) {
        for number in 0..photos {
            let result = fs::read(self.path(&format!("out/{number:02}.png"))).expect("a result");
            assert_eq!(result, photo(number), "the result of another picture");
        }
        let names = fs::read_dir(self.path("out")).expect("a folder").count();
        assert_eq!(names, photos + 1, "the results, the state file and nothing else");
    }
}

#[test]
fn every_run_has_a_list_of_failures_of_its_own() {
    let file = |state: &str| super::failures_file(Path::new(state)).display().to_string();
    assert_eq!(file("out/cutline-batch.jsonl"), "out/cutline-batch.failures.csv");
    assert_eq!([file("2026.10"), file("2026.11")], ["2026.10.failures.csv", "2026.11.failures.csv"]);
    assert_eq!([file("a.b.jsonl"), file("x/.jsonl")], ["a.b.failures.csv", "x/.jsonl.failures.csv"]);
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_run_survives_faults_and_kills_without_a_second_job() {
    let mut pages = 0;
    for seed in 0..3 {
        let (folders, api) = (Folders::with(12), FakeApi::start(seed, 4).await);
        let mut kills = 0;
        let end = loop {
            let time = if kills < 6 { Duration::from_millis(30 + 170 * (kills % 4)) } else { LONG };
            match folders.run(&api, time, None).await {
                Some(end) if end.totals.settled() == 12 && end.open == 0 => break end,
                _ => kills += 1,
            }
            assert!(kills < 20, "the run never ends");
        };
        assert!(end.fatal.is_none() && end.totals.failed() == 0, "{}", end.totals.sentence());
        assert!(kills > 0 && api.faults() > 5, "{kills} kills, {} faults", api.faults());
        assert_eq!(api.jobs(), 12, "seed {seed}: a picture has two jobs, or none");
        folders.check_results(12);
        pages += api.pages();
    }
    assert!(pages > 0, "no fault was a page");
}

#[tokio::test]
async fn failures_are_sent_again_once_each() {
    let (folders, api) = (Folders::with(3), FakeApi::start(0, 0).await);
    fs::write(folders.path("in/01.jpg"), "no photo").expect("is written");
    let list = folders.path("failures.csv");
    let end = folders.run(&api, LONG, None).await.expect("ends");
    assert_eq!((end.totals.done, end.totals.failed(), api.jobs()), (2, 1, 2));
    assert_eq!(failures::write(&folders.open_state(), &list).expect("is written"), 1);

    fs::write(folders.path("in/01.jpg"), photo(1)).expect("is written");
    let end = folders.run(&api, LONG, Some(&list)).await.expect("ends");
    assert_eq!((end.totals.done, end.totals.skipped, api.jobs()), (1, 2, 3));
    let end = folders.run(&api, LONG, Some(&list)).await.expect("ends");
    assert_eq!((end.totals.done, end.totals.skipped, api.jobs()), (0, 3, 3), "nothing twice");
    assert_eq!(failures::write(&folders.open_state(), &list).expect("is removed"), 0);
    assert!(!list.exists());
    folders.check_results(3);
}

#[tokio::test]
async fn an_address_of_another_server_is_found_at_once() {
    let api = FakeApi::start(0, 0).await;
    api.refuse_all(404);
    let client = ApiClient::new(&api.url, "ck_test").expect("a client");
    let job =
        JobOptions { pictures: Pictures::Mode(Mode::Background), format: None, output_name: None, id_pattern: None };
    let calls = Calls::new(1_000.0);
    let check = super::check_api(&client, &calls, &job);
    let error = tokio::time::timeout(LONG, check).await.expect("ends").expect_err("fails").to_string();
    assert_eq!(api.calls(), 1, "nothing is repeated");
    assert!(
        error.starts_with("no API at this address: the answer is 404") && error.contains("check --url (CUTLINE_URL)"),
        "{error}"
    );
}

#[tokio::test]
async fn an_api_that_is_gone_ends_the_run_and_nothing_counts_as_failed() {
    let (folders, api) = (Folders::with(12), FakeApi::start(0, 0).await);
    for status in [503, 404] {
        api.refuse_all(status);
        let end = folders.run(&api, LONG, None).await.expect("ends");
        let fatal = format!("{:#}", end.fatal.expect("a reason"));
        assert!(fatal.contains("the API does not answer") && end.totals.settled() == 0, "{fatal}");
    }
    api.refuse_all(402);
    let end = folders.run(&api, LONG, None).await.expect("ends");
    let fatal = format!("{:#}", end.fatal.expect("a reason"));
    assert!(fatal.contains("insufficient_credits") && end.totals.settled() == 0, "{fatal}");
    assert!(!folders.open_state().entries.values().any(|entry| matches!(entry, Progress::Failed { .. })));
    api.refuse_all(200);
    let end = folders.run(&api, LONG, None).await.expect("ends");
    assert_eq!((end.totals.done, api.jobs()), (12, 12));
    folders.check_results(12);
}
