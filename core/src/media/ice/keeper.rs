//! The upkeep of an address that is lent: refreshes (RFC 8656 section 7), also where a server lends for less time than
//! the crate's client believes in, and a question when nothing comes by it any more.
//!
//! A server that begins anew knows nothing of what it lent, and does not say so: what it gets for that is dropped. It
//! says so when it is asked for a refresh. So does one that a NAT shows us from another address.

use std::time::{Duration, Instant};

use stun_proto::auth::LongTermClientAuth;
use turn_types::attribute::Lifetime;
use turn_types::message::{ALLOCATE, REFRESH};
use turn_types::stun::attribute::{
    Attribute as _, AttributeStaticType as _, ErrorCode, Fingerprint, MessageIntegrity,
    MessageIntegritySha256,
};
use turn_types::stun::message::{
    LongTermCredentials, Message, MessageClass, MessageType, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec, TransactionId,
};

/// The time for which an address is asked for.
const WANTED: u32 = 1800;
/// The time that the crate's client is told of, so that it leaves refreshes to us.
const FOR_EVER: u32 = 1 << 30;
/// The time before the end of a lifetime at which it is refreshed; half of one that is short.
const EARLY: Duration = Duration::from_secs(60);
/// The shortest lifetime that is believed.
const SHORTEST: Duration = Duration::from_secs(4);
/// The time until a request is sent again at first, which doubles up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));
/// The time after which a server over a stream that answers nothing is given up: the stream stands still.
const STALL: Duration = Duration::from_secs(2);
/// And one over UDP, whose packets may come through again.
const SILENCE: Duration = Duration::from_secs(30);
/// The time without a packet after which the server is asked whether it still lends the address: at first, and at
/// most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(10));
/// The time after which there is less patience again, while packets come.
const CALM: Duration = Duration::from_secs(5);
/// The time for which an answer is waited when the address is given back.
const GOODBYE: Duration = Duration::from_secs(1);
/// New nonces that are taken for one request, one after the other.
const MAX_NONCES: u32 = 4;

/// The news of a server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The answer was to another's request.
    NotOurs,
    /// The address is lent for longer, or it is asked again.
    Yes,
    /// It is lent no more: by this code, if the server said one. Also where it was given back.
    No(Option<u16>),
}

/// A request under way.
#[derive(Debug)]
struct Asked {
    id: TransactionId,
    packet: Vec<u8>,
    next: Instant,
    pause: Duration,
    until: Instant,
    nonces: u32,
    /// The time for which the address is asked for; none to give it back.
    seconds: u32,
}

/// See the [module](self).
pub(super) struct Keeper {
    /// It hears what the crate's client hears.
    auth: LongTermClientAuth,
    over_stream: bool,
    lifetime: Duration,
    /// None before there is an address.
    expires: Option<Instant>,
    asked: Option<Asked>,
    /// The last packet that came by the address, or the first that was sent by it; none before either.
    heard: Option<Instant>,
    patience: Duration,
    calm_since: Instant,
}

impl Keeper {
    pub(super) fn new(username: &str, password: &str, over_stream: bool, now: Instant) -> Self {
        let mut auth = LongTermClientAuth::new();
        auth.set_credentials(LongTermCredentials::new(username.to_owned(), password.to_owned()));
        Self {
            auth,
            over_stream,
            lifetime: Duration::ZERO,
            expires: None,
            asked: None,
            heard: None,
            patience: PATIENCE.0,
            calm_since: now,
        }
    }

