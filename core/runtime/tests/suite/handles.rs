//! The application's handles: commands, events, audio, and letting go of them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use offhook::machine::{Frame, HttpId, MediaId, TrackId, UdpId, WsEvent, WsId};
use offhook::media::{AudioCodec, AudioFrame};
use offhook::net::NetOptions;
use offhook::{Input, Output};
use offhook_runtime::{AUDIO_QUEUE, EVENT_QUEUE, SendError, Sockets, WaitError};

use super::puppet::{AMPLE, Fate, Fault, Manners, Pull, Saw, Stage, open, within};
use super::servers::{self, Server};

const MEDIA: MediaId = MediaId(5);

fn frame(time: u64) -> AudioFrame {
    AudioFrame {
        codec: AudioCodec::Opus,
        time,
        lost_before: 0,
        talkspurt: false,
        data: Bytes::from_static(b"speech"),
    }
}

pub(crate) async fn a_wake_up_comes_once_and_never_early<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    for delay in [Duration::from_millis(30), Duration::ZERO] {
        let at = Instant::now() + delay;
        within::<R, _>(stage.handle.submit(Pull::WakeAt(at))).await.expect("taken");
        match stage.saw().await {
            Saw::Input(Input::Timeout, now) => assert!(now >= at),
            other => panic!("{other:?}"),
        }
    }
    // No wake-up is wanted now, so the next thing is not one.
    within::<R, _>(stage.handle.submit(Pull::Chatter(1))).await.expect("taken");
    assert!(matches!(stage.saw().await, Saw::Chatter(0)));
}

pub(crate) async fn a_command_is_refused_at_once_or_completes_later<R: Sockets>() {
    let stage = Stage::<R>::new();
    let refused = within::<R, _>(stage.handle.submit(Pull::Refuse)).await;
    assert_eq!(refused, Err(Fault::Refused));
    let replies: Vec<_> = (0..50).map(|_| stage.handle.submit(Pull::Chatter(1))).collect();
    for reply in replies.into_iter().rev() {
        assert_eq!(within::<R, _>(reply).await, Ok(()));
    }
}

pub(crate) async fn a_dropped_completion_takes_nothing_back<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    drop(stage.handle.submit(Pull::Chatter(2)));
    for n in 0..2 {
        assert!(matches!(stage.saw().await, Saw::Chatter(told) if told == n));
    }
    drop(stage.handle.submit(Pull::Hang));
    assert_eq!(within::<R, _>(stage.handle.submit(Pull::Chatter(0))).await, Ok(()));
}

pub(crate) async fn either_handle_keeps_the_driver<R: Sockets>() {
    let Stage { handle, events, fate, .. } = Stage::<R>::new();
    drop(events);
    let other = handle.clone();
    drop(handle);
    assert_eq!(within::<R, _>(other.submit(Pull::Chatter(9))).await, Ok(()));
    drop(other);
    Stage::<R>::expect_fate(&fate, &[Fate::Farewell, Fate::Dropped]);

    let Stage { handle, mut events, fate, .. } = Stage::<R>::new();
    let at = Instant::now() + Duration::from_millis(20);
    drop(handle.submit(Pull::WakeAt(at)));
    drop(handle);
    let woken = within::<R, _>(events.next()).await;
    assert!(matches!(woken, Some(Saw::Input(Input::Timeout, _))));
    assert!(fate.try_recv().is_err());
    drop(events);
    Stage::<R>::expect_fate(&fate, &[Fate::Farewell, Fate::Dropped]);
}

