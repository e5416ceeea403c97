//! A far end with the real engine below it and RTP of its own making: comfort noise, keys whose
//! ends are lost or that last for long, sources that change in the middle of a word.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Rng;
use offhook::machine::Wake;
use offhook::media::negotiation::{OurSection, Payloads, Remote, Terms};
use offhook::media::{
    Agreement, AudioCodec, AudioFrame, ChannelId, ChannelMessage, Digit, Engine, EngineConfig,
    EngineOutput, Frame, Local, LocalKind, MediaError, MediaState, MediaStats, RawEngine,
    RawPacket, Track, TrackInfo, TrackStats, WebRtcFactory, Wish,
};
use offhook::sdp::{Description, Direction};

use crate::service::{FarMedia, RtpManner};

/// The static payload type of comfort noise (RFC 3551 section 6).
const NOISE: u8 = 13;
/// The loudness, in dB below the overload point.
const LEVEL: u8 = 60;
/// A pause comes after so many frames, and another source after so many.
const TALK: u32 = 4;
const SOURCE: u32 = 5;
/// A packet of the source before comes after so many of the next.
const LATE: u32 = 2;
/// Reports of a key come so often, its end so many times, and between two keys is so much.
const REPORT: Duration = Duration::from_millis(20);
const ENDS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(80);
/// The longest that a report can say.
const SEGMENT: u32 = 0xffff;

/// Makes far ends over the real engine, for worlds: each has a certificate of its own, and draws
/// all else from its seed.
pub(crate) struct GatewayFactory;

impl FarMedia for GatewayFactory {
    fn has_manners(&self) -> bool {
        true
    }

    fn create(&mut self, now: Instant, config: EngineConfig, manner: RtpManner) -> Box<dyn Engine> {
        let rng = config.seed.child("gateway").rng();
        let offered = Payloads::ours(&config.codecs);
        let engine = WebRtcFactory::deterministic().create_raw(now, config);
        if manner == RtpManner::default() {
            return engine;
        }
        let sender = Sender::new(manner, rng);
        Box::new(Gateway { engine, sender, offered, payloads: Payloads::default() })
    }
}

/// A far end with RTP of its own making.
struct Gateway {
    engine: Box<dyn RawEngine>,
    sender: Sender,
    offered: Payloads,
    /// The payloads of the last agreement.
    payloads: Payloads,
}

impl Gateway {
    fn sends(&self) -> bool {
        self.engine.agreement().is_some_and(|agreed| agreed.direction.sends())
    }

    fn write(&mut self, now: Instant, packets: Vec<RawPacket>) -> Result<(), MediaError> {
        packets.iter().try_for_each(|packet| self.engine.send_packet(now, packet))
    }

    /// The codec of what is sent, and the number and clock of its keys.
    fn keys(&self) -> Option<(AudioCodec, u32, u8)> {
        let codec = self.engine.send_codec()?;
        let (clock, number) = self.payloads.event_type(codec)?;
        Some((codec, clock, number))
    }
}

impl Engine for Gateway {
    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError> {
        self.engine.accept_answer(now, answer)?;
        let terms = Terms::Audio(self.offered.clone());
        let offered = [OurSection::new(None, terms, Direction::SendRecv)];
        let answer = Remote::read_answer(&Description::read(answer)?, &offered)?;
        if let Some((_, payloads)) = answer.audio() {
            self.payloads = payloads.clone();
        }
        Ok(())
    }

    fn send(&mut self, now: Instant, track: Track, frame: &Frame) -> Result<(), MediaError> {
        let Frame::Audio(frame) = frame else { return self.engine.send(now, track, frame) };
        let number = self.payloads.payload_type(frame.codec);
        let number = number.ok_or_else(|| MediaError::NotNegotiated(frame.codec.name()))?;
        if !self.sends() {
            return Ok(());
        }
        let packets = self.sender.audio(now, number, frame);
        self.write(now, packets)
    }

