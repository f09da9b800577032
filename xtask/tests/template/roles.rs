//! The permissions of the roles, and what they permit by AWS's rules.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{TEMPLATE, list, of_type, properties, python, root, statements};

/// Actions that AWS permits on everything or on nothing.
const WITHOUT_RESOURCES: [&str; 3] =
    ["cloudwatch:GetMetricStatistics", "xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// The functions' roles.
const ROLES: [&str; 5] = ["UploadRole", "StatusRole", "ProcessRole", "IntakeRole", "SweepRole"];

/// Every way to read or change an item.
const ITEM_ACTIONS: [&str; 5] = ["GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"];

/// An access of a role. `policy.py` describes the parts.
fn question(role: &str, action: &str, resource: &str, context: Value) -> Value {
    json!({"role": role, "action": action, "resource": resource, "context": context})
}

/// An access to an item of the table.
fn item(role: &str, action: &str, partition: &str) -> Value {
    question(role, &format!("dynamodb:{action}"), "Table", json!({"dynamodb:LeadingKeys": [partition]}))
}

/// Whether the roles permit each of these accesses, by the rules that the emulator enforces too.
fn permitted(questions: &[Value]) -> Vec<bool> {
    let mut command = python("policy.py");
    command.arg(root().join("template.yaml")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python runs");
    let asked = Value::from(questions.to_vec()).to_string();
    child.stdin.take().expect("an input").write_all(asked.as_bytes()).expect("writes");
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "policy.py failed");
    let answers: Vec<bool> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answers.len(), questions.len());
    answers
}

