//! template.yaml against the code and its own rules, after AWS's SAM translator has expanded it as CloudFormation would.
//!
//! Needs Python tools: run it with `cargo xtask test template`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cutline_aws::config::{IntakeConfig, ProcessConfig, StatusConfig, SweepConfig, UploadConfig, variables};
use serde_json::{Map, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

static TEMPLATE: LazyLock<Value> = LazyLock::new(|| transformed(&[]));

/// The output of `transform.py` for the template.
fn transformed(options: &[&str]) -> Value {
    let python =
        std::env::var_os("CUTLINE_TEST_PYTHON").expect("CUTLINE_TEST_PYTHON is set by `cargo xtask test template`");
    let output = Command::new(python)
        .arg(root().join("xtask/py/transform.py"))
        .args(options)
        .arg(root().join("template.yaml"))
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The resources of a type, by name. There must be at least one.
fn of_type(kind: &str) -> Vec<(&'static str, &'static Map<String, Value>)> {
    let resources = TEMPLATE["Resources"].as_object().expect("resources");
    let found: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource["Properties"].as_object().expect("properties")))
        .collect();
    assert!(!found.is_empty(), "the template has no {kind}");
    found
}

fn properties(name: &str) -> &'static Value {
    &TEMPLATE["Resources"][name]["Properties"]
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Every permission statement of every role and policy, with its owner's name.
fn statements() -> Vec<(String, &'static Value)> {
    let mut found = Vec::new();
    for (name, role) in of_type("AWS::IAM::Role") {
        for policy in list(&role["Policies"]) {
            found.extend(list(&policy["PolicyDocument"]["Statement"]).into_iter().map(|one| (name.to_owned(), one)));
        }
    }
    for (name, policy) in of_type("AWS::IAM::Policy") {
        found.extend(list(&policy["PolicyDocument"]["Statement"]).into_iter().map(|one| (name.to_owned(), one)));
    }
    found
}

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
        let set: BTreeSet<String> = set.keys().cloned().collect();
        assert_eq!(set, variables, "{name}");
    }
}

#[test]
fn roles_permit_named_actions_on_named_resources() {
    for (owner, statement) in statements() {
        for action in list(&statement["Action"]) {
            let action = action.as_str().expect("an action");
            assert!(!action.contains('*'), "{owner} may {action}");
            for resource in list(&statement["Resource"]) {
                let anything = resource == "*";
                assert_eq!(anything, action == "cloudwatch:GetMetricStatistics", "{owner}: {action} on {resource}");
            }
        }
    }
    for (name, role) in of_type("AWS::IAM::Role") {
        assert!(role.get("ManagedPolicyArns").is_none(), "{name} has managed policies, which name no resource");
    }
}

/// A scan reads the records of all owners. It is for an operator with credentials of its own.
#[test]
fn no_role_scans_the_table_and_only_status_writes_nothing() {
    let mut writers = BTreeSet::new();
    for (owner, statement) in statements() {
        for action in list(&statement["Action"]) {
            let action = action.as_str().expect("an action");
            assert!(action != "dynamodb:Scan" && !action.starts_with("dynamodb:PartiQL"), "{owner} may {action}");
            if action == "dynamodb:UpdateItem" {
                writers.insert(owner.clone());
            }
        }
    }
    // Each of them ends jobs, and counts them.
    assert_eq!(writers, ["IntakeRole", "ProcessRole", "SweepRole", "UploadRole"].map(str::to_owned).into());
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

#[test]
fn only_the_sweep_deletes_objects() {
    let deleting: Vec<_> = statements()
        .into_iter()
        .filter(|(_, statement)| list(&statement["Action"]).into_iter().any(|action| *action == "s3:DeleteObject"))
        .map(|(owner, statement)| (owner, statement["Resource"].clone()))
        .collect();
    let files = ["sources", "jobs"].map(|folder| serde_json::json!({"Fn::Sub": format!("${{Bucket.Arn}}/{folder}/*")}));
    assert_eq!(deleting, [("SweepRole".to_owned(), Value::from(files.to_vec()))]);
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
fn links_are_signed_by_a_role_that_reads_results_and_only_status_and_sweep_may_assume() {
    let delivery = properties("DeliveryRole");
    let trusted = &delivery["AssumeRolePolicyDocument"]["Statement"][0]["Principal"];
    let status = serde_json::json!({"Fn::GetAtt": ["StatusRole", "Arn"]});
    let server = serde_json::json!({"Ref": "ServerRoleArn"});
    let sweep = serde_json::json!({"Fn::GetAtt": ["SweepRole", "Arn"]});
    let functions = serde_json::json!([status, sweep]);
    assert_eq!(*trusted, serde_json::json!({"AWS": {"Fn::If": ["HasServer", [status, sweep, server], functions]}}));
    assert_eq!(TEMPLATE["Parameters"]["ServerRoleArn"]["Default"], "", "a server needs the parameter to be set");
    let objects: Vec<_> = statements()
        .into_iter()
        .filter(|(owner, statement)| owner == "DeliveryRole" && statement["Action"] != "s3:ListBucket")
        .collect();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].1["Action"], "s3:GetObject");
    assert_eq!(objects[0].1["Resource"], serde_json::json!({"Fn::Sub": "${Bucket.Arn}/jobs/*"}));
}

