//! Offers and answers: ours are sent when enough candidates are there, and settled by the gateway's reply and
//! the far side's word in any order; the far side's are answered, or wait, or are refused (w4.9, w4.10).

use std::time::Duration;

use super::association::{Association, Gathered};
use super::call::{Call, Purpose, Step, Word};
use super::desk::Desk;
use super::told::Told;
use crate::ribbon::ask::{Ask, CallAsk};
use crate::ribbon::constants::{HoldState, OperationKind};
use crate::ribbon::error::{CallCode, Error, ErrorCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::OperationId;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::pipeline::{RemoteChange, SdpKind};
use crate::ribbon::wire::resources::calls::{Offered, SessionRequest};

/// The time that the far side's word waits for the reply before it (w4.0.4).
const LATE_REPLY: Duration = Duration::from_millis(500);
/// The time that the far side's word is waited for beyond a request's own (w4.0.4).
const LATE_WORD: Duration = Duration::from_secs(15);
/// The time that an offer of the far side waits for what is under way (w4.0.4).
const OFFER_WAITS: Duration = Duration::from_secs(3);
/// The time that the gateway wants to be left alone after offers crossed, where it does not say (w4.0.4).
const GLARE_PAUSE: Duration = Duration::from_secs(10);

impl Call {
    /// Notes in the report that a description of the far side's was taken, or could not be.
    pub(super) fn took_theirs<T>(&self, taken: &Result<T, Error>, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        desk.out.reports.took_theirs(&self.info.id, taken.as_ref().err(), now);
    }

    // Ours.

    /// Collects candidates for a description of ours.
    pub(super) fn collect(&mut self, op: OperationId, purpose: Purpose, desk: &mut Desk<'_>) {
        let Some(media) = &mut self.media else { return };
        let kind = self.ops.kind(&op).unwrap_or(OperationKind::GenericRemote);
        media.collect(kind, &self.info.id, desk);
        let now = desk.out.now();
        let made = match purpose {
            Purpose::Answer { slow: false } | Purpose::Respond { slow: false } => SdpKind::Answer,
            Purpose::Make
            | Purpose::Join { .. }
            | Purpose::Offer
            | Purpose::Answer { slow: true }
            | Purpose::Respond { slow: true } => SdpKind::Offer,
        };
        desk.out.reports.collecting(&self.info.id, &op, made, now);
        self.step = Step::Collecting { op, purpose };
    }

    /// Looks whether there are enough candidates.
    pub(super) fn check_collection(&mut self, desk: &mut Desk<'_>) {
        let Step::Collecting { op, purpose } = &self.step else { return };
        let Some(media) = &mut self.media else { return };
        match media.gathered(desk) {
            Gathered::NotYet => {}
            Gathered::Enough => {
                let (op, purpose) = (op.clone(), purpose.clone());
                let now = desk.out.now();
                desk.out.reports.collected(&self.info.id, None, now);
                self.send(op, purpose, desk);
            }
            Gathered::Nothing(error) => {
                let (op, purpose) = (op.clone(), purpose.clone());
                let now = desk.out.now();
                desk.out.reports.collected(&self.info.id, Some(&error), now);
                self.step = Step::Idle;
                self.not_sent(&op, &purpose, error, desk);
            }
        }
    }

    /// Gives an operation up that still collects candidates: its command's time is up.
    pub(super) fn give_up_collecting(
        &mut self,
        op: &OperationId,
        error: &Error,
        desk: &mut Desk<'_>,
    ) {
        if let Step::Collecting { op: collecting, purpose } = &self.step
            && collecting == op
        {
            let purpose = purpose.clone();
            self.step = Step::Idle;
            self.not_sent(op, &purpose, error.clone(), desk);
        }
    }

    /// Sends a description of ours.
    fn send(&mut self, op: OperationId, purpose: Purpose, desk: &mut Desk<'_>) {
        self.step = Step::Idle;
        self.hush(desk);
        let kind = match purpose.is_offer() {
            true => SdpKind::Offer,
            false => SdpKind::Answer,
        };
        let described = self.media.as_mut().map(|media| {
            media.limit(self.info.bandwidth);
            media.description(kind, &self.info.id)
        });
        let text = match described {
            Some(Ok(text)) => text,
            Some(Err(error)) => return self.not_sent(&op, &purpose, error, desk),
            None => return,
        };
        let what = Offered { sdp: &text, parameters: &self.info.parameters };
        let resources = desk.out.resources();
        let early = desk.out.config.call.early_media;
        let (resource, ask) = match (&purpose, &self.session) {
            (Purpose::Make, _) => {
                let resource = resources.make(&self.source, &self.destination, early, what);
                (resource, CallAsk::Create(op.clone()))
            }
            (Purpose::Join { first, second }, _) => {
                (resources.join(first, second, what), CallAsk::Create(op.clone()))
            }
            (Purpose::Answer { .. }, Some(session)) => {
                let resource = resources.session(session, SessionRequest::Answer(what));
                (resource, CallAsk::Answer(op.clone()))
            }
            (Purpose::Offer, Some(session)) => {
                let resource = resources.session(session, SessionRequest::Update(what));
                (resource, CallAsk::Offer(op.clone()))
            }
            (Purpose::Respond { .. }, Some(session)) => {
                let resource = resources.session(session, SessionRequest::Respond(what));
                (resource, CallAsk::Respond(op.clone()))
            }
            (Purpose::Answer { .. } | Purpose::Offer | Purpose::Respond { .. }, None) => return,
        };
        self.update(&op, desk);
        // A call that is placed rings as long as the gateway lets it.
        let limit = match purpose {
            Purpose::Make | Purpose::Join { .. } => None,
            Purpose::Answer { .. } | Purpose::Offer | Purpose::Respond { .. } => {
                Some(desk.out.now() + desk.out.config.rest_timeout + LATE_WORD)
            }
        };
        desk.out.rest(Ask::Call(self.info.id.clone(), ask), resource);
        self.step = Step::Sent { op, purpose, replied: false, word: None, until: limit };
    }

    /// A description of ours could not be made: everything is as before.
    fn not_sent(&mut self, op: &OperationId, purpose: &Purpose, error: Error, desk: &mut Desk<'_>) {
        match purpose {
            Purpose::Make => self.not_made(op, error, desk),
            Purpose::Join { .. } => self.not_made(op, error, desk),
            Purpose::Answer { .. } => {
                self.answer_again(desk);
                self.fail(op, error, desk);
            }
            Purpose::Offer => self.withdraw(op, error, desk),
            Purpose::Respond { slow } => {
                self.refuse(desk);
                match slow {
                    true => self.withdraw(op, error, desk),
                    false => self.not_responded(op, error, desk),
                }
            }
        }
    }

    /// Takes the gateway's reply to an offer of ours, or to an answer.
    pub(super) fn offered(
        &mut self,
        op: &OperationId,
        result: Result<(), Fault>,
        desk: &mut Desk<'_>,
    ) {
        match result {
            Ok(()) => self.replied(op, desk),
            Err(fault) => {
                if matches!(&self.step, Step::Sent { op: sent, .. } if sent == op) {
                    self.step = Step::Idle;
                    self.withdraw(op, fault.of_call(), desk);
                }
            }
        }
    }

    /// The gateway has taken what was sent: a word that came before is read now.
    pub(super) fn replied(&mut self, op: &OperationId, desk: &mut Desk<'_>) {
        let Step::Sent { op: sent, replied, word, .. } = &mut self.step else { return };
        if sent != op {
            return;
        }
        *replied = true;
        if let Some((word, _)) = word.take() {
            self.take_word(word, desk);
        }
    }

    /// The far side's word on an offer of ours came.
    pub(super) fn word(&mut self, came: Word, desk: &mut Desk<'_>) {
        let until = desk.out.now() + LATE_REPLY;
        match &mut self.step {
            Step::Sent { replied: false, word: word @ None, .. } => *word = Some((came, until)),
            Step::Sent { replied: true, .. } => self.take_word(came, desk),
            Step::Idle | Step::Collecting { .. } | Step::Sent { .. } => {}
        }
    }

    fn take_word(&mut self, word: Word, desk: &mut Desk<'_>) {
        let Step::Sent { op, purpose, .. } = std::mem::take(&mut self.step) else { return };
        self.resume(&op, desk);
        match word {
            Word::Answer(sdp) => {
                let Some(media) = &mut self.media else { return };
                if let Purpose::Respond { .. } = purpose {
                    media.note_change(&sdp, self.info.hold);
                }
                let taken = media.take_answer(&sdp, &self.info.id, desk);
                self.took_theirs(&taken, desk);
                match taken {
                    Ok(()) => self.settled(&op, &purpose, desk),
                    Err(error) => self.word_failed(&op, &purpose, error, desk),
                }
            }
            Word::Refusal(error) => self.word_failed(&op, &purpose, error, desk),
        }
    }

    /// An offer of ours is answered.
    fn settled(&mut self, op: &OperationId, purpose: &Purpose, desk: &mut Desk<'_>) {
        match (purpose, self.ops.kind(op)) {
            (Purpose::Make | Purpose::Join { .. } | Purpose::Answer { .. }, _) => {
                self.connected(op, desk);
            }
            (Purpose::Offer, Some(OperationKind::Hold)) => {
                self.changed_hold(op, self.info.hold.with_local(true), desk);
            }
            (Purpose::Offer, Some(OperationKind::Unhold)) => {
                // An answer that does not flow means that the far side holds (RP-3).
                let flows = self.media.as_ref().is_some_and(Association::flows);
                self.changed_hold(op, HoldState::new(false, !flows), desk);
            }
            (Purpose::Offer, Some(OperationKind::AddMedia | OperationKind::AddBasicMedia)) => {
                let more = self.media.as_mut().map(Association::take_more);
                self.added(op, more.unwrap_or_default(), desk);
            }
            (
                Purpose::Offer,
                Some(OperationKind::RemoveMedia | OperationKind::RemoveBasicMedia),
            ) => self.removed(op, desk),
            (Purpose::Offer, Some(OperationKind::MediaRestart)) => {
                let tracks = self.agreed(desk);
                self.tell_tracks(tracks, desk.out);
                desk.out.event(Event::MediaRestarted { call: self.info.id.clone() });
                self.path_offered(true, desk.out);
                self.finish(op, Ok(Outcome::Done), desk);
            }
            (Purpose::Offer, _) => {
                let tracks = self.agreed(desk);
                self.tell_tracks(tracks, desk.out);
                self.finish(op, Ok(Outcome::Done), desk);
            }
            (Purpose::Respond { .. }, _) => {
                let change = self.media.as_ref().map(Association::last_change);
                self.remote_changed(op, change.unwrap_or(RemoteChange::Generic), desk);
            }
        }
        self.take_waiting(desk);
    }

    fn changed_hold(&mut self, op: &OperationId, hold: HoldState, desk: &mut Desk<'_>) {
        let tracks = self.agreed(desk);
        self.enter_hold(hold, desk.out);
        self.tell_tracks(tracks, desk.out);
        self.tell(None, None, desk.out);
        self.finish(op, Ok(Outcome::Done), desk);
    }

    /// The far side refused an offer of ours, or its answer is of no use.
    fn word_failed(
        &mut self,
        op: &OperationId,
        purpose: &Purpose,
        error: Error,
        desk: &mut Desk<'_>,
    ) {
        match purpose {
            Purpose::Make | Purpose::Join { .. } => self.not_made(op, error, desk),
            Purpose::Answer { .. } => {
                self.fail(op, error.clone(), desk);
                self.broken(error, desk);
            }
            Purpose::Offer | Purpose::Respond { slow: true } => self.withdraw(op, error, desk),
            Purpose::Respond { slow: false } => self.not_responded(op, error, desk),
        }
    }

    /// Takes an offer of ours back: everything is as before; if even that fails, the call is over.
    pub(super) fn withdraw(&mut self, op: &OperationId, error: Error, desk: &mut Desk<'_>) {
        self.adding.clear();
        let kind = self.ops.kind(op).map_or("", OperationKind::as_str);
        if self.ops.kind(op) == Some(OperationKind::MediaRestart) {
            self.path_offered(false, desk.out);
        }
        let back = self.media.as_mut().map_or(Ok(None), |media| media.rollback(desk));
        if back.is_err() || !self.try_again(op, &error, desk) {
            self.fail(op, error, desk);
        }
        match back {
            Ok(Some(state)) => self.media_is(state, desk.out),
            Ok(None) => {}
            Err(error) => {
                let text = format!("{kind} failed, and could not be undone: {error}");
                self.broken(Error::new(CallCode::Generic, text), desk);
                return;
            }
        }
        self.take_waiting(desk);
    }

    // Theirs.

    /// An offer of the far side has to wait. A newer one takes its place (RP-2).
    pub(super) fn wait(&mut self, update: Told, desk: &mut Desk<'_>) {
        let until = desk.out.now() + OFFER_WAITS;
        if self.waiting.replace((Box::new(update), until)).is_some() {
            self.refuse(desk);
        }
    }

    /// Refuses an offer of the far side: one of ours goes first.
    pub(super) fn refuse_offer(&mut self, desk: &mut Desk<'_>) {
        let op = self.start(OperationKind::GenericRemote, false, None, desk);
        self.refuse(desk);
        let text = "another operation is under way";
        self.finish(&op, Err(Error::new(CallCode::Glare, text)), desk);
    }

    fn refuse(&mut self, desk: &mut Desk<'_>) {
        if let Some(session) = &self.session {
            let resource = desk.out.resources().session(session, SessionRequest::Refuse);
            desk.out.rest(Ask::Call(self.info.id.clone(), CallAsk::Refuse), resource);
        }
    }

    /// Takes an offer that waited, if it need not wait any more.
    pub(super) fn take_waiting(&mut self, desk: &mut Desk<'_>) {
        let free = self.ops.blocked() == super::operations::Blocked::Free
            && self.answering.is_none()
            && self.info.state.is_up();
        if free && let Some((update, _)) = self.waiting.take() {
            self.take_offer(*update, desk);
        }
    }

    /// Takes an offer of the far side, or its wish for one of ours.
    pub(super) fn take_offer(&mut self, update: Told, desk: &mut Desk<'_>) {
        self.tell_parameters(update.parameters, desk);
        let Some(sdp) = update.sdp else { return self.slow_start(desk) };
        let held = self.info.hold;
        let Some(media) = &mut self.media else { return };
        let change = media.classify(&sdp, held);
        let op = self.start(change.change.operation(), false, None, desk);
        let Some(media) = &mut self.media else { return };
        let taken = media.take_offer(&sdp, &change, held, &self.info.id, desk);
        self.took_theirs(&taken, desk);
        match taken {
            Ok(()) => self.collect(op, Purpose::Respond { slow: false }, desk),
            Err(error) => {
                self.refuse(desk);
                self.fail(&op, error, desk);
            }
        }
    }

    /// The far side wants an offer of ours: one of a fresh association, unless the gateway ends all media itself.
    fn slow_start(&mut self, desk: &mut Desk<'_>) {
        let op = self.start(OperationKind::SlowStart, false, None, desk);
        let held = self.info.hold;
        let fresh = !desk.out.config.call.media_broker_only;
        let Some(media) = &mut self.media else { return };
        match media.offer_again(fresh, held, &self.info.id, desk) {
            Ok(()) => self.collect(op, Purpose::Respond { slow: true }, desk),
            Err(error) => {
                self.refuse(desk);
                self.withdraw(&op, error, desk);
            }
        }
    }

    /// Takes the gateway's reply to an answer of ours.
    pub(super) fn responded(
        &mut self,
        op: &OperationId,
        result: Result<(), Fault>,
        desk: &mut Desk<'_>,
    ) {
        let slow = match &self.step {
            Step::Sent { op: sent, purpose: Purpose::Respond { slow }, .. } if sent == op => *slow,
            Step::Idle | Step::Collecting { .. } | Step::Sent { .. } => return,
        };
        if slow {
            self.offered(op, result, desk);
            return;
        }
        self.step = Step::Idle;
        match result {
            Ok(()) => {
                if let Some(media) = &mut self.media {
                    media.arrived(desk);
                }
                let change = self.media.as_ref().map(Association::last_change);
                self.remote_changed(op, change.unwrap_or(RemoteChange::Generic), desk);
                self.take_waiting(desk);
            }
            Err(fault) => self.not_responded(op, fault.of_call(), desk),
        }
    }

    /// An answer of ours did not arrive: everything is as before the far side's offer.
    fn not_responded(&mut self, op: &OperationId, error: Error, desk: &mut Desk<'_>) {
        let held = self.info.hold;
        let media = self.media.as_mut();
        let back = media.and_then(|media| media.lost(held, &self.info.id, desk));
        self.fail(op, error, desk);
        if let Some(state) = back {
            self.media_is(state, desk.out);
        }
        self.take_waiting(desk);
    }

    /// A change of the far side's is in force.
    fn remote_changed(&mut self, op: &OperationId, change: RemoteChange, desk: &mut Desk<'_>) {
        match change {
            RemoteChange::Hold => {
                self.changed_hold(op, self.info.hold.with_remote(true), desk);
            }
            RemoteChange::Unhold => {
                self.changed_hold(op, self.info.hold.with_remote(false), desk);
            }
            RemoteChange::StartMusic
            | RemoteChange::StopMusic
            | RemoteChange::AddMedia
            | RemoteChange::RemoveMedia
            | RemoteChange::Generic => {
                let tracks = self.agreed(desk);
                self.tell_tracks(tracks, desk.out);
                self.finish(op, Ok(Outcome::Done), desk);
            }
        }
    }

    // Time.

    pub(super) fn negotiation_timeout(&mut self, desk: &mut Desk<'_>) {
        let now = desk.out.now();
        self.check_collection(desk);
        match &mut self.step {
            Step::Sent { replied: false, word: word @ Some(_), .. }
                if word.as_ref().is_some_and(|(_, until)| *until <= now) =>
            {
                if let Some((word, _)) = word.take() {
                    self.take_word(word, desk);
                }
            }
            Step::Sent { op, purpose, until: Some(until), .. } if *until <= now => {
                let (op, purpose) = (op.clone(), purpose.clone());
                self.step = Step::Idle;
                let text = "the far side did not answer in time";
                let error = Error::new(ErrorCode::Timeout, text);
                self.word_failed(&op, &purpose, error.retried_after(Some(GLARE_PAUSE)), desk);
            }
            Step::Idle | Step::Collecting { .. } | Step::Sent { .. } => {}
        }
        if self.waiting.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.waiting = None;
            self.refuse_offer(desk);
        }
    }
}
