//! Figures of a demo's calls, and whether they are good enough.

use std::time::Duration;

use offhook::audio::compare::Similarity;
use offhook::media::MediaStats;
use offhook::report::mos;
use offhook_sim::ladder::{Ladder, LadderBuilder};

/// The least likeness to the original with which speech must arrive.
pub(super) const MIN_CORRELATION: f64 = 0.9;
const MAX_GAP: Duration = Duration::from_millis(60);

/// One call's figures.
#[derive(Clone, Debug)]
pub struct CallReport {
    direction: &'static str,
    signaling: &'static str,
    steps: Vec<(&'static str, Duration)>,
    stats: MediaStats,
    speech: Vec<(&'static str, Similarity)>,
}

impl CallReport {
    pub(super) fn new(direction: &'static str, signaling: &'static str) -> Self {
        let (steps, speech) = (Vec::new(), Vec::new());
        Self { direction, signaling, steps, stats: MediaStats::default(), speech }
    }

    pub(super) fn step(&mut self, name: &'static str, time: Duration) {
        self.steps.push((name, time));
    }

    pub(super) fn take_stats(&mut self, stats: Option<MediaStats>) {
        self.stats = stats.unwrap_or_default();
    }

    pub(super) fn compare(&mut self, what: &'static str, similarity: Similarity) {
        self.speech.push((what, similarity));
    }

    fn title(&self) -> String {
        match self.direction {
            "line" => format!("two calls on one line ({})", self.signaling),
            "consulted" => format!("two calls that were connected ({})", self.signaling),
            direction => format!("{direction} call ({})", self.signaling),
        }
    }

    fn mos(&self) -> f64 {
        let latency = self.stats.round_trip.unwrap_or_default() / 2;
        mos(latency, self.stats.jitter, self.stats.missing())
    }

    /// Name and value of each figure.
    #[must_use]
    pub fn figures(&self) -> Vec<(String, String)> {
        let mut figures: Vec<_> =
            self.steps.iter().map(|(name, time)| ((*name).to_owned(), ms(*time))).collect();
        let stats = &self.stats;
        figures.push((
            "packets sent, received".to_owned(),
            format!("{}, {}", stats.packets_sent, stats.packets_received),
        ));
        figures.push((
            "lost, late".to_owned(),
            format!("{}, {}", stats.packets_lost, stats.packets_late),
        ));
        figures.push((
            "made up, had of copies".to_owned(),
            format!("{}, {}", stats.frames_concealed, stats.frames_recovered),
        ));
        figures.push(("refused".to_owned(), stats.packets_refused.to_string()));
        figures.push((
            "jitter, playout delay".to_owned(),
            format!("{}, {}", ms(stats.jitter), ms(stats.playout)),
        ));
        if let Some(round_trip) = stats.round_trip {
            figures.push(("round trip".to_owned(), ms(round_trip)));
        }
        figures.push(("estimated MOS".to_owned(), format!("{:.2}", self.mos())));
        for (what, similarity) in &self.speech {
            let text = format!(
                "correlation {:.3}, longest gap {}",
                similarity.correlation,
                ms(similarity.longest_gap)
            );
            figures.push(((*what).to_owned(), text));
        }
        figures
    }

    /// The faults of a call.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.stats.packets_received == 0 {
            faults.push(format!("{}: no audio was received", self.title()));
        }
        if self.stats.packets_lost > 0 {
            faults.push(format!("{}: {} packets lost", self.title(), self.stats.packets_lost));
        }
        for (what, similarity) in &self.speech {
            if similarity.correlation < MIN_CORRELATION {
                faults.push(format!("{what}: correlation {:.3}", similarity.correlation));
            }
            if similarity.longest_gap > MAX_GAP {
                faults.push(format!("{what}: a gap of {}", ms(similarity.longest_gap)));
            }
        }
        faults
    }
}

/// A whole demo's figures.
#[derive(Clone, Debug)]
pub struct Report {
    login: Duration,
    calls: Vec<CallReport>,
    ladder: Ladder,
    line: Option<Ladder>,
}

impl Report {
    pub(super) fn new(
        login: Duration,
        calls: Vec<CallReport>,
        ladder: LadderBuilder,
        line: Option<LadderBuilder>,
    ) -> Self {
        let mut summary = vec![("login".to_owned(), ms(login))];
        let mut of_line = Vec::new();
        for call in &calls {
            if call.direction == "line" {
                of_line.extend(call.figures());
                continue;
            }
            let prefix = call.direction;
            let figures = call.figures().into_iter();
            summary.extend(figures.map(|(name, value)| (format!("{prefix}: {name}"), value)));
        }
        let (ladder, line) = (ladder.finish(summary), line.map(|line| line.finish(of_line)));
        Self { login, calls, ladder, line }
    }

    /// The calls, in order.
    #[must_use]
    pub fn calls(&self) -> &[CallReport] {
        &self.calls
    }

    /// The diagram of everything.
    #[must_use]
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The diagram of the second act, where there is one.
    #[must_use]
    pub fn line(&self) -> Option<&Ladder> {
        self.line.as_ref()
    }

    /// The faults of all calls; none in a good demo.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.calls.iter().flat_map(CallReport::faults).collect()
    }

    /// A table for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!("login {}\n", ms(self.login));
        for call in &self.calls {
            out.push_str(&format!("\n{}\n", call.title()));
            for (name, value) in call.figures() {
                out.push_str(&format!("  {name:<26} {value}\n"));
            }
        }
        out
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
