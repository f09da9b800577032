//! Sequential images in one scan, as cameras write them: a row of MCUs is transformed while the next one is decoded, so
//! the coefficients of only a few rows exist at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::header::{Coefficients, Frame, Scan, coefficients_of_row};
use super::idct::{Block, SIDE};
use super::planes::{Plane, transform_rows};
use super::scan::{ScanDecoder, ScanEnd};
use crate::error::Error;

/// Rows of MCUs per thread that may wait to be transformed. With more, the decoding thread transforms one itself.
const MAX_WAITING: usize = 4;

/// Whether a scan has all coefficients of an image.
pub(super) fn has_all(frame: &Frame, scan: &Scan) -> bool {
    !frame.is_progressive && scan.components.len() == frame.components.len()
}

/// Decodes the samples of all components. Those that the data do not reach are gray.
pub(super) fn decode(bytes: &[u8], frame: &Frame, scan: &Scan) -> Result<(Vec<Plane>, ScanEnd), Error> {
    let quantization = frame.components.iter().map(|component| component.quantization());
    let quantization = quantization.collect::<Result<Vec<_>, _>>()?;
    let mut planes: Vec<_> = frame.components.iter().map(|component| Plane::gray(frame, component)).collect();
    let mut rows_of_planes: Vec<_> =
        planes.iter_mut().zip(&frame.components).map(|(plane, component)| plane.mcu_rows_mut(component)).collect();
    let mut decoder = ScanDecoder::new(bytes, frame, scan);
    let (spare, waiting) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let max_waiting = MAX_WAITING * rayon::current_num_threads();
    let take_spare = || spare.lock().unwrap_or_else(PoisonError::into_inner).pop();

    let end = rayon::in_place_scope(|scope| -> Result<ScanEnd, Error> {
        for row in 0..frame.mcus.1 {
            let mut coefficients: Vec<Coefficients> = take_spare().unwrap_or_else(|| coefficients_of_row(frame));
            let mut blocks: Vec<&mut [Block]> = coefficients.iter_mut().map(Vec::as_mut_slice).collect();
            let is_complete = decoder.mcu_row(row, &mut blocks)?;
            let rows: Vec<&mut [u8]> = rows_of_planes.iter_mut().filter_map(Iterator::next).collect();
            let (spare, waiting, quantization) = (&spare, &waiting, &quantization);
            let transform = move || {
                for (((component, coefficients), quantization), rows) in
                    frame.components.iter().zip(&mut coefficients).zip(quantization).zip(rows)
                {
                    transform_rows(coefficients, frame.blocks(component).0, quantization, rows);
                    coefficients.fill([0; SIDE * SIDE]);
                }
                spare.lock().unwrap_or_else(PoisonError::into_inner).push(coefficients);
                waiting.fetch_sub(1, Ordering::Relaxed);
            };
            if waiting.fetch_add(1, Ordering::Relaxed) < max_waiting {
                scope.spawn(move |_| transform());
            } else {
                transform();
            }
            if !is_complete {
                return Ok(decoder.end(false));
            }
        }
        Ok::<_, Error>(decoder.end(true))
    })?;
    drop(rows_of_planes);
    Ok((planes, end))
}
