//! A media connection beneath a signaling of the application's own, on a runtime.

use std::time::Duration;

use offhook::machine::MediaId;
use offhook::media::{
    ChannelMessage, Connection, ConnectionCommand, ConnectionEvent, EngineEvent, MediaError,
    MediaState,
};

use crate::drive::{Drive, MediaNews};

/// [`start`](crate::start) carries one.
impl Drive for Connection {
    fn farewell() -> (ConnectionCommand, Duration) {
        (ConnectionCommand::Close, Duration::from_secs(5))
    }

    fn is_expendable(event: &ConnectionEvent) -> bool {
        matches!(event, ConnectionEvent::Stats(_))
    }

    fn weight(event: &ConnectionEvent) -> usize {
        let held = match event {
            ConnectionEvent::Engine(EngineEvent::LocalCandidate(local)) => {
                local.candidate.len() + local.ufrag.len()
            }
            ConnectionEvent::Engine(EngineEvent::ChannelMessage { message, .. }) => match message {
                ChannelMessage::Text(text) => text.len(),
                ChannelMessage::Binary(data) => data.len(),
            },
            ConnectionEvent::Engine(EngineEvent::ChannelOpened { label, .. }) => label.len(),
            _ => 0,
        };
        size_of::<ConnectionEvent>() + held
    }

    fn events_lost(count: u64) -> ConnectionEvent {
        ConnectionEvent::EventsLost(count)
    }

    fn ended_media(event: &ConnectionEvent) -> Option<MediaId> {
        let is_over = matches!(
            event,
            ConnectionEvent::Engine(EngineEvent::State(MediaState::Closed | MediaState::Failed))
        );
        is_over.then_some(Self::MEDIA)
    }

    fn media_news(event: &ConnectionEvent) -> Option<(MediaId, MediaNews)> {
        let news = match event {
            ConnectionEvent::Engine(EngineEvent::State(state)) => MediaNews::State(*state),
            ConnectionEvent::Engine(EngineEvent::Agreed(terms)) => MediaNews::Agreed(*terms),
            _ => return None,
        };
        Some((Self::MEDIA, news))
    }

    fn closed() -> MediaError {
        MediaError::State(MediaState::Closed)
    }

    fn overloaded() -> MediaError {
        MediaError::TooMany("commands")
    }
}
