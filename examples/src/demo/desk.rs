//! The agent's desk: the phone, what it tells, and the notes taken of it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use futures_util::future::{Either, select};
use offhook::media::MediaStats;
use offhook::report::TraceRecord;
use offhook::{genesys, ribbon};
use offhook_runtime::{Client, Events, Service, Sockets};
use offhook_sim::ladder::{LadderBuilder, State};

use super::Screen;

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A word of a phone's, as a desk takes note of it.
pub(super) enum Word<'a> {
    /// A message on the wire.
    Trace(&'a TraceRecord),
    /// The figures of a call.
    Stats(MediaStats),
    /// Something is not as it should be.
    Complaint(String),
    /// All else.
    Other,
}

/// A phone whose words a desk understands.
pub(super) trait Told: Service {
    fn word(event: &Self::Event) -> Word<'_>;
}

impl Told for genesys::Client {
    fn word(event: &Self::Event) -> Word<'_> {
        match event {
            genesys::Event::Trace(record) => Word::Trace(record),
            genesys::Event::Stats { stats, .. } => Word::Stats(*stats),
            genesys::Event::Error(error) => Word::Complaint(error.to_string()),
            genesys::Event::Malformed { what } => Word::Complaint(what.clone()),
            _ => Word::Other,
        }
    }
}

impl Told for ribbon::Client {
    fn word(event: &Self::Event) -> Word<'_> {
        match event {
            ribbon::Event::Trace(record) => Word::Trace(record),
            ribbon::Event::Stats(report) => Word::Stats(report.media),
            ribbon::Event::Malformed { what } => Word::Complaint(what.clone()),
            _ => Word::Other,
        }
    }
}

pub(super) struct Desk<'a, R, M: Told> {
    pub(super) phone: Client<R, M>,
    events: Events<M>,
    ladder: Arc<Mutex<LadderBuilder>>,
    /// The phone's place in the diagram.
    lane: usize,
    stats: Option<MediaStats>,
    screen: &'a Screen,
}

impl<'a, R: Sockets, M: Told> Desk<'a, R, M> {
    pub(super) fn new(
        title: &str,
        phone: Client<R, M>,
        events: Events<M>,
        screen: &'a Screen,
    ) -> Self {
        let ladder = Arc::new(Mutex::new(LadderBuilder::new(title, Instant::now())));
        Self { phone, events, ladder, lane: 0, stats: None, screen }
    }

    /// Names the phones of the diagram, this one first.
    pub(super) fn phones(&mut self, names: &[&str]) {
        self.ladder().phones(names.iter().map(|name| (*name).to_owned()).collect());
    }

    /// Another phone, in a lane of its own in the same diagram.
    pub(super) fn another(&self, lane: usize, phone: Client<R, M>, events: Events<M>) -> Self {
        let ladder = Arc::clone(&self.ladder);
        Self { phone, events, ladder, lane, stats: None, screen: self.screen }
    }

    fn ladder(&self) -> MutexGuard<'_, LadderBuilder> {
        // A diagram is whole after every statement.
        self.ladder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A milestone, for the diagram and the screen.
    pub(super) fn mark(&mut self, text: &str, state: State) {
        self.ladder().milestone_of(self.lane, Instant::now(), text, state);
        self.screen.mark(text);
    }

    /// The figures told last.
    pub(super) fn last_stats(&mut self) -> Option<MediaStats> {
        self.stats.take()
    }

    /// Waits for an event, taking note of all that come before it.
    pub(super) async fn wait<T>(
        &mut self,
        what: &str,
        find: impl Fn(&M::Event) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.next(deadline).await.map_err(|e| anyhow!("{what}: {e}"))?;
            if let Some(found) = find(&event) {
                return Ok(found);
            }
        }
    }

    /// Takes note of what is told, for a while.
    pub(super) async fn linger(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        // The deadline is the only way out that is expected.
        while self.next(deadline).await.is_ok() {}
    }

    /// Takes note of what is told until something is done.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let next = pin!(self.next(Instant::now() + PATIENCE));
            match select(&mut work, next).await {
                Either::Left((done, _)) => return done,
                Either::Right(_) => {}
            }
        }
    }

    /// Takes note of what is told until a thread is done.
    pub(super) async fn wait_for_thread<T>(&mut self, thread: &JoinHandle<T>) {
        while !thread.is_finished() {
            self.linger(Duration::from_millis(50)).await;
        }
    }

    /// Takes note of what is told until something is so.
    pub(super) async fn until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so()? {
            ensure!(Instant::now() < deadline, "{what}: not in time");
            self.linger(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Takes note of what has been told already.
    pub(super) async fn settle(&mut self) {
        self.linger(Duration::from_millis(50)).await;
    }

    async fn next(&mut self, deadline: Instant) -> anyhow::Result<M::Event> {
        let timer = smol::Timer::at(deadline);
        let event = match select(pin!(self.events.next()), timer).await {
            Either::Left((Some(event), _)) => event,
            Either::Left((None, _)) => bail!("the phone is gone"),
            Either::Right(_) => bail!("not in time"),
        };
        match M::word(&event) {
            Word::Trace(record) => self.ladder().message_of(self.lane, record),
            Word::Stats(stats) => self.stats = Some(stats),
            Word::Complaint(text) => self.screen.complain(&text),
            Word::Other => {}
        }
        Ok(event)
    }

    pub(super) fn into_ladder(self) -> LadderBuilder {
        self.ladder().clone()
    }
}
