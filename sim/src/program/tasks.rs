//! The tasks of one program in virtual time: one thread, and who was woken first comes first.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Instant;

use offhook::Seed;
use offhook_runtime::Clock;

use crate::world::PhoneId;

/// Polls of a program's tasks at one instant; one more and it turns in circles. A phone that wakes up
/// gets all that has waited at one instant.
const MAX_POLLS: u32 = 50_000;

/// The number of the task that the program began as: it is over with it.
const MAIN: u64 = 0;

pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The surroundings of a program's tasks.
pub(super) struct Around {
    pub(super) clock: Clock,
    pub(super) phone: PhoneId,
    pub(super) seed: Seed,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Tasks that no turn was given to yet.
    spawned: Vec<Task>,
    /// The tasks that sleep, by the time until which they do and the order in which they lay down.
    timers: BTreeMap<(Instant, u64), Waker>,
    sleepers: u64,
    evening: bool,
    until_evening: Vec<Waker>,
}

thread_local! {
    static AROUND: RefCell<Option<Arc<Around>>> = const { RefCell::new(None) };
}

/// The surroundings of the caller, if that is a program's task.
pub(super) fn around() -> Option<Arc<Around>> {
    AROUND.with_borrow(Clone::clone)
}

/// The surroundings of the caller, as [`around`] finds them.
///
/// # Panics
///
/// When called from elsewhere.
pub(super) fn here() -> Arc<Around> {
    around().expect("called from within a simulated program")
}

