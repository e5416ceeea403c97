//! The times within which commands are answered.

use std::time::Duration;

use super::client::Client;
use super::command::{Command, store_commands};
use super::link::Link;

/// The limit of what is done at once.
const AT_ONCE: Duration = Duration::from_secs(5);
/// The time that an answer or a word of the far side may take beyond a request's own (w4.0.4).
const LATE: Duration = Duration::from_secs(16);
/// The time that the end of a transfer is waited for beyond a request's own.
const MOVE: Duration = Duration::from_secs(61);
/// The time by which a sound that is played may be late.
#[cfg(feature = "audio")]
const PLAYBACK: Duration = Duration::from_secs(3);
/// The time that an application may take to find its devices (w7, no. 72).
const DEVICES: Duration = Duration::from_secs(60);

impl Client {
    /// The time within which a command is answered.
    pub(super) fn limit(&self, command: &Command) -> Duration {
        let config = &self.out.config;
        let rest = config.rest_timeout;
        let negotiation = config.call.ice_max.max(config.call.ice_ideal) + rest + LATE;
        match command {
            Command::Subscribe { .. } => Link::subscribe_limit(&self.out),
            Command::Make { .. }
            | Command::Answer { .. }
            | Command::Hold { .. }
            | Command::Unhold { .. }
            | Command::AddMedia { .. }
            | Command::RemoveMedia { .. }
            | Command::StartVideo { .. }
            | Command::StopVideo { .. }
            | Command::Join { .. } => negotiation,
            Command::InitializeDevices { .. } => DEVICES,
            Command::InitializeRemote(_) => super::proxy::LIMIT,
            #[cfg(feature = "audio")]
            Command::PlayAudio { source, .. } => source.duration() + PLAYBACK,
            Command::RestartMedia { .. } => negotiation + MOVE,
            Command::DirectTransfer { .. } | Command::ConsultativeTransfer { .. } => rest + MOVE,
            Command::Unsubscribe { .. }
            | Command::Reject { .. }
            | Command::Forward { .. }
            | Command::SendRingingFeedback { .. }
            | Command::SendCustomParameters { .. }
            | store_commands!()
            | Command::Resync { .. } => rest + Duration::from_secs(1),
            Command::SetCredentials(_)
            | Command::UpdateConfig(_)
            | Command::CheckConnectivity(_)
            | Command::ResetConnection
            | Command::ProcessNotification { .. }
            | Command::Ignore { .. }
            | Command::End { .. }
            | Command::SetCustomParameters { .. }
            | Command::SendDtmf { .. }
            | Command::GetStats { .. }
            | Command::SetSdpHandlers(_)
            | Command::MuteTracks { .. }
            | Command::SetSource { .. }
            | Command::UnmuteTracks { .. }
            | Command::ReplaceTrack { .. }
            | Command::CreateLocalMedia(_)
            | Command::DisposeLocalMedia { .. }
            | Command::RenderTracks { .. }
            | Command::UnrenderTracks { .. }
            | Command::SetDevices(_)
            | Command::DevicesFailed(_)
            | Command::SetProxyChannel(_)
            | Command::SetProxyMode(_)
            | Command::ProxyReceived(_)
            | Command::Query(_)
            | Command::Destroy => AT_ONCE,
        }
    }
}
