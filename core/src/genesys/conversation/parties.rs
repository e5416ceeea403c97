//! The parties of a call, read from what the service tells (wire notes 4.9).

use std::borrow::Cow;

use crate::genesys::call_state::{CallDirection, CallState};
use crate::genesys::ids::{MAX_ID, QueueId, UserId};
use crate::genesys::party::{Parties, Party, Queue};
use crate::genesys::wire::notice::{Notice, Participant};
use crate::plain::plain_within;
use crate::xmpp::Skipped;

impl Parties {
    /// The parties of a call besides the user, who was called or called. None where nothing is
    /// said.
    pub(crate) fn of(
        notice: &Notice<'_>,
        user: &UserId,
        ours: &Participant<'_>,
        direction: CallDirection,
        skipped: &mut Skipped,
    ) -> Option<Self> {
        let mut parties = Self::default();
        let all = notice.participants();
        let remote = notice.other(user).or_else(|| notice.other_gone(user));
        if let Some(remote) = remote {
            parties.remote_name = text(&remote.name, "name", skipped);
            parties.remote_number = remote_number(remote, direction, skipped);
            parties.called_number = called_number(remote, direction, skipped);
        }
        if parties.called_number.is_none() && direction == CallDirection::Inbound {
            let dnis = all.iter().map(|one| &*one.dnis).find(|dnis| !dnis.is_empty());
            parties.called_number = dnis.and_then(|dnis| number(dnis, "dnis", skipped));
        }
        parties.queue = queue(all, ours, skipped);
        let others = all.iter().filter(|one| !one.is(user));
        parties.others.reserve_exact(others.clone().count().min(Self::MAX_OTHERS));
        for other in others {
            if parties.others.len() < Self::MAX_OTHERS {
                parties.others.push(party(other, skipped));
            } else {
                skipped.add("participants: too many");
            }
        }
        let is_remote = |one: &Participant<'_>| remote.is_some_and(|remote| remote.id == one.id);
        let each = all.iter().filter(|one| !is_remote(one)).map(|one| &one.attributes);
        let remote = remote.map(|remote| &remote.attributes);
        let told = [&notice.attributes].into_iter().chain(remote).chain(each).flatten();
        for (name, value) in told {
            if parties.attributes.contains_key(&**name) {
                continue;
            }
            if name.len() > Self::MAX_NAME || value.len() > Self::MAX_VALUE {
                skipped.add("attributes: too long");
            } else if parties.attributes.len() >= Self::MAX_ATTRIBUTES {
                skipped.add("attributes: too many");
            } else {
                let name = plain_within(name, Self::MAX_NAME).into_owned();
                let value = plain_within(value, Self::MAX_VALUE).into_owned();
                parties.attributes.entry(name).or_insert(value);
            }
        }
        (parties != Self::default()).then_some(parties)
    }
}

fn party(other: &Participant<'_>, skipped: &mut Skipped) -> Party {
    let call = other.call();
    let flag = |flag: Option<bool>| flag.unwrap_or_default();
    Party {
        id: (&*other.id).into(),
        purpose: text(&other.purpose, "purpose", skipped).unwrap_or_default(),
        name: text(&other.name, "name", skipped),
        address: text(&other.address, "address", skipped),
        state: call.map(|call| match call.state() {
            CallState::Other(state) => {
                CallState::Other(plain_within(&state, Parties::MAX_NAME).into_owned())
            }
            state @ (CallState::Alerting
            | CallState::Contacting
            | CallState::Dialing
            | CallState::Hold
            | CallState::Connected
            | CallState::Disconnected
            | CallState::Terminated) => state,
        }),
        user: (!other.user_id.is_empty()).then(|| (&*other.user_id).into()),
        queue: queue_id(other, skipped),
        held: flag(call.map(|call| call.held)),
        muted: flag(call.map(|call| call.muted)),
        confined: flag(call.map(|call| call.confined)),
    }
}

/// The number of the other party: an address is theirs in either direction, an `ani` is the
/// caller's.
fn remote_number(
    remote: &Participant<'_>,
    direction: CallDirection,
    skipped: &mut Skipped,
) -> Option<String> {
    let address = number(&remote.address, "address", skipped);
    address.or_else(|| match direction {
        CallDirection::Inbound => number(&remote.ani, "ani", skipped),
        CallDirection::Outbound => number(&remote.dnis, "dnis", skipped),
    })
}

