//! The Genesys client's handle: the phone's keys as futures.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_util::FutureExt as _;
use offhook::Seed;
use offhook::genesys::{self, Command, Error, Outcome, Phone};
use offhook::machine::MediaId;
use offhook::media::{EngineFactory, WebRtcFactory};
use offhook::net::NetOptions;

use crate::audio::Audio;
use crate::clock::Clock;
use crate::error::BuildError;
use crate::handle::{Completion, Events, Handle, start_at};
use crate::runtime::Runtime;

/// A phone. Cheap to clone; its keys are the methods of [`Phone`].
///
/// The task behind it lives until the last clone and the [`Events`] are dropped. It then logs
/// out, within 5 s, and closes everything; calls still up end with it.
pub struct Client<R> {
    handle: Handle<genesys::Client>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Client<R> {
    /// Settings for a new client.
    pub fn builder(config: genesys::Config) -> Builder<R> {
        Builder {
            config,
            net: NetOptions::default(),
            seed: None,
            clock: Clock::default(),
            factory: None,
            runtime: PhantomData,
        }
    }
}

impl<R> Client<R> {
    /// Takes a session's audio. See [`Audio`].
    pub fn audio(&self, media: MediaId) -> Audio {
        self.handle.audio(media)
    }
}

impl<R> Phone for Client<R> {
    type Reply<T: TryFrom<Outcome, Error = Outcome>> = Reply<T>;

    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Reply<T> {
        Reply { completion: self.handle.submit(command), outcome: PhantomData }
    }
}

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), runtime: PhantomData }
    }
}

impl<R> std::fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// Settings for a client that is yet to be built.
#[must_use]
pub struct Builder<R> {
    config: genesys::Config,
    net: NetOptions,
    seed: Option<Seed>,
    clock: Clock,
    factory: Option<Box<dyn EngineFactory>>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Builder<R> {
    /// How to use the network.
    pub fn net(mut self, options: NetOptions) -> Self {
        self.net = options;
        self
    }

    /// Where all randomness comes from. By default the operating system; tests fix it.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The clock of the runtime. By default one of its own that goes on while the computer sleeps;
    /// tests keep a clone and move it.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who makes the media engines. By default [`WebRtcFactory`]: ICE, DTLS and SRTP.
    pub fn engine_factory(mut self, factory: Box<dyn EngineFactory>) -> Self {
        self.factory = Some(factory);
        self
    }

    /// Starts the client's task on the runtime around the caller. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The configuration or the network options cannot be used, or there is no such runtime
    /// here.
    pub fn build(self) -> Result<(Client<R>, Events<genesys::Client>), BuildError> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes)?;
                Seed::new(bytes)
            }
        };
        let factory = self.factory.unwrap_or_else(|| Box::new(WebRtcFactory::default()));
        let mut config = self.config;
        if config.unix_ms.is_none() {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            config.unix_ms = since.ok().and_then(|since| since.as_millis().try_into().ok());
        }
        let machine = genesys::Client::new(config, factory, seed, self.clock.now())?;
        let (handle, events) = start_at::<R, _>(machine, self.net, self.clock)?;
        Ok((Client { handle, runtime: PhantomData }, events))
    }
}

/// The answer to a command, sooner or later: a future of `Result<T, Error>`.
///
/// The command is under way whether or not this is awaited; dropping it does not take it back.
#[must_use = "a command may fail"]
#[derive(Debug)]
pub struct Reply<T> {
    completion: Completion<genesys::Client>,
    outcome: PhantomData<fn() -> T>,
}

impl<T: TryFrom<Outcome, Error = Outcome>> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.completion
            .poll_unpin(cx)
            .map(|result| T::try_from(result?).map_err(|outcome| Error::unexpected(&outcome)))
    }
}
