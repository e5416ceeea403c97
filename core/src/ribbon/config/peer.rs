//! The connection that media has.

use super::section::section;
use crate::media::IceServer;
use crate::ribbon::constants::constants;

constants! {
    /// The sharing of a path by a description's sections (RFC 9429 section 4.1.1).
    BundlePolicy, "bundle policy" {
        /// One path for each kind of media, where they cannot share one.
        Balanced = "balanced",
        /// A path for each section, where they cannot share one.
        MaxCompat = "max-compat",
        /// One path.
        MaxBundle = "max-bundle",
    }
}

constants! {
    /// The description of tracks.
    SdpSemantics, "semantics of descriptions" {
        /// A section for each track.
        UnifiedPlan = "unified-plan",
        /// A section for each kind of media. Refused: nobody has it any more.
        PlanB = "plan-b",
    }
}

section! {
    /// The connection that media has (RC-033, RT-012).
    PeerConfig, PeerConfigPatch {
        /// STUN and TURN servers, at most 64 (RT-013). Default none.
        ice_servers: @into Vec<IceServer> = Vec::new(),
        /// True if only relays may be used. Default false.
        relay_only: bool = false,
        /// The sharing of a path by sections. Default where they can.
        bundle: BundlePolicy = BundlePolicy::Balanced,
        /// The connections to find candidates for in advance, at most 255. Default none.
        pool_size: u8 = 0,
        /// The description of tracks. Default a section for each.
        semantics: SdpSemantics = SdpSemantics::UnifiedPlan,
    }
}
