//! The table of metrics, from which the adapters take names, units and labels, and with which the
//! alarms, the dashboard and the documentation are compared.
//!
//! The values of all labels are few and known in advance. Owners, jobs and requests are fields of log events and never
//! labels: each combination of labels is a time series that is stored, and on AWS paid for, on its own.

use std::time::Duration;

use super::failure::FailureCode;
use super::job::{Route, Step};
use super::outcome::Confidence;
use super::usage::JobEnd;

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Jobs that ended.
    JobsFinished,
    /// How long a job waited before a worker claimed it.
    QueueTime,
    /// How long a step of an ended job took.
    StepTime,
    /// The size of a job's final picture.
    PictureSize,
    /// How sure the cut of a job is.
    Confidence,
    /// Sends of webhooks.
    WebhookSends,
    /// Sweeps that ran to their end.
    Sweeps,
}

/// A label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// How something ended.
    Outcome,
    /// The error code of a failed job; `none` for others.
    Code,
    /// The lane of a job.
    Lane,
    /// The stage that a job waited for.
    Stage,
    /// The step of a job.
    Step,
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Events: values add up.
    Count,
    /// Seconds, as a distribution.
    Seconds,
    /// Pixels, as a distribution.
    Pixels,
    /// A number from 0 to 1, as a distribution.
    Share,
}

/// The facts about a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// The name, in snake case. Adapters add the prefixes and suffixes of their system.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// All its labels.
    pub labels: &'static [Label],
    /// Fewer labels, under which a store that cannot add up time series in an alarm keeps sums too.
    pub totals: &'static [&'static [Label]],
    /// Its meaning, in one sentence.
    pub help: &'static str,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 7] = [
        Self::JobsFinished,
        Self::QueueTime,
        Self::StepTime,
        Self::PictureSize,
        Self::Confidence,
        Self::WebhookSends,
        Self::Sweeps,
    ];

    /// The facts about the metric.
    pub const fn info(self) -> MetricInfo {
        use Label::{Code, Lane, Outcome, Stage, Step};
        let (name, unit, labels, help): (_, _, &[Label], _) = match self {
            Self::JobsFinished => {
                ("jobs_finished", Unit::Count, &[Outcome, Code], "Jobs that ended, by outcome and error code.")
            }
            Self::QueueTime => {
                ("queue_time", Unit::Seconds, &[Lane, Stage], "Time that a job waited for a worker, by lane and stage.")
            }
            Self::StepTime => {
                ("step_time", Unit::Seconds, &[Step], "Time that a job's last attempt took in each of its steps.")
            }
            Self::PictureSize => ("picture_size", Unit::Pixels, &[], "Width times height of a job's final picture."),
            Self::Confidence => ("confidence", Unit::Share, &[], "How sure a cut is, from 0 to 1."),
            Self::WebhookSends => ("webhook_sends", Unit::Count, &[Outcome], "Sends of webhooks, by outcome."),
            Self::Sweeps => ("sweeps", Unit::Count, &[Outcome], "Sweeps that ran to their end, by outcome."),
        };
        let totals: &[&[Label]] = match self {
            Self::JobsFinished => &[&[Outcome]],
            Self::Sweeps => &[&[]],
            Self::QueueTime | Self::StepTime | Self::PictureSize | Self::Confidence | Self::WebhookSends => &[],
        };
        MetricInfo { name, unit, labels, totals, help }
    }
}

impl Label {
    /// The name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Code => "code",
            Self::Lane => "lane",
            Self::Stage => "stage",
            Self::Step => "step",
        }
    }
}

/// How the send of a webhook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendOutcome {
    /// The receiver accepted it.
    Delivered,
    /// It failed, and is repeated later.
    Failed,
    /// It failed for the last time, or the receiver wants no more.
    GivenUp,
}

impl SendOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::GivenUp];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}

/// One value of a metric, with its labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measurement {
    /// A job ended.
    JobFinished {
        /// How.
        end: JobEnd,
        /// Why, if it failed.
        code: Option<FailureCode>,
    },
    /// A job was claimed.
    QueueTime {
        /// The queue that it waited in.
        route: Route,
        /// How long, from when it was ready to be claimed.
        time: Duration,
    },
    /// A step of a job that ended.
    StepTime {
        /// The step.
        step: Step,
        /// How long it took.
        time: Duration,
    },
    /// A job made its final picture.
    PictureSize {
        /// Its width times its height.
        pixels: u64,
    },
    /// A job made a cut.
    Confidence(Confidence),
    /// A webhook was sent.
    WebhookSend(SendOutcome),
    /// A sweep ran to its end.
    Sweep {
        /// Whether every due job could be handled.
        is_complete: bool,
    },
}

