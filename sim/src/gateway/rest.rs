//! The gateway's REST API: who asks, what is in the way, and whose matter it is (w1, w4.0, w5).

use http::{Request, Response};
use serde_json::json;

use super::agenda::Job;
use super::asked::{Asked, Outcome};
use super::callcontrol;
use super::credentials::Claim;
use super::house::House;
use super::reply::{Refusal, Reply, Resource, unknown_user};
use super::stores::{
    contacts, devices, history, messages, people, presence, sip_events, voicemail,
};
use super::subscribe;
use crate::service::RequestId;
use crate::service::faults::Effect;
use crate::service::http::{Incoming, decoded, empty, not_found};

/// The largest body that is read.
const MAX_BODY: usize = 1 << 20;
/// The path of all resources of a user.
pub(super) const ROOT: [&str; 4] = ["rest", "version", "1", "user"];
/// The query item of a request that was redirected.
const REDIRECTED: &str = "redirected";

/// Answers a request for the gateway.
pub(super) fn serve(
    house: &mut House,
    id: RequestId,
    request: &Request<Vec<u8>>,
    asked: &Incoming<'_>,
) {
    if let Some(response) = redirection(house, request, asked) {
        return house.world.base.respond(id, response);
    }
    let [user, path @ ..] = asked.path.as_slice() else {
        return house.world.base.respond(id, empty(404));
    };
    let user = decoded(user);
    let kind = asked.body["callControlRequest"]["type"].as_str();
    let fault =
        house.world.base.record.open().faults.take_fault(asked.method, asked.raw_path, kind);
    let told = |response: &Response<Vec<u8>>, house: &mut House| {
        let data = json!({
            "method": asked.method, "path": asked.raw_path, "user": user, "kind": kind,
            "status": response.status().as_u16(),
        });
        house.world.base.happened("rest", data);
    };
    let resource = Resource::of(path);
    let options = &house.world.options;
    let ordered = fault.as_ref().and_then(|fault| {
        fault.response_by(|status, code| Reply::refused(resource, status, code).response(options))
    });
    let at = house.world.base.now + fault.as_ref().map(|fault| fault.delay).unwrap_or_default();
    let effect = fault.as_ref().map_or(Effect::None, |fault| fault.effect);
    if let (Some(response), Effect::None) = (&ordered, effect) {
        told(response, house);
        return house.world.respond_at(at, id, response.clone());
    }
    let claim = Claim::read(request.headers());
    let asked_of_user = Asked {
        user: &user,
        method: asked.method,
        path,
        query: &asked.query,
        body: &asked.body,
        claim: &claim,
    };
    let (response, awaits) = answer(house, &asked_of_user, request.body().len(), resource);
    let response = ordered.unwrap_or(response);
    told(&response, house);
    let chance = house.world.weather.notify_before_reply;
    match awaits.filter(|_| at <= house.world.base.now) {
        Some(session) if house.world.chance(chance) => {
            house.held.hold(&session, id, response, &mut house.world);
        }
        // After what the request led to.
        _ if effect == Effect::Before => house.world.agenda.add(at, Job::Reply { id, response }),
        _ => house.world.respond_at(at, id, response),
    }
}

/// Answers a request beside the users' resources: devices are registered there, too (w5.5).
pub(super) fn beside(
    house: &mut House,
    id: RequestId,
    request: &Request<Vec<u8>>,
    asked: &Incoming<'_>,
) {
    let ["rest", "version", "1", path @ ..] = asked.path.as_slice() else {
        return house.world.base.respond(id, not_found());
    };
    let claim = Claim::read(request.headers());
    let user = house.world.directory.all().find(|user| claim.check(user).is_ok());
    let (Some(user), ["push", ..]) = (user.map(|user| user.name.clone()), path) else {
        return house.world.base.respond(id, empty(404));
    };
    let (query, body, method) = (&*asked.query, &asked.body, asked.method);
    let of_user = Asked { user: &user, method, path, query, body, claim: &claim };
    let (response, _) = answer(house, &of_user, request.body().len(), Resource::of(path));
    let status = response.status().as_u16();
    let data = json!({"method": method, "path": asked.raw_path, "user": user, "status": status});
    house.world.base.happened("rest", data);
    house.world.base.respond(id, response);
}

