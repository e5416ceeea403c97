//! Reports on calls, from what happens in them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, answer_sdp, done};
use crate::machine::Input;
use crate::ribbon::{
    AnswerOptions, CallId, CallMedia, Command, ErrorCode, IceCheck, IceCollection, IceTimeouts,
    MakeOptions, Metric, Outcome, Query, ReportEvent, Verdict,
};

fn report(rig: &Rig, call: &CallId) -> Value {
    serde_json::to_value(rig.client.report(call).unwrap()).unwrap()
}

fn kinds(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

fn metric(report: &Value, kind: Metric) -> Option<&Value> {
    let all = report["metrics"].as_array().unwrap();
    all.iter().find(|metric| metric["type"] == kind.as_str()).map(|metric| &metric["data"])
}

#[test]
fn ra_041_a_call_of_ours_from_its_making_to_its_end() {
    let mut rig = Rig::up();
    let (call, _) = rig.placed();
    rig.pass(Duration::from_secs(2));
    rig.answer_audits();
    rig.notify("ringing", json!({"sessionParams": {"sessionData": "S1"}}));
    rig.pass(Duration::from_secs(3));
    let sdp = answer_sdp("sendrecv");
    rig.notify("respondCallUpdate", json!({"sessionParams": {"sessionData": "S1", "sdp": sdp}}));
    rig.pass(Duration::from_secs(50));
    rig.answer_audits();
    rig.submit(Command::End { call: call.clone() }).unwrap();
    let report = report(&rig, &call);
    assert_eq!((&report["type"], &report["id"]), (&json!("CALL"), &json!(call.as_str())));
    assert_eq!(kinds(&report["timeline"]), ["MAKE", "END_LOCAL"]);
    let make = &report["timeline"][0];
    let steps = [
        "GET_USER_MEDIA",
        "CREATE_OFFER",
        "PROCESS_MEDIA_LOCAL",
        "REST_REQUEST",
        "ADD_TRACKS",
        "REMOTE_RINGING",
        "PROCESS_MEDIA_REMOTE",
        "ADD_TRACKS",
    ];
    assert_eq!(kinds(&make["timeline"]), steps);
    assert_eq!(kinds(&make["timeline"][2]["timeline"]), ["ICE_COLLECTION"]);
    assert_eq!(make["timeline"][3]["data"]["requestType"], "CREATE_SESSION");
    assert!(report["data"]["audits"].as_u64() >= Some(1), "counted, and no more");
    assert_eq!(metric(&report, Metric::TimeToRinging), Some(&json!(2025)));
    assert_eq!(metric(&report, Metric::CallDuration), Some(&json!(55_025)));
    assert_eq!(metric(&report, Metric::MakeCallLocalSetup), Some(&json!(0)));
    let ice = metric(&report, Metric::TimeToCollectIceCandidates).unwrap();
    assert_eq!(*ice, json!({"operation": "MAKE", "duration": 0}));
    for wanted in [Metric::TimeToMake, Metric::MakeCallRemoteSetup] {
        assert!(metric(&report, wanted).is_some(), "{wanted}");
    }
    let ended = |event: &Value| event["end"].as_u64() >= event["start"].as_u64();
    assert!(report["timeline"].as_array().unwrap().iter().all(ended));
}

#[test]
fn w1_4_ra_041_a_request_that_is_sent_on_stands_in_the_report_once() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.submit(Command::Hold { call: call.clone() }).unwrap();
    rig.pass(Duration::from_millis(25));
    for _ in 0..3 {
        let asked = rig.take_of("startCallUpdate");
        let response = http::Response::builder().status(307).header("Location", "/again");
        let response = response.body(Vec::new()).unwrap();
        rig.input(Input::Http { id: asked.id, result: Ok(response) });
    }
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    let report = report(&rig, &call);
    let hold = report["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!(hold["type"], "HOLD_LOCAL");
    let requests = kinds(&hold["timeline"]).into_iter().filter(|kind| *kind == "REST_REQUEST");
    assert_eq!(requests.count(), 1, "{hold}");
    let request = hold["timeline"].as_array().unwrap().last().unwrap();
    assert!(request["end"].is_u64(), "{hold}");
}

#[test]
fn ra_041_a_call_that_comes_in_and_an_operation_that_fails() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    rig.pass(Duration::from_secs(4));
    rig.answer_audits();
    let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
    rig.submit(Command::Answer { call: call.clone(), media, options }).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 200, &done());
    let hold = rig.submit(Command::Hold { call: call.clone() }).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 500, &json!({"callControlResponse": {"statusCode": 26}}));
    let error = rig.completion(hold).unwrap().unwrap_err();
    let report = report(&rig, &call);
    let all = kinds(&report["timeline"]);
    assert_eq!(all[0], ReportEvent::ReceiveCall.as_str());
    assert!(all.contains(&"ANSWER") && all.contains(&"HOLD_LOCAL"), "{all:?}");
    let events = report["timeline"].as_array().unwrap();
    let hold = events.iter().find(|event| event["type"] == "HOLD_LOCAL").unwrap();
    assert_eq!(hold["error"]["code"], json!(error.code.as_str()));
    assert_eq!(metric(&report, Metric::TimeToHoldLocal), None, "none of what failed");
    for wanted in
        [Metric::TimeToAnswer, Metric::TimeFromReceiveToAnswer, Metric::AnswerCallLocalSetup]
    {
        assert!(metric(&report, wanted).is_some(), "{wanted}");
    }
    assert!(metric(&report, Metric::TimeFromReceiveToAnswer).unwrap().as_u64() >= Some(4000));
}

