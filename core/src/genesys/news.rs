//! News of the media of rooms, from sessions to the rooms that they are of.

use super::ids::SessionId;
use crate::media::EngineEvent;

/// Messages of data channels that one input may bring; more are left out.
pub(crate) const MAX_MESSAGES: usize = 256;

/// The news since they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) events: Vec<(SessionId, EngineEvent)>,
    messages: usize,
    /// Messages of data channels that were left out.
    pub(crate) left_out: usize,
}

impl News {
    /// Takes note of something. Messages beyond the bound are left out, and counted.
    pub(crate) fn add(&mut self, session: &SessionId, event: EngineEvent) {
        if let EngineEvent::ChannelMessage { .. } = event {
            if self.messages >= MAX_MESSAGES {
                self.left_out += 1;
                return;
            }
            self.messages += 1;
        }
        self.events.push((session.clone(), event));
    }
}
