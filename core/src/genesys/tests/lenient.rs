//! Leniency: whatever optional part of a message is broken, missing, doubled or foreign, the call
//! is the same as without that part.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::rig::{BARE, FULL, OTHER, PEER, Rig, offer_sdp};
use crate::genesys::wire::{Dialect, Frame, Message, Payload};
use crate::genesys::{Command, Event};
use crate::xmpp::{Element, Node};

macro_rules! reported {
    ($name:literal) => {
        include_str!(concat!("../../../tests/reported/", $name))
    };
}

/// The reported frame with its addresses replaced by the rig's names.
fn ours(reported: &str) -> String {
    reported.trim().replace("call@gw.example/i-1", PEER).replace("u1@org.example/r", FULL)
}

fn malformed(rig: &Rig) -> Vec<String> {
    let of = |event: &Event| match event {
        Event::Malformed { what } => Some(what.clone()),
        _ => None,
    };
    rig.events.iter().filter_map(of).collect()
}

// Inputs that users and gateways really have.

#[test]
fn reported_offers_by_jingle_lose_only_what_cannot_be_used() {
    for (offer, told, candidates) in [
        (
            reported!("initiate-one-bad-candidate.xml"),
            vec!["session-initiate M1: content[audio]/transport/candidate[1]: port"],
            1,
        ),
        (reported!("initiate-candidate-without-foundation.xml"), vec![], 1),
        (reported!("initiate-candidate-other-namespace.xml"), vec![], 1),
        (reported!("initiate-parameter-without-name.xml"), vec![], 1),
        (
            reported!("initiate-source-without-ssrc.xml"),
            vec!["session-initiate M1: content[audio]/description/source[0]: ssrc"],
            1,
        ),
    ] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
        rig.forget();
        rig.frame(&ours(offer));
        assert_eq!(malformed(&rig), told, "{offer}");
        assert!(rig.told().contains(&"SessionStarted M1 C1".to_owned()), "{offer}");
        let Ok(Frame::Iq(iq)) = Frame::parse(&ours(offer)) else { panic!("an iq") };
        let crate::xmpp::IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) = iq.kind else {
            panic!("Jingle")
        };
        let sdp = crate::jingle::sdp::to_sdp(&jingle, crate::jingle::Role::Initiator).unwrap();
        assert_eq!(sdp.matches("a=candidate:").count(), candidates, "{sdp}");
    }
}

