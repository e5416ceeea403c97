//! Commands that are not answered yet: each is answered exactly once, within its limit.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{CommandId, Wake};

/// Commands that are not answered yet.
#[derive(Debug)]
pub(crate) struct Commands<S> {
    /// The open commands, each with the time by which it must be answered, if there is one, and
    /// with what it is about.
    open: BTreeMap<CommandId, (Option<Instant>, S)>,
}

impl<S> Default for Commands<S> {
    fn default() -> Self {
        Self { open: BTreeMap::new() }
    }
}

impl<S> Commands<S> {
    /// Opens a command, which is under way now.
    pub(crate) fn open(&mut self, command: CommandId, deadline: Option<Instant>, subject: S) {
        self.open.insert(command, (deadline, subject));
    }

    /// Answers a command: returns what it is about, the first time.
    pub(crate) fn close(&mut self, command: CommandId) -> Option<S> {
        self.open.remove(&command).map(|(_, subject)| subject)
    }

    pub(crate) fn is_open(&self, command: CommandId) -> bool {
        self.open.contains_key(&command)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// All but one, the oldest first.
    pub(crate) fn others(&self, command: CommandId) -> Vec<CommandId> {
        self.open.keys().copied().filter(|id| *id != command).collect()
    }

    /// A command whose time is up. It is still open.
    pub(crate) fn overdue(&self, now: Instant) -> Option<CommandId> {
        let is_over = |deadline: &Option<Instant>| deadline.is_some_and(|at| at <= now);
        self.open.iter().find(|(_, (deadline, _))| is_over(deadline)).map(|(command, _)| *command)
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let at = self.open.values().filter_map(|(deadline, _)| *deadline).min()?;
        Some(Wake { at, reason: "command limit" })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_command_is_answered_once_and_told_when_its_time_is_up() {
        let now = crate::testing::epoch();
        let mut commands = Commands::default();
        commands.open(CommandId(1), None, "one");
        commands.open(CommandId(2), Some(now + Duration::from_secs(30)), "two");
        assert_eq!(commands.next_wake().unwrap().at, now + Duration::from_secs(30));
        assert_eq!(commands.overdue(now), None);
        assert_eq!(commands.overdue(now + Duration::from_secs(30)), Some(CommandId(2)));
        assert_eq!(commands.others(CommandId(2)), [CommandId(1)]);
        assert_eq!(commands.close(CommandId(2)), Some("two"));
        assert_eq!(commands.close(CommandId(2)), None);
        assert_eq!((commands.len(), commands.next_wake()), (1, None));
    }
}
