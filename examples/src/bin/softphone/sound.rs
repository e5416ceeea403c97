//! Sound from a microphone or a file, and to a loudspeaker and a file.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use console::style;
use offhook::audio::{RATE, Side, Tracks, wav};
use offhook_runtime::{Audio, SendError, Sockets};
use offhook_sound::{Desk, Device, Direction, News};

use crate::Cli;
use crate::terminal::{say, tell};
use crate::voice;

/// See the [module](self).
#[derive(Clone)]
pub(crate) struct Sound {
    /// A WAV file, in the place of the microphone.
    speech: Option<Vec<u8>>,
    wav_out: Option<PathBuf>,
    /// The devices, unless none are wanted.
    desk: Option<Arc<Desk>>,
}

/// The commands that are about sound, as the help shows them.
pub(crate) const KEYS: &str = "\
  sound             show the devices, how loud it is, how late, and what went wrong
  speaker NAME      play on that device, or on the `default` one
  microphone NAME   record with that one";

impl Sound {
    /// The sound of the command line.
    pub(crate) fn new(cli: &Cli) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
        let speech = cli.wav_in.as_ref().map(read).transpose()?;
        if let Some(speech) = &speech {
            wav::read(&speech[..]).context("--wav-in")?;
        }
        let desk = if cli.no_sound {
            None
        } else {
            let desk = Desk::open(offhook_sound::system, |news| told(&news)).context("sound")?;
            desk.want(Direction::Output, cli.speaker.clone());
            desk.want(Direction::Input, cli.microphone.clone());
            voice::begin(&desk);
            Some(Arc::new(desk))
        };
        Ok(Self { speech, wav_out: cli.wav_out.clone(), desk })
    }

    /// Plays what is to be said, or says what the microphone hears; plays what is heard, and records it.
    pub(crate) fn begin<R: Sockets>(&self, audio: Audio) -> anyhow::Result<()> {
        let complain = |what: &dyn Display| tell(format_args!("{} {what:#}", style("!").red()));
        if let Some(path) = self.wav_out.clone() {
            let recording = audio.record();
            R::spawn(async move {
                recording.ended().await;
                let heard = recording.wav(Tracks::Only(Side::Heard), RATE).map_err(Into::into);
                match heard.and_then(|wav| anyhow::Ok(std::fs::write(&path, wav)?)) {
                    Ok(()) => tell(format_args!("{} wrote {}", style("·").cyan(), path.display())),
                    Err(error) => complain(&error.context(path.display().to_string())),
                }
            })?;
        }
        let Audio { mut sink, stream } = audio;
        let line = self.desk.as_ref().and_then(|desk| desk.line()).map(Arc::new);
        if let Some(line) = line.clone() {
            let mut stream = stream.pcm(RATE)?;
            R::spawn(async move {
                while let Some(pcm) = stream.read().await {
                    line.play(&pcm);
                }
            })?;
        }
        if let Some(speech) = self.speech.clone() {
            R::spawn(async move {
                match sink.play(&speech[..]).await {
                    Ok(()) | Err(SendError::Ended) => {}
                    Err(error) => complain(&error),
                }
            })?;
        } else if let Some(line) = line {
            let mut sink = sink.pcm(RATE)?;
            R::spawn(async move {
                loop {
                    // Each takes as long as it lasts.
                    match sink.write(&line.record()).await {
                        Ok(()) => {}
                        Err(SendError::Ended) => return,
                        Err(error) => return complain(&error),
                    }
                }
            })?;
        }
        Ok(())
    }

    /// Does what a word asks for; false if it is not about sound.
    pub(crate) fn command(&self, word: &str, rest: &str) -> anyhow::Result<bool> {
        let direction = match word {
            "speaker" => Direction::Output,
            "microphone" => Direction::Input,
            "sound" | "voice" => {
                let desk = self.desk()?;
                if word == "sound" {
                    show(desk);
                    return Ok(true);
                }
                return voice::command(desk, rest).map(|()| true);
            }
            _ => return Ok(false),
        };
        let desk = self.desk()?;
        let devices = desk.devices().unwrap_or_default();
        if rest == "default" {
            desk.want(direction, None);
        } else {
            let found = devices.of(direction).iter().find(|one| is_called(one, rest));
            let Some(found) = found else { bail!("no such device (`sound` lists them)") };
            desk.want(direction, Some(found.name.clone()));
        }
        Ok(true)
    }

    fn desk(&self) -> anyhow::Result<&Desk> {
        self.desk.as_deref().context("there is no sound: it was switched off by --no-sound")
    }
}

/// True if a person calls a device so.
fn is_called(device: &Device, name: &str) -> bool {
    device.name == name || device.description == name
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Output => "speaker",
        Direction::Input => "microphone",
    }
}

/// Says what happened to the devices.
fn told(news: &News) {
    match news {
        News::Uses { direction, description } => {
            say(&format!("{}: {description}", word(*direction)));
        }
        News::Silent { direction } => {
            say(&style(format!("no {}: silence until there is one", word(*direction)))
                .yellow()
                .to_string());
        }
        News::Refused(error) => say(&style(error.to_string()).yellow().to_string()),
        News::NoCard(error) => {
            let why = format!(
                "no sound: {error}; calls are silent until there is (--no-sound asks for none)"
            );
            say(&style(why).yellow().to_string());
        }
        News::CardFound => say("there is sound again"),
        _ => {}
    }
}

/// Shows the devices and the figures.
fn show(desk: &Desk) {
    let Some(devices) = desk.devices() else {
        match desk.missing() {
            Some(error) => say(&style(format!("no sound: {error}")).yellow().to_string()),
            None => say("devices are being looked for"),
        }
        return;
    };
    for direction in [Direction::Output, Direction::Input] {
        let place = desk.place(direction);
        let figures = desk.figures(direction);
        let state =
            if place.open.is_some() { figures.to_string() } else { "not in use".to_owned() };
        tell(format_args!("  {}: {state}", style(word(direction)).bold()));
        for device in devices.of(direction) {
            let is = |name: Option<&str>| name == Some(device.name.as_str());
            let mark = if is(place.open.as_deref()) { '*' } else { ' ' };
            let default = if is(devices.default_of(direction)) { " (default)" } else { "" };
            let wanted = if is(place.wanted.as_deref()) { " (wanted)" } else { "" };
            tell(format_args!("  {mark} {}  {}{default}{wanted}", device.name, device.description));
        }
    }
    voice::show(desk);
}
