//! Every recording of `recordings`, by hand or of a real headset, replayed: the keys that its reports say,
//! and the reports that are written for its lamps.

#![cfg(feature = "device")]

use std::fs;
use std::path::Path;

use offhook_hid::recording::Recording;

fn replay(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let recording: Recording = text.parse().map_err(|error| format!("{error}"))?;
    recording.replay().map_err(|error| error.to_string())
}

#[test]
fn every_recording_says_the_same_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let entries = fs::read_dir(&folder).expect("the folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let differ = paths.iter().filter_map(|path| {
        let error = replay(path).err()?;
        Some(format!("{}: {error}", path.file_name()?.to_string_lossy()))
    });
    let differ: Vec<_> = differ.collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
