//! Stories of everything, in any order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 6] = ["desk", "head", "cam", "web", "box", "ear"];

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Listed(u8),
    /// A session begins in a slot, or becomes other than it is.
    Session(usize, Sends, Sends, bool),
    End(usize),
    /// The application answers one of its open requests, in any order.
    Answer(usize, Result<(), OpenError>),
    Resized(usize, Result<u32, OpenError>),
    /// The platform ends one of the open sources.
    Ended(usize),
    GivenEnded(u64),
    Permission(MediaKind, bool),
    Level(u64, f32),
    OutputFailed(usize),
    Update(usize, Option<Choice>, Option<Choice>),
    UpdateAll(Option<Choice>, Option<Choice>),
    Defaults(Option<Preference>, Option<Preference>, Option<Preference>, Scope),
    Settings(Option<bool>, Option<bool>, Scope),
    Resolution(Option<u32>, Scope),
    Volume(u8),
    Output(Option<Preference>),
    Own(Option<u64>),
    /// The application does not do as it was asked with a mute, or does.
    Mute(bool),
}

fn name() -> impl Strategy<Value = DeviceId> {
    prop::sample::select(NAMES.to_vec()).prop_map(DeviceId::from)
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        1 => Just(Choice::Default),
        1 => Just(Choice::System),
        4 => name().prop_map(Choice::Device),
        1 => (0..2_u64).prop_map(|own| Choice::Given(Given(own))),
    ]
}

fn preference() -> impl Strategy<Value = Option<Preference>> {
    let some = prop_oneof![Just(Preference::System), name().prop_map(Preference::Device)];
    prop::option::of(some)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(vec![Scope::Coming, Scope::Live])
}

fn sends() -> impl Strategy<Value = Sends> {
    prop::sample::select(vec![Sends::Nothing, Sends::Muted, Sends::Live, Sends::Live])
}

fn error() -> impl Strategy<Value = OpenError> {
    use OpenError::{Aborted, Denied, Failed, NotFound, OneAtATime, Overconstrained};
    prop::sample::select(vec![Denied, NotFound, Overconstrained, Aborted, OneAtATime, Failed])
}

fn answer() -> impl Strategy<Value = Result<(), OpenError>> {
    prop_oneof![3 => Just(Ok(())), 2 => error().prop_map(Err)]
}

/// A deed of the user or the service.
fn wish() -> impl Strategy<Value = Step> {
    let slot = || 0..3_usize;
    let some = || prop::option::of(choice());
    prop_oneof![
        4 => (slot(), sends(), sends(), any::<bool>())
            .prop_map(|(at, audio, video, plays)| Step::Session(at, audio, video, plays)),
        1 => slot().prop_map(Step::End),
        6 => (slot(), some(), some()).prop_map(|(at, audio, video)| Step::Update(at, audio, video)),
        1 => (some(), some()).prop_map(|(audio, video)| Step::UpdateAll(audio, video)),
        2 => (preference(), preference(), preference(), scope())
            .prop_map(|(audio, video, output, scope)| Step::Defaults(audio, video, output, scope)),
        2 => (any::<Option<bool>>(), any::<Option<bool>>(), scope())
            .prop_map(|(noise, monitor, scope)| Step::Settings(noise, monitor, scope)),
        2 => (prop::option::of(1..3_u32), scope()).prop_map(|(size, scope)| Step::Resolution(size, scope)),
        1 => any::<u8>().prop_map(Step::Volume),
        1 => preference().prop_map(Step::Output),
        1 => prop::option::of(0..2_u64).prop_map(Step::Own),
    ]
}

/// A deed of the platform or the application.
fn fate() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![Audio, Video]);
    let resized = prop_oneof![(0..3_u32).prop_map(Ok), error().prop_map(Err)];
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Listed),
        10 => (0..9_usize, answer()).prop_map(|(at, result)| Step::Answer(at, result)),
        2 => (0..9_usize, resized).prop_map(|(at, result)| Step::Resized(at, result)),
        2 => (0..9_usize).prop_map(Step::Ended),
        1 => (0..2_u64).prop_map(Step::GivenEnded),
        1 => (kind, any::<bool>()).prop_map(|(kind, granted)| Step::Permission(kind, granted)),
        1 => (0..20_u64, any::<f32>()).prop_map(|(source, dbfs)| Step::Level(source, dbfs)),
        1 => (0..3_usize).prop_map(Step::OutputFailed),
        2 => any::<bool>().prop_map(Step::Mute),
    ]
}

