//! Whatever a peer or an application can pile up has a bound, and a rule at the bound.

use std::time::Duration;

use serde_json::json;

use super::rig::{OTHER, PEER, Rig, fake_media};
use crate::genesys::ask::{EntryAsk, IqAsk, LinkAsk};
use crate::genesys::calls::MAX_CONVERSATIONS;
use crate::genesys::client::MAX_COMMANDS;
use crate::genesys::outbox::{MAX_UNAWAITED, Outbox};
use crate::genesys::sessions::MAX_SESSIONS;
use crate::genesys::topics::MAX_TOPICS;
use crate::genesys::wire::requests;
use crate::genesys::wire::{IqKind, Payload};
use crate::genesys::{Client, Command, Config, Dial, ErrorKind, Event};
use crate::machine::{NetError, NetErrorKind, Output, Seed};
use crate::rest::Retry;
use crate::sdp::candidate::MAX_CANDIDATES;
use crate::xmpp::Jid;
use crate::xmpp::{MAX_IQ_BYTES, MAX_IQS};

const AUTO: &str = r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#;

#[test]
fn proposes_beyond_the_bound_are_dropped_and_the_rest_still_work() {
    let mut rig = Rig::ready();
    for n in 0..MAX_CONVERSATIONS + 10 {
        rig.propose(&format!("M{n}"), &format!("C{n}"), "");
    }
    let told = rig.told();
    let rang = told.iter().filter(|t| t.starts_with("PendingSession")).count();
    assert_eq!(rang, MAX_CONVERSATIONS);
    assert_eq!(told.iter().filter(|t| *t == "Malformed").count(), 10);
    for n in 0..MAX_CONVERSATIONS {
        rig.session_message(PEER, "retract", &format!("M{n}"));
    }
    assert_eq!(rig.client.size(), 0);
    rig.connected_call("M", "C");
}

