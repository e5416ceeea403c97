//! Offers that cross (w4.0.4, RP-1, RP-2, RP-4).

use serde_json::json;

use super::media::{Far, connected, rig, sdp_of, wait};
use super::rig::{Rig, answer_sdp, done, sdp};
use super::steps::{
    MS, S, answer, change, changed, collect, failure, hold, refused, tell, tell_glare, up,
};
use crate::ribbon::{
    CallCode, CallConfigPatch, CallMedia, CallState, Command, ConfigPatch, ErrorCode, HoldState,
    MediaOptions, Outcome,
};

fn patient(tries: u32) -> Rig {
    Rig::up_with(|config| {
        let call = config.call.clone().glare_retries(tries);
        config.call(call)
    })
}

/// One try of a hold, which meets one of the far side's.
fn lose(rig: &mut Rig) {
    collect(rig);
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    tell_glare(rig, "S1");
}

#[test]
fn rp_4_an_operation_that_met_one_of_the_far_side_is_tried_again_as_often_as_wanted() {
    let mut rig = patient(3);
    let call = up(&mut rig, "S1");
    let command = rig.submit(hold(&call)).unwrap();
    for _ in 0..3 {
        lose(&mut rig);
        assert_eq!(rig.completion(command), None);
        let told = rig.told();
        assert_eq!(
            told.last().unwrap(),
            "HOLD FINISH call:12",
            "each try is one of its own: {told:?}"
        );
        assert!(rig.call(&call).operations.is_empty());
        // The caller's side waits longer (RFC 3261 section 14.1).
        rig.pass(MS(2099));
        assert!(rig.asked.is_empty());
        rig.pass(MS(1901));
    }
    lose(&mut rig);
    let error = failure(&mut rig, command);
    assert_eq!((error.code, error.retry_after()), (CallCode::Glare.into(), Some(S(2))));
    assert_eq!(rig.call(&call).state, CallState::Connected);
    rig.pass(S(10));
    assert!(rig.asked.iter().all(|asked| asked.what.ends_with("audit")));
    // The next one begins anew.
    rig.answer_audits();
    let command = rig.submit(hold(&call)).unwrap();
    lose(&mut rig);
    rig.pass(S(4));
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("inactive")));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.call(&call).hold, HoldState::LocalHold);
}

