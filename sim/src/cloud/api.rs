//! The service's REST API (wire notes 8).

use http::Response;
use serde_json::{Value, json};

use super::directory::User;
use super::external::External;
use super::org::ORG;
use super::signaling::Signaling;
use super::switchboard::Switchboard;
use super::{controls, making, presence, rooms, topics};
use crate::service::http::{Incoming, bad_request, empty, error, json as respond, not_found};

/// Answers a request for the service.
pub(super) fn answer(board: &mut Switchboard, asked: &Incoming<'_>) -> Response<Vec<u8>> {
    // Guests have no token.
    if let ["diagnostics", ..] = asked.path.as_slice() {
        return respond(202, &json!({}));
    }
    if let ("POST", ["conversations", "codes"]) = (asked.method, asked.path.as_slice()) {
        return redeem(board, &asked.body);
    }
    let directory = &board.world.directory;
    let user = asked.token.and_then(|token| directory.by_token(token));
    // A background assistant has its JWT, and nothing to ask but this.
    let user = match asked.path.as_slice() {
        ["recordings", "screensessions", "metadata", "backgroundassistant"] => {
            user.or_else(|| directory.user(directory.guests.admitted(asked.token?)?))
        }
        _ => user,
    };
    let Some(user) = user.cloned() else {
        return error(401, "bad.credentials", "Invalid login credentials.");
    };
    if let Some(answer) = rooms::rest::answer(&mut board.rooms, &user, asked, &mut board.world) {
        return answer;
    }
    if let Some(answer) = presence::answer(board, &user, asked) {
        return answer;
    }
    match (asked.method, asked.path.as_slice()) {
        ("GET", ["organizations", "me"]) => respond(
            200,
            &json!({
                "id": ORG, "name": "Lab Org", "domain": "lab-org", "version": 1,
                "state": "active", "defaultLanguage": "en-us", "features": {},
                "selfUri": "/api/v2/organizations/me",
            }),
        ),
        ("GET", ["users", "me"]) => {
            let with_station = asked.query("expand").is_some_and(|e| e.contains("station"));
            respond(200, &user.body(with_station))
        }
        ("GET", ["stations", id]) => match board.world.directory.by_station(id) {
            Some((owner, station)) => respond(200, &station.body(owner)),
            None => not_found(),
        },
        ("POST", ["notifications", "channels"]) => open_channel(board, &user),
        (method @ ("PUT" | "POST"), ["notifications", "channels", id, "subscriptions"]) => {
            subscribe(board, &user, id, &asked.body, method == "PUT")
        }
        ("GET", ["conversations"]) => {
            let all = board.calls.conversations(&user.id);
            respond(200, &json!({"entities": all, "total": all.len()}))
        }
        ("POST", ["conversations", "calls"]) => dial(board, &user, &asked.body),
        ("GET", ["conversations", id] | ["conversations", "calls", id]) => {
            let call = board.calls.conversation(&user.id, id);
            let known = call.or_else(|| board.rooms.conversation(&user.id, id));
            known.map_or_else(not_found, |conversation| respond(200, &conversation))
        }
        ("PATCH", ["conversations", "calls", id, "participants", participant]) => {
            if !asked.body.is_object() {
                return bad_request("a JSON object is wanted");
            }
            let (streams, world) = (&board.streams, &mut board.world);
            if asked.body["wrapup"].is_object() {
                let call_of = (&*user.id, *id, *participant);
                let done = controls::wrap_up(&board.calls, call_of, &asked.body["wrapup"], world);
                return if done { respond(202, &json!({})) } else { not_found() };
            }
            let done = controls::change(
                &mut board.calls,
                &user.id,
                id,
                participant,
                &asked.body,
                streams,
                world,
            );
            if done { respond(202, &json!({})) } else { not_found() }
        }
        ("POST", ["conversations", "calls", id, "participants", participant, "replace"]) => {
            let call_of = (&*user.id, *id, *participant);
            controls::replace(
                &mut board.calls,
                call_of,
                &asked.body,
                &board.streams,
                &mut board.world,
            )
        }
        (method, ["conversations", "calls", id, "participants", participant, "consult"]) => {
            let call_of = (&*user.id, *id, *participant);
            controls::consult(&mut board.calls, call_of, method, &asked.body, &mut board.world)
        }
        ("POST", ["conversations", "calls", id, "participants", participant, "digits"]) => {
            let call_of = (&*user.id, *id, *participant);
            controls::press(&mut board.calls, call_of, &asked.body, &mut board.world)
        }
        ("POST", ["conversations", "calls", id, "communications", _, "metadata"]) => {
            match board.calls.conversation(&user.id, id) {
                Some(_) => empty(202),
                None => not_found(),
            }
        }
        ("PATCH", ["apps", "users", id, "connections", connection]) if *id == user.id => {
            match board.streams.set_alertable(&user.id, connection, &mut board.world) {
                true => empty(204),
                false => not_found(),
            }
        }
        ("GET", ["users", "alertingleader"]) => {
            board.streams.leader(&user.id).map_or_else(not_found, |leader| respond(200, &leader))
        }
        ("PUT", ["users", "alertingleader"]) => {
            let connection = asked.body["connectionId"].as_str().unwrap_or_default();
            match board.streams.claim_lead(&user.id, connection, &mut board.world) {
                true => respond(200, &json!({"connectionId": connection})),
                false => bad_request("not a connection that can ring"),
            }
        }
        _ => {
            let data = json!({"method": asked.method, "path": asked.raw_path});
            board.world.base.happened("unhandled-rest", data);
            not_found()
        }
    }
}

