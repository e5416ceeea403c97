//! Errands: things to be done at some time in a run.

use std::time::Duration;

use offhook::machine::MediaId;
use serde_json::Value;

use crate::world::PhoneId;

/// A thing to be done at some time.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// A customer calls.
    Arrival,
    /// A call to this user.
    Call(usize),
    /// A customer's patience ends.
    Patience { conversation: String, user: usize },
    /// A customer has said all.
    HangUp(String),
    /// A fault of that number in the scenario.
    Fault(usize),
    /// A far end that held lets that call go on.
    FarResumes(String),
    /// A phone's trouble ends.
    Better(PhoneId),
    /// The service's trouble ends.
    ServiceBetter,
    /// A user's new token comes.
    Token(usize),
    /// A phone's operating system sees its network again.
    Online(PhoneId),
    /// The count of those whom agents called, among the customers.
    Callees,
    /// A phone's WebSocket breaks.
    Reset(PhoneId),
    /// A call that was made some time ago must be known to its user.
    Known { conversation: String, user: usize },
    /// A change befalls this call, which has just begun to ring.
    Disturb { conversation: String, what: &'static str, body: Value },
    /// A customer presses keys.
    Press,
    /// Customers say the frame of a talk spurt of that number.
    Speak(u32),
    /// A trouble of the way to a phone is over for long enough.
    Listen(PhoneId),
    /// The service asks somebody into a room.
    OpenRoom,
    /// Something happens in a room.
    StirRoom,
    /// The service ends that room.
    EndRoom(String),
    /// Somebody must have heard something by now.
    Heard(Ear),
}

/// Somebody who must be heard.
#[derive(Clone, Debug)]
pub(super) struct Ear {
    pub(super) phone: PhoneId,
    pub(super) media: MediaId,
    pub(super) conversation: String,
    pub(super) since: Duration,
}
