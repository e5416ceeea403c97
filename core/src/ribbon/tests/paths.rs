//! Paths of media anew, relays, and what the gateway thinks of a call (w4.9, w4.16, w4.17, RP-5).

use std::net::SocketAddr;
use std::sync::mpsc;

use serde_json::json;

use super::rig::{Rig, answer_sdp, done, sdp, subscribed};
use super::steps::{
    MS, S, answer, answered, collect, failure, held, hold, incoming, refused, status, tell, up,
};
use crate::machine::{Input, Seed, UdpEvent};
use crate::media::testing::FakeMedia;
use crate::media::{Engine, EngineConfig, EngineFactory, IceServer};
use crate::ribbon::{
    CallCode, CallId, CallState, CallsBy, Command, ErrorCode, Event, MediaConnectionState,
    NoticeChannel, Notifications, Outcome, PeerConfig, SubscriptionCode,
};

fn restart(call: &CallId) -> Command {
    Command::RestartMedia { call: call.clone() }
}

#[test]
fn ra_028_re_018_a_restart_offers_other_credentials_and_is_told_when_it_is_answered() {
    let mut rig = Rig::up();
    let ringing = rig.ringing();
    assert_eq!(refused(&mut rig, restart(&ringing)), CallCode::InvalidState.into());
    let mut rig = Rig::up();
    let call = answered(&mut rig);
    rig.datagram(b"connected");
    rig.told();
    let command = rig.submit(restart(&call)).unwrap();
    assert_eq!(refused(&mut rig, restart(&call)), CallCode::Glare.into());
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    assert!(
        asked.body["callControlRequest"]["sdp"].as_str().unwrap().contains("a=ice-ufrag:again")
    );
    rig.respond(asked.id, 200, &done());
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    let told: Vec<_> = rig.events.drain(..).collect();
    assert!(told.contains(&Event::MediaRestarted { call: call.clone() }));
    // A failure is the command's alone. The far side speaks first in the handshake now, so that we wait.
    let command = rig.submit(restart(&call)).unwrap();
    rig.pass(S(3));
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 500, &status(26));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Gateway(26));
    assert!(!rig.events.iter().any(|event| matches!(event, Event::MediaRestarted { .. })));
    assert_eq!(rig.call(&call).state, CallState::Connected);
}

#[test]
fn ra_028_rc_045_the_side_that_waits_in_the_handshake_waits_with_a_restart_too() {
    let mut rig = Rig::up();
    // The far side answered `active`: we are passive.
    let call = up(&mut rig, "S1");
    rig.submit(restart(&call)).unwrap();
    rig.pass(S(3) - MS(1));
    assert!(rig.asked.is_empty());
    rig.pass(MS(26));
    rig.take_of("startCallUpdate");
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().media_retry_delay(S(0));
        config.call(call)
    });
    let call = up(&mut rig, "S1");
    rig.submit(restart(&call)).unwrap();
    collect(&mut rig);
    rig.take_of("startCallUpdate");
}

#[test]
fn ra_028_a_restart_waits_a_minute_for_the_notification_socket() {
    let mut rig = Rig::up();
    let call = answered(&mut rig);
    rig.close(Some(1006));
    rig.sockets.clear();
    let command = rig.submit(restart(&call)).unwrap();
    rig.pass(S(61));
    assert_eq!(failure(&mut rig, command).code, SubscriptionCode::Socket.into());
    assert_eq!(rig.call(&call).state, CallState::Connected);
}

#[test]
fn ra_028_media_that_failed_is_found_again_by_a_fresh_connection() {
    let mut rig = Rig::up();
    let call = answered(&mut rig);
    rig.datagram(b"failed");
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Failed);
    let before = rig.udp;
    rig.submit(restart(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    assert_ne!(rig.udp, before);
    rig.respond(asked.id, 200, &done());
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
    rig.datagram(b"connected");
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Connected);
}

