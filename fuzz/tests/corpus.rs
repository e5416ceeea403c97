//! Replays the corpora: the seeds, taken from recorded calls, and whatever fuzzing found since.

use std::fs;
use std::path::PathBuf;

use offhook::xmpp::Frame;

/// The most files that a corpus keeps; more belong into a merge (`-merge=1`) first.
const MAX_FILES: usize = 300;
/// The most bytes of one file, which is also what `fuzz/run` lets libFuzzer try.
const MAX_LEN: usize = 16 * 1024;

/// The files of one corpus in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            let entry = entry.expect("a readable folder");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a readable file"))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    assert!(files.len() <= MAX_FILES, "{target}: {} files", files.len());
    for (name, data) in &files {
        assert!(data.len() <= MAX_LEN, "{target}/{name}: {} bytes", data.len());
    }
    files
}

#[test]
fn xmpp_frames_keep_their_promises() {
    for (_, data) in corpus("xmpp_frame") {
        offhook_fuzz::xmpp_frame(&data);
    }
}

#[test]
fn jingle_becomes_readable_sdp() {
    for (_, data) in corpus("jingle") {
        offhook_fuzz::jingle(&data);
    }
}

#[test]
fn sdp_settles() {
    for (_, data) in corpus("sdp") {
        offhook_fuzz::sdp(&data);
    }
}

#[test]
fn rpc_calls_are_read_as_written() {
    for (_, data) in corpus("rpc") {
        offhook_fuzz::rpc(&data);
    }
}

#[test]
fn recorded_frames_are_understood() {
    let mut understood = 0;
    for (name, data) in corpus("xmpp_frame") {
        let text = String::from_utf8(data).expect("the seeds are text");
        // Findings are named by libFuzzer (`crash-…`) and may be anything.
        if name.contains('-') {
            continue;
        }
        match Frame::parse(&text) {
            Ok(Frame::Other { name, namespace }) => panic!("unknown <{name} xmlns='{namespace}'>"),
            Ok(_) => understood += 1,
            Err(error) => panic!("{name}: {error}\n{text}"),
        }
    }
    assert!(understood > 0, "no recorded frame was replayed");
}