/// A platform, a service and an application around devices.
#[derive(Debug)]
struct World {
    devices: Devices<u32>,
    /// The sessions by their slots, as the service has them.
    sessions: [Option<(u32, Session)>; 3],
    last: u32,
    /// The requests that are not answered, each with the session and the kind.
    opening: BTreeMap<RequestId, (u32, MediaKind)>,
    resizing: BTreeSet<RequestId>,
    open: BTreeSet<RequestId>,
    sent: BTreeMap<(u32, MediaKind), Source>,
    outputs: BTreeMap<u32, Option<DeviceId>>,
    commands: BTreeSet<CommandId>,
    mutes: Vec<(u32, MediaKind)>,
    /// The sessions that sent nothing for a moment, though they sent something before and will again.
    gaps: u32,
}

impl World {
    fn new() -> Self {
        Self {
            devices: Devices::new(Options::default(), defaults()),
            sessions: Default::default(),
            last: 0,
            opening: BTreeMap::new(),
            resizing: BTreeSet::new(),
            open: BTreeSet::new(),
            sent: BTreeMap::new(),
            outputs: BTreeMap::new(),
            commands: BTreeSet::new(),
            mutes: Vec::new(),
            gaps: 0,
        }
    }

    fn is_live(&self, id: u32) -> bool {
        self.sessions.iter().flatten().any(|(live, _)| *live == id)
    }

    fn sends(&self, id: u32, kind: MediaKind) -> Sends {
        let session = self.sessions.iter().flatten().find(|(live, _)| *live == id);
        session.map_or(Sends::Nothing, |(_, session)| match kind {
            Audio => session.audio,
            Video => session.video,
        })
    }

    fn take(&mut self, effects: Vec<Effect<u32>>) {
        for effect in effects {
            match effect {
                Effect::Open { request, session, constraints } => {
                    let kind = match constraints.capture {
                        Capture::Microphone { .. } => Audio,
                        Capture::Camera { .. } => Video,
                    };
                    assert!(self.is_live(session), "an open for one that is over");
                    let twice = self.opening.values().any(|one| *one == (session, kind));
                    assert!(!twice, "two opens for {session} {kind:?}");
                    if kind == Video {
                        assert_eq!(self.sends(session, kind), Sends::Live, "a muted camera starts");
                    }
                    self.opening.insert(request, (session, kind));
                }
                Effect::Resize { request, source: Source::Opened(source), .. } => {
                    assert!(self.open.contains(&source));
                    self.resizing.insert(request);
                }
                Effect::Resize { .. } => panic!("not ours"),
                Effect::Switch { session, kind, source: Some(source), muted } => {
                    if let Source::Opened(request) = source {
                        assert!(self.open.contains(&request), "{request:?} is not open");
                        assert!(self.sent.values().all(|sent| *sent != source), "sent twice");
                    }
                    assert_eq!(muted, self.sends(session, kind) == Sends::Muted);
                    self.sent.insert((session, kind), source);
                }
                Effect::Switch { session, kind, source: None, .. } => {
                    self.sent.remove(&(session, kind));
                    let is_wanted = match kind {
                        Audio => self.sends(session, kind) != Sends::Nothing,
                        Video => self.sends(session, kind) == Sends::Live,
                    };
                    self.gaps += u32::from(is_wanted);
                }
                Effect::Close(request) => {
                    assert!(self.open.remove(&request), "{request:?} is not open");
                    let source = Source::Opened(request);
                    assert!(self.sent.values().all(|sent| *sent != source), "it is sent");
                }
                Effect::Output { session, device } => {
                    assert!(self.is_live(session));
                    self.outputs.insert(session, device);
                }
                Effect::Volume { session, volume } => {
                    assert!(self.is_live(session) && volume <= 100);
                }
                Effect::Mute { session, kind } => {
                    assert_eq!(self.sends(session, kind), Sends::Live);
                    assert_eq!(self.sent.get(&(session, kind)), None);
                    self.mutes.push((session, kind));
                }
                Effect::Monitor { session, .. } => assert!(self.is_live(session)),
                Effect::List => {}
                Effect::Tell(Event::Done { command, .. }) => {
                    assert!(self.commands.remove(&command), "{command:?} is answered twice");
                }
                Effect::Tell(Event::InUse { session, kind, source, .. }) => {
                    assert_eq!(self.sent.get(&(session, kind)), Some(&source));
                }
                Effect::Tell(_) => {}
            }
        }
        // What is said to be in use is what is sent.
        let in_use: BTreeMap<_, _> = self
            .devices
            .all_in_use()
            .map(|(id, kind, in_use)| ((*id, kind), in_use.source))
            .collect();
        assert_eq!(in_use, self.sent);
    }

    fn accept(&mut self, accepted: Result<Accepted<u32>, Refused>, before: &str) {
        match accepted {
            Ok((command, effects)) => {
                self.commands.insert(command);
                self.take(effects);
            }
            Err(_) => {
                assert_eq!(format!("{:?}", self.devices), before, "a refusal changes nothing");
            }
        }
    }

