//! Presence (w5.5).

use serde_json::json;

use super::{Resources, with};
use crate::rest::Resource;
use crate::ribbon::constants::{Activity, Status};
use crate::ribbon::ids::UserId;

/// A request about the presence of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Every change, from now on.
    Start,
    /// No changes any more.
    Stop,
    /// The present state.
    Get,
}

impl Resources {
    /// The user's own presence is set.
    pub(crate) fn set_presence(
        &self,
        status: &Status,
        activity: &Activity,
        note: Option<&str>,
    ) -> Resource {
        let mut request = json!({"status": status.as_str(), "activity": activity.as_str()});
        with(&mut request, "note", note);
        self.post("presence", json!({"presenceRequest": request}))
    }

    /// The presence of others is asked for. It comes by notifications.
    pub(crate) fn watch_presence(&self, users: &[UserId], watch: Watch) -> Resource {
        let users: Vec<_> = users.iter().map(UserId::as_str).collect();
        let action = match watch {
            Watch::Start => "watch",
            Watch::Stop => "stopwatch",
            Watch::Get => "get",
        };
        let request = json!({"userList": users, "action": action});
        self.post("presenceWatcher", json!({"presenceWatcherRequest": request}))
    }
}
