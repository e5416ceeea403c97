//! Somebody without a client: what they do by script, and their media.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::machine::UdpId;
use serde_json::{Value, json};

use super::address::{self, Identity};
use super::far::Far;
use super::world::World;
use crate::service::FarEndMode;

/// Parties that may be dialled; one more is refused.
const MAX_PARTIES: usize = 10_000;
/// The longest that a party waits.
const MAX_AFTER: u64 = 600_000;
/// The address that stands for all that nobody else has.
const ANYBODY: &str = "*";

/// The behaviour of a party that is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Rings, and answers soon.
    Answer,
    /// Rings until it is told otherwise.
    Ring,
    /// Is heard before it answers.
    EarlyMedia,
    Busy,
    Decline,
    /// Nothing comes of it.
    Silent,
    /// Takes its time.
    Slow,
    /// Called by itself.
    Calls,
}

impl Script {
    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Answer,
            Self::Ring,
            Self::EarlyMedia,
            Self::Busy,
            Self::Decline,
            Self::Silent,
            Self::Slow,
        ];
        all.into_iter().find(|script| script.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Ring => "ring",
            Self::EarlyMedia => "early-media",
            Self::Busy => "busy",
            Self::Decline => "decline",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Calls => "caller",
        }
    }

    /// Milliseconds after which it does what it does, unless said otherwise.
    const fn after(self) -> u64 {
        match self {
            Self::Answer | Self::EarlyMedia => 100,
            Self::Busy | Self::Silent | Self::Ring | Self::Calls => 50,
            Self::Decline => 500,
            Self::Slow => 3000,
        }
    }

    /// The code with which it turns a call down, unless said otherwise.
    pub(super) const fn refusal(self) -> (i64, &'static str) {
        match self {
            Self::Busy => (486, "Busy Here"),
            Self::Answer
            | Self::Ring
            | Self::EarlyMedia
            | Self::Decline
            | Self::Silent
            | Self::Slow
            | Self::Calls => (603, "Decline"),
        }
    }
}

/// One that may be dialled.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) who: Identity,
    pub(super) script: Script,
    pub(super) after: Duration,
    pub(super) status: Option<i64>,
    pub(super) mode: FarEndMode,
}

impl Plan {
    pub(super) fn read(body: &Value) -> Result<Self, &'static str> {
        let address = body["address"].as_str().filter(|text| (1..=512).contains(&text.len()));
        let address = address.ok_or("address is missing")?;
        let script = body["script"].as_str().map_or(Some(Script::Answer), Script::named);
        let script = script.ok_or("no such script")?;
        let mode = body["farEnd"].as_str().map_or(Some(FarEndMode::Prompt), FarEndMode::named);
        let name = body["name"].as_str().filter(|name| name.len() <= 255);
        let after = body["afterMs"].as_u64().unwrap_or(script.after()).min(MAX_AFTER);
        let local = address::local_part(address::plain(address));
        Ok(Self {
            who: Identity::new(address, name.unwrap_or(local)),
            script,
            after: Duration::from_millis(after),
            status: body["statusCode"].as_i64(),
            mode: mode.ok_or("farEnd is prompt, echo, silence or external")?,
        })
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "address": self.who.address, "name": self.who.name, "script": self.script.name(),
            "afterMs": self.after.as_millis() as u64, "statusCode": self.status,
            "farEnd": self.mode.name(),
        })
    }
}

/// Those that may be dialled, by address.
#[derive(Debug, Default)]
pub(super) struct Parties {
    by_address: BTreeMap<String, Plan>,
}

impl Parties {
    pub(super) fn add(&mut self, plan: Plan) -> Result<(), &'static str> {
        let address = plan.who.address.clone();
        if self.by_address.len() >= MAX_PARTIES && !self.by_address.contains_key(&address) {
            return Err("too many parties");
        }
        self.by_address.insert(address, plan);
        Ok(())
    }

    /// The one at an address, or at its part before the domain.
    pub(super) fn at(&self, dialled: &str) -> Option<&Plan> {
        let exact = self.by_address.get(dialled);
        exact.or_else(|| self.by_address.get(address::local_part(dialled)))
    }

    /// The one who stands for all that nobody else has, at that address.
    pub(super) fn anybody(&self, dialled: &str) -> Option<Plan> {
        let mut plan = self.by_address.get(ANYBODY)?.clone();
        plan.who = Identity::new(dialled, address::local_part(dialled));
        Some(plan)
    }

    pub(super) fn clear(&mut self) {
        self.by_address.clear();
    }
}

/// Somebody without a client, in a call.
pub(super) struct Scripted {
    pub(super) script: Script,
    pub(super) after: Duration,
    pub(super) status: Option<i64>,
    pub(super) mode: FarEndMode,
    /// The mode to go back to after music.
    pub(super) usual: FarEndMode,
    pub(super) video: bool,
    /// True if its call came without an offer.
    pub(super) slow_start: bool,
    /// The sockets that its media waits for.
    pub(super) udp: Option<UdpId>,
    pub(super) far: Option<Far>,
    /// The offer that it has to answer, once it does.
    pub(super) offered: Option<String>,
    /// True while its first offer waits for an answer.
    pub(super) calling: bool,
    /// True while it waits for the offer that it asked for (slow start).
    pub(super) asked: bool,
    /// True if the next offer finds it busy with one of its own, however soon that one is over.
    pub(super) crosses: bool,
    /// The last report of its media, once that is closed.
    pub(super) last_media: Value,
}

impl Scripted {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            script: plan.script,
            after: plan.after,
            status: plan.status,
            mode: plan.mode,
            usual: plan.mode,
            video: false,
            slow_start: false,
            udp: None,
            far: None,
            offered: None,
            calling: false,
            asked: false,
            crosses: false,
            last_media: Value::Null,
        }
    }

    /// Its media as `GET calls/{id}/media` tells it.
    pub(super) fn media_body(&self) -> Value {
        match (&self.far, &self.last_media) {
            (Some(far), _) => far.body(),
            (None, Value::Null) => {
                json!({"connectionState": "new", "packetsReceived": 0, "packetsSent": 0})
            }
            (None, last) => last.clone(),
        }
    }

    /// Its media ends.
    pub(super) fn close(&mut self, world: &mut World) {
        if let Some(mut far) = self.far.take() {
            far.close(world);
            self.last_media = far.body();
        }
        if let Some(udp) = self.udp.take() {
            world.base.close_media(udp);
        }
    }
}
