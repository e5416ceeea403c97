//! A Ribbon WebRTC Gateway.

use offhook::Secret;
use offhook::media::IceServer;
use offhook::net::NetOptions;
use offhook::ribbon::{
    AuthCode, CallConfigPatch, Config, ConfigPatch, Credentials, Error, ErrorCode, PeerConfigPatch,
    Phone as _,
};
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::Client;

use crate::checks::{Account, Entered, Places, Refused};

/// A user's account.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) config: Config,
    pub(crate) user: String,
    pub(crate) password: Secret,
    pub(crate) servers: Vec<IceServer>,
    pub(crate) net: NetOptions,
}

impl<R: Sockets> Account<R> for Gateway {
    const NAME: &'static str = "Ribbon WebRTC Gateway";

    fn places(&self) -> Places {
        Places {
            rest: format!("{}/rest/version/1/user/diagnose/subscription", self.config.rest_base()),
            socket: format!("{}/diagnose", self.config.ws_base()),
            protocol: None,
        }
    }

    async fn log_in(&self) -> Result<Entered, Refused> {
        let builder = Client::<R>::builder(self.config.clone()).net(self.net.clone());
        let (phone, _events) = builder.build().map_err(|error| Refused {
            wrong: error.to_string(),
            todo: "correct the options".to_owned(),
        })?;
        let peer = PeerConfigPatch::default().ice_servers(self.servers.clone());
        // Those of the gateway's are for relays that have none.
        let theirs = self.servers.iter().any(|one| one.is_relay() && one.credential.is_none());
        let call = CallConfigPatch::default().peer(peer).server_turn_credentials(theirs);
        let settings = phone.update_config(ConfigPatch::default().call(call));
        settings.await.map_err(|error| refused(&error))?;
        let credentials = Credentials::password(self.user.as_str(), self.password.expose());
        phone.set_credentials(credentials).await.map_err(|error| refused(&error))?;
        phone.subscribe(["call"]).await.map_err(|error| refused(&error))?;
        let servers = phone.ice_servers().await.map_err(|error| refused(&error))?;
        // Nothing depends on it.
        let _ = phone.destroy().await;
        Ok(Entered { servers, must_relay: false })
    }

    fn own_servers(&self) -> &[IceServer] {
        &self.servers
    }
}

fn refused(error: &Error) -> Refused {
    let todo = match error.code {
        ErrorCode::Auth(AuthCode::InvalidCredentials) => "correct the user name or the password",
        ErrorCode::Auth(AuthCode::MissingService) => {
            "have the service \"call\" given to this user at the gateway"
        }
        ErrorCode::Auth(AuthCode::SubscribeUnavailable) => "wait: the gateway has too much to do",
        ErrorCode::Auth(AuthCode::ConnectFailed) | ErrorCode::Network(_) | ErrorCode::Timeout => {
            "let HTTPS and WebSockets to the gateway through proxies and firewalls"
        }
        ErrorCode::Options => "correct the options",
        _ => match error.status() {
            Some(401 | 403) => "correct the user name or the password",
            _ => "ask whoever runs the gateway: its log says more",
        },
    };
    Refused { wrong: error.to_string(), todo: todo.to_owned() }
}
