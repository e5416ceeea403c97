//! HTTP exchanges (RFC 9112): one client's, a few at once, without a thread that waits.

use std::collections::{BTreeMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use futures_util::io::AsyncRead as _;
use http::{Method, Request, Response};
use offhook::Input;
use offhook::machine::{HttpId, NetError, NetErrorKind};

use crate::connect::{Connection, Server};
use crate::error::timed_out;
use crate::exchange::{self, Failure};
use crate::fair::Meter;
use crate::inbox::Inputs;
use crate::net::Net;
use crate::runtime::{Sockets, spawn};

/// Longest time that a connection is kept for the next exchange.
const KEEP: Duration = Duration::from_secs(15);

/// Most servers whose connections are kept, one for each.
const KEPT: usize = 4;

/// One client's exchanges: a few at once, the others wait in order. Dropping it abandons all.
pub(crate) struct Http {
    shared: Arc<Shared>,
    _alive: Sender<()>,
    gone: Receiver<()>,
}

struct Shared {
    net: Arc<Net>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Exchanges that have a turn.
    running: usize,
    /// Exchanges that have none. As many as the machine makes: each has a deadline of the
    /// machine's.
    waiting: VecDeque<oneshot::Sender<Turn>>,
    kept: BTreeMap<Server, Kept>,
}

/// A connection for the next exchange.
struct Kept {
    socket: Connection,
    since: Instant,
}

type Answer = Result<Response<Vec<u8>>, NetError>;

impl Http {
    pub(crate) fn new(net: Arc<Net>) -> Self {
        let (alive, gone) = async_channel::bounded(1);
        let shared = Shared { net, state: Mutex::default() };
        Self { shared: Arc::new(shared), _alive: alive, gone }
    }

    /// Keeps no connection: those that there are may be of an address that is gone, and nobody would be told.
    pub(crate) fn forget(&self) {
        let kept = std::mem::take(&mut self.shared.lock().kept);
        drop(kept);
    }

    /// Puts an exchange in line. Its result comes by its deadline at the latest.
    pub(crate) fn submit<R: Sockets>(
        &self,
        id: HttpId,
        request: Request<Vec<u8>>,
        deadline: Instant,
        inputs: Inputs,
    ) {
        let (shared, gone) = (Arc::clone(&self.shared), self.gone.clone());
        // Asked for now, so that exchanges start in the order in which they were submitted.
        let turn = shared.turn();
        spawn::<R>(async move {
            let mut held = None;
            let answer = async {
                match turn.await {
                    Ok(turn) => held = Some(turn),
                    Err(oneshot::Canceled) => return Err(timed_out()),
                }
                shared.exchange::<R>(&request, deadline).await
            };
            let clock = &shared.net.clock;
            let timed = select(Box::pin(answer), Box::pin(clock.sleep_until::<R>(deadline)));
            let result = match select(timed, pin!(gone.recv())).await {
                Either::Left((Either::Left((result, _)), _)) => result,
                Either::Left((Either::Right(((), _)), _)) => Err(timed_out()),
                Either::Right(_) => return,
            };
            // Without a driver nobody waits for the result. The turn is given up only now, so
            // that answers that wait for the driver are no more than the turns.
            inputs.send(Input::Http { id, result }).await;
            drop(held);
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn, as soon as there is one.
    fn turn(self: &Arc<Self>) -> oneshot::Receiver<Turn> {
        let (give, turn) = oneshot::channel();
        let mut state = self.lock();
        if state.running < self.net.options.http_exchanges.max(1) {
            state.running += 1;
            drop(state);
            let _ = give.send(Turn(Arc::clone(self)));
        } else {
            state.waiting.push_back(give);
        }
        turn
    }

    async fn exchange<R: Sockets>(
        self: &Arc<Self>,
        request: &Request<Vec<u8>>,
        deadline: Instant,
    ) -> Answer {
        let server = Server::of(request.uri(), "http", "https")
            .ok_or_else(|| NetError::new(NetErrorKind::Local, "the URI cannot be used"))?;
        let limit = self.net.options.max_body;
        if let Some(mut socket) = self.take(&server) {
            match exchange::run(&mut socket, request, limit).await {
                Ok(done) => return Ok(self.finish::<R>(server, socket, done)),
                // The server closed it meanwhile. What it has not seen, or what does no harm
                // twice, may be asked again (RFC 9110 section 9.2.2).
                Err(Failure { silent: true, .. }) if is_idempotent(request.method()) => {}
                Err(failure) => return Err(failure.error),
            }
        }
        let meter = Meter::new(u64::MAX);
        let (mut socket, _) = server.connect::<R>(&self.net, meter, deadline).await?;
        match exchange::run(&mut socket, request, limit).await {
            Ok(done) => Ok(self.finish::<R>(server, socket, done)),
            Err(failure) => Err(failure.error),
        }
    }

    /// Keeps the connection of an exchange for a while, if it can be used again.
    fn finish<R: Sockets>(
        self: &Arc<Self>,
        server: Server,
        socket: Connection,
        done: exchange::Done,
    ) -> Response<Vec<u8>> {
        if done.reusable {
            let since = self.net.clock.now();
            let mut state = self.lock();
            if state.kept.len() < KEPT || state.kept.contains_key(&server) {
                let before = state.kept.insert(server.clone(), Kept { socket, since });
                drop((state, before));
                // Closes it in time, unless the client is gone before.
                let shared = Arc::downgrade(self);
                let clock = self.net.clock.clone();
                spawn::<R>(async move {
                    clock.sleep_until::<R>(since + KEEP).await;
                    let Some(shared) = shared.upgrade() else { return };
                    let mut state = shared.lock();
                    if state.kept.get(&server).is_some_and(|kept| kept.since == since) {
                        let old = state.kept.remove(&server);
                        drop((state, old));
                    }
                });
            }
        }
        done.response
    }

    /// A kept connection, if it still stands.
    fn take(&self, server: &Server) -> Option<Connection> {
        let Kept { mut socket, since } = self.lock().kept.remove(server)?;
        let young = self.net.clock.now().saturating_duration_since(since) < KEEP;
        // Nothing may come unasked: then, and at its end, it is ready to be read.
        let mut cx = Context::from_waker(Waker::noop());
        let mut silent = || Pin::new(&mut socket).poll_read(&mut cx, &mut [0]).is_pending();
        // The first poll may only pass on the turn ([`Fair`]); the next one looks.
        let silent = silent() && silent();
        (young && silent).then_some(socket)
    }
}

/// Leave to have an exchange under way. Dropping it gives it to the next in line.
struct Turn(Arc<Shared>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        while let Some(next) = state.waiting.pop_front() {
            if !next.is_canceled() {
                drop(state);
                // Who went just now gives it back by dropping it.
                let _ = next.send(Self(Arc::clone(&self.0)));
                return;
            }
        }
        state.running -= 1;
    }
}

/// True for a method that does no harm twice (RFC 9110 section 9.2.2).
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS | Method::TRACE
    )
}