#[test]
fn notifications_beyond_the_bound_are_dropped() {
    let mut rig = Rig::ready();
    for n in 0..MAX_CONVERSATIONS + 10 {
        rig.conv(&format!("C{n}"), "inbound", "alerting");
    }
    assert_eq!(rig.client.size(), MAX_CONVERSATIONS);
    assert_eq!(rig.told().len(), 10);
    for n in 0..MAX_CONVERSATIONS {
        rig.conv(&format!("C{n}"), "inbound", "terminated");
    }
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn offers_beyond_the_bound_are_refused_as_busy() {
    let mut rig = Rig::ready();
    for n in 0..=MAX_SESSIONS {
        let (session, conversation) = (format!("M{n}"), format!("C{n}"));
        rig.propose(&session, &conversation, AUTO);
        // One after the other: together they would have to wait for their turn (SG-8).
        rig.wait_acknowledging(Duration::from_millis(400));
        rig.forget();
        rig.offer(&session, &conversation);
        let refused = rig.sent().iter().any(|text| text.contains(r#""reason":"busy""#));
        assert_eq!(refused, n == MAX_SESSIONS, "offer {n}");
    }
}

#[test]
fn wire_6_14_early_candidates_are_kept_for_ten_sessions_and_a_minute() {
    let early = |rig: &mut Rig, session: &str, n: usize| {
        let port = 9000 + n;
        let sdp = format!("m=0 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n");
        rig.rpc("iceCandidate", &json!({"sessionId": session, "sdp": sdp}));
    };
    let applied = |rig: &mut Rig, session: &str| {
        rig.propose(session, session, AUTO);
        rig.forget();
        rig.offer(session, session);
        rig.told().iter().filter(|told| told.starts_with("Dtmf")).count()
    };
    let mut rig = Rig::ready();
    for n in 0..11 {
        early(&mut rig, &format!("M{n}"), n);
    }
    for n in 0..100 {
        early(&mut rig, "M5", n);
    }
    assert_eq!(rig.client.size(), 10);
    assert_eq!(applied(&mut rig, "M0"), 0, "the oldest went");
    assert_eq!(applied(&mut rig, "M1"), 1);
    assert_eq!(applied(&mut rig, "M5"), 64, "so many and no more");
    rig.wait_acknowledging(Duration::from_secs(60));
    assert_eq!(applied(&mut rig, "M2"), 0, "too old");
}

#[test]
fn commands_beyond_the_bound_are_refused_and_change_nothing() {
    let mut rig = Rig::ready();
    let dial = || Command::StartSoftphoneSession(Dial::number("1"));
    let commands: Vec<_> = (0..MAX_COMMANDS).map(|_| rig.submit(dial()).unwrap()).collect();
    rig.forget();
    assert_eq!(rig.submit(dial()).unwrap_err().kind, ErrorKind::Limit);
    assert!(rig.asked.is_empty());
    rig.wait_acknowledging(Duration::from_secs(30));
    for command in commands {
        assert_eq!(rig.failure(command), Some(ErrorKind::Timeout));
    }
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn first_events_that_wait_for_a_dial_are_bounded_and_forgotten() {
    let mut rig = Rig::ready();
    rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
    for n in 0..100 {
        rig.conv(&format!("C{n}"), "outbound", "connected");
    }
    let (goal, early, command) = (1, 16, 1);
    assert_eq!(rig.client.size(), goal + early + command);
    rig.wait_acknowledging(Duration::from_secs(30));
    assert_eq!(rig.client.size(), 0);
}

#[test]
fn calls_that_were_dialled_and_never_heard_of_are_bounded() {
    let mut rig = Rig::ready();
    for n in 0..200 {
        rig.submit(Command::StartSoftphoneSession(Dial::number("1"))).unwrap();
        let asked = rig.expect_http("POST /conversations/calls");
        rig.respond(asked.id, 202, &json!({"id": format!("C{n}")}));
    }
    // Each with what is to be reported of it; those before are reported.
    assert_eq!(rig.client.size(), 2 * 64);
    let reported = rig.events.iter().filter(|event| matches!(event, Event::CallReport(_)));
    assert_eq!(reported.count(), 200 - 64);
}

#[test]
fn connects_and_disconnects_that_wait_are_bounded() {
    let mut rig = Rig::new();
    let mut refused = 0;
    for _ in 0..40 {
        refused += usize::from(rig.submit(Command::Connect).is_err());
    }
    assert_eq!(refused, 40 - 16);
    let mut rig = Rig::ready();
    let mut refused = 0;
    for _ in 0..40 {
        refused += usize::from(rig.submit(Command::Disconnect).is_err());
    }
    assert_eq!(refused, 40 - 16);
}

#[test]
fn wire_4_4_a_channel_takes_a_thousand_topics() {
    let mut rig = Rig::ready();
    let subscribe = |n: usize| Command::Subscribe { topic: format!("v2.x.{n}.y") };
    let mut taken = 0;
    for n in 0..MAX_TOPICS + 5 {
        match rig.submit(subscribe(n)) {
            Ok(_) => taken += 1,
            Err(error) => assert_eq!(error.kind, ErrorKind::InvalidOptions),
        }
    }
    let own = 3;
    assert_eq!(taken, MAX_TOPICS - own);
}

#[test]
fn iqs_that_nobody_answers_are_bounded_and_calls_still_end() {
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", AUTO);
    rig.offer("M1", "C1");
    for _ in 0..MAX_IQS {
        // Each makes an info, which is an IQ.
        rig.media("disconnected");
        rig.media("connected");
    }
    rig.forget();
    let end = Command::ForceTerminateSession {
        session: "M1".into(),
        reason: crate::jingle::Reason::Success,
    };
    let end = rig.submit(end).unwrap();
    rig.wait(Duration::from_secs(2));
    assert!(rig.completion(end).is_some_and(|result| result.is_ok()));
}

#[test]
fn a_flood_of_nonsense_leaves_nothing_behind() {
    let mut rig = Rig::ready();
    for n in 0..2000 {
        rig.session_message(OTHER, ["retract", "accept", "reject", "proceed"][n % 4], "Mx");
        rig.rpc("terminate", &json!({"sessionId": format!("M{n}")}));
        rig.conv(&format!("C{n}"), "inbound", "connected");
        rig.notify(&format!("v2.users.user-{n}.presence"), &json!({}));
        rig.frame("<x/>");
    }
    assert!(rig.events.drain(..).all(|event| matches!(event, Event::Malformed { .. })));
    assert_eq!(rig.client.size(), 0);
    rig.connected_call("M1", "C1");
}

#[test]
fn requests_that_nobody_waits_for_are_bounded() {
    let mut rig = Rig::ready();
    rig.connected_call("M1", "C1");
    for n in 0..MAX_UNAWAITED + 100 {
        // Another leg each time, to be reported each time.
        let leg = json!({"id": format!("K{n}")});
        rig.conv_with("C1", "inbound", "connected", &leg, "agent");
    }
    let reports = |rig: &Rig| rig.asked.iter().filter(|a| a.what.ends_with("/metadata")).count();
    // One is of the call itself, and not answered either.
    assert_eq!(reports(&rig), MAX_UNAWAITED - 1);
    // An answer makes room.
    let asked = rig.asked.pop_front().unwrap();
    rig.respond(asked.id, 500, &json!(null));
    rig.conv_with("C1", "inbound", "connected", &json!({"id": "K"}), "agent");
    assert_eq!(reports(&rig), MAX_UNAWAITED - 1);
}

#[test]
fn requests_that_fail_a_thousand_times_a_second_starve_no_timer() {
    let mut rig = Rig::ready();
    let before = rig.client.size();
    let (mut refused, mut pings, mut answered) = (0, 0, 0);
    for n in 0..60_000_u32 {
        let dial = Command::StartSoftphoneSession(Dial::number("1"));
        match rig.submit(dial) {
            Ok(dial) => {
                let asked = rig.asked.pop_front().unwrap();
                match n % 3 {
                    0 => rig.respond(asked.id, 500, &json!(null)),
                    1 => rig.respond_with(asked.id, 429, ("retry-after", "9")),
                    _ => rig.http_fails(asked.id, NetError::new(NetErrorKind::Lost, "reset")),
                }
                answered += usize::from(rig.failure(dial).is_some());
                rig.forget_completions();
            }
            Err(_) => refused += 1,
        }
        rig.wait(Duration::from_millis(1));
        pings += rig.sent().iter().filter(|text| text.contains("urn:xmpp:ping")).count();
        assert!(rig.client.size() <= before + 1, "{}", rig.client.size());
        rig.forget();
        if !rig.client.is_connected() {
            break;
        }
    }
    assert!(answered > 40_000, "each is answered: {answered}");
    assert_eq!(pings, 2, "they go out in time");
    assert!(!rig.client.is_connected(), "and their silence is noticed");
    assert!(refused <= 1);
}

#[test]
fn candidates_of_one_generation_are_bounded_and_the_rest_is_told_once() {
    let candidate = |n: usize| format!("candidate:{n} 1 udp 1 127.0.0.1 {} typ host", 9 + n);
    let mut rig = Rig::ready();
    rig.propose("M1", "C1", AUTO);
    rig.offer("M1", "C1");
    rig.forget();
    for n in 0..300 {
        let sdp = format!("m=0 9 RTP/AVP 0\r\na={}\r\n", candidate(n));
        rig.rpc("iceCandidate", &json!({"sessionId": "M1", "sdp": sdp}));
    }
    let told = rig.told();
    assert_eq!(told.iter().filter(|told| told.starts_with("Dtmf")).count(), MAX_CANDIDATES);
    assert_eq!(told.iter().filter(|told| *told == "Malformed").count(), 1);
}

#[test]
fn ids_have_255_bytes_at_most() {
    let long = "x".repeat(256);
    let mut rig = Rig::ready();
    rig.propose("M1", &long, "");
    rig.propose(&long, "C1", "");
    rig.conv(&long, "inbound", "alerting");
    assert_eq!(rig.client.size(), 0);
    assert!(rig.told().iter().all(|told| told == "Malformed"));
    rig.connected_call(&"x".repeat(255), "C1");
}

#[test]
fn settings_have_255_bytes_at_most_and_tokens_16_kib() {
    let long = || "x".repeat(256);
    let good = Config::agent("lab.test", "t0ken");
    for bad in [
        Config { environment: long(), ..good.clone() },
        Config { ws_host: Some(format!("wss://{}", long())), ..good.clone() },
        Config { api_host: Some(long()), ..good.clone() },
        Config { jid_resource: Some(long()), ..good.clone() },
        Config::agent("lab.test", "t".repeat(16 * 1024 + 1)),
        Config::guest("lab.test", long(), "1"),
    ] {
        let now = crate::testing::epoch();
        let made = Client::new(bad, Box::new(fake_media()), Seed::from(1), now);
        assert_eq!(made.unwrap_err().kind, ErrorKind::InvalidOptions);
    }
    let mut rig = Rig::ready();
    let token = Command::SetAccessToken("t".repeat(16 * 1024 + 1).into());
    assert_eq!(rig.submit(token).unwrap_err().kind, ErrorKind::InvalidOptions);
}

fn outbox() -> Outbox {
    let config = Config::agent("lab.test", "t0ken");
    Outbox::new(config, Seed::from(1).rng(), crate::testing::epoch())
}

#[test]
fn what_is_kept_of_iqs_that_wait_is_bounded_in_bytes_and_told_once() {
    let mut out = outbox();
    let to: Jid = format!("a@b/{}", "r".repeat(3000)).parse().unwrap();
    for _ in 0..MAX_IQS {
        out.ask(IqAsk::Ping, Some(to.clone()), IqKind::Get(Payload::Ping));
    }
    let events: Vec<_> = std::iter::from_fn(|| out.pop()).collect();
    assert!(matches!(&events[..], [Output::Event(Event::Error(_))]), "{events:?}");
    let waiting = out.take_lost_iqs().len();
    let one = "00000000-0000-0000-0000-000000000000".len() + to.as_str().len();
    assert_eq!(waiting, MAX_IQ_BYTES / one);
    // There is room again, and a word on it when there is none again.
    for _ in 0..=waiting {
        out.ask(IqAsk::Ping, Some(to.clone()), IqKind::Get(Payload::Ping));
    }
    assert_eq!(std::iter::from_fn(|| out.pop()).count(), 1);
}

#[test]
fn requests_that_wait_to_be_made_again_are_bounded_in_bytes_and_who_asked_is_told() {
    let mut out = outbox();
    let topics = vec!["t".repeat(200); MAX_TOPICS];
    let resource = requests::subscriptions("channel-1", &topics);
    let mut waiting = 0;
    let failure = loop {
        out.rest(LinkAsk::Topics, resource.clone(), Retry::Yes);
        let Some(Output::Http { id, .. }) = out.pop() else { panic!("a request") };
        match out.take_http(id, Err(NetError::new(NetErrorKind::Lost, "reset"))) {
            None => waiting += 1,
            Some((_, result)) => break result,
        }
    };
    assert!(failure.is_err());
    assert_eq!(waiting, requests::policy(&out.config.timing).bytes / resource.bytes());
    // What is small may still fit.
    out.rest(EntryAsk::Organization, requests::organization(), Retry::Yes);
    let Some(Output::Http { id, .. }) = out.pop() else { panic!("a request") };
    assert!(out.take_http(id, Err(NetError::new(NetErrorKind::Lost, "reset"))).is_none());
}
