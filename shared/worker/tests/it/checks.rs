//! The checks.

use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cutline_core::domain::attention::AttentionReason;
use cutline_core::domain::crop::Crop;
use cutline_core::domain::fidelity::Depth;
use cutline_core::ports::{EvidenceUse, ImageWorkers as _, PipelineInput, Stage};
use cutline_core::{Failure, FailureCode, Fault, Mode, Rendering};
use cutline_worker::{MemoryBudget, PoolSettings, RunLimits, WorkerCommand, WorkerPool};
use libtest_mimic::{Failed, Trial};
use rustix::process::Signal;

use crate::hostile;
use crate::pipeline::{CROP_BOX, NEEDED, PIXEL_CHECK, VERSION, attention};
use crate::world::{Child, PATIENCE, World, owner, run, settings, timed, until_childless};

/// Every check. They run one after the other, since each looks at the children of this process.
pub(crate) fn all() -> Vec<Trial> {
    vec![
        trial("a_picture_passes_through_a_child_unchanged", passes_through),
        trial("evidence_mask_plate_and_backdrop_arrive_apart", evidence_mask_plate_and_backdrop),
        trial("the_box_of_a_crop_comes_back_if_it_was_asked_for", cropped),
        trial("places_to_look_at_come_back_unless_they_are_too_many", doubts),
        trial("an_empty_cut_comes_back_if_it_was_asked_for", empty),
        trial("the_check_of_pixels_comes_back_if_it_was_asked_for", checked),
        trial("a_picture_whose_depth_has_no_room_is_refused", without_room),
        trial("large_files_pass_in_both_directions", large_files),
        trial("the_pipelines_faults_arrive_and_cost_no_child", faults),
        trial("a_crash_is_the_fault_of_its_picture_alone", crashes),
        trial("a_picture_that_overruns_its_memory_fails", overruns),
        trial("memory_that_is_kept_between_runs_counts_against_none", repeated_allocations),
        trial("an_endless_run_is_killed", endless),
        trial("a_run_that_nobody_waits_for_is_killed", cancelled),
        trial("a_stopped_child_is_killed", stopped),
        trial("a_killed_child_can_be_retried", killed),
        trial("an_idle_child_that_died_costs_no_picture", dies_while_idle),
        trial("a_child_sees_pictures_of_one_owner_alone", one_owner),
        trial("a_child_that_breaks_the_protocol_harms_its_own_run_alone", hostile),
        trial("a_header_that_is_never_read_is_too_slow", endless_header),
        trial("children_run_at_the_same_time_and_no_more_of_them", several),
        trial("a_child_has_no_rights", rights),
        trial("a_child_can_start_threads", threads),
        trial("a_talkative_child_is_read", talkative),
        trial("children_end_with_their_pool", ends),
        trial("a_child_that_cannot_load_is_reported", cannot_load),
    ]
}

fn trial<F: Future<Output = ()> + 'static>(name: &'static str, check: fn() -> F) -> Trial {
    Trial::test(name, move || {
        // One at a time, whatever the number of test threads.
        static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let check_and_wait = async {
                check().await;
                until_childless().await;
            };
            tokio::time::timeout(3 * PATIENCE, check_and_wait).await.map_err(|_| Failed::from("takes too long"))
        })?;
        Ok(())
    })
}

fn failure(result: Result<impl Sized, Fault>) -> Failure {
    match result {
        Ok(_) => panic!("succeeds"),
        Err(fault) => fault.failure().clone(),
    }
}

async fn passes_through() {
    let world = World::new(1).await;
    assert_eq!(world.pool.version(), VERSION);
    let seen = std::sync::Mutex::new(Vec::new());
    let input = PipelineInput { backdrop: Some("behind".into()), ..PipelineInput::new("photo", Mode::Background) };
    let progress = |stage, percent| seen.lock().expect("lock").push((stage, percent));
    let output = world.pool.run(&owner("shop"), input, &progress).await.expect("is made");
    assert_eq!(output.pictures[0].bytes, "photo");
    assert_eq!(output.confidence.get(), 0.5);
    assert_eq!(*seen.lock().expect("lock"), [(Stage::Background, 50)]);
    let child = world.child();
    assert_eq!(world.answer("another").await, "another");
    assert_eq!(world.child(), child, "the child is used again");
}

