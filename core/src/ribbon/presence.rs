//! Presence of users (w5.5).

use std::collections::BTreeMap;

use serde::Serialize;

use super::constants::{Activity, Status};
use super::error::{Error, PresenceCode};
use super::ids::UserId;
use super::wire::PresenceNews;

/// The most users that are known, and that are watched.
const MAX_USERS: usize = 1000;
/// The most users of one request.
pub(crate) const MAX_ASKED: usize = 100;
/// The longest note in bytes.
const MAX_NOTE: usize = 1024;

/// The presence of a user (RT-030).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Presence {
    /// The user.
    pub user_id: UserId,
    /// The user's reachability.
    pub status: Status,
    /// The user's activity.
    pub activity: Activity,
    /// A remark.
    pub note: Option<String>,
    /// True if the gateway was asked and has not told yet.
    pub loading: bool,
}

/// The user's own presence, as it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OwnPresence {
    /// The reachability.
    pub status: Status,
    /// The activity.
    pub activity: Activity,
    /// A remark.
    pub note: Option<String>,
}

impl OwnPresence {
    pub(crate) fn new(status: Status, activity: Activity, note: Option<String>) -> Self {
        Self { status, activity, note }
    }

    /// Finds a presence that cannot be set (RA-081).
    pub(crate) fn check(&self) -> Result<(), Error> {
        if matches!(self.status, Status::Other(_)) {
            return Err(Error::new(PresenceCode::InvalidStatus, "no status of presence"));
        }
        if matches!(self.activity, Activity::Other(_)) {
            return Err(Error::new(PresenceCode::InvalidActivity, "no activity of presence"));
        }
        if self.note.as_ref().is_some_and(|note| note.len() > MAX_NOTE) {
            return Err(Error::new(PresenceCode::InvalidParam, "a note of over 1 KiB"));
        }
        Ok(())
    }
}

impl Presence {
    fn unknown(user_id: UserId) -> Self {
        let (status, activity) = (Status::Closed, Activity::Unknown);
        Self { user_id, status, activity, note: None, loading: true }
    }
}

/// The watch on a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    No,
    Yes,
    /// The request to end it is on its way, and no other after it.
    Leaving,
    /// As before, and a new subscription left the user out meanwhile.
    PassedOver,
}

#[derive(Clone, Debug)]
struct Known {
    presence: Presence,
    watch: Watch,
    /// The order in which users came.
    number: u64,
}

/// The users whose presence is known: at most 1 000; of those that are not watched the oldest go first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presences {
    all: BTreeMap<UserId, Known>,
    came: u64,
    own: Option<OwnPresence>,
}

impl Presences {
    /// The presence of a user (RA-085).
    pub(crate) fn get(&self, user: &UserId) -> Option<&Presence> {
        self.all.get(user).map(|known| &known.presence)
    }

    /// The presence of all users that are known (RA-086).
    pub(crate) fn all(&self) -> impl Iterator<Item = &Presence> {
        self.all.values().map(|known| &known.presence)
    }

    /// The user's own presence, as it was set last (RA-087).
    pub(crate) fn own(&self) -> Option<&OwnPresence> {
        self.own.as_ref()
    }

    /// The user's own presence was set.
    pub(crate) fn set_own(&mut self, own: OwnPresence) {
        self.own = Some(own);
    }

    /// Finds users that cannot be asked for, or watched.
    ///
    /// # Errors
    ///
    /// [`PresenceCode::InvalidParam`]: none or over 100 at once, one without a name, or over 1 000 watched.
    pub(crate) fn check(&self, users: &[UserId], watch: bool) -> Result<(), Error> {
        let long = |user: &UserId| user.as_str().len() > crate::text_id::MAX_ID;
        let odd = |user: &UserId| user.as_str().is_empty() || long(user);
        if users.is_empty() || users.len() > MAX_ASKED || users.iter().any(odd) {
            return Err(Error::new(PresenceCode::InvalidParam, "not 1 to 100 users"));
        }
        if watch && self.watched().count() + self.not_watched(users).count() > MAX_USERS {
            return Err(Error::new(PresenceCode::InvalidParam, "over 1 000 users watched"));
        }
        Ok(())
    }

