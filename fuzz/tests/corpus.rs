//! Replays the corpora: the seeds, taken from recorded calls, and whatever fuzzing found since.

use std::fs;
use std::path::PathBuf;

use offhook::genesys::wire::Frame;

/// The most files that a corpus keeps.
const MAX_FILES: usize = 600;
/// The most bytes of one file, which is also what `fuzz/run` lets libFuzzer try.
const MAX_LEN: usize = 64 * 1024;
/// The most bytes of one corpus.
const MAX_BYTES: usize = 400 * 1024;

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
    let bytes: usize = files.iter().map(|(_, data)| data.len()).sum();
    assert!(bytes <= MAX_BYTES, "{target}: {bytes} bytes");
    files
}

fn replay(target: &str, harness: fn(&[u8])) {
    for (name, data) in corpus(target) {
        // Shown when it fails.
        println!("{target}/{name}");
        harness(&data);
    }
}

#[test]
fn xmpp_frames_keep_their_promises() {
    replay("xmpp_frame", offhook_fuzz::xmpp_frame);
}

#[test]
fn addresses_are_printed_as_they_were_read() {
    replay("jid", offhook_fuzz::jid);
}

#[test]
fn session_messages_are_read_as_written() {
    replay("message", offhook_fuzz::message);
}

#[test]
fn jingle_becomes_readable_sdp() {
    replay("jingle", offhook_fuzz::jingle);
}

#[test]
fn sdp_settles() {
    replay("sdp", offhook_fuzz::sdp);
}

#[test]
fn rpc_calls_are_read_as_written() {
    replay("rpc", offhook_fuzz::rpc);
}

#[test]
fn no_notification_leaves_anything_behind() {
    replay("notification", offhook_fuzz::notification);
}

#[test]
fn no_rest_answer_keeps_a_client_from_becoming_ready() {
    replay("rest", offhook_fuzz::rest);
}

#[test]
fn every_script_of_a_client_ends_well() {
    replay("client", |data| offhook_fuzz::client(data, offhook_fuzz::Watch::All));
}

#[test]
fn the_cloud_survives_its_clients() {
    replay("cloud", offhook_fuzz::cloud);
}

#[test]
fn the_media_engine_survives_its_far_side() {
    replay("media", offhook_fuzz::media);
}

#[test]
fn the_gathering_survives_its_servers() {
    replay("gather", offhook_fuzz::gather);
}

#[test]
fn the_talk_with_a_proxy_is_the_same_however_it_is_cut() {
    replay("tunnel", offhook_fuzz::tunnel);
}

#[test]
fn video_files_are_read_as_written() {
    replay("video", offhook_fuzz::video);
}

#[test]
fn headsets_of_any_bytes_keep_their_promises() {
    replay("hid", offhook_fuzz::hid);
}

#[test]
fn devices_are_used_as_the_ladder_says() {
    replay("devices", offhook_fuzz::devices);
}

#[test]
fn no_notification_of_a_gateway_disturbs_a_client() {
    replay("ribbon_notice", offhook_fuzz::ribbon_notice);
}

#[test]
fn no_answer_of_a_gateway_keeps_a_client_from_calling() {
    replay("ribbon_rest", offhook_fuzz::ribbon_rest);
}

#[test]
fn a_ribbon_client_and_its_media_elsewhere_end_well() {
    replay("ribbon_host", offhook_fuzz::ribbon_host);
}

#[test]
fn no_description_disturbs_another_call() {
    replay("ribbon_sdp", offhook_fuzz::ribbon_sdp);
}

#[test]
fn every_script_of_a_ribbon_client_ends_well() {
    replay("ribbon_client", |data| offhook_fuzz::ribbon_client(data, offhook_fuzz::Watch::All));
}

#[test]
fn the_gateway_survives_its_clients() {
    replay("gateway", offhook_fuzz::gateway);
}

#[test]
fn recorded_frames_are_understood() {
    let mut understood = 0;
    for (name, data) in corpus("xmpp_frame") {
        // Recorded frames have short names; what libFuzzer found may be anything.
        if name.len() != 16 {
            continue;
        }
        let text = String::from_utf8(data).expect("the seeds are text");
        match Frame::parse(&text) {
            Ok(Frame::Other { name, namespace }) => panic!("unknown <{name} xmlns='{namespace}'>"),
            Ok(_) => understood += 1,
            Err(error) => panic!("{name}: {error}\n{text}"),
        }
    }
    assert!(understood > 0, "no recorded frame was replayed");
}
