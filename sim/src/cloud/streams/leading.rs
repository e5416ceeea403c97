//! The one of a user's connections that rings (wire notes 8.6): the alerting leader.

use serde_json::{Value, json};

use super::{ConnId, Streams, World};

impl Streams {
    /// Lets a connection ring from now on; the first that can leads. False when there is no such
    /// connection.
    pub(in crate::cloud) fn set_alertable(
        &mut self,
        user: &str,
        connection: &str,
        world: &mut World,
    ) -> bool {
        let Some(conn) = self.named(user, connection) else { return false };
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.alertable = true;
        }
        if !self.leaders.contains_key(user) {
            self.lead(user, connection, world);
        }
        true
    }

    /// The leader, as the service tells it.
    pub(in crate::cloud) fn leader(&self, user: &str) -> Option<Value> {
        self.leaders.get(user).map(|connection| json!({"connectionId": connection}))
    }

    /// Gives a connection the lead. False when it cannot ring.
    pub(in crate::cloud) fn claim_lead(
        &mut self,
        user: &str,
        connection: &str,
        world: &mut World,
    ) -> bool {
        let conn = self.named(user, connection).and_then(|conn| self.conns.get(&conn));
        let can_ring = conn.is_some_and(|conn| conn.alertable);
        if can_ring {
            self.lead(user, connection, world);
        }
        can_ring
    }

    /// Takes a connection that is gone off the lead: if it led, another does.
    pub(super) fn stop_leading(&mut self, user: &str, connection: &str, world: &mut World) {
        if self.leaders.get(user).is_none_or(|leader| leader != connection) {
            return;
        }
        self.leaders.remove(user);
        let next = self.by_user.of(user).filter_map(|conn| self.conns.get(conn));
        let next = next.filter(|conn| conn.alertable).find_map(|conn| conn.name.clone());
        if let Some(next) = next {
            self.lead(user, &next, world);
        }
    }

    fn lead(&mut self, user: &str, connection: &str, world: &mut World) {
        self.leaders.insert(user.to_owned(), connection.to_owned());
        world.base.happened("leader", json!({"userId": user, "connectionId": connection}));
        let topic = format!("v2.users.{user}.alertingleader");
        self.publish(&topic, &json!({"connectionId": connection}), world);
    }

    /// The user's connection of that name.
    fn named(&self, user: &str, connection: &str) -> Option<ConnId> {
        let is_it = |id: &&ConnId| {
            self.conns.get(id).is_some_and(|conn| conn.name.as_deref() == Some(connection))
        };
        self.by_user.of(user).find(is_it).copied()
    }
}
