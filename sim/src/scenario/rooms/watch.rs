//! Everything that must hold in rooms, looked at together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::genesys::{ConversationId, Event};

use super::ends::Ends;
use super::monitored::Monitored;
use super::people::People;
use super::recorded::Recorded;
use super::rule::Rule;
use super::stays::Stays;
use super::tracks::Tracks;
use super::unseen::Unseen;
use super::words::Words;
use crate::world::{PhoneId, Seen};

/// The numbers of things seen.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    entered: u64,
    left: u64,
    people: u64,
    words: u64,
}

impl Tally {
    fn told(&mut self, event: &Event) {
        match event {
            Event::SessionStarted(session) if session.session_type.is_room() => self.entered += 1,
            Event::SessionEnded { session, .. } if session.session_type.is_room() => self.left += 1,
            Event::ParticipantsUpdate(_) => self.people += 1,
            Event::RoomMessage { .. } => self.words += 1,
            _ => {}
        }
    }
}

/// A violation: of what, and how.
pub(in crate::scenario) type Violation = (&'static str, String);

/// Everything that must hold in rooms. See the [module](self).
#[derive(Debug, Default)]
pub(in crate::scenario) struct Watch {
    stays: BTreeMap<PhoneId, Stays>,
    ends: Ends,
    tracks: Tracks,
    recorded: Recorded,
    monitored: Monitored,
    unseen: Unseen,
    words: Words,
    tally: Tally,
    pub(in crate::scenario) people: People,
}

impl Watch {
    /// Looks at what happened.
    pub(in crate::scenario) fn see(
        &mut self,
        _: Duration,
        seen: Seen<'_>,
    ) -> Result<(), Violation> {
        if let Seen::RoomSaw { frame, .. } = seen {
            return self.unseen.room_saw(frame).map_err(|what| (Unseen::NAME, what));
        }
        let (Seen::Told { phone, .. }
        | Seen::Submitted { phone, .. }
        | Seen::Completed { phone, .. }
        | Seen::AgentSent { phone, .. }
        | Seen::Given { phone, .. }
        | Seen::Wanted { phone, .. }) = seen
        else {
            return Ok(());
        };
        let stays = self.stays.entry(phone).or_default();
        fn rule<R: Rule>(
            rule: &mut R,
            (phone, seen): (PhoneId, Seen<'_>),
            stays: &Stays,
        ) -> Result<(), Violation> {
            let holds = rule.see(phone, seen, stays);
            holds.map_err(|what| (R::NAME, format!("phone {}: {what}", phone.0)))
        }
        if let Seen::Completed { id, result, .. } = seen {
            stays.completed(id, result.is_ok());
        }
        if let Seen::Submitted { id, command, .. } = seen {
            stays.submitted(id, command);
        }
        if let Seen::Told { event, .. } = seen {
            self.tally.told(event);
        }
        if let Seen::Told { event, .. } = seen
            && !stays.told(event)
        {
            return Err((Ends::NAME, format!("phone {}: not so: {event:?}", phone.0)));
        }
        let what = (phone, seen);
        rule(&mut self.ends, what, stays)?;
        rule(&mut self.tracks, what, stays)?;
        rule(&mut self.recorded, what, stays)?;
        rule(&mut self.monitored, what, stays)?;
        rule(&mut self.unseen, what, stays)?;
        rule(&mut self.words, what, stays)?;
        rule(&mut self.people, what, stays)
    }

    /// The screens of a user are to be monitored in that conversation, of which its application is
    /// not to hear.
    pub(in crate::scenario) fn monitors(&mut self, conversation: &str) {
        self.monitored.conversations.insert(conversation.into());
    }

    /// Counts of what was seen.
    pub(in crate::scenario) fn counts(&self) -> [(&'static str, u64); 7] {
        let Tally { entered, left, people, words } = self.tally;
        let (seen, hidden) = self.unseen.counts();
        [
            ("rooms entered", entered),
            ("rooms left", left),
            ("people told of", people),
            ("words told", words),
            ("pictures seen by rooms", seen),
            ("pictures hidden", hidden),
            ("screens told", self.recorded.told()),
        ]
    }

    /// The conversations of the rooms that a phone is in.
    pub(in crate::scenario) fn rooms(&self, phone: PhoneId) -> BTreeSet<&ConversationId> {
        let stays = self.stays.get(&phone).into_iter().flat_map(Stays::iter);
        stays.map(|(_, stay)| &stay.conversation).collect()
    }

    /// True if a phone is in a meeting of that conversation, and has answered it.
    pub(in crate::scenario) fn is_joined(
        &self,
        phone: PhoneId,
        conversation: &ConversationId,
    ) -> bool {
        let stays = self.stays.get(&phone).into_iter().flat_map(Stays::iter);
        let mut of = stays.filter(|(_, stay)| stay.conversation == *conversation);
        of.any(|(_, stay)| stay.answered)
    }

    /// Checks that nothing of any room is left.
    pub(in crate::scenario) fn at_rest(&self) -> Result<(), Violation> {
        for (phone, stays) in &self.stays {
            if let Some((session, _)) = stays.iter().next() {
                return Err((Ends::NAME, format!("phone {}: {session} never ends", phone.0)));
            }
        }
        self.recorded.at_rest().map_err(|what| (Recorded::NAME, what))
    }
}
