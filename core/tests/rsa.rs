//! Far ends with RSA certificates: DTLS by OpenSSL with itself, and with dimpl.

#![cfg(feature = "rsa")]

mod common;

use std::sync::OnceLock;
use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::media::{ChannelMessage, EngineEvent, MediaError, MediaState, WebRtcFactory, Wish};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use openssl::x509::extension::SubjectAlternativeName;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The parties, by DTLS library and kind of certificate.
#[derive(Clone, Copy, Debug)]
enum Party {
    Dimpl,
    OpenSsl,
    Rsa,
}
use Party::{Dimpl, OpenSsl, Rsa as WithRsa};

/// A self-signed RSA certificate for so many names, and its key.
fn rsa(names: usize) -> (Vec<u8>, Vec<u8>) {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    let key = KEY.get_or_init(|| PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    let serial = BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap();
    certificate.set_serial_number(&serial).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let mut alternatives = SubjectAlternativeName::new();
    for n in 0..names {
        alternatives.dns(&format!("gateway-{n}.example.com"));
    }
    let alternatives = alternatives.build(&certificate.x509v3_context(None, None)).unwrap();
    certificate.append_extension(alternatives).unwrap();
    certificate.set_pubkey(key).unwrap();
    certificate.sign(key, MessageDigest::sha256()).unwrap();
    (certificate.build().to_der().unwrap(), key.private_key_to_der().unwrap())
}

fn presenting(names: usize) -> WebRtcFactory {
    let (certificate, key) = rsa(names);
    WebRtcFactory::with_rsa().unwrap().presenting(certificate, key)
}

impl Party {
    fn factory(self) -> WebRtcFactory {
        match self {
            Dimpl => WebRtcFactory::new(),
            OpenSsl => WebRtcFactory::with_rsa().unwrap(),
            WithRsa => presenting(1),
        }
    }
}

/// A pair of which A is the server and B the client of DTLS.
fn pair(server: Party, client: Party) -> Pair {
    Pair::of([server.factory(), client.factory()], |_, _| {})
}

#[test]
fn rfc_5764_all_that_fit_connect_and_hear_each_other() {
    for (server, client) in [
        (Dimpl, OpenSsl),
        (OpenSsl, Dimpl),
        (OpenSsl, OpenSsl),
        (WithRsa, OpenSsl),
        (OpenSsl, WithRsa),
        (WithRsa, WithRsa),
    ] {
        let mut pair = pair(server, client);
        pair.negotiate().unwrap();
        pair.run_until(MS(1000), |p| p.both(MediaState::Connected));
        pair.talk(20, MS(20));
        for side in [Side::A, Side::B] {
            assert_eq!(pair.heard(side).len(), 20, "{server:?} {client:?} {side:?}");
        }
    }
}

#[test]
fn rfc_8842_a_far_end_with_an_rsa_certificate_is_told_at_once_and_why() {
    for (server, client, ours) in [(WithRsa, Dimpl, Side::B), (Dimpl, WithRsa, Side::A)] {
        let mut pair = pair(server, client);
        pair.negotiate().unwrap();
        pair.run_until(MS(500), |p| p.both(MediaState::Failed));
        for side in [Side::A, Side::B] {
            let Some(MediaError::Handshake(text)) = pair.failed(side) else {
                panic!("{side:?}: {:?}", pair.failed(side));
            };
            assert_eq!(text.contains("feature `rsa`"), side == ours, "{side:?}: {text}");
        }
    }
}

#[test]
fn a_certificate_of_more_than_2000_bytes_is_refused() {
    for (names, fits) in [(40, true), (60, false)] {
        assert_eq!(rsa(names).0.len() <= 2000, fits);
        let mut pair = Pair::of([presenting(names), OpenSsl.factory()], |_, _| {});
        pair.negotiate().unwrap();
        pair.run(MS(500));
        let expected = if fits { MediaState::Connected } else { MediaState::Failed };
        assert_eq!(pair.engine(Side::B).state(), expected, "{names}");
        let failed = pair.failed(Side::B);
        assert!(fits || matches!(failed, Some(MediaError::Handshake(_))), "{failed:?}");
    }
}

#[test]
fn rfc_8445_9_an_ice_restart_keeps_dtls() {
    for (server, client) in [(WithRsa, OpenSsl), (OpenSsl, WithRsa)] {
        let mut pair = pair(server, client);
        pair.negotiate().unwrap();
        pair.run_until(MS(1000), |p| p.both(MediaState::Connected));
        let now = pair.now;
        pair.candidates = [Vec::new(), Vec::new()];
        let offer = pair.engine(Side::A).restart_ice(now).unwrap();
        pair.reoffer(&offer);
        pair.run(MS(2000));
        assert!(pair.both(MediaState::Connected));
        pair.talk(10, MS(20));
        assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (10, 10));
    }
}

