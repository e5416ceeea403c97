//! A call: two ends, each of one leg or of several until one answers.

use std::time::Instant;

use serde_json::{Value, json};

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallState {
    Ringing,
    Connected,
    Ended,
}

impl CallState {
    const fn name(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Connected => "connected",
            Self::Ended => "ended",
        }
    }
}

/// One end of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    pub(super) legs: Vec<String>,
    /// The leg that has it, once there is one.
    pub(super) chosen: Option<String>,
    /// Legs that were there and are no more.
    pub(super) past: Vec<String>,
}

impl End {
    /// An end that one leg has.
    pub(super) fn of(leg: &str) -> Self {
        Self { legs: vec![leg.to_owned()], chosen: Some(leg.to_owned()), past: Vec::new() }
    }

    /// The leg that has it, or all that might.
    pub(super) fn present(&self) -> Vec<String> {
        match &self.chosen {
            Some(chosen) => vec![chosen.clone()],
            None => self.legs.clone(),
        }
    }
}

/// An offer that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// None where the answer is to bring an offer (slow start).
    pub(super) sdp: Option<String>,
    pub(super) at: Instant,
    /// True if it is part of a handover: nobody at the other end made it.
    pub(super) own: bool,
}

/// A transfer that is under way (w4.12, w4.13).
#[derive(Clone, Debug)]
pub(super) enum Handover {
    /// Somebody is called who is to take a leg's place.
    Calling { leaving: String },
    /// They have it, and offer to the other end, which may be busy with an offer of its own.
    Placing { leg: String, sdp: String, tries: u8 },
    /// Two legs of one client leave; the other end of the second has the place of the first.
    Joining { leaving: String, second: String, came: String, from: String, end: usize },
}

/// The time at which an offer of the far side meets the client's next (w4.0.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glare {
    SameTime,
    BeforeReply,
    AfterReply,
}

/// The channel by which a call comes to its callee (w3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Socket,
    Push,
    Both,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) state: CallState,
    pub(super) reason: Option<(i64, String)>,
    pub(super) ends: [End; 2],
    /// The offers under way, by the end that made them.
    pub(super) offers: [Option<Offer>; 2],
    pub(super) glare: Option<Glare>,
    pub(super) handover: Option<Handover>,
    /// Handovers that began.
    pub(super) handovers: u32,
    pub(super) channel: Channel,
    /// True once the caller was told that it rings.
    pub(super) rang: bool,
    /// Custom parameters of whoever called.
    pub(super) parameters: Option<Value>,
    /// The one who is called once the first one has it (w5.2).
    pub(super) then: Option<String>,
    /// The caller's first offer.
    pub(super) offer: Option<String>,
    pub(super) made: Instant,
    pub(super) connected: Option<Instant>,
}

impl Call {
    pub(super) fn new(id: String, caller: &str, now: Instant) -> Self {
        Self {
            id,
            state: CallState::Ringing,
            reason: None,
            ends: [End::of(caller), End::default()],
            offers: [None, None],
            glare: None,
            handover: None,
            handovers: 0,
            channel: Channel::Socket,
            rang: false,
            parameters: None,
            then: None,
            offer: None,
            made: now,
            connected: None,
        }
    }

    pub(super) fn legs(&self) -> impl Iterator<Item = &String> {
        self.ends.iter().flat_map(|end| end.legs.iter().chain(&end.past))
    }

    /// The call as the control API tells it.
    pub(super) fn body(&self, legs: Vec<Value>) -> Value {
        let reason = self.reason.as_ref();
        let reason = reason.map(|(code, text)| json!({"statusCode": code, "reasonText": text}));
        json!({"id": self.id, "legs": legs, "state": self.state.name(), "reason": reason})
    }
}
