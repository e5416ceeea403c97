//! What kind of session a peer proposes, by its address (wire notes 9).

use super::event::SessionType;
use crate::xmpp::Jid;

/// The first rule that matches decides.
pub(crate) fn session_type(peer: &Jid) -> SessionType {
    let address = peer.as_str();
    let softphone = address
        .split_once('@')
        .is_some_and(|(_, rest)| rest.to_ascii_lowercase().contains("gjoll"));
    match address {
        _ if softphone => SessionType::Softphone,
        a if a.starts_with("acd-") => SessionType::ScreenShare,
        a if a.starts_with("screenrecording-") => SessionType::ScreenRecording,
        a if a.starts_with("livemonitor-") => SessionType::LiveScreenMonitoring,
        a if a.contains("@conference") => SessionType::CollaborateVideo,
        _ => SessionType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_9_lc_5_the_address_decides_and_softphone_wins() {
        let kind = |jid: &str| session_type(&jid.parse().unwrap());
        assert_eq!(kind("+1317@gjoll.us-east-1.org.example/i-1"), SessionType::Softphone);
        assert_eq!(kind("acd-someone@GJOLL.example"), SessionType::Softphone);
        assert_eq!(kind("acd-1@conference.org.example"), SessionType::ScreenShare);
        assert_eq!(kind("screenrecording-1@conference.x"), SessionType::ScreenRecording);
        assert_eq!(kind("livemonitor-1@conference.x"), SessionType::LiveScreenMonitoring);
        assert_eq!(kind("peer-ab@conference.x"), SessionType::CollaborateVideo);
        assert_eq!(kind("gjoll@somewhere.example"), SessionType::Unknown);
    }
}
