//! Calls: set-up, changes, ends (w4).

use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, answer_sdp, done, sdp};
use crate::ribbon::{
    CallCode, CallMedia, CallState, Command, ErrorCode, HoldState, MakeOptions, NoticeChannel,
    Outcome,
};

const S: fn(u64) -> Duration = Duration::from_secs;

fn make(to: &str) -> Command {
    Command::Make { to: to.to_owned(), media: CallMedia::AUDIO, options: MakeOptions::default() }
}

#[test]
fn ra_015_re_005_re_008_w4_1_a_call_is_placed_rings_and_is_answered() {
    let mut rig = Rig::up();
    let (call, _) = rig.placed();
    assert_eq!(
        rig.told(),
        ["started", "MAKE START", "MAKE UPDATE", "+1 tracks", "Initiating -> Initiated",]
    );
    rig.notify("ringing", json!({"sessionParams": {"sessionData": "S1"}}));
    rig.notify(
        "respondCallUpdate",
        json!({
            "sessionParams": {"sessionData": "S1", "sdp": answer_sdp("sendrecv")},
            "callNotificationParams": {"remoteName": "Bob", "remoteDisplayNumber": "bob"},
        }),
    );
    assert_eq!(
        rig.told(),
        [
            "Initiated -> Ringing",
            "MAKE RESUME",
            "+1 tracks",
            "Ringing -> Connected",
            "MAKE FINISH",
            "media checking",
        ]
    );
    let call = rig.call(&call);
    assert_eq!(call.remote.display_number.as_deref(), Some("bob@example.com"));
    assert!(call.operations.is_empty() && call.started.is_some());
    rig.datagram(b"connected");
    assert_eq!(rig.told(), ["media connected"]);
}

#[test]
fn w4_1_the_request_has_the_addresses_and_a_whole_description() {
    let mut rig = Rig::up();
    rig.submit(make("tel:+1 (613) 555-0100")).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callStart");
    let request = &asked.body["callControlRequest"];
    assert_eq!(request["to"], "sip:+16135550100@example.com");
    assert_eq!(request["from"], "sip:alice@example.com");
    let sdp = request["sdp"].as_str().unwrap();
    assert!(sdp.contains("a=candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host"), "{sdp}");
    assert!(!sdp.contains("trickle"));
}

#[test]
fn w4_1_a_call_that_the_gateway_refuses_ends_with_its_number() {
    let mut rig = Rig::up();
    let command = rig.submit(make("bob")).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callStart");
    rig.respond(asked.id, 403, &json!({"callControlResponse": {"statusCode": 35}}));
    let error = rig.completion(command).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Gateway(35));
    assert_eq!(rig.told().last().unwrap(), "MAKE FINISH 35");
    assert_eq!(rig.client.calls()[0].state, CallState::Ended);
    assert_eq!(rig.client.remembered(), 1, "the subscription");
}

#[test]
fn w4_0_4_what_comes_before_the_reply_that_names_the_session_is_not_lost() {
    let mut rig = Rig::up();
    rig.submit(make("bob")).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callStart");
    rig.notify("ringing", json!({"sessionParams": {"sessionData": "S1"}}));
    rig.notify(
        "respondCallUpdate",
        json!({"sessionParams": {"sessionData": "S1", "sdp": answer_sdp("sendrecv")}}),
    );
    rig.notify("callEnd", json!({"sessionParams": {"sessionData": "S2"}}));
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
    assert_eq!(rig.client.calls()[0].state, CallState::Connected);
}

#[test]
fn w4_8_a_call_that_ends_before_its_session_has_a_name_is_ended_when_it_has() {
    let mut rig = Rig::up();
    rig.submit(make("bob")).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callStart");
    let call = rig.client.calls()[0].id.clone();
    let command = rig.submit(Command::End { call }).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert!(rig.asked.is_empty());
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S9"}}));
    assert_eq!(rig.take().what, "DELETE /callControl/callSessions/S9");
}

#[test]
fn ra_016_w4_2_w4_4_a_call_comes_in_rings_and_is_answered() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    assert_eq!(
        rig.told(),
        ["remote MAKE START", "received", "Initiating -> Ringing", "remote MAKE FINISH",]
    );
    let options = crate::ribbon::AnswerOptions::default();
    let media = CallMedia::AUDIO;
    let command = rig.submit(Command::Answer { call: call.clone(), media, options }).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callAnswer");
    // w4.4: the broadcast of our own answer is none of anybody else's.
    rig.notify("callCancel", json!({"sessionParams": {"sessionData": "S1"}}));
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(
        rig.told(),
        [
            "ANSWER START",
            "media checking",
            "ANSWER UPDATE",
            "+2 tracks",
            "Ringing -> Connected",
            "ANSWER FINISH",
        ]
    );
    assert_eq!(rig.call(&call).state, CallState::Connected);
}

