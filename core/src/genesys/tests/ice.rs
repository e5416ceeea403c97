//! ICE servers: the service's, the application's, and which count (STN-3, wire notes 7).

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::rig::{Rig, fake_media};
use crate::genesys::wire::{Frame, Iq, IqKind, Payload};
use crate::genesys::{
    Client, Command, Config, ErrorKind, Event, IcePolicy, IceServers, IceServersPolicy, Outcome,
};
use crate::machine::{Seed, WsEvent};
use crate::media::{Engine, EngineConfig, EngineFactory, IceServer};
use crate::xmpp::Service;

const S: fn(u64) -> Duration = Duration::from_secs;
/// The ICE server that the service of few words names.
const SERVICES: &str = "stun:127.0.0.1:3478";

/// Tells what each engine was made with.
struct Spy(Sender<EngineConfig>);

impl EngineFactory for Spy {
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        self.0.send(config.clone()).unwrap();
        fake_media().create(now, config)
    }
}

fn spied(change: impl FnOnce(&mut Config)) -> (Rig, Receiver<EngineConfig>) {
    let mut rig = Rig::with(change);
    let (tell, told) = channel();
    let config = rig.client.config().clone();
    rig.client = Client::new(config, Box::new(Spy(tell)), Seed::from(1), rig.now).unwrap();
    rig.submit(Command::Connect).unwrap();
    rig.login();
    (rig, told)
}

