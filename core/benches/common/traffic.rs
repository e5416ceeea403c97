//! The service's traffic: the frames of one inbound call, in realistic sizes.

use std::fmt::Write as _;

use serde_json::{Value, json};

pub(crate) const AGENT: &str = "84dca80d27b94b92890c8795@org.lab.test";
pub(crate) const RESOURCE: &str = "lab-54c1652e";
pub(crate) const CONVERSATION: &str = "8d920ad7-4ac5-409a-a19c-25038b41096e";
const PEER: &str = "b7715dc9-9386-4201-9501-fe0806fc09dd@gjoll.lab.test/6e4c60ca";
const SESSION: &str = "2e9ba1b4-6cfa-4c30-b24e-60c5d81c4a73";

fn full() -> String {
    format!("{AGENT}/{RESOURCE}")
}

/// A session-initiate with an offer as a browser's, and candidates.
pub(crate) fn session_initiate() -> String {
    let lines = include_str!("../data/session-initiate.xml").lines();
    lines.collect::<String>().replace("{peer}", PEER).replace("{agent}", &full())
}

/// The escaping of text in XML.
#[derive(Clone, Copy)]
pub(crate) enum Escaping {
    /// Only what must be.
    Little,
    /// Quotes as well.
    Quotes,
}

/// A notification of a conversation in which our leg is in this state.
pub(crate) fn notification(state: &str, held: bool, escaping: Escaping) -> String {
    let mut json: Value =
        serde_json::from_str(include_str!("../data/conversation.json")).expect("JSON");
    let ours = &mut json["eventBody"]["participants"][3];
    ours["state"] = json!(state);
    ours["calls"][0]["state"] = json!(state);
    ours["calls"][0]["held"] = json!(held);
    let mut text = json.to_string().replace('&', "&amp;").replace('<', "&lt;");
    if matches!(escaping, Escaping::Quotes) {
        text = text.replace('"', "&quot;");
    }
    let to = full();
    format!(
        r#"<message xmlns="jabber:client" from="notifications.lab.test" to="{to}"><event xmlns="http://jabber.org/protocol/pubsub#event"><items node="v2.users.u1.conversations"><item id="d21e0b41-a672-4e89-8ac9-b84dbd7fa798"><json xmlns="urn:xmpp:json:0">{text}</json></item></items></event></message>"#
    )
}

pub(crate) fn propose() -> String {
    let to = full();
    format!(
        r#"<message xmlns="jabber:client" id="f45b50cf-96a0-439b-86c7-992f4bd73320" from="{PEER}" to="{to}"><propose xmlns="urn:xmpp:jingle-message:0" id="{SESSION}" inin-cid="{CONVERSATION}" inin-user-id="u1" inin-autoanswer="false" inin-ofrom="{PEER}"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose></message>"#
    )
}

fn jingle(id: usize, action: &str, inner: &str) -> String {
    let to = full();
    format!(
        r#"<iq xmlns="jabber:client" type="set" id="57ace6dd-f718-4bd0-bbdb-{id:012}" from="{PEER}" to="{to}"><jingle xmlns="urn:xmpp:jingle:1" sid="{SESSION}" action="{action}">{inner}</jingle></iq>"#
    )
}

fn transport_info(id: usize, inner: &str) -> String {
    let inner = format!(
        r#"<content creator="initiator" name="0"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="oD1c">{inner}</transport></content>"#
    );
    jingle(id, "transport-info", &inner)
}

/// Eight trickled candidates and the end of them.
pub(crate) fn candidates() -> Vec<String> {
    let candidate = |n: usize| {
        let mut inner = String::new();
        let (foundation, port, priority) = (401_583_954 + n, 50_000 + n, 2_122_063_615 - n);
        let _ = write!(
            inner,
            r#"<candidate component="1" foundation="{foundation}" ip="192.0.2.{n}" port="{port}" priority="{priority}" protocol="udp" type="host"/>"#
        );
        transport_info(n, &inner)
    };
    let mut frames: Vec<_> = (1..=8).map(candidate).collect();
    frames.push(transport_info(9, "<gathering-complete/>"));
    frames
}

pub(crate) fn terminate() -> String {
    jingle(10, "session-terminate", "<reason><success/></reason>")
}
