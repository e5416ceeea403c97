//! Faults of a run, and the evening when all of them are made good.

use std::time::Duration;

use offhook::Secret;
use offhook::genesys::{Command, ConversationId};
use offhook::jingle::Reason;
use serde_json::{Value, json};

use super::errand::Errand;
use super::{Centre, token_of, user_name};
use crate::cloud::Silence;
use crate::scenario::{Fault, FaultKind};
use crate::world::{Conditions, NoticeWeather, PhoneId, RestWeather};

impl Centre {
    pub(super) fn befall(&mut self, kind: FaultKind) {
        let s = Duration::from_secs;
        let phones: Vec<_> = self.world.phones().collect();
        let Some(phone) = self.fate.pick(&phones).copied() else { return };
        let user = self.world.user_of(phone).to_owned();
        let now = self.world.now();
        self.world.count(kind.name());
        match kind {
            FaultKind::Reset => self.world.reset(phone),
            FaultKind::HalfOpen => self.world.half_open(phone),
            FaultKind::ShortCut => {
                let time = self.fate.between((s(1), s(15)));
                self.world.cut(phone, time);
                self.disturbed(Some(phone), time);
            }
            FaultKind::LongCut => {
                let time = self.fate.between((s(30), s(240)));
                self.world.cut(phone, time);
                if self.fate.chance(0.7) {
                    self.hint(phone, Command::WentOffline);
                    self.plan(now + time, Errand::Online(phone));
                }
            }
            FaultKind::Sleep => {
                let until = now + self.fate.between((s(5), s(600)));
                self.world.sleep(phone, until);
            }
            FaultKind::Move => {
                self.world.move_phone(phone);
                self.disturbed(Some(phone), Duration::ZERO);
                if self.fate.chance(0.7) {
                    self.hint(phone, Command::NetworkChanged);
                }
            }
            FaultKind::RebindNat => {
                self.world.rebind_nat(phone);
                self.disturbed(Some(phone), Duration::ZERO);
            }
            FaultKind::RelayRestarts => {
                self.world.restart_relay();
                self.disturbed(None, Duration::ZERO);
            }
            FaultKind::RelayFull => {
                self.world.fill_relay(s(6));
                self.disturbed(None, s(6));
            }
            FaultKind::RelayMuddled => {
                self.world.muddle_relay(s(60));
                self.disturbed(None, Duration::ZERO);
            }
            FaultKind::RelaySilent => {
                let time = self.fate.between((s(1), s(6)));
                self.world.silence_relay(time);
                self.disturbed(None, time);
            }
            FaultKind::BadWifi => {
                self.world.set_conditions(phone, Conditions::bad_wifi());
                self.better_in(phone, s(60));
                self.disturbed(Some(phone), s(60));
            }
            FaultKind::RestFails => {
                self.rest(phone, RestWeather { fails: 0.6, ..RestWeather::default() });
            }
            FaultKind::RestSlow => {
                self.rest(phone, RestWeather { slow: s(8), ..RestWeather::default() });
            }
            FaultKind::AnswersLost => {
                self.rest(phone, RestWeather { answers_lost: 0.6, ..RestWeather::default() });
            }
            FaultKind::Unreachable => {
                self.rest(phone, RestWeather { unreachable: 0.8, ..RestWeather::default() });
            }
            FaultKind::ServiceRestart => {
                self.world.control("POST", "connections/drop", &json!({"mode": "tcp"}));
                self.world.control("POST", "channels/expire", &json!({}));
            }
            FaultKind::ChannelLoss => {
                self.world.control("POST", "channels/expire", &json!({"userId": user}));
                self.drop_streams(&user, "tcp");
            }
            FaultKind::StreamError => self.drop_streams(&user, "stream-error"),
            FaultKind::StreamClose => self.drop_streams(&user, "xmpp-close"),
            FaultKind::NoLongerSubscribed => self.drop_streams(&user, "no_longer_subscribed"),
            FaultKind::DuplicateId => self.drop_streams(&user, "duplicate_id"),
            FaultKind::DeafToPings => self.service(&json!({"ignorePings": true}), s(90)),
            FaultKind::LoginRefused => {
                self.service(&json!({"failSasl": "temporary-auth-failure"}), s(30));
            }
            FaultKind::TokenExpires => self.expire_token(&user),
            FaultKind::Twice => {
                self.notices(phone, NoticeWeather { twice: 0.5, ..NoticeWeather::default() });
            }
            FaultKind::Late => {
                self.notices(phone, NoticeWeather { late: 0.3, ..NoticeWeather::default() });
            }
            FaultKind::Lost => {
                self.notices(phone, NoticeWeather { lost: 0.3, ..NoticeWeather::default() });
            }
            FaultKind::Rubbish => {
                self.notices(phone, NoticeWeather { rubbish: 0.5, ..NoticeWeather::default() });
            }
            FaultKind::Stranger => {
                self.notices(phone, NoticeWeather { strangers: 0.5, ..NoticeWeather::default() });
            }
            FaultKind::Reinvite => self.disturb_one("reinvite", &json!({})),
            FaultKind::ReinviteNew => self.disturb_one("reinvite", &json!({"newSession": true})),
            FaultKind::Renegotiate => self.disturb_one("renegotiate", &json!({})),
            FaultKind::IceRestart => self.disturb_one("ice-restart", &json!({})),
            FaultKind::KillMedia => self.disturb_one("kill-media", &json!({})),
            FaultKind::Repropose => self.disturb_one("repropose", &json!({})),
            FaultKind::AcceptedElsewhere => {
                self.disturb_one("elsewhere", &json!({"how": "accept"}));
            }
            FaultKind::RejectedElsewhere => {
                self.disturb_one("elsewhere", &json!({"how": "reject"}));
            }
            FaultKind::Supervisor => {
                let field = if self.fate.chance(0.5) { "muted" } else { "held" };
                let on = self.fate.chance(0.5);
                self.disturb_one("participant", &json!({field: on}));
            }
            FaultKind::FarHolds => {
                let direction = if self.fate.chance(0.5) { "sendonly" } else { "inactive" };
                let body = json!({"direction": direction});
                if let Some(id) = self.disturb("far-holds", &body) {
                    let at = now + self.fate.between((s(5), s(20)));
                    self.plan(at, Errand::FarResumes(id));
                }
            }
            FaultKind::FarChanges => self.disturb_one("far-changes", &json!({})),
            FaultKind::FarReplaced => self.disturb_one("far-replaced", &json!({})),
            FaultKind::OddWords => self.disturb_one("odd-words", &json!({})),
            FaultKind::ResetAmid => {
                let delay = self.fate.between((Duration::ZERO, Duration::from_millis(80)));
                let number = self.errand(Errand::Reset(phone));
                self.world.errand_amid(phone, delay, number);
            }
            FaultKind::ReinviteAmid => self.reinvite_amid(),
            FaultKind::PeerLeaves => self.disturb_one("leave", &json!({})),
            FaultKind::Questions => self.question(&user),
            FaultKind::TopicsRefused => {
                let body = json!({"path": "/subscriptions$", "status": 400});
                self.world.control("POST", "faults", &body);
                self.drop_streams(&user, "tcp");
            }
            FaultKind::StationEvent => {
                let body = json!({"stationEvent": "Associated"});
                self.world.control("PATCH", &format!("users/{user}"), &body);
            }
        }
    }

