//! Commands of an application to a client, and their outcomes.

use std::sync::Arc;
use std::time::Duration;

use super::config::ConfigPatch;
use super::credentials::Credentials;
use super::devices::Devices;
use super::ids::{CallId, TrackId};
use super::info::{CustomParameter, DetachedMedia, MediaInfo, StatsReport};
use super::pipeline::{Bandwidth, SdpHandler};
use super::service::Service;
#[cfg(feature = "audio")]
use super::sound::AudioSource;
use super::tones::Tones;
use super::wanted::{CallMedia, MoreMedia};

/// A request to [`Client`](super::Client). Each is answered by exactly one completion, within the limit that its
/// variant names: `rest_timeout` is [`Config::rest_timeout`](super::Config::rest_timeout), and `ice` the longest
/// collection of candidates ([`Call::ice_max`](super::CallConfig::ice_max)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Use these credentials from now on (w1.3). Refused while services are subscribed to for another
    /// user. What waits to be tried again is tried at once. Completes at once.
    SetCredentials(Credentials),
    /// Change settings: absent ones stay, all change or none. Completes at once.
    UpdateConfig(Box<ConfigPatch>),
    /// Subscribe to services, besides those there are. Completes when the notification socket is open.
    /// Within the attempts and pauses that the configuration allows.
    Subscribe {
        /// The services, at most 64.
        services: Vec<Service>,
        /// The name that tells this client from the user's others, instead of a random one: letters,
        /// digits, `-` and `_`.
        correlator: Option<String>,
    },
    /// Give services up; the subscription with the last of them. Cancels a subscription under way. Within
    /// `rest_timeout`.
    Unsubscribe {
        /// The services.
        services: Vec<Service>,
    },
    /// Start or stop the pings of the notification socket. Completes at once.
    CheckConnectivity(bool),
    /// Close the notification socket and open it anew: the network is another one. Completes at once.
    ResetConnection,
    /// Take a notification that came by another way than the socket (w3.2): pushed, for instance. Completes at
    /// once.
    ProcessNotification {
        /// The message, as JSON; at most 256 KiB.
        message: String,
        /// The way.
        channel: NoticeChannel,
    },
    /// Place a call. Completes with [`Outcome::Call`] when the gateway took it;
    /// [`Event::CallStarted`](super::Event::CallStarted) comes first. Within `ice` + `rest_timeout` + 15 s.
    Make {
        /// The called one: a user, a SIP address or a number (w4.0.1); at most 512 bytes.
        to: String,
        /// The media to send and to receive.
        media: CallMedia,
        /// The rest.
        options: MakeOptions,
    },
    /// Answer an incoming call. Within `ice` + `rest_timeout` + 15 s.
    Answer {
        /// The call.
        call: CallId,
        /// The media to send and to receive: nothing that was not offered.
        media: CallMedia,
        /// The rest.
        options: AnswerOptions,
    },
    /// Decline an incoming call. Within `rest_timeout`.
    Reject {
        /// The call.
        call: CallId,
    },
    /// End an incoming call here, and tell nobody. Completes at once.
    Ignore {
        /// The call.
        call: CallId,
    },
    /// Send an incoming call on to somebody else. Within `rest_timeout`.
    Forward {
        /// The call.
        call: CallId,
        /// The address (w4.0.1).
        to: String,
    },
    /// End a call, whatever its state. Completes within 1 s; the gateway is told in the background.
    End {
        /// The call.
        call: CallId,
    },
    /// Hold a call. Within `ice` + `rest_timeout` + 15 s.
    Hold {
        /// The call.
        call: CallId,
    },
    /// Resume a call that is held here. Within `ice` + `rest_timeout` + 15 s.
    Unhold {
        /// The call.
        call: CallId,
    },
    /// Find another path for a call's media (RFC 8445 section 9). While the notification socket is down it
    /// is waited for, 60 s at most. Within that + `ice` + `rest_timeout` + 15 s.
    RestartMedia {
        /// The call.
        call: CallId,
    },
    /// Send more in a call that is connected: tracks that are there and idle first. Completes with
    /// [`Outcome::Media`]. Within `ice` + `rest_timeout` + 15 s.
    AddMedia {
        /// The call.
        call: CallId,
        /// The media: not what the call has already; 16 in all.
        media: MoreMedia,
        /// The rest.
        options: MediaOptions,
    },
    /// Stop sending tracks in a call that is connected. They do not come back by themselves. Within `ice` +
    /// `rest_timeout` + 15 s.
    RemoveMedia {
        /// The call.
        call: CallId,
        /// Tracks of ours: 32 at most.
        tracks: Vec<TrackId>,
        /// The rest.
        options: MediaOptions,
    },
    /// Send pictures in a call that sends none. Completes with [`Outcome::Media`]. Within `ice` +
    /// `rest_timeout` + 15 s.
    StartVideo {
        /// The call.
        call: CallId,
        /// The rest.
        options: MediaOptions,
    },
    /// Stop sending pictures in a call that sends one track of them. Within `ice` + `rest_timeout` + 15 s.
    StopVideo {
        /// The call.
        call: CallId,
    },
    /// Send something else as a track of ours, of the same kind and not muted; the far side is not asked.
    /// [`Event::TrackReplaced`](super::Event::TrackReplaced) names it. Completes at once.
    ReplaceTrack {
        /// The call.
        call: CallId,
        /// The track.
        track: TrackId,
        /// The media: exactly one.
        media: MoreMedia,
    },
    /// Make media of our own that belongs to no call: the application pushes its frames, and calls may send
    /// them. Completes at once with [`Outcome::DetachedMedia`]; 64 at a time.
    CreateLocalMedia(CallMedia),
    /// Forget media of our own that no call sends. Completes at once.
    DisposeLocalMedia {
        /// Its track.
        track: TrackId,
    },
    /// Give tracks to a sink of the application's, by its name: what takes the place of an element of a web
    /// page. Completes at once.
    RenderTracks {
        /// The tracks: 32 at most for one sink.
        tracks: Vec<TrackId>,
        /// The sink, of 32 at most.
        sink: String,
        /// The device, which is handed on.
        device: Option<String>,
    },
    /// Take tracks from a sink. Completes at once.
    UnrenderTracks {
        /// The tracks.
        tracks: Vec<TrackId>,
        /// The sink.
        sink: String,
    },
    /// Ask the application for its devices ([`Event::DevicesWanted`](super::Event::DevicesWanted)). Completes
    /// when it answers, within 60 s.
    InitializeDevices {
        /// True for those of sound.
        audio: bool,
        /// True for those of pictures.
        video: bool,
    },
    /// Take note of the devices that there are, 256 at most. Completes at once.
    SetDevices(Devices),
    /// Answer that there are no devices, and why not. Completes at once.
    DevicesFailed(String),
    /// Tell the gateway that an incoming call rings
    /// ([`RingingFeedback::Manual`](super::RingingFeedback::Manual)). Within `rest_timeout`.
    SendRingingFeedback {
        /// The call.
        call: CallId,
    },
    /// Keep parameters that ride on all later requests of a call; none removes them. Completes at once.
    SetCustomParameters {
        /// The call.
        call: CallId,
        /// The parameters: 64, of names of 256 bytes and values of 4 KiB at most.
        parameters: Option<Vec<CustomParameter>>,
    },
    /// Send a call's parameters now. Within `rest_timeout`.
    SendCustomParameters {
        /// The call.
        call: CallId,
    },
    /// Send keys in the audio (RFC 4733), the first at once. Completes when they are queued; refused where the
    /// far side takes no keys.
    SendDtmf {
        /// The call.
        call: CallId,
        /// The keys, and pauses of 2 s between them: 64 at most.
        tones: Tones,
        /// The time that each is pressed; less than 40 ms becomes 40 ms, more than 6 s 6 s.
        duration: Duration,
        /// The time between two of them; less than 50 ms becomes 50 ms.
        gap: Duration,
    },
    /// Play a sound into a connected call, in place of what it sends: one at a time. Its frames are sent in the
    /// codec that is agreed on, at the pace of speech; what the application sends meanwhile is left out.
    /// [`Event::PlaybackStarted`](super::Event::PlaybackStarted) tells its length. Completes at its end. Within
    /// its length + 3 s.
    #[cfg(feature = "audio")]
    PlayAudio {
        /// The call.
        call: CallId,
        /// The sound.
        source: AudioSource,
    },
    /// Ask for a call's figures. Completes at once with [`Outcome::Stats`].
    GetStats {
        /// The call.
        call: CallId,
        /// One of its tracks, or all.
        track: Option<TrackId>,
    },
    /// Change descriptions of calls that begin from now on. Completes at once.
    SetSdpHandlers(Vec<Arc<dyn SdpHandler>>),
    /// Send silence for these tracks of ours; hand nothing on from those of others. Completes at once.
    MuteTracks {
        /// The tracks: 32 at most.
        tracks: Vec<TrackId>,
    },
    /// Send and hand on these tracks again. Completes at once.
    UnmuteTracks {
        /// The tracks: 32 at most.
        tracks: Vec<TrackId>,
    },
    /// Send a held call on to somebody, without asking them. Completes when they took it. Within
    /// `rest_timeout` + 60 s.
    DirectTransfer {
        /// The call.
        call: CallId,
        /// The address (w4.0.1).
        to: String,
    },
    /// Connect the far ends of two held calls with each other. Completes when both are over here. Within
    /// `rest_timeout` + 60 s.
    ConsultativeTransfer {
        /// The call.
        call: CallId,
        /// The other one.
        other: CallId,
    },
    /// Make one call of two held ones. Completes with [`Outcome::Call`], when the gateway took it. Within
    /// `ice` + `rest_timeout` + 15 s.
    Join {
        /// The call.
        call: CallId,
        /// The other one.
        other: CallId,
    },
    /// Ask the gateway what it knows of a call (w4.16). Within `rest_timeout`.
    Resync {
        /// The call.
        call: CallId,
    },
    /// End everything: every command that waits, as closed, every call, the subscription. Refused once it was
    /// asked for. Completes when the gateway knows, or after 5 s.
    Destroy,
}

