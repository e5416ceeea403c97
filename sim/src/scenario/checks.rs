//! Invariants of every run, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::genesys::{Command, ConversationId, Error, ErrorKind, Event, Outcome};
use offhook::machine::{CommandId, MediaId};
use offhook::media::AudioFrame;

use super::asked::{Asked, Change, Wish, may_wake};
use super::books::Books;
use super::claim::Claim;
use super::finding::Finding;
use super::invariant::Invariant;
use super::news::News;
use super::rooms::Watch;
use crate::genesys::Stand;
use crate::world::{Observer, PhoneId, Seen, frame_number};

/// Words remembered until they are heard; the oldest are forgotten.
const MAX_SPOKEN: usize = 10_000;

/// The name of an invariant.
const IN_TIME: &str = "every command is answered in time";
/// No customer presses the same key again within this, in working hours.
const TWICE: Duration = Duration::from_secs(2);

/// A word on its way.
#[derive(Debug)]
struct Spoken {
    /// True once it arrived.
    heard: bool,
    /// Calls of the speaker's that must not hear it.
    deaf: BTreeSet<ConversationId>,
}

/// All invariants of a run, and the first violation.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) books: Vec<Books>,
    /// The service's words to each client about what rings.
    news: Vec<News>,
    spoken: BTreeMap<u64, Spoken>,
    /// True if some application says sounds of its own, which are no words.
    own_sounds: bool,
    /// Words of the speech test that were not heard yet.
    pub(super) awaited: BTreeMap<u64, String>,
    pub(super) heard: u64,
    /// The listeners who have heard a word since nothing gets lost any more, if that is so.
    pub(super) lossless: Option<BTreeSet<String>>,
    /// Keys told, by where they were pressed, while that is looked at.
    pub(super) keys: Option<BTreeMap<(PhoneId, Option<MediaId>), String>>,
    /// The rules of rooms, where there are any.
    pub(super) rooms: Option<Watch>,
    pub(super) own: Vec<Box<dyn Invariant>>,
    pub(super) finding: Option<Finding>,
    /// True if nothing goes wrong in this world, so that everything is done promptly.
    pub(super) quiet: bool,
    /// Numbers whose dialling failed for the application: what still comes of it nobody waits for.
    pub(super) failed_dials: BTreeSet<String>,
    /// The claims that must be true once this instant is over.
    claims: Vec<(Duration, PhoneId, Claim)>,
    /// The change that was confirmed just now.
    confirmed: Option<Change>,
    /// The time since when each phone is connected.
    online: BTreeMap<PhoneId, Duration>,
    /// The last words that were heard.
    heard_by_agents: BTreeMap<(PhoneId, MediaId), Duration>,
    heard_by_customers: BTreeMap<ConversationId, Duration>,
    pub(super) tally: Tally,
}

/// The numbers of things seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) rang: u64,
    pub(super) sessions: u64,
    pub(super) connected: u64,
    pub(super) cancelled: u64,
    pub(super) elsewhere: u64,
    pub(super) replaced: u64,
    pub(super) reconnects: u64,
    pub(super) malformed: u64,
    pub(super) failed_commands: u64,
    pub(super) answered_commands: u64,
}

impl Checks {
    pub(super) fn books(&self, phone: PhoneId) -> &Books {
        &self.books[phone.0]
    }

    fn books_mut(&mut self, phone: PhoneId) -> &mut Books {
        if self.books.len() <= phone.0 {
            self.books.resize_with(phone.0 + 1, Books::default);
        }
        &mut self.books[phone.0]
    }

    fn news_mut(&mut self, phone: PhoneId) -> &mut News {
        if self.news.len() <= phone.0 {
            self.news.resize_with(phone.0 + 1, News::default);
        }
        &mut self.news[phone.0]
    }

    /// Requires something to hold; the first violation is the finding.
    pub(super) fn require(&mut self, at: Duration, invariant: &str, holds: Result<(), String>) {
        if let Err(what) = holds
            && self.finding.is_none()
        {
            self.finding = Some(Finding { at, invariant: invariant.to_owned(), what });
        }
    }