/// The answer to a request, and the session whose next notification may overtake it.
fn answer(
    house: &mut House,
    asked: &Asked<'_>,
    length: usize,
    resource: Resource,
) -> (Response<Vec<u8>>, Option<String>) {
    let Some(user) = house.world.directory.user(asked.user) else { return (unknown_user(), None) };
    let outcome = match asked.claim.check(user) {
        Err(code) => Err(Refusal::code(code)),
        Ok(()) if length > MAX_BODY => Err(Refusal::wrong(5, "the body is too long")),
        Ok(()) => route(house, asked),
    };
    let reply = outcome.unwrap_or_else(|refusal| {
        if let Some(why) = &refusal.wrong {
            let what = json!({"method": asked.method, "path": asked.path.join("/")});
            house.world.bad_request(asked.user, why, what);
        }
        Reply::refused(resource, None, refusal.code)
    });
    (reply.response(&house.world.options), reply.awaits)
}

fn route(house: &mut House, asked: &Asked<'_>) -> Outcome {
    match (asked.method, asked.path) {
        (_, ["subscription", rest @ ..]) => subscribe::answer(house, asked, rest),
        (_, ["callControl" | "calldisposition", ..]) => {
            callcontrol::answer(house, asked, asked.path)
        }
        _ => store(house, asked),
    }
}

/// Requests about what is kept for a user beside calls.
fn store(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let House { stores, subscriptions, world, .. } = house;
    match (asked.method, asked.path) {
        (_, ["logHistory"] | ["logRecord", _]) => {
            history::answer(&mut stores.history, asked, world)
        }
        (_, ["addressbook", ..]) => contacts::answer(&mut stores.contacts, asked),
        (_, ["directory"]) => people::answer(&stores.people, asked, world),
        (_, ["presence"] | ["presenceWatcher"]) => presence::answer(&mut house.watch(), asked),
        ("POST", ["instantmessage"]) => messages::send(house, asked),
        ("POST", ["externalnotification"]) => messages::external(house, asked),
        ("POST", ["clicktocall"]) => messages::click(house, asked),
        (_, ["eventSubscription", ..]) => {
            sip_events::answer(&mut stores.events, asked, subscriptions, world)
        }
        (_, ["voicemail"]) => voicemail::answer(&stores.mailboxes, asked),
        (_, ["push", ..]) => devices::answer(&mut stores.devices, asked, world),
        _ => {
            let data = json!({
                "method": asked.method, "path": asked.path.join("/"), "user": asked.user,
            });
            house.world.base.happened("unhandled-rest", data);
            Err(Refusal::code(1004))
        }
    }
}

/// Sends a request elsewhere, as often as that is ordered (w8.36).
fn redirection(
    house: &mut House,
    request: &Request<Vec<u8>>,
    asked: &Incoming<'_>,
) -> Option<Response<Vec<u8>>> {
    let status = house.world.options.redirect?;
    let times = asked.query(REDIRECTED).map_or(0, |times| times.parse::<u32>().unwrap_or(u32::MAX));
    if times >= house.world.options.redirect_times {
        return None;
    }
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    // The sign of the time before stands at the end.
    let plain = match path.rsplit_once(REDIRECTED).filter(|_| times > 0) {
        Some((plain, _)) => &plain[..plain.len() - 1],
        None => &path,
    };
    let sign = if plain.contains('?') { '&' } else { '?' };
    let origin = &house.world.options.redirect_to;
    let target = format!("{origin}{plain}{sign}{REDIRECTED}={}", times + 1);
    let mut response = empty(status);
    response.headers_mut().insert(http::header::LOCATION, target.parse().ok()?);
    let data = json!({"method": asked.method, "path": asked.raw_path, "status": status});
    house.world.base.happened("redirected", data);
    Some(response)
}
