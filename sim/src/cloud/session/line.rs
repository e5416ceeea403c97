//! The user's line: the session that carries calls which come while it is up, and what is told of it.

use serde_json::json;

use super::about::About;
use crate::cloud::streams::Streams;
use crate::cloud::world::World;

/// A session's part in being the user's line.
#[derive(Default)]
pub(in crate::cloud) struct Line {
    /// True if it is the line.
    pub(in crate::cloud) shared: bool,
    /// The state that was told of it as the user's persistent connection.
    told: Option<&'static str>,
}

impl Line {
    /// Tells what it is as the user's persistent connection (wire notes 4.8), once.
    pub(in crate::cloud) fn tell(
        &mut self,
        state: &'static str,
        about: &About,
        streams: &Streams,
        world: &mut World,
    ) {
        if self.told.replace(state) != Some(state) {
            let station = world.directory.user(&about.user).and_then(|u| u.station.as_ref());
            let body = json!({
                "userId": about.user, "stationId": station.map(|station| &station.id),
                "persistentState": state,
            });
            let topic = format!("v2.users.{}.persistentconnection", about.user);
            streams.publish(&topic, &body, world);
        }
    }

    /// It is over, whatever it was told to be.
    pub(super) fn hang_up(&mut self, about: &About, streams: &Streams, world: &mut World) {
        if self.told.is_some() {
            self.tell("DISCONNECTED", about, streams, world);
        }
    }
}
