//! News of a call for one leg: a notification for a client, something to do for others (w3.3).

use std::time::Duration;

use serde_json::{Value, json};

use super::agenda::{Act, Job};
use super::call::Channel;
use super::house::House;
use super::leg::{Leg, Party, Reach};
use super::news::{News, Speed, words};
use super::notify::{Notice, pushed};

/// The time that somebody without a client takes to meet an offer.
const THINKING: Duration = Duration::from_millis(20);

/// Tells a leg.
pub(super) fn tell(house: &mut House, session: &str, news: News) {
    tell_at(house, session, news, Speed::Usual);
}

/// Tells a leg, at that speed.
pub(super) fn tell_at(house: &mut House, session: &str, news: News, speed: Speed) {
    let Some(leg) = house.calls.leg(session) else { return };
    match &leg.party {
        Party::Client { .. } if goes_through(house, leg, &news) => {
            let job = Job::Through { leg: session.to_owned(), news, speed };
            house.world.agenda.add(house.world.base.now, job);
        }
        Party::Client { .. } => notify(house, session, &news, speed),
        Party::Scripted(_) => hear(house, session, news),
        Party::Phantom => {}
    }
}

/// The subscriptions by which a leg's client is told.
fn subscriptions(house: &House, leg: &Leg) -> Vec<String> {
    let Party::Client { user, reach } = &leg.party else { return Vec::new() };
    match reach {
        Reach::One(correlator) => {
            let one = house.subscriptions.of_correlator(user, correlator.as_deref());
            one.map(|one| one.id.clone()).into_iter().collect()
        }
        Reach::All => {
            let all = house.subscriptions.of_user(user).filter(|one| one.has("call"));
            all.map(|one| one.id.clone()).collect()
        }
    }
}

/// True for news that go through the gateway's media: a description of another client's, or what comes after
/// one that waits for that media (option `broker`). An end waits for nothing.
fn goes_through(house: &House, leg: &Leg, news: &News) -> bool {
    let waits = leg.relay.as_ref().is_some_and(|relay| relay.far.is_none());
    let peers = house.calls.peers(&leg.session);
    let is_client = |peer: &String| house.calls.leg(peer).is_some_and(|leg| leg.user().is_some());
    house.world.options.broker
        && !matches!(news, News::End(..) | News::Cancel(..))
        && (waits || news.sdp().is_some())
        && !peers.is_empty()
        && peers.iter().all(is_client)
}

/// Tells a client by its subscriptions.
pub(super) fn notify(house: &mut House, session: &str, news: &News, speed: Speed) {
    let Some(leg) = house.calls.leg(session) else { return };
    let targets = subscriptions(house, leg);
    let user = leg.user().unwrap_or_default().to_owned();
    let is_call = matches!(news, News::Call(_));
    let channel = house.calls.call_of(session).map_or(Channel::Socket, |call| call.channel);
    let notice = notice(house, session, news);
    if is_call && channel != Channel::Socket {
        let text = notice.envelope(&mut house.world);
        pushed(&user, &text, &mut house.world);
        if channel == Channel::Both {
            for id in targets {
                house.subscriptions.send(&id, &notice, text.clone(), &mut house.world);
            }
        }
        return;
    }
    for id in targets {
        let text = notice.envelope(&mut house.world);
        match speed {
            Speed::Usual => house.subscriptions.send(&id, &notice, text, &mut house.world),
            Speed::First => {
                let about = notice.session.clone();
                house.subscriptions.deliver(&id, about, text, &mut house.world);
            }
        }
    }
}

fn notice(house: &mut House, session: &str, news: &News) -> Notice {
    let of = |event: &str| Notice::of_session(event, session);
    let mut notice = match news {
        News::Call(sdp) => {
            let call = of("call").session_param("actions", json!(["answer", "reject", "forward"]));
            with_sdp(call, sdp.as_deref())
        }
        News::Ringing => of("ringing"),
        News::Progress(sdp) => with_sdp(of("sessionProgress"), Some(sdp)),
        News::Answer(sdp) | News::Response(sdp) => with_sdp(of("respondCallUpdate"), Some(sdp)),
        News::Offer(sdp) => with_sdp(of("startCallUpdate"), sdp.as_deref()),
        News::Refused(code, ms) => {
            let text = match *code {
                488 => words(488),
                _ => "Request Pending",
            };
            of("respondCallUpdate").status(*code, text).retry_after(*ms)
        }
        News::End(code, reason) => of("callEnd").status(*code, reason),
        News::Cancel(code, reason) => of("callCancel").status(*code, reason),
        News::Complete(code, reason) => of("sessionComplete").status(*code, reason),
        News::Fail(code, reason) => of("sessionFail").status(*code, reason),
    };
    let parameters = match (news, house.calls.call_of(session)) {
        (News::Call(_), Some(call)) => call.parameters.clone(),
        _ => None,
    };
    let later = house.calls.leg_mut(session).and_then(|leg| leg.parameters.take());
    if let Some(parameters) = later.or(parameters) {
        notice = notice.with("customParameters", parameters);
    }
    notice.with("callNotificationParams", people(house, session))
}

fn with_sdp(notice: Notice, sdp: Option<&str>) -> Notice {
    match sdp {
        Some(sdp) => notice.session_param("sdp", json!(sdp)),
        None => notice,
    }
}

/// The people at both ends, as a leg is told it.
fn people(house: &House, session: &str) -> Value {
    let Some(own) = house.calls.leg(session) else { return json!({}) };
    let domain = super::address::domain(&own.who.address);
    let own_number = own.who.display_number(domain);
    let peers = house.calls.peers(session);
    let peer = peers.first().and_then(|peer| house.calls.leg(peer));
    let Some(peer) = peer else { return json!({"calleeDisplayNumber": own_number}) };
    let number = peer.who.display_number(domain);
    let (caller, caller_number, callee_number) = if own.called {
        (&peer.who.name, &number, &own_number)
    } else {
        (&own.who.name, &own_number, &number)
    };
    json!({
        "callerName": caller, "callerDisplayNumber": caller_number,
        "calleeDisplayNumber": callee_number, "primaryContact": number,
        "remoteName": peer.who.name, "remoteDisplayNumber": number,
    })
}

/// Somebody without a client hears of something, and will do what is to be done.
fn hear(house: &mut House, session: &str, news: News) {
    let world = &mut house.world;
    let Some(leg) = house.calls.leg_mut(session) else { return };
    let Some(scripted) = leg.scripted_mut() else { return };
    let now = world.base.now;
    let (at, act) = match news {
        News::Call(sdp) => {
            scripted.offered = sdp;
            scripted.udp = Some(world.base.open_media(session));
            return;
        }
        News::Answer(sdp) => (now, Act::TakeFirst(sdp)),
        News::Response(sdp) => (now, Act::Take(sdp)),
        News::Offer(sdp) => (now + THINKING, Act::Meet(sdp)),
        News::Refused(..) => (now, Act::Retreat),
        News::Ringing
        | News::Progress(_)
        | News::End(..)
        | News::Cancel(..)
        | News::Complete(..)
        | News::Fail(..) => return,
    };
    world.agenda.add(at, Job::Act { leg: session.to_owned(), act });
}