async fn evidence_mask_plate_and_backdrop() {
    let world = World::new(1).await;
    for (backdrop, mask, plate, evidence, expected) in [
        (None, None, None, EvidenceUse::Drop, "|||drop"),
        (None, None, None, EvidenceUse::Keep, "|||keep"),
        (Some("behind"), Some("cut"), None, EvidenceUse::Reuse("seen before".into()), "behind|cut||seen before"),
        (Some("behind"), Some("cut"), Some("empty"), EvidenceUse::Reuse("seen".into()), "behind|cut|empty|seen"),
        (Some(""), Some(""), Some(""), EvidenceUse::Reuse(Bytes::new()), "|||"),
        (None, Some("cut"), None, EvidenceUse::Drop, "|cut||drop"),
        (None, None, Some("empty"), EvidenceUse::Drop, "||empty|drop"),
        (None, None, None, EvidenceUse::Reuse("seen before".into()), "|||seen before"),
    ] {
        let [backdrop, mask, plate] =
            [backdrop, mask, plate].map(|part: Option<&str>| part.map(|part| Bytes::from(part.to_owned())));
        let input = PipelineInput { backdrop, mask, plate, evidence, ..PipelineInput::new("inputs", Mode::Background) };
        let output = world.pool.run(&owner("shop"), input, &|_, _| {}).await.expect("is made");
        assert_eq!(output.pictures[0].bytes, expected);
    }
}

async fn cropped() {
    let world = World::new(1).await;
    let with = |crop| {
        let rendering = Rendering { crop, ..Rendering::default() };
        PipelineInput { rendering, ..PipelineInput::new("cropped", Mode::Background) }
    };
    let subject = Crop::Subject { margin: "5% 12px".parse().expect("a margin") };
    let output = world.pool.run(&owner("shop"), with(Some(subject)), &|_, _| {}).await.expect("is made");
    assert_eq!(output.crop_box, Some(CROP_BOX));
    for crop in [None, Some(Crop::Whole)] {
        let uninvited = world.pool.run(&owner("shop"), with(crop), &|_, _| {}).await;
        assert_eq!(failure(uninvited).code, FailureCode::WorkerCrashed, "{crop:?}");
    }
}

async fn doubts() {
    let world = World::new(1).await;
    let output = world.run("doubts 2").await.expect("is made");
    assert_eq!(output.attention, vec![attention(AttentionReason::LowContrast); 2]);
    assert_eq!(failure(world.run("doubts 11").await).code, FailureCode::WorkerCrashed);
}

async fn empty() {
    let world = World::new(1).await;
    let with = |keeps_empty| PipelineInput { keeps_empty, ..PipelineInput::new("empty", Mode::Background) };
    let output = world.pool.run(&owner("shop"), with(true), &|_, _| {}).await.expect("is made");
    assert_eq!(output.attention, [attention(AttentionReason::NoSubject)]);
    let uninvited = world.pool.run(&owner("shop"), with(false), &|_, _| {}).await;
    assert_eq!(failure(uninvited).code, FailureCode::WorkerCrashed);
}

async fn checked() {
    let world = World::new(1).await;
    let with = |depth| {
        let rendering = Rendering { depth, ..Rendering::default() };
        PipelineInput { rendering, ..PipelineInput::new("checked", Mode::Background) }
    };
    for depth in Depth::ALL {
        let output = world.pool.run(&owner("shop"), with(Some(depth)), &|_, _| {}).await.expect("is made");
        assert_eq!(output.pixel_check, Some(PIXEL_CHECK));
    }
    let uninvited = world.pool.run(&owner("shop"), with(None), &|_, _| {}).await;
    assert_eq!(failure(uninvited).code, FailureCode::WorkerCrashed);
}

async fn without_room() {
    // Less than a run needs can be reserved, or is there.
    let on_machine = RunLimits { machine_memory: NEEDED - 1, ..RunLimits::default() };
    for settings in [
        PoolSettings { budget: MemoryBudget::new(Some(NEEDED)), ..settings(1, RunLimits::default()) },
        PoolSettings { budget: MemoryBudget::new(None), ..settings(1, on_machine) },
    ] {
        refuses_depths(&WorkerPool::start(settings).await.expect("starts")).await;
    }
}

async fn refuses_depths(pool: &WorkerPool) {
    let with = |depth| {
        let rendering = Rendering { depth, ..Rendering::default() };
        PipelineInput { rendering, ..PipelineInput::new("some", Mode::Background) }
    };
    for _ in 0..2 {
        let refused = failure(pool.run(&owner("shop"), with(Some(Depth::Sixteen)), &|_, _| {}).await);
        assert_eq!(refused.code, FailureCode::ImageTooLarge);
        assert!(
            refused.message.contains("it needs 68 MB of memory") && refused.message.contains("depth=8"),
            "{refused:?}"
        );
        // As estimates may be too high, all other pictures are tried.
        for depth in [None, Some(Depth::Eight)] {
            pool.run(&owner("shop"), with(depth), &|_, _| {}).await.expect("is made");
        }
    }
}

