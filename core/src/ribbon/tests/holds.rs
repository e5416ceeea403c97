//! Hold, by either side (w4.9, w4.10, RP-3).

use serde_json::json;

use super::rig::{Rig, answer_sdp, done};
use super::steps::{
    S, change, changed, collect, direction_of, failure, held, hold, refused, status, tell, unhold,
    up,
};
use crate::ribbon::{CallCode, CallId, CallState, ErrorCode, Event, HoldState};

const STATES: [HoldState; 4] =
    [HoldState::Connected, HoldState::LocalHold, HoldState::RemoteHold, HoldState::DualHold];

/// A call in a hold state.
fn standing(rig: &mut Rig, wanted: HoldState) -> CallId {
    let call = up(rig, "S1");
    if wanted.local() {
        change(rig, hold(&call), "S1", "inactive");
    }
    if wanted.remote() {
        changed(rig, "S1", "inactive");
    }
    assert_eq!(rig.call(&call).hold, wanted);
    rig.told();
    call
}

#[test]
fn rp_3_ra_021_ra_022_every_hold_and_resume_of_either_side_in_every_hold_state() {
    for before in STATES {
        for local in [true, false] {
            for holds in [true, false] {
                let why = format!("{before:?}, local {local}, holds {holds}");
                let mut rig = Rig::up();
                let call = standing(&mut rig, before);
                let after = HoldState::new(
                    if local { holds } else { before.local() },
                    if local { before.remote() } else { holds },
                );
                if local {
                    let command = if holds { hold(&call) } else { unhold(&call) };
                    if before.local() == holds {
                        let code = refused(&mut rig, command);
                        assert_eq!(code, CallCode::InvalidState.into(), "{why}");
                        assert!(rig.asked.is_empty() && rig.told().is_empty(), "{why}");
                        continue;
                    }
                    rig.submit(command).unwrap();
                    collect(&mut rig);
                    let asked = rig.take_of("startCallUpdate");
                    let wanted = if holds { "inactive" } else { "sendrecv" };
                    assert_eq!(direction_of(&asked.body), wanted, "{why}");
                    rig.respond(asked.id, 200, &done());
                    let flows = !holds && !before.remote();
                    let answer = if flows { "sendrecv" } else { "inactive" };
                    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp(answer)));
                } else {
                    let offer = if holds { "inactive" } else { "sendrecv" };
                    let ours = changed(&mut rig, "S1", offer);
                    assert!(!before.local() || ours == "inactive", "{why}: we still hold");
                }
                let info = rig.call(&call);
                assert_eq!(info.hold, after, "{why}");
                assert_eq!(info.state == CallState::OnHold, after != HoldState::Connected, "{why}");
                assert!(info.operations.is_empty(), "{why}");
                let flows = after == HoldState::Connected;
                assert_eq!(info.remote_tracks.len(), usize::from(flows), "{why}");
            }
        }
    }
}

#[test]
fn ra_021_ra_022_what_a_hold_can_fail_of_leaves_the_call_as_it_was() {
    for resumes in [false, true] {
        let mut rig = Rig::up();
        let call = if resumes { held(&mut rig, "S1") } else { up(&mut rig, "S1") };
        let command = || if resumes { unhold(&call) } else { hold(&call) };
        let before = rig.call(&call);
        let same = |rig: &Rig| {
            let now = rig.call(&call);
            assert_eq!(
                (now.state, now.hold, &now.local_tracks),
                (before.state, before.hold, &before.local_tracks)
            );
            assert!(now.operations.is_empty());
        };
        // The gateway refuses it.
        let id = rig.submit(command()).unwrap();
        assert_eq!(refused(&mut rig, command()), CallCode::Glare.into(), "one at a time");
        collect(&mut rig);
        let asked = rig.take_of("startCallUpdate");
        rig.respond(asked.id, 500, &status(26));
        assert_eq!(failure(&mut rig, id).code, ErrorCode::Gateway(26));
        same(&rig);
        let told = rig.told();
        assert!(
            told.last().unwrap().ends_with(" 26"),
            "the state is told with the error: {told:?}"
        );
        // The far side refuses it, for whatever reason.
        let id = rig.submit(command()).unwrap();
        collect(&mut rig);
        let asked = rig.take_of("startCallUpdate");
        rig.respond(asked.id, 200, &done());
        let params = json!({"sessionData": "S1", "statusCode": 488, "reasonText": "no"});
        rig.notify("respondCallUpdate", json!({"sessionParams": params}));
        assert_eq!(failure(&mut rig, id).code, CallCode::Generic.into());
        same(&rig);
        // Nobody answers; and an answer that comes after that changes nothing.
        let id = rig.submit(command()).unwrap();
        collect(&mut rig);
        let asked = rig.take_of("startCallUpdate");
        rig.respond(asked.id, 200, &done());
        rig.pass(S(44));
        rig.answer_audits();
        assert_eq!(rig.completion(id), None);
        rig.pass(S(2));
        rig.answer_audits();
        let error = failure(&mut rig, id);
        assert_eq!((error.code, error.retry_after()), (ErrorCode::Timeout, Some(S(10))));
        tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("inactive")));
        same(&rig);
        // The next one works.
        change(&mut rig, command(), "S1", if resumes { "sendrecv" } else { "inactive" });
        assert_ne!(rig.call(&call).hold, before.hold);
    }
    let mut rig = Rig::up();
    let call = rig.ringing();
    assert_eq!(refused(&mut rig, hold(&call)), CallCode::InvalidState.into());
    assert_eq!(refused(&mut rig, hold(&CallId::from("x"))), CallCode::InvalidParam.into());
}

#[test]
fn re_008_re_011_re_012_tracks_go_and_come_once_an_operation_and_the_state_tells_what_was_told() {
    let mut rig = Rig::up();
    let call = held(&mut rig, "S1");
    changed(&mut rig, "S1", "inactive");
    let dual = rig.told();
    assert!(!dual.iter().any(|told| told.contains("tracks")), "nothing is left to go: {dual:?}");
    assert!(dual.contains(&"On Hold -> On Hold".to_owned()));
    change(&mut rig, unhold(&call), "S1", "inactive");
    assert!(!rig.told().iter().any(|told| told.contains("tracks")));
    changed(&mut rig, "S1", "sendrecv");
    let told: Vec<_> = rig.events.drain(..).collect();
    let added: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::TracksAdded { tracks, media, .. } => Some((tracks.len(), *media)),
            _ => None,
        })
        .collect();
    assert_eq!(added, [(2, rig.call(&call).media.unwrap())], "once, ours and theirs");
}

#[test]
fn ra_021_music_while_held_comes_and_goes() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    changed(&mut rig, "S1", "inactive");
    rig.told();
    for (direction, kind) in [("sendonly", "START_MOH"), ("inactive", "STOP_MOH")] {
        changed(&mut rig, "S1", direction);
        let told = rig.told();
        assert_eq!(told[0], format!("remote {kind} START"));
        assert_eq!(told.last().unwrap(), &format!("remote {kind} FINISH"));
        assert_eq!(rig.call(&call).hold, HoldState::RemoteHold);
    }
}
