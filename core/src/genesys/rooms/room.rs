//! One room, from its proposal on.

use std::time::Instant;

use super::media::Screen;
use super::participants::Seen;
use super::waits::Muting;
use crate::genesys::event::{Event, HandledBy, PendingSession, Signaling};
use crate::genesys::ids::{ConversationId, SessionId, UserId};
use crate::genesys::session_type::SessionType;
use crate::genesys::wire::Propose;
use crate::xmpp::Jid;

/// A room that was proposed, or that we are in.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) session: SessionId,
    pub(super) conversation: ConversationId,
    pub(super) kind: SessionType,
    /// The proposer, who is spoken to.
    pub(super) from: Jid,
    pub(super) signaling: Signaling,
    /// The room that it really comes from.
    pub(super) original_room: String,
    /// The user who began it, or who is monitored.
    pub(super) from_user: Option<UserId>,
    /// True once the application knows it as a pending session.
    pub(super) told: bool,
    pub(super) stage: Stage,
    /// The people in it, as far as was told.
    pub(super) seen: Seen,
    /// The users who are shown, as was told last.
    pub(super) shown: Option<Vec<UserId>>,
}

/// The stage of a room.
///
/// ```text
/// Proposed ──accept, by itself──> Proceeded ──offer──> Offered ──accept──> Joined
///    └── retract, reject, elsewhere, time ┴────────────> over <──end───────────┘
/// ```
#[derive(Debug)]
pub(super) enum Stage {
    /// It waits for the application, until then.
    Proposed { until: Instant },
    /// We asked for its offer, and wait for that until then.
    Proceeded { until: Instant },
    /// Its offer is there and waits for the application.
    Offered,
    /// Its offer is answered.
    Joined(Box<Joined>),
}

/// Our part in a room.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) audio: Muting,
    pub(super) camera: Muting,
    pub(super) share: Share,
    pub(super) channel: Channel,
    /// The screens of a recording, or of a monitored user.
    pub(super) screens: Vec<Screen>,
    pub(super) metadata: Metadata,
    pub(super) heard: Heard,
}

/// The source of our pictures: a camera, or a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    No,
    Yes,
}

/// Our data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Unopened,
    Opened,
}

/// The screens of a recording, at the service. They are posted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    /// They wait for media to connect.
    Due,
    /// There are none, or they were posted.
    Done,
}

/// The service's word about a room since it was joined.
///
/// ```text
/// Waiting ──time──> Asked ──answer──> Yes
///    └── notice ──────┴─────────────> Yes
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// None yet; it is asked for then.
    Waiting { until: Instant },
    /// None yet; it is asked for.
    Asked,
    /// Something was heard, or nothing is to be.
    Yes,
}

impl Room {
    /// A room that was proposed.
    pub(super) fn proposed(
        propose: &Propose,
        conversation: ConversationId,
        kind: SessionType,
        from: &Jid,
        stage: Stage,
    ) -> Self {
        let original_room = propose.original_room.as_deref();
        Self {
            session: propose.id.as_str().into(),
            conversation,
            kind,
            from: from.clone(),
            signaling: if propose.sdp_over_xmpp { Signaling::Sdp } else { Signaling::Jingle },
            original_room: original_room.unwrap_or(from.as_str()).to_owned(),
            from_user: propose.from_user_id.as_deref().map(UserId::from),
            told: false,
            stage,
            seen: Seen::default(),
            shown: None,
        }
    }

    /// True while it has no offer yet.
    pub(super) fn is_pending(&self) -> bool {
        match self.stage {
            Stage::Proposed { .. } | Stage::Proceeded { .. } => true,
            Stage::Offered | Stage::Joined(_) => false,
        }
    }

    /// Our part in it, once it is joined.
    pub(super) fn joined(&self) -> Option<&Joined> {
        match &self.stage {
            Stage::Joined(joined) => Some(joined),
            Stage::Proposed { .. } | Stage::Proceeded { .. } | Stage::Offered => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn joined_mut(&mut self) -> Option<&mut Joined> {
        match &mut self.stage {
            Stage::Joined(joined) => Some(joined),
            Stage::Proposed { .. } | Stage::Proceeded { .. } | Stage::Offered => None,
        }
    }

    /// The time at which it is due.
    pub(super) fn due(&self) -> Option<(Instant, &'static str)> {
        match &self.stage {
            Stage::Proposed { until } => Some((*until, "proposed room")),
            Stage::Proceeded { until } => Some((*until, "offer of a room")),
            Stage::Offered => None,
            Stage::Joined(joined) => match joined.heard {
                Heard::Waiting { until } => Some((until, "word about a room")),
                Heard::Asked | Heard::Yes => None,
            },
        }
    }

    /// True if this is the screen of that user that somebody monitors.
    pub(super) fn is_target(&self, user: Option<&UserId>) -> bool {
        let ours = user.is_some() && self.from_user.as_ref() == user;
        self.kind == SessionType::LiveScreenMonitoring && ours
    }

    /// True if the application waits for it: it was told of the proposal, or had asked for the meeting.
    pub(super) fn is_known(&self) -> bool {
        self.told || self.kind == SessionType::CollaborateVideo
    }

    /// The word that its proposal has an end.
    pub(super) fn handled(&self, by: HandledBy) -> Event {
        Event::HandledPendingSession {
            session: self.session.clone(),
            conversation: self.conversation.clone(),
            session_type: self.kind,
            by,
        }
    }

    /// It as a pending session; `auto_answer` if nobody is asked.
    pub(super) fn to_pending(&self, auto_answer: bool) -> PendingSession {
        PendingSession {
            session: self.session.clone(),
            conversation: self.conversation.clone(),
            auto_answer,
            session_type: self.kind,
            from: self.from.as_str().to_owned(),
            original_room: self.original_room.clone(),
            from_user: self.from_user.clone(),
            parties: None,
        }
    }
}
