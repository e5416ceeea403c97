//! The state of a call leg, its direction, and the state of its recording.

/// States of a call leg (wire notes 4.8), in the order in which the service tells them as a rule. Any
/// may be left out.
///
/// ```text
/// Contacting ──> Alerting ──> Dialing ──> Connected <──> Hold
///     └─────────────┴────────────┴────────────┴───────────┴──> Disconnected ──> Terminated
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallState {
    /// Ringing here.
    Alerting,
    /// The service is calling the user's phone.
    Contacting,
    /// The service is calling the far side.
    Dialing,
    /// On hold, in old dialects.
    Hold,
    /// Talking.
    Connected,
    /// Over.
    Disconnected,
    /// Over, and forgotten.
    Terminated,
    /// Anything else.
    Other(String),
}

/// The state of a call's recording (`recordingState` of the service's conversations resource).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordingState {
    /// Not recorded, or the service does not say.
    #[default]
    Off,
    /// Recorded.
    Active,
    /// Paused, for instance while a card number is told.
    Paused,
}

impl From<&str> for RecordingState {
    fn from(state: &str) -> Self {
        match state {
            "active" => Self::Active,
            "paused" => Self::Paused,
            _ => Self::Off,
        }
    }
}

/// The direction of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallDirection {
    /// The user was called.
    Inbound,
    /// The user called.
    Outbound,
}
