//! Stands in for the client's machine until that has landed.
#![allow(missing_docs, dead_code)]
use std::time::Instant;

use offhook::genesys::{self, Command, Error, Event, Outcome};
use offhook::machine::{CommandId, Output};
use offhook::{Input, Machine, Seed, media::EngineFactory};

pub struct Unwired(Box<dyn EngineFactory>);

impl Unwired {
    pub(crate) fn new(
        _: genesys::Config,
        f: Box<dyn EngineFactory>,
        _: Seed,
    ) -> Result<Self, Error> {
        Ok(Self(f))
    }
}

impl Machine for Unwired {
    type Command = Command;
    type Event = Event;
    type Outcome = Outcome;
    type Error = Error;
    fn submit(&mut self, _: Instant, _: Command) -> Result<CommandId, Error> {
        Err(Error::closed())
    }
    fn handle_input(&mut self, _: Instant, _: Input) {}
    fn poll_output(&mut self) -> Output<Event, Outcome, Error> {
        Output::Timeout(None)
    }
}

#[derive(Default)]
pub(crate) struct NoFactory;
impl EngineFactory for NoFactory {
    fn create(
        &mut self,
        _: Instant,
        _: offhook::media::EngineConfig,
    ) -> Box<dyn offhook::media::Engine> {
        unreachable!("the stand-in makes no engine")
    }
}
