//! Presence: who asked for whose, and whether it is told to them alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::ribbon::{Client, Command, UserId};
use serde_json::Value;

use crate::world::PhoneId;

/// The time for which what was on its way may still come, or waited at the gateway for a socket.
const GRACE: Duration = Duration::from_secs(60);

/// Requests on their way about a user.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Those that end a watch.
    leave: usize,
    /// True if a watch began and another ended at once: nobody knows which was last.
    unclear: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Presences {
    /// Those whom a phone ever asked for.
    known: BTreeSet<(PhoneId, String)>,
    /// Those whom a phone watches.
    watched: BTreeSet<(PhoneId, String)>,
    /// Users whom a user watches no longer, and since when.
    left: BTreeMap<(String, String), Duration>,
    open: BTreeMap<(String, String), Open>,
}

/// The users that a command asks about.
fn asked(command: &Command) -> BTreeSet<&str> {
    let users: &[UserId] = match command {
        Command::FetchPresence { users }
        | Command::WatchPresence { users }
        | Command::UnwatchPresence { users } => users,
        _ => &[],
    };
    users.iter().map(UserId::as_str).collect()
}

impl Presences {
    pub(super) fn submitted(
        &mut self,
        phone: PhoneId,
        users: &BTreeMap<PhoneId, String>,
        command: &Command,
    ) {
        let leaves = matches!(command, Command::UnwatchPresence { .. });
        let watches = matches!(command, Command::WatchPresence { .. });
        let Some(user) = users.get(&phone) else { return };
        for about in asked(command) {
            if !leaves {
                self.known.insert((phone, about.to_owned()));
            }
            let key = (user.clone(), about.to_owned());
            if leaves {
                // What one phone of a user leaves, the gateway tells to none of them.
                self.watched.retain(|(phone, of)| of != about || users.get(phone) != Some(user));
            }
            if watches {
                self.left.remove(&key);
            }
            let open = self.open.entry(key).or_default();
            open.unclear = open.all > 0 && (open.unclear || leaves || open.leave > 0);
            open.all += 1;
            open.leave += usize::from(leaves);
        }
    }

    pub(super) fn completed(
        &mut self,
        at: Duration,
        phone: PhoneId,
        user: &str,
        command: &Command,
        ok: bool,
    ) {
        let leaves = matches!(command, Command::UnwatchPresence { .. });
        let watches = matches!(command, Command::WatchPresence { .. });
        for about in asked(command) {
            let key = (user.to_owned(), about.to_owned());
            let open = self.open.entry(key.clone()).or_default();
            open.all = open.all.saturating_sub(1);
            open.leave = open.leave.saturating_sub(usize::from(leaves));
            if leaves && ok && !open.unclear {
                self.left.insert(key, at);
            } else if watches && ok && !open.unclear {
                self.watched.insert((phone, about.to_owned()));
            } else if let Some(since) = self.left.get_mut(&key) {
                *since = at;
            }
        }
    }

    pub(super) fn watches(&self, phone: PhoneId, of: &str) -> bool {
        self.watched.contains(&(phone, of.to_owned()))
    }

    /// No. 28: presence is told of those who were asked for, and not of those who are watched no longer. What
    /// another phone of the user watches is told to all of them, so this is for those with one.
    pub(super) fn shown(
        &self,
        at: Duration,
        phone: PhoneId,
        (user, of): (&str, &str),
        opened: Duration,
        alone: bool,
    ) -> Result<(), String> {
        if !self.known.contains(&(phone, of.to_owned())) {
            return Err(format!("phone {} never asked for {of}", phone.0));
        }
        let key = (user.to_owned(), of.to_owned());
        let asks = self.open.get(&key).is_some_and(|open| open.all > 0);
        match self.left.get(&key) {
            Some(since) if alone && !asks && at > (*since).max(opened) + GRACE => {
                Err(format!("phone {} watches {of} no longer since {since:?}", phone.0))
            }
            _ => Ok(()),
        }
    }
}

/// No. 28: a client that watches somebody knows how they stand. A note that is left out stays (w5.5), so notes are
/// not compared.
pub(super) fn agree(client: &Client, of: &str, stands: &Value) -> Result<(), String> {
    let known = client.presence(&UserId::from(of));
    let shown = known.map(|known| (known.status.as_str(), known.activity.as_str()));
    let there = stands["status"].as_str().zip(stands["activity"].as_str());
    match shown == there {
        true => Ok(()),
        false => Err(format!("{of} is {there:?}, and shown as {shown:?}")),
    }
}

/// No. 28: a client that has just told how its user is knows it.
pub(super) fn own(client: &Client, user: &str, stands: &Value) -> Result<(), String> {
    let own = client.own_presence();
    let shown = own.map(|own| (own.status.as_str(), own.activity.as_str()));
    let there = stands["status"].as_str().zip(stands["activity"].as_str());
    let busy = there.is_some_and(|(_, activity)| activity == "on-the-phone");
    match busy || shown == there {
        true => Ok(()),
        false => Err(format!("{user} is {there:?}, and takes itself for {shown:?}")),
    }
}
