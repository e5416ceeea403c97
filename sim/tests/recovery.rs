//! Troubles of a call in its middle: media made anew, signaling lost, phones changed; the client
//! and the model cloud, real media, virtual time.

mod common;

use std::time::Duration;

use common::talk::{call_ended, media_connected, pending, ready, session_ended};
use common::world::World;
use offhook::genesys::{Command, Config, Event, Outcome};
use offhook::media::MediaState;
use offhook_sim::cloud::{Input, Service as _};
use serde_json::{Value, json};

const S: fn(u64) -> Duration = Duration::from_secs;

fn order(world: &mut World, id: &str, what: &str, body: &Value) -> Value {
    let answer = world.control("POST", &format!("calls/{id}/{what}"), body);
    assert_eq!(answer["conversationId"], id, "{what}: {answer}");
    answer
}

fn sdp() -> Value {
    json!({"signaling": "sdp", "farEnd": "echo"})
}

fn ended(world: &World) -> bool {
    world.events.iter().any(|e| session_ended(e).is_some() || call_ended(e).is_some())
}

#[test]
fn a_reinvite_moves_the_call_to_a_new_connection() {
    for renamed in [false, true] {
        for station in [json!({}), json!({"persistent": true}), json!({"lineAppearances": 2})] {
            let mut world = World::with_station(&station);
            let (id, session) = world.talking(&sdp());
            assert_eq!(world.echoes(session.media), 25);
            order(&mut world, &id, "reinvite", &json!({"newSession": renamed}));
            let (new, old) = world.wait(|event| match event {
                Event::SessionReplaced { session, old } => Some((session.clone(), old.clone())),
                _ => None,
            });
            assert_eq!((old == session.id, new.id != old), (true, renamed));
            world.wait(media_connected);
            world.run(S(5));
            assert_eq!(world.echoes(new.media), 25, "{station} {renamed}");
            assert!(!ended(&world));
            assert_eq!(world.call(&id)["sessionState"], "active");
            assert_eq!(world.call(&id)["sessionId"], new.id.as_str());
            world.hangs_up(&id);
            if station["persistent"] == true {
                assert_eq!(world.answered(&sdp()).1, new.id.as_str(), "the new one stays");
            }
        }
    }
}

#[test]
fn def_30_media_that_died_silently_is_recovered_by_a_reinvite() {
    let mut world = World::ready();
    let (id, session) = world.talking(&sdp());
    order(&mut world, &id, "kill-media", &json!({}));
    world.wait(|event| match event {
        Event::MediaState { state: MediaState::Disconnected, .. } => Some(()),
        _ => None,
    });
    assert_eq!(world.echoes(session.media), 0);
    order(&mut world, &id, "reinvite", &json!({"newSession": true}));
    world.wait(media_connected);
    world.run(S(1));
    assert_eq!(world.echoes(session.media), 25, "the application speaks as before");
    world.hangs_up(&id);
}

#[test]
fn media_that_died_silently_ends_its_session_in_the_end() {
    let mut world = World::ready();
    let (id, session) = world.talking(&sdp());
    order(&mut world, &id, "kill-media", &json!({}));
    assert_eq!(world.wait(session_ended), session.id.as_str());
    world.run_until_state(&id, "terminated");
    assert_eq!(world.count("genesys-terminate"), 1);
}

#[test]
fn a_renegotiation_changes_nothing_that_is_heard() {
    let mut world = World::ready();
    let (id, session) = world.talking(&sdp());
    for n in 2..5 {
        world.events.clear();
        order(&mut world, &id, "renegotiate", &json!({}));
        world.run(S(1));
        assert_eq!(world.count("genesys-answer"), n);
        assert_eq!(world.echoes(session.media), 25);
        assert!(world.events.iter().all(|event| matches!(event, Event::Stats { .. })));
    }
    world.hangs_up(&id);
}

#[test]
fn an_ice_restart_is_answered_and_media_goes_on() {
    for trickle in [true, false] {
        let mut world = World::ready();
        let (id, session) = world.talking(&json!({"farEnd": "echo", "trickle": trickle}));
        for n in 1..4 {
            order(&mut world, &id, "ice-restart", &json!({}));
            world.run(S(2));
            assert_eq!(world.count("ice-restarted"), n, "{:?}", world.logs);
            assert_eq!(world.echoes(session.media), 25, "restart {n}");
            world.run(S(60));
            assert_eq!(world.echoes(session.media), 25, "a minute after restart {n}");
        }
        world.hangs_up(&id);
    }
}

