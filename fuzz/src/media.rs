//! The real media engine: descriptions, candidates, datagrams and time from a hostile far side.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use offhook::Seed;
use offhook::machine::Wake;
use offhook::media::{
    AudioCodec, AudioFrame, ChannelId, ChannelMessage, Digit, Engine, EngineConfig, EngineEvent,
    EngineFactory, EngineOutput, KEYFRAME_INTERVAL, LocalKind, MAX_CHANNELS, MAX_TRACKS, MediaKind,
    MediaState, Track, VideoCodec, VideoFrame, WebRtcFactory, Wish,
};
use offhook::sdp::Direction;

/// Steps of a script; what follows is not read.
const MAX_STEPS: usize = 80;
/// The longest that a script may wait in all: ICE gives up in half of it.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// The most wakes of the ends in a script: keys that sound wake them fifty times a second, and a
/// minute of that costs as much as twenty scripts without.
const MAX_WAKES: u32 = 150;
/// Outputs that one call may lead to.
const MAX_OUTPUTS: usize = 2_000;
/// Wake-ups in a row that time does not advance by.
const MAX_WAKES_AT_ONCE: u32 = 64;
/// Datagrams under way in one direction; more are lost.
const MAX_FLYING: usize = 64;

thread_local! {
    /// Makes all engines: a certificate costs as much as a short script.
    static FACTORY: RefCell<WebRtcFactory> = RefCell::new(WebRtcFactory::deterministic());
}

/// One of the two ends.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Here,
    There,
}

#[derive(Arbitrary, Debug)]
enum Step {
    LocalAddress {
        v6: bool,
        port: u8,
    },
    AddressesDone(End),
    Offer(End),
    /// The far side's last description, or another, is applied as an offer or an answer.
    Apply {
        end: End,
        as_offer: bool,
        twist: Option<(u16, u8)>,
    },
    Answer(End),
    RestartIce(End),
    RawDescription {
        as_offer: bool,
        text: String,
    },
    RawLines {
        after: u8,
        text: String,
    },
    Candidate {
        end: End,
        twist: Option<(u16, u8)>,
    },
    RawCandidate(String),
    Datagram {
        twist: Option<(u16, u8)>,
        twice: bool,
    },
    RawDatagram {
        kind: u8,
        data: Vec<u8>,
    },
    /// All that is under way arrives, again and again, while time passes.
    Exchange(u8),
    Audio {
        end: End,
        codec: u8,
        time: u16,
        len: u8,
    },
    Keys {
        keys: u8,
        ms: u16,
    },
    Mute(bool),
    Close(End),
    Wait(u16),
}

/// A step of meetings alone: several tracks, pictures and data channels.
#[derive(Arbitrary, Debug)]
enum Act {
    Wish {
        end: End,
        kinds: u8,
        direction: u8,
    },
    Rollback(End),
    AddLocal {
        kind: u8,
        port: u8,
    },
    RemoveLocal(u8),
    Direction {
        end: End,
        track: u8,
        direction: u8,
    },
    Mute {
        track: u8,
        muted: bool,
    },
    Picture {
        end: End,
        track: u8,
        h264: bool,
        key: bool,
        time: u16,
        length: u16,
    },
    RawPicture {
        track: u8,
        h264: bool,
        data: Vec<u8>,
    },
    Keyframe {
        end: End,
        track: u8,
    },
    OpenChannel(End),
    Message {
        end: End,
        channel: u8,
        text: bool,
        length: u16,
    },
    /// The way back is rough: so many datagrams to the end that is tampered with are lost.
    Lose(u8),
}

/// Two ends, of which one is tampered with.
///
/// Whatever comes: the engine does not panic, spin or flood, is never anything again once it is
/// closed or has failed, and gives up in the end; tracks come before they change or go, key frames are not
/// wanted too often, and channels open once.
///
/// # Panics
///
/// One of these does not hold.
pub fn media(data: &[u8]) {
    let mut script = Unstructured::new(data);
    let Ok(head) = u8::arbitrary(&mut script) else { return };
    let meets = head & 0xfc == 0xfc;
    let mut pair = Pair::new(head & 1 != 0, meets);
    if head & 2 != 0 {
        pair.connect();
    }
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        if meets && bool::arbitrary(&mut script).unwrap_or_default() {
            let Ok(act) = Act::arbitrary(&mut script) else { break };
            pair.act(&act);
            continue;
        }
        let Ok(step) = Step::arbitrary(&mut script) else { break };
        pair.play(&step);
    }
    pair.wait(Duration::from_secs(5));
    pair.here.engine.close(pair.now);
    pair.drain();
    // How the other end takes it is for scripts.
    pair.there.wake = None;
    pair.wait_out(Duration::from_secs(60));
    assert!(matches!(pair.here.engine.state(), MediaState::Closed | MediaState::Failed));
}

