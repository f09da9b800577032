//! The headers of an image: its frame, its tables, and the beginnings of its scans (ITU-T T.81, annex B).

use super::huffman::{AcTable, HuffmanTable};
use super::idct::SIDE;
use super::kind::{KIND, unsupported};
use super::markers::{MAX_SCANS, next_marker, segment_length, too_many_scans};
use crate::error::Error;

/// Most blocks in each direction that a component has in an MCU.
const MAX_SAMPLING: usize = 4;

/// The frame of an image.
pub(super) struct Frame {
    /// Width and height in pixels, both above 0.
    pub(super) size: (usize, usize),
    pub(super) is_progressive: bool,
    pub(super) components: Vec<Component>,
    /// Blocks of an MCU in each direction, of the component with the most.
    pub(super) sampling: (usize, usize),
    /// MCUs in each direction.
    pub(super) mcus: (usize, usize),
}

/// A component of a frame.
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of an MCU in each direction.
    pub(super) sampling: (usize, usize),
    quantization_table: u8,
    /// The quantization of its coefficients, row by row, once its first scan has begun.
    quantization: Option<[u16; SIDE * SIDE]>,
}

impl Component {
    /// The quantization of its coefficients, row by row.
    pub(super) fn quantization(&self) -> Result<&[u16; SIDE * SIDE], Error> {
        let missing = || damaged("a component has no scan or no quantization table");
        self.quantization.as_ref().ok_or_else(missing)
    }
}

impl Frame {
    /// Width and height of a component in samples.
    pub(super) fn samples(&self, component: &Component) -> (usize, usize) {
        let side = |pixels: usize, own: usize, most: usize| (pixels * own).div_ceil(most);
        (
            side(self.size.0, component.sampling.0, self.sampling.0),
            side(self.size.1, component.sampling.1, self.sampling.1),
        )
    }

    /// Blocks of a component in each direction, with those that only fill up MCUs.
    pub(super) fn blocks(&self, component: &Component) -> (usize, usize) {
        (self.mcus.0 * component.sampling.0, self.mcus.1 * component.sampling.1)
    }

    /// Blocks of a component in a row of MCUs.
    pub(super) fn blocks_in_row(&self, component: &Component) -> usize {
        self.mcus.0 * component.sampling.0 * component.sampling.1
    }
}

/// A scan: which coefficients of which components follow.
pub(super) struct Scan {
    /// Indices of the components, with their tables for the first coefficient and for the others.
    pub(super) components: Vec<ScanComponent>,
    /// The first and the last coefficient, in zigzag order.
    pub(super) spectrum: (usize, usize),
    /// By how many bits coefficients are shifted in this scan, and before it.
    pub(super) shift: u32,
    pub(super) previous_shift: u32,
    /// MCUs between restart markers; 0 without.
    pub(super) restart_interval: usize,
    /// The offset of its data.
    pub(super) data: usize,
}

pub(super) struct ScanComponent {
    pub(super) index: usize,
    pub(super) dc: Option<HuffmanTable>,
    pub(super) ac: Option<AcTable>,
}

/// Reads headers from scan to scan.
pub(super) struct HeaderReader<'a> {
    bytes: &'a [u8],
    at: usize,
    frame: Option<Frame>,
    quantization: [Option<[u16; SIDE * SIDE]>; 4],
    dc: [Option<HuffmanTable>; 4],
    ac: [Option<HuffmanTable>; 4],
    restart_interval: usize,
    scans: usize,
}

/// By place in zigzag order: the place row by row.
pub(super) const ZIGZAG: [u8; SIDE * SIDE] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

fn damaged(problem: &'static str) -> Error {
    Error::damaged(KIND, problem)
}

