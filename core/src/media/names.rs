//! The names of hosts that an engine wants looked up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::machine::{NameId, Output, Outputs};
use crate::sdp::candidate::{MAX_NAMES, is_hidden_name};

/// The time for which an answer is waited: multicast DNS answers in well under a second, or not at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// The questions that are not answered. Nobody waits for an answer: what is late, or is none, is done without.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// At most [`MAX_NAMES`], with their ends.
    asked: BTreeMap<NameId, (String, Instant)>,
}

impl Names {
    /// Asks for a name, if it hides an address and there is room.
    pub(super) fn ask<E, O, X>(&mut self, name: String, out: &mut Outputs<E, O, X>) {
        let now = out.now();
        self.asked.retain(|_, (_, deadline)| *deadline > now);
        let is_asked = self.asked.values().any(|(asked, _)| *asked == name);
        if !is_hidden_name(&name) || is_asked || self.asked.len() >= MAX_NAMES {
            return;
        }
        let (id, deadline) = (NameId(out.id()), now + PATIENCE);
        self.asked.insert(id, (name.clone(), deadline));
        out.push(Output::Resolve { id, host: name, deadline });
    }

    /// Takes an answer: the name that it is of, unless it is no question of ours.
    pub(super) fn take(&mut self, id: NameId) -> Option<(String, Instant)> {
        self.asked.remove(&id)
    }
}

/// True if media may go to an address that was found for a name: none that only this computer has, or nobody, or
/// that needs the name of an interface beside it.
pub(super) fn may_be_called(address: IpAddr) -> bool {
    let is_other = match address {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.to_ipv4_mapped().is_some(),
    };
    !address.is_unspecified() && !address.is_loopback() && !address.is_multicast() && !is_other
}

#[cfg(all(test, feature = "str0m"))]
mod tests;
