//! Reads the facts: CloudFormation names the stack's resources, and each service is asked about its own.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::StateValue;
use cutline_core::ports::PortError;
use futures::future::try_join_all;

use super::facts::{
    AccountConcurrency, AlarmFacts, FunctionFacts, QueueFacts, RetentionFacts, StackFacts, TriggerFacts,
};
use crate::client::Aws;
use crate::error::{AwsError, fault};
use crate::sqs::oldest_age;

/// How the ARN of a confirmed subscription begins. In its place SNS lists `PendingConfirmation` until somebody confirms the
/// subscription, and `Deleted` after somebody ended it.
const CONFIRMED: &str = "arn:";

/// The most alarms that CloudWatch describes by name at once.
const ALARMS_AT_ONCE: usize = 100;

/// A resource of the stack.
struct Resource {
    logical_id: String,
    physical_id: String,
}

/// The resources of a stack, by type.
struct Resources(BTreeMap<String, Vec<Resource>>);

impl Resources {
    async fn read(config: &SdkConfig, stack: &str) -> Result<Self, PortError> {
        let client = aws_sdk_cloudformation::Client::new(config);
        let mut pages = client.list_stack_resources().stack_name(stack).into_paginator().items().send();
        let mut found: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        while let Some(resource) = pages.next().await {
            let resource = resource.map_err(|error| fault("cloudformation:ListStackResources", error))?;
            let ids = resource.logical_resource_id.zip(resource.physical_resource_id);
            // A resource that is being created has no physical id yet.
            if let Some(((logical_id, physical_id), kind)) = ids.zip(resource.resource_type) {
                found.entry(kind).or_default().push(Resource { logical_id, physical_id });
            }
        }
        Ok(Self(found))
    }

    fn of_type(&self, kind: &str) -> &[Resource] {
        self.0.get(kind).map_or(&[], Vec::as_slice)
    }
}

/// Reads the facts about a stack, with the operator's own credentials.
///
/// # Errors
/// [`PortError`] if the stack does not exist, or a service refuses or fails.
pub async fn inspect(aws: &Aws, stack: &str) -> Result<StackFacts, PortError> {
    let config = aws.config();
    let resources = Resources::read(config, stack).await?;
    let table = resources.of_type("AWS::DynamoDB::Table").first();
    let missing = || AwsError::Record { key: stack.to_owned(), detail: "the stack has no table".to_owned() };
    let lambda = aws_sdk_lambda::Client::new(config);
    Ok(StackFacts {
        table: table.ok_or_else(missing)?.physical_id.clone(),
        concurrency: concurrency(&lambda).await?,
        retention: retention(config, stack).await?,
        triggers: triggers(&lambda, resources.of_type("AWS::Lambda::EventSourceMapping")).await?,
        functions: try_join_all(resources.of_type("AWS::Lambda::Function").iter().map(|one| function(&lambda, one)))
            .await?,
        models_layer: resources.of_type("AWS::Lambda::LayerVersion").first().map(|one| one.physical_id.clone()),
        alarms: alarms(config, resources.of_type("AWS::CloudWatch::Alarm")).await?,
        queues: try_join_all(resources.of_type("AWS::SQS::Queue").iter().map(|one| queue(aws, one))).await?,
    })
}

async fn concurrency(lambda: &aws_sdk_lambda::Client) -> Result<AccountConcurrency, PortError> {
    let answer = lambda.get_account_settings().send().await;
    let answer = answer.map_err(|error| fault("lambda:GetAccountSettings", error))?;
    let limit = answer.account_limit;
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    Ok(AccountConcurrency {
        limit: limit.as_ref().map_or(0, |limit| number(Some(limit.concurrent_executions))),
        unreserved: limit.map_or(0, |limit| number(limit.unreserved_concurrent_executions)),
    })
}

/// Read from the stack's parameters.
async fn retention(config: &SdkConfig, stack: &str) -> Result<Option<RetentionFacts>, PortError> {
    let answer = aws_sdk_cloudformation::Client::new(config).describe_stacks().stack_name(stack).send().await;
    let answer = answer.map_err(|error| fault("cloudformation:DescribeStacks", error))?;
    let days = |name: &str| -> Option<u32> {
        let mut parameters = answer.stacks().iter().flat_map(|stack| stack.parameters());
        parameters.find(|parameter| parameter.parameter_key() == Some(name))?.parameter_value()?.parse().ok()
    };
    let retention = days("RetentionDays").zip(days("SourceRetentionDays"));
    Ok(retention.map(|(results, sources)| RetentionFacts { results, sources }))
}

