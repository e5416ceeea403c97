//! The service's REST API (wire notes 8).

use http::Response;
use offhook::genesys::wire::{Frame, IqKind};
use serde_json::{Value, json};

use super::directory::{ORG, User};
use super::external::External;
use super::http::{Call, bad_request, empty, error, json as respond, not_found};
use super::signal::Signaling;
use super::topics;
use super::{Cloud, ConnId};

impl Cloud {
    pub(super) fn handle_text(&mut self, conn: ConnId, text: &str) {
        match self.streams.handle_text(conn, text, &mut self.world) {
            Some(Frame::Iq(iq)) if matches!(iq.kind, IqKind::Result(_) | IqKind::Error(_)) => {
                self.calls.handle_reply(conn, &iq, &self.streams, &mut self.world);
            }
            Some(Frame::Iq(iq)) => {
                self.calls.handle_iq(conn, &iq, &self.streams, &mut self.world);
            }
            Some(Frame::Message(message)) => {
                self.calls.handle_message(conn, &message, &self.streams, &mut self.world);
            }
            _ => {}
        }
    }

    /// Answers a request for the service.
    pub(super) fn api(&mut self, call: &Call<'_>) -> Response<Vec<u8>> {
        // Guests have no token.
        if let ["diagnostics", ..] = call.path.as_slice() {
            return respond(202, &json!({}));
        }
        if let ("POST", ["conversations", "codes"]) = (call.method, call.path.as_slice()) {
            return self.redeem(&call.body);
        }
        let user = call.token.and_then(|token| self.world.directory.by_token(token)).cloned();
        let Some(user) = user else {
            return error(401, "bad.credentials", "Invalid login credentials.");
        };
        match (call.method, call.path.as_slice()) {
            ("GET", ["organizations", "me"]) => respond(
                200,
                &json!({
                    "id": ORG, "name": "Lab Org", "domain": "lab-org", "version": 1,
                    "state": "active", "defaultLanguage": "en-us", "features": {},
                    "selfUri": "/api/v2/organizations/me",
                }),
            ),
            ("GET", ["users", "me"]) => {
                let with_station = call.query("expand").is_some_and(|e| e.contains("station"));
                respond(200, &user.body(with_station))
            }
            ("GET", ["stations", id]) => match self.world.directory.by_station(id) {
                Some((owner, station)) => respond(200, &station.body(owner)),
                None => not_found(),
            },
            ("POST", ["notifications", "channels"]) => self.open_channel(&user),
            (method @ ("PUT" | "POST"), ["notifications", "channels", id, "subscriptions"]) => {
                self.subscribe(&user, id, &call.body, method == "PUT")
            }
            ("GET", ["conversations"]) => {
                let all = self.calls.conversations(&user.id);
                respond(200, &json!({"entities": all, "total": all.len()}))
            }
            ("POST", ["conversations", "calls"]) => self.dial(&user, &call.body),
            ("GET", ["conversations", id] | ["conversations", "calls", id]) => {
                self.calls.conversation(&user.id, id).map_or_else(not_found, |c| respond(200, &c))
            }
            ("PATCH", ["conversations", "calls", id, "participants", participant]) => {
                if !call.body.is_object() {
                    return bad_request("a JSON object is wanted");
                }
                let (streams, world) = (&self.streams, &mut self.world);
                if call.body["wrapup"].is_object() {
                    let call_of = (&*user.id, *id, *participant);
                    let done = self.calls.wrap_up(call_of, &call.body["wrapup"], world);
                    return if done { respond(202, &json!({})) } else { not_found() };
                }
                let done = self.calls.change(&user.id, id, participant, &call.body, streams, world);
                if done { respond(202, &json!({})) } else { not_found() }
            }
            ("POST", ["conversations", "calls", id, "participants", participant, "replace"]) => {
                let call_of = (&*user.id, *id, *participant);
                self.calls.replace(call_of, &call.body, &self.streams, &mut self.world)
            }
            (method, ["conversations", "calls", id, "participants", participant, "consult"]) => {
                let call_of = (&*user.id, *id, *participant);
                self.calls.consult(call_of, method, &call.body, &mut self.world)
            }
            ("POST", ["conversations", "calls", id, "participants", participant, "digits"]) => {
                let call_of = (&*user.id, *id, *participant);
                self.calls.press(call_of, &call.body, &mut self.world)
            }
            ("POST", ["conversations", "calls", id, "communications", _, "metadata"]) => {
                match self.calls.conversation(&user.id, id) {
                    Some(_) => empty(202),
                    None => not_found(),
                }
            }
            ("PATCH", ["apps", "users", id, "connections", connection]) if *id == user.id => {
                match self.streams.set_alertable(&user.id, connection, &mut self.world) {
                    true => empty(204),
                    false => not_found(),
                }
            }
            ("GET", ["users", "alertingleader"]) => {
                self.streams.leader(&user.id).map_or_else(not_found, |leader| respond(200, &leader))
            }
            ("PUT", ["users", "alertingleader"]) => {
                let connection = call.body["connectionId"].as_str().unwrap_or_default();
                match self.streams.claim_lead(&user.id, connection, &mut self.world) {
                    true => respond(200, &json!({"connectionId": connection})),
                    false => bad_request("not a connection that can ring"),
                }
            }
            _ => {
                let data = json!({"method": call.method, "path": call.raw_path});
                self.world.happened("unhandled-rest", data);
                not_found()
            }
        }
    }

