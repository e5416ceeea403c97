//! Parameters, keys, figures and mutes: all that a call has beside its set-up (w4.9, w4.18, w7).

use serde_json::json;

use super::rig::{Rig, answer_sdp, done, sdp};
use super::steps::{
    MS, S, answered, change, collect, failure, held, hold, make, refused, status, tell, up,
};
use crate::machine::{AudioCodec, AudioFrame, Input, MediaKind, Track};
use crate::media::testing::REPORT;
use crate::ribbon::{
    CallCode, CallId, CallState, Command, CustomParameter, ErrorCode, Event, MediaConnectionState,
    MoreMedia, Outcome, SourceState, StatsReport, Tone, Tones, TrackId, TrackState, WebRtcCode,
};

fn set(call: &CallId, parameters: Option<Vec<CustomParameter>>) -> Command {
    Command::SetCustomParameters { call: call.clone(), parameters }
}

fn press(call: &CallId, tones: Tones) -> Command {
    Command::SendDtmf { call: call.clone(), tones, duration: MS(100), gap: MS(70) }
}

fn stats(call: &CallId, track: Option<TrackId>) -> Command {
    Command::GetStats { call: call.clone(), track }
}

#[test]
fn ra_036_rt_023_parameters_ride_on_all_later_requests_until_they_are_removed() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let one = CustomParameter::new("X-A", "1");
    for odd in [
        vec![one.clone(); 65],
        vec![CustomParameter::new("", "1")],
        vec![CustomParameter::new("n".repeat(257), "1")],
        vec![CustomParameter::new("n", "v".repeat(4097))],
    ] {
        assert_eq!(refused(&mut rig, set(&call, Some(odd))), CallCode::InvalidParam.into());
    }
    let nobody = CallId::from("x");
    assert_eq!(refused(&mut rig, set(&nobody, None)), CallCode::InvalidParam.into());
    let command = rig.submit(set(&call, Some(vec![one; 64]))).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert!(rig.told().is_empty() && rig.asked.is_empty(), "nothing is sent");
    assert_eq!(rig.call(&call).parameters.len(), 64);
    rig.submit(hold(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    assert_eq!(asked.body["callControlRequest"]["customParameters"].as_array().unwrap().len(), 64);
    rig.respond(asked.id, 200, &done());
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("inactive")));
    rig.submit(set(&call, None)).unwrap();
    rig.submit(super::steps::unhold(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    assert!(asked.body["callControlRequest"].get("customParameters").is_none());
    rig.submit(Command::End { call: call.clone() }).unwrap();
    assert_eq!(refused(&mut rig, set(&call, None)), CallCode::InvalidState.into());
}

#[test]
fn ra_037_parameters_are_sent_by_themselves_while_the_call_is_up() {
    let mut rig = Rig::up();
    let send = |call: &CallId| Command::SendCustomParameters { call: call.clone() };
    let ringing = rig.ringing();
    assert_eq!(refused(&mut rig, send(&ringing)), CallCode::InvalidState.into());
    let call = held(&mut rig, "S2");
    assert_eq!(refused(&mut rig, send(&call)), CallCode::InvalidParam.into(), "there are none");
    rig.submit(set(&call, Some(vec![CustomParameter::new("X-A", "1")]))).unwrap();
    let command = rig.submit(send(&call)).unwrap();
    let asked = rig.take_of("sendCustomHeaders");
    assert_eq!(
        asked.body["callControlRequest"]["customParameters"],
        json!([{"name": "X-A", "value": "1"}])
    );
    rig.respond(asked.id, 204, &json!(null));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let command = rig.submit(send(&call)).unwrap();
    let asked = rig.take_of("sendCustomHeaders");
    rig.told();
    rig.respond(asked.id, 400, &status(37));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Gateway(37));
    assert_eq!(rig.told(), ["SEND_CUSTOM_PARAMETERS FINISH 37"]);
}