#[test]
fn a_reported_candidate_with_a_large_priority_is_used() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
    rig.frame(&ours(reported!("initiate-parameter-without-name.xml")));
    rig.forget();
    // From a place of its own, to be another than the offer's.
    let info = ours(reported!("transport-info-large-priority.xml")).replace("5000", "5001");
    rig.frame(&info.replace(r#"id="q1""#, r#"id="q2""#));
    assert_eq!(rig.told(), ["Dtmf 1"], "the media takes it");
    assert!(rig.sent().iter().any(|text| text.contains(r#"id="q2""#) && text.contains("result")));
}

#[test]
fn a_reported_fragment_is_read() {
    let call: Value = serde_json::from_str(reported!("candidate-as-fragment.json")).unwrap();
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    rig.rpc("iceCandidate", &call["params"]);
    assert_eq!(rig.told(), ["Dtmf 1"]);
    // Several at once, one that cannot be used, one with a name.
    let sdp = "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=candidate:1 1 udp 1 192.0.2.1 70000 typ host\r\n\
               a=candidate:1 1 udp 1 a.local 7 typ host\r\na=candidate:1 1 udp 1 192.0.2.1 3 typ host\r\n";
    rig.rpc("iceCandidate", &json!({"sessionId": "M1", "sdp": sdp}));
    assert_eq!(malformed(&rig), ["iceCandidate M1: not a candidate: port"]);
    assert_eq!(rig.told(), ["Malformed", "Dtmf 2", "Dtmf 3"]);
}

#[test]
fn every_reported_item_is_an_event() {
    let mut rig = Rig::on(super::rig::LA1P);
    rig.connected_call("M0", "C0");
    rig.frame(&ours(reported!("notification-two-items.xml")));
    let told = rig.told();
    assert!(told.contains(&"PendingSession M0 C1".to_owned()), "{told:?}");
    assert!(told.contains(&"PendingSession M0 C2".to_owned()), "{told:?}");
}

#[test]
fn a_reported_odd_participant_costs_itself() {
    let mut rig = Rig::idle(super::rig::LA1P);
    let notice: Value = serde_json::from_str(reported!("conversation-odd-customer.json")).unwrap();
    rig.publish("v2.users.user-1.conversations", &notice);
    let lost = "notification v2.users.user-1.conversations: participants[0]/calls[0]: id";
    assert_eq!(malformed(&rig), [lost]);
    assert!(rig.told().contains(&"PendingSession M1 C1".to_owned()));
}

// Errors are answers.

#[test]
fn a_stanza_of_type_error_is_never_news() {
    let mut rig = Rig::ready();
    rig.frame(&ours(reported!("propose-bounced.xml")));
    rig.propose("M1", "C1", "");
    rig.forget();
    let error = |payload: &str| {
        format!(
            r#"<message xmlns="jabber:client" type="error" from="{PEER}" to="{FULL}">{payload}<error type="cancel"/></message>"#
        )
    };
    for name in ["propose", "retract", "accept", "reject", "proceed"] {
        rig.frame(&error(&format!(
            r#"<{name} xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1"/>"#
        )));
    }
    rig.frame(
        &ours(reported!("notification-two-items.xml")).replace("<message", "<message type='error'"),
    );
    assert!(rig.told().is_empty(), "it goes on ringing, and nothing else");
}

#[test]
fn a_proceed_that_comes_back_ends_the_waiting_at_once() {
    for (from, ends) in [(PEER, true), ("gjoll.example", true), ("other@gjoll.example/i-1", false)]
    {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true""#);
        let accept = Command::AcceptPendingSession { conversation: "C1".into() };
        let accept = rig.submit(accept).unwrap();
        rig.forget();
        rig.frame(&format!(
            r#"<message xmlns="jabber:client" type="error" from="{from}" to="{FULL}"><proceed xmlns="urn:xmpp:jingle-message:0" id="M1"/><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>"#
        ));
        assert_eq!(rig.completion(accept).is_some_and(|done| done.is_err()), ends, "{from}");
        assert_eq!(rig.told().len(), usize::from(ends), "{from}");
    }
}

#[test]
fn an_offer_that_is_refused_fails_the_accept_at_once() {
    let jingle = |inner: &str| {
        format!(
            r#"<iq xmlns="jabber:client" type="set" id="q" from="{PEER}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="session-initiate" sid="M1">{inner}</jingle></iq>"#
        )
    };
    let rpc = |params: &str| {
        format!(
            r#"<iq xmlns="jabber:client" type="set" id="q" from="{PEER}" to="{FULL}"><genesys-webrtc xmlns="genesys">{{"method":"offer","id":"1","params":{params}}}</genesys-webrtc></iq>"#
        )
    };
    let video = "<content name='v'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/></content>";
    for offer in [
        jingle(""),
        jingle("<content/>"),
        jingle(
            "<content name='a'><description xmlns='urn:xmpp:jingle:apps:file-transfer:5'/></content>",
        ),
        jingle(video),
        rpc(r#"{"sessionId":"M1","conversationId":"C1"}"#),
        rpc(r#"{"sessionId":"M1","conversationId":"C1","sdp":7}"#),
        rpc(r#"{"sessionId":"M1","conversationId":"C1","sdp":"v=0"}"#),
    ] {
        let sdp =
            if offer.contains("genesys-webrtc") { r#"inin-sdp-over-xmpp="true""# } else { "" };
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", sdp);
        let accept = Command::AcceptPendingSession { conversation: "C1".into() };
        let accept = rig.submit(accept).unwrap();
        rig.frame(&offer);
        let error = rig.completion(accept).expect("an answer at once").expect_err("a refusal");
        assert!(error.message.starts_with("the offer of media cannot be used: "), "{error:?}");
        assert!(rig.told().contains(&"CancelPendingSession M1 C1".to_owned()), "{offer}");
        rig.wait_acknowledging(Duration::from_secs(400));
        assert_eq!(rig.client.size(), 0, "{offer}");
    }
}

// Who may offer.

#[test]
fn an_offer_must_come_from_the_address_that_proposed_it() {
    let stranger = "stranger@gjoll.example/i-1";
    let other_resource = PEER.replace("/i-1", "/i-2");
    for (from, may) in [(stranger, false), (PEER, true), (other_resource.as_str(), true)] {
        let mut rig = Rig::ready();
        rig.propose("M1", "C1", r#"inin-autoanswer="true""#);
        rig.forget();
        rig.frame(&ours(reported!("initiate-parameter-without-name.xml")).replace(PEER, from));
        let started = rig.told().contains(&"SessionStarted M1 C1".to_owned());
        assert_eq!(started, may, "Jingle from {from}");

        // By SDP, also under another session's name, and as a re-invite.
        for (session, reinvite) in [("M1", false), ("M2", false), ("M2", true)] {
            let mut rig = Rig::ready();
            rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true" inin-autoanswer="true""#);
            rig.forget();
            let params = json!({"sessionId": session, "conversationId": "C1", "sdp": offer_sdp(), "reinvite": reinvite});
            let call = json!({"method": "offer", "id": "1", "params": params});
            rig.frame(&format!(
                r#"<iq xmlns="jabber:client" type="set" id="x" from="{from}" to="{FULL}"><genesys-webrtc xmlns="genesys">{call}</genesys-webrtc></iq>"#
            ));
            let started = rig.told().contains(&format!("SessionStarted {session} C1"));
            assert_eq!(started, may, "SDP from {from}: {session} {reinvite}");
        }
    }
}

#[test]
fn candidates_of_a_stranger_are_not_kept_for_anothers_offer() {
    let mut rig = Rig::ready();
    let call = json!({"method": "iceCandidate", "params": {"sessionId": "M1",
        "sdp": "a=candidate:1 1 udp 1 192.0.2.1 1 typ host"}});
    rig.frame(&format!(
        r#"<iq xmlns="jabber:client" type="set" id="x" from="stranger@gjoll.example/i" to="{FULL}"><genesys-webrtc xmlns="genesys">{call}</genesys-webrtc></iq>"#
    ));
    rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true" inin-autoanswer="true""#);
    rig.offer("M1", "C1");
    assert!(rig.told().iter().all(|told| !told.starts_with("Dtmf")));
}

// Bounds.

#[test]
fn candidates_of_one_generation_are_bounded_together_and_told_once() {
    let line = |port: usize| format!("a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\r\n");
    let mut rig = Rig::ready();
    rig.rpc(
        "iceCandidate",
        &json!({"sessionId": "M1", "sdp": (1..=20).map(line).collect::<String>()}),
    );
    rig.propose("M1", "C1", r#"inin-sdp-over-xmpp="true" inin-autoanswer="true""#);
    rig.offer_with("M1", "C1", &(101..=120).map(line).collect::<String>());
    let taken = |rig: &mut Rig| rig.told().iter().filter(|told| told.starts_with("Dtmf")).count();
    assert_eq!(taken(&mut rig), 20, "those that came early");
    for port in 1001..=1100 {
        rig.rpc("iceCandidate", &json!({"sessionId": "M1", "sdp": line(port)}));
    }
    assert_eq!(malformed(&rig), ["candidates of M1: more than 64"]);
    assert_eq!(taken(&mut rig), 24);
}

#[test]
fn ids_are_bounded() {
    let long = "x".repeat(256);
    let mut rig = Rig::ready();
    rig.propose(&long, "C1", "");
    rig.propose("M1", &long, "");
    rig.conv(&long, "inbound", "alerting");
    rig.jingle("q", "session-initiate", &long, "");
    rig.rpc("offer", &json!({"sessionId": long, "sdp": offer_sdp()}));
    rig.rpc("offer", &json!({"sessionId": "M1", "conversationId": long, "sdp": offer_sdp()}));
    assert!(rig.events.iter().all(|event| matches!(event, Event::Malformed { .. })));
    assert!(malformed(&rig).iter().all(|what| what.len() < 200));
    assert_eq!(rig.client.size(), 0);
}

// The rule.

/// Everything that belongs to a call with one part after another, as it is sent by a far side that
/// tells much. Each frame is a tree.
fn story() -> Vec<Element<'static>> {
    let offer = r#"<content creator="initiator" name="0" senders="both"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio" ssrc="7"><rtcp-mux/><rtcp-reduced-size/><payload-type id="111" name="opus" clockrate="48000" channels="2"><parameter name="minptime" value="10"/><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="nack" subtype="pli"/></payload-type><payload-type id="101" name="telephone-event" clockrate="8000"><parameter name="" value="0-15"/></payload-type><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="transport-cc"/><rtp-hdrext xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" id="1" uri="urn:x" senders="both"/><source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="7"><parameter name="cname" value="c"/></source><ssrc-group xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" semantics="FID"><source ssrc="7"/><source ssrc="8"/></ssrc-group><stream xmlns="urn:xmpp:jingle:apps:rtp:msid:0" id="s" track="t"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-1">AB:CE</fingerprint><candidate component="1" foundation="1" generation="0" id="a" ip="203.0.113.1" network="0" port="5000" priority="9" protocol="udp" type="srflx" rel-addr="10.0.0.1" rel-port="6"/><candidate component="1" foundation="1" generation="0" id="b" ip="203.0.113.2" network="0" port="5000" priority="8" protocol="udp" type="host"/></transport></content><content creator="initiator" name="1" senders="none"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="video"><payload-type id="96" name="VP8" clockrate="90000"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint></transport></content><group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE"><content name="0"/><content name="1"/></group>"#;
    let jingle = |id: &str, action: &str, inner: &str| {
        format!(
            r#"<iq xmlns="jabber:client" type="set" id="{id}" from="{PEER}" to="{FULL}"><jingle xmlns="urn:xmpp:jingle:1" action="{action}" sid="M1" initiator="{PEER}">{inner}</jingle></iq>"#
        )
    };
    let propose = r#"<propose xmlns="urn:xmpp:jingle-message:0" id="M1" inin-cid="C1" inin-autoanswer="false" inin-user-id="u" inin-ofrom="r@x" inin-meeting-id="m"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose>"#;
    let candidate = r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra"><candidate component="1" foundation="1" generation="0" id="c" ip="203.0.113.3" network="0" port="5001" priority="1" protocol="udp" type="host"/><candidate component="1" foundation="2" generation="0" id="d" ip="203.0.113.4" network="0" port="5001" priority="1" protocol="udp" type="relay" rel-addr="10.0.0.1" rel-port="7"/><gathering-complete/></transport></content>"#;
    let conversation = |state: &str| {
        let json = notice(state).to_string();
        format!(
            r#"<message xmlns="jabber:client" from="notifications.lab.test" to="{FULL}"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="v2.users.user-1.conversations"><item id="1"><json xmlns="urn:xmpp:json:0">{json}</json></item></items></event></message>"#
        )
    };
    [
        conversation("alerting"),
        format!(r#"<message xmlns="jabber:client" from="{PEER}" to="{BARE}">{propose}</message>"#),
        jingle("i1", "session-initiate", offer),
        jingle("i2", "transport-info", candidate),
        jingle("i3", "session-info", r#"<active xmlns="urn:xmpp:jingle:apps:rtp:info:1"/>"#),
        conversation("connected"),
        format!(r#"<message xmlns="jabber:client" from="{BARE}" to="{FULL}"><received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="{OTHER}" to="{BARE}"><reject xmlns="urn:xmpp:jingle-message:0" id="M9"/></message></forwarded></received></message>"#),
        jingle("i4", "session-terminate", "<reason><success/><text>bye</text></reason>"),
    ]
    .iter()
    .map(|xml| tree(xml))
    .collect()
}

fn notice(state: &str) -> Value {
    json!({"topicName": "v2.users.user-1.conversations", "version": "2", "eventBody": {
        "id": "C1", "participants": [
            {"id": "X", "purpose": "customer", "calls": [{"id": "k", "state": "connected",
                "direction": "inbound", "muted": false, "errorInfo": {"code": "e", "message": "m"}}]},
            {"id": "P", "purpose": "agent", "userId": "user-1", "calls": [
                {"id": "K", "state": state, "direction": "inbound", "muted": false, "held": false,
                 "confined": false, "recordingState": "none"}]},
            {"id": "Y", "purpose": "external", "userId": "user-2", "calls": []}]}})
}

/// A frame as a tree: what nobody knows is kept as it is.
fn tree(xml: &str) -> Element<'static> {
    let wrapped = format!(r#"<message xmlns="jabber:client"><x xmlns="urn:x">{xml}</x></message>"#);
    let Ok(Frame::Message(Message { payloads, .. })) = Frame::parse(&wrapped) else {
        panic!("not well-formed: {xml}")
    };
    let [Payload::Unknown(x)] = &payloads[..] else { panic!("{payloads:?}") };
    x.elements().next().expect("an element").clone()
}

/// True if the rule calls it needed: without it there is nothing that could be used.
fn is_needed(path: &[&str], attribute: Option<&str>) -> bool {
    let element = path.last().copied().unwrap_or_default();
    if path.contains(&"group") {
        return false;
    }
    match (element, attribute) {
        // Whose it is, and which.
        ("iq", Some("type" | "id" | "from"))
        | ("message", Some("from"))
        | ("jingle", Some("action" | "sid"))
        | ("propose" | "reject", Some("id" | "inin-cid"))
        | ("items", Some("node"))
        | ("content", Some("name"))
        // Without a path, a certificate and a codec there is no media.
        | ("transport", Some("ufrag" | "pwd"))
        | ("description", Some("media"))
        // A parameter is one part: half of one says something else.
        | ("parameter", Some(_))
        | ("forwarded" | "received" | "event" | "json", Some(_)) => true,
        (_, Some(_)) => false,
        (
            "iq" | "message" | "jingle" | "propose" | "event" | "items" | "item" | "json" | "received"
            | "forwarded" | "reject" | "transport" | "description" | "content",
            None,
        ) => true,
        _ => false,
    }
}

/// The optional parts of a tree: an element by its path, or one of its attributes.
fn parts(tree: &Element<'_>) -> Vec<(Vec<usize>, Option<usize>)> {
    fn visit<'t>(
        e: &'t Element<'_>,
        at: &mut Vec<usize>,
        names: &mut Vec<&'t str>,
        all: &mut Vec<(Vec<usize>, Option<usize>)>,
    ) {
        names.push(&e.name);
        if !is_needed(names, None) {
            all.push((at.clone(), None));
        }
        for (index, (name, _)) in e.attributes.iter().enumerate() {
            if !is_needed(names, Some(name)) {
                all.push((at.clone(), Some(index)));
            }
        }
        for (index, child) in e.children.iter().enumerate() {
            if let Node::Element(child) = child {
                at.push(index);
                visit(child, at, names, all);
                at.pop();
            }
        }
        names.pop();
    }
    let mut all = Vec::new();
    visit(tree, &mut Vec::new(), &mut Vec::new(), &mut all);
    all
}

fn at<'t, 'x>(tree: &'t mut Element<'x>, path: &[usize]) -> &'t mut Element<'x> {
    path.iter().fold(tree, |e, index| match &mut e.children[*index] {
        Node::Element(child) => child,
        Node::Text(_) => panic!("a text at {path:?}"),
    })
}

/// The damage done to a part.
#[derive(Clone, Debug)]
enum Damage {
    /// An attribute's value, or all that an element holds, is something that cannot be read.
    Broken(String),
    /// An element stands twice.
    Doubled,
    /// Something that nobody knows stands beside it.
    Foreign,
}

/// The tree with a part damaged, and the tree that it must be worth.
fn damaged(
    tree: &Element<'static>,
    (path, attribute): &(Vec<usize>, Option<usize>),
    damage: &Damage,
) -> Option<(Element<'static>, Element<'static>)> {
    let (mut odd, mut without) = (tree.clone(), tree.clone());
    // The root stands in nothing.
    let (index, parent) = path.split_last().map_or((0, &[][..]), |(last, rest)| (*last, rest));
    match (attribute, damage) {
        (Some(attribute), Damage::Broken(junk)) => {
            at(&mut odd, path).attributes[*attribute].1 = junk.clone().into();
            at(&mut without, path).attributes.remove(*attribute);
        }
        (Some(_), Damage::Doubled) => return None,
        (None, Damage::Broken(junk)) => {
            let broken = at(&mut odd, path);
            for (_, value) in &mut broken.attributes {
                *value = junk.clone().into();
            }
            broken.children = vec![Node::Text(junk.clone().into())];
            at(&mut without, parent).children.remove(index);
            // What tells by being there cannot be broken.
            if broken.attributes.is_empty() {
                return None;
            }
        }
        (None, Damage::Doubled) => {
            let again = at(&mut odd, parent).children[index].clone();
            at(&mut odd, parent).children.insert(index, again);
        }
        (_, Damage::Foreign) => {
            let foreign = Element::new("odd", "urn:example:odd").attr("id", "x").text("odd");
            at(&mut odd, parent).children.push(Node::Element(foreign));
            at(&mut odd, path).attributes.push(("odd".into(), "odd".into()));
        }
    }
    Some((odd, without))
}

/// The story with one frame replaced: what is told and sent, less the words on what was left out.
fn lived(frames: &[Element<'static>]) -> (Vec<String>, Vec<String>) {
    let mut rig = Rig::ready();
    let mut accept = None;
    for (number, frame) in frames.iter().enumerate() {
        rig.frame(&frame.to_xml());
        if number == 1 {
            let command = Command::AcceptPendingSession { conversation: "C1".into() };
            accept = rig.submit(command).ok();
        }
        if number == 2 && rig.udp.is_some() {
            rig.media("connected");
        }
        rig.acknowledge();
    }
    rig.wait_acknowledging(Duration::from_secs(1));
    let malformed = malformed(&rig);
    let mut lived = rig.told();
    lived.retain(|told| told != "Malformed");
    lived.extend(rig.said.iter().cloned());
    lived.push(format!("{:?}", accept.map(|accept| rig.completion(accept))));
    (lived, malformed)
}

/// The description that the media is told of an offer by Jingle.
fn described(frame: &Element<'_>) -> Option<String> {
    use crate::xmpp::IqKind;
    let Ok(Frame::Iq(iq)) = Frame::parse(&frame.to_xml()) else { return None };
    let IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) = iq.kind else { return None };
    crate::jingle::sdp::to_sdp(&jingle, crate::jingle::Role::Initiator).ok()
}

fn junk() -> impl Strategy<Value = String> {
    // Neither a number, nor a text that SDP can hold, nor a name that anything has.
    prop_oneof![Just("x\ny"), Just("\u{7f}"), Just("a\tb\u{202e}")].prop_map(str::to_owned)
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => junk().prop_map(Damage::Broken),
        1 => Just(Damage::Doubled),
        1 => Just(Damage::Foreign),
    ]
}

#[test]
fn the_story_is_a_whole_call() {
    let (lived, malformed) = lived(&story());
    assert!(malformed.is_empty(), "{malformed:?}");
    for told in [
        "SessionStarted M1 C1",
        "MediaState Connected",
        "CallConnected C1 M1",
        "SessionEnded M1 success",
    ] {
        assert!(lived.contains(&told.to_owned()), "{told} in {lived:?}");
    }
    assert_eq!(lived.iter().filter(|told| told.starts_with("Dtmf")).count(), 2, "{lived:?}");
}

/// Every part once; the property below lives the calls, too.
#[test]
fn whatever_optional_part_of_an_offer_is_broken_the_description_is_the_same_without() {
    let offer = &story()[2];
    let all = parts(offer);
    assert!(all.len() > 80, "{}", all.len());
    for part in &all {
        for damage in [Damage::Broken("x\ny".to_owned()), Damage::Foreign] {
            if let Some((odd, without)) = damaged(offer, part, &damage) {
                assert!(described(&odd).is_some(), "{}", odd.to_xml());
                assert_eq!(described(&odd), described(&without), "{}", odd.to_xml());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn whatever_optional_part_is_damaged_the_call_is_the_same_without(
        frame in 0_usize..8,
        part in any::<prop::sample::Index>(),
        damage in damage(),
    ) {
        let mut frames = story();
        let all = parts(&frames[frame]);
        prop_assume!(!all.is_empty());
        let part = part.get(&all);
        let Some((odd, without)) = damaged(&frames[frame], part, &damage) else { return Ok(()) };
        let shown = odd.to_xml();
        if !matches!(damage, Damage::Doubled) {
            prop_assert_eq!(described(&odd), described(&without), "{}", shown);
        }
        frames[frame] = odd;
        let (with, malformed) = lived(&frames);
        frames[frame] = without;
        let (without, _) = lived(&frames);
        prop_assert_eq!(with, without, "{}", shown);
        prop_assert!(malformed.len() <= 1, "once a stanza: {:?}", malformed);
    }

    #[test]
    fn whatever_optional_field_of_a_notification_is_damaged_the_call_is_the_same_without(
        part in any::<prop::sample::Index>(),
        odd in prop::sample::select(vec![json!([7]), json!({"odd": 1}), json!([{}]), json!({})]),
        connected in any::<bool>(),
    ) {
        let good = notice(if connected { "connected" } else { "alerting" });
        let all = fields(&good);
        let part = part.get(&all);
        let (mut with, mut without) = (good.clone(), good);
        *with.pointer_mut(part).unwrap() = odd;
        remove(&mut without, part);
        let frame = |notice: &Value| {
            let mut frames = story();
            let number = if connected { 5 } else { 0 };
            let text = frames[number].to_xml();
            let (head, rest) = text.split_once(r#"<json xmlns="urn:xmpp:json:0">"#).unwrap();
            let (_, tail) = rest.split_once("</json>").unwrap();
            frames[number] = tree(&format!(r#"{head}<json xmlns="urn:xmpp:json:0">{notice}</json>{tail}"#));
            frames
        };
        prop_assert_eq!(lived(&frame(&with)).0, lived(&frame(&without)).0, "{}: {}", part, with);
    }
}

/// The optional fields of a notification, as JSON pointers: all but which conversation it is, and
/// our own leg.
fn fields(value: &Value) -> Vec<String> {
    fn visit(value: &Value, at: &str, all: &mut Vec<String>) {
        let needed = [
            "",
            "/eventBody",
            "/eventBody/id",
            "/eventBody/participants",
            "/eventBody/participants/1",
            "/eventBody/participants/1/id",
            "/eventBody/participants/1/calls",
            "/eventBody/participants/1/calls/0",
            "/eventBody/participants/1/calls/0/id",
        ];
        if !needed.contains(&at) {
            all.push(at.to_owned());
        }
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, inner)| visit(inner, &format!("{at}/{key}"), all));
            }
            Value::Array(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(n, inner)| visit(inner, &format!("{at}/{n}"), all));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    visit(value, "", &mut all);
    all
}

fn remove(value: &mut Value, pointer: &str) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.remove(last)),
        Value::Array(list) => drop(list.remove(last.parse().unwrap())),
        other => panic!("{other}"),
    }
}
