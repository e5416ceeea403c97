//! A twin and its replica over one engine each, without a network.

use std::time::{Duration, Instant};

use super::order::{MAX_FRAME, Order};
use super::report::Report;
use super::{Fingerprint, Twin, replica};
use crate::Secret;
use crate::machine::{Local, NetError, NetErrorKind, Seed, UdpEvent};
use crate::media::testing::{FakeMedia, description};
use crate::media::{
    AudioCodec, AudioFrame, Digit, Engine, EngineConfig, EngineEvent, EngineFactory, EngineOutput,
    IceServer, LocalKind, MediaError, MediaKind, MediaState, MediaStats, Track, VideoCodec,
    VideoFrame, WebRtcFactory, Wish,
};
use crate::sdp::Direction;
use crate::testing::epoch;

fn config() -> EngineConfig {
    let servers = vec![IceServer::turn("turn:192.0.2.1", "user", Secret::from("relay secret"))];
    EngineConfig::new(Seed::from(3))
        .video([VideoCodec::Vp8])
        .ice_servers(servers)
        .dtx(true)
        .twin(true)
}

fn certificate() -> Fingerprint {
    Fingerprint::read("sha-256 AB:CD").unwrap()
}

fn local(n: u16) -> Local {
    std::net::SocketAddr::from(([192, 0, 2, 1], 4000 + n)).into()
}

/// The orders of a twin since the last look, and its events.
fn drained(twin: &mut Twin) -> (Vec<Order>, Vec<EngineEvent>) {
    let (mut orders, mut events) = (Vec::new(), Vec::new());
    loop {
        match twin.poll_output() {
            EngineOutput::Order(order) => orders.push(order),
            EngineOutput::Event(event) => events.push(event),
            EngineOutput::Timeout(wake) => {
                assert!(wake.is_none(), "no time passes for it");
                return (orders, events);
            }
            EngineOutput::Transmit { .. } => panic!("it has no sockets"),
            EngineOutput::Resolve { .. } => panic!("names are its replica's"),
        }
    }
}

fn audio(bytes: usize) -> AudioFrame {
    AudioFrame {
        codec: AudioCodec::Opus,
        time: 960,
        lost_before: 0,
        talkspurt: true,
        data: vec![7; bytes].into(),
    }
}

/// A twin that was asked all that there is to ask.
fn busy(now: Instant) -> Vec<Order> {
    let inner = FakeMedia::new("secret password").create(now, config());
    let mut twin = Twin::new(inner, &config(), certificate());
    twin.add_local(now, &local(1).interface("eth0"), LocalKind::Host);
    twin.add_local(now, &local(2), LocalKind::ServerReflexive { base: local(1).address });
    twin.add_local(now, &local(3), LocalKind::Relayed { server: local(9).address });
    twin.remove_local(now, local(3).address);
    twin.local_done(now);
    twin.create_offer(now, &[Wish::AUDIO]).unwrap();
    twin.rollback(now).unwrap();
    let wish = Wish { kind: MediaKind::Audio, direction: Direction::SendOnly };
    twin.create_offer(now, &[wish]).unwrap();
    twin.accept_answer(now, &description("active", "uf", "pw")).unwrap();
    twin.accept_offer(now, &description("actpass", "uf", "pw")).unwrap();
    twin.create_answer(now).unwrap();
    let candidate = "candidate:1 1 udp 1 192.0.2.9 9 typ host";
    twin.add_remote_candidate(now, candidate).unwrap();
    drop(twin.restart_ice(now));
    twin.send(now, Track::AUDIO, &audio(3).into()).unwrap();
    let picture =
        VideoFrame::new(VideoCodec::Vp8, 90, true, vec![1, 2]).in_encoding("h".parse().unwrap());
    twin.send(now, Track::video(0), &picture.into()).unwrap();
    twin.set_muted(Track::AUDIO, true);
    drop(twin.request_keyframe(now, Track::video(0)));
    drop(twin.limit_bitrate(now, Track::video(0), Some(64_000)));
    twin.set_direction(Track::AUDIO, Direction::RecvOnly);
    twin.handle_report(now, replica::report(&EngineEvent::State(MediaState::Connected)).unwrap());
    let keys = [Digit::try_from('5').unwrap()];
    drop(twin.send_dtmf(now, &keys, Duration::from_millis(100)));
    twin.close(now);
    assert_eq!(twin.state(), MediaState::Closed);
    drained(&mut twin).0
}

