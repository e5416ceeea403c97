//! The user's headset and the user's clients: one of them has it (behaviour notes 6, wire notes 6.16).
//!
//! A client that wants it asks all the others and has it once none has said no for
//! [`Timing::headset`](super::Timing::headset) after its request came back. The official client counts from
//! when it asks: behind a slow network it takes the headset from calls before anybody hears of it. What
//! becomes of each word of another client is in [`table`]. The device itself is the application's:
//! [`crate::headset`] tells how its keys and lamps are.
//!
//! A client that wants the headset and has lost it asks again once the one that had it gives it up or
//! goes, once a call of its own is connected, and once one that was left it does not take it (DEF-18).
//! After a reconnect what was agreed is asked anew. One that has it says so again once a call of its own
//! is connected.

mod rank;
mod table;

use self::table::{Circumstances, Heard, Order, Reaction, reaction};
use super::command::Outcome;
use super::config::{Auth, Config};
use super::error::{Complaint, Error, ErrorKind};
use super::event::Event;
use super::ids::MAX_ID;
use super::outbox::Outbox;
use super::session_type::SessionType;
use super::wire::{Dialect, Frame, HeadsetMessage, Message, Payload};
use crate::machine::{CommandId, TimerName, Timers, Wake};
use crate::xmpp::Jid;

pub use self::rank::HeadsetRank;
pub use self::table::HeadsetControls;

/// The limit of a request that does not come back, in times of [`Timing::headset`](super::Timing::headset).
const UNHEARD: u32 = 4;
/// The most doublings of the time in which what was left to another client is to be taken.
const MAX_UNTAKEN: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Nobody has said no to our request, or it does not come back.
    Unopposed,
    /// The one that was left the headset has not taken it.
    Untaken,
}

impl TimerName for Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Unopposed => "headset negotiation",
            Self::Untaken => "headset left to another client",
        }
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct HeadsetOwnership {
    state: HeadsetControls,
    timers: Timers<Timer>,
    /// Commands that wait for the end of the negotiation.
    waiting: Vec<CommandId>,
    /// The client that has the headset, or was left it, or said no.
    owner: Option<Jid>,
    /// The client that has said that it has the headset: of those that say no, some only want it (HS-4).
    holder: Option<Jid>,
    /// The id of our last request, until it has come back to us.
    request: Option<String>,
    /// The number of times that nobody took in time what was left to another client.
    untaken: u32,
    /// True while a call is connected here.
    talks: bool,
}

impl HeadsetOwnership {
    pub(crate) fn next_wake(&self) -> Option<Wake> {
        self.timers.next()
    }

    /// True between the request of the application and its release.
    pub(crate) fn is_wanted(&self) -> bool {
        match self.state {
            HeadsetControls::NotStarted => false,
            HeadsetControls::Negotiating
            | HeadsetControls::AlternativeClient
            | HeadsetControls::HasControls => true,
        }
    }

