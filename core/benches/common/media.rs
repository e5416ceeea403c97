//! Media that costs nothing, unlike the fake engine of tests: it offers, answers any offer and is connected
//! by any datagram.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::media::{
    Agreement, AudioCodec, Digit, Engine, EngineConfig, EngineEvent, EngineFactory, EngineOutput,
    Frame, Local, LocalCandidate, LocalKind, MediaError, MediaState, MediaStats, Track, TrackInfo,
    Wish,
};
use offhook::sdp::Direction;

const ANSWER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:mine\r\n\
    a=ice-pwd:0123456789abcdef0123\r\na=fingerprint:sha-256 AB:CD\r\na=setup:active\r\n\
    a=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:110 telephone-event/48000\r\n\
    a=ssrc:1 cname:c\r\n";

pub(crate) struct NoMedia;

impl EngineFactory for NoMedia {
    fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> {
        Box::new(NoEngine { state: MediaState::New, told: MediaState::New, candidates: Vec::new() })
    }
}

struct NoEngine {
    state: MediaState,
    told: MediaState,
    candidates: Vec<EngineEvent>,
}

impl Engine for NoEngine {
    fn add_local(&mut self, _: Instant, local: &Local, _: LocalKind) {
        let (ip, port) = (local.address.ip(), local.address.port());
        self.candidates.push(EngineEvent::LocalCandidate(LocalCandidate {
            mid: Some("0".to_owned()),
            ufrag: "mine".to_owned(),
            candidate: format!("candidate:1 1 udp 2130706431 {ip} {port} typ host"),
        }));
    }

    fn remove_local(&mut self, _: Instant, _: SocketAddr) {}

    fn local_done(&mut self, _: Instant) {
        self.candidates.push(EngineEvent::GatheringComplete);
    }

    fn create_offer(&mut self, _: Instant, _: &[Wish]) -> Result<String, MediaError> {
        Ok(ANSWER.to_owned())
    }

    fn accept_answer(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        self.state = MediaState::Connecting;
        Ok(())
    }

    fn rollback(&mut self, _: Instant) -> Result<(), MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn accept_offer(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        Ok(())
    }

    fn create_answer(&mut self, _: Instant) -> Result<String, MediaError> {
        self.state = MediaState::Connecting;
        Ok(ANSWER.to_owned())
    }

    fn add_remote_candidate(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        Ok(())
    }

    fn restart_ice(&mut self, _: Instant) -> Result<String, MediaError> {
        Err(MediaError::NotYet("an ICE restart"))
    }

    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: &[u8]) {
        self.state = MediaState::Connected;
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn send(&mut self, _: Instant, _: Track, _: &Frame) -> Result<(), MediaError> {
        Ok(())
    }

    fn set_muted(&mut self, _: Track, _: bool) {}

    fn send_dtmf(&mut self, _: Instant, _: &[Digit], _: Duration) -> Result<(), MediaError> {
        Ok(())
    }

    fn set_direction(&mut self, _: Track, _: Direction) {}

    fn tracks(&self) -> Vec<TrackInfo> {
        self.agreement().map(|terms| TrackInfo::audio(None, &terms)).into_iter().collect()
    }

    fn agreement(&self) -> Option<Agreement> {
        Some(Agreement {
            direction: Direction::SendRecv,
            codec: AudioCodec::Opus,
            codecs: [AudioCodec::Opus].into_iter().collect(),
            keys: true,
            expected_loss: 5,
            dtx: false,
        })
    }

    fn state(&self) -> MediaState {
        self.state
    }

    fn stats(&self) -> MediaStats {
        MediaStats::default()
    }

    fn close(&mut self, _: Instant) {
        self.state = MediaState::Closed;
    }

    fn poll_output(&mut self) -> EngineOutput {
        if self.told != self.state {
            self.told = self.state;
            return EngineOutput::Event(EngineEvent::State(self.state));
        }
        if self.candidates.is_empty() {
            self.candidates = Vec::new();
            return EngineOutput::Timeout(None);
        }
        EngineOutput::Event(self.candidates.remove(0))
    }
}
