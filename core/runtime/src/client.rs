//! A machine's client on a runtime: its handle, and what the service adds to it.

use std::marker::PhantomData;
use std::time::SystemTime;

use offhook::Seed;
use offhook::machine::{MediaId, TrackId};
use offhook::media::EngineFactory;
use offhook::net::NetOptions;

use crate::audio::Audio;
use crate::clock::Clock;
use crate::error::BuildError;
use crate::frames::Frames;
use crate::front::Front;
use crate::handle::{Events, Handle, attach_observed, drive};
use crate::reply::Reply;
use crate::runtime::{Runtime, Sockets};
use crate::service::Service;

/// A client of one machine on a runtime. Cheap to clone.
///
/// Each service adds its own keys: see [`genesys::Client`](crate::genesys::Client).
///
/// The task behind it lives until the last clone, its [`Events`], and the service's objects that came from
/// it are dropped; [`Audio`] alone does not keep it. It then logs out, within the time of
/// [`Drive::farewell`](crate::Drive::farewell), and closes everything; calls still up end with it.
pub struct Client<R, M: Service> {
    pub(crate) handle: Handle<M>,
    pub(crate) desk: M::Desk,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Sockets, M: Service> Client<R, M> {
    /// Settings for a new client.
    pub fn builder(config: M::Config) -> Builder<R, M> {
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

impl<R: Runtime, M: Service> Client<R, M> {
    /// A client whose machine somebody else drives, who serves its [`Front`]: a simulation. `config` is
    /// that of the machine.
    pub fn attach(config: &M::Config, clock: Clock) -> (Self, Front<M>) {
        let (desk, observer) = M::desk(config);
        let (handle, front) = attach_observed::<R, M>(clock, Some(observer));
        (Self { handle, desk, runtime: PhantomData }, front)
    }
}

impl<R, M: Service> Client<R, M> {
    /// One more subscription to all that it tells from now on, besides the one that it was built
    /// with. Each has a queue of its own.
    #[must_use]
    pub fn events(&self) -> Events<M> {
        self.handle.events()
    }

    /// Takes a session's audio. See [`Audio`].
    pub fn audio(&self, media: MediaId) -> Audio {
        self.handle.audio(media)
    }

    /// Takes one track of a session. See [`Frames`].
    pub fn track(&self, track: TrackId) -> Frames {
        self.handle.track(track)
    }

    /// Says that addresses of this computer may have come or gone: media of calls moves to new ones, and off those
    /// that are gone. For applications that their system tells of changes; with
    /// [`NetOptions::watch_interfaces`] nobody has to. Said too often, it costs some system calls each time.
    pub fn addresses_changed(&self) {
        self.handle.look();
    }

    /// Submits a command, now.
    pub fn submit<T: TryFrom<M::Outcome, Error = M::Outcome>>(
        &self,
        command: M::Command,
    ) -> Reply<M, T> {
        Reply::new(self.handle.submit(command))
    }
}

impl<R, M: Service> Clone for Client<R, M> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), desk: self.desk.clone(), runtime: PhantomData }
    }
}

impl<R, M: Service> std::fmt::Debug for Client<R, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// Settings for a client that is yet to be built.
#[must_use]
pub struct Builder<R, M: Service> {
    config: M::Config,
    net: NetOptions,
    seed: Option<Seed>,
    clock: Clock,
    factory: Option<Box<dyn EngineFactory>>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Sockets, M: Service> Builder<R, M> {
    /// Sets the network options.
    pub fn net(mut self, options: NetOptions) -> Self {
        self.net = options;
        self
    }

    /// Sets the source of all randomness. By default the operating system; tests fix it.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the clock of the runtime. By default one of its own that goes on while the computer
    /// sleeps; tests keep a clone and move it.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the maker of the media engines. By default `offhook::media::WebRtcFactory`: ICE, DTLS
    /// and SRTP. With the feature `rsa` its `with_rsa` makes one for far ends with RSA certificates. Without the
    /// feature `str0m` there is no default.
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
    #[expect(clippy::type_complexity, reason = "a pair and an error say more than a name for them")]
    pub fn build(self) -> Result<(Client<R, M>, Events<M>), BuildError<M::Error>> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes)?;
                Seed::new(bytes)
            }
        };
        let factory = self.factory.or_else(usual_factory).ok_or(BuildError::NoEngine)?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let unix_ms = since.ok().and_then(|since| since.as_millis().try_into().ok());
        let (client, front) = Client::attach(&self.config, self.clock.clone());
        let events = client.events();
        let machine = M::build(self.config, factory, seed, self.clock.now(), unix_ms);
        let machine = machine.map_err(BuildError::Config)?;
        drive::<R, M>(machine, self.net, self.clock, front)?;
        Ok((client, events))
    }
}

impl<R, M: Service> std::fmt::Debug for Builder<R, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Builder")
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
