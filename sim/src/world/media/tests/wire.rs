//! Two engines of any make, and the wire between them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::machine::Wake;
use offhook::media::{
    AudioCodec, AudioFrame, Engine, EngineConfig, EngineEvent, EngineFactory, EngineOutput, Frame,
    LocalKind, MediaError, MediaState, Track, VideoCodec, VideoFrame, Wish,
};
use offhook::sdp::Direction;

/// Turns that may come at one instant.
const MAX_TURNS: usize = 100_000;

/// Makes a test of each function for each engine.
macro_rules! on_both {
    ($($name:ident,)*) => {
        mod model {
            $(#[test]
            fn $name() {
                super::$name(&mut crate::world::ModelFactory);
            })*
        }

        mod real {
            $(#[test]
            fn $name() {
                super::$name(&mut offhook::media::WebRtcFactory::deterministic());
            })*
        }
    };
}
pub(super) use on_both;

pub(super) const MS: fn(u64) -> Duration = Duration::from_millis;
pub(super) const CAMERA: Wish =
    Wish { kind: offhook::media::MediaKind::Video, direction: Direction::SendRecv };
pub(super) const VIDEO: Track = Track::video(0);

pub(super) struct Wire {
    pub(super) now: Instant,
    pub(super) ends: [Box<dyn Engine>; 2],
    pub(super) addresses: [SocketAddr; 2],
    pub(super) cut: bool,
    /// Datagrams from each end that are lost, from now on.
    pub(super) lost: [usize; 2],
    /// Of so many datagrams one is lost; none for zero.
    pub(super) lossy: u64,
    sent: u64,
    pub(super) events: [Vec<EngineEvent>; 2],
}

/// Pictures and data channels, too.
pub(super) fn meets(config: EngineConfig) -> EngineConfig {
    config.video([VideoCodec::Vp8, VideoCodec::H264]).channels(true)
}

pub(super) fn vp8(n: u64, key: bool) -> VideoFrame {
    let mut data = vec![n as u8; 700];
    data[0] = u8::from(!key);
    VideoFrame::new(VideoCodec::Vp8, n * 3000, key, data)
}

pub(super) fn opus(n: u64) -> AudioFrame {
    let data = vec![n as u8; 8].into();
    AudioFrame { codec: AudioCodec::Opus, time: n * 960, lost_before: 0, talkspurt: false, data }
}

impl Wire {
    pub(super) fn new(factory: &mut dyn EngineFactory) -> Self {
        Self::with(factory, |_, config| config)
    }

    pub(super) fn with(
        factory: &mut dyn EngineFactory,
        change: impl Fn(usize, EngineConfig) -> EngineConfig,
    ) -> Self {
        let now = Instant::now();
        let mut engine = |end: usize| {
            let config = EngineConfig::new(Seed::from(end as u64 + 1));
            factory.create(now, change(end, config))
        };
        let addresses =
            [SocketAddr::from(([10, 0, 0, 1], 1001)), SocketAddr::from(([10, 0, 0, 2], 1002))];
        Self {
            now,
            ends: [engine(0), engine(1)],
            addresses,
            cut: false,
            lost: [0; 2],
            lossy: 0,
            sent: 0,
            events: [Vec::new(), Vec::new()],
        }
    }

    /// A telephone call that is connected.
    pub(super) fn call(factory: &mut dyn EngineFactory) -> Self {
        let mut wire = Self::new(factory);
        wire.negotiate(0, &[Wish::AUDIO]).unwrap();
        wire.gather();
        wire.run(Duration::from_secs(2));
        wire
    }

    /// A meeting that is connected.
    pub(super) fn meeting(factory: &mut dyn EngineFactory, wishes: &[Wish]) -> Self {
        let mut wire = Self::with(factory, |_, config| meets(config));
        wire.negotiate(0, wishes).unwrap();
        wire.gather();
        wire.run(Duration::from_secs(3));
        assert_eq!(wire.states(), [MediaState::Connected; 2]);
        wire
    }

    pub(super) fn gather(&mut self) {
        for (end, address) in self.ends.iter_mut().zip(self.addresses) {
            end.add_local(self.now, &address.into(), LocalKind::Host);
            end.local_done(self.now);
        }
    }