#[test]
fn re_015_parameters_of_the_far_side_come_before_the_operation_that_brought_them() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let many: Vec<_> = (0..70).map(|n| json!({"name": format!("X-{n}"), "value": n})).collect();
    rig.notify(
        "startCallUpdate",
        json!({
            "sessionParams": {"sessionData": "S1", "sdp": sdp("inactive")},
            "customParameters": many,
        }),
    );
    let told = rig.told();
    assert_eq!(told[..2], ["64 parameters", "remote HOLD START"], "{told:?}");
    assert!(rig.call(&call).parameters.is_empty(), "they are the far side's");
    rig.notify(
        "call",
        json!({
            "sessionParams": {"sessionData": "S2", "sdp": sdp("sendrecv")},
            "customParameters": [{"name": "X-B", "value": "2"}],
        }),
    );
    let told = rig.told();
    assert_eq!(told[..3], ["remote MAKE START", "received", "1 parameters"], "{told:?}");
}

#[test]
fn ra_038_the_whole_of_what_is_pressed_is_looked_at() {
    for odd in ["", ",1", "1x", "A", "1 2", "12\n", &"1".repeat(65)] {
        let error = odd.parse::<Tones>().unwrap_err();
        assert_eq!(error.code, CallCode::InvalidParam.into(), "{odd:?}");
    }
    let tones: Tones = "09*#,,".parse().unwrap();
    assert_eq!((tones.len(), tones.iter().filter(|tone| *tone == Tone::Pause).count()), (6, 2));
    assert_eq!("1".repeat(64).parse::<Tones>().unwrap().len(), 64);
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    rig.datagram(b"connected");
    rig.told();
    assert_eq!(refused(&mut rig, press(&call, Tones::default())), CallCode::InvalidParam.into());
    let long: Tones = "1".repeat(64).parse().unwrap();
    let command = rig.submit(press(&call, long)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["SEND_DTMF START", "SEND_DTMF FINISH"]);
    // 63 wait: there is room for one more, and not for two.
    let two: Tones = "12".parse().unwrap();
    assert_eq!(refused(&mut rig, press(&call, two.clone())), CallCode::InvalidParam.into());
    rig.submit(press(&call, "3".parse().unwrap())).unwrap();
    rig.pass(S(11));
    rig.answer_audits();
    rig.submit(press(&call, two)).unwrap();
    // What ends the call ends its keys.
    rig.submit(Command::End { call: call.clone() }).unwrap();
    assert_eq!(
        refused(&mut rig, press(&call, "1".parse().unwrap())),
        CallCode::InvalidState.into()
    );
}

#[test]
fn ra_038_keys_are_for_calls_that_hear_them() {
    let mut rig = Rig::up();
    let key = || "1".parse::<Tones>().unwrap();
    let (placed, _) = rig.placed();
    assert_eq!(refused(&mut rig, press(&placed, key())), CallCode::InvalidState.into());
    let held = held(&mut rig, "S2");
    assert_eq!(refused(&mut rig, press(&held, key())), CallCode::InvalidState.into());
    // Without a path there is nobody to hear them.
    let call = up(&mut rig, "S3");
    let command = rig.submit(press(&call, key())).unwrap();
    assert_eq!(failure(&mut rig, command).code, CallCode::InvalidState.into());
    assert!(rig.call(&call).operations.is_empty());
}

