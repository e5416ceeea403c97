//! ICE servers: which the service names, which the application brings, and which are in force
//! (wire notes 7, STN-3).

use super::{ICE_REFRESH, Link, State, Step, Timer};
use crate::genesys::ask::IqAsk;
use crate::genesys::config::{Config, IcePolicy, IceServersPolicy};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, IceServers};
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::{IqAnswer, IqKind, Payload};
use crate::machine::WsId;
use crate::media::IceServer;
use crate::xmpp::{Jid, Service, Services};

/// How often ICE servers are asked for at each refresh (wire notes 7), for both kinds together.
const MAX_REFRESHES: u32 = 3;
/// Services of one kind that are kept of an answer; the first count.
const MAX_SERVICES: usize = 32;

/// What is known of ICE servers.
#[derive(Debug, Default)]
pub(super) struct Ice {
    turn: Vec<IceServer>,
    stun: Vec<IceServer>,
    /// Whether the service names no STUN server: its way to ask for relayed media.
    relay_only: bool,
    /// How often they were asked for at this refresh.
    refreshes: u32,
    /// What the application was told last.
    told: Option<IceServers>,
}

impl Ice {
    fn found(&mut self, ask: &IqAsk, services: &[Service]) {
        let of = |kinds: [&str; 2]| {
            let services = services.iter().filter(move |s| kinds.contains(&s.kind.as_str()));
            services.take(MAX_SERVICES).map(server).collect::<Vec<_>>()
        };
        if *ask == IqAsk::Turn {
            self.turn = of(["turn", "turns"]);
        } else {
            self.stun = of(["stun", "stuns"]);
            self.relay_only = self.stun.is_empty();
        }
    }

    /// The servers for a session that starts now.
    fn in_force(&self, config: &Config) -> IceServers {
        let mut servers = config.ice_servers.clone();
        if config.ice_servers_policy == IceServersPolicy::Merge {
            for found in self.stun.iter().chain(&self.turn) {
                // One that the service describes badly is of no use to anybody.
                if found.check().is_ok() && !servers.contains(found) {
                    servers.push(found.clone());
                }
            }
        }
        let relay_only = match config.ice_policy {
            IcePolicy::Discovered => self.relay_only,
            IcePolicy::All => false,
            IcePolicy::RelayOnly => true,
        };
        IceServers { servers, relay_only }
    }
}

fn server(service: &Service) -> IceServer {
    let credentials = service.is_relay().then_some(service);
    IceServer {
        urls: vec![service.url()],
        username: credentials.and_then(|service| service.username.clone()),
        credential: credentials.and_then(|service| service.password.clone()),
    }
}

impl Link {
    /// The servers for a session that starts now, which keeps them (wire notes 7).
    pub(crate) fn ice_servers(&self, config: &Config) -> IceServers {
        self.ice.in_force(config)
    }

    /// Other servers of the application's from now on.
    pub(crate) fn set_ice_servers(
        &mut self,
        servers: Vec<IceServer>,
        policy: IceServersPolicy,
        out: &mut Outbox,
    ) {
        out.config.ice_servers = servers;
        out.config.ice_servers_policy = policy;
        if self.is_online() {
            self.tell_ice_servers(out);
        }
    }

    /// Tells the servers in force, if they are others than were told last.
    pub(super) fn tell_ice_servers(&mut self, out: &mut Outbox) {
        let now = self.ice.in_force(&out.config);
        if self.ice.told.as_ref() != Some(&now) {
            let news = now.relay_only && !self.ice.told.as_ref().is_some_and(|t| t.relay_only);
            self.ice.told = Some(now.clone());
            out.event(Event::IceServers(now));
            if news {
                let text = "the service wants relayed media, which is not supported yet";
                out.event(Event::Error(Error::new(ErrorKind::NotSupported, text)));
            }
        }
    }

    /// Asks for the first time on a connection, which is not up before.
    pub(super) fn discover(&mut self, ws: WsId, out: &mut Outbox) {
        // Discovery has a limit of its own (wire notes 1.5).
        self.timers.cancel(&Timer::Setup);
        self.state = State::Setup(ws, Step::Discovery { turn: false, stun: false });
        self.ask_services(out);
    }

    /// Asks again on a connection that is up.
    pub(super) fn refresh_services(&mut self, out: &mut Outbox) {
        self.timers.arm(Timer::IceRefresh, out.now() + ICE_REFRESH);
        self.ask_services(out);
    }

    fn ask_services(&mut self, out: &mut Outbox) {
        self.ice.refreshes = 1;
        self.ask_service(IqAsk::Turn, out);
        self.ask_service(IqAsk::Stun, out);
    }

    fn ask_service(&self, ask: IqAsk, out: &mut Outbox) {
        let Some(identity) = &self.identity else { return };
        let domain: Option<Jid> = identity.domain.parse().ok();
        let kind = if ask == IqAsk::Turn { "turn" } else { "stun" };
        out.ask(ask, domain, IqKind::Get(Payload::Services(Services::request(kind))));
    }

    pub(super) fn discovered(&mut self, ask: &IqAsk, answer: IqAnswer, out: &mut Outbox) {
        let found = match &answer {
            IqAnswer::Result(Some(Payload::Services(answer))) => Some(&answer.services[..]),
            IqAnswer::Result(None) => Some(&[][..]),
            _ => None,
        };
        match &mut self.state {
            State::Setup(ws, Step::Discovery { turn, stun }) => {
                let ws = *ws;
                let Some(found) = found else {
                    return self.setup_refused(ws, "ICE server discovery", &answer, out);
                };
                match ask {
                    IqAsk::Turn => *turn = true,
                    _ => *stun = true,
                }
                let complete = *turn && *stun;
                self.ice.found(ask, found);
                if complete {
                    self.prepare_keepalive(ws, out);
                }
            }
            State::Online(..) => match found {
                // A refresh. What is known stays when it fails.
                Some(found) => {
                    self.ice.found(ask, found);
                    self.tell_ice_servers(out);
                }
                None if self.ice.refreshes < MAX_REFRESHES => {
                    self.ice.refreshes += 1;
                    self.ask_service(ask.clone(), out);
                }
                None => tracing::warn!("ICE servers could not be refreshed"),
            },
            _ => {}
        }
    }
}
