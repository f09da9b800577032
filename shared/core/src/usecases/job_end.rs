//! The end of a job: one event in the log, and its measurements.

use std::time::Duration;

use super::env::Env;
use crate::domain::failure::FailureCode;
use crate::domain::job::{Job, JobState, Step, Transition};
use crate::domain::metrics::Measurement;
use crate::domain::outcome::{Confidence, Outcome, StoredPicture};
use crate::domain::time::between;
use crate::domain::usage::JobEnd;

/// Logs and measures the job's end, if the transition ended it for its owner. To be called once, after the transition was
/// stored.
pub(super) fn report(env: &Env, transition: &Transition) {
    let Some((end, _)) = transition.counted() else { return };
    let ended = Ended::new(&transition.job, end);
    ended.log(env);
    ended.measure(env);
}

/// An ended job, as the log and the metrics see it.
struct Ended<'a> {
    job: &'a Job,
    end: JobEnd,
    code: Option<FailureCode>,
    picture: Option<&'a StoredPicture>,
    confidence: Option<Confidence>,
}

impl<'a> Ended<'a> {
    fn new(job: &'a Job, end: JobEnd) -> Self {
        let outcome = match &job.state {
            JobState::Done { outcome, .. } => Some(outcome),
            _ => None,
        };
        let code = match &job.state {
            JobState::Failed { failure, .. } => Some(failure.code),
            _ => None,
        };
        let picture = outcome.and_then(|Outcome { pictures, final_picture, .. }| pictures.get(final_picture));
        Self { job, end, code, picture, confidence: outcome.and_then(|outcome| outcome.confidence) }
    }

    fn log(&self, env: &Env) {
        let Self { job, end, code, picture, confidence } = self;
        let ended_at = job.state.ended_at().unwrap_or_else(|| env.clock.now());
        let step_ms = |step| job.timings.get(&step).copied();
        tracing::info!(
            job_id = %job.id,
            owner = %job.owner,
            outcome = end.as_str(),
            code = code.map(|code| code.info().code),
            mode = job.spec.mode.as_str(),
            lane = job.lane.as_str(),
            attempts = job.attempts,
            confidence = confidence.map(Confidence::get),
            width = picture.map(|picture| picture.width),
            height = picture.map(|picture| picture.height),
            source_bytes = job.source_bytes,
            total_ms = milliseconds(between(job.created_at, ended_at)),
            queue_ms = job.queue_ms,
            fetch_ms = step_ms(Step::Fetch),
            background_ms = step_ms(Step::Background),
            clipping_ms = step_ms(Step::Clipping),
            compose_ms = step_ms(Step::Compose),
            delivery_ms = step_ms(Step::Delivery),
            "job finished"
        );
    }

    fn measure(&self, env: &Env) {
        let Self { job, end, code, picture, confidence } = self;
        let metrics = env.metrics.as_ref();
        metrics.record(&Measurement::JobFinished { end: *end, code: *code });
        for (step, ms) in &job.timings {
            metrics.record(&Measurement::StepTime { step: *step, time: Duration::from_millis(*ms) });
        }
        if let Some(picture) = picture {
            let pixels = u64::from(picture.width) * u64::from(picture.height);
            metrics.record(&Measurement::PictureSize { pixels });
        }
        if let Some(confidence) = confidence {
            metrics.record(&Measurement::Confidence(*confidence));
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
