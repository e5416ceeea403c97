//! The control API: everybody else's part. The common routes are in `docs/protocol/emulator.md`.
//!
//! # Beside the fixed routes
//!
//! What this emulator knows more of:
//!
//! | route | body | what it does |
//! | --- | --- | --- |
//! | `POST calls` | `farEnd`: `prompt`, `echo`, `silence` or `external` | what the far end says |
//! | `POST calls` | `called`, `queue: {id, name}`, `attributes` | the number that was called, the queue that the call comes through, texts by name |
//! | `POST calls/{cid}/far-end` | `{mode}` | what the far end says, in the middle of a call |
//! | `POST calls/{cid}/reinvite` | `{newSession: true}` | the new connection has a session id of its own, as the service does it; the old session is the client's to end |
//! | `POST calls/{cid}/far-holds` | `{direction}` | the far end offers again with that direction as it sees it, `sendonly` unless said (SDP only) |
//! | `POST calls/{cid}/far-changes` | | the far end offers again with habits drawn anew: other payload types, fewer codecs (SDP only) |
//! | `POST calls/{cid}/far-replaced` | | another far end takes over under the same name, with a certificate of its own: by an offer, or in Jingle by `transport-info` |
//! | `POST calls/{cid}/odd-words` | | the far end says what a client answers and has no use for: in Jingle holds, mutes and changes of content, in SDP methods that nobody knows |
//! | `POST calls/{cid}/renegotiate` | `{conversationId}` | the session is renegotiated for another call of the same user, which is on it from then on; a session of its own that it was proposed with is withdrawn |
//! | `POST calls/{cid}/leave` | | the far side of the call's session goes offline, which is all that is said of it; then the call ends |
//! | `DELETE faults` | | none of the faults that wait befalls anybody |
//! | `POST guests` | | one more guest is expected: `{organizationId, code, jwt, conversationId}` |
//! | `POST calls/{cid}/participant` | any field of the leg | is set and told |
//! | `POST connections/drop` | `jid` | that connection only, of several of the user's. Answers `{dropped}` |
//! | `POST channels/expire` | `{userId}` | that user's channels only; without, everybody's. Answers `{expired}` |
//! | `POST options` | `farEnd`, `outboundSignaling`: `jingle` or `sdp` | for calls that are made from then on. Answers all options |
//! | `PATCH users/{id}` | `presence`: a definition's id, or the service's own by its name (`On Queue`) | the user's presence is another one, as if set by another client, and is told |
//! | `PATCH users/{id}` | `voicemail: {total, unread}` | the user's mailbox |
//! | `GET users`, `GET calls` | | `{users: [...]}`, `{calls: [...]}`: all users; all calls that are remembered, the oldest first |
//!
//! A user's token and jid are that user's only: `POST users` and `PATCH users/{id}` answer 409 when
//! another has it. Topics of any user can be subscribed to; what is no topic is refused. The far end of an
//! eager call (`privAnswerMode`) is heard while no call is on its session. From a client of which
//! nothing came for 30 s the consent has expired (RFC 7675): `consent-expired` is told, the session ends
//! with `gone`, and its calls with it.
//!
//! # Far ends outside
//!
//! Another program can be the far end of a call, with a peer connection of its own:
//!
//! | route | body | what it does |
//! | --- | --- | --- |
//! | `POST calls` | `far: {offer?}` | an inbound call with that description as its offer: in SDP as it is, or said in Jingle. Without one, `calls/{cid}/far/offer` brings it |
//! | `GET calls/{cid}/far?wait=MS&after=N` | | what the client said: `{offer, answer, refused, candidates, endOfCandidates, next, sessionId, sessionState}`. It waits for an answer (or a refusal), or, with `after`, for any word after that number; at the end of the call no longer |
//! | `POST calls/{cid}/far/candidates` | a browser's `RTCIceCandidateInit`, or `{candidates: [...]}` of them or of lines; an empty one, or `endOfCandidates: true`, is the end | are told to the client, once it is ready for them |
//! | `POST calls/{cid}/far/offer` | `{offer}` | a new description on the same session: a hold by direction, other codecs. In Jingle only new ICE credentials can be said, as a restart; in SDP they are another peer connection (wire notes 6.14), as those of a re-invite are |
//! | `POST calls/{cid}/far/offer` | `{offer, reinvite: true}` | another peer connection under the session's name (SDP only), or with `newSession: true` under a name of its own |
//! | `POST options` | `outboundFar: true` | calls of the agent's wait for their far end, too: `far-wanted` tells when |
//!
//! `answer` is a description, also where the client spoke Jingle; `candidates` are what the client
//! trickled, as `RTCIceCandidateInit`; `refused` is the condition of a client that took no offer. One
//! offer waits for its answer at a time. Such a call has a session of its own, is never a user's
//! line, and none of its media comes to the emulator: what the agent mutes or holds by REST is
//! told (`muted`, `held` of the call) and is the far end's to heed. Everything else is as for other
//! calls, events included. Rooms can have such far ends, too (`docs/protocol/emulator.md`). There is no case in which the far end answers: the service offers in each
//! session, in calls of the agent's as well (wire notes 5.2, 6.1).
//!
//! A re-invite is repeated every 5 s, as one and the same request, until it is answered; a client
//! that comes back within 3 minutes to the address that it had finds it. Then it is given up: the
//! client is told `terminate` with `expired`, and the session's calls end.
//!
//! Connections that say so (`PATCH apps/users/{id}/connections/{name}`) can ring; the first of a user
//! leads, until it goes or another claims the lead.
//!
//! Events besides the fixed ones: `replaced` (`to`), `consult` (`speakTo`), `digits` and `wrapup`
//! (`code`), by an agent's phone through the API; `leader` (`userId`, `connectionId`: who rings from now on), `re-invited` (`attempt`, from 1), `ice-restarted` (the client
//! has done its part of a restart), `superseded` (the client ended the association that a re-invite of
//! the same name replaced), `consent-expired`, `far-wanted`, `dtmf` (`digit`: a key that the agent pressed),
//! `user-presence` (`userId`, `systemPresence`: set by whomever), `message-retract` and `message-propose` (from a client, which has no business to).