impl Command {
    /// The call that it is about, if it is about one.
    pub(super) fn call(&self) -> Option<&CallId> {
        match self {
            Self::Answer { call, .. }
            | Self::Reject { call }
            | Self::Ignore { call }
            | Self::Forward { call, .. }
            | Self::End { call }
            | Self::Hold { call }
            | Self::Unhold { call }
            | Self::RestartMedia { call }
            | Self::AddMedia { call, .. }
            | Self::RemoveMedia { call, .. }
            | Self::StartVideo { call, .. }
            | Self::StopVideo { call }
            | Self::ReplaceTrack { call, .. }
            | Self::SendRingingFeedback { call }
            | Self::SetCustomParameters { call, .. }
            | Self::SendCustomParameters { call }
            | Self::SendDtmf { call, .. }
            | Self::GetStats { call, .. }
            | Self::DirectTransfer { call, .. }
            | Self::ConsultativeTransfer { call, .. }
            | Self::Join { call, .. }
            | Self::Resync { call } => Some(call),
            #[cfg(feature = "audio")]
            Self::PlayAudio { call, .. } => Some(call),
            Self::SetCredentials(_)
            | Self::UpdateConfig(_)
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::CheckConnectivity(_)
            | Self::ResetConnection
            | Self::ProcessNotification { .. }
            | Self::Make { .. }
            | Self::SetSdpHandlers(_)
            | Self::MuteTracks { .. }
            | Self::UnmuteTracks { .. }
            | Self::CreateLocalMedia(_)
            | Self::DisposeLocalMedia { .. }
            | Self::RenderTracks { .. }
            | Self::UnrenderTracks { .. }
            | Self::InitializeDevices { .. }
            | Self::SetDevices(_)
            | Self::DevicesFailed(_)
            | Self::Destroy => None,
        }
    }
}

