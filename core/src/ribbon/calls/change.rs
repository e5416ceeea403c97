//! Changes of a call that we ask for: hold, resume, another path for its media, parameters (w4.9).

use std::time::Duration;

use super::call::{Call, Lost, Purpose, Restart, Step};
use super::desk::Desk;
use super::glare::Change;
use crate::machine::CommandId;
use crate::media::MediaState;
use crate::ribbon::ask::{Ask, CallAsk};
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::error::{CallCode, Error, SubscriptionCode};
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::OperationId;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::wire::resources::calls::SessionRequest;

/// The time that a path may be lost before media is restarted by itself, as the service's own clients wait.
const GRACE: Duration = Duration::from_secs(2);
/// The time between two such restarts, which doubles.
const RESTARTS: Duration = Duration::from_secs(10);
/// Their number.
const MAX_RESTARTS: u32 = 6;
/// The time after which it is tried again while something else goes on.
const BUSY: Duration = Duration::from_millis(500);

/// The time that a restart of media waits for the notification socket (w4.9).
const SOCKET_WAIT: Duration = Duration::from_secs(60);

/// The time between two restarts for another address, after so many in a row that came to nothing.
const fn pause(times: u32) -> Duration {
    match times {
        0..=4 => Duration::from_millis(250 << times),
        5..=19 => Duration::from_secs(5),
        _ => Duration::from_secs(30),
    }
}

impl Call {
    /// Checks that a change that blocks others can begin.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidState`] unless the call is up, [`CallCode::Glare`] while another one is under way.
    pub(super) fn may_change(&self, kind: OperationKind) -> Result<(), Error> {
        if !self.info.state.is_up() {
            return Err(invalid_state(self.info.state));
        }
        self.ops.may_start(kind)?;
        match self.step {
            Step::Idle if self.answering.is_none() => Ok(()),
            Step::Idle | Step::Collecting { .. } | Step::Sent { .. } => {
                Err(Error::new(CallCode::Glare, "a negotiation is under way"))
            }
        }
    }

    /// Checks that it can be held.
    pub(super) fn may_hold(&self) -> Result<(), Error> {
        if self.info.hold.local() {
            return Err(Error::new(CallCode::InvalidState, "the call is held here already"));
        }
        self.may_change(OperationKind::Hold)
    }

    /// Checks that it can be resumed.
    pub(super) fn may_unhold(&self) -> Result<(), Error> {
        if !self.info.hold.local() {
            return Err(Error::new(CallCode::InvalidState, "the call is not held here"));
        }
        self.may_change(OperationKind::Unhold)
    }

    /// Holds or resumes it.
    pub(super) fn hold(&mut self, command: CommandId, held: bool, desk: &mut Desk<'_>) {
        let kind = if held { OperationKind::Hold } else { OperationKind::Unhold };
        let op = self.start(kind, true, Some(command), desk);
        self.asked = Some((Change::Hold(held), 0));
        let Some(media) = &mut self.media else { return };
        match media.offer_held(self.info.hold.with_local(held), desk) {
            Ok(()) => self.collect(op, Purpose::Offer, desk),
            Err(error) => self.withdraw(&op, error, desk),
        }
    }

    /// Finds another path for its media: at once, or when it is its turn. Of two that restart at the same
    /// time the passive one waits, and while the notification socket is down nobody could answer.
    pub(super) fn restart(&mut self, command: CommandId, desk: &mut Desk<'_>) {
        let passive = self.media.as_ref().is_some_and(super::association::Association::is_passive);
        self.restart_as(Some(command), passive, desk);
    }

    fn restart_as(&mut self, command: Option<CommandId>, waits: bool, desk: &mut Desk<'_>) {
        let op = self.start(OperationKind::MediaRestart, true, command, desk);
        self.asked = command.map(|_| (Change::Restart, 0));
        let now = desk.out.now();
        let turn = waits.then(|| now + desk.out.config.call.media_retry_delay);
        self.restart = Some(Restart { op, turn, until: now + SOCKET_WAIT });
        self.restart_timeout(desk);
    }

    fn restart_now(&mut self, op: OperationId, desk: &mut Desk<'_>) {
        let Some(media) = &mut self.media else { return };
        let broken = matches!(media.state(desk.peers), MediaState::Failed | MediaState::Closed);
        let held = self.info.hold;
        let offered = match broken || media.is_stale(desk) {
            true => media.offer_again(true, held, &self.info.id, desk),
            false => media.restart(desk),
        };
        match offered {
            Ok(()) => self.collect(op, Purpose::Offer, desk),
            Err(error) => self.withdraw(&op, error, desk),
        }
    }

