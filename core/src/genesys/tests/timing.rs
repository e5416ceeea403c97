//! Each figure of [`Timing`] has its bounds, and its effect.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rig::{Asked, LA100, MEETING, Rig, fake_media};
use crate::genesys::timing::Bounds;
use crate::genesys::{
    Cause, Client, Command, Config, Event, Fault, Figure, HeadsetControls, RoomMedia, Timing,
    TimingError,
};
use crate::jingle::Reason;
use crate::machine::{Input, Machine, NetError, NetErrorKind, Seed, WsEvent};
use crate::media::{Engine, EngineConfig, EngineFactory};

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

fn client(change: impl FnOnce(&mut Timing)) -> Result<Client, crate::genesys::Error> {
    let mut config = Config::agent("lab.test", "t0ken");
    change(&mut config.timing);
    Client::new(config, Box::new(fake_media()), Seed::from(1), crate::testing::epoch())
}

/// Just out of a field's bounds, on either side, if there is such a figure.
fn beyond(bounds: &Bounds) -> Vec<Figure> {
    let one = Duration::from_nanos(1);
    match (bounds.least, bounds.most) {
        (Figure::Time(least), Figure::Time(most)) => {
            let both = [least.checked_sub(one), most.checked_add(one)];
            both.into_iter().flatten().map(Figure::Time).collect()
        }
        (Figure::Count(least), Figure::Count(most)) => {
            let both = [least.checked_sub(1), most.checked_add(1)];
            both.into_iter().flatten().map(Figure::Count).collect()
        }
        bounds => panic!("{bounds:?}"),
    }
}

#[test]
fn api_1_what_is_out_of_its_bounds_is_refused_by_name() {
    for bounds in Timing::bounds() {
        for figure in [bounds.least, bounds.most] {
            assert!(client(|timing| (bounds.set)(timing, figure)).is_ok(), "{}", bounds.field);
        }
        for figure in beyond(&bounds) {
            let error = client(|timing| (bounds.set)(timing, figure)).unwrap_err();
            let Some(Cause::Timing(TimingError { field, value, least, most })) = error.cause()
            else {
                panic!("{}: {error:?}", bounds.field);
            };
            assert_eq!((*field, *value), (bounds.field, figure));
            assert_eq!((*least, *most), (bounds.least, bounds.most));
            assert_eq!(error.fault(), Fault::Application);
        }
    }
}

#[test]
fn a_client_works_at_every_bound() {
    let ends: [fn(&Bounds) -> Figure; 2] = [|bounds| bounds.least, |bounds| bounds.most];
    for end in ends {
        let mut rig = Rig::ready_with(|config| {
            for bounds in Timing::bounds() {
                (bounds.set)(&mut config.timing, end(&bounds));
            }
        });
        rig.connected_call("M1", "C1");
        let mute = Command::SetAudioMute { conversation: "C1".into(), muted: true };
        rig.submit(mute).unwrap();
        rig.ws_event(WsEvent::Closed { code: None, reason: String::new() });
        rig.wait(MS(100));
    }
}

// Effects

/// The look of a figure: what is seen of a client that has it.
type Shows = fn(&dyn Fn(&mut Config)) -> Figure;

/// The time until something is found, whenever the client wants to be woken.
fn until(rig: &mut Rig, mut found: impl FnMut(&mut Rig) -> bool) -> Figure {
    let begun = rig.now;
    for _ in 0..10_000 {
        if found(rig) {
            return Figure::Time(rig.now - begun);
        }
        rig.wait_for_timer();
    }
    panic!("it never comes")
}

/// The same, while the service answers what it is asked in XMPP.
fn until_acknowledging(rig: &mut Rig, mut found: impl FnMut(&mut Rig) -> bool) -> Figure {
    until(rig, |rig| {
        let found = found(rig);
        rig.acknowledge();
        found
    })
}

/// A request that is made now, if it is.
fn asked(rig: &mut Rig, what: &str) -> Option<Asked> {
    let at = rig.asked.iter().position(|asked| asked.what.starts_with(what))?;
    rig.asked.remove(at)
}

/// The login up to this request.
fn login_to(rig: &mut Rig, what: &str) -> Asked {
    loop {
        if let Some(asked) = asked(rig, what) {
            return asked;
        }
        if !rig.answer_login_step() {
            rig.wait_for_timer();
        }
    }
}

