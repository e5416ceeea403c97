//! Tracks, pictures and data channels, on either engine.

use std::collections::BTreeMap;

use offhook::media::{
    ChannelId, ChannelMessage, EngineEvent, EngineFactory, Frame, MAX_CHANNELS, MAX_TRACKS,
    MediaError, MediaKind, MediaState, Track, Wish,
};
use offhook::sdp::Direction;

use super::wire::{CAMERA, MS, VIDEO, Wire, meets, on_both, vp8};

on_both! {
    tracks_go_both_ways_by_their_names,
    a_track_is_added_held_turned_off_and_put_back,
    what_a_telephone_has_not_is_turned_down,
    what_is_lost_breaks_the_pictures_until_one_that_needs_no_other,
    rfc_4585_6_3_1_key_frames_are_asked_for_at_most_so_often,
    muted_pictures_go_on_with_a_key_frame,
    rfc_8831_messages_go_both_ways_in_order_whatever_is_lost,
    channels_are_bounded_and_end_with_their_section,
    a_buffer_that_is_full_refuses_messages_and_loses_none,
    an_engine_has_so_many_tracks_at_most,
}

const SCREEN: Wish = Wish { kind: MediaKind::Video, direction: Direction::SendOnly };

fn news(wire: &mut Wire, end: usize) -> Vec<String> {
    let news = |event| match event {
        EngineEvent::TrackAdded(info) => Some(format!("+{:?} {}", info.track, info.direction)),
        EngineEvent::TrackChanged(info) => Some(format!("~{:?} {}", info.track, info.direction)),
        EngineEvent::TrackRemoved(track) => Some(format!("-{track:?}")),
        _ => None,
    };
    std::mem::take(&mut wire.events[end]).into_iter().filter_map(news).collect()
}

fn wanted(wire: &Wire, end: usize) -> usize {
    wire.count(end, |event| matches!(event, EngineEvent::KeyframeWanted(_)))
}

fn tracks_go_both_ways_by_their_names(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO, CAMERA, SCREEN]);
    let told = ["+audio 0 sendrecv", "+video 0 sendrecv", "+video 1 sendonly"];
    assert_eq!(news(&mut wire, 0), told);
    let told = ["+audio 0 sendrecv", "+video 0 sendrecv", "+video 1 recvonly"];
    assert_eq!(news(&mut wire, 1), told);
    wire.negotiate(1, &[Wish::AUDIO]).unwrap();
    for end in &wire.ends {
        let tracks: Vec<_> = end.tracks().into_iter().map(|info| info.track).collect();
        assert_eq!(tracks, [Track::AUDIO, VIDEO, Track::video(1), Track::audio(1)]);
    }
    for from in [0, 1] {
        for track in [Track::AUDIO, Track::audio(1)] {
            assert_eq!(wire.talk(from, track), 10, "{from} {track:?}");
            let on = |event: &EngineEvent| matches!(event, EngineEvent::Frame { track: on, .. } if *on == track);
            assert_eq!(wire.count(1 - from, on), 10, "on that one alone");
            wire.events[1 - from].clear();
        }
        let seen = wire.show(from, VIDEO, (0..10).map(|n| vp8(n, n == 0)));
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        let stats = wire.ends[1 - from].track_stats(VIDEO).unwrap();
        assert_eq!((stats.frames_received, stats.keyframes_received, stats.breaks), (10, 1, 0));
        let stats = wire.ends[from].track_stats(VIDEO).unwrap();
        assert_eq!((stats.frames_sent, stats.keyframes_sent), (10, 1));
    }
    let seen = wire.show(1, Track::video(1), (0..3).map(|n| vp8(n, true)));
    assert!(seen.is_empty(), "the direction forbids it");
    assert_eq!(wire.show(0, Track::video(1), (0..3).map(|n| vp8(n, true))).len(), 3);
    assert_eq!(wire.ends[0].track_stats(Track::video(9)), None);
}