    /// Takes a message of the server's, whoever asked for it. `None` where nobody else should see it.
    pub(super) fn look(&mut self, now: Instant, message: &Message<'_>) -> Kept {
        let is_ours = self
            .asked
            .as_ref()
            .is_some_and(|asked| message.is_response() && asked.id == message.transaction_id());
        let valid = message.is_response().then(|| self.auth.validate_incoming_message(message));
        if !is_ours {
            return Kept::NotOurs;
        }
        if message.has_class(MessageClass::Success) {
            // One that is not signed is not the server's.
            if valid.is_some_and(|valid| valid.is_ok()) {
                let seconds = self.asked.take().map_or(WANTED, |asked| asked.seconds);
                if seconds == 0 {
                    return Kept::No(None);
                }
                self.patience = (2 * self.patience).min(PATIENCE.1);
                self.heard = self.heard.map(|_| now);
                self.lives(now, message);
            }
            return Kept::Yes;
        }
        let code = message.attribute::<ErrorCode>().ok().map(|error| error.code());
        if let Some(asked) = self.asked.take()
            && code == Some(ErrorCode::STALE_NONCE)
            && asked.nonces < MAX_NONCES
        {
            // Giving back has no more time than it had.
            let until = if asked.seconds == 0 { asked.until } else { now + self.limit() };
            self.ask_with(now, asked.seconds, until, asked.nonces + 1);
            return Kept::Yes;
        }
        Kept::No(code)
    }

    /// Takes the answer by which the address is lent: the same one with a lifetime that has no end, for the crate's
    /// client. `None` where it is not signed by the server, or cannot be told so.
    pub(super) fn lent(&mut self, now: Instant, message: &Message<'_>) -> Option<Vec<u8>> {
        self.lives(now, message);
        let kind = MessageType::from_class_method(MessageClass::Success, ALLOCATE);
        let id = message.transaction_id();
        let mut told = Message::builder(kind, id, MessageWriteVec::new());
        let signs = [
            MessageIntegrity::TYPE,
            MessageIntegritySha256::TYPE,
            Fingerprint::TYPE,
            Lifetime::TYPE,
        ];
        for (_, attribute) in message.iter_attributes() {
            if !signs.contains(&attribute.get_type()) {
                told.add_attribute(&attribute).ok()?;
            }
        }
        told.add_attribute(&Lifetime::new(FOR_EVER)).ok()?;
        Some(self.auth.sign_outgoing_message(told).ok()?.finish())
    }

    /// Takes the lifetime of an answer.
    fn lives(&mut self, now: Instant, message: &Message<'_>) {
        let told = message.attribute::<Lifetime>().map_or(WANTED, |lifetime| lifetime.seconds());
        self.lifetime = Duration::from_secs(u64::from(told.min(FOR_EVER))).max(SHORTEST);
        self.expires = Some(now + self.lifetime);
    }