/// A call whose path was there, and is lost now.
fn lost(rig: &mut Rig) -> CallId {
    let call = answered(rig);
    rig.datagram(b"connected");
    rig.datagram(b"disconnected");
    rig.answer_audits();
    rig.told();
    call
}

/// True if a restart was asked for.
fn restarts(rig: &mut Rig) -> bool {
    rig.answer_audits();
    let asked = rig.asked.drain(..);
    asked.filter(|asked| asked.body.to_string().contains("startCallUpdate")).count() == 1
}

#[test]
fn ra_028_a_path_that_is_lost_for_two_seconds_is_restarted_by_itself() {
    let mut rig = Rig::up();
    let call = lost(&mut rig);
    rig.pass(MS(1900));
    assert!(!restarts(&mut rig));
    rig.pass(MS(200));
    let asked = rig.take_of("startCallUpdate");
    rig.respond(asked.id, 200, &done());
    tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
    assert!(rig.events.iter().any(|event| *event == Event::MediaRestarted { call: call.clone() }));
    rig.datagram(b"connected");
    rig.pass(S(120));
    assert!(!restarts(&mut rig), "once");
}

#[test]
fn ra_028_a_path_that_comes_back_is_not_restarted_nor_where_nobody_wants_it() {
    let mut rig = Rig::up();
    lost(&mut rig);
    rig.pass(MS(1900));
    rig.datagram(b"connected");
    rig.pass(S(60));
    assert!(!restarts(&mut rig));
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().restart_lost_media(false);
        config.call(call)
    });
    lost(&mut rig);
    rig.pass(S(60));
    assert!(!restarts(&mut rig));
}

#[test]
fn ra_028_rc_045_with_another_address_nobody_waits_not_even_the_passive_side() {
    let mut rig = Rig::up();
    // The far side answered `active`: we are passive.
    let call = up(&mut rig, "S1");
    rig.datagram(b"connected");
    let (old, new) = (([192, 0, 2, 1], 4000).into(), SocketAddr::from(([192, 0, 2, 2], 4000)));
    let event = UdpEvent::Changed { added: vec![new.into()], removed: vec![old] };
    let id = rig.udp.unwrap();
    rig.input(Input::Udp { id, event });
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Disconnected);
    collect(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    let sdp = asked.body["callControlRequest"]["sdp"].as_str().unwrap();
    assert!(sdp.contains("a=ice-ufrag:again"), "{sdp}");
}

#[test]
fn ra_028_a_far_side_that_is_quiet_is_looked_for_but_not_while_it_is_held() {
    const SPEECH: &[u8] = &[128, 0];
    let mut rig = Rig::up();
    let call = answered(&mut rig);
    rig.datagram(b"connected");
    rig.datagram(SPEECH);
    rig.told();
    rig.pass(MS(6900));
    assert!(!restarts(&mut rig));
    rig.pass(MS(200));
    assert!(rig.told().iter().any(|told| told.ends_with("path Lost")));
    assert!(restarts(&mut rig));
    assert_eq!(rig.call(&call).media_state, MediaConnectionState::Connected);
    rig.pass(MS(100));
    rig.datagram(SPEECH);
    assert!(rig.told().iter().any(|told| told.ends_with("path Good")));
    let mut rig = Rig::up();
    let call = held(&mut rig, "S1");
    rig.datagram(b"connected");
    rig.datagram(SPEECH);
    rig.pass(S(60));
    assert!(!restarts(&mut rig), "{}", rig.call(&call).state);
}

#[test]
fn ra_028_a_far_side_that_was_never_heard_is_looked_for_too() {
    let mut rig = Rig::up();
    answered(&mut rig);
    rig.pass(S(10));
    rig.datagram(b"connected");
    rig.told();
    rig.pass(MS(6900));
    assert!(!restarts(&mut rig));
    rig.pass(MS(200));
    assert!(rig.told().iter().any(|told| told.ends_with("path Lost")));
    assert!(restarts(&mut rig));
}