    /// An end offers, the other answers. Both texts.
    pub(super) fn negotiate(
        &mut self,
        by: usize,
        wishes: &[Wish],
    ) -> Result<(String, String), MediaError> {
        let offer = self.ends[by].create_offer(self.now, wishes)?;
        let answer = self.answer(by, &offer)?;
        Ok((offer, answer))
    }

    /// The other end answers that offer.
    pub(super) fn answer(&mut self, by: usize, offer: &str) -> Result<String, MediaError> {
        self.ends[1 - by].accept_offer(self.now, offer)?;
        let answer = self.ends[1 - by].create_answer(self.now)?;
        self.ends[by].accept_answer(self.now, &answer)?;
        while self.pass_on() {}
        Ok(answer)
    }

    /// Passes everything on, candidates too, for so long.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        for turn in 0.. {
            assert!(turn < MAX_TURNS, "never asleep");
            while self.pass_on() {}
            let wakes = self.ends.iter_mut().map(|end| match end.poll_output() {
                EngineOutput::Timeout(wake) => wake,
                other => panic!("not drained: {other:?}"),
            });
            match wakes.fold(None, Wake::earliest) {
                Some(wake) if wake.at <= until => {
                    self.now = self.now.max(wake.at);
                    self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
    }

    /// Passes on what there is, and returns true if there was anything.
    pub(super) fn pass_on(&mut self) -> bool {
        let mut any = false;
        for from in 0..2 {
            loop {
                match self.ends[from].poll_output() {
                    EngineOutput::Transmit { local, remote, data } => {
                        let to = 1 - from;
                        self.sent += 1;
                        let lost = self.lost[from] > 0
                            || (self.lossy > 0 && self.sent.is_multiple_of(self.lossy));
                        self.lost[from] = self.lost[from].saturating_sub(1);
                        if !self.cut && !lost && remote == self.addresses[to] {
                            self.ends[to].handle_datagram(self.now, remote, local, &data);
                        }
                    }
                    EngineOutput::Event(EngineEvent::LocalCandidate(candidate)) => {
                        let end = &mut self.ends[1 - from];
                        end.add_remote_candidate(self.now, &candidate.candidate).unwrap();
                    }
                    EngineOutput::Event(event) => self.events[from].push(event),
                    _ => break,
                }
                any = true;
            }
        }
        any
    }

    pub(super) fn states(&self) -> [MediaState; 2] {
        [self.ends[0].state(), self.ends[1].state()]
    }

    pub(super) fn heard(&self, end: usize) -> usize {
        self.count(end, |event| matches!(event, EngineEvent::Frame { .. }))
    }

    pub(super) fn count(&self, end: usize, is: impl Fn(&EngineEvent) -> bool) -> usize {
        self.events[end].iter().filter(|event| is(event)).count()
    }

    /// Says ten frames on a track, and tells how many the other end hears, on whatever track.
    pub(super) fn talk(&mut self, from: usize, track: Track) -> usize {
        let before = self.heard(1 - from);
        for n in 0..10 {
            self.ends[from].send(self.now, track, &opus(n).into()).unwrap();
            self.run(MS(20));
        }
        self.run(MS(200));
        self.heard(1 - from) - before
    }

    /// Shows pictures, thirty in a second, of which those are seen: their times, by three thousand.
    pub(super) fn show(
        &mut self,
        from: usize,
        track: Track,
        frames: impl Iterator<Item = VideoFrame>,
    ) -> Vec<u64> {
        self.events[1 - from].retain(|event| !matches!(event, EngineEvent::Frame { .. }));
        let mut base = None;
        for frame in frames {
            base = base.or(Some(frame.time / 3000));
            self.ends[from].send(self.now, track, &frame.into()).unwrap();
            self.run(MS(33));
        }
        self.run(MS(600));
        let seen = |event: &EngineEvent| match event {
            EngineEvent::Frame { frame: Frame::Video(frame), .. } => Some(u64::from(frame.data[1])),
            _ => None,
        };
        self.events[1 - from].iter().filter_map(seen).collect()
    }
}