fn a_track_is_added_held_turned_off_and_put_back(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO]);
    news(&mut wire, 0);
    news(&mut wire, 1);
    wire.negotiate(0, &[CAMERA]).unwrap();
    assert_eq!(news(&mut wire, 0), ["+video 0 sendrecv"]);
    assert_eq!(wire.show(0, VIDEO, (0..5).map(|n| vp8(n, n == 0))).len(), 5);
    wire.ends[0].set_direction(VIDEO, Direction::Inactive);
    wire.negotiate(0, &[]).unwrap();
    assert_eq!(news(&mut wire, 1), ["+video 0 sendrecv", "~video 0 inactive"]);
    assert!(wire.show(0, VIDEO, (5..8).map(|n| vp8(n, true))).is_empty());
    wire.ends[0].set_direction(VIDEO, Direction::SendRecv);
    wire.negotiate(0, &[]).unwrap();
    assert_eq!(wire.show(0, VIDEO, (8..12).map(|n| vp8(n, n == 9))), [9, 10, 11]);
    // The far side turns it off.
    news(&mut wire, 0);
    let offer = wire.ends[0].create_offer(wire.now, &[]).unwrap();
    wire.ends[1].accept_offer(wire.now, &offer).unwrap();
    let answer = wire.ends[1].create_answer(wire.now).unwrap();
    let answer = answer.replace("m=video 9", "m=video 0");
    wire.ends[0].accept_answer(wire.now, &answer).unwrap();
    wire.run(MS(100));
    assert_eq!(news(&mut wire, 0), ["-video 0"]);
    let gone = wire.ends[0].send(wire.now, VIDEO, &vp8(12, true).into());
    assert_eq!(gone, Err(MediaError::NotNegotiated("VP8")));
    let offer = wire.ends[0].create_offer(wire.now, &[]).unwrap();
    assert!(offer.contains("\r\nm=video 0 "), "it keeps its place: {offer}");
    wire.ends[0].rollback(wire.now).unwrap();
    wire.negotiate(1, &[]).unwrap();
    assert_eq!(news(&mut wire, 0), ["+video 0 sendrecv"], "as what it was");
    assert_eq!(wire.show(0, VIDEO, (20..25).map(|n| vp8(n, n == 20))).len(), 5);
    // One that is offered and taken back is not there.
    let before = wire.ends[0].tracks();
    wire.ends[0].create_offer(wire.now, &[CAMERA]).unwrap();
    wire.ends[0].rollback(wire.now).unwrap();
    assert_eq!(wire.ends[0].tracks(), before);
    assert_eq!(wire.talk(0, Track::AUDIO), 10, "audio went on");
}

fn what_a_telephone_has_not_is_turned_down(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::with(factory, |end, config| if end == 0 { meets(config) } else { config });
    wire.gather();
    let (_, answer) = wire.negotiate(0, &[CAMERA, Wish::AUDIO, SCREEN]).unwrap();
    assert_eq!(answer.matches("m=video 0 ").count(), 2, "{answer}");
    assert!(answer.contains("m=application 0 "));
    wire.run(MS(3000));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    for end in [0, 1] {
        assert_eq!(news(&mut wire, end), ["+audio 0 sendrecv"]);
        assert_eq!(wire.talk(end, Track::AUDIO), 10);
        assert!(wire.ends[end].open_channel(wire.now, "x").is_err());
    }
    let video = wire.ends[0].send(wire.now, VIDEO, &vp8(0, true).into());
    assert_eq!(video, Err(MediaError::NotNegotiated("VP8")));
    let b = &mut wire.ends[1];
    let none = Err(MediaError::NotNegotiated("video"));
    assert_eq!(b.create_offer(wire.now, &[CAMERA]), none);
    assert_eq!(b.create_offer(wire.now, &[Wish::AUDIO]), Err(MediaError::TooMany("tracks")));
    let (offer, _) = wire.negotiate(1, &[]).unwrap();
    assert_eq!(offer.matches("m=").count(), 4, "what is off keeps its place: {offer}");
    assert_eq!(wire.talk(1, Track::AUDIO), 10);
}

