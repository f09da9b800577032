//! C2PA manifests: signatures over a file, which no longer verify once it has changed.

/// The label of a manifest in the JUMBF boxes that hold it.
const LABEL: &[u8] = b"c2pa";
/// The label is near the start of the boxes, in bytes.
const NEAR: usize = 256;

/// The warning about a file that has a manifest.
pub(super) const WARNING: &str =
    "The file has content credentials (C2PA). They sign its old bytes, and no longer verify.";

/// Whether JUMBF boxes hold a manifest.
pub(super) fn is_manifest(boxes: &[u8]) -> bool {
    boxes[..boxes.len().min(NEAR)].windows(LABEL.len()).any(|window| window == LABEL)
}
