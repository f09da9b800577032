//! Color code points of ITU-T H.273, as containers and AV1 streams state them.

use moxcms::{CicpColorPrimaries, CicpProfile, MatrixCoefficients, TransferCharacteristics};

/// Code points as stored, not necessarily known ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePoints {
    pub(super) primaries: u8,
    pub(super) transfer: u8,
    pub(super) matrix: u8,
    pub(super) full_range: bool,
}

impl CodePoints {
    /// The profile of the colors once they are RGB; `None` if a code point is unknown, in which case they are taken for
    /// sRGB.
    pub(super) fn cicp_profile(self) -> Option<CicpProfile> {
        let color_primaries = match CicpColorPrimaries::try_from(self.primaries).ok()? {
            CicpColorPrimaries::Unspecified => CicpColorPrimaries::Bt709,
            primaries => primaries,
        };
        // Like all viewers, treats the transfer curve of cameras as that of screens.
        let transfer_characteristics = match TransferCharacteristics::try_from(self.transfer).ok()? {
            TransferCharacteristics::Bt709 | TransferCharacteristics::Bt601 | TransferCharacteristics::Unspecified => {
                TransferCharacteristics::Srgb
            }
            transfer => transfer,
        };
        let matrix_coefficients = MatrixCoefficients::Identity;
        Some(CicpProfile { color_primaries, transfer_characteristics, matrix_coefficients, full_range: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_unspecified_colors_for_srgb() {
        let code_points = CodePoints { primaries: 2, transfer: 2, matrix: 2, full_range: true };
        assert_eq!(code_points.cicp_profile().map(|profile| profile.color_primaries as u8), Some(1));
    }
}
