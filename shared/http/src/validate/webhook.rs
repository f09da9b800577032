//! `webhook_url`: where the job's events are sent.

use cutline_core::domain::webhook::WebhookUrl;

use super::form::{Checked, Form};
use crate::webhook_url::{WebhookReach, read_webhook_url};

/// The field.
pub(crate) const WEBHOOK_URL: &str = "webhook_url";

impl Form {
    pub(super) fn webhook_url(&mut self, reach: WebhookReach) -> Checked<Option<WebhookUrl>> {
        let Some(text) = self.text(WEBHOOK_URL)? else { return Ok(None) };
        read_webhook_url(&text, reach)
            .map(Some)
            .map_err(|error| self.reject(WEBHOOK_URL, format!("This value {error}.")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_support::{errors, field, owner, text, valid_fields};
    use super::super::{Reach, submission, submission_within};
    use super::*;
    use crate::field::FieldValue;

    fn with(value: FieldValue) -> Vec<crate::field::Field> {
        [valid_fields(), vec![field(WEBHOOK_URL, value)]].concat()
    }

    #[test]
    fn takes_an_https_url() {
        let fields = [valid_fields(), vec![text(WEBHOOK_URL, "https://example.com/hook?a=1")]].concat();
        let submission = submission(owner(), fields).expect("valid");
        assert_eq!(submission.webhook_url.map(String::from).as_deref(), Some("https://example.com/hook?a=1"));
        let none = super::super::submission(owner(), with(FieldValue::Empty)).expect("valid");
        assert_eq!(none.webhook_url, None);
        let local = with(FieldValue::Text("http://127.0.0.1:9/".to_owned()));
        assert!(
            submission_within(owner(), local, Reach { webhooks: WebhookReach::Private, undecodable: &[] }).is_ok(),
            "for trials"
        );
    }

    #[test]
    fn an_error_names_the_remedy() {
        let text_value = |text: &str| FieldValue::Text(text.to_owned());
        let not_public = "This value must lead to the public internet, not to a private, local or reserved address.";
        let cases = [
            (text_value("hook"), "This value must be an absolute https URL."),
            (text_value("http://example.com/"), "This value must be an https URL."),
            (
                text_value("https://a:b@example.com/"),
                "This value must not contain a user name or password; put a token into the path or query.",
            ),
            (text_value("https://169.254.169.254/"), not_public),
            (text_value("https://10.0.0.7/"), not_public),
            (text_value("https://[::1]/"), not_public),
            (text_value("https://localhost/"), not_public),
            (
                text_value(&format!("https://example.com/{}", "a".repeat(5_000))),
                "This value must be at most 4,096 bytes long.",
            ),
            (FieldValue::Scalar("7".to_owned()), "This value must be a string."),
            (FieldValue::Array(json!([1])), "This value must be a string."),
        ];
        for (value, message) in cases {
            assert_eq!(errors(with(value)), json!({ "webhook_url": [message] }));
        }
        let twice =
            [with(text_value("https://example.com/")), vec![text(WEBHOOK_URL, "https://example.com/")]].concat();
        assert_eq!(errors(twice), json!({ "webhook_url": [crate::field_errors::SENT_TWICE] }));
    }
}
