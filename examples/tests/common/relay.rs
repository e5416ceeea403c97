//! A relay that others wrote: coturn, started by a test for itself.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use offhook::media::IceServer;

/// The folder with what `sim/relay/run` made: the server's certificate and key, and the certificate (DER) that the
/// former comes from.
pub(crate) fn certificates() -> PathBuf {
    std::env::var("OFFHOOK_RELAY").map(PathBuf::from).expect("OFFHOOK_RELAY: see sim/relay/run")
}

/// A running server. Its user is `alice`, her password `secret`, or whoever has a password that comes from its own
/// secret.
pub(crate) struct Coturn {
    server: Child,
    arguments: Vec<String>,
    folder: PathBuf,
    port: u16,
    secure: Option<u16>,
}

pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("bound").port()
}

impl Coturn {
    /// Starts one with these arguments besides, and waits until it serves.
    pub(crate) fn start(besides: &[&str]) -> Self {
        let (certificates, secure) = (certificates(), free_port());
        let file = |name: &str| certificates.join(name).display().to_string();
        let mut arguments = vec![
            format!("--tls-listening-port={secure}"),
            format!("--cert={}", file("cert.pem")),
            format!("--pkey={}", file("key.pem")),
            "--lt-cred-mech".to_owned(),
            "--user=alice:secret".to_owned(),
        ];
        arguments.extend(besides.iter().map(|one| (*one).to_owned()));
        Self::launch(Some(secure), arguments)
    }

    /// Starts one without certificates that takes a password for a limited time by whoever has this secret.
    pub(crate) fn start_with_secret(secret: &str, besides: &[&str]) -> Self {
        let secret = format!("--static-auth-secret={secret}");
        let mut arguments = vec!["--no-tls".to_owned(), "--use-auth-secret".to_owned(), secret];
        arguments.extend(besides.iter().map(|one| (*one).to_owned()));
        Self::launch(None, arguments)
    }

    fn launch(secure: Option<u16>, besides: Vec<String>) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("offhook-relay-{port}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = |name: &str| folder.join(name).display().to_string();
        let mut arguments = vec![
            "-n".to_owned(),
            "--listening-ip=127.0.0.1".to_owned(),
            "--relay-ip=127.0.0.1".to_owned(),
            format!("--listening-port={port}"),
            "--min-port=48000".to_owned(),
            "--max-port=48999".to_owned(),
            "--realm=lab.test".to_owned(),
            "--allow-loopback-peers".to_owned(),
            "--no-dtls".to_owned(),
            "--no-cli".to_owned(),
            "--no-rfc5780".to_owned(),
            format!("--pidfile={}", file("pid")),
            format!("--userdb={}", file("db")),
            "--log-file=stdout".to_owned(),
            "--simple-log".to_owned(),
            "-v".to_owned(),
        ];
        arguments.extend(besides);
        let server = serve(&arguments, &folder);
        let started = Self { server, arguments, folder, port, secure };
        started.wait();
        started
    }

    /// Credentials for so long by its secret, as a service gives them to clients, and when they run out (since 1970).
    pub(crate) fn lends_for(&self, secret: &str, time: Duration) -> (IceServer, Duration) {
        let until = Duration::from_secs((unix_time() + time).as_secs() + 1);
        let name = format!("{}:ada", until.as_secs());
        let password = signature(secret, &name);
        let uri = format!("turn:127.0.0.1:{}?transport=udp", self.port);
        (IceServer::turn(uri, name, password), until)
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let mut text = Vec::new();
        let mut file = std::fs::File::open(self.folder.join("log")).expect("a log");
        file.read_to_end(&mut text).expect("read");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The port of UDP and TCP.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log().contains("IPv4. UDP listener opened") {
            assert!(Instant::now() < deadline, "it does not serve:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, without a word to anybody, and begins anew: nothing that it lent is known any more.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.server = serve(&self.arguments, &self.folder);
        self.wait();
    }

    fn kill(&mut self) {
        // It may be gone already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// The server as a client knows it, over `udp`, `tcp` or `tls`.
    pub(crate) fn over(&self, transport: &str, password: &str) -> IceServer {
        let relay = match transport {
            // By its name, which its certificate has.
            "tls" => format!("turns:localhost:{}", self.secure.expect("a certificate")),
            _ => format!("turn:127.0.0.1:{}?transport={transport}", self.port),
        };
        IceServer::turn(relay, "alice", password)
    }
}

/// The time since 1970, by which credentials run out.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// The password that belongs to a user name: its HMAC by the secret, in Base64.
fn signature(secret: &str, name: &str) -> String {
    let sign = format!(
        "printf %s '{name}' | openssl dgst -sha1 -hmac '{secret}' -binary | openssl base64"
    );
    let done = Command::new("sh").args(["-c", &sign]).output().expect("openssl: see sim/relay/run");
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("text").trim_end().to_owned()
}

fn serve(arguments: &[String], folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("log")).expect("a log");
    let errors = log.try_clone().expect("a log");
    Command::new("turnserver")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .expect("turnserver: see sim/relay/run")
}

impl Drop for Coturn {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