/// One end of a session.
struct Side {
    engine: Box<dyn Engine>,
    address: SocketAddr,
    description: Option<String>,
    candidates: Vec<String>,
    /// Datagrams to the other end.
    flying: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    wake: Option<Wake>,
    state: MediaState,
    tracks: BTreeSet<Track>,
    channels: BTreeSet<ChannelId>,
    /// The last time that a key frame of a track was wanted.
    wanted: BTreeMap<Track, Instant>,
}

struct Pair {
    here: Side,
    there: Side,
    now: Instant,
    woken_at_once: u32,
    /// The time that the script may still wait, and the wakes of the ends that may still happen
    /// meanwhile.
    left: Duration,
    wakes: u32,
}

impl Side {
    fn new(
        factory: &mut WebRtcFactory,
        now: Instant,
        seed: u64,
        relayed: bool,
        meets: bool,
        address: &str,
    ) -> Self {
        let mut config = EngineConfig::new(Seed::from(seed));
        config.relay_only = relayed;
        if meets {
            config.video = vec![VideoCodec::Vp8, VideoCodec::H264];
            config.channels = true;
        }
        Self {
            engine: factory.create(now, config),
            address: address.parse().expect("an address"),
            description: None,
            candidates: Vec::new(),
            flying: VecDeque::new(),
            wake: None,
            state: MediaState::New,
            tracks: BTreeSet::new(),
            channels: BTreeSet::new(),
            wanted: BTreeMap::new(),
        }
    }

    fn drain(&mut self, now: Instant) {
        for _ in 0..MAX_OUTPUTS {
            match self.engine.poll_output() {
                EngineOutput::Timeout(wake) => {
                    self.wake = wake;
                    return;
                }
                EngineOutput::Transmit { local, remote, data }
                    if self.flying.len() < MAX_FLYING =>
                {
                    self.flying.push_back((local, remote, data));
                }
                EngineOutput::Event(EngineEvent::State(state)) => {
                    let over = matches!(self.state, MediaState::Closed | MediaState::Failed);
                    assert!(!over, "{state:?} after {:?}", self.state);
                    assert_ne!(state, self.state);
                    self.state = state;
                }
                EngineOutput::Event(EngineEvent::LocalCandidate(candidate)) => {
                    self.candidates.push(candidate.candidate);
                }
                EngineOutput::Event(event) => self.note(now, &event),
                _ => {}
            }
        }
        panic!("the drain never ends");
    }

    /// Checks that events make a story.
    fn note(&mut self, now: Instant, event: &EngineEvent) {
        match event {
            EngineEvent::TrackAdded(info) => {
                assert!(self.tracks.insert(info.track), "{:?} twice", info.track);
                assert!(self.tracks.len() <= MAX_TRACKS);
            }
            EngineEvent::TrackChanged(info) => assert!(self.tracks.contains(&info.track)),
            EngineEvent::TrackRemoved(track) => assert!(self.tracks.remove(track)),
            EngineEvent::KeyframeWanted(track) => {
                let last = self.wanted.insert(*track, now);
                assert!(last.is_none_or(|last| last + KEYFRAME_INTERVAL <= now), "too often");
            }
            EngineEvent::ChannelOpened { channel, .. } => {
                assert!(self.channels.insert(*channel), "{channel:?} twice");
                assert!(self.channels.len() <= MAX_CHANNELS);
            }
            EngineEvent::ChannelMessage { channel, .. } => {
                assert!(self.channels.contains(channel));
            }
            EngineEvent::ChannelClosed(channel) => {
                self.channels.remove(channel);
            }
            _ => {}
        }
    }
}

