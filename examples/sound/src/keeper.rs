//! The hand of the decisions: it has a card do what [`offhook::devices`] decides, and tells it what became of that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook::devices::{
    self as core, Choice, Constraints, DefaultDevices, Defaults, DeviceId, DeviceKind, Effect,
    Event, OpenError, Opened, Options, Outgoing, Preference, RequestId, Scope, Sends, Session,
    Source,
};

use crate::card::{Card, CardError, Changes, Devices, Direction, Stream};
use crate::ends::{Hall, LineId, LineState};
use crate::news::{News, Place};
use crate::streams::{Purpose, Streams};
use crate::voice_options::VoiceOptions;

/// The time after which a device that could not be opened, or a server that was missing, is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The time after which a call that should be muted by now is told of again.
const REMIND: Duration = Duration::from_secs(5);

/// A microphone that was asked for.
struct Microphone {
    session: LineId,
    constraints: Constraints,
    state: State,
}

/// The state of a microphone that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is not answered for yet.
    Asked,
    Open(Stream),
    /// It was open, and stopped or went with the card: it is opened again, if it is there.
    Stopped,
    /// It stopped soon after it was opened: it has ended.
    Failed,
}

/// A call that is heard.
struct Heard {
    /// The loudspeaker that was decided on; none for the system's.
    by: Option<DeviceId>,
    stream: Option<Stream>,
    /// True if that loudspeaker could not be opened.
    failed: bool,
}

/// The decisions, about calls.
type Decides = core::Devices<LineId>;

/// See the [module](self).
pub(crate) struct Keeper {
    streams: Streams,
    hall: Arc<Hall>,
    decides: Decides,
    effects: VecDeque<Effect<LineId>>,
    /// The calls, as they were told last.
    lines: BTreeMap<LineId, LineState>,
    microphones: BTreeMap<RequestId, Microphone>,
    /// The microphones that calls speak into.
    speaks: BTreeMap<LineId, RequestId>,
    heard: BTreeMap<LineId, Heard>,
    /// The calls that have none and are to be muted, and when that is to be told.
    mutes: BTreeMap<LineId, Instant>,
    /// The devices as they were listed last.
    devices: Option<Devices>,
    /// True while these are the devices of now: false while nothing answers, or there may be others by now.
    listed: bool,
    wanted: [Option<String>; 2],
    voice: VoiceOptions,
    /// True if calls are to choose again, which could not be decided at once.
    undecided: bool,
    /// The time at which the card is asked again.
    retry: Option<Instant>,
    /// The time at which devices that could not be opened are tried again.
    again: Option<Instant>,
    /// The devices of those that are there that could not be opened, of which that was told.
    refused: Vec<(Direction, String)>,
    /// The device of each way that was told of last; of that none: that there is none.
    told: [Option<Option<String>>; 2],
    /// The reason why there is no sound at all, while there is none.
    missing: Option<CardError>,
    news: Vec<News>,
}

const BOTH: [Direction; 2] = [Direction::Output, Direction::Input];

fn index(direction: Direction) -> usize {
    match direction {
        Direction::Output => 0,
        Direction::Input => 1,
    }
}

/// The system's default, if it is there.
fn system(devices: &Devices, direction: Direction) -> Option<&str> {
    let default = devices.default_of(direction)?;
    devices.of(direction).iter().any(|device| device.name == default).then_some(default)
}

impl Keeper {
    pub(crate) fn new(card: Box<dyn Card>, hall: Arc<Hall>) -> Self {
        Self {
            streams: Streams::new(card, Arc::clone(&hall)),
            hall,
            decides: core::Devices::new(Options::default(), Defaults::default()),
            effects: VecDeque::new(),
            lines: BTreeMap::new(),
            microphones: BTreeMap::new(),
            speaks: BTreeMap::new(),
            heard: BTreeMap::new(),
            mutes: BTreeMap::new(),
            devices: None,
            listed: false,
            wanted: [None, None],
            voice: VoiceOptions::OFF,
            undecided: false,
            retry: None,
            again: None,
            refused: Vec::new(),
            told: [None, None],
            missing: None,
            news: Vec::new(),
        }
    }

    pub(crate) fn place(&self, direction: Direction) -> Place {
        let open = self.stream(direction).and_then(|stream| self.streams.device(stream));
        Place { wanted: self.wanted[index(direction)].clone(), open: open.map(str::to_owned) }
    }

