//! The softphone on Genesys Cloud.

use anyhow::{Context as _, bail};
use console::style;
use offhook::genesys::{Config, ConversationId, Dial, Event, HandledBy, Phone as _, SessionType};
use offhook::media::MediaState;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::{Client, Events};

use crate::Cli;
use crate::board::Board;
use crate::phone::{Phone, keys};
use crate::sound::Sound;
use crate::terminal::say;

/// The phone and its calls.
pub(crate) struct Cloud<R> {
    phone: Client<R>,
    sound: Sound,
    calls: Board<ConversationId>,
}

impl<R: Sockets> Phone<R> for Cloud<R> {
    type Machine = offhook::genesys::Client;

    const KEYS: &'static str = "\
  answer            answer the call that rings
  reject            decline it
  hangup            end the call
  mute, unmute      in the service: the far end does not hear you
  hold, unhold
  dtmf 123#         press keys
  dial NUMBER       call somebody";

    fn new(cli: &Cli, sound: Sound) -> anyhow::Result<(Self, Events)> {
        let token = cli.token.clone().context("--token, or OFFHOOK_TOKEN, is wanted")?;
        let mut config = Config::agent(cli.environment.clone(), token);
        config.api_host.clone_from(&cli.api_host);
        config.ws_host.clone_from(&cli.ws_host);
        let (phone, events) = Client::<R>::builder(config).net(cli.net()).build()?;
        Ok((Self { phone, sound, calls: Board::default() }, events))
    }

    async fn log_in(&self) -> anyhow::Result<()> {
        Ok(self.phone.connect().await?)
    }

    async fn log_out(&self) -> anyhow::Result<()> {
        Ok(self.phone.disconnect().await?)
    }

    /// Ends the calls that it is on; one that only rings is left to the user's other phones.
    async fn hang_up(&self) -> anyhow::Result<()> {
        for conversation in self.calls.but("ringing") {
            self.phone.end(conversation).await?;
        }
        Ok(())
    }

    fn told(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            // Meetings are another program's: `record`.
            Event::PendingSession(call) if call.session_type == SessionType::Softphone => {
                let who = call.who();
                let from = who.remote_name.as_ref().or(who.remote_number.as_ref());
                let from = from.unwrap_or(&call.from);
                say(&format!("{} from {from}", style("ringing").yellow().bold()));
                self.calls.turn_to(call.conversation, "ringing");
            }
            Event::CancelPendingSession { conversation, .. } => {
                say("the caller gave up");
                self.calls.forget(&conversation);
            }
            Event::HandledPendingSession { conversation, by: HandledBy::Elsewhere, .. } => {
                say("handled by another client");
                self.calls.forget(&conversation);
            }
            Event::SessionStarted(session) => {
                self.calls.turn_to(session.conversation, "connecting");
                self.sound.begin::<R>(self.phone.audio(session.media))?;
            }
            Event::MediaState { conversation, state: MediaState::Connected, .. } => {
                say(&style("talking").green().bold().to_string());
                self.calls.note(conversation, "talking");
            }
            Event::SessionInterrupted(_) => say("the line is bad"),
            Event::ConversationUpdate(update) => {
                for call in update.current {
                    let mut words = format!("{:?}", call.state).to_lowercase();
                    for (is, word) in [(call.muted, ", muted"), (call.held, ", held")] {
                        if is {
                            words.push_str(word);
                        }
                    }
                    say(&words);
                    self.calls.note(call.id, &words);
                }
                for call in update.removed {
                    self.calls.forget(&call.id);
                }
            }
            Event::SessionEnded { session, reason } => {
                say(&format!("over: {reason}"));
                self.calls.forget(&session.conversation);
            }
            Event::Dtmf { digit, .. } => say(&format!("they pressed {}", digit.as_char())),
            Event::Disconnected { reconnecting, error } => {
                let why = error.map_or_else(String::new, |error| format!(": {error}"));
                if !reconnecting {
                    bail!("disconnected{why}");
                }
                say(&format!("connection lost{why}; trying again"));
            }
            Event::Connected { reconnect: true } => say("connected again"),
            Event::Error(error) => say(&style(error.to_string()).red().to_string()),
            _ => {}
        }
        Ok(())
    }

    async fn command(&mut self, word: &str, rest: &str) -> anyhow::Result<()> {
        let phone = &self.phone;
        let call = || self.calls.current().context("there is no call");
        match word {
            "answer" | "a" => phone.accept_pending(call()?).await?,
            "reject" | "r" => phone.reject_pending(call()?).await?,
            "hangup" | "h" => phone.end(call()?).await?,
            "mute" => phone.set_muted(call()?, true).await?,
            "unmute" => phone.set_muted(call()?, false).await?,
            "hold" => phone.set_held(call()?, true).await?,
            "unhold" => phone.set_held(call()?, false).await?,
            "dtmf" => phone.send_dtmf(call()?, keys(rest)?, crate::phone::PRESS).await?,
            "dial" if !rest.is_empty() => {
                let dialled = phone.dial(Dial::number(rest)).await?;
                self.calls.turn_to(dialled.conversation, "dialling");
            }
            other => bail!("no such command: {other} (help lists them)"),
        }
        Ok(())
    }

    fn list(&self) -> Vec<String> {
        self.calls.list()
    }
}
