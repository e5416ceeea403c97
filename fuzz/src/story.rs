//! A whole call, as a far side tells it that tells much: the good messages that are [damaged].
//!
//! [damaged]: crate::damage

use offhook::xmpp::Element;
use serde_json::{Value, json};

use crate::service::{self, BARE, FULL, OTHER, PEER, description};

/// Topics whose notifications are damaged, each with one.
const NODES: [&str; 3] =
    ["v2.users.u1.conversations", "v2.users.u1.persistentconnection", "v2.users.u1.alertingleader"];

const OFFER: &str = r#"<content creator="initiator" name="0" senders="both"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio" ssrc="7"><rtcp-mux/><rtcp-reduced-size/><payload-type id="111" name="opus" clockrate="48000" channels="2"><parameter name="minptime" value="10"/><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="nack" subtype="pli"/></payload-type><payload-type id="101" name="telephone-event" clockrate="8000"><parameter name="" value="0-15"/></payload-type><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="transport-cc"/><rtp-hdrext xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" id="1" uri="urn:x" senders="both"/><source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="7"><parameter name="cname" value="c"/></source><ssrc-group xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" semantics="FID"><source ssrc="7"/><source ssrc="8"/></ssrc-group><stream xmlns="urn:xmpp:jingle:apps:rtp:msid:0" id="s" track="t"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-1">AB:CE</fingerprint><candidate component="1" foundation="1" generation="0" id="a" ip="203.0.113.1" network="0" port="5000" priority="9" protocol="udp" type="srflx" rel-addr="10.0.0.1" rel-port="6"/><candidate component="1" foundation="1" generation="0" id="b" ip="203.0.113.2" network="0" port="5000" priority="8" protocol="udp" type="host"/></transport></content><content creator="initiator" name="1" senders="none"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="video"><payload-type id="96" name="VP8" clockrate="90000"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint></transport></content><group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE"><content name="0"/><content name="1"/></group>"#;
const TRICKLE: &str = r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><candidate component="1" foundation="1" generation="0" id="c" ip="203.0.113.3" network="0" port="5001" priority="1" protocol="udp" type="host"/><candidate component="1" foundation="2" generation="0" id="d" ip="203.0.113.4" network="0" port="5001" priority="1" protocol="udp" type="relay" rel-addr="10.0.0.1" rel-port="7"/><gathering-complete/></transport></content>"#;
const PROPOSE: &str = r#"<propose xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1" inin-autoanswer="false" inin-user-id="u" inin-ofrom="r@x" inin-meeting-id="m"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose>"#;
const REJECT: &str = r#"<reject xmlns="urn:xmpp:jingle-message:0" id="M9"/>"#;

