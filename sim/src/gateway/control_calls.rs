//! Calls and parties by the control API: everybody who has no client.

use http::Response;
use offhook::media::Digit;
use offhook::sdp::Direction;
use serde_json::{Value, json};

use super::acts;
use super::address::Identity;
use super::agenda::Act;
use super::call::{Channel, Glare};
use super::far::Change;
use super::house::House;
use super::leg::{Leg, LegState, Party};
use super::media;
use super::news::{Speed, words};
use super::party::{Plan, Script, Scripted};
use super::setup::{self, reason};
use crate::service::FarEndMode;
use crate::service::http::{bad_request, error, json as respond, not_found};

/// Answers a control request about calls or parties; none where it is not one.
pub(super) fn answer(
    house: &mut House,
    method: &str,
    path: &[&str],
    body: &Value,
) -> Option<Response<Vec<u8>>> {
    Some(match (method, path) {
        ("POST", ["calls"]) => make(house, body),
        ("GET", ["calls"]) => respond(200, &json!(house.calls.bodies())),
        ("GET", ["calls", call]) => call_body(house, call),
        ("GET", ["calls", call, "media"]) => media_body(house, call),
        ("POST", ["calls", call, what]) => match house.calls.find(call) {
            Some(call) => match befall(house, &call, what, body) {
                Ok(()) => call_body(house, &call),
                Err(Unable::NoSuchRoute) => not_found(),
                Err(Unable::Because(why)) => bad_request(&why),
            },
            None => not_found(),
        },
        ("POST", ["parties"]) => match Plan::read(body) {
            Ok(plan) => {
                let told = plan.body();
                match house.parties.add(plan) {
                    Ok(()) => respond(200, &told),
                    Err(why) => bad_request(why),
                }
            }
            Err(why) => bad_request(why),
        },
        _ => return None,
    })
}

/// The reason why something cannot befall a call.
enum Unable {
    NoSuchRoute,
    Because(String),
}

impl<T: Into<String>> From<T> for Unable {
    fn from(why: T) -> Self {
        Self::Because(why.into())
    }
}

fn call_body(house: &House, name: &str) -> Response<Vec<u8>> {
    let body = house.calls.find(name).and_then(|call| house.calls.body(&call));
    body.map_or_else(not_found, |body| respond(200, &body))
}

fn media_body(house: &House, name: &str) -> Response<Vec<u8>> {
    let Some(call) = house.calls.find(name) else { return not_found() };
    let leg = media::scripted_in(house, &call);
    match leg.as_ref().and_then(|leg| house.calls.leg(leg)?.scripted()) {
        Some(scripted) => respond(200, &scripted.media_body()),
        None if house.world.options.broker => respond(200, &brokered(house, &call)),
        None => error(404, "not.found", "Nobody without a client is in the call."),
    }
}

/// The figures of the gateway's own media, leg by leg (option `broker`).
fn brokered(house: &House, call: &str) -> Value {
    let legs = house.calls.call(call).into_iter().flat_map(super::call::Call::legs);
    let figures = legs.filter_map(|session| {
        let leg = house.calls.leg(session)?;
        let mut body = leg.relay.as_ref()?.far.as_ref()?.body();
        body["sessionData"] = json!(session);
        body["user"] = json!(leg.user());
        Some(body)
    });
    json!({"legs": figures.collect::<Vec<_>>()})
}

