//! The room as a whole: what users reported, and what must hold whatever comes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::testing::epoch;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A far end that owns its packets.
#[derive(Clone, Debug)]
struct Sent {
    at: Duration,
    header: Header,
    format: Format,
    payload: Vec<u8>,
}

/// Probation and receiver, as an engine joins them, without SRTP between.
#[derive(Default)]
struct Room {
    probation: Probation<(Format, Vec<u8>)>,
    receiver: Receiver,
    heard: Vec<(Duration, Heard)>,
}

impl Room {
    fn come(&mut self, sent: Sent) {
        let Sent { at, header, format, payload } = sent;
        self.wait(at);
        let now = epoch() + at;
        match self.probation.judge(&header, format) {
            Verdict::Pass => self.take(now, header, format, &payload),
            Verdict::Wait => self.probation.hold(now, header, (format, payload)),
            Verdict::Anew => {
                self.probation.hold(now, header, (format, payload));
                for held in self.probation.release(&header) {
                    let (format, payload) = held.item;
                    self.take(held.arrived, held.header, format, &payload);
                }
            }
            Verdict::Refuse => {}
        }
        self.pop(at);
    }

    fn take(&mut self, arrived: Instant, header: Header, format: Format, payload: &[u8]) {
        let (live, index) = (self.receiver.live(), u64::from(header.sequence));
        self.probation.heard(arrived, header.ssrc, index, live);
        self.receiver.take(&Packet { header, format, payload, arrived });
    }

    /// Lets time pass, with its wakes.
    fn wait(&mut self, until: Duration) {
        for _ in 0..1000 {
            let Some(wake) = self.next_wake().filter(|at| *at <= epoch() + until) else { return };
            let at = wake.saturating_duration_since(epoch());
            while let Some(Held { header, arrived, item }) = self.probation.due(wake) {
                self.take(arrived, header, item.0, &item.1);
            }
            self.pop(at);
        }
        panic!("it never rests");
    }

    fn next_wake(&self) -> Option<Instant> {
        self.probation.next_wake().into_iter().chain(self.receiver.next_wake()).min()
    }

    fn pop(&mut self, at: Duration) {
        while let Some(heard) = self.receiver.pop(epoch() + at) {
            self.heard.push((at, heard));
        }
    }

    fn frames(&self) -> Vec<(Duration, &AudioFrame)> {
        let frame = |(at, heard): &'_ (Duration, Heard)| match heard {
            Heard::Audio(_) => Some(*at),
            Heard::Key { .. } | Heard::Noise { .. } => None,
        };
        let frames = self.heard.iter().filter_map(|heard| match &heard.1 {
            Heard::Audio(audio) => frame(heard).map(|at| (at, audio)),
            Heard::Key { .. } | Heard::Noise { .. } => None,
        });
        frames.collect()
    }

    fn keys(&self) -> String {
        let key = |heard: &Heard| match heard {
            Heard::Key { digit, .. } => Some(digit.as_char()),
            Heard::Audio(_) | Heard::Noise { .. } => None,
        };
        self.heard.iter().filter_map(|(_, heard)| key(heard)).collect()
    }
}

/// The packets of a reported case, and what is expected of them.
fn reported(text: &str) -> (Vec<Sent>, Value) {
    let case: Value = serde_json::from_str(text).unwrap();
    let number = |v: &Value| v.as_u64().unwrap();
    let format = |pt: u64| match case["negotiated"][pt.to_string()].as_str() {
        Some("opus/48000/2") => Format::Audio(AudioCodec::Opus),
        Some("PCMU/8000") => Format::Audio(AudioCodec::Pcmu),
        Some("telephone-event/48000") => Format::Key { clock: 48_000 },
        Some(other) => panic!("{other}"),
        None if pt == 13 => Format::Noise,
        None => Format::Unused,
    };
    let payload = |text: &str| match text.strip_suffix(" bytes") {
        Some(length) => vec![0x55; length.parse().unwrap()],
        None => (0..text.len() / 2)
            .map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
            .collect(),
    };
    let packets = case["packets"].as_array().unwrap().iter().map(|p| Sent {
        at: MS(number(&p["ms"])),
        header: Header {
            ssrc: 0xdead_beef,
            payload_type: number(&p["pt"]) as u8,
            sequence: number(&p["seq"]) as u16,
            time: number(&p["time"]) as u32,
            marker: p["marker"].as_bool().unwrap(),
        },
        format: format(number(&p["pt"])),
        payload: payload(p["payload"].as_str().unwrap()),
    });
    (packets.collect(), case["expect"].clone())
}

