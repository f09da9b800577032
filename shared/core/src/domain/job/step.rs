//! The steps of a running job.

use serde::{Deserialize, Serialize};

use crate::domain::request::Mode;

/// The steps of a running job, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Fetching the source.
    Fetch,
    /// Decoding the source and separating the subject from its background.
    Background,
    /// Cutting the subject along its path. Only in mode clipping.
    Clipping,
    /// Making the pictures of a parameter set. Only in mode params.
    Compose,
    /// Storing the pictures.
    Delivery,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 5] = [Self::Fetch, Self::Background, Self::Clipping, Self::Compose, Self::Delivery];

    /// The step's name in records, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Background => "background",
            Self::Clipping => "clipping",
            Self::Compose => "compose",
            Self::Delivery => "delivery",
        }
    }

    /// Whether jobs of this mode go through the step.
    pub const fn is_of(self, mode: Mode) -> bool {
        match self {
            Self::Clipping => matches!(mode, Mode::Clipping),
            Self::Compose => matches!(mode, Mode::Params),
            Self::Fetch | Self::Background | Self::Delivery => true,
        }
    }

    /// The job's progress when the step begins, in percent.
    pub const fn progress(self) -> u8 {
        match self {
            Self::Fetch => 5,
            Self::Background => 20,
            Self::Clipping | Self::Compose => 60,
            Self::Delivery => 85,
        }
    }

    /// The job's progress, in percent, when `percent` of the step is done (values over 100 count as 100). A finished
    /// step ends where the next step of the mode begins.
    pub const fn progress_at(self, mode: Mode, percent: u8) -> u8 {
        let (from, to) = (self.progress() as u16, self.next(mode) as u16);
        let percent = if percent > 100 { 100 } else { percent as u16 };
        // Both ends are at most 100, so the result fits.
        (from + (to - from) * percent / 100) as u8
    }

    /// The progress at which the next step begins, in percent.
    const fn next(self, mode: Mode) -> u8 {
        match (self, mode) {
            (Self::Fetch, _) => Self::Background.progress(),
            (Self::Background, Mode::Clipping) => Self::Clipping.progress(),
            (Self::Background, Mode::Params) => Self::Compose.progress(),
            (Self::Background | Self::Clipping | Self::Compose, _) => Self::Delivery.progress(),
            (Self::Delivery, _) => 100,
        }
    }

    /// The step's name in a status.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Fetch => "pending_fetch",
            Self::Background => "pending_background",
            Self::Clipping => "pending_clipping",
            Self::Compose => "pending_compose",
            Self::Delivery => "pending_delivery",
        }
    }
}
