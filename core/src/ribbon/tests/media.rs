//! Pictures in calls, media of our own that belongs to none, devices and sinks (w4.9, w7).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use super::rig::{Rig, answer_sdp, done, subscribed};
use crate::machine::{Input, Seed, UdpEvent};
use crate::media::{
    AudioCodec, AudioFrame, Codec, Digit, Engine, EngineConfig, EngineEvent, EngineFactory,
    EngineOutput, IceServer, LocalKind, MediaKind, MediaState, VideoCodec, WebRtcFactory, Wish,
};
use crate::ribbon::{
    AnswerOptions, Bandwidth, CallCode, CallConfigPatch, CallId, CallMedia, CallState, Command,
    Config, ConfigPatch, Device, DeviceKind, ErrorCode, Event, MakeOptions, MediaConnectionState,
    MediaOptions, MoreMedia, Outcome, PeerConfigPatch, Query, TrackId, WebRtcCode,
};
use crate::sdp::Direction;

/// A packet: its sender, its receiver, and its bytes.
pub(super) type Packet = (SocketAddr, SocketAddr, Vec<u8>);

/// The far side: an engine that negotiates for real.
pub(super) struct Far(Box<dyn Engine>);

impl Far {
    fn new(now: Instant) -> Self {
        let config = EngineConfig::new(Seed::from(9)).video([VideoCodec::Vp8]);
        let mut engine = WebRtcFactory::new().create(now, config);
        let place = SocketAddr::from(([192, 0, 2, 77], 7000));
        engine.add_local(now, &place.into(), LocalKind::Host);
        engine.local_done(now);
        Self(engine)
    }

    pub(super) fn answer(&mut self, now: Instant, offer: &str) -> String {
        self.0.accept_offer(now, offer).unwrap();
        let answer = self.0.create_answer(now).unwrap();
        self.quiet();
        answer
    }

    fn offer(&mut self, now: Instant, kinds: &[MediaKind]) -> String {
        let direction = Direction::SendRecv;
        let wishes: Vec<_> = kinds.iter().map(|kind| Wish { kind: *kind, direction }).collect();
        let offer = self.0.create_offer(now, &wishes).unwrap();
        self.quiet();
        offer
    }

    fn take(&mut self, now: Instant, answer: &str) {
        self.0.accept_answer(now, answer).unwrap();
        self.quiet();
    }

    pub(super) fn state(&self) -> MediaState {
        self.0.state()
    }

    /// Takes packets, lets time pass, and hands over those that go back, with the addresses that the other side
    /// sees.
    pub(super) fn exchange(&mut self, now: Instant, sent: Vec<Packet>) -> Vec<Packet> {
        self.take_packets(now, sent);
        let mut back = Vec::new();
        loop {
            match self.0.poll_output() {
                EngineOutput::Transmit { local, remote, data } => back.push((remote, local, data)),
                EngineOutput::Event(_) | EngineOutput::Order(_) | EngineOutput::Resolve { .. } => {}
                EngineOutput::Timeout(_) => return back,
            }
        }
    }

    fn take_packets(&mut self, now: Instant, sent: Vec<Packet>) {
        for (local, remote, data) in sent {
            self.0.handle_datagram(now, remote, local, &data);
        }
        self.0.handle_timeout(now);
    }

    fn events(&mut self, now: Instant, sent: Vec<Packet>) -> Vec<EngineEvent> {
        self.take_packets(now, sent);
        let mut events = Vec::new();
        loop {
            match self.0.poll_output() {
                EngineOutput::Event(event) => events.push(event),
                EngineOutput::Transmit { .. }
                | EngineOutput::Order(_)
                | EngineOutput::Resolve { .. } => {}
                EngineOutput::Timeout(_) => return events,
            }
        }
    }

    /// The frames that it hears of these packets.
    pub(super) fn hears(&mut self, now: Instant, sent: Vec<Packet>) -> usize {
        let events = self.events(now, sent);
        events.iter().filter(|event| matches!(event, EngineEvent::Frame { .. })).count()
    }