    pub(super) fn look(&mut self, at: Duration, seen: Seen<'_>) {
        while let Some((made, phone, claim)) = self.claims.pop_if(|(made, ..)| *made < at) {
            let holds = claim.check(made, self.books(phone));
            let holds = holds.map_err(|what| format!("phone {}: {what}", phone.0));
            self.require(at, "what is answered is done", holds);
        }
        match seen {
            // Those are looked at in rooms alone.
            Seen::Given { .. }
            | Seen::Wanted { .. }
            | Seen::AgentSent { .. }
            | Seen::RoomSaw { .. } => {}
            Seen::Told { phone, event } => self.told(at, phone, event),
            Seen::Submitted { phone, id, command } => {
                let wish = self.wish_of(phone, command);
                let asked = Asked::new(at, command, wish);
                self.news_mut(phone).asked(at, command);
                let fresh = self.books_mut(phone).commands.insert(id, asked).is_none();
                let holds = if fresh { Ok(()) } else { Err(format!("{id:?} is used twice")) };
                self.require(at, "every command has a name of its own", holds);
            }
            Seen::Completed { phone, id, result } => self.completed(at, phone, id, result),
            Seen::AgentSpoke { phone, media, frame } => self.agent_spoke(phone, media, frame),
            Seen::AgentHeard { phone, media, frame } => self.agent_heard(at, phone, media, frame),
            Seen::CustomerSpoke { conversation, frame } => {
                let id = ConversationId::from(conversation);
                let held = self.books.iter().any(|books| books.is_held(&id));
                let deaf = held.then_some(id).into_iter().collect();
                self.note_spoken(frame, deaf);
            }
            // Which of them arrive is for the evening to see.
            Seen::CustomerPressed { .. } => {}
            Seen::CustomerHeard { conversation, frame } => {
                self.customer_heard(at, conversation, frame);
            }
            Seen::Received { phone, text } => {
                let mut news = std::mem::take(self.news_mut(phone));
                let holds = news.received(at, text, self.books_mut(phone));
                *self.news_mut(phone) = news;
                let holds = holds.map_err(|what| format!("phone {}: {what}", phone.0));
                self.require(at, "what a message says is done at once", holds);
                self.look_for_overdue(at, phone);
            }
            Seen::Woken { phone, reason, wired } => {
                let holds = may_wake(reason, wired);
                let holds = holds.map_err(|what| format!("phone {}: {what}", phone.0));
                self.require(at, "nobody is woken for nothing", holds);
                self.look_for_overdue(at, phone);
            }
            Seen::Slept { phone } => self.books_mut(phone).asleep = true,
            Seen::Resumed { phone } => {
                let books = self.books_mut(phone);
                books.asleep = false;
                books.commands.values_mut().for_each(|asked| asked.woke(at));
                self.news_mut(phone).woke(at);
            }
            Seen::Stands { phone, stand } => self.stands(at, phone, stand),
            Seen::Wrong { what } => {
                self.require(at, "machines keep the contract", Err(what.to_owned()));
            }
        }
        if let Some(rooms) = &mut self.rooms
            && let Err((rule, what)) = rooms.see(at, seen)
        {
            self.require(at, rule, Err(what));
        }
        let mut own = std::mem::take(&mut self.own);
        for invariant in &mut own {
            let holds = invariant.see(at, seen);
            self.require(at, invariant.name(), holds);
        }
        self.own = own;
    }

    /// The time since when a phone is connected; none where it is not.
    pub(super) fn online(&self, phone: PhoneId) -> Option<Duration> {
        self.online.get(&phone).copied()
    }

    pub(super) fn agent_heard_at(&self, phone: PhoneId, media: MediaId) -> Option<Duration> {
        self.heard_by_agents.get(&(phone, media)).copied()
    }

    pub(super) fn customer_heard_at(&self, conversation: &ConversationId) -> Option<Duration> {
        self.heard_by_customers.get(conversation).copied()
    }

    fn told(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        match event {
            Event::Connected { .. } => drop(self.online.insert(phone, at)),
            Event::Disconnected { .. } => drop(self.online.remove(&phone)),
            _ => {}
        }
        match event {
            Event::Connected { reconnect: true } => self.tally.reconnects += 1,
            Event::PendingSession(_) => self.tally.rang += 1,
            Event::CancelPendingSession { .. } => self.tally.cancelled += 1,
            Event::HandledPendingSession { .. } => self.tally.elsewhere += 1,
            Event::SessionStarted(_) => self.tally.sessions += 1,
            Event::SessionReplaced { .. } => self.tally.replaced += 1,
            Event::CallConnected { .. } => self.tally.connected += 1,
            Event::Malformed { .. } => self.tally.malformed += 1,
            _ => {}
        }
        self.key_heard(at, phone, event);
        if let Some(claim) = Claim::of(event) {
            self.claims.push((at, phone, claim));
        }
        self.news_mut(phone).told(at, event);
        let holds = self.books_mut(phone).enter(event);
        let holds = holds.map_err(|what| format!("phone {}: {what}", phone.0));
        self.require(at, "everything begins once and ends once", holds);
    }