/// One thing that the far side says.
pub(crate) enum Said {
    /// A frame.
    Frame(Element<'static>),
    /// A notification: its topic, its JSON, and what of that is needed.
    Notification(&'static str, Value, Vec<&'static str>),
    /// A call by JSON-RPC, and what of it is needed.
    Call(Value, Vec<&'static str>),
}

impl Said {
    fn frame(xml: &str) -> Self {
        Self::Frame(Element::parse(xml).expect("well-formed"))
    }
}

/// Jingle actions with descriptions of media: an offer, and more of its candidates.
pub(crate) fn jingle() -> [Element<'static>; 2] {
    [("session-initiate", OFFER), ("transport-info", TRICKLE)].map(|(action, inner)| {
        let frame = service::jingle(PEER, "i", action, "M1", inner);
        Element::parse(&frame).expect("well-formed")
    })
}

/// Messages that ring, and stop it.
pub(crate) fn messages() -> [Element<'static>; 2] {
    let propose =
        format!(r#"<message xmlns="jabber:client" from="{PEER}" to="{BARE}">{PROPOSE}</message>"#);
    let carbon = format!(
        r#"<message xmlns="jabber:client" from="{BARE}" to="{FULL}"><received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="{OTHER}" to="{BARE}">{REJECT}</message></forwarded></received></message>"#
    );
    [propose, carbon].map(|frame| Element::parse(&frame).expect("well-formed"))
}

/// Calls by JSON-RPC, each with what is needed of it.
pub(crate) fn calls() -> [(Value, Vec<&'static str>); 3] {
    let call = |method: &str, params: Value, needed: &[&'static str]| {
        let call = json!({"jsonrpc": "2.0", "id": "1", "method": method, "params": params});
        (call, [&["/method", "/params", "/params/sessionId"], needed].concat())
    };
    let sdp = description("actpass", "ufra");
    let candidate = "a=candidate:1 1 udp 1 203.0.113.1 5000 typ host";
    [
        call(
            "offer",
            json!({"sessionId": "M1", "conversationId": "C1", "sdp": sdp, "reinvite": false}),
            &["/params/sdp", "/params/conversationId"],
        ),
        call("iceCandidate", json!({"sessionId": "M1", "sdp": candidate}), &["/params/sdp"]),
        call("terminate", json!({"sessionId": "M1", "reason": "success"}), &[]),
    ]
}

/// The story of a call, by either signaling.
pub(crate) fn story(by_sdp: bool) -> Vec<Said> {
    let [offer, trickle] = jingle();
    let [mut propose, carbon] = messages();
    let [rpc_offer, rpc_trickle, rpc_end] = calls();
    let info = r#"<active xmlns="urn:xmpp:jingle:apps:rtp:info:1"/>"#;
    let end = "<reason><success/><text>bye</text></reason>";
    let [info, end] = [("session-info", info), ("session-terminate", end)]
        .map(|(action, inner)| Said::frame(&service::jingle(PEER, "i", action, "M1", inner)));
    let [conversations, persistent, leader] = NODES;
    let rpc = |(call, needed)| Said::Call(call, needed);
    let (offer, trickle, end) = if by_sdp {
        if let Some(offhook::xmpp::Node::Element(propose)) = propose.children.first_mut() {
            propose.attributes.insert(0, ("inin-sdp-over-xmpp".into(), "true".into()));
        }
        (rpc(rpc_offer), rpc(rpc_trickle), rpc(rpc_end))
    } else {
        (Said::Frame(offer), Said::Frame(trickle), end)
    };
    let conversation = |state| Said::Notification(conversations, notice(state), needed());
    let told = |node, body| {
        let notice = json!({"topicName": node, "version": "2", "eventBody": body});
        Said::Notification(node, notice, vec!["/eventBody"])
    };
    vec![
        conversation("alerting"),
        Said::Frame(propose),
        offer,
        trickle,
        info,
        conversation("connected"),
        Said::Frame(carbon),
        told(persistent, json!({"errorInfo": {"code": "e", "text": "t", "userMessage": "m"}})),
        told(leader, json!({"connectionId": "c1", "clientType": "offhook"})),
        end,
    ]
}

fn notice(state: &str) -> Value {
    json!({"topicName": NODES[0], "version": "2", "eventBody": {
        "id": "C1", "participants": [
            {"id": "X", "purpose": "customer", "calls": [{"id": "k", "state": "connected",
                "direction": "inbound", "muted": false, "errorInfo": {"code": "e", "message": "m"}}]},
            {"id": "P", "purpose": "agent", "userId": "u1", "calls": [
                {"id": "K", "state": state, "direction": "inbound", "muted": false, "held": false,
                 "confined": false, "recordingState": "none"}]},
            {"id": "Y", "purpose": "external", "userId": "u2", "calls": []}]}})
}

/// The parts that say which conversation a notice is of, and the user's own leg.
fn needed() -> Vec<&'static str> {
    vec![
        "/eventBody",
        "/eventBody/id",
        "/eventBody/participants",
        "/eventBody/participants/1",
        "/eventBody/participants/1/id",
        "/eventBody/participants/1/calls",
        "/eventBody/participants/1/calls/0",
        "/eventBody/participants/1/calls/0/id",
    ]
}
