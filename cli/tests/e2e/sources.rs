//! A web server on this machine, as a source of photos.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::pictures;

/// Starts the server. Returns its address, `http://127.0.0.1:port`. It runs until the process ends.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || drop(respond(stream)));
        }
    });
    format!("http://{address}")
}

fn respond(mut stream: TcpStream) -> std::io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = line.split(' ').nth(1).unwrap_or_default();
    let (status, headers, body) = match path {
        "/photo.jpg" => ("200 OK", "", pictures::photo()),
        "/moved" => ("302 Found", "Location: /photo.jpg\r\n", Vec::new()),
        "/loop" => ("302 Found", "Location: /loop\r\n", Vec::new()),
        // Cutline must go by the content, not by the name and the header.
        "/text.jpg" => ("200 OK", "Content-Type: image/jpeg\r\n", b"just a text".to_vec()),
        "/gone" => ("410 Gone", "", Vec::new()),
        _ => ("404 Not Found", "", b"nothing here".to_vec()),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&body)
}
