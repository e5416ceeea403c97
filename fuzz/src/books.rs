//! Books of what a client's application was told and what it asked: the invariants of every client.
//!
//! A call that rings ends ringing once, a session that starts ends once, a call that connects ends
//! once, a command is answered once. Whatever else happens, the books never contradict this, and
//! at rest they are empty.

use std::collections::{BTreeMap, BTreeSet};

use offhook::genesys::{ConversationId, Event, PendingSession, Session, SessionId, SessionType};
use offhook::machine::CommandId;
use offhook::machine::TrackId;

/// Books of one client's application.
#[derive(Debug, Default)]
pub(crate) struct Books {
    open: BTreeSet<CommandId>,
    answered: BTreeSet<CommandId>,
    /// A call, a meeting and a recording may share a conversation.
    pub(crate) ringing: BTreeMap<(ConversationId, SessionType), PendingSession>,
    /// The tracks of rooms that were told.
    tracks: BTreeSet<TrackId>,
    pub(crate) started: BTreeMap<SessionId, Session>,
    talking: BTreeSet<ConversationId>,
    listed: BTreeSet<ConversationId>,
    /// True if the client no longer tries to stay connected, as far as it told.
    pub(crate) given_up: bool,
}

impl Books {
    /// Notes that a command was taken.
    pub(crate) fn asked(&mut self, command: CommandId) {
        // It may have been answered while it was taken.
        if !self.answered.contains(&command) {
            assert!(self.open.insert(command), "{command:?} is taken twice");
        }
    }

    pub(crate) fn completed(&mut self, command: CommandId) {
        self.open.remove(&command);
        assert!(self.answered.insert(command), "{command:?} is answered twice");
    }

    pub(crate) fn told(&mut self, event: &Event) {
        match event {
            Event::PendingSession(pending) => {
                let id = (pending.conversation.clone(), pending.session_type);
                let old = self.ringing.insert(id, pending.clone());
                assert!(old.is_none(), "{} rings twice", pending.conversation);
            }
            Event::CancelPendingSession { conversation, session_type, .. }
            | Event::HandledPendingSession { conversation, session_type, .. } => {
                let rang = self.ringing.remove(&(conversation.clone(), *session_type));
                assert!(rang.is_some(), "{conversation} ends ringing without having rung");
            }
            Event::SessionStarted(session) => self.start(session),
            Event::SessionReplaced { session, old } => {
                self.end(old);
                self.start(session);
            }
            Event::SessionEnded { session, .. } => {
                self.tracks.retain(|track| track.media != session.media);
                self.end(&session.id);
            }
            Event::TrackAdded { session, track, .. } => {
                assert!(self.started.contains_key(session), "a track of {session}, which is over");
                self.tracks.insert(*track);
            }
            Event::TrackChanged { track, .. } => {
                assert!(self.tracks.contains(track), "{track:?} changes, and was not told");
            }
            Event::TrackRemoved { track, .. } => {
                assert!(self.tracks.remove(track), "{track:?} goes, and was not told");
            }
            Event::SessionInterrupted(session) => {
                assert!(self.started.contains_key(&session.id), "{} is interrupted", session.id);
            }
            Event::CallConnected { call, .. } => {
                assert!(self.talking.insert(call.id.clone()), "{} connects twice", call.id);
            }
            Event::CallEnded { conversation, .. } => {
                assert!(self.talking.remove(conversation), "{conversation} ends twice");
            }
            Event::ConversationUpdate(update) => {
                for added in &update.added {
                    assert!(self.listed.insert(added.id.clone()), "{} is added twice", added.id);
                    assert!(update.current.iter().any(|call| call.id == added.id));
                }
                for removed in &update.removed {
                    self.listed.remove(&removed.id);
                    assert!(update.current.iter().all(|call| call.id != removed.id));
                }
            }
            Event::Disconnected { reconnecting, .. } => self.given_up = !reconnecting,
            Event::Connected { .. } => self.given_up = false,
            _ => {}
        }
    }

    fn start(&mut self, session: &Session) {
        let old = self.started.insert(session.id.clone(), session.clone());
        assert!(old.is_none(), "{} starts twice", session.id);
    }

    fn end(&mut self, session: &SessionId) {
        let was = self.started.remove(session);
        assert!(was.is_some(), "{session} ends without having started");
    }

    /// Every conversation that something is open about.
    pub(crate) fn conversations(&self) -> BTreeSet<ConversationId> {
        let ringing =
            self.ringing.keys().map(|(id, _)| id).chain(&self.talking).chain(&self.listed);
        ringing.chain(self.started.values().map(|session| &session.conversation)).cloned().collect()
    }

    /// Nothing is open.
    ///
    /// # Panics
    ///
    /// Something is.
    pub(crate) fn are_empty(&self) {
        assert!(self.ringing.is_empty(), "still ringing: {:?}", self.ringing);
        assert!(self.started.is_empty(), "still up: {:?}", self.started);
        assert!(self.talking.is_empty(), "still talking: {:?}", self.talking);
        assert!(self.listed.is_empty(), "still listed: {:?}", self.listed);
    }

    /// Every command was answered.
    ///
    /// # Panics
    ///
    /// One was not.
    pub(crate) fn are_answered(&self) {
        assert!(self.open.is_empty(), "never answered: {:?}", self.open);
    }
}
