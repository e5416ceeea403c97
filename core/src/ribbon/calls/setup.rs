//! Setting a call up: placing it, or ringing and answering (w4.1 to w4.4).

use super::association::Association;
use super::call::{Call, Purpose, Step};
use super::desk::Desk;
use crate::machine::CommandId;
use crate::ribbon::ask::{Ask, CallAsk};
use crate::ribbon::config::RingingFeedback;
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::error::{CallCode, Error, ErrorCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::{OperationId, SessionData};
use crate::ribbon::info::{CustomParameter, MediaOffered};
use crate::ribbon::outcome::Outcome;
use crate::ribbon::wanted::CallMedia;
use crate::ribbon::wire::resources::calls::SessionRequest;

/// The code of a call that another client has answered (w1.6).
const ANSWERED_ELSEWHERE: u16 = 55;

impl Call {
    // Ours.

    /// Places it: makes an offer, and collects candidates for it.
    pub(super) fn make(
        &mut self,
        command: CommandId,
        purpose: Purpose,
        media: CallMedia,
        desk: &mut Desk<'_>,
    ) {
        let kind = match &purpose {
            Purpose::Join { .. } => OperationKind::Join,
            Purpose::Make | Purpose::Answer { .. } | Purpose::Offer | Purpose::Respond { .. } => {
                OperationKind::Make
            }
        };
        let op = self.start(kind, true, Some(command), desk);
        let kinds: Vec<_> = media.kinds().collect();
        match Association::offering(&self.info.id, None, &kinds, self.dscp, desk) {
            Ok(media) => {
                self.media = Some(media);
                self.collect(op, purpose, desk);
            }
            Err(error) => self.not_made(&op, error, desk),
        }
    }

    /// Takes the gateway's reply: the session that it made.
    pub(super) fn made(
        &mut self,
        op: &OperationId,
        result: Result<SessionData, Fault>,
        desk: &mut Desk<'_>,
    ) {
        let session = match result {
            Ok(session) => session,
            Err(fault) => {
                self.not_made(op, fault.of_call(), desk);
                return;
            }
        };
        self.session = Some(session);
        let joins = match &mut self.step {
            Step::Sent { op: sent, replied, purpose, .. } if sent == op => {
                *replied = true;
                matches!(purpose, Purpose::Join { .. })
            }
            Step::Idle | Step::Collecting { .. } | Step::Sent { .. } => false,
        };
        let offered = self.media.as_ref().map(|media| media.offered(desk.peers));
        let ours = self.tracks.offered(&offered.unwrap_or_default(), desk.rng);
        self.enter(CallState::Initiated, desk.out);
        self.audit.begin(desk.out.now());
        self.tell_tracks(ours, desk.out);
        if !joins {
            self.tell(None, None, desk.out);
        }
        let done = Ok(Outcome::Call(self.info.id.clone()));
        self.ops.complete(op, done, desk.out);
    }

    /// It could not be placed.
    pub(super) fn not_made(&mut self, op: &OperationId, error: Error, desk: &mut Desk<'_>) {
        self.hang_up(desk);
        let gone = self.close(CallState::Ended, desk);
        self.tell_tracks(gone, desk.out);
        self.tell(None, Some(error.clone()), desk.out);
        self.finish(op, Err(error), desk);
        self.abandon(None, desk);
    }

    /// The far side rings.
    pub(super) fn rings(&mut self, desk: &mut Desk<'_>) {
        self.enter(CallState::Ringing, desk.out);
        self.tell(None, None, desk.out);
    }

    /// Sound comes before anybody answers: the description is taken as a provisional answer.
    pub(super) fn early(&mut self, sdp: &str, desk: &mut Desk<'_>) {
        let Some(media) = &mut self.media else { return };
        let taken = media.take_provisional(sdp, &self.info.id, desk);
        self.took_theirs(&taken, desk);
        if let Err(error) = taken {
            desk.out.malformed(&format!("early media: {error}"));
            return;
        }
        let tracks = self.agreed(desk);
        self.enter(CallState::EarlyMedia, desk.out);
        self.tell_tracks(tracks, desk.out);
        self.tell(None, None, desk.out);
    }

    // Theirs.

    /// Takes note of an incoming call: its offer is tried, and the gateway told that it rings.
    pub(super) fn received(
        &mut self,
        offer: Option<&str>,
        parameters: Vec<CustomParameter>,
        desk: &mut Desk<'_>,
    ) {
        let op = self.start(OperationKind::Make, false, None, desk);
        self.info.media_offered = offer.and_then(offered);
        desk.out.event(Event::CallReceived {
            call: self.info.id.clone(),
            media_offered: self.info.media_offered,
        });
        self.tell_parameters(parameters, desk);
        if let Some(offer) = offer {
            let taken = Association::answering(offer, &self.info.id, desk);
            self.took_theirs(&taken, desk);
            match taken {
                Ok(media) => {
                    self.media = Some(media);
                    self.offer = Some(offer.into());
                }
                Err(error) => {
                    self.finish(&op, Err(error.clone()), desk);
                    self.broken(error, desk);
                    return;
                }
            }
        }
        match (desk.out.config.call.ringing_feedback, &self.session) {
            (RingingFeedback::Auto, Some(session)) => {
                let resource = desk.out.resources().session(session, SessionRequest::Ringing);
                desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Ring(op)), resource);
            }
            _ => self.set_up(&op, CallState::Initiated, desk),
        }
    }

    /// Tells what the far side sent.
    pub(super) fn tell_parameters(&self, parameters: Vec<CustomParameter>, desk: &mut Desk<'_>) {
        if !parameters.is_empty() {
            let call = self.info.id.clone();
            desk.out.event(Event::CustomParameters { call, parameters });
        }
    }

    fn set_up(&mut self, op: &OperationId, state: CallState, desk: &mut Desk<'_>) {
        self.enter(state, desk.out);
        self.audit.begin(desk.out.now());
        self.tell(None, None, desk.out);
        self.finish(op, Ok(Outcome::Done), desk);
    }

    /// Tells the gateway that it rings, as the application wants it.
    pub(super) fn feed_back(&mut self, command: CommandId, desk: &mut Desk<'_>) {
        let Some(session) = self.session.clone() else { return };
        let op = self.start(OperationKind::SendRingingFeedback, true, Some(command), desk);
        self.update(&op, desk);
        let resource = desk.out.resources().session(&session, SessionRequest::Ringing);
        desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Ring(op)), resource);
    }

    /// Takes the gateway's reply to either.
    pub(super) fn rung(
        &mut self,
        op: &OperationId,
        result: Result<(), Fault>,
        desk: &mut Desk<'_>,
    ) {
        let automatic = self.ops.kind(op) == Some(OperationKind::Make);
        match (automatic, result) {
            (true, Ok(())) => self.set_up(op, CallState::Ringing, desk),
            (true, Err(_)) => self.set_up(op, CallState::Initiated, desk),
            (false, Ok(())) => {
                self.finish(op, Ok(Outcome::Done), desk);
                // It may be told more than once, and rings from the first on.
                if self.info.state == CallState::Initiated {
                    self.rings(desk);
                }
            }
            (false, Err(fault)) => self.fail(op, fault.of_call(), desk),
        }
    }

    /// Answers it: with an answer to its offer, or with an offer of ours.
    pub(super) fn answer(&mut self, command: CommandId, media: CallMedia, desk: &mut Desk<'_>) {
        let kinds: Vec<_> = media.kinds().collect();
        let slow = self.offer.is_none();
        let kind = if slow { OperationKind::SlowAnswer } else { OperationKind::Answer };
        let op = self.start(kind, true, Some(command), desk);
        let ready = if slow {
            let media = self.info.media;
            Association::offering(&self.info.id, media, &kinds, self.dscp, desk).map(|mut media| {
                media.caller = false;
                self.media = Some(media);
            })
        } else {
            match &mut self.media {
                Some(media) => {
                    media.urge(self.dscp);
                    media.answer(self.info.media, &kinds, desk)
                }
                None => Err(Error::new(CallCode::InvalidOffer, "there is no offer")),
            }
        };
        match ready {
            Ok(()) => {
                self.answering = Some(op.clone());
                self.collect(op, Purpose::Answer { slow }, desk);
            }
            Err(error) => {
                self.answer_again(desk);
                self.fail(&op, error, desk);
            }
        }
    }

    /// Takes the gateway's reply to the answer.
    pub(super) fn answered(
        &mut self,
        op: &OperationId,
        result: Result<(), Fault>,
        desk: &mut Desk<'_>,
    ) {
        if self.answering.as_ref() != Some(op) {
            return;
        }
        let slow = matches!(&self.step, Step::Sent { purpose: Purpose::Answer { slow: true }, .. });
        match result {
            Ok(()) if slow => {
                // The far side's description is still to come.
                self.enter(CallState::Ringing, desk.out);
                self.replied(op, desk);
            }
            Ok(()) => {
                self.step = Step::Idle;
                self.connected(op, desk);
                self.take_waiting(desk);
            }
            Err(fault) => {
                self.step = Step::Idle;
                let error = fault.of_call();
                let elsewhere = error.code == ErrorCode::Gateway(ANSWERED_ELSEWHERE);
                self.answer_again(desk);
                self.fail(op, error, desk);
                if elsewhere {
                    self.ask_status(None, desk);
                }
            }
        }
    }

    /// The call is up.
    pub(super) fn connected(&mut self, op: &OperationId, desk: &mut Desk<'_>) {
        self.answering = None;
        self.offer = None;
        let tracks = self.agreed(desk);
        self.enter(CallState::Connected, desk.out);
        self.tell_tracks(tracks, desk.out);
        self.tell(None, None, desk.out);
        self.finish(op, Ok(Outcome::Done), desk);
    }

    /// Makes it ready to be answered once more: an offer is taken by a fresh engine.
    pub(super) fn answer_again(&mut self, desk: &mut Desk<'_>) {
        self.answering = None;
        self.info.media = self.media_name();
        if let Some(media) = self.media.take() {
            media.close(desk);
        }
        if let Some(offer) = self.offer.clone() {
            self.media = Association::answering(&offer, &self.info.id, desk).ok();
        }
    }
}

/// The kinds of media of an offer.
fn offered(sdp: &str) -> Option<MediaOffered> {
    let description = crate::sdp::Description::read(sdp).ok()?;
    let has = |kind: &str| {
        description.sections.iter().any(|section| section.kind() == kind && !section.is_off())
    };
    Some(MediaOffered { audio: has("audio"), video: has("video") })
}
