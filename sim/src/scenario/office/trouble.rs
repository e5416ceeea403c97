//! Everything that befalls an office: what far parties do, and what goes wrong.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dice::Dice;

/// The kind of day that an office has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Climate {
    /// Nothing goes wrong.
    Calm,
    /// The gateway is busy, and its notifications come as they like.
    Monday,
    /// Whatever a seed draws.
    Swarm,
    /// The gateway does well, and the networks of its users do not.
    Roaming,
}

impl Climate {
    /// The kinds of trouble of a day, and the time between two of each, for one user.
    pub(super) fn drawn(self, dice: &mut Dice) -> Vec<(Trouble, Duration)> {
        let often = Duration::from_secs(240);
        match self {
            Self::Calm => Vec::new(),
            Self::Monday => {
                [Trouble::Busy, Trouble::Weather, Trouble::Slow].map(|kind| (kind, often)).to_vec()
            }
            Self::Swarm => {
                let drawn = Trouble::ALL.into_iter().filter(|_| dice.chance(0.5));
                let drawn: Vec<_> = drawn.collect();
                let every = (Duration::from_secs(60), Duration::from_secs(900));
                drawn.into_iter().map(|kind| (kind, dice.between(every))).collect()
            }
            Self::Roaming => {
                let drawn: Vec<_> =
                    Trouble::NETWORK.into_iter().filter(|_| dice.chance(0.5)).collect();
                let every = (Duration::from_secs(90), Duration::from_secs(600));
                drawn.into_iter().map(|kind| (kind, dice.between(every))).collect()
            }
        }
    }

    /// The habits of the gateway on such a day (w8).
    pub(super) fn habits(self, dice: &mut Dice) -> Value {
        match self {
            Self::Calm | Self::Monday | Self::Roaming => json!({"expiresMax": 600, "broker": true}),
            Self::Swarm => {
                let statuses = ["top", "session", "both"];
                let cancels = ["before", "after", "random"];
                json!({
                    "statusIn": statuses[dice.below(3)], "cancelToAnswerer": cancels[dice.below(3)],
                    "codesAsText": dice.chance(0.5), "extraKeys": dice.chance(0.5),
                    "timeAsText": dice.chance(0.5), "offerDuringAnswer": dice.chance(0.3),
                    "turnCredentials": dice.chance(0.7), "expiresMax": 120 + dice.below(600),
                    // Without it nothing leads from one network to another, as long as nobody relays.
                    "broker": dice.chance(0.7),
                })
            }
        }
    }
}

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The socket breaks.
    Reset,
    /// The socket falls silent.
    HalfOpen,
    /// Nothing passes for a while.
    Cut,
    /// Requests take long.
    Slow,
    /// Requests fail, or their answers are lost.
    Rest,
    /// Notifications come late, twice, in another order, before the reply they belong to.
    Weather,
    /// The gateway closes the socket.
    Closed,
    /// It ends the subscription.
    Gone,
    /// Another client takes the subscription's place.
    Overridden,
    /// The subscription runs out.
    Expired,
    /// The gateway forgets the subscription, and tells nobody.
    Forgotten,
    /// It has too much to do.
    Busy,
    /// It sends requests elsewhere.
    Redirect,
    /// The phone gets into another network.
    Moved,
    /// The translator of addresses forgets what it translated.
    Rebound,
    /// The way is as bad as Wi-Fi can be, for a minute.
    Wifi,
    /// Nothing passes for some seconds.
    ShortCut,
    /// The relay begins anew.
    RelayRestarts,
    /// The relay has no room for a while.
    RelayFull,
    /// The relay says nothing for a while.
    RelaySilent,
}

impl Trouble {
    pub(super) const ALL: [Self; 13] = [
        Self::Reset,
        Self::HalfOpen,
        Self::Cut,
        Self::Slow,
        Self::Rest,
        Self::Weather,
        Self::Closed,
        Self::Gone,
        Self::Overridden,
        Self::Expired,
        Self::Forgotten,
        Self::Busy,
        Self::Redirect,
    ];

    /// Those of networks and relays.
    pub(super) const NETWORK: [Self; 7] = [
        Self::Moved,
        Self::Rebound,
        Self::Wifi,
        Self::ShortCut,
        Self::RelayRestarts,
        Self::RelayFull,
        Self::RelaySilent,
    ];

    /// The name under which it is counted.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reset => "socket reset",
            Self::HalfOpen => "socket half open",
            Self::Cut => "network cut",
            Self::Slow => "requests slow",
            Self::Rest => "requests fail",
            Self::Weather => "notifications untidy",
            Self::Closed => "socket closed",
            Self::Gone => "subscription gone",
            Self::Overridden => "subscription overridden",
            Self::Expired => "subscription expired",
            Self::Forgotten => "subscription forgotten",
            Self::Busy => "gateway busy",
            Self::Redirect => "requests redirected",
            Self::Moved => "phone moved",
            Self::Rebound => "translator rebound",
            Self::Wifi => "bad Wi-Fi",
            Self::ShortCut => "network cut short",
            Self::RelayRestarts => "relay restarted",
            Self::RelayFull => "relay full",
            Self::RelaySilent => "relay silent",
        }
    }

    /// The way in which the gateway drops a subscription, where it is that.
    pub(super) fn drop_mode(self) -> Option<&'static str> {
        match self {
            Self::Closed => Some("close"),
            Self::Gone => Some("gone"),
            Self::Overridden => Some("overridden"),
            Self::Expired => Some("expire"),
            Self::Forgotten => Some("forget"),
            Self::Reset
            | Self::HalfOpen
            | Self::Cut
            | Self::Slow
            | Self::Rest
            | Self::Weather
            | Self::Busy
            | Self::Redirect
            | Self::Moved
            | Self::Rebound
            | Self::Wifi
            | Self::ShortCut
            | Self::RelayRestarts
            | Self::RelayFull
            | Self::RelaySilent => None,
        }
    }
}

/// Something that a far party does, or that befalls a call.
pub(super) fn far_act(dice: &mut Dice, climate: Climate) -> (&'static str, Value) {
    let on = dice.chance(0.5);
    let when = ["same-time", "before-reply", "after-reply"][dice.below(3)];
    let how = ["answer", "reject", "forward"][dice.below(3)];
    let calm = [
        ("hold", json!({})),
        ("unhold", json!({})),
        ("music", json!({"on": on})),
        ("music", json!({"on": true})),
        ("refresh", json!({})),
        ("restart", json!({})),
        ("slow-start", json!({})),
        ("parameters", json!({"X-Note": "a word"})),
        ("dtmf", json!({"tones": "7"})),
        ("hangup", json!({})),
        ("new-peer", json!({})),
    ];
    let wild = [
        ("glare", json!({"when": when})),
        ("glare", json!({"when": when})),
        ("elsewhere", json!({"how": how})),
        ("forget", json!({})),
        ("cancel", json!({})),
    ];
    let all: Vec<_> = match climate {
        Climate::Calm | Climate::Roaming => calm.into_iter().collect(),
        Climate::Monday | Climate::Swarm => calm.into_iter().chain(wild).collect(),
    };
    all[dice.below(all.len())].clone()
}
