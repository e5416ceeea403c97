//! A gathering in virtual time, against a relay that others wrote, behind a NAT.

mod askers;
mod calls;
mod leaving;
mod lies;
mod mismatch;
mod rig;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use turn_server_proto::api::{Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_types::TransportType;
use turn_types::attribute::Lifetime;
use turn_types::message::{ALLOCATE, REFRESH};
use turn_types::stun::attribute::{
    AlternateServer, Attribute as _, AttributeStaticType as _, ErrorCode, MessageIntegrity, Nonce,
    Realm, XorMappedAddress,
};
use turn_types::stun::message::{
    BINDING, IntegrityAlgorithm, LongTermCredentials, Message, MessageClass, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec,
};

use self::rig::*;
use super::gather::{Gather, Step};
use super::{IceHelp, IceServer};
use crate::Seed;
use crate::machine::{
    CodePoint, Local, NameId, NetError, NetErrorKind, Output, Outputs, StreamEvent, StreamId,
    UdpEvent, UdpId,
};
use crate::media::{
    AudioCodec, AudioFrame, EngineConfig, EngineEvent, LocalKind, MediaKind, MediaState, Peer,
    PeerNews, Peers, Track, WebRtcFactory, Wish,
};
use crate::sdp::Direction;
use crate::testing::epoch;

#[test]
fn rfc_8445_5_1_1_host_seen_and_lent_addresses_are_gathered_and_then_it_is_done() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.open(&[4000]);
    rig.run(MS(1000));
    let base = host(4000).address;
    let seen = SocketAddr::new(OUTSIDE.parse().unwrap(), 4000);
    let server = at(SERVER);
    assert_eq!(
        rig.added,
        [
            (base, LocalKind::Host),
            (seen, LocalKind::ServerReflexive { base }),
            (rig.net.lent[0], LocalKind::Relayed { server }),
        ]
    );
    assert_eq!(rig.done.len(), 1);
    assert!(rig.done[0] < MS(200), "two round trips, and 50 ms between requests: {:?}", rig.done);
    assert!(rig.heard.is_empty(), "the engine hears nothing of it");
}

#[test]
fn rfc_8656_11_12_what_is_sent_from_a_lent_address_goes_by_the_server_both_ways() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    assert!(rig.gather.lends(lent) && !rig.gather.lends(far));
    // A check (RFC 7983): it waits for its permission, and is not lost.
    rig.send(lent, far, &[0, 1, 2, 3]);
    rig.run(MS(500));
    assert_eq!(rig.net.elsewhere, [(far, vec![0, 1, 2, 3])]);
    rig.net.send(far, lent, vec![1, 1]);
    rig.net.send(at("192.0.2.78:1"), lent, vec![9, 9]);
    rig.run(MS(100));
    assert_eq!(rig.heard, [(lent, far, vec![1, 1])], "a stranger has no permission");
    // Media goes by a channel: four bytes around it, not 36.
    for n in 0..50_u8 {
        rig.send(lent, far, &[128, n]);
        rig.run(MS(20));
    }
    let media: Vec<_> = rig.net.elsewhere[1..].iter().map(|(_, data)| data[1]).collect();
    assert_eq!(media, (0..50).collect::<Vec<_>>());
    let (local, server, data) = rig.gather.send(rig.net.now, lent, far, vec![128; 100]).unwrap();
    assert_eq!((local.port(), server, data.len()), (4000, at(SERVER), 104));
}

/// The crate's requests keep a distance of 50 ms.
#[test]
fn a_request_that_waits_for_its_turn_has_its_wake_up() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    rig.send(lent, far, &[0, 1]);
    while rig.net.elsewhere.is_empty() {
        rig.run(MS(1));
    }
    // The permission was asked for just now, and the channel has to wait.
    rig.send(lent, far, &[128, 1]);
    rig.run(MS(200));
    let (.., data) = rig.gather.send(rig.net.now, lent, far, vec![128; 100]).unwrap();
    assert_eq!(data.len(), 104, "it goes by the channel");
}

