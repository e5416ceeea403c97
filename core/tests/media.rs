//! Two real engines over a network of virtual time.

#![cfg(feature = "str0m")]

mod common;

use std::time::Duration;

use common::pair::{Pair, Side};
use offhook::media::{
    AudioCodec, AudioCodecs, Digit, LocalKind, MAX_BACKLOG, MediaError, MediaState, RawPacket,
    Track, Wish,
};
use offhook::sdp::Direction;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn an_offer_is_answered_and_both_connect() {
    let mut pair = Pair::new();
    pair.negotiate().unwrap();
    assert!(pair.answer.contains("a=setup:active"), "guide 5: answer as DTLS client");
    pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
    assert_eq!(pair.engine(Side::B).send_codec(), Some(AudioCodec::Opus));
    let candidates = &pair.candidates[Side::A as usize];
    assert!(candidates[0].candidate.starts_with("candidate:"));
    assert!(
        candidates[0].candidate.contains(" udp ") && candidates[0].candidate.contains("typ host")
    );
}

#[test]
fn audio_arrives_both_ways_in_order_and_whole() {
    let mut pair = Pair::connected();
    pair.talk(50, MS(20));
    for side in [Side::A, Side::B] {
        let heard = pair.heard(side);
        assert_eq!(heard.len(), 50, "{side:?}");
        let times: Vec<_> = heard.iter().map(|f| f.time).collect();
        assert!(times.windows(2).all(|w| w[1] - w[0] == 960));
        assert!(heard.iter().all(|f| f.lost_before == 0 && f.codec == AudioCodec::Opus));
        assert_eq!(heard[7].data[..], [7, side.other() as u8][..]);
        assert!(heard[0].talkspurt);
        let stats = pair.engine(side).stats();
        assert_eq!((stats.packets_sent, stats.packets_received, stats.packets_lost), (50, 50, 0));
        assert_eq!(stats.bytes_received, 100);
    }
}

#[test]
fn packets_of_ones_own_making_go_as_they_are() {
    let packet = |n: u64| RawPacket {
        ssrc: (n >= 5).then_some(7),
        payload_type: 111,
        sequence: 1 + n,
        time: n as u32 * 960,
        marker: n == 0,
        payload: vec![n as u8],
    };
    let mut pair = Pair::new();
    assert_eq!(pair.send(Side::A, &packet(0)), Err(MediaError::State(MediaState::New)));
    let mut pair = Pair::connected();
    for n in 0..10 {
        pair.send(Side::A, &packet(n)).unwrap();
        pair.run(MS(20));
    }
    pair.run(MS(100));
    let said: Vec<_> = pair.heard(Side::B).iter().map(|frame| frame.data[0]).collect();
    assert_eq!(said, (0..10).collect::<Vec<_>>(), "of two sources");
    pair.send(Side::A, &RawPacket { payload_type: 13, ssrc: None, ..packet(20) }).unwrap();
    pair.run(MS(100));
    assert_eq!(pair.engine(Side::B).stats().packets_lost, 0);
    let now = pair.now;
    pair.engine(Side::A).close(now);
    assert_eq!(pair.send(Side::A, &packet(21)), Err(MediaError::State(MediaState::Closed)));
}

#[test]
fn a_lost_packet_is_counted_and_does_not_stall_the_rest() {
    let mut pair = Pair::connected();
    pair.talk(10, MS(20));
    pair.drop_next(Side::A);
    pair.talk(10, MS(20));
    let heard = pair.heard(Side::B);
    assert_eq!(heard.len(), 19);
    assert_eq!(heard.iter().map(|f| f.lost_before).sum::<u32>(), 1);
    assert_eq!(pair.engine(Side::B).stats().packets_lost, 1);
}

#[test]
fn muted_means_silent_but_keys_are_still_heard() {
    let mut pair = Pair::connected();
    pair.engine(Side::A).set_muted(Track::AUDIO, true);
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 0);
    assert_eq!(pair.heard(Side::A).len(), 10);
    let keys: Vec<_> = "12#".chars().map(|c| Digit::try_from(c).unwrap()).collect();
    let now = pair.now;
    pair.engine(Side::A).send_dtmf(now, &keys, MS(100)).unwrap();
    pair.run(MS(2000));
    let heard: String = pair.keys(Side::B).iter().map(|d| d.as_char()).collect();
    assert_eq!(heard, "12#");
    pair.engine(Side::A).set_muted(Track::AUDIO, false);
    pair.talk(5, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 5);
}