    /// Checks that the headset can be asked for: by an agent with a phone (HS-1).
    ///
    /// # Errors
    ///
    /// The client is a guest's, or has no calls.
    pub(crate) fn may_request(config: &Config) -> Result<(), Error> {
        let agent = match config.auth {
            Auth::Token(_) => true,
            Auth::Jwt(_) | Auth::Guest { .. } => false,
        };
        match agent && config.may_have(SessionType::Softphone) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::NotSupported, "a headset is for calls")),
        }
    }

    pub(crate) fn request(&mut self, command: CommandId, out: &mut Outbox) {
        if !out.config.headset_orchestration {
            self.turn(HeadsetControls::HasControls, out);
        }
        match self.state {
            HeadsetControls::HasControls => out.complete(command, Ok(Outcome::Done)),
            HeadsetControls::Negotiating => self.waiting.push(command),
            HeadsetControls::NotStarted | HeadsetControls::AlternativeClient => {
                self.waiting.push(command);
                self.ask(out);
            }
        }
    }

    /// Gives the headset up, and wants it no more.
    pub(crate) fn release(&mut self, out: &mut Outbox) {
        let cancelled = Error::new(ErrorKind::Cancelled, "the headset was released");
        self.answer(&Err(cancelled), out);
        match self.state {
            // Whoever was refused meanwhile may have it now.
            HeadsetControls::HasControls | HeadsetControls::Negotiating => {
                self.tell_changed(false, out);
            }
            HeadsetControls::NotStarted | HeadsetControls::AlternativeClient => {}
        }
        self.timers = Timers::default();
        self.owner = None;
        self.holder = None;
        self.request = None;
        self.untaken = 0;
        self.turn(HeadsetControls::NotStarted, out);
    }

    /// A command's time is up.
    pub(crate) fn forget_command(&mut self, command: CommandId) {
        self.waiting.retain(|waiting| *waiting != command);
    }

    /// The commands that wait here are answered by others.
    pub(crate) fn forget_commands(&mut self) {
        self.waiting.clear();
    }

    /// The connection is gone: nobody can be asked, and nobody heard.
    pub(crate) fn lost(&mut self) {
        self.timers = Timers::default();
        self.request = None;
        self.holder = None;
        self.untaken = 0;
    }

    /// The connection is back: what was agreed may be otherwise by now.
    pub(crate) fn came_back(&mut self, out: &mut Outbox) {
        if self.is_wanted() && out.config.headset_orchestration {
            self.ask(out);
        }
    }

    /// A message of one of the user's clients, perhaps of this one. `busy` is true with a session of a
    /// call.
    pub(crate) fn handle_message(
        &mut self,
        message: &Message,
        json: &str,
        busy: bool,
        out: &mut Outbox,
    ) {
        // Anybody could write so; only the user's own clients count.
        let ours = |from: &&Jid| from.is_full() && out.bare_jid() == Some(from.bare());
        let Some(from) = message.from.as_ref().filter(ours) else { return };
        if out.jid.as_ref() == Some(from) {
            if self.request.is_some() && message.id == self.request {
                self.request = None;
                self.is_heard(out);
            }
            return;
        }
        if !self.is_wanted() || !out.config.headset_orchestration {
            return;
        }
        let from_owner = self.owner.as_ref() == Some(from) || self.holder.as_ref() == Some(from);
        let (heard, reason) = match HeadsetMessage::read(json) {
            Ok(HeadsetMessage::Request { kind }) => {
                (Heard::Request(HeadsetRank::named(kind.as_deref())), None)
            }
            Ok(HeadsetMessage::Rejection { reason, .. }) => (Heard::Rejection, reason),
            Ok(HeadsetMessage::Changed { has_controls: true }) => {
                self.holder = Some(from.clone());
                (Heard::Taken, None)
            }
            Ok(HeadsetMessage::Changed { has_controls: false }) => {
                let owner = from_owner || self.holder.is_none();
                self.holder.take_if(|holder| *holder == *from);
                (Heard::Given { owner }, None)
            }
            Ok(HeadsetMessage::Other(_)) => return,
            Err(error) => return out.malformed(format!("media-message: {error}")),
        };
        if (heard, self.state) == (Heard::Taken, HeadsetControls::AlternativeClient) {
            self.untaken = 0;
        }
        let order = if self.request.is_some() { Order::Earlier } else { Order::Later };
        let of = Circumstances { rank: rank(out), busy, order, from_owner };
        match reaction(self.state, heard, of) {
            Reaction::Nothing => {}
            Reaction::Reject(reason) => {
                let request = message.id.clone().filter(|id| id.len() <= MAX_ID);
                let reason = Some(reason.name().to_owned());
                say(&HeadsetMessage::Rejection { request, reason }, out);
            }
            Reaction::Yield => {
                self.lose(from, None, out);
                // Behind a slow network it is taken late. Longer each time: else two would take it from each other for ever.
                let times = 2 << self.untaken.min(MAX_UNTAKEN);
                self.timers.arm(Timer::Untaken, out.now() + times * out.config.timing.headset);
            }
            Reaction::Lose => self.lose(from, reason.as_deref(), out),
            Reaction::Surrender => {
                self.tell_changed(false, out);
                self.lose(from, None, out);
            }
            Reaction::AskAgain => self.ask(out),
        }
    }

    /// A client is gone; if it is the one that had the headset, that is free.
    pub(crate) fn client_gone(&mut self, client: &Jid, out: &mut Outbox) {
        let held = self.holder.take_if(|holder| *holder == *client).is_some();
        if held || self.owner.as_ref() == Some(client) {
            self.ask_if_lost(out);
        }
    }

    /// Takes note of whether a call is connected here.
    pub(crate) fn talks(&mut self, talks: bool, out: &mut Outbox) {
        let before = std::mem::replace(&mut self.talks, talks);
        if talks && !before {
            match self.state {
                // The official client does not ask anew after it was away, and may believe that it still has it.
                HeadsetControls::HasControls => self.tell_changed(true, out),
                HeadsetControls::NotStarted
                | HeadsetControls::Negotiating
                | HeadsetControls::AlternativeClient => self.ask_if_lost(out),
            }
        }
    }

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) {
        while let Some(timer) = self.timers.pop_due(out.now()) {
            match timer {
                Timer::Unopposed => {
                    self.tell_changed(true, out);
                    self.owner = None;
                    self.holder = None;
                    self.turn(HeadsetControls::HasControls, out);
                    self.answer(&Ok(Outcome::Done), out);
                }
                Timer::Untaken => {
                    self.untaken = self.untaken.saturating_add(1);
                    self.ask_if_lost(out);
                }
            }
        }
    }

    fn ask_if_lost(&mut self, out: &mut Outbox) {
        match self.state {
            HeadsetControls::AlternativeClient if out.jid.is_some() => self.ask(out),
            HeadsetControls::AlternativeClient
            | HeadsetControls::NotStarted
            | HeadsetControls::Negotiating
            | HeadsetControls::HasControls => {}
        }
    }

    fn ask(&mut self, out: &mut Outbox) {
        let kind = Some(rank(out).name().to_owned());
        self.request = say(&HeadsetMessage::Request { kind }, out);
        self.owner = None;
        self.timers.cancel(&Timer::Untaken);
        self.timers.arm(Timer::Unopposed, out.now() + UNHEARD * out.config.timing.headset);
        self.turn(HeadsetControls::Negotiating, out);
    }

    /// Our request has come back: from now on the others can refuse it.
    fn is_heard(&mut self, out: &Outbox) {
        match self.state {
            HeadsetControls::Negotiating => {
                self.timers.arm(Timer::Unopposed, out.now() + out.config.timing.headset);
            }
            HeadsetControls::NotStarted
            | HeadsetControls::AlternativeClient
            | HeadsetControls::HasControls => {}
        }
    }

    /// Leaves the headset to another client.
    fn lose(&mut self, to: &Jid, reason: Option<&str>, out: &mut Outbox) {
        self.timers = Timers::default();
        self.owner = Some(to.clone());
        self.turn(HeadsetControls::AlternativeClient, out);
        let error = Error::new(ErrorKind::Session, "another client has the headset");
        let error = match reason {
            Some(reason) => error.caused_by(Complaint::new(reason, None)),
            None => error,
        };
        self.answer(&Err(error), out);
    }

    fn tell_changed(&self, has_controls: bool, out: &mut Outbox) {
        if out.config.headset_orchestration {
            say(&HeadsetMessage::Changed { has_controls }, out);
        }
    }

    fn answer(&mut self, result: &Result<Outcome, Error>, out: &mut Outbox) {
        for command in std::mem::take(&mut self.waiting) {
            out.complete(command, result.clone());
        }
    }

    fn turn(&mut self, state: HeadsetControls, out: &mut Outbox) {
        if std::mem::replace(&mut self.state, state) != state {
            out.event(Event::HeadsetControls(state));
        }
    }
}

fn rank(out: &Outbox) -> HeadsetRank {
    let resource = out.jid.as_ref().and_then(Jid::resource);
    out.config.headset_rank.with_resource(resource)
}

/// Tells the user's clients, this one too; returns the id of the message, if it could be sent.
fn say(message: &HeadsetMessage, out: &mut Outbox) -> Option<String> {
    let (from, to) = (out.jid.clone()?, out.bare_jid()?);
    let id = out.uuid();
    let payload = Payload::Extension(Dialect::MediaMessage(message.to_json()));
    out.signal(Frame::Message(Message::to(to, payload).with_from(from).with_id(id.clone())));
    Some(id)
}