#[test]
fn w4_4_an_answer_that_failed_can_be_given_again_and_one_elsewhere_is_found_out() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    for (status, code) in [(500, 26), (409, 55)] {
        let options = crate::ribbon::AnswerOptions::default();
        let media = CallMedia::AUDIO;
        let command = rig.submit(Command::Answer { call: call.clone(), media, options }).unwrap();
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("callAnswer");
        rig.respond(asked.id, status, &json!({"callControlResponse": {"statusCode": code}}));
        let error = rig.completion(command).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Gateway(code));
        assert_eq!(rig.call(&call).state, CallState::Ringing);
    }
    let asked = rig.take_of("GET /callControl/callSessions/S1");
    rig.respond(asked.id, 200, &json!({"callControlResponse": {"state": "ANSWERED"}}));
    assert_eq!(rig.call(&call).state, CallState::Cancelled);
}

#[test]
fn ra_017_ra_018_ra_019_w4_5_a_call_is_declined_ignored_or_sent_on() {
    for (command, wanted) in
        [("reject", Some("reject")), ("ignore", None), ("forward", Some("forward"))]
    {
        let mut rig = Rig::up();
        let call = rig.ringing();
        let id = call.clone();
        let id = rig.submit(match command {
            "reject" => Command::Reject { call: id },
            "ignore" => Command::Ignore { call: id },
            _ => Command::Forward { call: id, to: "carol".to_owned() },
        });
        if let Some(action) = wanted {
            let asked = rig.take_of("POST /calldisposition");
            assert_eq!(asked.body["callDispositionRequest"]["action"], action);
            rig.respond(asked.id, 200, &json!({"callDispositionResponse": {"statusCode": 0}}));
        }
        assert_eq!(rig.completion(id.unwrap()), Some(Ok(Outcome::Done)));
        assert_eq!(rig.call(&call).state, CallState::Ended);
        assert!(rig.asked.is_empty());
    }
}

#[test]
fn w4_8_a_call_ends_by_the_far_side_with_its_reason_and_only_once() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let end = json!({"sessionParams": {"sessionData": "S1", "statusCode": "486", "reasonText": "Busy Here"}});
    rig.notify("callEnd", end.clone());
    rig.notify("callEnd", end);
    assert_eq!(
        rig.told(),
        ["remote END START", "remote END FINISH", "-2 tracks", "Connected -> Ended (486)",]
    );
    assert_eq!(rig.call(&call).state, CallState::Ended);
    rig.pass(S(120));
    assert!(rig.asked.is_empty(), "nothing is asked about a call that is over");
}

/// A hold or a resume of ours, with the far side's answer.
fn change(rig: &mut Rig, command: Command, answer: &str) {
    let command = rig.submit(command).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    rig.notify(
        "respondCallUpdate",
        json!({"sessionParams": {"sessionData": "S1", "sdp": answer_sdp(answer)}}),
    );
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
}

#[test]
fn ra_021_ra_022_rp_3_w4_9_a_call_is_held_and_resumed() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let hold = || Command::Hold { call: call.clone() };
    let unhold = || Command::Unhold { call: call.clone() };
    assert_eq!(rig.submit(unhold()).unwrap_err().code, CallCode::InvalidState.into());
    change(&mut rig, hold(), "inactive");
    assert_eq!(
        rig.told(),
        [
            "HOLD START",
            "HOLD UPDATE",
            "HOLD RESUME",
            "-2 tracks",
            "Connected -> On Hold",
            "HOLD FINISH",
        ]
    );
    assert_eq!(rig.call(&call).hold, HoldState::LocalHold);
    assert_eq!(rig.submit(hold()).unwrap_err().code, CallCode::InvalidState.into());
    change(&mut rig, unhold(), "sendrecv");
    assert_eq!(rig.call(&call).state, CallState::Connected);
    assert!(rig.told().contains(&"+2 tracks".to_owned()));
    // RP-3: what does not flow after a resume is held by the far side.
    change(&mut rig, hold(), "inactive");
    change(&mut rig, unhold(), "inactive");
    assert_eq!(rig.call(&call).hold, HoldState::RemoteHold);
    assert_eq!(rig.call(&call).state, CallState::OnHold);
}

#[test]
fn rp_1_reply_and_word_in_any_order_give_one_result() {
    // The reply before, after or never; the word before, after, never or twice.
    for reply in ["before", "after", "never"] {
        for word in ["once", "twice", "never"] {
            let mut rig = Rig::up();
            let call = rig.connected();
            let command = rig.submit(Command::Hold { call: call.clone() }).unwrap();
            rig.pass(Duration::from_millis(25));
            let asked = rig.take_of("startCallUpdate");
            let say = |rig: &mut Rig| {
                let params = json!({"sessionData": "S1", "sdp": answer_sdp("inactive")});
                for _ in
                    0..["never", "once", "twice"].iter().position(|times| *times == word).unwrap()
                {
                    rig.notify("respondCallUpdate", json!({"sessionParams": params}));
                }
            };
            if reply == "before" {
                rig.respond(asked.id, 200, &done());
                say(&mut rig);
            } else {
                say(&mut rig);
                if reply == "after" {
                    rig.respond(asked.id, 200, &done());
                }
            }
            rig.pass(S(46));
            rig.answer_audits();
            let result = rig.completion(command).expect("answered, whatever happened");
            let held = rig.call(&call).hold;
            if word == "never" {
                assert_eq!(result.unwrap_err().code, ErrorCode::Timeout, "{reply} {word}");
                assert_eq!(held, HoldState::Connected);
            } else {
                assert_eq!(result, Ok(Outcome::Done), "{reply} {word}");
                assert_eq!(held, HoldState::LocalHold);
            }
            assert!(rig.call(&call).operations.is_empty());
        }
    }
}

