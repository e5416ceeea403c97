//! Servers that lend nothing to an address of ours (437): they are asked from another port.

use super::*;

/// The address of the n-th socket that was opened for a relay.
fn own(n: u16) -> SocketAddr {
    host(OWN + n).address
}

fn changed(rig: &mut Rig, local: SocketAddr, event: UdpEvent) {
    let socket = rig.own[&local];
    assert!(rig.gather.handle_socket(rig.net.now, socket, event).is_none());
    rig.drain();
}

/// A rig to which an address is lent by a socket of its own.
fn mismatched(ports: &[u16]) -> Rig {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.remembers.insert(4000);
    rig.open(ports);
    rig.run(MS(1000));
    assert_eq!((rig.net.lent.len(), rig.own.len()), (1, 1));
    rig
}

#[test]
fn rfc_8656_7_4_an_address_that_is_refused_is_replaced_by_another_port() {
    let mut rig = mismatched(&[4000]);
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    let relayed = LocalKind::Relayed { server: at(SERVER) };
    // The engine hears of no address that the socket has.
    assert_eq!(rig.added, [(host(4000).address, LocalKind::Host), (lent, relayed)]);
    assert_eq!((rig.done.len(), rig.no_relays.len(), rig.owned), (1, 0, (1, 1)));
    assert!(rig.done[0] < MS(300), "{:?}", rig.done);
    // Both ways: a check, and media by a channel.
    rig.send(lent, far, &[0, 1]);
    rig.run(MS(200));
    for n in 0..20 {
        rig.send(lent, far, &[128, n]);
        rig.net.send(far, lent, vec![129, n]);
        rig.run(MS(20));
    }
    rig.run(MS(200));
    let media: Vec<_> = rig.net.elsewhere[1..].iter().map(|(_, data)| data[1]).collect();
    assert_eq!(media, (0..20).collect::<Vec<_>>());
    let heard: Vec<_> =
        rig.heard.iter().map(|(local, from, data)| (*local, *from, data[1])).collect();
    assert_eq!(heard, (0..20).map(|n| (lent, far, n)).collect::<Vec<_>>());
    rig.gather.close(rig.net.now);
    rig.drain();
    assert_eq!(rig.own.len(), 1, "it is given back by it");
    rig.run(MS(100));
    assert_eq!((rig.net.given_back.as_slice(), rig.own.len()), (&[OWN][..], 0));
    assert!(rig.gather.is_over());
}

#[test]
fn rfc_8656_11_5_what_comes_before_there_is_a_channel_is_heard_by_a_socket_of_its_own_too() {
    let mut rig = mismatched(&[4000]);
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    rig.send(lent, far, &[0, 1]);
    rig.run(MS(200));
    for n in 0..3 {
        rig.net.send(far, lent, vec![0, n, 7, 7]);
        rig.run(MS(20));
    }
    let heard: Vec<_> = rig.heard.iter().map(|(_, _, data)| data.clone()).collect();
    assert_eq!(heard, (0..3).map(|n| vec![0, n, 7, 7]).collect::<Vec<_>>());
}

#[test]
fn rfc_8656_7_4_new_credentials_are_lent_an_address_while_the_old_ones_are_remembered() {
    let mut rig = Rig::new(vec![turn("old")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    assert_eq!(rig.no_relays, [(at(SERVER), Some(401))]);
    rig.net.remembers.insert(4000);
    let servers = vec![turn("pa55word")];
    rig.gather.renew(rig.net.now, &IceHelp { servers, relay_only: true, limit: MS(5000) });
    rig.drain();
    rig.run(MS(1000));
    assert_eq!((rig.net.lent.len(), rig.own.len(), rig.streams.len()), (1, 1, 0));
    assert_eq!(rig.no_relays.len(), 1, "that is of before");
}

#[test]
fn rfc_8656_7_4_who_refuses_every_address_costs_one_socket_for_each_family() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(437);
    rig.open(&[4000, 4001, 4002]);
    rig.run(Duration::from_secs(600));
    assert_eq!((rig.owned, rig.own.len()), ((1, 1), 0));
    assert_eq!(rig.no_relays, [(at(SERVER), Some(437))]);
    assert_eq!(rig.gather.next_wake(), None, "it has an end");
    assert!(rig.net.sent_to_server < 40, "{}", rig.net.sent_to_server);
}

#[test]
fn sockets_for_relays_alone_are_bounded_and_the_others_wait_for_theirs() {
    let uri = |n| IceServer::turn(format!("turn:198.51.100.{n}:{LIARS}"), "alice", "pa55word");
    let mut rig = Rig::new((1..=8).map(uri).collect(), true);
    rig.net.refuses = Some(437);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(600));
    assert_eq!((rig.owned, rig.own.len()), ((8, 4), 0), "no more than four at a time");
    assert_eq!((rig.no_relays.len(), rig.gather.next_wake()), (8, None));
}

