//! Speech: words that are numbered, who says them, and who hears them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::machine::MediaId;
use offhook::media::AudioFrame;
use offhook::ribbon::{CallId, CallInfo, CallState, Command, Event, TrackId};
use offhook::sdp::Direction;

use crate::world::{PhoneId, frame_number};

/// A call is heard both ways so long after it connects, and so long after the last word that was.
const SOON: Duration = Duration::from_secs(10);
/// Words that were under way when a call was held come until then.
const UNDER_WAY: Duration = Duration::from_secs(2);
/// A hold that ends is told this late, where the answer to what we said waits for a slow network: until then words
/// come that both sides agreed on.
const LATE: Duration = Duration::from_secs(60);
/// Words said without an answer before one is missed.
const FEW: u32 = 3;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// Words, and who has heard them.
    words: BTreeMap<u64, BTreeSet<(PhoneId, MediaId)>>,
    calls: BTreeMap<(PhoneId, CallId), Ear>,
    /// The call of each media, and its direction as it was agreed on last.
    of: BTreeMap<(PhoneId, MediaId), (CallId, Direction)>,
    /// Tracks that are muted, held or not.
    muted: BTreeMap<PhoneId, BTreeSet<TrackId>>,
    /// The end of the last disturbance of a phone's way, or of all.
    disturbed: BTreeMap<Option<PhoneId>, Duration>,
    /// All that was heard.
    pub(super) heard: u64,
}

/// A call that may be spoken in.
#[derive(Debug)]
struct Ear {
    state: CallState,
    /// True if the far side says what it hears.
    echoes: bool,
    /// The time since which it is as it is.
    since: Duration,
    /// The time of the last word.
    heard: Option<Duration>,
    /// Words said since then.
    said: u32,
}

impl Hearing {
    /// Takes note of calls that come, change and go.
    pub(super) fn told(&mut self, at: Duration, phone: PhoneId, event: &Event) {
        match event {
            Event::CallState { call, .. } => self.called(at, phone, call),
            Event::MediaAgreed { call, media, agreement } => {
                self.of.insert((phone, *media), (call.clone(), agreement.direction));
            }
            Event::Operation { call, .. } => self.changes(at, phone, call),
            Event::MediaRestarted { call } => self.changes(at, phone, call),
            Event::MediaConnection { call, .. } => self.changes(at, phone, call),
            _ => {}
        }
    }

    fn called(&mut self, at: Duration, phone: PhoneId, call: &CallInfo) {
        let key = (phone, call.id.clone());
        if call.state.is_final() {
            self.calls.remove(&key);
            return;
        }
        let number = call.remote.display_number.as_deref().unwrap_or_default();
        let echoes = number.ends_with("@far.test");
        let new = Ear { state: call.state, echoes, since: at, heard: None, said: 0 };
        let ear = self.calls.entry(key).or_insert(new);
        if ear.state != call.state || ear.echoes != echoes {
            *ear = Ear { state: call.state, echoes, since: at, heard: ear.heard, said: 0 };
        }
    }

    fn changes(&mut self, at: Duration, phone: PhoneId, call: &CallId) {
        if let Some(ear) = self.calls.get_mut(&(phone, call.clone())) {
            (ear.since, ear.said) = (at, 0);
        }
    }

    /// Takes note of commands that let nobody be heard.
    pub(super) fn asked(&mut self, at: Duration, phone: PhoneId, command: &Command) {
        let muted = self.muted.entry(phone).or_default();
        match command {
            Command::MuteTracks { tracks } => muted.extend(tracks.iter().cloned()),
            Command::UnmuteTracks { tracks } => {
                muted.retain(|track| !tracks.contains(track));
                // What was said before says nothing of what is heard from now on.
                for ((of, _), ear) in &mut self.calls {
                    if *of == phone && ear.state == CallState::Connected {
                        (ear.since, ear.said) = (at, 0);
                    }
                }
            }
            _ => {}
        }
    }

