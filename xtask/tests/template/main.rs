//! template.yaml against the code and its own rules, after AWS's SAM translator has expanded it as CloudFormation would; and
//! `deploy/workers.yaml` with the Dockerfile.
//!
//! Needs Python tools: run it with `cargo xtask test template`.

mod alarms;
mod environments;
mod metric_math;
mod proofs;
mod roles;
mod support;
mod workers;

use std::collections::BTreeSet;
use std::fs;

use cutline_aws::config::{IntakeConfig, ProcessConfig, StatusConfig, SweepConfig, UploadConfig, variables};
use cutline_aws::inspect::{EXTRA_SOURCE_DAYS, QUEUE_LIMITS, QueueLimit, TRIGGERS};
use serde_json::Value;

use support::{TEMPLATE, list, of_type, properties, root, statements, transformed};

#[test]
fn functions_get_exactly_the_variables_their_code_reads() {
    let expected = [
        ("UploadFunction", variables::<UploadConfig>()),
        ("StatusFunction", variables::<StatusConfig>()),
        ("ProcessFunction", variables::<ProcessConfig>()),
        ("IntakeFunction", variables::<IntakeConfig>()),
        ("SweepFunction", variables::<SweepConfig>()),
    ];
    assert_eq!(of_type("AWS::Lambda::Function").len(), expected.len());
    for (name, variables) in expected {
        let set = properties(name)["Environment"]["Variables"].as_object().expect("variables");
        let mut set: BTreeSet<String> = set.keys().cloned().collect();
        // The SDK reads this one.
        assert!(set.remove("AWS_ENDPOINT_URL"), "{name}");
        assert_eq!(set, variables, "{name}");
    }
}

/// An empty variable would be an endpoint for some SDKs, so it must be absent on AWS.
#[test]
fn functions_get_an_endpoint_only_if_there_is_one() {
    let expected = serde_json::json!({"Fn::If": ["HasEndpoint", {"Ref": "EndpointUrl"}, {"Ref": "AWS::NoValue"}]});
    for (name, function) in of_type("AWS::Lambda::Function") {
        assert_eq!(function["Environment"]["Variables"]["AWS_ENDPOINT_URL"], expected, "{name}");
    }
    assert_eq!(TEMPLATE["Parameters"]["EndpointUrl"]["Default"], "");
    let is_empty = serde_json::json!({"Fn::Equals": [{"Ref": "EndpointUrl"}, ""]});
    assert_eq!(TEMPLATE["Conditions"]["HasEndpoint"], serde_json::json!({"Fn::Not": [is_empty]}));
}

/// The gateway routes by method alone: methods that change something go to the upload function, all others to the status
/// function.
#[test]
fn methods_that_change_something_go_to_the_upload_function() {
    let target = |integration: &str| serde_json::json!({"Fn::Sub": format!("integrations/${{{integration}}}")});
    let mut expected: Vec<(String, Value)> =
        ["POST", "PUT", "DELETE"].map(|m| (format!("{m} /api/v1/{{proxy+}}"), target("UploadIntegration"))).into();
    expected.push(("$default".to_owned(), target("StatusIntegration")));
    let mut routes: Vec<(String, Value)> = of_type("AWS::ApiGatewayV2::Route")
        .into_iter()
        .map(|(_, route)| (route["RouteKey"].as_str().expect("a route").to_owned(), route["Target"].clone()))
        .collect();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    routes.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(routes, expected);

    let permissions: Vec<_> = of_type("AWS::Lambda::Permission")
        .into_iter()
        .filter(|(_, permission)| permission["Principal"] == "apigateway.amazonaws.com")
        .map(|(_, permission)| (permission["FunctionName"].clone(), permission["SourceArn"].to_string()))
        .collect();
    assert_eq!(permissions.len(), expected.len());
    for method in ["POST", "PUT", "DELETE"] {
        let route = format!("/*/{method}/api/v1/*");
        let (function, _) = permissions.iter().find(|(_, source)| source.contains(&route)).expect(method);
        assert_eq!(*function, serde_json::json!({"Ref": "UploadFunction"}), "{method}");
    }
    let methods = &properties("Api")["CorsConfiguration"]["Fn::If"][1]["AllowMethods"];
    assert_eq!(*methods, serde_json::json!(["GET", "POST", "PUT", "DELETE"]), "browsers may use all methods");
}