pub(crate) async fn dropping_everything_says_farewell_and_ends_at_every_stage<R: Sockets>() {
    for stages in 0..8 {
        let bind = [[127, 0, 0, 1]];
        let mut stage = Stage::<R>::with(NetOptions::default().bind(bind));
        // Each server ends only when its client has hung up.
        let opening = servers::silent();
        let asked = servers::silent();
        let talking = Server::websocket(|mut socket| while socket.read().is_ok() {});
        let mut audio = None;
        if stages > 0 {
            stage.make(open(WsId(1), &opening.url("ws"), AMPLE)).await;
        }
        if stages > 1 {
            stage.make(open(WsId(2), &talking.url("ws"), AMPLE)).await;
        }
        if stages > 2 {
            assert!(matches!(stage.websocket(WsId(2)).await, WsEvent::Opened { .. }));
        }
        if stages > 3 {
            let request = Request::get(asked.url("http")).body(Vec::new()).expect("a request");
            let deadline = Instant::now() + Duration::from_secs(1);
            stage.make(Output::Http { id: HttpId(1), request, deadline }).await;
        }
        if stages > 4 {
            stage.make(Output::OpenUdp { id: UdpId(1), from: None, dscp: None }).await;
        }
        if stages > 5 {
            audio = Some(stage.handle.audio(MEDIA));
        }
        let hanging = (stages > 6).then(|| stage.handle.submit(Pull::Hang));

        let Stage { handle, events, fate, .. } = stage;
        drop((handle, events));
        Stage::<R>::expect_fate(&fate, &[Fate::Farewell, Fate::Dropped]);
        if let Some(mut audio) = audio {
            assert!(within::<R, _>(audio.stream.next()).await.is_none());
            assert_eq!(within::<R, _>(audio.sink.send(frame(0))).await, Err(SendError::Ended));
        }
        if let Some(hanging) = hanging {
            assert_eq!(within::<R, _>(hanging).await, Err(Fault::Closed));
        }
        if stages > 0 {
            opening.join();
        }
        if stages > 2 {
            talking.join();
        }
    }
}

pub(crate) async fn a_farewell_that_never_completes_is_cut_short<R: Sockets>() {
    let stage = Stage::<R>::acting(NetOptions::default(), Manners::Stubborn);
    let Stage { handle, events, fate, .. } = stage;
    drop((handle, events));
    Stage::<R>::expect_fate(&fate, &[Fate::Farewell, Fate::Dropped]);
}

pub(crate) async fn a_refused_farewell_ends_at_once<R: Sockets>() {
    let stage = Stage::<R>::acting(NetOptions::default(), Manners::Rude);
    let Stage { handle, events, fate, .. } = stage;
    drop((events, handle));
    Stage::<R>::expect_fate(&fate, &[Fate::Farewell, Fate::Dropped]);
}

pub(crate) async fn audio_flows_both_ways_and_ends_with_its_session<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let mut audio = stage.handle.audio(MEDIA);
    for time in 0..3 {
        stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(time).into() }).await;
        // Another session's.
        stage
            .make(Output::Frame { track: TrackId::audio(MediaId(6)), frame: frame(99).into() })
            .await;
        assert_eq!(within::<R, _>(audio.stream.next()).await, Some(frame(time)));

        within::<R, _>(audio.sink.send(frame(time + 100))).await.expect("the session lives");
        match stage.input().await {
            Input::Frame { track: TrackId { media, .. }, frame: Frame::Audio(spoken) } => {
                assert_eq!((media, spoken), (MEDIA, frame(time + 100)));
            }
            other => panic!("{other:?}"),
        }
    }
    // What is queued is still heard.
    stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(7).into() }).await;
    stage.make(Output::Event(Saw::MediaEnded(MEDIA))).await;
    assert_eq!(within::<R, _>(audio.stream.next()).await, Some(frame(7)));
    assert_eq!(within::<R, _>(audio.stream.next()).await, None);
    assert_eq!(within::<R, _>(audio.sink.send(frame(8))).await, Err(SendError::Ended));

    let mut late = stage.handle.audio(MEDIA);
    assert_eq!(within::<R, _>(late.stream.next()).await, None);
}

pub(crate) async fn each_frame_that_is_taken_is_shown_to_the_tap<R: Sockets>() {
    let stage = Stage::<R>::new();
    let audio = stage.handle.audio(MEDIA);
    let (seen, taps) = std::sync::mpsc::channel();
    let tap = move |frame: &AudioFrame| seen.send(frame.clone()).unwrap();
    let mut pcm = audio.stream.tap(tap).pcm(8000).expect("a rate");
    for time in 0..3 {
        stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(time).into() }).await;
    }
    stage.make(Output::Event(Saw::MediaEnded(MEDIA))).await;
    while within::<R, _>(pcm.read()).await.is_some() {}
    assert_eq!(taps.try_iter().collect::<Vec<_>>(), [frame(0), frame(1), frame(2)]);
}

