//! The parts of the world that every part of the cloud may use.

use std::net::IpAddr;

use http::Response;
use offhook::Seed;

use super::directory::Directory;
use super::options::Options;
use super::silence::{Silence, Silences};
use super::untidy::Lots;
use crate::service::{Base, FarMedia, Prompt, RequestId};

/// The parts of the world that every part of the cloud may use.
pub(super) struct World {
    pub(super) base: Base,
    /// The seed of far ends' media.
    pub(super) seed: Seed,
    pub(super) domain: String,
    pub(super) public_ip: IpAddr,
    pub(super) stun_port: u16,
    pub(super) factory: Box<dyn FarMedia>,
    pub(super) prompt: Prompt,
    pub(super) directory: Directory,
    pub(super) options: Options,
    pub(super) silences: Silences,
    /// The lots that decide how untidy far ends and notifications are.
    pub(super) lots: Lots,
}

impl World {
    /// True if a signal that is due is left out.
    pub(super) fn keeps(&mut self, silence: Silence) -> bool {
        self.silences.keeps(silence)
    }

    /// Answers a request, with an id to ask after it.
    pub(super) fn respond(&mut self, id: RequestId, mut response: Response<Vec<u8>>) {
        if let Ok(value) = self.base.rng.uuid().parse() {
            response.headers_mut().insert("inin-correlation-id", value);
        }
        self.base.respond(id, response);
    }
}
