//! The shadows of a subject on a new background.
//!
//! | function | the shadow of |
//! |---|---|
//! | [`top()`] | an object on a table, seen from above under soft light |
//! | [`wall()`] | an object in front of a wall, on the wall |
//! | [`ground()`] | an object that stands on the ground, beneath it |
//! | [`preserved()`] | the subject in the photograph itself |
//!
//! [`StudioShadow`] is the last one in two steps; [`whitened()`] makes the backdrop of the photograph white and keeps the
//! shadow.
//!
//! The first three are computed from the subject's alpha on its canvas, the last one from the photograph. Each result
//! is a picture of *coverage*: 0 is no shadow, 255 a full one. The opacity and the color of a full shadow are applied
//! elsewhere. Coverage applies to linear light, not to encoded values: the background is multiplied by
//! `1 - opacity × coverage / 255`. The area beneath the subject has coverage as well.
//!
//! Blur is a true Gaussian, and spread a true distance. Wide blurs are computed in cells of several pixels, which a smooth
//! spline interpolates. All functions run on the threads of the current rayon pool, and their results do not depend on the
//! number of threads. Beyond arguments and result, the first three take about 16 bytes a cell for at most 12 million cells:
//! 200 MB.

mod contact;
mod distance;
mod error;
mod ground;
mod light;
mod plane;
mod preserved;
mod rows;
mod soft;
mod sweep;
mod top;
mod wall;
mod whiten;

pub use error::{NoStudioSweep, NotWhitened};
pub use ground::{GroundOptions, ground};
pub use preserved::{StudioShadow, preserved};
pub use top::{TopOptions, top};
pub use wall::{WallOptions, wall};
pub use whiten::{OpenSides, Whitened, whitened};
