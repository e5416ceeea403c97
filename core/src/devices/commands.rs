//! Commands that are not answered yet: each is, once.

use std::collections::BTreeMap;

use super::effect::CommandId;
use super::error::Failure;

/// The sessions that a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breadth {
    /// The one that it names.
    One,
    /// All that are live: that one of them ends, or sends this no more, is no failure.
    All,
}

/// A command that is under way.
#[derive(Debug)]
struct Pending {
    breadth: Breadth,
    /// True if it is about the size of pictures.
    sizes: bool,
    /// The parts that are not done.
    left: usize,
    failure: Option<Failure>,
}

/// The commands that are under way.
#[derive(Debug, Default)]
pub(super) struct Commands {
    pending: BTreeMap<CommandId, Pending>,
    last: u64,
}

impl Commands {
    /// The most commands that are under way at once.
    pub(super) const MAX_COMMANDS: usize = 64;

    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= Self::MAX_COMMANDS
    }

    /// The name of a new command.
    pub(super) fn name(&mut self) -> CommandId {
        self.last += 1;
        CommandId(self.last)
    }

    /// Opens a command of so many parts, of which there is one at least.
    pub(super) fn open(&mut self, command: CommandId, parts: usize, breadth: Breadth, sizes: bool) {
        let pending = Pending { breadth, sizes, left: parts, failure: None };
        self.pending.insert(command, pending);
    }

    /// Takes the result of a part; returns that of the whole, once the last part is done.
    pub(super) fn done(
        &mut self,
        command: CommandId,
        result: Result<(), Failure>,
    ) -> Option<Result<(), Failure>> {
        let pending = self.pending.get_mut(&command)?;
        let failure = result.err().filter(|failure| match (failure, pending.breadth) {
            (Failure::SessionEnded | Failure::NotSent, Breadth::All) => false,
            (Failure::SessionEnded | Failure::NotSent, Breadth::One)
            | (Failure::Open(_) | Failure::Superseded | Failure::Ended, _) => true,
        });
        pending.failure = pending.failure.or(failure);
        pending.left = pending.left.saturating_sub(1);
        if pending.left > 0 {
            return None;
        }
        self.pending.remove(&command).map(|pending| pending.failure.map_or(Ok(()), Err))
    }

    /// True if one of these is about the size of pictures.
    pub(super) fn size(&self, commands: &[CommandId]) -> bool {
        commands.iter().any(|command| self.pending.get(command).is_some_and(|open| open.sizes))
    }
}
