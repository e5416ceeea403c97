//! The decision table on the client itself: every state × everything that may be under way × every
//! notification of w3.3, on time, twice and late (w4.0.2, w4.0.4).

use serde_json::{Value, json};

use super::rig::{Rig, answer_sdp, done, sdp};
use super::steps::{answer, change, changed, collect, hold, incoming, make, tell, up};
use crate::machine::HttpId;
use crate::ribbon::{
    CallId, CallState, Command, CustomParameter, Event, OperationKind, Transition,
};

/// The fourteen types of notifications, with and without a description where both mean something.
const NOTICES: [(&str, bool); 18] = [
    ("call", true),
    ("ringing", false),
    ("sessionProgress", true),
    ("sessionProgress", false),
    ("respondCallUpdate", true),
    ("respondCallUpdate", false),
    ("startCallUpdate", true),
    ("startCallUpdate", false),
    ("callEnd", false),
    ("callCancel", false),
    ("sessionComplete", false),
    ("sessionFail", false),
    ("IM", false),
    ("presenceWatcher", false),
    ("mwi", false),
    ("event:dialog", false),
    ("trying", false),
    ("custom", false),
];

/// Notifications that end the subscription, not the call.
const ENDS: [&str; 2] = ["gone", "websocketOverridden"];

/// A standing: how a call comes to be in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    PlacedInitiating,
    PlacedInitiated,
    PlacedRinging,
    Early,
    CameInitiating,
    CameInitiated,
    CameRinging,
    Connected,
    AnsweredConnected,
    LocalHold,
    RemoteHold,
    DualHold,
    Cancelled,
    Ended,
}

impl Standing {
    const ALL: [Self; 14] = [
        Self::PlacedInitiating,
        Self::PlacedInitiated,
        Self::PlacedRinging,
        Self::Early,
        Self::CameInitiating,
        Self::CameInitiated,
        Self::CameRinging,
        Self::Connected,
        Self::AnsweredConnected,
        Self::LocalHold,
        Self::RemoteHold,
        Self::DualHold,
        Self::Cancelled,
        Self::Ended,
    ];

    fn state(self) -> CallState {
        match self {
            Self::PlacedInitiating | Self::CameInitiating => CallState::Initiating,
            Self::PlacedInitiated | Self::CameInitiated => CallState::Initiated,
            Self::PlacedRinging | Self::CameRinging => CallState::Ringing,
            Self::Early => CallState::EarlyMedia,
            Self::Connected | Self::AnsweredConnected => CallState::Connected,
            Self::LocalHold | Self::RemoteHold | Self::DualHold => CallState::OnHold,
            Self::Cancelled => CallState::Cancelled,
            Self::Ended => CallState::Ended,
        }
    }

    /// A call that stands so, of the session `S1`.
    fn enter(self, rig: &mut Rig) -> CallId {
        let call = match self {
            Self::PlacedInitiating => {
                rig.submit(make("bob")).unwrap();
                collect(rig);
                rig.client.calls().last().unwrap().id.clone()
            }
            Self::PlacedInitiated | Self::PlacedRinging | Self::Early => {
                let (call, _) = rig.placed();
                match self {
                    Self::PlacedRinging => tell(rig, "ringing", "S1", None),
                    Self::Early => tell(rig, "sessionProgress", "S1", Some(answer_sdp("sendrecv"))),
                    _ => {}
                }
                call
            }
            Self::CameInitiating => incoming(rig, "S1", Some(sdp("sendrecv"))),
            Self::CameInitiated => {
                let call = incoming(rig, "S1", Some(sdp("sendrecv")));
                let asked = rig.take_of("ringing");
                rig.respond(asked.id, 500, &json!({}));
                call
            }
            Self::CameRinging => rig.ringing(),
            Self::AnsweredConnected => super::steps::answered(rig),
            Self::Connected | Self::LocalHold | Self::RemoteHold | Self::DualHold => {
                let call = up(rig, "S1");
                if matches!(self, Self::LocalHold | Self::DualHold) {
                    change(rig, hold(&call), "S1", "inactive");
                }
                if matches!(self, Self::RemoteHold | Self::DualHold) {
                    changed(rig, "S1", "inactive");
                }
                call
            }
            Self::Cancelled => {
                let call = rig.ringing();
                tell(rig, "callCancel", "S1", None);
                call
            }
            Self::Ended => {
                let call = up(rig, "S1");
                tell(rig, "callEnd", "S1", None);
                call
            }
        };
        rig.answer_audits();
        assert_eq!(rig.call(&call).state, self.state(), "{self:?}");
        call
    }
}

