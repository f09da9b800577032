//! Review: a person looks at a job's pictures before anybody gets them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::outcome::Confidence;

/// Which jobs are held for review. Its serde form is that of requests: `"off"`, `"always"` or `{"below": 0.5}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewRule {
    /// None.
    #[default]
    Off,
    /// All whose pictures could be made.
    Always,
    /// Those whose confidence is below this one.
    Below(Confidence),
}

/// The value is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be \"off\", \"always\", or {{\"below\": a number from 0 to 1}}")]
pub struct InvalidReviewRule;

impl ReviewRule {
    /// Reads a rule of a request or a parameter set.
    ///
    /// # Errors
    /// [`InvalidReviewRule`].
    pub fn read(value: &Value) -> Result<Self, InvalidReviewRule> {
        Self::deserialize(value).map_err(|_| InvalidReviewRule)
    }

    /// Whether a job with this confidence is held. Pictures without one are in doubt.
    pub fn holds(self, confidence: Option<Confidence>) -> bool {
        match self {
            Self::Off => false,
            Self::Always => true,
            Self::Below(limit) => confidence.is_none_or(|confidence| confidence < limit),
        }
    }

    /// Whether it holds no job.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

impl JsonSchema for ReviewRule {
    fn schema_name() -> Cow<'static, str> {
        "ReviewRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["off", "always"] },
                {
                    "type": "object",
                    "required": ["below"],
                    "properties": { "below": { "type": "number", "minimum": 0, "maximum": 1 } },
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// As people write it: `off`, `always`, `below 0.5`.
impl fmt::Display for ReviewRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Always => f.write_str("always"),
            Self::Below(limit) => write!(f, "below {}", limit.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn confidence(value: f64) -> Confidence {
        Confidence::try_from(value).expect("a confidence")
    }

    #[test]
    fn a_rule_holds_what_it_says() {
        let below = ReviewRule::Below(confidence(0.5));
        for (value, is_held) in
            [(None, true), (Some(0.0), true), (Some(0.499), true), (Some(0.5), false), (Some(1.0), false)]
        {
            assert_eq!(below.holds(value.map(confidence)), is_held, "{value:?}");
            assert!(ReviewRule::Always.holds(value.map(confidence)));
            assert!(!ReviewRule::Off.holds(value.map(confidence)));
        }
    }

    #[test]
    fn a_rule_is_written_as_in_requests() {
        for (rule, value) in [
            (ReviewRule::Off, json!("off")),
            (ReviewRule::Always, json!("always")),
            (ReviewRule::Below(confidence(0.5)), json!({"below": 0.5})),
        ] {
            assert_eq!(serde_json::to_value(rule).expect("serializes"), value);
            assert_eq!(serde_json::from_value::<ReviewRule>(value).expect("a rule"), rule);
        }
        for bad in [json!("on"), json!({"below": 1.5}), json!({"below": "0.5"}), json!({"above": 0.5}), json!(true)] {
            assert_eq!(ReviewRule::read(&bad), Err(InvalidReviewRule), "{bad}");
        }
    }
}