    fn tell(&mut self, at: usize, session: Session) {
        let id = match &self.sessions[at] {
            Some((id, _)) => *id,
            None => {
                self.last += 1;
                self.last
            }
        };
        self.sessions[at] = Some((id, session.clone()));
        let effects = self.devices.session(&id, &session);
        self.take(effects);
    }

    fn end(&mut self, at: usize) {
        if let Some((id, _)) = self.sessions[at].take() {
            let effects = self.devices.session_ended(&id);
            self.take(effects);
            self.outputs.remove(&id);
        }
    }

    fn answer(&mut self, at: usize, result: Result<(), OpenError>) {
        let Some(request) = self.opening.keys().copied().nth(at % self.opening.len().max(1)) else {
            return;
        };
        self.opening.remove(&request);
        let size = Size { width: 1, height: 1 };
        let result = result.map(|()| {
            self.open.insert(request);
            Opened::default().size(size)
        });
        let effects = self.devices.answered(request, result);
        self.take(effects);
    }

    fn resized(&mut self, at: usize, result: Result<u32, OpenError>) {
        let Some(request) = self.resizing.iter().copied().nth(at % self.resizing.len().max(1))
        else {
            return;
        };
        self.resizing.remove(&request);
        let size = |side| Some(Size { width: side, height: side }).filter(|_| side > 0);
        let effects = self.devices.resized(request, result.map(size));
        self.take(effects);
    }

    fn lose(&mut self, source: Source) {
        if let Source::Opened(request) = source {
            self.open.remove(&request);
        }
        // The platform sends nothing of it any more; what is said about it comes after.
        let effects = self.devices.ended(source);
        self.take(effects);
    }

    fn mute(&mut self, obeys: bool) {
        for (id, kind) in std::mem::take(&mut self.mutes) {
            let at =
                self.sessions.iter().position(|one| one.as_ref().is_some_and(|one| one.0 == id));
            let Some((at, true)) = at.map(|at| (at, obeys)) else { continue };
            let Some((_, session)) = self.sessions[at].clone() else { continue };
            self.tell(
                at,
                match kind {
                    Audio => session.audio(Sends::Muted),
                    Video => session.video(Sends::Muted),
                },
            );
        }
    }

    /// All that is known, where the step is a command that may be refused.
    fn before(&self, step: &Step) -> String {
        match step {
            Step::Update(..)
            | Step::UpdateAll(..)
            | Step::Defaults(..)
            | Step::Settings(..)
            | Step::Resolution(..)
            | Step::Volume(_) => format!("{:?}", self.devices),
            _ => String::new(),
        }
    }

    fn happen(&mut self, step: Step) {
        let before = self.before(&step);
        match step {
            Step::Listed(mask) => {
                let there = (0..6).filter(|n| mask & 1 << n != 0).map(|n: usize| NAMES[n]);
                let there = there.collect::<Vec<_>>().join(" ");
                let effects = self.devices.listed(list(&there));
                self.take(effects);
            }
            Step::Session(at, audio, video, plays) => {
                let session = Session::default().audio(audio).video(video).plays(plays);
                self.tell(at, session);
            }
            Step::End(at) => self.end(at),
            Step::Answer(at, result) => self.answer(at, result),
            Step::Resized(at, result) => self.resized(at, result),
            Step::Ended(at) => {
                let all: Vec<_> = self.open.iter().copied().collect();
                if let Some(request) = all.get(at % all.len().max(1)) {
                    self.lose(Source::Opened(*request));
                }
            }
            Step::GivenEnded(own) => self.lose(Source::Given(Given(own))),
            Step::Permission(kind, granted) => {
                let effects = self.devices.permission_told(kind, granted);
                self.take(effects);
            }
            Step::Level(source, dbfs) => {
                let effects = self.devices.level(Source::Opened(RequestId(source)), dbfs, false);
                self.take(effects);
            }
            Step::OutputFailed(at) => {
                if let Some((id, _)) = self.sessions[at] {
                    let effects = self.devices.output_failed(&id);
                    self.take(effects);
                }
            }
            Step::Update(at, audio, video) => {
                let id = self.sessions[at].as_ref().map_or(0, |(id, _)| *id);
                let accepted = self.devices.update_outgoing_media(&id, Outgoing { audio, video });
                self.accept(accepted, &before);
            }
            Step::UpdateAll(audio, video) => {
                let outgoing = Outgoing { audio, video };
                let accepted = self.devices.update_all_outgoing_media(outgoing);
                self.accept(accepted, &before);
            }
            Step::Defaults(audio, video, output, scope) => {
                let change = DefaultDevices { audio, video, output };
                let accepted = self.devices.update_default_devices(change, scope);
                self.accept(accepted, &before);
            }
            Step::Settings(noise, monitor_microphone, scope) => {
                let settings = MediaSettings {
                    noise_suppression: noise.map(Constraint::ideal),
                    monitor_microphone,
                    ..MediaSettings::default()
                };
                let accepted = self.devices.update_default_media_settings(settings, scope);
                self.accept(accepted, &before);
            }
            Step::Resolution(side, scope) => {
                let size = side.map(|side| Resolution::ideal(Size { width: side, height: side }));
                let accepted = self.devices.update_default_resolution(size, scope);
                self.accept(accepted, &before);
            }
            Step::Volume(volume) => {
                let accepted = self.devices.update_audio_volume(volume);
                self.accept(accepted, &before);
            }
            Step::Output(output) => {
                let accepted = self.devices.update_output_device(output);
                self.accept(Ok(accepted), &before);
            }
            Step::Own(own) => {
                let accepted = self.devices.set_default_audio_source(own.map(Given));
                self.accept(Ok(accepted), &before);
            }
            Step::Mute(obeys) => self.mute(obeys),
        }
    }

