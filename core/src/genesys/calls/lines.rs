//! The abilities of the user's phone, and the media session that calls share on it (behaviour notes
//! 3.1, 3.2).

use crate::genesys::error::{Complaint, Error, ErrorKind};
use crate::genesys::event::PersistentState;
use crate::genesys::ids::SessionId;
use crate::genesys::sessions::Sessions;
use crate::genesys::station::Station;
use crate::genesys::wire::notice::PersistentNotice;

/// The lines of the user's phone. Three-valued, because not knowing is not one line (DEF-32); a
/// call keeps the session that it has, whatever the phone becomes meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lines {
    /// No phone, or none that was loaded.
    #[default]
    Unknown,
    /// All calls share one media session.
    One {
        /// True if the session outlives its calls.
        persistent: bool,
    },
    /// Each call has its own.
    Many {
        /// But one may outlive its call and serve another.
        persistent: bool,
    },
}

impl From<&Station> for Lines {
    fn from(station: &Station) -> Self {
        let persistent = station.persistent;
        if station.call_appearances > 1 {
            Self::Many { persistent }
        } else {
            Self::One { persistent }
        }
    }
}

impl Lines {
    /// Returns true if one session is shared by calls, or by one after another.
    pub(super) fn shares(self) -> bool {
        match self {
            Self::Unknown | Self::Many { persistent: false } => false,
            Self::One { .. } | Self::Many { persistent: true } => true,
        }
    }

    pub(crate) fn is_persistent(self) -> bool {
        match self {
            Self::One { persistent } | Self::Many { persistent } => persistent,
            Self::Unknown => false,
        }
    }
}

/// The session that calls without one of their own ride on (PC-1).
#[derive(Debug, Default)]
pub(crate) struct Line {
    lines: Lines,
    active: Option<SessionId>,
    /// The service's last word on the persistent connection (PC-17).
    told: Option<PersistentNotice>,
}

/// News of the persistent connection.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) state: PersistentState,
    /// The session that it is about.
    pub(super) session: Option<SessionId>,
    /// The error that took it down, where that is out of the ordinary.
    pub(super) error: Option<Error>,
}

impl Line {
    /// The phone is this one now.
    pub(crate) fn set(&mut self, lines: Lines) {
        self.lines = lines;
    }

    pub(super) fn lines(&self) -> Lines {
        self.lines
    }

    pub(super) fn active(&self) -> Option<&SessionId> {
        self.active.as_ref()
    }

    pub(super) fn is(&self, session: &SessionId) -> bool {
        self.active.as_ref() == Some(session)
    }

    /// The active session, while its media is connected (PC-1: judged by nothing else).
    pub(super) fn usable(&self, sessions: &Sessions) -> Option<&SessionId> {
        self.active.as_ref().filter(|session| sessions.is_connected(session))
    }

    /// Returns true if a session outlives its calls. One that never connected is no use to the next
    /// call (DEF-8).
    pub(super) fn keeps(&self, session: &SessionId, sessions: &Sessions) -> bool {
        self.lines.is_persistent() && self.is(session) && sessions.is_connected(session)
    }

    /// A session was accepted: it becomes the active one, unless one is in use (PC-1).
    pub(super) fn nominate(&mut self, session: &SessionId, sessions: &Sessions) {
        if self.lines.shares() && self.usable(sessions).is_none() {
            self.active = Some(session.clone());
        }
    }

    /// A session took another's place, and its nomination (DEF-30).
    pub(super) fn replaced(&mut self, old: &SessionId, new: &SessionId) {
        if self.is(old) || self.lines.shares() && self.active.is_none() {
            self.active = Some(new.clone());
        }
    }

    /// A session ended. It clears only its own nomination (DEF-30), and its successor is a
    /// softphone session, as all of ours are (DEF-7, PC-2). On one line there is a successor also
    /// without persistence: the service gives it the next call.
    pub(super) fn dismiss(&mut self, session: &SessionId, sessions: &Sessions) {
        if self.is(session) {
            self.active = self.lines.shares().then(|| sessions.successor()).flatten();
        }
    }

    /// Every session is to end.
    pub(super) fn clear(&mut self) {
        self.active = None;
    }

    /// Takes the service's word on the persistent connection (PC-17): where it is down, calls will come
    /// with sessions of their own, whatever our media says. None where all of it was told before.
    pub(super) fn told(&mut self, notice: &PersistentNotice) -> Option<Told> {
        let state = PersistentState::from(notice.persistent_state.as_str());
        let session = self.active.clone();
        match state {
            PersistentState::Disconnected | PersistentState::Failed => self.active = None,
            PersistentState::Unknown
            | PersistentState::Persisted
            | PersistentState::ActiveCall
            | PersistentState::Other(_) => {}
        }
        if self.told.as_ref() == Some(notice) {
            return None;
        }
        self.told = Some(notice.clone());
        Some(Told { state, session, error: error_of(notice) })
    }
}

fn error_of(notice: &PersistentNotice) -> Option<Error> {
    const ORDINARY: &str = "error.ininedgecontrol.connection.webrtc.endpoint.disconnect";
    let error = notice.error_info.as_ref().filter(|error| error.code != ORDINARY)?;
    let words = [&error.user_message, &error.text].into_iter().find(|w| !w.is_empty());
    let text = words.map_or("persistent connection", String::as_str);
    let said = Complaint::new(&error.code, words.map(String::as_str));
    Some(Error::new(ErrorKind::Call, format!("{text} ({})", error.code)).caused_by(said))
}
