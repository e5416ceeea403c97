//! Stories of a phone with three calls, in any order: generated, told in words, and played.

use std::fmt;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::rig::{JINGLE_OFFER, LA1, LA1P, LA100, LA100P, OTHER, PEER, Rig, ST0};
use crate::genesys::{Command, Dial};
use crate::machine::{CommandId, NetError, NetErrorKind, WsEvent};

/// A phone, and what happens to it. Printed, it reads as a story: that is what a failure shrinks
/// to.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) station: (u32, bool),
    pub(super) steps: Vec<Step>,
}

/// Something that happens to one of three calls, or to all.
#[derive(Clone)]
pub(super) enum Step {
    Propose { call: usize, session: usize, auto: bool, sdp: bool },
    Eager(usize),
    Retract(usize),
    Elsewhere { call: usize, accepts: bool },
    OfferSdp { call: usize, session: usize },
    OfferJingle(usize),
    Reinvite { call: usize, session: usize },
    Candidate(usize),
    Terminate { call: usize, jingle: bool },
    Conversation { call: usize, outbound: bool, state: usize, flag: usize },
    Persistent(usize),
    Station { there: bool },
    Media(usize),
    Command { call: usize, which: usize },
    Rest { ok: bool },
    Drop,
    Wait(u64),
}

const STATES: [&str; 7] =
    ["alerting", "contacting", "dialing", "connected", "disconnected", "terminated", "hold"];
const FLAGS: [&str; 5] = ["", "muted", "held", "confined", "in error"];
const MEDIA: [&str; 4] = ["connected", "disconnected", "failed", "closed"];
const PERSISTENT: [&str; 4] = ["PERSISTED", "ACTIVE_CALL", "DISCONNECTED", "FAILED"];
const COMMANDS: [&str; 10] = [
    "answers",
    "answers",
    "declines",
    "accepts the media of",
    "hangs up",
    "mutes",
    "dials instead of",
    "terminates the session of",
    "holds",
    "resumes",
];

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lines, persistent) = self.station;
        let lasting = if persistent { ", whose session outlives calls" } else { "" };
        match lines {
            0 => write!(f, "Without a phone:")?,
            1 => write!(f, "On a phone with one line{lasting}:")?,
            _ => write!(f, "On a phone with many lines{lasting}:")?,
        }
        for (n, step) in self.steps.iter().enumerate() {
            write!(f, "\n  {}. {step:?}", n + 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signaling = |sdp: bool| if sdp { "SDP" } else { "Jingle" };
        match self {
            Self::Propose { call, session, auto, sdp } => {
                let manner = if *auto { "to be answered by itself, " } else { "" };
                write!(f, "C{call} is proposed as M{session}, {manner}by {}", signaling(*sdp))
            }
            Self::Eager(call) => write!(f, "M{call} is proposed without a call, for C{call}"),
            Self::Retract(call) => write!(f, "the proposal of M{call} is withdrawn"),
            Self::Elsewhere { call, accepts } => {
                let what = if *accepts { "accepts" } else { "rejects" };
                write!(f, "another client {what} M{call}")
            }
            Self::OfferSdp { call, session } => {
                write!(f, "M{session} is offered for C{call}, by SDP")
            }
            Self::OfferJingle(call) => write!(f, "M{call} is offered, by Jingle"),
            Self::Reinvite { call, session } => {
                write!(f, "M{session} is offered to carry on C{call}")
            }
            Self::Candidate(call) => write!(f, "a candidate of M{call} comes"),
            Self::Terminate { call, jingle } => {
                write!(f, "the service ends M{call}, by {}", signaling(!jingle))
            }
            Self::Conversation { call, outbound, state, flag } => {
                let way = if *outbound { "outbound" } else { "inbound" };
                write!(f, "C{call} is {way} and {}", STATES[*state])?;
                if *flag > 0 { write!(f, ", {}", FLAGS[*flag]) } else { Ok(()) }
            }
            Self::Persistent(state) => {
                write!(f, "the persistent connection is {}", PERSISTENT[*state])
            }
            Self::Station { there: true } => write!(f, "the phone is given back"),
            Self::Station { there: false } => write!(f, "the phone is taken away"),
            Self::Media(word) => write!(f, "the newest media is {}", MEDIA[*word]),
            Self::Command { call, which } => {
                write!(f, "the application {} C{call}", COMMANDS[*which])
            }
            Self::Rest { ok: true } => write!(f, "the service grants what it was asked first"),
            Self::Rest { ok: false } => write!(f, "the service refuses what it was asked first"),
            Self::Drop => write!(f, "the connection drops and comes back"),
            Self::Wait(ms) => write!(f, "{ms} ms pass"),
        }
    }
}

