//! Everything that can go wrong around a phone, and how it comes right again.

use std::net::IpAddr;
use std::time::Duration;

use offhook::machine::{Input as ClientInput, UdpEvent};

use super::nat::{Nat, NatKind};
use super::network::Conditions;
use super::pair::Pair;
use super::phone::{Cut, NAT_TIMEOUT, address};
use super::phone_id::PhoneId;
use super::seen::Observer;
use super::weather::{NoticeWeather, RestWeather};
use super::{Happening, World};

/// The time until a runtime that watches its addresses sees that they are others.
const SEEN: Duration = Duration::from_millis(250);

impl<O: Observer<P>, P: Pair> World<O, P> {
    /// The WebSocket breaks; both sides learn it soon.
    pub fn reset(&mut self, phone: PhoneId) {
        self.break_sockets(phone, "connection reset");
    }

    /// The WebSocket falls silent, and nobody is told.
    pub fn half_open(&mut self, phone: PhoneId) {
        self.silence_sockets(phone);
    }

    /// Nothing passes for so long, in either direction.
    pub fn cut(&mut self, phone: PhoneId, time: Duration) {
        let (since, site) = (self.now, &mut self.phones[phone.0].site);
        if site.cut.is_none() {
            site.cut = Some(Cut { since, waiting: Vec::new() });
            self.queue.push(self.now + time, Happening::Mend(phone));
        }
    }

    /// Sets how the way to the service is from now on.
    pub fn set_conditions(&mut self, phone: PhoneId, conditions: Conditions) {
        self.phones[phone.0].site.conditions = conditions;
    }

    /// Puts a translator of that kind in front of a phone, before it is used.
    pub fn set_nat(&mut self, phone: PhoneId, kind: NatKind) {
        let outside = if kind == NatKind::Open { 10 } else { 100 };
        let outside = address(outside, phone.0);
        self.phones[phone.0].site.nat = Nat::new(kind, NAT_TIMEOUT, outside);
        self.place(phone, outside);
    }

    /// Moves the phone into another network: new addresses, streams broken, media to be found anew.
    pub fn move_phone(&mut self, phone: PhoneId) {
        let site = &mut self.phones[phone.0].site;
        site.moves += 1;
        let number = phone.0 + usize::from(site.moves) * 65_536;
        let inside = address(10, number);
        let open = site.outside == site.inside;
        site.inside = inside;
        let outside = if open { inside } else { address(100, number) };
        site.nat.rebind(outside);
        self.place(phone, outside);
        self.break_sockets(phone, "network is unreachable");
        self.follow(phone);
    }

    /// A runtime that watches the addresses of its computer opens sockets on those that there are now.
    fn follow(&mut self, phone: PhoneId) {
        let machine = &mut self.phones[phone.0];
        if !machine.site.watches {
            return;
        }
        for (old, id) in std::mem::take(&mut machine.udp) {
            let mut added = Vec::new();
            if !machine.fixed.contains(&id) {
                let new = machine.site.bind();
                machine.udp.insert(new, id);
                added.push(new.into());
            }
            let event = UdpEvent::Changed { added, removed: vec![old] };
            let input = ClientInput::Udp { id, event };
            let at = self.now + SEEN;
            self.queue.push(at, Happening::ToPhone { phone, ws: None, input });
        }
    }

    /// Has a phone's runtime follow the addresses of its computer, or not.
    pub fn set_watching(&mut self, phone: PhoneId, watches: bool) {
        self.phones[phone.0].site.watches = watches;
    }

    /// The relay begins anew, and knows nothing of what it lent.
    pub fn restart_relay(&mut self) {
        if let Some(relay) = &mut self.relay {
            relay.restart();
        }
    }

    /// The relay begins anew, and yet lends nothing for so long to addresses that it lent something to.
    pub fn muddle_relay(&mut self, time: Duration) {
        if let Some(relay) = &mut self.relay {
            relay.muddle(self.now + time);
        }
    }

    /// The relay has no room for more, for so long.
    pub fn fill_relay(&mut self, time: Duration) {
        if let Some(relay) = &mut self.relay {
            relay.fill(self.now + time);
        }
    }

    /// The relay says nothing, for so long.
    pub fn silence_relay(&mut self, time: Duration) {
        if let Some(relay) = &mut self.relay {
            relay.fall_silent(self.now + time);
        }
    }

    /// The translator forgets its mappings and gets another outside address.
    pub fn rebind_nat(&mut self, phone: PhoneId) {
        let site = &mut self.phones[phone.0].site;
        if site.outside != site.inside {
            site.moves += 1;
            let outside = address(100, phone.0 + usize::from(site.moves) * 65_536);
            site.nat.rebind(outside);
            self.place(phone, outside);
        }
    }

    fn place(&mut self, phone: PhoneId, outside: IpAddr) {
        if let Some(relay) = &mut self.relay {
            relay.forget(self.phones[phone.0].site.outside);
        }
        self.by_address.retain(|_, other| *other != phone);
        self.by_address.insert(outside, phone);
        self.phones[phone.0].site.outside = outside;
    }

    /// Sets how REST requests fare from now on.
    pub fn set_rest(&mut self, phone: PhoneId, weather: RestWeather) {
        self.phones[phone.0].site.rest = weather;
    }

    /// Sets how what the service sends fares from now on.
    pub fn set_notices(&mut self, phone: PhoneId, weather: NoticeWeather) {
        self.phones[phone.0].site.notices = weather;
    }

    /// All trouble of a phone is over.
    pub fn heal(&mut self, phone: PhoneId, conditions: Conditions) {
        let site = &mut self.phones[phone.0].site;
        site.conditions = conditions;
        site.rest = RestWeather::default();
        site.notices = NoticeWeather::default();
        self.mend(phone);
        self.resume(phone);
    }
}
