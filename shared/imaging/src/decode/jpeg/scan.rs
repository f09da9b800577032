//! Decoding the coefficients of a scan (ITU-T T.81, annexes F.2 and G.2).

use super::bits::{BitReader, REFILLED};
use super::header::{Coefficients, Component, Frame, Scan, ScanComponent, ZIGZAG};
use super::huffman::{AcTable, HuffmanTable};
use super::idct::{Block, SIDE};
use super::kind::KIND;
use crate::error::Error;

/// Bits of the longest code with its number.
const MAX_CODE_AND_NUMBER: u32 = 32;

/// Where the data of a scan ended.
pub(super) struct ScanEnd {
    pub(super) position: usize,
    /// Whether data for all blocks were there.
    pub(super) is_complete: bool,
}

/// Decodes the data of a scan into `coefficients`, by component.
pub(super) fn decode(
    bytes: &[u8],
    frame: &Frame,
    scan: &Scan,
    coefficients: &mut [Coefficients],
) -> Result<ScanEnd, Error> {
    let mut decoder = ScanDecoder::new(bytes, frame, scan);
    if let [only] = scan.components.as_slice() {
        let own = &frame.components[only.index];
        let is_complete = decoder.single_component(only, own, &mut coefficients[only.index])?;
        return Ok(decoder.end(is_complete));
    }
    for row in 0..frame.mcus.1 {
        let components = frame.components.iter().zip(coefficients.iter_mut());
        let mut blocks: Vec<&mut [Block]> = components
            .map(|(component, blocks)| {
                let length = frame.blocks_in_row(component);
                &mut blocks[row * length..][..length]
            })
            .collect();
        if !decoder.mcu_row(row, &mut blocks)? {
            return Ok(decoder.end(false));
        }
    }
    Ok(decoder.end(true))
}

/// Decodes a scan, MCU by MCU.
pub(super) struct ScanDecoder<'a> {
    reader: BitReader<'a>,
    frame: &'a Frame,
    scan: &'a Scan,
    /// The last first coefficient of each component of the scan.
    predictions: [i32; 4],
    /// How many more blocks have no further coefficients in this scan.
    end_run: u32,
}

fn damaged() -> Error {
    Error::damaged(KIND, "its data do not fit its codes")
}

/// Where a coefficient is in its block, by its place in zigzag order.
#[inline]
fn row_by_row(at: usize) -> Result<usize, Error> {
    // The mask changes no entry; it shows the compiler that all are within a block.
    ZIGZAG.get(at).map(|place| usize::from(place & 63)).ok_or_else(damaged)
}

fn missing_table() -> Error {
    Error::damaged(KIND, "a Huffman table is missing")
}