#[test]
fn what_cannot_be_done_to_a_call_is_refused() {
    let mut world = World::ready();
    let (jingle, _) = world.talking(&json!({}));
    world.hangs_up(&jingle);
    let (sdp, _) = world.talking(&sdp());
    for (id, what) in [(&jingle, "ice-restart"), (&jingle, "rebind"), (&sdp, "repropose")] {
        let answer = world.control("POST", &format!("calls/{id}/{what}"), &json!({}));
        assert_eq!(answer["status"], 400, "{what}");
    }
    let answer = world.control("POST", &format!("calls/{sdp}/ice-restart"), &json!({}));
    assert_eq!(answer["status"], 400);
    let answer = world.control("POST", "calls/nobody/reinvite", &json!({}));
    assert_eq!(answer["status"], 404);
}

#[test]
fn a_proposal_that_comes_again_rings_once() {
    let mut world = World::ready();
    let id = world.ring(&json!({}));
    world.wait(pending);
    order(&mut world, &id, "repropose", &json!({}));
    order(&mut world, &id, "repropose", &json!({}));
    world.run(S(1));
    assert!(!world.events.iter().any(|event| pending(event).is_some()));
}

#[test]
fn sg_3_after_a_reconnect_soft_or_hard_the_call_can_still_be_spoken_to() {
    for (mode, signaling) in [
        ("tcp", "sdp"),
        ("no_longer_subscribed", "sdp"),
        ("tcp", "jingle"),
        ("no_longer_subscribed", "jingle"),
    ] {
        let mut world = World::ready();
        let talk = json!({"signaling": signaling, "farEnd": "echo"});
        let (id, session) = world.talking(&talk);
        let before = world.count("bound");
        let channel = |world: &mut World| {
            let all = world.control("GET", "connections", &Value::Null);
            all["connections"][0]["channelId"].clone()
        };
        let old = channel(&mut world);
        world.control("POST", "connections/drop", &json!({"userId": "u1", "mode": mode}));
        world.wait(ready);
        world.run(S(1));
        assert_eq!(world.count("bound"), before + 1);
        assert_eq!(channel(&mut world) == old, mode == "tcp", "{mode}: soft keeps its channel");
        order(&mut world, &id, "rebind", &json!({}));
        let again = if signaling == "sdp" { "reinvite" } else { "ice-restart" };
        order(&mut world, &id, again, &json!({}));
        world.run(S(5));
        assert_eq!(world.echoes(session.media), 25, "{mode} {signaling}");
        world.hangs_up(&id);
    }
}

#[test]
fn sg_3_a_channel_that_is_forgotten_is_replaced_in_the_end() {
    let mut world = World::ready();
    let (id, session) = world.talking(&sdp());
    let expired = world.control("POST", "channels/expire", &json!({}));
    assert_eq!(expired["expired"], 1);
    world.control("POST", "connections/drop", &json!({"userId": "u1"}));
    world.run(S(20 * 60));
    assert!(world.count("ws-refused") >= 1);
    assert!(world.client.is_connected());
    assert_eq!(world.echoes(session.media), 25);
    world.hangs_up(&id);
    world.events.clear();
    world.ring(&json!({}));
    world.wait(pending);
}

#[test]
fn def_10_a_call_that_ended_while_nobody_was_connected_is_told_afterwards() {
    for station in [json!({}), json!({"persistent": true}), json!({"lineAppearances": 2})] {
        let mut world = World::with_station(&station);
        let (id, _) = world.talking(&sdp());
        world.control("POST", "connections/drop", &json!({"userId": "u1"}));
        world.control("POST", &format!("calls/{id}/hangup"), &json!({}));
        assert_eq!(world.wait(call_ended), id, "{station}");
        world.run(S(10));
        let (next, _) = world.answered(&sdp());
        world.hangs_up(&next);
    }
}

