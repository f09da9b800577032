//! The faults of a fetch, as the job reports them. Messages name no address and no URL: an address would map our
//! network for the caller, and a URL can hold a signature.

use std::error::Error;
use std::io;

use cutline_core::domain::foreign_kind::ForeignKind;
use cutline_core::domain::kind::ImageKind;
use cutline_core::{FailureCode, Fault};
use reqwest::StatusCode;

use super::resolve::ForbiddenAddress;
use crate::kinds;
use crate::size::format_bytes;

/// The fault of a client error. Final only where another attempt cannot help: a forbidden address, or an untrusted
/// certificate. An unknown name is retried, since it cannot be told from a resolver that does not respond.
pub(super) fn of_client_error(error: &reqwest::Error) -> Fault {
    tracing::info!(error = %chain(error), "source fetch failed");
    if causes(error).any(|cause| cause.is::<ForbiddenAddress>()) {
        return forbidden();
    }
    if causes(error).any(is_untrusted_certificate) {
        let message = "the source's TLS certificate is not trusted: it has expired, is for another name, \
                       or its issuer is not known";
        return Fault::fail(FailureCode::SourceUnreachable, message);
    }
    let message = if error.is_connect() {
        "the source's server could not be found or connected to"
    } else {
        "the source's server closed the connection or did not speak HTTP"
    };
    Fault::retry(FailureCode::SourceUnreachable, message)
}

/// The fault of a status other than success. It is retried if the status says that the server is busy or broken.
pub(super) fn of_status(status: StatusCode) -> Fault {
    let message = format!("the source answered with status {status}");
    let is_temporary = matches!(status.as_u16(), 408 | 425 | 429 | 500..=599);
    let fault = if is_temporary { Fault::retry } else { Fault::fail };
    fault(FailureCode::SourceUnreachable, message)
}

/// Rejects a source that is not a supported picture.
pub(super) fn reject_unsupported(source: &[u8]) -> Result<(), Fault> {
    let reason = match ImageKind::sniff(source) {
        Some(_) => return Ok(()),
        None if source.is_empty() => "the source is empty",
        None => "the source is not a picture of a known kind",
    };
    let message = match ForeignKind::sniff(source) {
        Some(foreign) => format!("unsupported source: {}", foreign.refusal()),
        None => format!("{reason}; it must be {}", kinds::supported_picture()),
    };
    Err(Fault::fail(FailureCode::UnsupportedSource, message))
}

/// The source's address, or every address of its name, is off limits.
pub(super) fn forbidden() -> Fault {
    Fault::fail(FailureCode::SourceForbidden, "the source's address is not on the public internet")
}

/// The source exceeds the limit in bytes.
pub(super) fn too_large(limit: usize) -> Fault {
    Fault::fail(FailureCode::SourceTooLarge, format!("the source is larger than {}", format_bytes(limit)))
}

pub(crate) fn is_untrusted_certificate(cause: &(dyn Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented))
}

/// The error and its causes, from the outside in. [`io::Error::source`] skips the error that it wraps, so
/// [`io::Error::get_ref`] comes first.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map(|wrapped| wrapped as _).or(error.source())
    })
}

/// The causes for the log, without the client's own errors: those show the URL, whose query can hold a signature.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let others = causes(error).filter(|cause| !cause.is::<reqwest::Error>());
    others.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
