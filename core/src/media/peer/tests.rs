use super::*;
use crate::Seed;
use crate::machine::Local;
#[cfg(feature = "turn")]
use crate::media::IceServer;
use crate::media::testing::{FakeMedia, REPORT, description};
use crate::media::{AudioCodec, AudioFrame, EngineConfig, EngineFactory as _};
use crate::testing::epoch;

type Out = Outputs<(), (), std::io::Error>;

fn peer(out: &Out) -> Peer {
    let config = EngineConfig::new(Seed::from(1));
    let engine = FakeMedia::new("secret").create(out.now(), config);
    Peer::new(MediaId(1), (UdpId(2), None), engine, Duration::from_secs(5))
}

fn local(port: u16) -> Local {
    SocketAddr::from(([192, 0, 2, 1], port)).into()
}

fn datagram(word: &[u8]) -> UdpEvent {
    let (here, there) = (local(1).address, local(9).address);
    UdpEvent::Datagram { local: here, remote: there, data: word.to_vec() }
}

/// The names of the news of an event.
fn news(peer: &mut Peer, event: UdpEvent, out: &mut Out) -> Vec<String> {
    let first = peer.handle_udp(event, out);
    told(first, peer, out)
}

fn told(mut next: Option<PeerNews>, peer: &mut Peer, out: &mut Out) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(news) = next {
        all.push(match news {
            PeerNews::Engine(EngineEvent::LocalCandidate(_)) => "candidate".to_owned(),
            PeerNews::Engine(event) => format!("{event:?}"),
            PeerNews::Path(PathNews::Is(state)) => format!("path {state:?}"),
            PeerNews::Path(news) => format!("{news:?}"),
            PeerNews::Restless => return vec!["restless".to_owned()],
            PeerNews::Order(order) => format!("{order:?}"),
            PeerNews::NoSocket(_) => "no socket".to_owned(),
            PeerNews::Refused(_) => "refused".to_owned(),
        });
        next = peer.poll(out);
    }
    all
}

#[test]
fn addresses_come_and_go_while_it_lives() {
    let mut out = Out::new(epoch());
    let mut peer = peer(&out);
    let opened = UdpEvent::Opened { local: vec![local(1)] };
    assert_eq!(news(&mut peer, opened, &mut out), ["candidate", "GatheringComplete", "Moved"]);
    news(&mut peer, datagram(b"connected"), &mut out);
    let came = UdpEvent::Changed { added: vec![local(2)], removed: vec![local(1).address] };
    // The last one is gone before the next comes.
    let told = news(&mut peer, came, &mut out);
    assert_eq!(
        told,
        ["State(Disconnected)", "candidate", "GatheringComplete", "path Lost", "Moved"]
    );
    let went = UdpEvent::Changed { added: Vec::new(), removed: vec![local(2).address] };
    assert!(news(&mut peer, went, &mut out).is_empty(), "nothing new is gathered");
}

/// A peer that agreed on sound, from now on.
fn agreed(out: &mut Out) -> Peer {
    let mut peer = peer(out);
    peer.engine.accept_offer(out.now(), &description("actpass", "uf", "pw")).unwrap();
    peer.engine.create_answer(out.now()).unwrap();
    news(&mut peer, UdpEvent::Opened { local: vec![local(1)] }, out);
    peer
}

/// The news up to a time, which passes.
fn pass(peer: &mut Peer, until: Instant, out: &mut Out) -> Vec<String> {
    out.advance(until);
    peer.handle_timeout(until);
    told(peer.poll(out), peer, out)
}

#[test]
fn rfc_3550_6_3_1_a_far_side_that_is_never_heard_is_told_of_seven_seconds_after_media_is_connected()
{
    const S: fn(u64) -> Duration = Duration::from_secs;
    let mut out = Out::new(epoch());
    let mut peer = agreed(&mut out);
    assert!(pass(&mut peer, epoch() + S(60), &mut out).is_empty(), "it is no silence yet");
    news(&mut peer, datagram(b"connected"), &mut out);
    assert!(pass(&mut peer, epoch() + S(66), &mut out).is_empty());
    let wake = peer.next_wake().map(|wake| (wake.at, wake.reason));
    assert_eq!(wake, Some((epoch() + S(67), "silence of the far side")));
    assert_eq!(pass(&mut peer, epoch() + S(67), &mut out), ["Quiet", "path Lost"]);
    out.advance(epoch() + S(68));
    assert_eq!(news(&mut peer, datagram(REPORT), &mut out), ["path Good"]);
}

#[cfg(feature = "turn")]
#[test]
fn what_a_server_says_and_nobody_takes_is_among_the_figures() {
    let mut out = Out::new(epoch());
    let mut peer = peer(&out);
    let servers = vec![IceServer::turn("turn:198.51.100.1:3478", "alice", "pa55word")];
    let limit = Duration::from_secs(5);
    peer.ask(&IceHelp { servers, relay_only: false, limit }, &Seed::from(2));
    news(&mut peer, UdpEvent::Opened { local: vec![local(1)] }, &mut out);
    let (local, remote) = (local(1).address, ([198, 51, 100, 1], 3478).into());
    news(&mut peer, UdpEvent::Datagram { local, remote, data: vec![0; 20] }, &mut out);
    assert_eq!(peer.stats().packets_refused, 1);
}

#[test]
fn an_engine_that_never_rests_is_told_of_after_so_many_outputs() {
    let mut out = Out::new(epoch());
    let mut peer = peer(&out);
    news(&mut peer, UdpEvent::Opened { local: vec![local(1)] }, &mut out);
    assert_eq!(news(&mut peer, datagram(b"restless"), &mut out), ["restless"]);
    let mut sent = 0;
    while let Some(output) = out.pop() {
        sent += usize::from(matches!(output, Output::Transmit { .. }));
    }
    assert_eq!(sent, MAX_DRAIN);
}

#[test]
fn a_reason_for_which_frames_are_refused_is_told_once_until_media_has_another_state() {
    let mut out = Out::new(epoch());
    let mut peer = peer(&out);
    news(&mut peer, UdpEvent::Opened { local: vec![local(1)] }, &mut out);
    let told = |peer: &mut Peer, out: &mut Out, codec| {
        let data = bytes::Bytes::from_static(b"x");
        let frame = AudioFrame { codec, time: 0, lost_before: 0, talkspurt: false, data };
        let news = peer.send(Track::AUDIO, &frame.into(), out);
        matches!(news, Some(PeerNews::Refused(_)))
    };
    // Every other one is taken.
    let codecs = [AudioCodec::Pcma, AudioCodec::Opus].into_iter().cycle().take(400);
    assert_eq!(codecs.filter(|codec| told(&mut peer, &mut out, *codec)).count(), 1);
    assert!(told(&mut peer, &mut out, AudioCodec::Pcmu), "another reason");
    assert!(!told(&mut peer, &mut out, AudioCodec::Pcmu));
    assert!(!news(&mut peer, datagram(b"connected"), &mut out).is_empty());
    assert!(told(&mut peer, &mut out, AudioCodec::Pcma));
    assert!(told(&mut peer, &mut out, AudioCodec::Pcmu));
    let pictures = [crate::media::VideoCodec::Vp8, crate::media::VideoCodec::H264];
    let told = pictures.map(|codec| {
        let frame = crate::media::VideoFrame::new(codec, 0, true, &b"x"[..]);
        matches!(peer.send(Track::video(0), &frame.into(), &mut out), Some(PeerNews::Refused(_)))
    });
    assert_eq!(told, [true, false], "no more than {MAX_REASONS}");
}
