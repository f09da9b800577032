//! `deploy/workers.yaml` and the `Dockerfile` against the deployment's template and the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use cutline_aws::config::{IntakeConfig, ProcessConfig, StatusConfig, UploadConfig, variables};
use serde_json::{Value, json};

use crate::support::{TEMPLATE, list, properties, root, transformed_file};

static WORKERS: LazyLock<Value> = LazyLock::new(|| transformed_file(&["--plain"], "deploy/workers.yaml"));

/// Parameters that the user chooses. The others are outputs of the deployment, or have a default.
const CHOSEN: [&str; 3] = ["ImageUri", "VpcId", "SubnetIds"];

/// Variables that a worker does not need, or that the image sets.
const NOT_SET: [&str; 3] = ["CUTLINE_ALLOW_PRIVATE_SOURCES", "CUTLINE_MAX_WAIT_SECONDS", "CUTLINE_MODELS_DIR"];

/// Settings of `serve` itself, and of its log.
const OWN: [&str; 8] = [
    "AWS_REGION",
    "CUTLINE_BACKEND",
    "CUTLINE_LISTEN",
    "CUTLINE_LOG",
    "CUTLINE_LOG_FORMAT",
    "CUTLINE_METRICS_NAMESPACE",
    "CUTLINE_STOP_GRACE_SECONDS",
    "CUTLINE_WORKERS",
];

/// The properties of a resource of the workers' stack.
fn of_workers(name: &str) -> &'static Value {
    let properties = &WORKERS["Resources"][name]["Properties"];
    assert!(properties.is_object(), "no {name}");
    properties
}

fn container() -> &'static Value {
    &of_workers("Task")["ContainerDefinitions"][0]
}

/// The variables of the container.
fn environment() -> BTreeMap<&'static str, &'static Value> {
    list(&container()["Environment"])
        .into_iter()
        .map(|one| (one["Name"].as_str().expect("a name"), &one["Value"]))
        .collect()
}

fn dockerfile() -> String {
    fs::read_to_string(root().join("Dockerfile")).expect("Dockerfile")
}

#[test]
fn parameters_without_default_are_outputs_of_the_deployment() {
    let mut taken = BTreeSet::new();
    for (name, parameter) in WORKERS["Parameters"].as_object().expect("parameters") {
        let is_needed = parameter.get("Default").is_none();
        if is_needed && !CHOSEN.contains(&name.as_str()) {
            assert!(TEMPLATE["Outputs"][name].is_object(), "the deployment has no output {name}");
            taken.insert(name.as_str());
        } else {
            assert!(TEMPLATE["Outputs"].get(name).is_none(), "{name} is an output, so it needs no default");
        }
    }
    assert_eq!(taken.len(), 13, "{taken:?}");
}

