//! Validation: from the fields of a request to a [`Submission`], or to every error in them. It knows nothing of
//! HTTP, JSON or multipart.
//!
//! Where the contract is silent: an empty value counts as missing; an unknown field is ignored, since clients
//! written for other versions may send it; a field that occurs twice is an error, since either value could be
//! the intended one, and so is a member that occurs twice anywhere in JSON.

use cutline_core::domain::json::Document;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::output_name::SourceName;
use cutline_core::domain::params::{ParamSet, SetName};
use cutline_core::usecases::Submission;
use cutline_core::{DeliveryMode, OwnerId, RequestedFormat};

use crate::field::Fields;
use crate::field_errors::FieldErrors;
use crate::webhook_url::WebhookReach;

pub(crate) mod correlation;
mod crop;
pub(crate) mod fidelity;
mod form;
mod mask;
mod original;
mod params;
mod recut;
mod rendering;
pub(crate) mod review;
mod source;
mod subject;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
mod upload;
pub(crate) mod webhook;

use form::Form;
pub(crate) use recut::recut;
use rendering::parse_bool;
pub(crate) use review::{approval, rejection};
pub(crate) use upload::upload_request;

/// The message for a name that no parameter set can have.
const INVALID_SET_NAME: &str =
    "This value must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -, the first a letter or a digit.";

/// The limits that a deployment sets to requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Where webhooks may go.
    pub(crate) webhooks: WebhookReach,
    /// The kinds of picture that cannot be decoded.
    pub(crate) undecodable: &'static [ImageKind],
}

/// Validates the fields of an upload whose webhook goes to the public internet.
///
/// # Errors
/// Every error of every field.
#[cfg(test)]
pub(crate) fn submission(owner: OwnerId, fields: impl Into<Fields>) -> Result<Submission, FieldErrors> {
    submission_within(owner, fields, Reach { webhooks: WebhookReach::Public, undecodable: &[] })
}

/// Validates the fields of an upload.
///
/// # Errors
/// Every error of every field.
pub(crate) fn submission_within(
    owner: OwnerId,
    fields: impl Into<Fields>,
    reach: Reach,
) -> Result<Submission, FieldErrors> {
    let mut form = Form::new(fields.into()).refusing(reach.undecodable);
    let source = form.source();
    let mode = form.mode();
    let delivery = form.choice("delivery_mode", DeliveryMode::ALL.map(DeliveryMode::as_str));
    let format = form.choice("output_format", RequestedFormat::spellings());
    let rendering = form.rendering();
    form.check_original(&format, &mode, &source, &rendering);
    let mask = form.mask_file();
    let subject = form.subject(&mask);
    form.check_mask(&subject, &mask, &source);
    let lane = form.choice("lane", Lane::ALL.map(Lane::as_str));
    let external_id = form.external_id();
    let metadata = form.metadata();
    let webhook_url = form.webhook_url(reach.webhooks);
    let output_name = form.output_name();
    let review = form.review();
    let previews = form.setting("previews", parse_bool);
    let source_name = form.file_name.take().as_deref().and_then(SourceName::of_path);
    form.finish(|| {
        let (mode, set) = mode?;
        let delivery = delivery?.unwrap_or_default();
        Ok(Submission {
            owner,
            settings: None,
            mode,
            delivery,
            format: format?,
            rendering: rendering?,
            set,
            source: source?,
            subject: subject?,
            mask: mask?,
            lane: lane?.unwrap_or_default(),
            external_id: external_id?,
            metadata: metadata?,
            webhook_url: webhook_url?,
            output_name: output_name?,
            review: review?,
            previews: previews?,
            source_name,
            idempotency_key: None,
        })
    })
}

/// Validates a parameter set for storage, and its name.
///
/// # Errors
/// Every error of both.
pub(crate) fn set(name: &str, document: impl Into<Document>) -> Result<(SetName, ParamSet), FieldErrors> {
    let mut faults = FieldErrors::default();
    let name = name.parse::<SetName>();
    if name.is_err() {
        faults.add("name", INVALID_SET_NAME);
    }
    match (ParamSet::read(document), name) {
        (Ok(set), Ok(name)) => return Ok((name, set)),
        (Ok(_), Err(_)) => {}
        (Err(invalid), _) => faults.add_params(invalid),
    }
    Err(faults)
}
