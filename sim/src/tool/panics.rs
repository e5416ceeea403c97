//! Panics of machines under test: where they happened, without noise on the terminal.

use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::scenario::Report;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs something that catches its panics: they say nothing, and their places are remembered.
pub(super) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                remember(info);
            } else {
                other(info);
            }
        }));
    });
    QUIET.set(true);
    let result = work();
    QUIET.set(false);
    result
}

fn remember(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
    LAST.with(|last| *last.borrow_mut() = place);
}

/// Adds to a finding where this thread panicked since it was asked last, if it did.
pub(super) fn locate(report: &mut Report) {
    let place = LAST.with(|last| last.borrow_mut().take());
    if let (Some(place), Some(finding)) = (place, &mut report.finding) {
        finding.what = format!("{} ({place})", finding.what);
    }
}
