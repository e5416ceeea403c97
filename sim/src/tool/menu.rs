//! The scenarios that a tool has, and how one calls it.

use super::answer::ToolError;
use super::plan::Plan;
use crate::scenario::Scenario;

/// The scenarios that a tool has, and its name.
#[derive(Clone, Debug)]
pub(super) struct Menu {
    /// The name by which one calls the program, for the commands that it prints.
    pub(super) called: String,
    pub(super) scenarios: Vec<Scenario>,
}

impl Menu {
    /// The plan with its scenario's name, and that scenario as it is without changes.
    pub(super) fn resolve(&self, plan: &Plan) -> Result<(Plan, Scenario), ToolError> {
        let found = match &plan.preset {
            Some(name) => self.scenarios.iter().find(|scenario| scenario.name() == name),
            None => self.scenarios.first(),
        };
        let Some(scenario) = found else {
            let known: Vec<_> = self.scenarios.iter().map(Scenario::name).collect();
            return Err(ToolError::UnknownScenario {
                name: plan.preset.clone().unwrap_or_default(),
                known: known.join(", "),
            });
        };
        let plan = Plan { preset: Some(scenario.name().to_owned()), ..plan.clone() };
        Ok((plan, scenario.clone()))
    }

    /// The one command that does this to one seed of a plan.
    pub(super) fn command(&self, what: &str, plan: &Plan, seed: u64) -> String {
        format!("{} {what} {}", self.called, plan.arguments(&format!("--seed {seed}")))
    }
}
