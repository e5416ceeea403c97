//! RTP of many sources, some of them forged, to their tracks.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::Seed;
use crate::machine::Wake;
use crate::media::{Engine, EngineConfig, LocalKind, MediaState, VideoCodec, WebRtcFactory, Wish};
use crate::sdp::Direction;
use crate::testing::epoch;

const MS: fn(u64) -> Duration = Duration::from_millis;
const CAMERA: Wish = Wish { kind: MediaKind::Video, direction: Direction::SendRecv };
const VIDEO: Track = Track::video(0);
/// The number of packets that are sent again, as we offer it.
const REPAIR: u8 = 97;

/// Two ends with a wire of no length between them; the first shows pictures to the other.
struct Ends {
    now: Instant,
    ends: [WebRtc; 2],
    seen: Vec<VideoFrame>,
    shown: u64,
    /// Packets of pictures so far, of which every seventh is lost.
    packets: u64,
}

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, end as u8 + 1], 1000))
}

/// A description that announces no source.
fn silent(sdp: &str) -> String {
    let lines = sdp.lines().filter(|line| !line.starts_with("a=ssrc"));
    lines.map(|line| format!("{line}\r\n")).collect()
}

impl Ends {
    fn meeting(change: impl Fn(&str) -> String) -> Self {
        let (now, factory) = (epoch(), WebRtcFactory::new());
        let end = |seed: u64| {
            let mut config = EngineConfig::new(Seed::from(seed));
            config.video = vec![VideoCodec::Vp8];
            WebRtc::new(factory.ingredients.clone(), config, now)
        };
        let (ends, seen) = ([end(0), end(1)], Vec::new());
        let mut ends = Self { now, ends, seen, shown: 0, packets: 0 };
        ends.offer(&[CAMERA], change);
        for (n, end) in ends.ends.iter_mut().enumerate() {
            end.add_local(now, &address(n).into(), LocalKind::Host);
            end.local_done(now);
        }
        ends.run(MS(3000));
        assert!(ends.ends.iter().all(|end| end.state() == MediaState::Connected));
        ends
    }

    fn offer(&mut self, wishes: &[Wish], change: impl Fn(&str) -> String) {
        let (now, [a, b]) = (self.now, &mut self.ends);
        let offer = a.create_offer(now, wishes).unwrap();
        b.accept_offer(now, &change(&offer)).unwrap();
        a.accept_answer(now, &b.create_answer(now).unwrap()).unwrap();
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        for steps in 0.. {
            assert!(steps < 100_000, "never asleep");
            let (mut quiet, mut next) = (true, None);
            for end in 0..2 {
                loop {
                    match self.ends[end].poll_output() {
                        EngineOutput::Transmit { local, remote, data } => {
                            quiet = false;
                            let pictures = Header::read(&data).filter(|h| h.payload_type == 96);
                            self.packets += u64::from(pictures.is_some());
                            if pictures.is_none() || !self.packets.is_multiple_of(7) {
                                let now = self.now;
                                self.ends[1 - end].handle_datagram(now, remote, local, &data);
                            }
                        }
                        EngineOutput::Event(EngineEvent::LocalCandidate(told)) => {
                            let other = &mut self.ends[1 - end];
                            other.add_remote_candidate(self.now, &told.candidate).unwrap();
                        }
                        EngineOutput::Event(EngineEvent::Frame {
                            frame: Frame::Video(frame),
                            ..
                        }) => self.seen.push(frame),
                        EngineOutput::Event(_) => {}
                        EngineOutput::Order(_) | EngineOutput::Resolve { .. } => {}
                        EngineOutput::Timeout(wake) => {
                            next = Wake::earliest(next, wake);
                            break;
                        }
                    }
                }
            }
            match next.filter(|wake| wake.at <= until) {
                _ if !quiet => {}
                Some(wake) => {
                    self.now = self.now.max(wake.at);
                    let now = self.now;
                    self.ends.iter_mut().for_each(|end| end.handle_timeout(now));
                }
                None => break,
            }
        }
        self.now = until;
    }

    /// The first end shows pictures, of which the first needs no other. How many are seen.
    fn show(&mut self, pictures: u64) -> usize {
        self.seen.clear();
        for n in 0..pictures {
            let mut data = vec![7; 3000];
            data[0] = u8::from(n > 0);
            let frame = VideoFrame::new(VideoCodec::Vp8, self.shown * 3000, n == 0, data);
            self.shown += 1;
            self.ends[0].send(self.now, VIDEO, &frame.into()).unwrap();
            self.run(MS(33));
        }
        self.run(MS(500));
        self.seen.len()
    }

