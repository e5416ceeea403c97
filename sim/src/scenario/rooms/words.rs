//! The words of a room by its data channel, which are told once.

use std::collections::BTreeSet;

use offhook::genesys::Event;

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// The numbers of what rooms said by their data channels, as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Words(BTreeSet<u64>);

impl Rule for Words {
    const NAME: &'static str = "what a room says is told once";

    fn see(&mut self, _: PhoneId, seen: Seen<'_>, _: &Stays) -> Result<(), String> {
        let Seen::Told { event: Event::RoomMessage { message, .. }, .. } = seen else {
            return Ok(());
        };
        match message["number"].as_u64() {
            Some(number) if !self.0.insert(number) => Err(format!("word {number} is told twice")),
            Some(_) => Ok(()),
            None => Err(format!("nobody said {message}")),
        }
    }
}
