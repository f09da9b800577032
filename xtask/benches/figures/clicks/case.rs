//! A photograph with its true mask, and the networks' answers for it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use cutline_core::domain::digest::Digest;
use cutline_core::domain::subject::SubjectSettings;
use cutline_imaging::guide::{Evidence, Frame, guide};
use cutline_imaging::matting::{NetworkMattes, Prediction};
use cutline_imaging::segment::CoarseMatte;
use cutline_imaging::{Limits, Matting, decode, models, refine};
use image::RgbImage;

use crate::set::Row;

/// Half the width of the ring around the true outline that does not count, in pixels.
const RING: usize = 2;
/// The sources whose masks leave pixels of this gray open.
const WITH_UNKNOWN: ([&str; 2], u8) = (["grabcut", "voc_iseg"], 128);

/// A photograph of the set.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) picture: RgbImage,
    /// Whether each pixel is subject; `None` where that does not count.
    pub(crate) truth: Vec<Option<bool>>,
    pub(crate) mattes: NetworkMattes,
    pub(crate) evidence: Evidence,
    matte: CoarseMatte,
}

impl Case {
    pub(crate) fn read(set: &Path, row: &Row, matting: &Matting) -> Result<Self> {
        let path = row.image(set)?;
        let bytes = fs::read(&path)?;
        let picture = decode(&bytes, &Limits::default()).with_context(|| format!("{}", path.display()))?;
        let picture = picture.color().clone();
        let mask = image::open(row.mask(set)?)?.into_luma8();
        ensure!(mask.dimensions() == picture.dimensions(), "{}: the mask has another size", row.stem);
        let has_unknown = WITH_UNKNOWN.0.contains(&row.source.as_str());
        let truth: Vec<Option<bool>> = mask
            .iter()
            .map(|value| (!has_unknown || value.abs_diff(WITH_UNKNOWN.1) > 2).then_some(*value > 127))
            .collect();
        let frame = Frame::new(picture.dimensions(), None)?;
        let evidence = cached(&frame, &picture, &bytes, matting)?;
        let mattes = evidence.mattes().clone();
        let matte = Prediction::of(mattes.clone())?.matte;
        let truth = without_ring(&truth, picture.width() as usize);
        Ok(Self { name: format!("{}/{}", row.source, row.stem), path, picture, truth, mattes, evidence, matte })
    }

    /// Whether each pixel of the cut with these settings is subject.
    pub(crate) fn cut(&self, settings: &SubjectSettings) -> Result<Vec<bool>> {
        let frame = Frame::new(self.picture.dimensions(), None)?;
        let matte = guide(settings, &frame, &self.picture, self.matte.clone(), Some(self.evidence.tree()))?.matte;
        Ok(refine::refine(&self.picture, &matte)?.iter().map(|value| *value > 127).collect())
    }

    /// The IoU of a mask with the truth.
    pub(crate) fn iou(&self, mask: &[bool]) -> f64 {
        let pairs = || mask.iter().zip(&self.truth).filter_map(|(mask, truth)| Some((*mask, (*truth)?)));
        let both = pairs().filter(|(mask, truth)| *mask && *truth).count();
        let either = pairs().filter(|(mask, truth)| *mask || *truth).count();
        both as f64 / either.max(1) as f64
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        self.picture.dimensions()
    }
}

/// The evidence of a photograph. The networks' answers are kept under `target`, since they take longest; the tree is built
/// every time, since it is what changes.
fn cached(frame: &Frame, picture: &RgbImage, photo: &[u8], matting: &Matting) -> Result<Evidence> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/figures/mattes");
    fs::create_dir_all(&folder)?;
    let networks = models::ALL.map(|model| &model.sha256[..8]).join(".");
    let file = folder.join(format!("{}-{networks}", Digest::of(photo)));
    let known = fs::read(&file).ok().and_then(|bytes| Evidence::from_bytes(&bytes).ok());
    let mattes = match known {
        Some(evidence) => evidence.mattes().clone(),
        None => {
            let mattes = matting.predict_any(picture)?.mattes;
            fs::write(&file, Evidence::new(frame, picture, mattes.clone())?.to_bytes())?;
            mattes
        }
    };
    Ok(Evidence::new(frame, picture, mattes)?)
}

/// The truth without the pixels close to its outline.
fn without_ring(truth: &[Option<bool>], width: usize) -> Vec<Option<bool>> {
    let height = truth.len() / width;
    let is_inside = |at: usize| {
        let (x, y) = (at % width, at / width);
        let columns = x.saturating_sub(RING)..=(x + RING).min(width - 1);
        let rows = y.saturating_sub(RING)..=(y + RING).min(height - 1);
        rows.flat_map(|y| columns.clone().map(move |x| y * width + x)).all(|next| truth[next] == truth[at])
    };
    (0..truth.len()).map(|at| truth[at].filter(|_| is_inside(at))).collect()
}