fn twisted(text: &str, twist: Option<(u16, u8)>) -> String {
    let Some((at, with)) = twist else { return text.to_owned() };
    let at = usize::from(at) % text.chars().count().max(1);
    text.chars().enumerate().map(|(n, c)| if n == at { char::from(with) } else { c }).collect()
}

impl Pair {
    fn new(relayed: bool, meets: bool) -> Self {
        let now = Instant::now();
        let mut pair = FACTORY.with_borrow_mut(|factory| Self {
            here: Side::new(factory, now, 1, relayed, meets, "192.0.2.1:4000"),
            there: Side::new(factory, now, 2, false, meets, "192.0.2.2:5000"),
            now,
            woken_at_once: 0,
            left: MAX_WAIT,
            wakes: MAX_WAKES,
        });
        pair.drain();
        pair
    }

    fn side(&mut self, end: End) -> (&mut Side, &mut Side) {
        match end {
            End::Here => (&mut self.here, &mut self.there),
            End::There => (&mut self.there, &mut self.here),
        }
    }

    fn drain(&mut self) {
        self.here.drain(self.now);
        self.there.drain(self.now);
    }

    /// A session that is up.
    fn connect(&mut self) {
        let now = self.now;
        for side in [&mut self.here, &mut self.there] {
            side.engine.add_local(now, &side.address.into(), LocalKind::Host);
        }
        self.drain();
        for step in [
            Step::Offer(End::There),
            Step::Apply { end: End::Here, as_offer: true, twist: None },
            Step::Answer(End::Here),
            Step::Apply { end: End::There, as_offer: false, twist: None },
            Step::Candidate { end: End::Here, twist: None },
            Step::Candidate { end: End::There, twist: None },
        ] {
            self.play(&step);
        }
        let up = |side: &Side| side.state == MediaState::Connected;
        for _ in 0..40 {
            if up(&self.here) && up(&self.there) {
                break;
            }
            self.exchange(1);
        }
    }

    fn play(&mut self, step: &Step) {
        let now = self.now;
        // What the engine refuses it refuses; it must only not break.
        match step {
            Step::LocalAddress { v6, port } => {
                let port = 4000 + u16::from(*port % 4);
                let ip = if *v6 { "2001:db8::1" } else { "192.0.2.1" };
                let ip = ip.parse().expect("an address");
                let local = SocketAddr::new(ip, port).into();
                self.here.engine.add_local(now, &local, LocalKind::Host);
            }
            Step::AddressesDone(end) => self.side(*end).0.engine.local_done(now),
            Step::Offer(end) => {
                let side = self.side(*end).0;
                side.description = side
                    .engine
                    .create_offer(now, &[Wish::AUDIO])
                    .ok()
                    .or_else(|| side.description.take());
            }
            Step::Apply { end, as_offer, twist } => {
                let (side, other) = self.side(*end);
                let Some(description) = &other.description else { return };
                let description = twisted(description, *twist);
                apply(side, now, *as_offer, &description);
            }
            Step::Answer(end) => {
                let side = self.side(*end).0;
                side.description =
                    side.engine.create_answer(now).ok().or_else(|| side.description.take());
            }
            Step::RestartIce(end) => {
                let side = self.side(*end).0;
                side.description =
                    side.engine.restart_ice(now).ok().or_else(|| side.description.take());
            }
            Step::RawDescription { as_offer, text } => {
                apply(&mut self.here, now, *as_offer, text);
            }
            Step::RawLines { after, text } => {
                let Some(description) = &self.there.description else { return };
                let mut lines: Vec<_> = description.lines().collect();
                lines.insert(usize::from(*after) % (lines.len() + 1), text);
                let description = lines.join("\r\n") + "\r\n";
                apply(&mut self.here, now, true, &description);
            }
            Step::Candidate { end, twist } => {
                let (side, other) = self.side(*end);
                let Some(candidate) = other.candidates.last() else { return };
                let _ = side.engine.add_remote_candidate(now, &twisted(candidate, *twist));
            }
            Step::RawCandidate(text) => {
                let _ = self.here.engine.add_remote_candidate(now, text);
            }
            Step::Datagram { twist, twice } => {
                let Some((remote, local, mut data)) = self.there.flying.pop_front() else { return };
                if let Some((at, with)) = twist {
                    let at = usize::from(*at) % data.len().max(1);
                    data.get_mut(at).into_iter().for_each(|byte| *byte = *with);
                }
                for _ in 0..1 + u8::from(*twice) {
                    self.here.engine.handle_datagram(now, local, remote, &data);
                }
            }
            Step::RawDatagram { kind, data } => {
                // STUN, DTLS and RTP are told apart by the first byte (RFC 7983).
                let mut data = data.clone();
                let first = [0, 1, 20, 22, 23, 128, 144, *kind][usize::from(kind % 8)];
                data.insert(0, first);
                let (local, remote) = (self.here.address, self.there.address);
                self.here.engine.handle_datagram(now, local, remote, &data);
            }
            Step::Exchange(rounds) => return self.exchange(*rounds),
            Step::Audio { end, codec, time, len } => {
                let codec =
                    [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma][usize::from(codec % 3)];
                let data = Bytes::from(vec![codec_byte(codec); usize::from(*len)]);
                let time = u64::from(*time) << 16;
                let frame = AudioFrame { codec, time, lost_before: 0, talkspurt: false, data };
                let _ = self.side(*end).0.engine.send(now, Track::AUDIO, &frame.into());
            }
            Step::Keys { keys, ms } => {
                let digit = Digit::from_event(keys % 16).expect("a key");
                let digits = vec![digit; usize::from(keys / 16)];
                let duration = Duration::from_millis(u64::from(*ms));
                let _ = self.here.engine.send_dtmf(now, &digits, duration);
            }
            Step::Mute(muted) => self.here.engine.set_muted(Track::AUDIO, *muted),
            Step::Close(end) => self.side(*end).0.engine.close(now),
            Step::Wait(ms) => {
                let time = Duration::from_millis(u64::from(ms % 40_000)).min(self.left);
                self.left -= time;
                return self.wait(time);
            }
        }
        self.drain();
    }

