//! The relays that are asked: their answers, their ends, and the packets by them.

use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::time::Instant;

use super::{Answer, Gather, Leg, Question, Relay, Said, Seat, Server, Step, TRY_ALTERNATE, Tries};
use crate::machine::{Local, StreamEvent, StreamId, UdpEvent, UdpId};
use crate::media::LocalKind;
use crate::media::ice::address::may_be_ours;
use crate::media::ice::relay::{ALLOCATION_MISMATCH, Failure, RelayStep};
use crate::media::ice::tries::Verdict;
use crate::media::ice::way::Way;

impl Gather {
    /// The end of a relay's own way to its server.
    pub(super) fn end_of(relay: &Relay) -> Option<Step> {
        match relay.way {
            Way::Sockets => None,
            Way::Own { id, .. } => id.map(Step::Unbind),
            Way::Stream { id, .. } => id.map(Step::Close),
        }
    }

    /// Names a socket that is to be opened. False where its relay has been given up meanwhile.
    pub(crate) fn binds(&mut self, relay: u64, socket: UdpId) -> bool {
        let relay = self.relays.iter_mut().find(|one| one.number == relay);
        relay.map(|relay| relay.way.set_socket(socket)).is_some()
    }

    /// True if a socket is its own: that of a relay, and none of media.
    pub(crate) fn owns(&self, socket: UdpId) -> bool {
        self.relays.iter().any(|relay| relay.way.socket() == Some(socket))
    }

