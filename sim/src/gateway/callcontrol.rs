//! Requests about calls (w4.0): who may, what is expected, and what becomes of it.

use serde_json::{Value, json};

use super::acts;
use super::address::{self, Identity};
use super::asked::{Asked, Outcome};
use super::broker::{self, Said};
use super::call::Glare;
use super::conference;
use super::credentials::Claim;
use super::guesses;
use super::house::House;
use super::leg::{LegState, Party, Reach};
use super::reply::{Refusal, Reply, Resource};
use super::setup::{self, reason};
use super::tell::Speed;
use super::transfer;
use super::updates;

/// The longest address, and the longest description.
const MAX_ADDRESS: usize = 512;
const MAX_SDP: usize = 64 << 10;
/// Custom parameters of one request; a longer list is refused.
const MAX_PARAMETERS: usize = 64;

pub(super) fn answer(house: &mut House, asked: &Asked<'_>, path: &[&str]) -> Outcome {
    let may =
        house.world.directory.user(asked.user).is_some_and(|user| user.service("call").is_some());
    if !may {
        return Err(Refusal::code(35));
    }
    match (asked.method, path) {
        ("POST", ["callControl"]) => create(house, asked),
        ("POST", ["calldisposition"]) => dispose(house, asked),
        ("PUT", ["callControl", "callSessions", session]) => change(house, asked, session),
        ("GET", ["callControl", "callSessions", session]) => status(house, asked, session),
        ("DELETE", ["callControl", "callSessions", session]) => {
            own(house, asked, session)?;
            if !transfer::declined(house, session, &reason(603, "Decline")) {
                setup::hang_up(house, session, &reason(200, "Call ended"));
            }
            Ok(Reply::nothing(Resource::CallControl))
        }
        _ => Err(Refusal::wrong(1004, "no such request about calls")),
    }
}

fn done() -> Reply {
    Reply::success(Resource::CallControl, guesses::DONE, Value::Null)
}

/// The state of a leg, where it is the user's and not over.
fn own(house: &House, asked: &Asked<'_>, session: &str) -> Result<LegState, Refusal> {
    let leg = house.calls.leg(session).filter(|leg| leg.user() == Some(asked.user));
    match leg.map(|leg| leg.state) {
        None | Some(LegState::Ended | LegState::Elsewhere) => Err(Refusal::code(42)),
        Some(state) => Ok(state),
    }
}

fn description(request: &Value) -> Result<&str, Refusal> {
    let sdp = request["sdp"].as_str().filter(|sdp| !sdp.is_empty());
    let sdp = sdp.ok_or_else(|| Refusal::wrong(5, "sdp is missing"))?;
    if sdp.len() > MAX_SDP { Err(Refusal::wrong(5, "sdp is too long")) } else { Ok(sdp) }
}

fn destination<'v>(request: &'v Value, key: &str) -> Result<&'v str, Refusal> {
    let to = request[key].as_str().filter(|to| (1..=MAX_ADDRESS).contains(&to.len()));
    to.ok_or_else(|| Refusal::wrong(5, format!("{key} is missing")))
}

/// Custom parameters of a request, where there are some.
fn parameters(request: &Value) -> Result<Option<Value>, Refusal> {
    match &request["customParameters"] {
        Value::Null => Ok(None),
        Value::Array(list) if list.len() <= MAX_PARAMETERS => {
            let is_one = |one: &Value| one["name"].is_string() && one["value"].is_string();
            if !list.iter().all(is_one) {
                return Err(Refusal::wrong(5, "a custom parameter has a name and a value"));
            }
            Ok((!list.is_empty()).then(|| json!(list)))
        }
        _ => Err(Refusal::wrong(5, "customParameters is a list")),
    }
}

/// The other end is told of custom parameters with whatever it is told next.
fn carry(house: &mut House, session: &str, parameters: Option<Value>) {
    let Some(parameters) = parameters else { return };
    let data = json!({"customParameters": parameters});
    setup::happened(house, "custom", session, &data);
    for peer in house.calls.peers(session) {
        if let Some(leg) = house.calls.leg_mut(&peer) {
            leg.parameters = Some(parameters.clone());
        }
    }
}

fn create(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let request = &asked.body["callControlRequest"];
    match request["type"].as_str() {
        Some("callStart") => start(house, asked, request),
        Some("join") => join(house, asked, request),
        Some(other) => Err(Refusal::wrong(1004, format!("no such request: {other:.40}"))),
        None => Err(Refusal::wrong(5, "type is missing")),
    }
}

/// The clients that are told of a leg that a request made: the one that asked, where it says which
/// it is, or the only one.
fn reach(house: &House, asked: &Asked<'_>) -> Reach {
    let mut all = house.subscriptions.of_user(asked.user);
    if let Claim::Session(session) = asked.claim {
        let one = all.find(|one| one.session.as_ref() == Some(session));
        return one.map_or(Reach::All, |one| Reach::One(one.correlator.clone()));
    }
    match (all.next(), all.next()) {
        (Some(only), None) => Reach::One(only.correlator.clone()),
        _ => Reach::All,
    }
}

