//! An engine that sends what it is told to, from the address that it is told to, and knows its addresses.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::media::{
    Agreement, Digit, Engine, EngineConfig, EngineFactory, EngineOutput, Frame, Local, LocalKind,
    MediaError, MediaState, MediaStats, Track, TrackInfo, Wish,
};
use offhook::sdp::Direction;

/// The most addresses that an engine is given: the interfaces', those that are seen of them, and those that are lent.
const MAX_LOCALS: usize = 4 + 4 + 32;

/// See the [module](self).
pub(super) struct Ears;

impl EngineFactory for Ears {
    fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> {
        Box::new(Ear { locals: Vec::new(), queue: VecDeque::new(), state: MediaState::New })
    }
}

struct Ear {
    locals: Vec<(SocketAddr, LocalKind)>,
    queue: VecDeque<EngineOutput>,
    state: MediaState,
}

impl Engine for Ear {
    fn add_local(&mut self, _: Instant, local: &Local, kind: LocalKind) {
        if !self.locals.contains(&(local.address, kind)) {
            self.locals.push((local.address, kind));
        }
        assert!(self.locals.len() <= MAX_LOCALS, "too many addresses");
    }

    fn remove_local(&mut self, _: Instant, address: SocketAddr) {
        let goes = |local: SocketAddr, kind: LocalKind| {
            local == address || kind == LocalKind::ServerReflexive { base: address }
        };
        self.locals.retain(|(local, kind)| !goes(*local, *kind));
    }

    fn local_done(&mut self, _: Instant) {}

    fn create_offer(&mut self, _: Instant, _: &[Wish]) -> Result<String, MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn rollback(&mut self, _: Instant) -> Result<(), MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn accept_answer(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn accept_offer(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn create_answer(&mut self, _: Instant) -> Result<String, MediaError> {
        Err(MediaError::NotYet("offers"))
    }

    fn add_remote_candidate(&mut self, _: Instant, _: &str) -> Result<(), MediaError> {
        Ok(())
    }

    fn restart_ice(&mut self, _: Instant) -> Result<String, MediaError> {
        Err(MediaError::NotYet("an ICE restart"))
    }

    fn handle_datagram(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: &[u8]) {}

    fn handle_timeout(&mut self, _: Instant) {}

    /// The first two bytes of a frame are the addresses, ours and the far side's.
    fn send(&mut self, _: Instant, _: Track, frame: &Frame) -> Result<(), MediaError> {
        let Frame::Audio(frame) = frame else { return Err(MediaError::NotNegotiated("video")) };
        let [from, to, data @ ..] = &*frame.data else { return Ok(()) };
        // What a server sees is no address to send from.
        let own = |(_, kind): &&(SocketAddr, LocalKind)| {
            !matches!(kind, LocalKind::ServerReflexive { .. })
        };
        let own: Vec<_> = self.locals.iter().filter(own).collect();
        let Some((local, _)) = own.get(usize::from(*from) % own.len().max(1)) else {
            return Ok(());
        };
        let (local, remote, data) = (*local, super::peer(*to), data.to_vec());
        self.queue.push_back(EngineOutput::Transmit { local, remote, data });
        Ok(())
    }

    fn set_muted(&mut self, _: Track, _: bool) {}

    fn send_dtmf(&mut self, _: Instant, _: &[Digit], _: Duration) -> Result<(), MediaError> {
        Ok(())
    }

    fn set_direction(&mut self, _: Track, _: Direction) {}

    fn tracks(&self) -> Vec<TrackInfo> {
        Vec::new()
    }

    fn agreement(&self) -> Option<Agreement> {
        None
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
        self.queue.pop_front().unwrap_or(EngineOutput::Timeout(None))
    }
}
