//! The transition, input by input (behaviour notes 3.3, 4.2, 4.3).

use std::sync::LazyLock;
use std::time::Instant;

use serde_json::json;

use super::*;
use crate::genesys::ids::UserId;
use crate::genesys::wire::notice::Notice;

fn context(id: &ConversationId, now: Instant) -> Context<'_> {
    Context {
        id,
        now,
        shared: None,
        line: None,
        dialled: false,
        eager: EagerConnection::Auto,
        auto_answer_disabled: false,
        timing: &TIMING,
    }
}

static TIMING: LazyLock<Timing> = LazyLock::new(Timing::default);

fn leg(participant: &str, call: &str, state: &str) -> serde_json::Value {
    json!({"id": participant, "purpose": "agent", "userId": "u",
        "calls": [{"id": call, "state": state, "direction": "inbound"}]})
}

fn notice(participants: serde_json::Value) -> Notice<'static> {
    Notice::answered(&json!({"id": "C", "participants": participants})).unwrap()
}

fn find(participants: serde_json::Value, known: Option<&Leg>) -> Leg {
    Leg::find(&notice(participants), &UserId::from("u"), known).unwrap()
}

fn shown(id: &str, state: &str, held: bool) -> Conversation {
    let mut leg = find(json!([leg("p", "k", state)]), None);
    leg.call.held = held;
    leg.snapshot(&ConversationId::from(id), None)
}

#[test]
fn cv_5_def_26_of_several_legs_the_one_that_talks_stays_ours() {
    let talking = find(json!([leg("p1", "k1", "connected")]), None);
    let two = json!([leg("p1", "k1", "connected"), leg("p2", "k2", "alerting")]);
    assert_eq!(find(two.clone(), Some(&talking)).call.id.as_str(), "k1");
    assert_eq!(find(two, None).call.id.as_str(), "k2", "for a newcomer the newest counts");
    // The same flags on another leg are a change all the same.
    let moved = find(json!([leg("p2", "k2", "connected")]), Some(&talking));
    assert!(!moved.same(&talking));
}

#[test]
fn scenario_89_cv_10_def_17_which_conversation_is_the_active_one() {
    let about = ConversationId::from("C9");
    let pick = |list: &[Conversation]| active(list, &about).map(|id| id.to_string());
    assert_eq!(pick(&[]), None, "none is active when none is left");
    assert_eq!(pick(&[shown("C1", "alerting", false)]).as_deref(), Some("C1"));
    assert_eq!(
        pick(&[shown("C1", "terminated", false), shown("C2", "connected", false)]).as_deref(),
        Some("C2")
    );
    assert_eq!(
        pick(&[shown("C1", "connected", true), shown("C2", "alerting", false)]).as_deref(),
        Some("C1"),
        "the only connected one, even if held"
    );
    assert_eq!(
        pick(&[shown("C1", "connected", true), shown("C2", "connected", false)]).as_deref(),
        Some("C2")
    );
    let held = [shown("C1", "connected", true), shown("C9", "connected", true)];
    assert_eq!(pick(&held).as_deref(), Some("C9"), "all held: the one that it is about");
}

#[test]
fn a_step_repeated_changes_nothing_more() {
    let id = ConversationId::from("C");
    let now = crate::testing::epoch();
    let session = SessionId::from("M");
    let inputs = [
        Input::Told(find(json!([leg("p", "k", "alerting")]), None)),
        Input::Offered(session.clone()),
        Input::Told(find(json!([leg("p", "k", "connected")]), None)),
        Input::Accept,
        Input::AcceptFailed,
        Input::Retract(session.clone()),
        Input::Elsewhere(session.clone()),
        Input::Undelivered(session.clone()),
        Input::Refused(MediaError::NoCommonCodec),
        Input::MediaOver(session),
        Input::Time,
        Input::Told(find(json!([leg("p", "k", "terminated")]), None)),
        Input::Absent,
    ];
    let mut state = ConversationState::default();
    for input in inputs {
        let (once, _) = step(state, &context(&id, now), input.clone());
        let (twice, effects) = step(once.clone(), &context(&id, now), input.clone());
        if !matches!(input, Input::Offered(_)) {
            assert_eq!(twice, once, "{input:?}");
            let told = |effect: &Effect| {
                !matches!(effect, Effect::CallOver | Effect::Gone(_) | Effect::Report(..))
            };
            assert!(!effects.iter().any(told), "{input:?}: {effects:?}");
        }
        state = once;
    }
    assert!(state.is_over());
}

#[test]
fn what_nobody_tells_of_any_more_is_forgotten() {
    let id = ConversationId::from("C");
    let now = crate::testing::epoch();
    let told = Input::Told(find(json!([leg("p", "k", "alerting")]), None));
    let (state, _) = step(ConversationState::default(), &context(&id, now), told);
    let until = state.wake().expect("a limit");
    assert_eq!((until.at, until.reason), (now + TIMING.ringing, "call without media"));
    let (state, effects) = step(state, &context(&id, until.at), Input::Time);
    assert!(state.is_over());
    assert_eq!(effects, [Effect::CallOver], "and nothing is told of it");
}

#[test]
fn lc_13_a_conversation_has_one_limit_at_a_time() {
    let id = ConversationId::from("C");
    let (session, peer) = (SessionId::from("M"), "call@gjoll.example/i-1".parse().unwrap());
    let now = crate::testing::epoch();
    let invite = Invite::told(session.clone(), peer, false, now + TIMING.ringing);
    let told = Input::Told(find(json!([leg("p", "k", "connected")]), None));
    let ringing = (TIMING.ringing, "invitation limit");
    let alone = (TIMING.call_without_media, "call without media");
    let mut state = ConversationState::default();
    for (input, limit) in [
        (Input::Propose(invite), Some(ringing)),
        (Input::Accept, Some(ringing)),
        (Input::Offered(session.clone()), None),
        (told, None),
        (Input::MediaOver(session), Some(alone)),
        (Input::Time, Some(alone)),
    ] {
        state = step(state, &context(&id, now), input.clone()).0;
        let wake = state.wake().map(|wake| (wake.at - now, wake.reason));
        assert_eq!(wake, limit, "{input:?}");
    }
    let (state, _) = step(state, &context(&id, now + alone.0), Input::Time);
    assert!(state.is_over());
}