async fn large_files() {
    let world = World::new(1).await;
    let photo: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 251) as u8).collect();
    let output = world.run(photo.clone()).await.expect("is made");
    assert!(output.pictures[0].bytes == photo, "every byte is the same");
    let free = world.budget.free_bytes();
    drop(output);
    assert_eq!(world.budget.free_bytes(), free + (20 << 20), "the files kept their share of the budget");
}

async fn faults() {
    let world = World::new(1).await;
    let child = world.child();
    assert_eq!(failure(world.run("fault").await).code, FailureCode::NoSubject);
    assert_eq!(failure(world.run("panic").await).code, FailureCode::Internal);
    assert_eq!(world.answer("photo").await, "photo");
    assert_eq!(world.child(), child);
}

/// Sends a signal now and then, for ever.
async fn keep_signaling(child: Child, signal: Signal) -> Infallible {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        child.signal_if_alive(signal);
    }
}

async fn crashes() {
    let world = World::new(1).await;
    let child = world.child();
    let fault = failure(world.run("abort").await);
    assert_eq!((fault.code, fault.retryable), (FailureCode::WorkerCrashed, true));
    world.until_idle(child).await;
    assert_eq!(world.answer("photo").await, "photo");
    for signal in [Signal::SEGV, Signal::BUS, Signal::FPE] {
        let child = world.child();
        // The standard library's handler lets the first SIGSEGV and SIGBUS return, since a true one comes again. On a busy
        // machine the child may take several signals for one.
        let result = tokio::select! {
            result = world.run("sleep 600000") => result,
            never = keep_signaling(child, signal) => match never {},
        };
        assert_eq!(failure(result).code, FailureCode::WorkerCrashed, "{signal:?}");
        world.until_replaced(child).await;
    }
}

async fn overruns() {
    let world = World::new(1).await;
    assert_eq!(world.run("hoard 200").await.expect("fits into the spare memory").pictures[0].bytes.len(), 200 << 20);
    let child = world.child();
    let fault = failure(world.run("hoard 2000").await);
    assert_eq!((fault.code, fault.retryable), (FailureCode::OutOfMemory, false));
    world.until_idle(child).await;
    assert_eq!(world.answer("photo").await, "photo");
    assert_eq!(world.budget.free_bytes() >> 20, 800, "all reservations are returned");
}

async fn repeated_allocations() {
    let world = World::new(1).await;
    let child = world.child();
    for _ in 0..20 {
        world.run("hoard 150").await.expect("is made");
        world.run("allocate 150").await.expect("is made");
    }
    assert_eq!(world.child(), child);
}

async fn endless() {
    let limits = RunLimits { max_run: Duration::from_secs(5), ..RunLimits::default() };
    let world = World::with_limits(1, limits).await;
    let child = world.child();
    let (result, time) = timed(world.run("loop")).await;
    let fault = failure(result);
    assert_eq!((fault.code, fault.retryable), (FailureCode::TooSlow, true));
    assert!(time >= limits.max_run, "{time:?}");
    world.until_idle(child).await;
    assert_eq!(world.answer("photo").await, "photo");
}

async fn cancelled() {
    let world = World::new(1).await;
    let child = world.child();
    let waited = tokio::time::timeout(Duration::from_millis(500), world.run("loop")).await;
    assert!(waited.is_err(), "runs for ever");
    world.until_idle(child).await;
    assert_eq!(world.answer("photo").await, "photo");
    assert_eq!(world.budget.free_bytes() >> 20, 800);
}

async fn stopped() {
    let limits = RunLimits { max_silence: Duration::from_secs(3), ..RunLimits::default() };
    let world = World::with_limits(1, limits).await;
    let child = world.child();
    let (result, ()) = tokio::join!(world.run("sleep 600000"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        child.signal_if_alive(Signal::STOP);
    });
    let fault = failure(result);
    assert_eq!((fault.code, fault.retryable), (FailureCode::Interrupted, true));
    world.until_idle(child).await;

    let child = world.child();
    child.signal(Signal::STOP);
    assert_eq!(failure(world.run(vec![b'x'; 5_000_000]).await).code, FailureCode::Interrupted, "stopped while idle");
    world.until_replaced(child).await;
    drop(world);

    // Signs of life come every second. A busy machine may delay several of them.
    let limits = RunLimits { max_silence: Duration::from_secs(10), ..RunLimits::default() };
    let world = World::with_limits(1, limits).await;
    assert_eq!(world.answer("sleep 12000").await, "slept", "a long run gives signs of life");
}

async fn killed() {
    let world = World::new(1).await;
    let child = world.child();
    let (result, ()) = tokio::join!(world.run("loop"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        child.signal(Signal::KILL);
    });
    let fault = failure(result);
    assert_eq!((fault.code, fault.retryable), (FailureCode::Interrupted, true));
    world.until_idle(child).await;
}

