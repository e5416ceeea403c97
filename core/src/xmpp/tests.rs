//! Frames and stanzas as a whole: the examples of the wire notes, the bounds, and any text at all.

use proptest::prelude::*;

use super::*;
use crate::Secret;
use crate::jingle::{Action, Method};

const RECORDED: &str =
    include_str!("../../tests/data/js-sdk-frames/streaming-client-19/inbound-sdp.jsonl");

fn recorded_frames() -> Vec<String> {
    let lines = RECORDED.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    lines.filter_map(|line: serde_json::Value| Some(line["xml"].as_str()?.to_owned())).collect()
}

fn parse(text: &str) -> Frame {
    Frame::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn kind(text: &str) -> FrameErrorKind {
    Frame::parse(text).expect_err("an unusable frame").kind
}

fn jid(text: &str) -> Jid {
    text.parse().expect("an address")
}

/// Parses, and checks that what is written again reads the same.
fn round_trip(text: &str) -> Frame {
    let frame = parse(text);
    assert_eq!(parse(&frame.to_xml()), frame, "{}", frame.to_xml());
    frame
}

/// The payload of an iq set with this content.
fn set(content: &str) -> Payload {
    let text =
        format!(r#"<iq xmlns="jabber:client" id="i" from="a@b/c" type="set">{content}</iq>"#);
    match parse(&text) {
        Frame::Iq(Iq { kind: IqKind::Set(payload), .. }) => payload,
        other => panic!("{other:?}"),
    }
}

/// What is wrong with the payload of an iq set with this content.
fn malformed(content: &str) -> (String, String) {
    match set(content) {
        Payload::Malformed { element, error } => (element, error),
        other => panic!("{other:?}"),
    }
}

mod stream_setup {
    //! Wire notes 1.4 to 1.6.

    use super::*;

    #[test]
    fn open_close_and_sasl_are_written_as_the_client_writes_them() {
        let open = Frame::Open(Open::client("org.orgspan.com"));
        let text = r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="org.orgspan.com" version="1.0" xml:lang="en"/>"#;
        assert_eq!(open.to_xml(), text);
        assert_eq!(parse(text), open);
        assert_eq!(
            Frame::Close(Close::default()).to_xml(),
            r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#
        );
        assert_eq!(
            Frame::Auth(sasl::anonymous()).to_xml(),
            r#"<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS">=</auth>"#
        );
        assert_eq!(
            round_trip(
                r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing" see-other-uri="wss://x"/>"#
            ),
            Frame::Close(Close { see_other_uri: Some("wss://x".to_owned()) })
        );
    }

    #[test]
    fn features_tell_mechanisms_then_bind_and_session() {
        let text = r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>PLAIN</mechanism></mechanisms></stream:features>"#;
        let plain = Features { mechanisms: vec!["PLAIN".to_owned()], ..Features::default() };
        assert_eq!(round_trip(text), Frame::Features(plain.clone()));
        assert_eq!(Frame::Features(plain).to_xml(), text);

        let features = |session: &str| {
            format!(
                r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>{session}</stream:features>"#
            )
        };
        let bind =
            |session| Frame::Features(Features { bind: true, session, ..Default::default() });
        let ns = "urn:ietf:params:xml:ns:xmpp-session";
        assert_eq!(round_trip(&features("")), bind(SessionFeature::Absent));
        assert_eq!(
            round_trip(&features(&format!("<session xmlns='{ns}'/>"))),
            bind(SessionFeature::Required)
        );
        assert_eq!(
            round_trip(&features(&format!("<session xmlns='{ns}'><optional/></session>"))),
            bind(SessionFeature::Optional)
        );
        let managed = round_trip(&features("<sm xmlns='urn:xmpp:sm:3'/>"));
        assert!(matches!(managed, Frame::Features(Features { stream_management: true, .. })));
    }

    #[test]
    fn failures_and_stream_errors_tell_their_condition() {
        let text = r#"<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/><text>no</text></failure>"#;
        let failure =
            SaslFailure { condition: "not-authorized".to_owned(), text: Some("no".to_owned()) };
        assert_eq!(round_trip(text), Frame::Failure(failure));
        let text = r#"<stream:error xmlns:stream="http://etherx.jabber.org/streams"><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>"#;
        let error = StreamError { condition: "conflict".to_owned(), text: None };
        assert_eq!(round_trip(text), Frame::StreamError(error.clone()));
        assert_eq!(Frame::StreamError(error).to_xml(), text);
        assert_eq!(
            round_trip(r#"<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#),
            Frame::Failure(SaslFailure { condition: "undefined-condition".to_owned(), text: None })
        );
    }

    #[test]
    fn bind_and_session_are_written_as_the_client_writes_them() {
        let bind = Payload::Bind { resource: Some("desk".to_owned()), jid: None };
        assert_eq!(
            Frame::Iq(Iq::set("1", None, bind)).to_xml(),
            r#"<iq xmlns="jabber:client" id="1" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>desk</resource></bind></iq>"#
        );
        assert_eq!(
            Frame::Iq(Iq::set("2", None, Payload::Session)).to_xml(),
            r#"<iq xmlns="jabber:client" id="2" type="set"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq>"#
        );
        let given = r#"<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>a@b/c</jid></bind>"#;
        assert_eq!(set(given), Payload::Bind { resource: None, jid: Some(jid("a@b/c")) });
        let wrong = r#"<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>@</jid></bind>"#;
        assert_eq!(malformed(wrong).0, "bind");
    }

    #[test]
    fn what_nobody_knows_is_named() {
        assert_eq!(
            round_trip("<r xmlns='urn:xmpp:sm:3'/>"),
            Frame::Other { name: "r".to_owned(), namespace: "urn:xmpp:sm:3".to_owned() }
        );
        assert!(matches!(parse("<iq type='get'/>"), Frame::Other { .. }), "not in jabber:client");
    }
}

mod stanzas {
    //! Wire notes 1.6, 2 to 5, 7 and 10.1.

    use super::*;

    #[test]
    fn an_iq_carries_exactly_one_request() {
        let ping = "<ping xmlns='urn:xmpp:ping'/>";
        assert_eq!(set(ping), Payload::Ping);
        assert_eq!(set(&format!("\n {ping} \n")), Payload::Ping);
        assert_eq!(malformed("").0, "iq");
        assert_eq!(malformed(&format!("{ping}{ping}")).0, "iq");
    }

    #[test]
    fn an_answer_swaps_the_addresses_and_keeps_the_id() {
        let text = r#"<iq xmlns="jabber:client" id="i" from="a@b/c" to="d" type="set"><x xmlns="u:x"/></iq>"#;
        let Frame::Iq(request) = parse(text) else { panic!("an iq") };
        assert_eq!(
            Frame::Iq(Iq::error_to(&request, StanzaError::service_unavailable())).to_xml(),
            r#"<iq xmlns="jabber:client" id="i" to="a@b/c" type="error"><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>"#
        );
        let result = Iq::result_with(&request, Payload::Version(Version::own()));
        assert_eq!(result.to, request.from);
        round_trip(&Frame::Iq(result.with_from(jid("d"))).to_xml());
    }

    #[test]
    fn every_error_of_the_wire_notes_has_its_shape() {
        let shape = |error: StanzaError| {
            let xml = Frame::Iq(Iq {
                id: Some("i".to_owned()),
                from: None,
                to: None,
                kind: IqKind::Error(error),
            })
            .to_xml();
            round_trip(&xml);
            let inner = xml.split_once("<error ").expect("an error").1;
            inner
                .replace(" xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"", "")
                .replace(" xmlns=\"urn:xmpp:jingle:errors:1\"", ":j")
                .replace("</error></iq>", "")
        };
        let shapes = [
            (StanzaError::service_unavailable(), r#"type="cancel"><service-unavailable/>"#),
            (StanzaError::bad_request(), r#"type="modify"><bad-request/>"#),
            (StanzaError::jingle_bad_request(), r#"type="cancel"><bad-request/>"#),
            (StanzaError::item_not_found(), r#"type="cancel"><item-not-found/>"#),
            (
                StanzaError::item_not_found_unknown_session(),
                r#"type="cancel"><item-not-found/><unknown-session:j/>"#,
            ),
            (
                StanzaError::out_of_order(),
                r#"type="cancel"><unexpected-request/><out-of-order:j/>"#,
            ),
            (StanzaError::tie_break(), r#"type="cancel"><conflict/><tie-break:j/>"#),
            (
                StanzaError::unsupported_info(),
                r#"type="modify"><feature-not-implemented/><unsupported-info:j/>"#,
            ),
            (StanzaError::undefined_condition(), r#"type="cancel"><undefined-condition/>"#),
            (StanzaError::not_allowed(), r#"type="cancel"><not-allowed/>"#),
            (StanzaError::resource_constraint(), r#"type="wait"><resource-constraint/>"#),
            (
                StanzaError::new(ErrorType::Auth, "forbidden").with_text("a < b"),
                r#"type="auth"><forbidden/><text>a &lt; b</text>"#,
            ),
        ];
        for (error, expected) in shapes {
            assert_eq!(shape(error), expected);
        }
        assert!(StanzaError::tie_break().is_tie_break());
        assert!(StanzaError::item_not_found_unknown_session().is_unknown_session());
        assert!(!StanzaError::item_not_found().is_unknown_session());
        assert_eq!(
            StanzaError::tie_break().with_text("again").to_string(),
            "conflict (tie-break): again"
        );
    }

    #[test]
    fn an_error_without_an_error_element_is_undefined() {
        let text = r#"<iq xmlns="jabber:client" id="i" type="error"/>"#;
        let Frame::Iq(iq) = round_trip(text) else { panic!("an iq") };
        assert_eq!(iq.kind, IqKind::Error(StanzaError::undefined_condition()));
    }

    #[test]
    fn the_2017_throttling_error_reads() {
        let text = r#"<iq xmlns="jabber:client" id="i" type="error"><error type="wait" code="429"><resource-constraint xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><resource-limit-exceeded xmlns="urn:realtime:errors"/></error></iq>"#;
        let Frame::Iq(Iq { kind: IqKind::Error(error), .. }) = round_trip(text) else {
            panic!("an error")
        };
        assert_eq!(error.kind, ErrorType::Wait);
        assert_eq!(error.application.expect("its own condition").name, "resource-limit-exceeded");
    }

    #[test]
    fn an_empty_address_counts_as_absent() {
        let Frame::Iq(iq) = parse("<iq xmlns='jabber:client' from='' type='result'/>") else {
            panic!("an iq")
        };
        assert_eq!((iq.id, iq.from), (None, None));
    }

    #[test]
    fn subscriptions_follow_wire_notes_4_1() {
        let subscribe = PubSub::Subscribe { node: "v2.x".to_owned(), jid: jid("a@b") };
        let frame =
            Frame::Iq(Iq::set("1", Some(jid("notifications.example")), Payload::PubSub(subscribe)));
        let text = r#"<iq xmlns="jabber:client" id="1" to="notifications.example" type="set"><pubsub xmlns="http://jabber.org/protocol/pubsub"><subscribe node="v2.x" jid="a@b"/></pubsub></iq>"#;
        assert_eq!(frame.to_xml(), text);
        assert_eq!(round_trip(text), frame);
        round_trip(&text.replace("subscribe", "unsubscribe"));
        let state = text.replace("subscribe ", "subscription subscription='subscribed' ");
        assert!(matches!(
            round_trip(&state),
            Frame::Iq(Iq { kind: IqKind::Set(Payload::PubSub(PubSub::Subscription { .. })), .. })
        ));
        let ns = "http://jabber.org/protocol/pubsub";
        assert_eq!(malformed(&format!("<pubsub xmlns='{ns}'/>")).0, "pubsub");
        let bad = format!("<pubsub xmlns='{ns}'><subscribe node='n' jid='/'/></pubsub>");
        assert!(malformed(&bad).1.contains("jid"));
        assert_eq!(malformed(&format!("<pubsub xmlns='{ns}'><publish/></pubsub>")).0, "pubsub");
    }

    fn event(items: &str) -> Payload {
        let text = format!(
            r#"<message xmlns="jabber:client" from="n" type="headline"><event xmlns="http://jabber.org/protocol/pubsub#event">{items}</event></message>"#
        );
        let Frame::Message(mut message) = round_trip_unless_malformed(&text) else {
            panic!("a message")
        };
        assert_eq!(message.payloads.len(), 1);
        message.payloads.remove(0)
    }

    fn round_trip_unless_malformed(text: &str) -> Frame {
        let frame = parse(text);
        match &frame {
            Frame::Message(m) if matches!(m.payloads[..], [Payload::Malformed { .. }]) => frame,
            _ => round_trip(text),
        }
    }

    #[test]
    fn only_the_first_item_of_an_event_is_read() {
        let item = |id: &str, json: &str| {
            format!("<item id='{id}'><json xmlns='urn:xmpp:json:0'>{json}</json></item>")
        };
        let two = item("1", "{&quot;a&quot;:[1,&quot;&lt;\\n&gt;&quot;]}") + &item("2", "no JSON");
        let payload = event(&format!("<items node='v2.x'>{two}</items>"));
        let Payload::PubSubEvent(event) = payload else { panic!("{payload:?}") };
        assert_eq!((event.node.as_str(), event.item_id.as_deref()), ("v2.x", Some("1")));
        assert_eq!(event.json, r#"{"a":[1,"<\n>"]}"#);
    }

    #[test]
    fn a_broken_event_costs_nothing_but_itself() {
        for items in [
            "",
            "<items node='n'/>",
            "<items node='n'><item/></items>",
            "<items><item><json xmlns='urn:xmpp:json:0'>1</json></item></items>",
        ] {
            let payload = event(items);
            let Payload::Malformed { element, .. } = payload else { panic!("{payload:?}") };
            assert_eq!(element, "event");
        }
    }

    #[test]
    fn services_follow_wire_notes_7() {
        let text = r#"<iq xmlns="jabber:client" type="result" to="a@b/c" id="a"><services xmlns="urn:xmpp:extdisco:1"><service transport="udp" port="3456" type="turn" username="turnuser:12395" password="akskdfjka=" host="turn.example"/></services></iq>"#;
        let frame = round_trip(text);
        assert!(!format!("{frame:?}").contains("akskdfjka"));
        let Frame::Iq(Iq { kind: IqKind::Result(Some(Payload::Services(found))), .. }) = frame
        else {
            panic!("services")
        };
        let [service] = &found.services[..] else { panic!("one service") };
        assert_eq!(service.url(), "turn:turn.example:3456");
        assert_eq!(service.password, Some(Secret::new("akskdfjka=")));

        let ask = Payload::Services(Services::request("turn"));
        assert_eq!(
            Frame::Iq(Iq::get("b", Some(jid("org.example")), ask)).to_xml(),
            r#"<iq xmlns="jabber:client" id="b" to="org.example" type="get"><services xmlns="urn:xmpp:extdisco:1" type="turn"/></iq>"#
        );
    }

    #[test]
    fn who_we_are_and_the_rest_of_the_known_payloads_round_trip() {
        for payload in [
            Payload::DiscoInfo(DiscoInfo::default()),
            Payload::DiscoInfo(DiscoInfo::client()),
            Payload::Version(Version::default()),
            Payload::Version(Version::own()),
            Payload::ConnectionTransfer,
            Payload::Session,
            Payload::MediaMessage(r#"{"method":"headsetControlsRequest"}"#.to_owned()),
        ] {
            let frame = Frame::Iq(Iq::get("1", None, payload));
            assert_eq!(parse(&frame.to_xml()), frame);
        }
    }

    #[test]
    fn a_received_carbon_holds_its_message_and_a_sent_one_is_unknown() {
        let carbon = |name: &str| {
            format!(
                r#"<message xmlns="jabber:client" from="a@b"><{name} xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" from="g@h/r" to="a@b"><retract xmlns="urn:xmpp:jingle-message:0" id="s"/></message></forwarded></{name}></message>"#
            )
        };
        let Frame::Message(message) = round_trip(&carbon("received")) else { panic!("a message") };
        let [Payload::Carbon(inner)] = &message.payloads[..] else { panic!("a carbon") };
        assert_eq!(inner.from, Some(jid("g@h/r")));
        assert!(matches!(inner.payloads[..], [Payload::JingleMessage(_)]));
        let Frame::Message(message) = round_trip(&carbon("sent")) else { panic!("a message") };
        assert!(matches!(message.payloads[..], [Payload::Unknown(_)]));
        assert_eq!(malformed("<received xmlns='urn:xmpp:carbons:2'/>").0, "received");
        let bad = carbon("received").replace("g@h/r", "@");
        let Frame::Message(message) = parse(&bad) else { panic!("a message") };
        assert!(matches!(message.payloads[..], [Payload::Malformed { .. }]));
    }

    #[test]
    fn presence_and_unknown_elements_survive() {
        let text = r#"<presence xmlns="jabber:client" id="1" to="acd-1@conference.x" type="upgradeMedia"><x xmlns="orgspan:mediastream" conversationId="c"><mediastream screenShare="true"/></x></presence>"#;
        let frame = round_trip(text);
        let Frame::Presence(presence) = &frame else { panic!("a presence") };
        assert_eq!(presence.kind.as_deref(), Some("upgradeMedia"));
        assert!(
            matches!(&presence.payloads[..], [Payload::Unknown(x)] if x.is("x", "orgspan:mediastream"))
        );
        assert_eq!(frame.to_xml(), text);
    }
}

mod errors {
    //! Frames that cannot be used, and the bounds.

    use super::*;

    #[test]
    fn what_is_not_one_element_says_so() {
        assert_eq!(kind(""), FrameErrorKind::NotAnElement);
        assert_eq!(kind(" \n"), FrameErrorKind::NotAnElement);
        assert_eq!(kind("hello"), FrameErrorKind::NotAnElement);
        assert_eq!(kind("<a/><b/>"), FrameErrorKind::SeveralElements);
        for text in [
            "<a",
            "<a>",
            "<a></b>",
            "</a>",
            "<a b/>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
            "<a b='1' b= '2'/>",
            "<a xml:b='1' xml:b='2'/>",
            "<a b b='1'/>",
            "<a b='1' b/>",
            "<a b='1/>",
            "<a ='1'/>",
            "<a 1='1'/>",
            "<a b:='1'/>",
            "<a b:c:d='1'/>",
            "<a xmlns='u:a' xmlns='u:b'/>",
            "<a xmlns:b=''/>",
            "<x:a/>",
            "<a>&nope;</a>",
            "<a>&#0;</a>",
            "<a b='&nope;'/>",
            "<1/>",
            "<a/>x",
        ] {
            assert!(matches!(kind(text), FrameErrorKind::NotXml { .. }), "{text}");
        }
    }

    #[test]
    fn a_document_type_is_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>"#;
        assert_eq!(kind(bomb), FrameErrorKind::DocumentType);
        assert!(matches!(parse("<?xml version='1.0'?><!-- c --><a/>"), Frame::Other { .. }));
    }

    #[test]
    fn a_stanza_needs_a_type_and_real_addresses() {
        let missing = FrameErrorKind::MissingAttribute { element: "iq", attribute: "type" };
        assert_eq!(kind("<iq xmlns='jabber:client'/>"), missing);
        let bad = FrameErrorKind::BadAttribute { element: "iq", attribute: "type" };
        assert_eq!(kind("<iq xmlns='jabber:client' type='x'/>"), bad);
        assert_eq!(
            kind("<message xmlns='jabber:client' from='@'/>"),
            FrameErrorKind::BadJid { attribute: "from", error: JidError::NoDomain }
        );
        assert_eq!(
            kind("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
            FrameErrorKind::MissingAttribute { element: "auth", attribute: "mechanism" }
        );
    }

    #[test]
    fn an_unusable_request_can_still_be_answered() {
        let broken = "<iq xmlns='jabber:client' id='7' from='a@b/c' type='get'><x><y></x></iq>";
        let reply = Frame::parse(broken).expect_err("not XML").reply().expect("a reply");
        assert_eq!(
            Frame::Iq(reply).to_xml(),
            r#"<iq xmlns="jabber:client" id="7" to="a@b/c" type="error"><error type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>"#
        );
        let reply = |text: &str| Frame::parse(text).expect_err("not usable").reply();
        assert!(reply("<iq xmlns='jabber:client' id='7' to='@' type='set'/>").is_some());
        assert_eq!(reply("<iq xmlns='jabber:client' id='7' type='result'>"), None);
        assert_eq!(reply("<iq xmlns='jabber:client' type='get'>"), None, "no id to answer");
        assert_eq!(reply("<message xmlns='jabber:client' id='7'>"), None);
    }

    fn nested(depth: usize) -> String {
        let (open, close) = ("<a>".repeat(depth), "</a>".repeat(depth));
        format!("<message xmlns='jabber:client'>{open}{close}</message>")
    }

    #[test]
    fn depth_is_bounded() {
        round_trip(&nested(MAX_DEPTH));
        assert_eq!(kind(&nested(MAX_DEPTH + 1)), FrameErrorKind::TooDeep);
        assert_eq!(kind(&nested(100_000)), FrameErrorKind::TooDeep);
    }

    #[test]
    fn elements_attributes_and_texts_are_bounded_together() {
        let frame = |content: String| format!("<message xmlns='jabber:client'>{content}</message>");
        let fits = MAX_NODES - 2; // the stanza and its namespace declaration
        round_trip(&frame("<a/>".repeat(fits)));
        assert_eq!(kind(&frame("<a/>".repeat(fits + 1))), FrameErrorKind::TooManyNodes);
        let attributes: String = (0..MAX_NODES).map(|i| format!(" a{i}=''")).collect();
        assert_eq!(kind(&format!("<m{attributes}/>")), FrameErrorKind::TooManyNodes);
        let texts = "<a/>.".repeat(MAX_NODES / 2);
        assert_eq!(kind(&format!("<m>{texts}</m>")), FrameErrorKind::TooManyNodes);
        // However much of it is escaped, a text is one: events quote every name in their JSON.
        round_trip(&frame("&quot;.".repeat(MAX_NODES)));
    }

    #[test]
    fn a_namespace_is_bounded_since_every_element_may_have_to_hold_it() {
        let frame = |len: usize| format!("<a xmlns='{}'/>", "n".repeat(len));
        assert!(matches!(parse(&frame(MAX_NAMESPACE)), Frame::Other { .. }));
        assert!(matches!(kind(&frame(MAX_NAMESPACE + 1)), FrameErrorKind::NotXml { .. }));
    }

    #[test]
    fn size_is_bounded() {
        let frame = |size: usize| format!("<a>{}</a>", " ".repeat(size - 7));
        assert!(matches!(parse(&frame(MAX_FRAME)), Frame::Other { .. }));
        assert_eq!(kind(&frame(MAX_FRAME + 1)), FrameErrorKind::TooLarge(MAX_FRAME + 1));
    }
}

mod trees {
    //! Namespaces, escaping and redaction of elements.

    use super::*;

    #[test]
    fn prefixes_mean_what_they_are_bound_to_wherever_that_was() {
        let outer = r#"<iq xmlns="jabber:client" xmlns:j="urn:xmpp:jingle:1" type="set" id="1"><j:jingle sid="s" action="session-info"/></iq>"#;
        let Frame::Iq(Iq { kind: IqKind::Set(Payload::Jingle(jingle)), .. }) = round_trip(outer)
        else {
            panic!("a Jingle action")
        };
        assert_eq!(jingle.action, Action::SessionInfo);
        let unbound = set("<a xmlns='u:a'><b xmlns=''/></a>");
        let Payload::Unknown(a) = unbound else { panic!("{unbound:?}") };
        assert!(a.find("b", "").is_some());
        assert_eq!(a.to_xml(), r#"<a xmlns="u:a"><b xmlns=""/></a>"#);
    }

    #[test]
    fn attributes_are_read_however_they_are_written() {
        let odd = "<a xmlns = 'u:a' xmlns:p='u:p' b='\"&#9;\t' c\n=\t\"'\"d='' é='&amp;' p:b='gone' xml:b='kept'/>";
        let Payload::Unknown(a) = set(odd) else { panic!("an unknown element") };
        assert_eq!(
            a,
            Element::new("a", "u:a")
                .attr("b", "\"\t ")
                .attr("c", "'")
                .attr("d", "")
                .attr("é", "&")
                .attr("xml:b", "kept")
        );
    }

    #[test]
    fn text_and_elements_keep_their_order() {
        let mixed = r#"<a xmlns="u:a">1<b>2<c/>3</b>4<b/>5</a>"#;
        let Payload::Unknown(a) = set(mixed) else { panic!("an unknown element") };
        assert_eq!(a.content(), "145");
        assert_eq!(a.find("b", "u:a").map(Element::content).as_deref(), Some("23"));
        assert_eq!(a.to_xml(), mixed);
    }

    #[test]
    fn text_and_attributes_survive_whatever_they_hold() {
        let nasty = "<&>\"' \t\r\n]]>é\u{1F600}";
        let tree = Element::new("a", "u:&\"a").attr("b", nasty).text(nasty);
        let frame = Frame::Message(Message::to(jid("a@b"), Payload::Unknown(tree)));
        assert_eq!(parse(&frame.to_xml()), frame);
    }

    #[test]
    fn what_xml_cannot_carry_is_replaced() {
        let tree = Element::new("bad name<", "u:a").attr("1", "\0").text("\u{ffff}");
        let xml = tree.to_xml();
        assert_eq!(xml, "<_bad_name_ xmlns=\"u:a\" _1=\"\u{fffd}\">\u{fffd}</_bad_name_>");
        assert!(Frame::parse(&xml).is_ok());
    }

    #[test]
    fn a_tree_shows_no_values() {
        let tree = Element::new("a", "u:a").attr("pwd", "hush").text("hush");
        let shown = format!("{:?}", Payload::Unknown(tree));
        assert!(shown.contains("pwd") && !shown.contains("hush"), "{shown}");
    }
}

mod any_input {
    //! Nothing that arrives can break the reader.

    use super::*;

    fn check(text: &str) -> Result<(), TestCaseError> {
        let Ok(frame) = Frame::parse(text) else { return Ok(()) };
        let xml = frame.to_xml();
        let again = Frame::parse(&xml);
        prop_assert!(again.is_ok(), "{:?}: {}", again, xml);
        prop_assert_eq!(again.map(|frame| frame.to_xml()), Ok(xml));
        Ok(())
    }

    fn known_element() -> impl Strategy<Value = String> {
        let names = prop::sample::select(vec![
            ("bind", ns::BIND),
            ("pubsub", ns::PUBSUB),
            ("event", ns::PUBSUB_EVENT),
            ("services", ns::EXTERNAL_SERVICES),
            ("propose", ns::JINGLE_MESSAGE),
            ("jingle", ns::JINGLE),
            ("genesys-webrtc", ns::GENESYS),
            ("received", ns::CARBONS),
            ("query", ns::DISCO_INFO),
            ("error", ns::CLIENT),
        ]);
        (names, "( (id|sid|action|node|jid|type)='[a-z@/]{0,6}'){0,3}", "[a-z{}\":<>/]{0,20}")
            .prop_map(|((name, ns), attributes, content)| {
                format!("<{name} xmlns='{ns}'{attributes}>{content}</{name}>")
            })
    }

    proptest! {
        #[test]
        fn any_text_is_an_error_or_a_frame(text in "\\PC{0,60}|[<>/a-c =\"'&;#x0-9:!\\[\\]-]{0,60}") {
            check(&text)?;
        }

        #[test]
        fn known_elements_with_any_content(element in known_element(), kind in "get|set|result|error") {
            check(&format!("<iq xmlns='jabber:client' id='1' type='{kind}'>{element}</iq>"))?;
            check(&format!("<message xmlns='jabber:client'>{element}</message>"))?;
        }

        #[test]
        fn a_recorded_frame_with_a_change(
            which in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            remove in 0_usize..40,
            insert in "\\PC{0,3}|[<>/='\"& a-z]{0,8}",
        ) {
            let frames = recorded_frames();
            let frame: Vec<char> = frames[which.index(frames.len())].chars().collect();
            let at = at.index(frame.len());
            let rest = frame.len().min(at + remove);
            let mutated: String =
                frame[..at].iter().copied().chain(insert.chars()).chain(frame[rest..].iter().copied()).collect();
            check(&mutated)?;
        }

        #[test]
        fn any_tree_round_trips(
            name in "[a-z_][a-z0-9._-]{0,8}",
            namespace in "[ -~]{1,12}",
            value in any::<String>(),
            text in "\\PC{1,20}",
        ) {
            let leaf = Element::new(name.clone(), namespace).attr("xml:lang", &value).text(text);
            let tree = Element::new(name.clone(), "urn:x").attr(name, &value).child(leaf.clone()).child(leaf);
            let once = Frame::Message(Message::to(jid("a@b"), Payload::Unknown(tree)));
            // Characters that XML cannot carry are replaced on the way out, once and for all.
            let first = parse(&once.to_xml());
            prop_assert_eq!(&parse(&first.to_xml()), &first);
            if !value.contains(|c: char| c.is_control() || c >= '\u{fffe}') {
                prop_assert_eq!(first, once);
            }
        }
    }

    #[test]
    fn an_offer_does_not_show_its_keys() {
        let frames = recorded_frames();
        let offers = frames.iter().filter(|text| text.contains(r#""method":"offer""#));
        let shown: Vec<String> = offers.map(|text| format!("{:?}", parse(text))).collect();
        assert!(!shown.is_empty());
        assert!(shown.iter().all(|debug| !debug.contains("ice-pwd") && debug.contains("sdp_len")));
        let broken = r#"<genesys-webrtc xmlns="genesys">{"method":"offer","params":{"sessionId":"s"}}</genesys-webrtc>"#;
        assert_eq!(malformed(broken).1, "a call without sdp");
        let Payload::Rpc(rpc) = set(&broken.replace("}}", r#","sdp":"v=0"}}"#)) else {
            panic!("a call")
        };
        assert!(matches!(rpc.method, Method::Offer { reinvite: false, .. }));
    }
}
