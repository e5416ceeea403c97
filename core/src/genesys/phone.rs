//! The phone's keys: one surface for every runtime.

use std::time::Duration;

use super::command::{Command, Dial, Dialled, Outcome, TopicAnswer};
use super::config::IceServersPolicy;
use super::control::CallControl;
use super::ids::{ConversationId, SessionId};
use crate::Secret;
use crate::jingle::Reason;
use crate::media::{Digit, IceServer};

/// The keys of a phone, whichever runtime carries it.
///
/// A runtime implements [`Phone::request`] and says what a reply is (a future); the keys come
/// from here, so that all runtimes have the same ones. See [`Command`] for what each does.
pub trait Phone {
    /// The answer to a command, sooner or later: `Result<T, Error>`.
    type Reply<T: TryFrom<Outcome, Error = Outcome>>;

    /// Submits a command.
    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Self::Reply<T>;

    /// [`Command::Connect`]
    fn connect(&self) -> Self::Reply<()> {
        self.request(Command::Connect)
    }

    /// [`Command::Disconnect`]
    fn disconnect(&self) -> Self::Reply<()> {
        self.request(Command::Disconnect)
    }

    /// [`Command::AcceptPendingSession`]
    fn accept_pending(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::AcceptPendingSession { conversation: conversation.into() })
    }

    /// [`Command::RejectPendingSession`]
    fn reject_pending(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::RejectPendingSession { conversation: conversation.into() })
    }

    /// [`Command::AcceptSession`]
    fn accept_session(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::AcceptSession { conversation: conversation.into() })
    }

    /// [`Command::EndSession`]
    fn end(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::EndSession { conversation: conversation.into() })
    }

    /// [`Command::ForceTerminateSession`]
    fn force_terminate(&self, session: impl Into<SessionId>, reason: Reason) -> Self::Reply<()> {
        self.request(Command::ForceTerminateSession { session: session.into(), reason })
    }

    /// [`Command::SetAudioMute`]
    fn set_muted(&self, conversation: impl Into<ConversationId>, muted: bool) -> Self::Reply<()> {
        self.request(Command::SetAudioMute { conversation: conversation.into(), muted })
    }

    /// [`Command::SetConversationHeld`]
    fn set_held(&self, conversation: impl Into<ConversationId>, held: bool) -> Self::Reply<()> {
        self.request(Command::SetConversationHeld { conversation: conversation.into(), held })
    }

    /// [`Command::SendDtmf`]
    fn send_dtmf(
        &self,
        conversation: impl Into<ConversationId>,
        digits: Vec<Digit>,
        duration: Duration,
    ) -> Self::Reply<()> {
        self.request(Command::SendDtmf { conversation: conversation.into(), digits, duration })
    }

    /// [`Command::ControlCall`]
    fn control(
        &self,
        conversation: impl Into<ConversationId>,
        control: CallControl,
    ) -> Self::Reply<()> {
        self.request(Command::ControlCall { conversation: conversation.into(), control })
    }

    /// [`Command::StartSoftphoneSession`]
    fn dial(&self, dial: Dial) -> Self::Reply<Dialled> {
        self.request(Command::StartSoftphoneSession(dial))
    }

    /// [`Command::Subscribe`]
    fn subscribe(&self, topic: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::Subscribe { topic: topic.into() })
    }

    /// [`Command::SubscribeAll`]
    fn subscribe_all(
        &self,
        topics: impl IntoIterator<Item = impl Into<String>>,
        priority: i32,
    ) -> Self::Reply<Vec<TopicAnswer>> {
        let topics = topics.into_iter().map(Into::into).collect();
        self.request(Command::SubscribeAll { topics, priority })
    }

    /// [`Command::Unsubscribe`]
    fn unsubscribe(&self, topic: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::Unsubscribe { topic: topic.into() })
    }

    /// [`Command::SetAccessToken`]
    fn set_access_token(&self, token: impl Into<Secret>) -> Self::Reply<()> {
        self.request(Command::SetAccessToken(token.into()))
    }

    /// [`Command::SetIceServers`]
    fn set_ice_servers(
        &self,
        servers: Vec<IceServer>,
        policy: IceServersPolicy,
    ) -> Self::Reply<()> {
        self.request(Command::SetIceServers { servers, policy })
    }

    /// [`Command::NetworkChanged`]
    fn network_changed(&self) -> Self::Reply<()> {
        self.request(Command::NetworkChanged)
    }

    /// [`Command::WentOffline`]
    fn went_offline(&self) -> Self::Reply<()> {
        self.request(Command::WentOffline)
    }

    /// [`Command::ClaimAlertingLeader`]
    fn claim_alerting_leader(&self) -> Self::Reply<()> {
        self.request(Command::ClaimAlertingLeader)
    }

    /// [`Command::Destroy`]
    fn destroy(&self) -> Self::Reply<()> {
        self.request(Command::Destroy)
    }
}
