//! A queue's event source mapping: receives messages, invokes a function with them, and deletes those that it does not
//! report as failed. Like Lambda, it acts under the function's role.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Value, json};

use crate::lambda::Lambda;
use crate::stack::{self, Report};

/// A queue, accessed with one set of credentials.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at `url`, accessed with `credentials`.
    pub fn new(stack: &Report, url: &str, credentials: &stack::Credentials) -> Self {
        let stack::Credentials { aws_access_key_id, aws_secret_access_key, aws_session_token } = credentials.clone();
        let credentials = Credentials::new(aws_access_key_id, aws_secret_access_key, aws_session_token, None, "test");
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&stack.endpoint)
            .region(Region::new(stack.region.clone()))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { client: Client::from_conf(config), url: url.to_owned() }
    }

    /// Receives up to ten visible messages.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn receive(&self) -> Result<Vec<Message>> {
        self.receive_at_most(10).await
    }

    /// Receives visible messages, `most` at most, which is 1 to 10.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn receive_at_most(&self, most: u8) -> Result<Vec<Message>> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(most.into())
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .context("cannot receive messages")?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Receives a message, which must be the only visible one.
    ///
    /// # Errors
    /// If the queue has no visible message, or more than one.
    pub async fn receive_one(&self) -> Result<Message> {
        let mut messages = self.receive().await?;
        let message = messages.pop().context("the queue has no visible message")?;
        anyhow::ensure!(messages.is_empty(), "the queue has more than one visible message");
        Ok(message)
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn delete(&self, message: &Message) -> Result<()> {
        let request =
            self.client.delete_message().queue_url(&self.url).set_receipt_handle(message.receipt_handle.clone());
        request.send().await.context("cannot delete a message")?;
        Ok(())
    }

    /// Makes a received message visible again at once.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn redeliver(&self, message: &Message) -> Result<()> {
        let request = self.client.change_message_visibility().queue_url(&self.url).visibility_timeout(0);
        request
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await
            .context("cannot make a message visible")?;
        Ok(())
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If the queue refuses it.
    pub async fn send(&self, body: &str) -> Result<()> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .context("cannot send a message")?;
        Ok(())
    }

    /// The number of visible messages.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn visible(&self) -> Result<u64> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let answer = request.send().await.context("cannot count messages")?;
        let count = answer.attributes().and_then(|attributes| attributes.get(&name)).context("no count of messages")?;
        count.parse().with_context(|| format!("the count of messages is not a number: {count}"))
    }

    /// Deletes all messages, received ones included.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn purge(&self) -> Result<()> {
        self.client.purge_queue().queue_url(&self.url).send().await.context("cannot purge a queue")?;
        Ok(())
    }

    /// Lambda's event for messages of this queue.
    pub fn event(&self, messages: &[Message]) -> Value {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let records = messages.iter().map(|message| {
            let attributes = message.attributes.iter().flatten();
            let attributes: serde_json::Map<String, Value> =
                attributes.map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str()))).collect();
            json!({
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "md5OfBody": message.md5_of_body,
                "attributes": attributes,
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:eu-central-1:123456789012:{name}"),
                "awsRegion": "eu-central-1",
            })
        });
        json!({ "Records": records.collect::<Vec<_>>() })
    }

    /// Invokes a function with messages and deletes those that it does not report as failed. Returns the ids of those
    /// that it reports. Deletes nothing if the function dies.
    ///
    /// # Errors
    /// If the function fails, or answers with anything but a batch response.
    pub async fn deliver(&self, messages: &[Message], function: &Lambda) -> Result<BTreeSet<String>> {
        let answer = function.invoke(&self.event(messages)).await?;
        let reported = reported(&answer)?;
        for message in messages {
            if !reported.contains(id(message)) {
                self.delete(message).await?;
            }
        }
        Ok(reported)
    }
}

/// A message's id.
pub fn id(message: &Message) -> &str {
    message.message_id.as_deref().unwrap_or_default()
}

/// The ids of the messages that a function's answer reports as failed. Any other kind of answer is an error: Lambda would
/// take some of them for success.
///
/// # Errors
/// If the answer is no batch response.
pub fn reported(answer: &Value) -> Result<BTreeSet<String>> {
    let failures = answer["batchItemFailures"].as_array().with_context(|| format!("no batch response: {answer}"))?;
    let id = |failure: &Value| failure["itemIdentifier"].as_str().map(str::to_owned);
    failures.iter().map(|failure| id(failure).with_context(|| format!("no identifier: {failure}"))).collect()
}
