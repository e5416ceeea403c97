//! The media of those without a client: sockets, datagrams, time, and what is heard.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::machine::UdpId;
use offhook::media::{AudioFrame, Digit};
use serde_json::json;

use super::house::House;
use super::setup::happened;
use crate::service::{FarEndMode, Output, Packet, Word};

/// The time for which nobody else is heard in a conference after somebody spoke.
const FLOOR: Duration = Duration::from_millis(200);
/// The time for which a key is down.
const PRESS: Duration = Duration::from_millis(100);

/// Everything of a leg's media that came, or was due, is dealt with.
pub(super) fn settle(house: &mut House, session: &str) {
    let world = &mut house.world;
    let Some(leg) = house.calls.leg_mut(session) else { return };
    let call = leg.call.clone();
    let is_relayed = leg.relay.is_some();
    let bridge = leg.scripted().and_then(|scripted| scripted.bridge.clone());
    let Some((far, mode)) = leg.far_mut() else { return };
    let (mut told, mut heard, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    // What is said back may lead to more.
    for _ in 0..2 {
        let mut echoes = Vec::new();
        for word in far.drain(world) {
            match word {
                Word::Transmit { local, remote, data } => {
                    world.base.push(Output::Transmit { id: far.udp(), local, remote, data });
                }
                Word::State(state) => {
                    let name = format!("{state:?}").to_lowercase();
                    told.push(("media-state", json!({"state": name})));
                }
                Word::Key(digit) => {
                    keys.push(digit);
                    told.push(("dtmf", json!({"digit": digit.as_char().to_string()})));
                }
                Word::Heard(frame) if bridge.is_some() || is_relayed => {
                    // Somebody in a conference who says what is heard says so to whoever spoke, too.
                    if bridge.is_some() && mode == FarEndMode::Echo {
                        echoes.push(frame.clone());
                    }
                    heard.push(frame);
                }
                Word::Heard(frame) => match mode {
                    FarEndMode::External => {
                        let conversation = call.clone();
                        world.base.push(Output::FarAudio { conversation, frame });
                    }
                    FarEndMode::Echo => echoes.push(frame),
                    FarEndMode::Prompt | FarEndMode::Silence => {}
                },
                // Pictures are not looked at.
                Word::Seen { .. }
                | Word::Wanted(_)
                | Word::Opened(..)
                | Word::Message(_)
                | Word::Closed(_) => {}
            }
        }
        if echoes.is_empty() {
            break;
        }
        for frame in &echoes {
            far.end_mut().say(world.base.now, frame);
        }
    }
    let wake = far.end().next_wake(mode).map(|wake| wake.at);
    house.calls.media.set(&session.to_owned(), wake);
    for (kind, data) in told {
        happened(house, kind, session, &data);
    }
    if is_relayed && !(heard.is_empty() && keys.is_empty()) {
        relay(house, session, &heard, &keys);
    } else if let Some(bridge) = bridge.filter(|_| !heard.is_empty()) {
        pass_on(house, &bridge, session, heard);
    }
}

/// Lets all others of a conference hear somebody, unless somebody else is speaking.
fn pass_on(house: &mut House, bridge: &str, from: &str, heard: Vec<AudioFrame>) {
    let now = house.world.base.now;
    let Some(places) = house.calls.bridges.get_mut(bridge) else { return };
    let is_taken = |(leg, at): &(String, Instant)| leg != from && now < *at + FLOOR;
    if places.floor.as_ref().is_some_and(is_taken) {
        return;
    }
    places.floor = Some((from.to_owned(), now));
    let others: Vec<_> = places.legs.iter().filter(|leg| *leg != from).cloned().collect();
    let first = places.said;
    places.said += heard.len() as u64;
    for other in others {
        let leg = house.calls.leg_mut(&other);
        let Some(far) = leg.and_then(|leg| leg.scripted_mut()?.far.as_mut()) else { continue };
        for (n, frame) in heard.iter().enumerate() {
            let time = (first + n as u64) * u64::from(frame.codec.clock_rate() / 50);
            let frame = AudioFrame { time, lost_before: 0, ..frame.clone() };
            far.end_mut().say(now, &frame);
        }
        settle(house, &other);
    }
}

/// The other client hears what one says.
fn relay(house: &mut House, session: &str, frames: &[AudioFrame], keys: &[Digit]) {
    let now = house.world.base.now;
    for peer in house.calls.peers(session) {
        let relay = house.calls.leg_mut(&peer).and_then(|leg| leg.relay.as_mut());
        let Some(far) = relay.and_then(|relay| relay.far.as_mut()) else { continue };
        for frame in frames {
            far.end_mut().say(now, frame);
        }
        if !keys.is_empty() {
            // Where keys were not agreed on, none are heard.
            let _ = far.end_mut().engine.send_dtmf(now, keys, PRESS);
        }
        settle(house, &peer);
    }
}

pub(super) fn datagram(
    house: &mut House,
    id: UdpId,
    local: SocketAddr,
    remote: SocketAddr,
    data: &[u8],
) {
    let Some(session) = house.world.base.owner_of(id).map(str::to_owned) else { return };
    let now = house.world.base.now;
    let leg = house.calls.leg_mut(&session);
    let Some((far, _)) = leg.and_then(|leg| leg.far_mut()) else { return };
    let packet = Packet { local, remote, data };
    let end = far.end_mut();
    end.heard = Some(now);
    end.engine.handle_datagram(now, packet.local, packet.remote, packet.data);
    settle(house, &session);
}

pub(super) fn handle_timeout(house: &mut House) {
    for session in house.calls.media.up_to(&house.world.base.now) {
        let world = &mut house.world;
        let now = world.base.now;
        let far = house.calls.leg_mut(&session).and_then(|leg| leg.far_mut());
        let Some((far, mode)) = far else { continue };
        far.end_mut().handle_timeout(now, mode, &mut world.prompt);
        let forsaken = far.end_mut().take_forsaken(now);
        settle(house, &session);
        if forsaken {
            happened(house, "consent-expired", &session, &json!({}));
        }
    }
}

/// The leg without a client in a call, of those that have media the one that came first.
pub(super) fn scripted_in(house: &House, call: &str) -> Option<String> {
    let call = house.calls.call(call)?;
    let all = || {
        call.legs().filter(|leg| house.calls.leg(leg).is_some_and(|leg| leg.scripted().is_some()))
    };
    let lives = |leg: &&String| house.calls.leg(leg).is_some_and(|leg| !leg.state.is_over());
    all().find(lives).or_else(|| all().next()).cloned()
}

pub(super) fn set_mode(house: &mut House, session: &str, mode: FarEndMode) {
    let now = house.world.base.now;
    let leg = house.calls.leg_mut(session);
    let Some(scripted) = leg.and_then(|leg| leg.scripted_mut()) else { return };
    if let Some(far) = &mut scripted.far {
        far.end_mut().pass_time(now, scripted.mode);
    }
    scripted.mode = mode;
    settle(house, session);
}

pub(super) fn far_audio(house: &mut House, call: &str, frame: &AudioFrame) {
    let Some(session) = scripted_in(house, call) else { return };
    let now = house.world.base.now;
    let leg = house.calls.leg_mut(&session);
    if let Some(far) = leg.and_then(|leg| leg.scripted_mut()?.far.as_mut()) {
        far.end_mut().say(now, frame);
        settle(house, &session);
    }
}

pub(super) fn far_keys(house: &mut House, call: &str, digits: &[Digit]) -> bool {
    let Some(session) = scripted_in(house, call) else { return false };
    let now = house.world.base.now;
    let leg = house.calls.leg_mut(&session);
    let Some(far) = leg.and_then(|leg| leg.scripted_mut()?.far.as_mut()) else { return false };
    let pressed = far.end_mut().engine.send_dtmf(now, digits, PRESS).is_ok();
    settle(house, &session);
    pressed
}