#[test]
fn ra_041_steps_of_media_early_media_a_bad_description_and_relays() {
    let mut rig = Rig::up_with(|config| {
        let relayed = |found: &IceCollection<'_>, _: &IceTimeouts| match found.candidates.len() {
            0 | 1 => Verdict::Wait(None),
            _ => Verdict::StartCall,
        };
        let relayed: Arc<dyn IceCheck> = Arc::new(relayed);
        let call = config.call.clone().early_media(true).ice_check(relayed);
        config.call(call)
    });
    let (to, media) = ("bob".to_owned(), CallMedia::AUDIO);
    rig.submit(Command::Make { to, media, options: MakeOptions::default() }).unwrap();
    let call = rig.client.calls()[0].id.clone();
    rig.pass(Duration::from_millis(25));
    rig.datagram(b"relayed");
    rig.pass(Duration::from_millis(50));
    let asked = rig.take_of("callStart");
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
    let sdp = answer_sdp("sendrecv");
    let early = json!({"sessionParams": {"sessionData": "S1", "sdp": sdp}});
    rig.notify("sessionProgress", early);
    let bad = json!({"sessionParams": {"sessionData": "S1", "sdp": sdp.replace("opus", "none")}});
    rig.notify("respondCallUpdate", bad);
    let report = report(&rig, &call);
    let make = &report["timeline"][0]["timeline"];
    let all = kinds(make);
    let at = |kind: &str| all.iter().position(|one| *one == kind).unwrap_or(usize::MAX);
    assert!(at("PROCESS_MEDIA_REMOTE") < at("EARLY_MEDIA"), "{all:?}");
    let taken: Vec<_> = make
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["type"] == "PROCESS_MEDIA_REMOTE")
        .collect();
    assert!(taken[0].get("error").is_none() && taken[1].get("error").is_some(), "{taken:?}");
    let ice = &make[at("PROCESS_MEDIA_LOCAL")]["timeline"][0];
    assert_eq!(kinds(&ice["timeline"]), ["RELAY_CANDIDATE_COLLECTED"]);
    assert_eq!(
        ice["timeline"][0]["data"]["candidate"],
        json!({"address": "192.0.2.200", "port": 9})
    );
    let relays = metric(&report, Metric::TimeToRelayCandidates).unwrap();
    let found = json!({"duration": 25, "address": "192.0.2.200", "port": 9});
    assert_eq!(*relays, json!({"operation": "MAKE", "candidates": found}));
}

#[test]
fn ra_041_an_answer_is_made_of_what_came_first() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    let (media, options) = (CallMedia::AUDIO, AnswerOptions::default());
    rig.submit(Command::Answer { call: call.clone(), media, options }).unwrap();
    rig.pass(Duration::from_millis(25));
    let report = report(&rig, &call);
    let receive = &report["timeline"][0];
    assert_eq!(kinds(&receive["timeline"]), ["PROCESS_MEDIA_REMOTE"]);
    let events = report["timeline"].as_array().unwrap();
    let answer = events.iter().find(|event| event["type"] == "ANSWER").unwrap();
    assert_eq!(kinds(&answer["timeline"])[..2], ["GET_USER_MEDIA", "CREATE_ANSWER"]);
}

#[test]
fn ra_041_bound_of_reports_they_go_with_their_calls() {
    let mut rig = Rig::up();
    let mut calls = Vec::new();
    for n in 0..105 {
        let call = rig.ringing_as(&format!("S{n}"));
        rig.submit(Command::Ignore { call: call.clone() }).unwrap();
        calls.push(call);
    }
    assert!(rig.client.report(&calls[4]).is_none() && rig.client.report(&calls[5]).is_some());
    let query =
        |rig: &mut Rig, n: usize| rig.at_once(Command::Query(Query::Report(calls[n].clone())));
    assert_eq!(query(&mut rig, 0), Outcome::Report(None));
    assert!(matches!(query(&mut rig, 104), Outcome::Report(Some(_))));
    let known = rig.at_once(Command::Query(Query::Call(calls[104].clone())));
    assert!(matches!(known, Outcome::KnownCall(Some(_))));
    let Outcome::Calls(all) = rig.at_once(Command::Query(Query::Calls)) else { panic!() };
    assert_eq!(all.len(), 100);
}

#[test]
fn ra_041_a_call_that_never_was_has_none() {
    let mut rig = Rig::up();
    assert!(rig.client.report(&"none".into()).is_none());
    let (to, media) = ("bob".to_owned(), CallMedia::AUDIO);
    let make = Command::Make { to, media, options: MakeOptions::default() };
    let id = rig.submit(make).unwrap();
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("callStart");
    rig.respond(asked.id, 403, &json!({"callControlResponse": {"statusCode": 27}}));
    let error = rig.completion(id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Gateway(27));
    let call = rig.client.calls()[0].id.clone();
    let report = report(&rig, &call);
    assert_eq!(report["timeline"][0]["type"], "MAKE");
    assert_eq!(report["timeline"][0]["error"]["code"], "27");
    assert_eq!(metric(&report, Metric::TimeToMake), None);
    assert_eq!(metric(&report, Metric::MakeCallRemoteSetup), None);
}