impl Measurement {
    /// The metric.
    pub const fn metric(&self) -> Metric {
        match self {
            Self::JobFinished { .. } => Metric::JobsFinished,
            Self::QueueTime { .. } => Metric::QueueTime,
            Self::StepTime { .. } => Metric::StepTime,
            Self::PictureSize { .. } => Metric::PictureSize,
            Self::Confidence(_) => Metric::Confidence,
            Self::WebhookSend(_) => Metric::WebhookSends,
            Self::Sweep { .. } => Metric::Sweeps,
        }
    }

    /// The value, in the metric's unit.
    pub fn value(&self) -> f64 {
        match self {
            Self::JobFinished { .. } | Self::WebhookSend(_) | Self::Sweep { .. } => 1.0,
            Self::QueueTime { time, .. } | Self::StepTime { time, .. } => time.as_secs_f64(),
            Self::PictureSize { pixels } => *pixels as f64,
            Self::Confidence(confidence) => confidence.get(),
        }
    }

    /// The value of a label; `None` if the metric does not have it.
    pub const fn label(&self, label: Label) -> Option<&'static str> {
        match (self, label) {
            (Self::JobFinished { end, .. }, Label::Outcome) => Some(end.as_str()),
            (Self::JobFinished { code: Some(code), .. }, Label::Code) => Some(code.info().code),
            (Self::JobFinished { code: None, .. }, Label::Code) => Some("none"),
            (Self::QueueTime { route, .. }, Label::Lane) => Some(route.lane.as_str()),
            (Self::QueueTime { route, .. }, Label::Stage) => Some(route.stage.as_str()),
            (Self::StepTime { step, .. }, Label::Step) => Some(step.as_str()),
            (Self::WebhookSend(outcome), Label::Outcome) => Some(outcome.as_str()),
            (Self::Sweep { is_complete: true }, Label::Outcome) => Some("complete"),
            (Self::Sweep { is_complete: false }, Label::Outcome) => Some("incomplete"),
            _ => None,
        }
    }

    /// All labels with their values, in the order of the table.
    pub fn labels(&self) -> impl Iterator<Item = (Label, &'static str)> {
        let labels = self.metric().info().labels.iter();
        labels.filter_map(|label| self.label(*label).map(|value| (*label, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn samples() -> Vec<Measurement> {
        let time = Duration::from_millis(1_500);
        let mut samples: Vec<_> =
            JobEnd::ALL.into_iter().map(|end| Measurement::JobFinished { end, code: None }).collect();
        let failed = |code| Measurement::JobFinished { end: JobEnd::Failed, code: Some(code) };
        samples.extend(FailureCode::ALL.map(failed));
        samples.extend(Route::ALL.map(|route| Measurement::QueueTime { route, time }));
        samples.extend(Step::ALL.map(|step| Measurement::StepTime { step, time }));
        samples.extend([Measurement::PictureSize { pixels: 12_000_000 }]);
        samples.extend([Measurement::Confidence(Confidence::nearest(0.5))]);
        samples.extend(SendOutcome::ALL.map(Measurement::WebhookSend));
        samples.extend([true, false].map(|is_complete| Measurement::Sweep { is_complete }));
        samples
    }

    #[test]
    fn every_measurement_has_exactly_the_labels_of_its_metric() {
        let all = [Label::Outcome, Label::Code, Label::Lane, Label::Stage, Label::Step];
        let mut measured = BTreeSet::new();
        for sample in samples() {
            let MetricInfo { name, labels, totals, .. } = sample.metric().info();
            for label in all {
                assert_eq!(sample.label(label).is_some(), labels.contains(&label), "{sample:?} {label:?}");
            }
            assert_eq!(sample.labels().count(), labels.len(), "{sample:?}");
            assert!(totals.iter().flat_map(|total| total.iter()).all(|label| labels.contains(label)), "{name}");
            assert!(sample.value().is_finite(), "{sample:?}");
            measured.insert(name);
        }
        assert_eq!(measured, Metric::ALL.map(|metric| metric.info().name).into(), "every metric has a sample");
    }

    /// Every combination of labels is paid for on its own on AWS.
    #[test]
    fn metrics_have_few_time_series() {
        let series: BTreeSet<_> = samples()
            .iter()
            .map(|sample| format!("{:?} {:?}", sample.metric(), sample.labels().collect::<Vec<_>>()))
            .collect();
        assert!(series.len() < 50, "{}", series.len());
    }
}
