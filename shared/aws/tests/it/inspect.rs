//! The facts about a stack, read by the real SDKs from a server that answers like the services.
//!
//! CloudFormation and SNS answer in XML, CloudWatch in CBOR, the others in JSON.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cutline_aws::inspect::{
    AccountConcurrency, AlarmFacts, FunctionFacts, QueueFacts, RetentionFacts, StackFacts, TriggerFacts, inspect,
};
use cutline_core::ports::PortError;
use serde_json::json;

use crate::server::{aws, serve};

const TOPIC: &str = "arn:aws:sns:eu-central-1:1:alarms";
const LAYER: &str = "arn:aws:lambda:eu-central-1:1:layer:Models:4";

/// The stack's resources: type, logical id, physical id.
const RESOURCES: [(&str, &str, &str); 10] = [
    ("AWS::DynamoDB::Table", "Table", "shop-Table-1"),
    ("AWS::Lambda::EventSourceMapping", "ProcessFunctionJobs", "mapping-1"),
    ("AWS::Lambda::EventSourceMapping", "ProcessFunctionBulk", "deleted-mapping"),
    ("AWS::Lambda::EventSourceMapping", "IntakeFunctionLive", "leaving-mapping"),
    ("AWS::Lambda::Function", "ProcessFunction", "shop-ProcessFunction-1"),
    ("AWS::Lambda::LayerVersion", "ModelsLayer1", LAYER),
    ("AWS::CloudWatch::Alarm", "MemoryAlarm", "shop-MemoryAlarm-1"),
    ("AWS::CloudWatch::Alarm", "SweepErrorsAlarm", "shop-SweepErrorsAlarm-1"),
    ("AWS::CloudWatch::Alarm", "BacklogAlarm", "shop-BacklogAlarm-1"),
    ("AWS::SQS::Queue", "JobsQueue", "https://sqs.eu-central-1.amazonaws.com/1/shop-JobsQueue-1"),
];

fn json_response(body: &serde_json::Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}

fn xml(text: String) -> Response {
    ([("content-type", "text/xml")], text).into_response()
}

/// The first six resources on one page, the rest on another.
fn resources(body: &str) -> Response {
    let is_first = !body.contains("NextToken=more");
    let page = if is_first { &RESOURCES[..6] } else { &RESOURCES[6..] };
    let members: String = page
        .iter()
        .map(|(kind, logical, physical)| {
            format!(
                "<member><ResourceType>{kind}</ResourceType><LogicalResourceId>{logical}</LogicalResourceId>\
                 <PhysicalResourceId>{physical}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus>\
                 <LastUpdatedTimestamp>2026-01-01T00:00:00Z</LastUpdatedTimestamp></member>"
            )
        })
        .collect();
    let next = if is_first { "<NextToken>more</NextToken>" } else { "" };
    xml(format!(
        "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>{members}</StackResourceSummaries>\
         {next}</ListStackResourcesResult></ListStackResourcesResponse>"
    ))
}

/// The stack with its parameters, also those with their default values.
fn stack() -> Response {
    let parameters: String = [("LogLevel", "info"), ("SourceRetentionDays", "21"), ("RetentionDays", "30")]
        .iter()
        .map(|(key, value)| {
            format!("<member><ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue></member>")
        })
        .collect();
    xml(format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>shop</StackName>\
         <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
         <Parameters>{parameters}</Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    ))
}

/// The topic's subscriptions, with these ARNs.
fn subscriptions(arns: &[&str]) -> Response {
    let members: String =
        arns.iter().map(|arn| format!("<member><SubscriptionArn>{arn}</SubscriptionArn></member>")).collect();
    xml(format!(
        "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>{members}</Subscriptions>\
         </ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>"
    ))
}

