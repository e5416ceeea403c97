//! Where a connection stands, in words that its parts share.

use crate::genesys::error::Error;
use crate::genesys::ids::{StationId, UserId};
use crate::genesys::wire::answers::Me;
use crate::machine::{CommandId, TimerName, WsId};
use crate::rest::Failure;
use crate::xmpp::{Jid, SaslFailure, SessionFeature};

/// Where the connection stands.
///
/// ```text
/// Offline ──connect──> Waiting ──> Identifying ──> Channel ──> Opening ──> Setup ──> Online
///    ^                    ^  (known: skip)  (soft: skip)          │          │         │
///    │                    └───────────── failed or lost ──────────┴──────────┴─────────┤
///    └────────────────────────── Closing <──────────── disconnect, transfer ───────────┘
/// ```
#[derive(Debug)]
pub(super) enum State {
    /// Not wanted.
    Offline,
    /// Between attempts.
    Waiting,
    /// A guest's code is being redeemed.
    Redeeming,
    /// Asking who we are. Each is `None` until known.
    Identifying { organization: bool, me: Option<Me> },
    /// Asking for a notification channel.
    Channel,
    /// The socket is being opened.
    Opening(WsId),
    /// The stream is being set up.
    Setup(WsId, Step),
    /// Up.
    Online(WsId, Readiness),
    /// `<close/>` is sent.
    Closing(WsId, Then),
}

/// How far a stream is set up.
#[derive(Debug)]
pub(super) enum Step {
    /// `<open/>` is sent; mechanisms are to come.
    Hello,
    /// `<auth/>` is sent.
    Auth,
    /// The second `<open/>` is sent; features are to come.
    Restart,
    /// `<bind/>` is sent.
    Bind(SessionFeature),
    /// `<session/>` is sent.
    Session,
    /// ICE servers are asked for: TURN and STUN, each known or not yet.
    Discovery { turn: bool, stun: bool },
    /// The service was asked to ping.
    ServerPings,
}

/// How far an open connection is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Subscribing to the user's conversations.
    Conversations,
    /// Subscribing to the rest.
    Topics,
    /// Told the application.
    Ready,
}

/// What follows a `<close/>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Stop,
    Reconnect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next connection attempt is due.
    Attempt,
    /// The attempt takes too long.
    Setup,
    /// The service does not close its side.
    Close,
    /// Topic changes are to be sent.
    Topics,
    /// ICE servers are to be asked for again.
    IceRefresh,
    /// The connection is to be marked as one that can ring, once more.
    Alertable,
    /// What failed after the login is to be asked for again.
    Again,
}

impl TimerName for Timer {
    fn reason(&self) -> &'static str {
        match self {
            Self::Attempt => "connection attempt",
            Self::Setup => "connection set-up limit",
            Self::Close => "stream close limit",
            Self::Topics => "topic changes",
            Self::IceRefresh => "ICE server refresh",
            Self::Alertable => "marking as alertable",
            Self::Again => "asking again",
        }
    }
}

/// What the application said of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// Nothing, or that it is there.
    There,
    /// That there is none: nothing is attempted.
    Gone,
}

/// Who we are, once known.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The user, unless a guest.
    pub(crate) user: Option<UserId>,
    /// The bare JID; with ANONYMOUS only its domain is known before binding.
    pub(super) jid: Option<Jid>,
    pub(super) domain: String,
    pub(super) station: Option<StationId>,
}

/// What the owner has to do when the connection changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Frames can no longer be sent.
    Lost,
}

/// A subscription command that waits for the channel.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) command: CommandId,
    pub(super) topics: Vec<String>,
    /// Whether it is answered topic by topic.
    pub(super) many: bool,
    /// Whether the request that will answer it is under way.
    pub(super) sent: bool,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Attempt {
    Rest(Failure),
    Sasl(SaslFailure),
    Other(Error),
}
