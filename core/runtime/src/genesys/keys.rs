//! The phone's keys as futures.

use offhook::genesys::{self, Command, Outcome, Phone};

use crate::handle::Handle;
use crate::reply::Reply;

/// The keys of a phone, for whoever presses them: the application, or one of its calls.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) handle: Handle<genesys::Client>,
    /// True if sessions are accepted without asking.
    pub(super) connects_sessions: bool,
}

impl Phone for Keys {
    type Reply<T: TryFrom<Outcome, Error = Outcome>> = Reply<genesys::Client, T>;

    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Self::Reply<T> {
        Reply::new(self.handle.submit(command))
    }
}
