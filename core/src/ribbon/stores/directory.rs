//! The directory: what is asked for and answered (w5.4).

use super::{Stores, logged_in};
use crate::machine::CommandId;
use crate::ribbon::ask::{DirectoryAsk, StoreAsk};
use crate::ribbon::command::Command;
use crate::ribbon::error::{Error, UsersCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::users::{User, UserFilter, refused};
use crate::ribbon::wire::resources::directory::users;

/// The most bytes of users that one event tells.
const MAX_TOLD: usize = 64 * 1024;

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply_directory(id: CommandId, command: Command, out: &mut Outbox) {
        let (ask, filter) = match command {
            Command::FetchUser { user } => {
                (DirectoryAsk::Fetch, UserFilter::UserId(user.as_str().to_owned()))
            }
            Command::SearchUsers(filter) => (DirectoryAsk::Search, filter),
            _ => (DirectoryAsk::Fetch, UserFilter::UserId(out.user().as_str().to_owned())),
        };
        let resource = out.resources().directory(filter.criterion().unwrap_or_default());
        out.ask(id, StoreAsk::Directory(ask), resource);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan_directory(command: &Command, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::FetchUser { user } => {
                UserFilter::UserId(user.as_str().to_owned()).criterion()?;
            }
            Command::SearchUsers(filter) => {
                filter.criterion()?;
            }
            _ => {}
        }
        logged_in(out, UsersCode::Unknown)
    }

    pub(super) fn directory_answered(
        &mut self,
        ask: DirectoryAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let body = result.map_err(|fault| fault.error(refused))?;
        let mut found = users(request, &body)?.into_iter().filter_map(User::read);
        match ask {
            DirectoryAsk::Fetch => {
                let user = found.next();
                if let Some(user) = &user {
                    self.users.put(user.clone());
                    out.event(Event::UsersChanged { results: vec![user.clone()] });
                }
                Ok(Outcome::User(user))
            }
            DirectoryAsk::Search => {
                let found: Vec<_> = found.collect();
                for user in &found {
                    self.users.put(user.clone());
                }
                let mut bytes = 0;
                let told = found.iter().take_while(|user| {
                    bytes += user.size();
                    bytes <= MAX_TOLD
                });
                out.event(Event::DirectoryChanged { results: told.cloned().collect() });
                Ok(Outcome::Users(found))
            }
        }
    }
}
