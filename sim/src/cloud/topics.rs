//! Topics of notifications: which there are, and who listens to them (wire notes 4).

use std::collections::{BTreeMap, BTreeSet};

/// Names of topics, combined ones too, are shorter than this (wire notes 4.3).
const MAX_NAME: usize = 200;
/// The topics that there are of a user. Some of them this cloud never has news for.
const OF_A_USER: [&str; 9] = [
    "activity",
    "alertingleader",
    "conversations",
    "conversations.calls",
    "conversationsummary",
    "persistentconnection",
    "presence",
    "routingStatus",
    "station",
];

/// The individual topics that a combined one stands for (wire notes 4.3).
pub(super) fn parts(topic: &str) -> Vec<String> {
    match topic.split_once('?') {
        Some((prefix, leaves)) if topic.len() < MAX_NAME => {
            leaves.split('&').map(|leaf| format!("{prefix}.{leaf}")).collect()
        }
        // One that is too long is a topic that there is not.
        Some(_) | None => vec![topic.to_owned()],
    }
}

/// True if there is such a topic: of any of those users, or of a conversation.
pub(super) fn is_known(topic: &str, is_user: impl Fn(&str) -> bool) -> bool {
    if topic.len() >= MAX_NAME {
        return false;
    }
    if let Some(of_user) = topic.strip_prefix("v2.users.") {
        let users =
            OF_A_USER.iter().filter_map(|leaf| of_user.strip_suffix(leaf)?.strip_suffix('.'));
        return users.into_iter().any(is_user);
    }
    match topic.split('.').collect::<Vec<_>>().as_slice() {
        ["v2", "conversations", id, "media"] | ["v2", "guest", "conversations", id] => {
            !id.is_empty()
        }
        _ => false,
    }
}

/// The listeners to each topic.
#[derive(Debug)]
pub(super) struct Listeners<K> {
    by_topic: BTreeMap<String, BTreeSet<K>>,
}

impl<K> Default for Listeners<K> {
    fn default() -> Self {
        Self { by_topic: BTreeMap::new() }
    }
}

impl<K: Ord> Listeners<K> {
    pub(super) fn add(&mut self, topic: &str, who: K) {
        match self.by_topic.get_mut(topic) {
            Some(listeners) => {
                listeners.insert(who);
            }
            None => {
                self.by_topic.insert(topic.to_owned(), BTreeSet::from([who]));
            }
        }
    }

    pub(super) fn remove(&mut self, topic: &str, who: &K) {
        if let Some(listeners) = self.by_topic.get_mut(topic) {
            listeners.remove(who);
            if listeners.is_empty() {
                self.by_topic.remove(topic);
            }
        }
    }

    pub(super) fn of(&self, topic: &str) -> impl Iterator<Item = &K> {
        self.by_topic.get(topic).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_4_3_combined_topics_stand_for_their_parts() {
        assert_eq!(parts("a.b"), ["a.b"]);
        assert_eq!(parts("a.b?c&d"), ["a.b.c", "a.b.d"]);
        let long = format!("{}?{}", "a".repeat(100), "b&".repeat(100));
        assert_eq!(parts(&long), [long], "not a hundred names of a hundred letters");
    }

    #[test]
    fn nobody_is_kept_who_listens_no_more() {
        let mut listeners = Listeners::default();
        listeners.add("a", 1);
        listeners.add("a", 2);
        listeners.add("b", 1);
        listeners.remove("a", &1);
        listeners.remove("b", &1);
        listeners.remove("c", &1);
        assert_eq!(listeners.of("a").collect::<Vec<_>>(), [&2]);
        assert_eq!((listeners.of("b").count(), listeners.by_topic.len()), (0, 1));
    }
}
