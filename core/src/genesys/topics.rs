//! Notification topics of a channel (wire notes 4.2, 4.3).

use std::collections::{BTreeMap, BTreeSet};

use super::wire::topics::{combine, parts};

/// The most entries a channel takes (wire notes 4.4).
pub(crate) const MAX_TOPICS: usize = 1000;

/// The topics wanted on the channel.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    /// The topics of the client's own: never dropped at the limit.
    internal: BTreeSet<String>,
    /// The application's, with their priorities; one of ours may be among them.
    wanted: BTreeMap<String, i32>,
}

impl Topics {
    pub(crate) fn want_internal(&mut self, topic: String) {
        self.internal.insert(topic);
    }

    pub(crate) fn unwant_internal(&mut self, topic: &str) {
        self.internal.remove(topic);
    }

    /// True if the channel takes all of these besides what it has.
    pub(crate) fn have_room<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> bool {
        let new: BTreeSet<_> = topics.into_iter().flat_map(parts).collect();
        let new = new.iter().filter(|part| !self.wanted.contains_key(*part));
        let others = self.wanted.keys().chain(new).filter(|part| !self.internal.contains(*part));
        self.internal.len() + others.count() <= MAX_TOPICS
    }

    /// Wants all of these, which there must be room for.
    pub(crate) fn want<'a>(&mut self, topics: impl IntoIterator<Item = &'a str>, priority: i32) {
        self.wanted.extend(topics.into_iter().flat_map(parts).map(|part| (part, priority)));
    }

    pub(crate) fn unwant(&mut self, topic: &str) {
        for part in parts(topic) {
            self.wanted.remove(&part);
        }
    }

    pub(crate) fn is_wanted(&self, topic: &str) -> bool {
        self.wanted.contains_key(topic)
    }

    /// The topics that the channel is asked for.
    pub(crate) fn carried(&self) -> BTreeSet<String> {
        self.ids().iter().flat_map(|id| parts(id)).collect()
    }

    /// The ids to subscribe with: own topics first, then by priority, highest first.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids = combine(self.internal.iter().map(String::as_str));
        let others = self.wanted.keys().filter(|topic| !self.internal.contains(*topic));
        let mut others = combine(others.map(String::as_str));
        let priority =
            |id: &String| parts(id).iter().filter_map(|part| self.wanted.get(part)).max().copied();
        others.sort_by_key(|id| std::cmp::Reverse(priority(id)));
        ids.extend(others);
        ids.truncate(MAX_TOPICS);
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_4_3_topics_with_one_prefix_are_combined() {
        let mut topics = Topics::default();
        topics.want_internal("v2.users.u1.conversations".into());
        topics.want_internal("v2.users.u1.station".into());
        topics.want(["v2.users.u2.presence"], 0);
        assert_eq!(topics.ids(), ["v2.users.u1?conversations&station", "v2.users.u2.presence"]);
        topics.unwant("v2.users.u2.presence");
        assert_eq!(topics.ids().len(), 1);
    }

    #[test]
    fn wire_4_3_long_groups_are_halved_and_long_topics_dropped() {
        let mut topics = Topics::default();
        for i in 0..40 {
            topics.want([&*format!("v2.users.u1.leaf-number-{i:02}")], 0);
        }
        topics.want([&*format!("v2.{}.x", "y".repeat(250))], 0);
        let ids = topics.ids();
        assert!(ids.iter().all(|id| id.len() < 200));
        let leaves: usize = ids.iter().map(|id| parts(id).len()).sum();
        assert_eq!(leaves, 40);
    }

    #[test]
    fn wire_4_3_the_highest_priority_comes_first_after_our_own() {
        let mut topics = Topics::default();
        topics.want_internal("z.own".into());
        topics.want(["a.low", "b.low"], -1);
        topics.want(["c.x", "c.y"], 5);
        topics.want(["d.plain"], 0);
        assert_eq!(topics.ids(), ["z.own", "c?x&y", "d.plain", "a.low", "b.low"]);
    }

    #[test]
    fn wire_4_4_the_channel_limit_refuses_more_topics() {
        let mut topics = Topics::default();
        for i in 0..MAX_TOPICS {
            let topic = format!("a.{i}.b");
            assert!(topics.have_room([&*topic]));
            topics.want([&*topic], 0);
        }
        assert!(!topics.have_room(["one.too.many"]));
        assert!(topics.have_room(["a.1.b"]), "what is there already");
        assert_eq!(topics.ids().len(), MAX_TOPICS);
    }
}