#[test]
fn orders_are_read_as_they_were_written_and_show_nothing() {
    let orders = busy(epoch());
    assert!(orders.len() >= 16, "{orders:?}");
    for order in orders {
        let text = serde_json::to_string(&order).unwrap();
        let again: Order = serde_json::from_str(&text).unwrap();
        assert!(again == order, "{text}");
        let shown = format!("{order:?}");
        assert!(shown.starts_with("Order(") && shown.len() < 30, "{shown}");
    }
    assert!(serde_json::from_str::<Order>(r#"{"operation": "fly"}"#).is_err());
}

#[test]
fn a_replica_of_the_same_kind_does_what_its_twin_was_asked_and_notices_another() {
    let now = epoch();
    let mut orders = busy(now).into_iter();
    let settings = replica::settings(&orders.next().unwrap()).unwrap().unwrap();
    assert!(settings.twin && settings.dtx && settings.ice_servers == config().ice_servers);
    let mut engine = FakeMedia::new("secret password").create(now, settings.clone());
    for order in orders.clone() {
        replica::carry_out(order, &mut *engine, now).unwrap();
    }
    assert_eq!(engine.state(), MediaState::Closed);
    // One that describes itself otherwise is found out by the first description.
    let mut other = FakeMedia::new("another password").create(now, settings);
    let done: Vec<_> =
        orders.map(|order| replica::carry_out(order, &mut *other, now).is_ok()).collect();
    assert!(done.contains(&false) && done.contains(&true), "{done:?}");
}

#[test]
fn rfc_8839_engines_of_one_seed_describe_themselves_alike_but_for_their_certificates() {
    let now = epoch();
    let wishes = [Wish::AUDIO, Wish { kind: MediaKind::Video, direction: Direction::SendRecv }];
    let ours = |sdp: String| certificate().put_in(&sdp);
    // Whatever state the generator of the thread is in; its other users get nothing that the seed tells.
    let [(one, after), (other, after_other)] = [1, 2].map(|thread| {
        fastrand::seed(thread);
        let mut engine = WebRtcFactory::new().create(now, config());
        (ours(engine.create_offer(now, &wishes).unwrap()), fastrand::u64(..))
    });
    assert_eq!(one, other);
    assert_ne!(after, after_other);
    let plain = EngineConfig { twin: false, ..config() };
    let plain = WebRtcFactory::new().create(now, plain).create_offer(now, &wishes).unwrap();
    assert_ne!(ours(plain), one, "others draw what nobody knows");
}

#[test]
fn a_frame_that_is_too_long_for_an_order_is_refused() {
    let now = epoch();
    let inner = FakeMedia::new("x").create(now, config());
    let mut twin = Twin::new(inner, &config(), certificate());
    assert!(twin.send(now, Track::AUDIO, &audio(MAX_FRAME).into()).is_ok());
    let long = twin.send(now, Track::AUDIO, &audio(MAX_FRAME + 1).into());
    assert!(matches!(long, Err(MediaError::TooMany(_))), "{long:?}");
    twin.close(now);
    assert!(matches!(twin.send(now, Track::AUDIO, &audio(1).into()), Err(MediaError::State(_))));
}

#[test]
fn reports_are_read_as_they_were_written_and_have_only_so_many_addresses() {
    let stats = MediaStats {
        packets_sent: 1,
        packets_late: 2,
        frames_concealed: 3,
        frames_recovered: 4,
        packets_refused: 5,
        jitter: Duration::from_micros(1500),
        playout: Duration::from_micros(40_500),
        round_trip: Some(Duration::from_millis(20)),
        remote_loss: Some(0.5),
        ..MediaStats::default()
    };
    let digit = Digit::try_from('#').unwrap();
    let reports = [
        Report::figures(stats),
        replica::report(&EngineEvent::State(MediaState::Disconnected)).unwrap(),
        replica::report(&EngineEvent::Dtmf { digit, duration: Duration::from_millis(90) }).unwrap(),
        replica::report(&EngineEvent::ComfortNoise { level: 30 }).unwrap(),
        Report::of_sockets(&UdpEvent::Opened { local: vec![local(1)] }).unwrap(),
        Report::of_sockets(&UdpEvent::Failed(NetError::new(NetErrorKind::Local, "no"))).unwrap(),
    ];
    for report in reports {
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report, "{text}");
    }
    assert!(replica::report(&EngineEvent::GatheringComplete).is_none(), "its twin tells");
    let many: Vec<_> = (0..100).map(local).collect();
    let removed: Vec<_> = many.iter().map(|local| local.address).collect();
    let changed = UdpEvent::Changed { added: many, removed };
    let report = Report::of_sockets(&changed).unwrap();
    let Ok(UdpEvent::Changed { added, removed }) = report.into_event() else { panic!() };
    assert_eq!((added.len(), removed.len()), (64, 64));
}

#[test]
fn a_twin_tells_what_its_replica_reports() {
    let now = epoch();
    let inner = FakeMedia::new("x").create(now, config());
    let mut twin = Twin::new(inner, &config(), certificate());
    drained(&mut twin);
    let digit = Digit::try_from('5').unwrap();
    let key = EngineEvent::Dtmf { digit, duration: Duration::from_millis(90) };
    for event in [EngineEvent::State(MediaState::Connected), key] {
        twin.handle_report(now, replica::report(&event).unwrap());
        let told = drained(&mut twin).1;
        assert_eq!(format!("{told:?}"), format!("[{event:?}]"));
    }
    twin.handle_report(now, replica::report(&EngineEvent::State(MediaState::Connected)).unwrap());
    assert!(drained(&mut twin).1.is_empty(), "it was so before");
    let stats = MediaStats { packets_sent: 5, ..MediaStats::default() };
    twin.handle_report(now, Report::figures(stats));
    assert_eq!((twin.stats(), twin.state()), (stats, MediaState::Connected));
}

#[test]
fn what_the_far_side_reports_to_the_replica_is_part_of_the_twins_terms() {
    let now = epoch();
    let mut far = WebRtcFactory::new().create(now, EngineConfig::new(Seed::from(1)));
    let mut twin = Twin::new(WebRtcFactory::new().create(now, config()), &config(), certificate());
    twin.accept_offer(now, &far.create_offer(now, &[Wish::AUDIO]).unwrap()).unwrap();
    twin.create_answer(now).unwrap();
    drop(drained(&mut twin));
    let figures = MediaStats { remote_loss: Some(0.2), ..MediaStats::default() };
    twin.handle_report(now, Report::figures(figures));
    let agreement = twin.agreement().unwrap();
    assert_eq!((agreement.expected_loss, agreement.dtx), (20, true));
    let told = drained(&mut twin).1;
    assert!(matches!(told[..], [EngineEvent::Agreed(terms)] if terms == agreement), "{told:?}");
    twin.handle_report(now, Report::figures(figures));
    assert!(drained(&mut twin).1.is_empty(), "nothing is new");
}