    /// Those of some users that are not watched.
    pub(crate) fn not_watched<'a>(&self, users: &'a [UserId]) -> impl Iterator<Item = &'a UserId> {
        users.iter().filter(|user| !self.is_watched(user))
    }

    /// Users are asked for, or watched from now on: those that [`Presences::check`] lets.
    pub(crate) fn ask(&mut self, users: &[UserId], watch: bool) {
        for user in users {
            self.came += 1;
            let number = self.came;
            let known = self.all.entry(user.clone()).or_insert_with(|| Known {
                presence: Presence::unknown(user.clone()),
                watch: Watch::No,
                number,
            });
            known.presence.loading = true;
            if watch {
                known.watch = Watch::Yes;
            }
        }
        self.forget();
    }

    /// Nobody answers for users.
    pub(crate) fn not_told(&mut self, users: &[UserId]) {
        for user in users {
            if let Some(known) = self.all.get_mut(user) {
                known.presence.loading = false;
            }
        }
    }

    /// Users are watched no longer. What is known of them stays.
    pub(crate) fn unwatch(&mut self, users: &[UserId]) {
        for user in users {
            if let Some(known) = self.all.get_mut(user) {
                known.watch = Watch::No;
            }
        }
    }

    /// Users are to be watched no longer, which the gateway has still to take.
    pub(crate) fn leave(&mut self, users: &[UserId]) {
        for user in users {
            if let Some(Known { watch: watch @ Watch::Yes, .. }) = self.all.get_mut(user) {
                *watch = Watch::Leaving;
            }
        }
    }

    /// The gateway took it: those that were not asked for again meanwhile are watched no longer.
    pub(crate) fn left(&mut self, users: &[UserId]) {
        for user in users {
            if let Some(known) = self.all.get_mut(user)
                && known.watch != Watch::Yes
            {
                known.watch = Watch::No;
            }
        }
    }

    /// The gateway did not take it: they are watched still. Those that a new subscription left out.
    pub(crate) fn stay(&mut self, users: &[UserId]) -> Vec<UserId> {
        let mut missing = Vec::new();
        for user in users {
            let Some(known) = self.all.get_mut(user) else { continue };
            match known.watch {
                Watch::No | Watch::Yes => continue,
                Watch::Leaving => {}
                Watch::PassedOver => missing.push(user.clone()),
            }
            known.watch = Watch::Yes;
        }
        missing
    }

    /// The users to be watched again after a new subscription: those that are watched and are to be.
    pub(crate) fn take_watched(&mut self) -> Vec<UserId> {
        let mut again = Vec::new();
        for (user, known) in &mut self.all {
            match known.watch {
                Watch::No | Watch::PassedOver => {}
                Watch::Yes => again.push(user.clone()),
                Watch::Leaving => known.watch = Watch::PassedOver,
            }
        }
        again
    }

    /// Those of some users who begin to be watched if they are asked for now.
    pub(crate) fn new_among(&self, users: &[UserId]) -> Vec<UserId> {
        let stands =
            |user: &&UserId| self.all.get(*user).is_some_and(|one| one.watch == Watch::Yes);
        users.iter().filter(|user| !stands(user)).cloned().collect()
    }

    /// The users that are watched.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &UserId> {
        self.all.iter().filter(|(_, known)| known.watch != Watch::No).map(|(user, _)| user)
    }

    /// The gateway told of a user. None where the user is not known, or nothing changed (RE-042). What it
    /// leaves out stays.
    pub(crate) fn told(&mut self, news: &PresenceNews<'_>) -> Option<&Presence> {
        let known = self.all.get_mut(&UserId::from(&*news.user))?;
        let before = known.presence.clone();
        let presence = &mut known.presence;
        presence.loading = false;
        if let Some(status) = &news.status {
            presence.status = Status::from(&**status);
        }
        if let Some(activity) = &news.activity {
            presence.activity = Activity::from(&**activity);
        }
        if let Some(note) = &news.note {
            presence.note = Some(crate::plain(note).into_owned());
        }
        (*presence != before).then_some(&known.presence)
    }

    fn is_watched(&self, user: &UserId) -> bool {
        self.all.get(user).is_some_and(|known| known.watch != Watch::No)
    }

    fn forget(&mut self) {
        while self.all.len() > MAX_USERS {
            let unwatched = self.all.iter().filter(|(_, known)| known.watch == Watch::No);
            let Some((user, _)) = unwatched.min_by_key(|(_, known)| known.number) else { return };
            let user = user.clone();
            self.all.remove(&user);
        }
    }
}
