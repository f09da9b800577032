//! Jobs of mode params: their parameter set, and the picture behind the subject.

use bytes::Bytes;
use cutline_core::domain::job::JobState;
use cutline_core::domain::params::{Background, BackgroundPicture, ImageFit};
use cutline_core::ports::{Blobs, Jobs, ParamSets, Precondition};
use cutline_core::usecases::{Submission, SubmitError, SubmittedSet, SubmittedSource};
use cutline_core::{FailureCode, Fault, Ids, Mode, OutputFormat, ParamSet, StorageKey, Variation};

use crate::world::{FaultInjector, World};

fn submission(world: &World, set: SubmittedSet) -> Submission {
    let source = SubmittedSource::Bytes(Bytes::from_static(b"photo"));
    Submission { mode: Mode::Params, set: Some(set), ..world.submission(source) }
}

fn named(name: &str) -> SubmittedSet {
    SubmittedSet::Named(name.to_owned())
}

fn inline(document: &str) -> SubmittedSet {
    SubmittedSet::Inline(Box::new(ParamSet::parse(document).expect("a set")))
}

#[tokio::test]
async fn a_job_keeps_the_set_of_its_creation() {
    let world = World::new(None).await;
    let submit = world.submit(&FaultInjector::none());
    let name: cutline_core::SetName = "mon_set".parse().expect("a name");
    let put = async |document: &str| {
        let set = ParamSet::parse(document).expect("a set");
        submit.sets.put(&world.owner, name.clone(), set, &Precondition::Any).await.expect("put").0
    };
    let first = put(r##"{"background": "#fff", "variations": ["compose"]}"##).await;
    let job = submit.run(submission(&world, named("mon_set"))).await.expect("submits");
    put(r#"{"variations": ["background"]}"#).await;
    submit.sets.delete(&world.owner, &name, &Precondition::Any).await.expect("delete");

    world.work(&FaultInjector::none()).await;
    let done = world.store.get(job.id).await.expect("get").expect("a job");
    let used = done.spec.set.as_ref().expect("a set");
    assert_eq!((used.name.as_ref(), used.revision, &used.set), (Some(&name), Some(first.revision), &first.set));
    let JobState::Done { outcome, .. } = done.state else { panic!("{:?}", done.state) };
    assert_eq!(outcome.pictures.keys().collect::<Vec<_>>(), [&Variation::Compose]);
    assert_eq!(outcome.final_picture, Variation::Compose);
}

#[tokio::test]
async fn rejects_an_unknown_set_and_lists_the_known_names() {
    let world = World::new(Some(1)).await;
    let submit = world.submit(&FaultInjector::none());
    let own = "zebra".parse().expect("a name");
    submit.sets.put(&world.owner, own, ParamSet::empty(), &Precondition::Any).await.expect("put");
    for name in ["Zebra", "../etc", "", "amazon"] {
        let Err(SubmitError::UnknownSet { known }) = submit.run(submission(&world, named(name))).await else {
            panic!("{name:?} was accepted")
        };
        let known: Vec<_> = known.iter().map(|name| name.as_str()).collect();
        let built_in = ["amazon-main", "auction", "ebay", "flat-lay", "google-merchant", "transparent", "wall"];
        assert_eq!(known, [&["zebra"][..], &built_in].concat());
    }
    assert!(world.store.all_jobs().is_empty(), "no job, no debit");
    let built_in = submit.run(submission(&world, named("ebay"))).await.expect("submits");
    let used = world.job(built_in.id).await.spec.set.expect("a set");
    assert!(used.name.is_some_and(|name| name.as_str() == "ebay") && used.revision.is_none());
}

#[tokio::test]
async fn incomplete_variations_are_ignored_and_files_have_their_own_formats() {
    let world = World::new(None).await;
    let document = r##"{
        "background": "#fff", "shadow_top": {},
        "output": {"format": "webp", "per_variation": {"clipping": {"format": "psd"}}}
    }"##;
    let finished = async |format| {
        let submission = Submission { format, ..submission(&world, inline(document)) };
        let job = world.submit(&FaultInjector::none()).run(submission).await.expect("submits");
        world.work(&FaultInjector::none()).await;
        match world.store.get(job.id).await.expect("get").expect("a job").state {
            JobState::Done { outcome, .. } => outcome,
            state => panic!("{state:?}"),
        }
    };
    let outcome = finished(None).await;
    assert_eq!(outcome.ignored, ["shadow_wall"]);
    assert_eq!(outcome.final_picture, Variation::Clipping);
    let names = |outcome: &cutline_core::domain::outcome::Outcome| -> Vec<_> {
        outcome.pictures.values().map(|output| output.key.file_name()).collect()
    };
    assert_eq!(names(&outcome), ["background.webp", "clipping.psd", "compose.webp", "shadowTop.webp"]);
    let asked = finished(Some(OutputFormat::Tiff.into())).await;
    assert_eq!(names(&asked), ["background.tiff", "clipping.tiff", "compose.tiff", "shadowTop.tiff"]);
}

#[tokio::test]
async fn the_backdrop_is_fetched_only_if_a_variation_uses_it() {
    let world = World::new(None).await;
    let with_picture = |variation| {
        let image_url = "https://example.com/marble.jpg".parse().expect("a URL");
        let picture = BackgroundPicture { image_url, fit: ImageFit::Cover, color: None };
        let background = Some(Background::Picture(picture));
        let set = ParamSet { background, variations: Some(vec![variation]), ..ParamSet::empty() };
        submission(&world, SubmittedSet::Inline(Box::new(set)))
    };
    let submit = world.submit(&FaultInjector::none());
    for (variation, fetched) in [(Variation::Background, false), (Variation::Compose, true)] {
        let job = submit.run(with_picture(variation)).await.expect("submits");
        world.work(&FaultInjector::none()).await;
        let stored = world.blobs.get(&StorageKey::Backdrop { job: job.id }).await.expect("get");
        assert_eq!(stored.is_some(), fetched, "{variation:?}");
    }
}

#[tokio::test]
async fn the_failure_names_a_backdrop_that_cannot_be_fetched() {
    let world = World::new(None).await;
    let fault = Fault::fail(FailureCode::SourceUnreachable, "the source answered with 404");
    *world.source.fault.lock().expect("not poisoned") = Some(fault);
    let document = r#"{"background": {"image_url": "https://example.com/a.jpg"}, "variations": ["compose"]}"#;
    let job = world.submit(&FaultInjector::none()).run(submission(&world, inline(document))).await.expect("submits");
    world.work(&FaultInjector::none()).await;
    let JobState::Failed { failure, .. } = world.store.get(job.id).await.expect("get").expect("a job").state else {
        panic!("the job did not fail")
    };
    assert_eq!(failure.code, FailureCode::SourceUnreachable);
    assert_eq!(failure.message, "the background's image: the source answered with 404");
}

#[tokio::test]
async fn a_repeated_put_does_not_conflict_with_itself() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use cutline_core::OwnerId;
    use cutline_core::domain::params::{Revision, SetName};
    use cutline_core::ports::{PortError, PutSetError, StoredSet, WriteError};
    use cutline_core::testing::MemorySets;

    /// Repeats the first write, as a client library does after a lost answer, and reports the conflict.
    struct Twice(MemorySets, AtomicBool);

    #[async_trait]
    impl ParamSets for Twice {
        async fn get(&self, owner: &OwnerId, name: &SetName) -> Result<Option<StoredSet>, PortError> {
            self.0.get(owner, name).await
        }
        async fn list(
            &self,
            owner: &OwnerId,
            from: Option<&SetName>,
            limit: usize,
        ) -> Result<Vec<(SetName, Revision, jiff::Timestamp)>, PortError> {
            self.0.list(owner, from, limit).await
        }
        async fn put(
            &self,
            owner: &OwnerId,
            set: &StoredSet,
            precondition: &Precondition,
        ) -> Result<bool, PutSetError> {
            self.0.put(owner, set, precondition).await?;
            if self.1.swap(false, Ordering::SeqCst) { self.0.put(owner, set, precondition).await } else { Ok(false) }
        }
        async fn delete(
            &self,
            owner: &OwnerId,
            name: &SetName,
            precondition: &Precondition,
        ) -> Result<bool, WriteError> {
            self.0.delete(owner, name, precondition).await
        }
    }

    let world = World::new(None).await;
    let mut sets = world.submit(&FaultInjector::none()).sets;
    sets.store = Arc::new(Twice(MemorySets::new(), AtomicBool::new(true)));
    let name: SetName = "a".parse().expect("a name");
    let (stored, replaced) =
        sets.put(&world.owner, name.clone(), ParamSet::empty(), &Precondition::Absent).await.expect("put");
    assert!(!replaced);
    assert_ne!(stored.revision, world.ids.revision());
    let refused = sets.put(&world.owner, name, ParamSet::empty(), &Precondition::Absent).await;
    assert!(refused.is_err(), "another caller's set");
}
