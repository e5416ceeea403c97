//! RTP as far ends really send it, through an engine with ICE, DTLS and SRTP.

#![cfg(feature = "str0m")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::far::{FarCall, Got, Packet, Type};
use offhook::media::{AudioCodec, AudioFrame, Digit, Track};
use serde_json::Value;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn audio(ssrc: Option<u32>, sequence: u64, n: u64) -> Packet {
    Packet {
        ssrc,
        payload_type: 111,
        sequence,
        time: n as u32 * 960,
        marker: n == 0,
        payload: n.to_be_bytes().to_vec(),
    }
}

/// Plays packets of a reported case at their times, through the announced source.
fn play(call: &mut FarCall, text: &str) -> Value {
    let case: Value = serde_json::from_str(text).unwrap();
    let number = |v: &Value| v.as_u64().unwrap();
    for packet in case["packets"].as_array().unwrap() {
        call.run_to(MS(number(&packet["ms"])));
        let text = packet["payload"].as_str().unwrap();
        let payload = match text.strip_suffix(" bytes") {
            Some(length) => vec![0x55; length.parse().unwrap()],
            None => (0..text.len() / 2)
                .map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
                .collect(),
        };
        call.send(Packet {
            ssrc: None,
            payload_type: number(&packet["pt"]) as u8,
            sequence: number(&packet["seq"]),
            time: number(&packet["time"]) as u32,
            marker: packet["marker"].as_bool().unwrap(),
            payload,
        });
    }
    call.run(MS(1000));
    case["expect"].clone()
}

fn keys(call: &FarCall) -> String {
    call.keys.iter().map(|(key, _)| *key).collect()
}

#[test]
fn reported_a_key_without_its_end_is_heard() {
    let mut call = FarCall::connected(&[Type::Opus(111), Type::Keys(110, 48_000)]);
    let expect = play(&mut call, include_str!("reported/rtp-key-without-end.json"));
    assert_eq!(keys(&call), expect["keys"].as_str().unwrap());
    assert_eq!(call.keys, [('1', MS(80)), ('2', MS(100))]);
}

#[test]
fn reported_comfort_noise_is_neither_lost_nor_waited_for() {
    // Neither of them was negotiated; 13 is known by all.
    for (noise, told) in [(13, vec![60, 60]), (98, vec![])] {
        let mut call = FarCall::connected(&[Type::Pcmu, Type::Secret(noise)]);
        let text = include_str!("reported/rtp-comfort-noise.json");
        let text = text.replace("\"pt\": 13", &format!("\"pt\": {noise}"));
        let expect = play(&mut call, &text);
        let stats = call.engine.stats();
        assert_eq!(call.heard.len() as u64, expect["frames"].as_u64().unwrap());
        assert_eq!((stats.packets_received, stats.packets_lost), (16, 0), "payload type {noise}");
        let came = [0, 20, 40, 60, 80, 400, 420, 440, 460, 480].map(MS);
        for ((at, frame), came) in call.heard.iter().zip(came) {
            assert!(*at <= came + MS(20), "{at:?} for {came:?}");
            assert_eq!((frame.lost_before, frame.codec), (0, AudioCodec::Pcmu));
        }
        assert_eq!(call.noise, told);
        let starts: Vec<_> = call.heard.iter().filter(|(_, f)| f.talkspurt).collect();
        assert_eq!(starts.len(), 2);
    }
}

#[test]
fn reported_a_stray_first_packet_costs_nothing() {
    let mut call = FarCall::connected(&[Type::Opus(111)]);
    play(&mut call, include_str!("reported/rtp-stray-first-packet.json"));
    assert_eq!(call.heard.len(), 100);
    assert!(call.heard.iter().all(|(_, frame)| frame.data.len() == 40));
    assert_eq!(call.engine.stats().packets_lost, 0);
}

#[test]
fn a_stray_packet_in_the_stream_costs_nothing() {
    for stray in [50 + 17, 50 + 999, 20_000, 40_000, 60_000] {
        let mut call = FarCall::connected(&[Type::Opus(111)]);
        for n in 0..100 {
            call.run_to(MS(n * 20));
            if n == 50 {
                call.send(audio(None, stray, 7));
            }
            call.send(audio(None, n + 1, n));
        }
        call.run(MS(500));
        assert_eq!(call.heard.len(), 100, "{stray}");
        assert_eq!(call.engine.stats().packets_lost, 0, "{stray}");
    }
}

#[test]
fn a_jump_of_two_in_row_begins_anew() {
    for (jump, lost) in [(300, 300), (5000, 0), (30_000, 0), (50_000, 0), (65_000, 0)] {
        let mut call = FarCall::connected(&[Type::Opus(111)]);
        for n in 0..100 {
            call.run_to(MS(n * 20));
            call.send(audio(None, if n < 50 { n + 100 } else { n + 100 + jump }, n));
        }
        call.run(MS(500));
        assert_eq!(call.heard.len(), 100, "{jump}");
        assert_eq!(call.engine.stats().packets_lost, lost, "{jump}");
    }
}

