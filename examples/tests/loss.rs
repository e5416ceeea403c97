//! Speech over a path that loses packets and takes now this long, now that: what is left of it after the
//! playout and the listener. In virtual time.

use std::time::{Duration, Instant};

use offhook::audio::{AudioEncoder, FRAME, Listener, RATE, Speaker, compare, wav};
use offhook::media::rtp::{Format, Header, Heard, Packet, Receiver};
use offhook::media::{Agreement, AudioCodec, AudioFrame, EngineConfig, ExpectedLoss};
use offhook::sdp::Direction;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Four seconds of an agent, and of a customer.
fn words() -> [Vec<i16>; 2] {
    let agent = wav::read(&include_bytes!("../data/agent.wav")[..]).expect("a recording");
    let customer = wav::read(&include_bytes!("../data/customer.wav")[..]).expect("a recording");
    [agent, customer].map(|mut pcm| {
        pcm.truncate(4 * RATE as usize);
        pcm
    })
}

/// Speech of eight seconds: of an agent, then of a customer.
fn speech() -> Vec<i16> {
    words().concat()
}

/// The likeness of a part of a piece.
fn likeness(source: &[i16], heard: &[i16], part: std::ops::Range<usize>) -> f64 {
    let end = heard.len().min(part.end + RATE as usize / 5);
    compare::similarity(&source[part.clone()], &heard[part.start..end]).correlation
}

/// Numbers that are drawn.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
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
    /// The sample from which on it is compared.
    from: usize,
}

