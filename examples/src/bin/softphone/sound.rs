//! Sound from a file and to a file.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::Context as _;
use console::style;
use offhook::audio::{RATE, Side, Tracks, wav};
use offhook_runtime::{Audio, SendError, Sockets};

use crate::Cli;
use crate::terminal::tell;

/// See the [module](self).
pub(crate) struct Sound {
    /// A WAV file.
    speech: Option<Vec<u8>>,
    wav_out: Option<PathBuf>,
}

impl Sound {
    /// The sound of the command line.
    pub(crate) fn new(cli: &Cli) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
        let speech = cli.wav_in.as_ref().map(read).transpose()?;
        if let Some(speech) = &speech {
            wav::read(&speech[..]).context("--wav-in")?;
        }
        Ok(Self { speech, wav_out: cli.wav_out.clone() })
    }

    /// Plays what is to be said, and records what is heard.
    pub(crate) fn begin<R: Sockets>(&self, mut audio: Audio) -> anyhow::Result<()> {
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
        if let Some(speech) = self.speech.clone() {
            R::spawn(async move {
                match audio.play(&speech[..]).await {
                    Ok(()) | Err(SendError::Ended) => {}
                    Err(error) => complain(&error),
                }
            })?;
        }
        Ok(())
    }
}
