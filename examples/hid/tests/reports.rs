//! Reports become keys, and lamps reports.

use offhook::headset::{Hook, Key, Lamps};
use offhook_hid::{Input, Layout, Quirk, ReportError, Reports};

mod common;
use common::descriptor;

const UP: Input = Input::Key(Key::Hook(Hook::Up));
const DOWN: Input = Input::Key(Key::Hook(Hook::Down));
const MUTE: Input = Input::Key(Key::Mute);
const FLASH: Input = Input::Key(Key::Flash);
const DROP: Input = Input::Key(Key::Drop);
const DARK: Lamps = Lamps { ring: false, off_hook: false, mute: false, hold: false };
const TALKS: Lamps = Lamps { off_hook: true, ..DARK };

const NOTHING: [Vec<u8>; 0] = [];

fn reports(name: &str) -> Reports {
    Reports::new(Layout::parse(&descriptor(name)).expect(name))
}

fn read(reports: &mut Reports, bytes: &[u8]) -> Vec<Input> {
    reports.read(bytes).expect("long enough")
}

#[test]
fn a_change_is_a_key_and_nothing_else_is() {
    let mut reports = reports("one_byte");
    assert_eq!(read(&mut reports, &[0b0000_0000]), []);
    assert_eq!(read(&mut reports, &[0b0000_0001]), [UP]);
    assert_eq!(read(&mut reports, &[0b0000_0101]), [MUTE]);
    assert_eq!(read(&mut reports, &[0b0000_0001]), [], "let go");
    assert_eq!(read(&mut reports, &[0b1011_0011]), [], "bits of nobody");
    assert_eq!(read(&mut reports, &[0b0000_1000]), [FLASH, DOWN], "hold before the hook");
    assert_eq!(read(&mut reports, &[0b0000_0001, 7, 7]), [UP], "longer than said");
    assert_eq!(read(&mut reports, &[0b0100_0000]), [DROP, DOWN]);
}

#[test]
fn keys_of_several_reports_do_not_disturb_each_other() {
    let mut reports = reports("two_reports");
    assert_eq!(read(&mut reports, &[2, 9, 9, 0b0100_0000]), [UP]);
    assert_eq!(read(&mut reports, &[5, 0b0000_1000]), [MUTE]);
    assert_eq!(read(&mut reports, &[5, 0b0011_0000]), [FLASH, DROP]);
    assert_eq!(read(&mut reports, &[2, 8, 9, 0b0100_0000]), [], "a vendor's field changed");
    assert_eq!(read(&mut reports, &[2, 8, 9, 0b1110_0000]), [Input::Redial, Input::LineBusy(true)]);
    assert_eq!(read(&mut reports, &[2, 8, 9, 0]), [DOWN, Input::LineBusy(false)]);
    assert_eq!(read(&mut reports, &[1, 3]), [], "the volume");
    assert_eq!(read(&mut reports, &[77]), [], "a report of nobody");
}

#[test]
fn numbers_of_an_array_are_keys() {
    let mut reports = reports("array");
    assert_eq!(read(&mut reports, &[1, 0, 1]), [UP]);
    assert_eq!(read(&mut reports, &[1, 2, 1]), [MUTE]);
    assert_eq!(read(&mut reports, &[1, 1, 2]), [], "in another place");
    assert_eq!(read(&mut reports, &[1, 3, 1]), [FLASH]);
    assert_eq!(read(&mut reports, &[1, 4, 5]), [DROP, DOWN, Input::Redial]);
    assert_eq!(read(&mut reports, &[1, 7, 255]), [], "numbers of nothing");
}

#[test]
fn states_and_switches_say_how_it_is() {
    let muted = |muted| Input::Key(Key::Muted(muted));
    let mut reports = reports("states");
    assert_eq!(read(&mut reports, &[0b0001]), [UP]);
    assert_eq!(read(&mut reports, &[0b0000]), [], "let go");
    assert_eq!(read(&mut reports, &[0b0100]), [muted(true)]);
    assert_eq!(read(&mut reports, &[0b1111]), [FLASH, DOWN]);
    assert_eq!(read(&mut reports, &[0b0000]), [muted(false)]);
}

