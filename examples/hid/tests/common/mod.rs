//! Descriptors of recordings.

use std::path::PathBuf;

use offhook_hid::recording::Recording;

/// The hand-made recordings, each with another kind of descriptor.
#[allow(dead_code)] // Not every test file has all of them.
pub(crate) const HEADSETS: [&str; 5] =
    ["one_byte", "one_byte_sparse", "two_reports", "array", "states"];

/// The descriptor of a recording.
pub(crate) fn descriptor(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let text = std::fs::read_to_string(folder.join(name).with_extension("hid")).expect("a file");
    text.parse::<Recording>().unwrap_or_else(|error| panic!("{name}: {error}")).descriptor
}
