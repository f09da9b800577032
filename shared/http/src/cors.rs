//! CORS, for a server without a gateway in front of it.

use std::time::Duration;

use axum::http::Method;
use axum::http::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use cutline_core::domain::upload::CHECKSUM_HEADER;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::auth::X_API_KEY;
use crate::idempotency::{IDEMPOTENCY_KEY_HEADER, IDEMPOTENT_REPLAYED};
use crate::layers::X_REQUEST_ID;
use crate::prefer::{PREFER, PREFERENCE_APPLIED};
use crate::rate_headers::{RATELIMIT, RATELIMIT_POLICY};

/// How long a browser may cache a preflight response.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

/// The headers that a page may send.
pub(crate) const REQUEST_HEADERS: [HeaderName; 9] = [
    X_API_KEY,
    AUTHORIZATION,
    CONTENT_TYPE,
    IDEMPOTENCY_KEY_HEADER,
    IF_MATCH,
    IF_NONE_MATCH,
    PREFER,
    HeaderName::from_static(CHECKSUM_HEADER),
    X_REQUEST_ID,
];

/// The headers that a page may read.
pub(crate) const RESPONSE_HEADERS: [HeaderName; 9] = [
    CONTENT_DISPOSITION,
    ETAG,
    X_REQUEST_ID,
    RETRY_AFTER,
    LOCATION,
    IDEMPOTENT_REPLAYED,
    PREFERENCE_APPLIED,
    RATELIMIT,
    RATELIMIT_POLICY,
];

/// The layer for these origins, `*` for any. `None` if the list is empty.
pub(crate) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let origins = match origins {
        [] => return None,
        _ if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(origins.iter().cloned()),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(REQUEST_HEADERS)
        .expose_headers(RESPONSE_HEADERS)
        .max_age(PREFLIGHT_MAX_AGE);
    Some(layer)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TEMPLATE: &str = include_str!("../../../template.yaml");

    /// A list of the gateway's CORS settings.
    fn listed(name: &str) -> BTreeSet<&'static str> {
        let (_, list) = TEMPLATE.split_once(&format!("\n          {name}:\n")).expect("the list");
        list.lines().map_while(|line| line.trim_start().strip_prefix("- ")).collect()
    }

    #[test]
    fn the_gateway_on_aws_allows_the_same_headers() {
        // These two go with files, which a page sends to the bucket and fetches from it. It has CORS settings of its own.
        let of_files = [CHECKSUM_HEADER, "content-disposition"];
        for (list, headers) in [("AllowHeaders", &REQUEST_HEADERS[..]), ("ExposeHeaders", &RESPONSE_HEADERS[..])] {
            let names = headers.iter().map(HeaderName::as_str);
            let expected: BTreeSet<_> = names.filter(|name| !of_files.contains(name)).collect();
            assert_eq!(listed(list), expected, "{list}");
        }
    }
}
