//! `sam local invoke`, without Docker: SAM's own code resolves the template and `events/env.json`, and the functions run with
//! the result, under the same emulator that SAM's container has.
//!
//! Two values change: the address of the emulator of AWS, which is not on the host of a container, and the folder of the
//! models, which a container has from the layer.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cutline_deployment::{EXPECTED, Function, Lambda, root};
use serde::Deserialize;
use serde_json::Value;

use crate::jobs::set_event;
use crate::samples::check_answer;
use crate::world::World;

/// A function as SAM would start it.
#[derive(Deserialize)]
struct Resolved {
    environment: BTreeMap<String, String>,
    memory: u32,
    timeout: u32,
}

/// All functions, by logical id, for a user with the admin's credentials.
fn resolve(world: &World) -> Result<BTreeMap<String, Resolved>> {
    let output = Command::new(&world.stack.tools.python)
        .arg(root().join("xtask/py/sam_local.py"))
        .args([root().join("template.yaml"), root().join("events/env.json")])
        // SAM prefers variables of the shell to those of the template.
        .env_clear()
        .envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env("AWS_DEFAULT_REGION", &world.stack.region)
        .envs(world.stack.admin.variables())
        .output()
        .context("cannot run SAM's code")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("cannot read what SAM resolved")
}

pub(crate) async fn sample_events_have_the_same_answers_in_sams_local_environment(world: &World) -> Result<()> {
    let file: Value = serde_json::from_slice(&std::fs::read(root().join("events/env.json"))?)?;
    let mut functions = BTreeMap::new();
    for (name, Resolved { mut environment, memory, timeout }) in resolve(world)? {
        let function = Function::named(&name).with_context(|| format!("unknown function {name}"))?;
        let deployed = world.stack.function(function)?;
        ensure!((memory, timeout) == (deployed.memory, deployed.timeout), "{name}: {memory} MB, {timeout} s");
        // SAM drops variables of the file that the template does not declare.
        for (variable, value) in file["Parameters"].as_object().context("no parameters")? {
            ensure!(environment.get(variable).map(String::as_str) == value.as_str(), "{name} does not get {variable}");
        }
        environment.insert("AWS_ENDPOINT_URL".to_owned(), world.stack.endpoint.clone());
        if let Some(models) = environment.get_mut("CUTLINE_MODELS_DIR") {
            ensure!(models == "/opt/models", "{models}");
            *models = world.stack.tools.models.to_string_lossy().into_owned();
        }
        let log = world.log_path(&format!("sam-{}.log", function.name()));
        functions.insert(function, Lambda::start_in(&world.stack, function, &environment, &log)?);
    }
    ensure!(functions.len() == Function::ALL.len(), "SAM found {} functions", functions.len());

    // An earlier scenario may have stored the set of a sample, which then is not new.
    world.upload.invoke(&set_event("DELETE", "Test-Api", &Value::Null)?).await?;
    for (name, expected) in EXPECTED {
        check_answer(world, &functions[&Function::of_event(name)?], name, expected).await?;
    }
    Ok(())
}