#[test]
fn rfc_8656_it_lives_for_hours_and_is_given_back() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    rig.send(lent, far, &[128, 0]);
    rig.run(Duration::from_secs(2 * 3600));
    rig.send(lent, far, &[128, 1]);
    rig.run(MS(100));
    let heard: Vec<_> = rig.net.elsewhere.iter().map(|(_, data)| data[1]).collect();
    assert_eq!(heard, [0, 1]);
    let before = rig.net.sent_to_server;
    rig.gather.close(rig.net.now);
    rig.drain();
    rig.run(MS(100));
    assert_eq!(rig.net.sent_to_server, before + 1, "a refresh of no time");
    rig.net.send(far, lent, vec![1, 1]);
    rig.run(MS(100));
    assert!(rig.heard.iter().all(|(local, ..)| *local != lent), "{:?}", rig.heard);
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn rfc_8656_7_it_is_given_back_also_right_after_another_request() {
    let (mut rig, lent) = speaking();
    // A channel is asked for, and the client spaces its requests.
    rig.send(lent, at("192.0.2.77:7777"), &[128, 0]);
    let before = rig.net.under_way.len();
    rig.gather.close(rig.net.now);
    rig.drain();
    assert_eq!(rig.net.under_way.len(), before + 1);
    rig.run(MS(100));
    rig.net.send(at("192.0.2.77:7777"), lent, vec![128, 1]);
    let heard = rig.heard.len();
    rig.run(MS(100));
    assert_eq!(rig.heard.len(), heard);
}

#[test]
fn rfc_8489_9_2_a_wrong_password_is_known_at_once() {
    let mut rig = Rig::new(vec![turn("wrong")], false);
    rig.open(&[4000]);
    rig.run(MS(500));
    assert_eq!(rig.added.len(), 1);
    assert!(rig.done[0] < MS(200), "{:?}", rig.done);
    assert!(rig.net.sent_to_server <= 2);
    assert!(!format!("{:?}", rig.gather).contains("wrong"));
}

#[test]
fn rfc_8445_5_1_1_what_does_not_answer_is_done_without_in_time() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.net.serves = false;
    rig.open(&[4000, 4001]);
    rig.run(Duration::from_secs(6));
    assert_eq!(rig.added.len(), 2);
    assert_eq!(rig.done, [MS(5000)]);
    let sent = rig.net.sent_to_server;
    assert!((12..=24).contains(&sent), "asked again: {sent}");
    rig.run(Duration::from_secs(174));
    let sent = rig.net.sent_to_server;
    assert!((12..=100).contains(&sent), "not without end: {sent}");
    assert_eq!((rig.done.len(), rig.gather.next_wake()), (1, None));
}

#[test]
fn rfc_7065_names_are_looked_up_once_and_unknown_ones_are_done_without() {
    let servers = vec![
        IceServer::turn("turn:relay.lab.test", "alice", "pa55word"),
        IceServer::stun("stun:nowhere.lab.test"),
    ];
    let mut rig = Rig::new(servers, false);
    rig.open(&[4000]);
    let names: Vec<_> = rig.asked.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["relay.lab.test", "nowhere.lab.test"]);
    rig.run(MS(50));
    assert!(rig.done.is_empty());
    let found = ["2001:db8::1".parse().unwrap(), at(SERVER).ip()];
    let now = rig.net.now;
    assert!(rig.gather.resolved(now, NameId(1), &found), "of our family, the first");
    assert!(rig.gather.resolved(now, NameId(2), &[]));
    assert!(!rig.gather.resolved(now, NameId(2), &[]), "answered once");
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (2, 1));
}

fn over_streams(uri: &str) -> Rig {
    let mut rig = Rig::new(vec![IceServer::turn(uri, "alice", "pa55word")], true);
    rig.open(&[4000]);
    rig
}

#[test]
fn rfc_8656_3_1_a_relay_over_a_stream_is_asked_when_that_is_open() {
    let mut rig = over_streams("turns:198.51.100.1:3478");
    assert_eq!(rig.streams, [Some("198.51.100.1".to_owned())]);
    rig.run(MS(100));
    assert!(rig.streamed.is_empty() && rig.net.under_way.is_empty());
    let local = at("10.0.0.7:9");
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Opened { local });
    rig.drain();
    assert_eq!(rig.streamed.len(), 1, "the first request");
    // It says nothing, and is asked anew in a while.
    rig.run(Duration::from_secs(4));
    assert_eq!((rig.done.as_slice(), rig.closed.as_slice()), (&[MS(2850)][..], &[StreamId(1)][..]));
    assert_eq!(rig.streams.len(), 1);
    rig.run(Duration::from_secs(176));
    assert_eq!((rig.done.len(), rig.streams.len(), rig.gather.next_wake()), (1, 9, None));
}