fn play(packets: &[Sent]) -> Room {
    let mut room = Room::default();
    for packet in packets {
        room.come(packet.clone());
    }
    room.wait(Duration::from_secs(3600));
    room
}

#[test]
fn reported_a_key_without_its_end_is_heard() {
    let (packets, expect) =
        reported(include_str!("../../../tests/reported/rtp-key-without-end.json"));
    let room = play(&packets);
    assert_eq!(room.keys(), expect["keys"].as_str().unwrap());
    let Heard::Key { duration, .. } = room.heard[0].1 else { panic!("{:?}", room.heard) };
    assert_eq!(duration, MS(80));
    assert_eq!(room.heard[0].0, MS(120), "after 3 packets' time");
    assert_eq!(room.receiver.lost(), 0);
}

#[test]
fn reported_comfort_noise_is_neither_lost_nor_waited_for() {
    let (packets, expect) =
        reported(include_str!("../../../tests/reported/rtp-comfort-noise.json"));
    for unused in [false, true] {
        let mut packets = packets.clone();
        for packet in packets.iter_mut().filter(|packet| packet.format == Format::Noise) {
            if unused {
                packet.format = Format::Unused;
            }
        }
        let room = play(&packets);
        let frames = room.frames();
        assert_eq!(frames.len() as u64, expect["frames"].as_u64().unwrap());
        assert_eq!(room.receiver.lost(), expect["lost"].as_u64().unwrap());
        assert!(frames.iter().all(|(_, frame)| frame.lost_before == 0));
        let came: Vec<_> =
            packets.iter().filter(|p| matches!(p.format, Format::Audio(_))).map(|p| p.at).collect();
        assert!(frames.iter().zip(&came).all(|((at, _), came)| *at - *came <= MS(20)));
        let noise: Vec<_> =
            room.heard.iter().filter(|(_, h)| matches!(h, Heard::Noise { .. })).collect();
        let told = if unused { vec![] } else { vec![MS(100), MS(500)] };
        assert_eq!(noise.iter().map(|(at, _)| *at).collect::<Vec<_>>(), told, "once each pause");
        assert!(noise.iter().all(|(_, heard)| *heard == Heard::Noise { level: 60 }));
    }
}

#[test]
fn reported_a_stray_first_packet_costs_nothing() {
    let (packets, _) =
        reported(include_str!("../../../tests/reported/rtp-stray-first-packet.json"));
    let room = play(&packets);
    let frames = room.frames();
    assert_eq!(frames.len(), 100, "the first words, too");
    assert!(frames.iter().all(|(_, frame)| frame.data.len() == 40), "the stray one is not heard");
    assert_eq!(room.receiver.lost(), 0);
    assert_eq!(frames[0].0, MS(40));
}

#[test]
fn a_stray_packet_the_other_way_round_is_no_loss() {
    for stray in [4000, 4999 + 1000, 40_000] {
        let (mut packets, _) =
            reported(include_str!("../../../tests/reported/rtp-stray-first-packet.json"));
        packets[0].header.sequence = stray;
        // And once more in the middle.
        let mut again = packets[0].clone();
        again.at = MS(1001);
        packets.insert(51, again);
        let room = play(&packets);
        assert_eq!((room.frames().len(), room.receiver.lost()), (100, 0), "{stray}");
    }
}

