//! The findings, as a table for people and as JSON for programs.

use console::style;
use offhook::media::probe::PathReport;
use serde::Serialize;

/// The standing of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    /// It works.
    Ok,
    /// Not tried, as a step before it failed.
    Skipped,
    /// Calls work, or may: not as well as they could.
    Warn,
    /// Calls will fail.
    Fail,
}

/// A step and its finding.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) step: String,
    pub(crate) result: Standing,
    /// The figure: a time, an address, a share.
    pub(crate) figure: String,
    /// The fault, where there is one.
    pub(crate) wrong: Option<String>,
    /// The remedy.
    pub(crate) todo: Option<String>,
}

impl Row {
    pub(crate) fn ok(step: impl Into<String>, figure: impl Into<String>) -> Self {
        let (step, figure) = (step.into(), figure.into());
        Self { step, result: Standing::Ok, figure, wrong: None, todo: None }
    }

    pub(crate) fn wrong(
        step: impl Into<String>,
        result: Standing,
        wrong: impl ToString,
        todo: impl Into<String>,
    ) -> Self {
        let (wrong, todo) = (Some(wrong.to_string()), Some(todo.into()));
        Self { step: step.into(), result, figure: String::new(), wrong, todo }
    }

    pub(crate) fn skipped(step: impl Into<String>, before: &str) -> Self {
        let wrong = format!("not tried: {before} has to work first");
        let step = step.into();
        Self {
            step,
            result: Standing::Skipped,
            figure: String::new(),
            wrong: Some(wrong),
            todo: None,
        }
    }

    pub(crate) fn figure(self, figure: impl Into<String>) -> Self {
        Self { figure: figure.into(), ..self }
    }
}

/// All findings about a service.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    pub(crate) service: &'static str,
    pub(crate) steps: Vec<Row>,
    /// All figures of the way of media; none where it was not tried.
    pub(crate) path: Option<PathReport>,
}

impl Findings {
    pub(crate) fn worst(&self) -> Standing {
        self.steps.iter().map(|row| row.result).max().unwrap_or(Standing::Ok)
    }

    /// Prints a table.
    pub(crate) fn print(&self) {
        println!("{}", style(self.service).bold());
        let width = self.steps.iter().map(|row| row.step.chars().count()).max().unwrap_or(0);
        for row in &self.steps {
            let result = match row.result {
                Standing::Ok => style("ok").green(),
                Standing::Skipped => style("-").dim(),
                Standing::Warn => style("warn").yellow(),
                Standing::Fail => style("FAIL").red().bold(),
            };
            println!("  {:<width$}  {result:<4}  {}", row.step, row.figure);
            for (what, text) in [("wrong", &row.wrong), ("do", &row.todo)] {
                if let Some(text) = text {
                    println!("      {} {text}", style(format!("{what:>5}:")).dim());
                }
            }
        }
        println!();
    }
}

/// The findings about all services as JSON.
pub(crate) fn json(all: &[Findings]) -> serde_json::Result<String> {
    let worst = all.iter().map(Findings::worst).max().unwrap_or(Standing::Ok);
    serde_json::to_string_pretty(&serde_json::json!({ "result": worst, "services": all }))
}