#[test]
fn rp_4_an_offer_that_lost_by_glare_leaves_everything_as_it_was() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let command = rig.submit(Command::Hold { call: call.clone() }).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("startCallUpdate");
    // Theirs crosses ours: refused.
    rig.notify(
        "startCallUpdate",
        json!({"sessionParams": {"sessionData": "S1", "sdp": sdp("sendrecv")}}),
    );
    let refusal = rig.take_of("respondCallUpdate491");
    rig.respond(refusal.id, 200, &done());
    rig.respond(asked.id, 200, &done());
    rig.notify(
        "respondCallUpdate",
        json!({
            "sessionParams": {"sessionData": "S1", "statusCode": 49, "retryAfter": 2000},
            "statusCode": 49,
        }),
    );
    let error = rig.completion(command).unwrap().unwrap_err();
    assert_eq!(error.code, CallCode::Glare.into());
    assert_eq!(error.retry_after(), Some(S(2)));
    assert_eq!(rig.call(&call).state, CallState::Connected);
    // The next one works.
    change(&mut rig, Command::Hold { call: call.clone() }, "inactive");
    assert_eq!(rig.call(&call).hold, HoldState::LocalHold);
}

#[test]
fn w4_10_the_far_side_holds_and_resumes() {
    let mut rig = Rig::up();
    let call = rig.connected();
    for (direction, wanted) in
        [("inactive", HoldState::RemoteHold), ("sendrecv", HoldState::Connected)]
    {
        rig.notify(
            "startCallUpdate",
            json!({"sessionParams": {"sessionData": "S1", "sdp": sdp(direction)}}),
        );
        rig.pass(Duration::from_millis(25));
        let asked = rig.take_of("respondCallUpdate");
        rig.respond(asked.id, 200, &done());
        assert_eq!(rig.call(&call).hold, wanted);
    }
    assert!(rig.call(&call).operations.is_empty());
}

#[test]
fn w4_17_audits_go_on_until_the_gateway_forgets_the_call() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let mut audits = 0;
    for _ in 0..10 {
        rig.pass(S(25));
        audits += rig.asked.iter().filter(|asked| asked.what.ends_with("audit")).count();
        if audits < 4 {
            rig.answer_audits();
            continue;
        }
        let asked = rig.take_of("audit");
        rig.respond(asked.id, 404, &json!({"callControlResponse": {"statusCode": 42}}));
        break;
    }
    assert_eq!(audits, 4);
    assert_eq!(rig.call(&call).state, CallState::Ended);
    assert_eq!(rig.told().iter().filter(|told| told.ends_with("(9909)")).count(), 1);
    assert!(rig.asked.is_empty());
}

#[test]
fn ra_030_w4_12_a_held_call_is_transferred() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let transfer = || Command::DirectTransfer { call: call.clone(), to: "carol".to_owned() };
    assert_eq!(rig.submit(transfer()).unwrap_err().code, CallCode::InvalidState.into());
    change(&mut rig, Command::Hold { call: call.clone() }, "inactive");
    for (kind, ended) in [("sessionFail", false), ("sessionComplete", true)] {
        let command = rig.submit(transfer()).unwrap();
        let asked = rig.take_of("transfer");
        assert_eq!(asked.body["callControlRequest"]["address"], "sip:carol@example.com");
        rig.respond(asked.id, 200, &done());
        rig.notify(kind, json!({"sessionParams": {"sessionData": "S1"}}));
        assert_eq!(rig.completion(command).unwrap().is_ok(), ended);
        assert_eq!(rig.call(&call).state == CallState::Ended, ended);
    }
    assert_eq!(rig.take().what, "DELETE /callControl/callSessions/S1");
}

#[test]
fn no_debug_of_a_client_shows_a_secret() {
    let mut rig = Rig::up();
    rig.ringing();
    let mut offer = json!({"sessionParams": {"sessionData": "S2", "sdp": sdp("sendrecv")}});
    offer["callNotificationParams"] = json!({"callerDisplayNumber": "bob@example.com"});
    rig.notify("call", offer);
    let shown = format!("{:?}", rig.client);
    for secret in ["pa55word", "theirpassword", "ourpassword", "turnpass"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let message = json!({"sdp": sdp("sendrecv")}).to_string();
    let pushed = Command::ProcessNotification { message, channel: NoticeChannel::Push };
    let shown = format!("{pushed:?}");
    assert!(!shown.contains("theirpassword") && shown.contains("Push"), "{shown}");
}
