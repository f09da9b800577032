//! Every way in which a request can fail, and its response. No message reveals internals: details for the
//! operator go to the log.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cutline_core::domain::limits::{MAX_OPEN_UPLOADS, thousands};
use cutline_core::domain::params::SetName;
use cutline_core::ports::PortError;
use cutline_core::usecases::{RateUsage, RerunError, ResendError, RetryError, StorageFull, SubmitError};
use serde::Serialize;

use crate::field::{FILE_KEY, MASK_KEY};
use crate::field_errors::{FieldErrors, PARAMS};
#[cfg(test)]
use crate::openapi::values;
use crate::response::json;
use crate::validate::correlation::{OUTPUT_NAME, missing_metadata};
use crate::validate::fidelity::{COLOR, inks_not_held};
use crate::validate::webhook::WEBHOOK_URL;
use crate::{idempotency, rate_headers, upload_faults};

/// `Retry-After` when a store or the queue does not respond, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";

/// `Retry-After` when the owner's files leave no room, in seconds. The server deletes expired files this often.
const RETRY_WHEN_FULL_SECONDS: &str = "60";

/// The error of a `webhook_url` whose webhooks nobody could verify.
const NO_WEBHOOK_SECRET: &str = "The account has no webhook secret yet; ask the operator to make one with \
                                 `cutline owners set NAME --rotate-secret`.";

/// How many names of parameter sets a message lists.
const MAX_LISTED_NAMES: usize = 200;

/// The error for a job that has not ended.
const JOB_PENDING: ApiError =
    ApiError::Conflict { code: "job_pending", message: "The job has not ended; wait until its state is done." };

/// Why a request was not served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// 400: the body or a header is malformed.
    BadRequest(String),
    /// 401: the key is missing.
    KeyMissing,
    /// 401: the key is unknown or revoked.
    KeyInvalid,
    /// 402: the owner's credits are spent.
    InsufficientCredits,
    /// 403: the link was changed or has expired.
    LinkRefused,
    /// 403: the parameter set with this name is built in, so it cannot be deleted.
    BuiltIn(String),
    /// 403: the key's scope does not cover the request.
    ScopeTooNarrow(&'static str),
    /// 403: a direct upload's link was changed or has expired, or its headers are not the announced ones.
    UploadRefused(String),
    /// 404: unknown route, job, parameter set or file.
    NotFound,
    /// 405: the route has other methods.
    MethodNotAllowed {
        /// The methods it has, as in the header.
        allow: &'static str,
    },
    /// 408: the head of a request took too long.
    HeadTooSlow,
    /// 409: the job is in a state in which this is not possible.
    Conflict {
        /// The stable code.
        code: &'static str,
        /// What to do instead.
        message: &'static str,
    },
    /// 412: the stored state does not meet the request's precondition.
    PreconditionFailed(&'static str),
    /// 413: the body exceeds a limit.
    TooLarge(String),
    /// 414: the target of a request is too long.
    TargetTooLong,
    /// 415: unsupported media type.
    UnsupportedMediaType {
        /// The supported types, as a sentence.
        send: &'static str,
    },
    /// 422: fields are invalid.
    Validation(FieldErrors),
    /// 429: the owner's rate limit is used up.
    RateLimited(RateUsage),
    /// 429: the owner has too many open uploads.
    TooManyUploads {
        /// The time until the first of them expires.
        wait: Duration,
    },
    /// 431: the head of a request is too large.
    HeadTooLarge(String),
    /// 500: a bug in Cutline.
    Internal,
    /// 503: a store or the queue does not respond.
    Unavailable,
    /// 507: the source, with its mask, does not fit under the cap on the owner's stored bytes.
    StorageFull(StorageFull),
}

/// The body of an error response.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Error))]
pub(crate) struct ErrorBody<'a> {
    /// A stable code. A later version may add codes.
    error: &'static str,
    /// The fault and its remedy, for people. A `validation` has `details` in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<String>, nullable = false))]
    message: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(schema_with = values::field_errors))]
    details: Option<&'a FieldErrors>,
}