#[test]
fn g711_is_used_when_it_is_all_there_is() {
    for codec in [AudioCodec::Pcmu, AudioCodec::Pcma] {
        let mut pair = Pair::with(|config| config.codecs = vec![codec]);
        pair.negotiate().unwrap();
        pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
        assert_eq!(pair.engine(Side::A).send_codec(), Some(codec));
        pair.talk_in(codec, 10, MS(20));
        assert_eq!(pair.heard(Side::B).len(), 10);
    }
}

#[test]
fn without_a_common_codec_the_offer_is_refused() {
    let mut pair = Pair::with_each(|side, config| {
        config.codecs = vec![if side == Side::A { AudioCodec::Opus } else { AudioCodec::Pcmu }];
    });
    assert_eq!(pair.negotiate(), Err(MediaError::NoCommonCodec));
}

#[test]
fn guide_5_unusable_offers_are_typed_errors() {
    let offer = Pair::new().offer();
    let without = |what: &str| {
        offer.lines().filter(|l| !l.starts_with(what)).map(|l| format!("{l}\r\n")).collect()
    };
    let cases: [(&str, String); 4] = [
        ("no fingerprint", without("a=fingerprint")),
        ("no rtcp-mux", without("a=rtcp-mux")),
        ("no audio", without("m=audio")),
        ("nothing", String::new()),
    ];
    for (what, sdp) in cases {
        let mut pair = Pair::new();
        let now = pair.now;
        let result = pair.engine(Side::B).accept_offer(now, &sdp);
        assert!(matches!(result, Err(MediaError::Sdp(_))), "{what}: {result:?}");
        pair.run(MS(100));
    }
}

#[test]
fn candidates_before_the_offer_are_kept_and_odd_ones_are_harmless() {
    let mut pair = Pair::new();
    let now = pair.now;
    let engine = pair.engine(Side::B);
    for skipped in [
        "candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype active",
        "candidate:1 1 udp 1 6b0e-.local 5000 typ host",
    ] {
        assert_eq!(engine.add_remote_candidate(now, skipped), Ok(()));
    }
    for bad in ["", "candidate:", "candidate:1 1 udp 1 10.0.0.1", "nonsense"] {
        let result = engine.add_remote_candidate(now, bad);
        assert!(matches!(result, Err(MediaError::Candidate(_))), "{bad}");
    }
    for n in 0..200 {
        let line = format!("candidate:1 1 udp 1 10.0.0.1 {} typ host", 2000 + n);
        assert_eq!(engine.add_remote_candidate(now, &line), Ok(()));
    }
    pair.negotiate().unwrap();
    pair.run_until(MS(8000), |p| p.both(MediaState::Connected));
}

#[test]
fn rfc_8842_5_1_a_call_that_rings_for_two_minutes_connects_all_the_same() {
    for trickled in [false, true] {
        let mut pair = Pair::new();
        let (now, offer) = (pair.now, pair.offer());
        pair.engine(Side::B).accept_offer(now, &offer).unwrap();
        if trickled {
            // Both know where the other is before anybody answers.
            for side in [Side::A, Side::B] {
                let engine = pair.engine(side);
                engine.add_local(now, &side.address().into(), LocalKind::Host);
                engine.local_done(now);
            }
            pair.tell_candidates();
        }
        pair.run(MS(120_000));
        for side in [Side::A, Side::B] {
            assert!(!pair.was(side, MediaState::Connecting), "nobody has answered");
        }
        // The offer comes once more just before.
        let again = pair.now;
        pair.engine(Side::B).accept_offer(again, &offer).unwrap();
        pair.run(MS(10));
        if trickled {
            pair.tell_candidates();
            let now = pair.now;
            let answer = pair.engine(Side::B).create_answer(now).unwrap();
            pair.engine(Side::A).accept_answer(now, &answer).unwrap();
        } else {
            pair.answer_to(&offer).unwrap();
        }
        pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    }
}