    /// The keys that it hears of these packets.
    pub(super) fn keys(&mut self, now: Instant, sent: Vec<Packet>) -> Vec<Digit> {
        let keys = self.events(now, sent).into_iter().filter_map(|event| match event {
            EngineEvent::Dtmf { digit, .. } => Some(digit),
            _ => None,
        });
        keys.collect()
    }

    fn quiet(&mut self) {
        while !matches!(self.0.poll_output(), EngineOutput::Timeout(_)) {}
    }

    /// The direction of each track, as the far side sees it.
    fn directions(&self) -> Vec<(MediaKind, Direction)> {
        self.0.tracks().iter().map(|info| (info.track.kind, info.direction)).collect()
    }
}

/// Lets packets pass between a client and a far side until its media is connected.
fn connect(rig: &mut Rig, far: &mut Far) {
    let place = SocketAddr::from(([192, 0, 2, 77], 7000));
    for _ in 0..2000 {
        for (local, remote, data) in std::mem::take(&mut rig.wire) {
            if remote == place {
                far.0.handle_datagram(rig.now, place, local, &data);
            }
        }
        far.0.handle_timeout(rig.now);
        loop {
            match far.0.poll_output() {
                EngineOutput::Transmit { local, remote, data } => {
                    let (id, local, remote) = (rig.udp.unwrap(), remote, local);
                    let event = UdpEvent::Datagram { local, remote, data };
                    rig.input(Input::Udp { id, event });
                }
                EngineOutput::Event(_) | EngineOutput::Order(_) | EngineOutput::Resolve { .. } => {}
                EngineOutput::Timeout(_) => break,
            }
        }
        if far.0.state() == MediaState::Connected {
            return;
        }
        rig.pass(Duration::from_millis(5));
    }
    panic!("the far side is {:?}", far.0.state());
}

fn seen(config: Config) -> Config {
    let call = config.call.clone().video_codecs([VideoCodec::Vp8]);
    config.call(call)
}

pub(super) fn rig() -> (Rig, Far) {
    let rig = Rig::up_over(Box::new(WebRtcFactory::new()), seen);
    let far = Far::new(rig.now);
    (rig, far)
}

pub(super) fn sdp_of(asked: &super::rig::Asked) -> String {
    asked.body["callControlRequest"]["sdp"].as_str().unwrap().to_owned()
}

pub(super) fn wait(rig: &mut Rig) {
    rig.pass(Duration::from_millis(100));
    rig.answer_audits();
}

/// A call of ours that is up.
pub(super) fn connected(rig: &mut Rig, far: &mut Far, media: CallMedia) -> CallId {
    let (to, options) = ("bob".to_owned(), MakeOptions::default());
    rig.submit(Command::Make { to, media, options }).unwrap();
    wait(rig);
    let asked = rig.take_of("callStart");
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
    let answer = far.answer(rig.now, &sdp_of(&asked));
    let word = json!({"sessionParams": {"sessionData": "S1", "sdp": answer}});
    rig.notify("respondCallUpdate", word);
    rig.client.calls().last().unwrap().id.clone()
}

/// A change of ours, answered by the far side.
fn change(rig: &mut Rig, far: &mut Far, command: Command) -> Outcome {
    let command = rig.submit(command).unwrap();
    wait(rig);
    let asked = rig.take_of("startCallUpdate");
    let answer = far.answer(rig.now, &sdp_of(&asked));
    rig.respond(asked.id, 200, &done());
    rig.notify("respondCallUpdate", json!({"sessionParams": {"sessionData": "S1", "sdp": answer}}));
    rig.completion(command).unwrap().unwrap()
}