#[test]
fn rfc_8489_6_2_2_garbage_ends_a_stream_at_once() {
    let mut rig = over_streams("turns:198.51.100.1:3478");
    let local = at("10.0.0.7:9");
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Opened { local });
    rig.gather.handle_stream(rig.net.now, StreamId(1), StreamEvent::Data(vec![7; 4000]));
    rig.drain();
    assert_eq!((rig.done.as_slice(), rig.closed.as_slice()), (&[MS(0)][..], &[StreamId(1)][..]));
    assert_eq!(rig.streams.len(), 1, "it is asked anew in a while");
}

#[test]
fn a_stream_that_ends_or_never_opens_ends_its_relay() {
    let error = NetError::new(NetErrorKind::Connect, "refused");
    for event in [StreamEvent::Failed(error), StreamEvent::Closed { error: None }] {
        let mut rig = over_streams("turn:198.51.100.1:3478?transport=tcp");
        assert_eq!(rig.streams, [None]);
        rig.gather.handle_stream(rig.net.now, StreamId(1), event);
        rig.drain();
        assert_eq!((rig.done.len(), rig.closed.len()), (1, 0), "there is nothing left to close");
        assert!(!rig.gather.has(StreamId(1)));
    }
}

#[test]
fn a_name_that_is_found_too_late_is_asked_when_gathering_begins_again() {
    let mut rig = Rig::new(vec![IceServer::stun("stun:late.lab.test")], false);
    rig.open(&[4000]);
    rig.run(MS(6000));
    assert_eq!(rig.done, [MS(5000)]);
    assert!(rig.gather.resolved(rig.net.now, NameId(1), &[at(SERVER).ip()]));
    rig.run(MS(6000));
    assert_eq!((rig.net.sent_to_server, rig.gather.next_wake()), (0, None), "what is told is told");
    rig.open(&[4001]);
    rig.run(MS(6000));
    let seen = rig.added.iter().filter(|(at, _)| at.ip().to_string() == OUTSIDE).count();
    assert_eq!((seen, rig.done.len()), (2, 2));
}

#[test]
fn with_relays_only_nobody_is_asked_who_sees_us() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let seen = |kind: &LocalKind| matches!(kind, LocalKind::ServerReflexive { .. });
    assert!(!rig.added.iter().any(|(_, kind)| seen(kind)));
}

#[test]
fn an_address_that_goes_takes_what_was_found_by_it_along() {
    let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
    rig.open(&[4000, 4001]);
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (5, 1));
    rig.gather.remove(host(4000).address);
    rig.drain();
    assert_eq!(rig.removed, [rig.net.lent[0]]);
    // It is back: who sees it is asked anew.
    rig.open(&[4000]);
    rig.run(MS(6000));
    assert_eq!((rig.added.len(), rig.done.len()), (5 + 3, 2));
}

#[test]
fn packets_that_wait_for_a_permission_are_bounded_and_the_newest_stay() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, far) = (rig.net.lent[0], at("192.0.2.77:7777"));
    for n in 0..40 {
        rig.send(lent, far, &[0, n]);
    }
    rig.run(MS(500));
    let came: Vec<_> = rig.net.elsewhere.iter().map(|(_, data)| data[1]).collect();
    assert_eq!(came, (24..40).collect::<Vec<_>>());
}

#[test]
fn far_addresses_are_bounded_and_asked_for_one_after_the_other() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let (lent, sent) = (rig.net.lent[0], rig.net.sent_to_server);
    for n in 0..200 {
        rig.send(lent, SocketAddr::from(([192, 0, 2, n], 9)), &[0, n]);
    }
    assert_eq!(rig.net.under_way.len(), 1, "one request under way");
    rig.run(Duration::from_secs(20));
    assert_eq!(
        rig.net.sent_to_server - sent,
        64 + 16 + 6,
        "a permission for each, what still waits, and why nothing comes"
    );
    let far = |n: u8| SocketAddr::from(([192, 0, 2, n], 9));
    rig.net.elsewhere.clear();
    for n in [63, 64] {
        rig.send(lent, far(n), &[0, n]);
    }
    rig.run(Duration::from_secs(1));
    assert_eq!(rig.net.elsewhere, [(far(63), vec![0, 63])], "those that are known go on");
}

