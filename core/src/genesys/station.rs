//! The user's phone.

use super::ids::StationId;
use super::wire::answers::StationBody;

/// The user's phone (wire notes 8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Station {
    /// Its id.
    pub id: StationId,
    /// Its name.
    pub name: String,
    /// True if a media session outlives its call.
    pub persistent: bool,
    /// The number of calls that can have a media session of their own.
    pub call_appearances: u32,
    /// True if media must be relayed, which is not supported yet: an error tells so. Informational
    /// otherwise: discovery decides (STN-3).
    pub force_turn: bool,
    /// True if it is a WebRTC softphone.
    pub is_softphone: bool,
}

impl From<StationBody> for Station {
    fn from(body: StationBody) -> Self {
        let is_softphone = body.kind == "inin_webrtc_softphone";
        Self {
            id: body.id,
            name: body.name,
            // STN-4: only a softphone can keep a media session.
            persistent: body.web_rtc_persistent_enabled && is_softphone,
            call_appearances: body.web_rtc_call_appearances.unwrap_or(1),
            force_turn: body.web_rtc_force_turn,
            is_softphone,
        }
    }
}
