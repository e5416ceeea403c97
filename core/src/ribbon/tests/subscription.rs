//! The subscription and its socket, row by row (w2).

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, subscribed};
use super::steps::{MS, S, failure, refused, up};
use crate::machine::{Input, NetError, NetErrorKind, WsEvent};
use crate::ribbon::{
    AuthCode, CallState, ChangeReason, Command, Connectivity, ErrorCode, Event, Outcome, Service,
    SocketState, SubscriptionCode, SubscriptionConfig,
};

fn subscribe(services: &[Service]) -> Command {
    Command::Subscribe { services: services.to_vec(), correlator: None }
}

fn unsubscribe(services: &[Service]) -> Command {
    Command::Unsubscribe { services: services.to_vec() }
}

/// The refusal of an attempt to open the socket.
fn refuse(rig: &mut Rig, kind: NetErrorKind) {
    let (id, _) = rig.sockets.pop_front().expect("an attempt");
    let event = WsEvent::Failed(NetError::new(kind, "no"));
    rig.input(Input::WebSocket { id, event });
}

fn connectivity(change: impl FnOnce(Connectivity) -> Connectivity) -> Rig {
    Rig::up_with(|config| config.connectivity(change(Connectivity::default())))
}

#[test]
fn ra_098_ra_100_re_049_more_services_are_a_change_of_the_subscription_there_is() {
    let mut rig = Rig::up();
    let both = [Service::Call, Service::Presence];
    let command = rig.submit(subscribe(&both)).unwrap();
    assert_eq!(refused(&mut rig, subscribe(&[Service::Im])), ErrorCode::Pending);
    assert_eq!(refused(&mut rig, unsubscribe(&[Service::Call])), ErrorCode::Pending);
    assert!(rig.client.subscriptions().pending);
    let asked = rig.take_of("PUT /subscription/clientCorrelator/abc");
    assert_eq!(asked.body["subscribeRequest"]["service"], json!(["call", "Presence"]));
    rig.respond(asked.id, 200, &subscribed(&json!(["call", "presence"])));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let subscriptions = rig.client.subscriptions();
    assert_eq!(subscriptions.subscribed, both, "names are known in any case");
    assert_eq!(subscriptions.available, Service::AVAILABLE);
    assert!(!subscriptions.pending);
    assert_eq!(rig.told(), ["subscription PENDING", "subscription SUBSCRIBED"]);
    // Only what is granted counts.
    let command = rig.submit(subscribe(&[Service::Im])).unwrap();
    let asked = rig.take_of("PUT");
    rig.respond(asked.id, 200, &subscribed(&json!(["call", "Presence"])));
    assert!(rig.completion(command).is_some());
    assert_eq!(rig.client.subscriptions().subscribed, both);
    // A change that fails changes nothing, and is the command's failure alone.
    rig.told();
    let command = rig.submit(subscribe(&[Service::Im])).unwrap();
    let asked = rig.take_of("PUT");
    rig.respond(asked.id, 500, &json!({"subscribeResponse": {"statusCode": 26}}));
    assert_eq!(failure(&mut rig, command).code, AuthCode::UpdateFailed.into());
    assert_eq!(rig.client.subscriptions().subscribed, both);
    assert!(rig.client.socket().is_connected());
}

#[test]
fn ra_098_what_cannot_be_asked_for_is_refused() {
    let mut rig = Rig::new();
    rig.log_in();
    let many: Vec<_> = (0..65).map(|n| Service::from(format!("event:{n}").as_str())).collect();
    assert_eq!(refused(&mut rig, subscribe(&many)), ErrorCode::Options);
    for odd in ["", "a b", &"a".repeat(65)] {
        let correlator = Some(odd.to_owned());
        let command = Command::Subscribe { services: vec![Service::Call], correlator };
        assert_eq!(refused(&mut rig, command), ErrorCode::Options);
    }
    let correlator = Some("Desk-1".to_owned());
    rig.submit(Command::Subscribe { services: vec![Service::Call], correlator }).unwrap();
    assert_eq!(rig.take().body["subscribeRequest"]["clientCorrelator"], "Desk-1");
}

