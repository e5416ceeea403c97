//! An XMPP server that others wrote: Prosody, started by a test for itself.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::relay::free_port;

/// The domain that it serves.
pub(crate) const DOMAIN: &str = "lab.test";
/// The password of each of its users.
pub(crate) const PASSWORD: &str = "let me in";

/// A running server with the users `alice` and `bob`.
pub(crate) struct Prosody {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Prosody {
    /// Starts one that gives out credentials of this relay, made with this secret and good for so many seconds, and
    /// waits until it serves.
    pub(crate) fn start(relay: u16, secret: &str, seconds: u32) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("offhook-prosody-{port}"));
        std::fs::create_dir_all(folder.join("data")).expect("a folder");
        let settings = settings(&folder, port, relay, secret, seconds);
        std::fs::write(folder.join("prosody.cfg.lua"), settings).expect("written");
        for user in ["alice", "bob"] {
            let words = ["register", user, DOMAIN, PASSWORD];
            let done = command("prosodyctl", &folder).args(words).output();
            let done = done.expect("prosodyctl: see sim/prosody/run");
            assert!(done.status.success(), "{done:?}");
        }
        let server = command("prosody", &folder).arg("-F").stdout(Stdio::null()).spawn();
        let started = Self { server: server.expect("prosody"), folder, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "it does not serve:\n{}", started.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }

    /// The address of its WebSocket (RFC 7395).
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/xmpp-websocket", self.port)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// A program of it with its settings.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--config").arg(folder.join("prosody.cfg.lua")).stdin(Stdio::null());
    command
}

fn settings(folder: &Path, port: u16, relay: u16, secret: &str, seconds: u32) -> String {
    let folder = folder.display();
    format!(
        r#"run_as_root = true
pidfile = "{folder}/pid"
data_path = "{folder}/data"
log = {{ info = "{folder}/log" }}
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "websocket", "external_services" }}
modules_disabled = {{ "s2s", "tls" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
s2s_ports = {{}}
https_ports = {{}}
http_ports = {{ {port} }}
http_interfaces = {{ "127.0.0.1" }}
consider_websocket_secure = true
authentication = "internal_plain"
external_services = {{
  {{ type = "turn", host = "127.0.0.1", port = {relay}, transport = "udp",
    secret = "{secret}", ttl = {seconds}, algorithm = "turn" }},
}}
VirtualHost "{DOMAIN}"
"#
    )
}

impl Drop for Prosody {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.server.kill();
        let _ = self.server.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
