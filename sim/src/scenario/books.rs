//! Books of what one application was told and asked, as far as that can be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::genesys::{
    AlertingLeader, CallState, Conversation, ConversationId, Event, HandledBy, Parties, SessionId,
};
use offhook::jingle::Reason;
use offhook::machine::{CommandId, MediaId};
use offhook::media::{AudioCodec, MediaState};

use super::asked::{Asked, Change};

/// Books of what one application was told and asked.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Commands not answered.
    pub(super) commands: BTreeMap<CommandId, Asked>,
    pub(super) ringing: BTreeSet<ConversationId>,
    pub(super) started: BTreeMap<SessionId, MediaId>,
    /// Sessions whose media has failed.
    failed: BTreeSet<SessionId>,
    pub(super) talking: BTreeMap<ConversationId, SessionId>,
    pub(super) listed: BTreeMap<ConversationId, Conversation>,
    /// Taken by another client.
    elsewhere: BTreeSet<ConversationId>,
    /// Told as added, and not as removed.
    added: BTreeSet<ConversationId>,
    /// Ever told of.
    pub(super) known: BTreeSet<ConversationId>,
    /// The calls that the service confirmed to the application as muted.
    pub(super) muted: BTreeSet<ConversationId>,
    pub(super) held: BTreeSet<ConversationId>,
    /// The codecs to speak with.
    codecs: BTreeMap<MediaId, AudioCodec>,
    /// True while nobody can say how long anything takes.
    pub(super) asleep: bool,
    /// The far end's keys that were told not long ago, by session.
    pub(super) keys: BTreeMap<SessionId, Vec<(Duration, char)>>,
    /// The last word on who rings, on this connection.
    pub(super) leader: Option<AlertingLeader>,
}

impl Books {
    pub(super) fn confirm(&mut self, change: Change) {
        let (book, call, on) = match change {
            Change::Mute(call, on) => (&mut self.muted, call, on),
            Change::Hold(call, on) => (&mut self.held, call, on),
        };
        let mut wishes = self.commands.values().filter_map(|asked| asked.wish.as_ref());
        let waiting = wishes.any(|other| *other.change.call() == call);
        if on && !waiting {
            book.insert(call);
        } else {
            book.remove(&call);
        }
    }

    /// True if the application was told that it is done, and nobody has changed it since. What
    /// notifications tell may be older.
    pub(super) fn is_muted(&self, call: &ConversationId) -> bool {
        self.muted.contains(call)
    }

    /// True if the service said so, and says so still: it also holds and resumes by itself.
    pub(super) fn is_held(&self, call: &ConversationId) -> bool {
        self.held.contains(call) && self.listed.get(call).is_some_and(|call| call.held)
    }

    /// The codec to speak into a session with.
    pub(super) fn codec(&self, media: MediaId) -> AudioCodec {
        self.codecs.get(&media).copied().unwrap_or(AudioCodec::Opus)
    }

    pub(super) fn calls_on(&self, media: MediaId) -> impl Iterator<Item = &ConversationId> {
        let on = move |session: &SessionId| self.started.get(session) == Some(&media);
        self.talking.iter().filter(move |(_, session)| on(session)).map(|(call, _)| call)
    }

    /// Calls told as added, and not as removed. Others may be listed beside them: what only rings,
    /// and what is on the user's other phone; the end of those alone is not told.
    pub(super) fn listed_up(&self) -> impl Iterator<Item = &ConversationId> {
        self.added.iter()
    }