fn what_is_lost_breaks_the_pictures_until_one_that_needs_no_other(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[CAMERA]);
    assert_eq!(wire.show(0, VIDEO, (0..10).map(|n| vp8(n, n == 0))).len(), 10);
    wire.events[0].clear();
    wire.cut = true;
    wire.show(0, VIDEO, (10..20).map(|n| vp8(n, false)));
    // Longer than packets are kept to be sent again.
    wire.run(MS(4000));
    wire.cut = false;
    assert!(wire.show(0, VIDEO, (20..40).map(|n| vp8(n, false))).is_empty());
    assert!((1..=4).contains(&wanted(&wire, 0)), "{}", wanted(&wire, 0));
    assert_eq!(wire.show(0, VIDEO, (40..50).map(|n| vp8(n, n == 40))).len(), 10);
    let frames = wire.events[1].iter().filter_map(|event| match event {
        EngineEvent::Frame { frame: Frame::Video(frame), .. } => Some(frame.lost_before),
        _ => None,
    });
    let lost: Vec<bool> = frames.collect();
    assert!(lost[0] && !lost[1..].contains(&true), "told once: {lost:?}");
    assert_eq!(wire.ends[1].track_stats(VIDEO).unwrap().breaks, 1);
}

fn rfc_4585_6_3_1_key_frames_are_asked_for_at_most_so_often(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO, CAMERA]);
    for (track, kind) in [(Track::AUDIO, "audio"), (Track::video(7), "video")] {
        let none = Err(MediaError::NotNegotiated(kind));
        assert_eq!(wire.ends[1].request_keyframe(wire.now, track), none);
    }
    wire.show(0, VIDEO, (0..3).map(|n| vp8(n, n == 0)));
    wire.events[0].clear();
    for _ in 0..100 {
        wire.ends[1].request_keyframe(wire.now, VIDEO).unwrap();
        wire.run(MS(10));
    }
    wire.run(MS(1000));
    assert!((3..=5).contains(&wanted(&wire, 0)), "{} in a second", wanted(&wire, 0));
}

fn muted_pictures_go_on_with_a_key_frame(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[CAMERA]);
    assert_eq!(wire.show(0, VIDEO, (0..5).map(|n| vp8(n, n == 0))).len(), 5);
    wire.events[0].clear();
    wire.ends[0].set_muted(VIDEO, true);
    assert!(wire.show(0, VIDEO, (5..10).map(|n| vp8(n, n == 6))).is_empty());
    assert_eq!(wanted(&wire, 0), 0, "nobody wants one now");
    wire.ends[0].set_muted(VIDEO, false);
    assert!(wire.show(0, VIDEO, (10..12).map(|n| vp8(n, false))).is_empty());
    assert!((1..=3).contains(&wanted(&wire, 0)));
    assert_eq!(wire.show(0, VIDEO, (12..15).map(|n| vp8(n, n == 12))), [12, 13, 14]);
    // Muted audio and back wakes nobody.
    wire.negotiate(0, &[Wish::AUDIO]).unwrap();
    wire.ends[0].set_muted(Track::AUDIO, true);
    assert_eq!(wire.talk(0, Track::AUDIO), 0);
    wire.ends[0].set_muted(Track::AUDIO, false);
    assert_eq!(wire.talk(0, Track::AUDIO), 10);
}

/// The channels that an end was told of, and the messages on each.
fn channels(wire: &Wire, end: usize) -> BTreeMap<ChannelId, (String, Vec<ChannelMessage>)> {
    let mut channels = BTreeMap::new();
    for event in &wire.events[end] {
        match event {
            EngineEvent::ChannelOpened { channel, label } => {
                let new = channels.insert(*channel, (label.clone(), Vec::new()));
                assert!(new.is_none(), "opened once");
            }
            EngineEvent::ChannelMessage { channel, message } => {
                channels.get_mut(channel).expect("open").1.push(message.clone());
            }
            _ => {}
        }
    }
    channels
}