#[test]
fn without_a_socket_of_its_own_the_server_is_asked_by_that_of_media_as_before() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.no_socket = Some(NetError::new(NetErrorKind::Local, "no more files"));
    rig.net.remembers.insert(4000);
    rig.open(&[4000]);
    rig.run(MS(2500));
    assert_eq!((rig.net.lent.len(), rig.own.len(), rig.no_relays.len()), (0, 0, 0));
    rig.net.remembers.clear();
    rig.run(MS(1000));
    assert_eq!((rig.net.lent.len(), rig.own.len()), (1, 0), "after 1 and 2 seconds");
    let owned = rig.owned.0;
    rig.run(Duration::from_secs(60));
    assert_eq!(rig.owned.0, owned, "nobody needs one");
}

#[test]
fn sockets_that_never_open_have_an_end() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.no_socket = Some(NetError::new(NetErrorKind::Local, "no more files"));
    rig.net.refuses = Some(437);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(600));
    assert_eq!((rig.own.len(), rig.gather.next_wake()), (0, None));
    assert_eq!(rig.no_relays, [(at(SERVER), Some(437))]);
    assert!(rig.owned.0 <= 9, "{:?}", rig.owned);
}

#[test]
fn a_server_that_is_silent_to_the_other_port_is_asked_by_the_next_address() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.remembers.insert(4000);
    rig.net.ways.insert(OWN, Duration::MAX);
    rig.open(&[4000, 4001]);
    rig.run(MS(400));
    assert!(!rig.net.askers.contains(&4001), "it waits for half a second");
    rig.run(MS(400));
    assert!(rig.net.askers.contains(&4001));
    assert_eq!(rig.net.lent.len(), 1);
    rig.run(Duration::from_secs(60));
    assert_eq!((rig.own.len(), rig.net.lent.len(), rig.no_relays.len()), (0, 1, 0));
}

#[test]
fn a_socket_of_its_own_closes_with_the_address_that_it_is_at() {
    let mut rig = mismatched(&[4000, 4001]);
    assert!(!rig.net.askers.contains(&4001));
    let first = rig.net.lent[0];
    rig.gather.remove(host(4000).address);
    rig.gather.handle_timeout(rig.net.now);
    rig.drain();
    assert_eq!((rig.own.len(), rig.removed.as_slice()), (0, &[first][..]));
    rig.run(MS(500));
    assert_eq!((rig.net.lent.len(), rig.own.len()), (2, 0), "the other one asks by media's");
}

#[test]
fn a_socket_of_its_own_that_is_lost_is_replaced() {
    let mut rig = mismatched(&[4000]);
    let first = rig.net.lent[0];
    let other = UdpEvent::Changed { added: vec![], removed: vec![own(7)] };
    changed(&mut rig, own(0), other);
    assert!(rig.gather.lends(first));
    changed(&mut rig, own(0), UdpEvent::Changed { added: vec![], removed: vec![own(0)] });
    assert_eq!(rig.removed, [first]);
    rig.run(MS(500));
    assert_eq!((rig.net.lent.len(), rig.own.len(), rig.owned), (2, 1, (2, 1)));
    assert!(rig.own.contains_key(&own(1)));
}

#[test]
fn a_relay_that_begins_anew_lends_by_another_socket() {
    let mut rig = mismatched(&[4000]);
    let lent = rig.net.lent[0];
    rig.send(lent, at("192.0.2.77:7777"), &[1, 0]);
    rig.run(MS(200));
    assert!(speak(&mut rig, lent, 50) >= 49);
    rig.net.restart();
    rig.run(MS(1500));
    assert_eq!((rig.removed.as_slice(), rig.net.lent.len()), (&[lent][..], 2));
    assert_eq!((rig.own.len(), rig.owned), (1, (2, 1)));
}

