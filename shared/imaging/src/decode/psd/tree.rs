//! The visible layers of a document as a tree of groups, checked: everything in it can be composed.

use super::kind::KIND;
use super::layers::LayerRecord;
use crate::error::Error;

/// How deep groups may nest.
const MAX_DEPTH: usize = 16;

/// How a layer or a group is laid over those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blend {
    Normal,
    Multiply,
    /// Of a group: its layers are laid over those below the group, one by one.
    PassThrough,
}

/// A visible layer or group.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) record: LayerRecord<'a>,
    pub(super) blend: Blend,
    /// From 0 to 1.
    pub(super) opacity: f32,
    /// The layers of a group, from bottom to top; of a layer `None`.
    pub(super) children: Option<Vec<Self>>,
}

/// The meaning of a layer's record for the groups.
pub(super) enum Role {
    Layer,
    /// The lower end of a group.
    GroupEnd,
    /// The group itself, above its layers.
    Group([u8; 4]),
}

/// Arranges records from bottom to top, leaves out hidden ones, and refuses what cannot be composed.
pub(super) fn arrange(records: Vec<LayerRecord<'_>>) -> Result<Vec<Node<'_>>, Error> {
    let mut open = vec![Vec::new()];
    for record in records {
        match role(&record) {
            Role::GroupEnd if open.len() > MAX_DEPTH => {
                return Err(Error::unsupported(KIND, "groups that nest too deeply", REMEDY));
            }
            Role::GroupEnd => open.push(Vec::new()),
            Role::Group(blend_key) => {
                let children = open.pop().filter(|_| !open.is_empty());
                let children = children.ok_or_else(|| Error::damaged(KIND, "its groups do not match"))?;
                push(&mut open, Node::new(record, blend_key, Some(children)));
            }
            Role::Layer => {
                let blend_key = record.blend_key;
                push(&mut open, Node::new(record, blend_key, None));
            }
        }
    }
    let [nodes] = <[_; 1]>::try_from(open).map_err(|_| Error::damaged(KIND, "its groups do not match"))?;
    for node in &nodes {
        check(node)?;
    }
    Ok(nodes)
}

fn push<'a>(open: &mut [Vec<Node<'a>>], node: Node<'a>) {
    if let Some(last) = open.last_mut().filter(|_| !node.record.is_hidden && node.opacity > 0.0) {
        last.push(node);
    }
}

pub(super) fn role(record: &LayerRecord<'_>) -> Role {
    let divider = record.block(b"lsct").or_else(|| record.block(b"lsdk"));
    match divider.and_then(|data| data.split_first_chunk::<4>()) {
        // After the type may come a signature and the group's own blend mode.
        Some(([0, 0, 0, 1 | 2], rest)) => {
            Role::Group(rest.get(4..).and_then(|rest| rest.first_chunk()).copied().unwrap_or(record.blend_key))
        }
        Some(([0, 0, 0, 3], _)) => Role::GroupEnd,
        _ => Role::Layer,
    }
}

const REMEDY: &str = "save it with 'Maximize Compatibility'";

/// The blocks of adjustment layers.
const ADJUSTMENTS: [&[u8; 4]; 17] = [
    b"brit", b"levl", b"curv", b"expA", b"vibA", b"hue ", b"hue2", b"blnc", b"blwh", b"phfl", b"mixr", b"clrL",
    b"nvrt", b"post", b"thrs", b"grdm", b"selc",
];
/// The blocks of fill layers.
const FILLS: [&[u8; 4]; 3] = [b"SoCo", b"GdFl", b"PtFl"];
/// Additional blocks that change how a document looks, and what they hold.
const UNSUPPORTED_BLOCKS: [(&[&[u8; 4]], &str); 5] = [
    (&ADJUSTMENTS, "an adjustment layer"),
    (&FILLS, "a fill layer"),
    (&[b"lfx2", b"lrFX", b"lmfx"], "layer effects"),
    (&[b"artb", b"artd", b"abdd"], "an artboard"),
    (&[b"brst"], "a layer without some of its channels"),
];

impl<'a> Node<'a> {
    fn new(record: LayerRecord<'a>, blend_key: [u8; 4], children: Option<Vec<Self>>) -> Self {
        let record = LayerRecord { blend_key, ..record };
        let blend = match &blend_key {
            b"pass" if children.is_some() => Blend::PassThrough,
            b"mul " => Blend::Multiply,
            _ => Blend::Normal,
        };
        // Opacity of the layer, and of its fill.
        let fill = record.block(b"iOpa").and_then(|data| data.first()).copied().unwrap_or(u8::MAX);
        let opacity = f32::from(record.opacity) / 255.0 * f32::from(fill) / 255.0;
        Self { record, blend, opacity, children }
    }
}

/// Checks that a visible node, and those in it, can be composed.
fn check(node: &Node<'_>) -> Result<(), Error> {
    if let Some(feature) = unsupported_feature(node) {
        return Err(Error::unsupported(KIND, format!("no merged image, and {feature}"), REMEDY));
    }
    node.children.iter().flatten().try_for_each(check)
}

/// Whether a layer has pixels of its own: it neither adjusts what is under it nor fills an area.
pub(super) fn has_own_pixels(record: &LayerRecord<'_>) -> bool {
    !ADJUSTMENTS.iter().chain(&FILLS).any(|key| record.block(key).is_some())
}

fn unsupported_feature(node: &Node<'_>) -> Option<&'static str> {
    let record = &node.record;
    let is_known_blend = match &record.blend_key {
        b"norm" | b"mul " => true,
        b"pass" => node.children.is_some(),
        _ => false,
    };
    if !is_known_blend {
        return Some("a blend mode other than normal and multiply");
    }
    if record.is_clipped {
        return Some("a clipping mask");
    }
    if record.enabled_mask().is_some_and(|mask| mask.is_softened) {
        return Some("a mask with a density or a feather");
    }
    let is_flag_set = |key| record.block(key).and_then(|data| data.first()).is_some_and(|flag| *flag != 0);
    if is_flag_set(b"knko") {
        return Some("a knockout layer");
    }
    // Each range is 0, 0, 255, 255.
    if record.blending_ranges.chunks_exact(4).any(|range| range != [0, 0, 255, 255]) {
        return Some("a layer that blends by color");
    }
    // A vector mask is also stored as pixels, by some programs.
    let has_vector_mask = record.block(b"vmsk").or_else(|| record.block(b"vsms")).is_some_and(|mask| {
        const DISABLED: u8 = 4;
        mask.get(7).is_none_or(|flags| flags & DISABLED == 0)
    });
    if has_vector_mask && record.channel(-2).is_none() {
        return Some("a vector mask");
    }
    let has = |keys: &[&[u8; 4]]| keys.iter().any(|key| record.block(key).is_some_and(|data| !data.is_empty()));
    UNSUPPORTED_BLOCKS.iter().find(|(keys, _)| has(keys)).map(|(_, feature)| *feature)
}
