//! The OpenAPI document against the running server, and the page that shows it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::http::Request;
use crate::server::{Data, Server, setting, shared};

/// Sends requests that the document allows and forbids, with a fixed seed, and checks every answer. Nothing is made or
/// fetched, since there are no workers.
#[test]
fn schemathesis_finds_no_deviation() {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/document");
    let mut command = Command::new(setting("CUTLINE_TEST_SCHEMATHESIS"));
    command.arg("--config-file").arg(settings.join("schemathesis.toml")).args([
        "--no-color",
        "run",
        &server.url("/api/v1/openapi.json"),
    ]);
    command.env("CUTLINE_SCHEMATHESIS_HOOKS", settings.join("hooks.py"));
    command.env("CUTLINE_API_KEY", server.key()).env("no_proxy", "127.0.0.1").env("PYTHONUTF8", "1");
    let output = command.current_dir(folder.path()).stdin(Stdio::null()).output().expect("the program runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    // No operation may be left out, and no phase.
    let operations = Request::new("GET", server.url("/api/v1/openapi.json")).send().json();
    let paths = operations["paths"].as_object().expect("paths").values();
    let count: usize = paths.map(|item| item.as_object().expect("an item").len()).sum();
    assert!(printed.contains(&format!("{count} selected / {count} total")), "{count} operations:\n{printed}");
    for phase in ["Examples", "Coverage", "Fuzzing", "Stateful"] {
        assert!(printed.contains(phase), "{phase}:\n{printed}");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// The official schema of OpenAPI 3.1 accepts the document.
#[test]
fn the_document_is_valid_openapi() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let output = Command::new(setting("CUTLINE_TEST_OPENAPI_VALIDATOR")).arg(file).output().expect("the program runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_page_has_its_files() {
    let server = shared();
    let page = Request::new("GET", server.url("/api/v1/docs")).send();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
    let text = String::from_utf8(page.body).expect("text");
    let names: Vec<_> = text.split("\"docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(names.len(), 4, "{text}");
    for name in names {
        let file = Request::new("GET", server.url(&format!("/api/v1/docs/{name}"))).send();
        assert_eq!(file.status, 200, "{name}");
        assert!(file.body.len() > 100 && file.header("content-security-policy").is_some(), "{name}");
    }
}
