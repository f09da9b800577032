//! Requests for the inks of a CMYK photograph: refused at the door where no picture holds them.

use bytes::Bytes;
use cutline_core::domain::fidelity::ColorSpace;
use cutline_core::domain::inks::InksNotHeld;
use cutline_core::domain::params::ParamSet;
use cutline_core::usecases::{Submission, SubmitError, SubmittedSet, SubmittedSource};
use cutline_core::{Mode, OutputFormat, Rendering, RequestedFormat, Variation};
use serde_json::json;

use crate::uploading::uploaded;
use crate::world::{FaultInjector, World};

/// The header of a PSD in CMYK.
const CMYK: Bytes = Bytes::from_static(b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\0\x10\0\0\0\x10\0\x08\0\x04");
/// The header of a PSD in RGB.
const RGB: Bytes = Bytes::from_static(b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x10\0\0\0\x10\0\x08\0\x03");

fn keeping(world: &World, source: SubmittedSource, format: Option<OutputFormat>) -> Submission {
    let rendering = Rendering { color: Some(ColorSpace::Keep), ..Rendering::default() };
    let format = format.map(RequestedFormat::Encoded);
    Submission { mode: Mode::Background, rendering, format, ..world.submission(source) }
}

async fn refusal(world: &World, submission: Submission) -> (InksNotHeld, bool) {
    match world.submit(&FaultInjector::none()).run(submission).await {
        Err(SubmitError::InksNotHeld { refusal, is_of_set }) => (refusal, is_of_set),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_format_without_inks_is_refused_before_anything_is_stored() {
    let world = World::new(None).await;
    let key = uploaded(&world, &CMYK).await;
    let before = (world.blobs.keys(), world.store.all_jobs().len());
    for source in [SubmittedSource::Bytes(CMYK), SubmittedSource::Upload(key)] {
        for (format, expected) in [
            (None, OutputFormat::Png),
            (Some(OutputFormat::Jpeg), OutputFormat::Jpeg),
            (Some(OutputFormat::Webp), OutputFormat::Webp),
        ] {
            let refused = refusal(&world, keeping(&world, source.clone(), format)).await;
            assert_eq!(refused, (InksNotHeld::Format(expected), false));
        }
    }
    assert_eq!((world.blobs.keys(), world.store.all_jobs().len()), before);
}

#[tokio::test]
async fn whatever_may_hold_the_inks_is_accepted() {
    let world = World::new(None).await;
    let bytes = || SubmittedSource::Bytes(CMYK);
    for format in [OutputFormat::Tiff, OutputFormat::Psd] {
        world.accepted(keeping(&world, bytes(), Some(format))).await;
    }
    // Colors that are converted, a photograph in RGB, the original, and a file that nobody has looked at yet.
    world.accepted(world.submission(bytes())).await;
    world.accepted(keeping(&world, SubmittedSource::Bytes(RGB), None)).await;
    let original = Some(RequestedFormat::Original);
    world.accepted(Submission { mode: Mode::Clipping, format: original, ..keeping(&world, bytes(), None) }).await;
    let url = SubmittedSource::Url("https://example.com/cup.psd".parse().expect("a URL"));
    world.accepted(keeping(&world, url, None)).await;
}

#[tokio::test]
async fn a_set_is_refused_for_what_it_makes() {
    let world = World::new(None).await;
    let with = |document| {
        let set = ParamSet::read(document).expect("a set");
        let set = Some(SubmittedSet::Inline(Box::new(set)));
        Submission { mode: Mode::Params, set, ..world.submission(SubmittedSource::Bytes(CMYK)) }
    };
    let output = json!({"format": "psd", "color": "keep"});
    let composed = json!({"variations": ["clipping", "compose"], "background": "#ffffff", "output": output});
    let refused = refusal(&world, with(composed.clone())).await;
    assert_eq!(refused, (InksNotHeld::Variation(Variation::Compose), true));
    let rendering = Rendering { color: Some(ColorSpace::Srgb), ..Rendering::default() };
    world.accepted(Submission { rendering, ..with(composed) }).await;
    world.accepted(with(json!({"variations": ["clipping"], "output": output}))).await;
}
