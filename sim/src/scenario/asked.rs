//! Commands of applications to their clients, and how soon they are answered.

use std::time::Duration;

use offhook::genesys::{Command, ConversationId, SessionId};

/// The client's own limit for a command, and a little more.
const LIMIT: Duration = Duration::from_secs(31);
/// The same for a connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(61);
/// The longest time to the answer to a command where nothing is wrong; the end of a call is that of
/// its session, which an application may leave idle for ten seconds.
const QUIET_LIMIT: Duration = Duration::from_secs(15);
/// The reasons for which a client without a connection is not to be woken.
const OF_CONNECTIONS: [&str; 4] =
    ["topic changes", "ICE server refresh", "marking as alertable", "asking again"];

/// A command that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The time at which it was asked; or since when the phone is awake.
    since: Duration,
    what: What,
    pub(super) wish: Option<Wish>,
}

/// The kind of a command, as far as its answer says something.
#[derive(Clone, Debug)]
enum What {
    /// To stay connected.
    Connect,
    /// To take a media session: the answer is one to a stanza.
    Accept,
    /// To take a call: the answer is its session.
    Start(ConversationId),
    End(ConversationId),
    Terminate(SessionId),
    /// To dial this number.
    Dial(String),
    Other,
}

/// The change that a command is to make, and whether somebody else wanted to change the same call
/// meanwhile: then nobody knows which of both came last.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) change: Change,
    pub(super) contested: bool,
}

/// The change that a command makes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Mute(ConversationId, bool),
    Hold(ConversationId, bool),
}

impl Change {
    /// The change that a command asks for.
    pub(super) fn of(command: &Command) -> Option<Self> {
        match command {
            Command::SetAudioMute { conversation, muted } => {
                Some(Self::Mute(conversation.clone(), *muted))
            }
            Command::SetConversationHeld { conversation, held } => {
                Some(Self::Hold(conversation.clone(), *held))
            }
            _ => None,
        }
    }

    pub(super) fn call(&self) -> &ConversationId {
        match self {
            Self::Mute(call, _) | Self::Hold(call, _) => call,
        }
    }

    /// True if both are about the same of the same call.
    pub(super) fn is_rival(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mute(one, _), Self::Mute(other, _))
            | (Self::Hold(one, _), Self::Hold(other, _)) => one == other,
            (Self::Mute(..), Self::Hold(..)) | (Self::Hold(..), Self::Mute(..)) => false,
        }
    }

    /// True if that is how it is.
    pub(super) fn is(&self, muted: bool, held: bool) -> bool {
        match self {
            Self::Mute(_, on) => *on == muted,
            Self::Hold(_, on) => *on == held,
        }
    }
}

impl Asked {
    pub(super) fn new(since: Duration, command: &Command, wish: Option<Wish>) -> Self {
        let what = match command {
            Command::Connect => What::Connect,
            Command::AcceptSession { .. } => What::Accept,
            Command::AcceptPendingSession { conversation } => What::Start(conversation.clone()),
            Command::EndSession { conversation } => What::End(conversation.clone()),
            Command::ForceTerminateSession { session, .. } => What::Terminate(session.clone()),
            Command::StartSoftphoneSession(dial) => {
                What::Dial(dial.phone_number.clone().unwrap_or_default())
            }
            _ => What::Other,
        };
        Self { since, what, wish }
    }

    /// Notes that the phone has slept until now.
    pub(super) fn woke(&mut self, at: Duration) {
        self.since = at;
    }

    /// Notes that a session took another's place.
    pub(super) fn replaced(&mut self, old: &SessionId, new: &SessionId) {
        if let What::Terminate(session) = &mut self.what
            && session == old
        {
            session.clone_from(new);
        }
    }

    /// True if it waits for a call's session.
    pub(super) fn is_for(&self, conversation: &ConversationId) -> bool {
        matches!(&self.what, What::Start(call) if call == conversation)
    }

    /// True if it should have been answered by now.
    pub(super) fn is_overdue(&self, at: Duration, quiet: bool) -> bool {
        let limit = match (&self.what, quiet) {
            (What::Connect, _) => CONNECT_LIMIT,
            (_, true) => QUIET_LIMIT,
            (_, false) => LIMIT,
        };
        at > self.since + limit
    }

    /// The call that it ends.
    pub(super) fn ends(&self) -> Option<&ConversationId> {
        match &self.what {
            What::End(conversation) => Some(conversation),
            _ => None,
        }
    }

    /// The session that it ends.
    pub(super) fn terminates(&self) -> Option<&SessionId> {
        match &self.what {
            What::Terminate(session) => Some(session),
            _ => None,
        }
    }

    /// True if it was asked before, and its answer comes over the connection of then.
    pub(super) fn waits_since_before(&self, at: Duration) -> bool {
        matches!(self.what, What::Accept) && self.since < at
    }

    /// The number that it dials.
    pub(super) fn dials(&self) -> Option<&str> {
        match &self.what {
            What::Dial(number) => Some(number),
            _ => None,
        }
    }
}

/// Checks that a client may be woken for that.
pub(super) fn may_wake(reason: &str, wired: bool) -> Result<(), String> {
    if !wired && OF_CONNECTIONS.contains(&reason) {
        return Err(format!("without a connection, it is woken for {reason}"));
    }
    Ok(())
}
