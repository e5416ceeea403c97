//! What an offer of the far side's changes, by what it said before (w4.10).

use crate::ribbon::constants::HoldState;
use crate::sdp::{Description, Direction, Section};

/// A change that an offer of the far side's brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ribbon) enum RemoteChange {
    /// It holds.
    Hold,
    /// It resumes.
    Unhold,
    /// It plays music to us while it holds.
    StartMusic,
    /// It plays music no more.
    StopMusic,
    /// It sends more.
    AddMedia,
    /// It sends less.
    RemoveMedia,
    /// Nothing of these.
    None,
}

/// What an offer changes.
pub(in crate::ribbon) fn classify(
    before: Option<&str>,
    sdp: &str,
    held: HoldState,
) -> RemoteChange {
    let (Some(Ok(old)), Ok(new)) = (before.map(Description::read), Description::read(sdp)) else {
        return RemoteChange::None;
    };
    match (is_flowing(&old), is_flowing(&new)) {
        (true, false) => return RemoteChange::Hold,
        (false, true) => return RemoteChange::Unhold,
        (false, false) => {
            let music = music(&old, &new);
            if held.remote() && music != RemoteChange::None {
                return music;
            }
            // What answers our hold is held as well: said again by an offer, it is the far side's own.
            if held.local() && !held.remote() {
                return RemoteChange::Hold;
            }
            RemoteChange::None
        }
        (true, true) if held.remote() => RemoteChange::Unhold,
        (true, true) => more_or_less(&old, &new),
    }
}

/// True unless every video section is inactive, and every audio section inactive or sending only.
pub(in crate::ribbon) fn flows(sdp: &str) -> bool {
    Description::read(sdp).is_ok_and(|description| is_flowing(&description))
}

fn is_flowing(description: &Description<'_>) -> bool {
    description.sections.iter().any(|section| {
        match (section.kind(), direction(section, description)) {
            (_, Direction::Inactive) | ("audio", Direction::SendOnly) => false,
            ("audio" | "video", _) => true,
            _ => false,
        }
    })
}

fn direction(section: &Section<'_>, description: &Description<'_>) -> Direction {
    if section.is_off() { Direction::Inactive } else { section.direction_in(description) }
}

/// Music begins or ends where there is one audio section that says so.
fn music(old: &Description<'_>, new: &Description<'_>) -> RemoteChange {
    let audio = |description: &Description<'_>| {
        let mut all = description.sections.iter().filter(|section| section.kind() == "audio");
        let one = all.next().map(|section| direction(section, description));
        one.filter(|_| all.next().is_none())
    };
    match (audio(old), audio(new)) {
        (Some(Direction::Inactive), Some(Direction::SendOnly)) => RemoteChange::StartMusic,
        (Some(Direction::SendOnly), Some(Direction::Inactive)) => RemoteChange::StopMusic,
        _ => RemoteChange::None,
    }
}

fn more_or_less(old: &Description<'_>, new: &Description<'_>) -> RemoteChange {
    let mut change = RemoteChange::None;
    for (at, section) in new.sections.iter().enumerate() {
        let same = old.sections.iter().enumerate().find(|(old_at, old)| {
            match (old.mid(), section.mid()) {
                (Some(old), Some(new)) => old == new,
                _ => *old_at == at,
            }
        });
        let before = same.is_some_and(|(_, section)| direction(section, old).sends());
        match (before, direction(section, new).sends()) {
            (false, true) => return RemoteChange::AddMedia,
            (true, false) => change = RemoteChange::RemoveMedia,
            (true, true) | (false, false) => {}
        }
    }
    change
}

/// True if the far side begins the handshake of DTLS, so that we wait for it.
pub(in crate::ribbon) fn is_active(sdp: &str) -> bool {
    Description::read(sdp).is_ok_and(|description| {
        let role = |value: Option<&str>| value.is_some_and(|role| role.trim() == "active");
        role(description.value("setup"))
            || description.sections.iter().any(|section| role(section.value("setup")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(directions: &[(&str, &str)]) -> String {
        let mut text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n".to_owned();
        for (n, (kind, direction)) in directions.iter().enumerate() {
            text += &format!("m={kind} 9 X 1\r\na=mid:{n}\r\na={direction}\r\n");
        }
        text
    }

    fn change(old: &[(&str, &str)], new: &[(&str, &str)], held: HoldState) -> RemoteChange {
        classify(Some(&sdp(old)), &sdp(new), held)
    }

    #[test]
    fn w4_10_each_row_of_the_table() {
        use RemoteChange as R;
        const NO: HoldState = HoldState::Connected;
        const REMOTE: HoldState = HoldState::RemoteHold;
        let (on, off) = (("audio", "sendrecv"), ("audio", "inactive"));
        let (music, quiet) = (("audio", "sendonly"), ("audio", "recvonly"));
        let (film, dark) = (("video", "sendrecv"), ("video", "inactive"));
        for (old, new, held, wanted) in [
            (vec![on], vec![off], NO, R::Hold),
            (vec![on], vec![music], NO, R::Hold),
            (vec![on, film], vec![off, dark], NO, R::Hold),
            (vec![off], vec![on], REMOTE, R::Unhold),
            (vec![music], vec![on], REMOTE, R::Unhold),
            (vec![off], vec![music], REMOTE, R::StartMusic),
            (vec![music], vec![off], REMOTE, R::StopMusic),
            (vec![on], vec![on, film], NO, R::AddMedia),
            (vec![on, dark], vec![on, film], NO, R::AddMedia),
            (vec![on, film], vec![on, ("video", "recvonly")], NO, R::RemoveMedia),
            (vec![on], vec![on], NO, R::None),
            (vec![on], vec![on], REMOTE, R::Unhold),
            (vec![on], vec![quiet], NO, R::RemoveMedia),
            (vec![off], vec![off], HoldState::LocalHold, R::Hold),
            (vec![off], vec![off], HoldState::DualHold, R::None),
            (vec![off], vec![on], HoldState::DualHold, R::Unhold),
            (vec![off], vec![on], HoldState::LocalHold, R::Unhold),
        ] {
            assert_eq!(change(&old, &new, held), wanted, "{old:?} {new:?} {held:?}");
        }
        assert_eq!(classify(None, &sdp(&[on]), NO), R::None);
    }

    #[test]
    fn w4_10_flowing_is_what_somebody_can_hear_both_ways_or_see() {
        assert!(flows(&sdp(&[("audio", "sendrecv")])));
        assert!(flows(&sdp(&[("audio", "recvonly")])));
        assert!(!flows(&sdp(&[("audio", "sendonly"), ("video", "inactive")])));
        assert!(flows(&sdp(&[("audio", "inactive"), ("video", "sendonly")])));
        assert!(!flows("v=0\r\n"), "nothing flows where nothing is");
    }
}
