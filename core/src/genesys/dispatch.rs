//! Dispatch of commands: first whether one can be done, then doing it.
//!
//! [`Client::plan`] changes nothing, and is the only place that refuses; [`Client::apply`] cannot
//! refuse. What turns out to be impossible only while it is done completes the command with an
//! error.

use super::calls::online;
use super::check;
use super::client::{Client, MAX_COMMANDS};
use super::command::{Command, Outcome};
use super::error::{Error, ErrorKind};
use super::goals::Intent;
use super::headset::HeadsetOwnership;
use super::ids::ConversationId;
use super::link::Invited;
use super::rooms::Share;
use super::user;
use crate::machine::{CommandId, MediaKind};
use crate::media::Engine;

impl Client {
    /// Checks that a command can be begun now.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn plan(&self, command: &Command) -> Result<(), Error> {
        // The one that ends all others needs no room.
        let last = matches!(command, Command::Destroy);
        if self.out.open_commands() >= MAX_COMMANDS && !last {
            return Err(Error::new(ErrorKind::Limit, "too many commands waiting"));
        }
        match command {
            Command::Connect => self.link.may_connect(),
            Command::Disconnect => self.link.may_disconnect(),
            Command::AcceptPendingSession { conversation }
            | Command::RejectPendingSession { conversation }
                if self.is_proposed_room(conversation) =>
            {
                self.rooms.may_accept_pending(conversation, &self.out)
            }
            Command::AcceptPendingSession { conversation } => {
                self.calls.may_accept_pending(conversation, &self.out)
            }
            Command::AcceptRoom { conversation, media } => {
                let user = self.user();
                self.rooms.may_accept(conversation, media, user.as_ref(), &self.sessions, &self.out)
            }
            Command::EndSession { conversation } if self.is_room(conversation) => {
                self.rooms.may_end(conversation, self.user().as_ref())
            }
            Command::SetAudioMute { conversation, .. } if self.is_room(conversation) => {
                self.rooms.may_mute(conversation, &self.out)
            }
            Command::SetVideoMute { conversation, .. } => {
                self.rooms.may_mute(conversation, &self.out)
            }
            Command::StartVideoConference { room, invitee } => {
                let names = [Some(room.as_str()), invitee.as_deref()];
                let names: Vec<_> = names.into_iter().flatten().collect();
                self.rooms.may_meet(&names, false, self.invited(), &self.out)
            }
            Command::StartVideoMeeting { meeting } => {
                self.rooms.may_meet(&[meeting], true, self.invited(), &self.out)
            }
            Command::StartScreenShare { conversation }
            | Command::StopScreenShare { conversation } => {
                self.rooms.may_share(conversation, &self.sessions, &self.out)
            }
            Command::StartGuestShare => self.rooms.may_show(self.invited(), &self.out),
            Command::PinParticipant { conversation, participant } => {
                self.rooms.may_pin(conversation, participant.as_ref())
            }
            Command::RequestKeyframe { track } => self.rooms.may_ask_of(*track, &self.sessions),
            Command::LimitBitrate { track, .. } => self.rooms.may_ask_of(*track, &self.sessions),
            Command::AcceptSession { conversation } => {
                self.calls.may_accept(conversation, &self.out, &self.sessions)
            }
            Command::EndSession { conversation } => self.calls.may_end(conversation),
            Command::ForceTerminateSession { session, .. } => {
                self.calls.may_terminate(session, &self.sessions)
            }
            Command::SendDtmf { conversation, digits, .. } => {
                self.calls.may_send_dtmf(conversation, digits, &self.sessions)
            }
            Command::RejectPendingSession { conversation }
            | Command::SetAudioMute { conversation, .. }
            | Command::SetConversationHeld { conversation, .. }
            | Command::ControlCall { conversation, .. } => match change(command) {
                Some(change) => self.calls.may_change(conversation, &change, &self.sessions),
                None => Ok(()),
            },
            Command::StartSoftphoneSession(_) => self.calls.may_dial(&self.out),
            Command::Subscribe { topic } => {
                self.link.readiness.may_subscribe(std::slice::from_ref(topic), &self.out.config)
            }
            Command::SubscribeAll { topics, .. } => {
                self.link.readiness.may_subscribe(topics, &self.out.config)
            }
            Command::SetAccessToken(token) => self.out.may_use(token),
            Command::SetIceServers { servers, .. } => check::ice_servers(servers),
            Command::ClaimAlertingLeader => self.link.readiness.may_claim_lead(),
            Command::RequestHeadset => {
                HeadsetOwnership::may_request(&self.out.config).and_then(|()| online(&self.out))
            }
            Command::FetchPresenceDefinitions
            | Command::FetchPresence
            | Command::FetchVoicemail => user::may_ask(&self.out),
            Command::SetPresence { presence } => user::may_set(presence, &self.out),
            Command::Unsubscribe { .. }
            | Command::ReleaseHeadset
            | Command::NetworkChanged
            | Command::WentOffline
            | Command::Destroy => Ok(()),
        }
    }

    /// True if a conversation is a room of ours, and no call.
    pub(super) fn is_room(&self, conversation: &ConversationId) -> bool {
        self.rooms.knows(conversation) && !self.calls.knows(conversation)
    }

    /// True if a room of this conversation is proposed, and no call rings.
    fn is_proposed_room(&self, conversation: &ConversationId) -> bool {
        self.rooms.is_pending(conversation) && !self.calls.rings(conversation)
    }

    /// The room that our JWT lets us into.
    fn invited(&self) -> Option<&Invited> {
        self.link.identity().and_then(|identity| identity.room.as_ref())
    }

    /// Begins a command that was planned.
    pub(super) fn apply(&mut self, id: CommandId, command: Command) {
        let change = change(&command);
        if let Some(command) = self.apply_to_room(id, command) {
            self.apply_to_rest(id, command, change);
        }
    }

    /// Begins a command that is about a room; any other is given back.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are not about rooms")]
    fn apply_to_room(&mut self, id: CommandId, command: Command) -> Option<Command> {
        let user = self.user();
        let user = user.as_ref();
        match command {
            Command::AcceptPendingSession { conversation }
                if self.is_proposed_room(&conversation) =>
            {
                self.rooms.accept_pending(id, &conversation, &mut self.out);
            }
            Command::RejectPendingSession { conversation }
                if self.is_proposed_room(&conversation) =>
            {
                self.rooms.reject_pending(id, &conversation, &mut self.out);
            }
            Command::AcceptRoom { conversation, media } => {
                let (sessions, out) = (&mut self.sessions, &mut self.out);
                self.rooms.accept(id, &conversation, media, user, sessions, out);
            }
            Command::EndSession { conversation } if self.is_room(&conversation) => {
                self.rooms.end(id, &conversation, user, &mut self.sessions, &mut self.out);
            }
            Command::ForceTerminateSession { session, reason } if self.rooms.has(&session) => {
                let (sessions, out) = (&mut self.sessions, &mut self.out);
                self.rooms.force_terminate(id, &session, reason, sessions, out);
            }
            Command::SetAudioMute { conversation, muted } if self.is_room(&conversation) => {
                let (sessions, out) = (&mut self.sessions, &mut self.out);
                let audio = MediaKind::Audio;
                self.rooms.set_muted(id, &conversation, audio, muted, user, sessions, out);
            }
            Command::SetVideoMute { conversation, muted } => {
                let (sessions, out) = (&mut self.sessions, &mut self.out);
                let video = MediaKind::Video;
                self.rooms.set_muted(id, &conversation, video, muted, user, sessions, out);
            }
            Command::StartVideoConference { room, invitee } => {
                let invited = self.invited().cloned();
                let (invitee, invited) = (invitee.as_deref(), invited.as_ref());
                self.rooms.start_conference(id, room, invitee, invited, &mut self.out);
            }
            Command::StartVideoMeeting { meeting } => {
                self.rooms.start_meeting(id, meeting, &mut self.out);
            }
            Command::StartScreenShare { conversation } => {
                let (sessions, out) = (&mut self.sessions, &mut self.out);
                self.rooms.share(id, &conversation, Share::Yes, sessions, out);
            }
            Command::StopScreenShare { conversation } => {
                let (sessions, out) = (&mut self.sessions, &mut self.out);
                self.rooms.share(id, &conversation, Share::No, sessions, out);
            }
            Command::StartGuestShare => {
                let invited = self.invited().cloned();
                self.rooms.show_screen(id, invited.as_ref(), &mut self.out);
            }
            Command::PinParticipant { conversation, participant } => {
                self.rooms.pin(id, &conversation, participant, &mut self.out);
            }
            Command::RequestKeyframe { track } => {
                let ask = |engine: &mut dyn Engine, now| engine.request_keyframe(now, track.track);
                self.rooms.ask_of(id, track, ask, &mut self.sessions, &mut self.out);
            }
            Command::LimitBitrate { track, limit } => {
                let ask =
                    |engine: &mut dyn Engine, now| engine.limit_bitrate(now, track.track, limit);
                self.rooms.ask_of(id, track, ask, &mut self.sessions, &mut self.out);
            }
            other => return Some(other),
        }
        None
    }

    fn apply_to_rest(&mut self, id: CommandId, command: Command, change: Option<Intent>) {
        let user = self.user();
        let out = &mut self.out;
        match command {
            // Of a room, and done.
            Command::AcceptRoom { .. }
            | Command::SetVideoMute { .. }
            | Command::StartVideoConference { .. }
            | Command::StartVideoMeeting { .. }
            | Command::StartScreenShare { .. }
            | Command::StopScreenShare { .. }
            | Command::StartGuestShare
            | Command::PinParticipant { .. }
            | Command::RequestKeyframe { .. }
            | Command::LimitBitrate { .. } => {}
            Command::Connect => self.link.connect(id, out),
            Command::Disconnect => self.disconnect(id),
            Command::AcceptPendingSession { conversation } => {
                self.calls.accept_pending(id, &conversation, &mut self.sessions, out);
            }
            Command::AcceptSession { conversation } => {
                self.calls.accept_session(id, &conversation, &mut self.sessions, out);
            }
            Command::EndSession { conversation } => self.calls.end(id, &conversation, out),
            Command::ForceTerminateSession { session, reason } => {
                self.calls.force_terminate(id, &session, reason, &mut self.sessions, out);
            }
            Command::SendDtmf { conversation, digits, duration } => {
                self.calls.send_dtmf(id, &conversation, &digits, duration, &mut self.sessions, out);
            }
            Command::RejectPendingSession { conversation }
            | Command::SetAudioMute { conversation, .. }
            | Command::SetConversationHeld { conversation, .. }
            | Command::ControlCall { conversation, .. } => {
                if let Some(change) = change {
                    self.calls.request_change(id, &conversation, change, out);
                }
            }
            Command::StartSoftphoneSession(dial) => self.calls.dial(id, &dial, out),
            Command::Subscribe { topic } => {
                self.link.readiness.subscribe(id, vec![topic], None, out);
            }
            Command::SubscribeAll { topics, priority } => {
                self.link.readiness.subscribe(id, topics, Some(priority), out);
            }
            Command::Unsubscribe { topic } => self.link.readiness.unsubscribe(id, topic, out),
            Command::SetAccessToken(token) => {
                out.set_secret(&token);
                self.link.readiness.token_changed(out);
                out.complete(id, Ok(Outcome::Done));
            }
            Command::SetIceServers { servers, policy } => {
                self.link.readiness.set_ice_servers(servers, policy, out);
                out.complete(id, Ok(Outcome::Done));
            }
            Command::NetworkChanged => {
                self.link.network_changed(out);
                out.complete(id, Ok(Outcome::Done));
            }
            Command::WentOffline => {
                self.link.went_offline();
                out.complete(id, Ok(Outcome::Done));
            }
            Command::ClaimAlertingLeader => self.link.readiness.claim_lead(id, out),
            Command::RequestHeadset => self.headset.request(id, out),
            Command::ReleaseHeadset => {
                self.headset.release(out);
                out.complete(id, Ok(Outcome::Done));
            }
            Command::FetchPresenceDefinitions => user::ask_definitions(id, out),
            Command::FetchPresence => user::ask_presence(id, user.as_ref(), out),
            Command::SetPresence { presence } => {
                user::set_presence(id, &presence, user.as_ref(), out);
            }
            Command::FetchVoicemail => user::ask_voicemail(id, out),
            Command::Destroy => self.destroy(id),
        }
    }

    fn disconnect(&mut self, id: CommandId) {
        self.headset.release(&mut self.out);
        self.rooms.forget_wanted();
        if self.link.disconnect(id, &mut self.out).is_some() {
            self.connection_lost();
        }
    }

    /// Answers whatever waits, then ends every media session and the connection (LC-22, DEF-20).
    fn destroy(&mut self, id: CommandId) {
        let error = Error::new(ErrorKind::Cancelled, "the client is destroyed");
        self.out.cancel_all_but(id, &error);
        self.link.forget_commands();
        self.calls.forget_commands(&mut self.sessions, &mut self.out);
        self.rooms.forget_commands();
        self.headset.forget_commands();
        self.rooms.destroy(&mut self.out);
        self.calls.destroy(&mut self.sessions, &mut self.out);
        self.disconnect(id);
    }
}

/// The change of a call that a command asks for, if it asks for one.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others change nothing of a call")]
fn change(command: &Command) -> Option<Intent> {
    match command {
        Command::RejectPendingSession { .. } => Some(Intent::Reject),
        Command::SetAudioMute { muted, .. } => Some(Intent::Mute(*muted)),
        Command::SetConversationHeld { held, .. } => Some(Intent::Hold(*held)),
        Command::ControlCall { control, .. } => Some(Intent::Control(control.clone())),
        _ => None,
    }
}
