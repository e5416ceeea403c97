//! The subscription and its socket (w1, w2).

use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, subscribed};
use crate::machine::{Input, NetError, NetErrorKind, WsEvent};
use crate::ribbon::{
    AuthCode, Command, Credentials, ErrorCode, Outcome, Service, SocketState, SubscriptionCode,
};

const S: fn(u64) -> Duration = Duration::from_secs;

fn subscribe() -> Command {
    Command::Subscribe { services: vec![Service::Call], correlator: None }
}

fn unsubscribe() -> Command {
    Command::Unsubscribe { services: vec![Service::Call] }
}

#[test]
fn ra_098_re_049_a_subscription_is_made_and_its_socket_opened() {
    let mut rig = Rig::new();
    rig.log_in();
    rig.told();
    let command = rig.submit(subscribe()).unwrap();
    assert!(rig.client.subscriptions().pending);
    let asked = rig.take();
    assert_eq!(asked.what, "POST /subscription");
    assert_eq!(asked.headers["authorization"], "Basic YWxpY2VAZXhhbXBsZS5jb206cGE1NXdvcmQ=");
    assert_eq!(asked.uri.authority().unwrap(), "gw.test:443");
    rig.respond(asked.id, 201, &subscribed(&json!(["call"])));
    assert_eq!(
        rig.sockets[0].1.to_string(),
        "wss://ws.test:443/rest/version/1/user/alice@example.com/websocket/8f3c"
    );
    assert_eq!(rig.completion(command), None);
    rig.open();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(
        rig.told(),
        [
            "subscription PENDING",
            "socket Connecting",
            "socket Connected",
            "subscription SUBSCRIBED"
        ]
    );
    assert_eq!(rig.client.subscriptions().subscribed, [Service::Call]);
}

#[test]
fn ra_098_without_credentials_or_services_and_while_another_is_under_way_it_is_refused() {
    let mut rig = Rig::new();
    let refused = |rig: &mut Rig, command| rig.submit(command).unwrap_err().code;
    assert_eq!(refused(&mut rig, subscribe()), SubscriptionCode::InvalidState.into());
    rig.log_in();
    let none = Command::Subscribe { services: Vec::new(), correlator: None };
    assert_eq!(refused(&mut rig, none), SubscriptionCode::NoService.into());
    assert_eq!(refused(&mut rig, unsubscribe()), AuthCode::UnsubscribeFailed.into());
    rig.submit(subscribe()).unwrap();
    assert_eq!(refused(&mut rig, subscribe()), ErrorCode::Pending);
}

#[test]
fn rc_029_w2_5_a_busy_gateway_is_asked_again_as_often_as_configured() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe()).unwrap();
    for _ in 0..4 {
        assert_eq!(rig.completion(command), None);
        let asked = rig.take();
        rig.respond(
            asked.id,
            503,
            &json!({"subscribeResponse": {"statusCode": 503, "retryAfter": 2000}}),
        );
        rig.pass(Duration::from_millis(1999));
        assert!(rig.asked.is_empty());
        rig.pass(Duration::from_millis(1));
    }
    let error = rig.completion(command).unwrap().unwrap_err();
    assert_eq!(error.code, AuthCode::SubscribeUnavailable.into());
    assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
}

#[test]
fn re_001_w1_5_a_wrong_password_is_told_beside_the_failed_command() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe()).unwrap();
    let asked = rig.take();
    rig.respond(asked.id, 403, &json!({"subscribeResponse": {"statusCode": 4}}));
    assert_eq!(
        rig.completion(command).unwrap().unwrap_err().code,
        AuthCode::SubscribeFailed.into()
    );
    assert!(rig.told().contains(&"refused authentication:1".to_owned()));
}