#[test]
fn ra_098_re_050_every_refusal_of_a_subscription_is_the_commands_and_leaves_nothing() {
    for (http, body, code) in [
        (403, json!({"subscribeResponse": {"statusCode": 4}}), AuthCode::SubscribeFailed),
        (409, json!({"statusCode": 19}), AuthCode::SubscribeFailed),
        (400, json!({"subscribeResponse": {"statusCode": 37}}), AuthCode::SubscribeFailed),
        (500, json!({}), AuthCode::SubscribeFailed),
        (503, json!({}), AuthCode::SubscribeFailed),
    ] {
        let mut rig = Rig::new();
        rig.log_in();
        let command = rig.submit(subscribe(&[Service::Call])).unwrap();
        let asked = rig.take();
        rig.respond(asked.id, http, &body);
        let error = failure(&mut rig, command);
        assert_eq!((error.code, error.status()), (code.into(), Some(http)), "{body}");
        assert_eq!(rig.client.remembered(), 0);
        let told = rig.told();
        assert_eq!(told.last().unwrap(), "subscription UNSUBSCRIBED", "{told:?}");
        // It can be tried again.
        let command = rig.submit(subscribe(&[Service::Call])).unwrap();
        rig.answer_subscription();
        rig.open();
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    }
}

#[test]
fn ra_098_re_050_a_subscription_whose_socket_does_not_open_is_deleted_and_told_once() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe(&[Service::Call])).unwrap();
    rig.answer_subscription();
    for _ in 0..5 {
        refuse(&mut rig, NetErrorKind::Refused(403));
        rig.pass(S(5));
    }
    let error = failure(&mut rig, command);
    assert_eq!(error.code, SubscriptionCode::Socket.into());
    let told = rig.told();
    assert_eq!(told.iter().filter(|told| told.starts_with("refused")).count(), 1, "{told:?}");
    assert_eq!(rig.take().what, "DELETE /subscription/8f3c");
    assert_eq!(rig.client.socket().state, SocketState::NoSocket);
    assert!(rig.client.subscriptions().subscribed.is_empty());
}

#[test]
fn ra_099_what_is_given_up_is_a_change_while_something_is_left() {
    let mut rig = Rig::up();
    let command = rig.submit(subscribe(&[Service::Presence])).unwrap();
    let asked = rig.take_of("PUT");
    rig.respond(asked.id, 200, &subscribed(&json!(["call", "Presence"])));
    assert!(rig.completion(command).is_some());
    rig.told();
    for (services, code) in [
        (vec![], ErrorCode::from(SubscriptionCode::NoService)),
        (vec![Service::Im], AuthCode::UnsubscribeFailed.into()),
    ] {
        assert_eq!(refused(&mut rig, unsubscribe(&services)), code);
    }
    let command = rig.submit(unsubscribe(&[Service::Presence, Service::Im])).unwrap();
    let asked = rig.take_of("PUT");
    assert_eq!(asked.body["subscribeRequest"]["service"], json!(["call"]));
    rig.respond(asked.id, 200, &subscribed(&json!(["call"])));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["subscription PENDING", "subscription UNSUBSCRIBED"]);
    assert_eq!(rig.client.subscriptions().subscribed, [Service::Call]);
    // A renewal asks for what is left.
    rig.pass(S(2160));
    let asked = rig.take_of("PUT");
    assert_eq!(asked.body["subscribeRequest"]["service"], json!(["call"]));
}

