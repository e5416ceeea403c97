//! Kinds of rooms, which their addresses tell (wire notes 9).

/// A kind of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloud) enum Kind {
    /// Many meet.
    Conference,
    /// Two meet.
    Peer,
    /// An agent meets a customer.
    Agent,
    /// A guest shows a screen.
    Share,
    /// Screens are recorded.
    Recording,
    /// Screens are watched.
    Monitor,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Peer, Self::Agent, Self::Share, Self::Recording, Self::Monitor, Self::Conference];

    /// The kind of that name in the control API.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Conference => "conference",
            Self::Peer => "peer",
            Self::Agent => "agent",
            Self::Share => "share",
            Self::Recording => "recording",
            Self::Monitor => "monitor",
        }
    }

    /// The beginning of addresses of such rooms.
    fn prefix(self) -> &'static str {
        match self {
            Self::Conference => "adhoc-",
            Self::Peer => "peer-",
            Self::Agent => "agent-",
            Self::Share => "acd-",
            Self::Recording => "screenrecording-",
            Self::Monitor => "livemonitor-",
        }
    }

    /// The kind of a room by the local part of its address: any other name is a group's.
    pub(super) fn of(local: &str) -> Self {
        let begins = |kind: &Self| local.starts_with(kind.prefix());
        Self::ALL.into_iter().find(begins).unwrap_or(Self::Conference)
    }

    /// The local part of a new room's address.
    pub(super) fn local(self, id: &str) -> String {
        let tail = if self == Self::Share { "-1" } else { "" };
        format!("{}{id}{tail}", self.prefix())
    }

    /// True if its members are told as those of a video conversation.
    pub(super) fn is_video(self) -> bool {
        match self {
            Self::Conference | Self::Peer | Self::Agent => true,
            Self::Share | Self::Recording | Self::Monitor => false,
        }
    }

    /// The media that its proposals describe.
    pub(super) fn media(self) -> Vec<String> {
        let kinds = if self.is_video() { &["audio", "video"][..] } else { &["video"] };
        kinds.iter().map(|kind| (*kind).to_owned()).collect()
    }
}
