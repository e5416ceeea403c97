//! The smallest plan in which a seed fails the same way.

use std::io::Write;
use std::time::{Duration, Instant};

use console::style;

use super::answer::{ToolError, Verdict};
use super::menu::Menu;
use super::panics;
use super::plan::{Faults, Plan, parse_duration};
use super::report::clock;
use crate::scenario::{FaultKind, Finding, Run, Scenario};

/// The arguments of `shrink`.
#[derive(Clone, Debug, clap::Args)]
pub struct ShrinkArgs {
    /// The plan of the run.
    #[command(flatten)]
    pub plan: Plan,
    /// The seed.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// The most smaller plans to try.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub tries: usize,
    /// The longest time to try.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub within: Duration,
    /// The number of other seeds after it to try where the seed does not fail in a smaller plan:
    /// every change makes another story of it, and what fails in it may be something else.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub other_seeds: u64,
}

/// The limits of the search.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After so many plans.
    pub tries: usize,
    /// After this time on the wall.
    pub within: Duration,
    /// The number of other seeds to try in each smaller plan.
    pub other_seeds: u64,
}

/// A plan that was tried.
#[derive(Clone, Debug)]
pub struct Step {
    /// The change that makes it smaller.
    pub change: String,
    /// The seed.
    pub seed: u64,
    /// The finding in it, if any.
    pub finding: Option<Finding>,
    /// True if that is the failure that was looked for.
    pub same: bool,
}

/// The smallest plan that was found.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// The seed that fails in it.
    pub seed: u64,
    /// The failure in it.
    pub finding: Finding,
    /// The number of runs that it took.
    pub tries: usize,
}

/// Makes a plan smaller as long as the seed, or one after it, violates the same invariant: fewer
/// hours, agents, kinds of faults, second phones, choices, guests, rooms, words. None where nothing is
/// wrong to begin with.
pub fn shrink(
    base: &Scenario,
    plan: &Plan,
    seed: u64,
    limits: Limits,
    mut each: impl FnMut(&Step),
) -> Option<Shrunk> {
    let began = Instant::now();
    let run = |plan: &Plan, seed: u64| {
        let scenario = plan.apply(base.clone());
        let mut report = panics::quietly(|| scenario.run_caught(seed));
        panics::locate(&mut report);
        report.finding
    };
    let finding = run(plan, seed)?;
    let mut best = Shrunk { plan: plan.clone(), seed, finding, tries: 0 };
    'smaller: loop {
        for (change, plan) in candidates(base, &best) {
            let others = (0..=limits.other_seeds).map(|n| best.seed.wrapping_add(n));
            for seed in others.collect::<Vec<_>>() {
                if best.tries >= limits.tries || began.elapsed() >= limits.within {
                    return Some(best);
                }
                best.tries += 1;
                let finding = run(&plan, seed);
                let same = finding.as_ref().is_some_and(|f| f.invariant == best.finding.invariant);
                each(&Step { change: change.clone(), seed, finding: finding.clone(), same });
                if let (Some(finding), true) = (finding, same) {
                    best = Shrunk { plan, seed, finding, ..best };
                    continue 'smaller;
                }
            }
        }
        return Some(best);
    }
}

/// Plans that are a little smaller, the most promising first. Each is smaller by something that
/// can only be taken away so often, so that shrinking ends.
fn candidates(base: &Scenario, best: &Shrunk) -> Vec<(String, Plan)> {
    let plan = &best.plan;
    let applied = plan.apply(base.clone());
    let run = Run::new(&applied, best.seed);
    let now = run.scenario();
    let mut all = Vec::new();
    let mut add = |change: String, plan: Plan| all.push((change, plan));

    let agents = now.agents as u32;
    let mut fewer = vec![1, agents / 2, agents * 3 / 4, agents - 1];
    fewer.retain(|n| (1..agents).contains(n));
    fewer.dedup();
    for n in fewer {
        add(format!("agents {n}"), Plan { agents: Some(n), ..plan.clone() });
    }
    let kinds: Vec<FaultKind> = now.faults.iter().map(|fault| fault.kind).collect();
    for (change, left) in without(&kinds) {
        let every = |kind| {
            let Faults(said) = plan.faults.as_ref()?;
            said.iter().find(|(said, _)| *said == kind)?.1
        };
        let faults = Faults(left.into_iter().map(|kind| (kind, every(kind))).collect());
        add(change, Plan { faults: Some(faults), ..plan.clone() });
    }
    if now.second_phones.is_some_and(|share| share > 0.0) {
        let plan = Plan { second_phones: Some(0.0), ..plan.clone() };
        add("no second phones".to_owned(), plan);
    }
    if now.choices.is_some_and(|share| share > 0.0) {
        add("no choices".to_owned(), Plan { choices: Some(0.0), ..plan.clone() });
    }
    if now.guests.is_some_and(|guests| guests > 0) {
        add("no guests".to_owned(), Plan { guests: Some(0), ..plan.clone() });
    }
    if now.rooms.is_some_and(|share| share > 0.0) {
        add("no rooms".to_owned(), Plan { rooms: Some(0.0), ..plan.clone() });
    }
    if now.speech.is_some() {
        add("silent".to_owned(), Plan { silent: true, ..plan.clone() });
    }
    // Last, as everything else needs time to go wrong again. What comes after the failure is not
    // needed for it.
    let (hours, just) = (now.working, Duration::from_secs(best.finding.at.as_secs() + 1));
    let shorter =
        [(just, "to the failure"), (hours / 2, "half"), (hours * 3 / 4, "three quarters")];
    let seconds = |time: Duration| Some(Duration::from_secs(time.as_secs().max(1)));
    for (time, what) in
        shorter.into_iter().filter(|(time, _)| time.as_secs().max(1) < hours.as_secs())
    {
        let plan = Plan { hours: seconds(time), ..plan.clone() };
        add(format!("hours {}, {what}", clock(time)), plan);
    }
    all
}

