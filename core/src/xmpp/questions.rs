//! IQs that wait for their reply (RFC 6120 section 8.2.3).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Iq, IqKind, Jid, Payload, StanzaError};
use crate::machine::Wake;

/// IQs waiting at once, and the bytes of what is kept of them. Beyond it one is not waited for:
/// its reply is ignored.
pub(crate) const MAX_IQS: usize = 1024;
pub(crate) const MAX_IQ_BYTES: usize = 256 * 1024;

/// The end of an IQ.
#[derive(Debug)]
pub(crate) enum Answer<X> {
    Result(Option<Payload<X>>),
    Error(StanzaError),
    Timeout,
    /// The connection ended first.
    Lost,
}

#[derive(Debug)]
struct Pending<A> {
    ask: A,
    to: Option<Jid>,
    deadline: Instant,
    /// The number of questions before it: what comes of several is told in their order, not in that
    /// of their random ids.
    number: u64,
    bytes: usize,
}

/// The result of asking: the reply is waited for, or there are too many questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Waits,
    /// Not asked: too many questions wait.
    Crowded {
        /// True if none was refused since none waited.
        first: bool,
    },
}

/// Questions that wait for their replies, each with an `A` that says why it was asked.
#[derive(Debug)]
pub(crate) struct Questions<A> {
    /// The longest that a reply is waited for.
    limit: Duration,
    waiting: BTreeMap<String, Pending<A>>,
    asked: u64,
    /// True once there were too many, until none waits.
    crowded: bool,
}

impl<A> Questions<A> {
    /// No questions yet; the reply to each will be waited for up to `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, waiting: BTreeMap::new(), asked: 0, crowded: false }
    }

    /// Notes an IQ that was sent under this id; `ask` has so many bytes of text.
    pub(crate) fn ask(
        &mut self,
        id: String,
        (ask, bytes): (A, usize),
        to: Option<Jid>,
        now: Instant,
    ) -> Asked {
        let bytes = id.len() + bytes + to.as_ref().map_or(0, |to| to.as_str().len());
        let kept: usize = self.waiting.values().map(|waiting| waiting.bytes).sum();
        self.crowded &= !self.waiting.is_empty();
        if self.waiting.len() >= MAX_IQS || kept + bytes > MAX_IQ_BYTES {
            return Asked::Crowded { first: !std::mem::replace(&mut self.crowded, true) };
        }
        let (deadline, number) = (now + self.limit, self.asked);
        self.asked += 1;
        self.waiting.insert(id, Pending { ask, to, deadline, number, bytes });
        Asked::Waits
    }

    /// The question that a reply answers, if any: by its id, and by its sender, as seen from our
    /// own address if that is known (RFC 6120 section 8.1.2.1).
    pub(crate) fn take<X>(&mut self, iq: Iq<X>, own: Option<&Jid>) -> Option<(A, Answer<X>)> {
        let answer = match iq.kind {
            IqKind::Result(payload) => Answer::Result(payload),
            IqKind::Error(error) => Answer::Error(error),
            IqKind::Get(_) | IqKind::Set(_) => return None,
        };
        let id = iq.id?;
        let pending = self.waiting.get(&id)?;
        if !may_answer(iq.from.as_ref(), pending.to.as_ref(), own) {
            return None;
        }
        let pending = self.waiting.remove(&id)?;
        Some((pending.ask, answer))
    }

    /// The earliest question whose time is up.
    pub(crate) fn pop_overdue(&mut self, now: Instant) -> Option<A> {
        let overdue = self.waiting.iter().filter(|(_, pending)| pending.deadline <= now);
        let first = overdue.min_by_key(|(_, pending)| (pending.deadline, pending.number));
        let id = first.map(|(id, _)| id.clone())?;
        self.waiting.remove(&id).map(|pending| pending.ask)
    }

    /// Forgets questions: a late reply is ignored.
    pub(crate) fn forget(&mut self, forget: impl Fn(&A) -> bool) {
        self.waiting.retain(|_, pending| !forget(&pending.ask));
    }

    /// Takes the questions that nobody will answer, as the connection is gone.
    pub(crate) fn take_lost(&mut self) -> Vec<A> {
        let mut lost: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        lost.sort_by_key(|pending| pending.number);
        lost.into_iter().map(|pending| pending.ask).collect()
    }

    /// The questions that wait for their replies.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &A> {
        self.waiting.values().map(|pending| &pending.ask)
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let at = self.waiting.values().map(|pending| pending.deadline).min()?;
        Some(Wake { at, reason: "IQ reply" })
    }
}

fn may_answer(from: Option<&Jid>, to: Option<&Jid>, own: Option<&Jid>) -> bool {
    let Some(from) = from else { return true };
    let is = |jid: &Jid| from == jid || *from == jid.bare() || from.as_str() == jid.domain();
    // Before binding, our own address is not known yet.
    own.is_none_or(is) || to.is_some_and(is)
}
