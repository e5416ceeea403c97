//! Stanzas and what they carry: wire notes 1.6, 2 to 5, 7 and 10.1.

use super::*;
use crate::genesys::wire::Dialect;

#[test]
fn an_iq_carries_exactly_one_request() {
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    assert_eq!(set(ping), Payload::Ping);
    assert_eq!(set(&format!("\n {ping} \n")), Payload::Ping);
    assert_eq!(malformed("").0, "iq");
}

/// RFC 6120 section 8.2.3 wants one; the rest costs nothing.
#[test]
fn of_several_requests_the_first_known_one_counts() {
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    let foreign = "<x xmlns='urn:x'/>";
    for several in [format!("{ping}{ping}"), format!("{foreign}{ping}"), format!("{ping}{foreign}")]
    {
        let text = format!("<iq xmlns='jabber:client' id='i' type='set'>{several}</iq>");
        let (frame, skipped) = Frame::read(&text).expect("a frame");
        assert!(matches!(frame, Frame::Iq(Iq { kind: IqKind::Set(Payload::Ping), .. })), "{text}");
        assert_eq!(skipped.len(), 1);
    }
}

#[test]
fn an_answer_swaps_the_addresses_and_keeps_the_id() {
    let text =
        r#"<iq xmlns="jabber:client" id="i" from="a@b/c" to="d" type="set"><x xmlns="u:x"/></iq>"#;
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
        (StanzaError::out_of_order(), r#"type="cancel"><unexpected-request/><out-of-order:j/>"#),
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
fn every_item_of_an_event_is_read() {
    let item = |id: &str, json: &str| {
        format!("<item id='{id}'><json xmlns='urn:xmpp:json:0'>{json}</json></item>")
    };
    let two = item("1", "{&quot;a&quot;:[1,&quot;&lt;\\n&gt;&quot;]}") + &item("2", "no JSON");
    let lists =
        format!("<items node='v2.x'>{two}</items><items node='v2.y'>{}</items>", item("3", "3"));
    let payload = event(&lists);
    let Payload::PubSubEvent(event) = payload else { panic!("{payload:?}") };
    let read: Vec<_> = event
        .items
        .iter()
        .map(|item| (item.node.as_str(), item.id.as_deref(), item.json.as_str()))
        .collect();
    let first = r#"{"a":[1,"<\n>"]}"#;
    let all =
        [("v2.x", Some("1"), first), ("v2.x", Some("2"), "no JSON"), ("v2.y", Some("3"), "3")];
    assert_eq!(read, all);
}

#[test]
fn a_broken_item_costs_nothing_but_itself() {
    let good = "<items node='n'><item><json xmlns='urn:xmpp:json:0'>1</json></item></items>";
    for (items, left_out) in [
        ("<items node='n'/>", 0),
        ("<items node='n'><retract id='1'/></items>", 0),
        ("<items node='n'><item/></items>", 1),
        ("<items><item><json xmlns='urn:xmpp:json:0'>1</json></item></items>", 1),
    ] {
        let text = format!(
            "<message xmlns='jabber:client'><event xmlns='http://jabber.org/protocol/pubsub#event'>{items}{good}</event></message>"
        );
        let (frame, skipped) = Frame::read(&text).expect("a frame");
        assert_eq!(skipped.len(), left_out, "{items}");
        let Frame::Message(Message { payloads, .. }) = frame else { panic!("{frame:?}") };
        let [Payload::PubSubEvent(event)] = &payloads[..] else { panic!("{payloads:?}") };
        assert_eq!(event.items.len(), 1, "{items}");
    }
    let payload = event("");
    assert!(matches!(payload, Payload::Malformed { .. }), "{payload:?}");
}

#[test]
fn services_follow_wire_notes_7() {
    let text = r#"<iq xmlns="jabber:client" type="result" to="a@b/c" id="a"><services xmlns="urn:xmpp:extdisco:1"><service transport="udp" port="3456" type="turn" username="turnuser:12395" password="akskdfjka=" host="turn.example"/></services></iq>"#;
    let frame = round_trip(text);
    assert!(!format!("{frame:?}").contains("akskdfjka"));
    let Frame::Iq(Iq { kind: IqKind::Result(Some(Payload::Services(found))), .. }) = frame else {
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
        Payload::Extension(Dialect::ConnectionTransfer),
        Payload::Session,
        Payload::Extension(Dialect::MediaMessage(
            r#"{"method":"headsetControlsRequest"}"#.to_owned(),
        )),
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
    assert!(matches!(inner.payloads[..], [Payload::Extension(Dialect::SessionMessage(_))]));
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
    let Payload::Extension(Dialect::UpgradeMedia(upgrade)) = &presence.payloads[0] else {
        panic!("{presence:?}")
    };
    assert_eq!(upgrade.conversation_id.as_deref(), Some("c"));
    assert_eq!(frame.to_xml(), text);
    let text = text.replace("orgspan:mediastream", "somebody:else");
    let frame = round_trip(&text);
    let Frame::Presence(presence) = &frame else { panic!("a presence") };
    assert!(matches!(&presence.payloads[..], [Payload::Unknown(x)] if x.is("x", "somebody:else")));
    assert_eq!(frame.to_xml(), text);
}
