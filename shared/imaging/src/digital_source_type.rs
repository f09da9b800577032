//! IPTC's digital source type: what a picture was made from.
//!
//! Source: IPTC, NewsCodes scheme `digitalsourcetype`.

/// The scheme's address, which every value begins with.
const SCHEME: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/";
/// Longest name in the scheme that is accepted, in bytes.
const MAX_NAME: usize = 64;

/// Captures of real life, which make a composite of captures.
const CAPTURES: [&str; 6] =
    ["digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print", "compositeCapture"];
/// Pictures that generative models made, or made in part.
const GENERATED: [&str; 3] = ["trainedAlgorithmicMedia", "compositeSynthetic", "compositeWithTrainedAlgorithmicMedia"];

/// A value of IPTC's scheme: the name of one of its concepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigitalSourceType(String);

impl DigitalSourceType {
    /// Reads the address of a concept. `None` for anything outside of the scheme.
    pub fn of_uri(uri: &str) -> Option<Self> {
        let name = uri.trim().strip_prefix(SCHEME)?;
        let is_name = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| Self(name.to_owned()))
    }

    /// The address of the concept.
    pub fn uri(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }

    /// The type of a picture that shows a subject of this type before another picture, whose type may be unknown.
    ///
    /// Two captures make a composite of captures. Anything generated makes a synthetic composite. Else the result is a
    /// composite, which by its definition may or may not hold something generated.
    pub(crate) fn before(&self, background: Option<&Self>) -> Self {
        let is_among = |names: &[&str], found: &Self| names.contains(&found.0.as_str());
        let both = [Some(self), background];
        let name = if both.into_iter().flatten().any(|found| is_among(&GENERATED, found)) {
            "compositeSynthetic"
        } else if both.into_iter().all(|found| found.is_some_and(|found| is_among(&CAPTURES, found))) {
            "compositeCapture"
        } else {
            "composite"
        };
        Self(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> DigitalSourceType {
        DigitalSourceType::of_uri(&format!("{SCHEME}{name}")).expect("is in the scheme")
    }

    #[test]
    fn accepts_names_of_the_scheme_and_nothing_else() {
        assert_eq!(of("digitalCapture").uri(), format!("{SCHEME}digitalCapture"));
        assert_eq!(
            DigitalSourceType::of_uri(" http://cv.iptc.org/newscodes/digitalsourcetype/print\n"),
            Some(of("print"))
        );
        let long = "a".repeat(MAX_NAME + 1);
        for name in ["", "a b", "a/b", "a<b", "é", &long] {
            assert_eq!(DigitalSourceType::of_uri(&format!("{SCHEME}{name}")), None, "{name}");
        }
        for uri in ["digitalCapture", "https://example.com/digitalCapture", "javascript:alert(1)"] {
            assert_eq!(DigitalSourceType::of_uri(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_composite_is_a_capture_only_if_both_parts_are() {
        let capture = of("digitalCapture");
        assert_eq!(capture.before(Some(&of("negativeFilm"))), of("compositeCapture"));
        assert_eq!(capture.before(Some(&of("trainedAlgorithmicMedia"))), of("compositeSynthetic"));
        assert_eq!(of("compositeWithTrainedAlgorithmicMedia").before(None), of("compositeSynthetic"));
        assert_eq!(capture.before(None), of("composite"));
        assert_eq!(capture.before(Some(&of("digitalCreation"))), of("composite"));
    }
}