#[test]
fn ra_028_restarts_by_itself_wait_for_what_goes_on_and_for_the_socket_and_have_an_end() {
    let mut rig = Rig::up();
    let call = lost(&mut rig);
    rig.submit(hold(&call)).unwrap();
    rig.pass(S(5));
    let asked = rig.take_of("startCallUpdate");
    assert!(!restarts(&mut rig), "the hold is under way");
    rig.respond(asked.id, 500, &status(26));
    rig.close(Some(1006));
    rig.pass(S(2));
    assert!(!restarts(&mut rig), "nobody could answer");
    rig.open();
    let mut count = 0;
    for _ in 0..120 {
        rig.pass(S(10));
        count += u32::from(restarts(&mut rig));
    }
    assert_eq!(count, 6);
}

#[test]
fn ra_028_a_fresh_connection_that_is_refused_is_offered_ever_more_seldom() {
    let mut rig = Rig::up();
    lost(&mut rig);
    rig.datagram(b"failed");
    let mut offers = [0; 2];
    for tenth in 0..12_000 {
        rig.answer_audits();
        if rig.udp.is_some() {
            collect(&mut rig);
        }
        while let Some(asked) = rig.asked.pop_front() {
            if asked.body.to_string().contains("startCallUpdate") {
                offers[usize::from(tenth >= 1000)] += 1;
            }
            rig.respond(asked.id, 500, &status(26));
        }
        rig.pass(MS(100));
    }
    assert!((10..=30).contains(&offers[0]), "in 100 s: {offers:?}");
    assert!((20..=100).contains(&offers[1]), "in 1100 s: {offers:?}");
}

/// Notes the relays that engines are made with.
struct Noted(mpsc::Sender<Vec<IceServer>>);

impl EngineFactory for Noted {
    fn create(&mut self, now: std::time::Instant, config: EngineConfig) -> Box<dyn Engine> {
        self.0.send(config.ice_servers).unwrap();
        FakeMedia::new("ourpassword").create(now, EngineConfig::new(Seed::from(1)))
    }
}

#[test]
fn rp_5_rc_037_every_renewal_brings_other_credentials_of_relays_for_the_next_call() {
    for wanted in [true, false] {
        let (seen, servers) = mpsc::channel();
        let noted = Noted(seen);
        let mut rig = Rig::up_over(Box::new(noted), |config| {
            let peer = PeerConfig::default().ice_servers(vec![IceServer::turn(
                "turn:t.example",
                "own",
                "ownpass",
            )]);
            let call = config.call.clone().peer(peer).server_turn_credentials(wanted);
            config.call(call)
        });
        up(&mut rig, "S1");
        rig.pass(S(2160));
        rig.answer_audits();
        let asked = rig.take_of("PUT /subscription");
        let mut body = subscribed(&json!(["call"]));
        body["subscribeResponse"]["subscriptionParams"]["turnCredentials"] =
            json!({"username": "t2", "password": "second"});
        rig.respond(asked.id, 200, &body);
        up(&mut rig, "S2");
        let now = rig.client.ice_servers();
        assert_eq!(now[0].username.as_deref(), Some(if wanted { "t2" } else { "own" }));
        let names = servers.try_iter().map(|servers| servers[0].username.clone().unwrap());
        let names: Vec<_> = names.collect();
        let wanted = if wanted { ["t", "t2"] } else { ["own", "own"] };
        assert_eq!(names, wanted);
    }
}

#[test]
fn rp_5_a_relay_that_lends_no_address_is_told_once() {
    let mut rig = Rig::up_with(|config| {
        let silent = IceServer::turn("turn:192.0.2.9", "own", "ownpass");
        let peer = PeerConfig::default().ice_servers(vec![silent]);
        let call = config.call.clone().peer(peer).server_turn_credentials(false);
        config.call(call.skip_ice_collection(true))
    });
    let call = up(&mut rig, "S1");
    rig.pass(S(60));
    let is_told = |event: &&Event| matches!(event, Event::NoRelay { .. });
    let told: Vec<_> = rig.events.iter().filter(is_told).cloned().collect();
    let server = SocketAddr::from(([192, 0, 2, 9], 3478));
    assert_eq!(told, [Event::NoRelay { call, server, code: None }]);
}