async fn dies_while_idle() {
    let world = World::new(1).await;
    let child = world.child();
    child.signal(Signal::KILL);
    world.until(|_| child.has_ended()).await;
    assert_eq!(world.answer("photo").await, "photo");
}

async fn one_owner() {
    let world = World::new(1).await;
    let first = world.child();
    let photo = || PipelineInput::new("photo", Mode::Background);
    for (name, is_same) in [("shop", true), ("shop", true), ("other", false)] {
        world.pool.run(&owner(name), photo(), &|_, _| {}).await.expect("is made");
        // The first one makes room.
        world.until(|world| world.children().len() == 1).await;
        assert_eq!(world.child() == first, is_same, "{name}");
    }
}

async fn hostile() {
    for (kind, code) in hostile::KINDS {
        let limits = match code {
            FailureCode::TooSlow => RunLimits { max_prepare: Duration::from_secs(3), ..RunLimits::default() },
            // A busy machine must not make the others too slow.
            _ => RunLimits::default(),
        };
        let command = WorkerCommand::new(std::env::current_exe().expect("a file"), [hostile::SUBCOMMAND, kind]);
        let settings = cutline_worker::PoolSettings { command, ..settings(1, limits) };
        let budget = std::sync::Arc::clone(&settings.budget);
        let pool = WorkerPool::start(settings).await.expect("starts");
        assert_eq!(failure(run(&pool, "photo").await).code, code, "{kind}");
        assert_eq!(budget.free_bytes() >> 20, 800, "{kind}: the reservation is returned");
    }
}

async fn endless_header() {
    let limits = RunLimits { max_prepare: Duration::from_secs(5), ..RunLimits::default() };
    let world = World::with_limits(1, limits).await;
    let child = world.child();
    assert_eq!(failure(world.run("header").await).code, FailureCode::TooSlow);
    world.until_replaced(child).await;
    assert_eq!(world.answer("photo").await, "photo");
}

async fn several() {
    let world = World::new(2).await;
    let begun = AtomicUsize::new(0);
    let start = async |source: &'static str| {
        let note = |_: Stage, _: u8| {
            begun.fetch_add(1, Ordering::SeqCst);
        };
        world.pool.run(&owner("shop"), PipelineInput::new(source, Mode::Background), &note).await
    };
    // Neither ends by itself, so both have begun only if they run at the same time.
    let both = async { tokio::join!(start("sleep 600000"), start("sleep 600000")) };
    let meanwhile = async {
        world.until(|_| begun.load(Ordering::SeqCst) == 2).await;
        assert!(tokio::time::timeout(Duration::from_millis(500), start("photo")).await.is_err(), "both are busy");
        assert_eq!((begun.load(Ordering::SeqCst), world.children().len()), (2, 2), "no third one");
    };
    tokio::select! {
        _ = both => panic!("they sleep for ten minutes"),
        () = meanwhile => {}
    }
    assert_eq!(world.answer("photo").await, "photo", "their places are free again");

    // One that crashes does not disturb the other.
    let (good, bad) = tokio::join!(world.answer("sleep 1000"), world.run("abort"));
    assert_eq!(good, "slept");
    assert!(bad.is_err());
    world.until(|world| world.children().len() == 2).await;
    // The budget admits 800 MB.
    assert!(world.budget.free_bytes() > 10 * NEEDED);
}

async fn rights() {
    let world = World::new(1).await;
    assert_eq!(world.answer("rights").await, "");
}

async fn threads() {
    let world = World::new(1).await;
    assert_eq!(world.answer("threads").await, (8 << 20).to_string());
}

async fn talkative() {
    let world = World::new(1).await;
    assert_eq!(world.answer("log 20000").await, "logged");
    assert_eq!(world.answer("photo").await, "photo", "what was printed is not part of an answer");
}

async fn ends() {
    let world = World::new(2).await;
    let children = world.children();
    let World { pool, .. } = world;
    drop(pool);
    let world = World::new(1).await;
    world.until(|world| world.children().iter().all(|child| !children.contains(child))).await;
}

async fn cannot_load() {
    let command = WorkerCommand::new(std::env::current_exe().expect("a file"), [cutline_worker::SUBCOMMAND, "broken"]);
    let broken = WorkerPool::start(cutline_worker::PoolSettings { command, ..settings(1, RunLimits::default()) }).await;
    assert_eq!(broken.err().expect("fails").to_string(), "cannot load model: broken");
    let command = WorkerCommand::new("/bin/false", [""; 0]);
    let silent = WorkerPool::start(cutline_worker::PoolSettings { command, ..settings(1, RunLimits::default()) }).await;
    assert!(silent.is_err());
    let world = World::new(1).await;
    assert!(run(&world.pool, "photo").await.is_ok());
}