use http::Response;
use offhook::sdp::Direction;
use serde_json::{Value, json};

use super::caller::Caller;
use super::directory::{MAX_NAME, Station, Unusable};
use super::external::{Description, External};
use super::far_waits::Far;
use super::features::FEATURES;
use super::making::{self, Wish};
use super::options::Options;
use super::session::{AlsoJingle, Plan};
use super::signaling::Signaling;
use super::switchboard::Switchboard;
use super::{belongings, far_orders, others, presence, recovery, rooms};
use crate::service::control::{self, Answer};
use crate::service::http::{Incoming, bad_request, error, json as respond, not_found};
use crate::service::{FarEndMode, Output, RequestId};

/// The longest value of a field of a call, as JSON.
const MAX_FIELD: usize = 4096;

/// Answers a control request.
pub(super) fn answer(board: &mut Switchboard, id: RequestId, asked: &Incoming<'_>) -> Answer {
    if let Some(answer) = control::answer(&mut board.world.base, id, asked, &FEATURES) {
        return answer;
    }
    if let Some(answer) = rooms::outside::answer(board, id, asked) {
        return answer;
    }
    if let Some(answer) = rooms::control::answer(board, asked) {
        return Answer::Now(answer);
    }
    let body = &asked.body;
    Answer::Now(match (asked.method, asked.path.as_slice()) {
        ("POST", ["reset"]) => reset(board),
        ("POST", ["users"]) => {
            let world = &mut board.world;
            match world.directory.add(body, &mut world.base.rng) {
                Ok(user) => respond(200, &user.control_body()),
                Err(why) => unusable(why),
            }
        }
        ("GET", ["users"]) => respond(200, &json!({"users": board.world.directory.body()})),
        ("POST", ["guests"]) => {
            let domain = board.world.directory.org_domain();
            match board.world.directory.guests.expect(&domain, &mut board.world.base.rng) {
                Some(guest) => respond(200, &guest.control_body()),
                None => bad_request("too many guests"),
            }
        }
        ("PATCH", ["users", user]) => change_user(board, user, body),
        ("POST", ["calls"]) => make_call(board, body),
        ("GET", ["calls"]) => respond(200, &json!({"calls": board.calls.bodies()})),
        ("GET", ["calls", cid]) => call_body(board, cid),
        ("GET", ["calls", cid, "media"]) => {
            board.calls.media_body(cid).map_or_else(not_found, |media| respond(200, &media))
        }
        ("POST", ["calls", cid, "cancel" | "hangup"]) => {
            others::hang_up(&mut board.calls, cid, &board.streams, &mut board.world);
            call_body(board, cid)
        }
        ("GET", ["calls", cid, "far"]) => {
            let far = Far::Call((*cid).to_owned());
            let (places, now) = ((&board.calls, &board.rooms), board.world.base.now);
            return board.far_waits.ask(id, far, asked, places, now);
        }
        ("POST", ["calls", cid, "far", what @ ("offer" | "candidates")]) => {
            far_end_says(board, cid, what, body)
        }
        ("POST", ["calls", cid, "leave"]) => {
            recovery::leave(&mut board.calls, cid, &board.streams, &mut board.world);
            call_body(board, cid)
        }
        ("POST", ["calls", cid, "elsewhere"]) => match body["how"].as_str() {
            Some(how @ ("accept" | "reject")) => {
                let accepts = how == "accept";
                others::elsewhere(&mut board.calls, cid, accepts, &board.streams, &mut board.world);
                call_body(board, cid)
            }
            _ => bad_request("how is accept or reject"),
        },
        (
            "POST",
            [
                "calls",
                cid,
                what @ ("repropose" | "rebind" | "renegotiate" | "reinvite" | "kill-media"
                | "ice-restart" | "far-holds" | "far-changes" | "far-replaced"
                | "odd-words"),
            ],
        ) => disturb(board, cid, what, body),
        ("POST", ["calls", cid, "participant"]) => match body {
            Value::Object(fields) if fields.iter().all(is_small) => {
                others::set_leg(&mut board.calls, cid, fields, &board.streams, &mut board.world);
                call_body(board, cid)
            }
            _ => bad_request("fields of the call are wanted, of at most 4 KiB each"),
        },
        ("POST", ["calls", cid, "far-end"]) => {
            match body["mode"].as_str().and_then(FarEndMode::named) {
                Some(mode) => {
                    others::set_far_end(
                        &mut board.calls,
                        cid,
                        mode,
                        &board.streams,
                        &mut board.world,
                    );
                    call_body(board, cid)
                }
                None => bad_request("mode is prompt, echo, silence or external"),
            }
        }
        ("GET", ["connections"]) => {
            let connections = board.streams.body(&board.world);
            respond(200, &json!({"connections": connections}))
        }
        ("POST", ["connections", "drop"]) => drop_connections(board, body),
        ("POST", ["channels", "expire"]) => {
            let expired = board.world.directory.expire_channels(body["userId"].as_str());
            respond(200, &json!({"expired": expired}))
        }
        ("POST", ["options"]) => {
            board.world.options.update(body);
            match body.get("outboundSignaling").and_then(Value::as_str) {
                Some("sdp") => board.outbound_signaling = Some(Signaling::Sdp),
                Some("jingle") => board.outbound_signaling = Some(Signaling::Jingle),
                _ => {}
            }
            if let Some(share) = body.get("untidy").and_then(Value::as_f64) {
                board.world.lots.share = share.clamp(0.0, 1.0);
            }
            if let Some(outside) = body.get("outboundFar").and_then(Value::as_bool) {
                board.outbound_far = outside;
            }
            respond(200, &board.world.options.body())
        }
        ("POST", ["stanza"]) => send_stanza(board, body),
        _ => not_found(),
    })
}

