//! Asynchronous programs in virtual time: the same source that is deployed on tokio or smol.
//!
//! ```
//! use offhook::genesys::{Error, Phone as _};
//! use offhook_runtime::Runtime;
//! use offhook_runtime::genesys::{Call, Client};
//! use offhook_sim::Scenario;
//!
//! async fn bot<R: Runtime>(phone: Client<R>) -> Result<(), Error> {
//!     let mut calls = phone.calls();
//!     phone.connect().await?;
//!     while let Some(call) = calls.next().await {
//!         let _ = R::spawn(echo(call));
//!     }
//!     Ok(())
//! }
//!
//! async fn echo<R: Runtime>(call: Call<R>) {
//!     if call.answer().await.is_ok() {
//!         while let Ok(mut audio) = call.audio().await {
//!             while let Some(frame) = audio.stream.next().await {
//!                 let _ = audio.sink.send(frame).await;
//!             }
//!         }
//!     }
//! }
//!
//! offhook_sim::check(Scenario::calm().agents(2).hours(0.1).program(bot)).seeds(0..2);
//! ```

mod simulated;
mod tasks;

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::genesys;
use offhook::machine::{CommandId, Frame, Track, TrackId};
use offhook_runtime::genesys::Client;
use offhook_runtime::{Asked, Asker, Clock, Drive as _, Front};

pub use self::simulated::Simulated;
use self::tasks::{Around, Tasks};
use crate::world::{Application, Keys, Moment};

/// The end of a program: all is well, or an error, which is a finding.
pub trait Ending {
    /// The error, if it is one.
    fn failure(self) -> Option<String>;
}

impl Ending for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display> Ending for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

type Main = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// An asynchronous program on a phone.
///
/// It is over when its future is, and its tasks with it, as a process with its `main`; the client then
/// logs out, as it does when nobody holds a handle any more ([`Client`]). An error as its end, a panic
/// in any of its tasks and tasks that never come to rest are panics of the world: findings of a
/// scenario. While its phone sleeps, it does, too, and all that came due meanwhile comes after.
/// When the phone is switched off, as at the end of a run, its tasks are dropped wherever they wait. On a
/// user's second phone there is a program of its own.
pub struct Program {
    seed: Seed,
    make: Option<Box<dyn FnOnce(Client<Simulated>) -> Main>>,
    process: Option<Process>,
}

impl Program {
    /// A program that begins when the phone is there. `make` is called inside it.
    pub fn new<F>(seed: Seed, make: impl FnOnce(Client<Simulated>) -> F + 'static) -> Self
    where
        F: Future<Output: Ending> + Send + 'static,
    {
        let make = |phone| -> Main {
            let main = make(phone);
            Box::pin(async move { main.await.failure() })
        };
        Self { seed, make: Some(Box::new(make)), process: None }
    }
}

impl Application for Program {
    fn handle(&mut self, at: Duration, moment: Moment<'_>, keys: &mut Keys<'_>) {
        if let Some(make) = self.make.take() {
            self.process = Some(Process::begin(at, self.seed.clone(), make, keys));
        }
        if let Some(process) = &mut self.process {
            process.tell(moment, keys.now());
            process.run(keys);
        }
    }

    fn next_wake(&self) -> Option<Duration> {
        let process = self.process.as_ref()?;
        Some(process.tasks.wake()?.saturating_duration_since(process.start))
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Program")
    }
}

/// A program that has begun.
struct Process {
    /// The time at which the world began.
    start: Instant,
    tasks: Tasks,
    /// Until the client has taken leave.
    front: Option<Front<genesys::Client>>,
    farewell: Option<CommandId>,
}

impl Process {
    fn begin(
        at: Duration,
        seed: Seed,
        make: impl FnOnce(Client<Simulated>) -> Main,
        keys: &Keys<'_>,
    ) -> Self {
        let clock = Clock::standing(keys.now());
        let (phone, front) = Client::attach(keys.client().config(), clock.clone());
        let tasks = Tasks::new(Around::new(keys.phone(), seed, clock));
        let number = keys.phone().0;
        let main = tasks.within(|| make(phone));
        tasks.around().begin(Box::pin(async move {
            if let Some(why) = main.await {
                panic!("the program on phone {number} failed: {why}");
            }
        }));
        Self { start: keys.now() - at, tasks, front: Some(front), farewell: None }
    }

    /// Sets the time, and tells a moment.
    fn tell(&mut self, moment: Moment<'_>, now: Instant) {
        self.tasks.pass(now);
        if matches!(moment, Moment::Evening) {
            self.tasks.evening();
        }
        let Some(front) = &mut self.front else { return };
        match moment {
            Moment::Event(event) => front.told(event.clone()),
            Moment::Completed { command, result } => {
                front.completed(command, result.clone());
                if self.farewell == Some(command) {
                    self.front = None;
                }
            }
            Moment::Audio { media, frame } => {
                front.came(TrackId::audio(media), frame.clone().into());
            }
            Moment::Frame { track, frame } => front.came(track, frame.clone()),
            Moment::Start | Moment::Wake | Moment::Evening => {}
        }
    }

    /// Until everybody waits, and nothing is asked for.
    fn run(&mut self, keys: &mut Keys<'_>) {
        while self.tasks.turn() | self.serve(keys) {}
    }

    /// Does all that is asked for; whether that was anything.
    fn serve(&mut self, keys: &mut Keys<'_>) -> bool {
        let mut served = false;
        // Nobody is to be woken: it is looked for after every turn.
        let mut cx = Context::from_waker(Waker::noop());
        while let Some(front) = &mut self.front
            && let Poll::Ready(asked) = front.poll_asked(&mut cx)
        {
            served = true;
            match asked {
                Asked::Command(command, asker) => front.submitted(asker, keys.submit(command)),
                Asked::Frame(TrackId { media, track: Track::AUDIO }, Frame::Audio(frame)) => {
                    keys.speak(media, frame);
                }
                Asked::Frame(track, frame) => keys.send(track, frame),
                // Its network is the simulation's.
                Asked::Look => {}
                Asked::Leave => match keys.submit(genesys::Client::farewell().0) {
                    Ok(id) => {
                        front.submitted(Asker::nobody(), Ok(id));
                        self.farewell = Some(id);
                    }
                    // There is nothing to take leave of.
                    Err(_) => self.front = None,
                },
            }
        }
        served
    }
}