#[test]
fn stn_2_a_phone_that_changes_is_told() {
    let mut world = World::ready();
    let change = |world: &mut World, body: Value| world.control("PATCH", "users/u1", &body);
    change(&mut world, json!({"station": null, "stationEvent": "Disassociated"}));
    world.wait(|event| matches!(event, Event::StationDisassociated).then_some(()));
    let lines = |event: &Event| match event {
        Event::Station(station) => Some((station.call_appearances, station.persistent)),
        _ => None,
    };
    change(&mut world, json!({"station": {}, "stationEvent": "Associated"}));
    assert_eq!(world.wait(lines), (1, false));
    let (first, session) = world.talking(&sdp());
    let migration = json!({"station": {"lineAppearances": 3, "persistent": true},
        "stationEvent": "WebRTCMigration"});
    change(&mut world, migration);
    assert_eq!(world.wait(lines), (3, true));
    world.hangs_up(&first);
    assert_eq!(world.answered(&sdp()).1, session.id.as_str(), "persistent from now on");
    let refused = change(&mut world, json!({"stationEvent": "Vanished"}));
    assert_eq!(refused["status"], 400);
}

#[test]
fn a_client_that_disconnects_for_good_can_come_back_to_its_line() {
    let mut world = World::new(|config: &mut Config| config.server_side_pings = true);
    let user = json!({"userId": "u1", "token": "t0ken", "station": {"persistent": true}});
    world.control("POST", "users", &user);
    world.done(Command::Connect);
    let (first, _) = world.talking(&sdp());
    world.hangs_up(&first);
    let disconnect = world.submit(Command::Disconnect).unwrap();
    assert_eq!(world.settle(disconnect), Ok(Outcome::Done));
    world.run(S(60));
    world.events.clear();
    world.done(Command::Connect);
    let id = world.ring(&sdp());
    assert_eq!(world.wait(pending), id);
    world.done(Command::AcceptPendingSession { conversation: id.as_str().into() });
    world.run_until_state(&id, "connected");
    world.hangs_up(&id);
}

#[test]
fn a_reinvite_waits_for_a_client_that_is_just_coming_back() {
    for renamed in [false, true] {
        let mut world = World::ready();
        let (id, session) = world.talking(&sdp());
        world.control("POST", "connections/drop", &json!({"userId": "u1"}));
        world.run(Duration::from_millis(100));
        order(&mut world, &id, "reinvite", &json!({"newSession": renamed}));
        world.wait(|event| match event {
            Event::SessionReplaced { old, .. } => (*old == session.id).then_some(()),
            _ => None,
        });
        world.wait(media_connected);
        world.run(S(10));
        assert_eq!(world.count("re-invited"), 2, "repeated until it was answered, not longer");
        assert_eq!(world.echoes(session.media), 25);
        assert!(!ended(&world));
        world.hangs_up(&id);
    }
}

#[test]
fn a_reinvite_that_nobody_answers_is_given_up_after_three_minutes() {
    for renamed in [false, true] {
        let mut world = World::ready();
        let (id, _) = world.talking(&sdp());
        let disconnect = world.submit(Command::Disconnect).unwrap();
        assert_eq!(world.settle(disconnect), Ok(Outcome::Done));
        order(&mut world, &id, "reinvite", &json!({"newSession": renamed}));
        world.run(S(175));
        assert_eq!(world.call(&id)["state"], "connected");
        world.run(S(10));
        assert_eq!(world.call(&id)["state"], "terminated");
        assert_eq!(world.count("re-invited"), 36, "every five seconds");
    }
}

