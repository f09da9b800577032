//! The tree of regions.

use std::iter;

use super::merge::Merge;

/// The longer side of the picture that is divided, in pixels.
pub const MAX_SIDE: u32 = 1024;

/// The most leaves.
pub(super) const MAX_LEAVES: usize = 2000;

/// A node of a [`RegionTree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

/// The regions of a photograph, from small ones up to the whole. Its pixels are those of the photograph, reduced to at
/// most [`MAX_SIDE`] on the longer side.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionTree {
    pub(super) width: u32,
    /// The leaf of every pixel, row by row.
    pub(super) labels: Vec<u16>,
    /// Merge `i` makes node `leaves + i`.
    pub(super) merges: Vec<Merge>,
    nodes: Vec<Node>,
    /// Where each leaf stands in the order in which every node's leaves are in a row.
    positions: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    parent: Option<u32>,
    /// Its leaves, as a range of positions.
    span: (u32, u32),
    /// In pixels.
    area: u32,
    /// The edge that its two parts were merged across; 0 for a leaf.
    height: f32,
}

impl RegionTree {
    /// A tree of labels, numbered from 0 without a gap, and of merges that end with one node.
    pub(super) fn new(width: u32, labels: Vec<u16>, merges: Vec<Merge>) -> Self {
        let leaves = merges.len() + 1;
        let mut nodes = vec![Node { parent: None, span: (0, 0), area: 0, height: 0.0 }; leaves + merges.len()];
        for label in &labels {
            nodes[usize::from(*label)].area += 1;
        }
        for (index, Merge { nodes: [one, other], height }) in merges.iter().enumerate() {
            let node = leaves + index;
            nodes[node].height = *height;
            nodes[node].area = nodes[*one as usize].area + nodes[*other as usize].area;
            nodes[*one as usize].parent = Some(node as u32);
            nodes[*other as usize].parent = Some(node as u32);
        }
        let mut tree = Self { width, labels, merges, nodes, positions: vec![0; leaves] };
        tree.number_leaves();
        tree
    }

    /// Numbers the leaves so that those of every node are in a row.
    fn number_leaves(&mut self) {
        let leaves = self.positions.len();
        // The size of each node, in leaves, from the bottom up; then the spans, from the top down.
        let mut sizes = vec![1_u32; self.nodes.len()];
        for (index, Merge { nodes: [one, other], .. }) in self.merges.iter().enumerate() {
            sizes[leaves + index] = sizes[*one as usize] + sizes[*other as usize];
        }
        let top = self.nodes.len() - 1;
        self.nodes[top].span = (0, sizes[top]);
        for (index, Merge { nodes: [one, other], .. }) in self.merges.iter().enumerate().rev() {
            let (start, end) = self.nodes[leaves + index].span;
            let middle = start + sizes[*one as usize];
            self.nodes[*one as usize].span = (start, middle);
            self.nodes[*other as usize].span = (middle, end);
        }
        for leaf in 0..leaves {
            self.positions[leaf] = self.nodes[leaf].span.0;
        }
    }

    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.width, self.labels.len() as u32 / self.width)
    }

    /// The leaf at a point, given from 0 to 1 along both sides.
    pub fn leaf_at(&self, (x, y): (f64, f64)) -> NodeId {
        let (width, height) = self.dimensions();
        let along = |share: f64, side: u32| ((share * f64::from(side)) as u32).min(side - 1);
        self.leaf_of((along(y, height) * width + along(x, width)) as usize)
    }

    /// Whether each pixel is in a node, row by row.
    pub fn mask(&self, node: NodeId) -> Vec<bool> {
        let span = self.span(node);
        self.positions().map(|position| span.contains(&position)).collect()
    }

    /// The number of leaves.
    pub fn leaves(&self) -> usize {
        self.positions.len()
    }

    /// The leaf with the pixel of this index, counted row by row.
    pub(super) fn leaf_of(&self, at: usize) -> NodeId {
        NodeId(self.labels[at].into())
    }

    /// The position of every pixel's leaf, row by row.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> {
        self.labels.iter().map(|label| self.positions[usize::from(*label)] as usize)
    }

    /// The positions of a node's leaves.
    pub(super) fn span(&self, node: NodeId) -> std::ops::Range<usize> {
        let (start, end) = self.nodes[node.0 as usize].span;
        start as usize..end as usize
    }

    /// The node, and every one that contains it, up to the whole picture.
    pub fn ancestors(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        iter::successors(Some(node), |node| self.parent(*node))
    }

    pub(super) fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.nodes[node.0 as usize].parent.map(NodeId)
    }

    /// The area in pixels.
    pub fn area(&self, node: NodeId) -> u32 {
        self.nodes[node.0 as usize].area
    }

    /// The strength of the edge that the node's two parts were merged across; 0 for a leaf.
    pub(super) fn height_of(&self, node: NodeId) -> f32 {
        self.nodes[node.0 as usize].height
    }
}