/// A change of the far side's, answered by us.
fn changed(rig: &mut Rig, far: &mut Far, kinds: &[MediaKind]) {
    let offer = far.offer(rig.now, kinds);
    rig.notify("startCallUpdate", json!({"sessionParams": {"sessionData": "S1", "sdp": offer}}));
    wait(rig);
    let asked = rig.take_of("respondCallUpdate");
    far.take(rig.now, &sdp_of(&asked));
    rig.respond(asked.id, 200, &done());
}

const VIDEO: MediaKind = MediaKind::Video;
const AUDIO: MediaKind = MediaKind::Audio;

#[test]
fn ra_015_a_call_with_pictures_has_tracks_of_both_kinds_each_way() {
    let (mut rig, mut far) = rig();
    let call = connected(&mut rig, &mut far, CallMedia::VIDEO);
    let info = rig.call(&call);
    let kinds = |tracks: &[TrackId]| -> Vec<MediaKind> {
        tracks.iter().map(|id| rig.client.track(id).unwrap().kind).collect()
    };
    assert_eq!(kinds(&info.local_tracks), [AUDIO, VIDEO]);
    assert_eq!(kinds(&info.remote_tracks), [AUDIO, VIDEO]);
    assert_eq!(far.directions(), [(AUDIO, Direction::SendRecv), (VIDEO, Direction::SendRecv)]);
    // Without a codec for it there are none.
    let mut rig = Rig::up();
    let (to, options) = ("bob".to_owned(), MakeOptions::default());
    let make = Command::Make { to, media: CallMedia::VIDEO, options };
    assert_eq!(rig.submit(make).unwrap_err().code, CallCode::NotSupported.into());
}

#[test]
fn ra_016_a_call_with_pictures_is_answered_with_them_or_without() {
    for (media, direction) in
        [(CallMedia::VIDEO, Direction::SendRecv), (CallMedia::AUDIO, Direction::SendOnly)]
    {
        let (mut rig, mut far) = rig();
        let offer = far.offer(rig.now, &[AUDIO, VIDEO]);
        rig.notify(
            "call",
            json!({
                "sessionParams": {"sessionData": "S1", "sdp": offer},
                "callNotificationParams": {"callerDisplayNumber": "bob@example.com"},
            }),
        );
        let asked = rig.take_of("ringing");
        rig.respond(asked.id, 200, &done());
        let call = rig.client.calls()[0].id.clone();
        assert!(rig.call(&call).media_offered.unwrap().video);
        rig.submit(Command::Answer { call, media, options: AnswerOptions::default() }).unwrap();
        wait(&mut rig);
        let asked = rig.take_of("callAnswer");
        far.take(rig.now, &sdp_of(&asked));
        assert_eq!(far.directions(), [(AUDIO, Direction::SendRecv), (VIDEO, direction)]);
    }
}

#[test]
fn ra_016_pictures_that_nobody_offered_are_not_answered_with() {
    let mut rig = Rig::up_over(Box::new(crate::media::testing::FakeMedia::new("x")), seen);
    let call = rig.ringing();
    let options = AnswerOptions::default();
    let answer = Command::Answer { call, media: CallMedia::VIDEO, options };
    assert_eq!(rig.submit(answer).unwrap_err().code, CallCode::InvalidParam.into());
}

