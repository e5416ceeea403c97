//! The phone behind the keyboard, of whichever service.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use offhook::media::Digit;
use offhook_runtime::{Events, Service, Sockets};

use crate::ask::Ask;
use crate::news::Tell;
use crate::settings::Settings;
use crate::sound::Sound;

/// The time for which a key is pressed.
pub(crate) const PRESS: Duration = Duration::from_millis(120);

/// A wish on its way.
pub(crate) type Asking = LocalBoxFuture<'static, anyhow::Result<()>>;

/// A phone, as the keyboard works it. What happens is told to the [`Tell`] that it is made with.
pub(crate) trait Phone<R: Sockets>: Sized {
    /// The machine of its service.
    type Machine: Service;

    /// Its commands, as the help of the line mode shows them.
    const KEYS: &'static str;

    /// The things that it can do and others cannot.
    const OFFERS: Offers;

    fn new(
        settings: &Settings,
        sound: Sound,
        tell: Tell,
    ) -> anyhow::Result<(Self, Events<Self::Machine>)>;

    async fn log_in(&self) -> anyhow::Result<()>;

    /// Logs out, when all that is to be written is written.
    async fn log_out(&mut self) -> anyhow::Result<()>;

    /// Takes what the client tells. An error ends the phone.
    fn told(
        &mut self,
        event: <Self::Machine as offhook::machine::Machine>::Event,
    ) -> anyhow::Result<()>;

    /// Begins with what is asked for.
    fn ask(&mut self, ask: Ask) -> Asking;
}

/// The things that one service has and another has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offers {
    /// Its name, as people say it.
    pub(crate) service: &'static str,
    pub(crate) consult: Consult,
    /// A call can be said what it was about.
    pub(crate) wrap_up: bool,
    /// The presences that can be set; none where each organisation has its own, which are asked for.
    pub(crate) presences: &'static [&'static str],
    /// There are meetings of several people.
    pub(crate) meetings: bool,
    /// The clients of a user agree on who has the headset. Else whoever opens it has it.
    pub(crate) shared_headset: bool,
}

/// The way in which somebody is asked about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consult {
    /// Within the call: the service has its caller wait.
    Within,
    /// By a second call, which is connected with the first.
    TwoCalls,
}

/// The keys of a text.
pub(crate) fn keys(text: &str) -> anyhow::Result<Vec<Digit>> {
    Ok(text.chars().map(Digit::try_from).collect::<Result<_, _>>()?)
}
