//! One room: its address, its conversation and its members.

use std::time::{Duration, Instant};

use offhook::machine::Wake;
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::kind::Kind;
use super::member::{Member, Presence};
use super::terms::Terms;
use crate::cloud::streams::Streams;
use crate::cloud::world::World;

/// Members of a room, those who left included; one more is refused.
const MAX_MEMBERS: usize = 500;
/// Reports of screens that a room keeps; the oldest goes.
const MAX_METADATA: usize = 100;

/// A room. See the [module](self).
#[derive(Clone, Debug)]
pub(in crate::cloud) struct Room {
    /// The local part of its address.
    pub(super) id: String,
    pub(super) jid: Jid,
    pub(super) kind: Kind,
    pub(super) conversation: String,
    pub(super) meeting: Option<String>,
    pub(super) terms: Terms,
    /// True if somebody outside plays the far end of its sessions.
    pub(super) outside: bool,
    /// True if changes are notified of their own accord, so much later.
    pub(super) publishes: bool,
    pub(super) publish_delay: Duration,
    /// True if guests are told who did not subscribe.
    pub(super) guest_topic: bool,
    pub(super) members: Vec<Member>,
    /// Reports of recorded screens.
    pub(super) metadata: Vec<Value>,
    /// The time of the next notification.
    tell_at: Option<Instant>,
}

impl Room {
    pub(super) fn new(jid: Jid, kind: Kind, terms: Terms, world: &mut World) -> Self {
        Self {
            id: jid.local().unwrap_or_default().to_owned(),
            jid,
            kind,
            conversation: world.base.rng.uuid(),
            meeting: None,
            terms,
            outside: false,
            publishes: kind.is_video(),
            publish_delay: Duration::ZERO,
            guest_topic: false,
            members: Vec::new(),
            metadata: Vec::new(),
            tell_at: None,
        }
    }

    // Members

    pub(super) fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(super) fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// The member of whom that is the newest session.
    pub(super) fn of_session(&mut self, session: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.session.as_deref() == Some(session))
    }

    pub(super) fn of_user(&self, user: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.user.as_deref() == Some(user))
    }

    /// True if the user has been here.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.of_user(user).is_some()
    }

    /// True if nobody else can be a member.
    pub(super) fn is_full(&self) -> bool {
        self.members.len() >= MAX_MEMBERS
    }

    /// One more member. None when there are too many.
    pub(super) fn add(&mut self, member: Member) -> Option<&mut Member> {
        if self.is_full() {
            return None;
        }
        self.members.push(member);
        self.members.last_mut()
    }

    /// The user as a member who is asked by a new session. None when there are too many.
    pub(super) fn ask(&mut self, user: &str, session: &str, world: &mut World) -> Option<()> {
        let known = |member: &Member| member.user.as_deref() == Some(user);
        match self.members.iter_mut().find(|member| known(member)) {
            Some(member) => member.ask(session),
            None => self.add(Member::asked(user, world))?.ask(session),
        }
        Some(())
    }

    /// Keeps a report of recorded screens.
    pub(super) fn keep_metadata(&mut self, report: Value) {
        if self.metadata.len() >= MAX_METADATA {
            self.metadata.remove(0);
        }
        self.metadata.push(report);
    }

    // Telling

    /// The conversation as notifications and `GET conversations/{id}` tell it.
    pub(super) fn body(&self) -> Value {
        let told = self.members.iter().filter(|member| member.presence != Presence::Asked);
        let participants: Vec<_> = told.map(|member| member.body(self.jid.as_str())).collect();
        json!({"id": self.conversation, "participants": participants})
    }

    /// Something changed: it is notified, now or later.
    pub(super) fn changed(&mut self, streams: &Streams, world: &mut World) {
        if !self.publishes {
            return;
        }
        if self.publish_delay.is_zero() {
            self.publish(streams, world);
        } else {
            self.tell_at.get_or_insert(world.base.now + self.publish_delay);
        }
    }

    /// Notifies everybody who is here or was.
    pub(super) fn publish(&self, streams: &Streams, world: &mut World) {
        let body = self.body();
        let told = |member: &&Member| member.presence != Presence::Asked;
        let mut users: Vec<_> =
            self.members.iter().filter(told).filter_map(|member| member.user.as_deref()).collect();
        users.sort_unstable();
        users.dedup();
        for user in users {
            streams.publish(&format!("v2.users.{user}.conversations"), &body, world);
            if self.guest_topic {
                let topic = format!("v2.guest.conversations.{}", self.conversation);
                streams.tell_guest(user, &topic, &body, world);
            }
        }
    }

    // Time

    pub(super) fn next_wake(&self) -> Option<Wake> {
        Some(Wake { at: self.tell_at?, reason: "a room is notified" })
    }

    pub(super) fn handle_timeout(&mut self, streams: &Streams, world: &mut World) {
        if self.tell_at.take_if(|at| *at <= world.base.now).is_some() {
            self.publish(streams, world);
        }
    }
}
