//! The web pages of `desk/`: `GET /`, `GET /review` and the files that they load. They need no key; the scripts ask for one, and use
//! the public API with it like any other client.
//!
//! Browsers ask for a page each time. Its files are under a folder named by the hash of all of them, so that they can be
//! cached for ever, and a page never runs with scripts of another version.

mod files;

use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use cutline_core::domain::digest::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::ApiError;

/// A page, its path, and the folder of its own modules.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    html: &'static str,
    folder: &'static str,
}

/// Every page.
pub(crate) const PAGES: [Page; 2] = [
    Page { path: "/", html: files::TRY_PAGE, folder: "try/" },
    Page { path: "/review", html: files::REVIEW_PAGE, folder: "review/" },
];

/// The files of the pages. The name of a file may contain slashes.
pub(crate) const FILES: &str = "/desk/{version}/{*file}";

/// Code, styles and requests of this origin alone, and none inline. Pictures may come from the page itself, which reads them
/// from files and links. No script may parse HTML.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'",
);

/// For pages: a browser asks whether there is a newer one.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// For files under their hash.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The pages, made ready when the first one is asked for.
static DESK: LazyLock<Desk> = LazyLock::new(Desk::new);

/// The pages and their files.
struct Desk {
    /// Names the folder of the files.
    version: String,
    /// In the order of [`PAGES`].
    pages: [Served; PAGES.len()],
    files: Vec<(&'static str, Served)>,
}

/// A file, ready to be sent.
struct Served {
    content_type: HeaderValue,
    plain: Bytes,
    /// The same, compressed. `None` if that fails.
    gzip: Option<Bytes>,
}

impl Desk {
    fn new() -> Self {
        let everything: Vec<_> = files::ALL.iter().flat_map(|(name, content)| [*name, "\0", *content, "\0"]).collect();
        let mut version = Digest::of(everything.concat().as_bytes()).to_string();
        version.truncate(16);
        let files =
            files::ALL.iter().map(|(name, content)| (*name, Served::new(name, Bytes::from(*content)))).collect();
        let pages = PAGES.map(|page| Served::new("page.html", page.whole(&version).into()));
        Self { version, pages, files }
    }

    fn file(&self, version: &str, name: &str) -> Option<&Served> {
        let (_, file) = self.files.iter().find(|(known, _)| version == self.version && *known == name)?;
        Some(file)
    }
}

impl Page {
    /// The page with the parts that pages share.
    fn whole(&self, version: &str) -> String {
        let parts =
            files::PARTS.iter().fold(self.html.to_owned(), |html, (place, part)| html.replace(place, part.trim_end()));
        parts.replace("{preloads}", &preloads(self.folder)).replace("{files}", &format!("desk/{version}"))
    }
}

/// The links that make a browser load the modules of a page at once, and not one after another as they import each other.
fn preloads(folder: &str) -> String {
    let names = files::ALL.iter().map(|(name, _)| *name);
    let modules = names.filter(|name| name.ends_with(".js") && (name.starts_with("lib/") || name.starts_with(folder)));
    modules.map(|name| format!("<link rel=\"modulepreload\" href=\"{{files}}/{name}\">")).collect::<Vec<_>>().join("\n")
}

impl Served {
    fn new(name: &str, plain: Bytes) -> Self {
        let content_type = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish()).ok().map(Bytes::from);
        Self { content_type: HeaderValue::from_static(content_type), plain, gzip }
    }

    fn answer(&self, request: &HeaderMap, caching: HeaderValue) -> Response {
        let headers = [
            (CONTENT_TYPE, self.content_type.clone()),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CACHE_CONTROL, caching),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ];
        match &self.gzip {
            Some(gzip) if accepts_gzip(request) => {
                (headers, [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))], gzip.clone()).into_response()
            }
            _ => (headers, self.plain.clone()).into_response(),
        }
    }
}

/// Whether a browser takes gzip. One that forbids it by `gzip;q=0` gets the plain file.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = values.flat_map(|value| value.split(',')).map(str::trim);
    encodings.any(|encoding| encoding == "gzip")
}

/// The routes of the pages, by their paths.
pub(crate) fn page_routes() -> impl Iterator<Item = (&'static str, MethodRouter)> {
    let route = |index: usize| get(async move |headers: HeaderMap| DESK.pages[index].answer(&headers, REVALIDATED));
    PAGES.iter().enumerate().map(move |(index, page)| (page.path, route(index)))
}

/// The route of the files.
pub(crate) fn files_route() -> MethodRouter {
    get(file).with_state(&*DESK)
}

async fn file(
    State(desk): State<&'static Desk>,
    names: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let file = names.ok().and_then(|Path((version, name))| desk.file(&version, &name));
    file.map(|file| file.answer(&headers, IMMUTABLE)).ok_or(ApiError::NotFound)
}

#[cfg(test)]
mod tests;
