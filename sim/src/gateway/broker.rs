//! The gateway in the middle of media (option `broker`). Of a client that is in a call with another client
//! it ends the media itself: an engine of the gateway's own at each leg offers and answers in the other
//! client's place, and says what that one's engine hears. Sound and keys only: video is turned down.
//!
//! Between a client and somebody without one there is nothing to do: their media is the gateway's anyway.

use std::net::SocketAddr;

use offhook::machine::UdpId;
use offhook::media::{AudioFrame, Digit};

use super::descriptions::direction;
use super::far::{Change, Far};
use super::house::House;
use super::leg::Leg;
use super::media;
use super::setup::{self, reason};
use super::tell::{self, News, Speed};
use super::world::World;

/// News that wait for the sockets of one leg; more are lost.
const MAX_WAITING: usize = 32;

/// The gateway's media at a client's leg. See the [module](self).
pub(super) struct Broker {
    udp: UdpId,
    pub(super) far: Option<Far>,
    /// News that came before the sockets.
    waiting: Vec<(News, Speed)>,
}

impl Broker {
    /// Its media ends.
    pub(super) fn close(mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.close(world);
        }
        world.base.close_media(self.udp);
    }
}

/// The nature of a client's own description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Offer,
    /// The answer to an offer; an offer where it was asked for one.
    Answer,
}

/// True if the gateway is between this leg and the other end: clients at both.
fn is_between(house: &House, session: &str) -> bool {
    let peers = house.calls.peers(session);
    let is_client = |peer: &String| house.calls.leg(peer).is_some_and(|leg| leg.user().is_some());
    house.world.options.broker && !peers.is_empty() && peers.iter().all(is_client)
}

/// A client describes itself. None of its descriptions reaches the other client.
pub(super) fn heard(house: &mut House, session: &str, said: Said, sdp: &str) {
    let world = &mut house.world;
    let Some(leg) = house.calls.leg_mut(session) else { return };
    let far = leg.broker.as_mut().and_then(|broker| broker.far.as_mut());
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
    let broker = house.calls.leg_mut(session).and_then(|leg| leg.broker.as_mut());
    if let Some(far) = broker.and_then(|broker| broker.far.as_mut()) {
        far.roll_back(world);
    }
}

/// News as a client is told it; none where it waits, or cannot be told.
pub(super) fn through(house: &mut House, session: &str, news: News, speed: Speed) -> Option<News> {
    let describes = news.sdp().is_some();
    if matches!(news, News::End(..) | News::Cancel(..)) || !is_between(house, session) {
        return Some(news);
    }
    let world = &mut house.world;
    let leg = house.calls.leg_mut(session)?;
    match &mut leg.broker {
        None if !describes => return Some(news),
        None => {
            let udp = world.base.open_media(session);
            let waiting = vec![(news, speed)];
            leg.broker = Some(Box::new(Broker { udp, far: None, waiting }));
            return None;
        }
        Some(broker) if broker.far.is_none() => {
            if broker.waiting.len() < MAX_WAITING {
                broker.waiting.push((news, speed));
            }
            return None;
        }
        Some(_) if !describes => return Some(news),
        Some(_) => {}
    }
    let told = told(leg, news, world);
    media::settle(house, session);
    match told {
        Ok(news) => Some(news),
        Err(why) => {
            house.world.base.log(format!("a description that cannot be used: {why}"));
            let call = house.calls.call_of(session).map(|call| call.id.clone());
            setup::end(house, &call?, &reason(488, "Not Acceptable Here"), None);
            None
        }
    }
}

/// News with a description of the gateway's own in it.
fn told(leg: &mut Leg, news: News, world: &mut World) -> Result<News, String> {
    let offered = &mut leg.offered;
    let far = leg.broker.as_mut().and_then(|broker| broker.far.as_mut());
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
    let broker = house.calls.leg_mut(session).and_then(|leg| leg.broker.as_mut());
    let Some(broker) = broker.filter(|broker| broker.udp == id) else { return false };
    if broker.far.is_none() {
        broker.far = Some(Far::sound(session, id, local.to_vec(), world));
        for (news, speed) in std::mem::take(&mut broker.waiting) {
            tell::tell_at(house, session, news, speed);
        }
    }
    true
}

/// The other client hears what one says.
pub(super) fn pass_on(house: &mut House, session: &str, frames: &[AudioFrame], keys: &[Digit]) {
    let now = house.world.base.now;
    for peer in house.calls.peers(session) {
        let broker = house.calls.leg_mut(&peer).and_then(|leg| leg.broker.as_mut());
        let Some(far) = broker.and_then(|broker| broker.far.as_mut()) else { continue };
        for frame in frames {
            far.end_mut().say(now, frame);
        }
        if !keys.is_empty() {
            // Where keys were not agreed on, none are heard.
            let _ = far.end_mut().engine.send_dtmf(now, keys, media::PRESS);
        }
        media::settle(house, &peer);
    }
}
