//! Whatever the order, whatever is lost or repeated: every ringing call ends once, every session
//! ends once, every command is answered once, and nothing is left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::rig::{FULL, JINGLE_OFFER, LA1, LA1P, LA100, LA100P, OTHER, PEER, Rig};
use crate::genesys::{Command, Dial, Event};
use crate::machine::{CommandId, WsEvent};

/// Something that happens to one of three calls.
#[derive(Clone, Debug)]
enum Step {
    Propose { call: usize, auto: bool, sdp: bool },
    Retract(usize),
    Elsewhere { call: usize, accepts: bool },
    OfferSdp(usize),
    OfferJingle(usize),
    Conversation { call: usize, state: usize, muted: bool },
    Terminate { call: usize, jingle: bool },
    Eager(usize),
    Reinvite { call: usize, session: usize },
    Media(usize),
    Command { call: usize, which: usize },
    Rest { ok: bool },
    Drop,
    Wait(u64),
}

const STATES: [&str; 7] =
    ["alerting", "contacting", "dialing", "connected", "disconnected", "terminated", "hold"];

fn step() -> impl Strategy<Value = Step> {
    let call = 0..3_usize;
    prop_oneof![
        3 => (call.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(call, auto, sdp)| Step::Propose { call, auto, sdp }),
        1 => call.clone().prop_map(Step::Retract),
        1 => (call.clone(), any::<bool>())
            .prop_map(|(call, accepts)| Step::Elsewhere { call, accepts }),
        3 => call.clone().prop_map(Step::OfferSdp),
        2 => call.clone().prop_map(Step::OfferJingle),
        5 => (call.clone(), 0..STATES.len(), any::<bool>())
            .prop_map(|(call, state, muted)| Step::Conversation { call, state, muted }),
        1 => (call.clone(), any::<bool>())
            .prop_map(|(call, jingle)| Step::Terminate { call, jingle }),
        1 => call.clone().prop_map(Step::Eager),
        1 => (call.clone(), 0..5_usize)
            .prop_map(|(call, session)| Step::Reinvite { call, session }),
        2 => (0..4_usize).prop_map(Step::Media),
        4 => (call, 0..8_usize).prop_map(|(call, which)| Step::Command { call, which }),
        3 => any::<bool>().prop_map(|ok| Step::Rest { ok }),
        1 => Just(Step::Drop),
        2 => (0..20_000_u64).prop_map(Step::Wait),
    ]
}

/// What the application was told and asked, counted.
#[derive(Default)]
struct Books {
    commands: Vec<CommandId>,
    /// By session id: rings less their ends, starts less their ends.
    ringing: BTreeMap<String, i32>,
    started: BTreeMap<String, i32>,
    calls: BTreeMap<String, i32>,
    /// By conversation: connected less ended.
    talking: BTreeMap<String, i32>,
}