#[test]
fn ra_039_re_013_figures_are_records_and_of_one_track_what_it_has() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    rig.datagram(b"connected");
    rig.datagram(b"hundred");
    rig.told();
    let report = |rig: &mut Rig, track| -> StatsReport {
        let command = rig.submit(stats(&call, track)).unwrap();
        match rig.completion(command) {
            Some(Ok(Outcome::Stats(report))) => report,
            other => panic!("{other:?}"),
        }
    };
    let all = report(&mut rig, None);
    assert_eq!(rig.told(), ["GET_STATS START", "GET_STATS FINISH"]);
    assert_eq!((all.media.packets_received, all.media.packets_lost), (100, 1));
    let types = |report: &StatsReport| -> Vec<String> {
        let records = report.records();
        records.iter().map(|record| record["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&all), ["outbound-rtp", "inbound-rtp", "candidate-pair", "offhook"]);
    let last = all.records().pop().unwrap();
    assert_eq!(
        (&last["callId"], &last["version"]),
        (&json!(call.as_str()), &json!(crate::ribbon::VERSION))
    );
    let info = rig.call(&call);
    let ours = report(&mut rig, Some(info.local_tracks[0].clone()));
    assert_eq!(types(&ours), ["outbound-rtp", "candidate-pair", "offhook"]);
    let theirs = report(&mut rig, Some(info.remote_tracks[0].clone()));
    assert_eq!(types(&theirs), ["inbound-rtp", "candidate-pair", "offhook"]);
    let odd = stats(&call, Some(TrackId::from("x")));
    assert_eq!(refused(&mut rig, odd), CallCode::InvalidParam.into());
    assert_eq!(refused(&mut rig, stats(&CallId::from("x"), None)), CallCode::InvalidParam.into());
    rig.submit(Command::End { call: call.clone() }).unwrap();
    assert_eq!(refused(&mut rig, stats(&call, None)), CallCode::InvalidState.into());
}

#[test]
fn re_013_figures_are_told_at_an_interval_where_that_is_wanted() {
    let mut rig = Rig::up_with(|config| config.stats_period(Some(S(2))));
    let call = up(&mut rig, "S1");
    let told = |rig: &mut Rig| {
        rig.answer_audits();
        rig.events.drain(..).filter(|event| matches!(event, Event::Stats(_))).count()
    };
    rig.pass(S(7));
    assert_eq!(told(&mut rig), 3);
    rig.submit(Command::End { call }).unwrap();
    rig.pass(S(10));
    assert_eq!(told(&mut rig), 0);
    let mut rig = Rig::up();
    up(&mut rig, "S1");
    rig.pass(S(60));
    assert_eq!(told(&mut rig), 0, "nobody wants them");
}

#[test]
fn ra_071_rt_020_re_011_a_track_can_be_looked_at_while_it_is_in_a_call() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let info = rig.call(&call);
    for (id, local) in [(&info.local_tracks[0], true), (&info.remote_tracks[0], false)] {
        let track = rig.client.track(id).unwrap();
        assert_eq!((track.id, track.call), (id.clone(), call.clone()));
        assert_eq!((track.local, track.kind), (local, MediaKind::Audio));
        assert_eq!((track.muted, track.source_muted), (false, false));
        assert_eq!((track.state, track.state.as_str()), (TrackState::Live, "live"));
        assert_eq!(track.label, if local { "local audio" } else { "remote audio" });
        let media = rig.client.media(&track.media).unwrap();
        assert_eq!((media.local, &media.tracks[..]), (local, std::slice::from_ref(id)));
        assert_eq!(track.frames.unwrap().media, info.media.unwrap());
    }
    assert!(rig.client.track(&TrackId::from("x")).is_none());
    rig.submit(Command::End { call }).unwrap();
    assert!(rig.client.track(&info.local_tracks[0]).is_none());
}

#[test]
fn re_036_re_037_re_039_rt_020_the_application_tells_what_becomes_of_its_sources() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    rig.datagram(b"connected");
    let info = rig.call(&call);
    let (ours, theirs) = (info.local_tracks[0].clone(), info.remote_tracks[0].clone());
    let set = |track: &TrackId, state| Command::SetSource { track: track.clone(), state };
    assert_eq!(
        refused(&mut rig, set(&theirs, SourceState::Muted)),
        WebRtcCode::TrackNotLocal.into()
    );
    let nobodys = set(&TrackId::from("x"), SourceState::Muted);
    assert_eq!(refused(&mut rig, nobodys), WebRtcCode::InvalidTrackId.into());
    rig.told();
    let frames = crate::machine::TrackId { media: info.media.unwrap(), track: Track::AUDIO };
    let frame = AudioFrame {
        codec: AudioCodec::Opus,
        time: 0,
        lost_before: 0,
        talkspurt: false,
        data: vec![1].into(),
    };
    let speak = |rig: &mut Rig| {
        let before = rig.packets;
        rig.input(Input::Frame { track: frames, frame: frame.clone().into() });
        rig.packets - before
    };
    let track = ours.clone();
    for (state, event, sent) in [
        (SourceState::Muted, Event::SourceMuted { track: track.clone() }, 1),
        (SourceState::Live, Event::SourceUnmuted { track: track.clone() }, 1),
        (SourceState::Ended, Event::TrackEnded { track, call: Some(call.clone()) }, 0),
    ] {
        for told in [vec![event], Vec::new()] {
            if state == SourceState::Ended && told.is_empty() {
                assert_eq!(refused(&mut rig, set(&ours, state)), WebRtcCode::InvalidTrackId.into());
                continue;
            }
            assert_eq!(rig.at_once(set(&ours, state)), Outcome::Done);
            assert_eq!(rig.events.drain(..).collect::<Vec<_>>(), told);
        }
        assert_eq!(speak(&mut rig), sent, "{state:?}");
        let track = rig.client.track(&ours).unwrap();
        assert_eq!(track.source_muted, state == SourceState::Muted);
        assert_eq!(track.state == TrackState::Ended, state == SourceState::Ended);
    }
    assert_eq!(rig.call(&call).local_tracks, std::slice::from_ref(&ours), "it stays in the call");
    // Another source in its place.
    let media = MoreMedia::default().audio(true);
    let replaced = rig.submit(Command::ReplaceTrack { call: call.clone(), track: ours, media });
    let replaced = replaced.unwrap();
    assert!(matches!(rig.completion(replaced), Some(Ok(_))));
    let now = rig.call(&call).local_tracks[0].clone();
    assert_eq!(rig.client.track(&now).unwrap().state, TrackState::Live);
    assert_eq!(speak(&mut rig), 1);
}

