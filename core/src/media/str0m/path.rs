//! The addresses that a path may lead over: ours, and those that the far side names.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::media::{Local, LocalKind};
use crate::sdp::candidate::{Admission, Candidate, Generation, MAX_CANDIDATES, MAX_NAMES};

/// Our addresses at a time; more are not used.
pub(super) const MAX_LOCAL: usize = 64;

/// One of our addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OurAddress {
    pub(super) local: Local,
    pub(super) kind: LocalKind,
}

impl OurAddress {
    /// The address that datagrams leave from (RFC 8445 section 5.1.1).
    pub(super) fn base(&self) -> SocketAddr {
        match self.kind {
            LocalKind::ServerReflexive { base } => base,
            LocalKind::Host | LocalKind::Relayed { .. } => self.local.address,
        }
    }

    /// The priority of its candidate (RFC 8445 section 5.1.2.1).
    pub(super) fn priority(&self) -> u32 {
        let kind: u32 = match self.kind {
            LocalKind::Host => 126,
            LocalKind::ServerReflexive { .. } => 100,
            LocalKind::Relayed { .. } => 0,
        };
        (kind << 24) | (u32::from(self.local.preference) << 8) | 255
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Path {
    ours: Vec<OurAddress>,
    /// True once one was taken away: then no datagram leaves or comes by an address that is not ours.
    shrunk: bool,
    /// True when there are no more of ours, for now.
    pub(super) gathered: bool,
    /// Remote candidates kept until they can be used; at most [`MAX_CANDIDATES`].
    early: Vec<String>,
    /// Those that are used.
    remote: Generation,
    /// The names that hide addresses of the far side's, since ICE began; at most [`MAX_NAMES`].
    names: BTreeMap<String, Name>,
}

/// A name in place of an address.
#[derive(Debug)]
enum Name {
    /// It was not asked for yet.
    New(Vec<Candidate>),
    /// It is being looked up for these candidates; at most [`MAX_CANDIDATES`].
    Asked(Vec<Candidate>),
    /// It has these addresses, at most one of each family.
    Known(Vec<IpAddr>),
}

impl Path {
    pub(super) fn ours(&self) -> impl Iterator<Item = &OurAddress> {
        self.ours.iter()
    }

    /// Takes an address of ours. Nothing where it is known, or where there are too many.
    pub(super) fn add(&mut self, ours: OurAddress) -> Option<&OurAddress> {
        let known = self.ours.iter().any(|known| known.local.address == ours.local.address);
        if known || self.ours.len() >= MAX_LOCAL {
            return None;
        }
        self.ours.push(ours);
        self.ours.last()
    }

    /// Takes an address of ours away, and those that datagrams left by it for.
    pub(super) fn remove(&mut self, address: SocketAddr) -> Vec<OurAddress> {
        let goes =
            |ours: &mut OurAddress| ours.local.address == address || (ours.base() == address);
        let gone: Vec<_> = self.ours.extract_if(.., goes).collect();
        self.shrunk |= !gone.is_empty();
        gone
    }

    /// True if datagrams may leave from an address, and come to it.
    pub(super) fn leads_by(&self, base: SocketAddr) -> bool {
        !self.shrunk || self.ours.iter().any(|ours| ours.base() == base)
    }

    /// Keeps the candidates of a text until they can be used.
    pub(super) fn keep(&mut self, candidates: impl IntoIterator<Item = Candidate>) {
        for candidate in candidates {
            let is_of_use = candidate.usable().is_some() || candidate.hidden_name().is_some();
            if is_of_use && self.early.len() < MAX_CANDIDATES {
                self.early.push(candidate.to_line());
            }
        }
    }

    pub(super) fn take_early(&mut self) -> Vec<String> {
        std::mem::take(&mut self.early)
    }

    /// ICE began anew: what the far side named before is of no use.
    pub(super) fn renew(&mut self) {
        self.remote = Generation::default();
        self.names.clear();
    }

    /// The candidates of a text that ICE can use and does not have, as long as there are not too many.
    pub(super) fn admit(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (_, candidate) in Candidate::read_all(text).candidates {
            for candidate in self.unhide(candidate) {
                let Some(usable) = candidate.usable() else { continue };
                let Some(address) = usable.address() else { continue };
                if self.remote.admit(address, usable.component) == Admission::New {
                    lines.push(usable.to_line());
                }
            }
        }
        lines
    }

    /// The candidate with its addresses, if they are hidden by a name that is known. It waits for one that is not.
    fn unhide(&mut self, candidate: Candidate) -> Vec<Candidate> {
        let Some(name) = candidate.hidden_name().map(str::to_ascii_lowercase) else {
            return vec![candidate];
        };
        match self.names.get_mut(&name) {
            Some(Name::Known(found)) => {
                found.iter().map(|address| candidate.with_address(*address)).collect()
            }
            Some(Name::New(waiting) | Name::Asked(waiting)) => {
                if waiting.len() < MAX_CANDIDATES && !waiting.contains(&candidate) {
                    waiting.push(candidate);
                }
                Vec::new()
            }
            None => {
                if self.names.len() < MAX_NAMES {
                    self.names.insert(name, Name::New(vec![candidate]));
                }
                Vec::new()
            }
        }
    }

    /// A name that is to be looked up, once.
    pub(super) fn wants(&mut self) -> Option<String> {
        self.names.iter_mut().find_map(|(name, state)| {
            let Name::New(waiting) = state else { return None };
            *state = Name::Asked(std::mem::take(waiting));
            Some(name.clone())
        })
    }

    /// Takes what a name stands for: the candidates that it was waited with for, as lines.
    pub(super) fn resolved(&mut self, name: &str, addresses: &[IpAddr]) -> Vec<String> {
        let Some(state) = self.names.get_mut(name) else { return Vec::new() };
        let Name::Asked(waiting) = state else { return Vec::new() };
        let waiting = std::mem::take(waiting);
        let of = |is_ipv4| addresses.iter().copied().find(|one| one.is_ipv4() == is_ipv4);
        *state = Name::Known([true, false].into_iter().filter_map(of).collect());
        waiting.iter().map(Candidate::to_line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], port))
    }

