//! Recuts that move the clipping path of a job.

use cutline_core::domain::job::RecordVersion;
use cutline_core::domain::rendering::Inset;
use cutline_core::domain::review::ReviewRule;
use cutline_core::domain::subject::{Holes, SubjectChanges};
use cutline_core::{Job, JobId};

use crate::recutting::{FIRST, done, held, none, recut, recut_done, revision};
use crate::world::World;

fn inset(pixels: f32) -> SubjectChanges {
    SubjectChanges { path_inset: Some(Inset::try_from(pixels).expect("an inset")), ..SubjectChanges::default() }
}

fn inset_of(job: &Job) -> f32 {
    job.spec.rendering.path.inset.get()
}

async fn made(world: &World, id: JobId) -> Job {
    world.work(&none()).await;
    world.job(id).await
}

#[tokio::test]
async fn a_recut_moves_the_path_and_a_later_one_keeps_it() {
    let world = World::new(None).await;
    let id = held(&world).await.id;
    recut(&world, id, FIRST, inset(1.5), "anna").await.expect("accepted");
    let second = made(&world, id).await;
    assert_eq!((inset_of(&second), revision(&second)), (1.5, FIRST.next()));
    let holes = SubjectChanges { holes: Some(Holes::Open), ..SubjectChanges::default() };
    recut(&world, id, FIRST.next(), holes, "anna").await.expect("accepted");
    let third = made(&world, id).await;
    assert_eq!((inset_of(&third), third.spec.subject.holes), (1.5, Some(Holes::Open)));
}

#[tokio::test]
async fn the_path_moves_back_if_the_recut_fails() {
    let world = World::new(None).await;
    let id = held(&world).await.id;
    recut(&world, id, FIRST, inset(0.5), "anna").await.expect("accepted");
    let second = made(&world, id).await;
    // The pipeline of the tests fails at these holes.
    let fails = SubjectChanges { holes: Some(Holes::Keep), ..inset(2.0) };
    recut(&world, id, FIRST.next(), fails, "anna").await.expect("accepted");
    assert_eq!(inset_of(&world.job(id).await), 2.0);
    let back = made(&world, id).await;
    assert_eq!((inset_of(&back), revision(&back)), (0.5, FIRST.next()));
    assert_eq!(back.spec, second.spec);
}

#[tokio::test]
async fn the_correction_of_a_done_job_has_a_path_of_its_own() {
    let world = World::new(None).await;
    let old = done(&world, ReviewRule::Off).await;
    let accepted = recut_done(&world, old.id, inset(1.0)).await.expect("accepted");
    assert_eq!((inset_of(&world.job(accepted.id).await), inset_of(&world.job(old.id).await)), (1.0, 0.0));
}

#[tokio::test]
async fn releases_that_would_not_move_it_back_leave_the_job_alone() {
    let world = World::new(None).await;
    let id = held(&world).await.id;
    recut(&world, id, FIRST, inset(1.0), "anna").await.expect("accepted");
    let waiting = world.job(id).await;
    assert_eq!(waiting.needs, RecordVersion::RECUT_INSET);
    let stored = serde_json::to_value(&waiting).expect("serializes");
    assert_eq!(serde_json::from_value::<Job>(stored).expect("reads"), waiting);
}
