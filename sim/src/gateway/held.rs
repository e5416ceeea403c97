//! Answers that are held back until a notification has overtaken them (w4.0.4, RP-1).

use std::collections::BTreeMap;
use std::time::Duration;

use http::Response;

use super::agenda::Job;
use super::world::World;
use crate::service::RequestId;

/// The longest that an answer is held back.
const MAX_HOLD: Duration = Duration::from_secs(2);

/// Answers by the session whose next notification lets them go; at most one for each.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: BTreeMap<String, (RequestId, Response<Vec<u8>>)>,
}

impl Held {
    /// Holds an answer back. Another that waited for the same session goes first.
    pub(super) fn hold(
        &mut self,
        session: &str,
        id: RequestId,
        response: Response<Vec<u8>>,
        world: &mut World,
    ) {
        self.release(session, world);
        self.waiting.insert(session.to_owned(), (id, response));
        let session = session.to_owned();
        world.agenda.add(world.base.now + MAX_HOLD, Job::Release { session });
    }

    /// Lets an answer go: its notification was sent, or does not come.
    pub(super) fn release(&mut self, session: &str, world: &mut World) {
        if let Some((id, response)) = self.waiting.remove(session) {
            world.base.respond(id, response);
        }
    }

    pub(super) fn clear(&mut self, world: &mut World) {
        for (id, response) in std::mem::take(&mut self.waiting).into_values() {
            world.base.respond(id, response);
        }
    }
}