fn audio(ssrc: u32, at: u64, sequence: u16, time: u32, id: u64) -> Sent {
    let format = Format::Audio(AudioCodec::Opus);
    let header = Header { ssrc, payload_type: 111, sequence, time, marker: false };
    Sent { at: MS(at), header, format, payload: id.to_be_bytes().to_vec() }
}

#[test]
fn another_source_goes_on_within_one_frame_in_time_and_number() {
    let mut room = Room::default();
    for n in 0..50 {
        room.come(audio(1, n * 20, 65_500_u16.wrapping_add(n as u16), n as u32 * 960, n));
    }
    for n in 50..100 {
        room.come(audio(2, n * 20, 7 + n as u16, 5 + n as u32 * 960, n));
    }
    let frames = room.frames();
    let ids: Vec<_> =
        frames.iter().map(|(_, f)| u64::from_be_bytes(f.data[..].try_into().unwrap())).collect();
    assert_eq!(ids, (0..100).collect::<Vec<_>>());
    assert!(frames.windows(2).all(|w| w[1].1.time == w[0].1.time + 960));
    assert!(frames.iter().zip(0..).all(|((at, _), n)| *at - MS(n * 20) <= MS(20)));
    assert_eq!(room.receiver.lost(), 0);
    assert!(frames[50].1.talkspurt, "something begins");
}

#[test]
fn a_jump_of_two_in_row_begins_anew_and_a_short_one_is_loss() {
    for (jump, lost) in [(1000, 1000), (20_000, 0), (50_000, 0), (65_036, 0)] {
        let mut room = Room::default();
        for n in 0..100_u64 {
            let sequence = if n < 50 { n } else { n + jump } as u16;
            room.come(audio(1, n * 20, sequence, n as u32 * 960, n));
        }
        assert_eq!(room.frames().len(), 100, "{jump}");
        assert_eq!(room.receiver.lost(), lost, "{jump}");
    }
}

#[test]
fn what_was_missing_is_concealed_unless_the_next_one_has_a_copy_whether_lost_or_late() {
    // One frame of SILK, 20 ms: without and with the flag of a copy (RFC 6716 section 4.2.4).
    for (flags, concealed, recovered) in [(0x00, 9, 0), (0x40, 4, 5)] {
        let mut room = Room::default();
        let mut come = |at: u64, n: u64| {
            let payload = vec![0x08, flags, n as u8];
            room.come(Sent { payload, ..audio(1, at, n as u16, n as u32 * 960, n) });
        };
        for n in 0..50 {
            match n {
                // One, three in a row, and one; three of them come late.
                10 | 20..23 | 30 => {}
                33 => [20, 21, 30].into_iter().for_each(|late| come(33 * 20, late)),
                40..43 => {}
                _ => come(n * 20, n),
            }
        }
        room.wait(MS(10_000));
        let receiver = &room.receiver;
        assert_eq!((receiver.lost(), receiver.late()), (6, 3), "33 is lost, too");
        assert_eq!(receiver.concealed() + receiver.recovered(), 9);
        assert_eq!((receiver.concealed(), receiver.recovered()), (concealed, recovered));
    }
}

#[test]
fn a_stranger_does_not_evict_whoever_speaks() {
    let mut room = Room::default();
    for n in 0..200_u64 {
        room.come(audio(1, n * 20, n as u16, n as u32 * 960, n));
        // Whoever comes first is heard, so they come later.
        for ssrc in if n == 0 { 0..0 } else { 2..12 } {
            for m in 0..3 {
                room.come(audio(ssrc, n * 20 + 1, (n * 3 + m) as u16, 0, u64::MAX));
            }
        }
    }
    assert_eq!(room.frames().len(), 200);
    assert!(room.frames().iter().all(|(_, frame)| frame.data[..] != u64::MAX.to_be_bytes()));
}

