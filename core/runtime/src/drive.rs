//! What the driver has to know of a machine besides the contract.

use std::fmt::{self, Write};
use std::time::Duration;

use offhook::genesys::{Error, ErrorKind, Event};
use offhook::machine::MediaId;
use offhook::{Machine, genesys};

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

    /// Whether this event may be dropped without telling when the application does not read.
    fn is_expendable(event: &Self::Event) -> bool;

    /// About how many bytes an event keeps while it waits for the application.
    fn weight(event: &Self::Event) -> usize;

    /// The event that tells of others that were dropped.
    fn events_lost(count: u64) -> Self::Event;

    /// The audio that ends with this event.
    fn ended_media(event: &Self::Event) -> Option<MediaId>;

    /// The error of a command that outlived the machine.
    fn closed() -> Self::Error;

    /// The error of a command that found the queue full.
    fn overloaded() -> Self::Error;
}

/// Who follows what a machine tells and does, in the driver's own task: before any reader of its
/// events, and losing nothing. Dropped with the machine.
pub(crate) trait Observer<M: Machine>: Send {
    /// An event is told.
    fn event(&mut self, event: &M::Event);

    /// A command is done.
    fn outcome(&mut self, outcome: &M::Outcome);
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

impl Drive for genesys::Client {
    fn farewell() -> (genesys::Command, Duration) {
        (genesys::Command::Disconnect, Duration::from_secs(5))
    }

    fn is_expendable(event: &Event) -> bool {
        matches!(event, Event::Trace(_) | Event::Stats { .. })
    }

    fn weight(event: &Event) -> usize {
        // What is in it is shown by `Debug`, whatever event it is.
        let mut shown = Length(0);
        let _ = write!(shown, "{event:?}");
        size_of::<Event>() + shown.0 + parties(event)
    }

    fn events_lost(count: u64) -> Event {
        Event::Error(Error::new(
            ErrorKind::Generic,
            format!("{count} events were lost because they were not read"),
        ))
    }

    fn ended_media(event: &Event) -> Option<MediaId> {
        match event {
            Event::SessionEnded { session, .. } => Some(session.media),
            _ => None,
        }
    }

    fn closed() -> Error {
        Error::closed()
    }

    fn overloaded() -> Error {
        Error::new(ErrorKind::Cancelled, "too many commands are waiting")
    }
}

/// The bytes of what `Debug` leaves out: who is on the calls that an event tells of.
fn parties(event: &Event) -> usize {
    let of = |call: &genesys::Conversation| call.parties.as_ref().map_or(0, |who| who.bytes());
    match event {
        Event::PendingSession(pending) => pending.parties.as_ref().map_or(0, |who| who.bytes()),
        Event::CallConnected { call, .. } => of(call),
        Event::ConversationUpdate(update) => {
            let calls = [&update.current, &update.added, &update.removed];
            calls.into_iter().flatten().map(of).sum()
        }
        _ => 0,
    }
}
