//! All calls and their legs, and what is due on each.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use offhook::machine::Wake;
use serde_json::Value;

use super::call::{Call, CallState};
use super::leg::{Leg, LegState};
use super::world::World;
use crate::service::Index;

/// Calls that are not over; one more is refused.
pub(super) const MAX_CALLS: usize = 1000;
/// Calls that are over and still told; the oldest go.
const MAX_ENDED: usize = 100;

/// The places of a conference, and who is heard in it.
#[derive(Debug, Default)]
pub(super) struct Bridge {
    pub(super) legs: Vec<String>,
    /// The one who spoke last, and the time.
    pub(super) floor: Option<(String, Instant)>,
    /// Frames passed on.
    pub(super) said: u64,
}

/// All calls and their legs. See the [module](self).
#[derive(Default)]
pub(super) struct Calls {
    calls: BTreeMap<String, Call>,
    legs: BTreeMap<String, Leg>,
    ended: VecDeque<String>,
    live: usize,
    /// The legs whose media has something to do.
    pub(super) media: Index<String, Instant>,
    /// Conferences, by the call of whoever has made them.
    pub(super) bridges: BTreeMap<String, Bridge>,
    /// The legs whose client has to say that it is still there.
    pub(super) audits: Index<String, Instant>,
}

impl Calls {
    /// True if there can be one more.
    pub(super) fn has_room(&self) -> bool {
        self.live < MAX_CALLS
    }

    pub(super) fn add(&mut self, call: Call) {
        self.live += 1;
        self.calls.insert(call.id.clone(), call);
    }

    pub(super) fn add_leg(&mut self, leg: Leg) {
        if let Some(call) = self.calls.get_mut(&leg.call)
            && !call.ends[leg.end].legs.contains(&leg.session)
        {
            call.ends[leg.end].legs.push(leg.session.clone());
        }
        self.legs.insert(leg.session.clone(), leg);
    }

    /// Keeps a leg that has yet to be seated.
    pub(super) fn keep(&mut self, leg: Leg) {
        self.legs.insert(leg.session.clone(), leg);
    }

    pub(super) fn call(&self, id: &str) -> Option<&Call> {
        self.calls.get(id)
    }

    pub(super) fn call_mut(&mut self, id: &str) -> Option<&mut Call> {
        self.calls.get_mut(id)
    }

    /// The id of a call, by that or by the session of a leg.
    pub(super) fn find(&self, name: &str) -> Option<String> {
        let by_leg = || self.legs.get(name).map(|leg| leg.call.clone());
        self.calls.get(name).map(|call| call.id.clone()).or_else(by_leg)
    }

    pub(super) fn leg(&self, session: &str) -> Option<&Leg> {
        self.legs.get(session)
    }

    pub(super) fn leg_mut(&mut self, session: &str) -> Option<&mut Leg> {
        self.legs.get_mut(session)
    }

    /// The call of a leg.
    pub(super) fn call_of(&self, session: &str) -> Option<&Call> {
        self.calls.get(&self.legs.get(session)?.call)
    }

    pub(super) fn call_of_mut(&mut self, session: &str) -> Option<&mut Call> {
        self.calls.get_mut(&self.legs.get(session)?.call)
    }

    /// The legs at the other end: the one that has it, or all that might.
    pub(super) fn peers(&self, session: &str) -> Vec<String> {
        let Some(leg) = self.legs.get(session) else { return Vec::new() };
        self.calls.get(&leg.call).map_or_else(Vec::new, |call| call.ends[1 - leg.end].present())
    }

    /// The leg that has the other end.
    pub(super) fn peer(&self, session: &str) -> Option<&Leg> {
        let leg = self.legs.get(session)?;
        self.legs.get(self.calls.get(&leg.call)?.ends[1 - leg.end].chosen.as_ref()?)
    }

    pub(super) fn all_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.values()
    }

    pub(super) fn body(&self, id: &str) -> Option<Value> {
        let call = self.calls.get(id)?;
        let legs = call.legs().filter_map(|leg| self.legs.get(leg)).map(Leg::body).collect();
        Some(call.body(legs))
    }

    pub(super) fn bodies(&self) -> Vec<Value> {
        self.calls.keys().filter_map(|id| self.body(id)).collect()
    }

    /// Lets a leg have an end of a call, be it of another than before. It had an end alone, or was new.
    pub(super) fn seat(&mut self, session: &str, call: &str, end: usize) {
        let Some(leg) = self.legs.get_mut(session) else { return };
        if let Some(before) = self.calls.get_mut(&leg.call) {
            let left = &mut before.ends[leg.end];
            left.legs.retain(|other| other != session);
            left.chosen.take_if(|chosen| chosen == session);
        }
        call.clone_into(&mut leg.call);
        leg.end = end;
        let Some(call) = self.calls.get_mut(call) else { return };
        let taken = &mut call.ends[end];
        taken.past.retain(|other| other != session);
        for other in std::mem::take(&mut taken.legs) {
            taken.past.push(other);
        }
        taken.legs.push(session.to_owned());
        taken.chosen = Some(session.to_owned());
    }

    /// A leg is over: nothing of it is due any more.
    pub(super) fn finish_leg(&mut self, session: &str, state: LegState, world: &mut World) {
        let Some(leg) = self.legs.get_mut(session) else { return };
        leg.state = state;
        if let Some(broker) = leg.broker.take() {
            broker.close(world);
        }
        if let Some(scripted) = leg.scripted_mut() {
            scripted.close(world);
            if let Some(bridge) = scripted.bridge.take()
                && let Some(places) = self.bridges.get_mut(&bridge)
            {
                places.legs.retain(|other| other != session);
                if places.legs.is_empty() {
                    self.bridges.remove(&bridge);
                }
            }
        }
        let session = leg.session.clone();
        self.media.set(&session, None);
        self.audits.set(&session, None);
    }

    /// A call is over; of those that are, the oldest is forgotten.
    pub(super) fn finish(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.state == CallState::Ended {
            return;
        }
        call.state = CallState::Ended;
        self.live -= 1;
        self.ended.push_back(id.to_owned());
        while self.ended.len() > MAX_ENDED {
            let oldest = self.ended.pop_front().and_then(|oldest| self.calls.remove(&oldest));
            for leg in oldest.iter().flat_map(Call::legs) {
                self.legs.remove(leg);
            }
        }
    }

    pub(super) fn clear(&mut self, world: &mut World) {
        for leg in self.legs.values_mut() {
            if let Some(broker) = leg.broker.take() {
                broker.close(world);
            }
            if let Some(scripted) = leg.scripted_mut() {
                scripted.close(world);
            }
        }
        *self = Self::default();
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let wake =
            |due: Option<(&Instant, &String)>, reason| due.map(|(at, _)| Wake { at: *at, reason });
        let media = wake(self.media.first(), "a far end's media");
        Wake::earliest(media, wake(self.audits.first(), "an audit"))
    }
}