#[test]
fn rfc_8843_9_2_a_source_that_nobody_announced_is_heard() {
    for announced in [false, true] {
        let types = [Type::Opus(111), Type::Keys(110, 48_000)];
        let mut call = if announced {
            FarCall::with(&types, |line| !line.starts_with("a=extmap"))
        } else {
            FarCall::connected(&types)
        };
        for n in 0..50 {
            call.run_to(MS(n * 20));
            call.send(audio(Some(0xfeed), 65_500 + n, n));
        }
        call.run(MS(500));
        assert_eq!(call.heard.len(), 50, "announced another one: {announced}");
    }
}

#[test]
fn a_source_that_changes_goes_on_within_one_frame() {
    let mut call = FarCall::connected(&[Type::Opus(111)]);
    for n in 0..300 {
        call.run_to(MS(n * 20));
        let ssrc = [None, Some(2), Some(3), Some(4), Some(5), Some(6)][n as usize / 50];
        call.send(audio(ssrc, 1 + n % 50, n));
    }
    call.run(MS(500));
    let said: Vec<_> = call
        .heard
        .iter()
        .map(|(_, f)| u64::from_be_bytes(f.data[..].try_into().unwrap()))
        .collect();
    assert_eq!(said, (0..300).collect::<Vec<_>>());
    assert!(call.heard.windows(2).all(|w| w[0].1.time < w[1].1.time));
    assert!(call.heard.iter().zip(0..).all(|((at, _), n)| *at <= MS(n * 20 + 20)));
    assert_eq!(call.engine.stats().packets_lost, 0);
}

#[test]
fn strangers_neither_interrupt_nor_use_up_the_bound() {
    let mut call = FarCall::connected(&[Type::Opus(111)]);
    let mut ssrc = 1000;
    for n in 0..100 {
        call.run_to(MS(n * 20));
        call.send(audio(None, 1 + n, n));
        // Authentic ones, of the far end itself.
        for stranger in 10..16 {
            call.send(audio(Some(stranger), 1 + n, 1_000_000));
        }
        // And forged ones: of new sources, and of the one that speaks.
        for _ in 0..50 {
            ssrc += 1;
            for sequence in [7, 8] {
                call.forge(ssrc, 111, sequence);
            }
        }
        let live = call.own_source;
        for sequence in [n as u16 + 2, 30_000, 30_001] {
            call.forge(live, 111, sequence);
        }
    }
    call.run(MS(15));
    assert_eq!(call.heard.len(), 100);
    assert!(call.heard.iter().all(|(_, f)| f.data[..] != 1_000_000_u64.to_be_bytes()));
    call.heard.clear();
    for n in 100..110 {
        call.run_to(MS(n * 20));
        call.send(audio(Some(0xfeed), n, n));
    }
    call.run(MS(500));
    assert_eq!(call.heard.len(), 10, "a new source is heard all the same");
}

#[test]
fn keys_of_8_khz_beside_opus_are_sent_and_heard() {
    let mut call = FarCall::connected(&[Type::Opus(109), Type::Keys(101, 8_000)]);
    let keys: Vec<_> = "12".chars().map(|key| Digit::try_from(key).unwrap()).collect();
    let mut at = 0;
    for n in 0..60_u64 {
        // The application's microphone is not very even.
        at += [15, 25, 20, 32, 8][n as usize % 5];
        call.run_to(MS(at));
        let frame = AudioFrame {
            codec: AudioCodec::Opus,
            time: n * 960,
            lost_before: 0,
            talkspurt: false,
            data: Bytes::from_static(&[1, 2, 3]),
        };
        let now = call.now;
        call.engine.send(now, Track::AUDIO, &frame.into()).unwrap();
        if n == 10 {
            call.engine.send_dtmf(now, &keys, MS(100)).unwrap();
        }
        call.drain_engine();
    }
    call.run(MS(500));
    let got: Vec<_> = call.got.iter().filter(|got| got.payload_type == 101).collect();
    let (first, second): (Vec<&Got>, Vec<&Got>) =
        got.into_iter().partition(|got| got.payload[0] == 1);
    for key in [&first, &second] {
        assert_eq!(key.len(), 7);
        assert!(key.iter().all(|got| got.time == key[0].time), "one key has one time");
        assert!(key[0].marker && !key[1].marker);
        assert_eq!(key[6].payload[2..], 800_u16.to_be_bytes(), "100 ms in the event's clock");
    }
    let apart = second[0].time.wrapping_sub(first[0].time);
    assert!((7_000..10_000).contains(&apart), "the stream's clock: {apart}");
    let audio = call.got.iter().find(|got| got.payload_type == 109).unwrap().time;
    assert!(first[0].time.wrapping_sub(audio) < 48_000, "of the same beginning as audio");

    let event = |sequence, end: bool, ticks: u16| Packet {
        ssrc: None,
        payload_type: 101,
        sequence,
        time: 48_000,
        marker: sequence == 1,
        payload: [&[5, if end { 0x80 } else { 0 }][..], &ticks.to_be_bytes()].concat(),
    };
    for (sequence, end, ticks) in [(1, false, 160), (2, false, 320), (3, true, 480), (4, true, 480)]
    {
        call.send(event(sequence, end, ticks));
        call.run(MS(20));
    }
    call.run(MS(500));
    assert_eq!(call.keys, [('5', MS(60))]);
}
