//! Voicemail (w5.5).

use serde::Serialize;
use serde_json::{Map, Value};

use super::wire::Mailbox;

/// The voicemail that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Voicemail {
    /// True if something new waits.
    pub new_messages_waiting: bool,
    /// The time of this news, in milliseconds since 1970.
    pub last_updated: u64,
    /// All voice messages.
    pub total_voice: u64,
    /// Those not heard yet.
    pub unheard_voice: u64,
    /// Counts of voice messages, by the gateway's keys (a guess at which: w8.30).
    pub voice: Map<String, Value>,
    /// Counts of faxes.
    pub fax: Map<String, Value>,
    /// Counts of other messages.
    pub multimedia: Map<String, Value>,
}

impl Voicemail {
    /// The voicemail that waits, as it was told at a time.
    pub(crate) fn new(told: Mailbox, at: u64) -> Self {
        Self {
            new_messages_waiting: told.waiting,
            last_updated: at,
            total_voice: told.total_voice,
            unheard_voice: told.unheard_voice,
            voice: told.voice,
            fax: told.fax,
            multimedia: told.multimedia,
        }
    }
}
