//! Every XMPP frame that the browser client and its service were recorded to exchange parses into
//! something known, and what the client sent reads the same once written again.

use offhook::genesys::wire::{Frame, IqKind, Message, Payload};

struct Recorded {
    from_client: bool,
    xml: String,
}

macro_rules! recordings {
    ($($path:literal),*) => {
        [$(include_str!(concat!("data/js-sdk-frames/", $path, ".jsonl"))),*]
    };
}

const RECORDINGS: [&str; 12] = recordings![
    "controls",
    "inbound",
    "inbound-sdp",
    "initialize",
    "outbound",
    "reject",
    "streaming-client-19/controls",
    "streaming-client-19/inbound",
    "streaming-client-19/inbound-sdp",
    "streaming-client-19/initialize",
    "streaming-client-19/outbound",
    "streaming-client-19/reject"
];

/// The text frames of every recording.
fn recorded() -> Vec<Recorded> {
    let mut frames = Vec::new();
    for line in RECORDINGS.iter().flat_map(|text| text.lines()) {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        if let Some(xml) = line["xml"].as_str() {
            frames.push(Recorded { from_client: line["dir"] == "c2s", xml: xml.to_owned() });
        }
    }
    frames
}

fn payloads(frame: &Frame) -> Vec<&Payload> {
    match frame {
        Frame::Iq(iq) => match &iq.kind {
            IqKind::Get(payload) | IqKind::Set(payload) => vec![payload],
            IqKind::Result(payload) => payload.iter().collect(),
            IqKind::Error(_) => Vec::new(),
        },
        Frame::Message(Message { payloads, .. }) => payloads.iter().collect(),
        Frame::Presence(presence) => presence.payloads.iter().collect(),
        Frame::Open(_)
        | Frame::Close(_)
        | Frame::Features(_)
        | Frame::Auth(_)
        | Frame::Success
        | Frame::Failure(_)
        | Frame::StreamError(_)
        | Frame::Other { .. } => Vec::new(),
    }
}

#[test]
fn every_recorded_frame_is_understood() {
    let frames = recorded();
    assert_eq!(frames.len(), 568, "238 from the client, 330 from the service");
    for Recorded { xml, .. } in &frames {
        let frame = Frame::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
        assert!(!matches!(frame, Frame::Other { .. }), "{xml}");
        for payload in payloads(&frame) {
            let bad = matches!(payload, Payload::Unknown(_) | Payload::Malformed { .. });
            assert!(!bad, "{payload:?} in {xml}");
        }
    }
}

#[test]
fn what_was_read_is_written_so_that_it_reads_the_same() {
    for Recorded { xml, .. } in recorded() {
        let frame = Frame::parse(&xml).expect("a frame");
        assert_eq!(Frame::parse(&frame.to_xml()), Ok(frame), "{xml}");
    }
}

/// The tags of a document, each with its attributes sorted; JSON inside is compared as a value
/// elsewhere.
fn tags(xml: &str) -> Vec<Vec<String>> {
    let tags = xml.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
    tags.map(|tag| {
        let tag = tag.trim_end_matches('/');
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut words: Vec<String> = attributes
            .split_terminator("\" ")
            .map(|a| a.trim_end_matches('"').to_owned())
            .collect();
        words.sort();
        words.insert(0, name.to_owned());
        words
    })
    .collect()
}

#[test]
fn we_write_what_the_client_writes() {
    let mut compared = 0;
    for Recorded { from_client, xml } in recorded() {
        // JSON may hold "<", so that only frames without it can be compared tag by tag.
        if from_client && !xml.contains('{') {
            let written = Frame::parse(&xml).expect("a frame").to_xml();
            assert_eq!(tags(&written), tags(&xml), "{written}\n{xml}");
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared}");
}
