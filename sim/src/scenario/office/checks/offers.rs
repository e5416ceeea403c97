//! Offers on calls that are up, of either side.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::machine::HttpId;
use offhook::ribbon::{Event, Transition};

use super::sessions::Sessions;
use super::wire::Wire;
use crate::world::PhoneId;

/// The longest that an offer of the far side may wait for its answer, once all is quiet.
const LONG: Duration = Duration::from_secs(30);

/// The offers on a call that are not answered.
#[derive(Debug, Default)]
struct Offers {
    /// Ours.
    ours: Option<HttpId>,
    /// Theirs, by when they came.
    theirs: Vec<Duration>,
    /// Those of theirs that came before the answer to our request named the call: they may be answered, too.
    early: u32,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct OffersOfAll {
    open: BTreeMap<(PhoneId, String), Offers>,
    /// Offers that met one of the other side's.
    pub(super) crossed: u64,
}

impl OffersOfAll {
    /// No. 7: each offer received is answered once; two of ours are never open on one call.
    pub(super) fn see(
        &mut self,
        at: Duration,
        phone: PhoneId,
        wire: &Wire,
        sessions: &Sessions,
    ) -> Result<(), String> {
        match wire {
            Wire::Notified(notice) => {
                let Some(name) = notice.session.clone() else { return Ok(()) };
                let known = sessions.get(phone, &name);
                if known.is_some_and(super::sessions::Session::is_over) {
                    return Ok(());
                }
                let offers = self.open.entry((phone, name)).or_default();
                match notice.kind.as_str() {
                    _ if known.is_none() => {
                        offers.early += u32::from(notice.kind == "startCallUpdate");
                    }
                    "startCallUpdate" => {
                        self.crossed += u64::from(offers.ours.is_some());
                        offers.theirs.push(at);
                    }
                    "respondCallUpdate" => offers.ours = None,
                    _ => {}
                }
            }
            Wire::Asked(asked) => {
                let Some(name) = asked.session.clone() else { return Ok(()) };
                let offers = self.open.entry((phone, name.clone())).or_default();
                match asked.kind.as_str() {
                    // The same request; its answer may have come by notification already.
                    "startCallUpdate" if asked.redirected => {
                        offers.ours = offers.ours.map(|_| asked.id);
                    }
                    "startCallUpdate" if offers.ours.replace(asked.id).is_some() => {
                        return Err(format!("phone {} offers twice on {name}", phone.0));
                    }
                    "respondCallUpdate" if !asked.redirected => {
                        if !offers.theirs.is_empty() {
                            offers.theirs.remove(0);
                        } else if offers.early > 0 {
                            offers.early -= 1;
                        } else {
                            return Err(format!("phone {} answers no offer on {name}", phone.0));
                        }
                    }
                    _ => {}
                }
            }
            Wire::Answered { id, status, .. } => {
                if status.is_none_or(|status| status >= 400) {
                    let ours = self.open.values_mut().filter(|offers| offers.ours == Some(*id));
                    ours.for_each(|offers| offers.ours = None);
                }
            }
            Wire::Opening | Wire::Opened(_) | Wire::Closed(_) | Wire::Pinged(_) => {}
        }
        Ok(())
    }

    /// Whatever operation an offer of ours belonged to is over: so is the offer.
    pub(super) fn told(&mut self, phone: PhoneId, event: &Event, sessions: &Sessions) {
        match event {
            Event::Operation {
                call, transition: Transition::Finish, local: true, kind, ..
            } if kind.is_blocking() => {
                if let Some(name) = sessions.of_call(phone, call)
                    && let Some(offers) = self.open.get_mut(&(phone, name.to_owned()))
                {
                    offers.ours = None;
                }
            }
            Event::CallState { call, .. } if call.state.is_final() => {
                if let Some(name) = sessions.of_call(phone, &call.id) {
                    self.open.remove(&(phone, name.to_owned()));
                }
            }
            _ => {}
        }
    }

    /// No. 7: no offer of the far side waits for ever.
    pub(super) fn all_answered(&self, at: Duration) -> Result<(), String> {
        for ((phone, name), offers) in &self.open {
            if let Some(since) = offers.theirs.iter().find(|since| at - **since > LONG) {
                return Err(format!(
                    "phone {} has not answered an offer on {name} for {:?}",
                    phone.0,
                    at - *since
                ));
            }
        }
        Ok(())
    }
}