#[test]
fn rfc_6347_4_2_4_what_is_lost_is_sent_again() {
    for (server, client) in [
        (Dimpl, OpenSsl),
        (OpenSsl, Dimpl),
        (OpenSsl, OpenSsl),
        (WithRsa, OpenSsl),
        (OpenSsl, WithRsa),
    ] {
        for seed in 0..3 {
            let mut pair = pair(server, client);
            pair.latency = MS(25);
            pair.real_time = true;
            pair.lossy(seed, 10);
            pair.negotiate().unwrap();
            pair.run_until(MS(15_000), |p| p.both(MediaState::Connected));
        }
    }
}

#[test]
fn rfc_8831_data_channels_work() {
    for (server, client) in [(WithRsa, OpenSsl), (OpenSsl, WithRsa), (Dimpl, OpenSsl)] {
        let factories = [server.factory(), client.factory()];
        let mut pair = Pair::of(factories, |_, config| config.channels = true);
        let now = pair.now;
        let offer = pair.engine(Side::A).create_offer(now, &[Wish::AUDIO]).unwrap();
        pair.answer_to(&offer).unwrap();
        pair.run_until(MS(1000), |p| p.both(MediaState::Connected));
        let now = pair.now;
        let channel = pair.engine(Side::A).open_channel(now, "control").unwrap();
        pair.run(MS(500));
        let now = pair.now;
        let message = ChannelMessage::Text("x".repeat(5000));
        pair.engine(Side::A).send_message(now, channel, &message).unwrap();
        pair.run(MS(500));
        let heard = pair.events[Side::B as usize].iter().find_map(|event| match event {
            EngineEvent::ChannelMessage { message, .. } => Some(message),
            _ => None,
        });
        assert_eq!(heard, Some(&message));
    }
}

#[test]
fn closing_tells_the_far_side() {
    for (server, client) in [(WithRsa, OpenSsl), (OpenSsl, WithRsa)] {
        let mut pair = pair(server, client);
        pair.negotiate().unwrap();
        pair.run_until(MS(1000), |p| p.both(MediaState::Connected));
        let now = pair.now;
        pair.engine(Side::A).close(now);
        pair.run_until(MS(500), |p| p.both(MediaState::Closed));
    }
}

#[test]
fn rfc_6347_4_1_2_7_garbage_ends_no_handshake() {
    for (server, client) in [(OpenSsl, OpenSsl), (Dimpl, OpenSsl), (OpenSsl, Dimpl)] {
        let mut pair = pair(server, client);
        pair.negotiate().unwrap();
        pair.litter(5);
        assert!(pair.both(MediaState::Connected), "{server:?} {client:?}");
    }
}

#[test]
fn rfc_6347_4_1_2_7_an_alert_in_the_clear_ends_no_session() {
    let mut pair = pair(OpenSsl, OpenSsl);
    pair.negotiate().unwrap();
    pair.run_until(MS(1000), |p| p.both(MediaState::Connected));
    pair.alert(Side::A, 40);
    pair.alert(Side::B, 0);
    pair.run(MS(100));
    assert!(pair.both(MediaState::Connected));
}
