//! The queues of jobs: one for each lane and stage.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use cutline_core::domain::job::{JobStage, Route};
use cutline_core::domain::lane::Lane;
use cutline_core::domain::message::Message;
use cutline_core::ports::{Destination, PortError, Queue};

use super::queue::SqsQueue;
use crate::error::fault;

/// The window in which to look for a queue's age. SQS reports it to CloudWatch once a minute, one or two minutes late.
const AGE_WINDOW: Duration = Duration::from_secs(5 * 60);

/// [`Queue`] on four SQS queues. Live messages wait apart from bulk ones, so neither delays the other.
///
/// The message group of a message is its job's owner, so SQS serves owners in turn. An event from S3 has no group, which
/// is one reason why dropped files have a queue of their own.
#[derive(Debug, Clone)]
pub struct SqsLanes {
    pub(crate) live: SqsQueue,
    pub(crate) bulk: SqsQueue,
    pub(crate) intake_live: SqsQueue,
    pub(crate) intake_bulk: SqsQueue,
    pub(crate) metrics: aws_sdk_cloudwatch::Client,
}

impl SqsLanes {
    /// The queue of a lane and stage.
    pub fn queue(&self, route: Route) -> &SqsQueue {
        match (route.stage, route.lane) {
            (JobStage::Make, Lane::Live) => &self.live,
            (JobStage::Make, Lane::Bulk) => &self.bulk,
            (JobStage::Intake, Lane::Live) => &self.intake_live,
            (JobStage::Intake, Lane::Bulk) => &self.intake_bulk,
        }
    }

    /// The queue that a message came from, by the name of its queue. For an unknown name it is the live queue of `stage`,
    /// which then does not know the message: it returns after its visibility timeout.
    pub fn source(&self, queue_name: Option<&str>, stage: JobStage) -> &SqsQueue {
        let queues = Route::ALL.map(|route| self.queue(route));
        let live = self.queue(Route { lane: Lane::Live, stage });
        queue_name.and_then(|name| queues.into_iter().find(|queue| queue.name() == name)).unwrap_or(live)
    }
}

#[async_trait]
impl Queue for SqsLanes {
    async fn send(&self, message: &Message, to: Destination<'_>, delay: Duration) -> Result<(), PortError> {
        self.queue(to.route).send_body(message.body(), Some(to.owner), delay).await
    }

    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.queue(Route::DROPS).send_body(body.to_owned(), None, Duration::ZERO).await
    }

    async fn oldest_age(&self, route: Route) -> Result<Option<Duration>, PortError> {
        oldest_age(&self.metrics, self.queue(route).name()).await
    }

    async fn length(&self, route: Route) -> Result<u64, PortError> {
        self.queue(route).length().await
    }
}

/// The age of a queue's oldest message: the maximum of `ApproximateAgeOfOldestMessage` over the last five minutes. SQS counts a
/// message until it is deleted, even while a worker has it, so this overestimates the backlog.
pub(crate) async fn oldest_age(
    metrics: &aws_sdk_cloudwatch::Client,
    queue_name: &str,
) -> Result<Option<Duration>, PortError> {
    let now = SystemTime::now();
    let request = metrics
        .get_metric_statistics()
        .namespace("AWS/SQS")
        .metric_name("ApproximateAgeOfOldestMessage")
        .dimensions(Dimension::builder().name("QueueName").value(queue_name).build())
        .start_time((now - AGE_WINDOW).into())
        .end_time(now.into())
        .period(60)
        .statistics(Statistic::Maximum);
    let answer = request.send().await.map_err(|error| fault("cloudwatch:GetMetricStatistics", error))?;
    let ages = answer.datapoints().iter().filter_map(|point| point.maximum());
    let oldest = ages.filter_map(|age| Duration::try_from_secs_f64(age).ok()).max();
    Ok(oldest.filter(|age| !age.is_zero()))
}
