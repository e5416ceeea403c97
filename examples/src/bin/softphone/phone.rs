//! The phone behind the keyboard, of whichever service.

use std::time::Duration;

use offhook::media::Digit;
use offhook_runtime::{Events, Service, Sockets};

use crate::Cli;
use crate::sound::Sound;

/// The time for which a key is pressed.
pub(crate) const PRESS: Duration = Duration::from_millis(120);

/// A phone, as the keyboard works it.
pub(crate) trait Phone<R: Sockets>: Sized {
    /// The machine of its service.
    type Machine: Service;

    /// Its commands, as the help shows them.
    const KEYS: &'static str;

    fn new(cli: &Cli, sound: Sound) -> anyhow::Result<(Self, Events<Self::Machine>)>;

    async fn log_in(&self) -> anyhow::Result<()>;

    async fn log_out(&self) -> anyhow::Result<()>;

    /// Ends its calls.
    async fn hang_up(&self) -> anyhow::Result<()>;

    /// Takes what the client tells. An error ends the phone.
    fn told(
        &mut self,
        event: <Self::Machine as offhook::machine::Machine>::Event,
    ) -> anyhow::Result<()>;

    /// Does what the keyboard asks for.
    async fn command(&mut self, word: &str, rest: &str) -> anyhow::Result<()>;

    /// Its calls, a line each.
    fn list(&self) -> Vec<String>;
}

/// The keys of a text.
pub(crate) fn keys(text: &str) -> anyhow::Result<Vec<Digit>> {
    Ok(text.chars().map(Digit::try_from).collect::<Result<_, _>>()?)
}