    fn completed(
        &mut self,
        at: Duration,
        phone: PhoneId,
        id: CommandId,
        result: &Result<Outcome, Error>,
    ) {
        match result {
            Ok(_) => self.tally.answered_commands += 1,
            Err(_) => self.tally.failed_commands += 1,
        }
        let quiet = self.quiet;
        let books = self.books_mut(phone);
        let Some(asked) = books.commands.remove(&id) else {
            let what = format!("phone {}: {id:?} is answered without being asked", phone.0);
            return self.require(at, "every command is answered once", Err(what));
        };
        let overdue = !books.asleep && asked.is_overdue(at, quiet);
        let claim = result.as_ref().ok().and_then(|_| Claim::of_answer(&asked));
        let failed_dial = asked.dials().filter(|_| result.is_err()).map(str::to_owned);
        let wish = asked.wish.filter(|wish| result.is_ok() && !wish.contested);
        let change = wish.map(|wish| wish.change);
        if let Some(change) = &change {
            books.confirm(change.clone());
        }
        self.confirmed = change;
        self.failed_dials.extend(failed_dial);
        self.claims.extend(claim.map(|claim| (at, phone, claim)));
        let late = || Err(format!("phone {}: {id:?} is answered late", phone.0));
        self.require(at, IN_TIME, if overdue { late() } else { Ok(()) });
        let failed = match result {
            Err(error) if quiet && error.kind == ErrorKind::Timeout => {
                Err(format!("phone {}: {id:?}: {error}", phone.0))
            }
            _ => Ok(()),
        };
        self.require(at, "nothing times out where nothing is wrong", failed);
    }

    /// Checks that every command of a phone is answered within its limit.
    fn look_for_overdue(&mut self, at: Duration, phone: PhoneId) {
        let quiet = self.quiet;
        let commands = &self.books_mut(phone).commands;
        let overdue = commands.iter().find(|(_, asked)| asked.is_overdue(at, quiet));
        if let Some((id, _)) = overdue {
            let what = format!("phone {}: {id:?} is not answered for too long", phone.0);
            self.require(at, IN_TIME, Err(what));
        }
    }

    /// Checks how the service has a call whose change it has just confirmed.
    fn stands(&mut self, at: Duration, phone: PhoneId, stand: &Stand) {
        let Stand { conversation: id, muted, held } = stand;
        let (muted, held) = (*muted, *held);
        let Some(change) = self.confirmed.take().filter(|change| change.call() == id) else {
            return;
        };
        // It holds all calls but the one that was connected or resumed last.
        let alone = self.books.iter().map(|books| books.talking.len()).sum::<usize>() == 1
            && self.books.iter().all(|books| books.ringing.is_empty());
        if matches!(change, Change::Hold(_, false)) && !alone || change.is(muted, held) {
            return;
        }
        let what = format!(
            "phone {}: {change:?} is confirmed; muted {muted}, held {held} in the service",
            phone.0
        );
        self.require(at, "what is answered is done", Err(what));
    }

    // Speech

    fn note_spoken(&mut self, frame: &AudioFrame, deaf: BTreeSet<ConversationId>) {
        let Ok(Some(number)) = frame_number(frame) else { return };
        if self.spoken.len() >= MAX_SPOKEN {
            self.spoken.pop_first();
        }
        self.spoken.insert(number, Spoken { heard: false, deaf });
    }

    /// Somebody else changes a call: what was confirmed of it holds no longer.
    pub(super) fn touched(&mut self, conversation: &str) {
        let id = ConversationId::from(conversation);
        for books in &mut self.books {
            books.muted.remove(&id);
            books.held.remove(&id);
            let wishes = books.commands.values_mut().filter_map(|asked| asked.wish.as_mut());
            for wish in wishes.filter(|wish| *wish.change.call() == id) {
                wish.contested = true;
            }
        }
    }

