//! Every way in which a request can end badly, and the answer it gets. No message holds internals: what is
//! of use to the operator alone goes to the log.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cutline_core::domain::params::{InvalidParams, ParamFault};
use cutline_core::ports::PortError;
use cutline_core::usecases::SubmitError;
use serde::Serialize;

use crate::bodies;

/// When a caller is asked to come again, in seconds, after a store or the queue did not answer.
const RETRY_AFTER_SECONDS: &str = "5";

/// The field of a parameter set, and the first step of the paths of its faults.
pub(crate) const PARAMS: &str = "params";

/// The faults of a request's fields: for each field its messages.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct FieldErrors(BTreeMap<Cow<'static, str>, Vec<String>>);

impl FieldErrors {
    /// Adds a message to a field's.
    pub(crate) fn add(&mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(message.into());
    }

    /// Adds the faults of a parameter set, each under its path: `params.shadow_top.blur`, or `params` for the
    /// document itself.
    pub(crate) fn add_params(&mut self, InvalidParams(faults): InvalidParams) {
        for ParamFault { path, message } in faults {
            match path.as_str() {
                "" => self.add(PARAMS, message),
                path => self.add(format!("{PARAMS}.{path}"), message),
            }
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a request was not served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// 400: the body cannot be read as what it says it is.
    BadRequest(String),
    /// 401: there is no key.
    KeyMissing,
    /// 401: the key is unknown or revoked.
    KeyInvalid,
    /// 402: the owner's credits are spent.
    InsufficientCredits,
    /// 403: the link was changed or has expired.
    LinkRefused,
    /// 403: the parameter set of this name is built in.
    BuiltIn(String),
    /// 404: no such route, job, parameter set or file.
    NotFound,
    /// 405: the route has other methods.
    MethodNotAllowed {
        /// Which ones, as in the header.
        allow: &'static str,
    },
    /// 412: what is stored is not what the request says it must be.
    PreconditionFailed(&'static str),
    /// 413: more bytes than are taken.
    TooLarge(String),
    /// 415: none of the media types that are read.
    UnsupportedMediaType {
        /// Which ones are, as a sentence.
        send: &'static str,
    },
    /// 422: the fields have faults.
    Validation(FieldErrors),
    /// 500: a fault of our own.
    Internal,
    /// 503: a store or the queue does not answer.
    Unavailable,
}

/// The body of an error.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a FieldErrors>,
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::KeyMissing | Self::KeyInvalid => StatusCode::UNAUTHORIZED,
            Self::InsufficientCredits => StatusCode::PAYMENT_REQUIRED,
            Self::LinkRefused | Self::BuiltIn(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn body(&self) -> ErrorBody<'_> {
        let (error, message) = match self {
            Self::BadRequest(message) => ("bad_request", Some(message.as_str().into())),
            Self::KeyMissing => ("unauthorized", Some("API key missing".into())),
            Self::KeyInvalid => ("unauthorized", Some("API key invalid".into())),
            Self::InsufficientCredits => ("insufficient_credits", None),
            Self::LinkRefused => {
                ("forbidden", Some("The link was changed or has expired; ask for the status again.".into()))
            }
            Self::BuiltIn(name) => {
                let message = format!(
                    "{name} is built in and cannot be deleted; store your own set under its name to replace it."
                );
                ("forbidden", Some(message.into()))
            }
            Self::NotFound => ("not_found", None),
            Self::MethodNotAllowed { .. } => ("method_not_allowed", None),
            Self::PreconditionFailed(message) => ("precondition_failed", Some((*message).into())),
            Self::TooLarge(message) => ("too_large", Some(message.as_str().into())),
            Self::UnsupportedMediaType { send } => ("unsupported_media_type", Some((*send).into())),
            Self::Validation(_) => ("validation", None),
            Self::Internal => ("internal", Some("The request could not be served.".into())),
            Self::Unavailable => {
                ("unavailable", Some("The service does not answer right now; try again later.".into()))
            }
        };
        let details = match self {
            Self::Validation(faults) => Some(faults),
            _ => None,
        };
        ErrorBody { error, message, details }
    }

    /// The header that belongs to the status code.
    fn header(&self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::KeyMissing | Self::KeyInvalid => Some((WWW_AUTHENTICATE, r#"Bearer realm="cutline""#)),
            Self::MethodNotAllowed { allow } => Some((ALLOW, allow)),
            Self::Unavailable => Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = bodies::json(self.status(), &self.body());
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<FieldErrors> for ApiError {
    fn from(faults: FieldErrors) -> Self {
        Self::Validation(faults)
    }
}

/// Of a store's faults a caller need only know to come again, whether it passes by itself or by the
/// operator's hand; the log has the rest.
impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        tracing::error!(%error, "a store or the queue has a fault");
        Self::Unavailable
    }
}

/// The most names of parameter sets that are told.
const MOST_NAMES: usize = 200;

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::InsufficientCredits => Self::InsufficientCredits,
            SubmitError::UnknownSet { known } => {
                // The built-in ones stand at the end; of very many the first are enough to see what was meant.
                let more = known.len().saturating_sub(MOST_NAMES);
                let mut names: Vec<_> = known.iter().take(MOST_NAMES).map(|name| name.to_string()).collect();
                names.extend((more > 0).then(|| format!("and {more} more")));
                let known = names.join(", ");
                let mut faults = FieldErrors::default();
                faults.add(PARAMS, format!("There is no parameter set of this name. Available: {known}."));
                faults.into()
            }
            SubmitError::Unavailable(error) => error.into(),
        }
    }
}