impl ApiError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::KeyMissing | Self::KeyInvalid => StatusCode::UNAUTHORIZED,
            Self::InsufficientCredits => StatusCode::PAYMENT_REQUIRED,
            Self::LinkRefused | Self::BuiltIn(_) | Self::ScopeTooNarrow(_) | Self::UploadRefused(_) => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited(_) | Self::TooManyUploads { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::StorageFull(_) => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::KeyMissing | Self::KeyInvalid => "unauthorized",
            Self::InsufficientCredits => "insufficient_credits",
            Self::LinkRefused | Self::BuiltIn(_) | Self::ScopeTooNarrow(_) | Self::UploadRefused(_) => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::HeadTooSlow => "request_timeout",
            Self::Conflict { code, .. } => code,
            Self::PreconditionFailed(_) => "precondition_failed",
            Self::TooLarge(_) => "too_large",
            Self::TargetTooLong => "uri_too_long",
            Self::UnsupportedMediaType { .. } => "unsupported_media_type",
            Self::Validation(_) => "validation",
            Self::RateLimited(_) => "rate_limited",
            Self::TooManyUploads { .. } => "too_many_uploads",
            Self::HeadTooLarge(_) => "headers_too_large",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::StorageFull(_) => "storage_full",
        }
    }

    fn message(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::BadRequest(message)
            | Self::TooLarge(message)
            | Self::HeadTooLarge(message)
            | Self::UploadRefused(message) => message.into(),
            Self::TooManyUploads { .. } => format!(
                "Too many open uploads: {MAX_OPEN_UPLOADS} of yours have no job yet; send their file_key to /upload, or \
                 wait until the first one expires."
            )
            .into(),
            Self::KeyMissing => "API key missing".into(),
            Self::KeyInvalid => "API key invalid".into(),
            Self::LinkRefused => "The link was changed or has expired; ask for the status again.".into(),
            Self::BuiltIn(name) => {
                format!("{name} is built in and cannot be deleted; store your own set under its name to replace it.")
                    .into()
            }
            Self::ScopeTooNarrow(scope) => {
                format!("This key has the scope {scope}, which does not cover this request; use a key of scope full.").into()
            }
            Self::PreconditionFailed(message) | Self::Conflict { message, .. } => (*message).into(),
            Self::RateLimited(usage) => {
                let (limit, wait) = (usage.limit, rate_headers::reset_seconds(usage));
                format!("Rate limit reached: {limit} per minute; try again in {wait} s.").into()
            }
            Self::HeadTooSlow => "The headers took too long; send them at once.".into(),
            Self::TargetTooLong => "The URL of the request is too long.".into(),
            Self::UnsupportedMediaType { send } => (*send).into(),
            Self::Internal => "The request could not be served.".into(),
            Self::Unavailable => "The service is temporarily unavailable; try again later.".into(),
            Self::StorageFull(StorageFull { max_bytes, used_bytes }) => {
                let (used, max) = (thousands(*used_bytes), thousands(*max_bytes));
                format!(
                    "Storage full: your files have {used} of {max} bytes, and this photo, with its mask, does not fit; wait \
                     until finished jobs expire, or ask the operator for more."
                )
                .into()
            }
            Self::InsufficientCredits | Self::NotFound | Self::MethodNotAllowed { .. } | Self::Validation(_) => {
                return None;
            }
        })
    }

    fn details(&self) -> Option<&FieldErrors> {
        match self {
            Self::Validation(faults) => Some(faults),
            _ => None,
        }
    }

    /// The body of the response.
    pub(crate) fn body(&self) -> Vec<u8> {
        // A body of texts always serializes.
        serde_json::to_vec(&self.members()).unwrap_or_default()
    }

    fn members(&self) -> ErrorBody<'_> {
        ErrorBody { error: self.code(), message: self.message(), details: self.details() }
    }

    /// The header that goes with the status code, if its value is fixed.
    fn header(&self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::KeyMissing | Self::KeyInvalid => Some((WWW_AUTHENTICATE, r#"Bearer realm="cutline""#)),
            Self::MethodNotAllowed { allow } => Some((ALLOW, allow)),
            Self::Unavailable => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            Self::StorageFull(_) => Some((RETRY_AFTER, RETRY_WHEN_FULL_SECONDS)),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json(self.status(), &self.members());
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        if let Self::TooManyUploads { wait } = &self {
            let seconds = wait.as_millis().div_ceil(1_000).max(1);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
        }
        if let Self::RateLimited(usage) = &self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(rate_headers::reset_seconds(usage)));
            rate_headers::insert(response.headers_mut(), usage);
        }
        response
    }
}

