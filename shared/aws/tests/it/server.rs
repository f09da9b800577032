//! A server with scripted answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use cutline_aws::Aws;

/// Serves `router` until the test ends. Returns its URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The account at `endpoint`, with the credentials that the test servers accept.
pub(crate) async fn aws(endpoint: &str) -> Aws {
    Aws::at(endpoint, "eu-central-1", super::links::KEY, super::links::SECRET).await
}

/// Answers in order, the last one repeatedly. Records the requests.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<(VecDeque<Answer>, Vec<String>)>>);

#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = (u16, impl Into<Vec<u8>>)>) -> Self {
        let answers = answers.into_iter().map(|(status, body)| Answer { status, body: body.into() }).collect();
        Self(Arc::new(Mutex::new((answers, Vec::new()))))
    }

    /// Serves the script. Returns the account there.
    pub(crate) async fn aws(&self) -> Aws {
        let script = self.clone();
        let answer = move |request: Request| {
            let script = script.clone();
            async move { script.answer(request).await }
        };
        aws(&serve(Router::new().fallback(answer)).await).await
    }

    /// The bodies of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").1.clone()
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
        let mut script = self.0.lock().expect("not poisoned");
        script.1.push(String::from_utf8_lossy(&body).into_owned());
        let answer = if script.0.len() > 1 { script.0.pop_front() } else { script.0.front().cloned() };
        let Answer { status, body } = answer.expect("a script has an answer");
        // Only the CloudWatch client reads these.
        let cbor = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
        let answer =
            cbor.iter().fold(Response::builder().status(status), |answer, (name, value)| answer.header(*name, *value));
        answer.body(body.into()).expect("an answer")
    }
}