    fn host(port: u16) -> OurAddress {
        OurAddress { local: address(port).into(), kind: LocalKind::Host }
    }

    #[test]
    fn rfc_8445_5_1_2_1_priorities() {
        let of = |kind, preference| {
            OurAddress { local: Local::from(address(1)).preference(preference), kind }.priority()
        };
        assert_eq!(of(LocalKind::Host, Local::MOST), 2_130_706_431);
        assert_eq!(of(LocalKind::Host, 0), 2_113_929_471);
        let base = address(2);
        assert_eq!(of(LocalKind::ServerReflexive { base }, Local::MOST), 1_694_498_815);
        assert_eq!(of(LocalKind::Relayed { server: base }, Local::MOST), 16_777_215);
    }

    #[test]
    fn what_a_server_sees_goes_with_its_host() {
        let mut path = Path::default();
        path.add(host(1)).unwrap();
        let kind = LocalKind::ServerReflexive { base: address(1) };
        path.add(OurAddress { local: address(9).into(), kind }).unwrap();
        path.add(host(2)).unwrap();
        assert!(path.leads_by(address(77)), "whatever there is, as long as none is gone");
        assert_eq!(path.remove(address(1)).len(), 2);
        assert!(!path.leads_by(address(1)) && path.leads_by(address(2)));
        assert_eq!(path.remove(address(1)).len(), 0);
        path.add(host(1)).unwrap();
        assert!(path.leads_by(address(1)), "put back");
    }

    #[test]
    fn our_addresses_are_bounded() {
        let mut path = Path::default();
        for port in 1..=MAX_LOCAL as u16 {
            assert!(path.add(host(port)).is_some());
        }
        assert!(path.add(host(9999)).is_none());
        assert!(path.add(host(1)).is_none(), "known");
    }
}