pub(crate) async fn audio_that_nobody_took_is_not_kept<R: Sockets>() {
    let stage = Stage::<R>::new();
    stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(1).into() }).await;
    let mut audio = stage.handle.audio(MEDIA);
    stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(2).into() }).await;
    assert_eq!(within::<R, _>(audio.stream.next()).await, Some(frame(2)));
}

pub(crate) async fn audio_taken_again_ends_the_pair_before<R: Sockets>() {
    let stage = Stage::<R>::new();
    let mut first = stage.handle.audio(MEDIA);
    let mut second = stage.handle.audio(MEDIA);
    assert_eq!(within::<R, _>(first.stream.next()).await, None);
    stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(1).into() }).await;
    assert_eq!(within::<R, _>(second.stream.next()).await, Some(frame(1)));
}

pub(crate) async fn unread_audio_loses_the_oldest_and_counts_it<R: Sockets>() {
    let stage = Stage::<R>::new();
    let mut audio = stage.handle.audio(MEDIA);
    let all = AUDIO_QUEUE as u64 + 30;
    for time in 0..all {
        stage.make(Output::Frame { track: TrackId::audio(MEDIA), frame: frame(time).into() }).await;
    }
    let first = within::<R, _>(audio.stream.next()).await.expect("frames wait");
    assert_eq!((first.time, first.lost_before), (30, 30));
    for time in 31..all {
        assert_eq!(within::<R, _>(audio.stream.next()).await, Some(frame(time)));
    }
}

pub(crate) async fn unread_events_never_stop_the_driver<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let all = EVENT_QUEUE as u64 + 10;
    assert_eq!(within::<R, _>(stage.handle.submit(Pull::Chatter(all))).await, Ok(()));
    assert!(matches!(stage.saw().await, Saw::Lost(10)));
    for n in 10..all {
        assert!(matches!(stage.saw().await, Saw::Chatter(told) if told == n));
    }
}

pub(crate) async fn every_subscriber_is_told_and_a_slow_one_loses_alone<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let mut slow = stage.handle.events();
    let dropped = stage.handle.events();
    drop(dropped);
    let all = EVENT_QUEUE as u64 + 10;
    for n in 0..all {
        stage.make(Output::Event(Saw::Chatter(n))).await;
        assert!(matches!(stage.saw().await, Saw::Chatter(told) if told == n));
    }
    assert!(matches!(within::<R, _>(slow.next()).await, Some(Saw::Lost(10))));
    for n in 10..all {
        let told = within::<R, _>(slow.next()).await;
        assert!(matches!(told, Some(Saw::Chatter(told)) if told == n));
    }
    // It begins with what is told after it.
    let mut late = stage.handle.events();
    stage.make(Output::Event(Saw::Chatter(all))).await;
    let told = within::<R, _>(late.next()).await;
    assert!(matches!(told, Some(Saw::Chatter(told)) if told == all));
}

pub(crate) async fn a_wait_finds_what_it_looks_for_or_tells_that_it_did_not<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let seventh = |saw| match saw {
        Saw::Chatter(7) => Some("seven"),
        _ => None,
    };
    assert_eq!(within::<R, _>(stage.handle.submit(Pull::Chatter(10))).await, Ok(()));
    let found = within::<R, _>(stage.events.wait(Duration::MAX, seventh)).await;
    assert_eq!(found, Ok("seven"));
    // What came after it is still there.
    assert!(matches!(stage.saw().await, Saw::Chatter(8)));
    let short = Duration::from_millis(20);
    let begun = Instant::now();
    let found = within::<R, _>(stage.events.wait(short, seventh)).await;
    assert_eq!(found, Err(WaitError::TimedOut(short)));
    assert!(begun.elapsed() >= short);
    // One that is there already needs no time.
    assert_eq!(within::<R, _>(stage.handle.submit(Pull::Chatter(8))).await, Ok(()));
    assert_eq!(within::<R, _>(stage.events.wait(Duration::ZERO, seventh)).await, Ok("seven"));
}

pub(crate) async fn a_wait_goes_by_the_clients_clock<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let hour = Duration::from_secs(3600);
    let clock = stage.clock.clone();
    let waits = stage.events.wait(hour, |_| None::<()>);
    let sleeps = async { clock.advance(hour) };
    let (found, ()) = within::<R, _>(futures_util::future::join(waits, sleeps)).await;
    assert_eq!(found, Err(WaitError::TimedOut(hour)));
}
