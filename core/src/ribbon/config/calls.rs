//! Settings of calls.

use std::sync::Arc;
use std::time::Duration;

use super::peer::{PeerConfig, PeerConfigPatch};
use super::section::section;
use crate::media::{AudioCodec, VideoCodec};
use crate::ribbon::collect::{DefaultCheck, IceCheck};
use crate::ribbon::constants::constants;
use crate::ribbon::pipeline::SdpHandler;

constants! {
    /// The side that says that an incoming call rings.
    RingingFeedback, "mode of ringing feedback" {
        /// The client, at once.
        Auto = "auto",
        /// The application, when it likes.
        Manual = "manual",
    }
}

section! {
    /// Settings of calls.
    CallConfig, CallConfigPatch {
        /// The time within which ICE should find what it needs, up to 60 s (RC-034). Default 1 s.
        ice_ideal: Duration = Duration::from_secs(1),
        /// The time after which a call is sent with what ICE found, from `ice_ideal` to 60 s (RC-035).
        /// Default 3 s.
        ice_max: Duration = Duration::from_secs(3),
        /// The decision when ICE has found enough (RC-036). Default that of [`DefaultCheck`].
        ice_check: @into Arc<dyn IceCheck> = Arc::new(DefaultCheck),
        /// True if ICE servers get the credentials that come with the subscription (RC-037). Default
        /// true.
        server_turn_credentials: bool = true,
        /// The handlers that may change descriptions, at most 16, in this order (RC-038). Default none.
        sdp_handlers: @into Vec<Arc<dyn SdpHandler>> = Vec::new(),
        /// True if the far side is told that its media is welcome before it answers (RC-039). Default
        /// false.
        early_media: bool = false,
        /// True if calls are looked after whenever the socket opens (RC-040). Default false.
        resync_on_connect: bool = false,
        /// True if all media goes through the gateway (RC-041): then its requests for an offer are
        /// answered by the connection that there is. Default false.
        media_broker_only: bool = false,
        /// True if sections are not said to share a path in what is sent (RC-042). Default false.
        remove_bundling: bool = false,
        /// The side that says that a call rings (RC-043). Default the client.
        ringing_feedback: RingingFeedback = RingingFeedback::Auto,
        /// The time between two signs of life of a call, up to 1 h (RC-044). Less than 10 s is raised to
        /// it. Default 25 s.
        audit_interval: Duration = Duration::from_secs(25),
        /// The time to wait before media is restarted by the side that does not begin, up to 60 s
        /// (RC-045). Default 3 s.
        media_retry_delay: Duration = Duration::from_secs(3),
        /// True if media whose path is lost is restarted by itself: after 2 s, or as soon as there is another address of
        /// ours. Default true.
        restart_lost_media: bool = true,
        /// True if who is called is made an address (RC-046, w4.0.1). Default true.
        normalize_destination: bool = true,
        /// The times that an operation is done again that met one of the far side's, at most 3 (RP-4).
        /// Default none.
        glare_retries: u32 = 0,
        /// True if a call is sent without waiting for candidates. Default false.
        skip_ice_collection: bool = false,
        /// The most calls at a time, up to 64. Default 64.
        max_calls: usize = 64,
        /// The calls that can be looked at after their end, up to 100. Default 100.
        kept_calls: usize = 100,
        /// Audio codecs to offer and to accept, best first. Default Opus, then G.711.
        audio_codecs: @into Vec<AudioCodec> = vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
        /// True if pauses of Opus are left out, both ways ([`EngineConfig::dtx`](crate::media::EngineConfig::dtx)).
        /// Default false.
        dtx: bool = false,
        /// Video codecs to offer and to accept, best first. Default none: video is turned down.
        video_codecs: @into Vec<VideoCodec> = Vec::new(),
    } with {
        /// The connection that media has.
        peer: PeerConfig, PeerConfigPatch,
    }
}
