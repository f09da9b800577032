//! `cutline jobs recut`: correcting the cut of a job.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use cutline_core::JobId;
use cutline_core::domain::audit::Actor;
use cutline_core::domain::decision::DraftRevision;
use cutline_core::domain::job::RecutRefused;
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::limits::MAX_MASK_BYTES;
use cutline_core::domain::rendering::Inset;
use cutline_core::domain::subject::{HintsChange, Holes, Keep, MaskSource, Roi, SubjectChanges};
use cutline_core::usecases::{Recut, RecutError, RecutRequest, SubmittedMask};

use super::find::{JobArgs, find};
use super::rerun;
use super::wiring::use_cases;
use crate::choices;
use crate::cut::subject;
use crate::output::print;
use crate::stores::{PlaceArgs, QueueArgs, RetryStores};

/// Arguments of `jobs recut`.
#[derive(Debug, Args)]
#[command(after_help = "\
A held job is cut again and held again, with its next revision; name the revision that you looked at. A
done job gets a new job, which is held for review. It costs no credit, and the networks do not run again
unless a small --roi asks for a part that they did not look at, or the job was cut by a mask of its own.
What is not given stays as it was.

The job waits in the queue: a running server takes it within a minute, another one at its next start.
Run the command as the user who runs the server, so that the server can read the copied files.

Examples:
  cutline jobs recut ID --revision 1 --hints hints.json
  cutline jobs recut ID --keep main
  cutline jobs recut ID --mask-source path
  cutline jobs recut ID --path-inset 1
  cutline jobs recut ID --revision 1 --mask cup-mask.png
  cutline jobs recut ID --revision 1 --holes open --aws TABLE --bucket BUCKET --queue-url URL \\
    --bulk-queue-url URL --intake-queue-url URL --intake-bulk-queue-url URL")]
pub(crate) struct RecutArgs {
    #[command(flatten)]
    job: JobArgs,

    /// The revision of the draft, as the job's status shows it. Required for a job that is held for review.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    revision: Option<u32>,

    /// The part of the photo that counts: outside is background. In pixels of the upright photo, or percentages.
    #[arg(long, value_name = "X1 Y1 X2 Y2")]
    roi: Option<Roi>,

    #[arg(long, value_name = "OBJECTS", value_parser = subject::keep, help = subject::KEEP_HELP)]
    keep: Option<Keep>,

    #[arg(long, value_name = "FILE", help = subject::hints_help() + ". They replace the job's; an empty list removes them")]
    hints: Option<PathBuf>,

    /// What becomes of regions that the subject encloses.
    #[arg(long, value_name = "HOLES", value_parser = choices::holes_parser())]
    holes: Option<Holes>,

    /// What the photo is cut by: the networks, its own alpha, its clipping path or else its first named path, or the mask
    /// that the job was given before.
    #[arg(long, value_name = "SOURCE", value_parser = choices::mask_source_of_job_parser())]
    mask_source: Option<MaskSource>,

    /// Cut the photo by a picture of its size: white is kept, black is cut away. Of a picture with transparency only that
    /// counts.
    #[arg(long, value_name = "FILE", conflicts_with = "mask_source")]
    mask: Option<PathBuf>,

    /// How far the clipping path lies inside the outline, in pixels of the picture: 0 to 2.
    #[arg(long, value_name = "PIXELS")]
    path_inset: Option<Inset>,

    #[command(flatten)]
    place: PlaceArgs,

    /// With --aws: the deployment's bucket, `BucketName` of the stack's outputs.
    #[arg(long, requires = "aws", value_parser = NonEmptyStringValueParser::new())]
    bucket: Option<String>,

    #[command(flatten)]
    queues: QueueArgs,
}

impl RecutArgs {
    fn request(&self) -> anyhow::Result<RecutRequest> {
        let hints = match &self.hints {
            Some(path) => Some(subject::read_hints(path)?.map_or(HintsChange::Remove, HintsChange::Replace)),
            None => None,
        };
        let mask = self.mask.as_deref().map(read_mask).transpose()?;
        let Self { roi, holes, mask_source, path_inset, .. } = *self;
        let mask_source = if mask.is_some() { Some(MaskSource::File) } else { mask_source };
        let keep = self.keep.clone();
        let changes = SubjectChanges { roi, keep, hints, holes, mask_source, path_inset, mask: None };
        if changes.is_empty() {
            bail!(
                "nothing to change: no --roi, --keep, --hints, --holes, --mask-source, --mask or --path-inset; give at least one \
                 of them"
            );
        }
        Ok(RecutRequest { revision: self.revision.map(DraftRevision::new), changes, mask })
    }
}

/// Reads the file of a mask, with the rules of an upload.
fn read_mask(path: &Path) -> anyhow::Result<SubmittedMask> {
    let cannot_read = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(cannot_read)?.len();
    if size > MAX_MASK_BYTES {
        bail!("mask too large: {}; it may have {} MB at most", path.display(), MAX_MASK_BYTES / 1_000_000);
    }
    let bytes = fs::read(path).with_context(cannot_read)?;
    match ImageKind::sniff(&bytes) {
        Some(ImageKind::Svg) | None => bail!("not a mask: {}; give a picture of pixels, such as a PNG", path.display()),
        Some(_) => Ok(SubmittedMask::Bytes(bytes.into())),
    }
}

