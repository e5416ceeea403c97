//! Logging in, staying connected, logging out.

use std::time::Duration;

use super::rig::{Rig, login_answer};
use crate::genesys::{Command, Config, ErrorKind, Event, Outcome};
use crate::machine::{NetError, NetErrorKind, WsEvent};

const S: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn lc_1_scenario_7_an_agent_logs_in() {
    let mut rig = Rig::new();
    let connect = rig.submit(Command::Connect).unwrap();
    // Organization and user at once.
    let asked: Vec<_> = rig.asked.iter().map(|a| a.what.clone()).collect();
    assert_eq!(asked, ["GET /organizations/me", "GET /users/me?expand=station"]);
    rig.login();
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    let told = rig.told();
    assert_eq!(told, ["Connected false", "ConcurrentSoftphoneSessionsEnabled", "Station", "Ready"]);
    // Who, which channel, signaling, the user's calls and phone, then everything else.
    let topics = "PUT /notifications/channels/channel-1/subscriptions";
    let order = [
        "GET /users/me?expand=station",
        "POST /notifications/channels?connectionType=streaming",
        "<open",
        "<auth",
        "urn:ietf:params:xml:ns:xmpp-bind",
        "urn:xmpp:extdisco",
        "v2.users.user-1.conversations",
        "GET /stations/station-1",
        topics,
    ];
    let mut said = rig.said.iter();
    for part in order {
        assert!(said.any(|text| text.contains(part)), "{part}: {:#?}", rig.said);
    }
    let topics = rig.said.iter().find(|text| text.starts_with(topics)).unwrap();
    for leaf in ["conversations", "station", "persistentconnection"] {
        assert!(topics.contains(leaf), "{topics}");
    }
}

#[test]
fn wire_4_1_a_login_waits_for_answers_only() {
    let mut rig = Rig::new();
    let begun = rig.now;
    let connect = rig.submit(Command::Connect).unwrap();
    while rig.answer_login_step() {}
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)), "without a timer");
    assert_eq!(rig.now, begun);
}

#[test]
fn lc_3_scenario_9_a_missing_station_does_not_stop_the_login() {
    let mut rig = Rig::new();
    let connect = rig.submit(Command::Connect).unwrap();
    loop {
        if rig.asked.front().is_some_and(|a| a.what.starts_with("GET /stations")) {
            let asked = rig.asked.pop_front().unwrap();
            rig.respond(asked.id, 404, &serde_json::Value::Null);
        } else if !rig.answer_login_step() {
            if rig.completion(connect).is_some() {
                break;
            }
            rig.wait_for_timer();
        }
    }
    let told = rig.told();
    assert!(told.contains(&"Ready".to_owned()) && !told.contains(&"Station".to_owned()));
}

#[test]
fn api_6_scenario_8_a_bad_token_ends_the_login_at_once() {
    for status in [401, 403] {
        let mut rig = Rig::new();
        let connect = rig.submit(Command::Connect).unwrap();
        let asked = rig.expect_http("GET /organizations/me");
        rig.respond(asked.id, status, &serde_json::Value::Null);
        assert_eq!(rig.failure(connect), Some(ErrorKind::InvalidToken));
        assert!(!rig.client.is_connected());
        assert_eq!(rig.wake, None, "it does not try again");
        assert_eq!(rig.told(), ["Disconnected false"]);
    }
}

#[test]
fn scenario_112_wire_3_2_a_dropped_socket_is_opened_again_on_the_same_channel() {
    let mut rig = Rig::ready();
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    assert_eq!(rig.told(), ["Disconnected true"]);
    rig.wait(Duration::from_millis(1999));
    assert!(rig.asked.is_empty());
    rig.wait(Duration::from_millis(1));
    rig.login();
    assert_eq!(rig.told(), ["Connected true", "Ready"]);
    assert!(rig.asked.is_empty(), "a soft reconnect does no REST (wire notes 3.1)");
}

#[test]
fn wire_3_3_retry_after_is_waited_for_besides_the_back_off() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    for _ in 0..2 {
        let asked = rig.asked.pop_front().unwrap();
        rig.respond(asked.id, 200, &login_answer(&asked.what));
    }
    let asked = rig.expect_http("POST /notifications/channels?connectionType=streaming");
    rig.respond_with(asked.id, 429, ("retry-after", "3"));
    rig.wait(Duration::from_millis(4999));
    assert!(rig.asked.is_empty());
    rig.wait(Duration::from_millis(1));
    rig.expect_http("POST /notifications/channels?connectionType=streaming");
}

