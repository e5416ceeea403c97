//! The plan of a run: a scenario and what is changed of it, as options that say it again exactly.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use crate::cloud::Silence;
use crate::scenario::{FaultKind, Scenario};
use crate::world::Fidelity;

/// The mean time between faults of a kind that a scenario does not have by itself.
const USUALLY: Duration = Duration::from_secs(300);
/// Agents of a run at most: each needs an address of its own, and 255 to move to.
const MAX_AGENTS: i64 = 60_000;
/// Guests at most: the model of the service expects no more.
const MAX_GUESTS: i64 = 1000;
/// The longest working hours, which is a leap year.
const MAX_WORKING: Duration = Duration::from_secs(366 * 24 * 3600);

/// A scenario and what is changed of it.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct Plan {
    /// The scenario: swarm, calm, monday-morning, bad-wifi, failover, persistent-line or rooms, unless
    /// this program has others.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// The number of agents that work there.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_AGENTS))]
    pub agents: Option<u32>,
    /// The number of hours that they work, in simulated time; or a time with its unit, as `90s`.
    #[arg(long, value_name = "H", value_parser = parse_hours)]
    pub hours: Option<Duration>,
    /// The fidelity of the media: signaling, or full with ICE, DTLS and SRTP.
    #[arg(long, value_parser = parse_fidelity)]
    pub fidelity: Option<Fidelity>,
    /// Only these kinds of faults, or none: `reset,sleep=10m`. Of a swarm only those that the seed
    /// draws, except where it says how often.
    #[arg(long, value_name = "KINDS")]
    pub faults: Option<Faults>,
    /// The share of users with a second phone, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub second_phones: Option<f64>,
    /// The share of phones on which each choice is made that their applications live with, from 0
    /// to 1: which phone rings, accepting sessions by hand, ringing for what would be answered.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub choices: Option<f64>,
    /// The number of guests that are connected.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=MAX_GUESTS))]
    pub guests: Option<u32>,
    /// The signals that the service leaves out, or none: `no-retract,no-goodbye`.
    #[arg(long, value_name = "SIGNALS")]
    pub silences: Option<Silences>,
    /// The share of far ends with each habit that tidy ones do not have, from 0 to 1; 0 is none.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub untidy: Option<f64>,
    /// The share of the day that agents spend in rooms (meetings, recorded screens), from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub rooms: Option<f64>,
    /// Let nobody speak during working hours.
    #[arg(long)]
    pub silent: bool,
}

impl Plan {
    /// The scenario with these changes.
    #[must_use]
    pub fn apply(&self, mut scenario: Scenario) -> Scenario {
        if let Some(agents) = self.agents {
            scenario = scenario.agents(agents as usize);
        }
        if let Some(working) = self.hours {
            scenario.working = working;
        }
        if let Some(fidelity) = self.fidelity {
            scenario = scenario.fidelity(fidelity);
        }
        if let Some(share) = self.second_phones {
            scenario = scenario.second_phones(share);
        }
        if let Some(share) = self.choices {
            scenario = scenario.choices(share);
        }
        if let Some(guests) = self.guests {
            scenario = scenario.guests(guests as usize);
        }
        if let Some(Silences(silences)) = &self.silences {
            scenario = scenario.silences(silences.iter().copied());
        }
        if let Some(share) = self.untidy {
            scenario = scenario.untidy(share);
        }
        if let Some(share) = self.rooms {
            scenario = scenario.rooms(share);
        }
        if self.silent {
            scenario = scenario.speech(None);
        }
        if let Some(Faults(faults)) = &self.faults {
            scenario = scenario.only_faults(faults.iter().map(|(kind, _)| *kind));
            for (kind, every) in faults {
                let has = scenario.swarm || scenario.faults.iter().any(|has| has.kind == *kind);
                match every {
                    Some(every) => scenario = scenario.fault(*kind, *every),
                    None if !has => scenario = scenario.fault(*kind, USUALLY),
                    None => {}
                }
            }
        }
        scenario
    }

