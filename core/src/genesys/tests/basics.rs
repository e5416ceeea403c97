//! Beginning and end: which service, from when on calls are taken, and that nothing stays (API-2,
//! LC-2, LC-4, DEF-21).

use std::time::Duration;

use serde_json::Value;

use super::rig::{Rig, fake_media};
use crate::genesys::{Client, Command, Config, ErrorKind, Outcome};
use crate::machine::Seed;

const S: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn api_2_any_environment_can_be_named_and_none_is_refused() {
    let make = |environment: &str| {
        let config = Config::agent(environment, "t");
        Client::new(config, Box::new(fake_media()), Seed::from(1), crate::testing::epoch())
    };
    for named in ["mypurecloud.com", "usw2.pure.cloud", "nobody-knows.example"] {
        assert!(make(named).is_ok(), "{named}");
    }
    for none in ["", " ", "two words"] {
        let error = make(none).expect_err(none);
        assert_eq!(error.kind, ErrorKind::InvalidOptions, "{none:?}");
    }
}

#[test]
fn lc_2_a_call_is_taken_before_the_phone_is_loaded_and_goes_on_without_it() {
    let mut rig = Rig::new();
    let connect = rig.submit(Command::Connect).unwrap();
    while !rig.asked.iter().any(|asked| asked.what.starts_with("GET /stations")) {
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    rig.events.clear();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    rig.media("connected");
    assert!(rig.told().contains(&"SessionStarted M1 C1".to_owned()));
    assert_eq!(rig.completion(connect), None, "the login is not done yet");
    // The station cannot be loaded at all (LC-3).
    let at = rig.asked.iter().position(|asked| asked.what.starts_with("GET /stations")).unwrap();
    let station = rig.asked.remove(at).unwrap();
    rig.respond(station.id, 404, &Value::Null);
    rig.login();
    assert_eq!(rig.completion(connect), Some(Ok(Outcome::Done)));
    rig.media("audio");
    assert_eq!(rig.audio.len(), 1);
}

#[test]
fn lc_4_an_agents_client_hears_of_the_persistent_connection() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    while !rig.asked.iter().any(|asked| asked.what.starts_with("PUT")) {
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
    let asked = rig.asked.iter().find(|asked| asked.what.starts_with("PUT")).unwrap();
    let ids = asked.body.to_string();
    for leaf in ["conversations", "persistentconnection", "station"] {
        assert!(ids.contains(leaf), "{ids}");
    }
}

#[test]
fn def_21_destroying_leaves_nothing_behind_whenever_it_comes() {
    // After n steps of a login, and twice.
    for steps in 0..24 {
        let mut rig = Rig::new();
        if steps > 0 {
            rig.submit(Command::Connect).unwrap();
        }
        for _ in 1..steps {
            if !rig.answer_login_step() {
                rig.wait_for_timer();
            }
        }
        while rig.take_opened().is_some() {}
        for _ in 0..2 {
            let destroy = rig.submit(Command::Destroy).unwrap();
            rig.wait(S(5));
            assert_eq!(rig.completion(destroy), Some(Ok(Outcome::Done)), "after {steps}");
        }
        assert!(rig.ws.is_none() && rig.udp.is_none() && rig.client.size() == 0);
        rig.wait(S(3600));
        assert!(rig.wake.is_none(), "after {steps}: {:?}", rig.wake);
        assert!(rig.take_opened().is_none(), "it does not come back");
    }
}
