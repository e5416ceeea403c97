//! Offers of ours, and the answers to them (w4.9).

use super::directions::{direction, renumbered};
use super::{Association, Before, engine_said, init_failed, invalid_offer};
use crate::machine::CodePoint;
use crate::media::{MediaKind, MediaState, Peers, Track, TrackInfo, Wish};
use crate::ribbon::calls::desk::Desk;
use crate::ribbon::constants::HoldState;
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::ids::CallId;
use crate::ribbon::pipeline::{Arrival, Bandwidth, SdpKind};
use crate::sdp::Direction;

impl Association {
    /// Our description with all candidates, as it is sent.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: a handler of the application's made something of it that is none.
    pub(in crate::ribbon::calls) fn description(
        &mut self,
        kind: SdpKind,
        call: &CallId,
    ) -> Result<String, Error> {
        self.collection = None;
        let text = self.pending.take().ok_or_else(|| {
            Error::new(CallCode::InitMediaFailed, "there is no description to send")
        })?;
        self.pipeline.outgoing(call, kind, &text, &self.candidates, &mut self.origin)
    }

    /// Offers what there is, held or not.
    pub(in crate::ribbon::calls) fn offer_held(
        &mut self,
        held: HoldState,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.remember(false, desk);
        self.offer(held, &[], desk)
    }

    fn remember(&mut self, more: bool, desk: &Desk<'_>) {
        let tracks = self.tracks(desk.peers);
        let directions = tracks.iter().map(|info| (info.track, info.direction)).collect();
        self.before = Some(Before { directions, sends: self.sends.clone(), more });
    }

    /// Offers what there is, and these wishes.
    fn offer(
        &mut self,
        held: HoldState,
        wishes: &[Wish],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let sends = self.sends.clone();
        let offer = self.with(desk, |engine, now| {
            for TrackInfo { track, .. } in engine.tracks() {
                engine.set_direction(track, direction(&sends, track, held));
            }
            engine.create_offer(now, wishes)
        });
        self.pending = Some(engine_said(offer)?.map_err(init_failed)?);
        Ok(())
    }

    /// Offers more of our own: of tracks that are there and idle first (w4.9).
    pub(in crate::ribbon::calls) fn offer_more(
        &mut self,
        kinds: &[MediaKind],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.remember(true, desk);
        let tracks = self.tracks(desk.peers);
        let mut wishes = Vec::new();
        for kind in kinds.iter().copied() {
            let idle =
                |info: &&TrackInfo| info.track.kind == kind && !self.sends.contains(&info.track);
            match tracks.iter().find(idle).map(|info| info.track) {
                Some(track) => drop(self.sends.insert(track)),
                None => wishes.push(Wish { kind, direction: Direction::SendRecv }),
            }
        }
        self.offer(HoldState::Connected, &wishes, desk)
    }

    /// Offers less of our own.
    pub(in crate::ribbon::calls) fn offer_less(
        &mut self,
        tracks: &[Track],
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.remember(false, desk);
        self.sends.retain(|track| !tracks.contains(track));
        self.offer(HoldState::Connected, &[], desk)
    }

    /// The tracks of ours that the last offer of more has brought.
    pub(in crate::ribbon::calls) fn take_more(&mut self) -> Vec<Track> {
        std::mem::take(&mut self.more)
    }

    /// Takes into use what an offer of more brings.
    fn settle_more(&mut self, peers: &Peers) {
        let Some(before) = self.before.as_ref().filter(|before| before.more) else { return };
        let old = |track: &Track| before.directions.iter().any(|(known, _)| known == track);
        let tracks = self.tracks(peers);
        let new =
            tracks.iter().filter(|info| !old(&info.track) || self.sends.contains(&info.track));
        let new = new.filter(|info| info.direction.sends() && !before.sends.contains(&info.track));
        self.more = new.map(|info| info.track).collect();
        self.sends = before.sends.iter().chain(&self.more).copied().collect();
    }

    /// Limits what the far side is to send, from the next description on (RT-010).
    pub(in crate::ribbon::calls) fn limit(&mut self, bandwidth: Bandwidth) {
        self.pipeline.bandwidth = bandwidth;
    }