/// One step of a far end that does what it likes.
#[derive(Clone, Debug)]
enum Step {
    Frames(u8),
    Noise,
    Unused,
    Key(u8, u8),
    Lose(u8),
    Swap,
    Double,
    Jump(u16),
    Renumber(u32),
    Source(u8),
    Codec(bool),
    Pause(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..20_u8).prop_map(Step::Frames),
        1 => Just(Step::Noise),
        1 => Just(Step::Unused),
        1 => (0..20_u8, 1..8_u8).prop_map(|(event, reports)| Step::Key(event, reports)),
        2 => (1..30_u8).prop_map(Step::Lose),
        2 => Just(Step::Swap),
        2 => Just(Step::Double),
        1 => any::<u16>().prop_map(Step::Jump),
        1 => any::<u32>().prop_map(Step::Renumber),
        1 => (0..6_u8).prop_map(Step::Source),
        1 => any::<bool>().prop_map(Step::Codec),
        1 => any::<u16>().prop_map(Step::Pause),
    ]
}

/// The packets of such a far end. Every frame has a number of its own.
fn packets(steps: &[Step]) -> Vec<Sent> {
    let mut out: Vec<Sent> = Vec::new();
    let (mut at, mut time, mut ssrc, mut id) = (0_u64, 0_u32, 0_u32, 0_u64);
    let mut numbers = BTreeMap::new();
    let mut codec = AudioCodec::Opus;
    for step in steps {
        let mut say = |format, payload: Vec<u8>, at, ssrc: u32, time| {
            let sequence: &mut u16 =
                numbers.entry(ssrc).or_insert_with(|| 60_000_u16.wrapping_add(ssrc as u16));
            *sequence = sequence.wrapping_add(1);
            let header = Header { ssrc, payload_type: 0, sequence: *sequence, time, marker: false };
            out.push(Sent { at: MS(at), header, format, payload });
        };
        match *step {
            Step::Frames(n) => {
                for _ in 0..n {
                    at += 20;
                    time = time.wrapping_add(codec.clock_rate() / 50);
                    id += 1;
                    say(Format::Audio(codec), id.to_be_bytes().to_vec(), at, ssrc, time);
                }
            }
            Step::Noise => say(Format::Noise, vec![60], at, ssrc, time),
            Step::Unused => say(Format::Unused, vec![], at, ssrc, time),
            Step::Key(event, reports) => {
                for n in 1..=reports {
                    at += 20;
                    let payload = vec![event, 0, 0, n * 10];
                    say(Format::Key { clock: 8_000 }, payload, at, ssrc, time);
                }
                time = time.wrapping_add(8_000);
            }
            Step::Lose(n) => {
                let keep = out.len().saturating_sub(n.into());
                out.truncate(keep);
            }
            Step::Swap => {
                if let [.., a, b] = &mut out[..] {
                    std::mem::swap(a, b);
                    std::mem::swap(&mut a.at, &mut b.at);
                }
            }
            Step::Double => out.extend(out.last().cloned()),
            Step::Jump(by) => {
                // A receiver without keys cannot tell a row that it heard from one sent again.
                let sequence = numbers.entry(ssrc).or_insert(0);
                *sequence = sequence.wrapping_add(by % 20_000);
            }
            Step::Renumber(to) => time = to,
            Step::Source(to) => ssrc = to.into(),
            Step::Codec(opus) => codec = if opus { AudioCodec::Opus } else { AudioCodec::Pcmu },
            Step::Pause(ms) => at += u64::from(ms),
        }
    }
    out
}