fn reset(board: &mut Switchboard) -> Response<Vec<u8>> {
    board.calls.clear(&mut board.world);
    board.rooms.clear(&mut board.world);
    board.streams.clear(&mut board.world);
    board.world.directory.clear();
    board.world.base.clear();
    board.world.options = Options::default();
    board.world.lots.share = 0.0;
    board.outbound_signaling = None;
    board.outbound_far = false;
    respond(200, &json!({}))
}

fn call_body(board: &Switchboard, cid: &str) -> Response<Vec<u8>> {
    board.calls.body(cid).map_or_else(not_found, |call| respond(200, &call))
}

/// Something befalls a call's media or signaling.
fn disturb(board: &mut Switchboard, cid: &str, what: &str, body: &Value) -> Response<Vec<u8>> {
    if board.calls.body(cid).is_none() {
        return not_found();
    }
    if board.calls.is_external(cid) && !matches!(what, "repropose" | "rebind") {
        return bad_request("the far end's own to do: calls/{cid}/far/offer");
    }
    let (calls, streams, world) = (&mut board.calls, &board.streams, &mut board.world);
    let done = match what {
        "repropose" => recovery::repropose(calls, cid, streams, world),
        "rebind" => recovery::rebind(calls, cid, streams),
        "renegotiate" => {
            recovery::renegotiate(calls, cid, body["conversationId"].as_str(), streams, world)
        }
        "reinvite" => {
            let renamed = body["newSession"].as_bool().unwrap_or_default();
            recovery::reinvite(calls, cid, renamed, world)
        }
        "kill-media" => recovery::kill_media(calls, cid, world),
        "far-holds" => {
            let direction = body["direction"].as_str().and_then(Direction::from_name);
            let direction = direction.unwrap_or(Direction::SendOnly);
            recovery::offer_again(calls, cid, Some(direction), streams, world)
        }
        "far-changes" => recovery::offer_again(calls, cid, None, streams, world),
        "far-replaced" => recovery::replace_far_end(calls, cid, world),
        "odd-words" => recovery::say_odd_words(calls, cid, streams, world),
        _ => recovery::restart_ice(calls, cid, streams, world),
    };
    if done { call_body(board, cid) } else { bad_request("not on such a call as it stands") }
}

