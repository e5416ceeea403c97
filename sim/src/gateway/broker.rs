//! The gateway in the middle of media (option `broker`). Of a client that is in a call with another client
//! it ends the media itself: an engine of the gateway's own at each leg offers and answers in the other
//! client's place, and says what that one's engine hears. Sound and keys only: video is turned down.
//!
//! Between a client and somebody without one there is nothing to do: their media is the gateway's anyway.

use std::net::SocketAddr;

use offhook::machine::UdpId;

use super::descriptions::direction;
use super::far::{Change, Far};
use super::house::House;
use super::leg::Leg;
use super::media;
use super::news::{News, Speed};
use super::relay::Relay;
use super::setup::{self, reason};
use super::tell;
use super::world::World;

/// The nature of a client's own description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Offer,
    /// The answer to an offer; an offer where it was asked for one.
    Answer,
}

/// A client describes itself. None of its descriptions reaches the other client.
pub(super) fn heard(house: &mut House, session: &str, said: Said, sdp: &str) {
    let world = &mut house.world;
    let Some(leg) = house.calls.leg_mut(session) else { return };
    let far = leg.relay.as_mut().and_then(|relay| relay.far.as_mut());
    match far.filter(|far| said == Said::Answer && far.is_offering()) {
        Some(far) => {
            if let Err(why) = far.take_answer(sdp, world) {
                world.base.log(format!("an answer that cannot be used: {why}"));
            }
            media::settle(house, session);
        }
        None if world.options.broker => leg.offered = Some(sdp.to_owned()),
        None => {}
    }
}

/// A client refuses an offer.
pub(super) fn refused(house: &mut House, session: &str) {
    let world = &mut house.world;
    let relay = house.calls.leg_mut(session).and_then(|leg| leg.relay.as_mut());
    if let Some(far) = relay.and_then(|relay| relay.far.as_mut()) {
        far.roll_back(world);
    }
}

/// Tells a client news that go through the gateway's media, once that is there.
pub(super) fn tell_through(house: &mut House, session: &str, news: News, speed: Speed) {
    let world = &mut house.world;
    let Some(leg) = house.calls.leg_mut(session).filter(|leg| !leg.state.is_over()) else { return };
    match &mut leg.relay {
        None => {
            let udp = world.base.open_media(session);
            let mut relay = Box::new(Relay::new(udp));
            relay.wait(news, speed);
            leg.relay = Some(relay);
            return;
        }
        Some(relay) if relay.far.is_none() => {
            relay.wait(news, speed);
            return;
        }
        Some(_) => {}
    }
    let told = told(leg, news, world);
    media::settle(house, session);
    match told {
        Ok(news) => tell::notify(house, session, &news, speed),
        Err(why) => {
            house.world.base.log(format!("a description that cannot be used: {why}"));
            if let Some(call) = house.calls.call_of(session).map(|call| call.id.clone()) {
                setup::end(house, &call, &reason(488, "Not Acceptable Here"), None);
            }
        }
    }
}

/// News with a description of the gateway's own in it.
fn told(leg: &mut Leg, news: News, world: &mut World) -> Result<News, String> {
    let offered = &mut leg.offered;
    let far = leg.relay.as_mut().and_then(|relay| relay.far.as_mut());
    let far = far.ok_or("there is no media")?;
    let mut answer = |sdp: &str| match offered.take() {
        Some(offer) => {
            far.wants(direction(sdp));
            far.answer(&offer, world)
        }
        // It had its answer when it heard something before.
        None => Ok(far.description.clone()),
    };
    Ok(match news {
        News::Progress(sdp) => News::Progress(answer(&sdp)?),
        News::Answer(sdp) => News::Answer(answer(&sdp)?),
        News::Response(sdp) => News::Response(answer(&sdp)?),
        News::Call(Some(sdp)) => News::Call(Some(offer(far, &sdp, world)?)),
        News::Offer(Some(sdp)) => News::Offer(Some(offer(far, &sdp, world)?)),
        other => other,
    })
}

fn offer(far: &mut Far, sdp: &str, world: &mut World) -> Result<String, String> {
    if far.has_agreed() {
        return far.offer(Change::Direction(direction(sdp)), world);
    }
    far.wants(direction(sdp));
    far.first_offer(false, world)
}

/// The sockets of a leg are open: what waits for them is told. False if none were wanted.
pub(super) fn ready(house: &mut House, session: &str, id: UdpId, local: &[SocketAddr]) -> bool {
    let world = &mut house.world;
    let relay = house.calls.leg_mut(session).and_then(|leg| leg.relay.as_mut());
    let Some(relay) = relay.filter(|relay| relay.udp == id) else { return false };
    if relay.far.is_none() {
        relay.far = Some(Far::sound(session, id, local.to_vec(), world));
        for (news, speed) in std::mem::take(&mut relay.waiting) {
            tell_through(house, session, news, speed);
        }
    }
    true
}
