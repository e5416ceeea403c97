//! A telephony headset at the phone: its keys ask for what the keyboard's do, and its lamps show the calls.
//!
//! ```text
//!   Cradle ──Told──> Worn ──Wanted──> phone ──News──> Face ──Seen──> Worn ──Lamps──> Cradle
//! ```
//!
//! The calls are taken as they have become ([`Worn::looks`]), whoever changed them. At a service whose clients agree who has
//! the headset, keys and lamps are used while this phone has it.

mod cradle;
mod handset;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use offhook::headset::{Action, Ask as Wish};
use offhook_hid::Bus;
use smol::channel::Receiver;

use self::cradle::Cradle;
pub(crate) use self::cradle::Told;
pub(crate) use self::handset::Seen;
use self::handset::{Effect, Handset};
use crate::ask::{Act, Ask};
use crate::news::{CallKey, Network, News};
use crate::phone::{Asking, Offers};
use crate::settings::Settings;

/// The side that a person sees: the screen, or lines.
pub(crate) trait Face {
    /// The calls as they are.
    fn seen(&self) -> Vec<Seen>;

    /// Takes what a key asks for, with a word for it. Returns the wish and what is said of it, or none if it cannot be done
    /// now, which is said.
    fn takes(&mut self, call: &CallKey, act: Act, word: &str) -> Option<(Ask, String)>;

    /// Takes that it was done.
    fn did(&mut self, said: &str);

    /// Takes a line for people.
    fn says(&mut self, line: String);

    /// Takes that something does not work.
    fn fails(&mut self, why: &str);
}

/// Something that the phone is asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) ask: Ask,
    pub(crate) by: By,
}

/// The cause of it.
#[derive(Debug)]
pub(crate) enum By {
    /// A key, and what was said of it.
    Key(Wish<CallKey>, String),
    /// The headset came or went: the user's other clients are to know.
    Claim,
}

/// The outcome of something that the phone was asked for.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    Failed(anyhow::Error),
    /// It builds on something that failed, and was not asked for.
    LeftOut,
}

/// The outcomes of one key, in the order of its wishes; or of a claim.
pub(crate) type Outcomes = Vec<(By, Outcome)>;

/// See the [module](self).
pub(crate) struct Worn {
    handset: Handset,
    /// None where no headset is wanted.
    cradle: Option<Cradle>,
    /// The things that were asked for and are not done yet.
    pub(crate) under_way: FuturesUnordered<LocalBoxFuture<'static, Outcomes>>,
}

impl Worn {
    /// The headset of some settings, and what will be told of it.
    ///
    /// # Errors
    ///
    /// There is no thread for it.
    pub(crate) fn new(
        settings: &Settings,
        offers: Offers,
        bus: impl Bus,
    ) -> anyhow::Result<(Self, Receiver<Told>)> {
        if settings.no_headset {
            // Nobody is left to tell of any.
            let (_, told) = smol::channel::bounded(1);
            return Ok((Self::with(offers, None), told));
        }
        let (cradle, told) = Cradle::new(bus)?;
        Ok((Self::with(offers, Some(cradle)), told))
    }

    fn with(offers: Offers, cradle: Option<Cradle>) -> Self {
        let handset = Handset::new(offers.shared_headset);
        Self { handset, cradle, under_way: FuturesUnordered::new() }
    }

    /// Takes what is told of a headset.
    pub(crate) fn told(&mut self, now: Instant, told: Told, face: &mut impl Face) -> Vec<Wanted> {
        let effects = self.handset.told(now, told);
        self.does(now, effects, face)
    }

    /// Takes the calls as they are.
    pub(crate) fn looks(&mut self, now: Instant, face: &mut impl Face) -> Vec<Wanted> {
        if self.cradle.is_none() {
            return Vec::new();
        }
        let effects = self.handset.follow(now, face.seen());
        self.does(now, effects, face)
    }

