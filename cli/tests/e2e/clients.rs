//! The programs of `examples/clients`, against a real server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use crate::http::{Request, Response};
use crate::pictures;
use crate::server::{Data, Server, cutline, setting, shared};

/// One of the programs.
struct Client {
    file: &'static str,
    /// The environment variable with the path of its interpreter.
    interpreter: &'static str,
}

/// The tests of each client. `cargo xtask test` skips them by the module's name if the interpreter is missing.
macro_rules! clients {
    ($($module:ident: $file:literal, $interpreter:literal;)*) => {$(
        mod $module {
            const CLIENT: super::Client = super::Client { file: $file, interpreter: $interpreter };

            #[test]
            fn saves_the_pictures() {
                super::saves_the_pictures(&CLIENT);
            }

            #[test]
            fn reports_why_a_request_was_refused() {
                super::reports_why_a_request_was_refused(&CLIENT);
            }

            #[test]
            fn reports_why_a_job_failed() {
                super::reports_why_a_job_failed(&CLIENT);
            }

            #[test]
            fn retries_without_a_second_job() {
                super::retries_without_a_second_job(&CLIENT);
            }
        }
    )*};
}

clients! {
    curl: "cutline.sh", "CUTLINE_TEST_BASH";
    node: "cutline.mjs", "CUTLINE_TEST_NODE";
    php: "cutline.php", "CUTLINE_TEST_PHP";
    python: "cutline.py", "CUTLINE_TEST_PYTHON";
}

/// A folder with a photo, where a client runs.
struct Desk {
    folder: TempDir,
    photo: &'static str,
}

impl Desk {
    fn new(photo: &'static str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(photo), bytes).expect("writes the photo");
        Self { folder, photo }
    }

    fn run(&self, client: &Client, url: &str, key: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(setting(client.interpreter));
        command.arg(examples().join(client.file)).arg(self.photo).args(arguments);
        command.env("CUTLINE_URL", url).env("CUTLINE_API_KEY", key).env("no_proxy", "127.0.0.1");
        command.current_dir(self.folder.path()).stdin(Stdio::null()).output().expect("the interpreter runs")
    }

    /// The files that a client wrote, by the lines that it printed, sorted by name.
    #[track_caller]
    fn written(&self, output: &Output) -> Vec<(String, Vec<u8>)> {
        assert!(output.status.success(), "{output:?}");
        let printed = str::from_utf8(&output.stdout).expect("text");
        let mut files: Vec<_> = printed.lines().map(|name| (name.to_owned(), self.read(name))).collect();
        files.sort();
        files
    }

    #[track_caller]
    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/clients")
}

/// Checks that a client ended with code 1, wrote no file, and printed these texts.
#[track_caller]
fn check_refused(desk: &Desk, output: &Output, texts: &[&str]) {
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty() && !desk.folder.path().join("cutouts").exists(), "{output:?}");
    for text in texts {
        assert!(printed.contains(text), "`{text}` is missing:\n{printed}");
    }
}

fn saves_the_pictures(client: &Client) {
    let server = shared();
    // Characters with a meaning in curl's forms and in the header of a form's part.
    let desk = Desk::new("red; \"cup\", front.jpg", &pictures::photo());
    let files = desk.written(&desk.run(client, &server.url("/"), server.key(), &[]));
    let [(soft, background), (hard, clipping)] = &files[..] else {
        panic!("two pictures in mode clipping, not {}", files.len());
    };
    assert_eq!(soft, "cutouts/red; \"cup\", front-background.png");
    assert_eq!(hard, "cutouts/red; \"cup\", front-clipping.png");
    pictures::check(background);
    pictures::check_clipped(clipping);
}

fn reports_why_a_request_was_refused(client: &Client) {
    let data = Data::new();
    let server = Server::start(&data, &["--workers", "0"]);
    let desk = Desk::new("text.jpg", b"just a text");
    let run = |key: &str, arguments: &[&str]| desk.run(client, &server.url(""), key, arguments);
    check_refused(&desk, &run("ck_wrong", &[]), &["unauthorized: API key invalid; check CUTLINE_API_KEY"]);
    let output = run(server.key(), &["sparkle"]);
    check_refused(
        &desk,
        &output,
        &["invalid request:\n", "\n  file: The file is not a picture", "\n  mode: The value"],
    );

    let created = cutline(&data.path()).args(["keys", "create", "--owner", "poor", "--credits", "0"]).output();
    let created = String::from_utf8(created.expect("the program runs").stdout).expect("text");
    let poor = created.split_whitespace().find(|word| word.starts_with("ck_")).expect("a key");
    let desk = Desk::new("coffee.jpg", &pictures::photo());
    check_refused(&desk, &desk.run(client, &server.url(""), poor, &[]), &["insufficient credits"]);
}

