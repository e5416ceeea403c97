//! The least cost of the same bytes: the parsers alone.

use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use serde::Deserialize;

/// The events of a document, and nothing done with them.
pub(crate) fn scan(xml: &str) -> usize {
    let mut reader = Reader::from_str(xml);
    let mut events = 0;
    while reader.read_event().expect("XML") != Event::Eof {
        events += 1;
    }
    events
}

/// A notification's JSON, as typed values of what a client uses of it.
pub(crate) fn notification(xml: &str) -> Notification {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) if start.name().as_ref() == "json" => {
                let text = reader.read_text(start.name()).expect("text");
                let json = unescape(&text).expect("known entities");
                return serde_json::from_str(&json).expect("a notification");
            }
            Event::Eof => unreachable!("a notification without JSON"),
            _ => {}
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) topic_name: String,
    pub(crate) event_body: Conversation,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) participants: Vec<Participant>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    pub(crate) id: String,
    pub(crate) purpose: String,
    pub(crate) user_id: Option<String>,
    pub(crate) calls: Vec<Call>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) direction: String,
    pub(crate) muted: bool,
    pub(crate) held: bool,
    pub(crate) confined: bool,
}