#[test]
fn ra_099_a_deletion_that_fails_is_told_and_everything_is_at_rest_all_the_same() {
    let mut rig = Rig::up();
    let command = rig.submit(unsubscribe(&[Service::Call])).unwrap();
    assert_eq!(rig.closed, [rig.ws.unwrap()], "the socket is closed first");
    let asked = rig.take_of("DELETE");
    rig.respond(asked.id, 500, &json!({"subscribeResponse": {"statusCode": 26}}));
    assert!(rig.completion(command).unwrap().is_err());
    assert_eq!(rig.client.remembered(), 0);
    let mut rig = Rig::up();
    let command = rig.submit(unsubscribe(&[Service::Call])).unwrap();
    rig.pass(S(31));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Timeout);
    assert!(rig.client.subscriptions().subscribed.is_empty());
}

#[test]
fn ra_099_w2_5_a_busy_gateway_is_not_waited_for_any_more() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe(&[Service::Call])).unwrap();
    let asked = rig.take();
    let busy = json!({"subscribeResponse": {"statusCode": 503, "retryAfter": 2000}});
    rig.respond(asked.id, 503, &busy);
    let stop = rig.submit(unsubscribe(&[Service::Call])).unwrap();
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Cancelled);
    assert_eq!(rig.completion(stop), Some(Ok(Outcome::Done)));
    rig.pass(S(7200));
    assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
}

#[test]
fn ra_051_rt_024_the_socket_and_its_settings_can_be_looked_at() {
    let limit = NonZeroU32::new(7);
    let mut rig = connectivity(|settings| settings.reconnect_limit(limit).ping_interval(S(9)));
    let info = rig.client.socket();
    assert!(info.is_connected() && !info.pinging);
    assert_eq!((info.host.as_str(), info.port), ("ws.test", 443));
    assert_eq!((info.ping_interval, info.reconnect_limit), (S(9), limit));
    assert_eq!((info.reconnect_delay, info.reconnect_time_limit), (S(5), S(640)));
    assert!((info.reconnect_multiplier - 1.0).abs() < f64::EPSILON && info.auto_reconnect);
    assert!(info.url.unwrap().starts_with("wss://ws.test:443/rest/version/1/"));
    rig.close(Some(1006));
    assert_eq!(rig.client.socket().state, SocketState::Reconnecting { attempt: 1 });
    rig.close_attempts();
    assert_eq!(rig.client.socket().state, SocketState::NoSocket);
    assert_eq!(rig.client.socket().url, None);
}

impl Rig {
    /// Lets all attempts to open the socket fail.
    fn close_attempts(&mut self) {
        for _ in 0..20 {
            if self.sockets.is_empty() {
                self.pass(S(5));
            } else {
                refuse(self, NetErrorKind::Connect);
            }
        }
    }
}

#[test]
fn ra_052_rc_016_pings_stop_and_start_at_once_and_the_first_is_an_interval_later() {
    let mut rig = connectivity(|settings| settings.check(false));
    rig.pass(S(100));
    assert!(rig.sent.is_empty());
    let command = rig.submit(Command::CheckConnectivity(true)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    rig.pass(S(30) - MS(1));
    assert!(rig.sent.is_empty());
    rig.pass(MS(1));
    assert_eq!(rig.sent.len(), 1);
    // Also for the next socket.
    rig.close(Some(1006));
    rig.open();
    rig.pass(S(30));
    assert_eq!(rig.sent.len(), 2);
    let mut rig = Rig::new();
    let command = rig.submit(Command::CheckConnectivity(true)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)), "also without a socket");
}

#[test]
fn ra_053_re_024_a_socket_is_closed_and_opened_anew_or_stays_closed() {
    let mut rig = Rig::up();
    let command = rig.submit(Command::ResetConnection).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.closed.len(), 1);
    assert_eq!(rig.told(), ["socket NoSocket", "socket Reconnecting { attempt: 1 }"]);
    rig.open();
    assert_eq!(rig.told(), ["socket Connected"]);
    let mut rig = connectivity(|settings| settings.auto_reconnect(false));
    rig.submit(Command::ResetConnection).unwrap();
    assert_eq!(rig.told(), ["socket NoSocket", "subscription LOST_CONNECTION"]);
    assert!(rig.sockets.is_empty() && rig.client.remembered() == 0);
    let mut rig = Rig::new();
    rig.submit(Command::ResetConnection).unwrap();
    assert!(rig.told().is_empty(), "nothing without a socket");
}