fn rfc_8831_messages_go_both_ways_in_order_whatever_is_lost(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO]);
    wire.lossy = 4;
    let first = wire.ends[0].open_channel(wire.now, "first").unwrap();
    let second = wire.ends[0].open_channel(wire.now, "second").unwrap();
    let back = wire.ends[1].open_channel(wire.now, "back").unwrap();
    let text = |n: u8| ChannelMessage::Text(format!("message {n}"));
    let none = Err(MediaError::NotNegotiated("a data channel"));
    assert_eq!(wire.ends[0].send_message(wire.now, first, &text(0)), none, "not open yet");
    wire.run(MS(10_000));
    let labels = |wire: &Wire, end| -> Vec<String> {
        let mut labels: Vec<_> =
            channels(wire, end).into_values().map(|(label, _)| label).collect();
        labels.sort();
        labels
    };
    for end in [0, 1] {
        assert_eq!(labels(&wire, end), ["back", "first", "second"]);
    }
    let binary = |n: u8| ChannelMessage::Binary(vec![n; 3000].into());
    let message = |n: u8| if n.is_multiple_of(2) { text(n) } else { binary(n) };
    for n in 0..20 {
        let now = wire.now;
        wire.ends[0].send_message(now, if n < 10 { first } else { second }, &message(n)).unwrap();
        wire.ends[1].send_message(now, back, &message(n)).unwrap();
        wire.run(MS(20));
    }
    wire.run(MS(30_000));
    let heard = |end, label: &str| {
        let all = channels(&wire, end);
        all.into_values().find(|(known, _)| known == label).map(|(_, heard)| heard).unwrap()
    };
    assert_eq!(heard(1, "first"), (0..10).map(message).collect::<Vec<_>>());
    assert_eq!(heard(1, "second"), (10..20).map(message).collect::<Vec<_>>());
    assert_eq!(heard(0, "back"), (0..20).map(message).collect::<Vec<_>>());
    let long = ChannelMessage::Binary(vec![0; 70_000].into());
    let refused = Err(MediaError::TooMany("bytes in a message"));
    assert_eq!(wire.ends[0].send_message(wire.now, first, &long), refused);
}

fn channels_are_bounded_and_end_with_their_section(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO]);
    for n in 0..MAX_CHANNELS {
        wire.ends[0].open_channel(wire.now, &n.to_string()).unwrap();
    }
    let refused = Err(MediaError::TooMany("data channels"));
    assert_eq!(wire.ends[0].open_channel(wire.now, "more"), refused);
    wire.run(MS(2000));
    assert_eq!(channels(&wire, 1).len(), MAX_CHANNELS);
    assert_eq!(wire.ends[1].open_channel(wire.now, "more"), refused);
    let offer = wire.ends[1].create_offer(wire.now, &[]).unwrap();
    let off = offer.replace("m=application 9", "m=application 0");
    wire.ends[0].accept_offer(wire.now, &off).unwrap();
    let answer = wire.ends[0].create_answer(wire.now).unwrap();
    wire.ends[1].accept_answer(wire.now, &answer).unwrap();
    wire.run(MS(1000));
    for end in [0, 1] {
        let closed = wire.count(end, |event| matches!(event, EngineEvent::ChannelClosed(_)));
        assert_eq!(closed, MAX_CHANNELS);
        assert!(wire.ends[end].open_channel(wire.now, "x").is_err());
    }
}

fn a_buffer_that_is_full_refuses_messages_and_loses_none(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO]);
    let bulk = wire.ends[0].open_channel(wire.now, "bulk").unwrap();
    wire.run(MS(1000));
    let message = ChannelMessage::Binary(vec![7; 60_000].into());
    let mut taken = 0;
    while wire.ends[0].send_message(wire.now, bulk, &message).is_ok() {
        taken += 1;
        assert!(taken < 1000, "it has no end");
    }
    let refused = Err(MediaError::TooMany("messages"));
    assert_eq!(wire.ends[0].send_message(wire.now, bulk, &message), refused);
    wire.run(MS(20_000));
    let heard: usize = channels(&wire, 1).values().map(|(_, heard)| heard.len()).sum();
    assert_eq!(heard, taken);
}

fn an_engine_has_so_many_tracks_at_most(factory: &mut dyn EngineFactory) {
    let mut wire = Wire::meeting(factory, &[Wish::AUDIO]);
    let refused = Err(MediaError::TooMany("tracks"));
    assert_eq!(wire.ends[0].create_offer(wire.now, &[SCREEN; MAX_TRACKS]), refused);
    wire.negotiate(0, &[SCREEN; MAX_TRACKS - 1]).unwrap();
    assert_eq!(wire.ends[1].tracks().len(), MAX_TRACKS);
    assert_eq!(wire.ends[1].create_offer(wire.now, &[CAMERA]), refused);
    wire.negotiate(1, &[]).unwrap();
}