/// A part of the table with or without the index `by_external_id`.
fn table_part(name: &str, external_id_index: bool) -> Vec<&'static Value> {
    let no_value = serde_json::json!({"Ref": "AWS::NoValue"});
    let chosen = |part: &'static Value| match &part["Fn::If"] {
        Value::Null => part,
        choice => {
            assert_eq!(choice[0], "HasExternalIdIndex");
            &choice[if external_id_index { 1 } else { 2 }]
        }
    };
    list(&properties("Table")[name]).into_iter().map(chosen).filter(|part| **part != no_value).collect()
}

/// CloudFormation adds one index per update, and DynamoDB wants exactly the key attributes to be defined.
#[test]
fn the_table_is_complete_with_and_without_its_last_index() {
    let names = |parts: &[&Value], name: &str| -> BTreeSet<String> {
        parts.iter().filter_map(|part| part[name].as_str()).map(str::to_owned).collect()
    };
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    for (last, indexes) in [(false, &["due", "by_owner"][..]), (true, &["due", "by_owner", "by_external_id"])] {
        let found = table_part("GlobalSecondaryIndexes", last);
        assert_eq!(names(&found, "IndexName"), set(indexes));
        let mut keys: Vec<_> = found.iter().flat_map(|index| list(&index["KeySchema"])).collect();
        keys.extend(list(&properties("Table")["KeySchema"]));
        let defined = names(&table_part("AttributeDefinitions", last), "AttributeName");
        assert_eq!(defined, names(&keys, "AttributeName"));
    }
    assert_eq!(TEMPLATE["Parameters"]["ExternalIdIndex"]["Default"], "true");
}

#[test]
fn every_function_has_its_own_role_and_log() {
    let functions = of_type("AWS::Lambda::Function");
    for property in ["/Role", "/LoggingConfig/LogGroup"] {
        let used: BTreeSet<String> = functions
            .iter()
            .map(|(name, _)| {
                properties(name).pointer(property).unwrap_or_else(|| panic!("{name} has no {property}")).to_string()
            })
            .collect();
        assert_eq!(used.len(), functions.len(), "functions share a {property}");
    }
    for (name, log) in of_type("AWS::Logs::LogGroup") {
        assert!(log.contains_key("RetentionInDays"), "{name} keeps its lines forever");
    }
}

#[test]
fn queues_are_encrypted_and_hide_messages_for_six_timeouts() {
    for (name, mapping) in of_type("AWS::Lambda::EventSourceMapping") {
        let function = mapping["FunctionName"]["Ref"].as_str().expect("a function");
        let queue = mapping["EventSourceArn"]["Fn::GetAtt"][0].as_str().expect("a queue");
        let timeout = properties(function)["Timeout"].as_u64().expect("a timeout");
        let visibility = properties(queue)["VisibilityTimeout"].as_u64().expect("a visibility timeout");
        assert!(
            visibility >= 6 * timeout,
            "{name}: {queue} has a visibility timeout of {visibility} s, {function} a timeout of {timeout} s"
        );
        assert_eq!(mapping["FunctionResponseTypes"], serde_json::json!(["ReportBatchItemFailures"]), "{name}");
    }
    for (name, queue) in of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
    }
}

