//! Settings of an engine.

use std::time::Duration;

use super::rtp::MAX_DELAY;
use super::{AudioCodec, IceServer, VideoCodec};
use crate::machine::Seed;

/// Settings that an engine is made with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Audio codecs to offer and to accept, best first. Never empty.
    pub codecs: Vec<AudioCodec>,
    /// Video codecs to offer and to accept, best first. Without any, video that the far side offers is
    /// turned down.
    pub video: Vec<VideoCodec>,
    /// True if data channels are accepted (RFC 8831).
    pub channels: bool,
    /// True if only relayed candidates may be used.
    pub relay_only: bool,
    /// STUN and TURN servers, by which more addresses can be found. An engine asks none itself: it takes
    /// what it is given by [`Engine::add_local`](super::Engine::add_local).
    pub ice_servers: Vec<IceServer>,
    /// A path that is not found, or not found again, within this is given up.
    pub path_limit: Duration,
    /// The most by which audio is delayed to even out the network. So much is only waited for on a path
    /// that needs it; zero lets every packet pass as it comes, and nothing waits.
    pub playout: Duration,
    /// True if Opus leaves out pauses, both ways: the far side is asked for that (`usedtx=1`, RFC 7587
    /// section 6.1), and so is whoever encodes ([`Agreement::dtx`](super::Agreement::dtx)).
    pub dtx: bool,
    /// The source of the engine's own randomness.
    pub seed: Seed,
    /// True if all that its descriptions tell is drawn from `seed`, but for the certificate: another engine of
    /// the same kind, with the same settings and asked the same, describes itself alike.
    pub twin: bool,
}

impl EngineConfig {
    /// Opus, then G.711, no video and no data channels; any candidate; 30 s for a path, at most 200 ms to even
    /// it out.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
            video: Vec::new(),
            channels: false,
            relay_only: false,
            ice_servers: Vec::new(),
            path_limit: Duration::from_secs(30),
            playout: MAX_DELAY,
            dtx: false,
            seed,
            twin: false,
        }
    }
}

setters!(EngineConfig {
    codecs: all[AudioCodec],
    video: all[VideoCodec],
    channels: bool,
    relay_only: bool,
    ice_servers: all[IceServer],
    path_limit: Duration,
    playout: Duration,
    dtx: bool,
    twin: bool,
});