#[test]
fn rc_011_rc_012_rc_013_rc_014_attempts_follow_the_gaps_that_are_set() {
    for (settings, wanted) in [
        (Connectivity::default(), vec![0, 5, 10, 15, 20]),
        (
            Connectivity::default().reconnect_delay(S(2)).reconnect_multiplier(3.0),
            vec![0, 2, 8, 26, 80],
        ),
        (
            Connectivity::default()
                .reconnect_delay(S(2))
                .reconnect_multiplier(3.0)
                .reconnect_time_limit(S(7))
                .reconnect_limit(NonZeroU32::new(3)),
            vec![0, 2, 8],
        ),
    ] {
        let mut rig = connectivity(|_| settings);
        rig.close(Some(1006));
        let begun = rig.now;
        let mut at = Vec::new();
        while rig.now - begun < S(200) {
            while !rig.sockets.is_empty() {
                at.push((rig.now - begun).as_secs());
                refuse(&mut rig, NetErrorKind::Connect);
            }
            rig.pass(MS(500));
        }
        assert_eq!(at, wanted);
        let told = rig.told();
        assert!(told.contains(&"subscription LOST_CONNECTION".to_owned()), "{told:?}");
        assert!(!rig.asked.iter().any(|asked| asked.what.starts_with("DELETE")));
        assert_eq!(rig.client.remembered(), 0);
    }
    let mut rig = connectivity(|settings| settings.reconnect_limit(None));
    rig.close(Some(1006));
    for _ in 0..100 {
        refuse(&mut rig, NetErrorKind::Connect);
        rig.pass(S(5));
    }
    assert_eq!(rig.client.socket().state, SocketState::Reconnecting { attempt: 101 });
}

#[test]
fn rc_015_a_socket_that_is_lost_stays_so_where_that_is_wanted_and_calls_go_on() {
    let mut rig = connectivity(|settings| settings.auto_reconnect(false));
    let call = up(&mut rig, "S1");
    rig.close(Some(1006));
    assert_eq!(rig.told(), ["socket NoSocket", "subscription LOST_CONNECTION"]);
    assert_eq!(rig.call(&call).state, CallState::Connected);
    rig.pass(S(25));
    let asked = rig.take_of("audit");
    rig.respond(asked.id, 404, &super::steps::status(42));
    assert_eq!(rig.call(&call).state, CallState::Ended);
}

#[test]
fn rc_024_a_request_has_its_time_and_the_next_one_that_which_is_set_then() {
    let mut rig = Rig::with(|config| config.rest_timeout(S(7)));
    rig.log_in();
    let command = rig.submit(subscribe(&[Service::Call])).unwrap();
    let asked = rig.take();
    let result = Err(NetError::new(NetErrorKind::Timeout, "no answer"));
    rig.pass(S(7));
    rig.input(Input::Http { id: asked.id, result });
    let error = failure(&mut rig, command);
    assert!(error.status().is_none(), "{error}");
    assert_eq!(rig.client.remembered(), 0);
}

#[test]
fn rc_028_rc_029_the_subscription_lasts_and_is_tried_as_set() {
    let mut rig = Rig::with(|config| {
        let websocket = config.subscription.websocket.clone();
        let subscription = SubscriptionConfig::default().expires(S(1)).unavailable_retries(0);
        config.subscription(subscription.websocket(websocket))
    });
    rig.log_in();
    let command = rig.submit(subscribe(&[Service::Call])).unwrap();
    let asked = rig.take();
    assert_eq!(asked.body["subscribeRequest"]["expires"], 60);
    let busy = json!({"subscribeResponse": {"statusCode": 503, "retryAfter": 2000}});
    rig.respond(asked.id, 503, &busy);
    let error = failure(&mut rig, command);
    assert_eq!(error.code, AuthCode::SubscribeUnavailable.into());
    assert_eq!(error.retry_after(), Some(S(2)));
}