#[test]
fn ra_078_ra_079_re_034_re_035_tracks_are_muted_here_and_nobody_is_told() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let info = rig.call(&call);
    let both = vec![info.local_tracks[0].clone(), info.remote_tracks[0].clone()];
    let mute = |tracks: &[TrackId]| Command::MuteTracks { tracks: tracks.to_vec() };
    let unmute = |tracks: &[TrackId]| Command::UnmuteTracks { tracks: tracks.to_vec() };
    let missing = TrackId::from("x");
    for odd in [vec![], vec![both[0].clone(), missing], vec![both[0].clone(); 33]] {
        for command in [mute(&odd), unmute(&odd)] {
            assert_eq!(refused(&mut rig, command), WebRtcCode::InvalidTrackId.into());
        }
    }
    assert!(!rig.client.track(&both[0]).unwrap().muted, "nothing was done by halves");
    let command = rig.submit(mute(&both)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let muted = Event::TracksMuted { tracks: both.clone() };
    assert_eq!(rig.events.drain(..).collect::<Vec<_>>(), [muted]);
    assert!(both.iter().all(|id| rig.client.track(id).unwrap().muted));
    assert!(rig.asked.is_empty(), "no signalling");
    rig.datagram(b"connected");
    rig.datagram(b"audio");
    assert_eq!(rig.frames, 0, "what is muted here is not handed on");
    rig.told();
    let command = rig.submit(mute(&both)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert!(rig.told().is_empty(), "they are muted");
    rig.submit(unmute(&both)).unwrap();
    let unmuted = Event::TracksUnmuted { tracks: both.clone() };
    assert_eq!(rig.events.drain(..).collect::<Vec<_>>(), [unmuted]);
    rig.datagram(b"audio");
    assert_eq!(rig.frames, 1);
    // A hold and a resume leave them as they are.
    rig.submit(mute(&both)).unwrap();
    change(&mut rig, hold(&call), "S1", "inactive");
    change(&mut rig, super::steps::unhold(&call), "S1", "sendrecv");
    assert!(both.iter().all(|id| rig.client.track(id).unwrap().muted));
}

#[test]
fn re_017_the_state_of_media_is_told_and_a_path_lost_for_ten_seconds_has_failed() {
    use MediaConnectionState as M;
    let mut rig = Rig::up();
    let call = answered(&mut rig);
    let states = |rig: &mut Rig| -> Vec<(M, M)> {
        let told = rig.events.drain(..).filter_map(|event| match event {
            Event::MediaConnection { state, previous, .. } => Some((previous, state)),
            _ => None,
        });
        told.collect()
    };
    assert_eq!(rig.call(&call).media_state, M::Checking);
    rig.datagram(b"connected");
    rig.datagram(b"connected");
    assert_eq!(states(&mut rig), [(M::Checking, M::Connected)], "once");
    rig.datagram(b"disconnected");
    rig.pass(S(9));
    rig.datagram(b"connected");
    rig.pass(S(9));
    assert_eq!(
        states(&mut rig),
        [(M::Connected, M::Disconnected), (M::Disconnected, M::Connected)]
    );
    rig.datagram(b"disconnected");
    rig.pass(S(10));
    rig.answer_audits();
    assert_eq!(states(&mut rig), [(M::Connected, M::Disconnected), (M::Disconnected, M::Failed)]);
    assert_eq!(rig.call(&call).state, CallState::Connected, "the call stays");
    rig.datagram(b"connected");
    assert_eq!(states(&mut rig), [(M::Failed, M::Connected)]);
    for (state, name) in [
        (M::New, "new"),
        (M::Checking, "checking"),
        (M::Connected, "connected"),
        (M::Completed, "completed"),
        (M::Disconnected, "disconnected"),
        (M::Failed, "failed"),
        (M::Closed, "closed"),
    ] {
        assert_eq!(state.as_str(), name);
    }
}

#[test]
fn re_004_operations_are_seen_while_they_run_and_one_at_a_time_blocks() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    rig.submit(hold(&call)).unwrap();
    let running = rig.call(&call).operations;
    assert_eq!(running.len(), 1);
    assert!(running[0].local && running[0].blocking);
    // Others that do not block run beside it, at most 32.
    let resync = || Command::Resync { call: call.clone() };
    for _ in 0..31 {
        rig.submit(resync()).unwrap();
    }
    assert_eq!(refused(&mut rig, resync()), CallCode::Glare.into());
    assert_eq!(rig.call(&call).operations.len(), 32);
    rig.submit(Command::End { call: call.clone() }).unwrap();
    assert!(rig.call(&call).operations.is_empty());
    assert_eq!(refused(&mut rig, make("")), CallCode::InvalidParam.into());
}