/// Somebody without a client calls a user.
fn make(house: &mut House, body: &Value) -> Response<Vec<u8>> {
    let Some(to) = body["to"].as_str().filter(|to| (1..=512).contains(&to.len())) else {
        return bad_request("to is missing");
    };
    let address = super::address::plain(to).to_owned();
    if house.world.directory.user(&address).is_none() {
        return not_found();
    }
    if !house.calls.has_room() {
        return bad_request("too many calls");
    }
    let text = |value: &Value, usual: &str| {
        value.as_str().filter(|text| text.len() <= 512).unwrap_or(usual).to_owned()
    };
    let from = text(&body["from"]["address"], "+16135550100@pstn.example.com");
    let who = Identity::new(&from, &text(&body["from"]["name"], "Customer"));
    let mode = body["farEnd"].as_str().map_or(Some(FarEndMode::Prompt), FarEndMode::named);
    let Some(mode) = mode else {
        return bad_request("farEnd is prompt, echo, silence or external");
    };
    let channel = match body["channel"].as_str() {
        None | Some("websocket") => Channel::Socket,
        Some("push") => Channel::Push,
        Some("both") => Channel::Both,
        Some(_) => return bad_request("channel is websocket, push or both"),
    };
    let plan = Plan {
        who: who.clone(),
        script: Script::Calls,
        after: std::time::Duration::ZERO,
        status: None,
        mode,
    };
    let mut scripted = Scripted::new(&plan);
    scripted.video = body["media"] == "video";
    scripted.slow_start = body["slowStart"].as_bool().unwrap_or_default();
    let (id, session) = setup::begin(house, who, Party::Scripted(Box::new(scripted)));
    if let Some(call) = house.calls.call_mut(&id) {
        call.channel = channel;
        call.parameters = parameters(&body["customParameters"]);
    }
    match setup::place(house, &id, 1, &address) {
        Ok(_) => {
            let udp = house.world.base.open_media(&session);
            let leg = house.calls.leg_mut(&session);
            if let Some(scripted) = leg.and_then(|leg| leg.scripted_mut()) {
                scripted.udp = Some(udp);
            }
        }
        Err(why) => setup::end(house, &id, &why, None),
    }
    call_body(house, &id)
}

/// Custom parameters as a list, or as an object of names and values.
fn parameters(body: &Value) -> Option<Value> {
    match body {
        Value::Array(_) => Some(body.clone()),
        Value::Object(pairs) if !pairs.is_empty() => {
            let list = pairs.iter().map(|(name, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                json!({"name": name, "value": value})
            });
            Some(list.collect())
        }
        _ => None,
    }
}

/// The leg without a client that does what is asked.
fn far(house: &House, call: &str) -> Result<String, Unable> {
    let leg = media::scripted_in(house, call);
    let leg = leg.filter(|leg| house.calls.leg(leg).is_some_and(|leg| !leg.state.is_over()));
    leg.ok_or_else(|| "nobody without a client is in the call".into())
}

fn flag(body: &Value, key: &str) -> bool {
    body[key].as_bool().unwrap_or(true)
}