#[test]
fn rfc_8842_5_1_a_handshake_begins_with_the_answer_however_long_nobody_looked() {
    let mut pair = Pair::new();
    let (now, offer) = (pair.now, pair.offer());
    pair.engine(Side::B).accept_offer(now, &offer).unwrap();
    // Without sockets nobody drives it.
    pair.now += MS(75_000);
    let now = pair.now;
    let answer = pair.engine(Side::B).create_answer(now).unwrap();
    pair.engine(Side::A).accept_answer(now, &answer).unwrap();
    for side in [Side::A, Side::B] {
        let engine = pair.engine(side);
        engine.add_local(now, &side.address().into(), LocalKind::Host);
        engine.local_done(now);
    }
    pair.tell_candidates();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
}

#[test]
fn a_dead_path_is_told_and_given_up_by_our_own_limit() {
    let mut pair = Pair::connected();
    pair.cut();
    pair.run_until(MS(30_000), |p| p.both(MediaState::Disconnected));
    pair.run_until(MS(31_000), |p| p.both(MediaState::Failed));
    assert!(pair.failed(Side::A).is_some());
    let now = pair.now;
    let frame = pair.frame(0, Side::A);
    assert_eq!(
        pair.engine(Side::A).send(now, Track::AUDIO, &frame.clone().into()),
        Err(MediaError::State(MediaState::Failed))
    );
}

#[test]
fn a_path_that_is_never_found_is_given_up() {
    let mut pair = Pair::new();
    pair.cut();
    pair.negotiate().unwrap();
    pair.run_until(MS(61_000), |p| p.both(MediaState::Failed));
    // And sooner where that is asked for.
    let mut pair = Pair::with(|config| config.path_limit = MS(3000));
    pair.cut();
    pair.negotiate().unwrap();
    pair.run_until(MS(4000), |p| p.both(MediaState::Failed));
}

#[test]
fn rfc_8842_5_1_a_path_that_is_found_minutes_after_the_answer_is_used() {
    let mut pair = Pair::with(|config| config.path_limit = MS(600_000));
    pair.cut();
    pair.negotiate().unwrap();
    // As signaling has it where a network is away.
    for minute in 1..=4 {
        pair.run(MS(60_000));
        if minute == 4 {
            pair.mend();
        }
        let now = pair.now;
        pair.candidates = [Vec::new(), Vec::new()];
        let offer = pair.engine(Side::A).restart_ice(now).unwrap();
        pair.reoffer(&offer);
    }
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 10);
}

#[test]
fn rfc_6347_4_2_4_a_handshake_without_an_answer_is_given_up_and_not_while_there_is_no_path() {
    let mut pair = Pair::with(|config| config.path_limit = MS(600_000));
    pair.mute_dtls(true);
    pair.negotiate().unwrap();
    pair.run_until(MS(42_000), |p| p.both(MediaState::Failed));
    let failed = pair.failed(Side::A);
    assert!(matches!(failed, Some(MediaError::Handshake(_))), "{failed:?}");
    // One that is late is answered.
    let mut pair = Pair::new();
    pair.mute_dtls(true);
    pair.negotiate().unwrap();
    pair.run(MS(20_000));
    pair.mute_dtls(false);
    pair.run_until(MS(15_000), |p| p.both(MediaState::Connected));
}

#[test]
fn closing_tells_the_far_side() {
    let mut pair = Pair::connected();
    let now = pair.now;
    pair.engine(Side::A).close(now);
    pair.run_until(MS(2000), |p| p.both(MediaState::Closed));
}

#[test]
fn rfc_8445_9_an_ice_restart_keeps_the_call() {
    for by_cut in [false, true] {
        let mut pair = Pair::connected();
        pair.talk(5, MS(20));
        if by_cut {
            pair.cut();
            pair.run_until(MS(30_000), |p| p.both(MediaState::Disconnected));
            pair.mend();
        }
        let old = ufrag(&pair.answer);
        let now = pair.now;
        pair.candidates = [Vec::new(), Vec::new()];
        let offer = pair.engine(Side::A).restart_ice(now).unwrap();
        let answer = pair.reoffer(&offer);
        assert_ne!(ufrag(&answer), old, "new credentials answer new ones");
        pair.run_until(MS(20_000), |p| p.both(MediaState::Connected));
        pair.heard(Side::B);
        pair.talk(10, MS(20));
        assert_eq!(pair.heard(Side::B).len(), 10, "after a cut: {by_cut}");
    }
}

