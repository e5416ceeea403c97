//! A user of the gateway: subscribes, calls, is called, does with calls whatever can be done, and works at a desk.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::machine::{CommandId, MediaId};
use offhook::media::{AudioCodec, Digit};
use offhook::ribbon::{
    AnswerOptions, CallDirection, CallId, CallInfo, CallMedia, CallState, Command, Credentials,
    CustomParameter, Event, MakeOptions, Service, TrackId,
};

use super::desk::{Desk, EVENTS};
use crate::dice::Dice;
use crate::services::Ribbon;
use crate::world::{Application, Keys, Moment, STEP, Voice};

const S: fn(u64) -> Duration = Duration::from_secs;
/// From the end of one word to the next.
const PAUSE: Duration = Duration::from_secs(3);
/// From the evening until nobody does anything any more but speak.
const LAST_ACT: Duration = Duration::from_secs(300);

/// The services that agents subscribe to; those of events are named besides.
const SERVICES: &[Service] = &[Service::Call, Service::Presence, Service::Im, Service::Custom];

/// See the [module](self).
pub(super) struct Agent {
    dice: Dice,
    credentials: Credentials,
    /// Those who can be called.
    others: Vec<String>,
    /// The command that subscribes.
    subscribing: Option<CommandId>,
    /// The time to subscribe.
    subscribe_at: Option<Duration>,
    /// Calls that ring, and when they are dealt with.
    ringing: BTreeMap<CallId, Duration>,
    /// The time to do something.
    act_at: Option<Duration>,
    /// The time from which on no calls are placed.
    evening: Option<Duration>,
    voice: Voice,
    codecs: BTreeMap<MediaId, AudioCodec>,
    /// The time of the next frame, and its place in the word.
    speak_at: Option<(Duration, u32)>,
    /// Frames that were said.
    spoken: u64,
    desk: Desk,
}

impl Agent {
    pub(super) fn new(
        dice: Dice,
        credentials: Credentials,
        others: Vec<String>,
        voice: Voice,
        desk: Desk,
    ) -> Self {
        Self {
            dice,
            credentials,
            others,
            subscribing: None,
            subscribe_at: None,
            ringing: BTreeMap::new(),
            act_at: None,
            evening: None,
            voice,
            codecs: BTreeMap::new(),
            speak_at: None,
            spoken: 0,
            desk,
        }
    }

    fn told(&mut self, at: Duration, event: &Event) {
        match event {
            Event::SubscriptionChanged { subscriptions, .. }
                if subscriptions.subscribed.is_empty() && !subscriptions.pending =>
            {
                self.subscribe_at = Some(at + self.dice.between((S(2), S(20))));
            }
            Event::CallState { call, .. } => {
                let rings = matches!(call.state, CallState::Ringing | CallState::Initiated);
                if rings && call.direction == CallDirection::Incoming {
                    // Some take their time: longer than a handshake is tried again.
                    let late = self.dice.below(12) == 0;
                    let due = if late { (S(45), S(75)) } else { (S(1), S(8)) };
                    let due = at + self.dice.between(due);
                    self.ringing.entry(call.id.clone()).or_insert(due);
                } else {
                    self.ringing.remove(&call.id);
                }
                if call.state.is_up() {
                    self.speak_at.get_or_insert((at + PAUSE, 0));
                }
            }
            Event::MediaAgreed { media, agreement, .. } => {
                self.codecs.insert(*media, agreement.codec);
            }
            _ => {}
        }
    }

    fn wake(&mut self, at: Duration, keys: &mut Keys<'_, Ribbon>) {
        if self.subscribe_at.is_some_and(|due| due <= at) {
            self.subscribe_at = None;
            let mut services = SERVICES.to_vec();
            services.push(Service::from(EVENTS));
            match keys.submit(Command::Subscribe { services, correlator: None }) {
                Ok(command) => self.subscribing = Some(command),
                Err(_) if keys.client().subscriptions().subscribed.is_empty() => {
                    self.subscribe_at = Some(at + S(10));
                }
                Err(_) => {}
            }
        }
        let due: Vec<_> =
            self.ringing.iter().filter(|(_, due)| **due <= at).map(|(id, _)| id.clone()).collect();
        for call in due {
            self.ringing.remove(&call);
            // One that has stopped ringing is refused.
            let _ = keys.submit(self.deal_with(call));
        }
        if let Some((_, nth)) = self.speak_at.filter(|(due, _)| *due <= at) {
            self.speak(at, nth, keys);
        }
        let over = self.evening.is_some_and(|evening| evening + LAST_ACT <= at);
        if over {
            self.act_at = None;
        }
        if self.act_at.is_some_and(|due| due <= at) {
            self.act_at = Some(at + self.dice.between((S(3), S(25))));
            self.act(keys);
        }
        self.desk.wake(at, keys);
    }

