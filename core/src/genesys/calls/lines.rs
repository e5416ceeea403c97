//! Who rides on which media session (behaviour notes 3.1, 3.2, 3.6).

use super::Calls;
use crate::genesys::ask::CallAsk;
use crate::genesys::call_state::CallState;
use crate::genesys::error::{Complaint, Error, ErrorKind, Subject};
use crate::genesys::event::{Event, PersistentState};
use crate::genesys::ids::{ConversationId, SessionId};
use crate::genesys::outbox::Outbox;
use crate::genesys::station::Station;
use crate::genesys::wire::notice::PersistentNotice;
use crate::genesys::wire::requests;
use crate::rest::Retry;
use crate::xmpp::Jid;

/// What the user's phone can do. Three-valued, because not knowing is not one line (DEF-32); a
/// call keeps the session that it has, whatever the phone becomes meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lines {
    /// No phone, or none that was loaded.
    #[default]
    Unknown,
    /// All calls share one media session.
    One {
        /// Which outlives them.
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
    /// Whether one session is shared by calls, or by one after another.
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

impl Calls {
    /// The active session, while its media is connected (PC-1: judged by nothing else).
    pub(super) fn usable(&self) -> Option<&SessionId> {
        self.active.as_ref().filter(|session| self.sessions.is_connected(session))
    }

    /// The session that a call without one of its own would ride on (PC-5).
    pub(super) fn shared_for(&self, id: &ConversationId) -> Option<(&SessionId, &Jid)> {
        let session = self.usable()?;
        let free = match self.lines {
            Lines::Unknown | Lines::Many { persistent: false } => false,
            Lines::One { .. } => true,
            Lines::Many { persistent: true } => self.entries.iter().all(|(other, state)| {
                other == id || state.fake || state.media.as_ref() != Some(session)
            }),
        };
        free.then_some((session, self.sessions.signal(session)?.peer()))
    }

    /// A session was accepted: it becomes the active one, unless one is in use (PC-1).
    pub(super) fn nominate(&mut self, session: &SessionId) {
        if self.lines.shares() && self.usable().is_none() {
            self.active = Some(session.clone());
        }
    }

    /// A session ended. It clears only its own nomination (DEF-30), and its successor is a
    /// softphone session, as all of ours are (DEF-7, PC-2). On one line there is a successor also
    /// without persistence: the service gives it the next call.
    pub(super) fn dismiss(&mut self, session: &SessionId) {
        if self.active.as_ref() == Some(session) {
            self.active = self.lines.shares().then(|| self.sessions.first_connected()).flatten();
        }
    }

    /// The service's word on the persistent connection (PC-17): where it is down, calls will come
    /// with sessions of their own, whatever our media says.
    pub(crate) fn handle_persistent(&mut self, notice: &PersistentNotice, out: &mut Outbox) {
        const ORDINARY: &str = "error.ininedgecontrol.connection.webrtc.endpoint.disconnect";
        let state = PersistentState::from(notice.persistent_state.as_str());
        let session = self.active.clone();
        match state {
            PersistentState::Disconnected | PersistentState::Failed => self.active = None,
            PersistentState::Unknown
            | PersistentState::Persisted
            | PersistentState::ActiveCall
            | PersistentState::Other(_) => {}
        }
        if self.persistent.as_ref() == Some(notice) {
            // Told before; nothing of it is new.
            return;
        }
        self.persistent = Some(notice.clone());
        out.event(Event::PersistentConnection(state));
        if let Some(error) = notice.error_info.as_ref().filter(|error| error.code != ORDINARY) {
            let words = [&error.user_message, &error.text].into_iter().find(|w| !w.is_empty());
            let text = words.map_or("persistent connection", String::as_str);
            let said = Complaint::new(&error.code, words.map(String::as_str));
            let text = format!("{text} ({})", error.code);
            let about = self.subject(Subject { conversation: None, session });
            let error = Error::new(ErrorKind::Call, text).caused_by(said);
            out.event(Event::Error(error.about(&about)));
        }
    }

    /// The conversations that a session carries.
    pub(super) fn users_of(&self, session: &SessionId) -> Vec<ConversationId> {
        self.entries
            .iter()
            .filter(|(_, state)| state.media.as_ref() == Some(session))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Whether a session is to stay although a call on it is over: another call is on it, or it
    /// outlives calls. One that never connected is no use to the next call (DEF-8).
    pub(super) fn is_kept(&self, session: &SessionId) -> bool {
        let used =
            self.entries.values().any(|state| !state.fake && state.media.as_ref() == Some(session));
        let persists = self.lines.is_persistent()
            && self.active.as_ref() == Some(session)
            && self.sessions.is_connected(session);
        used || persists
    }

    /// Talking on one line holds the others (PC-14). An eager session carries no call, and so
    /// holds nobody.
    pub(super) fn hold_others(&mut self, session: &SessionId, out: &mut Outbox) {
        let real = |id: &ConversationId| self.entries.get(id).is_some_and(|state| !state.fake);
        let about = self.users_of(session).into_iter().find(real);
        if let Some(about) = about {
            self.hold_all_but(&about, out);
        }
    }

    /// Asks for everybody else on a line of their own to be held. A failure is no matter: the
    /// events tell what became of it.
    pub(super) fn hold_all_but(&self, about: &ConversationId, out: &mut Outbox) {
        match self.lines {
            Lines::Many { .. } => {}
            Lines::Unknown | Lines::One { .. } => return,
        }
        for (id, state) in &self.entries {
            let Some(leg) = &state.leg else { continue };
            let talking = leg.call.state() == CallState::Connected && !leg.call.held;
            if id != about && talking && state.media.is_some() {
                let change = serde_json::json!({"held": true});
                let resource = requests::participant(id, &leg.participant, change);
                out.rest(CallAsk::HoldOther, resource, Retry::No);
            }
        }
    }
}