#[test]
fn re_036_re_037_a_far_side_that_falls_silent_is_told_and_that_it_is_heard_again() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let track = rig.call(&call).remote_tracks[0].clone();
    let told = |rig: &mut Rig| {
        rig.answer_audits();
        let news = rig.events.drain(..).filter(|event| {
            matches!(event, Event::SourceMuted { .. } | Event::SourceUnmuted { .. })
        });
        news.collect::<Vec<_>>()
    };
    rig.pass(S(10));
    assert!(told(&mut rig).is_empty(), "nothing should flow before there is a path");
    rig.datagram(b"connected");
    for _ in 0..5 {
        rig.datagram(b"hundred");
        rig.pass(S(1));
    }
    assert!(told(&mut rig).is_empty());
    // Its reports go on.
    for _ in 0..2 {
        rig.datagram(REPORT);
        rig.pass(S(5));
    }
    assert_eq!(told(&mut rig), [Event::SourceMuted { track: track.clone() }], "once");
    assert!(rig.client.track(&track).unwrap().source_muted);
    rig.datagram(b"hundred");
    rig.pass(S(1));
    assert_eq!(told(&mut rig), [Event::SourceUnmuted { track: track.clone() }]);
    assert!(!rig.client.track(&track).unwrap().source_muted);
    // What is held is silent by right.
    change(&mut rig, hold(&call), "S1", "inactive");
    rig.pass(S(10));
    assert!(told(&mut rig).is_empty());
}
