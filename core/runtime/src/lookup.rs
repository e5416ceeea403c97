//! Names into addresses: the one thing that an operating system does only by making a thread wait.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use futures_channel::oneshot;
use offhook::machine::{NetError, NetErrorKind};

/// Most names that a process looks up at once. A name whose servers do not answer costs one thread
/// for as long as the system waits for them, however many clients ask for it.
const PLACES: usize = 512;

/// Most names that one client may have under way or in line: it never needs more than a few, and
/// the rest is for other clients.
const SHARE: usize = 8;

/// Enough for what systems plug into their resolvers.
const STACK: usize = 512 << 10;

/// A host and a port.
type Name = (String, u16);

type Found = Result<Vec<SocketAddr>, NetError>;

type LookUp = dyn Fn(&Name) -> Found + Send + Sync;

/// A client's share of the lookups of its process.
#[derive(Clone, Default)]
pub(crate) struct Share(Arc<()>);

impl Share {
    /// Looks up a name. Never empty.
    ///
    /// Each name has at most one thread, which ends with it; clients that want the same name
    /// wait for the same answer. When all places are taken, names wait in line for the next.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Found {
        static LOOKUPS: LazyLock<Lookups> = LazyLock::new(|| Lookups::new(PLACES, system));
        LOOKUPS.resolve(self, (host.to_owned(), port)).await
    }
}

fn system(name: &Name) -> Found {
    let (host, port) = name;
    let addresses: Vec<_> = (host.as_str(), *port)
        .to_socket_addrs()
        .map_err(|error| NetError::new(NetErrorKind::Resolve, error.to_string()))?
        .collect();
    if addresses.is_empty() {
        return Err(NetError::new(NetErrorKind::Resolve, "the name has no address"));
    }
    Ok(addresses)
}

/// A name that is being looked up, or waits for it.
struct Flight {
    askers: Vec<oneshot::Sender<Found>>,
    /// Counts against whoever asked first.
    _share: Share,
}

#[derive(Default)]
struct State {
    flights: BTreeMap<Name, Flight>,
    waiting: VecDeque<Name>,
    threads: usize,
}

/// All lookups of a process.
#[derive(Clone)]
struct Lookups {
    state: Arc<Mutex<State>>,
    places: usize,
    ask: Arc<LookUp>,
}

impl Lookups {
    fn new(places: usize, ask: impl Fn(&Name) -> Found + Send + Sync + 'static) -> Self {
        Self { state: Arc::default(), places, ask: Arc::new(ask) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn resolve(&self, share: &Share, name: Name) -> Found {
        let told = self.join(share, name)?;
        told.await.unwrap_or_else(|oneshot::Canceled| Err(refused("the lookup was abandoned")))
    }

    /// Takes a seat in the flight for a name; starts it, or puts it in line, where there is none.
    fn join(&self, share: &Share, name: Name) -> Result<oneshot::Receiver<Found>, NetError> {
        let (tell, told) = oneshot::channel();
        let mut state = self.lock();
        if let Some(flight) = state.flights.get_mut(&name) {
            flight.askers.retain(|asker| !asker.is_canceled());
            flight.askers.push(tell);
            return Ok(told);
        }
        // One is the client's own.
        if Arc::strong_count(&share.0) > SHARE {
            return Err(refused("too many names are being looked up already"));
        }
        let flight = Flight { askers: vec![tell], _share: share.clone() };
        state.flights.insert(name.clone(), flight);
        if state.threads >= self.places {
            state.waiting.push_back(name);
            return Ok(told);
        }
        state.threads += 1;
        drop(state);
        let (lookups, first) = (self.clone(), name.clone());
        let thread = Builder::new().name("offhook-names".to_owned()).stack_size(STACK);
        if thread.spawn(move || lookups.work(first)).is_err() {
            let mut state = self.lock();
            state.threads -= 1;
            state.flights.remove(&name);
        }
        Ok(told)
    }

    /// One thread's work: a name, and then what waits in line.
    fn work(&self, mut name: Name) {
        loop {
            let found = (self.ask)(&name);
            let mut state = self.lock();
            let flight = state.flights.remove(&name);
            let next = state.next();
            state.threads -= usize::from(next.is_none());
            drop(state);
            for asker in flight.into_iter().flat_map(|flight| flight.askers) {
                // Who does not wait any more has given up.
                let _ = asker.send(found.clone());
            }
            match next {
                Some(next) => name = next,
                None => return,
            }
        }
    }
}

impl State {
    /// The next name in line that anybody still waits for.
    fn next(&mut self) -> Option<Name> {
        while let Some(name) = self.waiting.pop_front() {
            let wanted = |flight: &Flight| flight.askers.iter().any(|asker| !asker.is_canceled());
            if self.flights.get(&name).is_some_and(wanted) {
                return Some(name);
            }
            self.flights.remove(&name);
        }
        None
    }
}

fn refused(reason: &str) -> NetError {
    NetError::new(NetErrorKind::Resolve, reason)
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::Pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;

    fn name(host: &str) -> Name {
        (host.to_owned(), 443)
    }

    fn address() -> Vec<SocketAddr> {
        vec![SocketAddr::from(([192, 0, 2, 1], 443))]
    }

    /// Names that hang while the test holds them, except those that are well; and what was asked.
    struct Hanging {
        lookups: Lookups,
        asked: mpsc::Receiver<Name>,
        hold: Arc<Mutex<()>>,
    }

    fn hanging(places: usize) -> Hanging {
        let (tell, asked) = mpsc::channel();
        let hold = Arc::new(Mutex::new(()));
        let held = Arc::clone(&hold);
        let lookups = Lookups::new(places, move |name| {
            let _ = tell.send(name.clone());
            if !name.0.starts_with("well") {
                drop(held.lock());
            }
            Ok(address())
        });
        Hanging { lookups, asked, hold }
    }

    impl Hanging {
        fn asked(&self) -> String {
            self.asked.recv_timeout(Duration::from_secs(20)).expect("a thread asks").0
        }
    }

    /// Waits for the answer without an executor.
    fn wait(mut told: oneshot::Receiver<Found>) -> Found {
        struct Told(mpsc::SyncSender<()>);
        impl std::task::Wake for Told {
            fn wake(self: Arc<Self>) {
                let _ = self.0.try_send(());
            }
        }
        let (tell, wake) = mpsc::sync_channel(1);
        let waker = Arc::new(Told(tell)).into();
        let mut cx = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut told).poll(&mut cx) {
                Poll::Ready(found) => return found.expect("an answer"),
                Poll::Pending => wake.recv_timeout(Duration::from_secs(20)).expect("in time"),
            }
        }
    }