#[test]
fn the_process_function_has_the_documented_defaults() {
    let process = properties("ProcessFunction");
    assert_eq!(process["Timeout"], 120);
    assert_eq!(process["MemorySize"], serde_json::json!({"Ref": "ProcessMemory"}));
    assert_eq!(TEMPLATE["Parameters"]["ProcessMemory"]["Default"], 3008);
    assert_eq!(properties("JobsQueue")["RedrivePolicy"]["maxReceiveCount"], 20);
    for (name, function) in of_type("AWS::Lambda::Function") {
        // Reserved concurrency takes from the account's pool, and throttled polls of a queue count as receives.
        let reserves = |condition: &str, parameter: &str| {
            let reserved = serde_json::json!({"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]});
            assert_eq!(function["ReservedConcurrentExecutions"], reserved, "{name}");
            assert_eq!(TEMPLATE["Parameters"][parameter]["Default"], "", "{name}: none by default");
        };
        match name {
            "UploadFunction" => reserves("ReservesUpload", "UploadReservedConcurrency"),
            "StatusFunction" => reserves("ReservesStatus", "StatusReservedConcurrency"),
            _ => assert!(!function.contains_key("ReservedConcurrentExecutions"), "{name}"),
        }
        assert_eq!(function["TracingConfig"], serde_json::json!({"Mode": "Active"}), "{name}");
        assert_eq!(function["Architectures"], serde_json::json!(["x86_64"]), "{name}: no other one is built");
    }
}

/// The queues of jobs.
const LANES: [&str; 4] = ["JobsQueue", "BulkQueue", "IntakeQueue", "IntakeBulkQueue"];

/// A concurrency of 0 leaves a trigger out, and 1 is refused: Lambda's limit for a queue is 2 to 1,000.
#[test]
fn every_lane_and_stage_has_a_trigger_that_can_be_left_out() {
    let expected = [
        ("ProcessFunctionJobs", "ProcessFunction", "JobsQueue", "ProcessConcurrency", 5),
        ("ProcessFunctionBulk", "ProcessFunction", "BulkQueue", "BulkConcurrency", 2),
        ("IntakeFunctionLive", "IntakeFunction", "IntakeQueue", "IntakeConcurrency", 5),
        ("IntakeFunctionBulk", "IntakeFunction", "IntakeBulkQueue", "IntakeConcurrency", 5),
    ];
    let refused = TEMPLATE["Rules"]["ConcurrencyIsNotOne"]["Assertions"].to_string();
    for (name, function, queue, parameter, default) in expected {
        let mapping = properties(name);
        assert_eq!(mapping["FunctionName"]["Ref"], function, "{name}");
        assert_eq!(mapping["EventSourceArn"]["Fn::GetAtt"][0], queue, "{name}");
        assert_eq!(mapping["BatchSize"], 1, "{name}");
        assert_eq!(mapping["ScalingConfig"], serde_json::json!({"MaximumConcurrency": {"Ref": parameter}}), "{name}");
        let settings = &TEMPLATE["Parameters"][parameter];
        assert_eq!(
            *settings,
            serde_json::json!({
                "Type": "Number", "Default": default, "MinValue": 0, "MaxValue": 1000, "Description": settings["Description"],
            })
        );
        let condition = TEMPLATE["Resources"][name]["Condition"].as_str().expect("a condition");
        let is_zero = serde_json::json!({"Fn::Equals": [{"Ref": parameter}, "0"]});
        assert_eq!(TEMPLATE["Conditions"][condition], serde_json::json!({"Fn::Not": [is_zero]}), "{name}");
        let is_one = serde_json::json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, "1"]}]});
        assert!(refused.contains(&is_one.to_string()), "{parameter}: {refused}");
    }
}

/// `cutline doctor` finds each trigger that is missing.
#[test]
fn the_doctor_knows_every_trigger() {
    let of_template: BTreeSet<_> = of_type("AWS::Lambda::EventSourceMapping")
        .into_iter()
        .map(|(name, mapping)| {
            let queue = mapping["EventSourceArn"]["Fn::GetAtt"][0].as_str().expect("a queue");
            (name, queue, mapping["ScalingConfig"]["MaximumConcurrency"]["Ref"].as_str())
        })
        .collect();
    let known = TRIGGERS.map(|trigger| (trigger.name, trigger.queue, trigger.parameter));
    assert_eq!(BTreeSet::from(known), of_template);
}