/// A value in CBOR.
enum Cbor<'v> {
    Text(&'v str),
    Bool(bool),
    Number(f64),
    List(Vec<Self>),
    Map(Vec<(&'v str, Self)>),
}

impl Cbor<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        let text = |text: &str, out: &mut Vec<u8>| {
            // Two bytes of length fit every text here.
            out.push(0x79);
            out.extend(u16::try_from(text.len()).expect("a short text").to_be_bytes());
            out.extend(text.as_bytes());
        };
        let few = |number: usize| u8::try_from(number).expect("a few");
        match self {
            Self::Text(value) => text(value, out),
            Self::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
            Self::Number(value) => {
                out.push(0xfb);
                out.extend(value.to_be_bytes());
            }
            Self::List(values) => {
                out.push(0x80 + few(values.len()));
                values.iter().for_each(|value| value.encode(out));
            }
            Self::Map(fields) => {
                out.push(0xa0 + few(fields.len()));
                for (name, value) in fields {
                    text(name, out);
                    value.encode(out);
                }
            }
        }
    }

    fn response(&self) -> Response {
        let mut body = Vec::new();
        self.encode(&mut body);
        ([("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body).into_response()
    }
}

/// Three alarms: heard, disabled and ringing, one with another action than a topic.
fn alarms() -> Response {
    let alarm = |name, is_enabled, state, action| {
        Cbor::Map(vec![
            ("AlarmName", Cbor::Text(name)),
            ("ActionsEnabled", Cbor::Bool(is_enabled)),
            ("StateValue", Cbor::Text(state)),
            ("AlarmActions", Cbor::List(vec![Cbor::Text(action)])),
        ])
    };
    let alarms = vec![
        alarm("shop-MemoryAlarm-1", true, "OK", TOPIC),
        alarm("shop-SweepErrorsAlarm-1", false, "ALARM", TOPIC),
        alarm("shop-BacklogAlarm-1", true, "OK", "arn:aws:lambda:eu-central-1:1:function:page-me"),
    ];
    Cbor::Map(vec![("MetricAlarms", Cbor::List(alarms))]).response()
}

/// Answers like the services, for a topic with these subscriptions. Notes what was asked.
fn services(subscribed: &'static [&'static str], asked: Arc<Mutex<Vec<String>>>) -> Router {
    Router::new().fallback(move |request: Request| {
        let asked = asked.clone();
        async move { answer(request, subscribed, &asked).await }
    })
}

async fn answer(request: Request, subscribed: &[&str], asked: &Mutex<Vec<String>>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let (path, body) = (parts.uri.path(), String::from_utf8_lossy(&body));
    asked.lock().expect("not poisoned").push(format!("{} {path} {body}", parts.method));
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    match path {
        "/2016-08-19/account-settings" | "/2016-08-19/account-settings/" => json_response(&json!({
            "AccountLimit": { "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900 },
        })),
        "/2015-03-31/event-source-mappings/mapping-1" | "/2015-03-31/event-source-mappings/mapping-1/" => {
            json_response(&json!({ "State": "Disabled", "ScalingConfig": { "MaximumConcurrency": 5 } }))
        }
        "/2015-03-31/event-source-mappings/deleted-mapping" | "/2015-03-31/event-source-mappings/deleted-mapping/" => {
            let refusal = json!({ "Type": "User", "Message": "The resource you requested does not exist." });
            let error = [("content-type", "application/json"), ("x-amzn-errortype", "ResourceNotFoundException")];
            (StatusCode::NOT_FOUND, error, refusal.to_string()).into_response()
        }
        "/2015-03-31/event-source-mappings/leaving-mapping" | "/2015-03-31/event-source-mappings/leaving-mapping/" => {
            json_response(&json!({ "State": "Deleting", "ScalingConfig": { "MaximumConcurrency": 5 } }))
        }
        "/2015-03-31/functions/shop-ProcessFunction-1/configuration" => {
            json_response(&json!({ "Layers": [{ "Arn": LAYER, "CodeSize": 1 }] }))
        }
        _ if path.ends_with("/operation/DescribeAlarms") => alarms(),
        _ if path.ends_with("/operation/GetMetricStatistics") => {
            let point = Cbor::Map(vec![("Maximum", Cbor::Number(90.0))]);
            Cbor::Map(vec![("Datapoints", Cbor::List(vec![point]))]).response()
        }
        _ if target.ends_with("GetQueueAttributes") => {
            json_response(&json!({ "Attributes": { "ApproximateNumberOfMessages": "7" } }))
        }
        _ if body.contains("Action=ListStackResources") => resources(&body),
        _ if body.contains("Action=DescribeStacks") => stack(),
        _ if body.contains("Action=ListSubscriptionsByTopic") => subscriptions(subscribed),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn facts(subscribed: &'static [&'static str]) -> (StackFacts, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let endpoint = serve(services(subscribed, asked.clone())).await;
    let facts = inspect(&aws(&endpoint).await, "shop").await.expect("facts");
    let asked = asked.lock().expect("not poisoned").clone();
    (facts, asked)
}

#[tokio::test]
async fn all_facts_are_read() {
    let (facts, asked) = facts(&["PendingConfirmation", "arn:aws:sns:eu-central-1:1:alarms:confirmed"]).await;
    let alarm = |name: &str, is_ringing, has_action| AlarmFacts {
        name: name.to_owned(),
        is_ringing,
        has_action,
        has_subscriber: has_action,
    };
    let expected = StackFacts {
        table: "shop-Table-1".to_owned(),
        concurrency: AccountConcurrency { limit: 1000, unreserved: 900 },
        retention: Some(RetentionFacts { results: 30, sources: 21 }),
        triggers: vec![TriggerFacts { name: "ProcessFunctionJobs".to_owned(), is_enabled: false, maximum: Some(5) }],
        functions: vec![FunctionFacts { name: "ProcessFunction".to_owned(), layers: vec![LAYER.to_owned()] }],
        models_layer: Some(LAYER.to_owned()),
        alarms: vec![
            alarm("MemoryAlarm", false, true),
            alarm("SweepErrorsAlarm", true, false),
            alarm("BacklogAlarm", false, true),
        ],
        queues: vec![QueueFacts { name: "JobsQueue".to_owned(), age: Some(Duration::from_secs(90)), messages: 7 }],
    };
    assert_eq!(facts, expected);
    let of_stack = |action: &str| {
        let is_meant = |request: &&String| request.contains(action) && request.contains("StackName=shop");
        asked.iter().filter(is_meant).count()
    };
    assert_eq!(of_stack("Action=ListStackResources"), 2, "both pages of the resources: {asked:?}");
    assert_eq!(of_stack("Action=DescribeStacks"), 1, "{asked:?}");
    assert!(asked.iter().any(|request| request.contains("shop-JobsQueue-1")), "{asked:?}");
}

#[tokio::test]
async fn an_alarm_whose_topic_has_no_confirmed_subscription_has_no_subscriber() {
    const NOBODY: [&[&str]; 4] = [&["PendingConfirmation"], &["Deleted"], &["Deleted", "PendingConfirmation"], &[]];
    for subscribed in NOBODY {
        let (facts, _) = facts(subscribed).await;
        assert!(facts.alarms[0].has_action && !facts.alarms[0].has_subscriber, "{:?}", facts.alarms[0]);
        assert!(facts.alarms[2].has_subscriber, "an action other than a topic");
    }
}

#[tokio::test]
async fn an_unknown_stack_is_an_error_that_names_it() {
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
        <Message>Stack with id shop does not exist</Message></Error></ErrorResponse>";
    let server = Router::new().fallback(async move || (StatusCode::BAD_REQUEST, refusal));
    let error = inspect(&aws(&serve(server).await).await, "shop").await.expect_err("no such stack");
    assert!(matches!(error, PortError::Fail(_)), "{error:?}");
    assert!(error.to_string().contains("Stack with id shop does not exist"), "{error}");
}