    /// The devices as they were listed last, unless nothing answers.
    pub(crate) fn devices(&self) -> Option<&Devices> {
        self.devices.as_ref().filter(|_| self.missing.is_none())
    }

    pub(crate) fn missing(&self) -> Option<&CardError> {
        self.missing.as_ref()
    }

    pub(crate) fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Wants a device of this name, or the default.
    pub(crate) fn want(&mut self, direction: Direction, name: Option<String>) {
        if self.wanted[index(direction)] != name {
            self.wanted[index(direction)] = name;
            // It may be one that is listed for whoever wants it only.
            self.listed = false;
            // Whoever asks again is told again.
            self.refused.retain(|(of, _)| *of != direction);
            self.undecided = true;
        }
    }

    /// Has this be done to voices.
    pub(crate) fn improve(&mut self, voice: VoiceOptions) {
        self.voice = voice;
    }

    /// Has all calls be heard so loud, up to 100.
    pub(crate) fn set_volume(&mut self, volume: u8) {
        let volume = volume.min(100);
        if self.decides.defaults().audio_volume != volume {
            self.does(|decides| decides.update_audio_volume(volume));
        }
    }

    /// Brings the devices into the state that is wanted, then waits for news of them.
    pub(crate) fn turn(&mut self, now: Instant, wait: Duration) {
        self.voices();
        self.follow();
        if !self.listed && self.retry.is_none_or(|at| at <= now) {
            self.ask(now);
        }
        self.undecided |= self.again.take_if(|at| *at <= now).is_some();
        self.decide();
        self.settle(now);
        match self.streams.card.turn(wait) {
            Ok(Changes { devices, stopped }) => {
                // A device that stops is on its way out: the list is old.
                if devices || !stopped.is_empty() {
                    self.listed = false;
                    self.retry = None;
                }
                stopped.into_iter().for_each(|stream| self.stopped(stream, now));
            }
            // It was said when it was asked for its devices.
            Err(_) if self.missing.is_some() => {}
            Err(error) => self.lost(now, error),
        }
    }

    /// Asks for the devices, and has the choice made again.
    fn ask(&mut self, now: Instant) {
        match self.streams.card.devices() {
            Ok(mut devices) => {
                devices.leave_out_monitors(self.wanted[index(Direction::Input)].as_deref());
                let kinds = [
                    (&devices.outputs, DeviceKind::Speaker),
                    (&devices.inputs, DeviceKind::Microphone),
                ];
                let listed = kinds.into_iter().flat_map(|(of, kind)| {
                    of.iter().map(move |one| core::Device::new(kind, &*one.name, &*one.description))
                });
                let effects = self.decides.listed(listed.collect());
                self.effects.extend(effects);
                // One that comes again is another one.
                let is_there = |(of, name): &(Direction, String)| {
                    devices.of(*of).iter().any(|one| one.name == *name)
                };
                self.refused.retain(is_there);
                self.retry = None;
                if self.missing.take().is_some() {
                    self.news.push(News::CardFound);
                }
                // The default may be there by now, or the system's may be another one.
                self.undecided |= self.devices.as_ref() != Some(&devices);
                self.devices = Some(devices);
                self.listed = true;
            }
            Err(error) => self.lost(now, error),
        }
    }

    /// Has what is wanted be decided. What cannot be yet, as too much is under way, is decided later.
    fn decide(&mut self) {
        BOTH.into_iter().for_each(|direction| self.prefer(direction));
        if self.undecided && self.listed {
            let default = Outgoing::default().audio(Choice::Default);
            self.undecided = !self.does(|decides| decides.update_all_outgoing_media(default));
            self.does(|decides| Ok(decides.update_output_device(None)));
        }
    }

    /// Has microphones do what is wanted, before calls ask for any: those that are asked for do what they were asked.
    fn voices(&mut self) {
        let voice = self.voice;
        if VoiceOptions::of_defaults(self.decides.defaults()) != voice {
            self.does(|decides| {
                decides.update_default_media_settings(voice.settings(), Scope::Live)
            });
        }
    }

