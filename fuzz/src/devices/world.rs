//! A platform, a service and an application around devices, and books of what they were asked and told.

use std::collections::{BTreeMap, BTreeSet};

use offhook::devices::{
    Accepted, Capture, Choice, CommandId, Constraints, Defaults, Device, DeviceId, DeviceKind,
    Devices, Effect, Event, Failure, Given, InUse, OpenError, Opened, Options, Outgoing, Refused,
    RequestId, Rung, Sends, Session, Size, Source, Warning,
};
use offhook::machine::MediaKind;

use super::script;
use super::wants::{Want, Wanted};

pub(super) type Machine = Devices<u32>;
pub(super) type Effects = Vec<Effect<u32>>;

const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];
/// Bytes of each text of a device.
const MAX_TEXT: usize = 255;
/// Answers that a kind of a session waits for until it rests: the rungs of a ladder, after one that nobody wants.
const MAX_ANSWERS: usize = 8;
/// Effects of one input: for each session, and at all.
const MAX_EFFECTS: (usize, usize) = (24, 2 * Machine::MAX_COMMANDS + 8);

/// A request to open a source.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) session: u32,
    pub(super) kind: MediaKind,
    pub(super) constraints: Constraints,
}

/// The output of a session, and its volume.
#[derive(Debug, Default)]
struct Heard {
    device: Option<DeviceId>,
    volume: Option<u8>,
}

/// The reasons of a silence where something is to be sent: losses, and a platform that opens one source only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Loss,
    OneAtATime,
    Else,
}

/// A platform, a service and an application around devices.
pub(super) struct World {
    pub(super) devices: Machine,
    pub(super) options: Options,
    sessions: BTreeMap<u32, Session>,
    last_session: u32,
    opening: BTreeMap<RequestId, Asked>,
    resizing: BTreeSet<RequestId>,
    last_request: RequestId,
    open: BTreeSet<RequestId>,
    sent: BTreeMap<(u32, MediaKind), Source>,
    lost: BTreeSet<Source>,
    /// The application's own sources that ended once.
    gone: BTreeSet<Given>,
    heard: BTreeMap<u32, Heard>,
    monitored: BTreeSet<u32>,
    commands: BTreeMap<CommandId, Option<Want>>,
    last_command: CommandId,
    results: BTreeMap<CommandId, Result<(), Failure>>,
    mutes: Vec<(u32, MediaKind)>,
    is_listed: bool,
    /// All effects, by inputs.
    said: Vec<Effects>,
    inputs: usize,
    /// The inputs that changed nothing, and those that are left out.
    idle: BTreeSet<usize>,
    skipped: BTreeSet<usize>,
}

