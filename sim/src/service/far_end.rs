//! The media of a call's far end: its engine, what it says, and what it does with what it hears.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::machine::{UdpId, Wake};
use offhook::media::{
    AudioFrame, ChannelId, ChannelMessage, Digit, Engine, EngineEvent, EngineOutput, Frame,
    LocalCandidate, MediaState, Track, VideoFrame,
};
use serde_json::{Value, json};

use super::prompt::Prompt;

/// The time between two frames.
const PACE: Duration = Duration::from_millis(20);
/// Without a word from the client for this long, it no longer consents to being sent to (RFC 7675
/// section 5.1).
const CONSENT: Duration = Duration::from_secs(30);
/// Outputs that one drain takes from an engine.
const MAX_DRAIN: usize = 10_000;

/// The behaviour of a far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarEndMode {
    /// Says the cloud's prompt over and over.
    Prompt,
    /// Says back what it hears.
    Echo,
    /// Listens.
    Silence,
    /// Played from outside.
    External,
}

impl FarEndMode {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Prompt, Self::Echo, Self::Silence, Self::External]
            .into_iter()
            .find(|mode| mode.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Echo => "echo",
            Self::Silence => "silence",
            Self::External => "external",
        }
    }
}

/// A datagram for a far end.
pub(crate) struct Packet<'a> {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) data: &'a [u8],
}

/// A word of a far end to its call.
pub(crate) enum Word {
    Transmit {
        local: SocketAddr,
        remote: SocketAddr,
        data: Vec<u8>,
    },
    State(MediaState),
    Heard(AudioFrame),
    Seen {
        track: Track,
        frame: VideoFrame,
    },
    /// The client wants a picture of a track that needs no other.
    Wanted(Track),
    Key(Digit),
    /// A channel for data, and its label.
    Opened(ChannelId, String),
    Message(ChannelMessage),
    Closed(ChannelId),
}

/// The media of a call's far end.
pub(crate) struct FarEnd {
    pub(crate) udp: UdpId,
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) candidates: Vec<LocalCandidate>,
    /// The time at which anything came from the client last.
    pub(crate) heard: Option<Instant>,
    wake: Option<Wake>,
    /// The time to speak next, and the number of times that it has.
    speak_at: Option<Instant>,
    said: u64,
}

impl FarEnd {
    pub(crate) fn new(udp: UdpId, engine: Box<dyn Engine>) -> Self {
        Self {
            udp,
            engine,
            candidates: Vec::new(),
            heard: None,
            wake: None,
            speak_at: None,
            said: 0,
        }
    }

    pub(crate) fn next_wake(&self, mode: FarEndMode) -> Option<Wake> {
        let at = self.speak_at.filter(|_| mode == FarEndMode::Prompt);
        let speak = at.map(|at| Wake { at, reason: "far end speaks" });
        let forsaken = self.heard.map(|at| Wake { at: at + CONSENT, reason: "consent expires" });
        Wake::earliest(Wake::earliest(self.wake, speak), forsaken)
    }

    /// True if the client that was there is gone, since its consent has expired; told once.
    pub(crate) fn take_forsaken(&mut self, now: Instant) -> bool {
        self.heard.take_if(|at| *at + CONSENT <= now).is_some()
    }

    /// Passes over frames of a far end that says nothing of its own, before it does otherwise:
    /// nobody was woken for them.
    pub(crate) fn pass_time(&mut self, now: Instant, mode: FarEndMode) {
        if mode != FarEndMode::Prompt
            && let Some(at) = self.speak_at
        {
            let passed = now.saturating_duration_since(at).as_nanos().div_ceil(PACE.as_nanos());
            self.said += passed as u64;
            self.speak_at = Some(at + Duration::from_nanos((passed * PACE.as_nanos()) as u64));
        }
    }