#[test]
fn ra_025_ra_026_re_009_re_010_pictures_come_and_go() {
    let (mut rig, mut far) = rig();
    let call = connected(&mut rig, &mut far, CallMedia::AUDIO);
    rig.told();
    let start = || Command::StartVideo { call: call.clone(), options: MediaOptions::default() };
    let stop = || Command::StopVideo { call: call.clone() };
    assert_eq!(rig.submit(stop()).unwrap_err().code, CallCode::InvalidState.into());
    for _ in 0..2 {
        let Outcome::Media(info) = change(&mut rig, &mut far, start()) else { panic!("no media") };
        assert_eq!((info.tracks.len(), info.local, info.detached), (1, true, false));
        assert_eq!(rig.client.media(&info.id).unwrap().tracks.len(), 2, "sound and pictures");
        let track = rig.client.track(&info.tracks[0]).unwrap();
        assert_eq!((track.kind, track.local), (VIDEO, true));
        assert_eq!(track.frames.unwrap().media, rig.call(&call).media.unwrap());
        assert_eq!(far.directions()[1], (VIDEO, Direction::SendRecv));
        let told = rig.told();
        assert!(told.iter().any(|told| told.starts_with("MediaAdded")), "{told:?}");
        assert_eq!(rig.submit(start()).unwrap_err().code, CallCode::InvalidState.into());
        change(&mut rig, &mut far, stop());
        assert_eq!(far.directions()[1], (VIDEO, Direction::SendOnly));
        let told = rig.told();
        assert!(told.iter().any(|told| told.starts_with("MediaRemoved")), "{told:?}");
        assert!(rig.call(&call).operations.is_empty());
    }
    assert_eq!(far.directions().len(), 2, "the section is used again");
}

#[test]
fn ra_024_w4_9_what_was_removed_does_not_come_back_after_a_hold() {
    let (mut rig, mut far) = rig();
    let call = connected(&mut rig, &mut far, CallMedia::VIDEO);
    let video = rig.call(&call).local_tracks[1].clone();
    let remove = |tracks| {
        let options = MediaOptions::default();
        Command::RemoveMedia { call: call.clone(), tracks, options }
    };
    for tracks in [Vec::new(), vec![TrackId::from("x")], rig.call(&call).remote_tracks] {
        assert_eq!(rig.submit(remove(tracks)).unwrap_err().code, CallCode::InvalidParam.into());
    }
    change(&mut rig, &mut far, remove(vec![video.clone()]));
    change(&mut rig, &mut far, Command::Hold { call: call.clone() });
    change(&mut rig, &mut far, Command::Unhold { call: call.clone() });
    assert_eq!(far.directions(), [(AUDIO, Direction::SendRecv), (VIDEO, Direction::SendOnly)]);
    assert!(rig.client.track(&video).is_none());
    assert_eq!(rig.call(&call).local_tracks.len(), 1);
    // Also not where a fresh connection takes the place of this one.
    rig.notify("startCallUpdate", json!({"sessionParams": {"sessionData": "S1"}}));
    wait(&mut rig);
    let asked = rig.take_of("respondCallUpdate");
    let mut fresh = Far::new(rig.now);
    let answer = fresh.answer(rig.now, &sdp_of(&asked));
    rig.respond(asked.id, 200, &done());
    rig.notify("respondCallUpdate", json!({"sessionParams": {"sessionData": "S1", "sdp": answer}}));
    assert_eq!(fresh.directions(), [(AUDIO, Direction::SendRecv), (VIDEO, Direction::SendOnly)]);
}

#[test]
fn ra_023_more_that_the_far_side_refuses_leaves_the_call_as_it_was() {
    let (mut rig, mut far) = rig();
    let call = connected(&mut rig, &mut far, CallMedia::AUDIO);
    let add = Command::AddMedia {
        call: call.clone(),
        media: MoreMedia::default().video(true).screen(true),
        options: MediaOptions::default().bandwidth(Bandwidth::default().video(300)),
    };
    let command = rig.submit(add.clone()).unwrap();
    wait(&mut rig);
    let asked = rig.take_of("startCallUpdate");
    assert!(sdp_of(&asked).contains("b=AS:300"), "{}", sdp_of(&asked));
    rig.respond(asked.id, 500, &json!({"callControlResponse": {"statusCode": 1}}));
    assert_eq!(rig.completion(command).unwrap().unwrap_err().code, ErrorCode::Gateway(1));
    assert_eq!(rig.call(&call).local_tracks.len(), 1);
    // Then it works.
    let Outcome::Media(info) = change(&mut rig, &mut far, add) else { panic!("no media") };
    assert_eq!(info.tracks.len(), 2, "of the camera and of the screen");
    assert_eq!(rig.call(&call).local_tracks.len(), 3);
}