#[test]
fn a_renegotiation_without_a_change_changes_nothing() {
    let mut pair = Pair::new();
    let offer = pair.negotiate_keeping_the_offer();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    let now = pair.now;
    pair.engine(Side::B).accept_offer(now, &offer).unwrap();
    let answer = pair.engine(Side::B).create_answer(now).unwrap();
    assert_eq!(ufrag(&answer), ufrag(&pair.answer));
    pair.talk(10, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 10);
    assert!(pair.both(MediaState::Connected));
}

#[test]
fn an_offer_that_cannot_be_used_leaves_a_session_as_it_is() {
    let mut pair = Pair::connected();
    let now = pair.now;
    for bad in ["", "v=0", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"] {
        assert!(matches!(pair.engine(Side::B).accept_offer(now, bad), Err(MediaError::Sdp(_))));
    }
    assert!(matches!(pair.engine(Side::B).create_answer(now), Err(MediaError::State(_))));
    pair.talk(3, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 3, "the session goes on");
}

fn ufrag(sdp: &str) -> String {
    let description = offhook::sdp::Description::read(sdp).unwrap();
    description.ice_credentials().unwrap().0.to_owned()
}

#[test]
fn a_bad_network_still_connects() {
    for seed in 0..8 {
        let mut pair = Pair::new();
        pair.lossy(seed, 10);
        pair.negotiate().unwrap();
        pair.run_until(MS(30_000), |p| p.both(MediaState::Connected));
    }
}

#[test]
fn datagrams_of_strangers_change_nothing() {
    let mut pair = Pair::connected();
    let now = pair.now;
    let (local, remote) = ("10.0.0.1:1".parse().unwrap(), "10.9.9.9:9".parse().unwrap());
    for junk in [&b""[..], b"\x00\x01", b"hello", &[0x80; 40], &[22; 100], &[255; 1500]] {
        pair.engine(Side::A).handle_datagram(now, local, remote, junk);
    }
    pair.talk(5, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 5);
}

#[test]
fn rfc_6347_4_1_2_7_garbage_ends_no_handshake() {
    for seed in 0..4 {
        let mut pair = Pair::new();
        pair.negotiate().unwrap();
        pair.litter(seed);
        assert!(pair.both(MediaState::Connected), "seed {seed}");
    }
}

#[test]
fn rfc_5246_7_2_2_a_handshake_that_is_refused_ends_the_session_at_once_and_says_why() {
    for side in [Side::A, Side::B] {
        let mut pair = Pair::new();
        pair.negotiate().unwrap();
        // The ClientHello has come, and nothing more.
        pair.run(MS(45));
        pair.alert(side, 40);
        assert_eq!(pair.engine(side).state(), MediaState::Failed);
        let Some(MediaError::Handshake(text)) = pair.failed(side) else {
            panic!("{:?}", pair.failed(side));
        };
        assert!(text.contains("may be RSA"), "{text}");
    }
    let mut pair = Pair::connected();
    pair.alert(Side::A, 40);
    pair.alert(Side::B, 0);
    pair.run(MS(100));
    assert!(pair.both(MediaState::Connected), "in the clear once there are keys: a stranger's");
}

/// The lines of an answer that begin so.
fn lines<'a>(sdp: &'a str, begin: &str) -> Vec<&'a str> {
    sdp.lines().filter(|line| line.starts_with(begin)).collect()
}

/// A's offer, as another far end would have written it.
fn negotiated_as(rewrite: impl Fn(&str) -> String) -> Pair {
    let mut pair = Pair::new();
    let offer = rewrite(&pair.offer());
    pair.answer_to(&offer).unwrap();
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair
}