#[test]
fn w2_2_a_socket_that_never_opens_ends_the_fresh_subscription() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe()).unwrap();
    rig.answer_subscription();
    let begun = rig.now;
    let mut at = Vec::new();
    while rig.completion(command).is_none() && rig.now < begun + S(60) {
        if let Some((id, _)) = rig.sockets.pop_front() {
            at.push((rig.now - begun).as_secs());
            let event = WsEvent::Failed(NetError::new(NetErrorKind::Connect, "refused"));
            rig.input(Input::WebSocket { id, event });
        } else {
            rig.pass(S(1));
        }
        if rig.asked.iter().any(|asked| asked.what.starts_with("DELETE")) {
            break;
        }
    }
    assert_eq!(at, [0, 5, 10, 15, 20], "w2.6: with the defaults");
    let asked = rig.take_of("DELETE");
    assert_eq!(asked.what, "DELETE /subscription/8f3c");
    rig.respond(asked.id, 204, &json!(null));
    assert_eq!(rig.client.socket().state, SocketState::NoSocket);
    assert_eq!(rig.client.remembered(), 0);
}

#[test]
fn w2_4_re_051_a_subscription_is_renewed_in_time_and_sooner_after_a_failure() {
    let mut rig = Rig::up();
    rig.pass(S(1440 - 1));
    assert!(rig.asked.is_empty());
    rig.pass(S(720 + 1));
    let asked = rig.take();
    assert_eq!(asked.what, "PUT /subscription/clientCorrelator/abc");
    assert!(asked.body["subscribeRequest"].get("clientCorrelator").is_none());
    rig.fail(asked.id);
    assert_eq!(rig.told(), ["renewed 1 failed"]);
    rig.pass(S(1080));
    let asked = rig.take();
    rig.respond(asked.id, 200, &subscribed(&json!(["call"])));
    assert_eq!(rig.told(), ["renewed 2 ok"]);
}

#[test]
fn w2_4_a_subscription_that_is_gone_leaves_the_client_at_rest() {
    let mut rig = Rig::up();
    rig.pass(S(2160));
    let asked = rig.take();
    rig.respond(asked.id, 404, &json!({"subscribeResponse": {"statusCode": 39}}));
    assert_eq!(rig.told(), ["renewed 1 failed", "subscription GONE"]);
    rig.pass(S(7200));
    assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
    assert_eq!(rig.closed, [rig.ws.unwrap()]);
}

#[test]
fn rp_6_w2_7_another_client_of_the_same_name_is_final() {
    let mut rig = Rig::up();
    rig.notify("websocketOverridden", json!({}));
    assert_eq!(rig.told(), ["subscription WS_OVERRIDDEN"]);
    rig.pass(S(7200));
    assert!(rig.asked.is_empty() && rig.sockets.is_empty());
}

#[test]
fn re_024_w2_6_a_lost_socket_is_opened_anew_and_one_closed_for_good_is_not() {
    let mut rig = Rig::up();
    rig.close(Some(1006));
    assert_eq!(rig.told(), ["socket NoSocket", "socket Reconnecting { attempt: 1 }"]);
    rig.open();
    assert_eq!(rig.told(), ["socket Connected"]);
    rig.close(Some(1000));
    assert_eq!(rig.told(), ["socket NoSocket", "subscription LOST_CONNECTION"]);
    assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
}

#[test]
fn ra_052_rc_010_pings_go_out_at_the_interval_while_they_are_wanted() {
    let mut rig = Rig::up();
    rig.pass(S(29));
    assert!(rig.sent.is_empty());
    rig.pass(S(1));
    assert_eq!(rig.sent, [r#"{"message_type":"ping"}"#]);
    assert!(rig.client.socket().pinging);
    rig.text(r#"{"message_type":"pong"}"#);
    assert!(!rig.client.socket().pinging);
    rig.submit(Command::CheckConnectivity(false)).unwrap();
    rig.pass(S(300));
    assert_eq!(rig.sent.len(), 1);
}

#[test]
fn ra_099_w2_3_the_last_service_given_up_ends_the_subscription() {
    let mut rig = Rig::up();
    let command = rig.submit(unsubscribe()).unwrap();
    let asked = rig.take();
    assert_eq!(asked.what, "DELETE /subscription/8f3c");
    rig.respond(asked.id, 204, &json!(null));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["subscription PENDING", "subscription UNSUBSCRIBED"]);
    assert_eq!(rig.client.remembered(), 0);
}

#[test]
fn ra_099_a_subscription_under_way_can_be_given_up() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe()).unwrap();
    let asked = rig.take();
    let stop = rig.submit(unsubscribe()).unwrap();
    assert_eq!(rig.completion(command).unwrap().unwrap_err().code, ErrorCode::Cancelled);
    rig.respond(asked.id, 201, &subscribed(&json!(["call"])));
    let asked = rig.take_of("DELETE");
    rig.respond(asked.id, 204, &json!(null));
    assert_eq!(rig.completion(stop), Some(Ok(Outcome::Done)));
    assert!(rig.sockets.is_empty());
}

