//! The model of an agent: answers, talks, holds, mutes, presses keys, hangs up, dials, and logs in
//! again after a failure.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::{
    CallControl, Command, ConversationId, Dial, Event, IceServersPolicy, SessionId, SpeakTo, Target,
};
use offhook::jingle::Reason;
use offhook::machine::{CommandId, MediaId};
use offhook::media::{AudioCodec, Digit};

use super::desk::Desk;
use super::rooms::Attendee;
use crate::dice::Dice;
use crate::world::{Application, Keys, Moment, STEP, Voice};

/// The behaviour of agents. Shares are from 0 to 1; ranges are drawn from evenly.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// Agents come to work within this.
    pub arrive_within: Duration,
    /// The time that a call rings.
    pub answer_after: (Duration, Duration),
    /// The share of ringing calls that are rejected.
    pub rejects: f64,
    /// The share of ringing calls that are left to ring.
    pub ignores: f64,
    /// The share of calls that the agent ends.
    pub ends: f64,
    /// The time after which it does.
    pub ends_after: (Duration, Duration),
    /// The share of calls that are put on hold, and for how long.
    pub holds: f64,
    /// The time that it holds.
    pub holds_for: (Duration, Duration),
    /// The share of calls in which the agent mutes.
    pub mutes: f64,
    /// The share of calls in which keys are pressed.
    pub presses: f64,
    /// The share of calls in which the agent does something rarer: transfers, asks for a topic,
    /// ends a media session by force and the like, whether the service can do it or not.
    pub whims: f64,
    /// The share of commands that are given twice, by an impatient finger.
    pub repeats: f64,
    /// Between two calls that the agent makes; None makes none.
    pub dials_every: Option<Duration>,
}

impl Default for Habits {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            arrive_within: s(30),
            answer_after: (s(1), s(8)),
            rejects: 0.02,
            ignores: 0.02,
            ends: 0.4,
            ends_after: (s(5), s(240)),
            holds: 0.2,
            holds_for: (s(3), s(60)),
            mutes: 0.2,
            presses: 0.1,
            whims: 0.0,
            repeats: 0.0,
            dials_every: None,
        }
    }
}

/// The choices of an agent: what it does itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// Accept media sessions, which the client then does not.
    pub(super) accepts_sessions: bool,
    /// Answer also those calls that the service would have answered by themselves.
    pub(super) answers_all: bool,
}

/// Something the agent means to do.
#[derive(Clone, Debug)]
enum Act {
    Connect,
    Answer(ConversationId),
    /// The session for it.
    Accept(ConversationId),
    Reject(ConversationId),
    Hold(ConversationId, bool),
    Mute(ConversationId, bool),
    Press(ConversationId),
    End(ConversationId),
    Whim(ConversationId),
    Dial,
    /// The frame of a talk spurt of that number.
    Speak(u32),
}

/// The model of an agent.
pub(super) struct Agent {
    habits: Habits,
    manner: Manner,
    dice: Dice,
    speech: Option<Duration>,
    voice: Voice,
    acts: BTreeMap<(Duration, u64), Act>,
    planned: u64,
    connecting: Option<CommandId>,
    sessions: BTreeMap<SessionId, MediaId>,
    codecs: BTreeMap<MediaId, AudioCodec>,
    calls: BTreeMap<ConversationId, SessionId>,
    spoken: u64,
    speaking: bool,
    evening: bool,
    /// Its part in rooms, if there are any.
    attendee: Option<Attendee>,
}

impl Agent {
    pub(super) fn new(
        desk: &Desk,
        habits: Habits,
        manner: Manner,
        speech: Option<Duration>,
        voice: Voice,
    ) -> Self {
        Self {
            habits,
            manner,
            dice: Dice::new(&desk.seed, "agent"),
            speech,
            voice,
            acts: BTreeMap::new(),
            planned: 0,
            connecting: None,
            sessions: BTreeMap::new(),
            codecs: BTreeMap::new(),
            calls: BTreeMap::new(),
            spoken: (desk.phone.0 as u64) << 32,
            speaking: false,
            evening: false,
            attendee: None,
        }
    }

    /// The same, in a world with rooms.
    pub(super) fn attending(self, attendee: Option<Attendee>) -> Self {
        Self { attendee, ..self }
    }

    fn plan(&mut self, at: Duration, act: Act) {
        self.planned += 1;
        self.acts.insert((at, self.planned), act);
    }