    /// The time without a packet after which it is asked why; none before the first one either way.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.heard.map(|_| self.patience)
    }

    /// A packet is sent by the address. From the first one on something should come by it.
    pub(super) fn said(&mut self, now: Instant) {
        self.heard.get_or_insert(now);
    }

    /// A packet came by the address.
    pub(super) fn heard(&mut self, now: Instant) {
        let gap = self.heard.map(|last| now.saturating_duration_since(last));
        if gap.is_none_or(|gap| 2 * gap > self.patience) {
            self.calm_since = now;
        } else if now.saturating_duration_since(self.calm_since) >= CALM {
            self.patience = (self.patience / 2).max(PATIENCE.0);
            self.calm_since = now;
        }
        self.heard = Some(now);
    }

    /// Asks whether the address is still lent, unless it is being asked.
    pub(super) fn ask(&mut self, now: Instant) {
        if self.asked.is_none() {
            self.ask_with(now, WANTED, now + self.limit(), 0);
        }
    }

    /// Gives the address back, whatever is being asked. The crate's client has a request for that, too, which it may
    /// hold back for longer than it lives.
    pub(super) fn give_back(&mut self, now: Instant) {
        self.ask_with(now, 0, now + GOODBYE, 0);
    }

    /// The longest that an answer is waited for.
    fn limit(&self) -> Duration {
        if self.over_stream { STALL } else { SILENCE }
    }

    /// A request to be lent the address for so many seconds. None where it cannot be written.
    fn request(&mut self, seconds: u32) -> Option<(TransactionId, Vec<u8>)> {
        let mut request = Message::builder_request(REFRESH, MessageWriteVec::new());
        let id = request.transaction_id();
        request.add_attribute(&Lifetime::new(seconds)).ok()?;
        Some((id, self.auth.sign_outgoing_message(request).ok()?.finish()))
    }

    fn ask_with(&mut self, now: Instant, seconds: u32, until: Instant, nonces: u32) {
        let Some((id, packet)) = self.request(seconds) else { return };
        let (next, pause) = (now, PAUSE.0);
        self.asked = Some(Asked { id, packet, next, pause, until, nonces, seconds });
    }

    /// The time at which it is to be refreshed.
    fn refresh_at(&self) -> Option<Instant> {
        let early = EARLY.min(self.lifetime / 2);
        self.expires.and_then(|expires| expires.checked_sub(early))
    }

    /// The time at which it is to be asked why nothing comes.
    fn doubt_at(&self) -> Option<Instant> {
        self.heard.map(|heard| heard + self.patience)
    }

    /// A request that is to be sent now, and whether the address is still lent.
    pub(super) fn poll(&mut self, now: Instant) -> (Option<Vec<u8>>, Kept) {
        if self.expires.is_none() {
            return (None, Kept::Yes);
        }
        if self.next_wake().is_some_and(|at| at <= now) {
            self.ask(now);
        }
        let is_over = self.expires.is_some_and(|at| at <= now);
        let Some(asked) = &mut self.asked else { return (None, Kept::Yes) };
        if is_over || asked.until <= now {
            return (None, Kept::No(None));
        }
        if now < asked.next {
            return (None, Kept::Yes);
        }
        asked.next = now + asked.pause;
        asked.pause = (2 * asked.pause).min(PAUSE.1);
        // A stream loses nothing: what was sent is on its way.
        if self.over_stream {
            asked.next = asked.until;
        }
        (Some(asked.packet.clone()), Kept::Yes)
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        let expires = self.expires?;
        let next = match &self.asked {
            Some(asked) => Some(asked.next.min(asked.until)),
            None => self.refresh_at().into_iter().chain(self.doubt_at()).min(),
        };
        Some(next.map_or(expires, |next| next.min(expires)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn keeper() -> Keeper {
        let mut keeper = Keeper::new("alice", "pa55word", false, epoch());
        keeper.lifetime = Duration::from_secs(600);
        keeper.expires = Some(epoch() + keeper.lifetime);
        keeper
    }

    fn asks(keeper: &mut Keeper, now: Instant) -> bool {
        let asks = keeper.poll(now).0.is_some();
        keeper.asked = None;
        asks
    }

    #[test]
    fn it_doubts_when_nothing_comes_but_not_where_nothing_ever_came() {
        let mut silent = keeper();
        assert_eq!(silent.next_wake(), Some(epoch() + Duration::from_secs(540)));
        assert!(!asks(&mut silent, epoch() + Duration::from_secs(500)));
        silent.heard(epoch());
        assert_eq!(silent.next_wake(), Some(epoch() + MS(300)));
        assert!(asks(&mut silent, epoch() + MS(300)));
    }

    #[test]
    fn patience_grows_with_vain_questions_and_goes_while_packets_come() {
        let mut keeper = keeper();
        keeper.patience = PATIENCE.1;
        let mut now = epoch();
        for _ in 0..3000 {
            now += MS(20);
            keeper.heard(now);
        }
        assert!(keeper.patience < MS(330), "{:?}", keeper.patience);
        // Speech with pauses of 400 ms is no reason to ask each time.
        keeper.patience = MS(600);
        let mut questions = 0;
        for _ in 0..150 {
            now += MS(400);
            questions += u32::from(asks(&mut keeper, now));
            keeper.heard(now);
        }
        assert_eq!((questions, keeper.patience), (0, MS(600)));
    }

    #[test]
    fn rfc_8656_7_a_short_lifetime_is_refreshed_half_way() {
        let mut keeper = keeper();
        keeper.lifetime = Duration::from_secs(30);
        keeper.expires = Some(epoch() + keeper.lifetime);
        assert_eq!(keeper.next_wake(), Some(epoch() + Duration::from_secs(15)));
        let late = epoch() + Duration::from_secs(30);
        assert!(keeper.poll(epoch() + Duration::from_secs(15)).0.is_some());
        assert_eq!(keeper.poll(late).1, Kept::No(None), "over");
    }
}
