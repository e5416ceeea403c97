//! The common part of all sessions: the devices, the defaults, requests, commands, and the effects so far.

use super::catalogue::Catalogue;
use super::choice::{Choice, Given};
use super::commands::Commands;
use super::constraint::Size;
use super::constraints::Constraints;
use super::defaults::Defaults;
use super::device::{DeviceId, DeviceKind};
use super::effect::{CommandId, Effect, Event, RequestId, Source};
use super::error::Failure;
use super::options::{Fallback, Options};
use crate::machine::MediaKind;

/// The place where a source comes from, once it is known which devices there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A device, or the system's.
    Device(Option<DeviceId>),
    Given(Given),
}

/// The common part of all sessions.
#[derive(Debug)]
pub(super) struct Desk<S> {
    options: Options,
    pub(super) catalogue: Catalogue,
    pub(super) defaults: Defaults,
    pub(super) commands: Commands,
    /// The known permissions, for sound and for pictures.
    permissions: [Option<bool>; 2],
    last_request: u64,
    effects: Vec<Effect<S>>,
}

impl<S: Clone> Desk<S> {
    pub(super) fn new(options: Options, defaults: Defaults) -> Self {
        Self {
            options,
            catalogue: Catalogue::default(),
            defaults,
            commands: Commands::default(),
            permissions: [None; 2],
            last_request: 0,
            effects: Vec::new(),
        }
    }

    /// The effects so far, which are then done.
    pub(super) fn effects(&mut self) -> Vec<Effect<S>> {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn does(&mut self, effect: Effect<S>) {
        self.effects.push(effect);
    }

    pub(super) fn tell(&mut self, event: Event<S>) {
        self.effects.push(Effect::Tell(event));
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// True if this request was made, ever.
    pub(super) fn has_asked(&self, request: RequestId) -> bool {
        (1..=self.last_request).contains(&request.0)
    }

    /// Asks for a source.
    pub(super) fn open(&mut self, session: &S, constraints: Constraints) -> RequestId {
        let request = self.request();
        self.does(Effect::Open { request, session: session.clone(), constraints });
        request
    }

    pub(super) fn close(&mut self, source: Source) {
        match source {
            Source::Opened(request) => self.does(Effect::Close(request)),
            Source::Given(_) => {}
        }
    }

    /// Takes note that a part of each of these commands is over.
    pub(super) fn finish(&mut self, commands: Vec<CommandId>, result: Result<(), Failure>) {
        for command in commands {
            if let Some(result) = self.commands.done(command, result) {
                self.tell(Event::Done { command, result });
            }
        }
    }

    pub(super) fn permission(&self, kind: MediaKind) -> Option<bool> {
        self.permissions[place(kind)]
    }

    /// Takes what became known of a permission; true if that is news (MD-12).
    pub(super) fn permitted(&mut self, kind: MediaKind, granted: bool) -> bool {
        let before = self.permissions[place(kind)].replace(granted);
        if before != Some(granted) {
            self.tell(Event::PermissionChanged { kind, granted });
        }
        if before.is_none() {
            self.does(Effect::List);
        }
        before != Some(granted)
    }

    pub(super) fn falls_back(&self) -> bool {
        self.options.fallback == Fallback::OtherDevices
    }

    /// The default device of a kind, if it is there.
    pub(super) fn default_device(&self, kind: MediaKind) -> Option<DeviceId> {
        let device = self.defaults.device(kind)?;
        self.catalogue.has(DeviceKind::of(kind), device).then(|| device.clone())
    }

    /// The place where what is chosen comes from (MD-6): of a device that is not there the default, and of
    /// that the system's.
    pub(super) fn origin(&self, kind: MediaKind, choice: &Choice) -> Origin {
        match choice {
            Choice::Given(given) => Origin::Given(*given),
            Choice::System => Origin::Device(None),
            Choice::Device(id) if self.catalogue.has(DeviceKind::of(kind), id) => {
                Origin::Device(Some(id.clone()))
            }
            Choice::Device(_) | Choice::Default => Origin::Device(self.default_device(kind)),
        }
    }

    /// The default loudspeaker, if it is there; else the system's.
    pub(super) fn default_output(&self) -> Option<DeviceId> {
        let device = self.defaults.output_device.as_ref()?;
        self.catalogue.has(DeviceKind::Speaker, device).then(|| device.clone())
    }

    /// Tells the size that pictures have after a change of the default, which becomes that size where it
    /// is another one (MD-20).
    pub(super) fn sized(
        &mut self,
        session: &S,
        source: Source,
        wished: &Constraints,
        actual: Size,
    ) {
        let requested = wished.resolution();
        let event =
            Event::ResolutionUpdated { session: session.clone(), source, requested, actual };
        self.tell(event);
        if let Some(wish) = requested
            && self.defaults.resolution == Some(wish)
            && !wish.is_met(actual)
        {
            self.defaults.resolution = Some(super::constraint::Resolution::ideal(actual));
        }
    }
}

fn place(kind: MediaKind) -> usize {
    match kind {
        MediaKind::Audio => 0,
        MediaKind::Video => 1,
    }
}