/// `sam build` runs cargo in `CodeUri` and selects the binary by name. It silently ignores all other properties.
#[test]
fn every_function_is_built_from_its_own_crate() {
    let builds = transformed(&["--builds"]);
    let builds = builds.as_object().expect("functions");
    assert_eq!(builds.len(), 5);
    for (name, build) in builds {
        let folder = build["code_uri"].as_str().unwrap_or_else(|| panic!("{name} has no folder"));
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a crate");
        let binary = format!("cutline-{}", folder.strip_prefix("functions/").expect("a function's folder"));
        assert!(manifest.contains(&format!("name = \"{binary}\"")), "{name}: {folder} is another crate");
        let expected = serde_json::json!({"BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": binary}});
        assert_eq!(build["metadata"], expected, "{name}");
    }
}

#[test]
fn the_bucket_is_private_and_expires_its_objects() {
    let bucket = properties("Bucket");
    let all_blocked = serde_json::json!({
        "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
    });
    assert_eq!(bucket["PublicAccessBlockConfiguration"], all_blocked);
    let rules = list(&bucket["LifecycleConfiguration"]["Rules"]);
    for (prefix, days) in [
        ("sources/", "SourceRetentionDays"),
        ("jobs/", "RetentionDays"),
        ("drops/", "SourceRetentionDays"),
        ("retouch/", "SourceRetentionDays"),
        ("results/", "RetentionDays"),
    ] {
        let rule = rules.iter().find(|rule| rule["Prefix"] == prefix).expect(prefix);
        assert_eq!(rule["ExpirationInDays"], serde_json::json!({"Ref": days}), "{prefix}");
    }
    let statement = &properties("BucketPolicy")["PolicyDocument"]["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Principal"]), (&"Deny".into(), &"*".into()));
    assert_eq!(statement["Condition"], serde_json::json!({"Bool": {"aws:SecureTransport": "false"}}));
}

/// The web pages of the API and those of the listed origins send files to the bucket, and read the pixels of results.
#[test]
fn the_bucket_admits_the_apis_own_pages_and_the_listed_origins() {
    let rules = list(&properties("Bucket")["CorsConfiguration"]["CorsRules"]);
    assert_eq!(rules.len(), 2);
    let domain = serde_json::json!({"Fn::Sub": "https://${DomainName}"});
    let default = serde_json::json!({"Fn::GetAtt": ["Api", "ApiEndpoint"]});
    // The pages have the address of the API, as its output names it.
    let own = serde_json::json!({"Fn::If": ["HasDomain", domain, default]});
    assert_eq!(TEMPLATE["Outputs"]["ApiUrl"]["Value"], own);
    assert_eq!(rules[0]["AllowedOrigins"], serde_json::json!([own]));
    let listed = &rules[1]["Fn::If"];
    assert_eq!((&listed[0], &listed[2]), (&"HasCors".into(), &serde_json::json!({"Ref": "AWS::NoValue"})));
    assert_eq!(listed[1]["AllowedOrigins"], serde_json::json!({"Ref": "CorsOrigins"}));
    for rule in [rules[0], &listed[1]] {
        assert_eq!(rule["AllowedMethods"], serde_json::json!(["GET", "HEAD", "PUT"]));
        // A direct upload sends the headers that its link signs.
        assert_eq!(rule["AllowedHeaders"], serde_json::json!(["*"]));
    }
    // The functions depend on the bucket, and the bucket on the API, which depends on nothing.
    let api = properties("Api").to_string();
    for resource in TEMPLATE["Resources"].as_object().expect("resources").keys() {
        let (by_ref, by_name) = (format!("{{\"Ref\":\"{resource}\"}}"), format!("[\"{resource}\","));
        assert!(!api.contains(&by_ref) && !api.contains(&by_name), "the API depends on {resource}");
    }
}

