//! Random requests: every response is one of the contract's and never a 500.

use axum::body::{Body, Bytes};
use futures::stream;
use proptest::prelude::*;
use serde_json::Value;
use tokio::runtime::Builder;

use crate::support::{Answer, Form, PNG, World};

/// Fragments of multipart bodies and JSON, which reach deeper code than random bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "--XX\r\n",
        "\r\n--XX--\r\n",
        "\r\n--XX\r\n",
        "--XX",
        "\r\n",
        "\r\n\r\n",
        "Content-Disposition: form-data; name=\"file\"",
        "Content-Disposition: form-data; name=\"mask\"",
        "Content-Disposition: form-data; name=\"mode\"",
        "; filename=\"a\"",
        "Content-Type: image/png",
        "background",
        "{\"mode\":",
        "\"background\"",
        "\"file_url\":",
        "\"mask_url\":",
        "\"http://e/\"",
        ",",
        "}",
        "{",
        "[",
        "]",
        "null",
        "1e999",
        "\"quality\":80",
        "Content-Disposition: form-data; name=\"path_inset\"",
        "\"\\ud800\"",
        "Content-Disposition: form-data; name=\"crop\"",
        "Content-Disposition: form-data; name=\"crop_margin\"",
        "subject",
        "5% 12px",
        "\"crop\":\"subject\"",
        "\"crop_margin\":\"0 100% 7px 1e999\"",
        "\"crop_margin\":",
    ];
    prop_oneof![
        4 => prop::sample::select(pieces.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => Just(PNG.to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn assert_in_contract(answer: &Answer) {
    assert!(matches!(answer.status.as_u16(), 202 | 400 | 413 | 415 | 422), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    match answer.status.as_u16() {
        202 => assert!(body["job_id"].is_string() && body["status"] == "queued"),
        422 => {
            assert_eq!(body["error"], "validation");
            let details = body["details"].as_object().expect("details");
            let lists_of_texts = |faults: &Value| faults.as_array().is_some_and(|all| all.iter().all(Value::is_string));
            assert!(!details.is_empty() && details.values().all(lists_of_texts), "{body}");
        }
        _ => assert!(body["error"].is_string() && body["message"].is_string(), "{body}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_body_gets_a_response_of_the_contract(
        pieces in prop::collection::vec(piece(), 0..20),
        content_type in prop::sample::select(vec!["application/json", Form::CONTENT_TYPE, "multipart/form-data"]),
        in_pieces: bool,
    ) {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let answer = runtime.block_on(async {
            let world = World::new().await.with(|api| api.max_file_bytes = 30);
            let body = if in_pieces {
                let pieces = pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
                Body::from_stream(stream::iter(pieces.collect::<Vec<_>>()))
            } else {
                Body::from(pieces.concat())
            };
            world.upload(content_type, body).await
        });
        assert_in_contract(&answer);
    }

    #[test]
    fn every_query_gets_a_response_of_the_contract(query in "[!$-;=?-~]{0,60}") {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let answer = runtime.block_on(async { World::new().await.status(&format!("?job_id={query}")).await });
        prop_assert!(matches!(answer.status.as_u16(), 404 | 422), "{answer:?}");
    }
}