    pub(super) fn enter(&mut self, event: &Event) -> Result<(), String> {
        fn once(fresh: bool, what: impl FnOnce() -> String) -> Result<(), String> {
            if fresh { Ok(()) } else { Err(what()) }
        }
        match event {
            Event::AlertingLeader(leader) => {
                self.leader = Some(leader.clone());
                Ok(())
            }
            Event::Disconnected { .. } => {
                self.leader = None;
                Ok(())
            }
            Event::PendingSession(pending) => {
                let id = &pending.conversation;
                knows_the_caller(pending.who()).map_err(|why| format!("{id}: {why}"))?;
                self.known.insert(id.clone());
                once(self.ringing.insert(id.clone()), || format!("{id} rings twice"))
            }
            Event::CancelPendingSession { conversation: id, .. }
            | Event::HandledPendingSession { conversation: id, .. } => {
                if let Event::HandledPendingSession { by: HandledBy::Elsewhere, .. } = event {
                    self.elsewhere.insert(id.clone());
                }
                once(self.ringing.remove(id), || format!("{id} ends ringing without ringing"))
            }
            Event::MediaAgreed { media, agreement, .. } => {
                self.codecs.insert(*media, agreement.codec);
                Ok(())
            }
            Event::SessionStarted(session) => {
                let id = &session.id;
                // A call whose session was ended by force goes on with the next one.
                if let Some(on) = self.talking.get_mut(&session.conversation)
                    && !self.started.contains_key(on)
                {
                    on.clone_from(id);
                }
                let fresh = self.started.insert(id.clone(), session.media).is_none();
                once(fresh, || format!("{id} starts twice"))
            }
            Event::SessionReplaced { session, old } => {
                let was = self.started.remove(old).is_some();
                once(was, || format!("{old} is replaced without being there"))?;
                for on in self.talking.values_mut().filter(|on| *on == old) {
                    on.clone_from(&session.id);
                }
                for asked in self.commands.values_mut() {
                    asked.replaced(old, &session.id);
                }
                let fresh = self.started.insert(session.id.clone(), session.media).is_none();
                once(fresh, || format!("{} starts twice", session.id))
            }
            Event::MediaState { session, state: MediaState::Failed, .. } => {
                self.failed.insert(session.clone());
                Ok(())
            }
            Event::SessionEnded { session, reason } => {
                let failed = self.failed.remove(&session.id);
                let given_up = *reason == Reason::FailedTransport && !failed;
                once(!given_up, || format!("{} is given up with its media whole", session.id))?;
                let was = self.started.remove(&session.id).is_some();
                once(was, || format!("{} ends without being there", session.id))
            }
            Event::CallConnected { call, session } => {
                let id = &call.id;
                knows_the_caller(call.who()).map_err(|why| format!("{id}: {why}"))?;
                self.known.insert(id.clone());
                let fresh = self.talking.insert(id.clone(), session.clone()).is_none();
                once(fresh, || format!("{id} connects twice"))
            }
            Event::CallEnded { conversation: id, .. } => {
                self.muted.remove(id);
                self.held.remove(id);
                once(self.talking.remove(id).is_some(), || format!("{id} ends without a call"))
            }
            Event::ConversationUpdate(update) => {
                for added in &update.added {
                    self.known.insert(added.id.clone());
                    let fresh = self.added.insert(added.id.clone());
                    once(fresh, || format!("{} is added twice", added.id))?;
                }
                for removed in &update.removed {
                    self.added.remove(&removed.id);
                }
                self.listed =
                    update.current.iter().map(|call| (call.id.clone(), call.clone())).collect();
                let gone = update.removed.iter().all(|call| !self.listed.contains_key(&call.id));
                once(gone, || "a call is removed and there".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn lists(&self, id: &str) -> bool {
        self.listed.contains_key(&ConversationId::from(id))
    }

    /// True if a call is no surprise here.
    pub(super) fn knows(&self, id: &str, call: &serde_json::Value) -> bool {
        let key = ConversationId::from(id);
        // What only rings is listed with the next update.
        let rings = call["state"] == "alerting" && self.known.contains(&key);
        rings || self.listed.contains_key(&key) || self.elsewhere.contains(&key)
    }

    /// Checks that the view of a call that is listed is the service's.
    pub(super) fn agrees(&self, id: &str, call: &serde_json::Value) -> Result<(), String> {
        let Some(mine) = self.listed.get(&ConversationId::from(id)) else { return Ok(()) };
        if call["state"] == "alerting" {
            return Ok(());
        }
        let state = match &mine.state {
            CallState::Alerting => "alerting",
            CallState::Contacting => "contacting",
            CallState::Dialing => "dialing",
            CallState::Connected | CallState::Hold => "connected",
            CallState::Disconnected => "disconnected",
            CallState::Terminated => "terminated",
            CallState::Other(other) => other,
        };
        let theirs = (&call["state"], &call["muted"], &call["held"]);
        if *theirs.0 == state && *theirs.1 == mine.muted && *theirs.2 == mine.held {
            return Ok(());
        }
        Err(format!(
            "{id} is {} (muted {}, held {}) there and {state} (muted {}, held {}) here",
            theirs.0, theirs.1, theirs.2, mine.muted, mine.held
        ))
    }
}

/// Checks that a customer's call has attributes that say what else is to be known of it.
fn knows_the_caller(who: &Parties) -> Result<(), String> {
    let Some(address) = who.attributes.get("caller") else { return Ok(()) };
    let number = who.remote_number.as_deref();
    let queue = who.queue.as_ref().and_then(|queue| queue.name.as_ref());
    let called = who.called_number.as_deref();
    let told = number == address.strip_prefix("tel:")
        && queue == who.attributes.get("queue")
        && called == Some("+15550100");
    if told { Ok(()) } else { Err(format!("{address} calls, told as {who:?}")) }
}
