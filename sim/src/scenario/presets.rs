//! Scenarios with names.

use std::collections::BTreeSet;
use std::time::Duration;

use offhook::Seed;

use super::office::Climate;
use super::{Arrivals, Customers, Fault, FaultKind, Habits, Scenario, StationKind};
use crate::cloud::Silence;
use crate::dice::Dice;
use crate::world::{Conditions, Fidelity, NatKind};

const ONE_LINE: StationKind = StationKind { lines: 1, persistent: false };
const ONE_LINE_KEPT: StationKind = StationKind { lines: 1, persistent: true };
const LINES: StationKind = StationKind { lines: 100, persistent: false };
const LINES_KEPT: StationKind = StationKind { lines: 100, persistent: true };

/// The named scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// [`Scenario::calm`]
    Calm,
    /// [`Scenario::monday_morning`]
    MondayMorning,
    /// [`Scenario::bad_wifi`]
    BadWifi,
    /// [`Scenario::failover`]
    Failover,
    /// [`Scenario::persistent_line`]
    PersistentLine,
    /// [`Scenario::swarm`]
    Swarm,
    /// [`Scenario::roaming`]
    Roaming,
    /// [`Scenario::in_rooms`]
    Rooms,
    /// [`Scenario::gateway_calm`]
    GatewayCalm,
    /// [`Scenario::gateway_monday`]
    GatewayMonday,
    /// [`Scenario::gateway_swarm`]
    GatewaySwarm,
    /// [`Scenario::gateway_roaming`]
    GatewayRoaming,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::GatewayCalm,
        Self::GatewayMonday,
        Self::GatewaySwarm,
        Self::GatewayRoaming,
        Self::Calm,
        Self::MondayMorning,
        Self::BadWifi,
        Self::Failover,
        Self::PersistentLine,
        Self::Swarm,
        Self::Roaming,
        Self::Rooms,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::MondayMorning => "monday-morning",
            Self::BadWifi => "bad-wifi",
            Self::Failover => "failover",
            Self::PersistentLine => "persistent-line",
            Self::Swarm => "swarm",
            Self::Roaming => "roaming",
            Self::Rooms => "rooms",
            Self::GatewayCalm => "gateway-calm",
            Self::GatewayMonday => "gateway-monday",
            Self::GatewaySwarm => "gateway-swarm",
            Self::GatewayRoaming => "gateway-roaming",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Its scenario.
    #[must_use]
    pub fn scenario(self) -> Scenario {
        match self {
            Self::Calm => Scenario::calm(),
            Self::MondayMorning => Scenario::monday_morning(),
            Self::BadWifi => Scenario::bad_wifi(),
            Self::Failover => Scenario::failover(),
            Self::PersistentLine => Scenario::persistent_line(),
            Self::Swarm => Scenario::swarm(),
            Self::Roaming => Scenario::roaming(),
            Self::Rooms => Scenario::in_rooms(),
            Self::GatewayCalm => Scenario::gateway_calm(),
            Self::GatewayMonday => Scenario::gateway_monday(),
            Self::GatewaySwarm => Scenario::gateway_swarm(),
            Self::GatewayRoaming => Scenario::gateway_roaming(),
        }
    }
}

impl Scenario {
    fn plain(preset: Preset) -> Self {
        Self {
            name: preset.name().to_owned(),
            fidelity: Fidelity::Signaling,
            agents: 5,
            working: Duration::from_secs(3600),
            stations: vec![ONE_LINE, LINES],
            second_phones: None,
            habits: Habits::default(),
            customers: Customers::default(),
            conditions: Conditions::office(),
            nats: vec![NatKind::Open],
            faults: Vec::new(),
            only: None,
            speech: Some(Duration::from_secs(2)),
            options: 0.0,
            choices: None,
            guests: None,
            silences: None,
            untidy: None,
            rooms: None,
            roams: false,
            application: None,
            invariants: Vec::new(),
            swarm: false,
            traced: false,
            office: None,
        }
    }

    fn office(preset: Preset, climate: Climate) -> Self {
        let plain = Self::plain(preset);
        Self { office: Some(climate), agents: 3, working: Duration::from_secs(900), ..plain }
    }