#[test]
fn servers_are_bounded() {
    let many = (0..100).map(|n| IceServer::stun(format!("stun:192.0.2.{n}"))).collect();
    let mut rig = Rig::new(many, false);
    rig.open(&[4000]);
    assert_eq!(rig.net.under_way.len(), 8);
    let many = (0..100).map(|n| IceServer::stun(format!("stun:192.0.2.{n}"))).collect();
    let mut rig = Rig::new(many, false);
    rig.open(&(4000..4100).collect::<Vec<_>>());
    assert_eq!(rig.net.under_way.len(), 32);
}

#[test]
fn a_stream_whose_relay_was_given_up_is_not_opened() {
    let uri = "turn:late.lab.test?transport=tcp";
    let mut rig = Rig::new(vec![IceServer::turn(uri, "alice", "pa55word")], true);
    rig.open(&[4000]);
    // The address goes in the instant in which the name is found.
    assert!(rig.gather.resolved(rig.net.now, NameId(1), &[at(SERVER).ip()]));
    rig.gather.remove(host(4000).address);
    rig.drain();
    assert!(rig.streams.is_empty());
}

/// A far side that speaks to an address for a time: how much of it came.
fn speak(rig: &mut Rig, lent: SocketAddr, packets: u8) -> usize {
    let before = rig.heard.len();
    for n in 0..packets {
        rig.net.send(at("192.0.2.77:7777"), lent, vec![128, n]);
        rig.run(MS(20));
    }
    rig.heard.len() - before
}

/// A rig with an address that a far side may speak to.
fn speaking() -> (Rig, SocketAddr) {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.open(&[4000]);
    rig.run(MS(500));
    let lent = rig.net.lent[0];
    rig.send(lent, at("192.0.2.77:7777"), &[1, 0]);
    rig.run(MS(200));
    assert!(speak(&mut rig, lent, 50) >= 49);
    (rig, lent)
}

#[test]
fn rfc_8656_7_a_server_that_begins_anew_is_noticed_and_lends_another_address_in_half_a_second() {
    let (mut rig, lent) = speaking();
    rig.net.restart();
    let silent = rig.net.now;
    while rig.added.len() < 3 {
        speak(&mut rig, lent, 1);
        assert!(rig.net.now - silent < MS(1000), "nobody noticed");
    }
    assert!(rig.net.now - silent < MS(600), "{:?}", rig.net.now - silent);
    assert_eq!((rig.removed.as_slice(), rig.added[2].0), (&[lent][..], rig.net.lent[1]));
    assert_eq!(rig.stale, 1, "new credentials may be needed");
}

/// Found by simulation (seed 45 of `gateway-roaming`): nobody doubted an address by which nothing had come yet.
#[test]
fn rfc_8656_7_a_server_that_begins_anew_before_anything_came_is_noticed_too() {
    let (mut rig, far) = (Rig::new(vec![turn("pa55word")], true), at("192.0.2.77:7777"));
    rig.open(&[4000]);
    rig.run(MS(500));
    let lent = rig.net.lent[0];
    rig.send(lent, far, &[1, 0]);
    rig.run(MS(100));
    rig.net.restart();
    for _ in 0..20 {
        rig.send(lent, far, &[1, 0]);
        rig.run(MS(50));
    }
    assert_eq!((rig.removed.as_slice(), rig.added[2].0), (&[lent][..], rig.net.lent[1]));
}

#[test]
fn a_network_that_is_silent_for_a_while_loses_no_address() {
    let (mut rig, lent) = speaking();
    rig.net.serves = false;
    speak(&mut rig, lent, 250);
    rig.net.serves = true;
    rig.run(MS(1500));
    assert!(speak(&mut rig, lent, 50) >= 49);
    assert!(rig.removed.is_empty() && rig.added.len() == 2);
}

#[test]
fn a_server_that_never_comes_back_is_given_up() {
    let (mut rig, lent) = speaking();
    rig.net.serves = false;
    rig.run(Duration::from_secs(600));
    assert_eq!(rig.removed, [lent]);
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn rfc_8656_7_an_address_that_is_lent_for_half_a_minute_stays_for_hours() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.lifetime = Some(30);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(2 * 3600));
    assert_eq!((rig.added.len(), rig.removed.len()), (2, 0));
    let sent = rig.net.sent_to_server;
    assert!((480..=484).contains(&sent), "refreshed half way, not more: {sent}");
}

