//! Devices that want to be woken by push messages (w5.5).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::gateway::asked::{Asked, Outcome};
use crate::gateway::guesses;
use crate::gateway::reply::{Refusal, Reply, Resource};
use crate::gateway::world::World;

/// Devices of one user; the oldest go.
const MAX_DEVICES: usize = 32;

/// The devices of all users. See the [module](self).
#[derive(Debug, Default)]
pub(in crate::gateway) struct Devices {
    known: BTreeMap<String, Vec<String>>,
}

pub(in crate::gateway) fn answer(
    devices: &mut Devices,
    asked: &Asked<'_>,
    world: &mut World,
) -> Outcome {
    let resource = Resource::of(asked.path);
    let devices = devices.known.entry(asked.user.to_owned()).or_default();
    match (asked.method, asked.path) {
        ("POST", ["push", maker @ ("apple" | "google"), "devices"]) => {
            if !asked.body.is_object() {
                return Err(Refusal::wrong(5, "an object is wanted"));
            }
            let id = world.base.rng.uuid();
            let path = format!("/rest/version/1/user/{}/push/{maker}/devices/{id}", asked.user);
            devices.push(id);
            if devices.len() > MAX_DEVICES {
                devices.remove(0);
            }
            world.base.happened("push-registered", json!({"user": asked.user, "kind": maker}));
            Ok(Reply::success(resource, guesses::MADE, json!({guesses::DEVICE_PATH: path})))
        }
        ("DELETE", ["push", "apple" | "google", "devices", id]) => {
            let at = devices.iter().position(|known| known == id);
            devices.remove(at.ok_or(Refusal::code(42))?);
            Ok(Reply::success(resource, guesses::DONE, Value::Null))
        }
        _ => Err(Refusal::wrong(1004, "no such request about devices")),
    }
}
