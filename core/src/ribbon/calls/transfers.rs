//! Moves of two calls at once: both end well, or both are as before (w4.13, w4.14).

use crate::machine::CommandId;
use crate::ribbon::ids::CallId;

/// Two calls that are connected with each other, or joined to a third.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// The two, the one that the gateway was asked about first.
    pub(super) calls: [CallId; 2],
    /// Those that are over.
    over: [bool; 2],
    /// The command to answer when both are; none where another answer stands for it.
    pub(super) command: Option<CommandId>,
    /// The call that they are joined to.
    pub(super) joined: Option<CallId>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pairs: Vec<Pair>,
}

impl Pairs {
    pub(super) fn begin(
        &mut self,
        calls: [CallId; 2],
        command: Option<CommandId>,
        joined: Option<CallId>,
    ) {
        self.pairs.push(Pair { calls, over: [false; 2], command, joined });
    }

    fn at(&self, call: &CallId) -> Option<usize> {
        self.pairs.iter().position(|pair| pair.calls.contains(call))
    }

    /// The pair that a call is one of.
    pub(super) fn of(&self, call: &CallId) -> Option<&Pair> {
        self.at(call).map(|at| &self.pairs[at])
    }

    /// The pair that is joined to a call.
    pub(super) fn joined_to(&self, call: &CallId) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.joined.as_ref() == Some(call))
    }

    /// True for the second of a transfer, whose plain end means that it went well (w8, no. 13).
    pub(super) fn may_just_end(&self, call: &CallId) -> bool {
        self.of(call).is_some_and(|pair| pair.joined.is_none() && pair.calls[1] == *call)
    }

    /// Takes note that a call is over, as it should. The pair, once both are.
    pub(super) fn over(&mut self, call: &CallId) -> Option<Pair> {
        let at = self.at(call)?;
        let pair = &mut self.pairs[at];
        for (n, one) in pair.calls.iter().enumerate() {
            pair.over[n] |= one == call;
        }
        pair.over.iter().all(|over| *over).then(|| self.pairs.remove(at))
    }

    /// The first call of the pair that fails as this call is over: it is one of the two and should not be over
    /// yet, or the one that they are joined to.
    pub(super) fn lost_with(&self, call: &CallId) -> Option<CallId> {
        let lost = |pair: &&Pair| {
            let early = |(one, over): (&CallId, &bool)| one == call && !over;
            pair.joined.as_ref() == Some(call) || pair.calls.iter().zip(&pair.over).any(early)
        };
        self.pairs.iter().find(lost).map(|pair| pair.calls[0].clone())
    }

    /// Forgets the pair of a call, as it failed.
    pub(super) fn failed(&mut self, call: &CallId) -> Option<Pair> {
        self.at(call).map(|at| self.pairs.remove(at))
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w4_13_a_pair_is_over_when_both_are() {
        let [a, b] = ["a", "b"].map(CallId::from);
        let mut pairs = Pairs::default();
        pairs.begin([a.clone(), b.clone()], Some(CommandId(1)), None);
        assert!(pairs.may_just_end(&b) && !pairs.may_just_end(&a));
        assert!(pairs.over(&b).is_none() && pairs.over(&b).is_none());
        assert_eq!(pairs.over(&a).unwrap().command, Some(CommandId(1)));
        assert_eq!(pairs.len(), 0);
    }
}
