//! Collisions: what becomes of an offer of media, by how the session that it names stands to what is
//! known (LC-16, LC-17, PC-16; wire notes 6.1, 6.2, 6.14).
//!
//! | the session | Jingle | SDP | re-invite | re-invite again |
//! | --- | --- | --- | --- | --- |
//! | unknown, as is the call | not found, told | passed over, told | passed over, told | passed over, told |
//! | unknown | not found, told | begins | replaces the call's | passed over |
//! | proposed, to come by Jingle | begins | begins | replaces the call's | passed over |
//! | proposed, to come by SDP | passed over | begins | replaces the call's | passed over |
//! | somebody else's | not found, told | passed over, told | passed over, told | passed over, told |
//! | there, with another far side | unavailable | passed over | passed over | passed over |
//! | there, by Jingle | out of order | passed over | replaces it | passed over |
//! | there, with these credentials | out of order | renegotiates | renegotiates | passed over |
//! | there, with other credentials | out of order | replaces it | replaces it | passed over |
//! | replaced, by Jingle | out of order | passed over | replaces the call's | passed over |
//! | replaced, with these credentials | out of order | renegotiates | renegotiates | passed over |
//! | replaced, with other credentials | out of order | begins | replaces the call's | passed over |
//!
//! A room is not told of where it has no right to an offer. A far side of a kind that the client may not
//! have is not told of either, and gets no session by SDP.

use crate::genesys::event::Signaling;

/// The ways in which an offer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coming {
    /// As session-initiate.
    Jingle,
    /// As `offer`.
    Sdp,
    /// The same, to recover media.
    Reinvite,
    /// The same, by a request that was seen before.
    ReinviteAgain,
}

/// The standing of the session that an offer names, to the client and to whoever offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody knows of it, and nothing says for which call it is.
    Nameless,
    /// Nobody knows of it.
    Unknown,
    /// Whoever offers proposed it, to come by this signaling.
    Proposed(Signaling),
    /// Somebody else proposed it, or has its call.
    Strange,
    /// It is there, with another far side.
    Foreign,
    /// It is there, with this far side.
    There(Connection),
    /// The same, but another session took its place and it is on its way out.
    Replaced(Connection),
}

/// The relation of what is offered to what a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Not at all: it was offered by Jingle, which it keeps unless it begins anew.
    ByJingle,
    /// They are one: the ICE credentials are the same.
    Same,
    /// Another connection.
    Other,
}

/// The kinds of those who offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A softphone, as ours are.
    Softphone,
    /// A softphone, while the client may have none.
    Barred,
    /// A room, of a kind that the client may have.
    Room,
    /// Any other kind of session.
    Other,
}

/// The fates of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A session begins.
    Begin,
    /// A session begins, in the place of the one that has its name.
    Replace,
    /// A session begins, in the place of the one that carries the call, if there is one.
    ReplaceCarrier,
    /// It is a new description for the connection that is there.
    Renegotiate,
    /// Nothing, without a word to the far side.
    PassOver(Option<Odd>),
    /// Nothing, and that is replied. By Jingle alone.
    Refuse(Refusal, Option<Odd>),
}

/// The oddities of an offer that nobody had a right to, each of which is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// Nobody proposed it.
    Unproposed,
    /// It says of no call.
    Nameless,
    /// It is somebody else's to offer.
    Strange,
}

/// The replies to an offer that is refused (wire notes 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    OutOfOrder,
    Unavailable,
}