#[test]
fn rp_4_between_two_tries_the_far_sides_change_is_taken_and_a_call_may_end() {
    let mut rig = patient(1);
    let call = up(&mut rig, "S1");
    let command = rig.submit(hold(&call)).unwrap();
    lose(&mut rig);
    changed(&mut rig, "S1", "inactive");
    assert_eq!(rig.call(&call).hold, HoldState::RemoteHold);
    // One that is under way when it is time is waited for.
    tell(&mut rig, "startCallUpdate", "S1", Some(sdp("sendrecv")));
    collect(&mut rig);
    let asked = rig.take_of("respondCallUpdate");
    rig.pass(S(5));
    assert!(rig.asked.is_empty());
    rig.respond(asked.id, 200, &done());
    rig.pass(MS(300));
    rig.take_of("startCallUpdate");
    tell(&mut rig, "callEnd", "S1", None);
    assert_eq!(failure(&mut rig, command).code, CallCode::InvalidState.into());
    // Also while it waits.
    let call = up(&mut rig, "S1b");
    let command = rig.submit(hold(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    tell_glare(&mut rig, "S1b");
    rig.submit(Command::End { call }).unwrap();
    assert_eq!(failure(&mut rig, command).code, CallCode::InvalidState.into());
    rig.pass(S(10));
    assert!(rig.asked.iter().all(|asked| asked.what.starts_with("DELETE")));
}

#[test]
fn rp_4_without_the_option_it_fails_at_once_and_the_description_is_as_before() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    let before = rig.call(&call);
    let command = rig.submit(hold(&call)).unwrap();
    lose(&mut rig);
    assert_eq!(failure(&mut rig, command).code, CallCode::Glare.into());
    assert_eq!(rig.call(&call), before);
    // Either side's next offer works.
    changed(&mut rig, "S1", "inactive");
    assert_eq!(rig.call(&call).hold, HoldState::RemoteHold);
    change(&mut rig, hold(&call), "S1", "inactive");
    assert_eq!(rig.call(&call).hold, HoldState::DualHold);
}

/// A side of a call between two clients, and what is on its way to the other.
struct Side(Rig, crate::ribbon::CallId);

/// Carries what one side asked to the other, as a gateway does.
fn carry(from: &mut Side, to: &mut Side) {
    while let Some(asked) = from.0.asked.pop_front() {
        from.0.respond(asked.id, 200, &done());
        let kind = asked.what.rsplit(' ').next().unwrap_or_default().to_owned();
        match kind.as_str() {
            "respondCallUpdate491" => tell_glare(&mut to.0, "S1"),
            "startCallUpdate" | "respondCallUpdate" => {
                // The far side's own words stand for the engine's: they have its direction.
                let direction = super::steps::direction_of(&asked.body);
                let offer = kind == "startCallUpdate";
                let text = if offer { sdp(&direction) } else { answer_sdp(&direction) };
                tell(&mut to.0, &kind, "S1", Some(text));
            }
            _ => {}
        }
    }
}

#[test]
fn rp_4_a_hundred_crossings_from_a_hundred_seeds_all_settle() {
    for seed in 1..=100 {
        let patient = |config: crate::ribbon::Config| {
            let call = config.call.clone().glare_retries(3);
            config.call(call)
        };
        let mut one = Rig::up_seeded(seed, patient);
        let call = up(&mut one, "S1");
        let mut one = Side(one, call);
        let mut other = Rig::up_seeded(seed + 1000, patient);
        let call = super::steps::answered(&mut other);
        let mut other = Side(other, call);
        let commands =
            [one.0.submit(hold(&one.1)).unwrap(), other.0.submit(hold(&other.1)).unwrap()];
        for _ in 0..1000 {
            one.0.pass(MS(25));
            other.0.pass(MS(25));
            carry(&mut one, &mut other);
            carry(&mut other, &mut one);
        }
        assert_eq!(one.0.completion(commands[0]), Some(Ok(Outcome::Done)), "{seed}");
        assert_eq!(other.0.completion(commands[1]), Some(Ok(Outcome::Done)), "{seed}");
        for Side(rig, call) in [&one, &other] {
            assert_eq!(rig.call(call).hold, HoldState::DualHold, "{seed}");
        }
    }
}

#[test]
fn rp_1_twelve_orders_of_reply_and_word_for_each_kind_of_change() {
    for kind in ["hold", "unhold", "add", "remove", "restart"] {
        for reply in ["before", "after", "never"] {
            for word in ["once", "twice", "never", "late"] {
                let why = format!("{kind}: reply {reply}, word {word}");
                let (mut rig, mut far) = rig();
                // What is not answered here has no path, which would be looked for.
                let calls = CallConfigPatch::default().restart_lost_media(false);
                rig.at_once(Command::UpdateConfig(Box::new(ConfigPatch::default().call(calls))));
                let media = if kind == "remove" { CallMedia::VIDEO } else { CallMedia::AUDIO };
                let call = connected(&mut rig, &mut far, media);
                if kind == "unhold" {
                    settle(&mut rig, &mut far, hold(&call));
                }
                rig.answer_audits();
                let id = || call.clone();
                let options = MediaOptions::default;
                let command = || match kind {
                    "hold" => hold(&call),
                    "unhold" => Command::Unhold { call: id() },
                    "add" => Command::StartVideo { call: id(), options: options() },
                    "remove" => Command::StopVideo { call: id() },
                    _ => Command::RestartMedia { call: id() },
                };
                let before = rig.call(&call);
                let submitted = rig.submit(command()).unwrap();
                // Of two that restart at the same time the passive one waits.
                if kind == "restart" {
                    rig.pass(S(3));
                }
                wait(&mut rig);
                let asked = rig.take_of("startCallUpdate");
                let answer = far.answer(rig.now, &sdp_of(&asked));
                let say = |rig: &mut Rig| {
                    for _ in
                        0..["never", "once", "twice"].iter().position(|n| *n == word).unwrap_or(0)
                    {
                        tell(rig, "respondCallUpdate", "S1", Some(answer.clone()));
                    }
                };
                match reply {
                    "before" => {
                        rig.respond(asked.id, 200, &done());
                        say(&mut rig);
                    }
                    "after" => {
                        say(&mut rig);
                        rig.respond(asked.id, 200, &done());
                    }
                    _ => say(&mut rig),
                }
                rig.pass(S(46));
                rig.answer_audits();
                if word == "late" {
                    tell(&mut rig, "respondCallUpdate", "S1", Some(answer.clone()));
                }
                let result = rig.completion(submitted).unwrap_or_else(|| panic!("{why}"));
                let now = rig.call(&call);
                assert!(now.operations.is_empty(), "{why}");
                if matches!(word, "never" | "late") {
                    assert_eq!(result.unwrap_err().code, ErrorCode::Timeout, "{why}");
                    let same = (now.hold, now.local_tracks.len());
                    assert_eq!(same, (before.hold, before.local_tracks.len()), "{why}");
                    // The next offer works: a fresh far side has not heard of the one before.
                    let next =
                        rig.submit(command()).unwrap_or_else(|error| panic!("{why}: {error}"));
                    rig.pass(S(3));
                    wait(&mut rig);
                    let asked = rig.take_of("startCallUpdate");
                    let answer = far.answer(rig.now, &sdp_of(&asked));
                    rig.respond(asked.id, 200, &done());
                    tell(&mut rig, "respondCallUpdate", "S1", Some(answer));
                    let result = rig.completion(next).unwrap_or_else(|| panic!("{why}: the next"));
                    assert!(result.is_ok(), "{why}: the next: {result:?}");
                } else {
                    assert!(result.is_ok(), "{why}: {result:?}");
                }
            }
        }
    }
}

fn settle(rig: &mut Rig, far: &mut Far, command: Command) {
    let command = rig.submit(command).unwrap();
    wait(rig);
    let asked = rig.take_of("startCallUpdate");
    let answer = far.answer(rig.now, &sdp_of(&asked));
    rig.respond(asked.id, 200, &done());
    tell(rig, "respondCallUpdate", "S1", Some(answer));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
}

#[test]
fn rp_2_of_offers_that_wait_the_newest_is_taken_and_the_older_refused() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    rig.submit(answer(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    tell(&mut rig, "startCallUpdate", "S1", Some(sdp("sendrecv")));
    assert!(rig.asked.is_empty(), "it waits");
    tell(&mut rig, "startCallUpdate", "S1", Some(sdp("inactive")));
    let older = rig.take_of("respondCallUpdate491");
    rig.respond(older.id, 200, &done());
    rig.respond(asked.id, 200, &done());
    collect(&mut rig);
    rig.take_of("respondCallUpdate");
    assert_eq!(rig.call(&call).state, CallState::Connected);
}

#[test]
fn rp_2_an_offer_waits_three_seconds_and_is_then_refused() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    rig.submit(answer(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    tell(&mut rig, "startCallUpdate", "S1", Some(sdp("inactive")));
    rig.pass(S(3) - MS(1));
    assert!(rig.asked.is_empty());
    rig.told();
    rig.pass(MS(1));
    rig.take_of("respondCallUpdate491");
    let told = rig.told();
    assert!(
        told.iter().any(|told| told.starts_with("remote ") && told.ends_with("FINISH call:12")),
        "{told:?}"
    );
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.call(&call).hold, HoldState::Connected);
}

#[test]
fn rp_4_while_the_call_ends_or_changes_here_nothing_else_begins() {
    let mut rig = Rig::up();
    let call = up(&mut rig, "S1");
    rig.submit(hold(&call)).unwrap();
    let to = "carol".to_owned();
    assert_eq!(
        refused(&mut rig, Command::RestartMedia { call: call.clone() }),
        CallCode::Glare.into()
    );
    // It is not held yet, which is what is wrong with it first.
    let transfer = Command::DirectTransfer { call: call.clone(), to };
    assert_eq!(refused(&mut rig, transfer), CallCode::InvalidState.into());
    let told = rig.told();
    assert_eq!(told, ["HOLD START"], "what is refused is no operation");
    let _ = json!({});
}