impl<'a> HeaderReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 2,
            frame: None,
            quantization: [None; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart_interval: 0,
            scans: 0,
        }
    }

    /// The frame, which comes before the first scan.
    pub(super) fn frame(&self) -> Result<&Frame, Error> {
        self.frame.as_ref().ok_or_else(|| damaged("the header is missing"))
    }

    /// Reads up to the next scan. `None` at the end of the image. Call it with the offset where the data of the scan
    /// before end.
    pub(super) fn next_scan(&mut self, from: Option<usize>) -> Result<Option<Scan>, Error> {
        self.at = from.unwrap_or(self.at);
        loop {
            let Some((marker, after)) = next_marker(self.bytes, self.at) else {
                return Err(Error::truncated(KIND));
            };
            self.at = after;
            match marker {
                0xD9 => return Ok(None),
                0x01 | 0xD0..=0xD8 => continue,
                _ => {}
            }
            let data = segment_length(self.bytes, after).and_then(|length| self.bytes.get(after + 2..after + length));
            let data = data.ok_or_else(|| Error::truncated(KIND))?;
            self.at = after + 2 + data.len();
            match marker {
                0xC0..=0xC2 => self.read_frame(marker, data)?,
                0xC4 => self.read_huffman_tables(data)?,
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xF7 => return Err(unsupported_process(marker)),
                0xDA => return self.read_scan(data).map(Some),
                0xDB => self.read_quantization(data)?,
                0xDD => {
                    let interval = data.first_chunk().ok_or_else(|| damaged("its restart interval is missing"))?;
                    self.restart_interval = u16::from_be_bytes(*interval).into();
                }
                _ => {}
            }
        }
    }

    fn read_frame(&mut self, marker: u8, data: &[u8]) -> Result<(), Error> {
        let [depth, a, b, c, d, count, rest @ ..] = data else { return Err(damaged("its frame header is too short")) };
        if self.frame.is_some() {
            return Err(unsupported("several frames"));
        }
        if *depth != 8 {
            return Err(unsupported(format!("{depth} bits per sample")));
        }
        let (height, width) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        if height == 0 && width > 0 {
            return Err(unsupported("a height that follows the first scan"));
        }
        if width == 0 || height == 0 {
            return Err(damaged("the image is empty"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format!("{count} components")));
        }
        let stated = rest.as_chunks::<3>().0;
        if stated.len() < usize::from(*count) {
            return Err(damaged("its frame header is too short"));
        }
        let components = stated[..usize::from(*count)].iter().map(component).collect::<Result<_, _>>()?;
        self.frame = Some(frame((width.into(), height.into()), marker == 0xC2, components)?);
        Ok(())
    }

    fn read_quantization(&mut self, mut data: &[u8]) -> Result<(), Error> {
        let too_short = || damaged("a quantization table is too short");
        while let Some((head, rest)) = data.split_first() {
            let slot = self.quantization.get_mut(usize::from(head & 15));
            let slot = slot.ok_or_else(|| damaged("a quantization table has no valid number"))?;
            let mut table = [0; SIDE * SIDE];
            let size = if head >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(size * table.len()).ok_or_else(too_short)?;
            for (value, place) in values.chunks_exact(size).zip(ZIGZAG) {
                table[usize::from(place)] = value.iter().fold(0, |number, byte| number << 8 | u16::from(*byte));
            }
            *slot = Some(table);
            data = rest;
        }
        Ok(())
    }

    fn read_huffman_tables(&mut self, mut data: &[u8]) -> Result<(), Error> {
        while let Some((head, rest)) = data.split_first() {
            let too_short = || damaged("a Huffman table is too short");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(too_short)?;
            let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(too_short)?;
            let table = HuffmanTable::new(counts, symbols);
            let table = table.ok_or_else(|| damaged("a Huffman table has too many codes"))?;
            let number = usize::from(head & 15);
            if number >= self.dc.len() {
                return Err(damaged("a Huffman table has no valid number"));
            }
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            tables[number] = Some(table);
            data = rest;
        }
        Ok(())
    }

    fn read_scan(&mut self, data: &[u8]) -> Result<Scan, Error> {
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(too_many_scans(KIND));
        }
        let frame = self.frame.as_mut().ok_or_else(|| damaged("a scan comes before the frame"))?;
        let too_short = || damaged("a scan header is too short");
        let (count, rest) = data.split_first().ok_or_else(too_short)?;
        let (stated, rest) = rest.split_at_checked(2 * usize::from(*count)).ok_or_else(too_short)?;
        let [first, last, shifts, ..] = rest else { return Err(too_short()) };
        let mut components = Vec::new();
        for [id, tables] in stated.as_chunks::<2>().0 {
            let index = frame.components.iter().position(|component| component.id == *id);
            let index = index.filter(|index| components.iter().all(|other: &ScanComponent| other.index != *index));
            let index = index.ok_or_else(|| damaged("a scan names no component, or one twice"))?;
            let component = &mut frame.components[index];
            if component.quantization.is_none() {
                component.quantization =
                    self.quantization.get(usize::from(component.quantization_table)).copied().flatten();
            }
            let (dc, ac) = (self.dc.get(usize::from(tables >> 4)), self.ac.get(usize::from(tables & 15)));
            // Prepared here, since a file may hold far more tables than its scans name.
            let ac = ac.cloned().flatten().map(AcTable::new);
            components.push(ScanComponent { index, dc: dc.cloned().flatten(), ac });
        }
        let (first, last) = if frame.is_progressive { (usize::from(*first), usize::from(*last)) } else { (0, 63) };
        let is_valid_spectrum =
            first <= last && last < SIDE * SIDE && (first > 0 || last == 0 || !frame.is_progressive);
        if components.is_empty() || !is_valid_spectrum || first > 0 && components.len() > 1 {
            return Err(damaged("a scan header is invalid"));
        }
        let (previous_shift, shift) = if frame.is_progressive { (shifts >> 4, shifts & 15) } else { (0, 0) };
        if shift > 13 || previous_shift != 0 && previous_shift != shift + 1 {
            return Err(damaged("a scan header is invalid"));
        }
        Ok(Scan {
            components,
            spectrum: (first, last),
            shift: shift.into(),
            previous_shift: previous_shift.into(),
            restart_interval: self.restart_interval,
            data: self.at,
        })
    }
}