    fn send_dtmf(
        &mut self,
        now: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError> {
        if self.state() != MediaState::Connected {
            return Err(MediaError::State(self.state()));
        }
        if !self.sends() {
            return Err(MediaError::Held);
        }
        let (codec, clock, number) =
            self.keys().ok_or(MediaError::NotNegotiated("telephone-event"))?;
        self.sender.press(now, codec, (clock, number), digits, duration);
        self.handle_timeout(now);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        let due = self.sender.due(now);
        if self.sends() {
            // Where there is no way any more, nobody misses them.
            let _ = self.write(now, due);
        }
    }

    fn poll_output(&mut self) -> EngineOutput {
        match self.engine.poll_output() {
            EngineOutput::Timeout(wake) => {
                let keys = self.sender.next_wake().map(|at| Wake { at, reason: "keys" });
                EngineOutput::Timeout(Wake::earliest(wake, keys))
            }
            output => output,
        }
    }

    // As the engine below does it.

    fn add_local(&mut self, now: Instant, local: &Local, kind: LocalKind) {
        self.engine.add_local(now, local, kind);
    }

    fn remove_local(&mut self, now: Instant, address: SocketAddr) {
        self.engine.remove_local(now, address);
    }

    fn local_done(&mut self, now: Instant) {
        self.engine.local_done(now);
    }

    fn create_offer(&mut self, now: Instant, wishes: &[Wish]) -> Result<String, MediaError> {
        self.engine.create_offer(now, wishes)
    }

    fn rollback(&mut self, now: Instant) -> Result<(), MediaError> {
        self.engine.rollback(now)
    }

    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError> {
        self.engine.accept_offer(now, offer)
    }

    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError> {
        self.engine.create_answer(now)
    }

    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError> {
        self.engine.add_remote_candidate(now, candidate)
    }

    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError> {
        self.engine.restart_ice(now)
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) {
        self.engine.handle_datagram(now, local, remote, data);
    }

    fn request_keyframe(&mut self, now: Instant, track: Track) -> Result<(), MediaError> {
        self.engine.request_keyframe(now, track)
    }

    fn limit_bitrate(
        &mut self,
        now: Instant,
        track: Track,
        limit: Option<u64>,
    ) -> Result<(), MediaError> {
        self.engine.limit_bitrate(now, track, limit)
    }

    fn open_channel(&mut self, now: Instant, label: &str) -> Result<ChannelId, MediaError> {
        self.engine.open_channel(now, label)
    }

    fn send_message(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        self.engine.send_message(now, channel, message)
    }

    fn track_stats(&self, track: Track) -> Option<TrackStats> {
        self.engine.track_stats(track)
    }

    fn set_muted(&mut self, track: Track, muted: bool) {
        self.engine.set_muted(track, muted);
    }

    fn set_direction(&mut self, track: Track, direction: Direction) {
        self.engine.set_direction(track, direction);
    }

    fn tracks(&self) -> Vec<TrackInfo> {
        self.engine.tracks()
    }

    fn agreement(&self) -> Option<Agreement> {
        self.engine.agreement()
    }

    fn state(&self) -> MediaState {
        self.engine.state()
    }

    fn stats(&self) -> MediaStats {
        self.engine.stats()
    }

    fn close(&mut self, now: Instant) {
        self.engine.close(now);
    }
}

/// A source, and the number that it uses next.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: Option<u32>,
    next: u64,
}

/// The maker of packets.
#[derive(Debug)]
struct Sender {
    manner: RtpManner,
    rng: Rng,
    source: Source,
    /// The source before, until its late packet is sent.
    before: Option<Source>,
    /// Frames since the source is what it is, and since the last pause.
    of_source: u32,
    of_talk: u32,
    /// The last frame: its codec, its media time, and when it was sent.
    last: Option<(AudioCodec, u64, Instant)>,
    base: u32,
    /// Reports of keys that are to be sent.
    reports: VecDeque<(Instant, Report)>,
}

/// One report of a key.
#[derive(Clone, Debug)]
struct Report {
    payload_type: u8,
    time: u32,
    marker: bool,
    payload: [u8; 4],
}

