//! Benchmark of the simulator: three workloads on one core, where their time goes, and what as many
//! messages cost in a loop that does nothing else. Seconds are those on the core, where the system
//! tells them, so that other programs do not count.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use console::style;
use offhook::genesys::{Command, Event};
use offhook::machine::MediaId;
use offhook::media::AudioCodec;
use serde_json::{Value, json};

use super::answer::{ToolError, Verdict};
use super::report::{grouped, span};
use crate::scenario::{Run, Scenario};
use crate::world::{
    Application, Fidelity, Keys, Moment, Observer, PhoneId, STEP, Seen, Spent, Voice, World,
    frame_number,
};

/// The arguments of `bench`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct BenchArgs {
    /// A tenth of the simulated time: some seconds in all.
    #[arg(long)]
    pub quick: bool,
}

/// A workload: what it is, how much of it, and what it should reach.
struct Workload {
    name: &'static str,
    kind: Kind,
    simulated: Duration,
    /// Simulated seconds a second.
    goal: f64,
}

#[derive(Clone, Copy)]
enum Kind {
    /// This many agents at signaling fidelity, ten calls an hour for each, all keep-alives,
    /// silence.
    Crowd(usize),
    /// One call at full fidelity, over which both talk all the time.
    Duet,
}

const WORKLOADS: [Workload; 3] = [
    Workload {
        name: "signaling, 1 000 agents",
        kind: Kind::Crowd(1000),
        simulated: Duration::from_secs(3600),
        goal: 300.0,
    },
    Workload {
        name: "signaling, 50 agents",
        kind: Kind::Crowd(50),
        simulated: Duration::from_secs(8 * 3600),
        goal: 5000.0,
    },
    Workload {
        name: "full, one call, both talk",
        kind: Kind::Duet,
        simulated: Duration::from_secs(1800),
        goal: 500.0,
    },
];

/// The measurements of a workload.
struct Measured {
    simulated: Duration,
    /// On the clock, and on a core: less, where others want it too.
    took: Duration,
    worked: Duration,
    messages: u64,
    spent: Spent,
    /// The finding, if something went wrong.
    finding: Option<String>,
}

impl Measured {
    fn speed(&self) -> f64 {
        self.simulated.as_secs_f64() / self.worked.as_secs_f64().max(1e-9)
    }
}

pub(super) fn bench(args: &BenchArgs, out: &mut dyn Write) -> Result<Verdict, ToolError> {
    let head = ["", "simulated", "seconds", "s/s", "goal", "messages", "µs each"];
    write!(out, "{}", style(format!("{:<26}", "on one core")).bold())?;
    for title in &head[1..] {
        write!(out, "{title:>11}")?;
    }
    writeln!(out, "{:>7}{:>7}{:>7}", "core", "world", "cloud")?;
    let mut verdict = Verdict::Clean;
    let mut most = 0;
    for workload in &WORKLOADS {
        let simulated = if args.quick { workload.simulated / 10 } else { workload.simulated };
        let plain = workload.kind.run(simulated, false);
        // Reading the clock takes time too, so the shares are those of another run.
        let shares = workload.kind.run(simulated / 4, true);
        most = most.max(plain.messages);
        write!(
            out,
            "{:<26}{:>11}{:>11.2}{:>11}{:>11}{:>11}{:>11.2}",
            workload.name,
            span(plain.simulated),
            plain.worked.as_secs_f64(),
            grouped(plain.speed() as u64),
            format!("≥ {}", grouped(workload.goal as u64)),
            grouped(plain.messages),
            plain.worked.as_secs_f64() * 1e6 / plain.messages.max(1) as f64,
        )?;
        let share = |time: Duration| 100.0 * time.as_secs_f64() / shares.took.as_secs_f64();
        let (core, cloud) = (share(shares.spent.core), share(shares.spent.service));
        writeln!(out, "{core:>6.0}%{:>6.0}%{cloud:>6.0}%", 100.0 - core - cloud)?;
        for finding in plain.finding.iter().chain(&shares.finding) {
            verdict = Verdict::Finding;
            writeln!(out, "{} {finding}", style("✗").red().bold())?;
        }
    }
    let took = bare_loop(most);
    writeln!(
        out,
        "{:<26}{:>11}{:>11.2}{:>11}{:>11}{:>11}{:>11.2}",
        "a bare event loop",
        "",
        took.as_secs_f64(),
        "",
        "",
        grouped(most),
        took.as_secs_f64() * 1e6 / most.max(1) as f64,
    )?;
    writeln!(out, "\nbeside another simulator: cargo bench -p offhook-sim --bench compare")?;
    Ok(verdict)
}

/// Takes the time of this thread.
struct Stopwatch {
    began: Instant,
    before: Option<Duration>,
}

impl Stopwatch {
    fn start() -> Self {
        Self { began: Instant::now(), before: on_core() }
    }

    /// The time on the clock, and on a core.
    fn stop(self) -> (Duration, Duration) {
        let took = self.began.elapsed();
        let worked = on_core().zip(self.before).map(|(now, before)| now.saturating_sub(before));
        (took, worked.unwrap_or(took))
    }
}

/// The time that this thread has been on a core; none where the system does not say (proc(5)).
fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

impl Kind {
    fn run(self, simulated: Duration, measure: bool) -> Measured {
        match self {
            Self::Crowd(agents) => crowd(agents, simulated, measure),
            Self::Duet => duet(simulated, measure),
        }
    }
}