/// An operation of each class that a call may be in the middle of; those that a state has none of are not
/// begun.
const OPERATIONS: [&str; 14] = [
    "none",
    "hold",
    "unhold",
    "restart",
    "answer",
    "reject",
    "forward",
    "parameters",
    "transfer",
    "resync",
    "remote offer",
    "remote wish",
    "remote offer that waits",
    "end",
];

/// Begins an operation, to where the gateway is asked. The request that is open then.
fn begin(rig: &mut Rig, call: &CallId, operation: &str) -> Option<HttpId> {
    let id = || call.clone();
    let to = || "carol".to_owned();
    let command = match operation {
        "none" => return None,
        "hold" => hold(call),
        "unhold" => Command::Unhold { call: id() },
        "restart" => Command::RestartMedia { call: id() },
        "answer" => answer(call),
        "reject" => Command::Reject { call: id() },
        "forward" => Command::Forward { call: id(), to: to() },
        "parameters" => {
            let parameters = Some(vec![CustomParameter::new("a", "b")]);
            drop(rig.submit(Command::SetCustomParameters { call: id(), parameters }));
            Command::SendCustomParameters { call: id() }
        }
        "transfer" => Command::DirectTransfer { call: id(), to: to() },
        "resync" => Command::Resync { call: id() },
        "end" => Command::End { call: id() },
        remote => {
            let sdp = (remote != "remote wish").then(|| sdp("sendrecv"));
            if remote == "remote offer that waits" {
                tell(rig, "startCallUpdate", "S1", sdp.clone());
            }
            tell(rig, "startCallUpdate", "S1", sdp);
            collect(rig);
            return rig.asked.back().map(|asked| asked.id);
        }
    };
    rig.submit(command).ok()?;
    collect(rig);
    rig.asked.back().filter(|asked| !asked.what.ends_with("audit")).map(|asked| asked.id)
}

fn notice(rig: &mut Rig, (kind, described): (&str, bool)) {
    let text = match kind {
        "respondCallUpdate" => answer_sdp("sendrecv"),
        _ => sdp("sendrecv"),
    };
    let mut message = json!({
        "sessionParams": {"sessionData": "S1", "statusCode": 487, "reasonText": "why"},
        "imnotificationParams": {"msgText": "hi", "primaryContact": "sip:bob@example.com"},
        "presenceWatcherNotificationParams": {"name": "bob@example.com", "status": "open"},
        "mwiNotificationParam": {"mwi": "yes"},
    });
    if described {
        message["sessionParams"]["sdp"] = text.into();
    }
    rig.notify(kind, message);
}

/// The rules of a run of events: the states follow the diagram, nothing is told after the end, and each
/// operation takes its steps once and in order.
struct Watch {
    call: CallId,
    state: Option<CallState>,
    steps: Vec<(String, OperationKind, Vec<Transition>)>,
}

impl Watch {
    fn read(&mut self, rig: &mut Rig, why: &str) {
        for event in rig.events.drain(..) {
            match event {
                Event::CallState { call, previous, .. } if call.id == self.call => {
                    if let Some(before) = self.state {
                        assert_eq!(previous, before, "{why}: `previous` is what was told");
                        let stays = before.is_final() && call.state != before;
                        assert!(!stays, "{why}: {before} -> {}", call.state);
                        assert!(
                            may_follow(before, call.state),
                            "{why}: {before} -> {}",
                            call.state
                        );
                    }
                    self.state = Some(call.state);
                }
                Event::Operation { call, id, kind, transition, .. } if call == self.call => {
                    let id = id.to_string();
                    match self.steps.iter_mut().find(|(one, ..)| *one == id) {
                        Some((_, _, steps)) => {
                            let last = *steps.last().unwrap();
                            assert!(last < transition, "{why}: {kind} {last} {transition}");
                            let resumed = transition == Transition::Resume;
                            assert!(!resumed || last == Transition::Update, "{why}: {kind}");
                            steps.push(transition);
                        }
                        None => {
                            assert_eq!(transition, Transition::Start, "{why}: {kind}");
                            self.steps.push((id, kind, vec![transition]));
                        }
                    }
                }
                Event::TracksAdded { tracks, .. } | Event::TracksRemoved { tracks, .. } => {
                    assert!(!tracks.is_empty(), "{why}");
                }
                _ => {}
            }
        }
    }