/// A way that notifications come by (w3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeChannel {
    /// The notification socket, by whoever carries it.
    WebSocket,
    /// A push service of the telephone's.
    Push,
}

/// The rest of what a call is placed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MakeOptions {
    /// The caller's name, as the called one sees it.
    pub display_name: Option<String>,
    /// Parameters for the far side, on this and all later requests.
    pub parameters: Vec<CustomParameter>,
    /// The most that the far side shall send (RT-010).
    pub bandwidth: Option<Bandwidth>,
}

setters!(MakeOptions {
    display_name: some[String],
    parameters: all[CustomParameter],
    bandwidth: some[Bandwidth],
});

/// The rest of what a call is answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerOptions {
    /// Parameters for the far side, on this and all later requests.
    pub parameters: Vec<CustomParameter>,
    /// The most that the far side shall send (RT-010).
    pub bandwidth: Option<Bandwidth>,
}

setters!(AnswerOptions { parameters: all[CustomParameter], bandwidth: some[Bandwidth] });

/// The rest of a change of a call's media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaOptions {
    /// The most that the far side shall send; as before where it is not said.
    pub bandwidth: Option<Bandwidth>,
}

setters!(MediaOptions { bandwidth: some[Bandwidth] });

/// The outcome of a completed command.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done, with nothing more to say.
    Done,
    /// A call.
    Call(CallId),
    /// A call's figures.
    Stats(StatsReport),
    /// The media that came into a call.
    Media(MediaInfo),
    /// Media of our own that belongs to no call.
    DetachedMedia(Vec<DetachedMedia>),
}

/// A key waits for the outcome that belongs to it, and for no other.
macro_rules! outcomes {
    ($($variant:ident => $type:ty),* $(,)?) => {
        $(
            impl TryFrom<Outcome> for $type {
                type Error = Outcome;

                fn try_from(outcome: Outcome) -> Result<Self, Outcome> {
                    match outcome {
                        Outcome::$variant(value) => Ok(value),
                        other => Err(other),
                    }
                }
            }
        )*
    };
}

outcomes! {
    Call => CallId,
    Stats => StatsReport,
    Media => MediaInfo,
    DetachedMedia => Vec<DetachedMedia>,
}

impl TryFrom<Outcome> for () {
    type Error = Outcome;

    fn try_from(outcome: Outcome) -> Result<Self, Outcome> {
        match outcome {
            Outcome::Done => Ok(()),
            other @ (Outcome::Call(_)
            | Outcome::Stats(_)
            | Outcome::Media(_)
            | Outcome::DetachedMedia(_)) => Err(other),
        }
    }
}
