//! The result of an act in rooms, and the parts that those acts share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use offhook_sim::ladder::Ladder;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use serde_json::{Value, json};

use super::eyes::{Film, Seen};
use super::{Checks, Plan};

/// The longest time from a change in a room until everybody there knows it.
const SOON: Duration = Duration::from_secs(5);

/// The result of an act in rooms.
#[derive(Clone, Debug)]
pub struct Act {
    /// The things looked at.
    pub checks: Checks,
    /// The diagram of every message.
    pub ladder: Ladder,
    /// The name of the recording.
    pub film: &'static str,
    /// The recording, as WebM.
    pub file: Vec<u8>,
}

impl Act {
    /// Writes what came of it: the recording, the diagram and its data.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let (page, data) = (self.ladder.to_html(), self.ladder.to_json());
        let files: [(&str, &[u8]); 3] = [
            (self.film, &self.file),
            ("call.html", page.as_bytes()),
            ("call.json", data.as_bytes()),
        ];
        let mut written = Vec::new();
        for (name, contents) in files {
            let path = folder.join(name);
            std::fs::write(&path, contents)?;
            written.push(path);
        }
        Ok(written)
    }
}

/// Starts an emulator for an act in rooms, whose far ends say what the plan's customer says.
///
/// # Errors
///
/// No free port on loopback.
pub fn emulator(plan: &Plan) -> anyhow::Result<Emulator> {
    let prompt = Some(plan.customer.clone());
    let options = EmulatorOptions { seed: plan.seed, prompt, ..EmulatorOptions::default() };
    let emulator = Emulator::start(options).context("the emulator cannot start")?;
    let signaling = json!({"room": {"signaling": plan.signaling.name()}});
    emulator.control("POST", "options", &signaling).context("no options")?;
    Ok(emulator)
}

/// Asks the emulator about a room, or has it do something there.
pub(super) fn room(
    emulator: &Emulator,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let answer = emulator.control(method, &format!("rooms/{path}"), body);
    answer.with_context(|| format!("the emulator does not do {method} {path}"))
}

/// A line of pictures as the room has it from somebody.
pub(super) fn line(
    emulator: &Emulator,
    of: &str,
    user: &str,
    number: usize,
) -> anyhow::Result<Value> {
    let media = room(emulator, "GET", &format!("{of}/media?userId={user}"), &Value::Null)?;
    let lines = media["lines"].as_array().into_iter().flatten();
    let mut pictures = lines.filter(|line| line["kind"] == "video");
    pictures.nth(number).cloned().context("no such line of pictures")
}

/// True once the room has seen a picture of that number on a line.
pub(super) fn has_last(line: &Value, shown: u32) -> bool {
    shown > 0 && line["lastPicture"].as_u64() == Some(u64::from(shown) - 1)
}

/// Somebody as a room has them.
pub(super) fn member(emulator: &Emulator, of: &str, user: &str) -> anyhow::Result<Value> {
    let told = room(emulator, "GET", of, &Value::Null)?;
    let mut members = told["participants"].as_array().into_iter().flatten();
    members.find(|member| member["userId"] == user).cloned().context("no such participant")
}

/// Checks that nothing that clients did surprised the service.
pub(super) fn ensure_tidy(emulator: &Emulator) -> anyhow::Result<()> {
    for odd in ["unhandled-rest", "unhandled-iq"] {
        let told = emulator.control("GET", &format!("events?type={odd}"), &Value::Null);
        let told = told.context("no events")?;
        ensure!(told["events"].as_array().is_none_or(Vec::is_empty), "{odd}: {told}");
    }
    Ok(())
}

impl Checks {
    /// Pictures that went to the room on a line: each number, once.
    pub(super) fn pictures_out(&mut self, what: &str, shown: u32, line: &Value) {
        let missed = line["picturesMissed"].as_u64().unwrap_or(u64::MAX);
        let good = has_last(line, shown) && missed == 0;
        self.add(what, good, format_args!("{shown} shown, {missed} missed"));
    }

    /// Pictures that came.
    pub(super) fn pictures_in(&mut self, what: &str, seen: Seen) {
        let good = seen.missed == 0 && seen.pictures > 0;
        self.add(what, good, format_args!("{} seen, {} missed", seen.pictures, seen.missed));
    }

    /// A change that everybody is to know soon.
    pub(super) fn soon(&mut self, what: &str, after: Duration) {
        let ms = after.as_secs_f64() * 1000.0;
        self.add(what, after < SOON, format_args!("after {ms:.1} ms"));
    }

    /// A recording that has all that was seen and heard.
    pub(super) fn film(&mut self, name: &str, film: &Film) {
        let found = format!(
            "{} of {} pictures, {} of {} packets of sound",
            film.pictures, film.pictures_kept, film.sounds, film.sounds_kept
        );
        self.add(name, film.is_whole(), found);
    }
}
