//! Sounds that are played into calls (w4.9).

use std::time::Duration;

use super::rig::Rig;
use crate::machine::{Input, TrackId as MediaTrack};
use crate::media::{AudioCodec, AudioFrame, MediaKind};
use crate::ribbon::{
    AudioSource, CallCode, CallId, CallMedia, Command, Event, Outcome, TrackId, WebRtcCode,
};

/// A WAV file of so many milliseconds.
fn wav(ms: usize) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let pcm: Vec<i16> = (0..48 * ms).map(|n| ((n % 96) as i16 - 48) * 200).collect();
    crate::audio::wav::write(&mut file, &pcm).unwrap();
    file.into_inner()
}

#[test]
fn ra_029_a_file_is_played_in_place_of_the_application_which_goes_on_after_it() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.datagram(b"connected");
    let track = MediaTrack::audio(rig.client.call(&call).unwrap().media.unwrap());
    let source = AudioSource::wav(&wav(1000)[..]).unwrap();
    assert_eq!(source.duration(), Duration::from_secs(1));
    let speak = |rig: &mut Rig, time: u64| {
        let before = rig.packets;
        let frame = AudioFrame {
            codec: AudioCodec::Opus,
            time,
            lost_before: 0,
            talkspurt: false,
            data: b"word"[..].into(),
        };
        rig.input(Input::Frame { track, frame: frame.into() });
        rig.packets - before
    };
    assert_eq!(speak(&mut rig, 0), 1);

    rig.told();
    let play = Command::PlayAudio { call: call.clone(), source: source.clone() };
    let before = rig.packets;
    let command = rig.submit(play.clone()).unwrap();
    let told = rig.told();
    let duration = source.duration();
    let started = Event::PlaybackStarted { call: call.clone(), duration };
    assert!(told[0] == "PLAY_AUDIO START" && told[1] == format!("{started:?}"), "{told:?}");
    let refused = rig.submit(play).unwrap_err();
    assert_eq!(refused.code, CallCode::InvalidState.into(), "one at a time");

    rig.pass(Duration::from_millis(500));
    let half = rig.packets - before;
    assert!((24..=27).contains(&half), "{half} frames in half a second");
    assert_eq!(rig.completion(command), None);
    assert_eq!(speak(&mut rig, 960), 0, "the sound is in its place");
    rig.pass(Duration::from_millis(500));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.packets - before, 50);
    assert!(rig.client.call(&call).unwrap().operations.is_empty());
    assert_eq!(speak(&mut rig, 1920), 1, "its own source is back");
    rig.pass(Duration::from_secs(5));
    assert_eq!(rig.packets - before, 51, "nothing is left of it");
}

#[test]
fn ra_029_what_cannot_be_played_is_refused_and_a_call_that_ends_ends_it() {
    for bytes in [&b"no sound"[..], &wav(0), &[]] {
        let error = AudioSource::wav(bytes).unwrap_err();
        assert_eq!(error.code, CallCode::InvalidParam.into());
    }
    let mut rig = Rig::up();
    let source = AudioSource::wav(&wav(10_000)[..]).unwrap();
    let play = |call: &CallId| Command::PlayAudio { call: call.clone(), source: source.clone() };
    let unknown = rig.submit(play(&CallId::from("x"))).unwrap_err();
    assert_eq!(unknown.code, CallCode::InvalidParam.into());
    let ringing = rig.ringing();
    let refused = rig.submit(play(&ringing)).unwrap_err();
    assert_eq!(refused.code, CallCode::InvalidState.into());

    let mut rig = Rig::up();
    let call = rig.connected();
    let command = rig.submit(play(&call)).unwrap();
    rig.pass(Duration::from_secs(1));
    rig.submit(Command::End { call }).unwrap();
    let ended = rig.completion(command).unwrap().unwrap_err();
    assert_eq!(ended.code, CallCode::InvalidState.into());
    rig.pass(Duration::from_secs(20));
}

#[test]
fn ra_029_frames_of_media_of_our_own_are_played_for_a_while() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.datagram(b"connected");
    let made = rig.at_once(Command::CreateLocalMedia(CallMedia::VIDEO));
    let Outcome::DetachedMedia(made) = made else { panic!("{made:?}") };
    let of = |kind| made.iter().find(|one| one.kind == kind).unwrap();
    let (music, pictures) = (of(MediaKind::Audio), of(MediaKind::Video));
    let second = Duration::from_secs(1);
    let frames = |track: &TrackId| AudioSource::frames(track.clone(), second).unwrap();
    for odd in [Duration::ZERO, Duration::from_secs(3601)] {
        assert!(AudioSource::frames(music.track.clone(), odd).is_err());
    }
    let play = |source| Command::PlayAudio { call: call.clone(), source };
    let nobodys = rig.submit(play(frames(&TrackId::from("x")))).unwrap_err();
    assert_eq!(nobodys.code, WebRtcCode::InvalidTrackId.into());
    let silent = rig.submit(play(frames(&pictures.track))).unwrap_err();
    assert_eq!(silent.code, WebRtcCode::InvalidParam.into());

    let ours = MediaTrack::audio(rig.client.call(&call).unwrap().media.unwrap());
    let speak = |rig: &mut Rig, track: MediaTrack| {
        let before = rig.packets;
        let frame = AudioFrame {
            codec: AudioCodec::Opus,
            time: 0,
            lost_before: 0,
            talkspurt: false,
            data: b"word"[..].into(),
        };
        rig.input(Input::Frame { track, frame: frame.into() });
        rig.packets - before
    };
    assert_eq!((speak(&mut rig, ours), speak(&mut rig, music.frames)), (1, 0));
    rig.told();
    let command = rig.submit(play(frames(&music.track))).unwrap();
    let started = Event::PlaybackStarted { call: call.clone(), duration: second };
    assert_eq!(rig.told()[1], format!("{started:?}"));
    assert_eq!((speak(&mut rig, ours), speak(&mut rig, music.frames)), (0, 1));
    rig.pass(Duration::from_millis(999));
    assert_eq!((speak(&mut rig, ours), speak(&mut rig, music.frames)), (0, 1));
    assert_eq!(rig.completion(command), None);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!((speak(&mut rig, ours), speak(&mut rig, music.frames)), (1, 0), "as before");
}
