//! Users, tokens, stations and notification channels.

use std::collections::{BTreeMap, BTreeSet};

use offhook::Rng;
use offhook::xmpp::Jid;
use serde_json::{Value, json};

use super::belongings::Belongings;
use super::guests::Guests;
use super::org::ORG;
use super::topics::{self, Listeners};
use crate::service::{ConnId, Index};

/// Users at once; one more is refused.
const MAX_USERS: usize = 10_000;
/// Channels of one user; the oldest is closed (wire notes 4.4).
const MAX_CHANNELS: usize = 20;
/// The longest id, name or address, in bytes; and the longest token.
pub(super) const MAX_NAME: usize = 255;
const MAX_TOKEN: usize = 4096;
/// Topics of one channel (wire notes 4.4).
const MAX_TOPICS: usize = 1000;

/// The reason why there cannot be such a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("there are too many users")]
    TooMany,
    #[error("another user has this token")]
    TokenTaken,
    #[error("another user has this jid")]
    AddressTaken,
    #[error("jid is not an address")]
    Address,
    #[error("an id, a name or a jid has at most 255 bytes, a token 4096")]
    Length,
    #[error("an id and a token are not empty")]
    Empty,
}

/// Somebody who can log in.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) jid: Jid,
    pub(super) station: Option<Station>,
    pub(super) belongings: Belongings,
}

/// A user's phone.
#[derive(Clone, Debug)]
pub(super) struct Station {
    pub(super) id: String,
    line: String,
    pub(super) persistent: bool,
    pub(super) line_appearances: u32,
    pub(super) force_turn: bool,
}

/// A notification channel.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) user: String,
    topics: BTreeSet<String>,
    /// The socket that it is read from.
    pub(super) conn: Option<ConnId>,
    made: u64,
}

/// Users, tokens, stations and notification channels.
#[derive(Debug)]
pub(super) struct Directory {
    domain: String,
    users: BTreeMap<String, User>,
    by_token: Index<String, String>,
    by_jid: Index<String, Jid>,
    by_station: Index<String, String>,
    pub(super) guests: Guests,
    pub(super) channels: BTreeMap<String, Channel>,
    /// Channels by topic.
    listening: Listeners<String>,
    made: u64,
}

impl Directory {
    pub(super) fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            users: BTreeMap::new(),
            by_token: Index::default(),
            by_jid: Index::default(),
            by_station: Index::default(),
            guests: Guests::default(),
            channels: BTreeMap::new(),
            listening: Listeners::default(),
            made: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self { made: self.made, ..Self::new(&self.domain) };
    }

    /// `lab-org.orgspan.{domain}`
    pub(super) fn org_domain(&self) -> String {
        format!("lab-org.orgspan.{}", self.domain)
    }

    /// Makes a user as a control request describes it, or makes the one of that id anew.
    pub(super) fn add(&mut self, body: &Value, rng: &mut Rng) -> Result<User, Unusable> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let id = text("userId").unwrap_or_else(|| rng.uuid());
        let local: String = rng.uuid().chars().filter(char::is_ascii_hexdigit).take(24).collect();
        let jid = match text("jid") {
            Some(jid) => jid,
            None => format!("{local}@{}", self.org_domain()),
        };
        let user = User {
            name: text("name").unwrap_or_else(|| "Lab Agent".to_owned()),
            token: text("token").unwrap_or_else(|| format!("lab-token-{}", rng.uuid())),
            jid: jid.parse::<Jid>().map_err(|_| Unusable::Address)?.bare(),
            station: Station::from_control(body.get("station"), rng),
            belongings: Belongings::default(),
            id,
        };
        self.put(user.clone())?;
        Ok(user)
    }

    /// Adds a user, or changes one to be as given from now on.
    pub(super) fn put(&mut self, user: User) -> Result<(), Unusable> {
        let lengths = [(&user.id, MAX_NAME), (&user.name, MAX_NAME), (&user.token, MAX_TOKEN)];
        if lengths.into_iter().any(|(text, most)| text.len() > most)
            || user.jid.as_str().len() > MAX_NAME
        {
            return Err(Unusable::Length);
        }
        if user.id.is_empty() || user.token.is_empty() {
            return Err(Unusable::Empty);
        }
        // Whoever logs in must be one user.
        if self.by_token.of(&user.token).any(|other| *other != user.id) {
            return Err(Unusable::TokenTaken);
        }
        if self.by_jid.of(&user.jid).any(|other| *other != user.id) {
            return Err(Unusable::AddressTaken);
        }
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&user.id) {
            return Err(Unusable::TooMany);
        }
        self.by_token.set(&user.id, Some(user.token.clone()));
        self.by_jid.set(&user.id, Some(user.jid.clone()));
        let station = user.station.as_ref().map(|station| station.id.clone());
        self.by_station.set(&user.id, station);
        self.users.insert(user.id.clone(), user);
        Ok(())
    }

    /// All users, as the control API tells them.
    pub(super) fn body(&self) -> Value {
        self.users.values().map(User::control_body).collect()
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    pub(super) fn by_token(&self, token: &str) -> Option<&User> {
        self.user(self.by_token.of(token).next()?)
    }

    pub(super) fn by_jid(&self, jid: &Jid) -> Option<&User> {
        self.user(self.by_jid.of(&jid.bare()).next()?)
    }

    pub(super) fn by_station(&self, station: &str) -> Option<(&User, &Station)> {
        let user = self.user(self.by_station.of(station).next()?)?;
        Some((user, user.station.as_ref()?))
    }

    /// A new channel. The user's oldest goes when there are too many.
    pub(super) fn open_channel(&mut self, user: &str, rng: &mut Rng) -> String {
        let own = || self.channels.iter().filter(|(_, c)| c.user == user);
        if own().count() >= MAX_CHANNELS
            && let Some(oldest) = own().min_by_key(|(_, c)| c.made).map(|(id, _)| id.clone())
        {
            self.close_channel(&oldest);
        }
        self.made += 1;
        let tail: String = rng.uuid().chars().filter(char::is_ascii_hexdigit).take(24).collect();
        let id = format!("streaming-0-{tail}");
        let channel =
            Channel { user: user.to_owned(), topics: BTreeSet::new(), conn: None, made: self.made };
        self.channels.insert(id.clone(), channel);
        id
    }

    /// Forgets channels, of one user or of all. How many.
    pub(super) fn expire_channels(&mut self, user: Option<&str>) -> usize {
        let gone = |channel: &Channel| user.is_none_or(|user| channel.user == user);
        let gone: Vec<_> =
            self.channels.iter().filter(|(_, c)| gone(c)).map(|(id, _)| id.clone()).collect();
        for id in &gone {
            self.close_channel(id);
        }
        gone.len()
    }

    fn close_channel(&mut self, id: &str) {
        self.forget_topics(id);
        self.channels.remove(id);
    }

    /// True if there is such a topic: of any user, or of a conversation.
    pub(super) fn knows_topic(&self, topic: &str) -> bool {
        topics::is_known(topic, |user| self.user(user).is_some())
    }

    /// Adds a topic to a channel. False at the limit.
    pub(super) fn subscribe(&mut self, id: &str, topic: &str) -> bool {
        let Some(channel) = self.channels.get_mut(id) else { return false };
        if channel.topics.len() >= MAX_TOPICS && !channel.topics.contains(topic) {
            return false;
        }
        channel.topics.insert(topic.to_owned());
        self.listening.add(topic, id.to_owned());
        true
    }

    /// A channel listens to nothing any more.
    pub(super) fn forget_topics(&mut self, id: &str) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        let id = id.to_owned();
        for topic in std::mem::take(&mut channel.topics) {
            self.listening.remove(&topic, &id);
        }
    }

    /// The sockets of the channels that listen to a topic.
    pub(super) fn listeners(&self, topic: &str) -> impl Iterator<Item = ConnId> {
        self.listening.of(topic).filter_map(|id| self.channels.get(id)?.conn)
    }
}

