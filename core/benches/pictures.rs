//! The cost of pictures that nobody encodes: cut into packets, against the whole way to the socket; and four screens in
//! one session, against the time in which they are shown. The sockets themselves do not count.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark reads the clock and prints"
)]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/common/wires.rs"]
mod wires;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::media::rtp::pictures;
use offhook::media::{EngineConfig, MediaKind, Track, VideoCodec, VideoFrame, Wish};
use offhook::sdp::Direction;
use offhook::video::{Size, pattern};
use wires::Wires;

/// Pictures that are cut and sent in turn; each is of that many bytes.
const PICTURES: usize = 401;
const BYTES: usize = 40_000;
/// The goal for a packet.
const PACKET: Duration = Duration::from_micros(1);

const SCREENS: u8 = 4;
/// Pictures of each in a second, and their bytes: 0.8 Mbit/s a screen.
const RATE: u32 = 10;
const SCREEN_BYTES: usize = 10_000;
const SECONDS: usize = 61;
/// The most of a core that they may take, in percent.
const SHARE: f64 = 3.0;

fn main() {
    for codec in [VideoCodec::Vp8, VideoCodec::H264] {
        cutting(codec);
    }
    recording();
}

/// A picture of one slice: its numbers are those of a key frame, the rest is noise.
fn picture(codec: VideoCodec, time: u64, bytes: usize) -> VideoFrame {
    let size = Size { width: 1280, height: 720 };
    match codec {
        VideoCodec::H264 => {
            let head = [&[0, 0, 0, 1, 0x65][..], &vec![0x5a; bytes]].concat();
            VideoFrame::new(codec, time, true, head)
        }
        _ => pattern::frame_of_length(size, time as u32, time, bytes).expect("a size"),
    }
}

/// Cuts a picture and sends it, in turn.
fn cutting(codec: VideoCodec) {
    let mut wires = session(codec, 1);
    let mut rounds: Vec<_> = (0..PICTURES as u64)
        .map(|n| {
            let frame = picture(codec, n * 9_000, BYTES);
            let began = Instant::now();
            let packets = black_box(pictures::cut(codec, black_box(&frame.data))).len();
            let cut = began.elapsed();
            let before = wires.ends[0].worked;
            wires.show(0, Track::video(0), frame);
            wires.run(Duration::from_millis(100));
            let sent = wires.ends[0].worked - before;
            let each = |time: Duration| time / u32::try_from(packets).unwrap_or(1);
            (each(cut), each(sent), packets)
        })
        .collect();
    assert!(wires.ends[1].heard.len() * 10 > PICTURES * 9, "they are seen");
    rounds.sort_unstable();
    let (cut, sent, packets) = rounds[PICTURES / 2];
    println!(
        "{codec:?}, a picture of {packets} packets: {cut:.0?} a packet to cut (target {PACKET:?}), {:.3}x of what it takes to send it ({sent:.2?})",
        cut.as_secs_f64() / sent.as_secs_f64(),
    );
}

/// Four screens in one session, as a recorder has them.
fn recording() {
    let mut wires = session(VideoCodec::Vp8, SCREENS);
    let mut time = 0;
    let mut spent: Vec<_> = (0..SECONDS)
        .map(|_| {
            let before = wires.ends[0].worked;
            for _ in 0..RATE {
                time += u64::from(90_000 / RATE);
                for screen in 0..SCREENS {
                    let frame = picture(VideoCodec::Vp8, time, SCREEN_BYTES);
                    wires.show(0, Track::video(screen), frame);
                }
                wires.run(Duration::from_secs(1) / RATE);
            }
            wires.ends[0].worked - before
        })
        .collect();
    let shown = SECONDS * RATE as usize * usize::from(SCREENS);
    assert!(wires.ends[1].heard.len() * 10 > shown * 9, "they are seen");
    spent.sort_unstable();
    let second = spent[SECONDS / 2];
    println!(
        "{SCREENS} screens, {RATE} pictures of {SCREEN_BYTES} bytes a second each: {:.2} % of a core (target {SHARE} %; {second:.2?} for a second)",
        second.as_secs_f64() * 100.0,
    );
}

/// A session that is up, with tracks of pictures from the first end to the second.
fn session(codec: VideoCodec, tracks: u8) -> Wires {
    let config = |seed| EngineConfig::new(Seed::from(seed)).video([codec]);
    let wish = Wish { kind: MediaKind::Video, direction: Direction::SendOnly };
    let here = SocketAddr::from(([10, 0, 0, 7], 4000));
    let wishes = vec![wish; usize::from(tracks)];
    let way = Duration::from_millis(5);
    let mut wires = Wires::with(way, [config(1), config(2)], &[here], &wishes);
    wires.connect();
    wires
}