#[test]
fn a_short_report_is_counted_and_changes_nothing() {
    let mut reports = reports("two_reports");
    assert_eq!(reports.read(&[]), Err(ReportError { needed: 1, has: 0 }));
    assert_eq!(reports.read(&[2, 9, 9]), Err(ReportError { needed: 4, has: 3 }));
    assert_eq!(reports.short(), 2);
    assert_eq!(read(&mut reports, &[2, 9, 9, 0b0100_0000]), [UP]);
    let mut reports = self::reports("one_byte");
    assert_eq!(reports.read(&[]), Err(ReportError { needed: 1, has: 0 }));
}

#[test]
fn only_reports_that_change_are_written() {
    let mut reports = reports("two_reports");
    assert_eq!(reports.show(DARK), [vec![2, 0], vec![4, 0], vec![9, 0]], "all at first");
    assert_eq!(reports.show(DARK), NOTHING);
    assert_eq!(reports.show(TALKS), [[2, 0x80]]);
    assert_eq!(reports.show(Lamps { mute: true, ..TALKS }), [[4, 0x10]]);
    assert_eq!(reports.show(Lamps { ring: true, hold: true, ..DARK }), [[2, 0], [4, 0x20], [9, 1]]);
    let mut reports = self::reports("one_byte");
    let all = Lamps { ring: true, off_hook: true, mute: true, hold: true };
    assert_eq!(reports.show(all), [[0, 0b1111]], "without ids there is a 0 before");
}

#[test]
fn lamps_of_an_array_are_numbers_and_the_first_have_the_places() {
    let mut reports = reports("array");
    assert_eq!(reports.show(DARK), [[2, 0, 0]]);
    assert_eq!(reports.show(Lamps { mute: true, ..TALKS }), [[2, 0x31, 0]]);
    let all = Lamps { ring: true, off_hook: true, mute: true, hold: true };
    assert_eq!(reports.show(all), [[2, 0x21, 0x03]], "off-hook, ring, mute");
}

/// `Headset` shows lamps again where the device contradicts: that must reach it.
#[test]
fn what_a_device_may_have_changed_itself_is_written_again() {
    let mut reports = reports("two_reports");
    reports.show(TALKS);
    assert_eq!(read(&mut reports, &[2, 0, 0, 0b0100_0000]), [UP], "its echo");
    assert_eq!(reports.show(TALKS), NOTHING, "it agrees");
    assert_eq!(read(&mut reports, &[2, 0, 0, 0]), [DOWN]);
    assert_eq!(reports.show(TALKS), [[2, 0x80]]);
    assert_eq!(read(&mut reports, &[5, 0b0000_1000]), [MUTE]);
    assert_eq!(reports.show(TALKS), [[4, 0]]);
    assert_eq!(read(&mut reports, &[5, 0b0001_0000]), [FLASH]);
    assert_eq!(reports.show(TALKS), [[4, 0]]);
}

/// A device that does not echo hangs up by saying what it said before; a mute key says nothing of that.
#[test]
fn a_device_that_does_not_echo_can_hang_up() {
    let mut reports = reports("one_byte");
    reports.show(TALKS);
    assert_eq!(read(&mut reports, &[0b0100]), [MUTE], "and the hook is not moved");
    assert_eq!(read(&mut reports, &[0b0000]), []);
    assert_eq!(read(&mut reports, &[0b0000]), [DOWN]);
}

/// A relative hook says that it moved, not whereto.
#[test]
fn a_hook_that_only_toggles_goes_by_what_is_shown() {
    let mut bytes = descriptor("one_byte");
    let flags = bytes.windows(2).position(|two| two == [0x81, 0x22]).expect("the hook");
    bytes[flags + 1] = 0x06;
    let mut reports = Reports::new(Layout::parse(&bytes).expect("a headset"));
    assert_eq!(read(&mut reports, &[1]), [UP]);
    assert_eq!(read(&mut reports, &[0]), []);
    assert_eq!(read(&mut reports, &[1]), [DOWN]);
    assert_eq!(read(&mut reports, &[0]), []);
    reports.show(TALKS);
    assert_eq!(read(&mut reports, &[1]), [DOWN]);
}

#[test]
fn a_maker_s_bits_are_keys_and_lamps() {
    let layout = Layout::parse(&descriptor("one_byte_sparse")).expect("a headset");
    let mut reports = Reports::new(layout.with_quirk(Quirk::Yealink));
    assert_eq!(read(&mut reports, &[0b0000_1001]), [FLASH, UP]);
    assert_eq!(read(&mut reports, &[0b0100_0001]), [DROP]);
    assert_eq!(reports.show(Lamps { hold: true, ..TALKS }), [[0, 0b1001]]);
}