    /// Takes what happened to a socket that it [owns](Gather::owns). What it carried from elsewhere: to which address of
    /// ours, from where, what.
    pub(crate) fn handle_socket(
        &mut self,
        now: Instant,
        socket: UdpId,
        event: UdpEvent,
    ) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let relay = self.relays.iter_mut().find(|relay| relay.way.socket() == Some(socket))?;
        let lent = relay.lent();
        let came = relay.handle_socket(now, event);
        self.go_on(now);
        let (peer, data) = came?;
        Some((lent?, peer, data))
    }

    /// Names a stream that is to be opened. False where its relay has been given up meanwhile.
    pub(crate) fn opens(&mut self, relay: u64, stream: StreamId) -> bool {
        let relay = self.relays.iter_mut().find(|one| one.number == relay);
        relay.map(|relay| relay.way.set_stream(Some(stream))).is_some()
    }

    /// True if a stream is its.
    pub(crate) fn has(&self, stream: StreamId) -> bool {
        self.relays.iter().any(|relay| relay.way.stream() == Some(stream))
    }

    /// Takes what happened to a stream. What it carried from elsewhere: to which address of ours, from where, what.
    pub(crate) fn handle_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        event: StreamEvent,
    ) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut relays = self.relays.iter_mut();
        let Some(relay) = relays.find(|relay| relay.way.stream() == Some(stream)) else {
            return Vec::new();
        };
        let lent = relay.lent();
        let came = relay.handle_stream(now, event);
        self.refused += std::mem::take(&mut relay.refused);
        self.go_on(now);
        let Some(lent) = lent else { return Vec::new() };
        came.into_iter().map(|(peer, data)| (lent, peer, data)).collect()
    }

    /// True if it is an address that a server lends.
    #[cfg(test)]
    pub(crate) fn lends(&self, local: SocketAddr) -> bool {
        self.relays.iter().any(|relay| relay.lent() == Some(local))
    }

    /// Sends a datagram: the same one, or that to a server which stands for it, where it is from an address that is lent;
    /// none where that has to wait, or goes by a stream.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: Vec<u8>,
    ) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let relay = self.relays.iter_mut().find(|relay| relay.lent() == Some(local));
        let Some(relay) = relay else { return Some((local, remote, data)) };
        let before = relay.schedule();
        let packet = relay.send(now, remote, data).map(|data| (relay.local, relay.server, data));
        if relay.schedule() != before {
            // A request waits for its turn.
            self.wake = None;
        }
        if relay.has_news() {
            self.go_on(now);
        }
        packet
    }

    /// Takes what relays have to say. True if that may have others say something.
    pub(super) fn listen(&mut self, now: Instant) -> bool {
        let (mut lent, mut ended, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for relay in &mut self.relays {
            while let Some(step) = relay.poll() {
                let (local, server) = (relay.local, relay.server);
                self.steps.extend(match step {
                    RelayStep::Transmit(data) => {
                        match relay.way {
                            Way::Sockets => {
                                Some(Step::Transmit { socket: None, local, remote: server, data })
                            }
                            Way::Own { id, bound } => id.zip(bound).map(|(id, local)| {
                                Step::Transmit { socket: Some(id), local, remote: server, data }
                            }),
                            Way::Stream { id, .. } => id.map(|stream| Step::Send { stream, data }),
                        }
                    }
                    RelayStep::Lent(address)
                        if !may_be_ours(address, &self.hosts)
                            || relay.way.bound() == Some(address) =>
                    {
                        self.refused += 1;
                        relay.reject(now);
                        None
                    }
                    RelayStep::Lent(_) => {
                        lent.push(relay.number);
                        None
                    }
                    RelayStep::Over { lent, failure } => {
                        tracing::warn!(%server, ?failure, "no address of a relay");
                        ended.push((relay.number, failure));
                        let after = now.saturating_duration_since(relay.epoch);
                        let said = relay.trouble.take().map_or(Said::No(failure), Said::Broken);
                        told.push(Answer { local, server, after, said });
                        lent.map(Step::Remove)
                    }
                });
            }
        }
        told.into_iter().for_each(|answer| self.tell(answer));
        let over: Vec<_> = self.relays.extract_if(.., |relay| relay.is_over()).collect();
        for relay in &over {
            self.steps.extend(Self::end_of(relay));
            self.refused += relay.refused;
        }
        let is_news = !lent.is_empty() || !ended.is_empty();
        lent.into_iter().for_each(|number| self.lent(now, number));
        for (number, failure) in ended {
            if let Some(relay) = over.iter().find(|relay| relay.number == number) {
                self.failed(now, relay, failure);
            }
        }
        if is_news {
            self.ask(now);
        }
        is_news
    }

    /// True if a relay is asked for an address that nobody lends yet.
    pub(super) fn is_asking(&self, relay: &Relay) -> bool {
        let has_one = |seat| self.asked.holder(&self.relays, seat).is_some();
        relay.is_asking() && !self.asked.seat(relay).is_some_and(has_one)
    }

    /// Takes note that a relay failed: whether, when and whom to ask again.
    fn failed(&mut self, now: Instant, relay: &Relay, failure: Failure) {
        let question = Question::of(relay);
        let Some(seat) = self.asked.seat(relay) else { return };
        if failure == Failure::Lost {
            self.steps.push_back(Step::Stale);
        }
        if self.asked.holder(&self.relays, seat).is_some() {
            // Nobody needs it.
            self.asked.0.remove(&question);
            return;
        }
        let Some(tries) = self.asked.0.get_mut(&question) else { return };
        let has_new = |server: &Server| server.renewals != tries.credentials;
        if let Failure::Refused(_) = failure
            && self.servers.get(seat.server).is_some_and(has_new)
        {
            // Those were on the way that are replaced by now.
            self.asked.0.remove(&question);
            return self.ask(now);
        }
        let lent_for = relay.since.map(|since| now.saturating_duration_since(since));
        let is_mismatch = failure == Failure::Refused(ALLOCATION_MISMATCH);
        let verdict = if is_mismatch && question.is_own {
            // A port that it never saw: it means something else by that.
            tries.over(failure)
        } else {
            tries.failed(now, failure, lent_for, relay.server)
        };
        let next = tries.redirected();
        let is_elsewhere = matches!(failure, Failure::Redirected(_));
        if question.is_own && lent_for.is_none() && !is_elsewhere {
            self.ask_by_stream(now, question, seat.server);
        } else if is_mismatch && question.leg == Leg::Udp {
            self.ask_by_own(now, question, seat);
        }
        match verdict {
            Verdict::Again | Verdict::Known => {}
            Verdict::Over | Verdict::Later => {
                self.ask(now);
                if failure == Failure::Closed || self.asked.is_open(seat, &self.relays) {
                    return;
                }
                let code = match failure {
                    Failure::Refused(code) => Some(code),
                    Failure::Redirected(_) => Some(TRY_ALTERNATE),
                    Failure::Silent | Failure::Lost | Failure::Closed => self.asked.code(seat),
                };
                self.steps.push_back(Step::NoRelay { server: relay.server, code });
            }
            Verdict::Elsewhere(remote) => {
                let elsewhere = Question { remote, ..question };
                if let Entry::Vacant(vacant) = self.asked.0.entry(elsewhere) {
                    vacant.insert(next);
                    self.put(now, elsewhere, seat.server);
                }
            }
        }
    }

    /// Takes note that a relay lends an address, unless another was quicker: then it is given back.
    fn lent(&mut self, now: Instant, number: u64) {
        let Some(relay) = self.relays.iter().find(|relay| relay.number == number) else { return };
        let (local, server, after) =
            (relay.local, relay.server, now.saturating_duration_since(relay.epoch));
        let (Some(address), Some(seat)) = (relay.lent(), self.asked.seat(relay)) else { return };
        if self.asked.holder(&self.relays, seat).is_some_and(|holder| holder.number != number) {
            self.asked.0.remove(&Question::of(relay));
            let late = self.relays.iter_mut().find(|relay| relay.number == number);
            late.into_iter().for_each(|late| late.close(now));
            return;
        }
        self.asked.settle(seat, &self.relays);
        self.tell(Answer { local, server, after, said: Said::Lent(address) });
        if let Some(host) = self.hosts.iter().find(|host| host.address == local) {
            let lent = Local { address, ..host.clone() };
            self.steps.push_back(Step::Add(lent, LocalKind::Relayed { server }));
        }
        if self.until.is_none() {
            self.steps.push_back(Step::Done);
        }
    }

    /// Asks a server by a socket of its own that has something lent to our address already, or remembers another user
    /// name for it even if nothing is lent by that (coturn does, for a minute). RFC 8656 section 7.4 has the client take
    /// another address of its own, which is the same with another port.
    fn ask_by_own(&mut self, now: Instant, question: Question, seat: Seat) {
        let by_own = Question { is_own: true, ..question };
        if !self.asked.has_own(seat)
            && let Entry::Vacant(vacant) = self.asked.0.entry(by_own)
        {
            vacant.insert(Tries::new(seat.server));
            self.put(now, by_own, seat.server);
        }
    }

    /// Asks a server by a stream that refuses a new user name, where no socket of its own helps: the port of a stream is
    /// another one, too.
    pub(super) fn ask_by_stream(&mut self, now: Instant, question: Question, server: usize) {
        let is_renewed = self.servers.get(server).is_some_and(|server| server.renewals > 0);
        let by_stream = Question { leg: Leg::Tcp, is_own: false, ..question };
        if let Entry::Vacant(vacant) = self.asked.0.entry(by_stream)
            && is_renewed
        {
            vacant.insert(Tries::new(server));
            self.put(now, by_stream, server);
        }
    }
}