#[test]
fn uploads_are_signed_by_a_role_that_writes_them_and_only_upload_may_assume() {
    let role = properties("DirectUploadRole");
    let trusted = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"];
    let upload = serde_json::json!({"Fn::GetAtt": ["UploadRole", "Arn"]});
    let server = serde_json::json!({"Ref": "ServerRoleArn"});
    assert_eq!(*trusted, serde_json::json!({"AWS": {"Fn::If": ["HasServer", [upload, server], upload]}}));
    assert_eq!(role["MaxSessionDuration"], 3600, "a role assumed by another role's session lasts no longer");
    let uploads = serde_json::json!({"Fn::Sub": "${Bucket.Arn}/uploads/*"});
    let own: Vec<_> = statements().into_iter().filter(|(owner, _)| owner == "DirectUploadRole").collect();
    assert_eq!(own.len(), 1);
    assert_eq!((&own[0].1["Action"], &own[0].1["Resource"]), (&"s3:PutObject".into(), &uploads));
    for (owner, statement) in statements() {
        let writes = list(&statement["Action"]).into_iter().any(|action| *action == "s3:PutObject");
        let in_uploads = list(&statement["Resource"]).into_iter().any(|resource| *resource == uploads);
        assert!(!(writes && in_uploads) || owner == "DirectUploadRole", "{owner} writes uploads");
    }
    let rules = list(&properties("Bucket")["LifecycleConfiguration"]["Rules"]);
    let rule = rules.iter().find(|rule| rule["Prefix"] == "uploads/").expect("a rule");
    let kept = cutline_core::domain::upload::KEPT.as_secs() / 86_400;
    assert_eq!(rule["ExpirationInDays"], kept, "as long as a request may be repeated");
    let cors = &properties("Bucket")["CorsConfiguration"]["Fn::If"][1]["CorsRules"][0];
    assert_eq!(cors["AllowedMethods"], serde_json::json!(["GET", "HEAD", "PUT"]));
    assert_eq!(cors["AllowedHeaders"], serde_json::json!(["*"]));
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

/// Every statement about the table itself names the partitions that it covers. Only the sender of webhooks reads the secrets
/// that sign them.
#[test]
fn only_the_sweep_reads_webhook_secrets() {
    let mut readers = BTreeSet::new();
    let table = serde_json::json!({"Fn::GetAtt": ["Table", "Arn"]});
    for (owner, statement) in statements() {
        if !list(&statement["Resource"]).contains(&&table) {
            continue;
        }
        let condition = &statement["Condition"];
        let partitions = list(&condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
        assert!(!partitions.is_empty(), "{owner} reads the whole table: {statement}");
        // An empty set of keys satisfies ForAllValues.
        assert_eq!(condition["Null"]["dynamodb:LeadingKeys"], "false", "{owner}: {statement}");
        for partition in partitions {
            let partition = partition.as_str().expect("a prefix");
            assert!(partition.ends_with("#*") && partition.len() > 2, "{owner}: {partition}");
            if partition == "hook#*" {
                assert_eq!(statement["Action"], "dynamodb:GetItem", "{owner}");
                readers.insert(owner.clone());
            }
        }
    }
    assert_eq!(readers, BTreeSet::from(["SweepRole".to_owned()]));
}

#[test]
fn the_process_function_has_the_documented_defaults() {
    let process = properties("ProcessFunction");
    assert_eq!(process["Timeout"], 120);
    assert_eq!(process["MemorySize"], serde_json::json!({"Ref": "ProcessMemory"}));
    assert_eq!(TEMPLATE["Parameters"]["ProcessMemory"]["Default"], 3008);
    assert_eq!(properties("JobsQueue")["RedrivePolicy"]["maxReceiveCount"], 20);
    assert_eq!(TEMPLATE["Parameters"]["Architecture"]["Default"], "x86_64");
    for (name, function) in of_type("AWS::Lambda::Function") {
        assert!(!function.contains_key("ReservedConcurrentExecutions"), "{name}");
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

/// The function that decodes pictures reaches jobs, an owner's item to refund a credit, and the counts of ended jobs; the
/// one that fetches reaches no key and no webhook secret.
#[test]
fn the_workers_reach_only_their_items() {
    let mut found = BTreeSet::new();
    for (role, statement) in statements() {
        let actions: Vec<_> = list(&statement["Action"]).into_iter().filter_map(Value::as_str).collect();
        if !["ProcessRole", "IntakeRole"].contains(&role.as_str()) || !actions[0].starts_with("dynamodb:") {
            continue;
        }
        let condition = &statement["Condition"];
        assert_eq!(condition["Null"], serde_json::json!({"dynamodb:LeadingKeys": "false"}), "{role} {actions:?}");
        let keys = list(&condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
        for (action, key) in actions.iter().flat_map(|action| keys.iter().map(move |key| (action, key))) {
            found.insert(format!("{role} {action} {}", key.as_str().expect("a key")));
        }
    }
    let expected = [
        "ProcessRole dynamodb:GetItem job#*",
        "ProcessRole dynamodb:PutItem job#*",
        "ProcessRole dynamodb:UpdateItem owner#*",
        "ProcessRole dynamodb:UpdateItem usage#*",
        "IntakeRole dynamodb:GetItem job#*",
        "IntakeRole dynamodb:GetItem drop#*",
        "IntakeRole dynamodb:GetItem owner#*",
        "IntakeRole dynamodb:PutItem job#*",
        "IntakeRole dynamodb:PutItem drop#*",
        "IntakeRole dynamodb:UpdateItem owner#*",
        "IntakeRole dynamodb:UpdateItem usage#*",
        "IntakeRole dynamodb:Query owner#*",
    ];
    let expected: BTreeSet<_> = expected.into_iter().map(str::to_owned).collect();
    assert_eq!(found, expected);
}

/// `sam build` runs cargo in `CodeUri` and selects the binary by name. It silently ignores all other properties.
#[test]
fn every_function_is_built_from_its_own_crate() {
    let builds = transformed(&["--builds"]);
    let builds = builds.as_object().expect("functions");
    assert_eq!(builds.len(), 5);
    for (name, build) in builds {
        let folder = build["code_uri"].as_str().unwrap_or_else(|| panic!("{name} has no folder"));
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a crate");
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
    for prefix in ["sources/", "jobs/", "drops/", "results/"] {
        let rule = rules.iter().find(|rule| rule["Prefix"] == prefix).expect(prefix);
        assert_eq!(rule["ExpirationInDays"], serde_json::json!({"Ref": "RetentionDays"}), "{prefix}");
    }
    let statement = &properties("BucketPolicy")["PolicyDocument"]["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Principal"]), (&"Deny".into(), &"*".into()));
    assert_eq!(statement["Condition"], serde_json::json!({"Bool": {"aws:SecureTransport": "false"}}));
}

/// A bucket with a notification needs the queue's policy to exist first, so that policy must not depend on the bucket.
#[test]
fn the_bucket_notifies_bulk_intake_of_drops_and_of_nothing_the_functions_write() {
    let name = serde_json::json!({"Fn::Sub": "${AWS::StackName}-${AWS::AccountId}-${AWS::Region}"});
    let bucket = &TEMPLATE["Resources"]["Bucket"];
    assert_eq!(bucket["Properties"]["BucketName"], name);
    assert_eq!(bucket["DependsOn"], "IntakeBulkQueuePolicy");
    let queue = serde_json::json!({"Fn::GetAtt": ["IntakeBulkQueue", "Arn"]});
    let expected = serde_json::json!({"QueueConfigurations": [{
        "Event": "s3:ObjectCreated:*", "Queue": queue,
        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "drops/"}]}},
    }]});
    assert_eq!(bucket["Properties"]["NotificationConfiguration"], expected);
    let policy = properties("IntakeBulkQueuePolicy");
    assert!(!policy.to_string().contains("Bucket"), "the policy and the bucket depend on each other: {policy}");
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
        assert!(!resources.contains("/drops/"), "{owner} could cause notifications: {resources}");
    }
}

#[test]
fn a_photo_and_its_message_outlive_the_wait_for_a_worker() {
    let pending = cutline_core::Policy::default().max_pending.as_secs();
    let days = TEMPLATE["Parameters"]["RetentionDays"]["MinValue"].as_u64().expect("a minimum retention");
    assert!(days * 86_400 > pending);
    for queue in LANES {
        let seconds = properties(queue)["MessageRetentionPeriod"].as_u64().expect("a message retention");
        assert!(seconds >= pending);
        assert_eq!(seconds, 10 * 86_400, "{queue}");
        // A dead letter keeps its age, so its queue keeps it longer.
        assert_eq!(properties(queue)["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0], "DeadLetterQueue");
    }
    assert_eq!(properties("DeadLetterQueue")["MessageRetentionPeriod"], 14 * 86_400);
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
    ] {
        assert!(TEMPLATE["Outputs"].get(name).is_some(), "{name}");
    }
}