    fn track(&mut self, end: usize) -> &mut super::super::video::VideoTrack {
        self.ends[end].more.as_mut().unwrap().video.get_mut(&0).unwrap()
    }

    /// The source that the first end shows pictures as from now on, and that of its repairs.
    fn switch(&mut self, source: u32, repair: u32) {
        // Of the first one that is lost, nobody would know.
        self.packets = 0;
        let track = self.track(0);
        let (before, _) = std::mem::replace(&mut track.only.source, (source, repair));
        let mid = track.mid;
        let mut api = self.ends[0].association.as_mut().unwrap().rtc.direct_api();
        api.remove_stream_tx(before.into());
        let stream = api.declare_stream_tx(source.into(), Some(repair.into()), mid, None);
        stream.set_rtx_cache(2000, MS(3000), None);
    }

    /// The other end gets a packet that anybody may have sent.
    fn forge(&mut self, ssrc: u32, sequence: u16) {
        let mut data = vec![0x80, REPAIR];
        data.extend(sequence.to_be_bytes());
        data.extend(1_u32.to_be_bytes());
        data.extend(ssrc.to_be_bytes());
        data.extend([9; 100]);
        self.ends[1].handle_datagram(self.now, address(1), address(0), &data);
    }

    fn owner(&self, source: u32) -> Option<Track> {
        Some(self.ends[1].more.as_ref().unwrap().owner(source)?.track)
    }

    /// The source of repairs of another one, as str0m has it; None where it has neither.
    fn bound(&mut self, main: u32) -> Option<u32> {
        let mut api = self.ends[1].association.as_mut().unwrap().rtc.direct_api();
        api.stream_rx(&main.into())?.rtx().map(|repair| *repair)
    }
}

#[test]
fn forged_repairs_are_not_remembered() {
    let mut ends = Ends::meeting(silent);
    assert_eq!(ends.show(30), 30, "with repairs");
    let (main, repair) = ends.track(0).only.source;
    assert_eq!((ends.track(1).view.seen(), ends.track(1).view.repair), (Some(main), Some(repair)));
    for n in 0..200 {
        ends.forge(1000 + n, n as u16);
        ends.forge(main, n as u16);
        assert_eq!((ends.owner(1000 + n), ends.bound(main)), (None, Some(repair)), "{n}");
    }
    assert_eq!(ends.show(30), 30);
    // And there is room for another track.
    ends.offer(&[CAMERA], silent);
    assert_eq!(ends.show(30), 30);
}

#[test]
fn repairs_that_were_announced_are_the_only_ones() {
    let mut ends = Ends::meeting(str::to_owned);
    assert_eq!(ends.show(30), 30);
    let (main, repair) = ends.track(0).only.source;
    ends.forge(1000, 1);
    assert_eq!((ends.owner(1000), ends.bound(main)), (None, Some(repair)));
    assert_eq!((ends.owner(repair), ends.track(1).view.repair), (Some(VIDEO), None));
    // Neither announced any more nor seen; it is found again.
    ends.offer(&[], silent);
    assert_eq!((ends.owner(repair), ends.owner(main)), (None, Some(VIDEO)));
    assert_eq!(ends.show(30), 30);
    assert_eq!(ends.track(1).view.repair, Some(repair));
}

#[test]
fn sources_that_change_with_each_speaker_leave_nothing_behind() {
    for change in [silent, str::to_owned] {
        let mut ends = Ends::meeting(change);
        for n in 0..140 {
            assert_eq!(ends.show(3), 3, "speaker {n}");
            let (main, repair) = ends.track(0).only.source;
            ends.run(MS(1000));
            ends.switch(5000 + 2 * n, 5001 + 2 * n);
            assert_eq!(ends.show(3), 3, "speaker {n}, another source");
            assert_eq!((ends.owner(main), ends.owner(repair)), (None, None), "{n}");
            let mut api = ends.ends[1].association.as_mut().unwrap().rtc.direct_api();
            assert!(api.stream_rx(&main.into()).is_none(), "{n}");
        }
        assert_eq!(ends.show(30), 30, "with the repairs of the last one");
        let (_, repair) = ends.track(0).only.source;
        assert_eq!(ends.track(1).view.repair, Some(repair));
    }
}
