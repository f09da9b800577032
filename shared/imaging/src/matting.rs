//! What the networks say of a picture, and how far they are to be trusted.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;

use cutline_engine::{Engine, Threads};
use image::RgbImage;

use crate::error::{Cause, Error};
use crate::models::own::{Loaded, OwnModel};
use crate::models::{self, Model};
use crate::segment::engine::EngineSegmenter;
use crate::segment::{Matte, Segmenter};
use crate::{fuse, resample};

/// Makes mattes with two segmenters, one that sees detail and one that sees the whole, or with one alone. They run one
/// after the other, since each uses all threads and much memory. May be used by several threads at once.
pub struct Matting {
    detail: Box<dyn Segmenter>,
    whole: Option<Box<dyn Segmenter>>,
    threads: Option<Threads>,
    memory: u64,
}

/// What the larger of the networks that are shipped takes for the maps between its layers, in bytes.
pub(crate) const SHIPPED: u64 = 170 << 20;

impl fmt::Debug for Matting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matting").finish_non_exhaustive()
    }
}

impl Matting {
    /// Makes mattes with these two.
    pub fn new(detail: Box<dyn Segmenter>, whole: Box<dyn Segmenter>) -> Self {
        Self { detail, whole: Some(whole), threads: None, memory: SHIPPED }
    }

    /// Makes mattes with one alone.
    pub fn alone(segmenter: Box<dyn Segmenter>) -> Self {
        Self { detail: segmenter, whole: None, threads: None, memory: SHIPPED }
    }

    /// Loads [`models::ISNET`] and [`models::U2NETP`] from the folder that holds them, or the one model that its
    /// manifest names ([`models::own`]), to run on so many threads.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn load(folder: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        if let Some(own) = OwnModel::of(folder)? {
            let Loaded { segmenter, threads, memory } = own.load(folder, threads)?;
            return Ok(Self { threads, memory, ..Self::alone(segmenter) });
        }
        let failed = |source: Cause| Error::Model { path: folder.to_owned(), source };
        let threads = Threads::new(threads).map_err(|error| failed(error.into()))?;
        let load = |model: &Model| -> Result<Box<dyn Segmenter>, Error> {
            let engine = Engine::new(model.load(folder)?, threads.clone()).map_err(|error| failed(error.into()))?;
            Ok(Box::new(EngineSegmenter::new(model.name, model.square, engine).map_err(failed)?))
        };
        Ok(Self { threads: Some(threads.clone()), ..Self::new(load(&models::ISNET)?, load(&models::U2NETP)?) })
    }

    /// The memory that the networks take for the maps between their layers, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    /// Gives back the memory that is kept for the next picture, which then takes some hundredths of a second longer.
    pub fn release(&self) {
        if let Some(threads) = &self.threads {
            threads.release();
        }
    }

    /// The matte of an upright picture in sRGB, squashed to the square of the detailed network, and how far
    /// it is to be trusted.
    ///
    /// Where the first answer is unsure, the detailed network looks at the mirrored picture too, and the
    /// mean of both takes the place of its first answer. On photographs whose first answer was sure that
    /// changed nothing; on the others outlines became better, so only they pay for it.
    ///
    /// # Errors
    /// [`Error::NoSubject`] where neither network is sure of anything; [`Error::Inference`],
    /// [`Error::Resample`].
    pub fn cut(&self, picture: &RgbImage) -> Result<Cut, Error> {
        let mut detail = self.detail.segment(picture)?;
        let whole = self.whole.as_ref().map(|whole| whole.segment(picture)).transpose()?;
        let fused = |detail: Matte| match &whole {
            Some(whole) => fuse::fuse(detail, whole),
            None => Ok(detail),
        };
        let first = fuse::stretch(fused(detail.clone())?);
        let unsure = match &first {
            Ok(matte) => sureness(matte) < LOOK_AGAIN,
            Err(_) => false,
        };
        if !unsure {
            return first.map(Cut::new);
        }
        let mut mirrored = resample::squash_to_picture(picture, detail.side())?;
        image::imageops::flip_horizontal_in_place(&mut mirrored);
        let second = self.detail.segment(&mirrored)?.mirrored();
        if second.side() != detail.side() {
            return Err(Error::Resample("the network gave mattes of two sizes".into()));
        }
        detail.zip(&second, |first, second| 0.5 * (first + second));
        fuse::stretch(fused(detail)?).map(Cut::new)
    }
}

/// A matte and how far it is to be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// The matte, squashed to a square.
    pub matte: Matte,
    /// 0 to 1, see [`confidence`].
    pub confidence: f32,
}