/// Cuts the job again, and prints the id of the job that does so.
pub(super) async fn run(args: &RecutArgs) -> anyhow::Result<()> {
    let request = args.request()?;
    let place = args.place.place()?;
    let RetryStores { records, blobs, queue } = place.retry_stores(args.bucket.as_deref(), &args.queues).await?;
    let use_cases = use_cases(records);
    let job = find(&use_cases, &args.job).await?;
    let recut = Recut { actor: Actor::CommandLine, ..use_cases.recut(blobs, queue) };
    let accepted = recut.run(&job.owner, None, job.id, &request, None).await;
    print(&format!("{}\n", accepted.map_err(|error| explain(error, job.id))?.id))
}

/// Why the photo is not cut again, and what to do.
fn explain(error: RecutError, id: JobId) -> anyhow::Error {
    match error {
        RecutError::RevisionMissing => {
            anyhow!("revision missing: job {id} is held for review; give its --revision, which the job's status shows")
        }
        RecutError::Refused(RecutRefused::NotHeld) => anyhow!(
            "job is not held for review: {id}; see `cutline jobs show {id}`, and leave out --revision to cut a done job \
             again as a new one"
        ),
        RecutError::Refused(RecutRefused::InProgress) => {
            anyhow!("job is being cut again: {id}; wait for its next revision, and look at the draft first")
        }
        RecutError::Refused(RecutRefused::Stale { current }) => {
            anyhow!("job has another draft: {id} has revision {current}; look at it, and give that --revision")
        }
        RecutError::Refused(refused @ RecutRefused::TooMany) => anyhow!("{refused}: {id}; approve or reject it"),
        RecutError::Failed => anyhow!("job has failed: {id}; repeat it with `cutline jobs retry {id}`"),
        RecutError::MaskMissing => anyhow!("job has no mask: {id}; give one with --mask"),
        RecutError::MaskMismatch(message) => anyhow!("{message}"),
        RecutError::Rerun(error) => rerun::explain(error, id, "cannot cut the photo again"),
    }
}

#[cfg(test)]
mod tests {
    use cutline_core::usecases::RerunError;

    use super::super::JobsCommand;
    use super::super::tests::parse;
    use super::*;

    const ID: &str = "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a";

    fn args(options: &[&str]) -> RecutArgs {
        match parse(&[&["recut", ID], options].concat()).expect("valid") {
            JobsCommand::Recut(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_has_what_is_given() {
        let request = args(&["--revision", "2", "--roi", "0 0 50% 50%", "--keep", "main"]).request().expect("valid");
        assert_eq!(request.revision, Some(DraftRevision::new(2)));
        assert_eq!((request.changes.keep, request.changes.hints), (Some(Keep::MAIN), None));
        let request = args(&["--mask-source", "alpha"]).request().expect("valid");
        assert_eq!((request.revision, request.changes.mask_source), (None, Some(MaskSource::Alpha)));
        let request = args(&["--path-inset", "0.5"]).request().expect("valid");
        assert_eq!(request.changes.path_inset.map(Inset::get), Some(0.5));
        assert!(parse(&["recut", ID, "--path-inset", "3"]).is_err());
        let error = args(&["--revision", "1"]).request().expect_err("changes nothing").to_string();
        assert!(error.starts_with("nothing to change: "), "{error}");
        assert!(parse(&["recut", ID, "--revision", "0", "--keep", "all"]).is_err());
    }

    #[test]
    fn a_mask_comes_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mask.png");
        let with = |bytes: &[u8]| {
            std::fs::write(&file, bytes).expect("is written");
            args(&["--mask", file.to_str().expect("text")]).request()
        };
        let png = b"\x89PNG\r\n\x1A\nmask";
        let request = with(png).expect("valid");
        assert_eq!(request.changes.mask_source, Some(MaskSource::File));
        assert_eq!(request.mask, Some(SubmittedMask::Bytes(png.as_slice().into())));
        for no_mask in [b"just a text".as_slice(), b"<svg/>"] {
            let error = with(no_mask).expect_err("is refused").to_string();
            assert!(error.starts_with("not a mask: "), "{error}");
        }
        let given_before = args(&["--mask-source", "file"]).request().expect("valid");
        assert_eq!((given_before.changes.mask_source, given_before.mask), (Some(MaskSource::File), None));
        assert!(parse(&["recut", ID, "--mask", "m.png", "--mask-source", "auto"]).is_err());
    }

    #[test]
    fn a_file_without_hints_removes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("hints.json");
        let with = |text: &str| {
            std::fs::write(&file, text).expect("is written");
            args(&["--hints", file.to_str().expect("text")]).request().map(|request| request.changes.hints)
        };
        assert_eq!(with("[]").expect("valid"), Some(HintsChange::Remove));
        let hints = with(r#"[{"kind": "remove", "points": [[1, 2]]}]"#).expect("valid");
        assert!(matches!(hints, Some(HintsChange::Replace(hints)) if hints.as_slice().len() == 1));
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let id = ID.parse().expect("an id");
        for error in [
            RecutError::RevisionMissing,
            RerunError::NotFound.into(),
            RecutRefused::NotHeld.into(),
            RecutRefused::InProgress.into(),
            RecutRefused::Stale { current: DraftRevision::new(3) }.into(),
            RecutRefused::TooMany.into(),
            RerunError::Pending.into(),
            RecutError::Failed,
            RecutError::MaskMissing,
            RerunError::SourceExpired.into(),
        ] {
            let text = explain(error, id).to_string();
            assert!(text.contains(ID) && text.contains("; "), "{text}");
        }
    }
}