impl Books {
    fn enter(&mut self, rig: &mut Rig) -> Result<(), TestCaseError> {
        for event in rig.events.drain(..) {
            match event {
                Event::PendingSession(pending) => {
                    let count = self.ringing.entry(pending.conversation.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} rings twice", pending.conversation);
                }
                Event::CancelPendingSession { conversation, .. }
                | Event::HandledPendingSession { conversation, .. } => {
                    let count = self.ringing.entry(conversation.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} ends ringing twice", conversation);
                }
                Event::SessionStarted(session) => {
                    let count = self.started.entry(session.id.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} starts twice", session.id);
                }
                Event::SessionReplaced { session, old } => {
                    let count = self.started.entry(old.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} is replaced without being there", old);
                    let count = self.started.entry(session.id.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} starts twice", session.id);
                }
                Event::SessionEnded { session, .. } => {
                    let count = self.started.entry(session.id.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} ends twice", session.id);
                }
                Event::CallConnected { call, .. } => {
                    let count = self.talking.entry(call.id.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} connects twice", call.id);
                }
                Event::CallEnded { conversation, .. } => {
                    let count = self.talking.entry(conversation.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} ends twice", conversation);
                }
                Event::ConversationUpdate(update) => {
                    for added in &update.added {
                        let count = self.calls.entry(added.id.to_string()).or_default();
                        *count += 1;
                        prop_assert!(*count <= 1, "{} is added twice", added.id);
                        prop_assert!(update.current.iter().any(|c| c.id == added.id));
                    }
                    for removed in &update.removed {
                        *self.calls.entry(removed.id.to_string()).or_default() = 0;
                        prop_assert!(update.current.iter().all(|c| c.id != removed.id));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn play(rig: &mut Rig, step: &Step, books: &mut Books) {
    let session = |call: &usize| format!("M{call}");
    let conversation = |call: &usize| format!("C{call}");
    match step {
        Step::Rest { ok } => {
            if let Some(asked) = rig.asked.pop_front() {
                let body = match asked.what.as_str() {
                    "POST /conversations/calls" => json!({"id": "C0"}),
                    what if what.starts_with("GET /conversations/") => {
                        let id = what.rsplit('/').next().unwrap();
                        json!({"id": id, "participants": [{"id": format!("P-{id}"),
                            "purpose": "agent", "userId": "user-1",
                            "calls": [{"id": "K", "state": "alerting"}]}]})
                    }
                    _ => Value::Null,
                };
                rig.respond(asked.id, if *ok { 200 } else { 500 }, &body);
            }
            return;
        }
        Step::Wait(ms) => return rig.wait_acknowledging(Duration::from_millis(*ms)),
        Step::Command { call, which } => {
            let conversation = conversation(call).into();
            let command = match which {
                0 | 1 => Command::AcceptPendingSession { conversation },
                2 => Command::RejectPendingSession { conversation },
                3 => Command::AcceptSession { conversation },
                4 => Command::EndSession { conversation },
                5 => Command::SetAudioMute { conversation, muted: true },
                6 => Command::StartSoftphoneSession(Dial::number("1")),
                _ => Command::ForceTerminateSession {
                    session: session(call).into(),
                    reason: crate::jingle::Reason::Success,
                },
            };
            // What is refused at once is answered thereby.
            books.commands.extend(rig.submit(command));
            return;
        }
        Step::Media(word) => {
            if rig.udp.is_some() {
                rig.media(["connected", "disconnected", "failed", "closed"][*word]);
            }
            return;
        }
        _ => {}
    }
    if rig.ws.is_none() {
        return;
    }
    match step {
        Step::Propose { call, auto, sdp } => {
            let auto = if *auto { r#"inin-autoanswer="true""# } else { "" };
            let sdp = if *sdp { r#"inin-sdp-over-xmpp="true""# } else { "" };
            rig.propose(&session(call), &conversation(call), &format!("{auto} {sdp}"));
        }
        Step::Retract(call) => rig.session_message(PEER, "retract", &session(call)),
        Step::Elsewhere { call, accepts } => {
            let how = if *accepts { "accept" } else { "reject" };
            rig.session_message(OTHER, how, &session(call));
        }
        Step::OfferSdp(call) => rig.offer(&session(call), &conversation(call)),
        Step::OfferJingle(call) => {
            rig.jingle("si", "session-initiate", &session(call), JINGLE_OFFER);
        }
        Step::Eager(call) => {
            let more = r#"inin-priv-answer-mode="Auto" inin-sdp-over-xmpp="true""#;
            rig.propose(&session(call), &conversation(call), more);
        }
        Step::Reinvite { call, session } => {
            let id = format!("r{}", rig.sequence());
            rig.reinvite(&id, &format!("M{session}"), &conversation(call));
        }
        Step::Conversation { call, state, muted } => {
            let more = json!({"muted": muted});
            rig.conv_with(&conversation(call), "inbound", STATES[*state], &more, "agent");
        }
        Step::Terminate { call, jingle: true } => {
            rig.jingle("st", "session-terminate", &session(call), "");
        }
        Step::Terminate { call, jingle: false } => {
            rig.rpc("terminate", &json!({"sessionId": session(call)}));
        }
        Step::Drop => rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() }),
        Step::Rest { .. } | Step::Wait(_) | Step::Command { .. } | Step::Media(_) => {}
    }
}

/// The service ends everything, and time passes.
fn put_to_rest(rig: &mut Rig) {
    if rig.ws.is_none() {
        rig.login();
    }
    for call in 0..5 {
        rig.conv(&format!("C{call}"), "inbound", "terminated");
        rig.session_message(PEER, "retract", &format!("M{call}"));
        rig.jingle("st", "session-terminate", &format!("M{call}"), "");
        rig.rpc("terminate", &json!({"sessionId": format!("M{call}")}));
    }
    rig.asked.clear();
    rig.wait_acknowledging(Duration::from_secs(240));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_order_of_everything_ends_well(
        station in prop::sample::select(vec![LA1, LA1P, LA100, LA100P]),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut rig = Rig::on(station);
        let mut books = Books::default();
        for step in &steps {
            play(&mut rig, step, &mut books);
            if rig.ws.is_none() {
                rig.wait_for_login();
            }
            books.enter(&mut rig)?;
        }
        put_to_rest(&mut rig);
        books.enter(&mut rig)?;
        for command in &books.commands {
            prop_assert!(rig.completion(*command).is_some(), "{command:?} is never answered");
        }
        prop_assert!(books.ringing.values().all(|n| *n == 0), "still ringing: {:?}", books.ringing);
        prop_assert!(books.started.values().all(|n| *n == 0), "still up: {:?}", books.started);
        prop_assert!(books.talking.values().all(|n| *n == 0), "still talking: {:?}", books.talking);
        prop_assert!(books.calls.values().all(|n| *n == 0), "still listed: {:?}", books.calls);
        prop_assert_eq!(rig.client.remembered(), 0);
        prop_assert!(rig.client.is_connected());
    }

    #[test]
    fn after_a_refresh_the_clients_view_is_the_services(
        station in prop::sample::select(vec![LA1, LA1P, LA100, LA100P]),
        steps in prop::collection::vec(step(), 1..40),
        there in prop::array::uniform3(any::<bool>()),
    ) {
        let mut rig = Rig::on(station);
        let mut books = Books::default();
        for step in &steps {
            play(&mut rig, step, &mut books);
            if rig.ws.is_none() {
                rig.wait_for_login();
            }
            books.enter(&mut rig)?;
        }
        // Calls whose media was tampered with may end by their own rules.
        let calm = steps.iter().all(|step| {
            !matches!(step, Step::Media(_) | Step::Terminate { .. } | Step::Command { .. })
        });
        let talking = books.talking.clone();
        let entities: Vec<_> = (0..3)
            .filter(|call| there[*call])
            .map(|call| json!({"id": format!("C{call}"), "participants": [
                {"id": format!("P-C{call}"), "purpose": "agent", "userId": "user-1", "calls": [
                    {"id": format!("K-C{call}"), "state": "connected", "held": true}]}]}))
            .collect();
        rig.listing = Some(json!({"entities": entities}));
        rig.asked.clear();
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        rig.login();
        rig.answer_listing();
        books.enter(&mut rig)?;
        let count = |book: &BTreeMap<String, i32>, call: &str| book.get(call).copied().unwrap_or(0);
        for (n, there) in there.iter().enumerate() {
            let call = format!("C{n}");
            if *there {
                let still = count(&books.talking, &call) >= count(&talking, &call);
                prop_assert!(still || !calm, "{call} is lost");
            } else {
                prop_assert_eq!(count(&books.talking, &call), 0, "{} is over", call);
                prop_assert_eq!(count(&books.ringing, &call), 0, "{} is over", call);
            }
        }
    }

    #[test]
    fn any_frame_is_survived(text in "\\PC{0,200}|<[a-z:]{1,10}( xmlns=\"[a-z:]{0,20}\")?/?>") {
        let mut rig = Rig::ready();
        rig.frame(&text);
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="get" id="p" to="{FULL}"><ping xmlns="urn:xmpp:ping"/></iq>"#
        ));
        if !text.contains("close") {
            prop_assert!(rig.client.is_connected());
            prop_assert!(rig.sent().iter().any(|text| text.contains(r#"id="p""#)));
        }
    }
}
