//! Commands of an application to a client, and their outcomes.

use std::time::Duration;

use serde::Serialize;

use super::config::IceServersPolicy;
use super::control::CallControl;
use super::error::Subject;
use super::ids::{ConversationId, ParticipantId, PresenceId, SessionId, UserId};
use super::presence::{PresenceDefinition, UserPresence};
use super::rooms::RoomMedia;
use super::voicemail::Voicemail;
use crate::Secret;
use crate::jingle::Reason;
use crate::machine::TrackId;
use crate::media::{Digit, IceServer};

/// A request to [`Client`](super::Client). Each is answered by exactly one completion, within the
/// deadline its variant names; 30 s stand for [`Timing::command`](super::Timing::command), and 2 s
/// for [`Timing::terminate`](super::Timing::terminate).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a command is made once and moved twice")]
pub enum Command {
    /// Log in and stay connected. Completes when ready for calls, or when the service says that
    /// the credentials are no good; it retries everything else by itself and can be ended by
    /// [`Command::Disconnect`]. Within [`Timing::connect`](super::Timing::connect).
    Connect,
    /// Log out. Media sessions stay up until their calls end. Within 5 s.
    Disconnect,
    /// Answer a ringing call, or take a proposed room: send `proceed`. Completes when the session has
    /// started, or the call turned out to be gone. A call comes before a room of the same
    /// conversation. Within 30 s.
    AcceptPendingSession {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// Decline a ringing call through the service, to voicemail when it was a direct call. Within
    /// 30 s. A proposed room is declined by a word to it and to the user's other clients, which
    /// completes at once.
    RejectPendingSession {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// Answer the media offer of a call's session; by hand when `auto_connect_sessions` is off.
    /// Accepting twice is one acceptance. Rooms have [`Command::AcceptRoom`]. Within 30 s.
    AcceptSession {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// Hang up, or leave a room. Completes when both the service and the media session say that it is
    /// over. A recording cannot be ended from here, nor can a monitored screen
    /// ([`ErrorKind::NotSupported`](super::ErrorKind::NotSupported)). Within 30 s.
    EndSession {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// End a media session itself, whatever its calls. Within 2 s.
    ForceTerminateSession {
        /// The session.
        session: SessionId,
        /// The reason to tell the far side.
        reason: Reason,
    },
    /// Mute or unmute, in the service; in a room, nothing is sent from then on. Completes when the
    /// service took it, by Jingle at once. Within 30 s.
    SetAudioMute {
        /// Its conversation.
        conversation: ConversationId,
        /// True to mute, false to unmute.
        muted: bool,
    },
    /// Hold or resume, in the service; refused where the media is gone or interrupted (MH-4).
    /// Completes when the service took it. Within 30 s.
    SetConversationHeld {
        /// Its conversation.
        conversation: ConversationId,
        /// True to hold, false to resume.
        held: bool,
    },
    /// Send keys in the audio (RFC 4733). Completes when they are queued.
    SendDtmf {
        /// Its conversation.
        conversation: ConversationId,
        /// The keys, at most 64.
        digits: Vec<Digit>,
        /// The time that each is pressed; less than 40 ms becomes 40 ms, more than 6 s 6 s.
        duration: Duration,
    },
    /// Do something else with a call, through the service. Completes when the service took it.
    /// Within 30 s.
    ControlCall {
        /// Its conversation.
        conversation: ConversationId,
        /// The change.
        control: CallControl,
    },
    /// Answer the offer of a room's session, with what the application has to send. Accepting twice
    /// is one acceptance; one that fails can be tried again. Within 30 s.
    AcceptRoom {
        /// Its conversation.
        conversation: ConversationId,
        /// The media that the application has.
        media: RoomMedia,
    },
    /// Stop or resume sending pictures to a room. Completes when the service took it, by Jingle at
    /// once. Within 30 s.
    SetVideoMute {
        /// Its conversation.
        conversation: ConversationId,
        /// True to mute, false to unmute.
        muted: bool,
    },
    /// Begin a meeting in a room, or invite another user to it. Completes with
    /// [`Outcome::Conversation`] when the service took it; the room's proposal is then accepted by
    /// itself, once, and [`Event::SessionStarted`](super::Event::SessionStarted) follows. Where no
    /// proposal comes within [`Timing::ringing`](super::Timing::ringing), an
    /// [`Event::Error`](super::Event::Error) about the conversation follows. A video guest asks to be
    /// let in, and is told by a pending session. Within 30 s.
    StartVideoConference {
        /// The room's address.
        room: String,
        /// The bare address of another user; none to join oneself.
        invitee: Option<String>,
    },
    /// Join a meeting by its id. Like [`Command::StartVideoConference`] otherwise.
    StartVideoMeeting {
        /// The meeting.
        meeting: String,
    },
    /// Tell a meeting that the pictures are those of a screen from now on. The application sends it
    /// by the track of its camera; a muted camera does not keep it from being seen. Completes at once.
    StartScreenShare {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// Tell a meeting that no screen is shown any more. A camera that was muted is not seen. Stopping
    /// twice is stopping. Completes at once.
    StopScreenShare {
        /// Its conversation.
        conversation: ConversationId,
    },
    /// Show a guest's screen. Completes when the room has taken the session, whose one video track
    /// the application sends the screen by. Within 30 s.
    StartGuestShare,
    /// Have the service send this participant's pictures, or whose it chooses. Completes when the
    /// service took it. Within 30 s.
    PinParticipant {
        /// The conversation of the meeting.
        conversation: ConversationId,
        /// The participant; none to unpin.
        participant: Option<ParticipantId>,
    },
    /// Ask the far side of a track for a picture that needs no other; at most one request in 300 ms
    /// goes out for a track. Completes at once.
    RequestKeyframe {
        /// The track.
        track: TrackId,
    },
    /// Ask the far side of a track of pictures to send no more than so many bits a second: a small picture of many, or
    /// a connection that is paid for. None for as many as it likes. Completes at once, as soon as it is asked
    /// ([`Engine::limit_bitrate`](crate::media::Engine::limit_bitrate)).
    LimitBitrate {
        /// The track.
        track: TrackId,
        /// The limit, in bits per second.
        limit: Option<u64>,
    },
    /// Place a call. Completes with [`Outcome::Dialled`] when the service took it. Within 30 s.
    StartSoftphoneSession(Dial),
    /// Receive a topic's notifications as [`Event::Notification`](super::Event::Notification). For
    /// agents: others have no channel. A topic has less than 200 bytes.
    /// Within 30 s.
    Subscribe {
        /// The topic, e.g. `v2.users.{id}.presence`.
        topic: String,
    },
    /// Receive many topics. Completes with [`Outcome::Subscribed`], topic by topic. Within 30 s.
    SubscribeAll {
        /// The topics; combined ones (`v2.users.{id}?presence&routingStatus`) stand for their
        /// parts.
        topics: Vec<String>,
        /// At the channel's limit of 1000 the highest come first. 0 is ordinary.
        priority: i32,
    },
    /// Stop receiving a topic. Within 30 s.
    Unsubscribe {
        /// The topic.
        topic: String,
    },
    /// Use another access token from now on, or another JWT for a JWT client, without
    /// reconnecting: the old one has expired, or will. Completes at once.
    SetAccessToken(Secret),
    /// Use these STUN and TURN servers of the application's own from now on, instead of those in
    /// [`Config::ice_servers`](super::Config::ice_servers) or in the command before. Sessions that
    /// are up keep theirs. Completes at once.
    SetIceServers {
        /// The servers, at most [`Config::MAX_ICE_SERVERS`](super::Config::MAX_ICE_SERVERS).
        servers: Vec<IceServer>,
        /// Their rank beside the service's.
        policy: IceServersPolicy,
    },
    /// The network is another one, or is back: find out now whether the connection still stands,
    /// and try now where it does not. Completes at once.
    NetworkChanged,
    /// Tell that there is no network: attempts wait until [`Command::NetworkChanged`]. A connection
    /// that stands is left alone. Completes at once.
    WentOffline,
    /// Be the one of the user's clients that rings
    /// ([`Config::alerting_leader`](super::Config::alerting_leader)). Within 30 s.
    ClaimAlertingLeader,
    /// Have the user's headset, and none of the user's other clients. Completes once it is this client's,
    /// or another one keeps it ([`ErrorKind::Session`](super::ErrorKind::Session)): then it is asked for
    /// again by itself, whenever it may be had, until [`Command::ReleaseHeadset`].
    /// [`Event::HeadsetControls`](super::Event::HeadsetControls) tells of each change. The device itself
    /// is the application's ([`crate::headset`]). Within 30 s.
    RequestHeadset,
    /// Leave the user's headset to the user's other clients. Completes at once.
    ReleaseHeadset,
    /// Ask which presences the organization has defined, at most [`PresenceDefinition::MAX`]; those that
    /// cannot be set any more are left out. Completes with [`Outcome::PresenceDefinitions`]. For agents,
    /// who need the permission `presence:presenceDefinition:view`
    /// ([`ErrorKind::Http`](super::ErrorKind::Http) with 403). Within 30 s.
    FetchPresenceDefinitions,
    /// Ask for the user's presence. Completes with [`Outcome::Presence`]. For agents. Within 30 s.
    FetchPresence,
    /// Set the user's presence; calls of queues come to an agent whose presence is
    /// [`SystemPresence::OnQueue`](super::SystemPresence::OnQueue). Completes when the service took it.
    /// For agents. Within 30 s.
    SetPresence {
        /// The definition.
        presence: PresenceId,
    },
    /// Count the user's voicemail. Completes with [`Outcome::Voicemail`]. For agents. Within 30 s.
    FetchVoicemail,
    /// End everything: every command that waits, as cancelled, every media session, then the
    /// connection. Never refused. Within 5 s.
    Destroy,
}

impl Command {
    /// The call or the session that it is about, as far as it says.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::AcceptPendingSession { conversation }
            | Self::RejectPendingSession { conversation }
            | Self::AcceptSession { conversation }
            | Self::EndSession { conversation }
            | Self::SetAudioMute { conversation, .. }
            | Self::SetConversationHeld { conversation, .. }
            | Self::SendDtmf { conversation, .. }
            | Self::AcceptRoom { conversation, .. }
            | Self::SetVideoMute { conversation, .. }
            | Self::StartScreenShare { conversation }
            | Self::StopScreenShare { conversation }
            | Self::PinParticipant { conversation, .. }
            | Self::ControlCall { conversation, .. } => Subject::conversation(conversation),
            Self::ForceTerminateSession { session, .. } => {
                Subject { conversation: None, session: Some(session.clone()) }
            }
            Self::Connect
            | Self::Disconnect
            | Self::StartSoftphoneSession(_)
            | Self::StartVideoConference { .. }
            | Self::StartVideoMeeting { .. }
            | Self::StartGuestShare
            | Self::RequestKeyframe { .. }
            | Self::LimitBitrate { .. }
            | Self::Subscribe { .. }
            | Self::SubscribeAll { .. }
            | Self::Unsubscribe { .. }
            | Self::SetAccessToken(_)
            | Self::SetIceServers { .. }
            | Self::NetworkChanged
            | Self::WentOffline
            | Self::ClaimAlertingLeader
            | Self::RequestHeadset
            | Self::ReleaseHeadset
            | Self::FetchPresenceDefinitions
            | Self::FetchPresence
            | Self::SetPresence { .. }
            | Self::FetchVoicemail
            | Self::Destroy => Subject::default(),
        }
    }
}

/// The outcome of a completed command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done, with nothing more to say.
    Done,
    /// The call was placed.
    Dialled(Dialled),
    /// The conversation of a meeting.
    Conversation(ConversationId),
    /// The service's answer for each topic.
    Subscribed(Vec<TopicAnswer>),
    /// The presences that there are, in the service's order.
    PresenceDefinitions(Vec<PresenceDefinition>),
    /// The user's presence.
    Presence(UserPresence),
    /// The user's mailbox.
    Voicemail(Voicemail),
}

/// The service's answer for a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicAnswer {
    /// The topic, as it was asked for.
    pub topic: String,
    /// The reason of its refusal, if it was refused.
    pub refusal: Option<String>,
}

/// A call that the service has begun to place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialled {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The path of its resource in the service.
    pub self_uri: Option<String>,
}

