//! The pair that a world carries, and its own knowledge of it: a client and the service that it is
//! a client of.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use offhook::Seed;
use offhook::machine::{CommandId, Machine, OutputOf};
use offhook::media::EngineFactory;

use crate::dice::Dice;
use crate::service::{FarMedia, Service};

/// A command to the client.
pub type CommandOf<P> = <<P as Pair>::Client as Machine>::Command;
/// An event of the client.
pub type EventOf<P> = <<P as Pair>::Client as Machine>::Event;
/// The outcome of a command that succeeded.
pub type OutcomeOf<P> = <<P as Pair>::Client as Machine>::Outcome;
/// The error of a command that failed.
pub type ErrorOf<P> = <<P as Pair>::Client as Machine>::Error;
/// The result of a command.
pub type ResultOf<P> = Result<OutcomeOf<P>, ErrorOf<P>>;

/// The parts that a service is made with.
pub struct ServiceParts {
    /// The source of all its randomness.
    pub seed: Seed,
    /// The wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// The address of its media.
    pub address: IpAddr,
    /// The maker of far ends' media.
    pub media: Box<dyn FarMedia>,
    /// Its first instant.
    pub now: Instant,
}

/// The parts that a client is made with.
pub struct ClientParts {
    /// The source of all its randomness.
    pub seed: Seed,
    /// The wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// The maker of its media.
    pub media: Box<dyn EngineFactory>,
    /// Its first instant.
    pub now: Instant,
}

/// The kind of a text that a service sends, for those who lose and delay some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Tells of something that can be asked for as well.
    Notification,
    /// Tells of something else.
    Message,
    /// Keeps the connection up, or is a question or an answer.
    Other,
}

/// A client and the service that it is a client of.
///
/// A world drives both by their contracts, [`Machine`] and [`Service`]. What else it has to know of
/// them is here: how they are made, and what their words mean to those who disturb them.
pub trait Pair: Copy + fmt::Debug + 'static {
    /// The client, which runs on phones.
    type Client: Machine<Command: Clone + fmt::Debug, Event: fmt::Debug, Outcome: fmt::Debug, Error: Clone>;
    /// The service.
    type Service: Service;
    /// The notes of what a client was asked for and has told.
    type Notes: Default;
    /// The state in the service of what a command was about.
    type Stand: fmt::Debug;

    /// A message of such a service that no client has a use for.
    const RUBBISH: &'static str;

    /// A service with nobody in it.
    fn service(parts: ServiceParts) -> Self::Service;

    // Of clients

    /// True while its signaling is up.
    fn is_connected(client: &Self::Client) -> bool;

    /// A fingerprint of all that is in it.
    fn digest(client: &Self::Client) -> u64;

    /// The message that an event does no more than repeat, if it does that.
    fn traced(event: &EventOf<Self>) -> Option<&str>;

    // What is remembered of a phone

    /// Notes that a client was asked for something.
    fn submitted(notes: &mut Self::Notes, id: CommandId, command: &CommandOf<Self>);

    /// Notes that a client told something.
    fn told(notes: &mut Self::Notes, event: &EventOf<Self>);

    /// Notes that a command of a user's is over, and tells how the service has now what it was
    /// about, where that is to be looked at.
    fn completed(
        notes: &mut Self::Notes,
        id: CommandId,
        succeeded: bool,
        service: &Self::Service,
        user: &str,
    ) -> Option<Self::Stand>;

    // What is said

    /// The kind of a text of the service's.
    fn kind_of(text: &str) -> Text;

    /// True if a text of a client's asks for an answer.
    fn is_question(text: &str) -> bool;

    /// A stranger's word on a text that a user's client is about to be told, if he has one: under
    /// his own name, as no server lets him forge another.
    fn forge(
        dice: &mut Dice,
        notes: &Self::Notes,
        service: &Self::Service,
        user: &str,
        text: &str,
    ) -> Option<String>;

    /// True if a stranger's word comes before the true one.
    fn comes_first(notes: &Self::Notes, forged: &str) -> bool;

    /// A stranger's answer to a client's question.
    fn meddle(dice: &mut Dice, question: &str) -> Option<String>;

    /// True if that may come of a stranger's word: a reply, or a word that something was odd.
    fn is_harmless(output: &OutputOf<Self::Client>) -> bool;
}