    /// Has the device that is wanted be the default, by the name that it has.
    fn prefer(&mut self, direction: Direction) {
        let wanted = self.wanted[index(direction)].as_deref();
        let all = self.devices.as_ref().map_or(&[][..], |devices| devices.of(direction));
        let called = |wanted: &str| all.iter().find(|one| one.is_called(wanted));
        let name = wanted.map(|wanted| called(wanted).map_or(wanted, |device| &*device.name));
        let defaults = self.decides.defaults();
        let now = match direction {
            Direction::Output => &defaults.output_device,
            Direction::Input => &defaults.audio_device,
        };
        if now.as_ref().map(DeviceId::as_str) == name {
            return;
        }
        let preference = name.map_or(Preference::System, |name| Preference::Device(name.into()));
        let change = match direction {
            Direction::Output => DefaultDevices::default().output(preference),
            Direction::Input => DefaultDevices::default().audio(preference),
        };
        self.does(|decides| decides.update_default_devices(change, Scope::Coming));
    }

    /// Has something be decided. False if it cannot be yet.
    fn does(
        &mut self,
        decide: impl FnOnce(&mut Decides) -> Result<core::Accepted<LineId>, core::Refused>,
    ) -> bool {
        // What becomes of it is seen in what is open.
        let decided = decide(&mut self.decides).map(|(_, effects)| self.effects.extend(effects));
        decided.is_ok()
    }

    /// Tells of the calls that have changed.
    fn follow(&mut self) {
        let lines = self.hall.lines();
        for (line, state) in &lines {
            if self.lines.get(line) != Some(state) {
                let session = |muted| {
                    let audio = match (state.only_hears, muted) {
                        (true, _) => Sends::Nothing,
                        (false, true) => Sends::Muted,
                        (false, false) => Sends::Live,
                    };
                    Session::default().audio(audio).plays(true)
                };
                self.mutes.remove(line);
                if self.lines.get(line).is_some_and(|before| before.muted == state.muted) {
                    // It was another one meanwhile: whoever unmutes wants to be heard.
                    self.effects.extend(self.decides.session(line, &session(!state.muted)));
                }
                self.effects.extend(self.decides.session(line, &session(state.muted)));
            }
        }
        for line in std::mem::replace(&mut self.lines, lines).into_keys() {
            if !self.lines.contains_key(&line) {
                self.effects.extend(self.decides.session_ended(&line));
            }
        }
    }

    /// Does what was decided, and what follows from that, until nothing is left to do.
    fn settle(&mut self, now: Instant) {
        loop {
            while let Some(effect) = self.effects.pop_front() {
                self.act(effect, now);
            }
            let lines = &self.lines;
            self.speaks.retain(|line, _| lines.contains_key(line));
            self.heard.retain(|line, _| lines.contains_key(line));
            self.mutes.retain(|line, _| lines.contains_key(line));
            // Nobody waits for what was asked for by a call that is over.
            self.microphones
                .retain(|_, one| one.state != State::Asked || lines.contains_key(&one.session));
            if !self.listed || !(self.records(now) || self.plays(now)) {
                break;
            }
        }
        let mut used = BTreeSet::new();
        for line in self.lines.keys() {
            let (to, from) = (self.to(line), self.from(line));
            self.hall.connect(*line, to, from);
            used.extend(to);
        }
        used.extend(self.microphones.values().filter_map(Microphone::stream));
        self.streams.keep(&used);
        if self.listed {
            self.remind(now);
        }
        BOTH.into_iter().for_each(|direction| self.tell(direction));
    }

    /// Tells of the calls that are to be muted, until they are.
    fn remind(&mut self, now: Instant) {
        for (line, due) in &mut self.mutes {
            if *due <= now && self.lines.get(line).is_some_and(|state| !state.muted) {
                *due = now + REMIND;
                self.news.push(News::Mute(*line));
            }
        }
    }