#[test]
fn lc_16_a_renegotiation_for_another_call_moves_the_session() {
    // On lines of their own: the second call gets the first one's media.
    let mut world = World::with_station(&json!({"lineAppearances": 2}));
    let (first, session) = world.talking(&sdp());
    let second = world.ring(&sdp());
    assert_eq!(world.wait(pending), second);
    order(&mut world, &first, "renegotiate", &json!({"conversationId": second}));
    world.wait(|event| match event {
        Event::CancelPendingSession { conversation, .. } => {
            (conversation.as_str() == second).then_some(())
        }
        _ => None,
    });
    assert_eq!(world.call(&second)["sessionId"], session.id.as_str());
    let fields = json!({"state": "connected"});
    world.control("POST", &format!("calls/{second}/participant"), &fields);
    let (call, on) = world.wait(common::talk::call_connected);
    assert_eq!((call.id.as_str(), on.as_str()), (&*second, session.id.as_str()));
    world.hangs_up(&first);
    assert_eq!(world.count("call-ended"), 1, "the other one goes on");

    // On one line: the idle session is told whose it is.
    let mut world = World::with_station(&json!({"persistent": true}));
    let (first, session) = world.talking(&sdp());
    world.hangs_up(&first);
    let second = world.ring(&sdp());
    order(&mut world, &second, "renegotiate", &json!({"conversationId": second}));
    world.run(S(10));
    let about = world.events.iter().rev().find_map(|event| match event {
        Event::Stats { conversation, .. } => Some(conversation.to_string()),
        _ => None,
    });
    assert_eq!(about.as_deref(), Some(&*second));
    assert_eq!(world.call(&second)["sessionId"], session.id.as_str());
    let nobody = json!({"conversationId": first});
    let answer = world.control("POST", &format!("calls/{second}/renegotiate"), &nobody);
    assert_eq!(answer["status"], 400, "that one is over");
}

#[test]
fn rfc_7675_a_dead_clients_line_is_lost_half_a_minute_after_its_last_word_and_said_so() {
    for on_call in [false, true] {
        let mut world = World::with_station(&json!({"persistent": true}));
        let (id, session) = world.talking(&sdp());
        if !on_call {
            world.hangs_up(&id);
        }
        world.dead = true;
        world.run(S(20));
        assert_eq!(world.count("consent-expired"), 0, "not yet");
        world.run(S(16));
        let events = world.control("GET", "events?type=consent-expired", &Value::Null);
        assert_eq!(events["events"].as_array().unwrap().len(), 1, "{:?}", world.logs);
        // It was looked for by another connection before.
        assert_ne!(events["events"][0]["sessionId"], session.id.as_str());
        assert!(events["events"][0]["sessionId"].is_string());
        assert_eq!(world.call(&id)["state"], "terminated");
        assert!(world.said.iter().any(|(_, text)| text.contains("DISCONNECTED")));
        // The next call does not go to a line that is lost: it is proposed.
        let proposals =
            |world: &World| world.said.iter().filter(|(_, text)| text.contains("<propose")).count();
        let before = proposals(&world);
        world.ring(&sdp());
        world.run(S(1));
        assert_eq!(proposals(&world), before + 1);
    }
}

#[test]
fn rfc_7675_a_client_that_is_there_keeps_its_line_for_hours() {
    let mut world = World::with_station(&json!({"persistent": true}));
    let (id, session) = world.talking(&sdp());
    world.hangs_up(&id);
    world.run(S(2 * 3600));
    assert_eq!(world.count("consent-expired"), 0);
    assert_eq!(world.answered(&sdp()).1, session.id.as_str());
}

#[test]
fn wire_6_14_alternative_session_before_the_answer_ends_the_association_that_is_replaced() {
    let mut world = World::ready();
    let (id, session) = world.talking(&sdp());
    order(&mut world, &id, "kill-media", &json!({}));
    world.said.clear();
    order(&mut world, &id, "reinvite", &json!({}));
    world.run_until(|world| world.said.iter().any(|(_, text)| text.contains("reinvite")));
    // As the vendor's SDK does: the old one, which has the same name, ends first.
    let (conn, offer) = world.said.iter().find(|(_, text)| text.contains("reinvite")).unwrap();
    let peer = offer.split(" from=\"").nth(1).unwrap().split('"').next().unwrap();
    let terminate = format!(
        "<iq xmlns='jabber:client' type='set' id='t1' to='{peer}'><genesys-webrtc xmlns='genesys'>\
         {{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"terminate\",\"params\":\
         {{\"sessionId\":\"{}\",\"reason\":\"alternative-session\"}}}}</genesys-webrtc></iq>",
        session.id.as_str()
    );
    let input = Input::SocketText { conn: *conn, text: terminate };
    world.cloud.handle_input(world.now, input);
    world.wait(media_connected);
    world.run(S(5));
    assert_eq!((world.count("superseded"), world.count("call-ended")), (1, 0));
    assert_eq!(world.call(&id)["sessionState"], "active");
    assert_eq!(world.echoes(session.media), 25);
    world.hangs_up(&id);
}
