//! The data folder under a running server: who can read it, and what happens if it disappears.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, accepted, cutline, models};

fn upload(server: &Server, key: &str) -> Response {
    server.post().key(key).form(&[("mode", "background")], Some(("coffee.jpg", &pictures::photo()))).send()
}

#[test]
fn nothing_is_accepted_once_the_database_or_the_files_are_gone() {
    let cases = [("cutline.db", false), ("cutline.db", true), ("cutline.db-wal", false), ("files", true)];
    for (lost, also_replaced) in cases {
        let data = Data::new();
        let server = Server::start(&data, &["--workers", "0"]);
        let key = server.key().to_owned();
        let job = accepted(&upload(&server, &key));
        assert_eq!(Request::new("GET", server.url("/health")).send().status, 200);
        let (path, aside) = (data.path().join(lost), data.path().with_extension("aside"));
        fs::rename(&path, &aside).expect("is renamed");
        if also_replaced {
            match aside.is_dir() {
                true => ["", "sources", "jobs", "tmp"].iter().for_each(|name| {
                    fs::create_dir(path.join(name)).expect("a folder");
                }),
                false => fs::write(&path, "").expect("an empty database"),
            }
        }
        for _ in 0..3 {
            let refused = upload(&server, &key);
            assert_eq!(refused.status, 503, "{lost}: {refused:?}");
            assert_eq!(refused.json()["error"], "unavailable");
            assert_eq!(server.status(&key, &job).status, 503, "{lost}: reads stop too");
            let health = Request::new("GET", server.url("/health")).send();
            assert_eq!(health.status, 503, "{lost}: {health:?}");
        }
        let log = server.log();
        assert_eq!(log.matches("was removed or replaced; nothing is accepted").count(), 1, "{lost}: {log}");
        assert!(log.contains("restart the server"), "{lost}: {log}");
        if !also_replaced {
            assert!(!path.exists(), "{lost}: nothing takes its place");
        }
        server.kill();

        // Put back, the accepted job is there after a restart.
        if also_replaced {
            let remove = if path.is_dir() { fs::remove_dir_all } else { fs::remove_file };
            remove(&path).expect("is removed");
        }
        fs::rename(&aside, &path).expect("is renamed back");
        let server = Server::start(&data, &["--workers", "0"]);
        assert_eq!(server.status(&key, &job).status, 200, "{lost}");
    }
}

/// The names of everything below a folder that others can use.
fn shared(folder: &Path) -> Vec<String> {
    let mut shared = Vec::new();
    let mut paths = vec![folder.to_owned()];
    while let Some(path) = paths.pop() {
        let metadata = match fs::metadata(&path) {
            // The server works, so a file may have been removed.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata.expect("metadata"),
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            shared.push(format!("{} {:o}", path.display(), metadata.permissions().mode()));
        }
        if metadata.is_dir() {
            paths.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
    }
    shared
}

#[test]
fn the_data_folder_is_private_whatever_the_umask() {
    let data = Data::new();
    // The folder exists, and others can enter it.
    fs::create_dir(data.path()).expect("a folder");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let mut child = Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" serve --workers 0 --listen 127.0.0.1:0"])
        .arg(env!("CARGO_BIN_EXE_cutline"))
        .env("CUTLINE_DATA_DIR", data.path())
        .env("CUTLINE_MODELS_DIR", models())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut printed = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(printed.any(|line| line.expect("text").contains(" listens on ")), "the server does not start");
    let shared = shared(&data.path());
    child.kill().expect("SIGKILL");
    let output = child.wait_with_output().expect("ends");
    assert!(shared.is_empty(), "{shared:?}");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("other users' access removed"), "{log}");

    fs::write(data.path().join("notes.txt"), "mine").expect("a file");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o711)).expect("a mode");
    let output = cutline(&data.path()).args(["serve", "--workers", "0"]).output().expect("runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("notes.txt") && error.contains("chmod go="), "{error}");
}
