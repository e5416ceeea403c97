//! Calls of two engines that somebody else sends to as well: what is not the far side's is dropped, costs the call
//! nothing, and is answered with no more than it was.

#![cfg(feature = "str0m")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::media::MediaState;
use turn_types::stun::attribute::{AttributeType, RawAttribute, Username};
use turn_types::stun::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageType, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec, ShortTermCredentials, TransactionId,
};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn stranger(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 66], port))
}

/// A side is sent something by somebody.
fn hit(pair: &mut Pair, side: Side, from: SocketAddr, data: &[u8]) {
    let now = pair.now;
    pair.engine(side).handle_datagram(now, side.address(), from, data);
    pair.run(Duration::ZERO);
}

/// The datagrams that a side did not take so far.
fn refused(pair: &mut Pair, side: Side) -> u64 {
    pair.engine(side).stats().packets_refused
}

/// RTP, and not RTCP (RFC 7983 section 7, RFC 5761 section 4).
fn is_rtp(data: &[u8]) -> bool {
    matches!(data, [128..=191, rest @ ..] if !matches!(rest, [192..=223, ..]))
}

/// The bytes that a side sent to strangers.
fn answered(pair: &Pair, side: Side) -> usize {
    let sent = pair.tapped[side as usize].iter();
    sent.filter(|(to, _)| to.ip() == stranger(1).ip()).map(|(_, data)| data.len()).sum()
}

/// A call that is listened in to from now on.
fn tapped() -> Pair {
    let mut pair = Pair::connected();
    pair.taps = true;
    pair
}

/// Both speak, and each hears all of it, and nothing else.
fn is_heard(pair: &mut Pair) {
    let before = [Side::A, Side::B].map(|side| pair.engine(side).stats());
    pair.talk(50, MS(20));
    for side in [Side::A, Side::B] {
        assert!(pair.both(MediaState::Connected));
        assert_eq!(pair.heard(side).len(), 50, "{side:?}");
        let (then, now) = (before[side as usize], pair.engine(side).stats());
        assert_eq!(now.packets_received - then.packets_received, 50, "{side:?}");
        assert_eq!(now.packets_lost, then.packets_lost, "{side:?}");
        assert_eq!(now.packets_refused, then.packets_refused, "{side:?}");
    }
}

#[test]
fn rfc_3711_3_3_2_what_is_sent_again_is_heard_once() {
    let mut pair = tapped();
    is_heard(&mut pair);
    let sent = pair.tapped[Side::A as usize].iter().filter(|(_, data)| data[0] > 127);
    let sent: Vec<_> = sent.map(|(_, data)| data.clone()).collect();
    assert!(sent.len() >= 50);
    // Nobody tells of reports that are sent again by the way itself.
    let rtp = sent.iter().filter(|data| is_rtp(data)).count();
    assert!(rtp >= 50);
    for (from, counts) in [(Side::A.address(), rtp), (stranger(1), sent.len())] {
        let before = refused(&mut pair, Side::B);
        let counted = pair.engine(Side::B).stats().packets_received;
        for data in sent.iter().chain(sent.iter().rev()) {
            hit(&mut pair, Side::B, from, data);
        }
        pair.run(MS(500));
        assert!(pair.heard(Side::B).is_empty());
        assert_eq!(pair.engine(Side::B).stats().packets_received, counted);
        assert_eq!(refused(&mut pair, Side::B) - before, 2 * counts as u64);
        is_heard(&mut pair);
    }
    assert_eq!(answered(&pair, Side::B), 0);
}

#[test]
fn rfc_3711_3_4_rtp_of_a_stranger_in_a_live_stream_is_dropped() {
    let mut pair = tapped();
    is_heard(&mut pair);
    let mut last = pair.tapped[Side::A as usize].clone();
    last.retain(|(_, data)| is_rtp(data));
    let (_, packet) = last.last().unwrap();
    let number = u16::from_be_bytes([packet[2], packet[3]]);
    let before = refused(&mut pair, Side::B);
    for ahead in 1..2000_u16 {
        // The numbers that come next, of the same source, with a tag that nobody has the key of.
        let mut forged = packet.clone();
        forged[2..4].copy_from_slice(&number.wrapping_add(ahead).to_be_bytes());
        for from in [Side::A.address(), stranger(ahead)] {
            hit(&mut pair, Side::B, from, &forged);
        }
    }
    pair.run(MS(500));
    assert!(pair.heard(Side::B).is_empty());
    assert_eq!(refused(&mut pair, Side::B) - before, 2 * 1999);
    is_heard(&mut pair);
    assert_eq!(answered(&pair, Side::B), 0);
}

/// A line of a description.
fn line<'a>(sdp: &'a str, begin: &str) -> &'a str {
    sdp.lines().find_map(|line| line.strip_prefix(begin)).unwrap()
}

/// A check of ICE, signed or not.
fn check(class: MessageClass, user: Option<&str>, password: Option<&str>) -> Vec<u8> {
    let kind = MessageType::from_class_method(class, BINDING);
    let mut text = Message::builder(kind, TransactionId::generate(), MessageWriteVec::new());
    if let Some(user) = user {
        text.add_attribute(&Username::new(user).unwrap()).unwrap();
    }
    if let Some(password) = password {
        let key = ShortTermCredentials::new(password.to_owned()).make_key();
        text.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
    }
    text.finish()
}