    /// Tells a client what an operating system tells a program of its network.
    pub(super) fn hint(&mut self, phone: PhoneId, command: Command) {
        // A client that is not connected has no use for it.
        let _ = self.world.press(phone, |keys| keys.submit(command));
    }

    fn better_in(&mut self, phone: PhoneId, time: Duration) {
        self.plan(self.world.now() + time, Errand::Better(phone));
    }

    fn rest(&mut self, phone: PhoneId, weather: RestWeather) {
        self.world.set_rest(phone, weather);
        self.better_in(phone, Duration::from_secs(60));
    }

    fn notices(&mut self, phone: PhoneId, weather: NoticeWeather) {
        self.world.set_notices(phone, weather);
        self.better_in(phone, Duration::from_secs(120));
    }

    fn service(&mut self, options: &Value, time: Duration) {
        self.world.control("POST", "options", options);
        self.plan(self.world.now() + time, Errand::ServiceBetter);
    }

    pub(super) fn service_better(&mut self) {
        let body = json!({"ignorePings": false, "failSasl": false});
        self.world.control("POST", "options", &body);
    }

    fn drop_streams(&mut self, user: &str, mode: &str) {
        let body = json!({"userId": user, "mode": mode});
        self.world.control("POST", "connections/drop", &body);
    }

    /// Asks a user's clients what only few ask (wire notes 10.1).
    fn question(&mut self, user: &str) {
        let asked = [
            r#"<query xmlns="http://jabber.org/protocol/disco#info"/>"#,
            r#"<query xmlns="jabber:iq:version"/>"#,
            r#"<ping xmlns="urn:xmpp:ping"/>"#,
            r#"<nobody xmlns="urn:example:heard-of"/>"#,
        ];
        for (number, asked) in asked.iter().enumerate() {
            let xml = format!(
                r#"<iq xmlns="jabber:client" type="get" id="question-{number}" to="{{jid}}" from="lab.test">{asked}</iq>"#
            );
            self.world.control("POST", "stanza", &json!({"userId": user, "xml": xml}));
        }
    }

