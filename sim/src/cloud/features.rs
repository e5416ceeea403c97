//! Features of this service's control API beyond its fixed routes.

/// Features that `GET /control/health` tells.
pub const FEATURES: [&str; 20] = [
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
    "sdp-over-xmpp",
    "stanza",
    "station-events",
    "two-lines",
];
