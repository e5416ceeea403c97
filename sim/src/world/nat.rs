//! Network address translation between a phone and the world (RFC 4787).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Mappings of one phone at once; the one longest unused goes.
const MAX_MAPPINGS: usize = 256;

/// The kind of a network address translator: who may come in, and by which address (RFC 4787
/// sections 4.1 and 5, by their old names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatKind {
    /// No translation: the phone's address is public.
    Open,
    /// One outside address for each inside one; anybody may send to it.
    FullCone,
    /// The same, but only for hosts that were sent something.
    Restricted,
    /// The same, but only for the very addresses that were sent something.
    PortRestricted,
    /// Another outside address for each destination, for that destination only.
    Symmetric,
}

#[derive(Debug)]
struct Mapping {
    outside: SocketAddr,
    used: Duration,
    allowed: BTreeSet<SocketAddr>,
}

/// A translator in front of one phone.
#[derive(Debug)]
pub(super) struct Nat {
    kind: NatKind,
    timeout: Duration,
    outside: IpAddr,
    next_port: u16,
    mappings: BTreeMap<(SocketAddr, Option<SocketAddr>), Mapping>,
}

impl Nat {
    pub(super) fn new(kind: NatKind, timeout: Duration, outside: IpAddr) -> Self {
        Self { kind, timeout, outside, next_port: 20_000, mappings: BTreeMap::new() }
    }

    /// Forgets everything; from now on it has this outside address.
    pub(super) fn rebind(&mut self, outside: IpAddr) {
        self.outside = outside;
        self.mappings.clear();
    }

    /// The address that a datagram leaves from.
    pub(super) fn leave(
        &mut self,
        now: Duration,
        inside: SocketAddr,
        to: SocketAddr,
    ) -> SocketAddr {
        if self.kind == NatKind::Open {
            return inside;
        }
        self.expire(now);
        let key = (inside, (self.kind == NatKind::Symmetric).then_some(to));
        if !self.mappings.contains_key(&key) {
            self.make_room();
            self.next_port = self.next_port.checked_add(1).unwrap_or(20_000);
            let outside = SocketAddr::new(self.outside, self.next_port);
            self.mappings.insert(key, Mapping { outside, used: now, allowed: BTreeSet::new() });
        }
        let Some(mapping) = self.mappings.get_mut(&key) else { return inside };
        mapping.used = now;
        if mapping.allowed.len() < MAX_MAPPINGS {
            mapping.allowed.insert(to);
        }
        mapping.outside
    }

    /// The inside address that a datagram to an outside one is for, if it may come in.
    pub(super) fn enter(
        &mut self,
        now: Duration,
        to: SocketAddr,
        from: SocketAddr,
    ) -> Option<SocketAddr> {
        if self.kind == NatKind::Open {
            return Some(to);
        }
        self.expire(now);
        let ((inside, _), mapping) = self.mappings.iter_mut().find(|(_, m)| m.outside == to)?;
        let may = match self.kind {
            NatKind::Open | NatKind::FullCone => true,
            NatKind::Restricted => mapping.allowed.iter().any(|known| known.ip() == from.ip()),
            NatKind::PortRestricted | NatKind::Symmetric => mapping.allowed.contains(&from),
        };
        if !may {
            return None;
        }
        mapping.used = now;
        Some(*inside)
    }

    fn expire(&mut self, now: Duration) {
        let timeout = self.timeout;
        self.mappings.retain(|_, mapping| now.saturating_sub(mapping.used) < timeout);
    }

    fn make_room(&mut self) {
        if self.mappings.len() >= MAX_MAPPINGS
            && let Some(oldest) =
                self.mappings.iter().min_by_key(|(_, m)| m.used).map(|(key, _)| *key)
        {
            self.mappings.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], port))
    }

    #[test]
    fn each_kind_lets_in_whom_it_should() {
        let now = Duration::ZERO;
        let (inside, far, other_port, other) =
            (address(1, 4000), address(9, 1), address(9, 2), address(8, 1));
        for (kind, host, port) in [
            (NatKind::FullCone, true, true),
            (NatKind::Restricted, false, true),
            (NatKind::PortRestricted, false, false),
            (NatKind::Symmetric, false, false),
        ] {
            let mut nat = Nat::new(kind, Duration::from_secs(60), IpAddr::from([1, 2, 3, 4]));
            let outside = nat.leave(now, inside, far);
            assert_eq!(outside.ip(), IpAddr::from([1, 2, 3, 4]));
            assert_eq!(nat.enter(now, outside, far), Some(inside));
            assert_eq!(nat.enter(now, outside, other).is_some(), host, "{kind:?}");
            assert_eq!(nat.enter(now, outside, other_port).is_some(), port, "{kind:?}");
            let again = nat.leave(now, inside, other);
            assert_eq!(again != outside, kind == NatKind::Symmetric);
            let later = Duration::from_secs(61);
            assert_eq!(nat.enter(later, outside, far), None, "it times out");
            assert_ne!(nat.leave(later, inside, far), outside);
        }
    }

    #[test]
    fn mappings_are_bounded() {
        let mut nat = Nat::new(NatKind::Symmetric, Duration::MAX, IpAddr::from([1, 2, 3, 4]));
        for n in 0..2000_u16 {
            nat.leave(Duration::from_secs(n.into()), address(1, 1), address(2, n));
        }
        assert_eq!(nat.mappings.len(), MAX_MAPPINGS);
    }
}