/// Takes what a far end that is played outside has for the client.
fn far_end_says(board: &mut Switchboard, cid: &str, what: &str, body: &Value) -> Response<Vec<u8>> {
    if !board.calls.is_external(cid) {
        return not_found();
    }
    let (calls, streams, world) = (&mut board.calls, &board.streams, &mut board.world);
    let said = match (what, Description::read(body)) {
        ("offer", Ok(new)) => far_orders::far_offer(calls, cid, &new, streams, world),
        ("offer", Err(why)) => Err(why.to_owned()),
        _ => far_orders::far_candidates(calls, cid, body, streams, world)
            .map(drop)
            .map_err(str::to_owned),
    };
    match said {
        Ok(()) => board.calls.far_body(cid).map_or_else(not_found, |far| respond(200, &far)),
        Err(why) => bad_request(&why),
    }
}

fn change_user(board: &mut Switchboard, id: &str, body: &Value) -> Response<Vec<u8>> {
    let action = match body["stationEvent"].as_str() {
        Some(action @ ("Associated" | "Disassociated" | "WebRTCMigration")) => Some(action),
        Some(_) => return bad_request("no such station event"),
        None => None,
    };
    let presence = body["presence"].as_str().map(belongings::named);
    if presence == Some(None) {
        return bad_request("no presence that can be set");
    }
    let world = &mut board.world;
    let Some(mut user) = world.directory.user(id).cloned() else { return not_found() };
    if let Some(token) = body["token"].as_str() {
        token.clone_into(&mut user.token);
    }
    if let Some(wish) = body.get("station") {
        let old = user.station.take();
        user.station = Station::from_control(Some(wish), &mut world.base.rng);
        // A migration changes what the phone can do, not which it is.
        if let (Some("WebRTCMigration"), Some(old), Some(new)) = (action, old, &mut user.station) {
            new.id = old.id;
        }
    }
    if body["voicemail"].is_object() {
        user.belongings.count(&body["voicemail"]);
    }
    if let Err(why) = world.directory.put(user.clone()) {
        return unusable(why);
    }
    if let Some(action) = action {
        board.streams.publish_station(&user, action, world);
    }
    if let Some(definition) = presence
        && let Err(why) = presence::set(board, id, definition, None)
    {
        return bad_request(why);
    }
    respond(200, &user.control_body())
}