proptest! {
    #[test]
    fn whatever_comes_time_never_goes_back_and_nothing_is_heard_twice(
        steps in proptest::collection::vec(step(), 0..80)
    ) {
        let packets = packets(&steps);
        let room = play(&packets);
        let frames = room.frames();
        prop_assert!(frames.windows(2).all(|w| w[0].1.time <= w[1].1.time));
        let ids: BTreeSet<_> = frames.iter().map(|(_, frame)| &frame.data).collect();
        prop_assert_eq!(ids.len(), frames.len());
        let receiver = &room.receiver;
        prop_assert!(receiver.packets() <= packets.len() as u64);
        let missed: u64 = frames.iter().map(|(_, frame)| u64::from(frame.lost_before)).sum();
        prop_assert_eq!(receiver.concealed() + receiver.recovered(), missed);
        prop_assert!(missed <= receiver.lost() + receiver.late());
        prop_assert_eq!(room.next_wake(), None);
    }

    #[test]
    fn an_undisturbed_source_loses_nothing_whatever_it_says(
        steps in proptest::collection::vec(step(), 0..80)
    ) {
        let mut steps = steps;
        steps.retain(|step| !matches!(
            step, Step::Lose(_) | Step::Source(_) | Step::Jump(_) | Step::Double | Step::Swap
        ));
        let packets = packets(&steps);
        let room = play(&packets);
        let sent = packets.iter().filter(|p| matches!(p.format, Format::Audio(_))).count();
        // A single packet, or one that says nothing, proves nothing; and it does not wait for ever.
        let proof = packets.iter().take_while(|p| p.format != Format::Unused).count();
        if proof >= 2 && packets[1].at - packets[0].at <= MS(2000) {
            prop_assert_eq!(room.frames().len(), sent);
            prop_assert_eq!(room.receiver.lost(), 0);
        }
    }

    /// Any loss that leaves at least one packet of a key tells it exactly once.
    #[test]
    fn rfc_4733_a_key_is_told_once_whatever_of_it_is_lost(
        presses in proptest::collection::vec((0..12_u8, 1..12_u16, any::<u16>(), any::<bool>()), 1..12),
        beside in any::<bool>(),
        pace in prop_oneof![Just(20_u64), Just(50)],
    ) {
        let mut room = Room::default();
        let (mut at, mut sequence) = (0_u64, 0_u16);
        let mut want = String::new();
        let frame = |room: &mut Room, at: u64, sequence: &mut u16| {
            room.come(audio(1, at, *sequence, at as u32 * 48, u64::from(*sequence)));
            *sequence += 1;
        };
        for _ in 0..3 {
            frame(&mut room, at, &mut sequence);
            at += 20;
        }
        for (event, reports, lost, pause) in presses {
            let time = at as u32 * 48;
            let mut came = false;
            for n in 0..reports + 3 {
                let end = n >= reports;
                let ticks = (n.min(reports) + 1) * pace as u16 * 48;
                let [high, low] = ticks.to_be_bytes();
                let payload = vec![event, if end { 0x80 } else { 0 }, high, low];
                let header =
                    Header { ssrc: 1, payload_type: 110, sequence, time, marker: n == 0 };
                let format = Format::Key { clock: 48_000 };
                if lost >> n & 1 == 0 {
                    came = true;
                    room.come(Sent { at: MS(at), header, format, payload });
                }
                sequence += 1;
                if beside {
                    frame(&mut room, at, &mut sequence);
                }
                at += pace;
            }
            if came {
                want.extend(Digit::from_event(event).map(Digit::as_char));
            }
            if pause {
                at += 300;
            } else {
                for _ in 0..3 {
                    frame(&mut room, at, &mut sequence);
                    at += 20;
                }
            }
        }
        room.wait(MS(at) + Duration::from_secs(10));
        prop_assert_eq!(room.keys(), want);
        prop_assert_eq!(room.next_wake(), None);
    }

    #[test]
    fn any_datagram_can_be_looked_at(datagram in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Some(header) = Header::read(&datagram) {
            prop_assert!(datagram.len() >= 12 && header.payload_type < 128);
        }
    }
}

#[test]
fn rfc_8843_14_a_packet_names_its_section() {
    let mut datagram = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    datagram.extend([0xbe, 0xde, 0, 2, 0x10, 7, 0x42, b'c', b'a', b'm', 0, 0]);
    let header = Header::read(&datagram).unwrap();
    assert_eq!(header.extension(&datagram, 4), Some(&b"cam"[..]));
    assert_eq!(header.extension(&datagram, 5), None);
    assert_eq!(header.extension(&datagram[..20], 4), None, "cut off");
    datagram[0] = 0x80;
    assert_eq!(header.extension(&datagram, 4), None, "it has no extension");
}
