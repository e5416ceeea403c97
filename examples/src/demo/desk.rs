//! The agent's desk: the phone, what it tells, and the notes taken of it.

use std::future::Future;
use std::pin::pin;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use futures_util::future::{Either, select};
use offhook::genesys::Event;
use offhook::media::MediaStats;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::{Client, Events};
use offhook_sim::ladder::{LadderBuilder, State};

use super::Screen;

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Desk<'a, R> {
    pub(super) phone: Client<R>,
    events: Events,
    ladder: LadderBuilder,
    stats: Option<MediaStats>,
    screen: &'a Screen,
}

impl<'a, R: Sockets> Desk<'a, R> {
    pub(super) fn new(title: &str, phone: Client<R>, events: Events, screen: &'a Screen) -> Self {
        let ladder = LadderBuilder::new(title, Instant::now());
        Self { phone, events, ladder, stats: None, screen }
    }

    /// A milestone, for the diagram and the screen.
    pub(super) fn mark(&mut self, text: &str, state: State) {
        self.ladder.milestone(Instant::now(), text, state);
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
        find: impl Fn(&Event) -> Option<T>,
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

    /// Takes note of what has been told already.
    pub(super) async fn settle(&mut self) {
        self.linger(Duration::from_millis(50)).await;
    }

    async fn next(&mut self, deadline: Instant) -> anyhow::Result<Event> {
        let timer = smol::Timer::at(deadline);
        let event = match select(pin!(self.events.next()), timer).await {
            Either::Left((Some(event), _)) => event,
            Either::Left((None, _)) => bail!("the phone is gone"),
            Either::Right(_) => bail!("not in time"),
        };
        match &event {
            Event::Trace(record) => self.ladder.message(record),
            Event::Stats { stats, .. } => self.stats = Some(*stats),
            Event::Error(error) => self.screen.complain(&error.to_string()),
            Event::Malformed { what } => self.screen.complain(what),
            _ => {}
        }
        Ok(event)
    }

    pub(super) fn into_ladder(self) -> LadderBuilder {
        self.ladder
    }
}