fn reports_why_a_job_failed(client: &Client) {
    let server = shared();
    let desk = Desk::new("tiny.png", &pictures::one_pixel());
    let output = desk.run(client, &server.url(""), server.key(), &["background"]);
    check_refused(&desk, &output, &[" failed: no_subject: "]);
}

/// The answer of the first upload is lost, the second upload gets a 503.
fn retries_without_a_second_job(client: &Client) {
    let server = shared();
    let gateway = Gateway::start(&server);
    let desk = Desk::new("coffee.jpg", &pictures::photo());
    let output = desk.run(client, &gateway.url, server.key(), &["params", "webp", "amazon-main"]);
    let files = desk.written(&output);
    let names: Vec<_> = files.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["cutouts/coffee-compose.webp"], "{output:?}");
    assert!(files[0].1.starts_with(b"RIFF"), "a WebP file");

    let uploads = gateway.uploads.lock().expect("uploads");
    let [lost, unavailable, last] = &uploads[..] else { panic!("three uploads, not {}", uploads.len()) };
    assert!(!lost.key.is_empty() && lost.key == unavailable.key && lost.key == last.key, "{uploads:?}");
    assert!(!lost.is_replay && last.is_replay, "one job: {uploads:?}");
}

/// An unreliable gateway in front of a server: it drops the answer of the first upload, and answers the second with 503.
struct Gateway {
    url: String,
    uploads: Arc<Mutex<Vec<Upload>>>,
}

/// An upload that reached the gateway.
#[derive(Debug)]
struct Upload {
    /// Its `Idempotency-Key`.
    key: String,
    /// Whether the server answered with `Idempotent-Replayed: true`.
    is_replay: bool,
}

impl Gateway {
    fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let uploads = Arc::new(Mutex::new(Vec::new()));
        let (base, seen) = (server.url(""), uploads.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that closed the connection has what it wanted.
                let _ = forward(stream, &base, &seen);
            }
        });
        Self { url, uploads }
    }
}

/// Handles the one request of a connection.
fn forward(mut stream: TcpStream, base: &str, uploads: &Mutex<Vec<Upload>>) -> std::io::Result<()> {
    let (request, upload) = read_request(&stream, base)?;
    let Some(mut upload) = upload else { return answer(&mut stream, &request.send()) };
    let earlier = uploads.lock().expect("uploads").len();
    if earlier == 1 {
        uploads.lock().expect("uploads").push(upload);
        let head =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.write_all(head.as_bytes());
    }
    let response = request.send();
    upload.is_replay = response.header("idempotent-replayed") == Some("true");
    uploads.lock().expect("uploads").push(upload);
    if earlier == 0 { Ok(()) } else { answer(&mut stream, &response) }
}

/// Reads a request, to be sent to the server, and what to remember if it is an upload.
fn read_request(stream: &TcpStream, base: &str) -> std::io::Result<(Request<'static>, Option<Upload>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let is_upload = line.starts_with("POST ");
    let path = line.split(' ').nth(1).unwrap_or_default();
    let mut request = Request::new(if is_upload { "POST" } else { "GET" }, format!("{base}{path}"));
    let (mut length, mut content_type, mut key) = (0, String::new(), String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match &*name.to_ascii_lowercase() {
            "content-length" => length = value.parse().expect("a length"),
            "content-type" => value.clone_into(&mut content_type),
            "idempotency-key" => value.clone_into(&mut key),
            "x-api-key" => request = request.key(value),
            _ => {}
        }
    }
    if !is_upload {
        return Ok((request, None));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request = request.header("Idempotency-Key", &key).body(&content_type, body);
    Ok((request, Some(Upload { key, is_replay: false })))
}

fn answer(stream: &mut TcpStream, response: &Response) -> std::io::Result<()> {
    let Response { status, body, .. } = response;
    write!(stream, "HTTP/1.1 {status} \r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}
