//! Clients that do as they please: the gateway never panics, never spins, and still answers.

mod common;

use std::time::Duration;

use common::gateway::{basic, gate};
use offhook::machine::UdpId;
use offhook_sim::service::{ConnId, Input, Output};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Step {
    Control { method: usize, path: usize, body: usize },
    Request { user: usize, method: usize, path: usize, body: usize, session: usize },
    Socket { conn: u64, channel: usize },
    Text { conn: u64, text: String },
    Closed(u64),
    Datagram(Vec<u8>),
    Udp,
    Wait(u64),
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
const CONTROL: [&str; 16] = [
    "ribbon/users",
    "ribbon/users/u0@example.com",
    "ribbon/subscriptions/drop",
    "ribbon/calls",
    "ribbon/parties",
    "ribbon/notify",
    "ribbon/weather",
    "ribbon/options",
    "ribbon/faults",
    "ribbon/calls/S/hangup",
    "ribbon/calls/S/hold",
    "ribbon/calls/S/answer",
    "ribbon/calls/S/elsewhere",
    "ribbon/calls/S/glare",
    "ribbon/calls/S/slow-start",
    "events?wait=10",
];
const CONTROL_BODIES: [&str; 10] = [
    "",
    "[]",
    "{}",
    r#"{"user":"u0","password":"pw","presence":{"status":7},"mwi":[],"services":[1]}"#,
    r#"{"to":"u0@example.com","slowStart":true,"customParameters":{"a":1},"channel":"both"}"#,
    r#"{"to":"u1@example.com","media":"video","farEnd":"echo"}"#,
    r#"{"address":"*","script":"early-media","afterMs":9999999999}"#,
    r#"{"user":"u0@example.com","message":{"eventType":[]},"mode":"silent","how":"forward"}"#,
    r#"{"delayMs":[9,1],"duplicate":0.5,"drop":0.2,"reorder":0.3,"notifyBeforeReply":0.5,"mode":"overridden"}"#,
    r#"{"type":"callStart","statusCode":26,"effect":"after","delayMs":5,"redirect":307,"how":"answer","expiresMax":0}"#,
];
const PATHS: [&str; 22] = [
    "",
    "subscription",
    "subscription/clientCorrelator/c",
    "subscription/S",
    "callControl",
    "callControl/callSessions/S",
    "calldisposition",
    "logHistory?count=x&startIndex=99999999999999999999",
    "logRecord/1",
    "addressbook",
    "addressbook/contacts/%zz",
    "directory?criteria=%&criteriaType=5",
    "instantmessage",
    "presence",
    "presenceWatcher",
    "eventSubscription",
    "eventSubscription/S",
    "voicemail",
    "push/apple/devices/",
    "externalnotification",
    "clicktocall",
    "%00/%2e%2e",
];
const BODIES: [&str; 17] = [
    "",
    "null",
    "[7]",
    r#"{"subscribeRequest":{"expires":60,"service":["call","Presence","IM"],"notificationType":"WebSocket","clientCorrelator":"c"}}"#,
    r#"{"subscribeRequest":{"expires":"60","service":["call","event:x"],"notificationType":"WebSocket"}}"#,
    r#"{"subscribeRequest":{"expires":-1,"service":{}}}"#,
    r#"{"callControlRequest":{"type":"callStart","to":"sip:u1@example.com","sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nm=audio 9 X 0\r\n"}}"#,
    r#"{"callControlRequest":{"type":"callStart","to":"sip:x@y","from":"<>","sdp":"v=0"}}"#,
    r#"{"callControlRequest":{"type":"callAnswer","sdp":"v=0\r\n"}}"#,
    r#"{"callControlRequest":{"type":"startCallUpdate","sdp":"v=0\r\na=inactive\r\n","customParameters":[]}}"#,
    r#"{"callControlRequest":{"type":"respondCallUpdate","statusCode":"491"}}"#,
    r#"{"callControlRequest":{"type":"respondCallUpdate","sdp":"m=audio"}}"#,
    r#"{"callControlRequest":{"type":"transfer","address":"sip:u1@example.com"}}"#,
    r#"{"callControlRequest":{"type":"join","firstSessionData":"S","secondSessionData":"S","sdp":"v=0"}}"#,
    r#"{"callDispositionRequest":{"action":"forward","sessionData":"S","address":"sip:u0@example.com"}}"#,
    r#"{"presenceWatcherRequest":{"userList":["u0@example.com"],"action":"watch"},"presenceRequest":{"status":"open","activity":"x"},"imRequest":{"toUrl":"u0@example.com","message":"m"}}"#,
    r#"{"addressBookRequest":{"addressBookEntries":[{"nickname":""}]},"eventSubscriptionRequest":{"eventType":"event:x","subscribeUserList":[1]},"callControlRequest":{"type":"audit"}}"#,
];

fn step() -> impl Strategy<Value = Step> {
    let conn = 0..4_u64;
    prop_oneof![
        3 => (0..METHODS.len(), 0..CONTROL.len(), 0..CONTROL_BODIES.len())
            .prop_map(|(method, path, body)| Step::Control { method, path, body }),
        12 => (0..3_usize, 0..METHODS.len(), 0..PATHS.len(), 0..BODIES.len(), 0..8_usize)
            .prop_map(|(user, method, path, body, session)| Step::Request {
                user, method, path, body, session,
            }),
        2 => (conn.clone(), 0..8_usize).prop_map(|(conn, channel)| Step::Socket { conn, channel }),
        1 => (conn.clone(), "\\PC{0,60}").prop_map(|(conn, text)| Step::Text { conn, text }),
        1 => conn.prop_map(Step::Closed),
        1 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Datagram),
        2 => Just(Step::Udp),
        1 => (0..90_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_a_client_does_the_gateway_still_answers(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut gate = gate();
        for user in ["u0", "u1"] {
            gate.user(user, &json!({}));
        }
        // Names that answers and notifications brought: of sessions, subscriptions and channels.
        let (mut sessions, mut channels) = (vec!["none".to_owned()], vec!["/x".to_owned()]);
        let (mut sockets, mut asked) = (Vec::new(), 0_usize);
        let address = "127.0.0.1:9".parse().unwrap();
        for step in &steps {
            match step {
                Step::Control { method, path, body } => {
                    let name = &sessions[sessions.len() - 1];
                    let path = format!("/control/{}", CONTROL[*path].replace('S', name));
                    gate.ask(METHODS[*method], &path, "", CONTROL_BODIES[*body]);
                    asked += 1;
                }
                Step::Request { user, method, path, body, session } => {
                    let user = format!("u{user}@example.com");
                    let name = sessions[sessions.len().saturating_sub(1 + session)].clone();
                    let path = PATHS[*path].replace('S', &name);
                    let path = format!("/rest/version/1/user/{user}/{path}");
                    let body = BODIES[*body].replace("\"S\"", &format!("\"{name}\""));
                    let credentials = basic(&user, "pw");
                    let headers = [("authorization", &*credentials)];
                    gate.ask_as(METHODS[*method], &path, &headers, &body);
                    asked += 1;
                }
                Step::Socket { conn, channel } => {
                    let path = channels[channels.len().saturating_sub(1 + channel)].clone();
                    gate.input(Input::SocketRequested { conn: ConnId(*conn), path });
                }
                Step::Text { conn, text } => gate.text(*conn, text),
                Step::Closed(conn) => gate.input(Input::SocketClosed { conn: ConnId(*conn) }),
                Step::Datagram(data) => {
                    let (id, data) = (sockets.last().copied().unwrap_or(UdpId(1)), data.clone());
                    gate.input(Input::Datagram { id, local: address, remote: address, data });
                }
                Step::Udp => {
                    let id = sockets.last().copied().unwrap_or(UdpId(1));
                    gate.input(Input::UdpOpened { id, local: vec![address] });
                }
                Step::Wait(ms) => gate.wait(Duration::from_millis(*ms)),
            }
            for output in &gate.outputs {
                match output {
                    Output::OpenUdp { id } => sockets.push(*id),
                    Output::Respond { response, .. } => {
                        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
                        let made = body["callControlResponse"]["sessionData"].as_str();
                        sessions.extend(made.or_else(|| body["id"].as_str()).map(str::to_owned));
                        let params = &body["subscribeResponse"]["subscriptionParams"];
                        channels.extend(params["notificationChannel"].as_str().map(str::to_owned));
                    }
                    Output::SendText { text, .. } => {
                        let body: Value = serde_json::from_str(text).unwrap();
                        let params = &body["notificationMessage"]["sessionParams"];
                        sessions.extend(params["sessionData"].as_str().map(str::to_owned));
                    }
                    _ => {}
                }
            }
            gate.outputs.retain(|output| matches!(output, Output::Respond { .. }));
        }
        // Whatever was held back is answered in the end: each request once.
        gate.wait(Duration::from_secs(700));
        let answers = gate.outputs.iter().filter(|o| matches!(o, Output::Respond { .. })).count();
        prop_assert_eq!(answers, asked);
        let (status, _) = gate.control("GET", "health", &Value::Null);
        prop_assert_eq!(status, 200);
    }
}