    fn act(&mut self, effect: Effect<LineId>, now: Instant) {
        match effect {
            Effect::Open { request, session, constraints } => {
                let microphone = Microphone { session, constraints, state: State::Asked };
                self.microphones.insert(request, microphone);
            }
            Effect::Close(request) => {
                self.microphones.remove(&request);
            }
            // It is the call that is muted, whichever its microphone.
            Effect::Switch { session, kind: _, source, muted: _ } => match source {
                Some(Source::Opened(request)) => {
                    self.mutes.remove(&session);
                    self.speaks.insert(session, request);
                }
                Some(Source::Given(_)) | None => {
                    self.speaks.remove(&session);
                }
            },
            Effect::Output { session, device } => {
                let stream = self.to(&session);
                self.heard.insert(session, Heard { by: device, stream, failed: false });
            }
            Effect::Volume { session, volume } => self.hall.set_volume(session, volume),
            Effect::Mute { session, kind: _ } => {
                // One that refuses may do so for a moment only.
                let is_none = self.devices.as_ref().is_some_and(|all| all.inputs.is_empty());
                let due = if is_none { now } else { now + RETRY };
                self.mutes.entry(session).or_insert(due);
            }
            // No camera was ever opened.
            Effect::Resize { request, .. } => {
                let effects = self.decides.resized(request, Err(OpenError::NotFound));
                self.effects.extend(effects);
            }
            // Devices have their names from the beginning, and levels are measured where they are shown.
            Effect::List | Effect::Monitor { .. } => {}
            // All that is told of is seen here.
            Effect::Tell(
                Event::Done { .. }
                | Event::InUse { .. }
                | Event::Lost { .. }
                | Event::Silent { .. }
                | Event::DevicesChanged
                | Event::PermissionChanged { .. }
                | Event::ResolutionUpdated { .. }
                | Event::AudioTrackVolume { .. }
                | Event::Warned(_),
            ) => {}
        }
    }

    /// Opens a microphone that is not open. False if all are.
    fn records(&mut self, now: Instant) -> bool {
        let is_next = |one: &Microphone| match one.state {
            State::Asked | State::Failed => true,
            State::Open(_) => false,
            // In the place of one that is not there another one is opened.
            State::Stopped => self.is_there(Direction::Input, one.constraints.device.as_ref()),
        };
        let next = self.microphones.iter().find(|(_, one)| is_next(one));
        let Some((request, Microphone { constraints, state, .. })) = next else { return false };
        let (request, state) = (*request, *state);
        if state == State::Failed {
            self.microphones.remove(&request);
            self.effects.extend(self.decides.ended(Source::Opened(request)));
            return true;
        }
        let voice = VoiceOptions::of(constraints.capture);
        let opened = self.open(Direction::Input, constraints.device.clone(), now, |device| {
            Purpose::Record(device, voice)
        });
        let answer = match opened {
            // The card is gone, and so are the devices: it waits.
            None => return true,
            Some(Ok(stream)) => {
                if let Some(microphone) = self.microphones.get_mut(&request) {
                    microphone.state = State::Open(stream);
                }
                let device = self.streams.device(stream);
                Ok(device.map_or_else(Opened::default, |device| Opened::default().device(device)))
            }
            Some(Err(error)) => {
                self.microphones.remove(&request);
                Err(error)
            }
        };
        let effects = match (state, answer) {
            (State::Asked, answer) => self.decides.answered(request, answer),
            (_, Err(_)) => self.decides.ended(Source::Opened(request)),
            (_, Ok(_)) => Vec::new(),
        };
        self.effects.extend(effects);
        true
    }

    /// Opens the loudspeaker of a call that is not heard by the one that was decided on. False if all are.
    fn plays(&mut self, now: Instant) -> bool {
        let system = self.devices.as_ref().and_then(|devices| system(devices, Direction::Output));
        let is_other = |heard: &Heard| {
            let wished = heard.by.as_ref().map(DeviceId::as_str).or(system);
            let open = heard.stream.and_then(|stream| self.streams.device(stream));
            !heard.failed && (open.is_none() || open != wished)
        };
        let next = self.heard.iter().find(|(_, heard)| is_other(heard));
        let Some((line, heard)) = next else { return false };
        let line = *line;
        let opened = self.open(Direction::Output, heard.by.clone(), now, Purpose::Play);
        let Some(heard) = self.heard.get_mut(&line) else { return true };
        match opened {
            None => {}
            Some(Ok(stream)) => heard.stream = Some(stream),
            Some(Err(_)) => {
                heard.failed = true;
                let effects = self.decides.output_failed(&line);
                self.effects.extend(effects);
            }
        }
        true
    }

