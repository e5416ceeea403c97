//! Media that does what datagrams tell it, for tests of everything around it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::service::offer_sdp;
use crate::media::{
    Agreement, AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineFactory,
    EngineOutput, LocalCandidate, MediaError, MediaState, MediaStats,
};
use crate::sdp::{Direction, SdpError};

/// Media that does what datagrams tell it: `connected`, `disconnected`, `failed`, `closed`,
/// `audio`, `dtmf`.
pub(super) struct FakeMedia;

impl EngineFactory for FakeMedia {
    fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> {
        Box::new(FakeEngine {
            queue: VecDeque::new(),
            state: MediaState::New,
            offered: false,
            fails_once: false,
            stats: MediaStats::default(),
            candidates: Vec::new(),
            taken: 0,
            ufrag: None,
        })
    }
}

struct FakeEngine {
    queue: VecDeque<EngineOutput>,
    state: MediaState,
    offered: bool,
    fails_once: bool,
    stats: MediaStats,
    /// Those since the last restart, and how many there were in all.
    ufrag: Option<String>,
    candidates: Vec<String>,
    taken: u8,
}

impl FakeEngine {
    fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    fn enter(&mut self, state: MediaState) {
        if self.state != state {
            self.state = state;
            self.event(EngineEvent::State(state));
        }
    }
}

impl Engine for FakeEngine {
    fn add_local_address(&mut self, _: Instant, address: SocketAddr) {
        self.event(EngineEvent::LocalCandidate(LocalCandidate {
            mid: Some("0".to_owned()),
            ufrag: "mine".to_owned(),
            candidate: format!(
                "candidate:1 1 udp 2130706431 {} {} typ host",
                address.ip(),
                address.port()
            ),
        }));
    }

    fn local_addresses_done(&mut self, _: Instant) {
        self.event(EngineEvent::GatheringComplete);
    }

    fn create_offer(&mut self, _: Instant) -> Result<String, MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn accept_answer(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        Err(MediaError::NotYet("answers"))
    }

    fn accept_offer(&mut self, _: Instant, offer: &str) -> Result<(), MediaError> {
        if offer.contains("a=refuse") {
            return Err(SdpError::NoAudio.into());
        }
        if !offer.contains("opus") || offer.contains("a=no-opus") {
            return Err(MediaError::NoCommonCodec);
        }
        let ufrag = offer.lines().find(|line| line.starts_with("a=ice-ufrag"));
        if self.ufrag.as_deref() != ufrag {
            self.ufrag = ufrag.map(str::to_owned);
            self.candidates.clear();
        }
        self.fails_once = offer.contains("a=x-answer-fails-once");
        self.offered = true;
        Ok(())
    }

    fn create_answer(&mut self, _: Instant) -> Result<String, MediaError> {
        if !self.offered {
            return Err(MediaError::State(self.state));
        }
        if std::mem::take(&mut self.fails_once) {
            return Err(SdpError::BadValue("an answer for once").into());
        }
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        Ok(offer_sdp().replace("actpass", "active").replace("ice-ufrag:ufra", "ice-ufrag:mine"))
    }

    fn add_remote_candidate(&mut self, _: Instant, candidate: &str) -> Result<(), MediaError> {
        if !candidate.starts_with("candidate:") {
            return Err(MediaError::Candidate(candidate.to_owned()));
        }
        if self.candidates.iter().any(|known| known == candidate) {
            // A redundant candidate is nothing new (RFC 8445 section 5.1.3).
            return Ok(());
        }
        self.candidates.push(candidate.to_owned());
        // Told back as a digit, so that a test can count them.
        self.taken = (self.taken + 1).min(15);
        let digit = Digit::from_event(self.taken).unwrap();
        self.event(EngineEvent::Dtmf { digit, duration: Duration::ZERO });
        Ok(())
    }

    fn restart_ice(&mut self, _: Instant) -> Result<String, MediaError> {
        Err(MediaError::NotYet("an ICE restart"))
    }

    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, data: &[u8]) {
        match data {
            b"connected" => self.enter(MediaState::Connected),
            b"disconnected" => self.enter(MediaState::Disconnected),
            b"failed" => {
                self.event(EngineEvent::Failed(MediaError::Connection("no path".to_owned())));
                self.enter(MediaState::Failed);
            }
            b"closed" => self.enter(MediaState::Closed),
            // A hundred packets come, and one does not.
            b"hundred" => {
                self.stats.packets_received += 100;
                self.stats.packets_lost += 1;
                self.stats.jitter = Duration::from_millis(2);
                self.stats.round_trip = Some(Duration::from_millis(100));
            }
            b"audio" => self.event(EngineEvent::Audio(AudioFrame {
                codec: AudioCodec::Opus,
                time: 0,
                lost_before: 0,
                talkspurt: false,
                data: Bytes::from_static(b"far"),
            })),
            b"dtmf" => self.event(EngineEvent::Dtmf {
                digit: Digit::try_from('5').unwrap(),
                duration: Duration::from_millis(100),
            }),
            other => panic!("media does not know {other:?}"),
        }
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn send_audio(&mut self, _: Instant, frame: &AudioFrame) -> Result<(), MediaError> {
        if frame.codec != AudioCodec::Opus {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        self.queue.push_back(EngineOutput::Transmit {
            local: "127.0.0.1:4000".parse().unwrap(),
            remote: "127.0.0.1:5000".parse().unwrap(),
            data: frame.data.to_vec(),
        });
        Ok(())
    }

    fn set_muted(&mut self, _: bool) {}

    fn send_dtmf(&mut self, _: Instant, digits: &[Digit], _: Duration) -> Result<(), MediaError> {
        if self.state != MediaState::Connected {
            return Err(MediaError::State(self.state));
        }
        if digits.len() > 64 {
            return Err(MediaError::TooMany("digits"));
        }
        Ok(())
    }

    fn set_direction(&mut self, _: Direction) {}

    fn agreement(&self) -> Option<Agreement> {
        self.offered.then_some(Agreement {
            direction: Direction::SendRecv,
            codec: AudioCodec::Opus,
            codecs: [AudioCodec::Opus].into_iter().collect(),
            keys: true,
        })
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        self.stats
    }

    fn close(&mut self, _: Instant) {
        self.enter(MediaState::Closed);
    }

    fn poll_output(&mut self) -> EngineOutput {
        self.queue.pop_front().unwrap_or(EngineOutput::Timeout(None))
    }
}
