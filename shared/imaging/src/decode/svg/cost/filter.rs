//! The work of filter primitives.

use resvg::usvg::filter::Kind;

/// Blurs of a smaller standard deviation in pixels take a slower algorithm, which works on floating-point numbers.
const MAX_RECURSIVE_BLUR: f64 = 2.0;

/// The work of a filter primitive per pixel of its layer. Radii grow with the drawing's scale.
pub(super) fn work_per_pixel(kind: &Kind, scale: f64) -> f64 {
    let blur = |x: f32, y: f32| {
        let deviation = f64::from(x.max(y)) * scale;
        // The scale along one axis may be smaller.
        if deviation < 2.0 * MAX_RECURSIVE_BLUR && deviation > 0.0 { 1000.0 } else { 230.0 }
    };
    match kind {
        Kind::Morphology(morphology) => {
            let side = |radius: f32| f64::from(radius) * scale * 2.0 + 1.0;
            60.0 + 1.5 * side(morphology.radius_x().get()) * side(morphology.radius_y().get())
        }
        Kind::ConvolveMatrix(convolution) => {
            let cells = convolution.matrix().columns() * convolution.matrix().rows();
            30.0 + 10.0 * f64::from(cells)
        }
        Kind::Turbulence(turbulence) => 80.0 + 85.0 * f64::from(turbulence.num_octaves().max(1)),
        Kind::GaussianBlur(of) => blur(of.std_dev_x().get(), of.std_dev_y().get()),
        Kind::DropShadow(of) => 40.0 + blur(of.std_dev_x().get(), of.std_dev_y().get()),
        Kind::SpecularLighting(_) | Kind::Blend(_) | Kind::Tile(_) => 110.0,
        Kind::DiffuseLighting(_) | Kind::ColorMatrix(_) | Kind::ComponentTransfer(_) => 80.0,
        Kind::DisplacementMap(_) | Kind::Composite(_) => 80.0,
        Kind::Merge(merge) => 10.0 + 25.0 * merge.inputs().len() as f64,
        Kind::Flood(_) | Kind::Image(_) | Kind::Offset(_) => 30.0,
    }
}
