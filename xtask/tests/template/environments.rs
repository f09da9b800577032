//! The environments of samconfig.toml, read by SAM's own code, against the template.

use serde_json::Value;

use crate::support::{TEMPLATE, python, root};

fn environments() -> serde_json::Map<String, Value> {
    let output = python("samconfig.py").arg(root()).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    found.as_object().expect("environments").clone()
}

#[test]
fn every_environment_deploys_a_stack_of_its_own_with_tags() {
    let environments = environments();
    let mut names: Vec<_> = environments.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["default", "dev", "prod", "staging"]);
    for (name, settings) in &environments {
        let stack = if name == "default" { "cutline".to_owned() } else { format!("cutline-{name}") };
        assert_eq!(settings["stack_name"], stack.as_str());
        assert!(stack.len() <= 35, "{stack}: the bucket's name would be too long");
        assert_eq!(settings["tags"], serde_json::json!({"project": "cutline", "environment": name}));
        for setting in ["resolve_s3", "confirm_changeset"] {
            assert_eq!(settings[setting], true, "{name}: {setting}");
        }
        assert_eq!(settings["capabilities"], "CAPABILITY_IAM", "{name}");
    }
}

/// SAM silently drops overrides of parameters that the template does not have.
#[test]
fn environments_override_parameters_of_the_template_only() {
    let mut checked = 0;
    for (name, settings) in environments() {
        for (parameter, value) in settings["parameter_overrides"].as_object().expect("overrides") {
            let declared = &TEMPLATE["Parameters"][parameter];
            assert!(declared.is_object(), "{name} sets {parameter}, which the template does not have");
            let text = value.as_str().expect("a value");
            if declared["Type"] == "Number" {
                let number: f64 = text.parse().unwrap_or_else(|_| panic!("{name}: {parameter} is {text}"));
                let within = |bound: &str, is_beyond: fn(f64, f64) -> bool| {
                    declared[bound].as_f64().is_none_or(|bound| !is_beyond(number, bound))
                };
                assert!(
                    within("MinValue", |a, b| a < b) && within("MaxValue", |a, b| a > b),
                    "{name}: {parameter}={text}"
                );
            }
            if let Some(allowed) = declared["AllowedValues"].as_array() {
                let allowed: Vec<_> = allowed.iter().map(|one| one.to_string().replace('"', "")).collect();
                assert!(allowed.iter().any(|one| one == text), "{name}: {parameter}={text}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 3, "only {checked} overrides found");
}

/// The workflow deploys these environments with the role of the example, which GitHub's token of that environment assumes.
#[test]
fn the_workflow_and_its_role_know_the_same_environments() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect(path);
    let (workflow, role) = (read(".github/workflows/deploy.yml"), read("examples/aws/github-oidc.yaml"));
    assert!(workflow.contains("options: [dev, staging, prod]") && role.contains("AllowedValues: [dev, staging, prod]"));
    assert!(role.contains(r#"!Sub "repo:${Repository}:environment:${Environment}""#));
    for variable in ["AWS_ROLE_ARN", "AWS_EXECUTION_ROLE_ARN"] {
        assert!(workflow.contains(&format!("vars.{variable}")) && role.contains(variable), "{variable}");
    }
    assert!(!workflow.contains("aws-access-key-id"), "a key is stored at GitHub");
}
