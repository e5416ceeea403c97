//! The table of who has the headset (behaviour notes HS-2 to HS-5).

use super::rank::HeadsetRank;

/// The part of a client in who has the user's headset. Only one client of a user has it at a time.
///
/// ```text
/// NotStarted ──asked──> Negotiating ──nobody minds──> HasControls
///      ^                  │   ^ another gives it up,      │
///      │          refused │   │ or a call begins here     │ another takes it
///      └── released       v   │                           v
///                        AlternativeClient <──────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HeadsetControls {
    /// Not wanted.
    #[default]
    NotStarted,
    /// Wanted: the user's other clients are asked. An application that has the device in use keeps it
    /// meanwhile.
    Negotiating,
    /// Another client has it: this one leaves the device alone.
    AlternativeClient,
    /// This client has it.
    HasControls,
}

/// A word of another client of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It wants the headset.
    Request(HeadsetRank),
    /// It says no to a request.
    Rejection,
    /// It has the headset.
    Taken,
    /// It has the headset no more; true if it may have been the one that had it.
    Given { owner: bool },
}

/// The order of a word of another client and our request, as the service delivers them to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Theirs came after ours.
    Later,
    /// Theirs came first: our own has not come back yet.
    Earlier,
}

/// The circumstances of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) rank: HeadsetRank,
    /// True with a session of a call, an idle persistent one too.
    pub(super) busy: bool,
    pub(super) order: Order,
    /// True if it is a word of the client that had the headset, as far as is known.
    pub(super) from_owner: bool,
}

/// The reason of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    ActiveCall,
    MediaHelper,
    Priority,
}

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ActiveCall => "activeCall",
            Self::MediaHelper => "mediaHelper",
            Self::Priority => "priority",
        }
    }
}

/// The reaction to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Nothing,
    /// Say no.
    Reject(Reason),
    /// Leave it to the one that asks, which has to take it yet.
    Yield,
    /// Another client has it.
    Lose,
    /// Another client has it, which is told that it is no longer ours.
    Surrender,
    /// It is free: ask for it again (DEF-18).
    AskAgain,
}

/// The reaction to a word of another client, where this one wants the headset or has it.
pub(super) fn reaction(state: HeadsetControls, heard: Heard, of: Circumstances) -> Reaction {
    match (heard, state) {
        (_, HeadsetControls::NotStarted) => Reaction::Nothing,
        (Heard::Request(rank), _) => requested(state, rank, of),
        (Heard::Rejection, HeadsetControls::Negotiating) => Reaction::Lose,
        (Heard::Taken, HeadsetControls::HasControls) => Reaction::Surrender,
        // It was said before we asked: that client hears our request yet, and may refuse it.
        (Heard::Taken, HeadsetControls::Negotiating) if of.order == Order::Earlier => {
            Reaction::Nothing
        }
        (Heard::Taken, HeadsetControls::Negotiating | HeadsetControls::AlternativeClient) => {
            Reaction::Lose
        }
        (Heard::Given { owner: true }, HeadsetControls::AlternativeClient) => Reaction::AskAgain,
        (Heard::Rejection, HeadsetControls::AlternativeClient | HeadsetControls::HasControls)
        | (Heard::Given { owner: false }, HeadsetControls::AlternativeClient)
        | (Heard::Given { .. }, HeadsetControls::Negotiating | HeadsetControls::HasControls) => {
            Reaction::Nothing
        }
    }
}