/// The party that a request's client is.
fn client(house: &House, asked: &Asked<'_>) -> Party {
    Party::Client { user: asked.user.to_owned(), reach: reach(house, asked) }
}

fn start(house: &mut House, asked: &Asked<'_>, request: &Value) -> Outcome {
    let to = destination(request, "to")?.to_owned();
    let sdp = description(request)?.to_owned();
    let parameters = parameters(request)?;
    if !house.calls.has_room() {
        return Err(Refusal::code(503));
    }
    let known = house.world.directory.user(asked.user).map(|user| user.display_name.clone());
    let from = request["from"].as_str().unwrap_or_default();
    let name = address::name(from).map(str::to_owned).or(known).unwrap_or_default();
    let who = Identity::new(asked.user, &name);
    let party = client(house, asked);
    let (call, session) = setup::begin(house, who, party);
    setup::watch(house, &session);
    if let Some(leg) = house.calls.leg_mut(&session) {
        leg.sdp = Some(sdp.clone());
    }
    if let Some(call) = house.calls.call_mut(&call) {
        call.offer = Some(sdp.clone());
        call.parameters = parameters;
    }
    broker::heard(house, &session, Said::Offer, &sdp);
    match setup::place(house, &call, 1, &to) {
        Ok(sessions) => setup::invite(house, &sessions, Some(&sdp)),
        Err(why) => setup::end(house, &call, &why, None),
    }
    let body = json!({"sessionData": session});
    Ok(Reply::success(Resource::CallControl, guesses::MADE, body).awaiting(&session))
}

fn change(house: &mut House, asked: &Asked<'_>, session: &str) -> Outcome {
    let request = &asked.body["callControlRequest"];
    let kind = request["type"].as_str().ok_or_else(|| Refusal::wrong(5, "type is missing"))?;
    let answered_elsewhere = house
        .calls
        .leg(session)
        .is_some_and(|leg| leg.user() == Some(asked.user) && leg.state == LegState::Elsewhere);
    if kind == "callAnswer" && answered_elsewhere {
        return Err(Refusal::code(55));
    }
    let state = own(house, asked, session)?;
    let is_callee = house.calls.leg(session).is_some_and(|leg| leg.called);
    match (kind, state) {
        ("audit", _) => Ok(audit(house, session)),
        ("ringing", LegState::Created) if is_callee => {
            carry(house, session, parameters(request)?);
            setup::ring(house, session);
            Ok(done())
        }
        // It is known by now: the answer overtook it.
        ("ringing", LegState::Ringing | LegState::Answered) if is_callee => Ok(done()),
        ("callAnswer", LegState::Created | LegState::Ringing) if is_callee => {
            let sdp = description(request)?;
            carry(house, session, parameters(request)?);
            accept(house, session, sdp);
            Ok(done())
        }
        ("startCallUpdate", LegState::Answered) => {
            let sdp = description(request)?;
            carry(house, session, parameters(request)?);
            offer(house, session, sdp)
        }
        ("respondCallUpdate", LegState::Answered) => respond(house, session, request),
        ("transfer", LegState::Answered) => hand_over(house, asked, session, request),
        ("sendCustomHeaders", _) => {
            let parameters = parameters(request)?;
            if parameters.is_none() {
                return Err(Refusal::wrong(5, "customParameters is missing"));
            }
            carry(house, session, parameters);
            Ok(done())
        }
        ("ringing" | "callAnswer" | "startCallUpdate" | "respondCallUpdate" | "transfer", _) => {
            Err(Refusal::wrong(1004, format!("{kind} when {}", state.name())))
        }
        _ => Err(Refusal::wrong(1004, format!("no such request: {kind:.40}"))),
    }
}

/// A transfer to an address, or to the other end of another call (w4.12, w4.13).
fn hand_over(house: &mut House, asked: &Asked<'_>, session: &str, request: &Value) -> Outcome {
    let to = destination(request, "address")?.to_owned();
    let done_so = match request["sessionData"].as_str() {
        None => transfer::direct(house, session, &to),
        Some(second) => {
            own(house, asked, second)?;
            transfer::consultative(house, session, second)
        }
    };
    match done_so {
        Ok(()) => Ok(done()),
        Err(why) => Err(Refusal::wrong(1004, why)),
    }
}

/// Two calls become a conference (w4.14).
fn join(house: &mut House, asked: &Asked<'_>, request: &Value) -> Outcome {
    let leg = |key: &str| {
        let session = request[key].as_str().map(str::to_owned);
        session.ok_or_else(|| Refusal::wrong(5, format!("{key} is missing")))
    };
    let (first, second) = (leg("firstSessionData")?, leg("secondSessionData")?);
    let sdp = description(request)?;
    own(house, asked, &first)?;
    own(house, asked, &second)?;
    if !house.calls.has_room() {
        return Err(Refusal::code(503));
    }
    let party = client(house, asked);
    let session = conference::join(house, (&first, &second), party, sdp);
    let session = session.map_err(|why| Refusal::wrong(1004, why))?;
    setup::watch(house, &session);
    let body = json!({"sessionData": session});
    Ok(Reply::success(Resource::CallControl, guesses::MADE, body).awaiting(&session))
}

