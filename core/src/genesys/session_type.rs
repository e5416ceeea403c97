//! Kinds of session.

use crate::xmpp::Jid;

/// Kinds of session (wire notes 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SessionType {
    /// A telephone call.
    Softphone,
    /// A video meeting.
    CollaborateVideo,
    /// A guest's shared screen.
    ScreenShare,
    /// A recording of the agent's screen.
    ScreenRecording,
    /// A supervisor's view of the agent's screen.
    LiveScreenMonitoring,
    /// None of the above.
    Unknown,
}

impl SessionType {
    /// True for a room: everything that is no telephone call.
    #[must_use]
    pub fn is_room(self) -> bool {
        match self {
            Self::CollaborateVideo
            | Self::ScreenShare
            | Self::ScreenRecording
            | Self::LiveScreenMonitoring => true,
            Self::Softphone | Self::Unknown => false,
        }
    }

    /// The service's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softphone => "softphone",
            Self::CollaborateVideo => "collaborateVideo",
            Self::ScreenShare => "screenShare",
            Self::ScreenRecording => "screenRecording",
            Self::LiveScreenMonitoring => "liveScreenMonitoring",
            Self::Unknown => "unknown",
        }
    }

    /// The kind that a peer proposes, by its address: the first rule that matches decides.
    pub(crate) fn of(peer: &Jid) -> Self {
        let address = peer.as_str();
        let softphone = address
            .split_once('@')
            .is_some_and(|(_, rest)| rest.to_ascii_lowercase().contains("gjoll"));
        match address {
            _ if softphone => Self::Softphone,
            a if a.starts_with("acd-") => Self::ScreenShare,
            a if a.starts_with("screenrecording-") => Self::ScreenRecording,
            a if a.starts_with("livemonitor-") => Self::LiveScreenMonitoring,
            a if a.contains("@conference") => Self::CollaborateVideo,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_9_lc_5_the_address_decides_and_softphone_wins() {
        let kind = |jid: &str| SessionType::of(&jid.parse().unwrap());
        assert_eq!(kind("+1317@gjoll.us-east-1.org.example/i-1"), SessionType::Softphone);
        assert_eq!(kind("acd-someone@GJOLL.example"), SessionType::Softphone);
        assert_eq!(kind("acd-1@conference.org.example"), SessionType::ScreenShare);
        assert_eq!(kind("screenrecording-1@conference.x"), SessionType::ScreenRecording);
        assert_eq!(kind("livemonitor-1@conference.x"), SessionType::LiveScreenMonitoring);
        assert_eq!(kind("peer-ab@conference.x"), SessionType::CollaborateVideo);
        assert_eq!(kind("gjoll@somewhere.example"), SessionType::Unknown);
    }
}