#[test]
fn rfc_8829_5_10_far_ends_without_mid_bundle_direction_and_ssrc_are_heard() {
    let gone = ["a=mid", "a=group", "a=sendrecv", "a=ssrc", "a=msid", "a=ice-options"];
    let mut pair = negotiated_as(|offer| {
        let kept = offer.lines().filter(|line| !gone.iter().any(|begin| line.starts_with(begin)));
        kept.map(|line| format!("{}\n", line.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"))).collect()
    });
    assert!(lines(&pair.answer, "a=mid").is_empty() && lines(&pair.answer, "a=group").is_empty());
    assert!(lines(&pair.answer, "m=")[0].starts_with("m=audio 9 RTP/SAVPF 111 0 8 110 126"));
    pair.talk(20, MS(20));
    assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (20, 20));
}

#[test]
fn rfc_8843_9_2_a_source_that_was_not_announced_is_heard() {
    let mut pair = negotiated_as(|offer| {
        offer
            .lines()
            .map(|line| match line {
                line if line.starts_with("a=ssrc:") => "a=ssrc:1 cname:another\r\n".to_owned(),
                line => format!("{line}\r\n"),
            })
            .collect()
    });
    pair.talk(20, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 20);
}

#[test]
fn rfc_3264_8_4_held_by_the_far_side_nothing_is_said_until_it_wants_to_hear_again() {
    for (wanted, b_hears) in [(Direction::Inactive, false), (Direction::SendOnly, true)] {
        let mut pair = Pair::connected();
        pair.talk(5, MS(20));
        pair.heard(Side::A);
        pair.heard(Side::B);
        pair.engine(Side::A).set_direction(Track::AUDIO, wanted);
        let now = pair.now;
        let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
        let answer = pair.reoffer(&offer);
        assert!(answer.contains(&format!("a={}\r\n", wanted.reversed())), "{answer}");
        let agreed = pair.agreed(Side::B).unwrap();
        assert!(!agreed.direction.sends());
        let sent = pair.engine(Side::B).stats().packets_sent;
        let key = Digit::try_from('1').unwrap();
        let now = pair.now;
        assert_eq!(pair.engine(Side::B).send_dtmf(now, &[key], MS(100)), Err(MediaError::Held));
        pair.talk(10, MS(20));
        assert_eq!(pair.engine(Side::B).stats().packets_sent, sent, "the microphone is off");
        assert_eq!(pair.heard(Side::A).len(), 0);
        assert_eq!(pair.heard(Side::B).len(), if b_hears { 10 } else { 0 });
        pair.engine(Side::A).set_direction(Track::AUDIO, Direction::SendRecv);
        let now = pair.now;
        let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
        pair.reoffer(&offer);
        assert_eq!(pair.agreed(Side::B).unwrap().direction, Direction::SendRecv);
        pair.talk(10, MS(20));
        assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (10, 10));
        let now = pair.now;
        pair.engine(Side::B).send_dtmf(now, &[key], MS(100)).unwrap();
        pair.run(MS(1000));
        assert_eq!(pair.keys(Side::A), [key]);
    }
}

#[test]
fn rfc_3264_8_3_2_other_codecs_and_numbers_take_effect_with_the_next_offer() {
    let mut pair = Pair::connected();
    let now = pair.now;
    // As after a transfer to somebody without Opus, whose PCMA has a number of its own.
    let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
    let offer: String = offer
        .lines()
        .filter(|line| !line.contains(":111 ") && !line.contains(":110 "))
        .map(|line| match line {
            line if line.starts_with("m=") => {
                "m=audio 9 UDP/TLS/RTP/SAVPF 100 0 126\r\n".to_owned()
            }
            line => format!("{}\r\n", line.replace("rtpmap:8 ", "rtpmap:100 ")),
        })
        .collect();
    let now = pair.now;
    pair.engine(Side::B).accept_offer(now, &offer).unwrap();
    let answer = pair.engine(Side::B).create_answer(now).unwrap();
    assert!(!answer.contains("111") && !answer.contains("opus"), "{answer}");
    assert!(lines(&answer, "m=")[0].ends_with(" 100 0 126"));
    assert_eq!(pair.engine(Side::B).send_codec(), Some(AudioCodec::Pcma));
    let codecs = pair.engine(Side::B).agreement().unwrap().codecs;
    assert_eq!(codecs, AudioCodecs::from_iter([AudioCodec::Pcmu, AudioCodec::Pcma]));
    let frame = pair.frame(0, Side::B);
    assert_eq!(
        pair.engine(Side::B).send(now, Track::AUDIO, &frame.clone().into()),
        Err(MediaError::NotNegotiated("opus"))
    );
    pair.engine(Side::A).accept_answer(now, &answer).unwrap();
    pair.run(MS(10));
    pair.talk_in(AudioCodec::Pcma, 10, MS(20));
    for side in [Side::A, Side::B] {
        let heard = pair.heard(side);
        assert_eq!(heard.len(), 10, "{side:?}");
        assert!(heard.iter().all(|frame| frame.codec == AudioCodec::Pcma));
    }
}

