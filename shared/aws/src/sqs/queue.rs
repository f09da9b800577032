//! One queue on SQS.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    Message as SqsMessage, MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    QueueAttributeName,
};
use aws_sdk_sqs::{Client, config};
use cutline_core::OwnerId;
use cutline_core::domain::report_message::ReportMessage;
use cutline_core::ports::{Deliveries, Delivery, PortError, Quarantine, Receipt, ReportQueue};

use crate::error::fault;
use crate::message::parse_message;
use crate::sdk::timeouts;

/// The longest delay that SQS allows for a message.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// The longest deferral. SQS allows 12 hours from when the message was received and refuses longer ones; 15 minutes
/// are reserved for the work before the deferral.
const MAX_DEFERRAL: Duration = Duration::from_secs(12 * 60 * 60 - 15 * 60);

/// The trace of the invocation that runs.
const TRACE_VARIABLE: &str = "_X_AMZN_TRACE_ID";

/// The longest wait that SQS allows for a receive.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// [`Deliveries`], [`ReportQueue`] and [`Quarantine`] on one SQS queue.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// The queue's name: the last part of its URL.
    pub(crate) fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }

    /// Sends a message. SQS takes turns between the owners of messages that wait (fair queues), and serves those without
    /// one as if each had its own.
    pub(super) async fn send_body(
        &self,
        body: String,
        owner: Option<&OwnerId>,
        delay: Duration,
    ) -> Result<(), PortError> {
        let request = self.client.send_message().queue_url(&self.url).message_body(body);
        let request = request.set_message_group_id(owner.map(ToString::to_string));
        let request = request.delay_seconds(seconds(delay.min(MAX_DELAY)));
        let request = request.set_message_system_attributes(trace_header());
        request.send().await.map(drop).map_err(|error| fault("sqs:SendMessage", error))
    }

    /// The number of messages: visible, delayed and in flight.
    pub(crate) async fn length(&self) -> Result<u64, PortError> {
        let counters = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let request = request.set_attribute_names(Some(counters.to_vec()));
        let answer = request.send().await.map_err(|error| fault("sqs:GetQueueAttributes", error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |counter| attributes.get(counter).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        Ok(counters.iter().map(number).sum())
    }
}

#[async_trait]
impl ReportQueue for SqsQueue {
    async fn send_report(&self, message: &ReportMessage, delay: Duration) -> Result<(), PortError> {
        self.send_body(message.body(), None, delay).await
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
        self.send_body(body.to_owned(), None, Duration::ZERO).await
    }
}

/// The trace of this invocation, which X-Ray then links with the one that receives the message. Lambda's runtime sets the
/// variable for each invocation; other processes have none.
fn trace_header() -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let trace = std::env::var(TRACE_VARIABLE).ok().filter(|trace| !trace.is_empty())?;
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(trace).build().ok()?;
    Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)]))
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