#[test]
fn rc_040_w2_8_calls_are_looked_after_when_the_socket_is_open_again() {
    for wanted in [true, false] {
        let mut rig = Rig::up_with(|config| {
            let call = config.call.clone().resync_on_connect(wanted);
            config.call(call)
        });
        let ringing = incoming(&mut rig, "S1", Some(sdp("sendrecv")));
        let asked = rig.take_of("ringing");
        rig.respond(asked.id, 200, &done());
        let call = up(&mut rig, "S2");
        rig.close(Some(1006));
        rig.answer_audits();
        rig.open();
        if !wanted {
            assert!(rig.asked.is_empty());
            continue;
        }
        // One was taken elsewhere meanwhile; the other one is gone.
        let asked = rig.take_of("GET /callControl/callSessions/S1");
        rig.respond(asked.id, 200, &json!({"callControlResponse": {"state": "ANSWERED"}}));
        assert_eq!(rig.call(&ringing).state, CallState::Cancelled);
        let asked = rig.take_of("GET /callControl/callSessions/S2");
        rig.told();
        rig.respond(asked.id, 404, &status(47));
        assert_eq!(rig.call(&call).state, CallState::Ended);
        let told = rig.told();
        assert!(told.contains(&"Connected -> Ended 47".to_owned()), "{told:?}");
        assert!(!rig.asked.iter().any(|asked| asked.what.starts_with("DELETE")), "it is gone");
    }
}

#[test]
fn w4_16_what_else_the_gateway_says_of_a_call_changes_nothing() {
    let mut rig = Rig::up();
    let resync = |call: &CallId| Command::Resync { call: call.clone() };
    let call = up(&mut rig, "S1");
    for (status, body, ok) in [
        (200, json!({"callControlResponse": {"state": "ANSWERED"}}), true),
        (200, json!({"callControlResponse": {"state": "WHATEVER"}}), true),
        (200, json!({"callControlResponse": {}}), true),
        (500, status(26), false),
    ] {
        let command = rig.submit(resync(&call)).unwrap();
        let asked = rig.take_of("GET");
        rig.respond(asked.id, status, &body);
        assert_eq!(rig.completion(command).unwrap().is_ok(), ok, "{body}");
        assert_eq!(rig.call(&call).state, CallState::Connected);
    }
    assert_eq!(refused(&mut rig, resync(&CallId::from("x"))), CallCode::InvalidParam.into());
}

#[test]
fn ra_080_a_call_that_came_by_push_is_taken_and_asked_about() {
    let mut rig = Rig::up();
    let message = |id: &str, session: &str| {
        json!({"notificationMessage": {
            "eventType": "call",
            "eventId": id,
            "sessionParams": {"sessionData": session, "sdp": sdp("sendrecv")},
        }})
        .to_string()
    };
    let process = |message: String, channel| Command::ProcessNotification { message, channel };
    let command = rig.submit(process(message("p1", "S1"), NoticeChannel::Push)).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.client.calls().len(), 1);
    rig.take_of("ringing");
    let asked = rig.take_of("GET /callControl/callSessions/S1");
    rig.respond(asked.id, 200, &json!({"callControlResponse": {"state": "RINGING"}}));
    // The same message by the socket is one that was.
    rig.submit(process(message("p1", "S2"), NoticeChannel::WebSocket)).unwrap();
    assert_eq!(rig.client.calls().len(), 1);
    // By the other channel nothing is asked about.
    rig.submit(process(message("p2", "S3"), NoticeChannel::WebSocket)).unwrap();
    assert_eq!(rig.client.calls().len(), 2);
    assert!(!rig.asked.iter().any(|asked| asked.what.starts_with("GET")));
    for odd in ["", "x", "{\"notificationMessage\":", &" ".repeat(256 * 1024 + 1)] {
        let command = process(odd.to_owned(), NoticeChannel::Push);
        assert_eq!(refused(&mut rig, command), ErrorCode::Options);
    }
}

