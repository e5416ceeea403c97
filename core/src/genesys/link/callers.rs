//! Commands that wait for the connection to be up, or down.

use crate::genesys::command::Outcome;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::outbox::Outbox;
use crate::machine::CommandId;

/// Commands of a kind that wait at a time.
const MAX_WAITING: usize = 16;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Callers {
    connecting: Vec<CommandId>,
    disconnecting: Vec<CommandId>,
}

impl Callers {
    pub(super) fn may_connect(&self) -> Result<(), Error> {
        room(&self.connecting, "too many connects waiting")
    }

    pub(super) fn may_disconnect(&self) -> Result<(), Error> {
        room(&self.disconnecting, "too many disconnects waiting")
    }

    pub(super) fn connect(&mut self, command: CommandId) {
        self.connecting.push(command);
    }

    pub(super) fn disconnect(&mut self, command: CommandId) {
        self.disconnecting.push(command);
    }

    /// Whether it is a `Connect` that is not answered.
    pub(super) fn is_connecting(&self, command: CommandId) -> bool {
        self.connecting.contains(&command)
    }

    /// Whether anybody waits for the connection to be up.
    pub(super) fn want_connection(&self) -> bool {
        !self.connecting.is_empty()
    }

    /// Whether several wait for it.
    pub(super) fn are_several(&self) -> bool {
        self.connecting.len() > 1
    }

    /// The connection is up and ready.
    pub(super) fn connected(&mut self, out: &mut Outbox) {
        for command in std::mem::take(&mut self.connecting) {
            out.complete(command, Ok(Outcome::Done));
        }
    }

    /// It will not be, for one or for all.
    pub(super) fn refuse(&mut self, command: CommandId, why: Error, out: &mut Outbox) {
        self.connecting.retain(|waiting| *waiting != command);
        out.complete(command, Err(why));
    }

    pub(super) fn refuse_all(&mut self, why: &Error, out: &mut Outbox) {
        for command in std::mem::take(&mut self.connecting) {
            out.complete(command, Err(why.clone()));
        }
    }

    /// The connection is down.
    pub(super) fn disconnected(&mut self, out: &mut Outbox) {
        for command in std::mem::take(&mut self.disconnecting) {
            out.complete(command, Ok(Outcome::Done));
        }
    }

    /// They are answered by others.
    pub(super) fn forget(&mut self) {
        self.connecting.clear();
        self.disconnecting.clear();
    }
}

fn room(waiting: &[CommandId], full: &str) -> Result<(), Error> {
    if waiting.len() < MAX_WAITING { Ok(()) } else { Err(Error::new(ErrorKind::Limit, full)) }
}