/// A bucket with a notification needs the queue's policy to exist first, so that policy must not depend on the bucket.
#[test]
fn the_bucket_notifies_bulk_intake_of_drops_and_of_nothing_the_functions_write() {
    let name = serde_json::json!({"Fn::Sub": "${AWS::StackName}-${AWS::AccountId}-${AWS::Region}${BucketSuffix}"});
    let bucket = &TEMPLATE["Resources"]["Bucket"];
    assert_eq!(bucket["Properties"]["BucketName"], name);
    assert_eq!(bucket["DependsOn"], "IntakeBulkQueuePolicy");
    let queue = serde_json::json!({"Fn::GetAtt": ["IntakeBulkQueue", "Arn"]});
    let expected = ["drops/", "retouch/"].map(|prefix| {
        serde_json::json!({
            "Event": "s3:ObjectCreated:*", "Queue": queue,
            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}},
        })
    });
    let expected = serde_json::json!({ "QueueConfigurations": expected });
    assert_eq!(bucket["Properties"]["NotificationConfiguration"], expected);
    let policy = properties("IntakeBulkQueuePolicy");
    // The suffix is a parameter; everything else with this name would be the bucket.
    let refers_to_bucket = policy.to_string().replace("BucketSuffix", "").contains("Bucket");
    assert!(!refers_to_bucket, "the policy and the bucket depend on each other: {policy}");
    let arn = format!("arn:${{AWS::Partition}}:s3:::{}", name["Fn::Sub"].as_str().expect("a name"));
    let expected = serde_json::json!([{
        "Sid": "DroppedFiles", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": queue,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": {"Fn::Sub": arn}},
        },
    }]);
    assert_eq!(policy["PolicyDocument"]["Statement"], expected);
    let written = statements().into_iter().filter(|(_, statement)| statement["Action"] == "s3:PutObject");
    for (owner, statement) in written {
        let resources = statement["Resource"].to_string();
        let is_dropped = ["/drops/", "/retouch/"].iter().any(|folder| resources.contains(folder));
        assert!(!is_dropped, "{owner} could cause notifications: {resources}");
    }
}

