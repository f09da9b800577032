//! Masks of recuts that cannot have the size of the photograph.

use bytes::Bytes;
use cutline_core::contract::samples;
use cutline_core::domain::crop::{Crop, CropMargin};
use cutline_core::domain::outcome::Outcome;
use cutline_core::usecases::{RecutError, RecutRequest, Submission, SubmittedMask};
use cutline_core::{Ids as _, Policy, Rendering, SystemIds};

use crate::masks::{correction, masks, photo, recut, worked};
use crate::recutting::held;
use crate::world::World;

/// The photograph of a job has the size of its pictures, here of one pixel, unless they were cropped.
#[tokio::test]
async fn a_mask_of_another_size_is_refused_before_anything_is_stored() {
    let world = World::new(None).await;
    let larger = SubmittedMask::Bytes(Bytes::from_static(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x03\0\0\0\x02"));
    let held = held(&world).await;
    let refused = recut(&world, held.id, &correction(Some(larger.clone()))).await;
    let Err(RecutError::MaskMismatch(message)) = refused else { panic!("{refused:?}") };
    assert!(message.contains("3 x 2 pixels, and the image 1 x 1"), "{message}");
    assert_eq!((world.job(held.id).await, masks(&world, held.id)), (held.clone(), 0));
    let done = worked(&world, world.accepted(world.submission(photo())).await.id).await;
    let request = RecutRequest { revision: None, ..correction(Some(larger.clone())) };
    let refused = recut(&world, done.id, &request).await;
    assert!(matches!(refused, Err(RecutError::MaskMismatch(_))), "{refused:?}");

    // The photograph of a cropped picture may be larger.
    let rendering = Rendering { crop: Some(Crop::Subject { margin: CropMargin::default() }), ..Rendering::default() };
    let cropped = worked(&world, world.accepted(Submission { rendering, ..world.submission(photo()) }).await.id).await;
    assert!(cropped.outcome().expect("is done").crop_box.is_some(), "{cropped:?}");
    let request = RecutRequest { revision: None, ..correction(Some(larger)) };
    recut(&world, cropped.id, &request).await.expect("accepted");
}

/// The canvas of an empty draft is not the photograph's if the pictures would have been cropped.
#[test]
fn a_crop_that_found_no_box_tells_no_size() {
    let size = |crop: Option<Crop>| {
        let mut job = samples::job(&samples::owner(), false);
        job.spec.rendering.crop = crop;
        let (now, policy, token) = (samples::now(), Policy::default(), SystemIds.lease());
        let running = job.claim(token, now, &policy).expect("claimed").job;
        let outcome = Outcome { crop_box: None, ..samples::outcome(running.id, token) };
        running.finish(token, outcome, now, &policy).expect("finished").job.photo_size()
    };
    assert!(size(None).is_some() && size(Some(Crop::Whole)).is_some());
    assert_eq!(size(Some(Crop::Subject { margin: CropMargin::default() })), None);
}
