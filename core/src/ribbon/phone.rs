//! The phone's keys: one surface for every runtime.

use std::time::Duration;

use super::command::{AnswerOptions, Command, MakeOptions, MediaOptions, Outcome};
use super::config::ConfigPatch;
use super::credentials::Credentials;
use super::devices::Devices;
use super::ids::{CallId, TrackId};
use super::info::{CustomParameter, DetachedMedia, MediaInfo, StatsReport};
use super::service::Service;
#[cfg(feature = "audio")]
use super::sound::AudioSource;
use super::timing::TONE_GAP;
use super::tones::Tones;
use super::wanted::{CallMedia, MoreMedia};

/// The keys of a phone, whichever runtime carries it.
///
/// A runtime implements [`Phone::request`] and says what a reply is (a future); the keys come from here. See
/// [`Command`] for what each does.
pub trait Phone {
    /// The answer to a command, sooner or later: `Result<T, Error>`.
    type Reply<T: TryFrom<Outcome, Error = Outcome>>;

    /// Submits a command.
    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Self::Reply<T>;

    /// Uses these credentials from now on ([`Command::SetCredentials`]).
    fn set_credentials(&self, credentials: Credentials) -> Self::Reply<()> {
        self.request(Command::SetCredentials(credentials))
    }

    /// Changes settings ([`Command::UpdateConfig`]).
    fn update_config(&self, patch: ConfigPatch) -> Self::Reply<()> {
        self.request(Command::UpdateConfig(Box::new(patch)))
    }

    /// Subscribes to services ([`Command::Subscribe`]).
    fn subscribe(&self, services: impl IntoIterator<Item = impl Into<Service>>) -> Self::Reply<()> {
        let services = services.into_iter().map(Into::into).collect();
        self.request(Command::Subscribe { services, correlator: None })
    }

    /// Gives services up ([`Command::Unsubscribe`]).
    fn unsubscribe(
        &self,
        services: impl IntoIterator<Item = impl Into<Service>>,
    ) -> Self::Reply<()> {
        let services = services.into_iter().map(Into::into).collect();
        self.request(Command::Unsubscribe { services })
    }

    /// Opens the notification socket anew ([`Command::ResetConnection`]).
    fn reset_connection(&self) -> Self::Reply<()> {
        self.request(Command::ResetConnection)
    }

    /// Places a call ([`Command::Make`]).
    fn make(&self, to: impl Into<String>, options: MakeOptions) -> Self::Reply<CallId> {
        self.request(Command::Make { to: to.into(), media: CallMedia::AUDIO, options })
    }

    /// Answers an incoming call ([`Command::Answer`]).
    fn answer(&self, call: impl Into<CallId>, options: AnswerOptions) -> Self::Reply<()> {
        let media = CallMedia::AUDIO;
        self.request(Command::Answer { call: call.into(), media, options })
    }

