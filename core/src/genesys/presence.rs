//! Presence of the user: those that the organization has defined, and the present one (wire notes 8.8).

use std::collections::BTreeMap;

use super::ids::PresenceId;
use super::wire::answers::{DefinitionBody, UserPresenceBody};
use crate::plain::plain_within;

/// The longest label or message that is kept, in bytes; the rest is cut off.
const MAX_TEXT: usize = 255;
/// The most labels of a definition. The service has some twenty languages.
const MAX_LABELS: usize = 64;
/// The labels that count as English, the best first.
const ENGLISH: [&str; 2] = ["en_US", "en"];

/// A presence that the organization has defined, and that a user can have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresenceDefinition {
    /// Its id, by which it is set ([`Command::SetPresence`](super::Command::SetPresence)).
    pub id: PresenceId,
    /// The service's own presence that it stands for: an organization may have several kinds of break.
    pub system: SystemPresence,
    /// True if it is the service's own one of that kind, and not one that the organization has added.
    pub primary: bool,
    /// Its names for people by language (`en_US`, `de`), at most 64 of at most 255 bytes.
    pub labels: BTreeMap<String, String>,
}

impl PresenceDefinition {
    /// The most definitions that are taken of an organization: the first ones.
    pub const MAX: usize = 500;

    /// Its name in English, or in any language that there is, or else that of the service's own presence.
    #[must_use]
    pub fn label(&self) -> &str {
        let english = ENGLISH.iter().find_map(|language| self.labels.get(*language));
        let label = english.or_else(|| self.labels.values().next());
        label.map_or_else(|| self.system.name(), String::as_str)
    }
}

/// The presence of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserPresence {
    /// The definition. It may be one that cannot be chosen any more.
    pub definition: PresenceId,
    /// The service's own presence that it stands for.
    pub system: SystemPresence,
    /// The user's remark, at most 255 bytes.
    pub message: Option<String>,
}

/// A presence that the service knows by itself. Of those the service routes calls to
/// [`SystemPresence::OnQueue`] only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SystemPresence {
    /// There, and not waiting for calls of a queue.
    Available,
    /// Busy.
    Busy,
    /// Away.
    Away,
    /// In a break.
    Break,
    /// At a meal.
    Meal,
    /// In a meeting.
    Meeting,
    /// In training.
    Training,
    /// Waiting for calls of a queue.
    OnQueue,
    /// Not logged in anywhere.
    Offline,
    /// Has done nothing for a while.
    Idle,
    /// Anything else.
    Other(String),
}

impl SystemPresence {
    const ALL: [Self; 10] = [
        Self::Available,
        Self::Busy,
        Self::Away,
        Self::Break,
        Self::Meal,
        Self::Meeting,
        Self::Training,
        Self::OnQueue,
        Self::Offline,
        Self::Idle,
    ];

    /// Its name for people, in English.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Available => "Available",
            Self::Busy => "Busy",
            Self::Away => "Away",
            Self::Break => "Break",
            Self::Meal => "Meal",
            Self::Meeting => "Meeting",
            Self::Training => "Training",
            Self::OnQueue => "On Queue",
            Self::Offline => "Offline",
            Self::Idle => "Idle",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for SystemPresence {
    /// Definitions say `On Queue` where users have `ON_QUEUE`.
    fn from(word: &str) -> Self {
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
        };
        let wanted = letters(word);
        let known = Self::ALL.into_iter().find(|one| letters(one.name()) == wanted);
        known.unwrap_or_else(|| Self::Other(plain_within(word, MAX_TEXT).into_owned()))
    }
}

impl From<DefinitionBody> for PresenceDefinition {
    fn from(body: DefinitionBody) -> Self {
        let words = |text: &str| plain_within(text, MAX_TEXT).into_owned();
        let labels = body.language_labels.iter().filter(|(_, label)| !label.trim().is_empty());
        let labels = labels.map(|(language, label)| (words(language), words(label)));
        Self {
            id: body.id,
            system: SystemPresence::from(&*body.system_presence),
            primary: body.primary,
            labels: labels.take(MAX_LABELS).collect(),
        }
    }
}

impl From<UserPresenceBody> for UserPresence {
    fn from(body: UserPresenceBody) -> Self {
        let message = body.message.map(|text| plain_within(text.trim(), MAX_TEXT).into_owned());
        Self {
            definition: body.presence_definition.id,
            system: SystemPresence::from(&*body.presence_definition.system_presence),
            message: message.filter(|text| !text.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(body: serde_json::Value) -> PresenceDefinition {
        PresenceDefinition::from(serde_json::from_value::<DefinitionBody>(body).unwrap())
    }

    #[test]
    fn wire_8_8_a_system_presence_is_known_however_it_is_written() {
        for known in SystemPresence::ALL {
            let shouted = known.name().to_uppercase().replace(' ', "_");
            assert_eq!(SystemPresence::from(known.name()), known);
            assert_eq!(SystemPresence::from(&*shouted), known);
        }
        let boat = SystemPresence::Other("On_A\u{fffd}Boat".to_owned());
        assert_eq!(SystemPresence::from("On_A\u{1b}Boat"), boat, "plain, and not known");
    }

    #[test]
    fn a_label_is_english_or_any_or_the_service_s_word() {
        let label = |labels: serde_json::Value| {
            let body = json!({"id": "p", "systemPresence": "ON_QUEUE", "languageLabels": labels});
            definition(body).label().to_owned()
        };
        assert_eq!(label(json!({"de": "Bereit", "en": "Ready", "en_US": "Set"})), "Set");
        assert_eq!(label(json!({"de": "Bereit", "en": "Ready"})), "Ready");
        assert_eq!(label(json!({"de": "Bereit", "en_US": " "})), "Bereit");
        assert_eq!(label(json!({})), "On Queue");
    }

    #[test]
    fn what_the_service_says_at_length_is_cut_off() {
        let labels: BTreeMap<_, _> =
            (0..MAX_LABELS + 9).map(|n| (format!("l{n}"), "x".repeat(9_000))).collect();
        let definition = definition(json!({"id": "p", "systemPresence": "y".repeat(9_000),
            "languageLabels": labels}));
        assert_eq!(definition.labels.len(), MAX_LABELS);
        assert!(definition.labels.values().all(|label| label.len() <= MAX_TEXT));
        assert!(definition.system.name().len() <= MAX_TEXT);
    }
}
