//! Media that does what datagrams tell it, for targets of everything around it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook::media::{
    Agreement, AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineFactory,
    EngineOutput, LocalCandidate, MediaError, MediaState, MediaStats,
};
use offhook::sdp::{Direction, SdpError};

/// The ICE password in the descriptions made here. Nobody may see it in a log.
pub(crate) const ICE_PWD: &str = "Lf9xq2mVbZ0cT7kRw4Ys8aEh";

/// A description of one audio stream.
pub(crate) fn description(setup: &str, ufrag: &str) -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{ICE_PWD}\r\na=fingerprint:sha-256 AB:CD\r\n\
         a=setup:{setup}\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:110 telephone-event/48000\r\n"
    )
}

/// Makes such engines.
pub(crate) struct ModelMedia;

impl EngineFactory for ModelMedia {
    fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> {
        Box::new(Model {
            queue: VecDeque::new(),
            state: MediaState::New,
            negotiation: Negotiation::New,
            stats: MediaStats::default(),
        })
    }
}

enum Negotiation {
    New,
    Offered,
    Answering,
    Done,
}

struct Model {
    queue: VecDeque<EngineOutput>,
    state: MediaState,
    negotiation: Negotiation,
    stats: MediaStats,
}

impl Model {
    fn event(&mut self, event: EngineEvent) {
        self.queue.push_back(EngineOutput::Event(event));
    }

    fn enter(&mut self, state: MediaState) {
        let over = matches!(self.state, MediaState::Failed | MediaState::Closed);
        if self.state != state && !over {
            self.state = state;
            self.event(EngineEvent::State(state));
        }
    }
}

impl Engine for Model {
    fn add_local_address(&mut self, _: Instant, address: SocketAddr) {
        let (ip, port) = (address.ip(), address.port());
        self.event(EngineEvent::LocalCandidate(LocalCandidate {
            mid: Some("0".to_owned()),
            ufrag: "mine".to_owned(),
            candidate: format!("candidate:1 1 udp 2130706431 {ip} {port} typ host"),
        }));
    }

    fn local_addresses_done(&mut self, _: Instant) {
        self.event(EngineEvent::GatheringComplete);
    }

    fn create_offer(&mut self, _: Instant) -> Result<String, MediaError> {
        if !matches!(self.negotiation, Negotiation::New) {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Offered;
        Ok(description("actpass", "mine"))
    }

    fn accept_answer(&mut self, _: Instant, answer: &str) -> Result<(), MediaError> {
        if !matches!(self.negotiation, Negotiation::Offered) {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Done;
        check(answer)?;
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        Ok(())
    }

    fn accept_offer(&mut self, _: Instant, offer: &str) -> Result<(), MediaError> {
        if matches!(self.negotiation, Negotiation::Offered | Negotiation::Answering) {
            return Err(MediaError::State(self.state));
        }
        check(offer)?;
        self.negotiation = Negotiation::Answering;
        Ok(())
    }

    fn create_answer(&mut self, _: Instant) -> Result<String, MediaError> {
        if !matches!(self.negotiation, Negotiation::Answering) {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Done;
        if self.state == MediaState::New {
            self.enter(MediaState::Connecting);
        }
        Ok(description("active", "mine"))
    }

    fn add_remote_candidate(&mut self, _: Instant, candidate: &str) -> Result<(), MediaError> {
        if candidate.starts_with("candidate:") {
            Ok(())
        } else {
            Err(MediaError::Candidate(candidate.to_owned()))
        }
    }

    fn restart_ice(&mut self, _: Instant) -> Result<String, MediaError> {
        if !matches!(self.negotiation, Negotiation::Done) {
            return Err(MediaError::State(self.state));
        }
        self.negotiation = Negotiation::Offered;
        Ok(description("actpass", "again"))
    }

    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, data: &[u8]) {
        match data.first().map_or(0, |byte| byte % 8) {
            0 | 1 => self.enter(MediaState::Connected),
            2 => self.enter(MediaState::Disconnected),
            3 => {
                self.event(EngineEvent::Failed(MediaError::Connection("no path".to_owned())));
                self.enter(MediaState::Failed);
            }
            4 => self.enter(MediaState::Closed),
            5 => self.event(EngineEvent::Audio(AudioFrame {
                codec: AudioCodec::Opus,
                time: 0,
                lost_before: 0,
                talkspurt: false,
                data: Bytes::from_static(b"far"),
            })),
            6 => self.event(EngineEvent::Dtmf {
                digit: Digit::from_event(5).expect("a key"),
                duration: Duration::from_millis(100),
            }),
            _ => {
                self.stats.packets_received += 100;
                self.stats.packets_lost += 1;
                self.stats.jitter = Duration::from_millis(2);
                self.stats.round_trip = Some(Duration::from_millis(100));
            }
        }
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn send_audio(&mut self, _: Instant, frame: &AudioFrame) -> Result<(), MediaError> {
        if matches!(self.state, MediaState::Failed | MediaState::Closed) {
            return Err(MediaError::State(self.state));
        }
        if frame.codec != AudioCodec::Opus {
            return Err(MediaError::NotNegotiated(frame.codec.name()));
        }
        self.stats.packets_sent += 1;
        Ok(())
    }

    fn set_muted(&mut self, _: bool) {}

    fn send_dtmf(&mut self, _: Instant, digits: &[Digit], _: Duration) -> Result<(), MediaError> {
        if self.state != MediaState::Connected {
            return Err(MediaError::State(self.state));
        }
        if digits.len() > 64 { Err(MediaError::TooMany("digits")) } else { Ok(()) }
    }

    fn set_direction(&mut self, _: Direction) {}

    fn agreement(&self) -> Option<Agreement> {
        matches!(self.negotiation, Negotiation::Answering | Negotiation::Done).then_some(
            Agreement {
                direction: Direction::SendRecv,
                codec: AudioCodec::Opus,
                codecs: [AudioCodec::Opus].into_iter().collect(),
                keys: true,
            },
        )
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

fn check(sdp: &str) -> Result<(), MediaError> {
    if !sdp.contains("opus") {
        Err(MediaError::NoCommonCodec)
    } else if !sdp.contains("a=ice-ufrag:") {
        Err(SdpError::NoAudio.into())
    } else {
        Ok(())
    }
}
