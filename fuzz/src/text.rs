//! Text from a peer, taken by a parser: stanzas, addresses, descriptions, JSON.

use offhook::genesys::wire::{Dialect, Frame, IqKind, Message, Payload, Rpc, SessionMessage};
use offhook::jingle::sdp::{from_sdp, to_sdp};
use offhook::jingle::{Action, Jingle, Role};
use offhook::xmpp::{Element, Jid, MAX_FRAME};
use serde_json::Value;

use crate::damage::{Pair, Script};
use crate::story;

thread_local! {
    static JINGLE: [Element<'static>; 2] = story::jingle();
    static MESSAGES: [Element<'static>; 2] = story::messages();
    static CALLS: [(Value, Vec<&'static str>); 3] = story::calls();
}

/// A text frame of the XMPP WebSocket, in either direction.
///
/// Whatever comes is a frame or a typed error. What was read can be written, what was written is
/// read as the same frame again (less the children that were [malformed], which cannot be
/// written), and the answer to a bad request is a frame too.
///
/// [malformed]: offhook::xmpp::Payload::Malformed
///
/// # Panics
///
/// One of these does not hold.
pub fn xmpp_frame(data: &[u8]) {
    // RFC 6455 section 5.6: text is UTF-8, so that the WebSocket lets nothing else through.
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Frame::parse(text) {
        Ok(frame) => stable(&frame),
        Err(error) => {
            if let Some(reply) = error.reply() {
                stable(&Frame::Iq(reply));
            }
        }
    }
}

/// Writing is a fixed point: the second writing of a frame equals the first.
fn stable(frame: &Frame) {
    let written = frame.to_xml();
    // Prefixes that the writer spells out can make a frame longer than one may be.
    if written.len() > MAX_FRAME {
        return;
    }
    let again = Frame::parse(&written)
        .unwrap_or_else(|error| panic!("cannot read what was written: {error}\n{written}"));
    assert_eq!(again.to_xml(), written, "the second writing differs from the first");
}

/// An address, and a resource after the first line break.
///
/// An address is printed as it was read, its parts are those of the text, and any resource can be
/// put on it.
///
/// # Panics
///
/// One of these does not hold.
pub fn jid(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (address, resource) = text.split_once('\n').unwrap_or((text, "r"));
    let Ok(jid) = address.parse::<Jid>() else { return };
    assert_eq!(jid.as_str(), address);
    assert_eq!(jid.as_str().parse(), Ok(jid.clone()));
    let local = jid.local().map(|local| format!("{local}@")).unwrap_or_default();
    let slash = jid.resource().map(|resource| format!("/{resource}")).unwrap_or_default();
    assert_eq!(format!("{local}{}{slash}", jid.domain()), address);
    assert!(!jid.bare().is_full());
    assert_eq!(jid.bare().as_str().parse(), Ok(jid.bare()));
    let full = jid.with_resource(resource);
    assert_eq!(full.as_str().parse(), Ok(full.clone()));
    assert_eq!(full.bare(), jid.bare());
}

/// The content of a message stanza: session messages above all, carbons of them too.
///
/// Whatever comes is a message or a typed error; a session message that was read is written, and
/// read as itself. Of a message that a script damages, only what is damaged is lost.
///
/// # Panics
///
/// One of these does not hold.
pub fn message(data: &[u8]) {
    if let Some(script) = Script::read(data) {
        let pair = MESSAGES.with(|good| script.tree(&good[script.message(good.len())], true));
        return is_the_same(&pair, said);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let stanza = format!(
        r#"<message xmlns="jabber:client" from="a@gjoll.example/i" to="b@c">{text}</message>"#
    );
    if let Ok(Frame::Message(message)) = Frame::parse(&stanza) {
        session_messages(&message);
    }
}

fn session_messages(message: &Message) {
    let (from, to) = (message.from.clone(), message.to.clone());
    let head = Message { from, to, ..Message::default() };
    for payload in &message.payloads {
        match payload {
            Payload::Extension(Dialect::SessionMessage(_)) => {
                let alone = Message { payloads: vec![payload.clone()], ..head.clone() };
                let written = Frame::Message(alone.clone()).to_xml();
                assert_eq!(Frame::parse(&written).ok(), Some(Frame::Message(alone)), "{written}");
            }
            Payload::Carbon(inner) => session_messages(inner),
            _ => {}
        }
    }
}

/// The session messages in a message.
fn said(frame: &str) -> Option<Vec<SessionMessage>> {
    fn all(message: &Message, said: &mut Vec<SessionMessage>) {
        for payload in &message.payloads {
            match payload {
                Payload::Extension(Dialect::SessionMessage(session)) => said.push(session.clone()),
                Payload::Carbon(inner) => all(inner, said),
                _ => {}
            }
        }
    }
    let Ok(Frame::Message(message)) = Frame::parse(frame) else { return None };
    let mut said = Vec::new();
    all(&message, &mut said);
    // Said twice is said.
    said.dedup();
    (!said.is_empty()).then_some(said)
}

/// Asserts that what cannot be used costs only itself.
fn is_the_same<T: PartialEq + std::fmt::Debug>(
    pair: &Pair<String>,
    read: impl Fn(&str) -> Option<T>,
) {
    let (odd, without) = (read(&pair.odd), read(&pair.without));
    assert!(odd.is_some(), "a part that cannot be used costs all of {}", pair.odd);
    assert_eq!(odd, without, "what cannot be used costs more than itself: {}", pair.odd);
}

/// A frame that may carry a Jingle action: its descriptions as SDP.
///
/// What is written as SDP can be read as SDP, by either end. Of a frame that a script damages, only
/// what is damaged is lost.
///
/// # Panics
///
/// It cannot.
pub fn jingle(data: &[u8]) {
    if let Some(script) = Script::read(data) {
        let pair = JINGLE.with(|good| script.tree(&good[script.message(good.len())], false));
        return is_the_same(&pair, described);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(Frame::Iq(iq)) = Frame::parse(text) else { return };
    let (IqKind::Get(Payload::Extension(Dialect::Jingle(jingle)))
    | IqKind::Set(Payload::Extension(Dialect::Jingle(jingle)))) = iq.kind
    else {
        return;
    };
    for author in [Role::Initiator, Role::Responder] {
        if let Ok(sdp) = to_sdp(&jingle, author) {
            settles(&sdp, author);
        }
    }
}

/// The description that media is told of a Jingle action.
fn described(frame: &str) -> Option<String> {
    let Ok(Frame::Iq(iq)) = Frame::parse(frame) else { return None };
    let IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))) = iq.kind else { return None };
    if jingle.action == Action::SessionInitiate {
        return to_sdp(&jingle, Role::Initiator).ok();
    }
    let mut told = String::new();
    for transport in jingle.contents.iter().filter_map(|content| content.transport.as_ref()) {
        for candidate in &transport.candidates {
            told.push_str(&format!("{candidate}\n"));
        }
        told.push_str(if transport.gathering_complete { "complete\n" } else { "more\n" });
    }
    Some(told)
}

/// A session description of the peer's.
///
/// Whatever comes is contents or a typed error; contents that can be written as SDP again can be
/// read again, and from then on nothing changes any more.
///
/// # Panics
///
/// One of these does not hold.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for author in [Role::Initiator, Role::Responder] {
        let Ok((contents, groups)) = from_sdp(text, author) else { continue };
        let accept = Jingle::session_accept("s", contents, groups);
        if let Ok(sdp) = to_sdp(&accept, author) {
            settles(&sdp, author);
        }
    }
}

/// An SDP of our own writing is readable; read and written once more, it stays as it is.
fn settles(sdp: &str, author: Role) {
    let second = rewritten(sdp, author);
    assert_eq!(rewritten(&second, author), second, "the third writing differs from the second");
}

fn rewritten(sdp: &str, author: Role) -> String {
    let (contents, groups) = from_sdp(sdp, author)
        .unwrap_or_else(|error| panic!("cannot read what was written: {error}\n{sdp}"));
    to_sdp(&Jingle::session_accept("s", contents, groups), author)
        .unwrap_or_else(|error| panic!("cannot write what was read: {error}\n{sdp}"))
}

/// The JSON of a `genesys-webrtc` element.
///
/// Whatever comes is a call or a typed error; a call that is written is read as itself. Of a call that
/// a script damages, only what is damaged is lost.
///
/// # Panics
///
/// It is not.
pub fn rpc(data: &[u8]) {
    if let Some(script) = Script::read(data) {
        let pair = CALLS.with(|good| {
            let (call, needed) = &good[script.message(good.len())];
            script.json(call, needed)
        });
        return is_the_same(&pair, |text| Rpc::parse(text).ok());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(call) = Rpc::parse(text) else { return };
    assert_eq!(Rpc::parse(&call.to_json()).as_ref(), Ok(&call), "{}", call.to_json());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::damage;

    #[test]
    fn whatever_optional_part_is_damaged_costs_only_itself() {
        for script in damage::all(2, 160) {
            jingle(&script);
        }
        for script in damage::all(2, 30) {
            message(&script);
        }
        for script in damage::all(3, 12) {
            rpc(&script);
        }
    }
}