#[test]
fn rfc_8842_4_another_far_end_with_another_certificate_is_a_new_association() {
    let mut pair = Pair::connected();
    pair.talk(10, MS(20));
    pair.heard(Side::B);
    let times = pair.heard(Side::A).last().unwrap().time;
    let offer = pair.replace_a();
    let answer = pair.reoffer_with_addresses(&offer);
    assert!(answer.contains("a=setup:active"), "{answer}");
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.talk(10, MS(20));
    let (a, b) = (pair.heard(Side::A), pair.heard(Side::B));
    assert_eq!((a.len(), b.len()), (10, 10), "both ways with the new far end");
    assert!(b.iter().all(|frame| frame.lost_before == 0) && a[0].time > times);
}

#[test]
fn rfc_8842_4_another_far_end_behind_the_same_gateway_is_known_by_its_tls_id() {
    let named =
        |offer: &str, id: &str| offer.replace("a=setup", &format!("a=tls-id:{id}\r\na=setup"));
    let mut pair = negotiated_as(|offer| named(offer, "first-far-end-123456"));
    let ours = lines(&pair.answer, "a=tls-id")[0].to_owned();
    pair.talk(10, MS(20));
    pair.heard(Side::B);
    let offer = pair.replace_a_behind_its_gateway();
    let answer = pair.reoffer_with_addresses(&named(&offer, "second-far-end-12345"));
    assert_ne!(lines(&answer, "a=tls-id")[0], ours, "ours is new, too");
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.heard(Side::A);
    pair.talk(10, MS(20));
    assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (10, 10));
}

#[test]
fn rfc_8842_4_a_far_end_that_takes_the_other_part_is_a_new_association() {
    let mut pair = Pair::connected();
    let offer = pair.replace_a_behind_its_gateway();
    let answer = pair.reoffer_with_addresses(&offer.replace("a=setup:actpass", "a=setup:active"));
    assert!(answer.contains("a=setup:passive"), "{answer}");
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.talk(10, MS(20));
    assert_eq!((pair.heard(Side::A).len(), pair.heard(Side::B).len()), (10, 10));
}

#[test]
fn rfc_8842_5_5_whoever_presents_another_certificate_is_not_the_far_side() {
    let mut pair = Pair::new();
    let offer = pair.offer();
    let at = offer.find("a=fingerprint:sha-256 ").unwrap() + 22;
    let digit = if &offer[at..=at] == "0" { "1" } else { "0" };
    let forged = format!("{}{digit}{}", &offer[..at], &offer[at + 1..]);
    pair.answer_to(&forged).unwrap();
    pair.run_until(MS(10_000), |p| p.failed(Side::B).is_some());
    assert!(pair.failed(Side::B).unwrap().to_string().contains("certificate"));
    assert!(pair.heard(Side::B).is_empty());
}

#[test]
fn rfc_8122_5_one_of_several_fingerprints_is_enough() {
    let mut pair = negotiated_as(|offer| {
        let line = lines(offer, "a=fingerprint")[0];
        let other = line.replace(['1', '2', '3', '4'], "0");
        offer.replace(line, &format!("a=fingerprint:md5 00\r\n{other}\r\n{line}"))
    });
    pair.talk(3, MS(20));
    assert_eq!(pair.heard(Side::B).len(), 3);
}

#[test]
fn what_is_said_before_media_connects_is_kept_and_then_heard() {
    let mut pair = Pair::new();
    pair.negotiate().unwrap();
    for n in 0..MAX_BACKLOG as u64 {
        let (now, frame) = (pair.now, pair.frame(n, Side::B));
        assert_eq!(pair.engine(Side::B).send(now, Track::AUDIO, &frame.clone().into()), Ok(()));
    }
    let (now, frame) = (pair.now, pair.frame(MAX_BACKLOG as u64, Side::B));
    let refused = pair.engine(Side::B).send(now, Track::AUDIO, &frame.clone().into());
    assert_eq!(refused, Err(MediaError::TooMany("audio frames")));
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.run(MS(3000));
    let heard: Vec<_> = pair.heard(Side::A).iter().map(|frame| frame.data[0]).collect();
    assert_eq!(heard, (0..MAX_BACKLOG as u8).collect::<Vec<_>>());
}

