//! The end: what was lent is given back.

use super::*;

/// A rig with an address that is lent, and whose server wants another nonce by now.
fn stale() -> Rig {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.server.set_nonce_expiry_duration(MS(30_000));
    rig.open(&[4000]);
    rig.run(Duration::from_secs(60));
    rig
}

fn close(rig: &mut Rig) {
    rig.gather.close(rig.net.now);
    rig.drain();
}

#[test]
fn rfc_8489_9_2_4_what_is_given_back_with_a_stale_nonce_is_given_back_again() {
    let mut rig = stale();
    close(&mut rig);
    assert!(!rig.gather.is_over() && !rig.gather.lends(rig.net.lent[0]));
    rig.run(MS(30));
    assert_eq!(rig.net.given_back, [4000, 4000]);
    rig.run(MS(10));
    assert!(rig.gather.is_over());
    assert_eq!(rig.gather.next_wake(), None);
    // The server lends it no more: the same socket may have another.
    let mut again = Rig::new(vec![turn("pa55word")], true);
    std::mem::swap(&mut again.net, &mut rig.net);
    again.open(&[4000]);
    again.run(MS(500));
    assert_eq!((again.net.lent.len(), again.no_relays.len()), (2, 0));
}

#[test]
fn a_server_that_does_not_take_back_is_told_thrice_and_waited_for_for_a_second() {
    let mut rig = stale();
    rig.net.serves = false;
    let before = rig.net.sent_to_server;
    close(&mut rig);
    rig.run(MS(999));
    assert!(!rig.gather.is_over());
    rig.run(MS(1));
    assert!(rig.gather.is_over());
    assert_eq!((rig.net.sent_to_server - before, rig.gather.next_wake()), (3, None));
}

#[test]
fn what_comes_by_an_address_that_is_given_back_is_nobodys() {
    let (mut rig, lent) = speaking();
    let heard = rig.heard.len();
    rig.net.send(at("192.0.2.77:7777"), lent, vec![128, 9]);
    close(&mut rig);
    close(&mut rig);
    rig.run(MS(500));
    assert_eq!((rig.heard.len(), rig.net.given_back.as_slice()), (heard, &[4000][..]));
    assert!(rig.gather.is_over());
}

#[test]
fn a_stream_is_closed_when_what_it_lent_is_given_back_or_is_waited_for_no_more() {
    let mut rig = over_streams("turn:198.51.100.1:3478?transport=tcp");
    let local = at("10.0.0.7:9");
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Opened { local });
    close(&mut rig);
    assert_eq!(rig.closed, [StreamId(1)], "nothing was lent");
    let mut rig = stale();
    close(&mut rig);
    rig.gather.abandon();
    assert!(rig.gather.is_over() && rig.gather.poll().is_none());
}

#[test]
fn who_is_still_asked_is_waited_for_no_more() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.open(&[4000]);
    close(&mut rig);
    assert!(rig.gather.is_over());
}

/// Peers that have one, to which a relay lent an address.
fn peers(net: &mut Net) -> (Peers, UdpId, Outputs<(), (), std::io::Error>) {
    let mut peers = Peers::new(Box::new(WebRtcFactory::new()), Seed::from(1));
    let mut out = Outputs::new(net.now);
    let help = IceHelp { servers: vec![turn("pa55word")], relay_only: true, limit: MS(5000) };
    let config = peers.config("a");
    let engine = peers.engine(net.now, config);
    let udp = peers.open(engine, None, Duration::from_secs(5), None, &help, &mut out).udp();
    drop(peers.handle_udp(udp, UdpEvent::Opened { local: vec![host(4000)] }, &mut out));
    pass(net, &mut peers, udp, &mut out, MS(500));
    assert_eq!(net.lent.len(), 1);
    (peers, udp, out)
}

/// Lets time pass. The time after which the sockets closed.
fn pass(
    net: &mut Net,
    peers: &mut Peers,
    udp: UdpId,
    out: &mut Outputs<(), (), std::io::Error>,
    time: Duration,
) -> Option<Duration> {
    let (begun, end, mut closed) = (net.now, net.now + time, None);
    loop {
        while let Some(output) = out.pop() {
            match output {
                Output::Transmit { local, remote, data, .. } => net.send(local, remote, data),
                Output::CloseUdp { id } => {
                    assert_eq!((id, closed), (udp, None));
                    closed = Some(net.now - begun);
                }
                _ => {}
            }
        }
        let wake = peers.get(udp).and_then(Peer::next_wake).or_else(|| peers.next_wake());
        let due = net.under_way.front().map(|letter| letter.due);
        let next = wake.map(|wake| wake.at).into_iter().chain(due).min();
        let Some(next) = next.filter(|next| *next <= end) else { break };
        net.now = net.now.max(next);
        out.advance(net.now);
        for (to, remote, data) in net.arrive() {
            let event = UdpEvent::Datagram { local: host(to.port()).address, remote, data };
            let mut news = peers.handle_udp(udp, event, out).map(|(_, news)| news);
            while news.is_some() {
                news = peers.get_mut(udp).and_then(|peer| peer.poll(out));
            }
        }
        peers.handle_timeout(out);
        if let Some(peer) = peers.get_mut(udp) {
            peer.handle_timeout(net.now);
            while peer.poll(out).is_some() {}
        }
    }
    net.now = end;
    out.advance(end);
    closed
}

#[test]
fn sockets_stay_open_until_a_relay_took_back_what_it_lent_and_no_peer_is_heard_of() {
    let mut net = Net::new();
    net.server.set_nonce_expiry_duration(MS(30_000));
    let (mut peers, udp, mut out) = peers(&mut net);
    assert_eq!(pass(&mut net, &mut peers, udp, &mut out, MS(60_000)), None);
    peers.close(udp, &mut out);
    assert!(peers.get(udp).is_none() && peers.all().next().is_none());
    assert_eq!(pass(&mut net, &mut peers, udp, &mut out, MS(5000)), Some(MS(40)));
    assert_eq!((net.given_back.as_slice(), peers.next_wake()), (&[4000, 4000][..], None));
}

#[test]
fn sockets_close_after_a_second_where_a_relay_says_nothing() {
    let mut net = Net::new();
    let (mut peers, udp, mut out) = peers(&mut net);
    net.serves = false;
    peers.close(udp, &mut out);
    assert_eq!(pass(&mut net, &mut peers, udp, &mut out, MS(5000)), Some(MS(1000)));
    assert_eq!(peers.next_wake(), None);
}

#[test]
fn peers_that_wait_for_relays_are_bounded() {
    let mut net = Net::new();
    let (mut peers, first, mut out) = peers(&mut net);
    let help = IceHelp { servers: vec![turn("pa55word")], relay_only: true, limit: MS(5000) };
    let mut all = vec![first];
    for n in 1..20 {
        let config = peers.config("another");
        let engine = peers.engine(net.now, config);
        let udp = peers.open(engine, None, Duration::from_secs(5), None, &help, &mut out).udp();
        let local = vec![host(4000 + n)];
        drop(peers.handle_udp(udp, UdpEvent::Opened { local }, &mut out));
        pass(&mut net, &mut peers, udp, &mut out, MS(500));
        all.push(udp);
    }
    assert_eq!(net.lent.len(), 20);
    all.into_iter().for_each(|udp| peers.close(udp, &mut out));
    let outputs = std::iter::from_fn(|| out.pop());
    let closed = outputs.filter(|output| matches!(output, Output::CloseUdp { .. })).count();
    assert_eq!(closed, 4, "those beyond 16 do not wait");
}
