//! Users, guests, their phones, and what runs on them.

use offhook::genesys::{Auth, Config, SessionType};
use offhook::{Secret, Seed};
use serde_json::{Value, json};

use super::{Centre, token_of, user_name};
use crate::dice::Dice;
use crate::scenario::Desk;
use crate::scenario::agent::{Agent, Habits, Manner};
use crate::scenario::rooms::Attendee;
use crate::world::{Application, PhoneId, Voice};

/// The sessions that agents have where there are rooms.
const SESSIONS: [SessionType; 4] = [
    SessionType::Softphone,
    SessionType::CollaborateVideo,
    SessionType::ScreenRecording,
    SessionType::LiveScreenMonitoring,
];

impl Centre {
    /// Gives everybody a desk. What runs on a phone begins here.
    pub(super) fn furnish(&mut self) {
        let root = &Seed::from(self.seed).child(&self.scenario.name);
        let mut dice = Dice::new(root, "furniture");
        for user in 0..self.scenario.agents {
            let name = user_name(user);
            let station = self.scenario.stations.get(user % self.scenario.stations.len().max(1));
            let station = station.map_or_else(
                || json!({}),
                |kind| json!({"lineAppearances": kind.lines, "persistent": kind.persistent}),
            );
            self.world.add_user(&name, &token_of(user, 0), &station);
            let phones = 1 + usize::from(dice.chance(self.scenario.second_phones.unwrap_or(0.0)));
            for _ in 0..phones {
                let phone = self.add_phone(user, root);
                if let Some(kind) = dice.pick(&self.scenario.nats) {
                    self.world.set_nat(phone, *kind);
                }
                self.world.set_watching(phone, self.scenario.roams);
                self.phones[user].push(phone);
            }
        }
        for guest in 0..self.scenario.guests.unwrap_or(0) {
            self.add_guest(guest, root);
        }
    }

    /// One more phone of a user.
    fn add_phone(&mut self, user: usize, root: &Seed) -> PhoneId {
        let phone = PhoneId(self.world.phones().count());
        let seed = root.child(&format!("desk {}", phone.0));
        let mut options = Dice::new(&seed, "options");
        let mut option = || options.chance(self.scenario.options);
        let (statistics, logs, telemetry, trace) = (option(), option(), option(), option());
        let mut choices = Dice::new(&seed, "choices");
        let mut choice = || choices.chance(self.scenario.choices.unwrap_or(0.0));
        let leads = choice();
        let desk = Desk { phone, user: user_name(user), seed };
        let mut manner = Manner::default();
        let app: Box<dyn Application> = match &self.scenario.application {
            Some(make) => make(desk),
            None => {
                manner = Manner { accepts_sessions: choice(), answers_all: choice() };
                let habits = self.scenario.habits.clone();
                let voice = Voice(self.scenario.fidelity);
                let attendee = self.attendee(&desk);
                let agent = Agent::new(&desk, habits, manner, self.scenario.speech, voice);
                Box::new(agent.attending(attendee))
            }
        };
        let (meets, tacit) = (self.has_rooms(), choice());
        let traced = self.scenario.traced || trace;
        let policy = self.ice_policy(&mut Dice::new(&root.child("ways"), &phone.0.to_string()));
        self.place(&user_name(user), &token_of(user, 0), app, |config| {
            config.server_side_pings = user.is_multiple_of(2);
            config.trace = traced;
            config.ice_policy = policy;
            config.report_statistics = statistics;
            config.upload_logs = logs;
            config.upload_telemetry = telemetry;
            config.alerting_leader = leads;
            config.auto_connect_sessions = !manner.accepts_sessions;
            config.disable_auto_answer = manner.answers_all;
            if meets {
                config.allowed_session_types = SESSIONS.to_vec();
                config.auto_accept_pending_screen_recording_requests = tacit;
            }
        })
    }

    /// The part of whoever sits there in rooms, if there are any.
    fn attendee(&self, desk: &Desk) -> Option<Attendee> {
        let (share, users) = (self.scenario.rooms.unwrap_or(0.0), self.scenario.agents);
        let repeats = self.scenario.habits.repeats;
        let place = (desk.phone, &desk.seed);
        (share > 0.0).then(|| Attendee::new(place, share, repeats, users))
    }

    /// A guest, by code or by the JWT that the code is redeemed for.
    fn add_guest(&mut self, guest: usize, root: &Seed) {
        let (_, expected) = self.world.control("POST", "guests", &Value::Null);
        let text = |key: &str| expected[key].as_str().unwrap_or_default().to_owned();
        let by_code = guest.is_multiple_of(2);
        let auth = if by_code {
            Auth::Guest { organization: text("organizationId"), code: Secret::new(text("code")) }
        } else {
            Auth::Jwt(Secret::new(text("jwt")))
        };
        let phone = PhoneId(self.world.phones().count());
        let seed = root.child(&format!("desk {}", phone.0));
        let user = format!("guest-{guest}");
        let desk = Desk { phone, user: user.clone(), seed };
        let habits =
            Habits { arrive_within: self.scenario.habits.arrive_within, ..Habits::default() };
        let voice = Voice(self.scenario.fidelity);
        let app = Box::new(Agent::new(&desk, habits, Manner::default(), None, voice));
        let phone = self.place(&user, "", app, |config| config.auth = auth);
        self.guests.push(phone);
    }

    /// A phone where the network is as everywhere.
    fn place(
        &mut self,
        user: &str,
        token: &str,
        app: Box<dyn Application>,
        change: impl FnOnce(&mut Config),
    ) -> PhoneId {
        let phone = self.world.add_phone(user, token, app, change);
        self.world.set_conditions(phone, self.scenario.conditions.clone());
        phone
    }
}
