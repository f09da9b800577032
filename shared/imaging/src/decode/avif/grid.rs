//! Images of one or several tiles.

use std::borrow::Cow;

use super::frame::Frame;

/// An image of one or several streams, row by row.
#[derive(Debug)]
pub(super) struct CodedImage<'a> {
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// Width and height of each tile. A single tile has the size of the image.
    pub(super) tile_size: (u32, u32),
    /// Tiles per row, at least one.
    pub(super) columns: usize,
    pub(super) tiles: Vec<Cow<'a, [u8]>>,
}

impl CodedImage<'_> {
    /// Width and height of all tiles together, which may reach beyond the image.
    pub(super) fn tiled_size(&self) -> (u32, u32) {
        let rows = self.tiles.len() / self.columns;
        let side = |tile: u32, count: usize| tile.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        (side(self.tile_size.0, self.columns), side(self.tile_size.1, rows))
    }
}

/// The decoded tiles of an image.
pub(super) struct TiledFrames {
    pub(super) frames: Vec<Frame>,
    tile_size: (usize, usize),
    columns: usize,
}

impl TiledFrames {
    pub(super) fn new(frames: Vec<Frame>, image: &CodedImage<'_>) -> Self {
        let tile_size = (image.tile_size.0 as usize, image.tile_size.1 as usize);
        Self { frames, tile_size, columns: image.columns }
    }

    /// Splits row `y` of the image, of `samples` per pixel, by tiles: each tile's frame, the row within the frame, and
    /// its part of the image's row.
    pub(super) fn row<'a, T>(
        &'a self,
        y: usize,
        row: &'a mut [T],
        samples: usize,
    ) -> impl Iterator<Item = (&'a Frame, usize, &'a mut [T])> {
        let (width, height) = self.tile_size;
        let frames = &self.frames[y / height * self.columns..];
        row.chunks_mut(width * samples).zip(frames).map(move |(part, frame)| (frame, y % height, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiled_size_covers_all_tiles() {
        let tiles = vec![Cow::Borrowed(&[][..]); 6];
        let image = CodedImage { size: (1, 1), tile_size: (65_536, 40_000), columns: 3, tiles };
        assert_eq!(image.tiled_size(), (196_608, 80_000));
        assert_eq!(CodedImage { tile_size: (u32::MAX, 1), ..image }.tiled_size(), (u32::MAX, 2));
    }
}
