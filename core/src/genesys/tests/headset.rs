//! The user's clients and the user's headset: who has it (HS-1 to HS-5, HS-7, DEF-18, wire notes 6.16). The
//! frames are those of the official client, with other names.

use std::time::Duration;

use proptest::prelude::*;

use super::rig::{BARE, FULL, LA1P, OTHER, Rig};
use crate::genesys::wire::HeadsetMessage;
use crate::genesys::{
    Command, Config, ErrorKind, Event, HeadsetControls, HeadsetRank, Outcome, SessionType,
};
use crate::machine::{CommandId, WsEvent};

use HeadsetControls::{AlternativeClient, HasControls, Negotiating, NotStarted};

const THIRD: &str = "u1@org.example/res-c";
const LIMIT: Duration = Duration::from_millis(1500);

/// A message as the service hands it to all of the user's clients.
fn hear(rig: &mut Rig, from: &str, id: &str, json: &str) {
    rig.frame(&format!(
        r#"<message xmlns="jabber:client" id="{id}" from="{from}" to="{FULL}"><media-message xmlns="genesys">{json}</media-message></message>"#
    ));
}

fn request(rig: &mut Rig, from: &str, kind: &str) {
    let json = format!(
        r#"{{"jsonrpc":"2.0","method":"headsetControlsRequest","params":{{"requestType":"{kind}"}}}}"#
    );
    hear(rig, from, "r1", &json);
}

fn changed(rig: &mut Rig, from: &str, has: bool) {
    let json = format!(
        r#"{{"jsonrpc":"2.0","method":"headsetControlsChanged","params":{{"hasControls":{has}}}}}"#
    );
    hear(rig, from, "c1", &json);
}

fn rejection(rig: &mut Rig, from: &str, reason: &str) {
    let json = format!(
        r#"{{"jsonrpc":"2.0","method":"headsetControlsRejection","params":{{"requestId":"x","reason":"{reason}"}}}}"#
    );
    hear(rig, from, "j1", &json);
}