impl World {
    pub(super) fn new(options: Options, defaults: Defaults, skipped: BTreeSet<usize>) -> Self {
        Self {
            devices: Devices::new(options.clone(), defaults),
            options,
            sessions: BTreeMap::new(),
            last_session: 0,
            opening: BTreeMap::new(),
            resizing: BTreeSet::new(),
            last_request: RequestId(0),
            open: BTreeSet::new(),
            sent: BTreeMap::new(),
            lost: BTreeSet::new(),
            gone: BTreeSet::new(),
            heard: BTreeMap::new(),
            monitored: BTreeSet::new(),
            commands: BTreeMap::new(),
            last_command: CommandId(0),
            results: BTreeMap::new(),
            mutes: Vec::new(),
            is_listed: false,
            said: Vec::new(),
            inputs: 0,
            idle: BTreeSet::new(),
            skipped,
        }
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = u32> {
        self.sessions.keys().copied()
    }

    pub(super) fn session_at(&self, at: u8) -> Option<u32> {
        round(self.sessions.keys(), at).copied()
    }

    pub(super) fn opening_at(&self, at: u8) -> Option<RequestId> {
        round(self.opening.keys(), at).copied()
    }

    pub(super) fn resizing_at(&self, at: u8) -> Option<RequestId> {
        round(self.resizing.iter(), at).copied()
    }

    /// The request that is under way for a kind of a session.
    pub(super) fn request(&self, session: u32, kind: MediaKind) -> Option<(RequestId, Asked)> {
        let is_it = |asked: &Asked| asked.session == session && asked.kind == kind;
        let (request, asked) = self.opening.iter().find(|(_, asked)| is_it(asked))?;
        Some((*request, asked.clone()))
    }

    pub(super) fn result(&self, command: CommandId) -> Option<Result<(), Failure>> {
        self.results.get(&command).copied()
    }

    pub(super) fn has(&self, kind: DeviceKind, id: &DeviceId) -> bool {
        let is_it = |device: &Device| device.kind == kind && device.id == *id;
        !self.is_listed || self.devices.devices().iter().any(is_it)
    }

    /// The default device of a kind, if it is there.
    pub(super) fn default_device(&self, kind: MediaKind) -> Option<DeviceId> {
        let defaults = self.devices.defaults();
        let device = match kind {
            MediaKind::Audio => defaults.audio_device.clone(),
            MediaKind::Video => defaults.video_device.clone(),
        };
        device.filter(|id| self.has(DeviceKind::of(kind), id))
    }

    /// The wishes for a source of a kind, as the defaults are.
    pub(super) fn wishes(&self, kind: MediaKind) -> Capture {
        let Defaults { gain_control, echo_cancellation, noise_suppression, .. } =
            *self.devices.defaults();
        let Defaults { frame_rate, resolution, .. } = *self.devices.defaults();
        match kind {
            MediaKind::Audio => {
                Capture::Microphone { gain_control, echo_cancellation, noise_suppression }
            }
            MediaKind::Video => Capture::Camera { frame_rate, resolution },
        }
    }

    fn sends(&self, session: u32, kind: MediaKind) -> Sends {
        self.sessions.get(&session).map_or(Sends::Nothing, |session| match kind {
            MediaKind::Audio => session.audio,
            MediaKind::Video => session.video,
        })
    }

    /// A muted microphone stays open, a muted camera does not.
    pub(super) fn is_wanted(&self, session: u32, kind: MediaKind) -> bool {
        match self.sends(session, kind) {
            Sends::Nothing => false,
            Sends::Muted => kind == MediaKind::Audio,
            Sends::Live => true,
        }
    }

    // What happens.

    pub(super) fn list(&mut self, list: Vec<Device>) {
        let before = self.devices.devices().to_vec();
        let effects = self.devices.listed(list.clone());
        let now = self.devices.devices();
        assert!(now.len() <= Machine::MAX_DEVICES, "{} devices", now.len());
        let same = |one: &Device, other: &Device| (one.kind, &one.id) == (other.kind, &other.id);
        for (n, device) in now.iter().enumerate() {
            let texts = [device.id.as_str(), &device.group, &device.label];
            assert!(texts.iter().all(|text| text.len() <= MAX_TEXT));
            assert!(!now[..n].iter().any(|other| same(other, device)), "{device:?} twice");
            assert!(list.iter().any(|one| same(one, device)), "{device:?} is not listed");
        }
        let is_short = |device: &&Device| device.id.as_str().len() <= MAX_TEXT;
        let is_there = |device: &Device| now.iter().any(|one| same(one, device));
        let all_there = list.iter().filter(is_short).all(is_there);
        assert!(all_there || now.len() == Machine::MAX_DEVICES, "{list:?} becomes {now:?}");
        let differ = before.len() != now.len() || before.iter().any(|one| !now.contains(one));
        let is_told = effects.contains(&Effect::Tell(Event::DevicesChanged));
        assert_eq!(is_told, differ || !self.is_listed, "devices: {before:?}, then {now:?}");
        self.is_listed = true;
        self.take(effects, Cause::Loss);
        self.hears_what_is_there();
    }

    pub(super) fn begin(&mut self, session: Session) {
        self.last_session += 1;
        self.tell(self.last_session, session);
    }

    pub(super) fn tell(&mut self, id: u32, session: Session) {
        if !self.sessions.contains_key(&id) && self.sessions.len() == Machine::MAX_SESSIONS {
            let too_many = Effect::Tell(Event::Warned(Warning::TooManySessions(id)));
            return self.stray(|devices| devices.session(&id, &session), &[too_many]);
        }
        self.sessions.insert(id, session.clone());
        if !session.plays {
            self.heard.remove(&id);
        }
        let effects = self.devices.session(&id, &session);
        self.take(effects, Cause::Else);
        assert_eq!(self.heard.contains_key(&id), session.plays);
    }

    pub(super) fn session_ends(&mut self, id: u32) {
        self.sessions.remove(&id);
        self.heard.remove(&id);
        self.monitored.remove(&id);
        let effects = self.devices.session_ended(&id);
        self.take(effects, Cause::Else);
        self.stray(|devices| devices.session_ended(&id), &[]);
    }

    pub(super) fn answer(&mut self, request: RequestId, result: Result<Opened, OpenError>) {
        let cause = match result {
            Err(OpenError::OneAtATime) => Cause::OneAtATime,
            Ok(_) | Err(_) => Cause::Else,
        };
        let is_open = self.open.contains(&request);
        let was_asked = (1..=self.last_request.0).contains(&request.0);
        if self.opening.remove(&request).is_some() {
            self.open.extend(result.is_ok().then_some(request));
            let effects = self.devices.answered(request, result);
            return self.take(effects, cause);
        }
        // Late, twice, or never asked for. One that the application says to have opened is closed.
        let is_closed = result.is_ok() && was_asked && !is_open;
        let close = is_closed.then_some(Effect::Close(request));
        self.stray(|devices| devices.answered(request, result), close.as_slice());
    }

    pub(super) fn resized(&mut self, request: RequestId, result: Result<Option<Size>, OpenError>) {
        if self.resizing.remove(&request) {
            let effects = self.devices.resized(request, result);
            self.take(effects, Cause::Else);
        } else {
            self.stray(|devices| devices.resized(request, result), &[]);
        }
    }

    pub(super) fn ends(&mut self, source: Source) {
        match source {
            Source::Opened(request) if !self.open.remove(&request) => {
                return self.stray(|devices| devices.ended(source), &[]);
            }
            Source::Opened(_) => {}
            Source::Given(given) => {
                self.gone.insert(given);
            }
        }
        let is_sent = self.sent.values().any(|sent| *sent == source);
        let effects = self.devices.ended(source);
        assert!(is_sent || effects.is_empty(), "{source:?} was not sent: {effects:?}");
        self.take(effects, Cause::Loss);
        assert!(self.sent.values().all(|sent| *sent != source), "{source:?} has ended");
    }

    pub(super) fn permit(&mut self, kind: MediaKind, granted: bool) {
        let effects = self.devices.permission_told(kind, granted);
        self.take(effects, Cause::Else);
        assert_eq!(self.devices.permission(kind), Some(granted));
    }

    pub(super) fn level(&mut self, of: Source, dbfs: f32, muted: bool) {
        let effects = self.devices.level(of, dbfs, muted);
        let is_heard = |((id, kind), sent): &(&(u32, MediaKind), &Source)| {
            *kind == MediaKind::Audio && **sent == of && self.monitored.contains(id)
        };
        assert_eq!(effects.len(), self.sent.iter().filter(is_heard).count());
        for effect in &effects {
            let Effect::Tell(Event::AudioTrackVolume { session, source, muted: told, .. }) = effect
            else {
                panic!("{effect:?} of a level")
            };
            let is_muted = self.sends(*session, MediaKind::Audio) == Sends::Muted;
            assert_eq!((*source, *told), (of, muted || is_muted));
        }
        self.take(effects, Cause::Else);
    }

    pub(super) fn output_fails(&mut self, at: u8) {
        if let Some(id) = self.session_at(at) {
            let effects = self.devices.output_failed(&id);
            self.take(effects, Cause::Else);
        }
    }

    /// A command that one session is to send other devices.
    pub(super) fn switch(&mut self, session: u32, outgoing: Outgoing) -> Option<CommandId> {
        let wanted = Wanted::of(Some(session), &outgoing);
        self.command(wanted, |devices| devices.update_outgoing_media(&session, outgoing))
    }

    pub(super) fn command(
        &mut self,
        wanted: Wanted,
        act: impl FnOnce(&mut Machine) -> Result<Accepted<u32>, Refused>,
    ) -> Option<CommandId> {
        self.inputs += 1;
        if self.skipped.contains(&self.inputs) {
            return None;
        }
        match act(&mut self.devices) {
            Ok((command, effects)) => {
                assert!(command > self.last_command, "{command:?} is old");
                self.last_command = command;
                // A choice that was in use already, and waits for another size, is done when the next one takes its place.
                self.commands.values_mut().for_each(|want| {
                    want.take_if(|want| want.is_replaced_by(&wanted));
                });
                let want = Want::only(&wanted, self);
                self.commands.insert(command, want);
                self.take(effects, Cause::Else);
                assert!(self.commands.len() <= Machine::MAX_COMMANDS);
                Some(command)
            }
            Err(refused) => {
                self.is_right(&refused);
                self.idle.insert(self.inputs);
                None
            }
        }
    }

    fn is_right(&self, refused: &Refused) {
        match refused {
            Refused::Busy => assert_eq!(self.commands.len(), Machine::MAX_COMMANDS),
            Refused::UnknownDevice(kind, id) => {
                assert!(!self.has(DeviceKind::of(*kind), id), "{id} is there");
            }
            Refused::Volume(volume) => assert!(*volume > 100),
            Refused::NothingToDo | Refused::UnknownSession | Refused::NotSent(_) => {}
            Refused::Impossible => {}
        }
    }

    /// The service mutes what was to be muted.
    pub(super) fn mute(&mut self) {
        for (id, kind) in std::mem::take(&mut self.mutes) {
            let Some(session) = self.sessions.get(&id).cloned() else { continue };
            let muted = match (kind, self.sends(id, kind)) {
                (MediaKind::Audio, Sends::Live) => session.audio(Sends::Muted),
                (MediaKind::Video, Sends::Live) => session.video(Sends::Muted),
                (_, Sends::Nothing | Sends::Muted) => session,
            };
            self.tell(id, muted);
        }
    }

    /// All that was asked is answered well, until nothing is asked any more.
    pub(super) fn settle(&mut self) {
        let waiting = self.opening.len() + self.resizing.len();
        for _ in 0..=waiting + 2 * MAX_ANSWERS * self.sessions.len() {
            if let Some(request) = self.opening_at(0) {
                self.answer(request, Ok(Opened::default()));
            } else if let Some(request) = self.resizing_at(0) {
                self.resized(request, Ok(None));
            } else {
                assert!(self.commands.is_empty(), "never answered: {:?}", self.commands);
                return;
            }
        }
        panic!("it goes on and on: {:?}", self.devices);
    }

    /// All is answered, all devices are there, all send the defaults, and all sessions end; returns all effects, and
    /// the inputs that changed nothing.
    pub(super) fn end(mut self) -> (Vec<Effects>, BTreeSet<usize>) {
        self.settle();
        KINDS.into_iter().for_each(|kind| self.permit(kind, true));
        // Whoever has nothing tries again when there are others.
        self.list(Vec::new());
        self.settle();
        let kinds = [DeviceKind::Microphone, DeviceKind::Camera, DeviceKind::Speaker];
        let all = kinds.into_iter().flat_map(|kind| {
            (0..8).map(move |n| Device::new(kind, script::name(n), format!("{kind:?} {n}")))
        });
        self.list(all.collect());
        self.settle();
        self.all_send();
        let all = Wanted::of(None, &Outgoing::default());
        let accepted =
            self.command(all, |devices| devices.update_all_outgoing_media(Outgoing::default()));
        self.settle();
        self.all_send();
        let command = accepted.expect("nothing speaks against it");
        assert_eq!(self.result(command), Some(Ok(())));
        for (id, kind, in_use) in self.devices.all_in_use() {
            assert_eq!(in_use.choice, Choice::Default, "{id} {kind:?}");
            let wishes = in_use.constraints.as_ref().expect("no default is the application's");
            let wished = (self.default_device(kind), self.wishes(kind));
            assert_eq!((wishes.device.clone(), wishes.capture), wished, "{id} {kind:?}");
        }
        let volume = self.devices.defaults().audio_volume.min(100);
        assert!(self.heard.values().all(|heard| heard.volume == Some(volume)), "{:?}", self.heard);
        while let Some(id) = self.session_at(0) {
            self.session_ends(id);
        }
        self.settle();
        assert!(self.open.is_empty() && self.sent.is_empty(), "open: {:?}", self.open);
        (self.said, self.idle)
    }

    /// Whoever wants to send does, and nobody else.
    fn all_send(&self) {
        for id in self.sessions.keys() {
            for kind in KINDS {
                let is_sent = self.sent.contains_key(&(*id, kind));
                assert_eq!(is_sent, self.is_wanted(*id, kind), "{id} {kind:?}: {:?}", self.devices);
            }
        }
    }

    /// No session is heard by a loudspeaker that is not there.
    fn hears_what_is_there(&self) {
        for (id, heard) in &self.heard {
            let device = heard.device.as_ref();
            let is_there = device.is_none_or(|device| self.has(DeviceKind::Speaker, device));
            assert!(is_there, "{id} is heard by {device:?}");
        }
    }

    // What it leads to.

    /// An input that changes nothing: it may be left out, but for what it says.
    fn stray(&mut self, act: impl FnOnce(&mut Machine) -> Effects, said: &[Effect<u32>]) {
        self.inputs += 1;
        if !self.skipped.contains(&self.inputs) {
            let effects = act(&mut self.devices);
            assert_eq!(effects, said, "it was nobody's");
            self.idle.insert(self.inputs);
        }
    }

    fn take(&mut self, effects: Effects, cause: Cause) {
        self.inputs += 1;
        let (each, all) = MAX_EFFECTS;
        // Those of the session that has just ended, too.
        let most = each * (self.sessions.len() + 1) + all;
        assert!(effects.len() <= most, "{} effects, not {most}", effects.len());
        let mut commands = std::mem::take(&mut self.commands);
        commands.values_mut().flatten().for_each(|want| want.note(self));
        self.commands = commands;
        let mut done = Vec::new();
        for effect in &effects {
            match effect {
                Effect::Tell(event) => done.extend(self.told(event)),
                effect => self.does(effect, cause),
            }
        }
        for want in done {
            self.is_done(&want, &effects);
        }
        // What is said to be in use is what is sent, and nothing else is open.
        let in_use = |(id, kind, in_use): (&u32, _, &InUse)| ((*id, kind), in_use.source);
        assert!(self.devices.all_in_use().map(in_use).eq(self.sent.iter().map(|(k, v)| (*k, *v))));
        let opened = self.sent.values().filter(|source| matches!(source, Source::Opened(_)));
        assert_eq!(opened.count(), self.open.len(), "{:?}: {:?}", self.open, self.sent);
        self.said.push(effects);
    }

    fn does(&mut self, effect: &Effect<u32>, cause: Cause) {
        match effect {
            Effect::Open { request, session, constraints } => {
                let kind = match constraints.capture {
                    Capture::Microphone { .. } => MediaKind::Audio,
                    Capture::Camera { .. } => MediaKind::Video,
                };
                self.is_new(*request);
                assert!(self.is_wanted(*session, kind), "{session} wants no {kind:?}");
                assert!(self.request(*session, kind).is_none(), "two for {session} {kind:?}");
                let constraints = constraints.clone();
                self.opening.insert(*request, Asked { session: *session, kind, constraints });
            }
            Effect::Resize { request, source, resolution } => {
                self.is_new(*request);
                let camera = |((_, kind), sent): (&(u32, _), &Source)| {
                    *kind == MediaKind::Video && sent == source
                };
                assert!(self.sent.iter().any(camera), "{source:?} is no camera that is sent");
                assert!(matches!(source, Source::Opened(_)) && resolution.is_possible());
                self.resizing.insert(*request);
            }
            Effect::Switch { session, kind, source, muted } => {
                assert!(!muted || self.sends(*session, *kind) == Sends::Muted);
                assert!(*muted || self.sends(*session, *kind) != Sends::Muted);
                let before = self.sent.remove(&(*session, *kind));
                if let Some(Source::Opened(request)) = source {
                    assert!(self.open.contains(request), "{request:?} is not open");
                    assert!(self.sent.values().all(|sent| Some(*sent) != *source), "sent twice");
                }
                match (source, before) {
                    (Some(source), _) => {
                        assert!(self.is_wanted(*session, *kind), "{session} wants no {kind:?}");
                        self.sent.insert((*session, *kind), *source);
                    }
                    (None, None) => panic!("{session} sent no {kind:?}"),
                    (None, Some(before)) => {
                        let may = cause != Cause::Else || self.lost.contains(&before);
                        assert!(
                            may || !self.is_wanted(*session, *kind),
                            "silence: {session} {kind:?}"
                        );
                    }
                }
            }
            Effect::Close(request) => {
                assert!(self.open.remove(request), "{request:?} is not open");
                let source = Source::Opened(*request);
                assert!(self.sent.values().all(|sent| *sent != source), "{source:?} is sent");
            }
            Effect::Output { session, device } => {
                assert!(self.sessions[session].plays);
                let is_there = |device| self.has(DeviceKind::Speaker, device);
                assert!(device.as_ref().is_none_or(is_there), "{device:?} is not there");
                self.heard.entry(*session).or_default().device.clone_from(device);
            }
            Effect::Volume { session, volume } => {
                assert!(self.sessions[session].plays && *volume <= 100);
                self.heard.entry(*session).or_default().volume = Some(*volume);
            }
            Effect::Mute { session, kind } => {
                assert_eq!(self.sends(*session, *kind), Sends::Live);
                assert_eq!(self.sent.get(&(*session, *kind)), None, "it has something to send");
                self.mutes.push((*session, *kind));
            }
            Effect::Monitor { session, on } => {
                assert!(self.sessions.contains_key(session));
                let was = self.monitored.contains(session);
                assert_ne!(was, *on, "nothing changes");
                if *on {
                    self.monitored.insert(*session)
                } else {
                    self.monitored.remove(session)
                };
            }
            Effect::List => {}
            Effect::Tell(_) => unreachable!("told before"),
        }
    }

    /// Takes an event; returns what a command was about that is done.
    fn told(&mut self, event: &Event<u32>) -> Option<Want> {
        match event {
            Event::Done { command, result } => {
                let want = self.commands.remove(command).expect("answered, and not under way");
                assert_eq!(self.results.insert(*command, *result), None, "{command:?} twice");
                return want.filter(|_| result.is_ok());
            }
            Event::InUse { session, kind, source, .. } => {
                assert_eq!(self.sent.get(&(*session, *kind)), Some(source));
            }
            Event::Lost { session, source, .. } => {
                assert!(self.sessions.contains_key(session));
                self.lost.insert(*source);
            }
            Event::Silent { session, kind, .. } => {
                assert!(self.is_wanted(*session, *kind), "{session} wants no {kind:?}");
                assert_eq!(self.sent.get(&(*session, *kind)), None, "it has something to send");
            }
            Event::ResolutionUpdated { session, .. } => {
                assert!(self.sessions.contains_key(session));
            }
            Event::Warned(Warning::OutputFailed { session, .. }) => {
                assert!(self.sessions[session].plays);
            }
            Event::Warned(Warning::TooManySessions(session)) => panic!("{session} is known"),
            Event::Warned(Warning::UnknownOutput(id)) => {
                assert!(!self.has(DeviceKind::Speaker, id));
            }
            Event::PermissionChanged { .. } | Event::DevicesChanged => {}
            Event::AudioTrackVolume { .. } => {}
        }
        None
    }

    /// Checks that what was chosen is in use, unless it was lost at once, ended meanwhile, or nobody wants it: also where
    /// what the choice stands for is another device than before.
    fn is_done(&self, want: &Want, effects: &Effects) {
        let Want { session, kind, choice, .. } = want;
        let is_loss = |effect: &Effect<u32>| {
            matches!(effect, Effect::Tell(Event::Lost { session: of, kind: lost, .. })
                if (of, lost) == (session, kind))
        };
        let is_gone = matches!(choice, Choice::Given(given) if self.gone.contains(given));
        if !self.is_wanted(*session, *kind) || is_gone || effects.iter().any(is_loss) {
            return;
        }
        let in_use = self.devices.in_use(session, *kind);
        assert_eq!(in_use.map(|in_use| &in_use.choice), Some(choice), "{session} {kind:?}");
        if let Some(InUse { rung: Rung::Asked, constraints: Some(now), .. }) = in_use {
            assert!(want.stood_for(&now.device), "{want:?}: {:?}", now.device);
        }
    }

    fn is_new(&mut self, request: RequestId) {
        assert!(request > self.last_request, "{request:?} is old");
        self.last_request = request;
    }
}

/// The item at a place of a list that begins anew after its end.
fn round<T>(mut list: impl ExactSizeIterator<Item = T>, at: u8) -> Option<T> {
    let length = list.len();
    list.nth(usize::from(at) % length.max(1))
}