    /// Opens a device, or the system's default. None if the card is gone by that.
    fn open(
        &mut self,
        direction: Direction,
        device: Option<DeviceId>,
        now: Instant,
        purpose: impl FnOnce(String) -> Purpose,
    ) -> Option<Result<Stream, OpenError>> {
        let devices = self.devices.as_ref().filter(|_| self.listed)?;
        if !self.is_there(direction, device.as_ref()) {
            return Some(Err(OpenError::NotFound));
        }
        let device = device.as_ref().map(DeviceId::as_str).or_else(|| system(devices, direction));
        let Some(device) = device.map(str::to_owned) else { return Some(Err(OpenError::NotFound)) };
        match self.streams.get(&purpose(device.clone()), now) {
            Ok(stream) => {
                self.refused.retain(|refused| *refused != (direction, device.clone()));
                Some(Ok(stream))
            }
            Err(error @ CardError::Refused { .. }) => {
                self.again.get_or_insert(now + RETRY);
                let refused = (direction, device);
                if !self.refused.contains(&refused) {
                    self.refused.push(refused);
                    self.news.push(News::Refused(error));
                }
                Some(Err(OpenError::Failed))
            }
            Err(error) => {
                self.lost(now, error);
                None
            }
        }
    }

    /// A stream has stopped by itself.
    fn stopped(&mut self, stream: Stream, now: Instant) {
        let lasted = self.streams.stopped(stream, now);
        for microphone in self.microphones.values_mut() {
            if microphone.stream() == Some(stream) {
                microphone.state = if lasted { State::Stopped } else { State::Failed };
            }
        }
        for (line, heard) in &mut self.heard {
            if heard.stream.take_if(|open| *open == stream).is_some() && !lasted {
                heard.failed = true;
                self.effects.extend(self.decides.output_failed(line));
            }
        }
        if !lasted {
            self.again.get_or_insert(now + RETRY);
        }
    }

    /// The whole card is gone, and all that was open with it: it is opened again when there is one.
    fn lost(&mut self, now: Instant, error: CardError) {
        self.streams.gone();
        for heard in self.heard.values_mut() {
            (heard.stream, heard.failed) = (None, false);
        }
        for microphone in self.microphones.values_mut() {
            microphone.state = match microphone.state {
                State::Asked => State::Asked,
                State::Open(_) | State::Stopped | State::Failed => State::Stopped,
            };
        }
        self.listed = false;
        self.retry = Some(now + RETRY);
        if self.missing.replace(error.clone()).is_none() {
            self.news.push(News::NoCard(error));
        }
    }

    /// True if a device is listed; the system's always is.
    fn is_there(&self, direction: Direction, device: Option<&DeviceId>) -> bool {
        let is = |id: &DeviceId, devices: &Devices| {
            devices.of(direction).iter().any(|device| device.name == id.as_str())
        };
        device.is_none_or(|id| self.devices.as_ref().is_some_and(|devices| is(id, devices)))
    }

    fn to(&self, line: &LineId) -> Option<Stream> {
        self.heard.get(line)?.stream
    }

    fn from(&self, line: &LineId) -> Option<Stream> {
        self.microphones.get(self.speaks.get(line)?)?.stream()
    }

    /// The stream of one way that is in use: that of the oldest call that has one.
    fn stream(&self, direction: Direction) -> Option<Stream> {
        self.lines.keys().find_map(|line| match direction {
            Direction::Output => self.to(line),
            Direction::Input => self.from(line),
        })
    }

    /// Tells which device is in use, if that is another one than before.
    fn tell(&mut self, direction: Direction) {
        let wants = |state: &LineState| direction == Direction::Output || !state.only_hears;
        if !self.lines.values().any(wants) {
            self.told[index(direction)] = None;
            return;
        }
        let Some(devices) = self.devices.as_ref().filter(|_| self.listed) else { return };
        let open = self.stream(direction).and_then(|stream| self.streams.device(stream));
        let open = open.map(str::to_owned);
        if self.told[index(direction)].as_ref() == Some(&open) {
            return;
        }
        self.news.push(match &open {
            Some(name) => {
                let named = devices.of(direction).iter().find(|device| device.name == *name);
                let description = named.map_or(name, |device| &device.description).clone();
                News::Uses { direction, description }
            }
            None => News::Silent { direction },
        });
        self.told[index(direction)] = Some(open);
    }
}

impl Microphone {
    fn stream(&self) -> Option<Stream> {
        match self.state {
            State::Open(stream) => Some(stream),
            State::Asked | State::Stopped | State::Failed => None,
        }
    }
}