    fn told(&mut self, at: Duration, event: &Event) {
        match event {
            // Rooms are the attendee's.
            Event::PendingSession(pending) if pending.session_type.is_room() => {}
            Event::SessionStarted(session) if session.session_type.is_room() => {}
            Event::PendingSession(pending) if !pending.auto_answer || self.manner.answers_all => {
                let conversation = pending.conversation.clone();
                if self.dice.chance(self.habits.ignores) {
                    return;
                }
                let when = at + self.dice.between(self.habits.answer_after);
                let act = if self.dice.chance(self.habits.rejects) {
                    Act::Reject(conversation)
                } else {
                    Act::Answer(conversation)
                };
                if self.dice.chance(self.habits.repeats) {
                    self.plan(when, act.clone());
                }
                self.plan(when, act);
            }
            Event::SessionStarted(session) => {
                self.sessions.insert(session.id.clone(), session.media);
                if self.manner.accepts_sessions {
                    let soon = (Duration::ZERO, Duration::from_millis(500));
                    let when = at + self.dice.between(soon);
                    self.plan(when, Act::Accept(session.conversation.clone()));
                }
            }
            Event::MediaAgreed { media, agreement, .. } => {
                self.codecs.insert(*media, agreement.codec);
            }
            Event::SessionReplaced { session, old } => {
                self.sessions.remove(old);
                self.sessions.insert(session.id.clone(), session.media);
                for on in self.calls.values_mut().filter(|on| *on == old) {
                    on.clone_from(&session.id);
                }
            }
            Event::SessionEnded { session, .. } => {
                self.sessions.remove(&session.id);
                self.codecs.remove(&session.media);
            }
            Event::CallConnected { call, session } => {
                self.calls.insert(call.id.clone(), session.clone());
                self.plan_call(at, &call.id);
                if let (Some(every), false) = (self.speech, self.speaking) {
                    self.speaking = true;
                    self.plan(at + every, Act::Speak(0));
                }
            }
            Event::CallEnded { conversation, .. } => {
                self.calls.remove(conversation);
            }
            Event::Disconnected { reconnecting: false, .. } => self.come_back(at),
            _ => {}
        }
    }

    fn plan_call(&mut self, at: Duration, call: &ConversationId) {
        let within =
            |dice: &mut Dice| dice.between((Duration::from_secs(1), Duration::from_secs(30)));
        if self.dice.chance(self.habits.holds) {
            let hold = at + within(&mut self.dice);
            let resume = hold + self.dice.between(self.habits.holds_for);
            self.plan(hold, Act::Hold(call.clone(), true));
            self.plan(resume, Act::Hold(call.clone(), false));
        }
        if self.dice.chance(self.habits.mutes) {
            let mute = at + within(&mut self.dice);
            let unmute = mute + self.dice.between(self.habits.holds_for);
            self.plan(mute, Act::Mute(call.clone(), true));
            self.plan(unmute, Act::Mute(call.clone(), false));
        }
        if self.dice.chance(self.habits.presses) {
            let when = at + within(&mut self.dice);
            self.plan(when, Act::Press(call.clone()));
        }
        if self.habits.whims > 0.0 && self.dice.chance(self.habits.whims) {
            let when = at + within(&mut self.dice);
            self.plan(when, Act::Whim(call.clone()));
        }
        if self.dice.chance(self.habits.ends) {
            let end = at + self.dice.between(self.habits.ends_after);
            self.plan(end, Act::End(call.clone()));
        }
    }

    /// Logs in again, soon.
    fn come_back(&mut self, at: Duration) {
        self.connecting = None;
        let when = at + self.dice.between((Duration::from_secs(5), Duration::from_secs(15)));
        self.plan(when, Act::Connect);
    }

    fn act(&mut self, at: Duration, act: Act, keys: &mut Keys<'_>) {
        // What is refused at once was not possible any more: the agent notices and goes on.
        let command = match act {
            Act::Connect => {
                if self.connecting.is_none() && !keys.is_connected() {
                    self.connecting = keys.submit(Command::Connect).ok();
                }
                return;
            }
            Act::Dial => {
                if let Some(every) = self.habits.dials_every.filter(|_| !self.evening) {
                    let next = at + self.dice.exponential(every);
                    self.plan(next, Act::Dial);
                    if self.calls.is_empty() {
                        let number = format!("+1555{:07}", self.dice.below(10_000_000));
                        let _ = keys.submit(Command::StartSoftphoneSession(Dial::number(number)));
                    }
                }
                return;
            }
            Act::Speak(nth) => return self.speak(at, nth, keys),
            Act::Answer(conversation) => Command::AcceptPendingSession { conversation },
            Act::Accept(conversation) => Command::AcceptSession { conversation },
            Act::Reject(conversation) => Command::RejectPendingSession { conversation },
            Act::End(conversation) => Command::EndSession { conversation },
            Act::Hold(conversation, held) if self.calls.contains_key(&conversation) => {
                Command::SetConversationHeld { conversation, held }
            }
            Act::Mute(conversation, muted) if self.calls.contains_key(&conversation) => {
                Command::SetAudioMute { conversation, muted }
            }
            Act::Press(conversation) if self.calls.contains_key(&conversation) => {
                let digits =
                    ['4', '2', '#'].into_iter().filter_map(|key| Digit::try_from(key).ok());
                Command::SendDtmf {
                    conversation,
                    digits: digits.collect(),
                    duration: Duration::from_millis(100),
                }
            }
            Act::Whim(conversation) if self.calls.contains_key(&conversation) => {
                self.whim(conversation)
            }
            Act::Hold(..) | Act::Mute(..) | Act::Press(_) | Act::Whim(_) => return,
        };
        if self.dice.chance(self.habits.repeats) {
            let _ = keys.submit(command.clone());
        }
        let _ = keys.submit(command);
    }