    /// The change that a command is to make. From now on nothing is confirmed of that call, on
    /// whatever phone it was: a user may have two.
    fn wish_of(&mut self, phone: PhoneId, command: &Command) -> Option<Wish> {
        let change = Change::of(command)?;
        let mut contested = false;
        for (number, books) in self.books.iter_mut().enumerate() {
            match &change {
                Change::Mute(call, _) => books.muted.remove(call),
                Change::Hold(call, _) => books.held.remove(call),
            };
            let rivals = books.commands.values_mut().filter_map(|asked| asked.wish.as_mut());
            for rival in rivals.filter(|rival| number != phone.0 && rival.change.is_rival(&change))
            {
                rival.contested = true;
                contested = true;
            }
        }
        Some(Wish { change, contested })
    }

    fn agent_spoke(&mut self, phone: PhoneId, media: MediaId, frame: &AudioFrame) {
        let books = self.books_mut(phone);
        let on = books.calls_on(media);
        let deaf = on.filter(|call| books.is_muted(call) || books.is_held(call)).cloned().collect();
        self.note_spoken(frame, deaf);
        self.own_sounds |= frame_number(frame).is_err();
    }

    /// The number of the word that was heard, if it is one.
    fn understand(&mut self, at: Duration, frame: &AudioFrame) -> Option<u64> {
        let number = frame_number(frame).or_else(|broken| match self.own_sounds {
            true => Ok(None),
            false => Err(broken),
        });
        self.require(at, "what is heard is what was said", number.clone().map(|_| ()));
        number.ok().flatten()
    }

    /// Checks a word that has arrived: once, and while it is looked for losses, after all that were
    /// said before.
    fn note_heard(&mut self, at: Duration, number: u64, frame: &AudioFrame, who: String) {
        self.heard += 1;
        self.awaited.remove(&number);
        let known = self.spoken.get_mut(&number);
        let again = known.is_some_and(|spoken| std::mem::replace(&mut spoken.heard, true));
        let once = if again { Err(format!("{who} hears word {number} twice")) } else { Ok(()) };
        self.require(at, "what is said is heard once", once);
        let Some(begun) = &mut self.lossless else { return };
        let lost = frame.lost_before;
        let holds = match begun.contains(&who) {
            true if lost > 0 => Err(format!("{who} misses {lost} before word {number}")),
            _ => Ok(()),
        };
        begun.insert(who);
        self.require(at, "nothing counts as lost that is not", holds);
    }

    /// Notes a far end's key that was told.
    fn key_heard(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        let Event::Dtmf { session, digit, .. } = event else { return };
        let key = digit.as_char();
        let recent = self.books_mut(phone).keys.entry(session.clone()).or_default();
        recent.retain(|(then, _)| at < *then + TWICE);
        let again = recent.iter().any(|(_, other)| *other == key);
        recent.push((at, key));
        if let Some(keys) = &mut self.keys {
            let media = self.books[phone.0].started.get(session).copied();
            keys.entry((phone, media)).or_default().push(key);
        } else if again {
            let what = format!("phone {}: key {key} is told twice", phone.0);
            self.require(at, "what is pressed is told once", Err(what));
        }
    }

    fn customer_heard(&mut self, at: Duration, conversation: &str, frame: &AudioFrame) {
        let Some(number) = self.understand(at, frame) else { return };
        self.note_heard(at, number, frame, conversation.to_owned());
        // It may have been let go on while the word was on its way.
        let id = ConversationId::from(conversation);
        self.heard_by_customers.insert(id.clone(), at);
        let still = |books: &Books| books.is_muted(&id) || books.is_held(&id);
        let deaf = self.spoken.get(&number).is_some_and(|spoken| spoken.deaf.contains(&id))
            && self.books.iter().any(still);
        let holds = if deaf {
            Err(format!("{conversation} hears word {number}, spoken while held or muted"))
        } else {
            Ok(())
        };
        self.require(at, "nobody is heard while held or muted", holds);
    }

    fn agent_heard(&mut self, at: Duration, phone: PhoneId, media: MediaId, frame: &AudioFrame) {
        let Some(number) = self.understand(at, frame) else { return };
        self.note_heard(at, number, frame, format!("phone {} on {media:?}", phone.0));
        self.heard_by_agents.insert((phone, media), at);
        let deaf = self.spoken.get(&number).is_some_and(|spoken| {
            let books = &self.books[phone.0];
            let mut on = books.calls_on(media).peekable();
            on.peek().is_some() && on.all(|call| spoken.deaf.contains(call) && books.is_held(call))
        });
        let holds = if deaf {
            Err(format!("phone {} hears word {number} of a customer on hold", phone.0))
        } else {
            Ok(())
        };
        self.require(at, "nobody is heard while held or muted", holds);
    }
}

