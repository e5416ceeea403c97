//! The Genesys client's handle: the phone's keys as futures.

use std::future::Future;
use std::marker::PhantomData;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use offhook::Seed;
use offhook::genesys::{self, Command, ConversationId, Dial, Dialled, Error, Outcome, Phone};
use offhook::machine::MediaId;
use offhook::media::EngineFactory;
use offhook::net::NetOptions;

use crate::audio::Audio;
use crate::book::Book;
use crate::call::{Call, Calls};
use crate::clock::Clock;
use crate::error::BuildError;
use crate::handle::{Events, start_observed};
use crate::keys::{Keys, Reply};
use crate::runtime::Runtime;

/// A phone. Cheap to clone; its keys are the methods of [`Phone`].
///
/// The task behind it lives until the last clone, [`Events`], [`Calls`] and [`Call`] are dropped.
/// It then logs out, within 5 s, and closes everything; calls still up end with it.
pub struct Client<R> {
    keys: Keys,
    book: Book,
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

impl<R: Runtime> Client<R> {
    /// Its calls: those that there are, and each that comes.
    #[must_use]
    pub fn calls(&self) -> Calls<R> {
        Calls::new(self.book.calls(), self.keys.clone())
    }

    /// The call of a conversation, unless it is over.
    #[must_use]
    pub fn find_call(&self, conversation: &ConversationId) -> Option<Call<R>> {
        Some(Call::new(self.book.find(conversation)?, self.keys.clone()))
    }

    /// Dials, at once, and gives the call when the service took it. [`Calls`] have it, too.
    ///
    /// # Errors
    ///
    /// See [`Command::StartSoftphoneSession`].
    pub fn place_call(
        &self,
        dial: Dial,
    ) -> impl Future<Output = Result<Call<R>, Error>> + Send + use<R> {
        // It may be over when the answer is read: this remembers it.
        let mut calls = self.calls();
        let reply = self.dial(dial);
        async move {
            let Dialled { conversation, .. } = reply.await?;
            while let Some(Some(call)) = calls.next().now_or_never() {
                if *call.conversation() == conversation {
                    return Ok(call);
                }
            }
            Err(Error::closed())
        }
    }
}

impl<R> Client<R> {
    /// One more subscription to all that it tells from now on, besides the one that it was built
    /// with. Each has a queue of its own.
    #[must_use]
    pub fn events(&self) -> Events<genesys::Client> {
        self.keys.handle.events()
    }

    /// Takes a session's audio. See [`Audio`].
    pub fn audio(&self, media: MediaId) -> Audio {
        self.keys.handle.audio(media)
    }
}

impl<R> Phone for Client<R> {
    type Reply<T: TryFrom<Outcome, Error = Outcome>> = Reply<T>;

    fn request<T: TryFrom<Outcome, Error = Outcome>>(&self, command: Command) -> Reply<T> {
        self.keys.request(command)
    }
}

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), book: self.book.clone(), runtime: PhantomData }
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

    /// The maker of the media engines. By default `offhook::media::WebRtcFactory`: ICE, DTLS and SRTP.
    /// Without the feature `str0m` there is no default.
    pub fn engine_factory(mut self, factory: Box<dyn EngineFactory>) -> Self {
        self.factory = Some(factory);
        self
    }

    /// Starts the client's task on the runtime around the caller. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The configuration or the network options cannot be used, there is no media engine, or no
    /// such runtime here.
    pub fn build(self) -> Result<(Client<R>, Events<genesys::Client>), BuildError> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes)?;
                Seed::new(bytes)
            }
        };
        let factory = self.factory.or_else(usual_factory).ok_or(BuildError::NoEngine)?;
        let mut config = self.config;
        if config.unix_ms.is_none() {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            config.unix_ms = since.ok().and_then(|since| since.as_millis().try_into().ok());
        }
        let connects_sessions = config.auto_connect_sessions;
        let machine = genesys::Client::new(config, factory, seed, self.clock.now())?;
        let (book, keeper) = Book::new();
        let observer = Some(Box::new(keeper) as _);
        let (handle, events) = start_observed::<R, _>(machine, self.net, self.clock, observer)?;
        let keys = Keys { handle, connects_sessions };
        Ok((Client { keys, book, runtime: PhantomData }, events))
    }
}

#[cfg(feature = "str0m")]
fn usual_factory() -> Option<Box<dyn EngineFactory>> {
    Some(Box::new(offhook::media::WebRtcFactory::default()))
}

#[cfg(not(feature = "str0m"))]
fn usual_factory() -> Option<Box<dyn EngineFactory>> {
    None
}
