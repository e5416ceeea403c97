//! ICE servers: which the service names, which the application brings, and which are in force
//! (wire notes 7, STN-3).

use crate::genesys::ask::IqAsk;
use crate::genesys::config::{Config, IcePolicy, IceServersPolicy};
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, IceServers};
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::{IqAnswer, IqKind, Payload};
use crate::media::{IceServer, MediaError};
use crate::xmpp::{Jid, Service, Services};

/// Services of one kind that are kept of an answer; the first count.
const MAX_SERVICES: usize = 32;

/// The ICE servers that the service named.
#[derive(Debug, Default)]
pub(super) struct Ice {
    turn: Vec<IceServer>,
    stun: Vec<IceServer>,
    /// True if the service names no STUN server: its way to ask for relayed media.
    relay_only: bool,
    /// Requests for them at this refresh.
    refreshes: u32,
    /// The servers that the application was told last.
    told: Option<IceServers>,
    /// True until sessions that are open know of them.
    news: bool,
}

impl Ice {
    /// Takes the servers of one kind that an answer names, if it is one.
    pub(super) fn take(&mut self, ask: &IqAsk, answer: &IqAnswer) {
        if let Some(services) = found(answer) {
            self.know(ask, services);
        }
    }

    fn know(&mut self, ask: &IqAsk, services: &[Service]) {
        let of = |kinds: [&str; 2]| {
            let mut servers = Vec::new();
            for service in services.iter().filter(|s| kinds.contains(&s.kind.as_str())) {
                let server = server(service);
                // One that stands twice takes one place.
                if servers.len() < MAX_SERVICES && !servers.contains(&server) {
                    servers.push(server);
                }
            }
            servers
        };
        if *ask == IqAsk::Turn {
            self.turn = of(["turn", "turns"]);
        } else {
            self.stun = of(["stun", "stuns"]);
            self.relay_only = self.stun.is_empty();
        }
    }

    /// The servers for a session that starts now.
    pub(super) fn in_force(&self, config: &Config) -> IceServers {
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

    /// Tells the servers in force, if they are others than were told last.
    pub(super) fn tell(&mut self, out: &mut Outbox) {
        let now = self.in_force(&out.config);
        if self.told.as_ref() != Some(&now) {
            let asks = !out.config.timing.gathering.is_zero();
            let news = now.relay_only && !asks && !self.told.as_ref().is_some_and(|t| t.relay_only);
            self.told = Some(now.clone());
            self.news = true;
            out.event(Event::IceServers(now));
            if news {
                let text = "the service wants relayed media, and no relays are asked for";
                out.event(Event::Error(no_relay(text)));
            }
        }
    }

    /// True once each time that others are in force.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Asks the server of a domain for both kinds.
    pub(super) fn ask(&mut self, domain: &str, out: &mut Outbox) {
        self.refreshes = 1;
        ask_service(IqAsk::Turn, domain, out);
        ask_service(IqAsk::Stun, domain, out);
    }

    /// A refresh was answered. What is known stays when it fails; then it is asked for again, a
    /// few times.
    pub(super) fn refreshed(
        &mut self,
        ask: &IqAsk,
        answer: &IqAnswer,
        domain: &str,
        out: &mut Outbox,
    ) {
        match found(answer) {
            Some(services) => {
                self.know(ask, services);
                self.tell(out);
            }
            None if self.refreshes < out.config.timing.ice_refreshes => {
                self.refreshes += 1;
                ask_service(ask.clone(), domain, out);
            }
            None => tracing::warn!("ICE servers could not be refreshed"),
        }
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

/// Relayed media is wanted.
pub(super) fn no_relay(text: &str) -> Error {
    Error::new(ErrorKind::NotSupported, text).caused_by(MediaError::NotYet("relayed media"))
}

/// The services that an answer names, if it is one.
pub(super) fn found(answer: &IqAnswer) -> Option<&[Service]> {
    match answer {
        IqAnswer::Result(Some(Payload::Services(answer))) => Some(&answer.services),
        IqAnswer::Result(None) => Some(&[]),
        IqAnswer::Result(Some(_)) | IqAnswer::Error(_) | IqAnswer::Timeout | IqAnswer::Lost => None,
    }
}

fn ask_service(ask: IqAsk, domain: &str, out: &mut Outbox) {
    let domain: Option<Jid> = domain.parse().ok();
    let kind = if ask == IqAsk::Turn { "turn" } else { "stun" };
    out.ask(ask, domain, IqKind::Get(Payload::Services(Services::request(kind))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(host: &str) -> Service {
        let (kind, host) = ("stun".to_owned(), host.to_owned());
        Service { kind, host, port: None, transport: None, username: None, password: None }
    }

    #[test]
    fn one_that_stands_twice_takes_no_place_of_another() {
        let services: Vec<_> =
            (0..2 * MAX_SERVICES).map(|n| stun(&format!("s{}.test", n / 2))).collect();
        let mut ice = Ice::default();
        ice.know(&IqAsk::Stun, &services);
        assert_eq!(ice.stun.len(), MAX_SERVICES);
        assert_eq!(ice.stun.last(), Some(&server(&stun("s31.test"))));
    }
}