/// The table of this [module](self).
pub(crate) fn decide(standing: Standing, coming: Coming, caller: Caller) -> Action {
    let action = match (standing, coming) {
        (Standing::Nameless | Standing::Unknown, Coming::Jingle) => {
            Action::Refuse(Refusal::NotFound, Some(Odd::Unproposed))
        }
        (Standing::Strange, Coming::Jingle) => {
            Action::Refuse(Refusal::NotFound, Some(Odd::Strange))
        }
        (Standing::Foreign, Coming::Jingle) => Action::Refuse(Refusal::Unavailable, None),
        (Standing::There(_) | Standing::Replaced(_), Coming::Jingle) => {
            Action::Refuse(Refusal::OutOfOrder, None)
        }
        // The other signaling was announced (wire notes 6.1).
        (Standing::Proposed(Signaling::Sdp), Coming::Jingle) => Action::PassOver(None),
        (Standing::Proposed(Signaling::Jingle), Coming::Jingle) => Action::Begin,

        (Standing::Nameless, _) => Action::PassOver(Some(Odd::Nameless)),
        (Standing::Strange, _) => Action::PassOver(Some(Odd::Strange)),
        (Standing::Foreign, _) | (_, Coming::ReinviteAgain) => Action::PassOver(None),

        (Standing::There(Connection::Same) | Standing::Replaced(Connection::Same), _) => {
            Action::Renegotiate
        }
        (Standing::There(Connection::Other), _)
        | (Standing::There(Connection::ByJingle), Coming::Reinvite) => Action::Replace,
        (
            Standing::There(Connection::ByJingle) | Standing::Replaced(Connection::ByJingle),
            Coming::Sdp,
        ) => Action::PassOver(None),
        (
            Standing::Unknown | Standing::Proposed(_) | Standing::Replaced(Connection::Other),
            Coming::Sdp,
        ) => Action::Begin,
        (
            Standing::Unknown
            | Standing::Proposed(_)
            | Standing::Replaced(Connection::ByJingle | Connection::Other),
            Coming::Reinvite,
        ) => Action::ReplaceCarrier,
    };
    match (action, caller) {
        (Action::Refuse(refusal, Some(Odd::Unproposed)), Caller::Room | Caller::Other) => {
            Action::Refuse(refusal, None)
        }
        (Action::PassOver(Some(Odd::Nameless)), Caller::Room | Caller::Other) => {
            Action::PassOver(None)
        }
        (
            Action::Begin | Action::Replace | Action::ReplaceCarrier,
            Caller::Barred | Caller::Other,
        ) if coming != Coming::Jingle => Action::PassOver(None),
        _ => action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDINGS: [Standing; 12] = [
        Standing::Nameless,
        Standing::Unknown,
        Standing::Proposed(Signaling::Jingle),
        Standing::Proposed(Signaling::Sdp),
        Standing::Strange,
        Standing::Foreign,
        Standing::There(Connection::ByJingle),
        Standing::There(Connection::Same),
        Standing::There(Connection::Other),
        Standing::Replaced(Connection::ByJingle),
        Standing::Replaced(Connection::Same),
        Standing::Replaced(Connection::Other),
    ];
    const COMINGS: [Coming; 4] =
        [Coming::Jingle, Coming::Sdp, Coming::Reinvite, Coming::ReinviteAgain];

    fn cell(action: Action) -> String {
        let (cell, odd) = match action {
            Action::Begin => ("begins", None),
            Action::Replace => ("replaces it", None),
            Action::ReplaceCarrier => ("replaces the call's", None),
            Action::Renegotiate => ("renegotiates", None),
            Action::PassOver(odd) => ("passed over", odd),
            Action::Refuse(Refusal::NotFound, odd) => ("not found", odd),
            Action::Refuse(Refusal::OutOfOrder, odd) => ("out of order", odd),
            Action::Refuse(Refusal::Unavailable, odd) => ("unavailable", odd),
        };
        if odd.is_some() { format!("{cell}, told") } else { cell.to_owned() }
    }

    /// The table as the module's documentation shows it: each row with its name.
    fn table() -> Vec<(&'static str, Vec<&'static str>)> {
        let lines = include_str!("collision.rs").lines();
        let rows = lines.filter_map(|line| line.strip_prefix("//! | ")).skip(2);
        let cells = rows.map(|row| row.trim_end_matches(" |").split(" | "));
        cells.map(|mut cells| (cells.next().unwrap_or_default(), cells.collect())).collect()
    }

    fn named(standing: Standing) -> &'static str {
        match standing {
            Standing::Nameless => "unknown, as is the call",
            Standing::Unknown => "unknown",
            Standing::Proposed(Signaling::Jingle) => "proposed, to come by Jingle",
            Standing::Proposed(Signaling::Sdp) => "proposed, to come by SDP",
            Standing::Strange => "somebody else's",
            Standing::Foreign => "there, with another far side",
            Standing::There(Connection::ByJingle) => "there, by Jingle",
            Standing::There(Connection::Same) => "there, with these credentials",
            Standing::There(Connection::Other) => "there, with other credentials",
            Standing::Replaced(Connection::ByJingle) => "replaced, by Jingle",
            Standing::Replaced(Connection::Same) => "replaced, with these credentials",
            Standing::Replaced(Connection::Other) => "replaced, with other credentials",
        }
    }

    #[test]
    fn lc_16_the_table_that_is_shown_is_the_one_that_is_in_force() {
        let table = table();
        assert_eq!(table.len(), STANDINGS.len());
        for ((name, row), standing) in table.iter().zip(STANDINGS) {
            assert_eq!(*name, named(standing));
            assert_eq!(row.len(), COMINGS.len(), "{row:?}");
            for (told, coming) in row.iter().zip(COMINGS) {
                let action = decide(standing, coming, Caller::Softphone);
                assert_eq!(cell(action), *told, "{standing:?}, {coming:?}");
            }
        }
    }

    #[test]
    fn lc_5_who_is_no_softphone_gets_no_session_by_sdp_and_changes_nothing_else() {
        let begins =
            |action| matches!(action, Action::Begin | Action::Replace | Action::ReplaceCarrier);
        for standing in STANDINGS {
            for coming in COMINGS {
                let ours = decide(standing, coming, Caller::Softphone);
                let about = format!("{standing:?}, {coming:?}");
                let unwanted = coming != Coming::Jingle && begins(ours);
                let expected = if unwanted { Action::PassOver(None) } else { ours };
                assert_eq!(decide(standing, coming, Caller::Barred), expected, "{about}");
                let other = decide(standing, coming, Caller::Other);
                let expected = match expected {
                    Action::PassOver(Some(Odd::Nameless)) => Action::PassOver(None),
                    Action::Refuse(refusal, Some(Odd::Unproposed)) => Action::Refuse(refusal, None),
                    expected => expected,
                };
                assert_eq!(other, expected, "{about}");
                let quiet = match ours {
                    Action::PassOver(Some(Odd::Nameless)) => Action::PassOver(None),
                    Action::Refuse(refusal, Some(Odd::Unproposed)) => Action::Refuse(refusal, None),
                    ours => ours,
                };
                assert_eq!(decide(standing, coming, Caller::Room), quiet, "{about}");
            }
        }
    }

    #[test]
    fn wire_6_14_sdp_has_no_replies_and_jingle_changes_nothing_that_is_there() {
        for standing in STANDINGS {
            for coming in COMINGS {
                let action = decide(standing, coming, Caller::Softphone);
                let refused = matches!(action, Action::Refuse(..));
                let begins = action == Action::Begin;
                let passed = matches!(action, Action::PassOver(_));
                let about = format!("{standing:?}, {coming:?}");
                match coming {
                    Coming::Jingle => assert!(refused || begins || passed, "{about}"),
                    Coming::Sdp | Coming::Reinvite => assert!(!refused, "{about}"),
                    Coming::ReinviteAgain => assert!(passed, "{about}"),
                }
            }
        }
    }
}