impl<'a> ScanDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8], frame: &'a Frame, scan: &'a Scan) -> Self {
        Self { reader: BitReader::new(bytes, scan.data), frame, scan, predictions: [0; 4], end_run: 0 }
    }

    /// The end of the scan, after its blocks were read.
    pub(super) fn end(&self, is_complete: bool) -> ScanEnd {
        ScanEnd { position: self.reader.position(), is_complete: is_complete && !self.reader.is_past_end() }
    }

    /// Decodes a row of MCUs into its blocks, by component of the frame. Returns false if the data have ended.
    pub(super) fn mcu_row(&mut self, row: usize, blocks: &mut [&mut [Block]]) -> Result<bool, Error> {
        let (frame, scan) = (self.frame, self.scan);
        let (across, _) = frame.mcus;
        for column in 0..across {
            if !self.begin_mcu(row * across + column)? {
                return Ok(false);
            }
            for (place, component) in scan.components.iter().enumerate() {
                let (width, height) = frame.components[component.index].sampling;
                let blocks = &mut blocks[component.index];
                for y in 0..height {
                    for block in &mut blocks[(y * across + column) * width..][..width] {
                        self.block(place, component, block)?;
                    }
                }
            }
        }
        Ok(true)
    }

    /// Decodes a scan of one component, which has no blocks that only fill up MCUs. Returns false if the data have ended.
    fn single_component(
        &mut self,
        component: &ScanComponent,
        own: &Component,
        blocks: &mut [Block],
    ) -> Result<bool, Error> {
        let (width, height) = self.frame.samples(own);
        let (across, down) = (width.div_ceil(SIDE), height.div_ceil(SIDE));
        let row_length = self.frame.blocks(own).0;
        for (y, blocks) in blocks.chunks_exact_mut(row_length).take(down).enumerate() {
            for (x, block) in blocks[..across].iter_mut().enumerate() {
                if !self.begin_mcu(y * across + x)? {
                    return Ok(false);
                }
                self.block(0, component, block)?;
            }
        }
        Ok(true)
    }

    /// Restarts before an MCU if it is time to. Returns false if the data have ended.
    fn begin_mcu(&mut self, mcu: usize) -> Result<bool, Error> {
        let interval = self.scan.restart_interval;
        if interval > 0 && mcu > 0 && mcu.is_multiple_of(interval) {
            let number = (mcu / interval - 1) % 8;
            if self.reader.restart(number as u8).is_none() {
                return Ok(false);
            }
            self.predictions = [0; 4];
            self.end_run = 0;
        }
        Ok(!self.reader.is_past_end())
    }

    #[inline]
    fn block(&mut self, place: usize, component: &ScanComponent, block: &mut Block) -> Result<(), Error> {
        let dc = || component.dc.as_ref().ok_or_else(missing_table);
        let ac = || component.ac.as_ref().ok_or_else(missing_table);
        if !self.frame.is_progressive {
            return self.sequential(place, (dc()?, ac()?), block);
        }
        match (self.scan.spectrum.0, self.scan.previous_shift) {
            (0, 0) => self.first_dc(place, dc()?, block),
            (0, _) => {
                block[0] |= i16::from(self.reader.read_bit()) << self.scan.shift;
                Ok(())
            }
            (_, 0) => self.first_ac(ac()?, block),
            _ => self.refine_ac(ac()?, block),
        }
    }

    /// The difference of the first coefficient to that of the block before.
    fn first_coefficient(&mut self, place: usize, table: &HuffmanTable) -> Result<i32, Error> {
        self.reader.refill();
        let size = table.read(&mut self.reader).filter(|size| *size < 16).ok_or_else(damaged)?;
        let difference = self.reader.read_signed(size.into());
        self.predictions[place] = self.predictions[place].wrapping_add(difference);
        Ok(self.predictions[place])
    }

    fn sequential(
        &mut self,
        place: usize,
        (dc, ac): (&HuffmanTable, &AcTable),
        block: &mut Block,
    ) -> Result<(), Error> {
        block[0] = self.first_coefficient(place, dc)? as i16;
        let mut at = 1;
        while at < block.len() {
            if self.reader.available() < MAX_CODE_AND_NUMBER {
                self.reader.refill();
            }
            if let Some(short) = ac.read_short(&mut self.reader) {
                at += usize::from(short.zeros);
                block[row_by_row(at)?] = short.value;
                at += 1;
                continue;
            }
            let symbol = ac.read(&mut self.reader).ok_or_else(damaged)?;
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            if size == 0 {
                if run < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += run;
            let value = self.reader.read_signed(size.into());
            block[row_by_row(at)?] = value as i16;
            at += 1;
        }
        Ok(())
    }

    fn first_dc(&mut self, place: usize, table: &HuffmanTable, block: &mut Block) -> Result<(), Error> {
        let value = self.first_coefficient(place, table)?;
        block[0] = value.wrapping_shl(self.scan.shift) as i16;
        Ok(())
    }

    fn first_ac(&mut self, table: &AcTable, block: &mut Block) -> Result<(), Error> {
        if self.end_run > 0 {
            self.end_run -= 1;
            return Ok(());
        }
        let (mut at, last) = self.scan.spectrum;
        while at <= last {
            self.reader.refill();
            if let Some(short) = table.read_short(&mut self.reader) {
                at += usize::from(short.zeros);
                let place = row_by_row(at).ok().filter(|_| at <= last).ok_or_else(damaged)?;
                block[place] = short.value.wrapping_shl(self.scan.shift);
                at += 1;
                continue;
            }
            let symbol = table.read(&mut self.reader).ok_or_else(damaged)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 {
                if run < 15 {
                    self.end_run = (1 << run) - 1 + self.reader.read(run.into());
                    break;
                }
                at += 16;
                continue;
            }
            at += usize::from(run);
            let value = self.reader.read_signed(size.into()).wrapping_shl(self.scan.shift);
            let place = row_by_row(at).ok().filter(|_| at <= last).ok_or_else(damaged)?;
            block[place] = value as i16;
            at += 1;
        }
        Ok(())
    }

    /// Adds a bit to coefficients that are not 0, and new coefficients between them (annex G.1.2.3).
    fn refine_ac(&mut self, table: &AcTable, block: &mut Block) -> Result<(), Error> {
        let (mut at, last) = self.scan.spectrum;
        let bit = 1_i16.wrapping_shl(self.scan.shift);
        if self.end_run == 0 {
            while at <= last {
                self.reader.refill();
                let symbol = table.read(&mut self.reader).ok_or_else(damaged)?;
                let (mut zeros, size) = (symbol >> 4, symbol & 15);
                let mut value = 0;
                match size {
                    0 if zeros < 15 => {
                        self.end_run = (1 << zeros) + self.reader.read(zeros.into());
                        break;
                    }
                    0 => {}
                    1 => value = if self.reader.read(1) == 1 { bit } else { -bit },
                    _ => return Err(damaged()),
                }
                while at <= last {
                    let coefficient = &mut block[usize::from(ZIGZAG[at])];
                    at += 1;
                    if *coefficient != 0 {
                        self.refine(coefficient, bit);
                    } else if zeros == 0 {
                        *coefficient = value;
                        break;
                    } else {
                        zeros -= 1;
                    }
                }
            }
        }
        if self.end_run > 0 {
            self.end_run -= 1;
            for place in &ZIGZAG[at..last + 1] {
                let coefficient = &mut block[usize::from(*place)];
                if *coefficient != 0 {
                    self.refine(coefficient, bit);
                }
            }
        }
        Ok(())
    }

    fn refine(&mut self, coefficient: &mut i16, bit: i16) {
        if self.reader.read_bit() && *coefficient & bit == 0 {
            *coefficient = coefficient.wrapping_add(if *coefficient > 0 { bit } else { -bit });
        }
    }
}

const _: () = assert!(MAX_CODE_AND_NUMBER <= REFILLED);