#[test]
fn ra_014_ra_012_other_credentials_of_the_same_user_are_used_at_once_and_another_user_is_refused() {
    let mut rig = Rig::up();
    let other = Credentials::password("carol@example.com", "x");
    let refused = rig.submit(Command::SetCredentials(other)).unwrap_err();
    assert_eq!(refused.code, AuthCode::InvalidState.into());
    let token = Credentials::bearer("alice@example.com", "t0ken");
    rig.submit(Command::SetCredentials(token)).unwrap();
    rig.pass(S(2160));
    assert_eq!(rig.take().headers["authorization"], "Bearer t0ken");
}

#[test]
fn w1_4_redirects_are_followed_and_credentials_stay_at_home() {
    let mut rig = Rig::new();
    rig.log_in();
    let command = rig.submit(subscribe()).unwrap();
    let mut home = Vec::new();
    for location in ["/elsewhere", "https://other.test/x", "https://gw.test:443/back"] {
        let asked = rig.take();
        assert!(asked.body["subscribeRequest"].is_object());
        home.push(asked.headers.contains_key("authorization"));
        let response = http::Response::builder().status(307).header("Location", location);
        let response = response.body(Vec::new()).unwrap();
        rig.input(Input::Http { id: asked.id, result: Ok(response) });
    }
    home.push(rig.asked[0].headers.contains_key("authorization"));
    assert_eq!(home, [true, true, false, true]);
    for _ in 0..3 {
        let asked = rig.take();
        let response = http::Response::builder().status(307).header("Location", "/again");
        rig.input(Input::Http { id: asked.id, result: Ok(response.body(Vec::new()).unwrap()) });
    }
    let error = rig.completion(command).unwrap().unwrap_err();
    assert_eq!(error.status(), Some(307), "five are enough");
}

#[test]
fn ra_003_destroy_ends_everything_and_nothing_is_done_afterwards() {
    for answered in [true, false] {
        let mut rig = Rig::up();
        rig.connected();
        let command = rig.submit(Command::Destroy).unwrap();
        for wanted in ["DELETE /callControl/callSessions/S1", "DELETE /subscription/8f3c"] {
            let asked = rig.take_of(wanted);
            assert_eq!(rig.completion(command), None, "the gateway does not know yet");
            if answered {
                rig.respond(asked.id, 204, &json!(null));
            }
        }
        rig.pass(if answered { S(0) } else { S(5) });
        assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
        for command in [subscribe(), Command::Destroy] {
            assert_eq!(rig.submit(command).unwrap_err().code, ErrorCode::Closed);
        }
        rig.pass(S(7200));
        assert!(rig.asked.is_empty() && rig.client.remembered() == 0);
    }
}

#[test]
fn w1_2_no_trace_of_an_answer_shows_the_session_that_it_gives() {
    let mut rig = Rig::with(|mut config| {
        config.trace.on = true;
        config.trace.bodies = true;
        config
    });
    rig.submit(Command::SetCredentials(Credentials::hmac("alice@example.com", "hm4c"))).unwrap();
    rig.submit(Command::Subscribe { services: vec![Service::Call], correlator: None }).unwrap();
    let asked = rig.take();
    let mut answer = subscribed(&json!(["call"]));
    answer["subscribeResponse"]["subscriptionParams"]["sessionId"] = "5ess10n".into();
    rig.respond(asked.id, 201, &answer);
    let shown = format!("{:?}", rig.events);
    assert!(shown.contains("notificationChannel") && !shown.contains("5ess10n"), "{shown}");
}
