//! Queues on SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message as SqsMessage, MessageSystemAttributeName};
use aws_sdk_sqs::{Client, config};
use cutline_core::domain::message::Message;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::ports::{Deliveries, Delivery, PortError, Quarantine, Queue, Receipt, ReportQueue};

use crate::error::{AwsError, fault};
use crate::message::parse_message;
use crate::sdk::timeouts;

/// The longest delay that SQS allows for a message.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// The longest deferral. SQS allows 12 hours from when the message was received and refuses longer ones; 15 minutes
/// are reserved for the work before the deferral.
const MAX_DEFERRAL: Duration = Duration::from_secs(12 * 60 * 60 - 15 * 60);

/// The longest wait that SQS allows for a receive.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// The window in which to look for the queue's age. SQS reports it to CloudWatch once a minute, one or two minutes
/// late.
const AGE_WINDOW: Duration = Duration::from_secs(5 * 60);

/// [`Queue`], [`ReportQueue`], [`Deliveries`] and [`Quarantine`] on one SQS queue.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    metrics: Option<Metrics>,
}

/// The source of the queue's age.
#[derive(Debug, Clone)]
struct Metrics {
    client: aws_sdk_cloudwatch::Client,
    queue_name: String,
}

impl SqsQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url, metrics: None }
    }

    pub(crate) fn with_metrics(self, client: aws_sdk_cloudwatch::Client, queue_name: String) -> Self {
        Self { metrics: Some(Metrics { client, queue_name }), ..self }
    }

    async fn send_body(&self, body: String, delay: Duration) -> Result<(), PortError> {
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        let request = request.delay_seconds(seconds(delay.min(MAX_DELAY)));
        request.send().await.map(drop).map_err(|error| fault("sqs:SendMessage", error))
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, message: &Message, delay: Duration) -> Result<(), PortError> {
        self.send_body(message.body(), delay).await
    }

    async fn send_again(&self, body: &str) -> Result<(), PortError> {
        self.send_body(body.to_owned(), Duration::ZERO).await
    }

    /// The maximum of `ApproximateAgeOfOldestMessage` over the last five minutes. SQS counts a message until it is
    /// deleted, even while a worker has it, so this overestimates the backlog.
    async fn oldest_age(&self) -> Result<Option<Duration>, PortError> {
        const OPERATION: &str = "cloudwatch:GetMetricStatistics";
        let Some(Metrics { client, queue_name }) = &self.metrics else {
            let detail = "the queue has no name to look up metrics by; open it with queue_with_age".to_owned();
            return Err(AwsError::Failed { operation: OPERATION, detail, transient: false }.into());
        };
        let now = std::time::SystemTime::now();
        let request = client
            .get_metric_statistics()
            .namespace("AWS/SQS")
            .metric_name("ApproximateAgeOfOldestMessage")
            .dimensions(Dimension::builder().name("QueueName").value(queue_name).build())
            .start_time((now - AGE_WINDOW).into())
            .end_time(now.into())
            .period(60)
            .statistics(Statistic::Maximum);
        let answer = request.send().await.map_err(|error| fault(OPERATION, error))?;
        let ages = answer.datapoints().iter().filter_map(|point| point.maximum());
        let oldest = ages.filter_map(|age| Duration::try_from_secs_f64(age).ok()).max();
        Ok(oldest.filter(|age| !age.is_zero()))
    }
}

#[async_trait]
impl ReportQueue for SqsQueue {
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError> {
        self.send_body(message.body(), delay).await
    }
}

#[async_trait]
impl Deliveries for SqsQueue {
    /// Rounds the wait up to whole seconds, at most 20. A receive without a wait asks only some of the queue's servers
    /// and may miss messages.
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, PortError> {
        // The answer may take as long as the wait.
        let patient = config::Config::builder().timeout_config(timeouts(MAX_WAIT + Duration::from_secs(5), 1));
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(max.clamp(1, 10)).unwrap_or(1))
            .wait_time_seconds(seconds(wait.min(MAX_WAIT)))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(patient);
        let answer = request.send().await.map_err(|error| fault("sqs:ReceiveMessage", error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(delivery).collect())
    }

    async fn delete(&self, receipt: &Receipt) -> Result<(), PortError> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(&receipt.0);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(fault("sqs:DeleteMessage", error)),
        }
    }

    async fn defer(&self, receipt: &Receipt, after: Duration) -> Result<(), PortError> {
        let request = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&receipt.0)
            .visibility_timeout(seconds(after.min(MAX_DEFERRAL)));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(fault("sqs:ChangeMessageVisibility", error)),
        }
    }
}

#[async_trait]
impl Quarantine for SqsQueue {
    async fn park(&self, body: &str) -> Result<(), PortError> {
        self.send_body(body.to_owned(), Duration::ZERO).await
    }
}

/// Converts a delivery. SQS always sends a receipt, a body and, on request, a receive count.
fn delivery(message: SqsMessage) -> Delivery {
    let count = message
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    let body = message.body.unwrap_or_default();
    Delivery {
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        receipt: Receipt(message.receipt_handle.unwrap_or_default()),
        request: parse_message(&body),
        body,
    }
}

/// Whether the receipt's message is deleted or was delivered again. SQS has three errors for this; one differs from
/// other errors only in its message.
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let Some(error) = error.as_service_error() else { return false };
    let code = error.code().unwrap_or_default();
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    match code {
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => true,
        "InvalidParameterValue" | "InvalidParameterValueException" => {
            error.message().is_some_and(|message| message.contains("ReceiptHandle"))
        }
        _ => false,
    }
}

/// Whole seconds, rounded up. The caller enforces the upper limit.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}
