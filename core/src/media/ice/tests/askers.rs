//! The choice of the address of ours that asks a relay.

use super::*;

/// Addresses that were lent and told.
fn lent(rig: &Rig) -> Vec<SocketAddr> {
    let is_lent = |kind: &LocalKind| matches!(kind, LocalKind::Relayed { .. });
    rig.added.iter().filter(|(_, kind)| is_lent(kind)).map(|(address, _)| *address).collect()
}

fn asked_by(rig: &Rig) -> Vec<u16> {
    rig.net.askers.iter().copied().collect()
}

#[test]
fn a_relay_is_asked_by_one_of_our_addresses_and_who_sees_us_by_all() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.open(&[4000, 4001, 4002]);
    rig.run(Duration::from_secs(60));
    assert_eq!((asked_by(&rig), rig.net.lent.len()), (vec![4000], 1));
    let seen = rig.added.iter().filter(|(at, _)| at.ip().to_string() == OUTSIDE).count();
    assert_eq!((seen, rig.added.len(), rig.done.len()), (3, 3 + 3 + 1, 1));
}

#[test]
fn the_most_preferred_address_asks_whichever_came_first() {
    let mut rig = Rig::new(vec![turn("pa55word")], false);
    let hosts = [4000, 4001, 4002].map(|port| host(port).preference(port % 2 * 9 + port / 2));
    rig.gather.add(rig.net.now, hosts.to_vec());
    rig.drain();
    rig.run(MS(2000));
    assert_eq!(asked_by(&rig), [4001]);
}

#[test]
fn when_the_address_that_asked_is_gone_the_next_one_asks() {
    let mut rig = Rig::new(vec![turn("pa55word")], false);
    rig.open(&[4000, 4001]);
    rig.run(MS(500));
    for at_first in [true, false] {
        rig.gather.remove(host(4000).address);
        rig.gather.handle_timeout(rig.net.now);
        rig.drain();
        rig.run(MS(500));
        if !at_first {
            break;
        }
        assert_eq!((asked_by(&rig), lent(&rig)), (vec![4000, 4001], rig.net.lent.clone()));
        assert_eq!((rig.removed.as_slice(), rig.done.len()), (&rig.net.lent[..1], 2));
        // It is back, and has nothing to ask while the other has an address.
        rig.open(&[4000]);
        rig.run(MS(500));
    }
    assert_eq!(rig.net.lent.len(), 2);
}

#[test]
fn rfc_8305_an_address_that_leads_nowhere_costs_half_a_second() {
    for relay_only in [true, false] {
        let mut rig = Rig::new(vec![turn("pa55word")], relay_only);
        rig.net.ways.insert(4000, Duration::MAX);
        rig.open(&[4000, 4001, 4002]);
        rig.run(MS(499));
        assert!(rig.net.askers.is_empty());
        rig.run(Duration::from_secs(60));
        assert_eq!((asked_by(&rig), lent(&rig)), (vec![4001], rig.net.lent.clone()));
        assert!(rig.done[0] < MS(700), "{:?}", rig.done);
        assert_eq!((rig.done.len(), rig.no_relays.len()), (1, 0));
    }
}

#[test]
fn the_first_to_be_lent_an_address_keeps_it_and_what_comes_later_is_given_back() {
    let mut rig = Rig::new(vec![turn("pa55word")], false);
    rig.net.ways.insert(4000, MS(300));
    rig.open(&[4000, 4001]);
    rig.run(Duration::from_secs(3));
    assert_eq!((asked_by(&rig), rig.net.lent.len()), (vec![4000, 4001], 2));
    assert_eq!((lent(&rig), rig.done.len()), (vec![rig.net.lent[0]], 1), "of the quick one");
    assert!(rig.done[0] < MS(700), "nobody waits for the other: {:?}", rig.done);
    assert!(rig.removed.is_empty() && !rig.gather.lends(rig.net.lent[1]));
    // Twice, as the answer takes so long.
    assert_eq!(rig.net.given_back, [4000, 4000]);
}

#[test]
fn a_server_that_is_slow_but_answers_is_asked_by_one_address() {
    // It is asked again after 250 ms, and so refuses twice for want of a password: it is not the wrong one.
    let mut rig = Rig::new(vec![turn("pa55word")], false);
    rig.net.ways.insert(4000, MS(200));
    rig.open(&[4000, 4001]);
    rig.run(Duration::from_secs(3));
    assert_eq!((asked_by(&rig), rig.net.lent.len()), (vec![4000], 1));
    assert_eq!((rig.done.as_slice(), lent(&rig)), (&[MS(800)][..], rig.net.lent.clone()));
}

#[test]
fn rfc_8656_5_what_concerns_all_our_addresses_is_heard_by_one_and_a_mismatch_is_not_that() {
    // By a socket of its own as well.
    for (code, askers) in [(401, 1), (403, 1), (486, 1), (508, 1), (437, 3)] {
        let password = if code == 401 { "wrong" } else { "pa55word" };
        let mut rig = Rig::new(vec![turn(password)], true);
        rig.net.refuses = Some(code).filter(|code| *code != 401);
        rig.open(&[4000, 4001]);
        rig.run(Duration::from_secs(120));
        assert_eq!(rig.net.askers.len(), askers, "{code}");
        assert_eq!(rig.no_relays, [(at(SERVER), Some(code))]);
    }
}

