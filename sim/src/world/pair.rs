//! What a world is made of, and alone knows of what it carries: a client and the service that it is
//! a client of.

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use offhook::Seed;
use offhook::machine::{CommandId, Machine, OutputOf};
use offhook::media::EngineFactory;

use crate::dice::Dice;
use crate::service::{FarMedia, Service};

/// What an application may ask of the client.
pub type CommandOf<P> = <<P as Pair>::Client as Machine>::Command;
/// What an application is told.
pub type EventOf<P> = <<P as Pair>::Client as Machine>::Event;
/// What a command that succeeded yields.
pub type OutcomeOf<P> = <<P as Pair>::Client as Machine>::Outcome;
/// Why a command failed.
pub type ErrorOf<P> = <<P as Pair>::Client as Machine>::Error;
/// How a command ended.
pub type ResultOf<P> = Result<OutcomeOf<P>, ErrorOf<P>>;

/// What a service is made with.
pub struct ServiceParts {
    /// Where all its randomness comes from.
    pub seed: Seed,
    /// The wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Where its media is.
    pub address: IpAddr,
    /// What makes the media of far ends.
    pub media: Box<dyn FarMedia>,
    /// Its first instant.
    pub now: Instant,
}

/// What a client is made with.
pub struct ClientParts {
    /// Where all its randomness comes from.
    pub seed: Seed,
    /// The wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// What makes its media.
    pub media: Box<dyn EngineFactory>,
    /// Its first instant.
    pub now: Instant,
}

/// What a text is that a service sends, for those who lose and delay some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// It tells of something that can be asked for as well.
    Notification,
    /// It tells of something else.
    Message,
    /// It keeps the connection up, or is a question or an answer.
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
    /// What is remembered of what a client was asked for and has told.
    type Notes: Default;
    /// How the service has what a command was about.
    type Stand: fmt::Debug;

    /// A message of such a service that no client has a use for.
    const RUBBISH: &'static str;

    /// A service with nobody in it.
    fn service(parts: ServiceParts) -> Self::Service;

    // Of clients

    /// Whether its signaling is up.
    fn is_connected(client: &Self::Client) -> bool;

    /// A fingerprint of all that is in it.
    fn digest(client: &Self::Client) -> u64;

    /// The message that an event does no more than repeat, if it does that.
    fn traced(event: &EventOf<Self>) -> Option<&str>;

    // What is remembered of a phone

    /// A client was asked for something.
    fn submitted(notes: &mut Self::Notes, id: CommandId, command: &CommandOf<Self>);

    /// A client told something.
    fn told(notes: &mut Self::Notes, event: &EventOf<Self>);

    /// A command of a user's is over: how the service has now what it was about, where that is to be
    /// looked at.
    fn completed(
        notes: &mut Self::Notes,
        id: CommandId,
        succeeded: bool,
        service: &Self::Service,
        user: &str,
    ) -> Option<Self::Stand>;

    // What is said

    /// What a text of the service's is.
    fn kind_of(text: &str) -> Text;

    /// Whether a text of a client's asks for an answer.
    fn is_question(text: &str) -> bool;

    /// What a stranger has to say about a text that a user's client is about to be told, if anything:
    /// under his own name, as no server lets him forge another.
    fn forge(
        dice: &mut Dice,
        notes: &Self::Notes,
        service: &Self::Service,
        user: &str,
        text: &str,
    ) -> Option<String>;

    /// Whether a stranger's word comes before the true one.
    fn comes_first(notes: &Self::Notes, forged: &str) -> bool;

    /// What a stranger answers to a client's question.
    fn meddle(dice: &mut Dice, question: &str) -> Option<String>;

    /// Whether that may come of a stranger's word: a reply, or a word that something was odd.
    fn is_harmless(output: &OutputOf<Self::Client>) -> bool;
}
