//! Devices, and the sessions that use them.

use super::catalogue::Catalogue;
use super::choice::{Choice, Given, Outgoing, Preference, Scope};
use super::commands::{Breadth, Commands};
use super::constraint::{Constraint, Resolution, Size};
use super::defaults::{DefaultDevices, Defaults, MediaSettings};
use super::desk::Desk;
use super::device::{Device, DeviceId, DeviceKind};
use super::effect::{CommandId, Effect, Event, RequestId, Source, Warning};
use super::error::{OpenError, Refused};
use super::feed::Feed;
use super::in_use::{InUse, Opened};
use super::live::Live;
use super::options::Options;
use super::plan::Matter;
use super::session::{Sends, Session};
use crate::machine::MediaKind;

/// Sound, then pictures (MD-7).
const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

/// An accepted command, and the effects that it has at once.
pub type Accepted<S> = (CommandId, Vec<Effect<S>>);

/// Devices, and the sessions that use them, which `S` names. See the [module documentation](super).
///
/// ```
/// use offhook::devices::{
///     Choice, Defaults, Device, DeviceKind, Devices, Effect, Event, Opened, Options, Outgoing, Session, Source,
/// };
///
/// let mut devices = Devices::new(Options::default(), Defaults::default().audio_device("desk"));
/// let list = ["desk", "headset"].map(|id| Device::new(DeviceKind::Microphone, id, id));
/// devices.listed(list.to_vec());
///
/// // A call begins: its microphone is opened.
/// let effects = devices.session(&"c-1", &Session::call());
/// let Some(Effect::Open { request: desk, constraints, .. }) = effects.last() else { panic!() };
/// assert_eq!(constraints.device, Some("desk".into()));
/// devices.answered(*desk, Ok(Opened::default()));
///
/// // Another one is chosen, and opened before the first is closed.
/// let headset = Choice::Device("headset".into());
/// let (command, effects) = devices.update_outgoing_media(&"c-1", Outgoing::default().audio(headset))?;
/// let [Effect::Open { request: headset, .. }] = effects[..] else { panic!() };
/// let effects = devices.answered(headset, Ok(Opened::default()));
/// assert!(matches!(effects[0], Effect::Switch { source: Some(Source::Opened(to)), .. } if to == headset));
/// assert_eq!(effects[1], Effect::Close(*desk));
/// assert_eq!(effects[3], Effect::Tell(Event::Done { command, result: Ok(()) }));
/// # Ok::<(), offhook::devices::Refused>(())
/// ```
#[derive(Debug)]
pub struct Devices<S> {
    sessions: Vec<Live<S>>,
    desk: Desk<S>,
}

impl<S: Clone + PartialEq> Devices<S> {
    /// The most sessions that are looked at; one more is warned about.
    pub const MAX_SESSIONS: usize = 256;
    /// The most devices that are looked at; more of a list are not.
    pub const MAX_DEVICES: usize = Catalogue::MAX_DEVICES;
    /// The most commands that wait for the application's answers at once; one more is [`Refused::Busy`].
    pub const MAX_COMMANDS: usize = Commands::MAX_COMMANDS;

    /// No session, and no device that is known of.
    #[must_use]
    pub fn new(options: Options, defaults: Defaults) -> Self {
        Self { sessions: Vec::new(), desk: Desk::new(options, defaults) }
    }

