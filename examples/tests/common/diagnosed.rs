//! The program `diagnose` and its findings.

use std::process::Command;

use serde_json::Value;

/// The end of the program: its exit status, its findings about the first service, and all that it printed.
#[derive(Debug)]
pub(crate) struct Diagnosed {
    pub(crate) status: i32,
    pub(crate) found: Value,
    pub(crate) printed: String,
}

impl Diagnosed {
    /// Runs it, with secrets in its environment.
    pub(crate) fn run(arguments: &[&str], secrets: &[(&str, &str)]) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_diagnose"))
            .args(arguments)
            .env_remove("OFFHOOK_TOKEN")
            .env_remove("OFFHOOK_PASSWORD")
            .envs(secrets.iter().copied())
            .output()
            .expect("it runs");
        let printed = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        for (_, secret) in secrets {
            assert!(!printed.contains(secret), "a secret is printed: {printed}");
        }
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let found = found["services"][0].clone();
        Self { status: output.status.code().expect("it ends by itself"), found, printed }
    }

    /// The row of the first step whose name begins so.
    pub(crate) fn step(&self, name: &str) -> &Value {
        let steps = self.found["steps"].as_array().into_iter().flatten();
        let begins = |row: &&Value| row["step"].as_str().is_some_and(|step| step.starts_with(name));
        steps.clone().find(begins).unwrap_or_else(|| panic!("no {name}: {}", self.printed))
    }

    /// The standing of the first step whose name begins so.
    pub(crate) fn result(&self, name: &str) -> &str {
        self.step(name)["result"].as_str().expect("a standing")
    }

    /// The fault of a step, and the remedy.
    pub(crate) fn words(&self, name: &str) -> String {
        let row = self.step(name);
        format!("{} / {}", row["wrong"].as_str().unwrap_or(""), row["todo"].as_str().unwrap_or(""))
    }
}
