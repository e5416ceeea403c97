//! Everything once, or some of it twice in a row: what the one run is told and asked and the other
//! is not.

use crate::machine::{Input, UdpEvent, WsEvent};

/// The inputs that come twice in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Twice {
    #[default]
    None,
    Nth(usize),
    All,
}

/// The same once more.
pub(super) fn twin(input: &Input) -> Input {
    match input {
        Input::Timeout => Input::Timeout,
        Input::WebSocket { id, event } => {
            let event = match event {
                WsEvent::Opened { protocol } => WsEvent::Opened { protocol: protocol.clone() },
                WsEvent::Text(text) => WsEvent::Text(text.clone()),
                WsEvent::Closed { code, reason } => {
                    WsEvent::Closed { code: *code, reason: reason.clone() }
                }
                WsEvent::Failed(error) => WsEvent::Failed(error.clone()),
            };
            Input::WebSocket { id: *id, event }
        }
        Input::Http { id, result } => Input::Http { id: *id, result: result.clone() },
        Input::Udp { id, event } => {
            let event = match event {
                UdpEvent::Opened { local } => UdpEvent::Opened { local: local.clone() },
                UdpEvent::Changed { added, removed } => {
                    UdpEvent::Changed { added: added.clone(), removed: removed.clone() }
                }
                UdpEvent::Failed(error) => UdpEvent::Failed(error.clone()),
                UdpEvent::Datagram { local, remote, data } => {
                    UdpEvent::Datagram { local: *local, remote: *remote, data: data.clone() }
                }
            };
            Input::Udp { id: *id, event }
        }
        Input::Stream { id, event } => Input::Stream { id: *id, event: event.clone() },
        Input::Resolved { id, result } => Input::Resolved { id: *id, result: result.clone() },
        Input::Frame { track, frame } => Input::Frame { track: *track, frame: frame.clone() },
    }
}

/// A frame without its ids, unless it is one that repeats when what it answers does: the reply to
/// an IQ, the `proceed` to a propose, the answer to an offer.
pub(super) fn worth_comparing(text: &str) -> Option<String> {
    let reply = text.starts_with("<iq")
        && (text.contains(r#"type="result""#) || text.contains(r#"type="error""#));
    if reply || text.contains("<proceed") || text.contains(r#""method":"answer""#) {
        return None;
    }
    let without = |text: &str, before: &str| match text.split_once(before) {
        Some((head, tail)) => {
            let rest = tail.split_once('"').map_or("", |(_, rest)| rest);
            format!("{head}{rest}")
        }
        None => text.to_owned(),
    };
    let text = if text.starts_with("<iq") { without(text, r#" id=""#) } else { text.to_owned() };
    Some(without(&text, r#""id":""#))
}