#[test]
fn a_socket_of_its_own_hears_its_server_alone() {
    let mut rig = mismatched(&[4000]);
    let lent = rig.net.lent[0];
    for remote in ["192.0.2.77:7777", SERVER6, "198.51.100.1:3479"].map(at) {
        // Channel data, a check, media.
        for data in [vec![0x40, 0, 0, 4, 1, 2, 3, 4], vec![0, 1, 0, 0], vec![128; 40]] {
            let event = UdpEvent::Datagram { local: own(0), remote, data };
            changed(&mut rig, own(0), event);
        }
    }
    let nobody = UdpId(9);
    let opened = UdpEvent::Opened { local: vec![own(5).into()] };
    assert!(rig.gather.handle_socket(rig.net.now, nobody, opened).is_none());
    assert!(rig.gather.lends(lent) && rig.removed.is_empty());
}

#[test]
fn a_socket_at_another_address_is_of_no_use() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.remembers.insert(4000);
    rig.net.ways.insert(4000, MS(1));
    rig.open(&[4000]);
    let socket = UdpId(77);
    let bound = loop {
        rig.net.now += MS(1);
        for (to, from, data) in rig.net.arrive() {
            let inside = host(to.port()).address;
            rig.gather.handle_datagram(rig.net.now, inside, from, data);
        }
        if let Some(Step::Bind { relay, from }) = rig.gather.poll() {
            assert_eq!(from, host(4000).address.ip());
            assert!(rig.gather.binds(relay, socket));
            break relay;
        }
    };
    let local = vec![at("10.0.0.8:9").into()];
    rig.gather.handle_socket(rig.net.now, socket, UdpEvent::Opened { local });
    assert_eq!(rig.gather.poll(), Some(Step::Unbind(socket)));
    assert!(!rig.gather.binds(bound, socket), "it is over");
}

#[test]
fn rfc_8656_7_3_the_address_of_that_socket_is_nothing_that_a_server_lends() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.remembers.insert(4000);
    rig.net.lies = Some(own(0));
    rig.open(&[4000]);
    rig.run(MS(200));
    assert_eq!((rig.net.given_back.as_slice(), rig.own.len()), (&[OWN][..], 0));
    assert!(!rig.gather.lends(own(0)) && rig.added.len() == 1);
}

#[test]
fn a_relay_that_is_given_up_before_its_socket_is_open_leaves_none() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.remembers.insert(4000);
    rig.open(&[4000]);
    while rig.gather.next_wake().is_some() {
        let due = rig.net.under_way.front().map(|letter| letter.due);
        rig.net.now = rig.net.now.max(due.unwrap_or(rig.net.now));
        for (to, from, data) in rig.net.arrive() {
            let inside = host(to.port()).address;
            rig.gather.handle_datagram(rig.net.now, inside, from, data);
        }
        // The address goes in the instant in which a socket is wanted.
        rig.gather.remove(host(4000).address);
        rig.drain();
        if rig.net.now > rig.net.epoch {
            break;
        }
    }
    assert_eq!((rig.owned.0, rig.own.len()), (0, 0));
    assert!(rig.gather.is_over());
}

/// A client's peers at a computer, whose sockets are opened as they want it.
struct Desk {
    net: Net,
    peers: Peers,
    out: Outputs<(), (), std::io::Error>,
    udp: UdpId,
    /// The sockets, and what was wished of them.
    open: BTreeMap<UdpId, SocketAddr>,
    opened: Vec<(UdpId, Option<IpAddr>, Option<CodePoint>)>,
    closed: Vec<UdpId>,
    candidates: Vec<String>,
}

impl Desk {
    /// One whose peer made an offer, and whose server lends nothing to its sockets of media.
    fn new() -> Self {
        let mut net = Net::new();
        net.remembers.insert(4000);
        let mut peers = Peers::new(Box::new(WebRtcFactory::new()), Seed::from(1));
        let mut out = Outputs::new(net.now);
        let help = IceHelp { servers: vec![turn("pa55word")], relay_only: false, limit: MS(5000) };
        let config = peers.config("a");
        let engine = peers.engine(net.now, config);
        let dscp = Some(CodePoint::SPEECH);
        let peer = peers.open(engine, None, Duration::from_secs(5), dscp, &help, &mut out);
        let wish = Wish { kind: MediaKind::Audio, direction: Direction::SendRecv };
        peer.engine.create_offer(net.now, &[wish]).unwrap();
        let udp = peer.udp();
        let (open, opened, closed, candidates) = Default::default();
        Self { net, peers, out, udp, open, opened, closed, candidates }
    }

