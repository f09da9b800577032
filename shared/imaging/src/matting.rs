//! The coarse matte of a photograph.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_engine::{Engine, Threads};
use image::RgbImage;

use crate::error::{Cause, Error};
use crate::matte::CoarseMatte;
use crate::models::custom::{CustomModel, LoadedModel};
use crate::models::{self, Model};
use crate::segment::Segmenter;
use crate::segment::engine::EngineSegmenter;
use crate::{fuse, resample};

/// The memory of the larger shipped network for the maps between its layers, in bytes.
pub(crate) const SHIPPED_NETWORK_MEMORY: u64 = 170 << 20;

/// Below this [`sureness`] the detail network looks at the picture a second time.
const SECOND_LOOK: f32 = 0.85;

/// Predicts mattes with two segmenters, one for detail and one for the whole, or with one alone. They run one after the
/// other, since each uses all threads and much memory. Several threads may use it at once.
pub struct Matting {
    detail: Box<dyn Segmenter>,
    whole: Option<Box<dyn Segmenter>>,
    threads: Option<Threads>,
    network_memory: u64,
}

impl fmt::Debug for Matting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matting").finish_non_exhaustive()
    }
}

impl Matting {
    /// Predicts with two segmenters.
    pub fn new(detail: Box<dyn Segmenter>, whole: Box<dyn Segmenter>) -> Self {
        Self { detail, whole: Some(whole), threads: None, network_memory: SHIPPED_NETWORK_MEMORY }
    }

    /// Predicts with a single segmenter.
    pub fn alone(segmenter: Box<dyn Segmenter>) -> Self {
        Self { detail: segmenter, whole: None, threads: None, network_memory: SHIPPED_NETWORK_MEMORY }
    }

    /// Loads [`models::ISNET`] and [`models::U2NETP`] from a folder of models, or the one model that its manifest names
    /// ([`models::custom`]), to run on `threads` threads.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        if let Some(custom) = CustomModel::of(folder)? {
            let LoadedModel { segmenter, threads, network_memory } = custom.load(folder, threads)?;
            return Ok(Self { threads, network_memory, ..Self::alone(segmenter) });
        }
        let failed = |source: Cause| Error::Model { path: folder.to_owned(), source };
        let threads = Threads::new(threads).map_err(|error| failed(error.into()))?;
        let load = |model: &Model| -> Result<Box<dyn Segmenter>, Error> {
            let engine = Engine::new(model.load(folder)?, threads.clone()).map_err(|error| failed(error.into()))?;
            Ok(Box::new(EngineSegmenter::new(model.name, model.input, engine).map_err(failed)?))
        };
        Ok(Self { threads: Some(threads.clone()), ..Self::new(load(&models::ISNET)?, load(&models::U2NETP)?) })
    }

    /// The memory that the networks take for the maps between their layers, in bytes.
    pub(crate) fn network_memory(&self) -> u64 {
        self.network_memory
    }

    /// Frees the memory that the networks keep for the next picture, which then takes a few hundredths of a second
    /// longer.
    pub fn release_memory(&self) {
        if let Some(threads) = &self.threads {
            threads.release();
        }
    }

    /// Predicts the matte of an upright sRGB picture, as [`Matting::predict_any`].
    ///
    /// # Errors
    /// [`Error::NoSubject`] if neither network is sure of anything; [`Error::Inference`], [`Error::Resample`].
    pub fn predict(&self, picture: &RgbImage) -> Result<Prediction, Error> {
        let prediction = self.predict_any(picture)?;
        if prediction.matte.has_subject() { Ok(prediction) } else { Err(Error::NoSubject) }
    }

    /// Predicts the matte of an upright sRGB picture. If neither network is sure of anything, the matte is empty.
    ///
    /// If the first answer is unsure, the detail network also sees the mirrored picture, and the mean of both replaces
    /// its first answer. On photographs with a sure answer the mean changed nothing; on the others outlines improved,
    /// so only they pay for it.
    ///
    /// # Errors
    /// [`Error::Inference`], [`Error::Resample`].
    pub fn predict_any(&self, picture: &RgbImage) -> Result<Prediction, Error> {
        let detail = self.detail.segment(picture)?;
        let whole = self.whole.as_ref().map(|whole| whole.segment(picture)).transpose()?;
        let first = Prediction::of(NetworkMattes { detail, whole })?;
        if !first.matte.has_subject() || sureness(first.matte.values()) >= SECOND_LOOK {
            return Ok(first);
        }
        let mut mattes = first.mattes;
        mattes.detail = self.with_mirrored(mattes.detail, picture)?;
        Prediction::of(mattes)
    }

    /// The mean of `first` and the answer to the mirrored picture.
    fn with_mirrored(&self, mut first: CoarseMatte, picture: &RgbImage) -> Result<CoarseMatte, Error> {
        let mut mirrored = resample::squash_to_picture(picture, first.side())?;
        image::imageops::flip_horizontal_in_place(&mut mirrored);
        let second = self.detail.segment(&mirrored)?.mirrored();
        if second.side() != first.side() {
            return Err(Error::SizeMismatch("two mattes of the same network"));
        }
        first.zip(&second, |first, second| 0.5 * (first + second));
        Ok(first)
    }
}

