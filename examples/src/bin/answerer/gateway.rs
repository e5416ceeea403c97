//! The agent at the emulated gateway: she answers every call there, too.

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use offhook::net::NetOptions;
use offhook::ribbon::{
    AnswerOptions, CallId, CallState, Config, Credentials, Event, MediaConnectionState, Phone as _,
};
use offhook_sim::serve::Emulator;
use offhook_tokio::Audio;
use offhook_tokio::ribbon::{Client, Events};
use serde_json::json;

use super::{Heard, Saying, listen, lock, speak, tell};

/// A user of the gateway, and her phone.
#[derive(Debug)]
pub(super) struct Desk {
    phone: Client,
    last: Arc<Mutex<Option<CallId>>>,
}

impl Desk {
    /// Logs in, tells who she is, and answers from then on.
    pub(super) async fn open(
        emulator: &Emulator,
        net: NetOptions,
        saying: &Arc<Saying>,
        heard: &Arc<Heard>,
    ) -> anyhow::Result<Self> {
        let user = emulator.control("POST", "ribbon/users", &json!({})).context("a user")?;
        let text = |key: &str| user[key].as_str().context("a user without an address");
        let config = Config::at(text("restUrl")?, text("wsUrl")?)?;
        let (phone, events) = Client::builder(config).net(net).build()?;
        let credentials = Credentials::password(text("user")?, text("password")?.to_owned());
        phone.set_credentials(credentials).await?;
        phone.subscribe(["call"]).await?;
        tell(&json!({
            "control": format!("{}/control", emulator.http_url()), "userId": text("user")?,
        }));
        let last = Arc::new(Mutex::new(None));
        let parts = (Arc::clone(saying), Arc::clone(heard), Arc::clone(&last));
        tokio::spawn(answer(phone.clone(), events, parts));
        Ok(Self { phone, last })
    }

    /// Finds another path for the last call's media. The inner error is the call's.
    pub(super) async fn restart(&self) -> anyhow::Result<Result<(), String>> {
        let call = lock(&self.last).clone().context("no call")?;
        Ok(self.phone.restart_media(call).await.map_err(|error| error.to_string()))
    }
}

/// Answers what rings, and tells what matters of the rest.
async fn answer(
    phone: Client,
    mut events: Events,
    (saying, heard, last): (Arc<Saying>, Arc<Heard>, Arc<Mutex<Option<CallId>>>),
) {
    let mut speaks = false;
    while let Some(event) = events.next().await {
        match event {
            Event::CallState { call, .. } if call.state == CallState::Ringing => {
                *lock(&last) = Some(call.id.clone());
                let reply = phone.answer(call.id, AnswerOptions::default());
                tokio::spawn(async move {
                    if let Err(error) = reply.await {
                        tell(&json!({"event": "not-answered", "error": error.to_string()}));
                    }
                });
            }
            Event::CallState { call, .. } if call.state == CallState::Ended => {
                tell(&json!({"event": "ended"}));
            }
            Event::MediaConnection { media, state, .. } => {
                tell(&json!({"event": "media", "state": format!("{state:?}")}));
                if let (MediaConnectionState::Connected, Some(media), false) =
                    (state, media, speaks)
                {
                    speaks = true;
                    let Audio { sink, stream } = phone.audio(media);
                    tokio::spawn(speak(sink, Arc::clone(&saying)));
                    tokio::spawn(listen(stream, Arc::clone(&heard), |_| {}));
                }
            }
            _ => {}
        }
    }
}
