//! Offers of the far side's, and our answers to them (w4.10).

use std::borrow::Cow;

use super::directions::{direction, first};
use super::{Association, engine_said, init_failed, invalid_offer};
use crate::machine::MediaId;
use crate::media::{MediaKind, MediaState, TrackInfo};
use crate::ribbon::calls::desk::Desk;
use crate::ribbon::constants::HoldState;
use crate::ribbon::error::Error;
use crate::ribbon::ids::CallId;
use crate::ribbon::pipeline::{Arrival, RemoteChange, RemoteUpdate, SdpKind, compare, is_flowing};
use crate::sdp::Description;

impl Association {
    /// A description of the far side's, for the engine.
    pub(super) fn read<'t>(
        &self,
        sdp: &'t str,
        kind: SdpKind,
        call: &CallId,
        arrival: Arrival,
    ) -> Result<Cow<'t, str>, Error> {
        self.pipeline.incoming(call, kind, sdp, Arrival { caller: self.caller, ..arrival })
    }

    /// Opens its sockets and makes the answer to the offer that it began with.
    pub(in crate::ribbon::calls) fn answer(
        &mut self,
        media: Option<MediaId>,
        kinds: &[MediaKind],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.open(media, desk);
        self.sends = first(kinds.iter().copied());
        self.pending = Some(self.make_answer(HoldState::Connected, desk)?);
        Ok(())
    }

    /// The answer to the offer that the engine was given last.
    pub(super) fn make_answer(
        &mut self,
        held: HoldState,
        desk: &mut Desk<'_>,
    ) -> Result<String, Error> {
        let sends = self.sends.clone();
        let answer = self.with(desk, |engine, now| {
            for TrackInfo { track, .. } in engine.tracks() {
                engine.set_direction(track, direction(&sends, track, held));
            }
            engine.create_answer(now)
        });
        engine_said(answer)?.map_err(invalid_offer)
    }

    /// Takes an offer of the far side's, and makes our answer to it: by a fresh association where another end
    /// speaks. It stands once that answer [arrived](Self::arrived).
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidOffer`]: the engine makes nothing of it; everything is as before.
    pub(in crate::ribbon::calls) fn take_offer(
        &mut self,
        sdp: &str,
        update: &RemoteUpdate,
        held: HoldState,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let moved = update.new_peer;
        let arrival = Arrival { held: held.local(), rebuilt: moved, ..Arrival::default() };
        if moved {
            let mut next = Self::answering_as(sdp, call, self.number + 1, arrival, desk)?;
            next.dscp = self.dscp;
            next.open(self.media(), desk);
            next.sends = first(self.sends.iter().map(|track| track.kind));
            match next.make_answer(held, desk) {
                Ok(answer) => next.pending = Some(answer),
                Err(error) => {
                    next.close(desk);
                    return Err(error);
                }
            }
            self.step_aside(next, desk);
            self.theirs = Some(sdp.into());
        } else {
            let text = self.read(sdp, SdpKind::Offer, call, arrival)?;
            let taken = self.with(desk, |engine, now| engine.accept_offer(now, &text));
            engine_said(taken)?.map_err(invalid_offer)?;
            self.pending = Some(self.make_answer(held, desk)?);
            self.undone = self.theirs.replace(sdp.into());
        }
        self.last_change = update.change;
        Ok(())
    }

    /// Our answer to an offer of the far side's has arrived.
    pub(in crate::ribbon::calls) fn arrived(&mut self, desk: &mut Desk<'_>) {
        self.undone = None;
        self.stand(desk);
    }

    /// Our answer to an offer of the far side's has not arrived: what it said before is in force again. The
    /// state of media, where the association before is back.
    pub(in crate::ribbon::calls) fn lost(
        &mut self,
        held: HoldState,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Option<MediaState> {
        if self.spare.is_some() {
            return self.rollback(desk).ok().flatten();
        }
        self.pending = None;
        self.collection = None;
        let before = self.undone.take()?;
        let arrival = Arrival { held: held.local(), ..Arrival::default() };
        let text = self.read(&before, SdpKind::Offer, call, arrival);
        let back = text.and_then(|text| {
            let taken = self.with(desk, |engine, now| engine.accept_offer(now, &text));
            engine_said(taken)?.map_err(init_failed)?;
            // It is what the far side has of us anyway.
            self.make_answer(held, desk)
        });
        if let Err(error) = back {
            desk.out.malformed(&format!("the description before: {error}"));
        }
        self.theirs = Some(before);
        None
    }

    /// The change that an offer of the far side's brings.
    pub(in crate::ribbon::calls) fn classify(&self, sdp: &str, held: HoldState) -> RemoteUpdate {
        let before = self.theirs.as_deref().map(Description::read);
        match (before, Description::read(sdp)) {
            (Some(Ok(before)), Ok(now)) => compare(&before, &now, held),
            _ => compare(&Description::default(), &Description::default(), held),
        }
    }

    /// Takes note of the change that an answer brings to an offer that the far side wished for. Where we hold,
    /// it says nothing of who holds besides.
    pub(in crate::ribbon::calls) fn note_change(&mut self, sdp: &str, held: HoldState) {
        self.last_change = match held.local() {
            true => RemoteChange::Generic,
            false => self.classify(sdp, held).change,
        };
    }

    pub(in crate::ribbon::calls) fn last_change(&self) -> RemoteChange {
        self.last_change
    }

    /// True if the far side's description lets media flow.
    pub(in crate::ribbon::calls) fn flows(&self) -> bool {
        let theirs = self.theirs.as_deref().map(Description::read);
        theirs.is_none_or(|theirs| theirs.is_ok_and(|theirs| is_flowing(&theirs)))
    }

    /// True if our end waits for the far side's handshake (RFC 8842).
    pub(in crate::ribbon::calls) fn is_passive(&self) -> bool {
        let Some(Ok(theirs)) = self.theirs.as_deref().map(Description::read) else { return false };
        let active = |value: Option<&str>| value.is_some_and(|role| role.trim() == "active");
        active(theirs.value("setup"))
            || theirs.sections.iter().any(|section| active(section.value("setup")))
    }
}