    /// Every operation has come to its end.
    fn over(&self, why: &str) {
        for (_, kind, steps) in &self.steps {
            assert_eq!(steps.last(), Some(&Transition::Finish), "{why}: {kind} {steps:?}");
        }
    }
}

/// The diagram of w4.0.2.
fn may_follow(before: CallState, after: CallState) -> bool {
    use CallState as C;
    if before == after || after == C::Ended {
        return before == after || !before.is_final();
    }
    match before {
        C::Initiating => {
            matches!(after, C::Initiated | C::Ringing | C::EarlyMedia | C::Connected | C::Cancelled)
        }
        C::Initiated => {
            matches!(after, C::Ringing | C::EarlyMedia | C::Connected | C::Cancelled)
        }
        C::Ringing => matches!(after, C::EarlyMedia | C::Connected | C::Cancelled),
        C::EarlyMedia => matches!(after, C::Connected | C::Cancelled),
        C::Connected => after == C::OnHold,
        C::OnHold => after == C::Connected,
        C::Cancelled | C::Ended => false,
    }
}

/// One cell: a standing, an operation in its middle, a notification; then the reply, early or late; and the
/// notification once more. The call comes to its end by an end from here.
fn cell(standing: Standing, operation: &str, told: (&str, bool), late: bool) -> bool {
    let why = format!("{standing:?} × {operation} × {told:?}, late reply {late}");
    let mut rig = Rig::up();
    rig.compares = false;
    let call = standing.enter(&mut rig);
    let open = begin(&mut rig, &call, operation);
    let begun = open.is_some();
    let mut watch = Watch { call: call.clone(), state: None, steps: Vec::new() };
    // The operation itself may have told something.
    watch.read(&mut rig, &why);
    let reply = |rig: &mut Rig| {
        if let Some(id) = open {
            rig.respond(id, 200, &done());
        }
    };
    if !late {
        reply(&mut rig);
    }
    let before = rig.call(&call).state;
    watch.read(&mut rig, &why);
    notice(&mut rig, told);
    watch.read(&mut rig, &why);
    if before.is_final() {
        assert_eq!(rig.call(&call).state, before, "{why}: a final state stays");
    }
    notice(&mut rig, told);
    watch.read(&mut rig, &why);
    if late {
        reply(&mut rig);
        watch.read(&mut rig, &why);
    }
    let last = rig.call(&call).state;
    if !last.is_final() {
        rig.submit(Command::End { call: call.clone() }).unwrap();
    }
    watch.read(&mut rig, &why);
    let ended = rig.call(&call).state;
    assert!(ended.is_final(), "{why}");
    assert!(rig.call(&call).operations.is_empty(), "{why}");
    // A reply that comes twice, and what comes after the end, change nothing.
    reply(&mut rig);
    for late in [("respondCallUpdate", true), ("startCallUpdate", true), ("callEnd", false)] {
        notice(&mut rig, late);
    }
    watch.read(&mut rig, &why);
    assert_eq!(rig.call(&call).state, ended, "{why}: a final state stays");
    watch.over(&why);
    begun
}

/// All of them, without what only ends the subscription.
fn all(late: bool) {
    let (mut cells, mut begun) = (0, 0);
    for standing in Standing::ALL {
        for operation in OPERATIONS {
            for told in NOTICES {
                cells += 1;
                begun += usize::from(cell(standing, operation, told, late));
            }
        }
    }
    assert_eq!(cells, 14 * 14 * 18);
    assert!(begun > 1000, "the operations do begin: {begun}");
}

#[test]
fn w4_0_4_every_state_operation_and_notification_with_the_reply_before_it() {
    all(false);
}

#[test]
fn w4_0_4_every_state_operation_and_notification_with_the_reply_after_it() {
    all(true);
}

#[test]
fn re_004_w2_7_what_ends_the_subscription_ends_no_call() {
    for standing in Standing::ALL {
        for kind in ENDS {
            let mut rig = Rig::up();
            let call = standing.enter(&mut rig);
            let message: Value = json!({});
            rig.notify(kind, message.clone());
            assert_eq!(rig.call(&call).state, standing.state(), "{standing:?} {kind}");
            assert!(rig.client.subscriptions().subscribed.is_empty());
            // The socket is closed: nothing more is read of it.
            rig.notify(kind, message);
            if !standing.state().is_final() {
                rig.submit(Command::End { call: call.clone() }).unwrap();
                assert_eq!(rig.call(&call).state, CallState::Ended);
            }
        }
    }
}
