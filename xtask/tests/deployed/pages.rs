//! The web pages of the status function, as a browser gets them through the gateway of `cargo xtask lambda`, and what
//! the bucket lets them do. `cutline serve --backend aws` shows the same pages.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::lambda_command::Up;
use crate::photo;
use crate::world::World;

/// A running deployment, or a server next to it, as a browser sees it.
pub(crate) struct Site<'a> {
    client: Client,
    /// The API's origin.
    base: &'a str,
    /// The origin of the bucket.
    store: &'a str,
    key: &'a str,
}

impl<'a> Site<'a> {
    pub(crate) fn new(base: &'a str, store: &'a str, key: &'a str) -> Result<Self> {
        Ok(Self { client: Client::builder().no_proxy().build()?, base, store, key })
    }

    async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.client.get(format!("{}{path}", self.base)).send().await?)
    }

    /// A link to upload the photo.
    async fn upload_url(&self) -> Result<String> {
        let body = json!({"content_type": "image/jpeg", "size": photo::PHOTO.len()}).to_string();
        let request = self.client.post(format!("{}/api/v1/uploads", self.base)).header("X-API-Key", self.key);
        let answer = request.header("Content-Type", "application/json").body(body).send().await?;
        ensure!(answer.status() == StatusCode::CREATED, "{answer:?}");
        let grant: Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(grant["upload_url"].as_str().context("no upload_url")?.to_owned())
    }

    /// The answer to the preflight request of an upload by a page of this origin.
    async fn preflight(&self, url: &str, origin: &str) -> Result<Response> {
        let request = self.client.request(Method::OPTIONS, url).header("Origin", origin);
        let request = request.header("Access-Control-Request-Method", "PUT");
        Ok(request.header("Access-Control-Request-Headers", "content-type").send().await?)
    }
}

/// A header's value, or an empty text.
fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Checks status, content type, caching and the headers that protect every page and file.
fn check_headers(site: &Site<'_>, answer: &Response, content_type: &str, caching: &str) -> Result<()> {
    ensure!(answer.status() == StatusCode::OK && header(answer, "content-type") == content_type, "{answer:?}");
    ensure!(header(answer, "cache-control") == caching, "{answer:?}");
    ensure!(header(answer, "x-content-type-options") == "nosniff", "{answer:?}");
    ensure!(header(answer, "referrer-policy") == "no-referrer", "{answer:?}");
    let policy = header(answer, "content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        &format!("img-src 'self' blob: {}", site.store),
        &format!("connect-src 'self' {}", site.store),
    ] {
        ensure!(policy.split("; ").any(|found| found == rule), "{rule} is not in {policy}");
    }
    ensure!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    Ok(())
}

pub(crate) async fn a_browser_gets_the_pages_and_may_use_the_bucket(world: &World) -> Result<()> {
    let up = Up::start(world, &[]).await?;
    let (base, store, key) = (up.text("/base_url")?, up.text("/report/endpoint")?, up.text("/api_key")?);
    let site = Site::new(base, store, key)?;
    check_pages(&site).await?;
    check_bucket(&site).await?;
    ensure!(up.log().contains(&format!("{base}/#key={key}")), "the link is not printed: {}", up.log());
    up.end()
}

/// Checks that pages and files are those of `desk/`, and that their policy names the bucket.
pub(crate) async fn check_pages(site: &Site<'_>) -> Result<()> {
    let mut folder = String::new();
    for path in ["/", "/review"] {
        let page = site.get(path).await?;
        check_headers(site, &page, "text/html; charset=utf-8", "no-cache")?;
        let html = page.text().await?;
        ensure!(html.contains(&format!("name=\"cutline-store\" content=\"{}\"", site.store)), "{html}");
        let (_, rest) = html.split_once("src=\"desk/").context("no script")?;
        folder = format!("/desk/{}", rest.split('/').next().context("no folder")?);
    }
    for (name, content_type) in [
        ("try/main.js", "text/javascript; charset=utf-8"),
        ("css/base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let file = site.get(&format!("{folder}/{name}")).await?;
        check_headers(site, &file, content_type, "public, max-age=31536000, immutable")?;
        let bytes = file.bytes().await?;
        ensure!(bytes[..] == std::fs::read(cutline_deployment::root().join("desk").join(name))?, "{name} has changed");
    }

    // The gateway passes on compressed bytes as they are.
    let request = site.client.get(format!("{}{folder}/try/main.js", site.base)).header("Accept-Encoding", "gzip");
    let compressed = request.send().await?;
    ensure!(header(&compressed, "content-encoding") == "gzip", "{compressed:?}");
    let bytes = compressed.bytes().await?;
    ensure!(bytes.starts_with(&[0x1f, 0x8b]), "not gzip: {:?}", &bytes[..bytes.len().min(20)]);

    let unknown = site.get("/desk/0123456789abcdef/try/main.js").await?;
    ensure!(unknown.status() == StatusCode::NOT_FOUND, "{unknown:?}");
    let refused = site.client.post(site.base).send().await?;
    ensure!(
        refused.status() == StatusCode::METHOD_NOT_ALLOWED && header(&refused, "allow") == "GET, HEAD",
        "{refused:?}"
    );
    Ok(())
}

/// Pages of the API send files to the bucket, and those of other origins do not.
async fn check_bucket(site: &Site<'_>) -> Result<()> {
    let allowed = "access-control-allow-origin";
    let url = site.upload_url().await?;
    ensure!(url.starts_with(&format!("{}/", site.store)), "{url} does not lead to {}", site.store);
    let preflight = site.preflight(&url, site.base).await?;
    ensure!(preflight.status() == StatusCode::OK && header(&preflight, allowed) == site.base, "{preflight:?}");
    let foreign = site.preflight(&url, "https://other.example.com").await?;
    ensure!(foreign.status() == StatusCode::FORBIDDEN && header(&foreign, allowed).is_empty(), "{foreign:?}");
    let request = site.client.put(&url).header("Origin", site.base).header("Content-Type", "image/jpeg");
    let sent = request.body(photo::PHOTO).send().await?;
    ensure!(sent.status() == StatusCode::OK && header(&sent, allowed) == site.base, "{sent:?}");
    Ok(())
}
