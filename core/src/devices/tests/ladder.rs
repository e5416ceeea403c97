use super::*;
use crate::devices::ladder::{Situation, Step};

const ERRORS: [OpenError; 6] = [
    OpenError::Denied,
    OpenError::NotFound,
    OpenError::Overconstrained,
    OpenError::Aborted,
    OpenError::OneAtATime,
    OpenError::Failed,
];

/// The table of the module's documentation: each failure, in each place, and what is tried after it if
/// all that is tried fails likewise.
#[test]
fn md_10_md_11_every_failure_in_every_place() {
    let mut table = String::new();
    for error in ERRORS {
        for is_sized in [false, true] {
            let mut row = Vec::new();
            for (is_in_use, is_released) in [(false, false), (true, false), (false, true)] {
                let place = Situation {
                    error,
                    is_sized,
                    is_in_use,
                    is_released,
                    has_default: true,
                    has_system: true,
                    falls_back: true,
                };
                row.push(fall(place));
            }
            table += &format!(
                "{error:?}{}: {}\n",
                if is_sized { " sized" } else { "" },
                row.join(" | ")
            );
        }
    }
    let wanted = "\
Denied: mute | keep | before mute
Denied sized: mute | keep | before mute
NotFound: default system mute | keep | before default system mute
NotFound sized: default system mute | keep | before default system mute
Overconstrained: default system mute | keep | before default system mute
Overconstrained sized: any-size default system mute | any-size keep | any-size before default system mute
Aborted: default system mute | keep | before default system mute
Aborted sized: any-size default system mute | any-size keep | any-size before default system mute
OneAtATime: default system mute | release before default system mute | before default system mute
OneAtATime sized: default system mute | release before default system mute | before default system mute
Failed: default system mute | keep | before default system mute
Failed sized: default system mute | keep | before default system mute
";
    assert_eq!(table, wanted);
}

/// All steps, if each attempt fails by the same error.
fn fall(mut at: Situation) -> String {
    let mut steps = Vec::new();
    for _ in 0..8 {
        let step = at.step();
        steps.push(match step {
            Step::Release => "release",
            Step::Keep => "keep",
            Step::Mute => "mute",
            Step::Try(Rung::Asked) => panic!("{at:?}"),
            Step::Try(Rung::AnySize) => "any-size",
            Step::Try(Rung::Before) => "before",
            Step::Try(Rung::Default) => "default",
            Step::Try(Rung::System) => "system",
        });
        match step {
            Step::Keep | Step::Mute => return steps.join(" "),
            Step::Release => (at.is_in_use, at.is_released) = (false, true),
            Step::Try(Rung::AnySize) => at.is_sized = false,
            Step::Try(Rung::Before) => (at.is_released, at.is_sized) = (false, false),
            Step::Try(Rung::Default) => (at.has_default, at.is_sized) = (false, false),
            Step::Try(Rung::System | Rung::Asked) => (at.has_system, at.is_sized) = (false, false),
        }
    }
    panic!("no end: {steps:?}")
}

/// Whatever the place, no more than six attempts.
#[test]
fn def_19_every_ladder_ends_and_without_fallback_at_once() {
    for error in ERRORS {
        for bits in 0..64_u8 {
            let bit = |n: u8| bits & 1 << n != 0;
            let place = Situation {
                error,
                is_sized: bit(0),
                is_in_use: bit(1),
                is_released: bit(2),
                has_default: bit(3),
                has_system: bit(4),
                falls_back: bit(5),
            };
            let steps = fall(place);
            assert!(steps.ends_with("keep") || steps.ends_with("mute"), "{place:?}: {steps}");
            assert_eq!(steps.contains("default"), steps.contains("default") && bit(3) && bit(5));
            assert_eq!(steps.contains("system"), steps.contains("system") && bit(4) && bit(5));
        }
    }
}
