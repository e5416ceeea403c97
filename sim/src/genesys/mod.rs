//! Genesys Cloud in a world: the model cloud, clients of it, and what the world has to know of both.

mod notes;
mod stranger;

use std::collections::BTreeSet;

use offhook::genesys::{Client, Command, Config, Event};
use offhook::machine::{CommandId, OutputOf};
use serde_json::{Value, json};

use crate::cloud::{Cloud, CloudConfig, FarVoice, Habit, Silence};
use crate::dice::Dice;
use crate::services::Genesys;
use crate::world::{Application, Fidelity, Observer, Pair, PhoneId, ServiceParts, Text, World};

pub use self::notes::Stand;
use self::notes::{DOMAIN, Notes};

impl Pair for Genesys {
    type Client = Client;
    type Service = Cloud;
    type Notes = Notes;
    type Stand = Stand;

    const RUBBISH: &'static str =
        "<message xmlns='jabber:client'><propose xmlns='urn:xmpp:jingle-message:0'/></message>";

    fn service(parts: ServiceParts) -> Cloud {
        let mut config = CloudConfig::new(0, parts.unix_ms);
        config.seed = parts.seed;
        config.public_ip = parts.address;
        Cloud::new(config, parts.media, parts.now)
    }

    fn is_connected(client: &Client) -> bool {
        client.is_connected()
    }

    fn digest(client: &Client) -> u64 {
        client.digest()
    }

    fn traced(event: &Event) -> Option<&str> {
        match event {
            Event::Trace(record) => Some(&record.body),
            _ => None,
        }
    }

    fn submitted(notes: &mut Notes, id: CommandId, command: &Command) {
        notes.submitted(id, command);
    }

    fn told(notes: &mut Notes, event: &Event) {
        notes.told(event);
    }

    fn completed(
        notes: &mut Notes,
        id: CommandId,
        succeeded: bool,
        service: &Cloud,
        user: &str,
    ) -> Option<Stand> {
        let conversation = notes.completed(id).filter(|_| succeeded)?;
        let (muted, held) = service.part(user, conversation.as_str())?;
        Some(Stand { conversation, muted, held })
    }

    fn kind_of(text: &str) -> Text {
        if !text.starts_with("<message") {
            Text::Other
        } else if text.contains("pubsub#event") {
            Text::Notification
        } else {
            Text::Message
        }
    }

    fn is_question(text: &str) -> bool {
        text.starts_with("<iq")
    }

    fn forge(
        dice: &mut Dice,
        notes: &Notes,
        service: &Cloud,
        user: &str,
        text: &str,
    ) -> Option<String> {
        stranger::forge(dice, notes, service, user, text)
    }

    fn comes_first(notes: &Notes, forged: &str) -> bool {
        stranger::comes_first(notes, forged)
    }

    fn meddle(dice: &mut Dice, question: &str) -> Option<String> {
        stranger::meddle(dice, question)
    }

    fn is_harmless(output: &OutputOf<Client>) -> bool {
        stranger::is_harmless(output)
    }
}

impl<O: Observer> World<O> {
    /// An empty world: a cloud with nobody in it. All that applications see and do is shown to
    /// the observer.
    #[must_use]
    pub fn new(seed: u64, fidelity: Fidelity, observer: O) -> Self {
        Self::empty(seed, fidelity, observer)
    }

    /// Makes a user of the service. `station` as the control API has it.
    pub fn add_user(&mut self, id: &str, token: &str, station: &Value) {
        let jid = format!("{id}@lab-org.orgspan.{DOMAIN}");
        let body =
            json!({"userId": id, "name": id, "jid": jid, "token": token, "station": station});
        self.control("POST", "users", &body);
    }

    /// Puts a phone on a user's desk, with a program on it. `change` adjusts its settings.
    ///
    /// # Panics
    ///
    /// When the settings can never work.
    pub fn add_phone(
        &mut self,
        user: &str,
        token: &str,
        app: Box<dyn Application>,
        change: impl FnOnce(&mut Config),
    ) -> PhoneId {
        self.install(user, app, |parts| {
            let mut config = Config::agent(DOMAIN, token);
            config.unix_ms = Some(parts.unix_ms);
            change(&mut config);
            let client = Client::new(config, parts.media, parts.seed, parts.now);
            client.expect("settings that can work")
        })
    }

    /// Sets the signals that the service leaves out from now on, because others say the same.
    pub fn set_silences(&mut self, silences: BTreeSet<Silence>) {
        self.service_mut().set_silences(silences);
    }

    /// The number of times that each signal was left out.
    pub fn kept_silent(&self) -> impl Iterator<Item = (Silence, u64)> {
        self.service().kept_silent()
    }

    /// The number of times that far ends and notifications showed each habit.
    pub fn untidiness(&self) -> impl Iterator<Item = (Habit, u64)> + '_ {
        self.service().untidiness()
    }

    /// The way that a conversation's far end is to speak. None while it has no media.
    #[must_use]
    pub fn far_voice(&self, conversation: &str) -> Option<FarVoice> {
        self.service().far_voice(conversation)
    }

    /// The user's conversations as the service has them, those that are not over.
    #[must_use]
    pub fn conversations(&self, user: &str) -> Vec<Value> {
        self.service().conversations(user)
    }

    /// The user's media sessions as the service has them.
    #[must_use]
    pub fn sessions(&self, user: &str) -> Vec<Value> {
        self.service().sessions(user)
    }
}