    /// The options that say it again, and a seed's: what follows a command's name.
    #[must_use]
    pub fn arguments(&self, seed: &str) -> String {
        let mut text = String::new();
        let mut add = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = write!(text, "--{option} {value} ");
            }
        };
        add("preset", self.preset.clone());
        text.push_str(seed);
        let mut add = |option: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(text, " --{option} {value}");
            }
        };
        add("agents", self.agents.map(|agents| agents.to_string()));
        add("hours", self.hours.map(hours));
        add("fidelity", self.fidelity.map(|fidelity| name_of(fidelity).to_owned()));
        add("faults", self.faults.as_ref().map(Faults::to_string));
        add("second-phones", self.second_phones.map(|share| share.to_string()));
        add("choices", self.choices.map(|share| share.to_string()));
        add("guests", self.guests.map(|guests| guests.to_string()));
        add("silences", self.silences.as_ref().map(Silences::to_string));
        add("untidy", self.untidy.map(|share| share.to_string()));
        add("rooms", self.rooms.map(|share| share.to_string()));
        if self.silent {
            text.push_str(" --silent");
        }
        text
    }
}

/// A fidelity's name on the command line and in reports.
pub(super) const fn name_of(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Signaling => "signaling",
        Fidelity::Full => "full",
    }
}

fn parse_fidelity(text: &str) -> Result<Fidelity, String> {
    [Fidelity::Signaling, Fidelity::Full]
        .into_iter()
        .find(|fidelity| name_of(*fidelity) == text)
        .ok_or_else(|| "it is signaling or full".to_owned())
}

fn parse_hours(text: &str) -> Result<Duration, String> {
    let working = match text.parse::<f64>() {
        Ok(hours) => Duration::try_from_secs_f64((hours * 3600.0).round()).unwrap_or_default(),
        Err(_) => parse_duration(text)?,
    };
    if working.is_zero() || working > MAX_WORKING {
        return Err("working hours are above 0 and up to a year".to_owned());
    }
    Ok(working)
}

/// The hours as short as they can be said exactly.
fn hours(working: Duration) -> String {
    let millis = working.as_millis();
    match (millis % 36_000, millis % 1000) {
        // Hundredths of hours.
        (0, _) => format!("{}", millis as f64 / 3_600_000.0),
        (_, 0) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1".to_owned())
}

/// Kinds of faults, each with how often it befalls somebody where that was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<(FaultKind, Option<Duration>)>);

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        let one = |word: &str| {
            let (name, every) = match word.split_once('=') {
                Some((name, every)) => (name, Some(parse_duration(every)?)),
                None => (word, None),
            };
            if every == Some(Duration::ZERO) {
                return Err(format!("{name} cannot happen all the time"));
            }
            let kind = FaultKind::named(name).ok_or_else(|| {
                let all: Vec<_> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
                format!("there is no {name:?}; there are none, {}", all.join(", "))
            })?;
            Ok((kind, every))
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (n, (kind, every)) in self.0.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(f, "{comma}{}", kind.name())?;
            if let Some(every) = every {
                write!(f, "={}ms", every.as_millis())?;
            }
        }
        Ok(())
    }
}

/// Signals that are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silences(pub Vec<Silence>);

impl FromStr for Silences {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        let one = |name: &str| {
            Silence::named(name).ok_or_else(|| {
                let all: Vec<_> = Silence::ALL.iter().map(|silence| silence.name()).collect();
                format!("there is no {name:?}; there are none, {}", all.join(", "))
            })
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Silences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|silence| silence.name()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(","))
    }
}

/// Seeds: `0..1000`, the last one left out, or a single one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse::<u64>().map_err(|_| "seeds are 0..1000, or a number".to_owned())
        };
        let range = match text.split_once("..") {
            Some((from, to)) => number(from)?..number(to)?,
            None => {
                let seed = number(text)?;
                seed..seed.checked_add(1).ok_or("the highest seed has none after it")?
            }
        };
        if range.is_empty() {
            return Err("there is no seed in it".to_owned());
        }
        Ok(Self(range))
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.0.start, self.0.end)
    }
}

