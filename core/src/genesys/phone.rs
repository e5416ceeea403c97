//! The phone's keys: one surface for every runtime.

use std::time::Duration;

use super::command::{Command, Dial, Dialled, Outcome, TopicAnswer};
use super::config::IceServersPolicy;
use super::control::CallControl;
use super::ids::{ConversationId, ParticipantId, PresenceId, SessionId};
use super::presence::{PresenceDefinition, UserPresence};
use super::rooms::RoomMedia;
use super::voicemail::Voicemail;
use crate::Secret;
use crate::jingle::Reason;
use crate::machine::TrackId;
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

    /// Logs in and stays connected ([`Command::Connect`]).
    fn connect(&self) -> Self::Reply<()> {
        self.request(Command::Connect)
    }

    /// Logs out ([`Command::Disconnect`]).
    fn disconnect(&self) -> Self::Reply<()> {
        self.request(Command::Disconnect)
    }

    /// Answers a ringing call ([`Command::AcceptPendingSession`]).
    fn accept_pending(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::AcceptPendingSession { conversation: conversation.into() })
    }

    /// Declines a ringing call ([`Command::RejectPendingSession`]).
    fn reject_pending(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::RejectPendingSession { conversation: conversation.into() })
    }

    /// Answers the media offer of a started session ([`Command::AcceptSession`]).
    fn accept_session(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::AcceptSession { conversation: conversation.into() })
    }

    /// Hangs up ([`Command::EndSession`]).
    fn end(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::EndSession { conversation: conversation.into() })
    }

    /// Ends a media session itself ([`Command::ForceTerminateSession`]).
    fn force_terminate(&self, session: impl Into<SessionId>, reason: Reason) -> Self::Reply<()> {
        self.request(Command::ForceTerminateSession { session: session.into(), reason })
    }

    /// Mutes or unmutes ([`Command::SetAudioMute`]).
    fn set_muted(&self, conversation: impl Into<ConversationId>, muted: bool) -> Self::Reply<()> {
        self.request(Command::SetAudioMute { conversation: conversation.into(), muted })
    }

    /// Holds or resumes ([`Command::SetConversationHeld`]).
    fn set_held(&self, conversation: impl Into<ConversationId>, held: bool) -> Self::Reply<()> {
        self.request(Command::SetConversationHeld { conversation: conversation.into(), held })
    }

    /// Sends keys in the audio ([`Command::SendDtmf`]).
    fn send_dtmf(
        &self,
        conversation: impl Into<ConversationId>,
        digits: Vec<Digit>,
        duration: Duration,
    ) -> Self::Reply<()> {
        self.request(Command::SendDtmf { conversation: conversation.into(), digits, duration })
    }

    /// Does something else with a call ([`Command::ControlCall`]).
    fn control(
        &self,
        conversation: impl Into<ConversationId>,
        control: CallControl,
    ) -> Self::Reply<()> {
        self.request(Command::ControlCall { conversation: conversation.into(), control })
    }

    /// Answers the offer of a room's session ([`Command::AcceptRoom`]).
    fn accept_room(
        &self,
        conversation: impl Into<ConversationId>,
        media: RoomMedia,
    ) -> Self::Reply<()> {
        self.request(Command::AcceptRoom { conversation: conversation.into(), media })
    }

    /// Stops or resumes sending pictures to a room ([`Command::SetVideoMute`]).
    fn set_video_muted(
        &self,
        conversation: impl Into<ConversationId>,
        muted: bool,
    ) -> Self::Reply<()> {
        self.request(Command::SetVideoMute { conversation: conversation.into(), muted })
    }

    /// Begins a meeting in a room, or invites another user to it
    /// ([`Command::StartVideoConference`]).
    fn start_video_conference(
        &self,
        room: impl Into<String>,
        invitee: Option<String>,
    ) -> Self::Reply<ConversationId> {
        self.request(Command::StartVideoConference { room: room.into(), invitee })
    }

    /// Joins a meeting ([`Command::StartVideoMeeting`]).
    fn start_video_meeting(&self, meeting: impl Into<String>) -> Self::Reply<ConversationId> {
        self.request(Command::StartVideoMeeting { meeting: meeting.into() })
    }

    /// Tells a meeting that a screen is shown ([`Command::StartScreenShare`]).
    fn start_screen_share(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::StartScreenShare { conversation: conversation.into() })
    }

    /// Tells a meeting that no screen is shown any more ([`Command::StopScreenShare`]).
    fn stop_screen_share(&self, conversation: impl Into<ConversationId>) -> Self::Reply<()> {
        self.request(Command::StopScreenShare { conversation: conversation.into() })
    }

    /// Shows a guest's screen ([`Command::StartGuestShare`]).
    fn start_guest_share(&self) -> Self::Reply<()> {
        self.request(Command::StartGuestShare)
    }

    /// Has the service send this participant's pictures ([`Command::PinParticipant`]).
    fn pin_participant(
        &self,
        conversation: impl Into<ConversationId>,
        participant: Option<ParticipantId>,
    ) -> Self::Reply<()> {
        self.request(Command::PinParticipant { conversation: conversation.into(), participant })
    }

    /// Asks for a picture that needs no other ([`Command::RequestKeyframe`]).
    fn request_keyframe(&self, track: TrackId) -> Self::Reply<()> {
        self.request(Command::RequestKeyframe { track })
    }

    /// Asks for fewer bits a second ([`Command::LimitBitrate`]).
    fn limit_bitrate(&self, track: TrackId, limit: Option<u64>) -> Self::Reply<()> {
        self.request(Command::LimitBitrate { track, limit })
    }

    /// Places a call ([`Command::StartSoftphoneSession`]).
    fn dial(&self, dial: Dial) -> Self::Reply<Dialled> {
        self.request(Command::StartSoftphoneSession(dial))
    }

    /// Receives a topic's notifications from now on ([`Command::Subscribe`]).
    fn subscribe(&self, topic: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::Subscribe { topic: topic.into() })
    }

    /// Receives the notifications of many topics from now on ([`Command::SubscribeAll`]).
    fn subscribe_all(
        &self,
        topics: impl IntoIterator<Item = impl Into<String>>,
        priority: i32,
    ) -> Self::Reply<Vec<TopicAnswer>> {
        let topics = topics.into_iter().map(Into::into).collect();
        self.request(Command::SubscribeAll { topics, priority })
    }

    /// Stops receiving a topic ([`Command::Unsubscribe`]).
    fn unsubscribe(&self, topic: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::Unsubscribe { topic: topic.into() })
    }

    /// Uses another access token or JWT from now on ([`Command::SetAccessToken`]).
    fn set_access_token(&self, token: impl Into<Secret>) -> Self::Reply<()> {
        self.request(Command::SetAccessToken(token.into()))
    }

    /// Uses these ICE servers of the application's own from now on ([`Command::SetIceServers`]).
    fn set_ice_servers(
        &self,
        servers: Vec<IceServer>,
        policy: IceServersPolicy,
    ) -> Self::Reply<()> {
        self.request(Command::SetIceServers { servers, policy })
    }

    /// Tells that the network is another one, or is back ([`Command::NetworkChanged`]).
    fn network_changed(&self) -> Self::Reply<()> {
        self.request(Command::NetworkChanged)
    }

    /// Tells that there is no network ([`Command::WentOffline`]).
    fn went_offline(&self) -> Self::Reply<()> {
        self.request(Command::WentOffline)
    }

    /// Makes this the one of the user's clients that rings ([`Command::ClaimAlertingLeader`]).
    fn claim_alerting_leader(&self) -> Self::Reply<()> {
        self.request(Command::ClaimAlertingLeader)
    }

    /// Asks which presences there are ([`Command::FetchPresenceDefinitions`]).
    fn fetch_presence_definitions(&self) -> Self::Reply<Vec<PresenceDefinition>> {
        self.request(Command::FetchPresenceDefinitions)
    }

    /// Asks for the user's presence ([`Command::FetchPresence`]).
    fn fetch_presence(&self) -> Self::Reply<UserPresence> {
        self.request(Command::FetchPresence)
    }

    /// Sets the user's presence ([`Command::SetPresence`]).
    fn set_presence(&self, presence: impl Into<PresenceId>) -> Self::Reply<()> {
        self.request(Command::SetPresence { presence: presence.into() })
    }

    /// Counts the user's voicemail ([`Command::FetchVoicemail`]).
    fn fetch_voicemail(&self) -> Self::Reply<Voicemail> {
        self.request(Command::FetchVoicemail)
    }

    /// Has the user's headset ([`Command::RequestHeadset`]).
    fn request_headset(&self) -> Self::Reply<()> {
        self.request(Command::RequestHeadset)
    }

    /// Leaves the user's headset to the user's other clients ([`Command::ReleaseHeadset`]).
    fn release_headset(&self) -> Self::Reply<()> {
        self.request(Command::ReleaseHeadset)
    }

    /// Ends everything ([`Command::Destroy`]).
    fn destroy(&self) -> Self::Reply<()> {
        self.request(Command::Destroy)
    }
}