    /// Declines an incoming call ([`Command::Reject`]).
    fn reject(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Reject { call: call.into() })
    }

    /// Ends an incoming call here alone ([`Command::Ignore`]).
    fn ignore(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Ignore { call: call.into() })
    }

    /// Sends an incoming call on ([`Command::Forward`]).
    fn forward(&self, call: impl Into<CallId>, to: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::Forward { call: call.into(), to: to.into() })
    }

    /// Ends a call ([`Command::End`]).
    fn end(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::End { call: call.into() })
    }

    /// Holds a call ([`Command::Hold`]).
    fn hold(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Hold { call: call.into() })
    }

    /// Resumes a call ([`Command::Unhold`]).
    fn unhold(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Unhold { call: call.into() })
    }

    /// Finds another path for a call's media ([`Command::RestartMedia`]).
    fn restart_media(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::RestartMedia { call: call.into() })
    }

    /// Sends more in a call ([`Command::AddMedia`]).
    fn add_media(
        &self,
        call: impl Into<CallId>,
        media: MoreMedia,
        options: MediaOptions,
    ) -> Self::Reply<MediaInfo> {
        self.request(Command::AddMedia { call: call.into(), media, options })
    }

    /// Stops sending tracks in a call ([`Command::RemoveMedia`]).
    fn remove_media(
        &self,
        call: impl Into<CallId>,
        tracks: impl IntoIterator<Item = TrackId>,
        options: MediaOptions,
    ) -> Self::Reply<()> {
        let tracks = tracks.into_iter().collect();
        self.request(Command::RemoveMedia { call: call.into(), tracks, options })
    }

    /// Sends pictures in a call ([`Command::StartVideo`]).
    fn start_video(
        &self,
        call: impl Into<CallId>,
        options: MediaOptions,
    ) -> Self::Reply<MediaInfo> {
        self.request(Command::StartVideo { call: call.into(), options })
    }

    /// Stops sending pictures in a call ([`Command::StopVideo`]).
    fn stop_video(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::StopVideo { call: call.into() })
    }

    /// Sends something else as a track ([`Command::ReplaceTrack`]).
    fn replace_track(
        &self,
        call: impl Into<CallId>,
        track: impl Into<TrackId>,
        media: MoreMedia,
    ) -> Self::Reply<()> {
        self.request(Command::ReplaceTrack { call: call.into(), track: track.into(), media })
    }

    /// Makes media of our own that belongs to no call ([`Command::CreateLocalMedia`]).
    fn create_local_media(&self, media: CallMedia) -> Self::Reply<Vec<DetachedMedia>> {
        self.request(Command::CreateLocalMedia(media))
    }

    /// Forgets media of our own ([`Command::DisposeLocalMedia`]).
    fn dispose_local_media(&self, track: impl Into<TrackId>) -> Self::Reply<()> {
        self.request(Command::DisposeLocalMedia { track: track.into() })
    }

    /// Gives tracks to a sink ([`Command::RenderTracks`]).
    fn render_tracks(
        &self,
        tracks: impl IntoIterator<Item = TrackId>,
        sink: impl Into<String>,
        device: Option<String>,
    ) -> Self::Reply<()> {
        let tracks = tracks.into_iter().collect();
        self.request(Command::RenderTracks { tracks, sink: sink.into(), device })
    }

    /// Takes tracks from a sink ([`Command::UnrenderTracks`]).
    fn unrender_tracks(
        &self,
        tracks: impl IntoIterator<Item = TrackId>,
        sink: impl Into<String>,
    ) -> Self::Reply<()> {
        let tracks = tracks.into_iter().collect();
        self.request(Command::UnrenderTracks { tracks, sink: sink.into() })
    }

    /// Asks the application for its devices ([`Command::InitializeDevices`]).
    fn initialize_devices(&self, audio: bool, video: bool) -> Self::Reply<()> {
        self.request(Command::InitializeDevices { audio, video })
    }

    /// Takes note of the devices that there are ([`Command::SetDevices`]).
    fn set_devices(&self, devices: Devices) -> Self::Reply<()> {
        self.request(Command::SetDevices(devices))
    }

    /// Answers that there are no devices ([`Command::DevicesFailed`]).
    fn devices_failed(&self, why: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::DevicesFailed(why.into()))
    }

    /// Tells the gateway that an incoming call rings ([`Command::SendRingingFeedback`]).
    fn send_ringing_feedback(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::SendRingingFeedback { call: call.into() })
    }

    /// Keeps parameters for later requests of a call ([`Command::SetCustomParameters`]).
    fn set_custom_parameters(
        &self,
        call: impl Into<CallId>,
        parameters: Option<Vec<CustomParameter>>,
    ) -> Self::Reply<()> {
        self.request(Command::SetCustomParameters { call: call.into(), parameters })
    }

    /// Sends a call's parameters ([`Command::SendCustomParameters`]).
    fn send_custom_parameters(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::SendCustomParameters { call: call.into() })
    }

    /// Sends keys in the audio, 70 ms apart ([`Command::SendDtmf`]).
    fn send_dtmf(
        &self,
        call: impl Into<CallId>,
        tones: impl Into<Tones>,
        duration: Duration,
    ) -> Self::Reply<()> {
        let (call, tones, gap) = (call.into(), tones.into(), TONE_GAP);
        self.request(Command::SendDtmf { call, tones, duration, gap })
    }

    /// Plays a sound into a call ([`Command::PlayAudio`]).
    #[cfg(feature = "audio")]
    fn play_audio(&self, call: impl Into<CallId>, source: AudioSource) -> Self::Reply<()> {
        self.request(Command::PlayAudio { call: call.into(), source })
    }

    /// Asks for a call's figures ([`Command::GetStats`]).
    fn get_stats(&self, call: impl Into<CallId>) -> Self::Reply<StatsReport> {
        self.request(Command::GetStats { call: call.into(), track: None })
    }

    /// Mutes tracks ([`Command::MuteTracks`]).
    fn mute_tracks(&self, tracks: impl IntoIterator<Item = TrackId>) -> Self::Reply<()> {
        self.request(Command::MuteTracks { tracks: tracks.into_iter().collect() })
    }

    /// Unmutes tracks ([`Command::UnmuteTracks`]).
    fn unmute_tracks(&self, tracks: impl IntoIterator<Item = TrackId>) -> Self::Reply<()> {
        self.request(Command::UnmuteTracks { tracks: tracks.into_iter().collect() })
    }

    /// Sends a held call on to somebody ([`Command::DirectTransfer`]).
    fn direct_transfer(&self, call: impl Into<CallId>, to: impl Into<String>) -> Self::Reply<()> {
        self.request(Command::DirectTransfer { call: call.into(), to: to.into() })
    }

    /// Connects the far ends of two held calls ([`Command::ConsultativeTransfer`]).
    fn consultative_transfer(
        &self,
        call: impl Into<CallId>,
        other: impl Into<CallId>,
    ) -> Self::Reply<()> {
        self.request(Command::ConsultativeTransfer { call: call.into(), other: other.into() })
    }

    /// Makes one call of two held ones ([`Command::Join`]).
    fn join(&self, call: impl Into<CallId>, other: impl Into<CallId>) -> Self::Reply<CallId> {
        self.request(Command::Join { call: call.into(), other: other.into() })
    }

    /// Asks the gateway what it knows of a call ([`Command::Resync`]).
    fn resync(&self, call: impl Into<CallId>) -> Self::Reply<()> {
        self.request(Command::Resync { call: call.into() })
    }

    /// Ends everything ([`Command::Destroy`]).
    fn destroy(&self) -> Self::Reply<()> {
        self.request(Command::Destroy)
    }
}
