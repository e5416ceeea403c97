//! The times in which a client listens: it is subscribed, its socket is open, nothing happens to either, and
//! something still came after them. A subscription that the gateway forgot looks well until its next renewal.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::machine::WsId;
use offhook::ribbon::Event;

use super::super::wire::Wire;
use crate::world::PhoneId;

#[derive(Debug, Default)]
struct Standing {
    subscribed: bool,
    socket: Option<WsId>,
    /// The times in which it listened; the last may go on.
    times: Vec<Time>,
}

#[derive(Debug)]
struct Time {
    began: Duration,
    /// The latest at which something came.
    heard: Duration,
    end: Option<Duration>,
}

/// The time for which a client has to listen, and that after which something has to come.
pub(super) type Window = (Duration, Duration);

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Steady {
    phones: BTreeMap<PhoneId, Standing>,
}

impl Standing {
    /// Something happened: another time begins, if it listens.
    fn changed(&mut self, at: Duration) {
        if let Some(Time { end: end @ None, .. }) = self.times.last_mut() {
            *end = Some(at);
        }
        if self.subscribed && self.socket.is_some() {
            self.times.push(Time { began: at, heard: at, end: None });
        }
    }
}

impl Steady {
    pub(super) fn heard(&mut self, at: Duration, phone: PhoneId, wire: &Wire) {
        let standing = self.phones.entry(phone).or_default();
        match wire {
            Wire::Opened(ws) => standing.socket = Some(*ws),
            Wire::Closed(ws) if standing.socket == Some(*ws) => standing.socket = None,
            _ => return,
        }
        standing.changed(at);
    }

    /// Something came on a socket.
    pub(super) fn came(&mut self, at: Duration, phone: PhoneId, ws: WsId) {
        if let Some(standing) = self.phones.get_mut(&phone)
            && standing.socket == Some(ws)
            && let Some(time @ Time { end: None, .. }) = standing.times.last_mut()
        {
            time.heard = at;
        }
    }

    pub(super) fn told(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        if let Event::SubscriptionChanged { subscriptions, .. } = event {
            let standing = self.phones.entry(phone).or_default();
            standing.subscribed = !subscriptions.subscribed.is_empty();
            standing.changed(at);
        }
    }

    /// The time from which on a client listens, or did last.
    pub(super) fn since(&self, phone: PhoneId) -> Duration {
        let last = self.phones.get(&phone).and_then(|standing| standing.times.last());
        last.map_or(Duration::ZERO, |time| time.began)
    }

    /// True if a client listened from then on for so long, and something came after a while.
    pub(super) fn is_steady(&self, phone: PhoneId, from: Duration, (time, after): Window) -> bool {
        let times = self.phones.get(&phone).map_or(&[][..], |standing| &standing.times);
        let until = from + time;
        times.iter().any(|one| {
            one.began <= from && one.end.is_none_or(|end| until <= end) && one.heard >= from + after
        })
    }
}
