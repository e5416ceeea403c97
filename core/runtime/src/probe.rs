//! A prober on a runtime.

use std::time::Duration;

use offhook::Seed;
use offhook::machine::MediaId;
use offhook::media::probe::{Command, Error, Event, Limits, Prober};
use offhook::net::NetOptions;

use crate::clock::Clock;
use crate::drive::Drive;
use crate::error::BuildError;
use crate::handle::{Events, Handle, start_at};
use crate::runtime::Sockets;

/// Starts a task that drives a prober, on the runtime around the caller.
///
/// ```no_run
/// # async fn run<R: offhook_runtime::Sockets>() -> Result<(), Box<dyn std::error::Error>> {
/// use offhook::media::IceServer;
/// use offhook::media::probe::{Command, Limits, Outcome, Plan};
/// use offhook::net::NetOptions;
///
/// let (prober, _) = offhook_runtime::prober::<R>(Limits::default(), NetOptions::default())?;
/// let plan = Plan::new([IceServer::stun("stun:stun.example.com")]);
/// if let Outcome::Path(report) = prober.submit(Command::Path(plan)).await? {
///     println!("{:?}", report.nat);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The network options cannot be used, the operating system has no randomness, or no such runtime here.
pub fn prober<R: Sockets>(
    limits: Limits,
    options: NetOptions,
) -> Result<(Handle<Prober>, Events<Prober>), BuildError<Error>> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let clock = Clock::default();
    let machine = Prober::new(limits, &Seed::new(bytes), clock.now());
    Ok(start_at::<R, Prober>(machine, options, clock)?)
}

impl Drive for Prober {
    fn farewell() -> (Command, Duration) {
        (Command::Close, Duration::from_secs(1))
    }

    fn is_expendable(_: &Event) -> bool {
        false
    }

    fn weight(_: &Event) -> usize {
        size_of::<Event>()
    }

    fn events_lost(count: u64) -> Event {
        Event::EventsLost(count)
    }

    fn ended_media(_: &Event) -> Option<MediaId> {
        None
    }

    fn closed() -> Error {
        Error::Closed
    }

    fn overloaded() -> Error {
        Error::Busy
    }
}
