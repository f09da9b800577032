//! Admission of requests that change something: their key is checked, and they count against their owner's rate limit.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cutline_core::OwnerId;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::keys::{KeyScope, Owner};
use cutline_core::ports::Keys;
use cutline_core::usecases::{CountedRequest, RateLimit, RateUsage};

use crate::api::Api;
use crate::error::ApiError;
use crate::request_body::{Caller, RequestBody};
use crate::{auth, rate_headers};

/// Admits POST, PUT and DELETE.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) keys: Arc<dyn Keys>,
    rate_limit: Option<RateLimit>,
    pub(crate) max_file_bytes: usize,
}

/// A request that was admitted.
pub(crate) struct Admitted {
    pub(crate) owner: OwnerId,
    /// The key's holder, for the audit log.
    pub(crate) actor: Actor,
    /// The owner's settings, if they were read.
    pub(crate) settings: Option<Owner>,
    pub(crate) body: RequestBody,
    pub(crate) usage: Usage,
}

/// How much of its limit the request's owner has used, if it has one.
#[derive(Clone, Copy)]
pub(crate) struct Usage(Option<RateUsage>);

impl Gate {
    pub(crate) fn new(api: &Api) -> Self {
        Self { keys: api.keys.clone(), rate_limit: api.rate_limit.clone(), max_file_bytes: api.max_file_bytes }
    }

    /// Checks the request's key and counts the request. Reads none of the body, and drains that of a refused request.
    ///
    /// # Errors
    /// As [`auth::key_that`]; 429 over the owner's rate limit.
    pub(crate) async fn admit(&self, head: &Parts, body: Body) -> Result<Admitted, ApiError> {
        self.admit_scope(head, body, KeyScope::may_change).await
    }

    /// The same for an upload.
    ///
    /// # Errors
    /// As [`Gate::admit`].
    pub(crate) async fn admit_uploader(&self, head: &Parts, body: Body) -> Result<Admitted, ApiError> {
        self.admit_scope(head, body, KeyScope::may_upload).await
    }

    /// The same for a request that decides about a review.
    ///
    /// # Errors
    /// As [`Gate::admit`].
    pub(crate) async fn admit_reviewer(&self, head: &Parts, body: Body) -> Result<Admitted, ApiError> {
        self.admit_scope(head, body, KeyScope::may_review).await
    }

    async fn admit_scope(&self, head: &Parts, body: Body, may: fn(KeyScope) -> bool) -> Result<Admitted, ApiError> {
        let body = RequestBody::new(&head.headers, body);
        let (owner, actor) = match auth::key_that(self.keys.as_ref(), head, may).await {
            Ok(key) => (key.owner, Actor::of_key(&key.hash)),
            Err(error) => {
                // Nothing counts these requests, so they must not cost much.
                body.drain(self.max_file_bytes, Caller::Unknown).await;
                return Err(error);
            }
        };
        let CountedRequest { settings, usage } = match &self.rate_limit {
            Some(rate_limit) => rate_limit.count(&owner).await,
            None => CountedRequest { settings: None, usage: None },
        };
        if let Some(usage) = usage.filter(RateUsage::is_exceeded) {
            body.drain(self.max_file_bytes, Caller::Known).await;
            return Err(ApiError::RateLimited(usage));
        }
        Ok(Admitted { owner, actor, settings, body, usage: Usage(usage) })
    }
}

impl Usage {
    /// The answer, with the headers of the limit.
    pub(crate) fn mark(self, answer: Result<Response, ApiError>) -> Response {
        let mut response = answer.into_response();
        if let Self(Some(usage)) = self {
            rate_headers::insert(response.headers_mut(), &usage);
        }
        response
    }
}