#[test]
fn re_011_pictures_that_the_far_side_adds_are_heard_and_not_answered_with_ours() {
    let (mut rig, mut far) = rig();
    let call = connected(&mut rig, &mut far, CallMedia::AUDIO);
    rig.told();
    changed(&mut rig, &mut far, &[VIDEO]);
    assert_eq!(far.directions(), [(AUDIO, Direction::SendRecv), (VIDEO, Direction::SendOnly)]);
    let info = rig.call(&call);
    assert_eq!((info.local_tracks.len(), info.remote_tracks.len()), (1, 2));
    let told = rig.told();
    assert!(told.contains(&"+1 tracks".to_owned()), "{told:?}");
    assert!(told.contains(&"remote ADD_MEDIA FINISH".to_owned()), "{told:?}");
}

#[test]
fn rc_039_w4_1_another_end_may_answer_than_the_one_that_was_heard_before() {
    let (mut rig, _) = rig();
    let (to, options) = ("bob".to_owned(), MakeOptions::default());
    rig.submit(Command::Make { to, media: CallMedia::AUDIO, options }).unwrap();
    wait(&mut rig);
    let asked = rig.take_of("callStart");
    rig.respond(asked.id, 201, &json!({"callControlResponse": {"sessionData": "S1"}}));
    let offer = sdp_of(&asked);
    let call = rig.client.calls()[0].id.clone();
    for kind in ["sessionProgress", "sessionProgress", "respondCallUpdate"] {
        // Each is another end, with a certificate and an address of its own.
        let mut far = Far::new(rig.now);
        let answer = far.answer(rig.now, &offer);
        let params = json!({"sessionData": "S1", "sdp": answer});
        rig.notify(kind, json!({"sessionParams": params}));
        connect(&mut rig, &mut far);
        assert_eq!(rig.call(&call).media_state, MediaConnectionState::Connected, "{kind}");
        rig.answer_audits();
    }
    assert_eq!(rig.call(&call).state, CallState::Connected);
}

#[test]
fn ra_028_rp_5_a_restart_with_other_turn_credentials_begins_from_another_port() {
    for password in ["turnpass", "another"] {
        let mut rig = Rig::up();
        let call = rig.connected();
        rig.datagram(b"connected");
        let before = rig.udp;
        rig.pass(Duration::from_secs(2160));
        rig.answer_audits();
        let asked = rig.take_of("PUT /subscription");
        let mut renewed = subscribed(&json!(["call"]));
        renewed["subscribeResponse"]["subscriptionParams"]["turnCredentials"]["password"] =
            password.into();
        rig.respond(asked.id, 200, &renewed);
        rig.submit(Command::RestartMedia { call }).unwrap();
        // Our part in the handshake is the passive one: the other side begins.
        rig.pass(Duration::from_secs(4));
        rig.take_of("startCallUpdate");
        assert_eq!(rig.udp == before, password == "turnpass");
    }
}

#[test]
fn ra_028_rp_5_a_restart_by_other_servers_that_were_set_begins_from_another_port() {
    for password in ["ownpass", "another"] {
        let by = |password| {
            let server = IceServer::turn("turn:192.0.2.9", "own", password);
            let peer = PeerConfigPatch::default().ice_servers(vec![server]);
            let call = CallConfigPatch::default().peer(peer).server_turn_credentials(false);
            ConfigPatch::default().call(call.skip_ice_collection(true))
        };
        let mut rig = Rig::up();
        rig.submit(Command::UpdateConfig(Box::new(by("ownpass")))).unwrap();
        let call = rig.connected();
        rig.datagram(b"connected");
        let before = rig.udp;
        rig.submit(Command::UpdateConfig(Box::new(by(password)))).unwrap();
        rig.submit(Command::RestartMedia { call }).unwrap();
        // Our part in the handshake is the passive one: the other side begins.
        rig.pass(Duration::from_secs(4));
        rig.take_of("startCallUpdate");
        assert_eq!(rig.udp == before, password == "ownpass");
    }
}