fn audit(house: &mut House, session: &str) -> Reply {
    let now = house.world.base.now;
    if let Some(leg) = house.calls.leg_mut(session) {
        let every = now.duration_since(leg.audit.last).max(guesses::AUDIT_INTERVAL);
        leg.audit.every = every;
        leg.audit.last = now;
        leg.audit.count += 1;
    }
    setup::watch(house, session);
    setup::happened(house, "audit", session, &json!({}));
    done()
}

fn accept(house: &mut House, session: &str, sdp: &str) {
    broker::heard(house, session, Said::Answer, sdp);
    if transfer::answered(house, session, sdp) {
        return;
    }
    setup::answer(house, session, sdp);
    let peer = house.calls.peer(session).filter(|peer| peer.scripted().is_some());
    let peer = peer.map(|peer| peer.session.clone());
    if house.world.options.offer_during_answer
        && let Some(peer) = peer
    {
        acts::offer_during_answer(house, &peer, sdp);
    }
}

fn offer(house: &mut House, session: &str, sdp: &str) -> Outcome {
    if updates::is_offering(house, session) {
        // It may not have heard that the one before arrived.
        setup::happened(house, "offered-again", session, &json!({}));
    }
    let glare = house.calls.call_of_mut(session).and_then(|call| call.glare.take());
    let peer = house.calls.peer(session).filter(|peer| peer.scripted().is_some());
    let peer = peer.map(|peer| peer.session.clone());
    // The far side's own offer is on its way already, before or after this one is answered.
    let crossing = peer.zip(glare);
    if let Some((peer, when @ (Glare::BeforeReply | Glare::SameTime))) = &crossing {
        let speed = if *when == Glare::BeforeReply { Speed::First } else { Speed::Usual };
        acts::cross(house, peer, speed);
    }
    broker::heard(house, session, Said::Offer, sdp);
    updates::offer(house, session, Some(sdp.to_owned()), Speed::Usual);
    if let Some((peer, Glare::AfterReply)) = &crossing {
        acts::cross(house, peer, Speed::Usual);
    }
    Ok(done().awaiting(session))
}

fn respond(house: &mut House, session: &str, request: &Value) -> Outcome {
    let status = match &request["statusCode"] {
        Value::Null => None,
        Value::String(digits) => Some(digits.parse::<u16>().ok()),
        number => Some(number.as_u64().and_then(|code| u16::try_from(code).ok())),
    };
    let told = match status {
        None => {
            let sdp = description(request)?;
            carry(house, session, parameters(request)?);
            broker::heard(house, session, Said::Answer, sdp);
            transfer::respond(house, session, sdp)
        }
        Some(Some(code @ 300..700)) => {
            broker::refused(house, session);
            transfer::refuse(house, session, code)
        }
        Some(_) => return Err(Refusal::wrong(37, "statusCode is one of SIP's refusals")),
    };
    if told { Ok(done()) } else { Err(Refusal::wrong(1004, "there is no offer to respond to")) }
}

/// The state of a session (w4.16).
fn status(house: &House, asked: &Asked<'_>, session: &str) -> Outcome {
    let leg = house.calls.leg(session).filter(|leg| leg.user() == Some(asked.user));
    match leg.filter(|leg| leg.state != LegState::Ended) {
        Some(leg) => {
            let body = json!({"sessionData": session, "state": leg.state.name()});
            Ok(Reply::success(Resource::CallControl, guesses::DONE, body))
        }
        None => Err(Refusal::code(47)),
    }
}

/// A call that rings is turned down, or sent on (w4.5, w4.7).
fn dispose(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let request = &asked.body["callDispositionRequest"];
    let session = request["sessionData"].as_str();
    let session = session.ok_or_else(|| Refusal::wrong(5, "sessionData is missing"))?;
    let state = own(house, asked, session)?;
    let rings = matches!(state, LegState::Created | LegState::Ringing)
        && house.calls.leg(session).is_some_and(|leg| leg.called);
    if !rings {
        return Err(Refusal::wrong(1004, "the call does not ring"));
    }
    match request["action"].as_str() {
        Some("reject") => {
            let why = reason(603, "Decline");
            if !transfer::declined(house, session, &why) {
                setup::reject(house, session, &why);
            }
        }
        Some("forward") => {
            let to = destination(request, "address")?.to_owned();
            if !transfer::forwarded(house, session, &to) {
                setup::forward(house, session, &to);
            }
        }
        _ => return Err(Refusal::wrong(37, "action is reject or forward")),
    }
    Ok(Reply::success(Resource::Disposition, guesses::DONE, Value::Null))
}
