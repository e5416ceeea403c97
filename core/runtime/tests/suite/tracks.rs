//! Tracks of any kind in the application's hands.

use bytes::Bytes;
use futures_util::FutureExt as _;
use offhook::machine::{Frame, MediaId, MediaKind, Track, TrackId};
use offhook::media::{AudioCodec, AudioFrame, VideoCodec, VideoFrame};
use offhook::{Input, Output};
use offhook_runtime::{SendError, Sockets, VIDEO_QUEUE};

use super::puppet::{Saw, Stage, within};

const MEDIA: MediaId = MediaId(5);
const CAMERA: TrackId = TrackId { media: MEDIA, track: Track::video(0) };
const SCREEN: TrackId = TrackId { media: MEDIA, track: Track::video(1) };
const SECOND: TrackId = TrackId { media: MEDIA, track: Track::audio(1) };

fn picture(time: u64, keyframe: bool) -> Frame {
    VideoFrame::new(VideoCodec::Vp8, time, keyframe, &b"picture"[..]).into()
}

fn sound(time: u64) -> Frame {
    let (codec, data) = (AudioCodec::Opus, Bytes::from_static(b"speech"));
    AudioFrame { codec, time, lost_before: 0, talkspurt: false, data }.into()
}

pub(crate) async fn tracks_of_each_kind_flow_both_ways_and_end_with_their_session<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let other = TrackId { media: MediaId(6), ..CAMERA };
    let tracks = [CAMERA, SCREEN, SECOND, TrackId::audio(MEDIA), other];
    let mut taken = tracks.map(|track| stage.handle.track(track));
    for (n, (track, frames)) in (0..).zip(tracks.iter().zip(&mut taken)) {
        let frame = match track.track.kind {
            MediaKind::Audio => sound(n),
            MediaKind::Video => picture(n, true),
        };
        stage.make(Output::Frame { track: *track, frame: frame.clone() }).await;
        assert_eq!(within::<R, _>(frames.stream.next()).await, Some(frame.clone()));
        within::<R, _>(frames.sink.send(frame.clone())).await.expect("the session lives");
        match stage.input().await {
            Input::Frame { track: sent, frame: same } => assert_eq!((sent, same), (*track, frame)),
            other => panic!("{other:?}"),
        }
    }
    // Each had its own alone.
    for frames in &mut taken {
        assert!(frames.stream.next().now_or_never().is_none());
    }
    stage.make(Output::Frame { track: SECOND, frame: sound(7) }).await;
    stage.make(Output::Event(Saw::MediaEnded(MEDIA))).await;
    let [camera, screen, second, first, other] = &mut taken;
    assert_eq!(within::<R, _>(second.stream.next()).await, Some(sound(7)), "what is queued");
    for frames in [camera, screen, second, first] {
        assert_eq!(within::<R, _>(frames.stream.next()).await, None);
        assert_eq!(within::<R, _>(frames.sink.send(sound(8))).await, Err(SendError::Ended));
    }
    stage.make(Output::Frame { track: tracks[4], frame: picture(9, true) }).await;
    assert_eq!(within::<R, _>(other.stream.next()).await, Some(picture(9, true)));
    let mut late = stage.handle.track(CAMERA);
    assert_eq!(within::<R, _>(late.stream.next()).await, None);
}

pub(crate) async fn a_track_taken_again_ends_the_pair_before<R: Sockets>() {
    let stage = Stage::<R>::new();
    let mut first = stage.handle.track(CAMERA);
    let mut second = stage.handle.track(CAMERA);
    assert_eq!(within::<R, _>(first.stream.next()).await, None);
    stage.make(Output::Frame { track: CAMERA, frame: picture(1, true) }).await;
    assert_eq!(within::<R, _>(second.stream.next()).await, Some(picture(1, true)));
    // A call's audio is the first track of audio.
    let mut audio = stage.handle.audio(MEDIA);
    let mut track = stage.handle.track(TrackId::audio(MEDIA));
    assert_eq!(within::<R, _>(audio.stream.next()).await, None);
    let audio = stage.handle.audio(MEDIA);
    assert_eq!(within::<R, _>(track.stream.next()).await, None);
    drop(audio);
    stage.make(Output::Frame { track: CAMERA, frame: picture(2, false) }).await;
    assert_eq!(within::<R, _>(second.stream.next()).await, Some(picture(2, false)));
}

pub(crate) async fn unread_pictures_lose_the_oldest_and_all_that_build_on_it<R: Sockets>() {
    let stage = Stage::<R>::new();
    let mut frames = stage.handle.track(CAMERA);
    let all = VIDEO_QUEUE as u64 + 5;
    for time in 0..all {
        stage
            .make(Output::Frame { track: CAMERA, frame: picture(time, time.is_multiple_of(30)) })
            .await;
    }
    for time in 30..all {
        match within::<R, _>(frames.stream.next()).await {
            Some(Frame::Video(frame)) => {
                assert_eq!((frame.time, frame.lost_before), (time, time == 30));
            }
            other => panic!("{other:?}"),
        }
    }
}