fn connecting(set: &dyn Fn(&mut Config)) -> Rig {
    let mut rig = Rig::with(|config| set(config));
    rig.submit(Command::Connect).unwrap();
    rig
}

fn ready(set: &dyn Fn(&mut Config)) -> Rig {
    Rig::ready_with(|config| set(config))
}

fn talking(set: &dyn Fn(&mut Config)) -> Rig {
    let mut rig = ready(set);
    rig.connected_call("M1", "C1");
    rig
}

/// Counts how often something is done until nothing happens for long, in an hour at most.
fn count(rig: &mut Rig, mut done: impl FnMut(&mut Rig) -> bool) -> Figure {
    let (mut times, mut idle) = (0, 0);
    while idle < 40 {
        if done(rig) {
            (times, idle) = (times + 1, 0);
        } else {
            idle += 1;
            rig.wait_acknowledging(S(1));
        }
    }
    Figure::Count(times)
}

fn is_told(rig: &Rig, wanted: fn(&Event) -> bool) -> bool {
    rig.events.iter().any(wanted)
}

const CHANNEL: &str = "POST /notifications";
const TOPICS: &str = "PUT /notifications";
const LOGS: &str = "POST /diagnostics/trace";
const FIGURES: &str = "POST /diagnostics/newrelic";
const DISCONNECTED: fn(&Event) -> bool = |event| matches!(event, Event::Disconnected { .. });

fn subscribed(rig: &mut Rig) {
    rig.submit(Command::Subscribe { topic: "v2.users.u2.presence".to_owned() }).unwrap();
}

fn fails(rig: &mut Rig, asked: &Asked) {
    rig.respond(asked.id, 503, &Value::Null);
}