#[test]
fn re_051_rc_028_the_gateways_own_time_counts_and_a_renewal_never_comes_too_late() {
    let mut rig = Rig::new();
    rig.log_in();
    rig.submit(subscribe(&[Service::Call])).unwrap();
    let asked = rig.take();
    let mut body = subscribed(&json!(["call"]));
    body["subscribeResponse"]["subscriptionParams"]["expires"] = "120".into();
    rig.respond(asked.id, 201, &body);
    rig.open();
    for attempt in 1..=3 {
        rig.told();
        let begun = rig.now;
        while !rig.asked.iter().any(|asked| asked.what.starts_with("PUT")) {
            rig.pass(S(1));
        }
        let after = rig.now - begun;
        let most: Duration = if attempt == 1 { S(73) } else { S(37) };
        assert!(after <= most && after >= S(24), "{attempt}: {after:?}");
        let asked = rig.take_of("PUT");
        rig.respond(asked.id, 500, &json!({}));
        assert_eq!(rig.told(), [format!("renewed {attempt} failed")]);
    }
}

#[test]
fn rp_6_each_client_has_a_name_of_its_own_and_the_other_is_final() {
    let name = |seed| {
        let mut rig = Rig::named(seed);
        rig.log_in();
        rig.submit(subscribe(&[Service::Call])).unwrap();
        rig.take().body["subscribeRequest"]["clientCorrelator"].clone()
    };
    let (one, other) = (name(1), name(2));
    assert!(one.is_string() && one != other);
    let mut rig = Rig::up();
    rig.notify("websocketOverridden", json!({}));
    // What the gateway does with the socket then is nothing new.
    if let Some(id) = rig.ws {
        let event = WsEvent::Closed { code: Some(1000), reason: String::new() };
        rig.input(Input::WebSocket { id, event });
    }
    let told: Vec<_> = rig.events.drain(..).collect();
    let reasons = told.iter().filter_map(|event| match event {
        Event::SubscriptionChanged { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [ChangeReason::WsOverridden]);
    rig.pass(S(3600));
    assert!(rig.asked.is_empty() && rig.sockets.is_empty() && rig.client.remembered() == 0);
    // Until the application asks.
    rig.submit(subscribe(&[Service::Call])).unwrap();
    rig.take_of("POST /subscription");
}

#[test]
fn re_001_a_refusal_for_who_we_are_is_told_once_beside_whatever_failed() {
    for (http, body, told) in [
        (401, json!({}), 1),
        (403, json!({"callControlResponse": {"statusCode": 4}}), 1),
        (403, json!({"callControlResponse": {"statusCode": 65}}), 1),
        (403, json!({"callControlResponse": {"statusCode": 35}}), 0),
        (500, json!({"callControlResponse": {"statusCode": 4}}), 0),
    ] {
        let mut rig = Rig::up();
        let call = up(&mut rig, "S1");
        let command = rig.submit(Command::Resync { call }).unwrap();
        let asked = rig.take_of("GET");
        rig.respond(asked.id, http, &body);
        assert!(rig.completion(command).unwrap().is_err());
        let refused = rig.told().into_iter().filter(|told| *told == "refused authentication:1");
        assert_eq!(refused.count(), told, "{http} {body}");
    }
}

#[test]
fn re_024_each_attempt_to_open_the_socket_is_told() {
    let mut rig = Rig::up();
    rig.close(None);
    refuse(&mut rig, NetErrorKind::Connect);
    rig.pass(S(5));
    refuse(&mut rig, NetErrorKind::Connect);
    rig.pass(S(5));
    rig.open();
    assert_eq!(
        rig.told(),
        [
            "socket NoSocket",
            "socket Reconnecting { attempt: 1 }",
            "socket Reconnecting { attempt: 2 }",
            "socket Reconnecting { attempt: 3 }",
            "socket Connected",
        ]
    );
    let _: Value = json!({});
}
