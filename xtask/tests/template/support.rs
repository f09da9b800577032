//! The expanded template, and how to look things up in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Map, Value};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) static TEMPLATE: LazyLock<Value> = LazyLock::new(|| transformed(&[]));

/// A script under `xtask/py`, in the tests' Python.
pub(crate) fn python(script: &str) -> Command {
    let python =
        std::env::var_os("CUTLINE_TEST_PYTHON").expect("CUTLINE_TEST_PYTHON is set by `cargo xtask test template`");
    let mut command = Command::new(python);
    command.arg(root().join("xtask/py").join(script));
    command
}

/// The output of `transform.py` for the template.
pub(crate) fn transformed(options: &[&str]) -> Value {
    transformed_file(options, "template.yaml")
}

/// The output of `transform.py` for a template of the repository.
pub(crate) fn transformed_file(options: &[&str], file: &str) -> Value {
    let mut command = python("transform.py");
    let output = command.args(options).arg(root().join(file)).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The resources of a type, by name. There must be at least one.
pub(crate) fn of_type(kind: &str) -> Vec<(&'static str, &'static Map<String, Value>)> {
    let resources = TEMPLATE["Resources"].as_object().expect("resources");
    let found: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource["Properties"].as_object().expect("properties")))
        .collect();
    assert!(!found.is_empty(), "the template has no {kind}");
    found
}

pub(crate) fn properties(name: &str) -> &'static Value {
    &TEMPLATE["Resources"][name]["Properties"]
}

pub(crate) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Every permission statement of every role and policy, with its owner's name.
pub(crate) fn statements() -> Vec<(String, &'static Value)> {
    let mut found = Vec::new();
    for (name, role) in of_type("AWS::IAM::Role") {
        for policy in list(&role["Policies"]) {
            found.extend(list(&policy["PolicyDocument"]["Statement"]).into_iter().map(|one| (name.to_owned(), one)));
        }
    }
    for (name, policy) in ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"].into_iter().flat_map(of_type) {
        found.extend(list(&policy["PolicyDocument"]["Statement"]).into_iter().map(|one| (name.to_owned(), one)));
    }
    found
}
