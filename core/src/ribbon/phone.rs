//! The phone's keys: one surface for every runtime.

use std::time::Duration;

use super::command::{AnswerOptions, CallMedia, Command, MakeOptions, Outcome};
use super::config::ConfigPatch;
use super::credentials::Credentials;
use super::ids::{CallId, TrackId};
use super::info::{CustomParameter, StatsReport};
use super::service::Service;
use crate::media::Digit;

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

    /// Sends keys in the audio ([`Command::SendDtmf`]).
    fn send_dtmf(
        &self,
        call: impl Into<CallId>,
        tones: Vec<Digit>,
        duration: Duration,
    ) -> Self::Reply<()> {
        self.request(Command::SendDtmf { call: call.into(), tones, duration })
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