fn call(rig: &mut Rig, session: &str) {
    rig.propose(session, session, r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer(session, session);
}

fn turn(host: &str) -> IceServer {
    IceServer::turn(format!("turn:{host}:3478"), "user", "pa55word")
}

fn told(rig: &mut Rig) -> Option<IceServers> {
    rig.events.drain(..).rev().find_map(|event| match event {
        Event::IceServers(ice) => Some(ice),
        _ => None,
    })
}

fn urls(ice: &IceServers) -> Vec<&str> {
    ice.servers.iter().flat_map(|server| &server.urls).map(String::as_str).collect()
}

/// Answers both questions of a refresh.
fn refresh(rig: &mut Rig, turn: &[Service], stun: &[Service]) {
    let mut answered = 0;
    while answered < 2 {
        for text in rig.sent() {
            match Frame::parse(&text) {
                Ok(Frame::Iq(Iq {
                    kind: IqKind::Get(Payload::Services(asked)), id, to, ..
                })) => {
                    let mut services = asked.clone();
                    let of = if asked.kind.as_deref() == Some("turn") { turn } else { stun };
                    services.services = of.to_vec();
                    let kind = IqKind::Result(Some(Payload::Services(services)));
                    let reply = Iq { id, from: to, to: None, kind };
                    rig.frame(&Frame::Iq(reply).to_xml());
                    answered += 1;
                }
                _ => rig.grant(&text),
            }
        }
        if answered < 2 {
            rig.wait(S(5));
        }
    }
}

fn service(kind: &str, host: &str, credentials: bool) -> Service {
    Service {
        kind: kind.to_owned(),
        host: host.to_owned(),
        port: Some(3478),
        transport: Some("udp".to_owned()),
        username: credentials.then(|| "user".to_owned()),
        password: credentials.then(|| "pa55word".into()),
    }
}

#[test]
fn stn_3_wire_7_the_servers_in_force_are_told_when_they_change() {
    let mut rig = Rig::new();
    rig.submit(Command::Connect).unwrap();
    rig.login();
    let first = told(&mut rig).unwrap();
    assert_eq!((urls(&first), first.relay_only), (vec![SERVICES], false));
    // A reconnect that finds the same has nothing to tell.
    rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
    rig.login();
    assert_eq!(told(&mut rig), None);
    // A refresh that finds others has; without STUN media must be relayed.
    refresh(&mut rig, &[service("turn", "t", true)], &[]);
    let next = told(&mut rig).unwrap();
    assert_eq!((urls(&next), next.relay_only), (vec!["turn:t:3478"], true));
    assert_eq!(next.servers, [turn("t")]);
    assert!(!format!("{next:?}").contains("pa55word"));
    refresh(&mut rig, &[service("turn", "t", true)], &[]);
    assert_eq!(told(&mut rig), None);
}

#[test]
fn stn_3_the_applications_servers_come_first_or_alone() {
    for (policy, servers) in [
        (IceServersPolicy::Merge, vec!["turn:own:3478", SERVICES]),
        (IceServersPolicy::Replace, vec!["turn:own:3478"]),
    ] {
        let (mut rig, engines) = spied(|config| {
            config.ice_servers = vec![turn("own")];
            config.ice_servers_policy = policy;
        });
        let ice = told(&mut rig).unwrap();
        assert_eq!((urls(&ice), ice.relay_only), (servers, false), "{policy:?}");
        call(&mut rig, "M1");
        let engine = engines.try_recv().unwrap();
        assert_eq!(engine.ice_servers, ice.servers);
    }
}

#[test]
fn stn_3_whether_to_relay_is_the_services_word_or_the_policys_whatever_the_application_brings() {
    for (policy, stun, relay_only) in [
        (IcePolicy::Discovered, true, false),
        (IcePolicy::Discovered, false, true),
        (IcePolicy::All, false, false),
    ] {
        let (mut rig, engines) = spied(|config| {
            config.ice_servers = vec![IceServer::stun("stun:own")];
            config.ice_servers_policy = IceServersPolicy::Replace;
            config.ice_policy = policy;
        });
        let stun = if stun { vec![service("stun", "s", false)] } else { Vec::new() };
        refresh(&mut rig, &[], &stun);
        rig.events.clear();
        call(&mut rig, "M1");
        if relay_only {
            // It cannot be done yet: nobody is told that media connects.
            assert!(engines.try_recv().is_err());
            let told = rig.told();
            assert!(told.contains(&"Error Media".to_owned()), "{told:?}");
            assert!(!told.iter().any(|told| told.starts_with("SessionStarted")), "{told:?}");
            assert!(rig.sent().iter().any(|text| text.contains(r#""method":"terminate""#)));
            continue;
        }
        let engine = engines.try_recv().unwrap();
        assert_eq!(engine.ice_servers, [IceServer::stun("stun:own")]);
    }
}

#[test]
fn stn_3_other_servers_count_for_the_sessions_that_follow() {
    let (mut rig, engines) = spied(|_| {});
    call(&mut rig, "M1");
    rig.events.clear();
    let set = |servers, policy| Command::SetIceServers { servers, policy };
    let change = rig.submit(set(vec![turn("own")], IceServersPolicy::Replace)).unwrap();
    assert_eq!(rig.completion(change), Some(Ok(Outcome::Done)));
    assert_eq!(urls(&told(&mut rig).unwrap()), ["turn:own:3478"]);
    call(&mut rig, "M2");
    let back = rig.submit(set(Vec::new(), IceServersPolicy::Merge)).unwrap();
    assert_eq!(rig.completion(back), Some(Ok(Outcome::Done)));
    call(&mut rig, "M3");
    let servers = |config: EngineConfig| config.ice_servers;
    let made: Vec<_> = engines.try_iter().map(servers).collect();
    let discovered = vec![IceServer::stun(SERVICES)];
    assert_eq!(made, [discovered.clone(), vec![turn("own")], discovered]);
    // While nobody is connected nothing is in force, and nothing is told.
    rig.submit(Command::Disconnect).unwrap();
    rig.events.clear();
    rig.submit(set(vec![turn("own")], IceServersPolicy::Merge)).unwrap();
    assert_eq!(told(&mut rig), None);
}

#[test]
fn api_1_servers_that_could_never_work_are_refused_at_once_and_change_nothing() {
    let bad = [
        vec![IceServer::stun("https://s")],
        vec![IceServer { credential: None, ..turn("own") }],
        vec![IceServer::stun("stun:s"); Config::MAX_ICE_SERVERS + 1],
    ];
    for servers in bad {
        let config = Config { ice_servers: servers.clone(), ..Config::agent("lab.test", "t") };
        let now = crate::testing::epoch();
        let error = Client::new(config, Box::new(fake_media()), Seed::from(1), now).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOptions);
        let mut rig = Rig::ready();
        let policy = IceServersPolicy::Replace;
        let error = rig.submit(Command::SetIceServers { servers, policy }).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOptions);
        assert!(rig.client.config().ice_servers.is_empty() && rig.events.is_empty());
    }
}

#[test]
fn wire_7_what_the_service_names_is_bounded_and_what_is_of_no_use_is_left_out() {
    let mut rig = Rig::ready();
    let mut relays: Vec<_> = (0..100).map(|n| service("turn", &format!("t{n}"), true)).collect();
    relays.insert(0, service("turn", "nobody-may", false));
    relays.insert(0, service("carrier-pigeon", "p", true));
    refresh(&mut rig, &relays, &[service("stun", "s", false), service("stun", "s", false)]);
    let ice = told(&mut rig).unwrap();
    let urls = urls(&ice);
    assert_eq!(urls.len(), 1 + 31, "the one without credentials is one of the 32");
    assert_eq!(urls[..2], ["stun:s:3478", "turn:t0:3478"]);
}

#[test]
fn stn_3_media_is_relayed_where_relays_are_asked_for() {
    for gathering in [Duration::ZERO, S(5)] {
        let (mut rig, engines) = spied(|config| {
            config.ice_policy = IcePolicy::Discovered;
            config.timing.gathering = gathering;
        });
        refresh(&mut rig, &[service("turn", "relay.lab.test", true)], &[]);
        rig.hosts.clear();
        call(&mut rig, "M1");
        let engine = engines.try_recv();
        if gathering.is_zero() {
            assert!(engine.is_err());
            continue;
        }
        assert!(engine.unwrap().relay_only);
        assert_eq!(rig.hosts, ["relay.lab.test"], "nobody has that name, and that ends it");
        assert!(rig.sent().iter().any(|text| text.contains("a=end-of-candidates")));
    }
}

#[test]
fn stn_3_servers_that_say_nothing_are_waited_for_so_long() {
    let (mut rig, _engines) = spied(|config| config.timing.gathering = S(7));
    refresh(&mut rig, &[], &[service("stun", "192.0.2.1", false)]);
    call(&mut rig, "M1");
    let ends = |rig: &mut Rig| rig.sent().iter().any(|text| text.contains("a=end-of-candidates"));
    rig.wait(Duration::from_millis(6900));
    assert!(!ends(&mut rig));
    rig.wait(Duration::from_millis(200));
    assert!(ends(&mut rig));
}

#[test]
fn a_relay_that_does_not_answer_is_told_of_once() {
    let (mut rig, _engines) = spied(|config| config.timing.gathering = S(5));
    refresh(&mut rig, &[service("turn", "192.0.2.1", true)], &[]);
    call(&mut rig, "M1");
    rig.wait(S(60));
    let told: Vec<_> = rig
        .events
        .iter()
        .filter_map(|event| match event {
            Event::NoRelay { session, server, code } => {
                Some((session.to_string(), server.to_string(), *code))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [("M1".to_owned(), "192.0.2.1:3478".to_owned(), None)]);
}

#[test]
fn what_cannot_be_relayed_is_said_so_and_never_promised() {
    let mut config = Config { ice_policy: IcePolicy::RelayOnly, ..Config::agent("lab.test", "t") };
    config.timing.gathering = Duration::ZERO;
    let now = crate::testing::epoch();
    let error = Client::new(config, Box::new(fake_media()), Seed::from(1), now).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    // The service may want it all the same.
    let mut rig = Rig::ready();
    refresh(&mut rig, &[service("turn", "t", true)], &[]);
    assert!(rig.told().contains(&"Error NotSupported".to_owned()));
    refresh(&mut rig, &[service("turn", "t", true)], &[]);
    assert!(rig.told().is_empty(), "told once");
}
