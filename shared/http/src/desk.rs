//! The web pages of `desk/`: `GET /`, `GET /review` and the files that they load. They need no key; the scripts ask for one, and use
//! the public API with it like any other client.
//!
//! Browsers ask for a page each time. Its files are under a folder named by the hash of all of them, so that they can be
//! cached for ever, and a page never runs with scripts of another version.
//!
//! A function that starts for one file should answer soon, so pages are put together, and files compressed, when they
//! are first asked for.

mod files;

use std::io::Write as _;
use std::sync::{Arc, LazyLock, OnceLock};

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
use url::Origin;

use crate::error::ApiError;

/// How the web pages at `/` and `/review` are served. Their files are part of this crate.
#[derive(Debug, Clone, Default)]
pub struct WebPages {
    /// The origin of the object store that the API's links lead to, such as
    /// `https://photos.s3.eu-central-1.amazonaws.com`. The pages load pictures from there and send files there. `None`
    /// if this process serves the links itself.
    pub store: Option<Origin>,
}

/// A page, its path, and the folder of its own modules.
struct Page {
    path: &'static str,
    html: &'static str,
    folder: &'static str,
}

/// Every page.
const PAGES: [Page; 2] = [
    Page { path: "/", html: files::TRY_PAGE, folder: "try/" },
    Page { path: "/review", html: files::REVIEW_PAGE, folder: "review/" },
];

/// The path of the pages' files. The name of a file may contain slashes.
const FILES_PATH: &str = "/desk/{version}/{*file}";

/// For pages: a browser asks whether there is a newer one.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// For files under their hash.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The files of the pages.
static FILES: LazyLock<Files> = LazyLock::new(Files::new);

/// The files, and the name of their folder.
struct Files {
    version: String,
    all: Vec<(&'static str, Served)>,
}

/// The pages of one router.
struct Desk {
    /// The store's origin. Empty if this process serves the links itself.
    store: String,
    policy: HeaderValue,
    /// In the order of [`PAGES`].
    pages: [OnceLock<Served>; PAGES.len()],
}

/// A file, ready to be sent.
struct Served {
    content_type: HeaderValue,
    plain: Bytes,
    /// The same, compressed when a browser first takes that. `None` if it fails.
    gzip: OnceLock<Option<Bytes>>,
}

impl Files {
    fn new() -> Self {
        let everything: Vec<_> = files::ALL.iter().flat_map(|(name, content)| [*name, "\0", *content, "\0"]).collect();
        let mut version = Digest::of(everything.concat().as_bytes()).to_string();
        version.truncate(16);
        let all = files::ALL.iter().map(|(name, content)| (*name, Served::new(name, Bytes::from(*content)))).collect();
        Self { version, all }
    }

    fn get(&self, version: &str, name: &str) -> Option<&Served> {
        let (_, file) = self.all.iter().find(|(known, _)| version == self.version && *known == name)?;
        Some(file)
    }
}

impl Desk {
    fn new(pages: &WebPages) -> Self {
        let store = pages.store.as_ref().map(Origin::ascii_serialization).unwrap_or_default();
        let policy = policy(&store);
        Self { store, policy, pages: [const { OnceLock::new() }; PAGES.len()] }
    }

    fn page(&self, index: usize) -> &Served {
        let new = || Served::new("page.html", PAGES[index].whole(&FILES.version, &self.store).into());
        self.pages[index].get_or_init(new)
    }
}

/// Code and styles of this origin alone, and none inline; requests and pictures of this origin and of the store, if
/// any. Pictures may come from the page itself, which reads them from files and links. No script may parse HTML.
fn policy(store: &str) -> HeaderValue {
    let and_store = if store.is_empty() { String::new() } else { format!(" {store}") };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:{and_store}; \
         connect-src 'self'{and_store}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    );
    // An origin is always a valid header value.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

impl Page {
    /// The page with the parts that pages share.
    fn whole(&self, version: &str, store: &str) -> String {
        let parts =
            files::PARTS.iter().fold(self.html.to_owned(), |html, (place, part)| html.replace(place, part.trim_end()));
        let whole = parts.replace("{preloads}", &preloads(self.folder)).replace("{files}", &format!("desk/{version}"));
        whole.replace("{store}", store)
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
        Self { content_type: HeaderValue::from_static(content_type), plain, gzip: OnceLock::new() }
    }

    fn gzip(&self) -> Option<&Bytes> {
        let compressed = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.plain).and_then(|()| encoder.finish()).ok().map(Bytes::from)
        };
        self.gzip.get_or_init(compressed).as_ref()
    }

    fn answer(&self, request: &HeaderMap, caching: HeaderValue, policy: &HeaderValue) -> Response {
        let headers = [
            (CONTENT_TYPE, self.content_type.clone()),
            (CONTENT_SECURITY_POLICY, policy.clone()),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CACHE_CONTROL, caching),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ];
        let gzip = if accepts_gzip(request) { self.gzip() } else { None };
        match gzip {
            Some(gzip) => {
                (headers, [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))], gzip.clone()).into_response()
            }
            None => (headers, self.plain.clone()).into_response(),
        }
    }
}

/// Whether a browser takes gzip. One that forbids it by `gzip;q=0` gets the plain file.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = values.flat_map(|value| value.split(',')).map(str::trim);
    encodings.any(|encoding| encoding == "gzip")
}

/// The routes of the pages and of their files, by their paths.
pub(crate) fn routes(pages: &WebPages) -> Vec<(&'static str, MethodRouter)> {
    let desk = Arc::new(Desk::new(pages));
    let paths = PAGES.iter().map(|page| page.path).enumerate();
    let mut routes: Vec<(&'static str, MethodRouter)> =
        paths.map(|(index, path)| (path, get(page).with_state((desk.clone(), index)))).collect();
    routes.push((FILES_PATH, get(file).with_state(desk)));
    routes
}

async fn page(State((desk, index)): State<(Arc<Desk>, usize)>, headers: HeaderMap) -> Response {
    desk.page(index).answer(&headers, REVALIDATED, &desk.policy)
}

async fn file(
    State(desk): State<Arc<Desk>>,
    names: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let file = names.ok().and_then(|Path((version, name))| FILES.get(&version, &name));
    file.map(|file| file.answer(&headers, IMMUTABLE, &desk.policy)).ok_or(ApiError::NotFound)
}

#[cfg(test)]
mod tests;