    fn act(&mut self, act: &Act) {
        let now = self.now;
        let direction = |n: u8| Direction::new(n & 1 == 0, n & 2 == 0);
        let track = |n: u8| {
            if n & 1 == 0 { Track::video(n / 2 % 4) } else { Track::audio(n / 2 % 4) }
        };
        match act {
            Act::Wish { end, kinds, direction: way } => {
                let wish = |n: u8| {
                    let kind =
                        if *kinds >> n & 1 == 0 { MediaKind::Video } else { MediaKind::Audio };
                    Wish { kind, direction: direction(way >> n) }
                };
                let wishes: Vec<_> = (0..kinds / 64).map(wish).collect();
                let side = self.side(*end).0;
                let offer = side.engine.create_offer(now, &wishes).ok();
                side.description = offer.or_else(|| side.description.take());
            }
            Act::Rollback(end) => {
                let _ = self.side(*end).0.engine.rollback(now);
            }
            Act::AddLocal { kind, port } => {
                let address = SocketAddr::from(([192, 0, 2, 77], 4000 + u16::from(*port % 4)));
                let kind = match kind % 3 {
                    0 => LocalKind::Host,
                    1 => LocalKind::ServerReflexive { base: self.here.address },
                    _ => LocalKind::Relayed { server: self.there.address },
                };
                self.here.engine.add_local(now, &address.into(), kind);
            }
            Act::RemoveLocal(port) => {
                let own = *port == 0;
                let other = SocketAddr::from(([192, 0, 2, 77], 4000 + u16::from(*port % 4)));
                let address = if own { self.here.address } else { other };
                self.here.engine.remove_local(now, address);
            }
            Act::Direction { end, track: on, direction: way } => {
                self.side(*end).0.engine.set_direction(track(*on), direction(*way));
            }
            Act::Mute { track: on, muted } => self.here.engine.set_muted(track(*on), *muted),
            Act::Picture { end, track: on, h264, key, time, length } => {
                let length = usize::from(length % 8000);
                let (codec, data) = if *h264 {
                    let unit = if *key { 0x65 } else { 0x41 };
                    (VideoCodec::H264, [&[0, 0, 1, unit][..], &vec![9; length]].concat())
                } else {
                    (VideoCodec::Vp8, [&[u8::from(!key)][..], &vec![9; length]].concat())
                };
                let frame = VideoFrame::new(codec, u64::from(*time) * 90, *key, data);
                let _ = self.side(*end).0.engine.send(now, track(*on), &frame.into());
            }
            Act::RawPicture { track: on, h264, data } => {
                let codec = if *h264 { VideoCodec::H264 } else { VideoCodec::Vp8 };
                let frame = VideoFrame::new(codec, 0, true, data.clone());
                let _ = self.there.engine.send(now, track(*on), &frame.into());
            }
            Act::Keyframe { end, track: on } => {
                let engine = &mut self.side(*end).0.engine;
                let _ = engine.request_keyframe(now, track(*on));
                let _ = engine.limit_bitrate(now, track(*on), Some(u64::from(*on)));
            }
            Act::OpenChannel(end) => {
                let _ = self.side(*end).0.engine.open_channel(now, "x");
            }
            Act::Message { end, channel, text, length } => {
                let message = if *text {
                    ChannelMessage::Text("x".repeat(usize::from(length % 2000)))
                } else {
                    ChannelMessage::Binary(vec![7; usize::from(*length)].into())
                };
                let channel = ChannelId(u16::from(channel % 4));
                let _ = self.side(*end).0.engine.send_message(now, channel, &message);
            }
            Act::Lose(many) => {
                let flying = &mut self.there.flying;
                flying.drain(..usize::from(*many).min(flying.len()));
            }
        }
        self.drain();
    }