    /// Takes news, of which some are about who has the headset.
    pub(crate) fn news(&mut self, now: Instant, news: &News, face: &mut impl Face) -> Vec<Wanted> {
        let effects = match news {
            News::Headset(owner) => self.handset.owned(now, *owner),
            News::Network(network) => self.handset.network(now, *network == Network::Up),
            _ => return Vec::new(),
        };
        self.does(now, effects, face)
    }

    /// Begins with what is wanted. The wishes of a key come one after the other: a second call is not answered before the
    /// first is held.
    pub(crate) fn begin(&self, wanted: Vec<Wanted>, mut ask: impl FnMut(Ask) -> Asking) {
        let (keys, claims): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|wanted| matches!(wanted.by, By::Key(..)));
        for batch in claims.into_iter().map(|claim| vec![claim]).chain([keys]) {
            let asked: Vec<_> = batch.into_iter().map(|one| (one.by, ask(one.ask))).collect();
            if !asked.is_empty() {
                self.under_way.push(in_order(asked).boxed_local());
            }
        }
    }

    /// Takes that things were done, or could not be.
    pub(crate) fn done(
        &mut self,
        now: Instant,
        outcomes: Outcomes,
        face: &mut impl Face,
    ) -> Vec<Wanted> {
        let mut effects = Vec::new();
        for outcome in outcomes {
            match outcome {
                (By::Key(_, said), Outcome::Done) => face.did(&said),
                (By::Claim, Outcome::Failed(error)) => face.fails(&format!("headset: {error:#}")),
                (By::Claim, Outcome::Done | Outcome::LeftOut) => {}
                (By::Key(wish, _), Outcome::LeftOut) => {
                    effects.extend(self.handset.refused(now, &wish));
                }
                (By::Key(wish, _), Outcome::Failed(error)) => {
                    face.fails(&format!("{error:#}"));
                    effects.extend(self.handset.refused(now, &wish));
                }
            }
        }
        self.does(now, effects, face)
    }

    /// The headset and its state in words, if there is one.
    pub(crate) fn words(&self) -> Option<String> {
        self.handset.words()
    }

    fn does(&mut self, now: Instant, effects: Vec<Effect>, face: &mut impl Face) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        // What builds on something that cannot be done is not done either.
        let mut stops = false;
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Show(lamps) => {
                    if let Some(cradle) = &self.cradle {
                        cradle.show(lamps);
                    }
                }
                Effect::Say(line) => face.says(line),
                Effect::Fail(why) => face.fails(&why),
                Effect::Claim(ours) => {
                    wanted.push(Wanted { ask: Ask::Headset(ours), by: By::Claim });
                }
                Effect::Ask(wish) => {
                    let (act, word) = act(wish.action);
                    let taken = if stops { None } else { face.takes(&wish.call, act, word) };
                    match taken {
                        Some((ask, said)) => wanted.push(Wanted { ask, by: By::Key(wish, said) }),
                        None => {
                            stops = true;
                            effects.extend(self.handset.refused(now, &wish));
                        }
                    }
                }
            }
        }
        wanted
    }
}

/// Asks for one thing after the other, until one fails.
async fn in_order(asked: Vec<(By, Asking)>) -> Outcomes {
    let (mut outcomes, mut failed) = (Vec::new(), false);
    for (by, asking) in asked {
        outcomes.push((
            by,
            match failed {
                true => Outcome::LeftOut,
                false => match asking.await {
                    Ok(()) => Outcome::Done,
                    Err(error) => {
                        failed = true;
                        Outcome::Failed(error)
                    }
                },
            },
        ));
    }
    outcomes
}

/// The wish of a key, and a word for it.
fn act(action: Action) -> (Act, &'static str) {
    match action {
        Action::Answer => (Act::Answer, "answering"),
        Action::Reject => (Act::Reject, "declining"),
        Action::End => (Act::End, "ending"),
        Action::Hold => (Act::Hold(true), "holding"),
        Action::Resume => (Act::Hold(false), "resuming"),
        Action::Mute => (Act::Mute(true), "muting"),
        Action::Unmute => (Act::Mute(false), "unmuting"),
    }
}
