//! The softphone on a Ribbon WebRTC Gateway.

use anyhow::{Context as _, bail};
use console::style;
use offhook::ribbon::{
    AnswerOptions, CallId, CallInfo, CallState, ChangeReason, Config, Credentials, Event,
    MakeOptions, MediaConnectionState, Phone as _, TrackId,
};
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::{Client, Events};

use crate::Cli;
use crate::board::Board;
use crate::phone::{PRESS, Phone, keys};
use crate::sound::Sound;
use crate::terminal::say;

/// The phone and its calls.
pub(crate) struct Gateway<R> {
    phone: Client<R>,
    credentials: Credentials,
    sound: Sound,
    calls: Board<CallId>,
    /// Our tracks of the call that commands are about.
    tracks: Vec<TrackId>,
    /// Calls whose sound has begun.
    heard: Vec<CallId>,
}

impl<R: Sockets> Phone<R> for Gateway<R> {
    type Machine = offhook::ribbon::Client;

    const KEYS: &'static str = "\
  answer            answer the call that rings
  reject            decline it
  ignore            let it ring elsewhere
  forward ADDRESS   send it on
  hangup            end the call
  mute, unmute      send silence
  hold, unhold
  transfer ADDRESS  send a held call on
  dtmf 123#         press keys
  dial ADDRESS      call somebody";

    fn new(cli: &Cli, sound: Sound) -> anyhow::Result<(Self, Events)> {
        let wanted = |value: &Option<String>, flag: &str| {
            value.clone().with_context(|| format!("{flag} is wanted"))
        };
        let (rest, socket) =
            (wanted(&cli.api_host, "--api-host")?, wanted(&cli.ws_host, "--ws-host")?);
        let user = wanted(&cli.user, "--user")?;
        let password = wanted(&cli.password, "--password, or OFFHOOK_PASSWORD,")?;
        let config = Config::at(&rest, &socket)?;
        let (phone, events) = Client::<R>::builder(config).net(cli.net()).build()?;
        let credentials = Credentials::password(user.as_str(), password);
        let (calls, tracks, heard) = (Board::default(), Vec::new(), Vec::new());
        Ok((Self { phone, credentials, sound, calls, tracks, heard }, events))
    }

    async fn log_in(&self) -> anyhow::Result<()> {
        self.phone.set_credentials(self.credentials.clone()).await?;
        Ok(self.phone.subscribe(["call"]).await?)
    }

    async fn log_out(&self) -> anyhow::Result<()> {
        Ok(self.phone.destroy().await?)
    }

    async fn hang_up(&self) -> anyhow::Result<()> {
        for call in self.calls.but("ringing") {
            self.phone.end(call).await?;
        }
        Ok(())
    }

    fn told(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::CallState { call, transition, error, .. } => {
                if let Some(error) = error {
                    say(&style(error.to_string()).red().to_string());
                }
                let why = transition.and_then(|reason| reason.text);
                self.is_now(call, why.as_deref())?;
            }
            Event::MediaConnection { call, state: MediaConnectionState::Connected, .. } => {
                self.talks(call);
            }
            Event::Dtmf { digit, .. } => say(&format!("they pressed {}", digit.as_char())),
            Event::SubscriptionChanged { reason, .. }
                if !matches!(
                    reason,
                    ChangeReason::Pending | ChangeReason::Subscribed | ChangeReason::Unsubscribed
                ) =>
            {
                bail!("the subscription is over: {reason}");
            }
            Event::SocketChanged { state } => say(&format!("notifications: {state:?}")),
            _ => {}
        }
        Ok(())
    }

    async fn command(&mut self, word: &str, rest: &str) -> anyhow::Result<()> {
        let phone = &self.phone;
        let call = || self.calls.current().context("there is no call");
        match word {
            "answer" | "a" => phone.answer(call()?, AnswerOptions::default()).await?,
            "reject" | "r" => phone.reject(call()?).await?,
            "ignore" => phone.ignore(call()?).await?,
            "forward" if !rest.is_empty() => phone.forward(call()?, rest).await?,
            "hangup" | "h" => phone.end(call()?).await?,
            "mute" => phone.mute_tracks(self.tracks.clone()).await?,
            "unmute" => phone.unmute_tracks(self.tracks.clone()).await?,
            "hold" => phone.hold(call()?).await?,
            "unhold" => phone.unhold(call()?).await?,
            "transfer" if !rest.is_empty() => phone.direct_transfer(call()?, rest).await?,
            "dtmf" => phone.send_dtmf(call()?, keys(rest)?, PRESS).await?,
            "dial" if !rest.is_empty() => {
                let call = phone.make(rest, MakeOptions::default()).await?;
                self.calls.turn_to(call, "dialling");
            }
            other => bail!("no such command: {other} (help lists them)"),
        }
        Ok(())
    }

    fn list(&self) -> Vec<String> {
        self.calls.list()
    }
}

impl<R: Sockets> Gateway<R> {
    /// A call is up, and so is its media.
    fn talks(&mut self, call: CallId) {
        say(&style("talking").green().bold().to_string());
        self.calls.turn_to(call, "talking");
    }

    /// Takes the state of a call.
    fn is_now(&mut self, call: CallInfo, why: Option<&str>) -> anyhow::Result<()> {
        match call.state {
            CallState::Ringing if call.direction == offhook::ribbon::CallDirection::Incoming => {
                let from = call.remote.display_name.or(call.remote.display_number);
                let from = from.unwrap_or_else(|| "somebody".to_owned());
                say(&format!("{} from {from}", style("ringing").yellow().bold()));
                self.calls.turn_to(call.id, "ringing");
            }
            CallState::Connected => {
                self.tracks = call.local_tracks;
                match call.media_state {
                    MediaConnectionState::Connected => self.talks(call.id.clone()),
                    _ => self.calls.turn_to(call.id.clone(), "connecting"),
                }
                if let Some(media) = call.media.filter(|_| !self.heard.contains(&call.id)) {
                    self.heard.push(call.id);
                    self.sound.begin::<R>(self.phone.audio(media))?;
                }
            }
            CallState::Ended | CallState::Cancelled => {
                say(&format!("over: {}", why.unwrap_or("hung up")));
                self.heard.retain(|heard| *heard != call.id);
                self.calls.forget(&call.id);
            }
            state => {
                let words = state.as_str().to_lowercase();
                say(&words);
                self.calls.note(call.id, &words);
            }
        }
        Ok(())
    }
}
