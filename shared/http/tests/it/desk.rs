//! The web pages.

use axum::http::{HeaderValue, Request};
use cutline_http::WebPages;
use url::Url;

use crate::support::{Answer, World, get};

async fn world() -> World {
    World::new().await.with(|api| api.pages = Some(WebPages::default()))
}

/// The folder of the page's files.
fn folder(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("src=\"desk/").expect("a script");
    format!("/desk/{}", rest.split('/').next().expect("a version"))
}

#[tokio::test]
async fn pages_need_no_key_and_are_revalidated() {
    let world = world().await;
    for path in ["/", "/review"] {
        let page = world.ask(get(path)).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert!(page.body.starts_with("<!doctype html>"), "{}", page.body);
    }
}

#[tokio::test]
async fn files_are_immutable_under_their_hash_alone() {
    let world = world().await;
    let folder = folder(&world.ask(get("/")).await);
    for (name, content_type) in [
        ("try/main.js", "text/javascript; charset=utf-8"),
        ("css/base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let file = world.ask(get(&format!("{folder}/{name}"))).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, content_type), "{name}");
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let wrong = ["/desk/0123456789abcdef/try/main.js".to_owned(), format!("{folder}/"), format!("{folder}/index.html")];
    let escaping =
        [format!("{folder}/..%2FCargo.toml"), format!("{folder}/tests/try.test.js"), format!("{folder}/%FF")];
    for path in wrong.iter().chain(&escaping) {
        world.ask(get(path)).await.is(404, r#"{"error":"not_found"}"#);
    }
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_are_not_framed() {
    let world = world().await;
    let page = world.ask(get("/")).await;
    let script = world.ask(get(&format!("{}/try/main.js", folder(&page)))).await;
    let review = world.ask(get("/review")).await;
    for answer in [&page, &script, &review] {
        let policy = answer.header("content-security-policy");
        for rule in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]
        {
            assert!(policy.split("; ").any(|found| found == rule), "{rule}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

/// On AWS, links lead to the bucket.
#[tokio::test]
async fn pages_and_files_name_the_store_that_links_lead_to() {
    let origin = Url::parse("https://photos.s3.eu-central-1.amazonaws.com").expect("a URL").origin();
    let world = World::new().await.with(|api| api.pages = Some(WebPages { store: Some(origin) }));
    let page = world.ask(get("/")).await;
    assert!(page.body.contains("content=\"https://photos.s3.eu-central-1.amazonaws.com\""), "{}", page.body);
    let review = world.ask(get("/review")).await;
    let script = world.ask(get(&format!("{}/try/main.js", folder(&page)))).await;
    for answer in [&page, &review, &script] {
        let policy = answer.header("content-security-policy");
        for rule in [
            "img-src 'self' blob: https://photos.s3.eu-central-1.amazonaws.com",
            "connect-src 'self' https://photos.s3.eu-central-1.amazonaws.com",
            "script-src 'self'",
        ] {
            assert!(policy.split("; ").any(|found| found == rule), "{rule}: {policy}");
        }
    }
}

#[tokio::test]
async fn head_has_no_body_and_other_methods_are_refused() {
    let world = world().await;
    let head = world.ask(Request::head("/")).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    let refused = world.ask(Request::post("/")).await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn routes_of_the_api_stay_as_they_are() {
    let without = World::new().await;
    without.ask(get("/")).await.is(404, r#"{"error":"not_found"}"#);
    without.ask(get("/desk/0123456789abcdef/try/main.js")).await.is(404, r#"{"error":"not_found"}"#);
    let with = world().await.with(|api| api.cors_origins = vec![HeaderValue::from_static("https://shop.example.com")]);
    with.ask(get("/index.html")).await.is(404, r#"{"error":"not_found"}"#);
    with.ask(get("/api/v1/status")).await.is(401, r#"{"error":"unauthorized","message":"API key missing"}"#);
    let page = with.ask(get("/").header("origin", "https://other.example.com")).await;
    assert!(!page.headers.contains_key("access-control-allow-origin"), "{page:?}");
}