#[test]
fn a_server_that_answers_nobody_is_told_of_once() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.serves = false;
    rig.open(&[4000, 4001, 4002]);
    rig.run(Duration::from_secs(5));
    assert_eq!((rig.no_relays.as_slice(), rig.done.len()), (&[(at(SERVER), None)][..], 1));
    // It may only be away: it is asked now and then, for some time.
    rig.run(Duration::from_secs(175));
    assert_eq!((rig.no_relays.len(), rig.done.len()), (1, 1));
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn a_relay_that_comes_back_before_anybody_had_an_address_of_it_lends_one() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.serves = false;
    rig.open(&[4000]);
    rig.run(Duration::from_secs(10));
    assert_eq!((rig.no_relays.len(), rig.net.lent.len()), (1, 0));
    rig.net.serves = true;
    rig.run(Duration::from_secs(8));
    assert_eq!((rig.no_relays.len(), rig.net.lent.len()), (1, 1));
}

#[test]
fn a_stream_that_is_refused_is_opened_by_the_next_address_at_once() {
    let uri = "turn:198.51.100.1:3478?transport=tcp";
    let mut rig = Rig::new(vec![IceServer::turn(uri, "alice", "pa55word")], true);
    rig.open(&[4000, 4001]);
    assert_eq!(rig.streams.len(), 1);
    for stream in 1..=2 {
        let error = NetError::new(NetErrorKind::Connect, "refused");
        let event = StreamEvent::Failed(error);
        rig.gather.handle_stream(rig.net.now, StreamId(stream), event);
        rig.drain();
    }
    assert_eq!((rig.streams.len(), rig.done.len(), rig.no_relays.len()), (2, 1, 1));
}

#[test]
fn what_is_lost_with_the_way_of_an_address_is_asked_for_by_the_next_one() {
    let (mut rig, first) = {
        let mut rig = Rig::new(vec![turn("pa55word")], true);
        rig.open(&[4000, 4001]);
        rig.run(MS(500));
        let lent = rig.net.lent[0];
        (rig, lent)
    };
    // The interface stays, and leads nowhere any more.
    rig.net.ways.insert(4000, Duration::MAX);
    rig.run(Duration::from_secs(1800));
    assert_eq!((rig.removed.as_slice(), asked_by(&rig)), (&[first][..], vec![4000, 4001]));
    assert!(rig.gather.lends(rig.net.lent[1]));
    assert_eq!(rig.net.lent.len(), 2);
}

#[test]
fn rfc_8656_6_1_each_family_has_an_address_lent_by_the_servers_address_of_that_family() {
    let servers = vec![IceServer::turn("turn:relay.lab.test", "alice", "pa55word")];
    let mut rig = Rig::new(servers, false);
    let hosts = vec![host(4000), host(4001), host6(4000), host6(4001)];
    rig.gather.add(rig.net.now, hosts);
    rig.drain();
    let found = [SERVER, SERVER6].map(|address| at(address).ip());
    assert!(rig.gather.resolved(rig.net.now, NameId(1), &found));
    rig.drain();
    rig.run(MS(1000));
    let lent = lent(&rig);
    assert_eq!((lent.len(), lent.as_slice()), (2, rig.net.lent.as_slice()));
    assert_eq!(lent.iter().filter(|address| address.is_ipv6()).count(), 1);
    // What is sent by each comes from each, and comes back.
    let fars = [at("192.0.2.77:7777"), at("[2001:db8:77::1]:7777")];
    for (lent, far) in lent.iter().flat_map(|lent| fars.map(|far| (*lent, far))) {
        if lent.is_ipv4() == far.is_ipv4() {
            rig.send(lent, far, &[0, 1]);
            rig.run(MS(500));
            assert_eq!(rig.net.elsewhere.pop(), Some((far, vec![0, 1])));
            rig.net.send(far, lent, vec![1, 1]);
            rig.run(MS(100));
            assert_eq!(rig.heard.pop(), Some((lent, far, vec![1, 1])));
        }
    }
}

#[test]
fn a_host_of_ipv6_alone_asks_a_server_by_ipv6_alone() {
    let servers = vec![
        IceServer::stun(format!("stun:{SERVER6}")),
        IceServer::turn(format!("turn:{SERVER6}"), "alice", "pa55word"),
        turn("pa55word"),
    ];
    let mut rig = Rig::new(servers, false);
    rig.gather.add(rig.net.now, vec![host6(4000)]);
    rig.drain();
    rig.run(MS(1000));
    // By no NAT: its own address is no news.
    assert_eq!((rig.added.len(), lent(&rig)), (2, rig.net.lent.clone()));
    assert!(rig.net.lent[0].is_ipv6() && rig.done[0] < MS(300), "{:?}", rig.done);
}
