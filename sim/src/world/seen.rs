//! The things that an observer of a world is shown.

use std::time::Duration;

use offhook::machine::{CommandId, Frame, Input, MediaId, OutputOf, TrackId};
use offhook::media::{AudioFrame, Digit, VideoFrame};

use super::pair::{CommandOf, EventOf, Pair, ResultOf};
use super::phone_id::PhoneId;
use crate::services::Genesys;

/// A thing that an observer of a world is shown.
#[derive(Debug)]
#[non_exhaustive]
pub enum Seen<'a, P: Pair = Genesys> {
    /// A client is given something; all that it does then follows.
    Given {
        /// The phone.
        phone: PhoneId,
        /// The input.
        input: &'a Input,
    },
    /// A client wants something of the world, or tells it.
    Wanted {
        /// The phone.
        phone: PhoneId,
        /// The output.
        output: &'a OutputOf<P::Client>,
    },
    /// A client told its application something.
    Told {
        /// The phone.
        phone: PhoneId,
        /// The event.
        event: &'a EventOf<P>,
    },
    /// An application pressed a key, and the client took it.
    Submitted {
        /// The phone.
        phone: PhoneId,
        /// The name of its completion.
        id: CommandId,
        /// The command.
        command: &'a CommandOf<P>,
    },
    /// A command is over.
    Completed {
        /// The phone.
        phone: PhoneId,
        /// The command.
        id: CommandId,
        /// The result.
        result: &'a ResultOf<P>,
    },
    /// An application spoke into a session.
    AgentSpoke {
        /// The phone.
        phone: PhoneId,
        /// Into which session's audio.
        media: MediaId,
        /// The frame.
        frame: &'a AudioFrame,
    },
    /// An application sent a frame of a further track, as pictures are.
    AgentSent {
        /// The phone.
        phone: PhoneId,
        /// The track.
        track: TrackId,
        /// The frame.
        frame: &'a Frame,
    },
    /// A room that is played outside was shown a picture.
    RoomSaw {
        /// The conversation.
        conversation: &'a str,
        /// The picture.
        frame: &'a VideoFrame,
    },
    /// A session's far side was heard.
    AgentHeard {
        /// The phone.
        phone: PhoneId,
        /// The session's audio.
        media: MediaId,
        /// The frame.
        frame: &'a AudioFrame,
    },
    /// A customer spoke.
    CustomerSpoke {
        /// The conversation.
        conversation: &'a str,
        /// The frame.
        frame: &'a AudioFrame,
    },
    /// A customer pressed keys.
    CustomerPressed {
        /// The conversation.
        conversation: &'a str,
        /// The keys.
        digits: &'a [Digit],
    },
    /// A customer heard the agent.
    CustomerHeard {
        /// The conversation.
        conversation: &'a str,
        /// The frame.
        frame: &'a AudioFrame,
    },
    /// A client has taken a message, and all that follows from it was told.
    Received {
        /// The phone.
        phone: PhoneId,
        /// The message.
        text: &'a str,
    },
    /// A client is woken because it asked to be.
    Woken {
        /// The phone.
        phone: PhoneId,
        /// The reason.
        reason: &'a str,
        /// True if it has a connection, or makes one.
        wired: bool,
    },
    /// A phone sleeps from now on.
    Slept {
        /// The phone.
        phone: PhoneId,
    },
    /// A phone that slept goes on.
    Resumed {
        /// The phone.
        phone: PhoneId,
    },
    /// The state in the service of what a command that has just succeeded was about.
    Stands {
        /// The phone.
        phone: PhoneId,
        /// The state.
        stand: &'a P::Stand,
    },
    /// A machine did what no machine may do.
    Wrong {
        /// The fault in words.
        what: &'a str,
    },
}

// Derived, they would want the same of all that is only referred to.
impl<P: Pair> Copy for Seen<'_, P> {}

impl<P: Pair> Clone for Seen<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Something that looks at all that applications see and do.
pub trait Observer<P: Pair = Genesys> {
    /// One thing happened.
    fn see(&mut self, at: Duration, seen: Seen<'_, P>);

    /// A client told its application something, which was seen, and stands as it does after it.
    fn look(&mut self, _: Duration, _: PhoneId, _: &P::Client, _: &EventOf<P>) {}

    /// True once it has seen enough: [`World::run`](super::World::run) goes no further then.
    fn has_enough(&self) -> bool {
        false
    }
}

/// An observer of nothing.
impl<P: Pair> Observer<P> for () {
    fn see(&mut self, _: Duration, _: Seen<'_, P>) {}
}
