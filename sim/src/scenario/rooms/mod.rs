//! Rooms of a day: what agents do in them, and what must hold there. What the service does with them
//! is among the errands of the day.

mod attendee;
mod ends;
mod monitored;
mod people;
mod recorded;
mod rule;
mod stays;
mod tracks;
mod unseen;
mod watch;
mod words;

use std::time::Duration;

pub(super) use self::attendee::Attendee;
pub(super) use self::watch::Watch;

/// Between two meetings that one agent begins or joins, where rooms are all that there is.
pub(super) const MEETS: Duration = Duration::from_secs(240);
/// Between two rooms that the service opens for one agent, where rooms are all that there is.
pub(super) const OPENS: Duration = Duration::from_secs(300);
/// Between two things that happen in the rooms of one agent, where rooms are all that there is.
pub(super) const STIRS: Duration = Duration::from_secs(60);

/// The address of the room of that name.
pub(super) fn address(name: &str) -> String {
    format!("{name}@conference.lab-org.orgspan.lab.test")
}

/// The bare address of a user.
pub(super) fn address_of(user: &str) -> String {
    format!("{user}@lab-org.orgspan.lab.test")
}
