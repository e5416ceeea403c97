//! A far end that others wrote: aiortc, behind a small XMPP client in Python (`sim/prosody/aiortc_jingle.py`).

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use offhook::audio::wav;
use offhook::xmpp::Jid;
use offhook_runtime::Sockets;
use serde_json::Value;

use super::prosody::{DOMAIN, PASSWORD, Prosody};
use super::within;

/// A running far end.
pub(crate) struct Aiortc {
    program: Child,
    told: smol::channel::Receiver<Value>,
    folder: PathBuf,
}

impl Aiortc {
    /// Starts one as a user who says a recording, and who calls somebody or waits for a call.
    pub(crate) fn start(server: &Prosody, user: &str, says: &Path, calls: Option<&Jid>) -> Self {
        let python = std::env::var("OFFHOOK_AIORTC").expect("OFFHOOK_AIORTC: see sim/prosody/run");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/prosody/aiortc_jingle.py");
        let folder = std::env::temp_dir().join(format!("offhook-aiortc-{}", server.port()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut command = Command::new(python);
        command.arg(script).arg(server.url()).arg(format!("{user}@{DOMAIN}")).arg(PASSWORD);
        command.arg(says).arg(folder.join("heard.wav")).args(calls.map(Jid::as_str));
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("Python");
        let lines = BufReader::new(program.stdout.take().expect("its output"));
        let (tell, told) = smol::channel::unbounded();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("a line of JSON");
                let _ = tell.send_blocking(line);
            }
        });
        Self { program, told, folder }
    }

    /// Waits for the next event, which must be of this kind.
    pub(crate) async fn until<R: Sockets>(&self, event: &str) -> Value {
        let told = within::<R, _>(event, self.told.recv()).await.expect(event);
        assert_eq!(told["event"], event, "{told}");
        told
    }

    /// Waits for its address.
    pub(crate) async fn online<R: Sockets>(&self) -> Jid {
        let told = self.until::<R>("online").await;
        told["address"].as_str().expect("a text").parse().expect("an address")
    }

    /// Waits until it is done: all that it heard.
    pub(crate) async fn heard<R: Sockets>(&self) -> Vec<i16> {
        self.until::<R>("done").await;
        let file = std::fs::File::open(self.folder.join("heard.wav")).expect("a recording");
        wav::read(file).expect("speech")
    }
}

impl Drop for Aiortc {
    fn drop(&mut self) {
        // It may be done already.
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
