//! One engine and a far end that sends whatever RTP it is told to, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::media::{
    AudioFrame, Engine, EngineConfig, EngineEvent, EngineFactory, EngineOutput, Frame, LocalKind,
    MediaState, VideoCodec, VideoFrame, WebRtcFactory,
};
use str0m::change::{SdpAnswer, SdpApi};
use str0m::format::{Codec, FormatParams};
use str0m::media::{
    Direction, Frequency, KeyframeRequestKind, MediaKind, Mid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// One way through the network.
pub(crate) const LATENCY: Duration = Duration::from_millis(10);

/// A payload type of the far end.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Opus(u8),
    Pcmu,
    Keys(u8, u32),
    /// Sent, but never offered.
    Secret(u8),
}

/// One packet that the far end got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) payload_type: u8,
    pub(crate) time: u32,
    pub(crate) marker: bool,
    /// The encoding that it is of, as it says.
    pub(crate) rid: Option<String>,
    pub(crate) payload: Vec<u8>,
}

/// One packet that it sends.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// None for the source that was announced, if any was.
    pub(crate) ssrc: Option<u32>,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u64,
    pub(crate) time: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct FarCall {
    pub(crate) now: Instant,
    start: Instant,
    pub(crate) engine: Box<dyn Engine>,
    rtc: Rtc,
    mid: Mid,
    video: Option<Mid>,
    /// The source that the far end has without being told.
    pub(crate) own_source: u32,
    flying: BTreeMap<(Instant, u64), (bool, Vec<u8>)>,
    count: u64,
    engine_wake: Option<Instant>,
    rtc_wake: Option<Instant>,
    /// With the time since [`FarCall::mark`].
    pub(crate) heard: Vec<(Duration, AudioFrame)>,
    pub(crate) keys: Vec<(char, Duration)>,
    pub(crate) noise: Vec<u8>,
    pub(crate) got: Vec<Got>,
    /// Times that the engine wants a picture that needs no other, by the far end.
    pub(crate) wanted: usize,
    /// The encodings of which the far end is to send one.
    pub(crate) asked: Vec<String>,
    pub(crate) seen: Vec<VideoFrame>,
    /// Of so many datagrams that the far end sends one is lost; 0 for none.
    pub(crate) loses_one_of: usize,
    sent: usize,
    /// The number of packets that the far end sent of each encoding.
    pictures: BTreeMap<String, u64>,
    /// The answer to the far end's offer.
    pub(crate) answer: String,
}

fn engine_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 1002))
}

fn far_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1001))
}

impl FarCall {
    /// A call that is connected; the far end offered, without naming its source or a way to tell
    /// it.
    pub(crate) fn connected(types: &[Type]) -> Self {
        Self::with(types, |line| !line.starts_with("a=ssrc") && !line.starts_with("a=extmap"))
    }

    /// The same, with only those lines in the offer.
    pub(crate) fn with(types: &[Type], line: impl Fn(&str) -> bool) -> Self {
        Self::between(EngineConfig::new(Seed::from(7)), far_end(types), line, |_| None)
    }

    /// A meeting that is connected; the far end offered, and takes pictures in so many encodings at once.
    pub(crate) fn with_encodings(rids: &[&str], line: impl Fn(&str) -> bool) -> Self {
        Self::with_encodings_both_ways(&[], rids, line)
    }

    /// The same, where it sends some, too.
    pub(crate) fn with_encodings_both_ways(
        sent: &[&str],
        taken: &[&str],
        line: impl Fn(&str) -> bool,
    ) -> Self {
        let mut config = EngineConfig::new(Seed::from(7));
        config.video = vec![VideoCodec::Vp8];
        let far = RtcConfig::new().set_rtp_mode(true);
        Self::between(config, far, line, |sdp| {
            let layers = |rids: &[&str]| rids.iter().map(|rid| SimulcastLayer::new(rid)).collect();
            let simulcast = Simulcast { send: layers(sent), recv: layers(taken) };
            let (kind, both) = (MediaKind::Video, Direction::SendRecv);
            Some(sdp.add_media(kind, both, None, None, Some(simulcast)))
        })
    }