/// A guest's code for a JWT (wire notes 8.1).
fn redeem(board: &Switchboard, body: &Value) -> Response<Vec<u8>> {
    let (organization, code) = (body["organizationId"].as_str(), &body["addCommunicationCode"]);
    match code.as_str().and_then(|code| board.world.directory.guests.by_code(code)) {
        Some(guest) if organization == Some(ORG) => respond(200, &guest.body()),
        _ => error(404, "not.found", "No such code."),
    }
}

fn open_channel(board: &mut Switchboard, user: &User) -> Response<Vec<u8>> {
    let world = &mut board.world;
    let id = world.directory.open_channel(&user.id, &mut world.base.rng);
    respond(
        200,
        &json!({
            "id": id, "connectUri": format!("wss://streaming.{}/channels/{id}", world.domain),
            "expires": world.base.clock.tomorrow(world.base.now),
        }),
    )
}

fn subscribe(
    board: &mut Switchboard,
    user: &User,
    id: &str,
    topics: &Value,
    replace: bool,
) -> Response<Vec<u8>> {
    let Some(topics) = topics.as_array() else {
        return bad_request("an array of topics is wanted");
    };
    let directory = &mut board.world.directory;
    if directory.channels.get(id).is_none_or(|channel| channel.user != user.id) {
        return not_found();
    }
    if replace {
        directory.forget_topics(id);
    }
    let topics: Vec<_> = topics.iter().filter_map(|topic| topic["id"].as_str()).collect();
    let mut entities = Vec::new();
    for topic in topics.iter().flat_map(|topic| topics::parts(topic)) {
        let refused = if !directory.knows_topic(&topic) {
            Some("no such topic")
        } else if directory.subscribe(id, &topic) {
            None
        } else {
            Some("too many topics")
        };
        entities.push(match refused {
            Some(why) => json!({"id": topic, "state": "Rejected", "rejectionReason": why}),
            None => json!({
                "id": topic, "state": "Permitted",
                "selfUri": format!("/api/v2/notifications/channels/{id}/subscriptions/{topic}"),
            }),
        });
    }
    board.world.base.happened("subscribe", json!({"userId": user.id, "topics": topics}));
    respond(200, &json!({"entities": entities}))
}

fn dial(board: &mut Switchboard, user: &User, body: &Value) -> Response<Vec<u8>> {
    let to =
        ["phoneNumber", "callUserId", "callQueueId"].iter().find_map(|key| body[*key].as_str());
    let Some(to) = to.filter(|to| to.len() <= super::directory::MAX_NAME) else {
        return bad_request("nobody to call");
    };
    let signaling = board.outbound_signaling;
    let (streams, world) = (&board.streams, &mut board.world);
    let external = board.outbound_far.then(External::default);
    let signaling = signaling.unwrap_or(Signaling::Jingle);
    match making::dial(&mut board.calls, user, to, signaling, external, streams, world) {
        Some(id) => {
            let uri = format!("/api/v2/conversations/calls/{id}");
            respond(202, &json!({"id": id, "selfUri": uri}))
        }
        None => bad_request("the call cannot be made"),
    }
}