impl Cut {
    fn new(matte: Matte) -> Self {
        Self { confidence: confidence(&matte), matte }
    }
}

/// Below this [`sureness`] the detailed network looks twice.
const LOOK_AGAIN: f32 = 0.85;
/// The [`sureness`] that is a confidence of 0.5.
const DOUBTFUL: f32 = 0.67;

/// How far a cut by this matte is to be trusted, from 0 to 1. It rises with the matte's sureness, which is the
/// size of the subject in shares of itself and of all that is neither surely subject nor surely background:
/// straight from 0 to 0.5 for what is doubtful, and from there to 1.
///
/// Of 99 photographs with known outlines, 88 of them measured, the threshold of 0.5 had 7 of 9 bad cuts (with an
/// intersection over union below 0.7) below it, and 2 of 79 good ones.
pub fn confidence(matte: &Matte) -> f32 {
    let sureness = sureness(matte);
    if sureness < DOUBTFUL { 0.5 * sureness / DOUBTFUL } else { 0.5 + 0.5 * (sureness - DOUBTFUL) / (1.0 - DOUBTFUL) }
}

/// The size of the subject in shares of itself and of all that is neither surely subject nor surely
/// background: 1 where the matte is all black and white, towards 0 where it is all gray.
fn sureness(matte: &Matte) -> f32 {
    let (mut subject, mut between) = (0_u32, 0_u32);
    for value in matte.values() {
        subject += u32::from(*value > 0.5);
        between += u32::from((0.1..0.9).contains(value));
    }
    if subject == 0 { 0.0 } else { subject as f32 / (subject + between) as f32 }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use image::Rgb;

    use super::*;

    /// Answers with the same matte whatever it sees, and counts how often it is asked.
    struct Fixed(Vec<f32>, std::sync::Arc<Mutex<Vec<[u8; 3]>>>);

    impl Segmenter for Fixed {
        fn segment(&self, picture: &RgbImage) -> Result<Matte, Error> {
            self.1.lock().expect("not poisoned").push(picture.get_pixel(0, 0).0);
            Ok(Matte::new(4, self.0.clone()).expect("sixteen values"))
        }
    }

    /// The cut, and the first pixel of every picture that the detailed network was shown.
    fn cut(detail: [f32; 16]) -> (Result<Cut, Error>, Vec<[u8; 3]>) {
        let seen = std::sync::Arc::default();
        let detail = Fixed(detail.to_vec(), std::sync::Arc::clone(&seen));
        let whole = Fixed(detail.0.clone(), std::sync::Arc::default());
        let picture = RgbImage::from_fn(8, 4, |x, _| if x < 4 { Rgb([10; 3]) } else { Rgb([200; 3]) });
        let cut = Matting::new(Box::new(detail), Box::new(whole)).cut(&picture);
        let seen = seen.lock().expect("not poisoned").clone();
        (cut, seen)
    }

    #[test]
    fn a_sure_answer_is_taken_at_once() {
        let (cut, seen) = cut(std::array::from_fn(|at| if at % 4 < 2 { 1.0 } else { 0.0 }));
        assert_eq!(cut.expect("a subject").confidence, 1.0);
        assert_eq!(seen, [[10; 3]]);
    }

    #[test]
    fn an_unsure_one_is_averaged_with_that_of_the_mirrored_picture() {
        let detail = std::array::from_fn(|at| [1.0, 0.9, 0.4, 0.0][at % 4]);
        let (cut, seen) = cut(detail);
        let cut = cut.expect("a subject");
        assert!(seen.len() == 2 && seen[1][0] > 150, "{seen:?}");
        let row = &cut.matte.values()[..4];
        // By its first answer alone the row would be 1, 0.9, 0.4, 0.
        assert!(row[1] < 0.88 && row[2] > 0.42, "{row:?}");
        assert!(cut.confidence < 0.8, "{}", cut.confidence);
    }

    #[test]
    fn confidence_falls_with_what_is_between() {
        let of = |gray: usize| {
            let values = (0..100).map(|at| {
                if at < 30 {
                    1.0
                } else if at < 30 + gray {
                    0.4
                } else {
                    0.0
                }
            });
            confidence(&Matte::new(10, values.collect()).expect("a hundred values"))
        };
        assert_eq!(of(0), 1.0);
        assert!(of(5) < of(0) && of(20) < of(5));
        assert!((of(15) - 0.5).abs() < 0.02, "{}", of(15));
        assert_eq!(confidence(&Matte::new(2, vec![0.0; 4]).expect("four values")), 0.0);
    }
}
