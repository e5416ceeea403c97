//! Features of this service's control API beyond its fixed routes.

/// Features that `GET /control/health` tells.
pub const FEATURES: [&str; 22] = [
    "both-signalings",
    "channels-expire",
    "drop",
    "elsewhere",
    "external-far-end",
    "faults",
    "ice-restart",
    "jingle",
    "kill-media",
    "media",
    "options",
    "participant",
    "rebind",
    "reinvite",
    "renegotiate",
    "repropose",
    "screen-share",
    "sdp-over-xmpp",
    "stanza",
    "station-events",
    "two-lines",
    "video",
];