/// The fate of the piece.
#[derive(Debug)]
struct Outcome {
    correlation: f64,
    recovered: u64,
    concealed: u64,
    lost: u64,
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
        Self { frames, source, from: 0 }
    }

    /// Hears the piece as a program does that reads PCM while it comes.
    fn over(&self, path: &Path, playout: Duration, seed: u64) -> Outcome {
        let start = Instant::now();
        let mut dice = Dice::new(seed);
        let (least, most) = (*path.transit.start(), *path.transit.end());
        let mut arrivals: Vec<_> = (0_u64..)
            .zip(&self.frames)
            .filter_map(|(n, frame)| {
                let transit = least * 1000 + dice.draw((most - least) * 1000 + 1);
                let said = frame.time / 960 * 20_000;
                (dice.draw(100) >= path.lost).then_some((said + transit, n, frame))
            })
            .collect();
        arrivals.sort_by_key(|(at, n, _)| (*at, *n));
        let came: Vec<_> = arrivals.iter().map(|(at, _, frame)| (frame.time, *at)).collect();
        let mut ear = Ear::new(playout);
        for (at, n, frame) in arrivals {
            ear.take(start + Duration::from_micros(at), n, frame);
        }
        ear.wait(start + MS(20) * (self.source.len() / FRAME) as u32 + MS(300));
        let held =
            ear.times.iter().filter(|(time, _)| *time >= 960 * 50).filter_map(|(time, at)| {
                let (_, came) = came.iter().find(|(said, _)| said == time)?;
                Some(at.saturating_duration_since(start + Duration::from_micros(*came)))
            });
        let counts = ear.listener.counts();
        // The figures tell what is heard, but that where several are missing in a row there was silence before anything
        // was made up.
        let (concealed, recovered) = (ear.receiver.concealed(), ear.receiver.recovered());
        assert!(counts.concealed <= concealed && counts.recovered <= recovered, "{counts:?}");
        assert!(counts.recovered + recovered / 10 >= recovered, "{counts:?}, not {recovered}");
        Outcome {
            held: held.max().unwrap_or_default(),
            correlation: likeness(&self.source, &ear.heard, self.from..self.source.len()),
            recovered: counts.recovered,
            concealed: counts.concealed,
            lost: ear.receiver.lost(),
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
    fn new(playout: Duration) -> Self {
        Self {
            receiver: Receiver::new(playout),
            listener: Listener::new(RATE).expect("a usual rate"),
            heard: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Takes the packet of this number, which comes now.
    fn take(&mut self, now: Instant, number: u64, frame: &AudioFrame) {
        self.wait(now);
        let header = Header {
            ssrc: 1,
            payload_type: 111,
            sequence: number as u16,
            time: frame.time as u32,
            marker: frame.talkspurt,
        };
        let format = Format::Audio(frame.codec);
        self.receiver.take(&Packet { header, format, payload: &frame.data, arrived: now });
        self.hear(now);
    }

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

/// Terms of Opus.
fn terms(expected_loss: u8, dtx: bool) -> Agreement {
    let codec = AudioCodec::Opus;
    let codecs = [codec].into_iter().collect();
    Agreement { direction: Direction::SendRecv, codec, codecs, keys: true, expected_loss, dtx }
}

/// The time between two reports of the far side.
const REPORTS: u64 = 5;

#[test]
fn speech_comes_back_when_the_far_side_has_reported_its_loss() {
    let source = [speech(), speech()].concat();
    for seed in 1..=2 {
        let (start, mut dice) = (Instant::now(), Dice::new(seed));
        let (mut speaker, mut expected) =
            (Speaker::new(RATE).expect("a rate"), ExpectedLoss::default());
        // Nothing is expected at first.
        speaker.follow(&terms(0, false));
        let mut ear = Ear::new(usual());
        let (mut reported, mut lost, mut number) = ((0, 0), 0_u64, 0_u64);
        let mut recovered = Vec::new();
        for (n, pcm) in (0_u64..).zip(source.chunks_exact(FRAME)) {
            let now = start + MS(n * 20);
            speaker.write(now, pcm).expect("room");
            while let Some(frame) = speaker.frame(now).expect("a frame") {
                number += 1;
                if dice.draw(100) >= 20 {
                    ear.take(now + MS(50), number, &frame);
                } else {
                    lost += 1;
                }
            }
            if (n + 1) % (REPORTS * 50) == 0 {
                let share = (lost - reported.0) as f32 / (number - reported.1) as f32;
                reported = (lost, number);
                expected.report(now, share);
                speaker.follow(&terms(expected.percent(), false));
                recovered.push(ear.receiver.recovered());
            }
        }
        ear.wait(start + MS(20) * (source.len() / FRAME) as u32 + MS(300));
        let (first, second) = (REPORTS as usize * RATE as usize, source.len() / 2);
        let before = likeness(&source, &ear.heard, 0..first);
        let after = likeness(&source, &ear.heard, second..source.len());
        assert!((15..=25).contains(&expected.percent()), "{expected:?}");
        assert_eq!(recovered[0], 0);
        assert!(recovered.windows(2).all(|w| w[1] > w[0] + 20), "{recovered:?}");
        assert!(before < 0.83, "without copies: {before:.3}");
        assert!(after >= 0.88, "with copies: {after:.3}, before {before:.3}");
    }
}

#[test]
fn a_minute_that_the_far_side_leaves_out_is_no_loss_and_delays_nothing() {
    let [agent, customer] = words();
    // A room's noise, which Opus takes for a pause.
    let pause = (0..60 * RATE as usize).map(|n| (n as i64 * 7919 % 41 - 20) as i16).collect();
    let source = [agent, pause, customer].concat();
    let from = source.len() - 4 * RATE as usize;
    let frames = |dtx| {
        let mut speaker = Speaker::new(RATE).expect("a rate");
        speaker.follow(&terms(10, dtx));
        let start = Instant::now();
        let pieces = (0_u32..).zip(source.chunks_exact(FRAME));
        let frames = pieces.flat_map(|(n, pcm)| {
            let now = start + MS(20) * n;
            speaker.write(now, pcm).expect("room");
            speaker.frame(now).expect("a frame")
        });
        frames.collect::<Vec<_>>()
    };
    let call = |dtx| Call { frames: frames(dtx), source: source.clone(), from };
    let (all, few) = (call(false), call(true));
    assert!(few.frames.len() < 8 * 50 + 60 * 5, "{} frames", few.frames.len());
    for (lost, transit) in [(0, 50..=50), (0, 50..=90), (5, 50..=90)] {
        let path = Path { lost, transit };
        let (all, few) = (all.over(&path, usual(), 1), few.over(&path, usual(), 1));
        assert!(few.delay <= all.delay + MS(5), "{few:?} {all:?}");
        // Of what is lost in a pause only the frame itself is made up.
        assert_eq!(few.concealed + few.recovered, few.lost + few.late, "{few:?}");
        assert_eq!(few.lost > 0, lost > 0, "{few:?}");
        assert!(few.late <= 2 && few.held <= MS(45), "{few:?}");
        assert!(few.correlation > all.correlation - 0.03, "{few:?} {all:?}");
    }
}
