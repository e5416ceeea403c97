//! Figures of a session: what was measured, and what the far side reports.

use str0m::stats::{MediaEgressStats, PeerStats};

use super::engine::WebRtc;
use crate::media::{Agreement, EngineEvent, MediaStats};

impl WebRtc {
    /// Takes note of a round trip: one of ICE, as RTCP's is rounded by a clock that no seed decides.
    pub(super) fn measured(&mut self, stats: &PeerStats) {
        let pair = stats.selected_candidate_pair.as_ref();
        let measured = pair.and_then(|pair| pair.current_round_trip_time);
        self.reports.round_trip = measured.or(self.reports.round_trip);
    }

    /// Takes note of the far side's last report on our audio.
    pub(super) fn reported_on(&mut self, stats: &MediaEgressStats) {
        // The loss in these figures is known only with the second report.
        let loss = stats.remote.as_ref().and_then(|remote| {
            self.audio.outgoing.report(*remote.maximum_sequence_number, remote.packets_lost)
        });
        loss.into_iter().for_each(|loss| self.reported(loss));
    }

    /// Takes note of the loss that the far side reports. Whoever encodes is told if that asks for other copies.
    pub(super) fn reported(&mut self, loss: f32) {
        self.reports.remote_loss = Some(loss);
        self.reports.expected_loss.report(self.now, loss);
        let expected_loss = self.reports.expected_loss.percent();
        // Where there are none, none are wanted.
        let other = |told: &Agreement| ![0, expected_loss].contains(&told.expected_loss);
        if let Some(told) = self.told.as_mut().filter(|told| other(told)) {
            told.expected_loss = expected_loss;
            let told = *told;
            self.event(EngineEvent::Agreed(told));
        }
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> MediaStats {
        let (sent, heard) = (&self.audio.outgoing, &self.audio.incoming.receiver);
        MediaStats {
            packets_sent: sent.packets,
            bytes_sent: sent.bytes,
            packets_received: heard.packets(),
            bytes_received: heard.bytes(),
            packets_lost: heard.lost(),
            packets_late: heard.late(),
            frames_concealed: heard.concealed(),
            frames_recovered: heard.recovered(),
            packets_refused: self.refused,
            jitter: heard.jitter(),
            playout: heard.delay(),
            round_trip: self.reports.round_trip,
            remote_loss: self.reports.remote_loss,
        }
    }
}
