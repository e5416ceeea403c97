//! Dispatch of commands: first whether one can be done, then doing it.
//!
//! [`Client::plan`] changes nothing, and is the only place that refuses; [`Client::apply`] cannot
//! refuse. What turns out to be impossible only while it is done completes the command with an
//! error.

use super::check;
use super::client::{Client, MAX_COMMANDS};
use super::command::{Command, Outcome};
use super::error::{Error, ErrorKind};
use super::goals::Intent;
use crate::machine::CommandId;

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
            Command::AcceptPendingSession { conversation } => {
                self.calls.may_accept_pending(conversation, &self.out)
            }
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
            Command::Unsubscribe { .. }
            | Command::NetworkChanged
            | Command::WentOffline
            | Command::Destroy => Ok(()),
        }
    }

    /// Begins a command that was planned.
    pub(super) fn apply(&mut self, id: CommandId, command: Command) {
        let change = change(&command);
        let out = &mut self.out;
        match command {
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
            Command::Destroy => self.destroy(id),
        }
    }

    fn disconnect(&mut self, id: CommandId) {
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
