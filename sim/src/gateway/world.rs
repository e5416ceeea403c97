//! The parts of the world that every part of the gateway may use.

use std::net::IpAddr;

use http::Response;
use offhook::{Rng, Seed};
use serde_json::{Value, json};

use super::agenda::{Agenda, Job};
use super::directory::Directory;
use super::options::{Options, Weather};
use crate::service::{Base, FarMedia, Prompt, RequestId};

/// The parts of the world that every part of the gateway may use.
pub(super) struct World {
    pub(super) base: Base,
    /// The seed of far ends' media.
    pub(super) seed: Seed,
    pub(super) public_ip: IpAddr,
    pub(super) factory: Box<dyn FarMedia>,
    pub(super) prompt: Prompt,
    pub(super) directory: Directory,
    pub(super) options: Options,
    pub(super) weather: Weather,
    /// The lots of the weather.
    pub(super) dice: Rng,
    pub(super) agenda: Agenda,
}

impl World {
    /// True as often as that, of 1.
    pub(super) fn chance(&mut self, chance: f64) -> bool {
        chance > 0.0 && (self.dice.next_u64() >> 11) as f64 / ((1_u64 << 53) as f64) < chance
    }

    /// A client did what none should.
    pub(super) fn bad_request(&mut self, user: &str, why: &str, asked: Value) {
        self.base.log(format!("bad request of {user}: {why}"));
        self.base.happened("bad-request", json!({"user": user, "why": why, "asked": asked}));
    }

    /// Answers at a time.
    pub(super) fn respond_at(
        &mut self,
        at: std::time::Instant,
        id: RequestId,
        response: Response<Vec<u8>>,
    ) {
        if at <= self.base.now {
            self.base.respond(id, response);
        } else {
            self.agenda.add(at, Job::Reply { id, response });
        }
    }
}
