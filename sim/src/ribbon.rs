//! A Ribbon WebRTC Gateway in a world: the model gateway, clients of it, and what the world has to know of both.

use std::hash::{Hash as _, Hasher as _};

use offhook::machine::{CommandId, OutputOf};
use offhook::ribbon::{Client, Command, Config, Event, SocketState};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::gateway::{Gateway, GatewayConfig};
pub use crate::services::Ribbon;
use crate::world::{Application, Observer, Pair, PhoneId, ServiceParts, Text, World};

/// The host that everything is at.
const HOST: &str = "gateway.lab.test";

impl Pair for Ribbon {
    type Client = Client;
    type Service = Gateway;
    type Notes = ();
    type Stand = ();

    const RUBBISH: &'static str =
        r#"{"notificationMessage": {"eventType": "nobody knows", "eventId": "-"}}"#;

    fn service(parts: ServiceParts) -> Gateway {
        let mut config = GatewayConfig::new(0, parts.unix_ms);
        config.seed = parts.seed;
        config.public_ip = parts.address;
        Gateway::new(config, parts.media, parts.now)
    }

    fn is_connected(client: &Client) -> bool {
        client.socket().state == SocketState::Connected
    }

    fn digest(client: &Client) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        format!("{client:?}").hash(&mut hasher);
        hasher.finish()
    }

    fn traced(event: &Event) -> Option<&str> {
        match event {
            Event::Trace(record) => Some(&record.body),
            _ => None,
        }
    }

    fn submitted((): &mut (), _: CommandId, _: &Command) {}

    fn told((): &mut (), _: &Event) {}

    fn completed((): &mut (), _: CommandId, _: bool, _: &Gateway, _: &str) -> Option<()> {
        None
    }

    fn kind_of(text: &str) -> Text {
        match text.contains("notificationMessage") {
            true => Text::Notification,
            false => Text::Other,
        }
    }

    fn is_question(_: &str) -> bool {
        false
    }

    fn forge(_: &mut Dice, (): &(), _: &Gateway, _: &str, _: &str) -> Option<String> {
        None
    }

    fn comes_first((): &(), _: &str) -> bool {
        false
    }

    fn meddle(_: &mut Dice, _: &str) -> Option<String> {
        None
    }

    fn is_harmless(_: &OutputOf<Client>) -> bool {
        false
    }
}

impl<O: Observer<Ribbon>> World<O, Ribbon> {
    /// Makes a user of the gateway.
    pub fn add_gateway_user(&mut self, user: &str, password: &str) {
        let body = json!({"user": user, "password": password});
        self.control("POST", "ribbon/users", &body);
    }

    /// Puts a phone on a user's desk, with a program on it. `change` adjusts its settings.
    ///
    /// # Panics
    ///
    /// When the settings can never work.
    pub fn add_gateway_phone(
        &mut self,
        user: &str,
        app: Box<dyn Application<Ribbon>>,
        change: impl FnOnce(Config) -> Config,
    ) -> PhoneId {
        self.install(user, app, |parts| {
            let mut config = Config::new(HOST, HOST);
            config.unix_ms = Some(parts.unix_ms);
            let client = Client::new(change(config), parts.media, parts.seed, parts.now);
            client.expect("settings that can work")
        })
    }

    /// A request to the gateway's part of the control API; what it answers, if it does what it is asked.
    pub fn gateway(&mut self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let (status, answer) = self.control(method, &format!("ribbon/{path}"), body);
        (status == 200).then_some(answer)
    }
}
