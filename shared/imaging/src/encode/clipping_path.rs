//! The clipping path of a new file, as image resources.

use cutline_core::Channels;
use cutline_core::domain::rendering::{PathOptions, Rendering};

use super::document::Document;
use crate::error::Cause;
use crate::path::ClippingPath;
use crate::photoshop;
use crate::sample::ColorSample;

/// The resources of the document's clipping path; empty if the file does not get one.
pub(super) fn resources<T: ColorSample>(document: &Document<'_, T>, rendering: &Rendering) -> Result<Vec<u8>, Cause> {
    match document.path {
        Some(path) if rendering.channels == Channels::Rgba && !path.subpaths.is_empty() => {
            resources_of(path, &rendering.path)
        }
        _ => Ok(Vec::new()),
    }
}

/// The path itself, and the resource that makes it the clipping path.
fn resources_of(path: &ClippingPath, options: &PathOptions) -> Result<Vec<u8>, Cause> {
    let name = photoshop::encoded_name(options.name.as_str());
    let records = photoshop::records(path)?;
    let mut resources = Vec::with_capacity(records.len() + 1024);
    photoshop::append(&mut resources, *photoshop::PATHS.start(), &name, &records)?;
    let data = photoshop::clipping_path_name(&name, options.flatness.get())?;
    photoshop::append(&mut resources, photoshop::CLIPPING_PATH_NAME, &[], &data)?;
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{Node, Point, Subpath};

    #[test]
    fn pads_resources_and_repeats_the_name() {
        let at = Point { x: 1.0, y: 1.0 };
        let nodes = vec![Node { before: at, anchor: at, after: at, smooth: false }; 2];
        let path = ClippingPath { width: 200, height: 100, subpaths: vec![Subpath { nodes, hole: false }] };
        for name in ["Cutline Path", "Pfad", "Größe", "路径", &"𝕏".repeat(63)] {
            let options = PathOptions { name: name.to_owned().try_into().expect("is a name"), ..Default::default() };
            let resources = resources_of(&path, &options).expect("fits");
            assert_eq!(resources.len() % 2, 0);
            let named = photoshop::pascal(&photoshop::encoded_name(name), 2).expect("fits");
            assert_eq!(resources.windows(named.len()).filter(|window| *window == named).count(), 2, "{name}");
        }
    }
}
