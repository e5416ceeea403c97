//! A prober on a runtime.

use std::time::Duration;

use offhook::machine::MediaId;
use offhook::media::probe::{Command, Error, Event, Prober};

use crate::drive::Drive;

impl Drive for Prober {
    fn farewell() -> (Command, Duration) {
        (Command::Close, Duration::from_secs(1))
    }

    fn is_expendable(_: &Event) -> bool {
        false
    }

    fn weight(_: &Event) -> usize {
        size_of::<Event>()
    }

    fn events_lost(count: u64) -> Event {
        Event::EventsLost(count)
    }

    fn ended_media(_: &Event) -> Option<MediaId> {
        None
    }

    fn closed() -> Error {
        Error::Closed
    }

    fn overloaded() -> Error {
        Error::Busy
    }
}
