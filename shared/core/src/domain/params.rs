//! Parameter sets: what mode `params` makes of a photograph, as a JSON document that its owner writes once.
//!
//! The types here are the document. [`ParamSet::read`] reports every fault of an invalid one by its path. The JSON
//! Schema of the types is `shared/core/params.schema.json`; a test keeps it current. Lengths relate to the canvas's
//! short side, so a set gives the same look at any size.

mod document;
mod framed;
mod layout;
mod members;
mod name;
mod output;
pub mod presets;
mod read;
mod read_framing;
mod shadow;
mod values;

pub use document::{ParamSet, PlannedVariations, VERSION, schema};
pub use framed::Framed;
pub use layout::{Align, AlignBy, Background, BackgroundPicture, Canvas, Horizontal, ImageFit, Vertical};
pub use members::{InvalidParams, ParamFault};
pub use name::{InvalidRevision, InvalidSetName, Revision, SetName};
pub use output::{FillRange, OutputSettings, Promise, VariationOutput, VariationOutputs};
pub use shadow::{ShadowGround, ShadowTop, ShadowWall};
pub use values::{Aspect, Baseline, Color, Enlargement, Fill, Length, Measure, Offset, Scale, Share};