impl Sender {
    fn new(manner: RtpManner, mut rng: Rng) -> Self {
        let (source, base) = (Source { ssrc: None, next: number(&mut rng) }, rng.next_u64() as u32);
        Self {
            manner,
            rng,
            source,
            before: None,
            of_source: 0,
            of_talk: 0,
            last: None,
            base,
            reports: VecDeque::new(),
        }
    }

    fn packet(&mut self, payload_type: u8, time: u32, marker: bool, payload: &[u8]) -> RawPacket {
        from(&mut self.source, payload_type, time, marker, payload)
    }

    /// A frame, and what goes with it.
    fn audio(&mut self, now: Instant, number: u8, frame: &AudioFrame) -> Vec<RawPacket> {
        let mut packets = Vec::new();
        let time = self.base.wrapping_add(frame.time as u32);
        if self.manner.sources && self.of_source >= SOURCE {
            let ssrc = Some(self.rng.next_u64() as u32);
            let next = Source { ssrc, next: self::number(&mut self.rng) };
            self.before = Some(std::mem::replace(&mut self.source, next));
            self.of_source = 0;
        }
        if self.manner.noise && self.of_talk >= TALK {
            // As loud as the pause is that was just before this frame.
            self.of_talk = 0;
            packets.push(self.packet(NOISE, time.wrapping_sub(1), false, &[LEVEL]));
        }
        let marker = frame.talkspurt || self.of_talk == 0;
        packets.push(self.packet(number, time, marker, &frame.data));
        self.of_talk += 1;
        self.of_source += 1;
        self.last = Some((frame.codec, frame.time, now));
        if self.of_source == LATE
            && let Some(mut before) = self.before.take()
        {
            packets.push(from(&mut before, number, time.wrapping_sub(1), false, late(frame.codec)));
        }
        packets
    }

