//! Session messages and JSON-RPC as they travel (wire notes 5 and 6.14).

use proptest::prelude::*;

use super::*;
use crate::jingle::{Candidate, Reason};

mod session_messages {
    //! Wire notes 5.

    use super::*;

    fn message(content: &str) -> Payload {
        let text = format!(r#"<message xmlns="jabber:client">{content}</message>"#);
        let Ok(Frame::Message(mut message)) = Frame::parse(&text) else { panic!("a message") };
        message.payloads.remove(0)
    }

    #[test]
    fn a_propose_reads_all_of_wire_notes_5_1() {
        let payload = message(
            r#"<propose xmlns="urn:xmpp:jingle-message:0" id="s" inin-cid="c" inin-persistent-cid="p" inin-sdp-over-xmpp="1" inin-priv-answer-mode="Auto" inin-ofrom="r@conference.x" inin-autoanswer="true" inin-user-id="u" inin-meeting-id="m"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"/></propose>"#,
        );
        let some = |text: &str| Some(text.to_owned());
        let propose = SessionMessage::Propose(Propose {
            id: "s".to_owned(),
            conversation_id: some("c"),
            persistent_conversation_id: some("p"),
            sdp_over_xmpp: true,
            auto_answer: true,
            eager: true,
            original_room: some("r@conference.x"),
            from_user_id: some("u"),
            meeting_id: some("m"),
            media: vec!["audio".to_owned()],
        });
        assert_eq!(payload, Payload::Extension(Dialect::SessionMessage(propose)));
        let to = "a@b".parse().expect("an address");
        let frame = Frame::Message(Message::to(to, payload));
        assert_eq!(Frame::parse(&frame.to_xml()), Ok(frame));
    }

    #[test]
    fn the_others_carry_only_the_id() {
        let id = || "s".to_owned();
        for (sent, name) in [
            (SessionMessage::Proceed { id: id() }, "proceed"),
            (SessionMessage::Accept { id: id() }, "accept"),
            (SessionMessage::Reject { id: id() }, "reject"),
            (SessionMessage::Retract { id: id() }, "retract"),
        ] {
            let to = "a@b".parse().expect("an address");
            let xml = Frame::Message(Message::to(
                to,
                Payload::Extension(Dialect::SessionMessage(sent.clone())),
            ))
            .to_xml();
            let element = format!(r#"<{name} xmlns="urn:xmpp:jingle-message:0" id="s"/>"#);
            assert_eq!(
                xml,
                format!(r#"<message xmlns="jabber:client" to="a@b">{element}</message>"#)
            );
            assert_eq!(message(&element), Payload::Extension(Dialect::SessionMessage(sent)));
        }
    }

    #[test]
    fn without_an_id_it_is_malformed_and_with_another_name_unknown() {
        let payload = message(r#"<propose xmlns="urn:xmpp:jingle-message:0"/>"#);
        assert!(matches!(payload, Payload::Malformed { .. }));
        let payload = message(r#"<finish xmlns="urn:xmpp:jingle-message:0" id="s"/>"#);
        assert!(matches!(payload, Payload::Unknown(_)));
    }
}

mod rpc {
    //! Wire notes 6.14.

    use super::*;

    fn round_trip(method: Method, params: &str) {
        let rpc = Rpc { id: "1".to_owned(), method };
        let name = rpc.method.name();
        let text = format!(r#"{{"jsonrpc":"2.0","method":"{name}","params":{params},"id":"1"}}"#);
        assert_eq!(rpc.to_json(), text);
        assert_eq!(Rpc::parse(&text), Ok(rpc));
    }

    #[test]
    fn every_method_has_its_parameters() {
        let s = || "s".to_owned();
        let sdp = || "v=0\r\n".to_owned();
        round_trip(
            Method::Offer {
                session_id: s(),
                conversation_id: Some("c".to_owned()),
                sdp: sdp(),
                reinvite: true,
            },
            r#"{"sessionId":"s","conversationId":"c","sdp":"v=0\r\n","reinvite":true}"#,
        );
        round_trip(
            Method::Answer { session_id: s(), sdp: sdp() },
            r#"{"sdp":"v=0\r\n","sessionId":"s"}"#,
        );
        round_trip(
            Method::candidate("s", "0", "candidate:1 1 udp 1 ::1 9 typ host"),
            r#"{"sessionId":"s","sdp":"m=0 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 ::1 9 typ host\r\n"}"#,
        );
        round_trip(
            Method::end_of_candidates("s"),
            r#"{"sessionId":"s","sdp":"a=end-of-candidates\r\n"}"#,
        );
        round_trip(
            Method::Info { session_id: s(), status: "active".to_owned() },
            r#"{"sessionId":"s","status":"active"}"#,
        );
        round_trip(
            Method::Terminate { session_id: s(), reason: Reason::FailedTransport },
            r#"{"sessionId":"s","reason":"failed-transport"}"#,
        );
        round_trip(
            Method::Mute { session_id: s(), kind: "audio".to_owned() },
            r#"{"sessionId":"s","type":"audio"}"#,
        );
        round_trip(
            Method::Unmute { session_id: s(), kind: "video".to_owned() },
            r#"{"sessionId":"s","type":"video"}"#,
        );
        let params = serde_json::json!({"sessionId": "s", "stats": {}});
        let statistics = Method::Other { method: "report-statistics".to_owned(), params };
        assert_eq!(statistics.session_id(), Some("s"));
        round_trip(statistics, r#"{"sessionId":"s","stats":{}}"#);
    }

    #[test]
    fn what_may_be_left_out_has_its_default() {
        let offer = r#"{"id":7,"method":"offer","params":{"sessionId":"s","sdp":""}}"#;
        let offer = Rpc::parse(offer).expect("an offer");
        assert_eq!(offer.id, "7");
        assert!(matches!(
            offer.method,
            Method::Offer { reinvite: false, conversation_id: None, .. }
        ));
        let end = r#"{"method":"terminate","params":{"sessionId":"s"}}"#;
        let end = Rpc::parse(end).expect("a terminate");
        assert_eq!(end.id, "");
        assert_eq!(Rpc::parse(&end.to_json()), Ok(end.clone()));
        assert!(matches!(end.method, Method::Terminate { reason: Reason::Success, .. }));
    }

    #[test]
    fn candidates_read_with_any_line_end() {
        let line = "candidate:1 1 udp 1 ::1 9 typ host";
        let expected = Candidate::from_line(line).expect("a candidate");
        for end in ["\r\n", "\n", "\\r\\n", ""] {
            let read = Candidate::read_all(&format!("m=0 9 RTP/AVP 0\r\na={line}{end}"));
            assert_eq!(read.candidates, [(Some("0".to_owned()), expected.clone())], "{end:?}");
        }
        assert!(Candidate::read_all("a=end-of-candidates").end);
        assert!(Candidate::read_all("m=0 9 RTP/AVP 0\r\na=end-of-candidates\r\n").end);
    }

    #[test]
    fn an_unusable_call_says_why() {
        assert_eq!(Rpc::parse("{"), Err(RpcError::NotJson { line: 1, column: 1 }));
        for text in ["[]", "1", "{}", r#"{"method":1}"#, r#"{"result":{}}"#] {
            assert_eq!(Rpc::parse(text), Err(RpcError::NotACall), "{text}");
        }
        let missing = |method: &str, params: &str| {
            Rpc::parse(&format!(r#"{{"method":"{method}","params":{params}}}"#))
        };
        for method in ["offer", "answer", "iceCandidate", "info", "terminate", "mute", "unmute"] {
            assert_eq!(missing(method, "{}"), Err(RpcError::Missing("sessionId")), "{method}");
            assert_eq!(missing(method, "null"), Err(RpcError::Missing("sessionId")), "{method}");
        }
        let session = r#"{"sessionId":"s"}"#;
        assert_eq!(missing("answer", session), Err(RpcError::Missing("sdp")));
        assert_eq!(missing("info", session), Err(RpcError::Missing("status")));
        assert_eq!(missing("mute", session), Err(RpcError::Missing("type")));
        let long = format!(r#"{{"sessionId":"{}"}}"#, "s".repeat(256));
        assert_eq!(missing("terminate", &long), Err(RpcError::TooLong("sessionId")));
    }

    #[test]
    fn keys_are_not_shown() {
        let sdp = "a=ice-pwd:hush".to_owned();
        let answer = Method::Answer { session_id: "s".to_owned(), sdp };
        assert!(!format!("{answer:?}").contains("hush"));
        let params = serde_json::json!({"sdp": "a=ice-pwd:hush"});
        let other = Method::Other { method: "x".to_owned(), params };
        assert!(!format!("{other:?}").contains("hush"));
    }

    /// Found by fuzzing.
    #[test]
    fn a_number_of_many_digits_is_written_as_it_was_read() {
        let call = r#"{"method":"x","params":66005167760026245616980}"#;
        let rpc = Rpc::parse(call).unwrap();
        assert_eq!(Rpc::parse(&rpc.to_json()), Ok(rpc));
    }

    proptest! {
        #[test]
        fn any_call_that_reads_writes_the_same(
            method in "offer|answer|iceCandidate|info|terminate|mute|unmute|x",
            session in any::<String>(),
            sdp in "(m=[0-9a-z ]{0,4}[\r\n\\\\]{0,2})?a=(candidate:[ -~]{0,10}|end-of-candidates)?|\\PC{0,20}",
            word in any::<String>(),
        ) {
            let params = serde_json::json!({
                "sessionId": session, "sdp": sdp, "status": word, "reason": word, "type": word,
            });
            let call = serde_json::json!({"id": word, "method": method, "params": params});
            if let Ok(rpc) = Rpc::parse(&call.to_string()) {
                prop_assert_eq!(Rpc::parse(&rpc.to_json()), Ok(rpc));
            }
        }

        #[test]
        fn any_text_is_an_error_or_a_call(text in "\\PC{0,60}|[{}\\[\\]\":,a-z0-9]{0,40}") {
            let _ = Rpc::parse(&text);
        }
    }
}