#[test]
fn rfc_8656_5_a_quota_that_is_used_up_is_asked_again_later() {
    let mut rig = Rig::new(vec![turn("pa55word")], false);
    rig.net.refuses = Some(486);
    rig.open(&[4000]);
    rig.run(MS(2900));
    assert_eq!((rig.added.len(), rig.done.len()), (1, 1), "nobody waits for it");
    rig.net.refuses = None;
    rig.run(MS(500));
    assert_eq!(rig.added.len(), 2, "after 1 and 2 seconds");
    // Where nothing else will do, it is waited for.
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(486);
    rig.open(&[4000]);
    rig.run(MS(2900));
    assert!(rig.done.is_empty());
    rig.net.refuses = None;
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (2, 1));
}

#[test]
fn rfc_8656_5_what_is_forbidden_is_asked_once() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(403);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(60));
    assert_eq!((rig.net.sent_to_server, rig.gather.next_wake()), (1, None));
}

#[test]
fn rfc_8489_10_another_server_is_asked_where_one_names_it_and_not_in_a_circle() {
    let mut rig = Rig::new(vec![turn("pa55word")], true);
    rig.net.refuses = Some(300);
    rig.open(&[4000]);
    rig.run(Duration::from_secs(60));
    let asked: Vec<_> = rig.net.elsewhere.iter().map(|(to, _)| to.to_string()).collect();
    assert_eq!(asked.first().map(String::as_str), Some("198.51.100.2:3478"));
    assert!(asked.iter().all(|to| *to == asked[0]), "{asked:?}");
    assert_eq!(rig.gather.next_wake(), None);
}

#[test]
fn new_credentials_are_tried_where_old_ones_failed_and_leave_alone_what_is_lent() {
    let mut rig = Rig::new(vec![turn("old")], false);
    rig.open(&[4000]);
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (1, 1));
    assert_eq!(rig.no_relays, [(at(SERVER), Some(401))]);
    let help =
        |password| IceHelp { servers: vec![turn(password)], relay_only: false, limit: MS(5000) };
    rig.gather.renew(rig.net.now, &help("old"));
    rig.drain();
    assert_eq!(rig.gather.next_wake(), None, "nothing new");
    rig.gather.renew(rig.net.now, &help("pa55word"));
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.done.len()), (2, 2));
    rig.gather.renew(rig.net.now, &help("newer"));
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.added.len(), rig.removed.len()), (2, 0));
}

#[test]
fn new_credentials_are_tried_where_old_ones_are_about_to_be_refused() {
    let mut rig = Rig::new(vec![turn("old")], true);
    rig.open(&[4000]);
    rig.run(MS(30));
    let servers = vec![turn("pa55word")];
    rig.gather.renew(rig.net.now, &IceHelp { servers, relay_only: true, limit: MS(5000) });
    rig.drain();
    rig.run(MS(500));
    assert_eq!((rig.net.lent.len(), rig.no_relays.len()), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A server may send whatever it likes: nothing of it reaches the engine but what a permitted peer sent.
    #[test]
    fn nothing_panics_at_what_a_server_sends(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..20),
        head in 0_usize..4,
    ) {
        let mut rig = Rig::new(vec![stun(), turn("pa55word")], false);
        rig.open(&[4000]);
        rig.run(MS(30 * head as u64));
        for mut text in texts {
            // Like a message, like a channel, or like nothing.
            match head {
                0 => text.splice(0..0, [1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]).for_each(drop),
                1 => text.splice(0..0, [0x40, 0, 0, 4]).for_each(drop),
                2 => text.splice(0..0, [1, 0x13, 0, 8, 0x21, 0x12, 0xa4, 0x42]).for_each(drop),
                _ => {}
            }
            let now = rig.net.now;
            let (here, there) = (host(4000).address, at(SERVER));
            if let Some((local, remote, _)) = rig.gather.handle_datagram(now, here, there, text) {
                prop_assert_eq!((local, remote), (here, there), "not from a relay's address");
            }
            rig.drain();
            rig.run(MS(1));
        }
        rig.run(MS(6000));
        prop_assert_eq!(rig.done.len(), 1);
    }
}

#[test]
fn a_name_that_nobody_asked_for_is_nobodys() {
    let mut peers = Peers::new(Box::new(WebRtcFactory::new()), Seed::from(1));
    let error = NetError::new(NetErrorKind::Resolve, "no such host");
    let mut out: Outputs<(), (), std::io::Error> = Outputs::new(epoch());
    assert!(peers.handle_resolved(NameId(9), Err(error), &mut out).is_none());
}