impl Around {
    pub(super) fn new(phone: PhoneId, seed: Seed, clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, phone, seed, state: Mutex::default() })
    }

    pub(super) fn spawn(&self, task: Task) {
        self.lock().spawned.push(task);
    }

    /// The program itself, which comes before whatever was spawned while it was made.
    pub(super) fn begin(&self, main: Task) {
        self.lock().spawned.insert(0, main);
    }

    /// Waits until it is told that it is evening.
    pub(super) async fn evening(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.evening {
                return Poll::Ready(());
            }
            if !state.until_evening.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.until_evening.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard while which lives the caller has surroundings.
struct Entered(Option<Arc<Around>>);

impl Entered {
    fn new(around: &Arc<Around>) -> Self {
        Self(AROUND.replace(Some(Arc::clone(around))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        AROUND.set(self.0.take());
    }
}

/// A wait until some instant. Who need not wait lets all others who are awake have their turn first, so
/// that a program which sleeps for no time, for ever, is seen to do so.
pub(super) struct Sleep {
    at: Instant,
    /// The surroundings in which it waits, and its number there.
    waits: Option<(Arc<Around>, u64)>,
}

impl Sleep {
    pub(super) const fn until(at: Instant) -> Self {
        Self { at, waits: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let is_new = self.waits.is_none();
        let (around, number) = self.waits.get_or_insert_with(|| {
            let around = here();
            let number = around.lock().number();
            (around, number)
        });
        match (at <= around.clock.now(), is_new) {
            (true, true) => cx.waker().wake_by_ref(),
            (true, false) => return Poll::Ready(()),
            (false, _) => drop(around.lock().timers.insert((at, *number), cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((around, number)) = &self.waits {
            let waker = around.lock().timers.remove(&(self.at, *number));
            drop(waker);
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.sleepers += 1;
        self.sleepers
    }
}

/// Tasks that were woken, in that order.
struct Ready {
    thread: ThreadId,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    numbers: VecDeque<u64>,
    /// Something woke a task that no seed decides over.
    foreign: bool,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole after every statement, so a panic elsewhere does not matter.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes one task: puts it into the queue once, until its turn.
struct Bell {
    number: u64,
    rung: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut queue = self.ready.lock();
        queue.foreign |= thread::current().id() != self.ready.thread;
        if !self.rung.swap(true, Ordering::Relaxed) {
            queue.numbers.push_back(self.number);
        }
    }
}

/// The tasks of one program.
pub(super) struct Tasks {
    around: Arc<Around>,
    tasks: BTreeMap<u64, (Task, Arc<Bell>)>,
    ready: Arc<Ready>,
    next: u64,
    /// The number of polls at the last instant that had any.
    polls: (Instant, u32),
}

impl Tasks {
    /// No tasks yet: the first that is spawned is the program.
    pub(super) fn new(around: Arc<Around>) -> Self {
        let polls = (around.clock.now(), 0);
        let ready = Ready { thread: thread::current().id(), queue: Mutex::default() };
        Self { around, tasks: BTreeMap::new(), ready: Arc::new(ready), next: MAIN, polls }
    }

    pub(super) const fn around(&self) -> &Arc<Around> {
        &self.around
    }

    /// Does something as a task would do it.
    pub(super) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(&self.around);
        work()
    }

    /// Sets the time: whoever slept until then is woken, the earliest first.
    pub(super) fn pass(&mut self, now: Instant) {
        let clock = &self.around.clock;
        clock.advance(now.saturating_duration_since(clock.now()));
        let now = clock.now();
        let mut due = Vec::new();
        {
            let mut state = self.around.lock();
            while let Some(timer) = state.timers.first_entry().filter(|timer| timer.key().0 <= now)
            {
                due.push(timer.remove());
            }
        }
        due.into_iter().for_each(Waker::wake);
    }

    /// The time at which the first of those who sleep wakes up.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.around.lock().timers.keys().next().map(|(at, _)| *at)
    }

    /// Begins the evening.
    pub(super) fn evening(&mut self) {
        let waiting = {
            let mut state = self.around.lock();
            state.evening = true;
            std::mem::take(&mut state.until_evening)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Gives the task that was woken first its turn. False when all wait.
    ///
    /// # Panics
    ///
    /// When a task does, when they never come to rest, or when another thread woke one.
    pub(super) fn turn(&mut self) -> bool {
        self.admit();
        let (number, foreign) = {
            let mut queue = self.ready.lock();
            (queue.numbers.pop_front(), queue.foreign)
        };
        let phone = self.around.phone.0;
        assert!(
            !foreign,
            "the program on phone {phone} was woken by another thread: what it waits for there no \
             seed decides"
        );
        let Some(number) = number else { return false };
        // It may be over, and woken by what it has left behind.
        let Some((task, bell)) = self.tasks.get_mut(&number) else { return true };
        let now = self.around.clock.now();
        if self.polls.0 != now {
            self.polls = (now, 0);
        }
        self.polls.1 += 1;
        assert!(
            self.polls.1 <= MAX_POLLS,
            "the program on phone {phone} turns in circles: its tasks were polled {MAX_POLLS} times \
             at one instant"
        );
        bell.rung.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(bell));
        let entered = Entered::new(&self.around);
        let done = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        if done {
            drop(self.tasks.remove(&number));
            if number == MAIN {
                self.tasks.clear();
            }
        }
        drop(entered);
        true
    }

    /// Takes spawned tasks among the others, and wakes them for the first time.
    fn admit(&mut self) {
        let spawned = std::mem::take(&mut self.around.lock().spawned);
        for task in spawned {
            // Nothing of a program is left when it is over.
            if self.next > MAIN && !self.tasks.contains_key(&MAIN) {
                continue;
            }
            let bell = Bell {
                number: self.next,
                rung: AtomicBool::new(false),
                ready: Arc::clone(&self.ready),
            };
            let bell = Arc::new(bell);
            bell.wake_by_ref();
            self.tasks.insert(self.next, (task, bell));
            self.next += 1;
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let _entered = Entered::new(&self.around);
        self.tasks.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tasks() -> Tasks {
        let clock = Clock::standing(Instant::now());
        Tasks::new(Around::new(PhoneId(3), Seed::from(1), clock))
    }

    fn run(tasks: &mut Tasks) {
        while tasks.turn() {}
    }

    /// The numbers that tasks have said, in order.
    type Said = Arc<Mutex<Vec<u32>>>;

    fn say(said: &Said, what: u32) {
        said.lock().unwrap().push(what);
    }

    #[test]
    fn tasks_have_their_turns_in_the_order_in_which_they_were_woken() {
        let (mut tasks, said) = (tasks(), Said::default());
        let start = tasks.around().clock.now();
        let later = move |s| start + Duration::from_secs(s);
        let main = Arc::clone(&said);
        tasks.around().spawn(Box::pin(async move {
            for (number, wake) in [(1, 9), (2, 5), (3, 5), (4, 0)] {
                let said = Arc::clone(&main);
                here().spawn(Box::pin(async move {
                    say(&said, number);
                    Sleep::until(later(wake)).await;
                    say(&said, 10 * number);
                }));
            }
            say(&main, 0);
            std::future::pending::<()>().await;
        }));
        run(&mut tasks);
        assert_eq!(*said.lock().unwrap(), [0, 1, 2, 3, 4, 40]);
        assert_eq!(tasks.wake(), Some(later(5)));
        tasks.pass(later(9));
        run(&mut tasks);
        assert_eq!(said.lock().unwrap()[6..], [20, 30, 10]);
        assert_eq!(tasks.wake(), None);
    }

    #[test]
    fn a_program_is_over_with_its_first_task_and_leaves_nothing() {
        let (mut tasks, kept) = (tasks(), Arc::new(()));
        let held = Arc::clone(&kept);
        let at = tasks.around().clock.now() + Duration::from_secs(60);
        tasks.around().spawn(Box::pin(async move {
            for _ in 0..3 {
                let held = Arc::clone(&held);
                here().spawn(Box::pin(async move {
                    Sleep::until(at).await;
                    drop(held);
                }));
            }
            Sleep::until(here().clock.now()).await;
        }));
        run(&mut tasks);
        assert_eq!((Arc::strong_count(&kept), tasks.wake()), (1, None));
        tasks.around().spawn(Box::pin(async { panic!("too late") }));
        run(&mut tasks);
    }

    #[test]
    fn a_sleep_that_is_dropped_wakes_nobody() {
        let mut tasks = tasks();
        let now = tasks.around().clock.now();
        tasks.around().spawn(Box::pin(async move {
            let mut sleep = Box::pin(Sleep::until(now + Duration::from_secs(1)));
            assert!(futures_util::poll!(&mut sleep).is_pending());
            drop(sleep);
            Sleep::until(now + Duration::from_secs(5)).await;
        }));
        run(&mut tasks);
        assert_eq!(tasks.wake(), Some(now + Duration::from_secs(5)));
    }

    #[test]
    #[should_panic(expected = "the program on phone 3 turns in circles")]
    fn a_task_that_wakes_itself_for_ever_is_told_of() {
        let mut tasks = tasks();
        tasks.around().spawn(Box::pin(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        })));
        run(&mut tasks);
    }

    #[test]
    #[should_panic(expected = "the program on phone 3 turns in circles")]
    fn sleeping_for_no_time_is_a_circle_too() {
        let mut tasks = tasks();
        tasks.around().spawn(Box::pin(async {
            loop {
                Sleep::until(here().clock.now()).await;
            }
        }));
        run(&mut tasks);
    }

    #[test]
    fn the_bound_is_of_one_instant() {
        let mut tasks = tasks();
        let start = tasks.around().clock.now();
        tasks.around().spawn(Box::pin(async {
            for _ in 0..3 {
                for _ in 0..MAX_POLLS / 2 {
                    Sleep::until(here().clock.now()).await;
                }
                Sleep::until(here().clock.now() + Duration::from_secs(1)).await;
            }
        }));
        for second in 0..4 {
            tasks.pass(start + Duration::from_secs(second));
            run(&mut tasks);
        }
        assert_eq!(tasks.wake(), None);
    }

    #[test]
    #[should_panic(expected = "woken by another thread")]
    fn other_threads_wake_nobody_unnoticed() {
        let mut tasks = tasks();
        let (tell, told) = std::sync::mpsc::channel::<Waker>();
        tasks.around().spawn(Box::pin(poll_fn(move |cx| {
            let _ = tell.send(cx.waker().clone());
            Poll::Pending
        })));
        run(&mut tasks);
        let elsewhere = move || told.recv().expect("it waits").wake();
        thread::spawn(elsewhere).join().expect("woken");
        run(&mut tasks);
    }
}
