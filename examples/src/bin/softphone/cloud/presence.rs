//! The presence of an agent: those that there are, the present one, and its change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::anyhow;
use offhook::genesys::{
    Error, ErrorKind, Phone as _, PresenceDefinition, PresenceId, UserPresence,
};
use offhook_runtime::Sockets;
use offhook_runtime::genesys::Client;

use crate::news::{News, PresenceView, Tell};

/// See the [module](self).
#[derive(Clone)]
pub(super) struct Presences {
    known: Arc<Mutex<Known>>,
    tell: Tell,
}

#[derive(Default)]
struct Known {
    definitions: Vec<PresenceDefinition>,
    own: Option<PresenceId>,
    /// The number of changes that were told: an answer may be older than the last one.
    changes: u64,
}

impl Known {
    /// The name of a presence for people; none if it is not defined any more, or may not be seen.
    fn label(&self, id: &PresenceId) -> Option<String> {
        let definition = self.definitions.iter().find(|one| one.id == *id)?;
        Some(definition.label().to_owned())
    }

    /// The presence of that name, or else of that id.
    fn named(&self, name: &str) -> PresenceId {
        let is_it = |one: &&PresenceDefinition| one.label().eq_ignore_ascii_case(name);
        let named = self.definitions.iter().find(is_it);
        named.map_or_else(|| PresenceId::from(name), |one| one.id.clone())
    }
}

impl Presences {
    pub(super) fn new(tell: Tell) -> Self {
        Self { known: Arc::default(), tell }
    }

    /// Finds out how it is now. The phone does without what it may not see.
    pub(super) async fn look<R: Sockets>(self, phone: Client<R>) {
        if let Ok(definitions) = phone.fetch_presence_definitions().await {
            self.known().definitions = definitions;
        }
        self.look_at_own(&phone).await;
    }

    async fn look_at_own<R: Sockets>(&self, phone: &Client<R>) {
        let changes = self.known().changes;
        if let Ok(own) = phone.fetch_presence().await {
            self.is(&own, changes);
        }
    }

    /// Tells which ones can be chosen.
    pub(super) async fn list<R: Sockets>(&self, phone: &Client<R>) -> anyhow::Result<()> {
        let definitions = phone.fetch_presence_definitions().await.map_err(explained)?;
        self.known().definitions.clone_from(&definitions);
        let is_known = self.known().own.is_some();
        if !is_known {
            self.look_at_own(phone).await;
        }
        let view = |one: &PresenceDefinition, own: Option<&PresenceId>| PresenceView {
            id: one.id.as_str().to_owned(),
            label: one.label().to_owned(),
            ours: own == Some(&one.id),
        };
        let own = self.known().own.clone();
        let views = definitions.iter().map(|one| view(one, own.as_ref())).collect();
        (self.tell)(News::Presences(views));
        Ok(())
    }

    /// Sets it to the one of that id, or of that name as people type it.
    pub(super) async fn set<R: Sockets>(&self, phone: &Client<R>, one: &str) -> anyhow::Result<()> {
        if self.known().definitions.is_empty()
            && let Ok(definitions) = phone.fetch_presence_definitions().await
        {
            self.known().definitions = definitions;
        }
        let id = self.known().named(one);
        phone.set_presence(id.clone()).await?;
        let label = self.known().label(&id).unwrap_or_else(|| id.to_string());
        self.changed(id, label);
        Ok(())
    }

    /// Takes what the service tells.
    pub(super) fn told(&self, own: &UserPresence) {
        let label = self.known().label(&own.definition);
        let label = label.unwrap_or_else(|| own.system.name().to_owned());
        self.changed(own.definition.clone(), label);
    }

    /// Says that it is another one, once of what the answer and an event tell.
    fn changed(&self, id: PresenceId, label: String) {
        let mut known = self.known();
        known.changes += 1;
        let before = known.own.replace(id.clone());
        drop(known);
        if before != Some(id) {
            (self.tell)(News::Presence(label.clone()));
            (self.tell)(News::Done(format!("you are {label} now")));
        }
    }

    /// Shows how it is without a word, unless it has changed since then.
    fn is(&self, own: &UserPresence, changes: u64) {
        let mut known = self.known();
        if known.changes != changes {
            return;
        }
        let label = known.label(&own.definition);
        known.own = Some(own.definition.clone());
        drop(known);
        (self.tell)(News::Presence(label.unwrap_or_else(|| own.system.name().to_owned())));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason in the words of whoever can do something about it.
fn explained(error: Error) -> anyhow::Error {
    match error.kind {
        ErrorKind::Http(403) => anyhow!(
            "you may not see which presences there are: presence:presenceDefinition:view is wanted"
        ),
        _ => error.into(),
    }
}