#[test]
fn ra_070_ra_073_ra_074_ra_075_rt_019_rt_029_media_of_our_own_belongs_to_a_call_while_it_sends_it()
{
    let (mut rig, mut far) = rig();
    let created = rig.submit(Command::CreateLocalMedia(CallMedia::VIDEO)).unwrap();
    let Some(Ok(Outcome::DetachedMedia(made))) = rig.completion(created) else { panic!("none") };
    assert_eq!(made.iter().map(|one| one.kind).collect::<Vec<_>>(), [AUDIO, VIDEO]);
    assert_eq!(rig.client.local_media(), made);
    assert_eq!(rig.client.media(&made[1].media).unwrap().tracks, [made[1].track.clone()]);
    let call = connected(&mut rig, &mut far, CallMedia::AUDIO);
    let video = made[1].track.clone();
    let add = || {
        let (media, options) =
            (MoreMedia::default().detached([video.clone()]), MediaOptions::default());
        Command::AddMedia { call: call.clone(), media, options }
    };
    let Outcome::Media(info) = change(&mut rig, &mut far, add()) else { panic!("no media") };
    assert_eq!(info.tracks, std::slice::from_ref(&video));
    assert_eq!(rig.client.track(&video).unwrap().frames, Some(made[1].frames));
    // A track twice is refused, and what a call sends is not forgotten.
    assert_eq!(rig.submit(add()).unwrap_err().code, CallCode::InvalidParam.into());
    let dispose = |track: &TrackId| Command::DisposeLocalMedia { track: track.clone() };
    assert_eq!(rig.submit(dispose(&video)).unwrap_err().code, WebRtcCode::TrackInUse.into());
    let theirs = rig.call(&call).remote_tracks[0].clone();
    assert_eq!(rig.submit(dispose(&theirs)).unwrap_err().code, WebRtcCode::TrackNotLocal.into());
    let none = TrackId::from("x");
    assert_eq!(rig.submit(dispose(&none)).unwrap_err().code, WebRtcCode::InvalidParam.into());
    // Removed from the call it goes on, by itself.
    let options = MediaOptions::default();
    let tracks = vec![video.clone()];
    let remove = Command::RemoveMedia { call: call.clone(), tracks, options };
    change(&mut rig, &mut far, remove);
    assert_eq!(rig.client.local_media().len(), 2);
    rig.submit(dispose(&video)).unwrap();
    assert_eq!(rig.client.local_media().len(), 1);
}

#[test]
fn ra_073_there_are_sixty_four_at_most() {
    let (mut rig, _) = rig();
    for _ in 0..32 {
        rig.submit(Command::CreateLocalMedia(CallMedia::VIDEO)).unwrap();
    }
    let more = Command::CreateLocalMedia(CallMedia::AUDIO);
    assert_eq!(rig.submit(more).unwrap_err().code, CallCode::UserMedia.into());
    let none = Command::CreateLocalMedia(CallMedia::AUDIO.audio(false));
    assert_eq!(rig.submit(none).unwrap_err().code, WebRtcCode::InvalidParam.into());
}

