//! The station that is associated with the user (wire notes 8.1, STN-1, STN-2).

use serde_json::Value;

use super::ice::no_relay;
use crate::genesys::ask::{Ask, LinkAsk};
use crate::genesys::event::Event;
use crate::genesys::ids::StationId;
use crate::genesys::outbox::Outbox;
use crate::genesys::station::Station;
use crate::genesys::wire::answers::StationBody;
use crate::genesys::wire::requests;
use crate::rest::{Failure, Retry};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct UserStation {
    id: Option<StationId>,
    loaded: Option<Station>,
}

impl UserStation {
    pub(super) fn loaded(&self) -> Option<&Station> {
        self.loaded.as_ref()
    }

    /// It is known who we are, and which station is ours.
    pub(super) fn identified(&mut self, id: Option<StationId>) {
        self.id = id;
    }

    /// A notification tells that it changed.
    pub(super) fn notified(&mut self, json: &Value, out: &mut Outbox) {
        let named = json["eventBody"]["associatedStation"]["id"].as_str().map(StationId::from);
        match json["metadata"]["action"].as_str() {
            Some("Disassociated") => {
                let named = self.id.take().is_some();
                if self.loaded.take().is_some() || named {
                    out.event(Event::StationDisassociated);
                }
            }
            Some("Associated") => {
                if named.is_some() {
                    self.id = named;
                }
                self.load(out);
            }
            Some("WebRTCMigration") => self.load(out),
            // Other actions change nothing that matters to calls.
            Some(_) => {}
            None => out.malformed("station notification without an action"),
        }
    }

    /// Asks what it is like.
    pub(super) fn load(&self, out: &mut Outbox) {
        if let Some(id) = &self.id {
            // A newer question takes the place of one that is still on its way.
            out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Station));
            out.rest(LinkAsk::Station, requests::station(id), Retry::Yes);
        }
    }

    /// The answer to that. A phone without a station still works (LC-3).
    pub(super) fn answered(
        &mut self,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) -> Result<(), Failure> {
        let body = result.and_then(|body| Failure::or_parsed::<StationBody>("station", body))?;
        let station = Station::from(body);
        let concurrent = station.call_appearances > 1;
        if station.force_turn && !self.loaded.as_ref().is_some_and(|before| before.force_turn) {
            let text = "the station wants relayed media, which is not supported yet";
            out.event(Event::Error(no_relay(text)));
        }
        self.loaded = Some(station.clone());
        out.event(Event::ConcurrentSoftphoneSessionsEnabled(concurrent));
        out.event(Event::Station(station));
        Ok(())
    }
}