/// The words of the client to the others since, which it hears itself.
fn said(rig: &mut Rig) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(xml) = rig.take_sent("media-message") {
        assert!(xml.contains(&format!(r#"from="{FULL}" to="{BARE}""#)), "{xml}");
        let json = &xml[xml.find('{').unwrap()..=xml.rfind('}').unwrap()];
        let json = json.replace("&quot;", "\"");
        said.push(match HeadsetMessage::read(&json).unwrap() {
            HeadsetMessage::Request { kind } => format!("request {}", kind.unwrap()),
            HeadsetMessage::Rejection { request, reason } => {
                format!("no to {}: {}", request.unwrap(), reason.unwrap())
            }
            HeadsetMessage::Changed { has_controls } => has_controls.to_string(),
            HeadsetMessage::Other(method) => method,
        });
        rig.frame(&xml.replacen(&format!(r#"to="{BARE}""#), &format!(r#"to="{FULL}""#), 1));
    }
    said
}

/// The changes told since.
fn told(rig: &mut Rig) -> Vec<HeadsetControls> {
    let controls = |event| match event {
        Event::HeadsetControls(controls) => Some(controls),
        _ => None,
    };
    rig.events.drain(..).filter_map(controls).collect()
}

fn ask(rig: &mut Rig) -> CommandId {
    rig.submit(Command::RequestHeadset).unwrap()
}

/// A client that has the headset.
fn owner(change: impl FnOnce(&mut Config)) -> Rig {
    let mut rig = Rig::ready_with(change);
    let command = ask(&mut rig);
    said(&mut rig);
    rig.wait(LIMIT);
    assert_eq!(said(&mut rig), ["true"]);
    assert_eq!(told(&mut rig), [Negotiating, HasControls]);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    rig
}

/// A client that wants the headset, which another one has.
fn loser() -> Rig {
    let mut rig = owner(|_| {});
    changed(&mut rig, OTHER, true);
    assert_eq!(said(&mut rig), ["false"]);
    assert_eq!(told(&mut rig), [AlternativeClient]);
    rig
}

#[test]
fn hs_3_wire_6_16_alone_it_has_the_headset_after_a_second_and_a_half() {
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    assert_eq!(said(&mut rig), ["request standard"]);
    rig.wait(LIMIT - Duration::from_millis(1));
    assert_eq!(told(&mut rig), [Negotiating]);
    assert_eq!(rig.completion(command), None);
    rig.wait(Duration::from_millis(1));
    assert_eq!(said(&mut rig), ["true"]);
    assert_eq!(told(&mut rig), [HasControls]);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let again = ask(&mut rig);
    assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));
    assert!(said(&mut rig).is_empty() && told(&mut rig).is_empty());
}

/// Behind a slow network it is not taken before anybody could refuse.
#[test]
fn hs_3_the_others_have_their_time_from_when_the_request_comes_back() {
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    rig.wait(3 * LIMIT);
    assert_eq!(said(&mut rig), ["request standard"]);
    rig.wait(LIMIT - Duration::from_millis(1));
    assert_eq!(told(&mut rig), [Negotiating]);
    rejection(&mut rig, OTHER, "activeCall");
    assert_eq!(rig.failure(command), Some(ErrorKind::Session));
    // One that never comes back, and was perhaps delivered to nobody.
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    rig.wait(4 * LIMIT);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(told(&mut rig), [Negotiating, HasControls]);
}

#[test]
fn hs_4_an_idle_owner_says_nothing_and_gives_it_up_once_it_is_taken() {
    let mut rig = owner(|_| {});
    request(&mut rig, OTHER, "standard");
    assert!(said(&mut rig).is_empty() && told(&mut rig).is_empty());
    changed(&mut rig, OTHER, true);
    assert_eq!(said(&mut rig), ["false"]);
    assert_eq!(told(&mut rig), [AlternativeClient]);
}

#[test]
fn hs_4_who_has_a_call_keeps_it() {
    let mut rig = owner(|_| {});
    rig.connected_call("M1", "C1");
    request(&mut rig, OTHER, "standard");
    assert_eq!(said(&mut rig), ["no to r1: activeCall"]);
    assert!(told(&mut rig).is_empty());
}

/// For the official client, which was away when it was taken, and believes that it still has it.
#[test]
fn hs_3_who_has_it_says_so_again_when_a_call_begins() {
    let mut rig = Rig::idle(LA1P);
    ask(&mut rig);
    assert_eq!(said(&mut rig), ["request standard"]);
    rig.wait(LIMIT);
    assert_eq!(said(&mut rig), ["true"]);
    for call in ["C1", "C2"] {
        rig.conv(call, "inbound", "alerting");
        assert!(said(&mut rig).is_empty());
        rig.conv(call, "inbound", "connected");
        assert_eq!(said(&mut rig), ["true"]);
        rig.conv(call, "inbound", "terminated");
    }
    rig.wait(LIMIT);
    assert!(said(&mut rig).is_empty());
}

#[test]
fn hs_4_hs_5_a_lower_rank_is_refused() {
    let prioritized = |config: &mut Config| config.headset_rank = HeadsetRank::Prioritized;
    let helper = |config: &mut Config| config.headset_rank = HeadsetRank::MediaHelper;
    for (kind, word) in [("standard", "priority"), ("unheard of", "priority")] {
        let mut rig = owner(prioritized);
        request(&mut rig, OTHER, kind);
        assert_eq!(said(&mut rig), [format!("no to r1: {word}")]);
    }
    let mut rig = owner(helper);
    request(&mut rig, OTHER, "prioritized");
    assert_eq!(said(&mut rig), ["no to r1: mediaHelper"]);
    let mut rig = owner(prioritized);
    rig.connected_call("M1", "C1");
    request(&mut rig, OTHER, "mediaHelper");
    request(&mut rig, OTHER, "prioritized");
    assert!(said(&mut rig).is_empty(), "it may have it, in a call too ");
    changed(&mut rig, OTHER, true);
    assert_eq!(said(&mut rig), ["false"]);
}

#[test]
fn hs_4_a_refusal_ends_the_negotiation_with_its_reason() {
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    rejection(&mut rig, OTHER, "activeCall");
    let Some(Err(error)) = rig.completion(command) else { panic!("not refused") };
    assert_eq!((error.kind, error.service_code()), (ErrorKind::Session, Some("activeCall")));
    assert_eq!(told(&mut rig), [Negotiating, AlternativeClient]);
    said(&mut rig);
    rig.wait(LIMIT);
    assert!(said(&mut rig).is_empty());
    rejection(&mut rig, OTHER, "activeCall");
    assert!(told(&mut rig).is_empty());
}

#[test]
fn hs_4_of_two_that_ask_at_once_the_later_has_it() {
    // Ours came first: it is left to the other.
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    said(&mut rig);
    request(&mut rig, OTHER, "standard");
    assert_eq!(told(&mut rig), [Negotiating, AlternativeClient]);
    assert_eq!(rig.failure(command), Some(ErrorKind::Session));
    changed(&mut rig, OTHER, true);
    rig.wait(4 * LIMIT);
    assert!(said(&mut rig).is_empty() && told(&mut rig).is_empty());
    // Theirs came first: ours has not come back yet.
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    request(&mut rig, OTHER, "standard");
    assert_eq!(said(&mut rig), ["request standard"]);
    rig.wait(LIMIT);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    // A higher rank has it in either case.
    let mut rig = Rig::ready();
    ask(&mut rig);
    request(&mut rig, OTHER, "mediaHelper");
    assert_eq!(told(&mut rig), [Negotiating, AlternativeClient]);
}

/// It is taken by one that hears our request after that, and might refuse it.
#[test]
fn hs_4_what_was_taken_before_it_was_asked_for_is_no_refusal() {
    for refused in [false, true] {
        let mut rig = Rig::ready();
        let command = ask(&mut rig);
        changed(&mut rig, OTHER, true);
        assert_eq!(told(&mut rig), [Negotiating]);
        assert_eq!(said(&mut rig), ["request standard"]);
        if refused {
            rejection(&mut rig, OTHER, "activeCall");
            assert_eq!(rig.failure(command), Some(ErrorKind::Session));
            assert_eq!(told(&mut rig), [AlternativeClient]);
        } else {
            rig.wait(LIMIT);
            assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
            assert_eq!(told(&mut rig), [HasControls]);
        }
    }
    // After it was asked for it is.
    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    said(&mut rig);
    changed(&mut rig, OTHER, true);
    assert_eq!(rig.failure(command), Some(ErrorKind::Session));
}

#[test]
fn def_18_what_was_left_to_a_client_that_does_not_take_it_is_asked_for_again() {
    let mut rig = Rig::ready();
    ask(&mut rig);
    said(&mut rig);
    request(&mut rig, OTHER, "standard");
    rig.wait(2 * LIMIT);
    assert_eq!(said(&mut rig), ["request standard"]);
    rig.wait(LIMIT);
    assert_eq!(said(&mut rig), ["true"]);
}

#[test]
fn def_18_it_is_asked_for_again_when_the_owner_gives_it_up() {
    let mut rig = loser();
    changed(&mut rig, THIRD, false);
    assert!(said(&mut rig).is_empty(), "that one did not have it");
    changed(&mut rig, THIRD, true);
    changed(&mut rig, OTHER, false);
    assert!(said(&mut rig).is_empty(), "the third has it now");
    changed(&mut rig, THIRD, false);
    assert_eq!(said(&mut rig), ["request standard"]);
    rig.wait(LIMIT);
    assert_eq!(said(&mut rig), ["true"]);
    assert_eq!(told(&mut rig), [Negotiating, HasControls]);
}

#[test]
fn def_18_it_is_asked_for_again_when_the_owner_goes() {
    let mut rig = loser();
    for gone in [THIRD, OTHER] {
        assert!(said(&mut rig).is_empty());
        rig.frame(&format!(
            r#"<presence xmlns="jabber:client" type="unavailable" from="{gone}" to="{FULL}"/>"#
        ));
    }
    assert_eq!(said(&mut rig), ["request standard"]);
}

#[test]
fn def_18_it_is_asked_for_again_though_another_said_no_than_the_one_that_had_it() {
    // Which one had it is not known, or is.
    for known in [false, true] {
        let mut rig = Rig::ready();
        ask(&mut rig);
        if known {
            changed(&mut rig, THIRD, true);
            rig.connected_call("M1", "C1");
        }
        rejection(&mut rig, OTHER, "activeCall");
        assert_eq!(told(&mut rig).last(), Some(&AlternativeClient), "{known}");
        said(&mut rig);
        changed(&mut rig, THIRD, false);
        assert_eq!(said(&mut rig), ["request standard"], "{known}");
    }
}

#[test]
fn hs_4_who_does_not_have_it_refuses_it_to_nobody_for_a_call() {
    let mut rig = owner(|_| {});
    rig.connected_call("M1", "C1");
    changed(&mut rig, OTHER, true);
    said(&mut rig);
    request(&mut rig, THIRD, "standard");
    assert!(said(&mut rig).is_empty());
}

#[test]
fn def_18_an_owner_of_a_lower_rank_that_asks_anew_has_it_no_longer() {
    let mut rig = Rig::ready_with(|config| config.headset_rank = HeadsetRank::MediaHelper);
    ask(&mut rig);
    rejection(&mut rig, OTHER, "activeCall");
    said(&mut rig);
    request(&mut rig, THIRD, "standard");
    assert_eq!(said(&mut rig), ["no to r1: mediaHelper"]);
    request(&mut rig, OTHER, "standard");
    assert_eq!(said(&mut rig), ["request mediaHelper"]);
    rig.wait(LIMIT);
    assert_eq!(said(&mut rig), ["true"]);
}

#[test]
fn def_18_who_refused_it_and_gives_it_up_before_having_it_says_so() {
    let mut rig = Rig::ready_with(|config| config.headset_rank = HeadsetRank::MediaHelper);
    ask(&mut rig);
    request(&mut rig, OTHER, "standard");
    assert_eq!(said(&mut rig), ["request mediaHelper", "no to r1: mediaHelper"]);
    rig.submit(Command::ReleaseHeadset).unwrap();
    assert_eq!(said(&mut rig), ["false"]);
}

#[test]
fn def_18_it_is_asked_for_again_with_a_call_of_our_own() {
    let mut rig = loser();
    rig.connected_call_keeping("M1", "C1");
    assert_eq!(told(&mut rig), [Negotiating]);
    rejection(&mut rig, OTHER, "activeCall");
    rig.conv("C1", "inbound", "connected");
    assert!(said(&mut rig).is_empty(), "once for a call");
    assert_eq!(told(&mut rig), [AlternativeClient]);
}

#[test]
fn def_18_what_was_agreed_is_asked_anew_after_a_reconnect() {
    for mut rig in [owner(|_| {}), loser()] {
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        rig.login();
        assert_eq!(told(&mut rig), [Negotiating]);
        // The request was lost in the login.
        rig.wait(4 * LIMIT);
        assert_eq!(said(&mut rig), ["true"]);
        assert_eq!(told(&mut rig).last(), Some(&HasControls));
    }
}

#[test]
fn hs_2_a_release_is_told_and_ends_all_of_it() {
    let mut rig = owner(|_| {});
    let release = rig.submit(Command::ReleaseHeadset).unwrap();
    assert_eq!(said(&mut rig), ["false"]);
    assert_eq!(told(&mut rig), [NotStarted]);
    assert_eq!(rig.completion(release), Some(Ok(Outcome::Done)));
    request(&mut rig, OTHER, "standard");
    changed(&mut rig, OTHER, true);
    changed(&mut rig, OTHER, false);
    rig.submit(Command::ReleaseHeadset).unwrap();
    assert!(said(&mut rig).is_empty() && told(&mut rig).is_empty());

    let mut rig = Rig::ready();
    let command = ask(&mut rig);
    rig.submit(Command::ReleaseHeadset).unwrap();
    assert_eq!(rig.failure(command), Some(ErrorKind::Cancelled));
    said(&mut rig);
    rig.wait(LIMIT);
    assert!(said(&mut rig).is_empty());
}

#[test]
fn hs_2_logging_out_leaves_it_to_the_others() {
    let mut rig = owner(|_| {});
    rig.submit(Command::Disconnect).unwrap();
    assert_eq!(rig.take_sent("media-message").map(|xml| xml.contains("false")), Some(true));
    assert_eq!(told(&mut rig), [NotStarted]);
}

#[test]
fn hs_7_without_orchestration_nobody_is_asked_or_heard() {
    let mut rig = Rig::ready_with(|config| config.headset_orchestration = false);
    let command = ask(&mut rig);
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    changed(&mut rig, OTHER, true);
    request(&mut rig, OTHER, "mediaHelper");
    rig.submit(Command::ReleaseHeadset).unwrap();
    assert!(said(&mut rig).is_empty());
    assert_eq!(told(&mut rig), [HasControls, NotStarted]);
}

#[test]
fn hs_1_a_headset_is_for_an_agent_with_a_phone_who_is_there() {
    let mut rig = Rig::ready_with(|config| {
        config.allowed_session_types = vec![SessionType::CollaborateVideo];
    });
    let refused = rig.submit(Command::RequestHeadset);
    assert_eq!(refused.unwrap_err().kind, ErrorKind::NotSupported);
    let refused = Rig::new().submit(Command::RequestHeadset);
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Session);
}

#[test]
fn hs_3_strangers_and_what_cannot_be_read_change_nothing() {
    let mut rig = owner(|_| {});
    for from in ["u2@org.example/res-b", BARE, "call@gjoll.example/i-1"] {
        changed(&mut rig, from, true);
    }
    for json in ["", "7", "{}", "[1]", r#"{"method":"headsetControlsChanged"}"#] {
        hear(&mut rig, OTHER, "m", json);
        assert!(matches!(rig.events.pop_front(), Some(Event::Malformed { .. })), "{json}");
    }
    hear(&mut rig, OTHER, "m", r#"{"method":"somethingElse","params":[]}"#);
    assert!(said(&mut rig).is_empty() && told(&mut rig).is_empty());
}

proptest! {
    /// Whatever the others say and in whatever order: each command is answered once (the rig sees to it),
    /// and it ends with one owner.
    #[test]
    fn hs_4_any_words_in_any_order(steps in prop::collection::vec((0..9_u8, any::<bool>()), 0..40)) {
        let mut rig = Rig::ready();
        for (step, flag) in steps {
            let from = if flag { OTHER } else { THIRD };
            match step {
                0 => { ask(&mut rig); }
                1 => { rig.submit(Command::ReleaseHeadset).unwrap(); }
                2 => request(&mut rig, from, "standard"),
                3 => request(&mut rig, from, "mediaHelper"),
                4 => changed(&mut rig, from, true),
                5 => changed(&mut rig, from, false),
                6 => rejection(&mut rig, from, "priority"),
                7 => rig.wait(Duration::from_millis(700)),
                _ => { said(&mut rig); }
            }
        }
        said(&mut rig);
        told(&mut rig);
        changed(&mut rig, OTHER, true);
        let command = ask(&mut rig);
        said(&mut rig);
        rig.wait(LIMIT);
        prop_assert_eq!(said(&mut rig), ["true"]);
        prop_assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
        prop_assert_eq!(told(&mut rig).pop(), Some(HasControls));
    }
}
