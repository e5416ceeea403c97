//! Genesys Cloud.

use std::time::Duration;

use offhook::Secret;
use offhook::genesys::{Config, Error, Event, Fault, Phone as _};
use offhook::media::IceServer;
use offhook::net::NetOptions;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::Client;

use crate::checks::{Account, Entered, Places, Refused};

/// An agent's account.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) host: String,
    pub(crate) token: Secret,
    pub(crate) api_host: Option<String>,
    pub(crate) ws_host: Option<String>,
    pub(crate) servers: Vec<IceServer>,
    pub(crate) net: NetOptions,
}

impl Cloud {
    fn config(&self) -> Config {
        let mut config = Config::agent(self.host.clone(), self.token.expose());
        config.api_host.clone_from(&self.api_host);
        config.ws_host.clone_from(&self.ws_host);
        config.ice_servers.clone_from(&self.servers);
        config
    }
}

impl<R: Sockets> Account<R> for Cloud {
    const NAME: &'static str = "Genesys Cloud";

    fn places(&self) -> Places {
        let config = self.config();
        Places {
            rest: format!("{}/users/me", config.rest_base()),
            // No such channel: those that there are belong to clients.
            socket: format!("{}/stream/channels/diagnose", config.ws_base()),
            protocol: Some("xmpp".to_owned()),
        }
    }

    async fn log_in(&self) -> Result<Entered, Refused> {
        let builder = Client::<R>::builder(self.config()).net(self.net.clone());
        let (phone, mut events) = builder.build().map_err(|error| Refused {
            wrong: error.to_string(),
            todo: "correct the options".to_owned(),
        })?;
        phone.connect().await.map_err(|error| refused(&error))?;
        let named = events.wait(Duration::from_secs(10), |event| match event {
            Event::IceServers(named) => Some(named),
            _ => None,
        });
        let named = named.await;
        // Nothing depends on it.
        let _ = phone.disconnect().await;
        let named = named.map_err(|_| Refused {
            wrong: "logged in, but the service names no ICE servers".to_owned(),
            todo: "try again; if it stays so, ask the service's support".to_owned(),
        })?;
        Ok(Entered { servers: named.servers, must_relay: named.relay_only })
    }

    fn own_servers(&self) -> &[IceServer] {
        &self.servers
    }
}

fn refused(error: &Error) -> Refused {
    let todo = match error.fault() {
        Fault::Access if error.is_missing_permission() => {
            "ask an administrator for the permission that the user lacks"
        }
        Fault::Access => {
            "get a new token: it is wrong, has run out, or belongs to another region (--host)"
        }
        Fault::Network => "let HTTPS and WebSockets to the service through proxies and firewalls",
        Fault::Service => "wait, and see whether the service has an outage",
        Fault::Application => "correct the options",
        _ => "try again",
    };
    Refused { wrong: error.to_string(), todo: todo.to_owned() }
}
