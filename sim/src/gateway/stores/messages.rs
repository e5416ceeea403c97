//! Messages between users, and notifications that applications send themselves (w5.5).

use serde_json::json;

use crate::gateway::address::plain;
use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::click;
use crate::gateway::guesses;
use crate::gateway::house::House;
use crate::gateway::notify::Notice;
use crate::gateway::reply::{Refusal, Reply, Resource};

/// The longest message.
const MAX_MESSAGE: usize = 64 << 10;

/// A message goes to a user; to others it goes as well, and nobody sees it.
pub(in crate::gateway) fn send(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let request = &asked.body["imRequest"];
    let to = request["toUrl"].as_str().filter(|to| (1..=512).contains(&to.len()));
    let to = to.ok_or_else(|| Refusal::wrong(5, "toUrl is missing"))?;
    let text = request["message"].as_str().filter(|text| text.len() <= MAX_MESSAGE);
    let text = text.ok_or_else(|| Refusal::wrong(5, "message is missing"))?;
    let params = json!({"msgText": text, "primaryContact": format!("sip:{}", asked.user)});
    let notice = Notice::new("IM").with("imnotificationParams", params);
    house.subscriptions.tell_user(plain(to), "IM", &notice, &mut house.world);
    let id = house.world.base.rng.uuid();
    let data = json!({"user": asked.user, "to": plain(to), "messageId": id});
    house.world.base.happened("im", data);
    Ok(Reply::success(Resource::Message, guesses::DONE, json!({"messageId": id})))
}

/// An application tells all clients of its user something; that takes a service of its own.
pub(in crate::gateway) fn external(house: &mut House, asked: &Asked<'_>) -> Outcome {
    if !house.subscriptions.of_user(asked.user).any(|one| one.has("custom")) {
        return Err(Refusal::code(35));
    }
    if !asked.body.is_object() {
        return Err(Refusal::wrong(5, "an object is wanted"));
    }
    let notice = Notice::new("custom").with("externalNotificationParams", asked.body.clone());
    house.subscriptions.tell_user(asked.user, "custom", &notice, &mut house.world);
    Ok(Reply::success(Resource::External, guesses::DONE, json!({})))
}

/// Two parties are to be called (w5.2): whoever plays the telephone network is told.
pub(in crate::gateway) fn click(house: &mut House, asked: &Asked<'_>) -> Outcome {
    let request = &asked.body["clickToCallRequest"];
    let party = |key: &str| {
        let party = request[key].as_str().filter(|party| (1..=512).contains(&party.len()));
        party.ok_or_else(|| Refusal::wrong(5, format!("{key} is missing")))
    };
    let (calling, called) = (party("callingParty")?, party("calledParty")?);
    let data = json!({"user": asked.user, "callingParty": calling, "calledParty": called});
    house.world.base.happened("click-to-call", data);
    click::begin(house, calling, called);
    Ok(Reply::success(Resource::ClickToCall, guesses::DONE, json!({})))
}