    /// Takes how urgent packets are, for sockets that are opened from then on.
    pub(in crate::ribbon::calls) fn urge(&mut self, dscp: Option<CodePoint>) {
        self.dscp = dscp;
    }

    /// True if its relays can be refreshed no more: there are other credentials for them (RP-5).
    pub(in crate::ribbon::calls) fn is_stale(&self, desk: &Desk<'_>) -> bool {
        self.turns != desk.out.turns()
    }

    /// Offers what there is with other ICE credentials (RFC 8445 section 9).
    pub(in crate::ribbon::calls) fn restart(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        self.before = None;
        let offer = self.with(desk, |engine, now| engine.restart_ice(now));
        self.pending = Some(engine_said(offer)?.map_err(init_failed)?);
        Ok(())
    }

    /// Offers what there is: by a fresh association beside this one, or by this one.
    pub(in crate::ribbon::calls) fn offer_again(
        &mut self,
        fresh: bool,
        held: HoldState,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        if !fresh {
            return self.offer_held(held, desk);
        }
        let number = self.number + 1;
        let tracks = self.tracks(desk.peers);
        let mut wishes = tracks.iter().map(|info| {
            let direction = direction(&self.sends, info.track, held);
            Wish { kind: info.track.kind, direction }
        });
        // Sound there is always.
        let sound = wishes.next().unwrap_or(Wish::AUDIO);
        let wishes: Vec<_> = std::iter::once(sound).chain(wishes).collect();
        let mut next = Self::offering_as(call, number, self.media(), &wishes, self.dscp, desk)?;
        next.sends = renumbered(&self.sends, tracks.iter().map(|info| info.track));
        self.step_aside(next, desk);
        Ok(())
    }

    /// Takes an offer of ours back: everything is as before. The state of media, where the association before
    /// is back.
    ///
    /// # Errors
    ///
    /// It cannot be: the call cannot go on.
    pub(in crate::ribbon::calls) fn rollback(
        &mut self,
        desk: &mut Desk<'_>,
    ) -> Result<Option<MediaState>, Error> {
        self.pending = None;
        self.collection = None;
        if let Some(spare) = self.spare.take() {
            let failed = std::mem::replace(self, *spare);
            failed.close(desk);
            if let Some(udp) = self.udp()
                && let Some(peer) = desk.peers.get_mut(udp)
            {
                peer.reinstate();
            }
            return Ok(Some(self.state(desk.peers)));
        }
        let before = self.before.take();
        let back = self.with(desk, |engine, now| {
            let back = engine.rollback(now);
            for (track, direction) in before.iter().flat_map(|before| &before.directions) {
                engine.set_direction(*track, *direction);
            }
            back
        });
        if let Some(before) = before {
            self.sends = before.sends;
        }
        // Nothing was offered where that failed first.
        match back {
            Some(Err(crate::media::MediaError::State(_))) | Some(Ok(())) => Ok(None),
            back => engine_said(back)?.map_err(init_failed).map(|()| None),
        }
    }

    /// Takes the answer to an offer of ours.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidOffer`]: the engine makes nothing of it.
    pub(in crate::ribbon::calls) fn take_answer(
        &mut self,
        sdp: &str,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        let text = self.read(sdp, SdpKind::Answer, call, Arrival::default())?;
        let provisional = std::mem::take(&mut self.provisional);
        let taken = self.with(desk, |engine, now| {
            if provisional {
                // What was taken as an answer stands; the final one may change it, in another round that
                // nobody hears of.
                engine.create_offer(now, &[])?;
            }
            engine.accept_answer(now, &text)
        });
        if let Some(Err(_)) = taken
            && provisional
        {
            // That which was taken before stands still.
            self.provisional = true;
            self.with(desk, |engine, now| engine.rollback(now));
        }
        engine_said(taken)?.map_err(invalid_offer)?;
        self.theirs = Some(sdp.into());
        self.settle_more(desk.peers);
        self.stand(desk);
        Ok(())
    }

    /// Takes a provisional answer: sound before anybody answers.
    pub(in crate::ribbon::calls) fn take_provisional(
        &mut self,
        sdp: &str,
        call: &CallId,
        desk: &mut Desk<'_>,
    ) -> Result<(), Error> {
        self.take_answer(sdp, call, desk)?;
        self.provisional = true;
        Ok(())
    }
}