    /// The devices that there are, as last listed.
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        self.desk.catalogue.devices()
    }

    /// The defaults as they are.
    #[must_use]
    pub fn defaults(&self) -> &Defaults {
        &self.desk.defaults
    }

    /// True if devices of a kind may be used, false if not; none before anybody asked.
    #[must_use]
    pub fn permission(&self, kind: MediaKind) -> Option<bool> {
        self.desk.permission(kind)
    }

    /// The source that a session sends.
    #[must_use]
    pub fn in_use(&self, session: &S, kind: MediaKind) -> Option<&InUse> {
        let live = self.sessions.iter().find(|live| live.id == *session)?;
        live.feed(kind).in_use()
    }

    /// All that is sent: the sessions in the order in which they began, of each the sound first (MD-15).
    pub fn all_in_use(&self) -> impl Iterator<Item = (&S, MediaKind, &InUse)> {
        self.sessions.iter().flat_map(|live| {
            let of = |kind| live.feed(kind).in_use().map(|in_use| (&live.id, kind, in_use));
            KINDS.into_iter().filter_map(of)
        })
    }

    /// Takes a session as it is now, whoever changed it. One that is not known begins with it. Names are not
    /// used again after the end.
    pub fn session(&mut self, id: &S, session: &Session) -> Vec<Effect<S>> {
        let known = self.sessions.iter().position(|live| live.id == *id);
        let at = known.unwrap_or(self.sessions.len());
        if at == Self::MAX_SESSIONS {
            self.desk.tell(Event::Warned(Warning::TooManySessions(id.clone())));
            return self.desk.effects();
        }
        if known.is_none() {
            let mut live = Live::new(id.clone());
            live.monitor(self.desk.defaults.monitor_microphone, &mut self.desk);
            self.sessions.push(live);
        }
        self.sessions[at].told(session, &mut self.desk);
        self.desk.effects()
    }

    /// Takes note that a session is over: all that was opened for it is closed.
    pub fn session_ended(&mut self, id: &S) -> Vec<Effect<S>> {
        if let Some(at) = self.sessions.iter().position(|live| live.id == *id) {
            self.sessions.remove(at).end(&mut self.desk);
        }
        self.desk.effects()
    }

    /// Takes the devices that there are now, all of them (MD-2, MD-3). Of more than
    /// [`MAX_DEVICES`](Self::MAX_DEVICES) and of texts of more than 255 bytes nothing is looked at.
    pub fn listed(&mut self, devices: Vec<Device>) -> Vec<Effect<S>> {
        if let Some(others) = self.desk.catalogue.list(devices) {
            self.desk.tell(Event::DevicesChanged);
            self.each(|feed, id, desk| {
                if others.contains(&DeviceKind::of(feed.kind())) {
                    feed.retry(id, desk);
                }
                feed.check(id, desk);
            });
            if self.sessions.iter().any(|live| live.has_lost_output(&self.desk)) {
                let device = self.desk.default_output();
                self.output(device);
            }
        }
        self.desk.effects()
    }

    /// Takes the answer to [`Effect::Open`], of which there is one for each. A source that nobody wants any
    /// more is closed.
    pub fn answered(
        &mut self,
        request: RequestId,
        result: Result<Opened, OpenError>,
    ) -> Vec<Effect<S>> {
        let place = self.place(|feed| feed.opens(request));
        let is_open = result.is_ok();
        let granted = match result {
            Ok(_) => Some(true),
            Err(OpenError::Denied) => Some(false),
            Err(
                OpenError::NotFound
                | OpenError::Overconstrained
                | OpenError::Aborted
                | OpenError::OneAtATime
                | OpenError::Failed,
            ) => None,
        };
        if let Some((at, kind)) = place {
            let (feed, id) = self.sessions[at].feed_mut(kind);
            feed.answered(result, id, &mut self.desk);
            if let Some(granted) = granted {
                self.permitted(kind, granted);
            }
        } else if is_open
            && self.desk.has_asked(request)
            && self.place(|feed| feed.uses(Source::Opened(request))).is_none()
        {
            self.desk.close(Source::Opened(request));
        }
        self.desk.effects()
    }

    /// Takes the answer to [`Effect::Resize`], of which there is one for each: the size that the pictures
    /// have, where it is known.
    pub fn resized(
        &mut self,
        request: RequestId,
        result: Result<Option<Size>, OpenError>,
    ) -> Vec<Effect<S>> {
        if let Some((at, kind)) = self.place(|feed| feed.resizes(request)) {
            let (feed, id) = self.sessions[at].feed_mut(kind);
            feed.resized(result, id, &mut self.desk);
        }
        self.desk.effects()
    }

    /// Takes note that a source has ended by itself: a device that was pulled out, or that failed. It is
    /// closed thereby.
    pub fn ended(&mut self, source: Source) -> Vec<Effect<S>> {
        if self.desk.defaults.audio_source.map(Source::Given) == Some(source) {
            self.desk.defaults.audio_source = None;
        }
        self.each(|feed, id, desk| {
            feed.ended(source, id, desk);
        });
        self.desk.effects()
    }

    /// Takes what became known of a permission, where the application asked for it, or it was taken away.
    pub fn permission_told(&mut self, kind: MediaKind, granted: bool) -> Vec<Effect<S>> {
        self.permitted(kind, granted);
        self.desk.effects()
    }

    /// Takes the level of a microphone in dBFS, and whether the source itself is muted: by a key of the
    /// device, or by the system (MD-25).
    pub fn level(&mut self, source: Source, dbfs: f32, muted: bool) -> Vec<Effect<S>> {
        for live in &mut self.sessions {
            live.level(source, dbfs, muted, &mut self.desk);
        }
        self.desk.effects()
    }

    /// Takes note that [`Effect::Output`] could not be done for a session: another loudspeaker stands in.
    pub fn output_failed(&mut self, session: &S) -> Vec<Effect<S>> {
        if let Some(live) = self.sessions.iter_mut().find(|live| live.id == *session) {
            live.output_failed(&mut self.desk);
        }
        self.desk.effects()
    }

    /// Changes what one session sends (MD-16).
    ///
    /// # Errors
    ///
    /// Nothing is named; no such session; it sends none of a kind that is named; a device that is not there;
    /// too many commands.
    pub fn update_outgoing_media(
        &mut self,
        session: &S,
        outgoing: Outgoing,
    ) -> Result<Accepted<S>, Refused> {
        let choices = choices(&outgoing);
        if choices.is_empty() {
            return Err(Refused::NothingToDo);
        }
        let place = self.sessions.iter().position(|live| live.id == *session);
        let at = place.ok_or(Refused::UnknownSession)?;
        for (kind, choice) in &choices {
            if self.sessions[at].feed(*kind).sends() == Sends::Nothing {
                return Err(Refused::NotSent(*kind));
            }
            self.is_known(*kind, choice)?;
        }
        let wants = choices.into_iter().map(|(kind, choice)| (at, kind, Some(choice))).collect();
        self.command(Breadth::One, false, wants, |_| {})
    }

    /// Changes what all sessions send; without any choice they send the defaults (MD-21).
    ///
    /// # Errors
    ///
    /// A device that is not there; too many commands.
    pub fn update_all_outgoing_media(
        &mut self,
        outgoing: Outgoing,
    ) -> Result<Accepted<S>, Refused> {
        let mut choices = choices(&outgoing);
        if choices.is_empty() {
            choices = KINDS.map(|kind| (kind, Choice::Default)).to_vec();
        }
        for (kind, choice) in &choices {
            self.is_known(*kind, choice)?;
        }
        let wants = self.wants(&choices, Some);
        self.command(Breadth::All, false, wants, |_| {})
    }

    /// Changes the default devices, and those of live sessions of the kinds that are named (MD-21). A
    /// microphone or camera need not be there.
    ///
    /// # Errors
    ///
    /// Nothing is named; too many commands.
    pub fn update_default_devices(
        &mut self,
        change: DefaultDevices,
        scope: Scope,
    ) -> Result<Accepted<S>, Refused> {
        let DefaultDevices { audio, video, output } = change;
        if (&audio, &video, &output) == (&None, &None, &None) {
            return Err(Refused::NothingToDo);
        }
        let mut named = Vec::new();
        named.extend(audio.as_ref().map(|_| (MediaKind::Audio, Choice::Default)));
        named.extend(video.as_ref().map(|_| (MediaKind::Video, Choice::Default)));
        let wants = match scope {
            Scope::Live => self.wants(&named, Some),
            Scope::Coming => Vec::new(),
        };
        self.command(Breadth::All, false, wants, |devices| {
            let defaults = &mut devices.desk.defaults;
            if let Some(audio) = audio {
                defaults.audio_device = audio.into_device();
            }
            if let Some(video) = video {
                defaults.video_device = video.into_device();
            }
            if let Some(output) = output {
                let device = output.into_device();
                defaults.output_device.clone_from(&device);
                if scope == Scope::Live {
                    devices.output_if_known(device);
                }
            }
        })
    }

    /// Changes what microphones are to do, and those of live sessions.
    ///
    /// # Errors
    ///
    /// Nothing is named; a constraint that nothing can meet; too many commands.
    pub fn update_default_media_settings(
        &mut self,
        settings: MediaSettings,
        scope: Scope,
    ) -> Result<Accepted<S>, Refused> {
        let voice = settings.voice();
        if voice.iter().all(Option::is_none) && settings.monitor_microphone.is_none() {
            return Err(Refused::NothingToDo);
        }
        if !voice.iter().flatten().all(Constraint::is_possible) {
            return Err(Refused::Impossible);
        }
        let wants = match scope {
            Scope::Live if voice.iter().any(Option::is_some) => {
                self.wants(&[(MediaKind::Audio, Choice::Default)], |_| None)
            }
            Scope::Live | Scope::Coming => Vec::new(),
        };
        self.command(Breadth::All, false, wants, |devices| {
            settings.change(&mut devices.desk.defaults);
            if let (Scope::Live, Some(on)) = (scope, settings.monitor_microphone) {
                for live in &mut devices.sessions {
                    live.monitor(on, &mut devices.desk);
                }
            }
        })
    }

    /// Changes the default wish for the size of pictures, and the pictures of live sessions: an open camera
    /// is told so; without a wish it is opened anew (MD-20).
    ///
    /// # Errors
    ///
    /// A wish that no size can meet; too many commands.
    pub fn update_default_resolution(
        &mut self,
        resolution: Option<Resolution>,
        scope: Scope,
    ) -> Result<Accepted<S>, Refused> {
        if !resolution.is_none_or(|resolution| resolution.is_possible()) {
            return Err(Refused::Impossible);
        }
        let wants = match scope {
            Scope::Live => self.wants(&[(MediaKind::Video, Choice::Default)], |_| None),
            Scope::Coming => Vec::new(),
        };
        self.command(Breadth::All, true, wants, |devices| {
            devices.desk.defaults.resolution = resolution;
        })
    }

    /// Changes the volume of all that is heard, from now on (MD-22).
    ///
    /// # Errors
    ///
    /// A volume over 100.
    pub fn update_audio_volume(&mut self, volume: u8) -> Result<Accepted<S>, Refused> {
        if volume > 100 {
            return Err(Refused::Volume(volume));
        }
        Ok(self.at_once(|devices| {
            devices.desk.defaults.audio_volume = volume;
            for live in &devices.sessions {
                live.volume(volume, &mut devices.desk);
            }
        }))
    }

    /// Hears all sessions by another loudspeaker: this one, the system's, or the default (none). One that is
    /// not there is warned about, and changes nothing (MD-19).
    pub fn update_output_device(&mut self, output: Option<Preference>) -> Accepted<S> {
        self.at_once(|devices| match output {
            Some(output) => devices.output_if_known(output.into_device()),
            None => {
                let device = devices.desk.default_output();
                devices.output(device);
            }
        })
    }

    /// Changes the source of the application's own that sessions to come begin with, instead of a microphone.
    /// It is never closed here; once it has [ended](Self::ended), there is none (MD-26).
    pub fn set_default_audio_source(&mut self, source: Option<Given>) -> Accepted<S> {
        self.at_once(|devices| devices.desk.defaults.audio_source = source)
    }

    /// Carries out a command that waits for nothing.
    fn at_once(&mut self, change: impl FnOnce(&mut Self)) -> Accepted<S> {
        let command = self.desk.commands.name();
        change(self);
        self.desk.tell(Event::Done { command, result: Ok(()) });
        (command, self.desk.effects())
    }

    /// Accepts a command: what it changes at once, then what the sessions are to send, in their order; where
    /// there is no choice, other settings.
    fn command(
        &mut self,
        breadth: Breadth,
        sizes: bool,
        wants: Vec<(usize, MediaKind, Option<Choice>)>,
        change: impl FnOnce(&mut Self),
    ) -> Result<Accepted<S>, Refused> {
        if wants.is_empty() {
            return Ok(self.at_once(change));
        }
        if self.desk.commands.is_full() {
            return Err(Refused::Busy);
        }
        let command = self.desk.commands.name();
        change(self);
        self.desk.commands.open(command, wants.len(), breadth, sizes);
        for (at, kind, choice) in wants {
            let (feed, id) = self.sessions[at].feed_mut(kind);
            let matter = if choice.is_some() { Matter::Choice } else { Matter::Settings };
            let choice = choice.unwrap_or_else(|| feed.wish());
            feed.want(choice, matter, Some(command), id, &mut self.desk);
        }
        Ok((command, self.desk.effects()))
    }

    /// The choices that all sessions are to make of these kinds, of each the sound first.
    fn wants(
        &self,
        choices: &[(MediaKind, Choice)],
        as_choice: impl Fn(Choice) -> Option<Choice>,
    ) -> Vec<(usize, MediaKind, Option<Choice>)> {
        let mut wants = Vec::new();
        for (at, live) in self.sessions.iter().enumerate() {
            for (kind, choice) in choices {
                if live.feed(*kind).sends() != Sends::Nothing {
                    wants.push((at, *kind, as_choice(choice.clone())));
                }
            }
        }
        wants
    }

    fn is_known(&self, kind: MediaKind, choice: &Choice) -> Result<(), Refused> {
        match choice {
            Choice::Device(id) if !self.desk.catalogue.has(DeviceKind::of(kind), id) => {
                Err(Refused::UnknownDevice(kind, id.clone()))
            }
            Choice::Device(_) | Choice::Default | Choice::System | Choice::Given(_) => Ok(()),
        }
    }

    fn output_if_known(&mut self, device: Option<DeviceId>) {
        match device {
            Some(id) if !self.desk.catalogue.has(DeviceKind::Speaker, &id) => {
                self.desk.tell(Event::Warned(Warning::UnknownOutput(id)));
            }
            device => self.output(device),
        }
    }

    fn output(&mut self, device: Option<DeviceId>) {
        for live in &mut self.sessions {
            live.output(device.clone(), &mut self.desk);
        }
    }

    /// Takes what became known of a permission; what waited for it is tried again.
    fn permitted(&mut self, kind: MediaKind, granted: bool) {
        if self.desk.permitted(kind, granted) && granted {
            for live in &mut self.sessions {
                let (feed, id) = live.feed_mut(kind);
                feed.retry(id, &mut self.desk);
            }
        }
    }

    fn place(&self, is: impl Fn(&Feed) -> bool) -> Option<(usize, MediaKind)> {
        let all = (0..self.sessions.len()).flat_map(|at| KINDS.map(|kind| (at, kind)));
        all.into_iter().find(|(at, kind)| is(self.sessions[*at].feed(*kind)))
    }

    fn each(&mut self, mut act: impl FnMut(&mut Feed, &S, &mut Desk<S>)) {
        for live in &mut self.sessions {
            let (feeds, id) = live.feeds_mut();
            for feed in feeds {
                act(feed, id, &mut self.desk);
            }
        }
    }
}

fn choices(outgoing: &Outgoing) -> Vec<(MediaKind, Choice)> {
    let of = [&outgoing.audio, &outgoing.video];
    KINDS.into_iter().zip(of).filter_map(|(kind, choice)| Some((kind, choice.clone()?))).collect()
}