    /// The application answers all that it was asked, and is asked no more.
    fn settle(&mut self) {
        for _ in 0..1000 {
            if self.opening.is_empty() && self.resizing.is_empty() {
                assert_eq!(self.commands, BTreeSet::new(), "not answered");
                return;
            }
            self.answer(0, Ok(()));
            self.resized(0, Ok(1));
        }
        panic!("it goes on and on: {self:?}");
    }
}

proptest! {
    /// Whatever happens in whatever order: once all is answered, what is open is what is sent, each
    /// command was answered once, and after the sessions nothing is open.
    #[test]
    fn what_is_open_and_what_is_in_use_converge(
        steps in prop::collection::vec(prop_oneof![wish(), fate()], 0..60),
    ) {
        let mut world = World::new();
        for step in steps {
            world.happen(step);
        }
        world.settle();
        let of = |source: &Source| match source {
            Source::Opened(request) => Some(*request),
            Source::Given(_) => None,
        };
        let sent: BTreeSet<_> = world.sent.values().filter_map(of).collect();
        prop_assert_eq!(&world.open, &sent);
        // All devices come back, and leave is given: whoever wants to send does, also when one of each kind goes again.
        for mask in [0, 63, 0b10_1010] {
            world.happen(Step::Listed(mask));
            world.settle();
        }
        for (id, session) in world.sessions.clone().into_iter().flatten() {
            let has = |kind| world.sent.contains_key(&(id, kind));
            prop_assert_eq!(has(Audio), session.audio != Sends::Nothing);
            prop_assert_eq!(has(Video), session.video == Sends::Live);
            prop_assert!(world.outputs.contains_key(&id) || !session.plays);
        }
        for at in 0..3 {
            world.end(at);
        }
        world.settle();
        prop_assert_eq!((world.open, world.sent), (BTreeSet::new(), BTreeMap::new()));
    }

    /// As long as no device is lost and the platform can open two, no choice and no failure silences a session
    /// that was heard.
    #[test]
    fn def_1_no_switch_loses_the_microphone(
        steps in prop::collection::vec((wish(), 0..9_usize, answer()), 0..60),
    ) {
        let mut world = World::new();
        world.happen(Step::Listed(63));
        for (step, at, result) in steps {
            world.happen(step);
            let result = result.map_err(|error| match error {
                OpenError::OneAtATime => OpenError::Failed,
                other => other,
            });
            world.answer(at, result);
            prop_assert_eq!(world.gaps, 0, "{:?}", world);
        }
    }

    /// If it can open one only, what was in use comes back if all else fails.
    #[test]
    fn def_1_what_was_in_use_is_brought_back(error in error(), steps in 0..3_usize) {
        let mut world = World::new();
        world.happen(Step::Listed(63));
        world.tell(0, Session::default().audio(Sends::Live));
        world.answer(0, Ok(()));
        world.happen(Step::Update(0, Some(device("head")), None));
        world.answer(0, Err(OpenError::OneAtATime));
        for _ in 0..steps {
            world.happen(Step::Update(0, Some(Choice::System), None));
            world.happen(Step::Update(0, Some(device("head")), None));
        }
        world.answer(0, Err(error));
        let before = world.opening.len();
        prop_assert_eq!(before, 1);
        for _ in 0..8 {
            if world.sent.is_empty() {
                let request = *world.opening.keys().next().expect("it is looked for");
                let is_desk = format!("{:?}", world.devices).contains("rung: Before");
                world.answer(0, if is_desk { Ok(()) } else { Err(error) });
                prop_assert!(!world.opening.contains_key(&request));
            }
        }
        let in_use = world.devices.in_use(&1, Audio).expect("it sends");
        prop_assert_eq!(in_use.device.clone(), Some("desk".into()));
    }
}
