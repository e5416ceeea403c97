//! Speech over a path that loses packets and takes now this long, now that: what is left of it after the
//! playout and the listener. In virtual time.

use std::time::{Duration, Instant};

use offhook::audio::{AudioEncoder, FRAME, Listener, RATE, compare, wav};
use offhook::media::rtp::{Format, Header, Heard, Packet, Receiver};
use offhook::media::{AudioCodec, AudioFrame, EngineConfig};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Speech of eight seconds: of an agent, then of a customer.
fn speech() -> Vec<i16> {
    let agent = wav::read(&include_bytes!("../data/agent.wav")[..]).expect("a recording");
    let customer = wav::read(&include_bytes!("../data/customer.wav")[..]).expect("a recording");
    [agent, customer]
        .iter()
        .flat_map(|pcm| &pcm[..pcm.len().min(4 * RATE as usize)])
        .copied()
        .collect()
}

/// A path: frames of a hundred that are lost, the least that a frame is on its way, and the most.
#[derive(Clone, Debug)]
struct Path {
    lost: u64,
    transit: std::ops::RangeInclusive<u64>,
}

/// One end that says a piece, and one that hears it.
struct Call {
    frames: Vec<AudioFrame>,
    source: Vec<i16>,
}

/// The fate of the piece.
#[derive(Debug)]
struct Outcome {
    correlation: f64,
    recovered: u64,
    concealed: u64,
    late: u64,
    /// The greatest time for which one of the later frames was held after it came.
    held: Duration,
    /// The playout delay at the end.
    delay: Duration,
}

impl Call {
    fn new(expected_loss: u8) -> Self {
        let source = speech();
        let mut encoder = AudioEncoder::new(AudioCodec::Opus).expect("the codec");
        encoder.set_expected_loss(expected_loss).expect("a share");
        let frames = source.chunks_exact(FRAME).map(|pcm| encoder.encode(pcm).expect("a frame"));
        let frames = frames.collect();
        Self { frames, source }
    }

    /// Hears the piece as a program does that reads PCM while it comes.
    fn over(&self, path: &Path, playout: Duration, seed: u64) -> Outcome {
        let start = Instant::now();
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut draw = |below: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice % below
        };
        let (least, most) = (*path.transit.start(), *path.transit.end());
        let mut arrivals: Vec<_> = (0_u64..)
            .zip(&self.frames)
            .filter_map(|(n, frame)| {
                let transit = least * 1000 + draw((most - least) * 1000 + 1);
                (draw(100) >= path.lost).then_some((n * 20_000 + transit, n, frame))
            })
            .collect();
        arrivals.sort_by_key(|(at, n, _)| (*at, *n));
        let came: Vec<_> = arrivals.iter().map(|(at, n, _)| (*n, *at)).collect();
        let mut ear = Ear {
            receiver: Receiver::new(playout),
            listener: Listener::new(RATE).expect("a usual rate"),
            heard: Vec::new(),
            times: Vec::new(),
        };
        for (at, n, frame) in arrivals {
            let now = start + Duration::from_micros(at);
            ear.wait(now);
            let header = Header {
                ssrc: 1,
                payload_type: 111,
                sequence: n as u16,
                time: frame.time as u32,
                marker: frame.talkspurt,
            };
            let format = Format::Audio(frame.codec);
            ear.receiver.take(&Packet { header, format, payload: &frame.data, arrived: now });
            ear.hear(now);
        }
        ear.wait(start + MS(20) * self.frames.len() as u32 + MS(300));
        let held =
            ear.times.iter().filter(|(time, _)| *time >= 960 * 50).filter_map(|(time, at)| {
                let (_, came) = came.iter().find(|(n, _)| n * 960 == *time)?;
                Some(at.saturating_duration_since(start + Duration::from_micros(*came)))
            });
        let counts = ear.listener.counts();
        Outcome {
            held: held.max().unwrap_or_default(),
            correlation: compare::similarity(&self.source, &ear.heard).correlation,
            recovered: counts.recovered,
            concealed: counts.concealed,
            late: ear.receiver.late(),
            delay: ear.receiver.delay(),
        }
    }

    /// The mean likeness over a few fates.
    fn likeness(&self, path: &Path, playout: Duration) -> f64 {
        let outcomes = (1..=2).map(|seed| self.over(path, playout, seed));
        let outcomes: Vec<_> = outcomes.collect();
        outcomes.iter().map(|outcome| outcome.correlation).sum::<f64>() / outcomes.len() as f64
    }
}

struct Ear {
    receiver: Receiver,
    listener: Listener,
    heard: Vec<i16>,
    /// The media time of each frame, and when it was heard.
    times: Vec<(u64, Instant)>,
}

impl Ear {
    /// Lets time pass, and hears silence where nothing comes.
    fn wait(&mut self, until: Instant) {
        loop {
            let (frame, silence) = (self.receiver.next_wake(), self.listener.next_wake());
            let next = frame.into_iter().chain(silence).min().filter(|at| *at < until);
            let Some(at) = next else { return };
            self.hear(at);
            self.heard.extend(self.listener.silence(at).expect("silence").unwrap_or_default());
        }
    }

    fn hear(&mut self, now: Instant) {
        while let Some(heard) = self.receiver.pop(now) {
            let Heard::Audio(frame) = heard else { continue };
            self.times.push((frame.time, now));
            self.heard.extend(self.listener.hear(now, &frame).expect("a frame"));
        }
    }
}

fn usual() -> Duration {
    EngineConfig::new(offhook::Seed::from(1)).playout
}

#[test]
fn speech_is_heard_over_a_path_that_loses_and_jitters() {
    let call = Call::new(10);
    for (lost, bar) in [(5, 0.92), (10, 0.88)] {
        let path = Path { lost, transit: 0..=100 };
        let likeness = call.likeness(&path, usual());
        assert!(likeness >= bar, "{lost} %: {likeness:.3}");
        let hasty = call.over(&path, Duration::ZERO, 1);
        assert!(hasty.correlation < bar && hasty.late > 100, "nothing is waited for: {hasty:?}");
    }
}

#[test]
fn what_is_lost_is_had_of_the_next_frame_and_made_up_without_copies() {
    let path = Path { lost: 5, transit: 50..=50 };
    let with = Call::new(10).over(&path, usual(), 1);
    let without = Call::new(0).over(&path, usual(), 1);
    assert!(with.recovered > with.concealed, "{with:?}");
    assert_eq!(without.recovered, 0, "{without:?}");
    assert!(with.correlation > without.correlation + 0.02, "{with:?} {without:?}");
}

#[test]
fn a_clean_path_is_not_delayed() {
    let call = Call::new(10);
    for (transit, bar) in [(50..=50, 0), (49..=51, 10)] {
        let outcome = call.over(&Path { lost: 0, transit }, usual(), 1);
        assert!(outcome.held <= MS(bar) && outcome.delay <= MS(bar), "{outcome:?}");
        assert!(outcome.correlation > 0.95, "{outcome:?}");
        assert_eq!((outcome.late, outcome.concealed), (0, 0), "{outcome:?}");
    }
}