fn crowd(agents: usize, simulated: Duration, measure: bool) -> Measured {
    let scenario =
        Scenario::calm().agents(agents).hours(simulated.as_secs_f64() / 3600.0).speech(None);
    let watch = Stopwatch::start();
    let mut run = Run::new(&scenario, 1);
    if measure {
        run.measure();
    }
    run.stop_at(simulated);
    run.through();
    let (took, worked) = watch.stop();
    Measured {
        simulated: run.now(),
        took,
        worked,
        messages: run.messages(),
        spent: run.spent().unwrap_or_default(),
        finding: run.report().finding.map(|finding| finding.to_string()),
    }
}

/// The frames heard of two who talk.
#[derive(Debug, Default)]
struct Ears {
    media: Option<MediaId>,
    agent: u64,
    customer: u64,
    wrong: u64,
}

impl Observer for Ears {
    fn see(&mut self, _: Duration, seen: Seen<'_>) {
        match seen {
            Seen::Told { event: Event::SessionStarted(session), .. } => {
                self.media = Some(session.media);
            }
            Seen::AgentHeard { frame, .. } => match frame_number(frame) {
                Ok(Some(_)) => self.agent += 1,
                Ok(None) | Err(_) => self.wrong += 1,
            },
            Seen::CustomerHeard { frame, .. } => match frame_number(frame) {
                Ok(Some(_)) => self.customer += 1,
                Ok(None) | Err(_) => self.wrong += 1,
            },
            _ => {}
        }
    }
}

/// Answers whatever rings.
struct Answerer;

impl Application for Answerer {
    fn handle(&mut self, _: Duration, moment: Moment<'_>, keys: &mut Keys<'_>) {
        let command = match moment {
            Moment::Start => Command::Connect,
            Moment::Event(Event::PendingSession(pending)) => {
                Command::AcceptPendingSession { conversation: pending.conversation.clone() }
            }
            _ => return,
        };
        // What is refused shows in what is heard.
        let _ = keys.submit(command);
    }
}

/// Until the phone is logged in, and until the call is up.
const READY: Duration = Duration::from_secs(5);
/// The most frames that may still be on their way at the end.
const ON_THE_WAY: u64 = 10;

fn duet(simulated: Duration, measure: bool) -> Measured {
    let watch = Stopwatch::start();
    let mut world = World::new(1, Fidelity::Full, Ears::default());
    if measure {
        world.measure();
    }
    world.add_user("user", "token", &json!({}));
    let phone = world.add_phone("user", "token", Box::new(Answerer), |_| {});
    world.run(READY);
    let body = json!({"kind": "inbound", "userId": "user", "farEnd": "external"});
    let (_, call) = world.control("POST", "calls", &body);
    world.run(READY * 2);
    let conversation = call["conversationId"].as_str().unwrap_or_default().to_owned();
    let finding = match world.observer().media {
        Some(media) => talk(&mut world, phone, media, &conversation, simulated),
        None => Some(format!("the call did not come up: {}", state(&mut world, &conversation))),
    };
    let (took, worked) = watch.stop();
    Measured {
        simulated: world.now(),
        took,
        worked,
        messages: world.messages(),
        spent: world.spent().unwrap_or_default(),
        finding,
    }
}

/// Both say a frame every 20 ms, and must hear each other's.
fn talk(
    world: &mut World<Ears>,
    phone: PhoneId,
    media: MediaId,
    conversation: &str,
    until: Duration,
) -> Option<String> {
    let voice = Voice(Fidelity::Full);
    let mut said = 0;
    world.errand(world.now(), said);
    while let Some(number) = world.run(until) {
        let frame = voice.frame(world.now(), number, number == 0, AudioCodec::Opus);
        world.press(phone, |keys| keys.speak(media, frame.clone()));
        world.customer_speaks(conversation, frame);
        said += 1;
        world.errand(world.now() + STEP, said);
    }
    let ears = world.observer();
    let enough = said.saturating_sub(ON_THE_WAY);
    let heard = ears.agent.min(ears.customer) >= enough && ears.wrong == 0;
    (!heard || said == 0).then(|| format!("of {said} frames each way were heard: {ears:?}"))
}

fn state(world: &mut World<Ears>, conversation: &str) -> Value {
    world.control("GET", &format!("calls/{conversation}"), &Value::Null).1
}

/// The least that a simulator of messages can do: take the earliest from a heap, count it for its
/// receiver, send the next.
pub fn bare_loop(messages: u64) -> Duration {
    const NODES: u64 = 1000;
    let began = Instant::now();
    let mut random = 1_u64;
    let mut next = || {
        // Knuth's multiplier; the lower bits are poor.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        random >> 33
    };
    let mut heap: BinaryHeap<_> = (0..NODES).map(|n| Reverse((next(), n, n))).collect();
    let mut received = vec![0_u64; NODES as usize];
    for number in NODES..NODES + messages {
        let Some(Reverse((at, _, node))) = heap.pop() else { break };
        received[node as usize] += 1;
        heap.push(Reverse((at + next() % 1_000_000, number, next() % NODES)));
    }
    black_box(received);
    began.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workload_does_what_it_says() {
        let duet = duet(Duration::from_secs(15), true);
        assert_eq!(duet.finding, None);
        assert!(duet.messages > 2 * 5 * 50, "frames in both directions: {}", duet.messages);
        assert!(!duet.spent.core.is_zero() && !duet.spent.service.is_zero());
        let crowd = crowd(3, Duration::from_secs(360), true);
        assert_eq!(crowd.finding, None);
        assert_eq!(crowd.simulated, Duration::from_secs(360));
        assert!(crowd.messages > 100 && crowd.spent.core + crowd.spent.service < crowd.took);
    }
}
