//! A minimal HTTP client: one request for each connection, and the unchanged response.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longer than any response takes, even on a slow and busy machine.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A response of the server.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header. Case does not matter in the name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request builder.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    method: &'a str,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl<'a> Request<'a> {
    /// A request to this URL, `http://host:port/…`.
    pub(crate) fn new(method: &'a str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an API key. An empty key adds no header.
    pub(crate) fn key(self, key: &str) -> Self {
        if key.is_empty() { self } else { self.header("X-API-Key", key) }
    }

    pub(crate) fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.bytes(body).header("Content-Type", content_type)
    }

    /// Adds a body without a type.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// Adds a form with these fields and, if given, a file.
    pub(crate) fn form(self, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Self {
        let file = file.map(|(name, bytes)| ("file", name, bytes));
        self.form_with_files(fields, file.as_slice())
    }

    /// Adds a form with these fields and files, each with the name of its field.
    pub(crate) fn form_with_files(self, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Self {
        const BOUNDARY: &str = "------------------------cutline-end-to-end";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        for (field, name, bytes) in files {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.body(&format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    /// Sends the request and reads the response.
    #[track_caller]
    pub(crate) fn send(self) -> Response {
        let url = self.url.clone();
        self.try_send().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Like [`Request::send`], for a server that may not respond.
    pub(crate) fn try_send(self) -> std::io::Result<Response> {
        let (authority, path) = split_url(&self.url);
        let mut stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", self.method);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        stream.write_all(head.as_bytes())?;
        // The server may respond and close the connection before it has read everything.
        let _ = stream.write_all(&self.body);
        let mut bytes = Vec::new();
        let ended = stream.read_to_end(&mut bytes);
        match parse_response(&bytes) {
            Some(response) => Ok(response),
            None => Err(ended.err().unwrap_or_else(|| std::io::Error::other("incomplete response"))),
        }
    }
}

/// Splits `http://host:port/path` into `host:port` and `/path`.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not an http URL: {url}"));
    let slash = rest.find('/').unwrap_or_else(|| panic!("a URL without a path: {url}"));
    rest.split_at(slash)
}

/// Parses a response. `None` if it is incomplete.
fn parse_response(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).ok()?.to_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let response = Response { status, head, body: bytes[end + 4..].to_vec() };
    let length = response.header("content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_none_or(|length| length == response.body.len()).then_some(response)
}