impl From<FieldErrors> for ApiError {
    fn from(faults: FieldErrors) -> Self {
        Self::Validation(faults)
    }
}

/// A caller only needs to know that it can retry, whether the fault passes by itself or needs the operator.
/// The log has the rest.
impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        tracing::error!(%error, "store or queue failed");
        Self::Unavailable
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::InsufficientCredits => Self::InsufficientCredits,
            SubmitError::StorageFull(full) => Self::StorageFull(full),
            SubmitError::UnknownSet { known } => {
                let mut faults = FieldErrors::default();
                faults.add(PARAMS, format!("No parameter set has this name. Available: {}.", list_names(&known)));
                faults.into()
            }
            SubmitError::KeyReused => idempotency::reused().into(),
            SubmitError::Upload(fault) => upload_faults::errors(FILE_KEY, fault).into(),
            SubmitError::Mask(fault) => upload_faults::errors(MASK_KEY, fault).into(),
            SubmitError::MissingMetadata { key, is_of_set } => {
                let mut faults = FieldErrors::default();
                faults.add(OUTPUT_NAME, missing_metadata(&key, is_of_set));
                faults.into()
            }
            SubmitError::InksNotHeld { refusal, is_of_set } => {
                let mut faults = FieldErrors::default();
                faults.add(if is_of_set { PARAMS } else { COLOR }, inks_not_held(refusal));
                faults.into()
            }
            SubmitError::NoWebhookSecret => {
                let mut faults = FieldErrors::default();
                faults.add(WEBHOOK_URL, NO_WEBHOOK_SECRET);
                faults.into()
            }
            SubmitError::Unavailable(error) => error.into(),
        }
    }
}

impl From<RerunError> for ApiError {
    fn from(error: RerunError) -> Self {
        match error {
            RerunError::NotFound => Self::NotFound,
            RerunError::Pending => JOB_PENDING,
            RerunError::SourceExpired => Self::Conflict {
                code: "source_expired",
                message: "The photo of this job, or its mask, is no longer stored; upload it again.",
            },
            RerunError::Mask(fault) => upload_faults::errors(MASK_KEY, fault).into(),
            RerunError::StorageFull(full) => Self::StorageFull(full),
            RerunError::KeyReused => idempotency::reused().into(),
            RerunError::Unavailable(error) => error.into(),
        }
    }
}

impl From<RetryError> for ApiError {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::InsufficientCredits => Self::InsufficientCredits,
            RetryError::Rerun(error) => error.into(),
        }
    }
}

impl From<ResendError> for ApiError {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::NotFound => Self::NotFound,
            ResendError::Pending => JOB_PENDING,
            ResendError::NoWebhook => Self::Conflict {
                code: "no_webhook",
                message: "The job has no webhook; send webhook_url with the upload, or ask the operator to set one.",
            },
            ResendError::Unavailable(error) => error.into(),
        }
    }
}

/// The names with commas between them. The built-in ones come last; of a very long list, the first names are
/// enough to spot a typing error.
fn list_names(names: &[SetName]) -> String {
    let omitted = names.len().saturating_sub(MAX_LISTED_NAMES);
    let mut listed: Vec<_> = names.iter().take(MAX_LISTED_NAMES).map(SetName::to_string).collect();
    listed.extend((omitted > 0).then(|| format!("and {omitted} more")));
    listed.join(", ")
}