    /// Takes note whether the path of its media is lost.
    pub(super) fn path_is(&mut self, lost: bool, out: &Outbox) {
        if !lost {
            self.lost.take_if(|lost| !lost.cut || lost.tries > 0);
        } else if self.lost.is_none() && out.config.call.restart_lost_media {
            let again = out.now() + GRACE;
            self.lost = Some(Lost { again, tries: 0, cut: false, moved: false, refused: None });
        }
    }

    /// Takes note that the address is gone that media left by.
    pub(super) fn path_cut(&mut self, out: &Outbox) {
        self.path_is(true, out);
        if let Some(lost) = &mut self.lost {
            lost.cut = true;
        }
    }

    /// There may be another address of ours: a path that is lost is looked for by it. A connection that takes the place
    /// of one that failed has addresses, too, so where every offer is refused each would be followed by the next.
    pub(super) fn path_moved(&mut self, out: &mut Outbox) {
        if let Some(lost) = &mut self.lost {
            let now = out.now();
            let again = lost.refused.map_or(now, |(times, last)| now.max(last + pause(times)));
            *lost = Lost { again, tries: 0, moved: true, ..*lost };
            out.due.stir();
        }
    }

    /// A restart of media came to nothing, or was agreed on.
    pub(super) fn path_offered(&mut self, agreed: bool, out: &Outbox) {
        if let Some(lost) = &mut self.lost {
            let times = lost.refused.map_or(0, |(times, _)| times);
            lost.refused = (!agreed).then(|| (times + 1, out.now()));
        }
    }

    /// Restarts media whose path is lost, when it is time.
    pub(super) fn lost_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        let Some(lost) = self.lost.filter(|lost| lost.again <= now) else { return };
        // Only an address was lost, and another is in use.
        let state = self.media.as_ref().map(|media| media.state(desk.peers));
        let found = lost.tries > 0 && state == Some(MediaState::Connected);
        if self.is_over() || found || lost.tries >= MAX_RESTARTS {
            self.lost = None;
            return;
        }
        let may = desk.socket_up
            && self.session.is_some()
            && self.may_change(OperationKind::MediaRestart).is_ok();
        if !may {
            self.lost = Some(Lost { again: now + BUSY, ..lost });
            return;
        }
        let passive = self.media.as_ref().is_some_and(super::association::Association::is_passive);
        let again = now + RESTARTS * (1 << lost.tries);
        self.lost = Some(Lost { again, tries: lost.tries + 1, ..lost });
        self.restart_as(None, passive && !lost.moved, desk);
    }

    /// Goes on with a restart that waits: when it is its turn and the notification socket is open.
    pub(super) fn restart_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        let Some(restart) = &mut self.restart else { return };
        restart.turn = restart.turn.filter(|turn| *turn > now);
        if restart.turn.is_some() {
            return;
        }
        let given_up = restart.until <= now;
        if desk.socket_up {
            if let Some(Restart { op, .. }) = self.restart.take() {
                self.restart_now(op, desk);
            }
        } else if given_up && let Some(Restart { op, .. }) = self.restart.take() {
            let text = "the notification socket is down";
            self.fail(&op, Error::new(SubscriptionCode::Socket, text), desk);
        }
    }

    /// Sends its parameters now.
    pub(super) fn send_parameters(&mut self, command: CommandId, desk: &mut Desk<'_>) {
        let Some(session) = self.session.clone() else { return };
        let op = self.start(OperationKind::SendCustomParameters, true, Some(command), desk);
        self.update(&op, desk);
        let resource = desk
            .out
            .resources()
            .session(&session, SessionRequest::Parameters(&self.info.parameters));
        desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Parameters(op)), resource);
    }

    /// Takes the gateway's reply to that.
    pub(super) fn parameters_sent(
        &mut self,
        op: &OperationId,
        result: Result<(), Fault>,
        desk: &mut Desk<'_>,
    ) {
        let result = result.map_err(Fault::of_call).map(|()| Outcome::Done);
        self.finish(op, result, desk);
    }
}

/// The error of a command that does not fit the state of its call.
pub(super) fn invalid_state(state: CallState) -> Error {
    Error::new(CallCode::InvalidState, format!("the call is {}", state.as_str()))
}
