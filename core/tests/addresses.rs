//! The addresses of an engine's: told as candidates, used, and taken away (RFC 8445).

#![cfg(feature = "str0m")]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::media::{EngineConfig, Local, LocalKind, MediaState};

const MS: fn(u64) -> Duration = Duration::from_millis;
const RELAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)), 49_152);
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)), 3478);
const SEEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)), 7000);
const SECOND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)), 1005);

#[test]
fn relay_only_offers_no_host_candidate() {
    let mut pair = Pair::with(|config: &mut EngineConfig| config.relay_only = true);
    pair.negotiate().unwrap();
    assert!(pair.candidates.iter().all(Vec::is_empty));
}

#[test]
fn relayed_media_leaves_from_the_address_that_the_server_lends() {
    let mut pair = Pair::with_each(|side, config| config.relay_only = side == Side::A);
    let offer = pair.offer();
    let relayed = LocalKind::Relayed { server: SERVER };
    let addresses = [
        (Side::A, Side::A.address(), LocalKind::Host),
        (Side::A, SEEN, LocalKind::ServerReflexive { base: Side::A.address() }),
        (Side::A, RELAY, relayed),
        (Side::B, Side::B.address(), LocalKind::Host),
    ];
    pair.answer_with(&offer, &addresses).unwrap();
    let told = &pair.candidates[Side::A as usize];
    assert_eq!(told.len(), 1, "neither the host nor what a server sees of it");
    let line = &told[0].candidate;
    assert!(line.contains(" 16777215 192.0.2.9 49152 typ relay raddr 0.0.0.0"), "{line}");
    pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 10);
    assert_eq!(pair.heard(Side::A).len(), 10);
    assert_eq!(pair.left_by[Side::A as usize], Some(RELAY));
}

#[test]
fn rfc_8445_5_1_2_1_what_a_server_sees_is_told_and_leaves_by_its_base() {
    let mut pair = Pair::new();
    let offer = pair.offer();
    let kind = LocalKind::ServerReflexive { base: Side::A.address() };
    let addresses = [
        (Side::A, Side::A.address(), LocalKind::Host),
        (Side::A, SEEN, kind),
        (Side::B, Side::B.address(), LocalKind::Host),
    ];
    pair.answer_with(&offer, &addresses).unwrap();
    let line = pair.candidates[Side::A as usize][1].candidate.clone();
    assert!(line.contains(" 1694498815 203.0.113.5 7000 typ srflx"), "{line}");
    pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
    assert_eq!(pair.left_by[Side::A as usize], Some(Side::A.address()));
    let now = pair.now;
    let second = Local::from(SECOND).preference(17);
    pair.engine(Side::A).add_local(now, &second, LocalKind::Host);
    pair.engine(Side::A).add_local(now, &second, LocalKind::Host);
    pair.run(MS(1));
    let told = &pair.candidates[Side::A as usize][2..];
    assert_eq!(told.len(), 1, "once");
    let priority = format!(" {} 10.0.0.5 1005 typ host", (126 << 24) | (17 << 8) | 255);
    assert!(told[0].candidate.contains(&priority), "{}", told[0].candidate);
}

#[test]
fn an_address_that_is_taken_away_takes_its_path_along() {
    let mut pair = Pair::connected();
    let now = pair.now;
    pair.engine(Side::A).remove_local(now, Side::A.address());
    pair.left_by = [None; 2];
    pair.run_until(MS(20_000), |p| p.was(Side::A, MediaState::Disconnected));
    assert_eq!(pair.left_by[Side::A as usize], None, "no datagram leaves by it");
    // The way back: another address, and new credentials.
    let now = pair.now;
    pair.candidates = [Vec::new(), Vec::new()];
    pair.routes.insert(SECOND, (Side::A, SECOND));
    pair.engine(Side::A).add_local(now, &SECOND.into(), LocalKind::Host);
    let offer = pair.engine(Side::A).restart_ice(now).unwrap();
    assert!(!offer.contains("10.0.0.1 "), "not told again: {offer}");
    pair.reoffer(&offer);
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.heard(Side::B);
    pair.talk(5, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 5);
    assert_eq!(pair.left_by[Side::A as usize], Some(SECOND));
}

#[test]
fn of_two_addresses_one_that_is_taken_away_leaves_the_other() {
    let mut pair = Pair::new();
    let offer = pair.offer();
    let addresses = [
        (Side::A, Side::A.address(), LocalKind::Host),
        (Side::A, SECOND, LocalKind::Host),
        (Side::B, Side::B.address(), LocalKind::Host),
    ];
    pair.answer_with(&offer, &addresses).unwrap();
    pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
    pair.run(MS(3000));
    let now = pair.now;
    let used = pair.left_by[Side::A as usize].unwrap();
    let other = if used == SECOND { Side::A.address() } else { SECOND };
    pair.engine(Side::A).remove_local(now, used);
    pair.run(MS(20_000));
    assert_eq!(pair.left_by[Side::A as usize], Some(other));
    assert!(pair.both(MediaState::Connected));
    pair.heard(Side::B);
    pair.talk(5, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 5);
}

#[test]
fn rfc_8445_7_2_5_3_1_what_a_check_has_found_before_a_server_tells_it_is_told_all_the_same() {
    let mut pair = Pair::new();
    // A is behind a router.
    pair.seen_as.insert(Side::A.address(), SEEN);
    pair.routes.insert(SEEN, (Side::A, Side::A.address()));
    pair.negotiate().unwrap();
    pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
    assert_eq!(pair.candidates[Side::A as usize].len(), 1, "the host");
    let now = pair.now;
    let kind = LocalKind::ServerReflexive { base: Side::A.address() };
    pair.engine(Side::A).add_local(now, &SEEN.into(), kind);
    pair.run(MS(1));
    let told = &pair.candidates[Side::A as usize][1..];
    let line = &told.first().expect("it is told").candidate;
    assert!(line.contains(" 1694498815 203.0.113.5 7000 typ srflx"), "{line}");
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 10, "and changes nothing");
    assert_eq!(pair.heard(Side::A).len(), 10);
}
