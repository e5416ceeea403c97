//! The things that commands are about, until they are done.

use offhook::devices::{Choice, DefaultDevices, DeviceId, DeviceKind, Outgoing, Scope};
use offhook::machine::MediaKind;

use super::world::World;

/// The subject of a command.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// These sessions, or all where none is named, send this of these kinds.
    Choices(Option<u32>, Vec<(MediaKind, Choice)>),
    Else,
}

impl Wanted {
    /// The choices for one session, or for all.
    pub(super) fn of(session: Option<u32>, outgoing: &Outgoing) -> Self {
        let choices = [(MediaKind::Audio, &outgoing.audio), (MediaKind::Video, &outgoing.video)];
        let mut choices: Vec<_> = choices
            .into_iter()
            .filter_map(|(kind, choice)| Some((kind, choice.clone()?)))
            .collect();
        if choices.is_empty() {
            choices =
                [MediaKind::Audio, MediaKind::Video].map(|kind| (kind, Choice::Default)).into();
        }
        Self::Choices(session, choices)
    }

    /// The kinds whose default is another one.
    pub(super) fn of_default(change: &DefaultDevices, scope: Scope) -> Self {
        let named = [(MediaKind::Audio, &change.audio), (MediaKind::Video, &change.video)];
        let choices = named.into_iter().filter(|(_, change)| change.is_some());
        match scope {
            Scope::Live => {
                Self::Choices(None, choices.map(|(kind, _)| (kind, Choice::Default)).collect())
            }
            Scope::Coming => Self::Else,
        }
    }
}

/// A kind that a session is to send, and the devices that the choice has stood for since.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) session: u32,
    pub(super) kind: MediaKind,
    pub(super) choice: Choice,
    origins: Vec<Option<DeviceId>>,
}

impl Want {
    /// The only want of a command, as the sessions are. Of several each is done at a time of its own.
    pub(super) fn only(wanted: &Wanted, world: &World) -> Option<Self> {
        let Wanted::Choices(session, choices) = wanted else { return None };
        let sessions = world.sessions().filter(|id| session.is_none_or(|session| session == *id));
        let wants = sessions.flat_map(|id| {
            choices.iter().map(move |(kind, choice)| Self {
                session: id,
                kind: *kind,
                choice: choice.clone(),
                origins: Vec::new(),
            })
        });
        let mut wants = wants.filter(|want| world.is_wanted(want.session, want.kind));
        wants.next().filter(|_| wants.next().is_none())
    }

    /// Takes note of the device that the choice stands for now (MD-6).
    pub(super) fn note(&mut self, world: &World) {
        let origin = match &self.choice {
            Choice::Given(_) => return,
            Choice::System => None,
            Choice::Device(id) if world.has(DeviceKind::of(self.kind), id) => Some(id.clone()),
            Choice::Device(_) | Choice::Default => world.default_device(self.kind),
        };
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }

    /// True if a later command chooses something else for the same.
    pub(super) fn is_replaced_by(&self, wanted: &Wanted) -> bool {
        let Wanted::Choices(session, choices) = wanted else { return false };
        let is_other =
            |(kind, choice): &(MediaKind, Choice)| *kind == self.kind && *choice != self.choice;
        session.is_none_or(|session| session == self.session) && choices.iter().any(is_other)
    }

    /// True if the choice stood for that device since it was made.
    pub(super) fn stood_for(&self, device: &Option<DeviceId>) -> bool {
        self.origins.contains(device)
    }
}