fn requested(state: HeadsetControls, rank: HeadsetRank, of: Circumstances) -> Reaction {
    // Of two that lead the alerting of the others the later has it, in a call too (HS-5).
    let (least, keeps_calls) = match of.rank {
        HeadsetRank::Standard => (HeadsetRank::Standard, true),
        HeadsetRank::Prioritized => (HeadsetRank::Prioritized, false),
        HeadsetRank::MediaHelper => (HeadsetRank::MediaHelper, true),
    };
    if rank < least {
        // An owner asks after it was away: it does not have it for now, and we come first.
        if state == HeadsetControls::AlternativeClient && of.from_owner {
            return Reaction::AskAgain;
        }
        return Reaction::Reject(match of.rank {
            HeadsetRank::MediaHelper => Reason::MediaHelper,
            HeadsetRank::Standard | HeadsetRank::Prioritized => Reason::Priority,
        });
    }
    match state {
        // Of two that ask at once the later has it, not neither.
        HeadsetControls::Negotiating if of.order == Order::Earlier && rank == of.rank => {
            Reaction::Nothing
        }
        HeadsetControls::Negotiating => Reaction::Yield,
        // The official client says so without having it, too: two that talk would refuse each other what neither has.
        HeadsetControls::HasControls if keeps_calls && of.busy => {
            Reaction::Reject(Reason::ActiveCall)
        }
        HeadsetControls::NotStarted
        | HeadsetControls::AlternativeClient
        | HeadsetControls::HasControls => Reaction::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use HeadsetControls::{AlternativeClient, HasControls, Negotiating, NotStarted};
    use HeadsetRank::{MediaHelper, Prioritized, Standard};

    /// The rules HS-4 and HS-5, to be compared with behaviour notes 6. A comma is "or", a star is anything.
    ///
    /// The word is that of another client, its rank is compared with ours, and `first` says whose word the
    /// service delivered first, theirs or our request. `had it` is true of a word of the client that had the
    /// headset, as far as is known; what was given by one that had it, or may have had it, is `given`.
    const TABLE: &str = "
        word                         | we are      | our rank         | in a call | first  | had it | reaction

        *                            | not asking  | *                | *         | *      | *      | nothing

        lower request                | left out    | *                | *         | *      | yes    | ask again
        lower request                | left out    | helper           | *         | *      | no     | no: mediaHelper
        lower request                | left out    | prioritized      | *         | *      | no     | no: priority
        lower request                | asking, own | helper           | *         | *      | *      | no: mediaHelper
        lower request                | asking, own | prioritized      | *         | *      | *      | no: priority

        same request                 | asking      | *                | *         | theirs | *      | nothing
        same request                 | asking      | *                | *         | ours   | *      | yield
        higher request               | asking      | *                | *         | *      | *      | yield
        same request, higher request | own         | standard, helper | yes       | *      | *      | no: activeCall
        same request, higher request | own         | standard, helper | no        | *      | *      | nothing
        same request, higher request | own         | prioritized      | *         | *      | *      | nothing
        same request, higher request | left out    | *                | *         | *      | *      | nothing

        rejection                    | asking      | *                | *         | *      | *      | lose
        rejection                    | left out    | *                | *         | *      | *      | nothing
        rejection                    | own         | *                | *         | *      | *      | nothing

        taken                        | asking      | *                | *         | theirs | *      | nothing
        taken                        | asking      | *                | *         | ours   | *      | lose
        taken                        | left out    | *                | *         | *      | *      | lose
        taken                        | own         | *                | *         | *      | *      | surrender

        given                        | left out    | *                | *         | *      | *      | ask again
        given by another             | left out    | *                | *         | *      | *      | nothing
        given, given by another      | asking, own | *                | *         | *      | *      | nothing
    ";

    /// All that can be heard, in all states and circumstances.
    fn all() -> Vec<(HeadsetControls, Heard, Circumstances)> {
        let ranks = [Standard, Prioritized, MediaHelper];
        let others = [
            Heard::Rejection,
            Heard::Taken,
            Heard::Given { owner: true },
            Heard::Given { owner: false },
        ];
        let words = || ranks.map(Heard::Request).into_iter().chain(others);
        let mut all = Vec::new();
        for state in [NotStarted, Negotiating, AlternativeClient, HasControls] {
            for heard in words() {
                for rank in ranks {
                    for bits in 0..8_u8 {
                        let is = |bit: u8| bits >> bit & 1 == 1;
                        let order = if is(1) { Order::Earlier } else { Order::Later };
                        let of = Circumstances { rank, busy: is(0), order, from_owner: is(2) };
                        all.push((state, heard, of));
                    }
                }
            }
        }
        all
    }

    /// The words of the table for it, column by column.
    fn columns(state: HeadsetControls, heard: Heard, of: Circumstances) -> [&'static str; 6] {
        let word = match heard {
            Heard::Request(rank) if rank < of.rank => "lower request",
            Heard::Request(rank) if rank == of.rank => "same request",
            Heard::Request(_) => "higher request",
            Heard::Rejection => "rejection",
            Heard::Taken => "taken",
            Heard::Given { owner: true } => "given",
            Heard::Given { owner: false } => "given by another",
        };
        let we_are = match state {
            NotStarted => "not asking",
            Negotiating => "asking",
            AlternativeClient => "left out",
            HasControls => "own",
        };
        let rank = match of.rank {
            Standard => "standard",
            Prioritized => "prioritized",
            MediaHelper => "helper",
        };
        let first = match of.order {
            Order::Earlier => "theirs",
            Order::Later => "ours",
        };
        let yes = |is| if is { "yes" } else { "no" };
        [word, we_are, rank, yes(of.busy), first, yes(of.from_owner)]
    }

    fn word(reaction: Reaction) -> String {
        match reaction {
            Reaction::Nothing => "nothing".to_owned(),
            Reaction::Reject(reason) => format!("no: {}", reason.name()),
            Reaction::Yield => "yield".to_owned(),
            Reaction::Lose => "lose".to_owned(),
            Reaction::Surrender => "surrender".to_owned(),
            Reaction::AskAgain => "ask again".to_owned(),
        }
    }

    #[test]
    fn hs_4_hs_5_def_18_each_word_has_the_reaction_of_the_table_in_each_state() {
        let lines = TABLE.lines().filter(|line| !line.trim().is_empty()).skip(1);
        let rows: Vec<Vec<&str>> =
            lines.map(|line| line.split('|').map(str::trim).collect()).collect();
        let fits = |cell: &str, word: &str| cell == "*" || cell.split(", ").any(|one| one == word);
        let mut used = vec![0; rows.len()];
        for (state, heard, of) in all() {
            let columns = columns(state, heard, of);
            let is_in =
                |row: &usize| rows[*row].iter().zip(columns).all(|(cell, word)| fits(cell, word));
            let found: Vec<_> = (0..rows.len()).filter(is_in).collect();
            let [row] = found[..] else { panic!("{columns:?} is in the rows {found:?}") };
            used[row] += 1;
            assert_eq!(word(reaction(state, heard, of)), rows[row][6], "{columns:?}");
        }
        let unused = rows.iter().zip(&used).find(|(_, used)| **used == 0);
        assert_eq!(unused, None, "a row for nothing");
        assert_eq!(used.iter().sum::<usize>(), 4 * 7 * 3 * 8);
    }
}