    #[allow(clippy::disallowed_methods)] // The one clock reading: every other is relative.
    fn between(
        config: EngineConfig,
        far: RtcConfig,
        line: impl Fn(&str) -> bool,
        add: impl FnOnce(&mut SdpApi<'_>) -> Option<Mid>,
    ) -> Self {
        let now = Instant::now();
        let mut engine = WebRtcFactory::new().create(now, config);
        let mut rtc = far.build(now);
        let mut sdp = rtc.sdp_api();
        let mid = sdp.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let video = add(&mut sdp);
        let (offer, pending) = sdp.apply().unwrap();
        let offer = offer.to_sdp_string();
        let offer: String =
            offer.lines().filter(|l| line(l)).map(|line| format!("{line}\r\n")).collect();
        engine.accept_offer(now, &offer).unwrap();
        let text = engine.create_answer(now).unwrap();
        let answer: String = text
            .lines()
            .filter(|line| !line.starts_with("a=candidate") && !line.starts_with("a=end-of"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let candidate = Candidate::host(far_address(), "udp").unwrap();
        let line = candidate.to_sdp_string();
        rtc.add_local_candidate(candidate);
        engine.add_local(now, &engine_address().into(), LocalKind::Host);
        engine.local_done(now);
        engine.add_remote_candidate(now, &line).unwrap();
        rtc.add_remote_candidate(Candidate::host(engine_address(), "udp").unwrap());
        let mut call = Self {
            now,
            start: now,
            engine,
            rtc,
            mid,
            video,
            own_source: 0,
            flying: BTreeMap::new(),
            count: 0,
            engine_wake: Some(now),
            rtc_wake: Some(now),
            heard: Vec::new(),
            keys: Vec::new(),
            noise: Vec::new(),
            got: Vec::new(),
            wanted: 0,
            asked: Vec::new(),
            seen: Vec::new(),
            loses_one_of: 0,
            sent: 0,
            pictures: BTreeMap::new(),
            answer: text,
        };
        call.run(Duration::from_secs(3));
        assert_eq!(call.engine.state(), MediaState::Connected);
        assert!(call.rtc.is_connected());
        let mut api = call.rtc.direct_api();
        call.own_source = *api.stream_tx_by_mid(mid, None).unwrap().ssrc();
        call.mark();
        call
    }

    /// Times count from here, as they are when a packet needs no time to come.
    pub(crate) fn mark(&mut self) {
        self.start = self.now + LATENCY;
    }

    /// Lets time pass until so long after the mark.
    pub(crate) fn run_to(&mut self, at: Duration) {
        let until = self.start + at - LATENCY;
        self.run(until.saturating_duration_since(self.now));
    }

    pub(crate) fn send(&mut self, packet: Packet) {
        let Packet { ssrc, payload_type, sequence, time, marker, payload } = packet;
        let now = self.now;
        let ssrc = Ssrc::from(ssrc.unwrap_or(self.own_source));
        let mut api = self.rtc.direct_api();
        // Nothing happens when it is that one already.
        api.reset_stream_tx(self.mid, None, ssrc, None);
        let stream = api.stream_tx_by_mid(self.mid, None).unwrap();
        let write = RtpWrite::new(payload_type.into(), sequence.into(), time, now, payload);
        stream.write_rtp(write.marker(marker));
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain_far();
    }

    /// A picture of an encoding that the far end sends, a packet for each of its parts.
    pub(crate) fn show(&mut self, rid: &str, time: u32, parts: &[Vec<u8>]) {
        let (now, mid) = (self.now, self.video.unwrap());
        for (n, part) in parts.iter().enumerate() {
            let sequence = self.pictures.entry(rid.to_owned()).or_insert(100);
            *sequence += 1;
            // The descriptor of VP8 (RFC 7741 section 4.2): whether it is the beginning.
            let payload = [&[u8::from(n == 0) << 4][..], part].concat();
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid, Some(rid.into())).unwrap();
            if *sequence == 101 {
                // It would leave out what it sends again, where that is much beside the rest.
                stream.set_rtx_cache(1024, Duration::from_secs(3), None);
            }
            let write = RtpWrite::new(96.into(), (*sequence).into(), time, now, payload);
            stream.write_rtp(write.marker(n + 1 == parts.len()).nackable(true));
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
            self.drain_far();
        }
    }

    /// A datagram that somebody else sends in the far end's name.
    pub(crate) fn forge(&mut self, ssrc: u32, payload_type: u8, sequence: u16) {
        let mut data = vec![0x80, payload_type];
        data.extend(sequence.to_be_bytes());
        data.extend([0; 4]);
        data.extend(ssrc.to_be_bytes());
        data.extend([0x55; 60]);
        let now = self.now;
        self.engine.handle_datagram(now, engine_address(), far_address(), &data);
        self.drain_engine();
    }

    /// The far end asks for a picture of an encoding that needs no other; false where nothing came of it yet.
    pub(crate) fn ask_keyframe(&mut self, rid: &str) -> bool {
        let Some(mid) = self.video else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(mid, Some(rid.into())) else { return false };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        self.drain_engine();
        self.drain_far();
        loop {
            let packet = self.flying.first_key_value().map(|((at, _), _)| *at);
            let next = packet.into_iter().chain(self.engine_wake).chain(self.rtc_wake).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            let now = self.now;
            if packet == Some(at) {
                let Some((_, (to_engine, data))) = self.flying.pop_first() else { break };
                if to_engine {
                    self.engine.handle_datagram(now, engine_address(), far_address(), &data);
                } else {
                    let (from, to) = (engine_address(), far_address());
                    let receive = Receive::new(Protocol::Udp, from, to, &data).unwrap();
                    self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
                }
            } else {
                if self.engine_wake.is_some_and(|at| at <= now) {
                    self.engine.handle_timeout(now);
                }
                if self.rtc_wake.is_some_and(|at| at <= now) {
                    self.rtc.handle_input(Input::Timeout(now)).unwrap();
                }
            }
            self.drain_engine();
            self.drain_far();
        }
        self.now = until;
    }

    fn fly(&mut self, to_engine: bool, data: Vec<u8>) {
        self.count += 1;
        self.flying.insert((self.now + LATENCY, self.count), (to_engine, data));
    }

    pub(crate) fn drain_engine(&mut self) {
        loop {
            match self.engine.poll_output() {
                EngineOutput::Transmit { data, .. } => self.fly(false, data),
                EngineOutput::Event(EngineEvent::Frame { frame: Frame::Audio(frame), .. }) => {
                    self.heard.push((self.now.saturating_duration_since(self.start), frame));
                }
                EngineOutput::Event(EngineEvent::Frame { frame: Frame::Video(frame), .. }) => {
                    self.seen.push(frame);
                }
                EngineOutput::Event(EngineEvent::Dtmf { digit, duration }) => {
                    self.keys.push((digit.as_char(), duration));
                }
                EngineOutput::Event(EngineEvent::KeyframeWanted(_)) => self.wanted += 1,
                EngineOutput::Event(EngineEvent::ComfortNoise { level }) => self.noise.push(level),
                EngineOutput::Timeout(wake) => {
                    self.engine_wake = wake.map(|wake| wake.at);
                    return;
                }
                _ => {}
            }
        }
    }

    fn drain_far(&mut self) {
        for _ in 0..10_000 {
            match self.rtc.poll_output().unwrap() {
                Output::Transmit(transmit) => {
                    self.sent += 1;
                    if self.loses_one_of == 0 || !self.sent.is_multiple_of(self.loses_one_of) {
                        self.fly(true, transmit.contents.to_vec());
                    }
                }
                Output::Event(Event::KeyframeRequest(request)) => {
                    self.asked.push(request.rid.map(|rid| rid.to_string()).unwrap_or_default());
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let mut api = self.rtc.direct_api();
                    let stream = api.stream_rx(&packet.header.ssrc);
                    self.got.push(Got {
                        payload_type: *packet.header.payload_type,
                        time: packet.header.timestamp,
                        marker: packet.header.marker,
                        rid: stream.and_then(|stream| stream.rid()).map(|rid| rid.to_string()),
                        payload: packet.payload.to_vec(),
                    });
                }
                Output::Event(_) => {}
                Output::Timeout(at) if at <= self.now => {
                    self.rtc.handle_input(Input::Timeout(self.now)).unwrap();
                }
                Output::Timeout(at) => {
                    self.rtc_wake = Some(at);
                    return;
                }
            }
        }
        panic!("the far end never rests");
    }
}

fn far_end(types: &[Type]) -> RtcConfig {
    let mut config = RtcConfig::new().set_rtp_mode(true).clear_codecs();
    let codecs = config.codec_config();
    let hertz = |clock| Frequency::new(clock).unwrap();
    let none = FormatParams::default();
    for kind in types {
        match *kind {
            Type::Opus(pt) => {
                let format = FormatParams::parse_line("minptime=10;useinbandfec=1");
                codecs.add_config(pt.into(), None, Codec::Opus, hertz(48_000), Some(2), format);
            }
            Type::Pcmu => codecs.enable_pcmu(true, false),
            Type::Keys(pt, clock) => {
                let format = FormatParams::parse_line("0-15");
                codecs.add_config(pt.into(), None, Codec::Tele, hertz(clock), None, format);
            }
            Type::Secret(pt) => {
                codecs.add_config(pt.into(), None, Codec::Null, hertz(8_000), None, none);
            }
        }
    }
    config
}