    /// The way of a phone, or of all, is disturbed until then.
    pub(super) fn disturbed(&mut self, phone: Option<PhoneId>, until: Duration) {
        let whole = self.disturbed.entry(phone).or_default();
        *whole = until.max(*whole);
    }

    /// The time since which the way of a phone is undisturbed.
    fn whole_since(&self, phone: PhoneId) -> Duration {
        let of = |phone: Option<PhoneId>| self.disturbed.get(&phone).copied().unwrap_or_default();
        of(None).max(of(Some(phone)))
    }

    fn ear(&mut self, phone: PhoneId, media: MediaId) -> Option<&mut Ear> {
        let (call, _) = self.of.get(&(phone, media))?;
        self.calls.get_mut(&(phone, call.clone()))
    }

    fn direction(&self, phone: PhoneId, media: MediaId) -> Direction {
        self.of.get(&(phone, media)).map_or(Direction::Inactive, |(_, direction)| *direction)
    }

    /// No. 17: while all is well, whoever speaks is heard, and hears.
    pub(super) fn spoke(
        &mut self,
        at: Duration,
        phone: PhoneId,
        media: MediaId,
        frame: &AudioFrame,
    ) -> Result<(), String> {
        if let Ok(Some(number)) = frame_number(frame) {
            self.words.insert(number, BTreeSet::new());
        }
        let is_muted = self.muted.get(&phone).is_some_and(|muted| !muted.is_empty());
        let goes_both_ways = self.direction(phone, media) == Direction::SendRecv;
        let whole = self.whole_since(phone);
        let Some(ear) = self.ear(phone, media) else { return Ok(()) };
        if is_muted || !goes_both_ways || ear.state != CallState::Connected || !ear.echoes {
            ear.said = 0;
            return Ok(());
        }
        // Of a way that was lost before anything came by it nobody can know.
        if ear.heard.is_none() && whole > ear.since {
            return Ok(());
        }
        let last = ear.heard.unwrap_or_default().max(ear.since).max(whole);
        ear.said += 1;
        match ear.said > FEW && at > last + SOON {
            true => Err(format!("phone {}: nothing is heard on {media:?} since {last:?}", phone.0)),
            false => Ok(()),
        }
    }

    /// No. 17: what is heard was said, is heard once, and not while anybody holds the call.
    pub(super) fn hear(
        &mut self,
        at: Duration,
        phone: PhoneId,
        media: MediaId,
        frame: &AudioFrame,
    ) -> Result<(), String> {
        let Some(number) = frame_number(frame)? else { return Ok(()) };
        let Some(heard) = self.words.get_mut(&number) else {
            return Err(format!("phone {} hears word {number}, which nobody said", phone.0));
        };
        if !heard.insert((phone, media)) {
            return Err(format!("phone {} hears word {number} twice on {media:?}", phone.0));
        }
        self.heard += 1;
        let direction = self.direction(phone, media);
        let Some(ear) = self.ear(phone, media) else { return Ok(()) };
        (ear.heard, ear.said) = (Some(at), 0);
        let until = match direction {
            // Whoever holds may let others be heard instead.
            Direction::RecvOnly => return Ok(()),
            Direction::SendRecv => LATE,
            Direction::SendOnly | Direction::Inactive => UNDER_WAY,
        };
        match ear.state == CallState::OnHold && at > ear.since + until {
            true => Err(format!("phone {} hears word {number} on {media:?} while held", phone.0)),
            false => Ok(()),
        }
    }

    /// True if something was heard in this call within the last ten seconds.
    pub(super) fn hears(&self, at: Duration, phone: PhoneId, call: &CallId) -> bool {
        let ear = self.calls.get(&(phone, call.clone()));
        ear.and_then(|ear| ear.heard).is_some_and(|heard| at <= heard + SOON)
    }
}