/// The program gets the values that the functions get: those of the outputs.
#[test]
fn the_container_has_every_variable_that_the_program_needs() {
    let environment = environment();
    assert_eq!(environment.len(), list(&container()["Environment"]).len(), "a variable is set twice");
    let functions = [
        ("UploadFunction", variables::<UploadConfig>()),
        ("StatusFunction", variables::<StatusConfig>()),
        ("ProcessFunction", variables::<ProcessConfig>()),
        ("IntakeFunction", variables::<IntakeConfig>()),
    ];
    let mut expected: BTreeSet<String> = OWN.into_iter().map(str::to_owned).collect();
    for (function, variables) in functions {
        for variable in variables.into_iter().filter(|name| !NOT_SET.contains(&name.as_str())) {
            let value = environment.get(variable.as_str()).unwrap_or_else(|| panic!("{variable} is missing"));
            // The workers have a log filter of their own.
            if variable != "CUTLINE_LOG" {
                let output = value["Ref"].as_str().unwrap_or_else(|| panic!("{variable} is {value}"));
                let of_function = &properties(function)["Environment"]["Variables"][&variable];
                assert_eq!(TEMPLATE["Outputs"][output]["Value"], *of_function, "{variable} is not that of {function}");
            }
            expected.insert(variable);
        }
    }
    assert_eq!(environment.keys().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(*environment["CUTLINE_BACKEND"], "aws");
    assert_eq!(*environment["AWS_REGION"], json!({"Ref": "AWS::Region"}));
    // The server is for the health check; nobody else reaches it.
    assert_eq!(*environment["CUTLINE_LISTEN"], "127.0.0.1:8787");
}

#[test]
fn workers_have_the_two_policies_and_no_connections_in() {
    let policies = json!([{"Ref": "WorkerProcessPolicyArn"}, {"Ref": "WorkerIntakePolicyArn"}]);
    let role = of_workers("TaskRole");
    assert_eq!(role["ManagedPolicyArns"], policies);
    assert!(role.get("Policies").is_none(), "the policies are the deployment's");
    for policy in ["WorkerProcessPolicy", "WorkerIntakePolicy"] {
        assert_eq!(TEMPLATE["Outputs"][format!("{policy}Arn")]["Value"], json!({"Ref": policy}));
    }
    assert_eq!(of_workers("Task")["TaskRoleArn"], json!({"Fn::GetAtt": ["TaskRole", "Arn"]}));
    assert!(of_workers("SecurityGroup").get("SecurityGroupIngress").is_none());
    for (name, resource) in WORKERS["Resources"].as_object().expect("resources") {
        assert_ne!(resource["Type"], "AWS::EC2::SecurityGroupIngress", "{name}");
    }
    assert!(container().get("PortMappings").is_none());
    assert_eq!(container()["ReadonlyRootFilesystem"], true);
    assert!(of_workers("Log").get("RetentionInDays").is_some(), "the log is kept forever");
}

/// A picture of 50 megapixels takes a minute on a slow machine. What takes longer is interrupted before Fargate ends the
/// task, so that its message is visible at once.
#[test]
fn a_task_has_time_to_finish_its_picture_or_to_give_it_back() {
    let stop_timeout = container()["StopTimeout"].as_u64().expect("a time");
    assert!(stop_timeout <= 120, "Fargate's limit");
    let grace: u64 =
        environment()["CUTLINE_STOP_GRACE_SECONDS"].as_str().and_then(|text| text.parse().ok()).expect("a number");
    assert!(grace > 60 && grace + 15 <= stop_timeout, "{grace} s of {stop_timeout} s");
    assert_eq!(container()["LinuxParameters"]["InitProcessEnabled"], true);
}

/// Steps without gaps, each with as many tasks as its backlog needs at most.
#[test]
fn tasks_follow_the_backlog_of_all_queues() {
    let configuration = &of_workers("FollowBacklog")["StepScalingPolicyConfiguration"];
    assert_eq!(configuration["AdjustmentType"], "ExactCapacity");
    let steps = list(&configuration["StepAdjustments"]);
    assert!(steps.len() <= 20, "the limit of a policy");
    let mut lower = 0;
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step["MetricIntervalLowerBound"], lower, "{step}");
        let tasks = step["ScalingAdjustment"].as_u64().expect("a number");
        assert!(tasks > lower, "{step}");
        match step.get("MetricIntervalUpperBound").and_then(Value::as_u64) {
            Some(upper) => {
                assert_eq!(upper, tasks, "{step}");
                lower = upper;
            }
            None => {
                assert_eq!(index, steps.len() - 1, "{step}");
                assert_eq!(WORKERS["Parameters"]["MaxTasks"]["MaxValue"], tasks);
            }
        }
    }
    let idle = &of_workers("EndWhenIdle")["StepScalingPolicyConfiguration"];
    assert_eq!(idle["AdjustmentType"], "ExactCapacity");
    assert_eq!(idle["StepAdjustments"], json!([{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 0}]));

    // A queue without data must not hide the others. Filled up, the newest minute of the late metrics would always be 0,
    // and no alarm for one minute would ever be raised.
    let all = "SUM([live, bulk, intake, intake_bulk])";
    let filled = "(FILL(live, 0) + FILL(bulk, 0) + FILL(intake, 0) + FILL(intake_bulk, 0))";
    for (alarm, policy, sum) in [("BacklogAlarm", "FollowBacklog", all), ("IdleAlarm", "EndWhenIdle", filled)] {
        let alarm = of_workers(alarm);
        assert_eq!(alarm["AlarmActions"], json!([{"Ref": policy}]));
        assert_eq!(alarm["Threshold"], 0);
        let metrics = list(&alarm["Metrics"]);
        let expression = metrics[0]["Expression"]["Fn::Sub"].as_str().expect("an expression");
        assert_eq!(expression, format!("{sum} / ${{BacklogPerTask}}"));
        let mut queues = BTreeSet::new();
        for metric in &metrics[1..] {
            let id = metric["Id"].as_str().expect("an id");
            assert!(expression.contains(id), "{expression} leaves {id} out");
            let stat = &metric["MetricStat"]["Metric"];
            assert_eq!(stat["MetricName"], "ApproximateNumberOfMessagesVisible");
            // The name is the last part of https://sqs.REGION.amazonaws.com/ACCOUNT/NAME.
            let parts = &stat["Dimensions"][0]["Value"]["Fn::Select"];
            assert_eq!(parts[0], 4);
            assert_eq!(parts[1]["Fn::Split"][0], "/");
            queues.insert(parts[1]["Fn::Split"][1]["Ref"].as_str().expect("a parameter").to_owned());
        }
        let all = ["JobsQueueUrl", "BulkQueueUrl", "IntakeQueueUrl", "IntakeBulkQueueUrl"];
        assert_eq!(queues, all.map(str::to_owned).into());
    }
}

#[test]
fn the_image_is_built_with_the_minimum_version_and_runs_without_root() {
    let dockerfile = dockerfile();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let (_, rest) = manifest.split_once("rust-version = \"").expect("a minimum version");
    let version = rest.split('"').next().expect("a version");
    for line in [
        format!("FROM rust:{version}-slim-trixie AS build"),
        format!("ENV RUSTUP_TOOLCHAIN={version}"),
        "USER 10001".to_owned(),
        r#"ENTRYPOINT ["cutline"]"#.to_owned(),
        r#"CMD ["serve"]"#.to_owned(),
    ] {
        assert!(dockerfile.lines().any(|found| found == line), "the Dockerfile lacks this line: {line}");
    }
    for from in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let image = from.split(' ').next().unwrap_or_default();
        assert!(image.contains(':') && !image.ends_with(":latest"), "{image} has no version");
    }
}

/// What the build copies must exist, and must not be hidden from it.
#[test]
fn the_image_finds_its_files() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).expect(".dockerignore");
    let ignored: Vec<_> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    let health_check = root().join("deploy/health-check");
    assert!(dockerfile().contains("COPY deploy/health-check /usr/local/bin/health-check\n") && health_check.exists());
    assert_eq!(container()["HealthCheck"]["Command"][1], "health-check");
    assert!(!ignored.contains(&"/deploy") && !ignored.contains(&"/docs") && !ignored.contains(&"/desk"));
    // The workspace needs all of its manifests.
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    for member in ["functions", "shared", "cli", "xtask"] {
        assert!(manifest.contains(&format!("\"{member}")) && !ignored.contains(&format!("/{member}").as_str()));
    }
    // What the compiler embeds.
    for file in ["docs/openapi.json", "docs/openapi.html", "LICENSE-APACHE", "desk/index.html"] {
        assert!(root().join(file).exists() && !ignored.contains(&format!("/{file}").as_str()), "{file}");
    }
}