    #[test]
    fn names_that_hang_hold_up_no_other() {
        let hanging = hanging(PLACES);
        let held = hanging.hold.lock().unwrap();
        let waiting: Vec<_> = (0..250)
            .map(|n| hanging.lookups.join(&Share::default(), name(&format!("hung-{n}"))).unwrap())
            .collect();
        let well = hanging.lookups.join(&Share::default(), name("well")).unwrap();
        assert_eq!(wait(well), Ok(address()));
        drop(held);
        for told in waiting {
            assert_eq!(wait(told), Ok(address()));
        }
    }

    #[test]
    fn one_name_is_looked_up_once_at_a_time() {
        let hanging = hanging(PLACES);
        let held = hanging.hold.lock().unwrap();
        let waiting: Vec<_> = (0..1000)
            .map(|_| hanging.lookups.join(&Share::default(), name("same")).unwrap())
            .collect();
        assert_eq!(hanging.asked(), "same");
        assert_eq!(hanging.lookups.lock().threads, 1);
        drop(held);
        for told in waiting {
            assert_eq!(wait(told), Ok(address()));
        }
        assert!(hanging.asked.try_recv().is_err());
    }

    #[test]
    fn when_all_places_are_taken_names_wait_in_line_and_the_forsaken_lose_theirs() {
        let hanging = hanging(1);
        let held = hanging.hold.lock().unwrap();
        let join = |host| hanging.lookups.join(&Share::default(), name(host)).unwrap();
        let first = join("first");
        assert_eq!(hanging.asked(), "first");
        let (forsaken, next) = (join("well-2"), join("well-3"));
        drop(forsaken);
        drop(held);
        assert_eq!(wait(first), Ok(address()));
        assert_eq!(wait(next), Ok(address()));
        assert_eq!(hanging.asked(), "well-3");
    }

    #[test]
    fn a_client_has_its_share_and_no_more() {
        let hanging = hanging(PLACES);
        let held = hanging.hold.lock().unwrap();
        let share = Share::default();
        let join = |host: &str| hanging.lookups.join(&share, name(host));
        let waiting: Vec<_> =
            (0..SHARE).map(|n| join(&format!("hung-{n}")).expect("its share")).collect();
        let refused = join("one more").expect_err("over its share");
        assert_eq!(refused.kind, NetErrorKind::Resolve);
        // What is under way anyway costs nothing.
        assert!(join("hung-0").is_ok());
        drop(held);
        for told in waiting {
            assert_eq!(wait(told), Ok(address()));
        }
    }
}
