//! The driver's knowledge of a machine besides the contract.

use std::time::Duration;

use offhook::Machine;
use offhook::machine::MediaId;
use offhook::media::{Agreement, MediaState};

/// A machine that the driver can carry.
pub trait Drive:
    Machine<
        Command: Send + 'static,
        Event: Clone + Send + Sync + 'static,
        Outcome: Send + 'static,
        Error: Send + 'static,
    > + Send
    + 'static
{
    /// The command that ends the connection in good order, submitted when nobody holds a handle
    /// any more, and how long it may take.
    fn farewell() -> (Self::Command, Duration);

    /// True if this event may be dropped without telling when the application does not read.
    fn is_expendable(event: &Self::Event) -> bool;

    /// The bytes that an event keeps while it waits for the application, about.
    fn weight(event: &Self::Event) -> usize;

    /// The event that tells of others that were dropped.
    fn events_lost(count: u64) -> Self::Event;

    /// Counts an event that was dropped, as the application did not read.
    fn event_lost() {}

    /// The audio that ends with this event.
    fn ended_media(event: &Self::Event) -> Option<MediaId>;

    /// News of a session's audio in an event, if there is any. Without it, audio is sent blindly.
    fn media_news(event: &Self::Event) -> Option<(MediaId, MediaNews)> {
        let _ = event;
        None
    }

    /// The error of a command that outlived the machine.
    fn closed() -> Self::Error;

    /// The error of a command that found the queue full.
    fn overloaded() -> Self::Error;
}

/// Something to know of a session's audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaNews {
    /// The new state of its media; the first one when it is there.
    State(MediaState),
    /// Something else was agreed on with the far side.
    Agreed(Agreement),
}

/// A follower of what a machine tells and does, in the driver's own task: before any reader of its
/// events, and losing nothing. Dropped with the machine.
pub trait Observer<M: Machine>: Send {
    /// Takes note of an event that is told.
    fn event(&mut self, event: &M::Event);

    /// Takes note of the outcome of a command.
    fn outcome(&mut self, outcome: &M::Outcome);
}

/// A follower that notes nothing.
pub(crate) struct Nobody;

impl<M: Machine> Observer<M> for Nobody {
    fn event(&mut self, _: &M::Event) {}

    fn outcome(&mut self, _: &M::Outcome) {}
}