/// The networks' answer for a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The matte, at the size of the detail network.
    pub matte: CoarseMatte,
    /// What the matte was fused from.
    pub mattes: NetworkMattes,
}

/// The networks' own answers for a picture, each at its size.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkMattes {
    /// The answer of the detail network.
    pub detail: CoarseMatte,
    /// The answer of the network for the whole, if there are two.
    pub whole: Option<CoarseMatte>,
}

impl NetworkMattes {
    /// Their joint answer, stretched to the full range.
    ///
    /// # Errors
    /// [`Error::NoSubject`] if neither network is sure of anything; [`Error::Resample`].
    pub fn fused(&self) -> Result<CoarseMatte, Error> {
        let detail = self.detail.clone();
        fuse::stretch(match &self.whole {
            Some(whole) => fuse::fuse(detail, whole)?,
            None => detail,
        })
    }
}

impl Prediction {
    /// The joint answer of these. Without a subject, the matte is empty.
    ///
    /// # Errors
    /// [`Error::Resample`].
    pub fn of(mattes: NetworkMattes) -> Result<Self, Error> {
        match mattes.fused() {
            Ok(matte) => Ok(Self { matte, mattes }),
            Err(Error::NoSubject) => Ok(Self { matte: mattes.detail.clone().emptied(), mattes }),
            Err(error) => Err(error),
        }
    }
}

/// The subject's area, divided by the sum of that and the area that is neither surely subject nor surely background: 1
/// for a matte of black and white, approaching 0 for one of gray.
pub(crate) fn sureness(matte: &[f32]) -> f32 {
    let (mut subject, mut between) = (0_u32, 0_u32);
    for value in matte {
        subject += u32::from(*value > 0.5);
        between += u32::from((0.1..0.9).contains(value));
    }
    if subject == 0 { 0.0 } else { subject as f32 / (subject + between) as f32 }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use image::Rgb;

    use super::*;

    /// Answers every picture with the same matte, and records the first pixel of each picture.
    struct Fixed(Vec<f32>, Arc<Mutex<Vec<[u8; 3]>>>);

    impl Segmenter for Fixed {
        fn segment(&self, picture: &RgbImage) -> Result<CoarseMatte, Error> {
            self.1.lock().expect("not poisoned").push(picture.get_pixel(0, 0).0);
            Ok(CoarseMatte::new(4, self.0.clone()).expect("sixteen values"))
        }
    }

    /// The prediction, and the first pixel of every picture that the detail network saw.
    fn predict(detail: [f32; 16]) -> (Result<Prediction, Error>, Vec<[u8; 3]>) {
        let seen = Arc::default();
        let detail = Fixed(detail.to_vec(), Arc::clone(&seen));
        let whole = Fixed(detail.0.clone(), Arc::default());
        let picture = RgbImage::from_fn(8, 4, |x, _| if x < 4 { Rgb([10; 3]) } else { Rgb([200; 3]) });
        let prediction = Matting::new(Box::new(detail), Box::new(whole)).predict(&picture);
        let seen = seen.lock().expect("not poisoned").clone();
        (prediction, seen)
    }

    #[test]
    fn a_sure_answer_needs_no_second_look() {
        let (prediction, seen) = predict(std::array::from_fn(|at| if at % 4 < 2 { 1.0 } else { 0.0 }));
        assert_eq!(sureness(prediction.expect("a subject").matte.values()), 1.0);
        assert_eq!(seen, [[10; 3]]);
    }

    #[test]
    fn an_unsure_answer_is_averaged_with_that_of_the_mirrored_picture() {
        let detail = std::array::from_fn(|at| [1.0, 0.9, 0.4, 0.0][at % 4]);
        let (prediction, seen) = predict(detail);
        let prediction = prediction.expect("a subject");
        assert!(seen.len() == 2 && seen[1][0] > 150, "{seen:?}");
        let row = &prediction.matte.values()[..4];
        // By its first answer alone the row would be 1, 0.9, 0.4, 0.
        assert!(row[1] < 0.88 && row[2] > 0.42, "{row:?}");
        let sureness = sureness(prediction.matte.values());
        assert!(sureness < 0.8, "{sureness}");
    }
}
