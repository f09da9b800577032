//! Where a person should look at a cut, and why.

use serde::{Deserialize, Serialize};

use super::subject::PixelBox;

/// Why a person should look at a place of a cut, as a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionReason {
    /// The draft is empty, because no subject was found.
    NoSubject,
    /// The networks saw subject that is not in the cut.
    DroppedObject,
    /// The cut holds another object, apart from the main one.
    SecondObject,
    /// One network saw subject where the other saw background.
    NetworksDisagree,
    /// The networks were unsure of an area.
    UnsureArea,
    /// Subject and background have similar colors along the outline.
    LowContrast,
    /// The subject reaches the frame of the photograph.
    TouchesFrame,
}

impl AttentionReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::NoSubject,
        Self::DroppedObject,
        Self::SecondObject,
        Self::NetworksDisagree,
        Self::UnsureArea,
        Self::LowContrast,
        Self::TouchesFrame,
    ];

    /// The code in JSON.
    pub const fn as_str(self) -> &'static str {
        self.info().code
    }

    /// The facts about the reason.
    pub const fn info(self) -> AttentionInfo {
        match self {
            Self::NoSubject => info("no_subject", "no subject was found, so the draft is empty"),
            Self::DroppedObject => info("dropped_object", "an object that the networks saw is not in the cut"),
            Self::SecondObject => info("second_object", "the cut holds another object, apart from the main one"),
            Self::NetworksDisagree => {
                info("networks_disagree", "one network saw subject here, the other one background")
            }
            Self::UnsureArea => info("unsure_area", "the networks were unsure whether this is subject"),
            Self::LowContrast => {
                info("low_contrast", "subject and background have similar colors along this part of the outline")
            }
            Self::TouchesFrame => info("touches_frame", "the subject reaches the frame, so part of it may be missing"),
        }
    }
}

/// The facts about a reason, as the documentation shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionInfo {
    /// The code in JSON.
    pub code: &'static str,
    /// What the reason means.
    pub meaning: &'static str,
}

const fn info(code: &'static str, meaning: &'static str) -> AttentionInfo {
    AttentionInfo { code, meaning }
}

/// A place of a cut that a person should look at. In JSON: `{"reason":…,"message":…,"box":[x1,y1,x2,y2]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Why.
    pub reason: AttentionReason,
    /// The same for a person, as a sentence with the details.
    pub message: String,
    /// The place, in pixels of the upright photograph.
    #[serde(rename = "box")]
    pub place: PixelBox,
}

/// The most places that a result names: the worst ones.
pub const MAX_ATTENTION: usize = 10;
/// The most characters of a message.
///
/// Both limits keep a hostile photograph from growing its job's record.
const MAX_MESSAGE_CHARS: usize = 200;

/// The first places of a list, with messages of a bounded length.
pub(crate) fn bounded(mut attention: Vec<Attention>) -> Vec<Attention> {
    attention.truncate(MAX_ATTENTION);
    for Attention { message, .. } in &mut attention {
        if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE_CHARS) {
            message.truncate(end);
        }
    }
    attention
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn attention(message: &str) -> Attention {
        let place = PixelBox { left: 1, top: 2, width: 3, height: 4 };
        Attention { reason: AttentionReason::LowContrast, message: message.to_owned(), place }
    }

    #[test]
    fn a_reason_is_the_same_in_records_and_as_text() {
        for reason in AttentionReason::ALL {
            assert_eq!(serde_json::to_value(reason).expect("serializes"), reason.as_str());
        }
        let codes: HashSet<_> = AttentionReason::ALL.map(AttentionReason::as_str).into();
        assert_eq!(codes.len(), AttentionReason::ALL.len());
    }

    #[test]
    fn json_names_reason_message_and_box() {
        let stored = serde_json::to_string(&attention("Low contrast.")).expect("serializes");
        assert_eq!(stored, r#"{"reason":"low_contrast","message":"Low contrast.","box":[1,2,4,6]}"#);
        assert_eq!(serde_json::from_str::<Attention>(&stored).expect("is read again"), attention("Low contrast."));
    }

    #[test]
    fn a_list_is_cut_to_the_worst_places_and_short_messages() {
        let kept = bounded((0..12).map(|at| attention(&format!("{at}{}", "é".repeat(300)))).collect());
        assert_eq!(kept.len(), MAX_ATTENTION);
        assert!(kept[0].message.starts_with('0') && kept[9].message.starts_with('9'));
        assert!(kept.iter().all(|place| place.message.chars().count() == MAX_MESSAGE_CHARS));
    }
}
