//! The limits of a drawing's cost, and which part of it costs the most.

use crate::decode::limits::Limits;

/// Work of any drawing, in units of about a nanosecond.
const BASE_WORK: f64 = 5e8;
/// Work per pixel of the canvas in addition. A blur of the whole canvas takes 200.
const WORK_PER_PIXEL: f64 = 800.0;
/// Memory of any drawing, in bytes.
const BASE_MEMORY: f64 = 2.2e8;
/// Memory per pixel of the canvas in addition.
const MEMORY_PER_PIXEL: f64 = 16.0;
/// Most nodes drawn, those of patterns each time that the pattern is drawn.
const MAX_NODES: u64 = 2_000_000;
/// Work per node in addition to its pixels.
const NODE_WORK: f64 = 1000.0;

/// What takes work or memory. A refusal names the part that takes the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Elements,
    Outlines,
    Dashes,
    Gradients,
    Patterns,
    Layers,
    Filters,
    Images,
}

impl Part {
    const COUNT: usize = 8;

    /// The part's name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Elements => "its number of elements",
            Self::Outlines => "the edges of its outlines",
            Self::Dashes => "its dashes",
            Self::Gradients => "its gradients",
            Self::Patterns => "its patterns",
            Self::Layers => "its layers, clipping paths and masks",
            Self::Filters => "its filters",
            Self::Images => "its images",
        }
    }
}

/// Why a drawing is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exceeded {
    Work(Part),
    Memory(Part),
    /// Coordinates that the drawing library's integers do not hold.
    Coordinates,
}

/// The cost of drawing so far, and its limits.
#[derive(Debug)]
pub(super) struct Budget {
    work: f64,
    max_work: f64,
    work_of: [(Option<Part>, f64); Part::COUNT],
    nodes: u64,
    /// Bytes held at this point of the drawing.
    held: f64,
    max_held: f64,
}

impl Budget {
    /// The budget for a canvas of a number of pixels.
    pub(super) fn new(pixels: f64, limits: &Limits) -> Self {
        let max_held = (BASE_MEMORY + MEMORY_PER_PIXEL * pixels).min(limits.max_alloc as f64);
        let max_work = BASE_WORK + WORK_PER_PIXEL * pixels;
        Self { work: 0.0, max_work, work_of: [(None, 0.0); Part::COUNT], nodes: 0, held: 0.0, max_held }
    }

    /// All work so far, in units of about a nanosecond.
    #[cfg(test)]
    pub(super) fn work(&self) -> f64 {
        self.work
    }

    /// Spends the work of one node.
    pub(super) fn spend_node(&mut self, part: Part) -> Result<(), Exceeded> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(Exceeded::Work(part)) } else { self.spend(part, NODE_WORK) }
    }

    /// Spends work. An amount that is not finite is too much.
    pub(super) fn spend(&mut self, part: Part, work: f64) -> Result<(), Exceeded> {
        let work = if work.is_finite() { work.max(0.0) } else { f64::INFINITY };
        self.work += work;
        if let Some(entry) = self.work_of.iter_mut().find(|(of, _)| of.is_none_or(|of| of == part)) {
            *entry = (Some(part), entry.1 + work);
        }
        if self.work <= self.max_work { Ok(()) } else { Err(Exceeded::Work(self.largest_part(part))) }
    }

    fn largest_part(&self, default: Part) -> Part {
        let largest = self.work_of.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        largest.and_then(|(part, _)| *part).unwrap_or(default)
    }

    /// Holds bytes while `draw` runs. An amount that is not a number is too much.
    pub(super) fn hold(
        &mut self,
        part: Part,
        bytes: f64,
        draw: impl FnOnce(&mut Self) -> Result<(), Exceeded>,
    ) -> Result<(), Exceeded> {
        self.held += bytes;
        if self.held <= self.max_held {
            draw(self)?;
            self.held -= bytes;
            Ok(())
        } else {
            Err(Exceeded::Memory(part))
        }
    }
}