/// Fewer faults: none, either half, one less.
fn without(kinds: &[FaultKind]) -> Vec<(String, Vec<FaultKind>)> {
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut all = vec![("no faults".to_owned(), Vec::new())];
    if kinds.len() > 3 {
        let (one, other) = kinds.split_at(kinds.len() / 2);
        all.push((format!("{} of {} kinds of faults", one.len(), kinds.len()), one.to_vec()));
        all.push((format!("the other {} of them", other.len()), other.to_vec()));
    }
    if kinds.len() > 1 {
        for gone in kinds {
            let left = kinds.iter().copied().filter(|kind| kind != gone).collect();
            all.push((format!("no {}", gone.name()), left));
        }
    }
    all
}

pub(super) fn perform(
    menu: &Menu,
    args: &ShrinkArgs,
    out: &mut dyn Write,
) -> Result<Verdict, ToolError> {
    let (plan, scenario) = menu.resolve(&args.plan)?;
    let limits = Limits { tries: args.tries, within: args.within, other_seeds: args.other_seeds };
    let mut written = Ok(());
    let mut now = args.seed;
    let shrunk = shrink(&scenario, &plan, args.seed, limits, |step| {
        let (mark, what) = match &step.finding {
            Some(finding) if step.same => {
                (style("✓").green(), format!("the same, at {}", clock(finding.at)))
            }
            Some(finding) => (style("·").dim(), format!("something else: {}", finding.invariant)),
            None => (style("·").dim(), "nothing is wrong".to_owned()),
        };
        if !step.same && step.seed != now {
            return;
        }
        let seed = if step.seed == now { String::new() } else { format!(", seed {}", step.seed) };
        now = if step.same { step.seed } else { now };
        let change = format!("{}{seed}", step.change);
        let line = writeln!(out, "{mark} {change:<40} {what}").and_then(|()| out.flush());
        if written.is_ok() {
            written = line;
        }
    });
    written?;
    let Some(shrunk) = shrunk else { return Err(ToolError::NoFinding(args.seed)) };
    let finding = &shrunk.finding;
    writeln!(out, "\n{} runs; the smallest in which the same goes wrong:", shrunk.tries)?;
    let what = format!("at {}: {}", clock(finding.at), finding.invariant);
    writeln!(out, "{} {}\n  {}", style("✗").red().bold(), style(what).bold(), finding.what)?;
    writeln!(out, "  replay  {}", menu.command("replay", &shrunk.plan, shrunk.seed))?;
    Ok(Verdict::Finding)
}

#[cfg(test)]
mod tests {
    use offhook::genesys::Event;

    use super::*;
    use crate::world::Seen;

    const HALF: Duration = Duration::from_secs(1800);
    const LONG: Duration = Duration::from_secs(600);

    /// Fails whenever a connection is made anew: it needs a fault, and hardly anything else.
    fn planted() -> Scenario {
        Scenario::failover().always("a connection lasts", |_, seen| match seen {
            Seen::Told { event: Event::Connected { reconnect: true }, .. } => {
                Err("it did not".to_owned())
            }
            _ => Ok(()),
        })
    }

    #[test]
    fn a_planted_violation_shrinks_to_what_it_needs() {
        let plan = Plan { agents: Some(6), hours: Some(HALF), ..Plan::default() };
        let limits = Limits { tries: 200, within: LONG, other_seeds: 0 };
        let mut steps = Vec::new();
        let shrunk = shrink(&planted(), &plan, 1, limits, |step| steps.push(step.clone())).unwrap();
        assert_eq!(shrunk.finding.invariant, "a connection lasts");
        assert_eq!(shrunk.tries, steps.len());
        assert_eq!(shrunk.plan.agents, Some(1), "{:?}", shrunk.plan);
        assert!(shrunk.plan.silent && shrunk.plan.hours < plan.hours);
        let faults = shrunk.plan.faults.as_ref().map(|faults| faults.0.len());
        assert_eq!(faults, Some(1), "one fault is enough: {:?}", shrunk.plan);
        let again = shrunk.plan.apply(planted()).run(shrunk.seed);
        assert_eq!(again.finding, Some(shrunk.finding));
    }

    #[test]
    fn what_is_not_wrong_is_not_shrunk() {
        let plan = Plan { agents: Some(1), hours: Some(HALF / 50), ..Plan::default() };
        let limits = Limits { tries: 9, within: LONG, other_seeds: 1 };
        assert!(shrink(&Scenario::calm(), &plan, 1, limits, |_| {}).is_none());
    }

    #[test]
    fn the_limit_of_tries_is_kept() {
        let plan = Plan { agents: Some(6), hours: Some(HALF), ..Plan::default() };
        let limits = Limits { tries: 2, within: LONG, other_seeds: 1 };
        let shrunk = shrink(&planted(), &plan, 1, limits, |_| {}).unwrap();
        assert_eq!(shrunk.tries, 2);
    }
}