fn component([id, sampling, table]: &[u8; 3]) -> Result<Component, Error> {
    let sampling = (usize::from(sampling >> 4), usize::from(sampling & 15));
    let is_valid = |side: usize| (1..=MAX_SAMPLING).contains(&side);
    if !is_valid(sampling.0) || !is_valid(sampling.1) {
        return Err(damaged("its sampling factors are invalid"));
    }
    Ok(Component { id: *id, sampling, quantization_table: *table, quantization: None })
}

fn frame(size: (usize, usize), is_progressive: bool, mut components: Vec<Component>) -> Result<Frame, Error> {
    if let [only] = components.as_mut_slice() {
        // Of a single component, sampling has no meaning.
        only.sampling = (1, 1);
    }
    let most = |side: fn(&Component) -> usize| components.iter().map(side).max().unwrap_or(1);
    let sampling = (most(|component| component.sampling.0), most(|component| component.sampling.1));
    if components.iter().any(|own| sampling.0 % own.sampling.0 != 0 || sampling.1 % own.sampling.1 != 0) {
        return Err(unsupported("fractional subsampling"));
    }
    let mcus = (size.0.div_ceil(SIDE * sampling.0), size.1.div_ceil(SIDE * sampling.1));
    Ok(Frame { size, is_progressive, components, sampling, mcus })
}

/// A process other than baseline, extended sequential and progressive with Huffman codes (table B.1).
fn unsupported_process(marker: u8) -> Error {
    unsupported(match marker {
        0xC3 => "lossless coding",
        0xC5..=0xC7 => "hierarchical coding",
        0xF7 => "JPEG-LS coding",
        _ => "arithmetic coding",
    })
}

/// Coefficients of all blocks of a component, block by block.
pub(super) type Coefficients = Vec<[i16; SIDE * SIDE]>;

/// Empty coefficients for all components, of the whole image.
pub(super) fn coefficients(frame: &Frame) -> Vec<Coefficients> {
    let blocks = frame.components.iter().map(|component| frame.blocks(component));
    blocks.map(|(across, down)| vec![[0; SIDE * SIDE]; across * down]).collect()
}

/// Empty coefficients for all components, of one row of MCUs.
pub(super) fn coefficients_of_row(frame: &Frame) -> Vec<Coefficients> {
    let lengths = frame.components.iter().map(|component| frame.blocks_in_row(component));
    lengths.map(|length| vec![[0; SIDE * SIDE]; length]).collect()
}