/// Stories of so many steps, on every kind of phone.
pub(super) fn story(steps: std::ops::Range<usize>) -> impl Strategy<Value = Story> {
    let station = prop::sample::select(vec![ST0, LA1, LA1P, LA100, LA100P]);
    (station, prop::collection::vec(step(), steps))
        .prop_map(|(station, steps)| Story { station, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let call = 0..3_usize;
    // Mostly each call's own session, and sometimes another's.
    let ids = prop_oneof![5 => (0..3_usize).prop_map(|n| (n, n)), 1 => (0..3_usize, 0..3_usize)];
    prop_oneof![
        6 => (ids.clone(), any::<bool>(), any::<bool>())
            .prop_map(|((call, session), auto, sdp)| Step::Propose { call, session, auto, sdp }),
        2 => call.clone().prop_map(Step::Eager),
        2 => call.clone().prop_map(Step::Retract),
        2 => (call.clone(), any::<bool>())
            .prop_map(|(call, accepts)| Step::Elsewhere { call, accepts }),
        6 => ids.prop_map(|(call, session)| Step::OfferSdp { call, session }),
        4 => call.clone().prop_map(Step::OfferJingle),
        2 => (call.clone(), 0..5_usize)
            .prop_map(|(call, session)| Step::Reinvite { call, session }),
        1 => call.clone().prop_map(Step::Candidate),
        2 => (call.clone(), any::<bool>())
            .prop_map(|(call, jingle)| Step::Terminate { call, jingle }),
        10 => (call.clone(), any::<bool>(), 0..STATES.len(), 0..FLAGS.len()).prop_map(
            |(call, outbound, state, flag)| Step::Conversation { call, outbound, state, flag }
        ),
        1 => (0..PERSISTENT.len()).prop_map(Step::Persistent),
        1 => any::<bool>().prop_map(|there| Step::Station { there }),
        4 => (0..MEDIA.len()).prop_map(Step::Media),
        8 => (call, 0..COMMANDS.len()).prop_map(|(call, which)| Step::Command { call, which }),
        6 => any::<bool>().prop_map(|ok| Step::Rest { ok }),
        2 => Just(Step::Drop),
        4 => (0..20_000_u64).prop_map(Step::Wait),
    ]
}

/// Lets it happen. The commands that were taken are entered in the list.
pub(super) fn play(rig: &mut Rig, step: &Step, commands: &mut Vec<CommandId>) {
    let session = |call: &usize| format!("M{call}");
    let conversation = |call: &usize| format!("C{call}");
    if rig.ws.is_none() {
        // Lost while nothing happened.
        rig.wait_for_login();
    }
    match step {
        Step::Propose { call, session: of, auto, sdp } => {
            let auto = if *auto { r#"inin-autoanswer="true""# } else { "" };
            let sdp = if *sdp { r#"inin-sdp-over-xmpp="true""# } else { "" };
            rig.propose(&session(of), &conversation(call), &format!("{auto} {sdp}"));
        }
        Step::Eager(call) => {
            let more = r#"inin-priv-answer-mode="Auto" inin-sdp-over-xmpp="true""#;
            rig.propose(&session(call), &conversation(call), more);
        }
        Step::Retract(call) => rig.session_message(PEER, "retract", &session(call)),
        Step::Elsewhere { call, accepts } => {
            let how = if *accepts { "accept" } else { "reject" };
            rig.session_message(OTHER, how, &session(call));
        }
        Step::OfferSdp { call, session: of } => rig.offer(&session(of), &conversation(call)),
        Step::OfferJingle(call) => {
            rig.jingle("si", "session-initiate", &session(call), JINGLE_OFFER);
        }
        Step::Reinvite { call, session } => {
            let id = format!("r{}", rig.sequence());
            rig.reinvite(&id, &format!("M{session}"), &conversation(call));
        }
        Step::Candidate(call) => {
            let sdp = "m=0 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n";
            rig.rpc("iceCandidate", &json!({"sessionId": session(call), "sdp": sdp}));
        }
        Step::Terminate { call, jingle: true } => {
            rig.jingle("st", "session-terminate", &session(call), "");
        }
        Step::Terminate { call, jingle: false } => {
            rig.rpc("terminate", &json!({"sessionId": session(call)}));
        }
        Step::Conversation { call, outbound, state, flag } => {
            let more = match *flag {
                0 => json!({}),
                4 => json!({"errorInfo": {"code": "error.busy", "message": "no"}}),
                flag => json!({FLAGS[flag]: true}),
            };
            let way = if *outbound { "outbound" } else { "inbound" };
            rig.conv_with(&conversation(call), way, STATES[*state], &more, "agent");
        }
        Step::Persistent(state) => {
            let body = json!({"persistentState": PERSISTENT[*state],
                "errorInfo": {"code": "error.persistent"}});
            rig.notify("v2.users.user-1.persistentconnection", &body);
        }
        Step::Station { there } => {
            let (action, id) = if *there {
                ("Associated", json!("station-1"))
            } else {
                ("Disassociated", Value::Null)
            };
            let json = json!({"metadata": {"action": action},
                "eventBody": {"associatedStation": {"id": id}}});
            rig.publish("v2.users.user-1.station", &json);
        }
        Step::Media(word) => {
            if rig.udp.is_some() {
                rig.media(MEDIA[*word]);
            }
        }
        Step::Command { call, which } => {
            let command = command(*which, &session(call), &conversation(call));
            // What is refused at once is answered thereby.
            commands.extend(rig.submit(command));
        }
        Step::Rest { ok } => answer_first(rig, *ok),
        Step::Drop => rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() }),
        Step::Wait(ms) => rig.wait_acknowledging(Duration::from_millis(*ms)),
    }
    if rig.ws.is_none() {
        rig.wait_for_login();
    }
}

fn command(which: usize, session: &str, conversation: &str) -> Command {
    let conversation = conversation.into();
    match which {
        0 | 1 => Command::AcceptPendingSession { conversation },
        2 => Command::RejectPendingSession { conversation },
        3 => Command::AcceptSession { conversation },
        4 => Command::EndSession { conversation },
        5 => Command::SetAudioMute { conversation, muted: true },
        6 => Command::StartSoftphoneSession(Dial::number("1")),
        7 => Command::ForceTerminateSession {
            session: session.into(),
            reason: crate::jingle::Reason::Success,
        },
        8 => Command::SetConversationHeld { conversation, held: true },
        _ => Command::SetConversationHeld { conversation, held: false },
    }
}

fn answer_first(rig: &mut Rig, ok: bool) {
    let Some(asked) = rig.asked.pop_front() else { return };
    let body = match asked.what.as_str() {
        "POST /conversations/calls" => json!({"id": "C0"}),
        what if what.starts_with("GET /stations") => rig.station_body(),
        what if what.starts_with("GET /conversations/") => {
            let id = what.rsplit('/').next().unwrap_or_default();
            json!({"id": id, "participants": [{"id": format!("P-{id}"),
                "purpose": "agent", "userId": "user-1",
                "calls": [{"id": "K", "state": "alerting"}]}]})
        }
        _ => Value::Null,
    };
    rig.respond(asked.id, if ok { 200 } else { 500 }, &body);
}

/// Ends everything in the service, and lets time pass.
pub(super) fn put_to_rest(rig: &mut Rig) {
    for call in 0..5 {
        rig.conv(&format!("C{call}"), "inbound", "terminated");
        rig.session_message(PEER, "retract", &format!("M{call}"));
        rig.jingle("st", "session-terminate", &format!("M{call}"), "");
        rig.rpc("terminate", &json!({"sessionId": format!("M{call}")}));
    }
    for _ in 0..2 {
        // As a runtime does: each request is answered, if only by its deadline.
        while let Some(asked) = rig.asked.pop_front() {
            rig.http_fails(asked.id, NetError::new(NetErrorKind::Timeout, "no answer"));
        }
        rig.wait_acknowledging(Duration::from_secs(120));
    }
}

#[test]
fn a_story_reads_as_one() {
    let steps = vec![
        Step::Propose { call: 1, session: 1, auto: true, sdp: true },
        Step::Conversation { call: 1, outbound: false, state: 3, flag: 2 },
        Step::Command { call: 1, which: 4 },
        Step::Wait(1500),
    ];
    let story = Story { station: LA1P, steps };
    assert_eq!(
        format!("{story:?}"),
        "On a phone with one line, whose session outlives calls:\n  \
         1. C1 is proposed as M1, to be answered by itself, by SDP\n  \
         2. C1 is inbound and connected, held\n  \
         3. the application hangs up C1\n  \
         4. 1500 ms pass"
    );
    assert_eq!(format!("{story:?}"), format!("{story:#?}"));
}