/// Everything that is seen goes to the checks.
impl Observer for Checks {
    fn see(&mut self, at: Duration, seen: Seen<'_>) {
        self.look(at, seen);
    }

    fn has_enough(&self) -> bool {
        self.finding.is_some()
    }
}

#[cfg(test)]
mod tests {
    use offhook::media::AudioCodec;

    use super::*;

    #[test]
    fn a_program_may_say_sounds_of_its_own() {
        let sound = AudioFrame {
            codec: AudioCodec::Pcma,
            time: 0,
            lost_before: 0,
            talkspurt: false,
            data: (0..160).map(|n| n as u8).collect(),
        };
        let (phone, media) = (PhoneId(0), MediaId(1));
        let heard = Seen::CustomerHeard { conversation: "C1", frame: &sound };
        let mut checks = Checks::default();
        checks.look(Duration::ZERO, heard);
        assert!(checks.finding.is_some(), "a broken word");
        let mut checks = Checks::default();
        checks.look(Duration::ZERO, Seen::AgentSpoke { phone, media, frame: &sound });
        checks.look(Duration::ZERO, heard);
        assert_eq!(checks.finding, None);
    }

    /// Found by swarm 9000283, as a false alarm: two phones of one user, one mutes, the other
    /// un-mutes.
    #[test]
    fn what_two_phones_of_a_user_change_is_confirmed_by_whoever_came_last() {
        let (one, two) = (PhoneId(0), PhoneId(1));
        let s = Duration::from_secs;
        let call = ConversationId::from("C1");
        let mute = |muted| Command::SetAudioMute { conversation: call.clone(), muted };
        let done = Ok(Outcome::Done);
        let is_muted = |checks: &Checks| checks.books.iter().any(|books| books.is_muted(&call));
        let submit = |checks: &mut Checks, phone, id, command: &Command| {
            checks.look(s(1), Seen::Submitted { phone, id: CommandId(id), command });
        };
        let complete = |checks: &mut Checks, phone, id| {
            checks.look(s(2), Seen::Completed { phone, id: CommandId(id), result: &done });
        };
        // One after the other: the first holds until the second is asked for.
        let mut checks = Checks::default();
        submit(&mut checks, one, 1, &mute(true));
        complete(&mut checks, one, 1);
        assert!(is_muted(&checks));
        submit(&mut checks, two, 1, &mute(false));
        assert!(!is_muted(&checks));
        complete(&mut checks, two, 1);
        assert!(!is_muted(&checks));
        submit(&mut checks, two, 2, &mute(true));
        complete(&mut checks, two, 2);
        assert!(is_muted(&checks), "and a change by either of them is one");
        // At once: nobody knows which came last, in whatever order they are answered.
        for first in [one, two] {
            let mut checks = Checks::default();
            submit(&mut checks, one, 1, &mute(true));
            submit(&mut checks, two, 2, &mute(false));
            let (first, then) =
                if first == one { ((one, 1), (two, 2)) } else { ((two, 2), (one, 1)) };
            complete(&mut checks, first.0, first.1);
            complete(&mut checks, then.0, then.1);
            assert!(!is_muted(&checks));
        }
        // Holding is another matter than muting.
        let mut checks = Checks::default();
        let hold = Command::SetConversationHeld { conversation: call.clone(), held: true };
        submit(&mut checks, one, 1, &mute(true));
        submit(&mut checks, two, 2, &hold);
        complete(&mut checks, two, 2);
        complete(&mut checks, one, 1);
        assert!(is_muted(&checks));
    }

    #[test]
    fn violations_are_found_and_the_first_one_is_kept() {
        let mut checks = Checks::default();
        let phone = PhoneId(0);
        let id = CommandId(1);
        let command = Command::Connect;
        let s = Duration::from_secs;
        checks.look(s(1), Seen::Submitted { phone, id, command: &command });
        let result = Err(Error::new(ErrorKind::Timeout, "late"));
        checks.look(s(2), Seen::Completed { phone, id, result: &result });
        assert_eq!(checks.finding, None);
        checks.look(s(3), Seen::Completed { phone, id, result: &result });
        let finding = checks.finding.clone().unwrap();
        assert_eq!((finding.at, &*finding.invariant), (s(3), "every command is answered once"));
        checks.look(s(4), Seen::Wrong { what: "later" });
        assert_eq!(checks.finding, Some(finding));
    }
}