    fn exchange(&mut self, rounds: u8) {
        for _ in 0..rounds.min(40) {
            for end in [End::Here, End::There] {
                let now = self.now;
                let (side, other) = self.side(end);
                for (local, remote, data) in std::mem::take(&mut side.flying) {
                    other.engine.handle_datagram(now, remote, local, &data);
                }
                self.drain();
            }
            self.wait(Duration::from_millis(20));
        }
    }

    /// Time passes, as long as the script may let it.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.wakes > 0 {
            if !self.wake_by(until) {
                return;
            }
            self.wakes -= 1;
        }
    }

    /// Time passes.
    fn wait_out(&mut self, time: Duration) {
        let until = self.now + time;
        while self.wake_by(until) {}
    }

    /// Wakes who wants it next. When nobody does by then, it is then.
    fn wake_by(&mut self, until: Instant) -> bool {
        let wake = Wake::earliest(self.here.wake, self.there.wake);
        let Some(wake) = wake.filter(|wake| wake.at <= until) else {
            self.now = until;
            self.woken_at_once = 0;
            return false;
        };
        if wake.at > self.now {
            self.now = wake.at;
            self.woken_at_once = 0;
        }
        self.woken_at_once += 1;
        assert!(self.woken_at_once <= MAX_WAKES_AT_ONCE, "never asleep: {wake:?}");
        for side in [&mut self.here, &mut self.there] {
            if side.wake.is_some_and(|wake| wake.at <= self.now) {
                side.engine.handle_timeout(self.now);
                side.drain(self.now);
            }
        }
        true
    }
}

fn codec_byte(codec: AudioCodec) -> u8 {
    if codec == AudioCodec::Opus { 0xf8 } else { 0xd5 }
}

fn apply(side: &mut Side, now: Instant, as_offer: bool, description: &str) {
    let _ = if as_offer {
        side.engine.accept_offer(now, description)
    } else {
        side.engine.accept_answer(now, description)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ends_can_connect() {
        let mut pair = Pair::new(false, false);
        pair.connect();
        assert_eq!(pair.here.engine.state(), MediaState::Connected);
    }

    /// Scripts at random, all of a meeting that is up.
    #[test]
    fn meetings_at_random() {
        for seed in 0..30 {
            let mut rng = Seed::from(seed).rng();
            let mut script = vec![0xfe];
            for _ in 0..200 {
                script.extend(rng.next_u64().to_le_bytes());
            }
            // Shown when it fails.
            println!("{seed}");
            media(&script);
        }
    }

    #[test]
    fn a_script_can_wait_until_ice_gives_up() {
        let mut pair = Pair::new(false, false);
        pair.connect();
        let since = pair.wakes;
        for _ in 0..2 {
            pair.there.flying.clear();
            pair.play(&Step::Wait(30_000));
        }
        assert_eq!(pair.here.engine.state(), MediaState::Failed, "{since} {}", pair.wakes);
    }
}