async fn triggers(lambda: &aws_sdk_lambda::Client, resources: &[Resource]) -> Result<Vec<TriggerFacts>, PortError> {
    let found = try_join_all(resources.iter().map(|one| trigger(lambda, one))).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The facts about a trigger; `None` if somebody deleted it. The stack still lists it then.
async fn trigger(lambda: &aws_sdk_lambda::Client, resource: &Resource) -> Result<Option<TriggerFacts>, PortError> {
    let answer = match lambda.get_event_source_mapping().uuid(&resource.physical_id).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
            return Ok(None);
        }
        Err(error) => return Err(fault("lambda:GetEventSourceMapping", error)),
    };
    let state = answer.state.unwrap_or_default();
    if state == "Deleting" {
        return Ok(None);
    }
    let maximum = answer.scaling_config.and_then(|scaling| scaling.maximum_concurrency);
    Ok(Some(TriggerFacts {
        name: resource.logical_id.clone(),
        is_enabled: !["Disabled", "Disabling"].contains(&state.as_str()),
        maximum: maximum.and_then(|maximum| u32::try_from(maximum).ok()),
    }))
}

async fn function(lambda: &aws_sdk_lambda::Client, resource: &Resource) -> Result<FunctionFacts, PortError> {
    let answer = lambda.get_function_configuration().function_name(&resource.physical_id).send().await;
    let answer = answer.map_err(|error| fault("lambda:GetFunctionConfiguration", error))?;
    let layers = answer.layers.unwrap_or_default();
    Ok(FunctionFacts {
        name: resource.logical_id.clone(),
        layers: layers.into_iter().filter_map(|layer| layer.arn).collect(),
    })
}

async fn alarms(config: &SdkConfig, resources: &[Resource]) -> Result<Vec<AlarmFacts>, PortError> {
    let client = aws_sdk_cloudwatch::Client::new(config);
    let mut described = Vec::new();
    for names in resources.chunks(ALARMS_AT_ONCE) {
        let names = names.iter().map(|resource| resource.physical_id.clone()).collect();
        let request = client.describe_alarms().set_alarm_names(Some(names)).max_records(100);
        let answer = request.send().await.map_err(|error| fault("cloudwatch:DescribeAlarms", error))?;
        described.extend(answer.metric_alarms.unwrap_or_default());
    }
    let is_topic = |action: &&String| action.starts_with("arn:") && action.split(':').nth(2) == Some("sns");
    let actions = described.iter().flat_map(|alarm| alarm.alarm_actions());
    let topics: BTreeSet<&str> = actions.filter(is_topic).map(String::as_str).collect();
    let heard = heard_topics(config, topics).await?;
    let facts = |resource: &Resource| {
        let alarm = described.iter().find(|alarm| alarm.alarm_name() == Some(&resource.physical_id))?;
        let actions = if alarm.actions_enabled() == Some(true) { alarm.alarm_actions() } else { &[] };
        Some(AlarmFacts {
            name: resource.logical_id.clone(),
            is_ringing: alarm.state_value() == Some(&StateValue::Alarm),
            has_action: !actions.is_empty(),
            has_subscriber: actions.iter().any(|action| !is_topic(&action) || heard.contains(action)),
        })
    };
    Ok(resources.iter().filter_map(facts).collect())
}

/// The topics that have a confirmed subscription.
async fn heard_topics(config: &SdkConfig, topics: BTreeSet<&str>) -> Result<BTreeSet<String>, PortError> {
    let client = aws_sdk_sns::Client::new(config);
    let mut heard = BTreeSet::new();
    for topic in topics {
        let mut pages = client.list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
        while let Some(subscription) = pages.next().await {
            let subscription = subscription.map_err(|error| fault("sns:ListSubscriptionsByTopic", error))?;
            if subscription.subscription_arn().is_some_and(|arn| arn.starts_with(CONFIRMED)) {
                heard.insert(topic.to_owned());
                break;
            }
        }
    }
    Ok(heard)
}

async fn queue(aws: &Aws, resource: &Resource) -> Result<QueueFacts, PortError> {
    let queue = aws.queue(&resource.physical_id);
    let metrics = aws_sdk_cloudwatch::Client::new(aws.config());
    let (age, messages) = futures::try_join!(oldest_age(&metrics, queue.name()), queue.length())?;
    Ok(QueueFacts { name: resource.logical_id.clone(), age, messages })
}