impl Dialled {
    /// A call of this conversation.
    #[must_use]
    pub fn new(conversation: impl Into<ConversationId>) -> Self {
        Self { conversation: conversation.into(), self_uri: None }
    }
}

impl TryFrom<Outcome> for () {
    type Error = Outcome;

    fn try_from(outcome: Outcome) -> Result<Self, Outcome> {
        if outcome == Outcome::Done { Ok(()) } else { Err(outcome) }
    }
}

/// The value of an outcome, for whoever asked for just that.
macro_rules! outcome_of {
    ($($variant:ident => $value:ty,)*) => {$(
        impl TryFrom<Outcome> for $value {
            type Error = Outcome;

            fn try_from(outcome: Outcome) -> Result<Self, Outcome> {
                if let Outcome::$variant(value) = outcome { Ok(value) } else { Err(outcome) }
            }
        }
    )*};
}

outcome_of! {
    Dialled => Dialled,
    Subscribed => Vec<TopicAnswer>,
    Conversation => ConversationId,
    PresenceDefinitions => Vec<PresenceDefinition>,
    Presence => UserPresence,
    Voicemail => Voicemail,
}

/// An outbound call to place (`POST conversations/calls`, wire notes 8.2).
///
/// ```
/// use offhook::genesys::Dial;
///
/// let dial = Dial::number("+15550123").caller_id("+15550111");
/// assert_eq!(
///     serde_json::to_string(&dial).unwrap(),
///     r#"{"phoneNumber":"+15550123","callerId":"+15550111"}"#
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Dial {
    /// The number to call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The number to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_id_name: Option<String>,
    /// Call on behalf of this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_from_queue_id: Option<String>,
    /// Call this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_queue_id: Option<String>,
    /// Call this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_user_id: Option<String>,
    /// Routing priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Routing language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language_id: Option<String>,
    /// Routing skills.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routing_skills_ids: Vec<String>,
    /// Merge these conversations into a conference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conversation_ids: Vec<ConversationId>,
    /// More people for a conference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<DialParticipant>,
    /// User-to-user information (RFC 7433).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uui_data: Option<String>,
}

/// Somebody to be called into a conference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DialParticipant {
    /// A number or other address.
    pub address: String,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A user of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// A queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
}

impl Dial {
    /// Calls a number.
    #[must_use]
    pub fn number(number: impl Into<String>) -> Self {
        Self::default().phone_number(number)
    }
}

setters!(Dial {
    phone_number: some[String],
    caller_id: some[String],
    caller_id_name: some[String],
    call_from_queue_id: some[String],
    call_queue_id: some[String],
    call_user_id: some[String],
    priority: some[i32],
    language_id: some[String],
    routing_skills_ids: all[String],
    conversation_ids: all[ConversationId],
    participants: all[DialParticipant],
    uui_data: some[String],
});

impl DialParticipant {
    /// Somebody at a number or other address.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), ..Self::default() }
    }
}

setters!(DialParticipant { name: some[String], user_id: some[UserId], queue_id: some[String] });
