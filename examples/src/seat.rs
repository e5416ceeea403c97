//! The place of a program that meets: at Genesys Cloud, or at an emulator that it brings along. Options that `record` and
//! `present` have in common.

use anyhow::Context as _;
use clap::Args;
use offhook::genesys::Config;
use offhook::net::NetOptions;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::Client;
use offhook_sim::serve::Emulator;

use crate::{demo, meeting};

/// See the [module](self).
#[derive(Debug, Args)]
pub struct Seat {
    /// The service's domain.
    #[arg(long, default_value = "mypurecloud.com")]
    environment: String,
    /// An OAuth access token.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The address of the room.
    #[arg(long, default_value = meeting::ROOM)]
    pub room: String,
    /// The time for which it lasts, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Meet in an emulator of its own.
    #[arg(long)]
    emulator: bool,
}

impl Seat {
    /// A phone, not connected yet, and the emulator where it is at one.
    ///
    /// # Errors
    ///
    /// There is no token, or no emulator can start.
    pub fn take<R: Sockets>(&self) -> anyhow::Result<(Client<R>, Option<Emulator>)> {
        let emulator = self.emulator.then(|| demo::emulator(1)).transpose()?;
        let config = match &emulator {
            Some(emulator) => {
                let (_, token) = emulator.add_user("Ada", None).context("a user")?;
                let config = Config::agent("lab.test", token);
                config.api_host(emulator.http_url()).ws_host(emulator.ws_url())
            }
            None => {
                let token = self.token.as_deref();
                let token = token.context("--token, or OFFHOOK_TOKEN, is wanted")?;
                Config::agent(self.environment.clone(), token)
            }
        };
        let net = NetOptions::default().loopback(self.emulator);
        let (phone, _) = Client::<R>::builder(config).net(net).build()?;
        Ok((phone, emulator))
    }
}
