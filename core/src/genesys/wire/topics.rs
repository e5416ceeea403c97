//! Names of notification topics, alone and combined (wire notes 4.2, 4.3).

use std::collections::BTreeMap;

use crate::genesys::ids::{ConversationId, UserId};

/// A topic of its user that a client subscribes to by itself (wire notes 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Conversations,
    PersistentConnection,
    Station,
    AlertingLeader,
    /// Only where the application wants it.
    Presence,
}

impl Own {
    const ALL: [Self; 5] = [
        Self::Conversations,
        Self::PersistentConnection,
        Self::Station,
        Self::AlertingLeader,
        Self::Presence,
    ];

    /// The topic's name.
    pub(crate) fn of(self, user: &UserId) -> String {
        format!("v2.users.{}.{}", user.as_str(), self.leaf())
    }

    /// The topic of that name, if it is one of that user's.
    pub(crate) fn read(topic: &str, user: &UserId) -> Option<Self> {
        let rest = topic.strip_prefix("v2.users.")?.strip_prefix(user.as_str())?;
        let leaf = rest.strip_prefix('.')?;
        Self::ALL.into_iter().find(|own| own.leaf() == leaf)
    }

    /// The last part of its name.
    const fn leaf(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::PersistentConnection => "persistentconnection",
            Self::Station => "station",
            Self::AlertingLeader => "alertingleader",
            Self::Presence => "presence",
        }
    }
}

/// A topic about one conversation, which is a room's if anybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OfRoom {
    /// The conversation, as a guest is told of it.
    Guest(ConversationId),
    /// Its media: those who are shown and heard.
    Media(ConversationId),
}

impl OfRoom {
    /// The topic of that name, if it is one.
    pub(crate) fn read(topic: &str) -> Option<Self> {
        if let Some(id) = topic.strip_prefix("v2.guest.conversations.") {
            return Some(Self::Guest(id.into()));
        }
        let id = topic.strip_prefix("v2.conversations.")?.strip_suffix(".media")?;
        Some(Self::Media(id.into()))
    }
}

/// An id must be shorter than this, in bytes.
const MAX_ID: usize = 200;

/// True if the service can have such a topic: a longer one is never asked for.
pub(crate) fn is_possible(topic: &str) -> bool {
    parts(topic).iter().all(|part| !part.is_empty() && part.len() < MAX_ID)
}

/// The individual topics that a (perhaps combined) one stands for.
pub(crate) fn parts(topic: &str) -> Vec<String> {
    match topic.split_once('?') {
        None => vec![topic.to_owned()],
        Some((prefix, leaves)) => {
            leaves.split('&').map(|leaf| format!("{prefix}.{leaf}")).collect()
        }
    }
}

/// Groups topics by everything before the last dot; a group that grows too long is halved, a
/// single topic that is too long is left out.
pub(crate) fn combine<'a>(topics: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut ids = Vec::new();
    for topic in topics {
        match topic.rsplit_once('.') {
            Some((prefix, leaf)) => groups.entry(prefix).or_default().push(leaf),
            None => ids.push(topic.to_owned()),
        }
    }
    for (prefix, leaves) in groups {
        combine_group(prefix, &leaves, &mut ids);
    }
    ids.retain(|id| id.len() < MAX_ID);
    ids
}

fn combine_group(prefix: &str, leaves: &[&str], ids: &mut Vec<String>) {
    let id = match leaves {
        [one] => format!("{prefix}.{one}"),
        many => format!("{prefix}?{}", many.join("&")),
    };
    if id.len() < MAX_ID || leaves.len() == 1 {
        ids.push(id);
    } else {
        let (left, right) = leaves.split_at(leaves.len() / 2);
        combine_group(prefix, left, ids);
        combine_group(prefix, right, ids);
    }
}