fn called_number(
    remote: &Participant<'_>,
    direction: CallDirection,
    skipped: &mut Skipped,
) -> Option<String> {
    let dnis = number(&remote.dnis, "dnis", skipped);
    dnis.or_else(|| match direction {
        // The other end of the caller's leg.
        CallDirection::Inbound => {
            let other = remote.call()?.other.as_ref()?;
            let called = number(&other.address_normalized, "other", skipped)?;
            (remote_number(remote, direction, &mut Skipped::default()).as_ref() != Some(&called))
                .then_some(called)
        }
        CallDirection::Outbound => number(&remote.address, "address", skipped),
    })
}

/// The queue of our own participant, or else the last that the call waited in. A queue is a
/// participant itself, of its name.
fn queue(all: &[Participant<'_>], ours: &Participant<'_>, skipped: &mut Skipped) -> Option<Queue> {
    let id = queue_id(ours, skipped);
    let same = |one: &&Participant<'_>| {
        &*one.purpose == "acd" && id.as_ref().is_none_or(|id| one.queue_name_of(id.as_str()))
    };
    let waited = all.iter().rev().find(same);
    let name = queue_name(ours, skipped).or_else(|| {
        let waited = waited?;
        queue_name(waited, skipped).or_else(|| text(&waited.name, "name", skipped))
    });
    let id = id.or_else(|| queue_id(waited?, skipped));
    (id.is_some() || name.is_some()).then_some(Queue { id, name })
}

fn queue_id(one: &Participant<'_>, skipped: &mut Skipped) -> Option<QueueId> {
    let named = one.queue.as_ref().map(|queue| &*queue.id);
    let id = [&*one.queue_id].into_iter().chain(named).find(|id| !id.is_empty())?;
    if id.len() > MAX_ID {
        skipped.add("queueId: too long");
        return None;
    }
    Some(id.into())
}

fn queue_name(one: &Participant<'_>, skipped: &mut Skipped) -> Option<String> {
    let named = one.queue.as_ref().map(|queue| &*queue.name);
    let name = [&*one.queue_name].into_iter().chain(named).find(|name| !name.is_empty())?;
    text(name, "queueName", skipped)
}

/// A text as it is kept; none of an empty one.
fn text(text: &str, what: &str, skipped: &mut Skipped) -> Option<String> {
    if text.len() > Parties::MAX_NAME {
        skipped.add(format_args!("{what}: too long"));
        return None;
    }
    (!text.is_empty()).then(|| plain_within(text, Parties::MAX_NAME).into_owned())
}

fn number(address: &str, what: &str, skipped: &mut Skipped) -> Option<String> {
    text(&number_of(address), what, skipped)
}