    /// A quarter of an hour of an office at a Ribbon WebRTC Gateway, in which nothing goes wrong: calls both ways, and all
    /// that can be done with them.
    #[must_use]
    pub fn gateway_calm() -> Self {
        Self::office(Preset::GatewayCalm, Climate::Calm)
    }

    /// The same with a busy gateway, whose notifications come as they like.
    #[must_use]
    pub fn gateway_monday() -> Self {
        Self::office(Preset::GatewayMonday, Climate::Monday)
    }

    /// An office whose troubles are drawn anew for each seed.
    #[must_use]
    pub fn gateway_swarm() -> Self {
        Self::office(Preset::GatewaySwarm, Climate::Swarm)
    }

    /// An office whose users are on the move: behind translators of addresses, by a relay or without, in networks that
    /// change and lose packets. The media is real.
    #[must_use]
    pub fn gateway_roaming() -> Self {
        let office = Self::office(Preset::GatewayRoaming, Climate::Roaming);
        Self { fidelity: Fidelity::Full, ..office }
    }

    /// An hour of ten calls an agent, in which nothing goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self::plain(Preset::Calm)
    }

    /// Everybody logs in within a minute, while customers rush in.
    #[must_use]
    pub fn monday_morning() -> Self {
        let mut plan = Self::plain(Preset::MondayMorning);
        plan.habits.arrive_within = Duration::from_secs(60);
        plan.stations = vec![ONE_LINE, LINES, ONE_LINE_KEPT, LINES_KEPT];
        plan.customers.arrivals =
            Arrivals::Rushes { per_agent_hour: 12.0, times: 5.0, lasts: Duration::from_secs(900) };
        plan.customers.at_once = 2;
        plan.fault(FaultKind::RestSlow, Duration::from_secs(120))
            .fault(FaultKind::RestFails, Duration::from_secs(300))
    }

    /// Agents at home on the worst Wi-Fi.
    #[must_use]
    pub fn bad_wifi() -> Self {
        let s = Duration::from_secs;
        let mut plan = Self::plain(Preset::BadWifi);
        plan.conditions = Conditions::bad_wifi();
        plan.nats = vec![
            NatKind::FullCone,
            NatKind::Restricted,
            NatKind::PortRestricted,
            NatKind::Symmetric,
        ];
        plan.fault(FaultKind::ShortCut, s(120))
            .fault(FaultKind::Reset, s(300))
            .fault(FaultKind::HalfOpen, s(600))
            .fault(FaultKind::RebindNat, s(600))
            .fault(FaultKind::Move, s(900))
            .fault(FaultKind::Sleep, s(900))
    }

    /// A service that fails over, again and again.
    #[must_use]
    pub fn failover() -> Self {
        let s = Duration::from_secs;
        let mut plan = Self::plain(Preset::Failover);
        plan.second_phones = Some(0.2);
        plan.fault(FaultKind::ServiceRestart, s(600))
            .fault(FaultKind::ChannelLoss, s(300))
            .fault(FaultKind::StreamError, s(300))
            .fault(FaultKind::StreamClose, s(300))
            .fault(FaultKind::NoLongerSubscribed, s(600))
            .fault(FaultKind::DeafToPings, s(900))
            .fault(FaultKind::LoginRefused, s(900))
            .fault(FaultKind::TokenExpires, s(600))
            .fault(FaultKind::RestFails, s(300))
            .fault(FaultKind::ReinviteNew, s(300))
            .fault(FaultKind::Lost, s(600))
    }

    /// Phones whose session outlives its calls, with several customers at once.
    #[must_use]
    pub fn persistent_line() -> Self {
        let s = Duration::from_secs;
        let mut plan = Self::plain(Preset::PersistentLine);
        plan.stations = vec![ONE_LINE_KEPT, LINES_KEPT];
        plan.customers.at_once = 3;
        plan.customers.arrivals = Arrivals::Poisson { per_agent_hour: 20.0 };
        plan.fault(FaultKind::Reset, s(600))
            .fault(FaultKind::Reinvite, s(300))
            .fault(FaultKind::ReinviteNew, s(300))
            .fault(FaultKind::Renegotiate, s(300))
            .fault(FaultKind::IceRestart, s(300))
            .fault(FaultKind::KillMedia, s(900))
            .fault(FaultKind::Supervisor, s(300))
    }

    /// Agents on the move: behind translators of addresses, by a relay or without, in networks that change, die for a
    /// while and lose packets. The media is real, and whoever talks is heard 10 s after the last trouble.
    #[must_use]
    pub fn roaming() -> Self {
        let s = Duration::from_secs;
        let mut plan = Self::plain(Preset::Roaming);
        plan.fidelity = Fidelity::Full;
        plan.agents = 3;
        plan.working = s(1200);
        plan.roams = true;
        plan.stations = vec![LINES, ONE_LINE_KEPT];
        plan.habits = Habits { ends_after: (s(60), s(300)), holds: 0.0, mutes: 0.0, ..plan.habits };
        plan.customers.talk = (s(60), s(300));
        plan.customers.sdp = 0.5;
        plan.nats = vec![
            NatKind::Open,
            NatKind::FullCone,
            NatKind::Restricted,
            NatKind::PortRestricted,
            NatKind::Symmetric,
        ];
        plan.fault(FaultKind::Move, s(90))
            .fault(FaultKind::RebindNat, s(120))
            .fault(FaultKind::ShortCut, s(180))
            .fault(FaultKind::BadWifi, s(400))
            .fault(FaultKind::RelayRestarts, s(200))
            .fault(FaultKind::RelayFull, s(400))
            .fault(FaultKind::RelaySilent, s(300))
            .fault(FaultKind::RelayMuddled, s(300))
    }

    /// A swarm whose agents spend their days in rooms, with some calls between.
    #[must_use]
    pub fn in_rooms() -> Self {
        let mut plan = Self::plain(Preset::Rooms);
        plan.swarm = true;
        plan.rooms = Some(1.0);
        plan
    }

    /// Everything, differently for each seed: which features are used, and which faults befall
    /// them (after Groce and others, "Swarm Testing", 2012).
    #[must_use]
    pub fn swarm() -> Self {
        let mut plan = Self::plain(Preset::Swarm);
        plan.swarm = true;
        plan
    }

    /// This seed's draw of a swarm.
    pub(super) fn drawn(&self, seed: u64) -> Self {
        let s = Duration::from_secs;
        let mut dice = Dice::new(&Seed::from(seed), "swarm");
        let mut plan = self.clone();
        plan.swarm = false;
        let kinds = [ONE_LINE, ONE_LINE_KEPT, LINES, LINES_KEPT];
        plan.stations = kinds.into_iter().filter(|_| dice.chance(0.5)).collect();
        if plan.stations.is_empty() {
            plan.stations.push(kinds[dice.below(kinds.len())]);
        }
        let second_phones = dice.pick(&[0.0, 0.0, 0.3, 1.0]).copied();
        plan.second_phones = self.second_phones.or(second_phones);
        let share = |dice: &mut Dice| *dice.pick(&[0.0_f64, 0.05, 0.3, 1.0]).unwrap_or(&0.0);
        plan.habits = Habits {
            rejects: share(&mut dice).min(0.3),
            ignores: share(&mut dice).min(0.3),
            ends: share(&mut dice),
            ends_after: if dice.chance(0.3) { (s(0), s(2)) } else { (s(5), s(120)) },
            answer_after: if dice.chance(0.3) { (s(0), s(1)) } else { (s(1), s(10)) },
            holds: share(&mut dice),
            holds_for: if dice.chance(0.3) { (s(0), s(1)) } else { (s(3), s(30)) },
            mutes: share(&mut dice),
            presses: share(&mut dice),
            repeats: share(&mut dice).min(0.3),
            dials_every: dice.chance(0.5).then_some(s(240)),
            ..plan.habits
        };
        let rate = *dice.pick(&[10.0, 30.0, 60.0]).unwrap_or(&10.0);
        plan.customers = Customers {
            arrivals: Arrivals::Poisson { per_agent_hour: rate },
            patience: if dice.chance(0.3) { (s(1), s(10)) } else { (s(10), s(60)) },
            talk: if dice.chance(0.3) { (s(0), s(5)) } else { (s(10), s(120)) },
            sdp: *dice.pick(&[0.0, 0.5, 1.0]).unwrap_or(&0.5),
            auto_answer: share(&mut dice),
            event_late: share(&mut dice),
            direct: share(&mut dice),
            at_once: 1 + dice.below(3),
            call_back: share(&mut dice),
            ..plan.customers
        };
        plan.conditions = match dice.below(3) {
            0 => Conditions::good(),
            1 => Conditions::office(),
            _ => Conditions::bad_wifi(),
        };
        let nats = [
            NatKind::Open,
            NatKind::FullCone,
            NatKind::Restricted,
            NatKind::PortRestricted,
            NatKind::Symmetric,
        ];
        plan.nats = vec![nats[dice.below(nats.len())]];
        if self.faults.is_empty() || self.only.is_some() {
            self.draw_faults(&FaultKind::ALL[..FaultKind::FIRST], &mut dice, &mut plan);
        }
        // Drawn last, so that what came before is as it was for each seed.
        plan.habits.whims = share(&mut dice).min(0.3);
        plan.options = share(&mut dice);
        let mut dice = Dice::new(&Seed::from(seed), "swarm, what came later");
        if self.faults.is_empty() || self.only.is_some() {
            self.draw_faults(
                &FaultKind::ALL[FaultKind::FIRST..FaultKind::NEXT],
                &mut dice,
                &mut plan,
            );
        }
        let (choices, guests) = (share(&mut dice), dice.pick(&[0, 0, 0, 1, 2]).copied());
        let choices = self.choices.unwrap_or(choices);
        plan.choices = Some(choices);
        plan.customers.trickle = choices;
        plan.guests = self.guests.or(guests);
        let mut dice = Dice::new(&Seed::from(seed), "swarm, what came last");
        if self.faults.is_empty() || self.only.is_some() {
            self.draw_faults(
                &FaultKind::ALL[FaultKind::NEXT..FaultKind::UNTIDY],
                &mut dice,
                &mut plan,
            );
        }
        let drawn = draw_silences(&mut Dice::new(&Seed::from(seed), "swarm, silences"));
        plan.silences = Some(self.silences.clone().unwrap_or(drawn));
        let mut dice = Dice::new(&Seed::from(seed), "swarm, untidy");
        if self.faults.is_empty() || self.only.is_some() {
            self.draw_faults(
                &FaultKind::ALL[FaultKind::UNTIDY..FaultKind::RELAY],
                &mut dice,
                &mut plan,
            );
        }
        let untidy = dice.pick(&[0.0, 0.1, 0.3, 0.5]).copied();
        plan.untidy = self.untidy.or(untidy);
        let rooms = Dice::new(&Seed::from(seed), "swarm, rooms").pick(&[0.0, 0.1, 0.3]).copied();
        plan.rooms = self.rooms.or(rooms).filter(|_| self.application.is_none());
        // In some worlds nothing goes wrong, and everything is done promptly.
        let mut dice = Dice::new(&Seed::from(seed), "swarm, quiet");
        if self.faults.is_empty() && self.only.is_none() && dice.chance(0.15) {
            plan.faults.clear();
            plan.conditions = Conditions::office();
        }
        plan
    }

    /// About one fault kind in three, each at a rate of its own.
    fn draw_faults(&self, kinds: &[FaultKind], dice: &mut Dice, plan: &mut Self) {
        let s = Duration::from_secs;
        for kind in kinds {
            if dice.chance(0.33) {
                let every = dice.between((s(20), s(600)));
                let wanted = self.only.as_ref().is_none_or(|only| only.contains(kind));
                if wanted && !self.faults.iter().any(|fault| fault.kind == *kind) {
                    plan.faults.push(Fault { kind: *kind, every });
                }
            }
        }
    }
}

/// Of signals that say the same, half the worlds leave out one; some leave out both that tell of a
/// call that nobody answered, which only ends by its age then.
fn draw_silences(dice: &mut Dice) -> BTreeSet<Silence> {
    let mut drawn = BTreeSet::new();
    for pair in Silence::PAIRS {
        if dice.chance(0.5) {
            drawn.extend(dice.pick(pair));
        }
    }
    if dice.chance(0.1) {
        drawn.extend([Silence::Retract, Silence::EndOfRinging]);
    }
    drawn
}