    /// One frame of a word, into each call that is connected.
    fn speak(&mut self, at: Duration, nth: u32, keys: &mut Keys<'_, Ribbon>) {
        let live = keys.client().calls();
        let live: Vec<_> = live.into_iter().filter(|call| call.state.is_up()).collect();
        self.speak_at = None;
        if live.is_empty() {
            self.codecs.clear();
            return;
        }
        for call in live.iter().filter(|call| call.state == CallState::Connected) {
            let Some((media, codec)) =
                call.media.and_then(|media| Some((media, *self.codecs.get(&media)?)))
            else {
                continue;
            };
            self.spoken += 1;
            let number = ((keys.phone().0 as u64 + 1) << 32) + self.spoken;
            keys.speak(media, self.voice.frame(at, number, nth == 0, codec));
        }
        let goes_on = nth + 1 < self.voice.spurt();
        // Not all at the same time for ever: of those who speak at once in a conference one is heard.
        let pause = PAUSE + Duration::from_millis(self.dice.below(800) as u64);
        let (pause, next) = if goes_on { (STEP, nth + 1) } else { (pause, 0) };
        self.speak_at = Some((at + pause, next));
    }

    fn deal_with(&mut self, call: CallId) -> Command {
        match self.dice.below(12) {
            0 => Command::Reject { call },
            1 => Command::Ignore { call },
            2 => Command::Forward { call, to: self.somebody() },
            _ => {
                let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
                Command::Answer { call, media, options }
            }
        }
    }

    fn somebody(&mut self) -> String {
        self.dice.pick(&self.others).cloned().unwrap_or_default()
    }

    fn act(&mut self, keys: &mut Keys<'_, Ribbon>) {
        let calls = keys.client().calls();
        let live: Vec<_> = calls.into_iter().filter(|call| !call.state.is_final()).collect();
        if self.evening.is_none() && (live.is_empty() || (live.len() < 3 && self.dice.chance(0.3)))
        {
            let (media, options) = (CallMedia::AUDIO, MakeOptions::default());
            let _ = keys.submit(Command::Make { to: self.somebody(), media, options });
            return;
        }
        let Some(call) = self.dice.pick(&live).cloned() else { return };
        let command = match call.state {
            CallState::Connected => self.with_connected(&call),
            CallState::OnHold => self.with_held(&call, &live),
            _ if self.dice.chance(0.3) => Command::End { call: call.id },
            _ => return,
        };
        // What cannot be done now is refused, and changes nothing.
        let _ = keys.submit(command);
    }

    fn with_connected(&mut self, info: &CallInfo) -> Command {
        let call = info.id.clone();
        let tracks: Vec<TrackId> =
            info.local_tracks.iter().chain(&info.remote_tracks).cloned().collect();
        match self.dice.below(14) {
            0..=4 => Command::Hold { call },
            5 => Command::MuteTracks { tracks },
            6 => Command::UnmuteTracks { tracks },
            7 => Command::SendDtmf {
                call,
                tones: Digit::from_event(5).into_iter().collect::<Vec<_>>().into(),
                duration: Duration::from_millis(100),
                gap: Duration::from_millis(50),
            },
            8 => Command::RestartMedia { call },
            9 => {
                let parameters = Some(vec![CustomParameter::new("X-Who", "me")]);
                Command::SetCustomParameters { call, parameters }
            }
            10 => Command::SendCustomParameters { call },
            11 => Command::Resync { call },
            12 => Command::GetStats { call, track: None },
            _ => Command::End { call },
        }
    }

    fn with_held(&mut self, info: &CallInfo, live: &[CallInfo]) -> Command {
        let call = info.id.clone();
        let other = live.iter().find(|other| other.state == CallState::OnHold && other.id != call);
        match (self.dice.below(8), other) {
            (0, _) => Command::DirectTransfer { call, to: self.somebody() },
            (1 | 2, Some(other)) => Command::ConsultativeTransfer { call, other: other.id.clone() },
            (3, Some(other)) => Command::Join { call, other: other.id.clone() },
            (4, _) => Command::End { call },
            _ => Command::Unhold { call },
        }
    }
}

impl Application<Ribbon> for Agent {
    fn handle(&mut self, at: Duration, moment: Moment<'_, Ribbon>, keys: &mut Keys<'_, Ribbon>) {
        match moment {
            Moment::Start => {
                let _ = keys.submit(Command::SetCredentials(self.credentials.clone()));
                self.subscribe_at = Some(at + self.dice.between((S(0), S(20))));
                self.act_at = Some(at + self.dice.between((S(10), S(60))));
                self.desk.begin(at);
            }
            Moment::Event(event) => self.told(at, event),
            Moment::Completed { command, result } if self.subscribing == Some(command) => {
                self.subscribing = None;
                if result.is_err() {
                    self.subscribe_at = Some(at + self.dice.between((S(2), S(20))));
                }
            }
            Moment::Wake => self.wake(at, keys),
            Moment::Evening => {
                self.evening = Some(at);
                self.desk.leave();
            }
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Duration> {
        let due = self.subscribe_at.into_iter().chain(self.act_at);
        let speaks = self.speak_at.map(|(at, _)| at);
        let desk = self.desk.next_wake();
        self.ringing.values().copied().chain(due).chain(speaks).chain(desk).min()
    }
}