/// The number in an address: of a `tel:` URI (RFC 3966), or the user of a `sip:` one where that is a
/// number (RFC 3261 section 19.1). Anything else is as it is.
fn number_of(address: &str) -> Cow<'_, str> {
    let (scheme, rest) = address.split_once(':').unwrap_or(("", address));
    let user = match scheme.to_ascii_lowercase().as_str() {
        "tel" => rest.split(';').next().unwrap_or_default(),
        "sip" | "sips" => rest.split(['@', ';']).next().unwrap_or_default(),
        _ => return address.into(),
    };
    let digits = user.strip_prefix('+').unwrap_or(user);
    let is_part = |b: u8| b.is_ascii_digit() || b"-.()*#".contains(&b);
    if !digits.is_empty() && digits.bytes().all(is_part) { user.into() } else { address.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read_with(body: &Value, direction: CallDirection) -> (Option<Parties>, String) {
        let notice = Notice::answered(body).unwrap();
        let (user, mut skipped) = (UserId::from("u"), Skipped::default());
        let ours = notice.ours(&user, None).expect("we are there");
        let parties = Parties::of(&notice, &user, ours, direction, &mut skipped);
        (parties, skipped.to_string())
    }

    fn read(body: &Value) -> Parties {
        read_with(body, CallDirection::Inbound).0.unwrap_or_default()
    }

    fn with(others: &[Value], ours: &Value) -> Value {
        let mut all = others.to_vec();
        let mut agent = json!({"id": "P", "purpose": "agent", "userId": "u", "calls": [
            {"id": "K", "state": "alerting"}]});
        for (key, value) in ours.as_object().unwrap() {
            agent[key] = value.clone();
        }
        all.push(agent);
        json!({"id": "C", "participants": all})
    }

    fn customer(more: &Value) -> Value {
        let mut customer = json!({"id": "X", "purpose": "customer"});
        for (key, value) in more.as_object().unwrap() {
            customer[key] = value.clone();
        }
        customer
    }

    #[test]
    fn wire_4_9_the_remote_number_is_the_number_in_the_address() {
        for (more, number) in [
            (json!({"address": "tel:+15550177"}), Some("+15550177")),
            (json!({"address": "tel:+15550177;ext=5"}), Some("+15550177")),
            (json!({"address": "sip:+15550177@edge.example;user=phone"}), Some("+15550177")),
            (json!({"address": "sip:ann@edge.example"}), Some("sip:ann@edge.example")),
            (json!({"address": "+15550177"}), Some("+15550177")),
            (json!({"address": "", "ani": "tel:+15550177"}), Some("+15550177")),
            (json!({"address": 15550177}), Some("15550177")),
            (json!({"address": null}), None),
            (json!({"address": ["x"]}), None),
        ] {
            let parties = read(&with(&[customer(&more)], &json!({})));
            assert_eq!(parties.remote_number.as_deref(), number, "{more}");
        }
    }

    #[test]
    fn wire_4_9_the_called_number_is_the_dnis_or_the_other_end_of_the_callers_leg() {
        let leg = |other: &str| json!([{"id": "L", "state": "connected", "other": {"addressNormalized": other}}]);
        let (them, us) = ("tel:+15550177", "tel:+15550100");
        for (direction, more, called) in [
            (CallDirection::Inbound, json!({"dnis": us}), Some("+15550100")),
            (CallDirection::Inbound, json!({"calls": leg(us)}), Some("+15550100")),
            (CallDirection::Inbound, json!({"calls": leg(them)}), None),
            (CallDirection::Inbound, json!({}), None),
            (CallDirection::Outbound, json!({"ani": us}), Some("+15550177")),
            (CallDirection::Outbound, json!({"dnis": "tel:+15550178"}), Some("+15550178")),
        ] {
            let mut customer = customer(&more);
            customer["address"] = json!(them);
            let (parties, _) = read_with(&with(&[customer], &json!({})), direction);
            let parties = parties.unwrap();
            assert_eq!(parties.called_number.as_deref(), called, "{more}");
            assert_eq!(parties.remote_number.as_deref(), Some("+15550177"), "{more}");
        }
        let acd = json!({"id": "Q", "purpose": "acd", "dnis": us});
        let parties = read(&with(&[customer(&json!({})), acd], &json!({})));
        assert_eq!(parties.called_number.as_deref(), Some("+15550100"), "of whoever knows it");
    }

    #[test]
    fn wire_4_9_the_queue_is_ours_or_the_last_that_the_call_waited_in() {
        let acd =
            |id: &str, name: &str| json!({"id": id, "purpose": "acd", "queueId": id, "name": name});
        let waited = [acd("q1", "Sales"), acd("q2", "Billing")];
        for (others, ours, id, name) in [
            (&waited[..], json!({"queueId": "q1"}), Some("q1"), Some("Sales")),
            (&waited[..], json!({}), Some("q2"), Some("Billing")),
            (&[], json!({"queueId": "q3", "queueName": "Third"}), Some("q3"), Some("Third")),
            (&[], json!({"queue": {"id": "q4", "name": "Fourth"}}), Some("q4"), Some("Fourth")),
            (&waited[..], json!({"queueId": "q5"}), Some("q5"), None),
        ] {
            let queue = read(&with(others, &ours)).queue.expect("a queue");
            assert_eq!(queue.id.as_ref().map(QueueId::as_str), id, "{ours}");
            assert_eq!(queue.name.as_deref(), name, "{ours}");
        }
        assert_eq!(read(&with(&[], &json!({}))).queue, None);
    }

    #[test]
    fn wire_4_9_who_is_gone_is_the_remote_party_only_where_nobody_else_is_left() {
        let one = |id: &str, name: &str, state: &str| json!({"id": id, "purpose": "external", "name": name, "calls": [{"id": id, "state": state}]});
        let (gone, here) = (one("a", "Ann", "terminated"), one("b", "Bob", "connected"));
        let machine = json!({"id": "i", "purpose": "ivr", "name": "Menu", "calls": [{"id": "i", "state": "connected"}]});
        let parties = read(&with(&[machine.clone(), gone.clone(), here], &json!({})));
        assert_eq!(parties.remote_name.as_deref(), Some("Bob"));
        assert_eq!(parties.others.len(), 3);
        assert_eq!(parties.others[1].state, Some(CallState::Terminated));
        let parties = read(&with(&[machine, gone], &json!({})));
        assert_eq!(parties.remote_name.as_deref(), Some("Ann"));
    }

    #[test]
    fn wire_4_9_of_attributes_of_one_name_the_conversations_counts_then_the_other_partys() {
        let set = |value: &str| json!({"n": value, value: "x"});
        let ivr = json!({"id": "I", "purpose": "ivr", "attributes": set("ivr")});
        let customer = customer(&json!({"attributes": set("customer")}));
        let mut body = with(&[ivr, customer], &json!({"attributes": set("ours")}));
        let n = |body: &Value| read(body).attributes["n"].clone();
        assert_eq!(n(&body), "customer");
        assert_eq!(read(&body).attributes.len(), 4);
        body["attributes"] = set("all");
        assert_eq!(n(&body), "all");
    }

    #[test]
    fn bounds_of_texts_attributes_and_participants_are_kept_and_told() {
        let fill = |length: usize| "x".repeat(length);
        for (name, kept) in [(255, true), (256, false)] {
            let body = with(&[customer(&json!({"name": fill(name)}))], &json!({}));
            let (parties, told) = read_with(&body, CallDirection::Inbound);
            assert_eq!(parties.unwrap().remote_name.is_some(), kept);
            assert_eq!(told.is_empty(), kept, "{told}");
        }
        for (name, value, kept) in [(255, 1024, true), (256, 1, false), (1, 1025, false)] {
            let attributes = json!({fill(name): fill(value)});
            let body = with(&[customer(&json!({"attributes": attributes}))], &json!({}));
            let (parties, told) = read_with(&body, CallDirection::Inbound);
            assert_eq!(parties.unwrap().attributes.len(), usize::from(kept));
            assert_eq!(told.is_empty(), kept, "{told}");
        }
        let attributes: Value =
            (0..65).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
        let body = with(&[customer(&json!({"attributes": attributes}))], &json!({}));
        let (parties, told) = read_with(&body, CallDirection::Inbound);
        assert_eq!(parties.unwrap().attributes.len(), Parties::MAX_ATTRIBUTES);
        assert_eq!(told, "attributes: too many");
        let crowd: Vec<_> = (0..101).map(|n| json!({"id": n.to_string()})).collect();
        let (parties, told) = read_with(&with(&crowd, &json!({})), CallDirection::Inbound);
        assert_eq!(parties.unwrap().others.len(), Parties::MAX_OTHERS);
        assert_eq!(told, "participants: too many");
    }

    #[test]
    fn cv_2_debug_shortens_numbers_and_leaves_attributes_out_and_texts_are_plain() {
        let one =
            customer(&json!({"name": "+1 555 0177", "address": "tel:+15550177", "dnis": "5550100",
            "attributes": {"card": "4111111111111111", "odd\u{202e}": "a\u{1b}b"}}));
        let parties = read(&with(&[one], &json!({})));
        let shown = format!("{parties:?}");
        for hidden in ["0177", "5550100", "4111", "card"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("…77"), "{shown}");
        assert_eq!(parties.attributes["odd\u{fffd}"], "a\u{fffd}b");
        assert!(parties.bytes() > 200);
    }

    proptest! {
        /// Checks that our own part is read alike whatever is said of the others.
        #[test]
        fn the_same_call_with_and_without_these_parts(name in ".{0,20}", number in "[+0-9]{0,9}", key in ".{0,9}") {
            let said = json!({"name": name, "address": number, "dnis": number, "queueId": key, "attributes": {key.clone(): name}});
            let mut ours = said.clone();
            ours["queue"] = json!({"id": key, "name": name});
            let whole = Notice::answered(&with(&[customer(&said)], &ours)).unwrap();
            let bare = Notice::answered(&with(&[customer(&json!({}))], &json!({}))).unwrap();
            let user = UserId::from("u");
            let part = |notice: &Notice<'_>| {
                let ours = notice.ours(&user, None).unwrap();
                (
                    ours.id.to_string(),
                    ours.purpose.to_string(),
                    ours.call().map(|call| call.without_ends()),
                )
            };
            prop_assert_eq!(part(&whole), part(&bare));
        }
    }
}