/// The pairs of role and action that are permitted on items of a partition.
fn permitted_on(partition: &str) -> BTreeSet<String> {
    let asked: Vec<_> = ROLES.iter().flat_map(|role| ITEM_ACTIONS.iter().map(move |action| (*role, *action))).collect();
    let questions: Vec<_> = asked.iter().map(|(role, action)| item(role, action, partition)).collect();
    let answers = permitted(&questions);
    asked.iter().zip(answers).filter(|(_, ok)| *ok).map(|((role, action), _)| format!("{role} {action}")).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn keys_are_read_by_those_that_check_them_and_written_by_nobody() {
    assert_eq!(permitted_on("key#abc"), set(&["UploadRole GetItem", "StatusRole GetItem"]));
}

#[test]
fn webhook_secrets_are_read_by_the_sender_alone() {
    assert_eq!(permitted_on("hook#shop"), set(&["SweepRole GetItem"]));
}

/// No function deletes a record: a deletion by its owner writes a tombstone. Upload writes that, so its role can replace
/// jobs; the conditions of its writes, which IAM does not know, keep it from replacing one that it has not read.
#[test]
fn nobody_deletes_a_job_and_status_changes_none() {
    let mut expected = set(&["StatusRole GetItem", "StatusRole Query"]);
    for role in ["UploadRole", "ProcessRole", "IntakeRole", "SweepRole"] {
        expected.extend(set(&[&format!("{role} GetItem"), &format!("{role} PutItem")]));
    }
    assert_eq!(permitted_on("job#019cdc54"), expected);
}

#[test]
fn identities_belong_to_those_that_create_jobs() {
    assert_eq!(permitted_on("request#abc"), set(&["UploadRole GetItem", "UploadRole PutItem"]));
    assert_eq!(permitted_on("drop#abc"), set(&["IntakeRole GetItem", "IntakeRole PutItem"]));
}

/// Retouched files are read and copied where drops are taken in, and the recut is noted in the audit log. Who writes
/// files cannot cause events about others.
#[test]
fn retouched_files_are_taken_in_by_intake_alone() {
    let on = |role: &str, action: &str, key: &str| {
        question(role, &format!("s3:{action}"), &format!("Bucket/{key}"), json!({}))
    };
    for role in ROLES {
        let is_intake = role == "IntakeRole";
        let questions = [
            on(role, "GetObject", "retouch/shop/1.psd"),
            on(role, "GetObjectVersion", "retouch/shop/1.psd"),
            on(role, "PutObject", "retouch/shop/1.psd"),
            on(role, "DeleteObject", "retouch/shop/1.psd"),
        ];
        assert_eq!(permitted(&questions), [is_intake, is_intake, false, false], "{role}");
    }
    let copied =
        [on("IntakeRole", "PutObject", "sources/1.masks/2"), on("IntakeRole", "PutObject", "results/shop/_retouch/1")];
    assert_eq!(permitted(&copied), [true, true]);
    assert_eq!(permitted_on("audit#shop"), set(&["UploadRole PutItem", "IntakeRole PutItem"]));
}

/// An access that names no partition, such as a scan in disguise, and one that names a second partition.
#[test]
fn an_access_needs_a_permitted_partition_and_no_other_one() {
    let mut questions = Vec::new();
    for role in ROLES {
        for action in ITEM_ACTIONS {
            questions.push(question(role, &format!("dynamodb:{action}"), "Table", json!({})));
            let mixed = json!({"dynamodb:LeadingKeys": ["job#1", "key#1", "hook#1"]});
            questions.push(question(role, &format!("dynamodb:{action}"), "Table", mixed));
        }
        questions.push(question(role, "dynamodb:Scan", "Table", json!({})));
        questions.push(question(role, "dynamodb:PartiQLSelect", "Table", json!({"dynamodb:LeadingKeys": ["job#1"]})));
    }
    for (question, permitted) in questions.iter().zip(permitted(&questions)) {
        assert!(!permitted, "{question}");
    }
}

/// Listing a bucket shows the names of all files. Each role lists where it has to tell a missing file from a fault.
#[test]
fn each_role_lists_only_the_folders_that_it_reads() {
    let folders = ["sources/1", "sources/1.masks/", "jobs/1", "drops/1", "retouch/1", "results/1", "uploads/1", ""];
    let expected = [
        ("UploadRole", &[true, true, true, false, false, false, true, false]),
        ("StatusRole", &[false; 8]),
        ("ProcessRole", &[true, true, true, false, false, false, false, false]),
        ("IntakeRole", &[true, true, true, true, true, true, true, false]),
        ("SweepRole", &[false, true, true, false, false, true, true, false]),
    ];
    let list = |role: &str, folder: &str| question(role, "s3:ListBucket", "Bucket", json!({"s3:prefix": [folder]}));
    for (role, expected) in expected {
        let mut questions: Vec<_> = folders.iter().map(|folder| list(role, folder)).collect();
        questions.push(question(role, "s3:ListBucket", "Bucket", json!({})));
        let answers = permitted(&questions);
        assert_eq!(answers[..8], expected[..], "{role}");
        assert!(!answers[8], "{role} lists the whole bucket");
    }
}

/// The checker itself: what it does not know is an error, and what it knows follows AWS's documentation.
#[test]
fn photos_are_read_by_those_that_need_them() {
    let read = |role: &str, key: &str| question(role, "s3:GetObject", &format!("Bucket/{key}"), json!({}));
    let questions = [
        read("ProcessRole", "sources/1"),
        read("ProcessRole", "uploads/1"),
        read("ProcessRole", "jobs/1/2/evidence.bin"),
        read("ProcessRole", "jobs/1/2/a.png"),
        read("UploadRole", "jobs/1/2/evidence.bin"),
        read("UploadRole", "jobs/1/2/a.png"),
        read("StatusRole", "sources/1"),
        read("DeliveryRole", "jobs/1/a.png"),
        read("DeliveryRole", "sources/1"),
        question("StatusRole", "sts:AssumeRole", "DeliveryRole", json!({})),
        question("ProcessRole", "sts:AssumeRole", "DeliveryRole", json!({})),
    ];
    assert_eq!(permitted(&questions), [true, false, true, false, true, false, false, true, false, true, false]);
}

#[test]
fn roles_permit_named_actions_on_named_resources() {
    for (owner, statement) in statements() {
        for action in list(&statement["Action"]) {
            let action = action.as_str().expect("an action");
            assert!(!action.contains('*'), "{owner} may {action}");
            for resource in list(&statement["Resource"]) {
                let anything = resource == "*";
                assert_eq!(anything, WITHOUT_RESOURCES.contains(&action), "{owner}: {action} on {resource}");
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
    let functions = ["IntakeRole", "ProcessRole", "SweepRole", "UploadRole"];
    assert_eq!(writers, set(&[&functions[..], &["WorkerIntakePolicy", "WorkerProcessPolicy"]].concat()));
}

/// Workers outside Lambda run the same code as the two functions. Only logs and traces are Lambda's own.
#[test]
fn workers_outside_lambda_may_do_what_the_functions_do() {
    let of = |owner: &str| -> Vec<&Value> {
        let is_of_lambda = |statement: &Value| statement["Sid"] == "Logs" || statement["Sid"] == "Trace";
        let own = statements().into_iter().filter(|(name, statement)| name == owner && !is_of_lambda(statement));
        own.map(|(_, statement)| statement).collect()
    };
    for (policy, role) in [("WorkerProcessPolicy", "ProcessRole"), ("WorkerIntakePolicy", "IntakeRole")] {
        let statements = of(policy);
        assert!(statements.len() > 5, "{policy}");
        assert_eq!(statements, of(role), "{policy} and {role} differ");
        // Nothing else may use it in this stack, and IAM counts 6,144 characters without white space.
        assert!(properties(policy).get("Roles").is_none(), "{policy}");
        let longest_name = "x".repeat(110);
        let text = Value::from(statements.into_iter().map(|one| resolved(one, &longest_name)).collect::<Vec<_>>());
        assert!(text.to_string().len() < 6_000, "{policy} is too long for IAM");
    }
}

/// A statement as IAM sees it, with `name` in place of every ARN.
fn resolved(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(parts) if parts.contains_key("Fn::GetAtt") => name.into(),
        Value::Object(parts) if parts.contains_key("Fn::Sub") => {
            let text = parts["Fn::Sub"].as_str().expect("a text");
            let (_, rest) = text.split_once('}').expect("a variable");
            format!("{name}{rest}").into()
        }
        Value::Object(parts) => parts.iter().map(|(key, part)| (key.clone(), resolved(part, name))).collect(),
        Value::Array(parts) => parts.iter().map(|part| resolved(part, name)).collect(),
        other => other.clone(),
    }
}

#[test]
fn only_the_sweep_deletes_objects() {
    let deleting: Vec<_> = statements()
        .into_iter()
        .filter(|(_, statement)| list(&statement["Action"]).into_iter().any(|action| *action == "s3:DeleteObject"))
        .map(|(owner, statement)| (owner, statement["Resource"].clone()))
        .collect();
    let files = ["sources", "uploads", "jobs"].map(|folder| json!({"Fn::Sub": format!("${{Bucket.Arn}}/{folder}/*")}));
    assert_eq!(deleting, [("SweepRole".to_owned(), Value::from(files.to_vec()))]);
}

#[test]
fn links_are_signed_by_a_role_that_reads_results_and_only_status_and_sweep_may_assume() {
    let delivery = properties("DeliveryRole");
    let trusted = &delivery["AssumeRolePolicyDocument"]["Statement"][0]["Principal"];
    let status = json!({"Fn::GetAtt": ["StatusRole", "Arn"]});
    let server = json!({"Ref": "ServerRoleArn"});
    let sweep = json!({"Fn::GetAtt": ["SweepRole", "Arn"]});
    let functions = json!([status, sweep]);
    assert_eq!(*trusted, json!({"AWS": {"Fn::If": ["HasServer", [status, sweep, server], functions]}}));
    assert_eq!(TEMPLATE["Parameters"]["ServerRoleArn"]["Default"], "", "a server needs the parameter to be set");
    let objects: Vec<_> = statements()
        .into_iter()
        .filter(|(owner, statement)| owner == "DeliveryRole" && statement["Action"] != "s3:ListBucket")
        .collect();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].1["Action"], "s3:GetObject");
    assert_eq!(objects[0].1["Resource"], json!({"Fn::Sub": "${Bucket.Arn}/jobs/*"}));
}

#[test]
fn uploads_are_signed_by_a_role_that_writes_them_and_only_upload_may_assume() {
    let role = properties("DirectUploadRole");
    let trusted = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"];
    let upload = json!({"Fn::GetAtt": ["UploadRole", "Arn"]});
    let server = json!({"Ref": "ServerRoleArn"});
    assert_eq!(*trusted, json!({"AWS": {"Fn::If": ["HasServer", [upload, server], upload]}}));
    assert_eq!(role["MaxSessionDuration"], 3600, "a role assumed by another role's session lasts no longer");
    let uploads = json!({"Fn::Sub": "${Bucket.Arn}/uploads/*"});
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
}

/// Every statement about the table itself names the partitions that it covers. Only the sender of webhooks reads the secrets
/// that sign them.
#[test]
fn only_the_sweep_reads_webhook_secrets() {
    let mut readers = BTreeSet::new();
    let table = json!({"Fn::GetAtt": ["Table", "Arn"]});
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
        assert_eq!(condition["Null"], json!({"dynamodb:LeadingKeys": "false"}), "{role} {actions:?}");
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
        "IntakeRole dynamodb:PutItem audit#*",
        "IntakeRole dynamodb:UpdateItem owner#*",
        "IntakeRole dynamodb:UpdateItem usage#*",
        "IntakeRole dynamodb:Query owner#*",
    ];
    let expected: BTreeSet<_> = expected.into_iter().map(str::to_owned).collect();
    assert_eq!(found, expected);
}