fn make_call(board: &mut Switchboard, body: &Value) -> Response<Vec<u8>> {
    if body["kind"].as_str().is_some_and(|kind| kind != "inbound") {
        return bad_request("kind is inbound");
    }
    let user = body["userId"].as_str().and_then(|id| board.world.directory.user(id));
    let Some(user) = user.cloned() else { return not_found() };
    let signaling = match body["signaling"].as_str() {
        None | Some("jingle") => Signaling::Jingle,
        Some("sdp") => Signaling::Sdp,
        Some(_) => return bad_request("signaling is jingle or sdp"),
    };
    let purpose = body["purpose"].as_str().unwrap_or("agent");
    let plan = Plan {
        signaling,
        trickle: body["trickle"].as_bool().unwrap_or(signaling == Signaling::Jingle),
        auto_answer: body["autoAnswer"].as_bool().unwrap_or_default(),
        eager: body["privAnswerMode"] == "Auto",
        also_jingle: match body["alsoJingle"].as_str() {
            Some("before") => Some(AlsoJingle::Before),
            Some("after") => Some(AlsoJingle::After),
            _ => None,
        },
    };
    let external = match External::asked(body, signaling) {
        Ok(external) => external,
        Err(why) => return bad_request(&why),
    };
    let far_end = body["farEnd"].as_str().and_then(FarEndMode::named);
    let wish = Wish {
        plan,
        far_end: far_end.unwrap_or(board.world.options.far_end),
        external,
        event_first: body["eventFirst"].as_bool().unwrap_or(true),
    };
    let from = match Caller::read(body) {
        Ok(from) if purpose.len() <= MAX_NAME => from,
        Ok(_) => return bad_request("a purpose has at most 255 bytes"),
        Err(why) => return bad_request(why),
    };
    let (streams, world) = (&board.streams, &mut board.world);
    match making::ring(&mut board.calls, &user, wish, from, purpose, streams, world) {
        Some(id) => call_body(board, &id),
        None => bad_request("the call cannot be made"),
    }
}

fn drop_connections(board: &mut Switchboard, body: &Value) -> Response<Vec<u8>> {
    let mut conns = board.streams.of_user(body["userId"].as_str());
    if let Some(jid) = body["jid"].as_str() {
        conns.retain(|conn| board.streams.jid(*conn).is_some_and(|own| own.as_str() == jid));
    }
    let code = body["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let dropped = conns.len();
    for conn in conns {
        let channel = board.streams.channel_of(conn).unwrap_or_default().to_owned();
        let (streams, world) = (&mut board.streams, &mut board.world);
        match body["mode"].as_str() {
            None | Some("tcp") => world.base.push(Output::CloseSocket { conn, code: None }),
            Some("close") => {
                world.base.push(Output::CloseSocket { conn, code: Some(code.unwrap_or(1001)) });
            }
            Some("stream-error") => {
                streams.stream_error(conn, "internal-server-error", world);
                world.base.push(Output::CloseSocket { conn, code: Some(1000) });
            }
            Some("xmpp-close") => streams.close(conn, world),
            Some(mode @ ("no_longer_subscribed" | "duplicate_id")) => {
                let node = format!("system.v2.{mode}.{channel}");
                streams.notice(conn, &node, &channel, world);
                streams.close(conn, world);
            }
            Some(_) => return bad_request("no such mode"),
        }
    }
    respond(200, &json!({"dropped": dropped}))
}

fn send_stanza(board: &mut Switchboard, body: &Value) -> Response<Vec<u8>> {
    let (Some(user), Some(xml)) = (body["userId"].as_str(), body["xml"].as_str()) else {
        return bad_request("userId and xml are wanted");
    };
    let resources = board.streams.resources(user);
    for (conn, jid) in &resources {
        let text = xml.replace("{jid}", jid.as_str());
        board.streams.send_text(*conn, text, &mut board.world);
    }
    respond(200, &json!({"sent": resources.len()}))
}

/// True if that may be kept with a call.
fn is_small((key, value): (&String, &Value)) -> bool {
    key.len() <= MAX_NAME && value.to_string().len() <= MAX_FIELD
}

/// A user that there cannot be; what another has is a conflict.
fn unusable(why: Unusable) -> Response<Vec<u8>> {
    match why {
        Unusable::TokenTaken | Unusable::AddressTaken => error(409, "conflict", &why.to_string()),
        Unusable::TooMany | Unusable::Address | Unusable::Length | Unusable::Empty => {
            bad_request(&why.to_string())
        }
    }
}
