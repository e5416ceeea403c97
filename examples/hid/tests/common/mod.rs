//! Descriptors as fixtures.

use std::path::PathBuf;

/// The fixtures that are headsets.
#[allow(dead_code)] // Not every test file has all of them.
pub(crate) const HEADSETS: [&str; 5] =
    ["one_byte", "one_byte_sparse", "two_reports", "array", "states"];

/// A descriptor of `fixtures`: bytes as hexadecimal numbers, with comments behind `#`.
pub(crate) fn descriptor(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let text = std::fs::read_to_string(folder.join(name).with_extension("hex")).expect("a fixture");
    let bytes = text.lines().flat_map(|line| {
        line.split('#').next().unwrap_or_default().split_whitespace().map(move |byte| {
            u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{name}: {byte} in {line}"))
        })
    });
    bytes.collect()
}