#[test]
fn what_is_kept_is_not_said_where_the_session_is_muted_meanwhile() {
    let mut pair = Pair::new();
    pair.negotiate().unwrap();
    let send = |pair: &mut Pair, n| {
        let (now, frame) = (pair.now, pair.frame(n, Side::B));
        assert_eq!(pair.engine(Side::B).send(now, Track::AUDIO, &frame.clone().into()), Ok(()));
    };
    (0..10).for_each(|n| send(&mut pair, n));
    pair.engine(Side::B).set_muted(Track::AUDIO, true);
    send(&mut pair, 10);
    pair.run_until(MS(5000), |p| p.both(MediaState::Connected));
    pair.engine(Side::B).set_muted(Track::AUDIO, false);
    for n in 11..15 {
        send(&mut pair, n);
        pair.run(MS(20));
    }
    pair.run(MS(500));
    let heard: Vec<_> = pair.heard(Side::A).iter().map(|frame| frame.data[0]).collect();
    assert_eq!(heard, [11, 12, 13, 14]);
}

#[test]
fn rfc_8829_5_7_an_offer_taken_back_leaves_a_session_as_it_was() {
    let mut pair = Pair::new();
    let now = pair.now;
    let refused = Err(MediaError::State(MediaState::New));
    assert_eq!(pair.engine(Side::A).rollback(now), refused, "there is none");
    pair.offer();
    assert_eq!(pair.engine(Side::A).rollback(now), Ok(()));
    assert_eq!(pair.engine(Side::A).rollback(now), refused);
    // The other side may offer now, and this one answers.
    let offer = pair.engine(Side::B).create_offer(now, &[Wish::AUDIO]).unwrap();
    pair.engine(Side::A).accept_offer(now, &offer).unwrap();
    let answer = pair.engine(Side::A).create_answer(now).unwrap();
    pair.engine(Side::B).accept_answer(now, &answer).unwrap();
    for side in [Side::A, Side::B] {
        pair.engine(side).add_local(now, &side.address().into(), LocalKind::Host);
    }
    pair.tell_candidates();
    pair.run_until(MS(3000), |p| p.both(MediaState::Connected));
    // And later: a new offer or a restart, taken back, changes nothing.
    for restarts in [true, false] {
        let now = pair.now;
        let a = pair.engine(Side::A);
        let before = a.agreement();
        let offer = if restarts { a.restart_ice(now) } else { a.create_offer(now, &[]) }.unwrap();
        assert_eq!(a.create_offer(now, &[]), Err(MediaError::State(MediaState::Connected)));
        a.rollback(now).unwrap();
        assert!(a.accept_answer(now, &offer).is_err(), "it comes too late");
        assert_eq!(a.agreement(), before);
        pair.heard(Side::B);
        pair.talk(5, MS(20));
        assert_eq!(pair.heard(Side::B).len(), 5);
    }
    let now = pair.now;
    let offer = pair.engine(Side::B).restart_ice(now).unwrap();
    pair.engine(Side::A).accept_offer(now, &offer).unwrap();
    pair.engine(Side::A).create_answer(now).unwrap();
}

/// Found by fuzzing: they were due, and nothing could be done about it, for ever.
#[test]
fn keys_that_wait_are_forgotten_where_none_are_agreed_on_any_more() {
    let mut pair = Pair::connected();
    let keys: Vec<_> = "123".chars().map(|c| Digit::try_from(c).unwrap()).collect();
    let now = pair.now;
    pair.engine(Side::B).send_dtmf(now, &keys, MS(200)).unwrap();
    let offer = pair.engine(Side::A).create_offer(now, &[]).unwrap();
    let without: String = offer
        .lines()
        .filter(|line| !line.contains("telephone-event"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    pair.reoffer(&without);
    pair.run(MS(3000));
    let now = pair.now;
    let none = Err(MediaError::NotNegotiated("telephone-event"));
    assert_eq!(pair.engine(Side::B).send_dtmf(now, &keys, MS(200)), none);
    pair.heard(Side::A);
    pair.talk(5, MS(20));
    assert_eq!(pair.heard(Side::A).len(), 5);
}
