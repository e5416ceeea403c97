//! Clients that do as they please: the cloud never panics, never spins, and still answers.

mod common;

use std::time::Duration;

use common::desk::Desk;
use offhook::machine::UdpId;
use offhook_sim::cloud::{ConnId, Input};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Step {
    Request { method: usize, path: usize, body: usize, token: bool },
    Socket { conn: u64, path: usize },
    Text { conn: u64, text: usize },
    Garbage { conn: u64, text: String },
    Closed(u64),
    Datagram(Vec<u8>),
    Udp(u64),
    Wait(u64),
}

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const PATHS: [&str; 28] = [
    "/",
    "/control",
    "/control/users",
    "/control/calls",
    "/control/calls/x/hangup",
    "/control/calls/x/far?wait=10",
    "/control/calls/x/far/offer",
    "/control/calls/x/far/candidates",
    "/control/calls?all",
    "/control/events?wait=10",
    "/control/events?after=99999999999999999999",
    "/control/connections/drop",
    "/control/options",
    "/control/faults",
    "/control/stanza",
    "/control/reset",
    "/api/v2/organizations/me",
    "/api/v2/users/me?expand=station",
    "/api/v2/stations/x",
    "/api/v2/notifications/channels",
    "/api/v2/notifications/channels/x/subscriptions",
    "/api/v2/conversations/calls",
    "/api/v2/conversations",
    "/api/v2/conversations/x",
    "/api/v2/conversations/calls/x/participants/y",
    "/api/v2/conversations/calls/x/participants/y/replace",
    "/api/v2/diagnostics/trace",
    "/%2e%2e/%00?&&=&",
];
const BODIES: [&str; 12] = [
    "",
    "null",
    "[]",
    "{}",
    "{\"kind\":\"inbound\",\"userId\":\"u1\",\"signaling\":\"sdp\",\"trickle\":true}",
    "{\"userId\":\"u1\",\"signaling\":\"sdp\",\"far\":{\"offer\":\"v=0\"}}",
    "{\"userId\":\"u1\",\"far\":{},\"candidates\":[7],\"offer\":\"v=0\",\"reinvite\":true}",
    "{\"userId\":7,\"name\":[],\"token\":{},\"station\":3}",
    "[{\"id\":\"v2.users.u1?conversations&station\"},{\"id\":7},3]",
    "{\"phoneNumber\":\"1\"}",
    "{\"muted\":true,\"held\":\"yes\",\"state\":\"disconnected\"}",
    "{\"mode\":\"close\",\"code\":99999999,\"path\":\"(\",\"status\":-1,\"xml\":\"<\"}",
];
const SOCKETS: [&str; 6] = [
    "/stream/channels/x",
    "/stream/jwt/a.b.c",
    "/stream/jwt/a",
    "/stream",
    "",
    "//stream//channels",
];
const TEXTS: [&str; 16] = [
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='x' version='1.0'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHUAcA==</auth>",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%%</auth>",
    "<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
    "<iq xmlns='jabber:client' type='set' id='2'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
    "<iq xmlns='jabber:client' type='get' id='3'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq xmlns='jabber:client' type='result' id='4'/>",
    "<iq xmlns='jabber:client' type='set' id='5'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='enable.server.side.pings' jid='a@b'/></pubsub></iq>",
    "<iq xmlns='jabber:client' type='set' id='6'><jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='s'/></iq>",
    "<iq xmlns='jabber:client' type='set' id='7'><genesys-webrtc xmlns='genesys'>{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"answer\",\"params\":{\"sessionId\":\"s\",\"sdp\":\"v=0\"}}</genesys-webrtc></iq>",
    "<message xmlns='jabber:client' to='a@b'><proceed xmlns='urn:xmpp:jingle-message:0' id='s'/></message>",
    "<message xmlns='jabber:client' to='a@b'><accept xmlns='urn:xmpp:jingle-message:0' id='s'/></message>",
    "<presence xmlns='jabber:client' type='unavailable'/>",
    "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    "<iq xmlns='jabber:client' type='set' id='8'/>",
];

fn step() -> impl Strategy<Value = Step> {
    let conn = 0..4_u64;
    prop_oneof![
        4 => (0..METHODS.len(), 0..PATHS.len(), 0..BODIES.len(), any::<bool>())
            .prop_map(|(method, path, body, token)| Step::Request { method, path, body, token }),
        2 => (conn.clone(), 0..SOCKETS.len()).prop_map(|(conn, path)| Step::Socket { conn, path }),
        6 => (conn.clone(), 0..TEXTS.len()).prop_map(|(conn, text)| Step::Text { conn, text }),
        1 => (conn.clone(), "\\PC{0,60}").prop_map(|(conn, text)| Step::Garbage { conn, text }),
        1 => conn.prop_map(Step::Closed),
        1 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Datagram),
        1 => (0..4_u64).prop_map(Step::Udp),
        1 => (0..30_000_u64).prop_map(Step::Wait),
    ]
}

fn play(desk: &mut Desk, step: &Step) {
    let address = "127.0.0.1:9".parse().unwrap();
    match step {
        Step::Request { method, path, body, token } => {
            let token = if *token { "t" } else { "" };
            desk.ask(METHODS[*method], PATHS[*path], token, BODIES[*body]);
        }
        Step::Socket { conn, path } => {
            let path = SOCKETS[*path].to_owned();
            desk.input(Input::SocketRequested { conn: ConnId(*conn), path });
        }
        Step::Text { conn, text } => desk.text(*conn, TEXTS[*text]),
        Step::Garbage { conn, text } => desk.text(*conn, text),
        Step::Closed(conn) => desk.input(Input::SocketClosed { conn: ConnId(*conn) }),
        Step::Datagram(data) => {
            let data = data.clone();
            desk.input(Input::Datagram { id: UdpId(1), local: address, remote: address, data });
        }
        Step::Udp(id) => desk.input(Input::UdpOpened { id: UdpId(*id), local: vec![address] }),
        Step::Wait(ms) => desk.wait(Duration::from_millis(*ms)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_client_does_the_cloud_still_answers(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut desk = Desk::new();
        desk.control("POST", "users", &json!({"userId": "u1", "token": "t"}));
        desk.control("POST", "jwts", &json!({"kind": "monitor", "userId": "u1", "jwt": "a.b.c"}));
        for step in &steps {
            play(&mut desk, step);
        }
        // Whatever faults were ordered, the control API has none.
        let (status, _) = desk.control("GET", "health", &Value::Null);
        prop_assert_eq!(status, 200);
        // Whatever waits is answered or given up in the end.
        desk.control("POST", "reset", &json!({}));
        desk.wait(Duration::from_secs(300));
        prop_assert_eq!(desk.wake, None);
    }
}
