//! A phone: the client whose keys are those of [`Phone`], and its calls.

use std::future::Future;

use futures_util::FutureExt as _;
use offhook::genesys::{
    self, Command, ConversationId, Counters, Dial, Dialled, Error, Outcome, Phone,
};

use super::call::{Call, Calls};
use super::keys::Keys;
use crate::client::Client;
use crate::reply::Reply;
use crate::runtime::Runtime;

impl<R: Runtime> Client<R, genesys::Client> {
    /// Its calls: those that there are, and each that comes.
    #[must_use]
    pub fn calls(&self) -> Calls<R> {
        Calls::new(self.desk.book.calls(), self.keys())
    }

    /// Counters of its events since its start, and of the events that its subscribers lost.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.desk.book.counters().events_lost(self.handle.events_lost())
    }

    /// The call of a conversation, unless it is over.
    #[must_use]
    pub fn find_call(&self, conversation: &ConversationId) -> Option<Call<R>> {
        Some(Call::new(self.desk.book.find(conversation)?, self.keys()))
    }

    /// Dials, at once, and gives the call when the service took it. [`Calls`] have it, too.
    ///
    /// # Errors
    ///
    /// See [`Command::StartSoftphoneSession`].
    pub fn place_call(
        &self,
        dial: Dial,
    ) -> impl Future<Output = Result<Call<R>, Error>> + Send + use<R> {
        // It may be over when the answer is read: this remembers it.
        let mut calls = self.calls();
        let reply = self.dial(dial);
        async move {
            let Dialled { conversation, .. } = reply.await?;
            while let Some(Some(call)) = calls.next().now_or_never() {
                if *call.conversation() == conversation {
                    return Ok(call);
                }
            }
            Err(Error::closed())
        }
    }

    fn keys(&self) -> Keys {
        Keys { handle: self.handle.clone(), connects_sessions: self.desk.connects_sessions }
    }
}

impl<R> Phone for Client<R, genesys::Client> {
    type Reply<T: TryFrom<Outcome, Error = Outcome>> = Reply<genesys::Client, T>;

    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Self::Reply<T> {
        self.submit(command)
    }
}