#[test]
fn sg_2_wire_3_2_failing_attempts_are_repeated_ever_more_slowly() {
    let mut rig = Rig::new();
    let connect = rig.submit(Command::Connect).unwrap();
    for _ in 0..2 {
        let asked = rig.asked.pop_front().unwrap();
        rig.respond(asked.id, 200, &login_answer(&asked.what));
    }
    let mut delays = Vec::new();
    for _ in 0..5 {
        let asked = rig.asked.pop_front().expect("the channel is asked for");
        let error = NetError::new(NetErrorKind::Connect, "refused");
        rig.http_fails(asked.id, error);
        let before = rig.now;
        rig.wait_for_timer();
        delays.push((rig.now - before).as_secs());
    }
    assert_eq!(delays, [2, 4, 8, 16, 32]);
    assert_eq!(rig.completion(connect), None, "it goes on trying");
    rig.login();
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
}

#[test]
fn sg_4_wire_2_1_a_silent_service_is_left_after_two_missed_pings() {
    let mut rig = Rig::ready();
    rig.wait(S(14));
    assert!(rig.sent()[0].contains("urn:xmpp:ping"));
    rig.wait(S(15 + 14));
    assert_eq!(rig.sent().len(), 1, "one more ping");
    assert_eq!(rig.told(), Vec::<String>::new());
    rig.wait(S(15));
    assert_eq!(rig.told(), ["Disconnected true"]);
    assert!(rig.ws.is_none());
}

#[test]
fn wire_1_6_a_disconnect_is_polite_and_bounded() {
    for answered in [true, false] {
        let mut rig = Rig::ready();
        let disconnect = rig.submit(Command::Disconnect).unwrap();
        assert!(rig.sent()[0].starts_with("<close"));
        if answered {
            rig.frame(r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#);
        } else {
            assert_eq!(rig.completion(disconnect), None);
            rig.wait(S(1));
        }
        assert_eq!(rig.completion(disconnect), Some(Ok(Outcome::Done)));
        assert_eq!(rig.told(), ["Disconnected false"]);
        assert!(rig.ws.is_none());
        assert_eq!(rig.wake, None, "nothing is left running");
    }
}

#[test]
fn sg_6_scenario_12_a_disconnect_during_the_login_cancels_it_at_every_step() {
    for steps in 0..14 {
        let mut rig = Rig::new();
        let connect = rig.submit(Command::Connect).unwrap();
        for _ in 0..steps {
            if !rig.answer_login_step() {
                rig.wait_for_timer();
            }
        }
        if rig.completion(connect).is_some() {
            continue;
        }
        let disconnect = rig.submit(Command::Disconnect).unwrap();
        rig.wait(S(5));
        assert_eq!(rig.failure(connect), Some(ErrorKind::Cancelled), "step {steps}");
        assert_eq!(rig.completion(disconnect), Some(Ok(Outcome::Done)), "step {steps}");
        assert_eq!(rig.wake, None, "step {steps}");
    }
}

#[test]
fn a_socket_that_dies_at_any_step_of_the_login_is_tried_again() {
    for steps in 4..16 {
        let mut rig = Rig::new();
        let connect = rig.submit(Command::Connect).unwrap();
        for _ in 0..steps {
            if !rig.answer_login_step() {
                rig.wait_for_timer();
            }
        }
        if rig.ws.is_none() {
            continue;
        }
        rig.ws_event(WsEvent::Closed { code: Some(1006), reason: String::new() });
        let told = rig.told();
        assert!(told.contains(&"Disconnected true".to_owned()), "step {steps}: {told:?}");
        rig.forget();
        rig.login();
        assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)), "step {steps}");
    }
}

