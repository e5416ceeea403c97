//! Transfers and joins: what becomes of the calls that take part.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::ribbon::{CallId, CallState, Event, OperationId, OperationKind, Transition};

use crate::world::PhoneId;

/// The longest that a call may outlive its transfer.
const SOON: Duration = Duration::from_secs(20);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Moves {
    states: BTreeMap<(PhoneId, CallId), CallState>,
    /// The state of a call as it was when an operation on it began.
    before: BTreeMap<(PhoneId, OperationId), CallState>,
    /// Calls that were handed over, and until when they may be there.
    leaving: BTreeMap<(PhoneId, CallId), Duration>,
    /// Calls that were made of two.
    joined: BTreeMap<(PhoneId, CallId), Duration>,
}

impl Moves {
    /// No. 18: after a transfer that succeeded our call is gone; after one that failed it is as before.
    pub(super) fn told(
        &mut self,
        at: Duration,
        phone: PhoneId,
        event: &Event,
    ) -> Result<(), String> {
        match event {
            Event::CallState { call, .. } => {
                let key = (phone, call.id.clone());
                if call.state.is_final() {
                    self.leaving.remove(&key);
                    self.joined.remove(&key);
                    self.states.remove(&key);
                } else {
                    if call.state.is_up() {
                        self.joined.remove(&key);
                    }
                    self.states.insert(key, call.state);
                }
            }
            Event::CallJoined { call, first, second } => {
                self.joined.insert((phone, call.clone()), at + SOON);
                self.leaves(at, phone, first);
                self.leaves(at, phone, second);
            }
            Event::Operation {
                call,
                id,
                kind: OperationKind::DirectTransfer | OperationKind::ConsultativeTransfer,
                transition,
                local: true,
                error,
                ..
            } => return self.moved(at, (phone, call, id), *transition, error.is_some()),
            _ => {}
        }
        Ok(())
    }

    fn leaves(&mut self, at: Duration, phone: PhoneId, call: &CallId) {
        let key = (phone, call.clone());
        if self.states.contains_key(&key) {
            self.leaving.insert(key, at + SOON);
        }
    }

    fn moved(
        &mut self,
        at: Duration,
        (phone, call, id): (PhoneId, &CallId, &OperationId),
        transition: Transition,
        failed: bool,
    ) -> Result<(), String> {
        let key = (phone, call.clone());
        let now = self.states.get(&key).copied();
        match transition {
            Transition::Start => {
                if let Some(now) = now {
                    self.before.insert((phone, id.clone()), now);
                }
            }
            Transition::Finish => {
                let before = self.before.remove(&(phone, id.clone()));
                if !failed {
                    self.leaves(at, phone, call);
                } else if let (Some(before), Some(now)) = (before, now)
                    && before != now
                {
                    return Err(format!(
                        "phone {}: {call} was {before} before its transfer failed, and is {now}",
                        phone.0
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// No. 18: no call is left that was handed over, and what was made of two is up.
    pub(super) fn all_left(&self, at: Duration) -> Result<(), String> {
        let late = |list: &BTreeMap<(PhoneId, CallId), Duration>| {
            list.iter()
                .find(|(_, until)| **until < at)
                .map(|((phone, call), _)| (phone.0, call.clone()))
        };
        if let Some((phone, call)) = late(&self.leaving) {
            return Err(format!("phone {phone}: {call} was handed over, and is still there"));
        }
        match late(&self.joined) {
            Some((phone, call)) => Err(format!("phone {phone}: {call} was joined, and is not up")),
            None => Ok(()),
        }
    }
}
