//! Every type of resource in the template is used by a scenario of the deployed functions, or RUNBOOK.md lists it as never
//! exercised off AWS.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{TEMPLATE, root};
use Proof::{Listed, Scenario};

enum Proof {
    /// A scenario of `xtask/tests/deployed` that fails without such a resource.
    Scenario(&'static str),
    /// Words of RUNBOOK.md, "Never exercised off AWS".
    Listed(&'static str),
}

const PROOFS: &[(&str, Proof)] = &[
    ("AWS::ApiGatewayV2::Api", Listed("API Gateway: routes")),
    ("AWS::ApiGatewayV2::ApiMapping", Listed("custom domain")),
    ("AWS::ApiGatewayV2::DomainName", Listed("custom domain")),
    ("AWS::ApiGatewayV2::Integration", Listed("API Gateway: routes")),
    ("AWS::ApiGatewayV2::Route", Listed("API Gateway: routes")),
    ("AWS::ApiGatewayV2::Stage", Listed("throttling, CORS, access log")),
    ("AWS::CloudWatch::Alarm", Listed("Alarms")),
    ("AWS::CloudWatch::Dashboard", Listed("the dashboard")),
    ("AWS::DynamoDB::Table", Scenario("jobs::an_uploaded_photo_is_cut_out")),
    ("AWS::Events::Rule", Listed("the schedule")),
    ("AWS::IAM::ManagedPolicy", Scenario("workers::a_killed_and_an_added_worker_lose_nothing")),
    ("AWS::IAM::Policy", Scenario("roles::roles_permit_their_own_work_only")),
    ("AWS::IAM::Role", Scenario("roles::roles_permit_their_own_work_only")),
    ("AWS::Lambda::EventInvokeConfig", Listed("`EventInvokeConfig`")),
    ("AWS::Lambda::EventSourceMapping", Listed("Triggers")),
    ("AWS::Lambda::Function", Scenario("jobs::an_uploaded_photo_is_cut_out")),
    ("AWS::Lambda::LayerVersion", Listed("layer of the models")),
    ("AWS::Lambda::Permission", Listed("permissions to invoke")),
    ("AWS::Logs::LogGroup", Listed("Log groups")),
    ("AWS::Logs::MetricFilter", Listed("the metric filter")),
    ("AWS::Route53::RecordSet", Listed("DNS record")),
    ("AWS::S3::Bucket", Scenario("drops::a_dropped_file_comes_back_with_a_manifest")),
    ("AWS::S3::BucketPolicy", Listed("policies of the bucket")),
    ("AWS::SNS::Topic", Listed("their topic")),
    ("AWS::SQS::Queue", Scenario("delivery::the_sweep_resends_a_lost_message")),
    ("AWS::SQS::QueuePolicy", Listed("and of `IntakeBulkQueue`")),
];

#[test]
fn every_type_of_resource_is_exercised_or_listed() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (scenarios, runbook) = (read("xtask/tests/deployed/main.rs"), read("RUNBOOK.md"));
    let (_, section) = runbook.split_once("\n## Never exercised off AWS\n").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    // A line may end anywhere.
    let section = section.split_whitespace().collect::<Vec<_>>().join(" ");
    let resources = TEMPLATE["Resources"].as_object().expect("resources");
    let types: BTreeSet<_> = resources.values().map(|resource| resource["Type"].as_str().expect("a type")).collect();
    for kind in types {
        match PROOFS.iter().find(|(name, _)| *name == kind) {
            Some((_, Scenario(name))) => {
                assert!(scenarios.contains(&format!(" {name},\n")), "{kind}: no scenario {name}");
            }
            Some((_, Listed(words))) => assert!(section.contains(words), "{kind}: RUNBOOK.md lacks {words:?}"),
            None => {
                panic!("{kind}: add a scenario or a line in RUNBOOK.md, \"Never exercised off AWS\", and a row here")
            }
        }
    }
}