#[test]
fn a_photo_and_its_message_outlive_the_wait_for_a_worker() {
    let policy = cutline_core::Policy::default();
    let pending = policy.max_pending.as_secs();
    let days = |parameter: &str, limit: &str| {
        TEMPLATE["Parameters"][parameter][limit].as_u64().expect("a number of days") * 86_400
    };
    assert!(days("RetentionDays", "MinValue") > pending);
    assert!(days("SourceRetentionDays", "MinValue") > policy.max_drop_wait.as_secs() + pending);
    // A draft that is held last can still be corrected.
    let extra = u64::from(EXTRA_SOURCE_DAYS) * 86_400;
    assert_eq!(extra, cutline_core::domain::backfill::MAX_TIME.as_secs() + pending);
    for limit in ["Default", "MaxValue"] {
        assert_eq!(days("SourceRetentionDays", limit), days("RetentionDays", limit) + extra, "{limit}");
    }
    let description = TEMPLATE["Parameters"]["SourceRetentionDays"]["Description"].as_str().expect("a description");
    assert!(description.contains(&format!("{EXTRA_SOURCE_DAYS} more than RetentionDays")), "{description}");
    for queue in LANES {
        let seconds = properties(queue)["MessageRetentionPeriod"].as_u64().expect("a message retention");
        assert!(seconds >= pending);
        assert_eq!(seconds, 10 * 86_400, "{queue}");
        // A dead letter keeps its age, so its queue keeps it longer.
        assert_eq!(properties(queue)["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0], "DeadLetterQueue");
    }
    assert_eq!(properties("DeadLetterQueue")["MessageRetentionPeriod"], 14 * 86_400);
}

/// `cutline doctor` finds what the alarms report.
#[test]
fn the_doctor_has_the_limits_of_the_alarms() {
    let alarms = of_type("AWS::CloudWatch::Alarm");
    // The alarm for dead letters counts them instead.
    for (queue, limit) in QUEUE_LIMITS.into_iter().filter(|(queue, _)| *queue != "DeadLetterQueue") {
        let of_queue = |metric: &str| {
            let dimension = serde_json::json!([{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]);
            let (name, alarm) = alarms
                .iter()
                .find(|(_, alarm)| alarm.get("Dimensions") == Some(&dimension) && alarm["MetricName"] == metric)
                .unwrap_or_else(|| panic!("no alarm for {metric} of {queue}"));
            assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{name}");
            alarm["Threshold"].as_u64().expect("a threshold")
        };
        match limit {
            QueueLimit::Age(age) => assert_eq!(of_queue("ApproximateAgeOfOldestMessage"), age.as_secs(), "{queue}"),
            QueueLimit::Empty => assert_eq!(of_queue("ApproximateNumberOfMessagesVisible"), 0, "{queue}"),
        }
    }
    assert_eq!(of_type("AWS::SQS::Queue").len(), QUEUE_LIMITS.len(), "every queue has a limit");
}

#[test]
fn everything_the_readme_refers_to_is_an_output() {
    for name in [
        "ApiUrl",
        "TableName",
        "BucketName",
        "DeliveryRoleArn",
        "UploadRoleArn",
        "JobsQueueUrl",
        "BulkQueueUrl",
        "IntakeQueueUrl",
        "IntakeBulkQueueUrl",
        "DeadLetterQueueUrl",
        "ParkingQueueUrl",
        "ReportsQueueUrl",
        "RetentionDays",
    ] {
        assert!(TEMPLATE["Outputs"].get(name).is_some(), "{name}");
    }
}

/// A stack that could not be created leaves nothing behind, and one that is deleted leaves its data.
#[test]
fn the_data_outlives_its_stack() {
    for name in ["Table", "Bucket"] {
        assert_eq!(TEMPLATE["Resources"][name]["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
        assert_eq!(TEMPLATE["Resources"][name]["UpdateReplacePolicy"], "Retain", "{name}");
    }
    let table = properties("Table");
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["DeletionProtectionEnabled"], serde_json::json!({"Ref": "DeletionProtection"}));
    assert!(table.get("TableName").is_none(), "a second deployment needs another name");
}

/// The longest name of stack, account and region, with a suffix.
#[test]
fn a_suffix_of_the_bucket_is_part_of_a_valid_name() {
    let suffix = &TEMPLATE["Parameters"]["BucketSuffix"];
    assert_eq!((&suffix["Default"], &suffix["AllowedPattern"]), (&"".into(), &"^$|^-[a-z0-9]{1,8}$".into()));
    let longest = "s".repeat(35) + "-123456789012" + "-ap-southeast-1";
    assert_eq!(longest.len(), 63, "the template's comment says 35");
}

/// The template of the import makes the next update see the table as it is, indexes and all.
#[test]
fn the_import_knows_the_same_table_and_bucket() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let import = fs::read_to_string(root().join("examples/aws/import.yaml")).expect("import.yaml");
    let part = |text: &str, from: &str| {
        let (_, rest) = text.split_once(from).expect("the resource");
        rest.split_once("\n\n").map_or(rest, |(part, _)| part).trim_end().to_owned()
    };
    let table = "  Table:\n    Type: AWS::DynamoDB::Table\n";
    assert_eq!(part(&import, table), part(&template, table));
    let name = r#"BucketName: !Sub "${AWS::StackName}-${AWS::AccountId}-${AWS::Region}${BucketSuffix}""#;
    assert!(import.contains(name) && template.contains(name), "the bucket has another name");
}

#[test]
fn the_stage_limits_requests_and_a_domain_replaces_the_default_address() {
    let stage = properties("ApiStage");
    let limits = serde_json::json!({
        "ThrottlingRateLimit": {"Ref": "ApiRateLimit"}, "ThrottlingBurstLimit": {"Ref": "ApiBurstLimit"},
    });
    assert_eq!(stage["DefaultRouteSettings"], limits);
    let disabled = serde_json::json!({"Fn::If": ["HasDomain", true, false]});
    assert_eq!(properties("Api")["DisableExecuteApiEndpoint"], disabled);
    let format = stage["AccessLogSettings"]["Format"].as_str().expect("a format");
    assert!(!format.contains("sourceIp"), "addresses of callers are personal data: {format}");
    let line: Value = serde_json::from_str(format).expect("JSON with variables as strings");
    assert_eq!(line["status"], "$context.status");
}