    /// Takes all that the engine has to say.
    pub(crate) fn drain(&mut self, now: Instant) -> Vec<Word> {
        let mut words = Vec::new();
        for _ in 0..MAX_DRAIN {
            match self.engine.poll_output() {
                EngineOutput::Transmit { local, remote, data } => {
                    words.push(Word::Transmit { local, remote, data });
                }
                EngineOutput::Event(EngineEvent::State(state)) => {
                    self.speak_at = match state {
                        MediaState::Connected => self.speak_at.or(Some(now)),
                        MediaState::Disconnected => self.speak_at,
                        _ => None,
                    };
                    words.push(Word::State(state));
                }
                EngineOutput::Event(EngineEvent::LocalCandidate(candidate)) => {
                    self.candidates.push(candidate);
                }
                EngineOutput::Event(EngineEvent::Frame { frame: Frame::Audio(frame), .. }) => {
                    words.push(Word::Heard(frame));
                }
                EngineOutput::Event(EngineEvent::Frame { track, frame: Frame::Video(frame) }) => {
                    words.push(Word::Seen { track, frame });
                }
                EngineOutput::Event(EngineEvent::KeyframeWanted(track)) => {
                    words.push(Word::Wanted(track));
                }
                EngineOutput::Event(EngineEvent::ChannelOpened { channel, label }) => {
                    words.push(Word::Opened(channel, label));
                }
                EngineOutput::Event(EngineEvent::ChannelMessage { message, .. }) => {
                    words.push(Word::Message(message));
                }
                EngineOutput::Event(EngineEvent::ChannelClosed(channel)) => {
                    words.push(Word::Closed(channel));
                }
                EngineOutput::Event(EngineEvent::Dtmf { digit, .. }) => {
                    words.push(Word::Key(digit));
                }
                EngineOutput::Timeout(wake) => {
                    self.wake = wake;
                    break;
                }
                _ => {}
            }
        }
        words
    }

    /// Does what time asks for.
    pub(crate) fn handle_timeout(&mut self, now: Instant, mode: FarEndMode, prompt: &mut Prompt) {
        if self.wake.is_some_and(|wake| wake.at <= now) {
            self.engine.handle_timeout(now);
        }
        while let Some(at) = self.speak_at.filter(|at| *at <= now && mode == FarEndMode::Prompt) {
            self.speak_at = Some(at + PACE);
            let n = self.said;
            self.said += 1;
            if let Some(terms) = self.engine.agreement()
                && let Some(data) = prompt.frame(&terms, n)
            {
                let codec = terms.codec;
                let time = n * u64::from(codec.clock_rate() / 50);
                let frame = AudioFrame { codec, time, lost_before: 0, talkspurt: n == 0, data };
                self.say(now, &frame);
            }
        }
    }

    pub(crate) fn say(&mut self, now: Instant, frame: &AudioFrame) {
        // A frame of a codec that was not agreed on is not said.
        let _ = self.engine.send(now, Track::AUDIO, &frame.clone().into());
    }

    /// The media as `GET /control/calls/{cid}/media` tells it.
    pub(crate) fn body(&self) -> Value {
        let stats = self.engine.stats();
        let state = match self.engine.state() {
            MediaState::New => "new",
            MediaState::Connecting => "connecting",
            MediaState::Connected => "connected",
            MediaState::Disconnected => "disconnected",
            MediaState::Failed => "failed",
            MediaState::Closed => "closed",
        };
        json!({
            "connectionState": state,
            "packetsReceived": stats.packets_received, "packetsSent": stats.packets_sent,
            "bytesReceived": stats.bytes_received, "bytesSent": stats.bytes_sent,
            "packetsLost": stats.packets_lost, "packetsLate": stats.packets_late,
            "framesConcealed": stats.frames_concealed, "framesRecovered": stats.frames_recovered,
            "packetsRefused": stats.packets_refused,
            "jitterMs": stats.jitter.as_secs_f64() * 1000.0,
            "codec": self.engine.send_codec().map(|codec| codec.name()),
        })
    }
}