    fn expire_token(&mut self, user: &str) {
        let Some(user) = (0..self.scenario.agents).find(|n| user_name(*n) == user) else { return };
        self.tokens[user] += 1;
        let token = token_of(user, self.tokens[user]);
        let path = format!("users/{}", user_name(user));
        self.world.control("PATCH", &path, &json!({"token": token}));
        let at = self.world.now() + self.fate.between((Duration::ZERO, Duration::from_secs(30)));
        self.plan(at, Errand::Token(user));
    }

    /// Gives a user's phones the token that holds.
    pub(super) fn renew(&mut self, user: usize) {
        let token = token_of(user, self.tokens[user]);
        for phone in self.phones[user].clone() {
            let command = Command::SetAccessToken(Secret::new(token.clone()));
            // It is refused only for one that can never be.
            let _ = self.world.press(phone, |keys| keys.submit(command));
        }
    }

    /// The service makes a call's connection anew, and an agent ends the old one at the same moment.
    fn reinvite_amid(&mut self) {
        let Some(id) = self.disturb("reinvite", &json!({"newSession": true})) else { return };
        let call = ConversationId::from(id.as_str());
        for phone in self.world.phones().collect::<Vec<_>>() {
            if let Some(session) = self.world.observer().books(phone).talking.get(&call).cloned() {
                let reason = Reason::Success;
                self.hint(phone, Command::ForceTerminateSession { session, reason });
            }
        }
    }

    /// Something befalls a call, drawn from all.
    fn disturb_one(&mut self, what: &'static str, body: &Value) {
        self.disturb(what, body);
    }

    /// [`Run::disturb_one`]; returns the call, if it could be done.
    fn disturb(&mut self, what: &'static str, body: &Value) -> Option<String> {
        let mut calls: Vec<_> = self.live.iter().flatten().cloned().collect();
        if self.is_untidy() && matches!(what, "elsewhere" | "repropose") {
            calls.retain(|id| self.rings(id));
            if calls.is_empty() {
                self.for_next.push((what, body.clone()));
            }
        }
        let id = self.fate.pick(&calls)?;
        self.world.observer_mut().touched(id);
        let (status, _) = self.world.control("POST", &format!("calls/{id}/{what}"), body);
        (status == 200).then(|| id.clone())
    }

    /// Something that waited for a call that rings.
    pub(super) fn disturb_this(&mut self, call: &str, what: &str, body: &Value) {
        self.world.observer_mut().touched(call);
        self.world.control("POST", &format!("calls/{call}/{what}"), body);
    }

    fn rings(&mut self, call: &str) -> bool {
        let (_, call) = self.world.control("GET", &format!("calls/{call}"), &Value::Null);
        call["state"] == "alerting"
    }

    /// A far end that held lets a call go on. Nothing was said to it meanwhile.
    pub(super) fn far_resumes(&mut self, id: String) {
        let (_, media) = self.world.control("GET", &format!("calls/{id}/media"), &Value::Null);
        let silent = match media["heardWhileHeld"].as_u64() {
            Some(0) => {
                self.world.count("held by the far end");
                Ok(())
            }
            None => Ok(()),
            Some(packets) => Err(format!("{id}: {packets} packets came while the far end held")),
        };
        self.require("nothing is sent while the far end holds", |_| silent);
        let body = json!({"direction": "sendrecv"});
        let (status, _) = self.world.control("POST", &format!("calls/{id}/far-holds"), &body);
        let (_, call) = self.world.control("GET", &format!("calls/{id}"), &Value::Null);
        if status != 200 && call["state"] == "connected" {
            // An offer of its own still waits for its answer.
            self.plan(self.world.now() + Duration::from_secs(5), Errand::FarResumes(id));
        }
    }

    pub(super) fn heal(&mut self) {
        self.open = false;
        self.world.evening();
        self.service_better();
        // Whose end nobody else tells is ended by the client, on every day.
        let mut silences = self.scenario.silences.clone().unwrap_or_default();
        silences.retain(|silence| *silence == Silence::EndOfIdle);
        self.world.set_silences(silences);
        self.world.control("DELETE", "faults", &Value::Null);
        for phone in self.world.phones() {
            self.world.heal(phone, Conditions::good());
            self.hint(phone, Command::NetworkChanged);
        }
        for user in 0..self.scenario.agents {
            self.renew(user);
        }
    }

    /// True if clients may have missed what nobody repeats.
    pub(super) fn notices_were_tampered_with(&self) -> bool {
        let tampers = |fault: &Fault| {
            matches!(fault.kind, FaultKind::Lost | FaultKind::Late | FaultKind::Rubbish)
        };
        let silent = self.scenario.silences.as_ref().is_some_and(|silences| !silences.is_empty());
        silent || self.scenario.faults.iter().any(tampers)
    }
}