/// A field, how it shows, and figures with what is seen of them.
type Effect = (&'static str, Shows, [(Figure, Figure); 2]);

fn effects() -> Vec<Effect> {
    let time = |time: Duration| (Figure::Time(time), Figure::Time(time));
    let count_of = |n: u32, shown: u32| (Figure::Count(n), Figure::Count(shown));
    let bool_of = |time: Duration, shown: bool| (Figure::Time(time), Figure::Count(shown.into()));
    vec![
        (
            "connect",
            |set| {
                let mut rig = connecting(set);
                let connect = rig.submit(Command::Connect).unwrap();
                until(&mut rig, |rig| rig.completion(connect).is_some())
            },
            [time(S(7)), time(S(70))],
        ),
        (
            "command",
            |set| {
                let mut rig = talking(set);
                let mute = Command::SetAudioMute { conversation: "C1".into(), muted: true };
                let mute = rig.submit(mute).unwrap();
                until(&mut rig, |rig| rig.completion(mute).is_some())
            },
            [time(S(7)), time(S(20))],
        ),
        (
            "reconnect_first",
            |set| {
                let mut rig = connecting(set);
                let channel = login_to(&mut rig, CHANNEL);
                fails(&mut rig, &channel);
                until(&mut rig, |rig| asked(rig, CHANNEL).is_some())
            },
            [time(S(1)), time(S(7))],
        ),
        (
            "reconnect_longest",
            |set| {
                let mut rig = connecting(set);
                let mut gap = Figure::Count(0);
                for _ in 0..8 {
                    let channel = login_to(&mut rig, CHANNEL);
                    fails(&mut rig, &channel);
                    gap = until(&mut rig, |rig| {
                        rig.asked.iter().any(|asked| asked.what.starts_with(CHANNEL))
                    });
                }
                gap
            },
            [time(S(5)), time(S(20))],
        ),
        (
            "reconnect_memory",
            |set| {
                let mut rig = connecting(set);
                for _ in 0..3 {
                    let channel = login_to(&mut rig, CHANNEL);
                    fails(&mut rig, &channel);
                }
                rig.login();
                rig.ws_event(WsEvent::Closed { code: None, reason: String::new() });
                until(&mut rig, |rig| rig.take_opened().is_some())
            },
            [
                (Figure::Time(S(0)), Figure::Time(S(2))),
                (Figure::Time(S(3600)), Figure::Time(S(16))),
            ],
        ),
        (
            "setup",
            |set| {
                let mut rig = connecting(set);
                while rig.opened_sockets.is_empty() {
                    assert!(rig.answer_login_step());
                }
                until(&mut rig, |rig| is_told(rig, DISCONNECTED))
            },
            [time(S(3)), time(S(20))],
        ),
        (
            "close",
            |set| {
                let mut rig = ready(set);
                let down = rig.submit(Command::Disconnect).unwrap();
                until(&mut rig, |rig| rig.completion(down).is_some())
            },
            [time(S(0)), time(S(3))],
        ),
        (
            "channel_attempts",
            |set| {
                let mut rig = ready(set);
                rig.ws_event(WsEvent::Closed { code: None, reason: String::new() });
                // The one that was up was the first.
                let mut attempts = 1;
                while asked(&mut rig, CHANNEL).is_none() {
                    match rig.take_opened() {
                        Some(ws) => {
                            attempts += 1;
                            rig.ws = Some(ws);
                            let lost = NetError::new(NetErrorKind::Lost, "reset");
                            rig.ws_event(WsEvent::Failed(lost));
                        }
                        None => rig.wait_for_timer(),
                    }
                }
                Figure::Count(attempts)
            },
            [count_of(1, 1), count_of(4, 4)],
        ),
        (
            "longest_retry_after",
            |set| {
                let mut rig = connecting(set);
                let channel = login_to(&mut rig, CHANNEL);
                rig.respond_with(channel.id, 429, ("Retry-After", "1000"));
                until(&mut rig, |rig| asked(rig, CHANNEL).is_some())
            },
            // The pause between attempts comes besides.
            [
                (Figure::Time(S(10)), Figure::Time(S(12))),
                (Figure::Time(S(3600)), Figure::Time(S(1002))),
            ],
        ),
        (
            "iq",
            |set| {
                let mut rig = Rig::ready_with(|config| {
                    config.auto_connect_sessions = false;
                    set(config);
                });
                rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
                rig.offer("M1", "C1");
                let accept = Command::AcceptSession { conversation: "C1".into() };
                let accept = rig.submit(accept).unwrap();
                until(&mut rig, |rig| rig.completion(accept).is_some())
            },
            [time(S(3)), time(S(10))],
        ),
        (
            "ping",
            |set| {
                let mut rig = ready(set);
                until(&mut rig, |rig| rig.take_sent("urn:xmpp:ping").is_some())
            },
            [time(S(3)), time(S(100))],
        ),
        (
            "pings_missed",
            |set| {
                let mut rig = ready(set);
                let mut pings = 0;
                until(&mut rig, |rig| {
                    pings += u32::from(rig.take_sent("urn:xmpp:ping").is_some());
                    is_told(rig, DISCONNECTED)
                });
                Figure::Count(pings)
            },
            [count_of(0, 1), count_of(3, 4)],
        ),
        (
            "silence",
            |set| {
                let mut rig = Rig::ready_with(|config| {
                    config.server_side_pings = true;
                    set(config);
                });
                until(&mut rig, |rig| is_told(rig, DISCONNECTED))
            },
            [time(S(7)), time(S(70))],
        ),
        (
            "sleep",
            |set| {
                let mut rig = ready(set);
                subscribed(&mut rig);
                // 5 s too late for the topics, and too early for a ping.
                rig.sleep(MS(5100));
                Figure::Count(rig.take_sent("urn:xmpp:ping").is_some().into())
            },
            [bool_of(S(4), true), bool_of(S(6), false)],
        ),
        (
            "topics",
            |set| {
                let mut rig = ready(set);
                subscribed(&mut rig);
                until(&mut rig, |rig| asked(rig, TOPICS).is_some())
            },
            [time(MS(5)), time(S(2))],
        ),
        (
            "ice_refresh",
            |set| {
                let mut rig = ready(set);
                until_acknowledging(&mut rig, |rig| rig.take_sent("extdisco").is_some())
            },
            [time(S(60)), time(S(300))],
        ),
        (
            "ice_refreshes",
            |set| {
                let mut rig = Rig::ready_with(|config| {
                    (config.timing.ice_refresh, config.timing.ping) = (S(60), S(3600));
                    set(config);
                });
                rig.wait(S(60));
                let mut questions = 0;
                while let Some(question) = rig.take_sent("extdisco") {
                    questions += 1;
                    rig.refuse(&question);
                }
                Figure::Count(questions)
            },
            // Of both kinds, once, and then again whichever failed.
            [count_of(1, 2), count_of(4, 5)],
        ),
        (
            "signal_pace",
            |set| {
                let mut rig = ready(set);
                for n in 0..12 {
                    let (session, conversation) = (format!("M{n}"), format!("C{n}"));
                    let auto = r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#;
                    rig.propose(&session, &conversation, auto);
                    rig.offer(&session, &conversation);
                }
                let wake = rig.wake.as_ref().unwrap();
                assert_eq!(wake.reason, "pace of signaling");
                Figure::Time(wake.at - rig.now)
            },
            [time(MS(3)), time(MS(700))],
        ),
        (
            "request",
            |set| {
                let mut rig = connecting(set);
                let channel = login_to(&mut rig, CHANNEL);
                Figure::Time(channel.deadline - rig.now)
            },
            [time(S(3)), time(S(100))],
        ),
        (
            "request_attempts",
            |set| {
                let mut rig = connecting(set);
                let user = "GET /users/me?expand";
                count(&mut rig, |rig| asked(rig, user).inspect(|asked| fails(rig, asked)).is_some())
            },
            [count_of(1, 1), count_of(4, 4)],
        ),
        (
            "request_pause",
            |set| {
                let mut rig = connecting(set);
                let user = login_to(&mut rig, "GET /users/me?expand");
                fails(&mut rig, &user);
                until(&mut rig, |rig| asked(rig, "GET /users/me?expand").is_some())
            },
            [time(S(3)), time(S(100))],
        ),
        (
            "probe",
            |set| {
                let mut rig = connecting(set);
                let (_, deadline) = rig.probes.pop_front().unwrap();
                Figure::Time(deadline - rig.now)
            },
            [time(S(3)), time(S(100))],
        ),
        (
            "again",
            |set| {
                let mut rig = Rig::with(|config| {
                    config.timing.request_attempts = 1;
                    set(config);
                });
                rig.submit(Command::Connect).unwrap();
                let station = login_to(&mut rig, "GET /stations");
                rig.login();
                fails(&mut rig, &station);
                until_acknowledging(&mut rig, |rig| asked(rig, "GET /stations").is_some())
            },
            [time(S(3)), time(S(100))],
        ),
        (
            "again_refused",
            |set| {
                let mut rig = ready(set);
                subscribed(&mut rig);
                let topics = login_to(&mut rig, TOPICS);
                rig.respond(topics.id, 400, &Value::Null);
                until_acknowledging(&mut rig, |rig| asked(rig, TOPICS).is_some())
            },
            // The moment in which topics are collected comes besides.
            [
                (Figure::Time(S(3)), Figure::Time(MS(3100))),
                (Figure::Time(S(100)), Figure::Time(MS(100_100))),
            ],
        ),
        (
            "token_overlap",
            |set| {
                let mut rig = ready(set);
                rig.submit(Command::SetAccessToken("t0ken2".into())).unwrap();
                subscribed(&mut rig);
                let topics = login_to(&mut rig, TOPICS);
                rig.wait(S(1));
                rig.respond(topics.id, 401, &Value::Null);
                rig.wait_acknowledging(S(40));
                Figure::Count(asked(&mut rig, TOPICS).is_some().into())
            },
            [bool_of(S(1), false), bool_of(S(3), true)],
        ),
        (
            "lead_attempts",
            |set| {
                let mut rig = Rig::with(|config| {
                    config.alerting_leader = true;
                    set(config);
                });
                rig.submit(Command::Connect).unwrap();
                let marked = "PATCH /apps";
                let first = login_to(&mut rig, marked);
                fails(&mut rig, &first);
                let again =
                    |rig: &mut Rig| asked(rig, marked).inspect(|asked| fails(rig, asked)).is_some();
                match count(&mut rig, again) {
                    Figure::Count(more) => Figure::Count(1 + more),
                    time @ Figure::Time(_) => time,
                }
            },
            [count_of(1, 1), count_of(4, 4)],
        ),
        (
            "lead_pause",
            |set| {
                let mut rig = Rig::with(|config| {
                    config.alerting_leader = true;
                    set(config);
                });
                rig.submit(Command::Connect).unwrap();
                let first = login_to(&mut rig, "PATCH /apps");
                fails(&mut rig, &first);
                until(&mut rig, |rig| asked(rig, "PATCH /apps").is_some())
            },
            [time(MS(20)), time(S(7))],
        ),
        (
            "ringing",
            |set| {
                let mut rig = ready(set);
                rig.propose("M1", "C1", "");
                until_acknowledging(&mut rig, |rig| {
                    is_told(rig, |event| matches!(event, Event::CancelPendingSession { .. }))
                })
            },
            [time(S(7)), time(S(700))],
        ),
        (
            "call_without_media",
            |set| {
                let mut rig = talking(set);
                rig.media("closed");
                rig.wait_acknowledging(S(2));
                rig.forget();
                until_acknowledging(&mut rig, |rig| {
                    is_told(rig, |event| matches!(event, Event::CallEnded { .. }))
                })
            },
            [time(S(3)), time(S(70))],
        ),
        (
            "media_without_call",
            |set| {
                let mut rig = talking(set);
                rig.conv("C1", "inbound", "terminated");
                until_acknowledging(&mut rig, |rig| {
                    rig.take_sent(r#""method":"terminate""#).is_some()
                })
            },
            [time(S(3)), time(S(70))],
        ),
        (
            "terminate",
            |set| {
                let mut rig = talking(set);
                let force = Command::ForceTerminateSession {
                    session: "M1".into(),
                    reason: Reason::Success,
                };
                let force = rig.submit(force).unwrap();
                until(&mut rig, |rig| rig.completion(force).is_some())
            },
            [time(S(1)), time(S(7))],
        ),
        (
            "reinvite",
            |set| {
                let mut rig = talking(set);
                rig.reinvite("r", "M2", "C1");
                rig.wait_acknowledging(S(20));
                rig.forget();
                // Its repetition, or another one of the same name.
                rig.reinvite("r", "M3", "C1");
                let replaced = |event: &Event| matches!(event, Event::SessionReplaced { .. });
                Figure::Count(is_told(&rig, replaced).into())
            },
            [bool_of(S(10), true), bool_of(S(30), false)],
        ),
        (
            "early_candidates",
            |set| {
                let mut rig = ready(set);
                let sdp = "m=0 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 127.0.0.1 9001 typ host\r\n";
                rig.rpc("iceCandidate", &json!({"sessionId": "M1", "sdp": sdp}));
                rig.wait_acknowledging(S(20));
                rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
                rig.offer("M1", "C1");
                // Media tells each that it takes.
                Figure::Count(is_told(&rig, |event| matches!(event, Event::Dtmf { .. })).into())
            },
            [bool_of(S(10), false), bool_of(S(30), true)],
        ),
        (
            "stats",
            |set| {
                let mut rig = talking(set);
                until(&mut rig, |rig| is_told(rig, |event| matches!(event, Event::Stats { .. })))
            },
            [time(MS(300)), time(S(12))],
        ),
        (
            "log_pace",
            |set| {
                let mut rig = ready(set);
                for _ in 0..30 {
                    rig.frame("<odd");
                }
                let wake = rig.wake.as_ref().unwrap();
                assert_eq!(wake.reason, "records left out of the log");
                Figure::Time(wake.at - rig.now)
            },
            [time(MS(30)), time(S(7))],
        ),
        (
            "upload_logs",
            |set| {
                let mut rig = Rig::ready_with(|config| {
                    config.upload_logs = true;
                    set(config);
                });
                until(&mut rig, |rig| asked(rig, LOGS).is_some())
            },
            [time(MS(300)), time(S(12))],
        ),
        (
            "upload_figures",
            |set| {
                let mut rig = talking(&|config: &mut Config| {
                    config.upload_telemetry = true;
                    config.timing.stats = S(60);
                    set(config);
                });
                rig.wait_acknowledging(S(60));
                until_acknowledging(&mut rig, |rig| asked(rig, FIGURES).is_some())
            },
            [time(S(3)), time(S(40))],
        ),
        (
            "upload_attempts",
            |set| {
                let mut rig = Rig::ready_with(|config| {
                    config.upload_logs = true;
                    set(config);
                });
                count(&mut rig, |rig| asked(rig, LOGS).inspect(|asked| fails(rig, asked)).is_some())
            },
            [count_of(1, 1), count_of(4, 4)],
        ),
        (
            "upload_longest",
            |set| {
                let mut rig = Rig::ready_with(|config| {
                    config.upload_logs = true;
                    set(config);
                });
                let mut gap = Figure::Count(0);
                for _ in 0..8 {
                    let logs = login_to(&mut rig, LOGS);
                    fails(&mut rig, &logs);
                    gap = until_acknowledging(&mut rig, |rig| {
                        rig.asked.iter().any(|asked| asked.what.starts_with(LOGS))
                    });
                }
                gap
            },
            [time(S(3)), time(S(40))],
        ),
        (
            "participants",
            |set| {
                let mut rig = Rig::ready_with(set);
                rig.offered_meeting(&MEETING);
                let media = RoomMedia::Both;
                rig.submit(Command::AcceptRoom { conversation: "C1".into(), media }).unwrap();
                until(&mut rig, |rig| {
                    rig.asked.iter().any(|asked| asked.what == "GET /conversations/C1")
                })
            },
            [time(MS(200)), time(S(3))],
        ),
        (
            "headset",
            |set| {
                let mut rig = Rig::ready_with(set);
                rig.submit(Command::RequestHeadset).unwrap();
                // The service delivers it to all clients of the user, to this one too.
                let request = rig.take_sent("headsetControlsRequest").unwrap();
                rig.frame(&request);
                let has = Event::HeadsetControls(HeadsetControls::HasControls);
                let has = format!("{has:?}");
                until(&mut rig, |rig| rig.events.iter().any(|event| format!("{event:?}") == has))
            },
            [time(MS(200)), time(S(3))],
        ),
    ]
}

/// Figures that media is told, and has tests of: `core/tests/media.rs`, `media::rtp`, `tests/ice.rs`.
const OF_MEDIA: [&str; 3] = ["path", "playout", "gathering"];

#[test]
fn each_figure_has_its_effect() {
    let effects = effects();
    let mut wrong = Vec::new();
    for bounds in Timing::bounds() {
        if OF_MEDIA.contains(&bounds.field) {
            continue;
        }
        let of_it = effects.iter().find(|(field, ..)| *field == bounds.field);
        let (field, shows, figures) = of_it.unwrap_or_else(|| panic!("{}", bounds.field));
        for (figure, shown) in figures {
            let set = |config: &mut Config| (bounds.set)(&mut config.timing, *figure);
            let seen = shows(&set);
            if seen != *shown {
                wrong.push(format!("{field} of {figure} shows as {seen}, not {shown}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Takes note of what engines are told.
struct Told(mpsc::Sender<EngineConfig>);

impl EngineFactory for Told {
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        let _ = self.0.send(config.clone());
        fake_media().create(now, config)
    }
}

#[test]
fn engines_are_told_their_figures() {
    let (tell, told) = mpsc::channel();
    let mut rig = Rig::new();
    let config = Config::agent("lab.test", "t0ken").jid_resource("res-a");
    let config = config.timing(Timing::default().path(S(7)).playout(MS(7)));
    let media = Box::new(Told(tell));
    rig.client = Client::new(config, media, Seed::from(1), rig.now).unwrap();
    rig.station = LA100;
    rig.submit(Command::Connect).unwrap();
    rig.login();
    rig.propose("M1", "C1", r#"inin-autoanswer="true" inin-sdp-over-xmpp="true""#);
    rig.offer("M1", "C1");
    rig.client.handle_input(rig.now, Input::Timeout);
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!((told[0].path_limit, told[0].playout), (S(7), MS(7)));
}

#[test]
fn an_engine_by_itself_has_the_figures_of_one_in_a_client() {
    let (engine, timing) = (EngineConfig::new(Seed::from(1)), Timing::default());
    assert_eq!((engine.path_limit, engine.playout), (timing.path, timing.playout));
    assert_eq!(crate::media::rtp::MAX_DELAY, timing.playout);
}
