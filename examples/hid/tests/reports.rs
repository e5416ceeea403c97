//! Short reports. What whole ones say, and what is written, is in `recordings`.

use offhook::headset::{Hook, Key};
use offhook_hid::{Input, Layout, ReportError, Reports};

mod common;
use common::descriptor;

const UP: Input = Input::Key(Key::Hook(Hook::Up));

fn reports(name: &str) -> Reports {
    Reports::new(Layout::parse(&descriptor(name)).expect(name))
}

#[test]
fn a_short_report_is_counted_and_changes_nothing() {
    let mut reports = reports("two_reports");
    assert_eq!(reports.read(&[]), Err(ReportError { needed: 1, has: 0 }));
    assert_eq!(reports.read(&[2, 9, 9]), Err(ReportError { needed: 4, has: 3 }));
    assert_eq!(reports.short(), 2);
    assert_eq!(reports.read(&[2, 9, 9, 0b0100_0000]), Ok(vec![UP]));
    let mut reports = self::reports("one_byte");
    assert_eq!(reports.read(&[]), Err(ReportError { needed: 1, has: 0 }));
}