#[test]
fn ra_027_re_014_a_track_is_replaced_by_one_that_is_not_muted() {
    let (mut rig, mut far) = rig();
    let call = connected(&mut rig, &mut far, CallMedia::AUDIO);
    let old = rig.call(&call).local_tracks[0].clone();
    rig.submit(Command::MuteTracks { tracks: vec![old.clone()] }).unwrap();
    let replace = |media| {
        let (call, track) = (call.clone(), old.clone());
        Command::ReplaceTrack { call, track, media }
    };
    let more = MoreMedia::default;
    for media in [more(), more().audio(true).video(true), more().video(true)] {
        assert_eq!(rig.submit(replace(media)).unwrap_err().code, CallCode::InvalidParam.into());
    }
    rig.told();
    wait(&mut rig);
    let command = rig.submit(replace(more().audio(true))).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert!(rig.asked.is_empty(), "nobody is asked");
    let new = rig.call(&call).local_tracks[0].clone();
    assert_ne!(new, old);
    assert!(!rig.client.track(&new).unwrap().muted);
    let replaced = Event::TrackReplaced { call: call.clone(), new, old: old.clone() };
    assert_eq!(rig.told().last().unwrap(), &format!("{replaced:?}"));
}

#[test]
fn ra_027_ra_073_what_is_sent_is_what_took_the_place_of_a_track_and_in_every_call_that_has_it() {
    let mut rig = Rig::up();
    let call = rig.connected();
    rig.datagram(b"connected");
    let created = rig.submit(Command::CreateLocalMedia(CallMedia::AUDIO)).unwrap();
    let Some(Ok(Outcome::DetachedMedia(made))) = rig.completion(created) else { panic!("none") };
    let track = rig.call(&call).local_tracks[0].clone();
    let direct = rig.client.track(&track).unwrap().frames.unwrap();
    let own = made[0].frames;
    let say = |rig: &mut Rig, track| {
        let before = rig.packets;
        let frame = AudioFrame {
            codec: AudioCodec::Opus,
            time: 0,
            lost_before: 0,
            talkspurt: false,
            data: vec![1, 2].into(),
        };
        rig.input(Input::Frame { track, frame: frame.into() });
        rig.packets - before
    };
    assert_eq!((say(&mut rig, direct), say(&mut rig, own)), (1, 0));
    let media = MoreMedia::default().detached([made[0].track.clone()]);
    rig.submit(Command::ReplaceTrack { call: call.clone(), track, media }).unwrap();
    assert_eq!((say(&mut rig, direct), say(&mut rig, own)), (0, 1));
    let media = MoreMedia::default().audio(true);
    let track = made[0].track.clone();
    rig.submit(Command::ReplaceTrack { call, track, media }).unwrap();
    assert_eq!((say(&mut rig, direct), say(&mut rig, own)), (1, 0));
}

#[test]
fn ra_076_ra_077_re_038_tracks_are_given_to_sinks_and_taken_from_them() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let tracks = rig.call(&call).remote_tracks;
    let render = |tracks: &[TrackId], sink: &str| {
        let (sink, device) = (sink.to_owned(), Some("ear".to_owned()));
        Command::RenderTracks { tracks: tracks.to_vec(), sink, device }
    };
    let invalid = [TrackId::from("x")];
    let refused = rig.submit(render(&invalid, "phone")).unwrap_err();
    assert_eq!(refused.code, WebRtcCode::InvalidTrackId.into());
    rig.told();
    rig.submit(render(&tracks, "phone")).unwrap();
    let (sink, device) = ("phone".to_owned(), Some("ear".to_owned()));
    let told = Event::TracksRendered { tracks: tracks.clone(), sink, device };
    assert_eq!(rig.told(), [format!("{told:?}")]);
    assert_eq!(rig.client.track(&tracks[0]).unwrap().sinks, ["phone"]);
    for n in 1..32 {
        rig.submit(render(&tracks, &n.to_string())).unwrap();
    }
    let refused = rig.submit(render(&tracks, "one more")).unwrap_err();
    assert_eq!(refused.code, WebRtcCode::InvalidParam.into());
    let take = || Command::UnrenderTracks { tracks: tracks.clone(), sink: "phone".to_owned() };
    rig.submit(take()).unwrap();
    assert_eq!(rig.submit(take()).unwrap_err().code, WebRtcCode::InvalidTrackId.into());
    // Nothing is left of a call that ends.
    rig.submit(Command::End { call }).unwrap();
    let asked = rig.take_of("DELETE");
    rig.respond(asked.id, 200, &done());
    assert_eq!(rig.client.remembered(), 1, "the subscription");
}