#[test]
fn def_13_what_is_malformed_never_ends_the_connection() {
    let mut rig = Rig::ready();
    for text in [
        "",
        "not xml",
        "<a><b></a>",
        "<iq xmlns='jabber:client' type='set' id='1'/>",
        "<iq xmlns='jabber:client' type='bogus' id='2'/>",
        "<message xmlns='jabber:client' from='a@b'><propose xmlns='urn:xmpp:jingle-message:0'/></message>",
        "<message xmlns='jabber:client'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='v2.users.user-1.conversations'><item><json xmlns='urn:xmpp:json:0'>{oops</json></item></items></event></message>",
        "<iq xmlns='jabber:client' type='set' id='3' from='x@gjoll.y'><genesys-webrtc xmlns='genesys'>{</genesys-webrtc></iq>",
        "<unheard-of xmlns='of'/>",
    ] {
        rig.frame(text);
        assert!(rig.client.is_connected(), "{text}");
        assert!(
            rig.events.drain(..).any(|e| matches!(e, Event::Malformed { .. })),
            "nothing was told of {text}"
        );
    }
    rig.frame(r#"<iq xmlns="jabber:client" type="get" id="p" from="hawk"><ping xmlns="urn:xmpp:ping"/></iq>"#);
    let sent = rig.sent();
    assert!(sent.last().unwrap().contains(r#"type="result""#), "it still answers: {sent:?}");
}

#[test]
fn lc_24_the_resource_is_kept_over_every_kind_of_reconnect() {
    let mut rig = Rig::with(|config| config.jid_resource = None);
    let mut resources = Vec::new();
    for hard in [false, false, true] {
        if hard {
            let disconnect = rig.submit(Command::Disconnect).unwrap();
            rig.wait(S(1));
            assert_eq!(rig.completion(disconnect), Some(Ok(Outcome::Done)));
            rig.submit(Command::Connect).unwrap();
        } else if resources.is_empty() {
            rig.submit(Command::Connect).unwrap();
        } else {
            rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        }
        rig.events.clear();
        rig.login();
        resources.extend(rig.bound_resource());
    }
    assert_eq!(resources.len(), 3);
    assert!(resources.windows(2).all(|pair| pair[0] == pair[1]), "{resources:?}");
}

#[test]
fn def_9_no_proposal_is_lost_while_the_phone_is_being_loaded() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    while !rig.asked.iter().any(|asked| asked.what.starts_with("GET /stations")) {
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    rig.forget();
    rig.propose("M1", "C1", "");
    assert_eq!(rig.told(), ["PendingSession M1 C1"]);
    let accept = Command::AcceptPendingSession { conversation: "C1".into() };
    rig.submit(accept).unwrap();
    assert!(rig.take_sent("<proceed").is_some());
}

#[test]
fn scenario_3_4_the_hosts_of_an_environment_and_others_instead() {
    type Change = fn(&mut Config);
    let unheard_of: Change = |config| config.environment = "nowhere.example".to_owned();
    let listed: Change = |config| config.environment = "mypurecloud.de".to_owned();
    let others: Change = |config| {
        config.environment = "nowhere.example".to_owned();
        config.api_host = Some("https://rest.lab.test".to_owned());
        config.ws_host = Some("wss://ws.lab.test".to_owned());
    };
    for (change, api, ws) in [
        (unheard_of, "https://api.nowhere.example/api/v2/", "wss://streaming.nowhere.example/"),
        (listed, "https://api.mypurecloud.de/api/v2/", "wss://streaming.mypurecloud.de/"),
        (others, "https://rest.lab.test/api/v2/", "wss://ws.lab.test/"),
    ] {
        let mut rig = Rig::with(change);
        rig.submit(Command::Connect).unwrap();
        for _ in 0..3 {
            assert!(rig.answer_login_step());
        }
        let (sockets, rest): (Vec<_>, Vec<_>) =
            rig.hosts.iter().partition(|uri| uri.starts_with("ws"));
        assert!(!rest.is_empty() && rest.iter().all(|uri| uri.starts_with(api)), "{rest:?}");
        assert!(sockets.len() == 1 && sockets[0].starts_with(ws), "{sockets:?}");
    }
}

#[test]
fn scenario_5_what_is_not_set_has_its_default() {
    use crate::genesys::{EagerConnection, IcePolicy};
    let config = Rig::with(|config| *config = Config::agent("lab.test", "t")).client;
    let config = config.config();
    assert!(config.auto_connect_sessions && config.session_survivability);
    assert!(!config.disable_auto_answer && !config.server_side_pings);
    assert!(!config.report_statistics && !config.upload_logs && !config.upload_telemetry);
    assert!(!config.alerting_leader && !config.trace);
    assert_eq!(config.eager_connection, EagerConnection::Auto);
    assert_eq!(config.ice_policy, IcePolicy::Discovered);
}

#[test]
fn scenario_13_connecting_twice_is_one_connection() {
    let mut rig = Rig::new();
    let first = rig.submit(Command::Connect).unwrap();
    let second = rig.submit(Command::Connect).unwrap();
    rig.login();
    assert_eq!(rig.completion(first), Some(Ok(Outcome::Done)));
    assert_eq!(rig.completion(second), Some(Ok(Outcome::Done)));
    let third = rig.submit(Command::Connect).unwrap();
    assert_eq!(rig.completion(third), Some(Ok(Outcome::Done)));
    assert!(rig.take_opened().is_none());
    assert_eq!(rig.told().iter().filter(|told| *told == "Ready").count(), 1);

    // Out and in again: the old one is closed before the new one is opened.
    let disconnect = rig.submit(Command::Disconnect).unwrap();
    assert!(rig.take_sent("<close").is_some());
    assert!(rig.take_opened().is_none());
    rig.frame(r#"<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>"#);
    assert_eq!(rig.completion(disconnect), Some(Ok(Outcome::Done)));
    assert!(rig.ws.is_none());
    rig.forget();
    let again = rig.submit(Command::Connect).unwrap();
    rig.login();
    assert_eq!(rig.completion(again), Some(Ok(Outcome::Done)));
}
