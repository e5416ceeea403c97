//! Bytes, descriptors and threads that a client holds with its runtime and TLS, logged in and idle.
//! Counted by the allocator, against an emulator in a process of its own.
#![allow(clippy::disallowed_macros, reason = "a benchmark prints")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use offhook::genesys::{Config, Event, Phone as _};
use offhook::net::NetOptions;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_tokio::{Client, Clock, Events};

/// Clients that are there before anything is counted, so that what all share is not.
const FIRST: usize = 10;

/// Clients that are counted.
const COUNTED: usize = 100;

/// The goal for each.
const GOAL: usize = 64 << 10;

/// The argument that makes this program the emulator.
const SERVE: &str = "--serve";

/// The system's allocator, counting what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes unchanged to the system's allocator; only sizes are noted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as for the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The resources held now.
#[derive(Clone, Copy)]
struct Held {
    bytes: usize,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let entries = |folder| std::fs::read_dir(folder).map_or(0, Iterator::count);
        Self {
            bytes: IN_USE.load(Ordering::Relaxed),
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }

    /// Prints what each of the counted clients holds; the threads are all there are.
    fn print(self, what: &str, before: Self) -> usize {
        let bytes = self.bytes.saturating_sub(before.bytes) / COUNTED;
        let descriptors = self.descriptors.saturating_sub(before.descriptors);
        println!(
            "{what}: {bytes} bytes, {:.2} descriptors; {} threads in all",
            descriptors as f64 / COUNTED as f64,
            self.threads
        );
        bytes
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == SERVE) {
        return serve();
    }
    let service = Service::start()?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build()?;
    let idle = runtime.block_on(measure(&service))?;
    if idle > GOAL {
        return Err(format!("over the goal of {GOAL} bytes").into());
    }
    Ok(())
}

async fn measure(service: &Service) -> Result<usize, Box<dyn Error>> {
    let clock = Clock::default();
    let mut clients = Vec::new();
    let mut before = None;
    for token in &service.tokens {
        if clients.len() == FIRST {
            before = Some(rest(&clock, FIRST).await);
        }
        clients.push(service.log_in(token, &clock).await?);
    }
    let before = before.ok_or("too few tokens")?;
    Held::now().print("a client with tokio and TLS, just logged in", before);
    let idle = rest(&clock, FIRST + COUNTED).await;
    Ok(idle.print("a client with tokio and TLS, idle (target 65536)", before))
}

/// Waits until the connections of the logins are closed: one for each client is left.
async fn rest(clock: &Clock, clients: usize) -> Held {
    // The time for which they are kept.
    clock.advance(Duration::from_secs(16));
    let patience = Instant::now() + Duration::from_secs(20);
    let others = 24;
    while Held::now().descriptors > clients + others && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Held::now()
}

/// The emulator in a process of its own, which ends with this one.
struct Service {
    child: Child,
    _alive: Option<ChildStdin>,
    address: SocketAddr,
    certificate: Vec<u8>,
    tokens: Vec<String>,
}

impl Service {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let alive = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut next = || lines.next().ok_or("the emulator does not start")?.map_err(Box::from);
        let address = next().and_then(|line: String| Ok(line.parse()?))?;
        let certificate = next()?;
        let digits = certificate.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let certificate = digits.map(byte).collect::<Option<_>>().ok_or("no certificate")?;
        let tokens = (0..FIRST + COUNTED).map(|_| next()).collect::<Result<_, Box<dyn Error>>>()?;
        Ok(Self { child, _alive: alive, address, certificate, tokens })
    }

    async fn log_in(&self, token: &str, clock: &Clock) -> Result<(Client, Events), Box<dyn Error>> {
        let mut config = Config::agent("lab.test", token);
        config.api_host = Some(format!("https://localhost:{}", self.address.port()));
        config.ws_host = Some(format!("wss://localhost:{}", self.address.port()));
        let net = NetOptions::default()
            .extra_roots(vec![self.certificate.clone()])
            .resolve([("localhost".to_owned(), self.address)].into());
        let (phone, mut events) = Client::builder(config).net(net).clock(clock.clone()).build()?;
        phone.connect().await?;
        let ready = async {
            while let Some(event) = events.next().await {
                if matches!(event, Event::Ready) {
                    return Ok(());
                }
            }
            Err("the client ended")
        };
        tokio::time::timeout(Duration::from_secs(20), ready).await??;
        Ok((phone, events))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process: says where it is, what to trust and who may log in.
fn serve() -> Result<(), Box<dyn Error>> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let options =
        EmulatorOptions { listen: None, tls_listen: Some(loopback), ..EmulatorOptions::default() };
    let emulator = Emulator::start(options)?;
    let mut out = std::io::stdout();
    let url = emulator.https_url().ok_or("no TLS")?;
    writeln!(out, "{}", url.trim_start_matches("https://"))?;
    for byte in emulator.certificate().ok_or("no certificate")? {
        write!(out, "{byte:02x}")?;
    }
    writeln!(out)?;
    for n in 0..FIRST + COUNTED {
        let (_, token) = emulator.add_user(&format!("agent {n}"), None).ok_or("no more users")?;
        writeln!(out, "{token}")?;
    }
    out.flush()?;
    // Until the other process is gone.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
