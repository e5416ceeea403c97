//! The end of a session, its media, and what the user's line tells of it.

use offhook::genesys::wire::SessionMessage;
use offhook::jingle::Reason;
use serde_json::json;

use super::{Phase, Session, Streams, World};
use crate::cloud::silence::Silence;

impl Session {
    /// Ends it. `reason` is what the client is told, where it does not know.
    pub(in crate::cloud) fn end(
        &mut self,
        reason: Option<Reason>,
        streams: &Streams,
        world: &mut World,
    ) {
        let connected = self.far.is_some() && self.is_up();
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Proposed { .. } | Phase::Proceeding => {
                let id = self.id.clone();
                if self.reinvite {
                    self.terminate(reason, streams, world);
                } else if !world.keeps(Silence::Retract) {
                    self.tell_all(SessionMessage::Retract { id }, streams, world);
                }
            }
            Phase::Active if connected && reason.is_some() && world.keeps(Silence::Terminate) => {}
            Phase::Offered | Phase::Active | Phase::Replaced => {
                self.terminate(reason, streams, world);
            }
            Phase::Elsewhere | Phase::Over => {}
        }
        self.on_air = None;
        self.unanswered = None;
        if self.told.is_some() {
            self.tell_line("DISCONNECTED", streams, world);
        }
        self.drop_media(world);
    }

    /// Tells what it is as the user's persistent connection (wire notes 4.8), once.
    pub(in crate::cloud) fn tell_line(
        &mut self,
        state: &'static str,
        streams: &Streams,
        world: &mut World,
    ) {
        if self.told.replace(state) != Some(state) {
            let station = world.directory.user(&self.user).and_then(|u| u.station.as_ref());
            let body = json!({
                "userId": self.user, "stationId": station.map(|station| &station.id),
                "persistentState": state,
            });
            let topic = format!("v2.users.{}.persistentconnection", self.user);
            streams.publish(&topic, &body, world);
        }
    }

    /// It is the user's line no longer.
    pub(in crate::cloud) fn unshare(&mut self) {
        self.shared = false;
        self.told = None;
    }

    fn terminate(&self, reason: Option<Reason>, streams: &Streams, world: &mut World) {
        if let (Some(reason), Some(signal)) = (reason, self.signal()) {
            signal.terminate(reason, streams, world);
        }
    }

    /// Closes the far end's media; its figures stay.
    pub(in crate::cloud) fn drop_media(&mut self, world: &mut World) {
        if let Some(far) = &mut self.far {
            far.engine.close(world.base.now);
            if world.keeps(Silence::Goodbye) {
                let _ = far.drain(world.base.now);
            } else {
                self.listen(world);
            }
        }
        if let Some(far) = self.far.take() {
            self.last_media = far.body();
            world.base.close_media(far.udp);
        }
    }
}