    /// A guest's code for a JWT (wire notes 8.1).
    fn redeem(&self, body: &Value) -> Response<Vec<u8>> {
        let (organization, code) = (body["organizationId"].as_str(), &body["addCommunicationCode"]);
        match code.as_str().and_then(|code| self.world.directory.guests.by_code(code)) {
            Some(guest) if organization == Some(ORG) => respond(200, &guest.body()),
            _ => bad_request("no such code"),
        }
    }

    fn open_channel(&mut self, user: &User) -> Response<Vec<u8>> {
        let world = &mut self.world;
        let id = world.directory.open_channel(&user.id, &mut world.rng);
        respond(
            200,
            &json!({
                "id": id, "connectUri": format!("wss://streaming.{}/channels/{id}", world.domain),
                "expires": world.clock.tomorrow(world.now),
            }),
        )
    }

    fn subscribe(
        &mut self,
        user: &User,
        id: &str,
        topics: &Value,
        replace: bool,
    ) -> Response<Vec<u8>> {
        let Some(topics) = topics.as_array() else {
            return bad_request("an array of topics is wanted");
        };
        let directory = &mut self.world.directory;
        if directory.channels.get(id).is_none_or(|channel| channel.user != user.id) {
            return not_found();
        }
        if replace {
            directory.forget_topics(id);
        }
        let topics: Vec<_> = topics.iter().filter_map(|topic| topic["id"].as_str()).collect();
        let mut entities = Vec::new();
        for topic in topics.iter().flat_map(|topic| topics::parts(topic)) {
            let refused = if !topics::is_known(&topic, directory) {
                Some("no such topic")
            } else if directory.subscribe(id, &topic) {
                None
            } else {
                Some("too many topics")
            };
            entities.push(match refused {
                Some(why) => json!({"id": topic, "state": "Rejected", "rejectionReason": why}),
                None => json!({
                    "id": topic, "state": "Permitted",
                    "selfUri": format!("/api/v2/notifications/channels/{id}/subscriptions/{topic}"),
                }),
            });
        }
        self.world.happened("subscribe", json!({"userId": user.id, "topics": topics}));
        respond(200, &json!({"entities": entities}))
    }

    fn dial(&mut self, user: &User, body: &Value) -> Response<Vec<u8>> {
        let to =
            ["phoneNumber", "callUserId", "callQueueId"].iter().find_map(|key| body[*key].as_str());
        let Some(to) = to.filter(|to| to.len() <= super::directory::MAX_NAME) else {
            return bad_request("nobody to call");
        };
        let signaling = self.outbound_signaling;
        let (streams, world) = (&self.streams, &mut self.world);
        let external = self.outbound_far.then(External::default);
        let signaling = signaling.unwrap_or(Signaling::Jingle);
        match self.calls.dial(user, to, signaling, external, streams, world) {
            Some(id) => {
                let uri = format!("/api/v2/conversations/calls/{id}");
                respond(202, &json!({"id": id, "selfUri": uri}))
            }
            None => bad_request("the call cannot be made"),
        }
    }
}