impl Channel {
    pub(super) fn topics(&self) -> impl Iterator<Item = &String> {
        self.topics.iter()
    }
}

impl Station {
    /// `null` is none; a user without a word on it has an ordinary phone.
    pub(super) fn from_control(station: Option<&Value>, rng: &mut Rng) -> Option<Self> {
        let word = match station {
            Some(Value::Null) => return None,
            Some(word) => word.clone(),
            None => json!({}),
        };
        Some(Self {
            id: rng.uuid(),
            line: rng.uuid(),
            persistent: word["persistent"].as_bool().unwrap_or_default(),
            line_appearances: word["lineAppearances"].as_u64().unwrap_or(1) as u32,
            force_turn: word["forceTurn"].as_bool().unwrap_or_default(),
        })
    }

    /// True if all calls share one media session.
    pub(super) fn has_one_line(&self) -> bool {
        self.line_appearances <= 1
    }

    /// True if a media session may carry one call after another.
    pub(super) fn shares(&self) -> bool {
        self.persistent || self.has_one_line()
    }

    pub(super) fn body(&self, user: &User) -> Value {
        json!({
            "id": self.id, "name": format!("{}'s WebRTC Phone", user.name),
            "status": "AVAILABLE", "userId": user.id, "webRtcUserId": user.id,
            "type": "inin_webrtc_softphone", "lineAppearanceId": self.line,
            "webRtcMediaDscp": 46, "webRtcPersistentEnabled": self.persistent,
            "webRtcForceTurn": self.force_turn,
            "webRtcCallAppearances": self.line_appearances,
            "selfUri": format!("/api/v2/stations/{}", self.id),
        })
    }
}

impl User {
    pub(super) fn body(&self, with_station: bool) -> Value {
        let mail = format!("{}@lab.invalid", self.id);
        let mut body = json!({
            "id": self.id, "name": self.name, "email": mail, "username": mail,
            "state": "active", "version": 1, "chat": {"jabberId": self.jid.as_str()},
            "division": {"id": ORG, "name": ""}, "department": "", "acdAutoAnswer": false,
            "selfUri": format!("/api/v2/users/{}", self.id),
        });
        if with_station {
            body["station"] = match &self.station {
                None => json!({}),
                Some(station) => {
                    let own = json!({
                        "id": station.id, "name": format!("{}'s WebRTC Phone", self.name),
                        "type": "inin_webrtc_softphone", "associatedUser": {"id": self.id},
                        "defaultUser": {"id": self.id},
                        "webRtcCallAppearances": station.line_appearances,
                    });
                    json!({"associatedStation": own, "effectiveStation": own})
                }
            };
        }
        body
    }

    /// The user as `POST /control/users` answers.
    pub(super) fn control_body(&self) -> Value {
        json!({
            "userId": self.id, "name": self.name, "token": self.token,
            "jid": self.jid.as_str(), "stationId": self.station.as_ref().map(|s| &s.id),
            "orgId": ORG,
        })
    }
}