    /// Something that agents seldom do.
    fn whim(&mut self, conversation: ConversationId) -> Command {
        let topic = "v2.users.user-0.presence".to_owned();
        let object = || Target::Address("+15550100".to_owned());
        let controls = [
            CallControl::Transfer { to: object() },
            CallControl::Consult { to: object(), speak_to: SpeakTo::Object },
            CallControl::SpeakTo(SpeakTo::Both),
            CallControl::CancelConsult,
            CallControl::PressKeys("12#".to_owned()),
            CallControl::SetRecording(true),
            CallControl::SetConfined(true),
            CallControl::WrapUp { code: "done".to_owned(), notes: None },
        ];
        match self.dice.below(7 + controls.len()) {
            0 => Command::Subscribe { topic },
            1 => Command::SubscribeAll { topics: vec![topic, "nonsense".to_owned()], priority: 1 },
            2 => Command::Unsubscribe { topic },
            3 => Command::ClaimAlertingLeader,
            4 => match self.calls.get(&conversation) {
                Some(session) => Command::ForceTerminateSession {
                    session: session.clone(),
                    reason: Reason::Success,
                },
                None => Command::NetworkChanged,
            },
            5 => Command::SetIceServers { servers: Vec::new(), policy: IceServersPolicy::Merge },
            6 => Command::NetworkChanged,
            other => {
                let control = controls[other - 7].clone();
                Command::ControlCall { conversation, control }
            }
        }
    }

    fn speak(&mut self, at: Duration, nth: u32, keys: &mut Keys<'_>) {
        let Some(every) = self.speech.filter(|_| !self.calls.is_empty()) else {
            self.speaking = false;
            return;
        };
        let mut into: Vec<_> =
            self.calls.values().filter_map(|session| self.sessions.get(session)).copied().collect();
        into.sort_unstable();
        into.dedup();
        for media in into {
            self.spoken += 1;
            let codec = self.codecs.get(&media).copied().unwrap_or(AudioCodec::Opus);
            keys.speak(media, self.voice.frame(at, self.spoken, nth == 0, codec));
        }
        let goes_on = nth + 1 < self.voice.spurt();
        let (pause, next) = if goes_on { (STEP, nth + 1) } else { (every, 0) };
        self.plan(at + pause, Act::Speak(next));
    }
}

impl Application for Agent {
    fn handle(&mut self, at: Duration, moment: Moment<'_>, keys: &mut Keys<'_>) {
        if let Some(attendee) = &mut self.attendee {
            attendee.handle(at, moment, keys);
        }
        match moment {
            Moment::Start => {
                let when = self.dice.between((Duration::ZERO, self.habits.arrive_within));
                self.plan(at + when, Act::Connect);
                if let Some(every) = self.habits.dials_every {
                    let when = self.dice.exponential(every);
                    self.plan(at + self.habits.arrive_within + when, Act::Dial);
                }
            }
            Moment::Event(event) => self.told(at, event),
            Moment::Completed { command, result } if self.connecting == Some(command) => {
                self.connecting = None;
                if result.is_err() {
                    self.come_back(at);
                }
            }
            Moment::Evening => {
                self.evening = true;
                self.acts.retain(|_, act| {
                    matches!(
                        act,
                        Act::Connect | Act::Accept(_) | Act::Hold(_, false) | Act::Mute(_, false)
                    )
                });
            }
            Moment::Wake => {
                while let Some(entry) = self.acts.first_entry().filter(|e| e.key().0 <= at) {
                    let act = entry.remove();
                    self.act(at, act, keys);
                }
            }
            Moment::Completed { .. } | Moment::Audio { .. } | Moment::Frame { .. } => {}
        }
    }

    fn next_wake(&self) -> Option<Duration> {
        let own = self.acts.keys().next().map(|(at, _)| *at);
        own.into_iter().chain(self.attendee.as_ref().and_then(Attendee::next_wake)).min()
    }
}
