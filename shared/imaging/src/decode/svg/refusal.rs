//! Why a document is not drawn.

use cutline_core::domain::kind::ImageKind;
use resvg::usvg::roxmltree;

use crate::decode::xml::XmlBomb;
use crate::error::Error;

/// The remedy for a document that is too costly to draw.
pub(super) const SIMPLIFY: &str = "simplify it, or export it as a PNG";

/// Why a document is not drawn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The XML parser refused it.
    InvalidXml(roxmltree::Error),
    /// The root element is not `svg`.
    NotSvg,
    /// An element refers to itself, directly or through others.
    SelfReference,
    TooLong,
    TooManyElements,
    TooManyPoints,
    TooManyAttributes,
    TooManyNamespaces,
    TooDeep,
    TooManyStyleRules,
    TooManyInheritedReferences,
    /// Too many elements have an id that is referred to.
    TooManyNamesakes,
    /// Its references multiply it too often.
    UnfoldsTooFar,
}

impl From<XmlBomb> for Refusal {
    fn from(bomb: XmlBomb) -> Self {
        match bomb {
            XmlBomb::TooManyAttributes => Self::TooManyAttributes,
            XmlBomb::TooManyNamespaces => Self::TooManyNamespaces,
        }
    }
}

impl Refusal {
    pub(super) fn into_error(self) -> Error {
        let feature = match self {
            Self::InvalidXml(error) => {
                return Error::damaged(ImageKind::Svg, "it is not valid XML").caused_by(error);
            }
            Self::NotSvg => return Error::damaged(ImageKind::Svg, "its root element is not svg"),
            Self::SelfReference => "an element that refers to itself",
            Self::TooLong => "a very long document",
            Self::TooManyElements => "too many elements",
            Self::TooManyPoints => "outlines with too many points",
            Self::TooManyAttributes => "elements with too many attributes",
            Self::TooManyNamespaces => "too many namespaces",
            Self::TooDeep => "elements that nest too deeply",
            Self::TooManyStyleRules => "too many style rules",
            Self::TooManyInheritedReferences => "too many inherited references",
            Self::TooManyNamesakes => "too many elements with the same id",
            Self::UnfoldsTooFar => "references that multiply its elements too often",
        };
        Error::unsupported(ImageKind::Svg, feature, SIMPLIFY)
    }
}
