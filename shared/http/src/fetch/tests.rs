//! The fetcher against real servers on loopback addresses. Where the guard is on, one loopback address is allowed
//! and stands for the internet; the others stay forbidden.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;

use super::*;
use server::{Ending, Reply, Server};

mod server;

const PNG: &[u8] = b"\x89PNG\r\n\x1A\nnot much of a picture";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A loopback address other than 127.0.0.1. Linux has all of 127.0.0.0/8; other systems have `::1`.
fn second_loopback() -> IpAddr {
    let candidates = [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let bindable = |address: &IpAddr| TcpListener::bind((*address, 0)).is_ok();
    candidates.into_iter().find(bindable).expect("a second loopback address")
}

/// Limits for tests: local addresses are allowed, and nothing waits long.
fn limits() -> FetchConfig {
    let timeout = Duration::from_secs(10);
    FetchConfig { allow_private: true, max_bytes: 10_000, timeout, ..FetchConfig::default() }
}

fn open_fetcher() -> HttpFetcher {
    HttpFetcher::new(limits()).expect("a fetcher")
}

/// A fetcher that may connect only to `internet`, and that resolves names from `names`.
fn guarded_fetcher(internet: IpAddr, names: &'static [(&'static str, &'static [IpAddr])]) -> HttpFetcher {
    let lookup: Lookup = Arc::new(move |name| {
        let known = names.iter().find(|(known, _)| *known == name).map(|(_, addresses)| addresses.to_vec());
        async move { known.ok_or_else(|| io::Error::other("no such name")) }.boxed()
    });
    let policy = AddressPolicy::new(move |address| address == internet);
    HttpFetcher::with(limits(), policy, lookup).expect("a fetcher")
}

async fn fetch(fetcher: &HttpFetcher, url: &str) -> Result<Bytes, Fault> {
    fetcher.fetch(&url.parse().expect("a source URL")).await
}

/// Runs a fetch that fails. Returns whether it is retryable, its code and its message.
async fn fetch_error(fetcher: &HttpFetcher, url: &str) -> (bool, FailureCode, String) {
    let fault = fetch(fetcher, url).await.expect_err(url);
    let retry = matches!(fault, Fault::Retry(_));
    let failure = fault.failure();
    assert_eq!(retry, failure.retryable);
    assert!(!failure.message.contains("127.0.0"), "the message reveals an address: {}", failure.message);
    (retry, failure.code, failure.message.clone())
}

fn expected_error(retry: bool, code: FailureCode, message: &str) -> (bool, FailureCode, String) {
    (retry, code, message.to_owned())
}

fn forbidden_error() -> (bool, FailureCode, String) {
    expected_error(false, FailureCode::SourceForbidden, "the source's address is not on the public internet")
}

#[tokio::test]
async fn fetches_a_picture_and_reveals_nothing_in_the_request() {
    let server = Server::start(LOOPBACK, |_| Reply::ok(PNG)).await;
    let bytes = fetch(&open_fetcher(), &server.url("/cup.png?sig=1#part")).await.expect("fetched");
    assert_eq!(bytes, PNG);
    let request = server.requests().remove(0).to_ascii_lowercase();
    let mut lines: Vec<_> = request.lines().filter(|line| !line.is_empty() && !line.starts_with("host:")).collect();
    lines[1..].sort_unstable();
    let expected = [
        "get /cup.png?sig=1 http/1.1",
        "accept-encoding: identity",
        "accept: image/jpeg, image/png, image/webp;q=0.9, */*;q=0.1",
        concat!("user-agent: cutline/", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(lines, expected);
}

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failed_fetch_logs_its_cause_and_no_query() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // Another test may be the first to log this event, on a thread without a subscriber, and tracing then remembers that
    // nobody wants it. So the event is logged once, and its interest is computed again.
    fetch(&open_fetcher(), "http://127.0.0.1:1/").await.expect_err("nothing listens");
    tracing::callsite::rebuild_interest_cache();
    log.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let hangs_up = Server::start(LOOPBACK, |_| Reply::raw("")).await;
    let breaks_off = Server::start(LOOPBACK, |_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nGIF")).await;
    let redirects = Server::start(LOOPBACK, |_| Reply::redirect("302 Found", "http://127.0.0.1:1/?sig=secret")).await;
    for server in [hangs_up, breaks_off, redirects] {
        let fault = fetch(&open_fetcher(), &server.url("/cup.png?sig=secret#secret")).await.expect_err("a fault");
        assert!(!format!("{fault} {fault:?}").contains("secret"), "{fault:?}");
    }
    let log = String::from_utf8(log.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text");
    assert_eq!(log.matches("source fetch failed error=").count(), 3, "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn fetches_a_chunked_picture_without_content_length() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = format!("8\r\n{}\r\n0\r\n\r\n", "\u{0}".repeat(8)).replace(&"\u{0}".repeat(8), "GIF89a..");
    let server = Server::start(LOOPBACK, move |_| Reply::raw(format!("{head}{body}"))).await;
    let fetched = fetch(&open_fetcher(), &server.url("/")).await.expect("fetched");
    assert_eq!(fetched, &b"GIF89a.."[..]);
}

#[tokio::test]
async fn rejects_content_that_is_not_a_picture() {
    let kinds = "it must be a JPEG, PNG, WebP, GIF, AVIF, TIFF, PSD or SVG picture";
    let unknown = format!("the source is not a picture of a known kind; {kinds}");
    let cases: [(&'static [u8], &str); 3] = [
        (b"", &format!("the source is empty; {kinds}")),
        (b"a text named .jpg", &unknown),
        (b"<html><p>please log in</p></html>", &unknown),
    ];
    for (body, message) in cases {
        let server =
            Server::start(LOOPBACK, move |_| Reply::with("200 OK", "Content-Type: image/jpeg\r\n", body)).await;
        let error = fetch_error(&open_fetcher(), &server.url("/cup.jpg")).await;
        assert_eq!(error, expected_error(false, FailureCode::UnsupportedSource, message));
    }
}

#[tokio::test]
async fn the_status_decides_whether_an_error_is_retryable() {
    let cases = [
        ("400 Bad Request", false),
        ("401 Unauthorized", false),
        ("403 Forbidden", false),
        ("404 Not Found", false),
        ("410 Gone", false),
        ("304 Not Modified", false),
        ("302 Found", false),
        ("408 Request Timeout", true),
        ("425 Too Early", true),
        ("429 Too Many Requests", true),
        ("500 Internal Server Error", true),
        ("503 Service Unavailable", true),
    ];
    for (status, retry) in cases {
        let server = Server::start(LOOPBACK, move |_| Reply::with(status, "", PNG)).await;
        let message = format!("the source answered with status {status}");
        let error = fetch_error(&open_fetcher(), &server.url("/")).await;
        assert_eq!(error, expected_error(retry, FailureCode::SourceUnreachable, &message));
    }
}

#[tokio::test]
async fn follows_at_most_three_redirects() {
    let server = Server::start(LOOPBACK, |path| match path {
        "/a/3" => Reply::redirect("302 Found", "2"),
        "/a/2" => Reply::redirect("307 Temporary Redirect", "/1"),
        "/1" => Reply::redirect("301 Moved Permanently", "?0"),
        "/1?0" => Reply::ok(PNG),
        "/4" => Reply::redirect("308 Permanent Redirect", "/a/3"),
        _ => Reply::redirect("303 See Other", "/loop"),
    })
    .await;
    let fetcher = open_fetcher();
    assert_eq!(fetch(&fetcher, &server.url("/a/3")).await.expect("fetched"), PNG);
    let too_many = expected_error(false, FailureCode::SourceUnreachable, "the source redirects more than 3 times");
    assert_eq!(fetch_error(&fetcher, &server.url("/4")).await, too_many);
    assert_eq!(fetch_error(&fetcher, &server.url("/loop")).await, too_many);
}

#[tokio::test]
async fn a_redirect_leads_only_where_a_caller_could_have_sent_us() {
    let cases = [
        ("file:///etc/passwd", "must be an http or https URL"),
        ("ftp://example.com/", "must be an http or https URL"),
        ("http://me:secret@example.com/", "must not contain a user name or password"),
        ("http://", "cannot be read"),
        ("http://[::1", "cannot be read"),
    ];
    // One URL is too long as sent, the other once its non-ASCII letters are escaped.
    let long = ["a".repeat(5_000), "é".repeat(1_500)].map(|path| format!("http://example.com/{path}"));
    let too_long = long.iter().map(|location| (location.as_str(), "must be at most 4096 bytes long"));
    for (location, why) in cases.into_iter().chain(too_long) {
        let location = location.to_owned();
        let server = Server::start(LOOPBACK, move |_| Reply::redirect("302 Found", &location)).await;
        let message = format!("the source redirects to a URL that {why}");
        let error = fetch_error(&open_fetcher(), &server.url("/")).await;
        assert_eq!(error, expected_error(false, FailureCode::SourceUnreachable, &message));
    }
}

#[tokio::test]
async fn refuses_every_spelling_of_a_forbidden_address() {
    let fetcher = HttpFetcher::new(FetchConfig::default()).expect("a fetcher");
    let server = Server::start(LOOPBACK, |_| Reply::ok(PNG)).await;
    let port = server.port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
        // Names that the system resolves.
        "localhost",
        "LOCALHOST",
    ];
    for host in hosts {
        assert_eq!(fetch_error(&fetcher, &format!("http://{host}:{port}/")).await, forbidden_error(), "{host}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn refuses_a_redirect_to_a_forbidden_address() {
    static NAMES: &[(&str, &[IpAddr])] = &[("inside.test", &[LOOPBACK])];
    let internet = second_loopback();
    let inside = Server::start(LOOPBACK, |_| Reply::ok(PNG)).await;
    let port = inside.port();
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "inside.test"] {
        let location = format!("http://{host}:{port}/secret.png");
        let server = Server::start(internet, move |_| Reply::redirect("302 Found", &location)).await;
        assert_eq!(fetch_error(&guarded_fetcher(internet, NAMES), &server.url("/")).await, forbidden_error(), "{host}");
        assert_eq!(server.connections(), 1);
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn connects_only_to_the_allowed_addresses_of_a_name() {
    static V4: &[(&str, &[IpAddr])] = &[
        ("mixed.test", &[LOOPBACK, IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))]),
        ("inside.test", &[LOOPBACK, IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3))]),
    ];
    static V6: &[(&str, &[IpAddr])] =
        &[("mixed.test", &[LOOPBACK, IpAddr::V6(Ipv6Addr::LOCALHOST)]), ("inside.test", &[LOOPBACK])];
    let internet = second_loopback();
    let (server, inside) = loop {
        let server = Server::start(internet, |_| Reply::ok(PNG)).await;
        // The same port on the forbidden address, to see that no connection arrives. Another program may have it.
        match Server::start_at((LOOPBACK, server.port()).into(), |_| Reply::ok(b"secret")).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            inside => break (server, inside.expect("the same port")),
        }
    };
    let fetcher = guarded_fetcher(internet, if internet.is_ipv4() { V4 } else { V6 });
    let port = server.port();
    assert_eq!(fetch(&fetcher, &format!("http://mixed.test:{port}/")).await.expect("fetched"), PNG);
    assert_eq!(fetch_error(&fetcher, &format!("http://inside.test:{port}/")).await, forbidden_error());
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn resolves_a_name_once_against_dns_rebinding() {
    let internet = second_loopback();
    let server = Server::start(internet, |_| Reply::ok(PNG)).await;
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let lookup: Lookup = Arc::new(move |_| {
        let address = if counted.fetch_add(1, Ordering::Relaxed) == 0 { internet } else { LOOPBACK };
        async move { Ok(vec![address]) }.boxed()
    });
    let policy = AddressPolicy::new(move |address| address == internet);
    let fetcher = HttpFetcher::with(limits(), policy, lookup).expect("a fetcher");
    let url = format!("http://rebinding.test:{}/", server.port());
    assert_eq!(fetch(&fetcher, &url).await.expect("fetched"), PNG);
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    assert_eq!(fetch_error(&fetcher, &url).await, forbidden_error());
}

#[tokio::test]
async fn unknown_names_and_unreachable_servers_are_retryable() {
    let not_there =
        expected_error(true, FailureCode::SourceUnreachable, "the source's server could not be found or connected to");
    assert_eq!(fetch_error(&guarded_fetcher(LOOPBACK, &[]), "http://nobody.test/").await, not_there);
    static NOWHERE: &[(&str, &[IpAddr])] = &[("nowhere.test", &[])];
    assert_eq!(fetch_error(&guarded_fetcher(LOOPBACK, NOWHERE), "http://nowhere.test/").await, not_there);
    assert_eq!(fetch_error(&open_fetcher(), "http://127.0.0.1:1/").await, not_there);
}

#[tokio::test]
async fn a_broken_connection_is_retryable() {
    let broken = expected_error(
        true,
        FailureCode::SourceUnreachable,
        "the source's server closed the connection or did not speak HTTP",
    );
    let replies =
        ["", "SMTP ready\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n\u{89}PNG", "HTTP/1.1 200 OK\r\nTransf"];
    for reply in replies {
        let server = Server::start(LOOPBACK, move |_| Reply::raw(reply)).await;
        assert_eq!(fetch_error(&open_fetcher(), &server.url("/")).await, broken, "{reply}");
    }
}

#[tokio::test]
async fn rejects_a_large_source_by_its_length_or_by_its_bytes() {
    let too_large = expected_error(false, FailureCode::SourceTooLarge, "the source is larger than 10 KB");
    // Content-Length exceeds the limit: rejected without waiting for bytes that never come.
    let declared =
        Server::start(LOOPBACK, |_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n").then(Ending::Hang))
            .await;
    assert_eq!(fetch_error(&open_fetcher(), &declared.url("/")).await, too_large);
    // No Content-Length, and the body never ends.
    let endless = Server::start(LOOPBACK, |_| Reply::raw("HTTP/1.1 200 OK\r\n\r\n").then(Ending::Flood)).await;
    assert_eq!(fetch_error(&open_fetcher(), &endless.url("/")).await, too_large);
    // Exactly at the limit.
    let mut largest = PNG.to_vec();
    largest.resize(10_000, 0);
    let expected = largest.clone();
    let server = Server::start(LOOPBACK, move |_| Reply::ok(&largest)).await;
    assert_eq!(fetch(&open_fetcher(), &server.url("/")).await.expect("fetched"), expected);
}

#[tokio::test]
async fn reads_no_further_than_content_length() {
    let server =
        Server::start(LOOPBACK, |_| Reply::raw([b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", PNG].concat())).await;
    assert_eq!(fetch(&open_fetcher(), &server.url("/")).await.expect("fetched"), &PNG[..12]);
}

#[tokio::test]
async fn one_time_limit_covers_every_slow_step() {
    let short = Duration::from_millis(400);
    let slow = expected_error(true, FailureCode::SourceTimeout, "the source took longer than 0.4 s");
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n";
    let replies = [
        Reply::raw("").then(Ending::Hang),
        Reply::raw("HTTP/1.1 200 OK\r\n").then(Ending::Trickle),
        Reply::raw(head).then(Ending::Hang),
        Reply::raw(head).then(Ending::Trickle),
    ];
    for reply in replies {
        let fetcher = HttpFetcher::new(FetchConfig { timeout: short, ..limits() }).expect("a fetcher");
        let server = Server::start(LOOPBACK, move |_| reply.clone()).await;
        assert_eq!(fetch_error(&fetcher, &server.url("/")).await, slow);
    }
    let never: Lookup = Arc::new(|_| std::future::pending().boxed());
    let config = FetchConfig { timeout: short, ..limits() };
    let fetcher = HttpFetcher::with(config, AddressPolicy::public(true), never).expect("a fetcher");
    assert_eq!(fetch_error(&fetcher, "http://slow.test/").await, slow);
}

#[tokio::test]
async fn an_untrusted_certificate_is_final() {
    let url = server::with_untrusted_certificate(LOOPBACK).await;
    let message =
        "the source's TLS certificate is not trusted: it has expired, is for another name, or its issuer is not known";
    let error = fetch_error(&open_fetcher(), &url).await;
    assert_eq!(error, expected_error(false, FailureCode::SourceUnreachable, message));
}

#[tokio::test]
async fn https_to_a_server_without_tls_is_retryable() {
    let server = Server::start(LOOPBACK, |_| Reply::ok(PNG)).await;
    let url = server.url("/").replace("http:", "https:");
    let (retry, code, _) = fetch_error(&open_fetcher(), &url).await;
    assert_eq!((retry, code), (true, FailureCode::SourceUnreachable));
}

/// Memory is bounded however many sources are fetched at once: large ones wait for each other until they are stored.
#[tokio::test]
async fn large_sources_wait_for_room_and_small_ones_do_not() {
    let large = [PNG, &vec![7; LARGE_BYTES]].concat();
    let size = large.len();
    let server = Server::start(LOOPBACK, move |path| match path == "/small" {
        true => Reply::ok(PNG),
        false => Reply::ok(&large),
    })
    .await;
    let config = FetchConfig { max_bytes: 2 * LARGE_BYTES, max_large: 1, ..limits() };
    let fetcher = HttpFetcher::new(config).expect("a fetcher");
    let first = fetch(&fetcher, &server.url("/large")).await.expect("fetched");
    assert_eq!(first.len(), size);
    let part = first.slice(..10);
    drop(first);
    // It waits a short time for room, but the full time for the bytes.
    let config = FetchConfig { timeout: Duration::from_millis(100), ..config };
    let hasty = HttpFetcher { config, ..fetcher.clone() };
    let response = hasty.get(&server.url("/large").parse().expect("a source URL")).await.expect("a response");
    let fault = hasty.read(response, Deadline::new(limits().timeout)).await.expect_err("no room while a part is held");
    assert!(matches!(fault, Fault::Retry(_)), "{fault:?}");
    assert_eq!(fault.failure().code, FailureCode::SourceTimeout);
    assert_eq!(fault.failure().message, "too many large sources are being fetched; try again later");
    assert_eq!(fetch(&fetcher, &server.url("/small")).await.expect("fetched"), PNG);
    drop(part);
    assert_eq!(fetch(&fetcher, &server.url("/large")).await.expect("fetched").len(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_room_costs_a_source_none_of_its_time() {
    let large = [PNG, &vec![7; LARGE_BYTES]].concat();
    let size = large.len();
    let server = Server::start(LOOPBACK, move |_| Reply::ok(&large)).await;
    // The time of a source is long enough for a slow machine.
    let (max_bytes, timeout) = (2 * LARGE_BYTES, Duration::from_secs(8));
    let fetcher = HttpFetcher::new(FetchConfig { max_bytes, timeout, max_large: 1, ..limits() }).expect("a fetcher");
    let url = server.url("/large");
    let first = fetch(&fetcher, &url).await.expect("fetched");
    let release = async {
        tokio::time::sleep(timeout + Duration::from_millis(600)).await;
        drop(first);
    };
    let (second, ()) = tokio::join!(fetch(&fetcher, &url), release);
    assert_eq!(second.expect("fetched after more than the longest time").len(), size);
}