#[test]
fn rc_019_calls_come_by_push_alone_where_that_is_wanted() {
    let mut rig = Rig::up_with(|config| {
        config.notifications(Notifications::default().calls_by(CallsBy::PushOnly))
    });
    rig.notify("call", json!({"sessionParams": {"sessionData": "S1", "sdp": sdp("sendrecv")}}));
    assert!(rig.client.calls().is_empty());
    // What was dropped is not remembered as one that was.
    let message = json!({"notificationMessage": {
        "eventType": "call", "eventId": "1",
        "sessionParams": {"sessionData": "S1", "sdp": sdp("sendrecv")},
    }});
    let channel = NoticeChannel::Push;
    rig.submit(Command::ProcessNotification { message: message.to_string(), channel }).unwrap();
    assert_eq!(rig.client.calls().len(), 1);
    // All else of a call comes by any.
    tell(&mut rig, "callEnd", "S1", None);
    assert_eq!(rig.client.calls()[0].state, CallState::Ended);
}

#[test]
fn rc_041_w4_10_an_offer_that_is_wished_for_is_of_the_connection_there_is_where_all_goes_through_the_gateway()
 {
    for broker in [false, true] {
        let mut rig = Rig::up_with(|config| {
            let call = config.call.clone().media_broker_only(broker);
            config.call(call)
        });
        let call = up(&mut rig, "S1");
        let before = rig.udp;
        rig.told();
        tell(&mut rig, "startCallUpdate", "S1", None);
        collect(&mut rig);
        let asked = rig.take_of("respondCallUpdate");
        assert_eq!(rig.udp == before, broker);
        rig.respond(asked.id, 200, &done());
        tell(&mut rig, "respondCallUpdate", "S1", Some(answer_sdp("sendrecv")));
        let told = rig.told();
        assert!(told.contains(&"remote SLOW_START FINISH".to_owned()), "{told:?}");
        assert_eq!(rig.call(&call).state, CallState::Connected);
    }
}

#[test]
fn rc_044_signs_of_life_begin_with_the_call_and_keep_their_interval() {
    let mut rig = Rig::up_with(|config| {
        let call = config.call.clone().audit_interval(S(12));
        config.call(call)
    });
    rig.submit(super::steps::make("bob")).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callStart");
    assert!(rig.asked.is_empty(), "not before the gateway has it");
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
    let asked = rig.take_of("audit");
    rig.pass(S(5));
    rig.respond(asked.id, 200, &done());
    rig.pass(S(7) - MS(1));
    assert!(rig.asked.is_empty());
    rig.pass(MS(1));
    let asked = rig.take_of("audit");
    // After a failure sooner; a failure is no end.
    rig.respond(asked.id, 500, &status(26));
    rig.pass(S(5));
    rig.take_of("audit");
    assert_eq!(rig.client.calls()[0].state, CallState::Initiated);
}

#[test]
fn ra_016_an_answer_that_came_too_late_is_known_by_the_gateways_word() {
    let mut rig = Rig::up();
    let call = rig.ringing();
    let command = rig.submit(answer(&call)).unwrap();
    collect(&mut rig);
    let asked = rig.take_of("callAnswer");
    rig.respond(asked.id, 409, &status(55));
    assert_eq!(failure(&mut rig, command).code, ErrorCode::Gateway(55));
    let asked = rig.take_of("GET");
    rig.respond(asked.id, 404, &status(47));
    assert_eq!(rig.call(&call).state, CallState::Ended);
}
