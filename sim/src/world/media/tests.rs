//! Two engines, joined by a wire that can be cut: the model alone, and beside the real one.

mod agreement;
mod rows;
mod tracks;
mod wire;

use offhook::media::{AudioCodec, Track};

use self::wire::Wire;
use super::*;
use crate::world::{Fidelity, Voice};

#[test]
fn a_call_connects_and_frames_pass_unless_muted() {
    let mut wire = Wire::call(&mut ModelFactory);
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    let frame = Voice(Fidelity::Signaling).frame(Duration::ZERO, 5, true, AudioCodec::Opus);
    wire.ends[0].send(wire.now, Track::AUDIO, &frame.clone().into()).unwrap();
    wire.run(Duration::ZERO);
    assert_eq!(wire.heard(1), 1);
    wire.ends[0].set_muted(Track::AUDIO, true);
    wire.ends[0].send(wire.now, Track::AUDIO, &frame.clone().into()).unwrap();
    wire.run(Duration::ZERO);
    assert_eq!(wire.heard(1), 1);
    let stats = (wire.ends[0].stats(), wire.ends[1].stats());
    assert_eq!((stats.0.packets_sent, stats.1.packets_received), (1, 1));
}

#[test]
fn a_cut_is_missed_found_again_or_given_up() {
    let mut wire = Wire::call(&mut ModelFactory);
    wire.cut = true;
    wire.run(Duration::from_secs(20));
    assert_eq!(wire.states(), [MediaState::Disconnected; 2]);
    wire.cut = false;
    wire.run(Duration::from_secs(2));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    wire.cut = true;
    wire.run(Duration::from_secs(50));
    assert_eq!(wire.states(), [MediaState::Failed; 2]);
    wire.cut = false;
    wire.run(Duration::from_secs(50));
    assert_eq!(wire.states(), [MediaState::Failed; 2], "it does not come back");
}

#[test]
fn ice_restarts_change_the_credentials_and_keep_the_path() {
    let mut wire = Wire::call(&mut ModelFactory);
    let now = wire.now;
    let [a, b] = &mut wire.ends;
    let offer = a.restart_ice(now).unwrap();
    b.accept_offer(now, &offer).unwrap();
    let answer = b.create_answer(now).unwrap();
    a.accept_answer(now, &answer).unwrap();
    assert!(!answer.is_empty() && offer != answer);
    wire.run(Duration::from_secs(30));
    assert_eq!(wire.states(), [MediaState::Connected; 2]);
    let told = |events: &[EngineEvent]| {
        events.iter().filter(|e| matches!(e, EngineEvent::GatheringComplete)).count()
    };
    assert_eq!((told(&wire.events[0]), told(&wire.events[1])), (2, 2));
}

#[test]
fn a_close_is_heard() {
    let mut wire = Wire::call(&mut ModelFactory);
    wire.ends[0].close(wire.now);
    wire.run(Duration::ZERO);
    assert_eq!(wire.states(), [MediaState::Closed; 2]);
    assert!(wire.ends[1].restart_ice(wire.now).is_err());
}

#[test]
fn keys_arrive_once_each() {
    let mut wire = Wire::call(&mut ModelFactory);
    let digits = ['1', '1', '#'].map(|key| Digit::try_from(key).unwrap());
    wire.ends[1].send_dtmf(wire.now, &digits, Duration::from_millis(100)).unwrap();
    wire.run(Duration::ZERO);
    let keys = wire.events[0].iter().filter(|event| matches!(event, EngineEvent::Dtmf { .. }));
    assert_eq!(keys.count(), 3);
}

#[test]
fn descriptions_that_cannot_be_used_are_refused() {
    let mut wire = Wire::new(&mut ModelFactory);
    let now = wire.now;
    assert!(matches!(wire.ends[0].accept_offer(now, "v=0"), Err(MediaError::Sdp(_))));
    let video = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
    assert!(matches!(wire.ends[0].accept_offer(now, video), Err(MediaError::NoCommonCodec)));
    let bare = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
    assert!(matches!(wire.ends[0].accept_offer(now, bare), Err(MediaError::Sdp(_))));
    assert!(wire.ends[0].create_answer(now).is_err());
    assert!(wire.ends[0].add_remote_candidate(now, "nonsense").is_err());
}