/// A time as people write it: `90s`, `1h30m`, `250ms`; or as stories do: `00:12:03.250`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is 90s, 10m, 1h30m, 250ms or 00:12:03.250".to_owned();
    if text.contains(':') {
        let mut seconds = 0.0;
        for part in text.split(':') {
            let part = part.parse::<f64>().ok().filter(|part| *part >= 0.0).ok_or_else(wrong)?;
            seconds = seconds * 60.0 + part;
        }
        return Duration::try_from_secs_f64(seconds).map_err(|_| wrong());
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number = rest[..digits].parse::<u64>().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let milliseconds = match &rest[..unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        rest = &rest[unit..];
        let time = number.checked_mul(milliseconds).map(Duration::from_millis);
        sum = time.and_then(|time| sum.checked_add(time)).ok_or_else(wrong)?;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(sum) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        plan: Plan,
        #[arg(long)]
        seed: u64,
    }

    #[test]
    fn times_and_seeds_are_read_as_people_write_them() {
        let ms = Duration::from_millis;
        for (text, time) in [
            ("90s", ms(90_000)),
            ("10m", ms(600_000)),
            ("2h", ms(7_200_000)),
            ("1h30m", ms(5_400_000)),
            ("1d250ms", ms(86_400_250)),
            ("00:12:03.250", ms(723_250)),
        ] {
            assert_eq!(parse_duration(text), Ok(time), "{text}");
        }
        for text in ["", "90", "s", "1x", "-1s", "1:-2", "99999999999999999999s", "1é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!("0..1000".parse(), Ok(Seeds(0..1000)));
        assert_eq!("7".parse(), Ok(Seeds(7..8)));
        for text in ["", "5..5", "9..3", "a..b", "..4", "18446744073709551615"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_plan_is_said_again_by_its_arguments() {
        for options in [
            "--preset swarm --seed 7",
            "--preset calm --seed 7 --agents 50 --hours 0.25 --fidelity full",
            "--seed 7 --hours 169s",
            "--seed 7 --hours 8",
            "--seed 7 --faults none --second-phones 0.5 --choices 1 --guests 2 --untidy 0.5 --rooms 0.3 --silent",
            "--preset bad-wifi --seed 7 --faults reset,sleep=90000ms",
            "--preset swarm --seed 7 --silences no-retract,no-goodbye",
            "--preset swarm --seed 7 --silences none",
        ] {
            let cli = Cli::try_parse_from(["x"].into_iter().chain(options.split(' '))).unwrap();
            assert_eq!(cli.plan.arguments(&format!("--seed {}", cli.seed)), options);
        }
        for options in [
            "--agents 0",
            "--hours 0",
            "--hours NaN",
            "--hours -1",
            "--hours 400d",
            "--faults nonsense",
            "--faults reset=0s",
            "--faults ",
            "--second-phones 2",
            "--choices 1.5",
            "--guests 1001",
            "--silences no-words",
            "--fidelity some",
        ] {
            let words = ["x", "--seed", "1"].into_iter().chain(options.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{options}");
        }
    }

    #[test]
    fn faults_are_kept_dropped_and_added() {
        let plan = |faults: &str| Plan { faults: Some(faults.parse().unwrap()), ..Plan::default() };
        let kinds = |scenario: &Scenario| -> Vec<_> {
            scenario.faults().iter().map(|fault| (fault.kind.name(), fault.every)).collect()
        };
        let wifi = plan("reset,lost,sleep=1m").apply(Scenario::bad_wifi());
        let s = Duration::from_secs;
        assert_eq!(kinds(&wifi), [("reset", s(300)), ("lost", USUALLY), ("sleep", s(60))]);
        assert!(plan("none").apply(Scenario::bad_wifi()).faults().is_empty());
        // In some worlds nothing goes wrong.
        let drawn_by =
            |seed, scenario: &Scenario| kinds(crate::scenario::Run::new(scenario, seed).scenario());
        let seed = (0..20).find(|seed| drawn_by(*seed, &Scenario::swarm()).len() >= 2).unwrap();
        let drawn = |scenario: &Scenario| drawn_by(seed, scenario);
        let all = drawn(&Scenario::swarm());
        let some: Vec<_> = all[..2].iter().map(|(name, _)| *name).collect();
        assert_eq!(drawn(&plan(&some.join(",")).apply(Scenario::swarm())), all[..2]);
        assert_eq!(drawn(&plan("none").apply(Scenario::swarm())), []);
        let only = plan("reset=1m").apply(Scenario::swarm());
        assert_eq!(drawn(&only), [("reset", s(60))]);
    }
}