    fn tell(&mut self, id: UdpId, event: UdpEvent) {
        let mut news = self.peers.handle_udp(id, event, &mut self.out);
        while let Some((udp, one)) = news.take() {
            assert_eq!(udp, self.udp, "of the peer, by whichever socket");
            if let PeerNews::Engine(EngineEvent::LocalCandidate(told)) = one {
                self.candidates.push(told.candidate);
            }
            let next = self.peers.get_mut(udp).and_then(|peer| peer.poll(&mut self.out));
            news = next.map(|one| (udp, one));
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Transmit { id, local, remote, data } => {
                    assert_eq!(self.open.get(&id), Some(&local));
                    self.net.send(local, remote, data);
                }
                Output::OpenUdp { id, from, dscp } => {
                    let local = host(4000 + self.opened.len() as u16 * 1000);
                    self.opened.push((id, from, dscp));
                    self.open.insert(id, local.address);
                    self.tell(id, UdpEvent::Opened { local: vec![local] });
                }
                Output::CloseUdp { id } => {
                    assert!(self.open.remove(&id).is_some(), "closed once");
                    self.closed.push(id);
                }
                _ => {}
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.net.now + time;
        loop {
            self.drain();
            let wake = self.peers.get(self.udp).and_then(Peer::next_wake);
            let wake = wake.or_else(|| self.peers.next_wake()).map(|wake| wake.at);
            let due = self.net.under_way.front().map(|letter| letter.due);
            let next = wake.into_iter().chain(due).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.net.now = self.net.now.max(next);
            self.out.advance(self.net.now);
            for (to, remote, data) in self.net.arrive() {
                let local = host(to.port()).address;
                let id = self.open.iter().find(|(_, at)| **at == local).map(|(id, _)| *id);
                if let Some(id) = id {
                    self.tell(id, UdpEvent::Datagram { local, remote, data });
                }
            }
            self.peers.handle_timeout(&mut self.out);
            if let Some(peer) = self.peers.get_mut(self.udp) {
                peer.handle_timeout(self.net.now);
                while let Some(news) =
                    self.peers.get_mut(self.udp).and_then(|peer| peer.poll(&mut self.out))
                {
                    if let PeerNews::Engine(EngineEvent::LocalCandidate(told)) = news {
                        self.candidates.push(told.candidate);
                    }
                }
            }
        }
        self.net.now = end;
        self.out.advance(end);
    }
}

#[test]
fn a_peer_opens_and_closes_a_socket_for_a_relay_alone_and_tells_nobody_of_it() {
    let mut desk = Desk::new();
    desk.run(MS(1000));
    let speech = Some(CodePoint::SPEECH);
    let ip = Some(host(0).address.ip());
    let (media, own) = (desk.udp, desk.opened[1].0);
    assert_eq!(desk.opened, [(media, None, speech), (own, ip, speech)]);
    assert!(own > media && desk.closed.is_empty());
    let kinds = ["typ host", "typ relay"];
    let told = kinds.map(|kind| desk.candidates.iter().filter(|one| one.contains(kind)).count());
    assert_eq!((told, desk.candidates.len()), ([1, 1], 2), "{:?}", desk.candidates);
    assert!(desk.candidates.iter().all(|one| !one.contains(" 5000 ")), "{:?}", desk.candidates);
    // The end, with another nonce.
    desk.net.server.set_nonce_expiry_duration(MS(30_000));
    desk.run(MS(60_000));
    desk.peers.close(desk.udp, &mut desk.out);
    desk.run(MS(1000));
    assert_eq!((desk.closed.as_slice(), desk.open.len()), (&[own, media][..], 0));
    assert!(
        desk.net.given_back.iter().all(|port| *port == 5000) && !desk.net.given_back.is_empty()
    );
    assert_eq!(desk.peers.next_wake(), None);
}

#[test]
fn a_peer_whose_servers_lie_or_fall_silent_leaves_no_socket_open() {
    for (serves, seconds) in [(true, 0), (true, 1), (true, 300), (false, 1), (false, 300)] {
        let mut desk = Desk::new();
        desk.net.refuses = Some(437);
        desk.run(MS(30));
        desk.net.serves = serves;
        desk.run(Duration::from_secs(seconds));
        desk.peers.close(desk.udp, &mut desk.out);
        desk.run(MS(2000));
        assert_eq!((desk.open.len(), desk.opened.len()), (0, desk.closed.len()), "{seconds}");
        assert!((2..=10).contains(&desk.opened.len()), "{:?}", desk.opened);
        assert_eq!(desk.peers.next_wake(), None);
    }
}
