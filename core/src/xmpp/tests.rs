//! Frames and stanzas as a whole: the examples of the wire notes, the bounds, and any text at all.

use proptest::prelude::*;

use super::*;
use crate::Secret;
use crate::genesys::wire::{Dialect, Frame, Iq, IqKind, Message, Method, Payload};
use crate::jingle::Action;

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

/// The fault of the payload of an iq set with this content.
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

mod stanzas;

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
        let reply = |text: &str| Frame::parse(text).expect_err("not usable").reply::<Dialect>();
        assert!(reply("<iq xmlns='jabber:client' id='7' from='@' type='set'/>").is_some());
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
        let Frame::Iq(Iq {
            kind: IqKind::Set(Payload::Extension(Dialect::Jingle(jingle))), ..
        }) = round_trip(outer)
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
            ("genesys-webrtc", "genesys"),
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
        assert!(matches!(set(broken), Payload::Extension(Dialect::Rpc(_))), "an offer of nothing");
        let Payload::Extension(Dialect::Rpc(rpc)) = set(&broken.replace("}}", r#","sdp":"v=0"}}"#))
        else {
            panic!("a call")
        };
        assert!(matches!(rpc.method, Method::Offer { reinvite: false, .. }));
    }
}
