//! Presence: what is asked for, answered and told (w5.5).

use super::Stores;
use super::logged_in;
use crate::machine::CommandId;
use crate::ribbon::ask::{Ask, PresenceAsk, StoreAsk};
use crate::ribbon::command::Command;
use crate::ribbon::error::{Error, PresenceCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::UserId;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::presence::{MAX_ASKED, OwnPresence};
use crate::ribbon::wire::PresenceNews;
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::wire::resources::presence::Watch;

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan_presence(&self, command: &Command, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::UpdatePresence { status, activity, note } => {
                OwnPresence::new(status.clone(), activity.clone(), note.clone()).check()?;
            }
            Command::FetchPresence { users } | Command::UnwatchPresence { users } => {
                self.presences.check(users, false)?;
            }
            Command::WatchPresence { users } => self.presences.check(users, true)?,
            _ => {}
        }
        logged_in(out, PresenceCode::InvalidRequest)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply_presence(&mut self, id: CommandId, command: Command, out: &mut Outbox) {
        let resources = out.resources();
        let (ask, resource) = match command {
            Command::UpdatePresence { status, activity, note } => {
                let resource = resources.set_presence(&status, &activity, note.as_deref());
                (PresenceAsk::Own(Box::new(OwnPresence::new(status, activity, note))), resource)
            }
            Command::FetchPresence { users } => {
                self.presences.ask(&users, false);
                let resource = resources.watch_presence(&users, Watch::Get);
                (PresenceAsk::Get(users), resource)
            }
            Command::WatchPresence { users } => {
                let new = self.presences.new_among(&users);
                self.presences.ask(&users, true);
                let resource = resources.watch_presence(&users, Watch::Start);
                (PresenceAsk::Watch(users, new), resource)
            }
            Command::UnwatchPresence { users } => {
                self.presences.leave(&users);
                let resource = resources.watch_presence(&users, Watch::Stop);
                (PresenceAsk::Unwatch(users), resource)
            }
            _ => return,
        };
        out.ask(id, StoreAsk::Presence(ask), resource);
    }

    pub(super) fn presence_answered(
        &mut self,
        ask: PresenceAsk,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let result = result.map(drop).map_err(|fault| fault.error(refused));
        match (ask, &result) {
            (PresenceAsk::Own(own), Ok(())) => {
                self.presences.set_own(*own);
                out.event(Event::OwnPresenceChanged);
            }
            (PresenceAsk::Watch(users, _), Ok(())) => out.event(Event::PresenceWatched { users }),
            (PresenceAsk::Unwatch(users), Ok(())) => {
                self.presences.left(&users);
                out.event(Event::PresenceUnwatched { users });
            }
            (PresenceAsk::Unwatch(users), Err(_)) => {
                let missing = self.presences.stay(&users);
                self.watch_these_again(&missing, out);
            }
            (PresenceAsk::Watch(users, new), Err(_)) => {
                self.presences.not_told(&users);
                self.presences.unwatch(&new);
            }
            (PresenceAsk::Get(users), Err(_)) => self.presences.not_told(&users),
            (PresenceAsk::Again(users), Err(error)) => {
                self.presences.not_told(&users);
                out.event(Event::PresenceFailed { error: error.clone() });
            }
            (PresenceAsk::Get(_) | PresenceAsk::Again(_), Ok(()))
            | (PresenceAsk::Own(_), Err(_)) => {}
        }
        result.map(|()| Outcome::Done)
    }

    pub(super) fn presence_told(&mut self, news: &PresenceNews<'_>, out: &mut Outbox) {
        if let Some(presence) = self.presences.told(news) {
            out.event(Event::PresenceChanged { presence: presence.clone() });
        }
    }

    /// Watches users again, under a new subscription.
    pub(super) fn watch_again(&mut self, out: &mut Outbox) {
        let users = self.presences.take_watched();
        self.watch_these_again(&users, out);
    }

    fn watch_these_again(&mut self, users: &[UserId], out: &mut Outbox) {
        for some in users.chunks(MAX_ASKED) {
            self.presences.ask(some, true);
            let resource = out.resources().watch_presence(some, Watch::Start);
            let ask = StoreAsk::Presence(PresenceAsk::Again(some.to_vec()));
            out.rest(Ask::Store(None, ask), resource);
        }
    }
}

fn refused(refusal: &Refused) -> Error {
    refusal.error(PresenceCode::InvalidRequest, "the request for presence is refused")
}
