//! Everything that is sent to users as a notification: who sent what to whom, and where it came.

use std::collections::BTreeMap;
use std::time::Duration;

use super::steady::{Steady, Window};
use crate::world::PhoneId;

/// The kind of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A message of one user to another.
    Letter,
    /// A message of an application's to all clients of its user.
    Notice,
    /// An event of SIP.
    Event,
}

/// The kind, the sender, the receiver and the words of something sent.
type Name = (Kind, String, String, String);

#[derive(Debug)]
struct Delivery {
    name: Name,
    at: Duration,
    /// True once its sender was told that it is sent.
    told: bool,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    all: Vec<Delivery>,
    /// The number of times that each was sent.
    sent: BTreeMap<Name, usize>,
    /// The same by whom it came to.
    came: BTreeMap<(PhoneId, Name), usize>,
}

impl Deliveries {
    /// Something is sent: its number.
    pub(super) fn send(
        &mut self,
        at: Duration,
        kind: Kind,
        from: &str,
        to: &str,
        words: &str,
    ) -> usize {
        let name = (kind, from.to_owned(), to.to_owned(), words.to_owned());
        *self.sent.entry(name.clone()).or_default() += 1;
        self.all.push(Delivery { name, at, told: false });
        self.all.len() - 1
    }

    /// Its sender was told that it is sent.
    pub(super) fn told(&mut self, nth: usize) {
        if let Some(one) = self.all.get_mut(nth) {
            one.told = true;
        }
    }

    /// No. 26: what comes was sent, and comes no more often than that.
    pub(super) fn arrived(
        &mut self,
        phone: PhoneId,
        kind: Kind,
        from: &str,
        to: &str,
        words: &str,
    ) -> Result<(), String> {
        let name = (kind, from.to_owned(), to.to_owned(), words.to_owned());
        let sent = self.sent.get(&name).copied().unwrap_or_default();
        let came = self.came.entry((phone, name)).or_default();
        *came += 1;
        match (*came, sent) {
            (_, 0) => {
                Err(format!("phone {}: {kind:?} {words:?} of {from}: nobody sent it", phone.0))
            }
            (came, sent) if came > sent => {
                Err(format!("phone {}: {kind:?} {words:?} of {from} came {came} times", phone.0))
            }
            _ => Ok(()),
        }
    }

    /// No. 26: what was told as sent since then has come to each client that listened for so long from then on.
    /// Also how many did.
    pub(super) fn all_arrived(
        &self,
        (since, window): (Duration, Window),
        users: &BTreeMap<PhoneId, String>,
        steady: &Steady,
    ) -> (u64, Result<(), String>) {
        let mut due: BTreeMap<(PhoneId, &Name), usize> = BTreeMap::new();
        for one in self.all.iter().filter(|one| one.told && one.at >= since) {
            let to = users.iter().filter(|(_, user)| **user == one.name.2);
            for (phone, _) in to.filter(|(phone, _)| steady.is_steady(**phone, one.at, window)) {
                *due.entry((*phone, &one.name)).or_default() += 1;
            }
        }
        let count = due.values().map(|count| *count as u64).sum();
        for ((phone, name), due) in due {
            let came = self.came.get(&(phone, name.clone())).copied().unwrap_or_default();
            if came < due {
                let what = format!("phone {}: {name:?}: {due} were sent, {came} came", phone.0);
                return (count, Err(what));
            }
        }
        (count, Ok(()))
    }
}