/// The far party of a call does something, or something befalls it.
fn befall(house: &mut House, call: &str, what: &str, body: &Value) -> Result<(), Unable> {
    let change = |house: &mut House, change: Change| -> Result<(), Unable> {
        let far = far(house, call)?;
        Ok(acts::change(house, &far, change, Speed::Usual)?)
    };
    match what {
        "cancel" | "hangup" => hang_up(house, call, what, body),
        "ring" | "progress" | "answer" => {
            let act = match what {
                "ring" => Act::Ring,
                "progress" => Act::Progress,
                _ => Act::Answer,
            };
            let far = far(house, call)?;
            if house.calls.leg(&far).and_then(Leg::scripted).is_none_or(|far| far.far.is_none()) {
                return Err("its media is not there yet".into());
            }
            acts::perform(house, &far, act);
            Ok(())
        }
        "reject" => {
            let far = far(house, call)?;
            if house.calls.leg(&far).is_some_and(|leg| leg.state == LegState::Answered) {
                return Err("it was answered".into());
            }
            acts::decline(house, &far, body["statusCode"].as_i64());
            Ok(())
        }
        "hold" => change(house, Change::Direction(Direction::Inactive)),
        "unhold" => change(house, Change::Direction(Direction::SendRecv)),
        "music" if flag(body, "on") => change(house, Change::Direction(Direction::SendOnly)),
        "music" => change(house, Change::Direction(Direction::Inactive)),
        "video" => change(house, Change::Video(flag(body, "on"))),
        "refresh" => change(house, Change::Nothing),
        "restart" => change(house, Change::Restart),
        "new-peer" => change(house, Change::Anew),
        "slow-start" => {
            let far = far(house, call)?;
            Ok(acts::ask(house, &far)?)
        }
        "parameters" => {
            let list = body.get("customParameters").unwrap_or(body);
            let list = parameters(list).ok_or("names and values are wanted")?;
            let far = far(house, call)?;
            for peer in house.calls.peers(&far) {
                if let Some(leg) = house.calls.leg_mut(&peer) {
                    leg.parameters = Some(list.clone());
                }
            }
            Ok(())
        }
        "dtmf" => {
            let tones = body["tones"].as_str().unwrap_or_default();
            let digits: Result<Vec<_>, _> = tones.chars().map(Digit::try_from).collect();
            let digits = digits.map_err(|_| "tones are 0-9, A-D, * and #")?;
            if !digits.is_empty() && media::far_keys(house, call, &digits) {
                Ok(())
            } else {
                Err("keys cannot be pressed now".into())
            }
        }
        "far-end" => {
            let mode = body["mode"].as_str().and_then(FarEndMode::named);
            let mode = mode.ok_or("mode is prompt, echo, silence or external")?;
            let far = far(house, call)?;
            if let Some(scripted) = house.calls.leg_mut(&far).and_then(|leg| leg.scripted_mut()) {
                scripted.usual = mode;
            }
            media::set_mode(house, &far, mode);
            Ok(())
        }
        "glare" => {
            let when = match body["when"].as_str() {
                None | Some("same-time") => Glare::SameTime,
                Some("before-reply") => Glare::BeforeReply,
                Some("after-reply") => Glare::AfterReply,
                Some(_) => return Err("when is same-time, before-reply or after-reply".into()),
            };
            far(house, call)?;
            if let Some(call) = house.calls.call_mut(call) {
                call.glare = Some(when);
            }
            Ok(())
        }
        "elsewhere" => elsewhere(house, call, body["how"].as_str().unwrap_or("answer")),
        "forget" => {
            setup::forget(house, call);
            Ok(())
        }
        _ => Err(Unable::NoSuchRoute),
    }
}

fn hang_up(house: &mut House, call: &str, what: &str, body: &Value) -> Result<(), Unable> {
    let far = far(house, call)?;
    let is_up = house.calls.leg(&far).is_some_and(|leg| leg.state == LegState::Answered);
    if what == "cancel" && is_up {
        return Err("it was answered".into());
    }
    let code = body["statusCode"].as_i64().unwrap_or(if is_up { 200 } else { 487 });
    let usual = if is_up && code == 200 { "Call ended" } else { words(code) };
    let text = body["reasonText"].as_str().filter(|text| text.len() <= 512).unwrap_or(usual);
    setup::hang_up(house, &far, &reason(code, text));
    Ok(())
}

/// Another client of the user does something with a call that rings.
fn elsewhere(house: &mut House, call: &str, how: &str) -> Result<(), Unable> {
    let ringing = house.calls.call(call).and_then(|call| {
        let end = &call.ends[1];
        end.legs.first().filter(|_| end.chosen.is_none()).cloned()
    });
    let leg = ringing.ok_or("the call does not ring")?;
    let is_client = house.calls.leg(&leg).is_some_and(|leg| leg.user().is_some());
    if !is_client {
        return Err("the call does not ring at a user".into());
    }
    match how {
        "answer" => setup::answer_elsewhere(house, call),
        "reject" => setup::reject(house, &leg, &reason(603, words(603))),
        "forward" => setup::forward_elsewhere(house, call),
        _ => return Err("how is answer, reject or forward".into()),
    }
    Ok(())
}