#[test]
fn ra_069_ra_072_re_032_re_033_rt_021_rt_022_devices_are_the_applications_own() {
    let mut rig = Rig::new();
    let ask = || Command::InitializeDevices { audio: true, video: false };
    let none = Command::InitializeDevices { audio: false, video: false };
    assert_eq!(rig.submit(none).unwrap_err().code, ErrorCode::Options);
    let command = rig.submit(ask()).unwrap();
    assert_eq!(rig.told(), ["DevicesWanted { audio: true, video: false }"]);
    let ear = Device::new(DeviceKind::Speaker, "1", "Ear").group("headset");
    let mouth = Device::new(DeviceKind::Microphone, "2", "Mouth").group("headset");
    let devices: crate::ribbon::Devices = [ear.clone(), mouth.clone()].into_iter().collect();
    rig.submit(Command::SetDevices(devices.clone())).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Done)));
    assert_eq!(rig.told(), ["DevicesChanged"]);
    assert_eq!(rig.client.devices(), &devices);
    // The same again is no change.
    rig.submit(Command::SetDevices(devices.clone())).unwrap();
    assert!(rig.told().is_empty());
    let command = rig.submit(ask()).unwrap();
    rig.submit(Command::DevicesFailed("denied".to_owned())).unwrap();
    assert_eq!(rig.completion(command).unwrap().unwrap_err().code, CallCode::UserMedia.into());
    let command = rig.submit(ask()).unwrap();
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.completion(command).unwrap().unwrap_err().code, ErrorCode::Timeout);
    let many: crate::ribbon::Devices = std::iter::repeat_n(ear, 257).collect();
    assert_eq!(rig.submit(Command::SetDevices(many)).unwrap_err().code, ErrorCode::Options);
    assert_eq!(rig.client.devices(), &devices);
}

#[test]
fn ra_040_re_016_codecs_are_those_of_the_settings() {
    let (mut rig, _) = rig();
    let video = vec![Codec::Video(VideoCodec::Vp8)];
    assert_eq!(rig.client.codecs(VIDEO), video);
    assert_eq!(rig.client.codecs(AUDIO).len(), 3);
    rig.told();
    let command = rig.submit(Command::Query(Query::Codecs(VIDEO))).unwrap();
    assert_eq!(rig.completion(command), Some(Ok(Outcome::Codecs(video.clone()))));
    let told = Event::Codecs { kind: VIDEO, codecs: video };
    assert_eq!(rig.told(), [format!("{told:?}")]);
    assert!(Rig::up().client.codecs(VIDEO).is_empty(), "none, unless they are asked for");
}

#[test]
fn ra_078_what_is_muted_stays_so_on_a_fresh_connection() {
    let mut rig = Rig::up();
    let call = rig.connected();
    let tracks = rig.call(&call).remote_tracks;
    rig.datagram(b"connected");
    rig.submit(Command::MuteTracks { tracks: tracks.clone() }).unwrap();
    rig.datagram(b"audio");
    assert_eq!(rig.frames, 0, "it is not handed on");
    rig.notify("startCallUpdate", json!({"sessionParams": {"sessionData": "S1"}}));
    rig.pass(Duration::from_millis(25));
    let asked = rig.take_of("respondCallUpdate");
    rig.respond(asked.id, 200, &done());
    let word = json!({"sessionParams": {"sessionData": "S1", "sdp": answer_sdp("sendrecv")}});
    rig.notify("respondCallUpdate", word);
    rig.datagram(b"connected");
    rig.datagram(b"audio");
    assert_eq!(rig.frames, 0, "not on the fresh one either");
    rig.submit(Command::UnmuteTracks { tracks }).unwrap();
    rig.datagram(b"audio");
    assert_eq!(rig.frames, 1);
}