#[test]
fn rfc_8445_7_3_a_flood_of_checks_without_the_password_changes_nothing_and_is_not_amplified() {
    let mut pair = Pair::new();
    pair.taps = true;
    let offer = pair.negotiate_keeping_the_offer();
    let ours = line(&pair.answer, "a=ice-ufrag:").to_owned();
    let user = format!("{ours}:{}", line(&offer, "a=ice-ufrag:"));
    let user = user.as_str();
    let kinds = || {
        use MessageClass::{Error, Indication, Request, Success};
        [
            check(Request, None, None),
            check(Request, Some("nobody:knows"), Some("guessed")),
            check(Request, Some(user), None),
            check(Request, Some(user), Some("guessed")),
            check(Indication, Some(user), None),
            check(Success, Some(user), Some("guessed")),
            check(Error, None, None),
        ]
    };
    let mut got = 0;
    // While a path is looked for, and when there is one.
    for round in 0..2 {
        let before = refused(&mut pair, Side::B);
        for port in 1..500 {
            for text in kinds() {
                got += text.len();
                hit(&mut pair, Side::B, stranger(port), &text);
                hit(&mut pair, Side::B, Side::A.address(), &text);
            }
        }
        // An indication by the way itself keeps it, and asks for nothing.
        assert_eq!(refused(&mut pair, Side::B) - before, 499 * (14 - round), "round {round}");
        pair.run_until(MS(5000), |pair| pair.both(MediaState::Connected));
    }
    is_heard(&mut pair);
    let sent = answered(&pair, Side::B);
    assert!(sent <= got, "{sent} for {got}");
}

#[test]
fn rfc_8445_7_3_a_far_side_that_checks_from_everywhere_is_asked_back_at_some_addresses_only() {
    let mut pair = Pair::new();
    pair.taps = true;
    let offer = pair.negotiate_keeping_the_offer();
    let of = |name: &str| line(&pair.answer, name).to_owned();
    let user = format!("{}:{}", of("a=ice-ufrag:"), line(&offer, "a=ice-ufrag:"));
    let password = of("a=ice-pwd:");
    pair.run_until(MS(5000), |pair| pair.both(MediaState::Connected));
    let mut got = 0;
    let before = refused(&mut pair, Side::B);
    for port in 1..2000 {
        let text = controlling(&user, &password);
        got += text.len();
        hit(&mut pair, Side::B, stranger(port), &text);
    }
    pair.run(MS(20_000));
    let sent = answered(&pair, Side::B);
    // An answer to each, and a check of some.
    assert!(sent <= 2 * got, "{sent} for {got}");
    assert_eq!(refused(&mut pair, Side::B), before, "each of them is signed");
    is_heard(&mut pair);
    pair.tapped = [Vec::new(), Vec::new()];
    pair.run(MS(60_000));
    let kept = answered(&pair, Side::B);
    assert!(kept <= 200_000, "{kept} in a minute: not all of them are asked for ever");
}

/// A check of the far side's, as the one who decides.
fn controlling(user: &str, password: &str) -> Vec<u8> {
    let mut text = Message::builder_request(BINDING, MessageWriteVec::new());
    text.add_attribute(&Username::new(user).unwrap()).unwrap();
    // PRIORITY and ICE-CONTROLLING (RFC 8445 section 16.1).
    for (kind, value) in [(0x24, &1_845_501_695_u32.to_be_bytes()[..]), (0x802A, &[1; 8])] {
        text.add_attribute(&RawAttribute::new(AttributeType::new(kind), value)).unwrap();
    }
    let key = ShortTermCredentials::new(password.to_owned()).make_key();
    text.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
    text.add_fingerprint().unwrap();
    text.finish()
}

#[test]
fn rfc_9147_5_1_first_words_of_strangers_are_not_amplified_and_end_no_handshake() {
    let mut pair = Pair::new();
    pair.taps = true;
    pair.negotiate().unwrap();
    pair.run_until(MS(5000), |pair| {
        let mut sent = pair.tapped.iter().flatten();
        sent.any(|(_, data)| data[0] == 22)
    });
    let hello = |pair: &Pair, side: Side| {
        pair.tapped[side as usize].iter().find(|(_, data)| data[0] == 22).cloned()
    };
    let client = if hello(&pair, Side::A).is_some() { Side::A } else { Side::B };
    let (_, first) = hello(&pair, client).unwrap();
    let mut got = 0;
    for round in 0..2 {
        let before = refused(&mut pair, client.other());
        for port in 1..500 {
            got += first.len();
            hit(&mut pair, client.other(), stranger(port), &first);
        }
        assert_eq!(refused(&mut pair, client.other()) - before, 499, "round {round}");
        pair.run_until(MS(10_000), |pair| pair.both(MediaState::Connected));
        assert!(answered(&pair, client.other()) <= got, "round {round}");
    }
    is_heard(&mut pair);
}

#[test]
fn garbage_of_strangers_of_any_kind_in_a_call_changes_nothing_and_is_not_answered() {
    let mut pair = tapped();
    let mut counts = 0;
    for n in 0..2000_usize {
        // As STUN, DTLS, RTP or RTCP, or what is for nobody.
        let first = [0, 1, 3, 20, 21, 22, 23, 63, 64, 127, 128, 144, 191, 255][n % 14];
        let mut junk: Vec<u8> = (0..n % 1400 + 1).map(|at| (at * 31 + n * 7) as u8).collect();
        junk[0] = first;
        // What looks like a report by the way itself nobody tells of.
        counts += 1 + u64::from(!matches!(first, 128..=191) || is_rtp(&junk));
        for from in [Side::A.address(), stranger(n as u16 + 1)] {
            hit(&mut pair, Side::B, from, &junk);
        }
    }
    pair.run(MS(500));
    // Some may yet be the first of a stream.
    let refused = refused(&mut pair, Side::B);
    assert!((counts - 16..=counts).contains(&refused), "{refused} of {counts}");
    is_heard(&mut pair);
    assert_eq!(answered(&pair, Side::B), 0);
}