    /// Plans the reports of keys.
    fn press(
        &mut self,
        now: Instant,
        codec: AudioCodec,
        (clock, payload_type): (u32, u8),
        digits: &[Digit],
        duration: Duration,
    ) {
        let (codec, media, said) = self.last.unwrap_or((codec, 0, now));
        let begin = self.reports.back().map_or(now, |(at, _)| *at + PAUSE).max(now);
        let ticks = |time: Duration, clock: u32| (time.as_secs_f64() * f64::from(clock)) as u32;
        let mut at = begin;
        for digit in digits {
            let since = at.saturating_duration_since(said);
            let pressed = (self.base.wrapping_add(media as u32))
                .wrapping_add(ticks(since, codec.clock_rate()));
            let step = ticks(REPORT, clock);
            // Of a long key the world hears only how it goes on, from two reports before a segment.
            let before = if self.manner.long_keys { SEGMENT - step * 5 / 2 } else { 0 };
            let steps = duration.as_millis().div_ceil(REPORT.as_millis()) as u32;
            for number in 1..=steps + ENDS {
                let end = number > steps;
                let length = before + step * number.min(steps);
                let (segment, length) = (length / SEGMENT, length % SEGMENT);
                let time = pressed.wrapping_sub(before).wrapping_add(segment * SEGMENT);
                let [high, low] = (length as u16).to_be_bytes();
                let payload = [digit.event(), if end { 0x8a } else { 0x0a }, high, low];
                let report = Report { payload_type, time, marker: number == 1, payload };
                if !(end && self.manner.endless_keys) {
                    self.reports.push_back((at, report));
                }
                at += REPORT;
            }
            at += PAUSE;
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.reports.front().map(|(at, _)| *at)
    }

    /// The reports that it is time for.
    fn due(&mut self, now: Instant) -> Vec<RawPacket> {
        let mut due = Vec::new();
        while self.next_wake().is_some_and(|at| at <= now) {
            let Some((_, report)) = self.reports.pop_front() else { break };
            let Report { payload_type, time, marker, payload } = report;
            due.push(self.packet(payload_type, time, marker, &payload));
        }
        due
    }
}

fn from(
    source: &mut Source,
    payload_type: u8,
    time: u32,
    marker: bool,
    payload: &[u8],
) -> RawPacket {
    let sequence = source.next;
    source.next += 1;
    let payload = payload.to_vec();
    RawPacket { ssrc: source.ssrc, payload_type, sequence, time, marker, payload }
}

/// The first number of a source.
fn number(rng: &mut Rng) -> u64 {
    1 + (rng.next_u64() & 0x3fff)
}

/// Nothing that anybody said: a little silence.
fn late(codec: AudioCodec) -> &'static [u8] {
    match codec {
        AudioCodec::Opus => &[0xf8, 0xff, 0xfe],
        AudioCodec::Pcmu => &[0xff; 4],
        _ => &[0xd5; 4],
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use offhook::Seed;

    use super::*;

    const OPUS: u8 = 111;
    const KEYS: (u32, u8) = (8_000, 126);

    fn said(manner: RtpManner, frames: u64) -> Vec<RawPacket> {
        let mut sender = Sender::new(manner, Seed::from(1).rng());
        let now = Instant::now();
        let frame = |n| AudioFrame {
            codec: AudioCodec::Opus,
            time: n * 960,
            lost_before: 0,
            talkspurt: n == 0,
            data: Bytes::from_static(b"sound"),
        };
        (0..frames).flat_map(|n| sender.audio(now, OPUS, &frame(n))).collect()
    }

    fn pressed(manner: RtpManner) -> Vec<RawPacket> {
        let mut sender = Sender::new(manner, Seed::from(1).rng());
        let now = Instant::now();
        let digits = ['1', '1'].map(|key| Digit::try_from(key).unwrap());
        sender.press(now, AudioCodec::Opus, KEYS, &digits, Duration::from_millis(100));
        let mut packets = Vec::new();
        while let Some(at) = sender.next_wake() {
            packets.extend(sender.due(at));
        }
        packets
    }

    #[test]
    fn rfc_3389_noise_has_its_place_in_the_row() {
        let packets = said(RtpManner { noise: true, ..RtpManner::default() }, 9);
        let types: Vec<_> = packets.iter().map(|packet| packet.payload_type).collect();
        assert_eq!(types, [111, 111, 111, 111, 13, 111, 111, 111, 111, 13, 111]);
        assert!(packets.windows(2).all(|two| two[0].sequence + 1 == two[1].sequence));
        assert!(packets[5].marker && !packets[6].marker, "a spurt begins after it");
    }

    #[test]
    fn a_source_changes_and_one_of_its_packets_is_late() {
        let packets = said(RtpManner { sources: true, ..RtpManner::default() }, 10);
        let sources: Vec<_> = packets.iter().map(|packet| packet.ssrc).collect();
        let (old, new) = (sources[0], sources[5]);
        assert_ne!(old, new);
        assert_eq!(sources[5..], [new, new, old, new, new, new]);
        assert_eq!(packets[7].sequence, packets[4].sequence + 1);
        assert_eq!(packets[7].payload, late(AudioCodec::Opus));
    }

    #[test]
    fn rfc_4733_keys_end_three_times_or_never_or_after_a_segment() {
        let ends = |packets: &[RawPacket]| {
            packets.iter().filter(|packet| packet.payload[1] & 0x80 != 0).count()
        };
        let times = |packets: &[RawPacket]| {
            let times = packets.iter().map(|packet| packet.time);
            times.collect::<std::collections::BTreeSet<_>>().len()
        };
        let tidy = pressed(RtpManner::default());
        assert_eq!((tidy.len(), ends(&tidy), times(&tidy)), (16, 6, 2));
        let endless = pressed(RtpManner { endless_keys: true, ..RtpManner::default() });
        assert_eq!((endless.len(), ends(&endless), times(&endless)), (10, 0, 2));
        let long = pressed(RtpManner { long_keys: true, ..RtpManner::default() });
        assert_eq!((long.len(), ends(&long), times(&long)), (16, 6, 4), "two segments each");
    }
}
