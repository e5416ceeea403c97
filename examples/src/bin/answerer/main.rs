//! An agent who answers every call, says her speech again and again, and tells whether what she hears
//! is what the far end says. `sim/far-ends/run` calls her with other people's peer connections.
//!
//! She lives beside an emulator of her own. What she tells is JSON, one object a line; first
//! `{"control": URL, "userId": ID}`. What she is asked comes by lines, too:
//!
//! | line | what it does |
//! | --- | --- |
//! | `mark` | forgets what was heard, and answers `{"re": "mark"}` |
//! | `heard SECONDS` | waits until so much was heard since, and tells whether it was the far end's speech |
//! | `count` | tells at once how many samples came since, and how many frames were `recovered` in all, of the copies that others brought |
//! | `hush`, `speak` | says silence from now on, or her speech again |
//! | `compare FILE` | tells whether a WAV file is her own speech |
//! | `press KEYS MS` | presses keys on the last call, each for so many milliseconds |
//! | `restart` | at a gateway (`--ribbon`): finds another path for the last call's media |
//!
//! In a meeting she shows pictures and keeps what she sees, and takes the words of [`room`].

mod gateway;
mod pieces;
mod room;

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use offhook::audio::{Listener, RATE, wav};
use offhook::genesys::{Config, ConversationId, Event, IcePolicy, Phone as _};
use offhook::media::{AudioFrame, Digit, IceServer};
use offhook::net::NetOptions;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_tokio::{Audio, AudioReceiver, AudioSender, Client};
use serde_json::{Value, json};

use pieces::Speech;
use room::Seat;

/// The longest wait for what is to be heard.
const LIMIT: Duration = Duration::from_secs(15);
/// Samples kept of what was heard: a minute.
const MAX_HEARD: usize = 60 * RATE as usize;

/// Answers every call and compares what is heard.
#[derive(Debug, Parser)]
struct Cli {
    /// The agent's speech.
    #[arg(long, value_name = "FILE")]
    own: PathBuf,
    /// The far end's speech.
    #[arg(long, value_name = "FILE")]
    far: PathBuf,
    /// At the emulated gateway, and not at the cloud; she has none of the other ways there.
    #[arg(long)]
    ribbon: bool,
    /// Pauses of hers are not sent.
    #[arg(long)]
    dtx: bool,
    /// Media goes by this relay alone, whose user is `alice` with the password `secret`.
    #[arg(long, value_name = "URL")]
    relay: Option<String>,
    /// DTLS by OpenSSL, for far ends with RSA certificates.
    #[cfg(feature = "rsa")]
    #[arg(long)]
    rsa: bool,
}

/// The speech heard since the last mark.
#[derive(Debug, Default)]
struct Heard {
    pcm: Mutex<Vec<i16>>,
    more: Condvar,
    /// Frames that were lost, and had of the copy that the next one brought.
    recovered: Mutex<u64>,
}

/// The speech of the agent, and the manner of it.
#[derive(Debug)]
struct Saying {
    own: Vec<i16>,
    dtx: bool,
    hushed: AtomicBool,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let (own, far) = (read(&cli.own)?, read(&cli.far)?);
    let emulator = Emulator::start(EmulatorOptions::default())?;
    let heard = Arc::new(Heard::default());
    let saying =
        Arc::new(Saying { own: own.clone(), dtx: cli.dtx, hushed: AtomicBool::new(false) });
    let (speech, far) = (Speech::new(&own), Speech::new(&far));
    let tokio = tokio::runtime::Runtime::new()?;
    let _inside = tokio.enter();
    let net = NetOptions::default().loopback(true);
    if cli.ribbon {
        let desk = tokio.block_on(gateway::Desk::open(&emulator, net, &saying, &heard))?;
        return obey(&speech, &far, &saying, &heard, |word, _| match word {
            "restart" => Ok(json!({"error": tokio.block_on(desk.restart())?.err()})),
            _ => bail!("no such word: {word}"),
        });
    }

    let (user, token) = emulator.add_user("Ada", None).context("a user")?;
    let mut config = Config::agent("lab.test", token);
    config.api_host = Some(emulator.http_url());
    config.ws_host = Some(emulator.ws_url());
    if let Some(relay) = cli.relay {
        config.ice_policy = IcePolicy::RelayOnly;
        config.ice_servers = vec![IceServer::turn(relay, "alice", "secret")];
        config.timing.gathering = Duration::from_secs(5);
    }
    let builder = Client::builder(config).net(net);
    #[cfg(feature = "rsa")]
    let builder = if cli.rsa {
        builder.engine_factory(Box::new(offhook::media::WebRtcFactory::with_rsa()?))
    } else {
        builder
    };
    let (phone, events) = builder.build()?;
    tokio.block_on(phone.connect()).context("cannot log in")?;
    tell(&json!({"control": format!("{}/control", emulator.http_url()), "userId": user}));

    let last = Arc::new(Mutex::new(None));
    let seat = Seat::take(&phone);
    let parts = (Arc::clone(&saying), Arc::clone(&heard), Arc::clone(&last));
    tokio.spawn(answer(phone.clone(), events, seat.clone(), parts));
    obey(&speech, &far, &saying, &heard, |word, rest| match word {
        "press" => {
            let (keys, each) = rest.split_once(' ').context("for how long?")?;
            let keys = keys.chars().map(Digit::try_from).collect::<Result<_, _>>()?;
            let call: ConversationId = lock(&last).clone().context("no call")?;
            let pressed = phone.send_dtmf(call, keys, Duration::from_millis(each.parse()?));
            Ok(json!({"error": tokio.block_on(pressed).err().map(|error| error.to_string())}))
        }
        _ => tokio.block_on(seat.obey(word, rest)),
    })
}

/// Does what the lines say, of which some are words about a call.
fn obey(
    own: &Speech,
    far: &Speech,
    saying: &Saying,
    heard: &Heard,
    mut act: impl FnMut(&str, &str) -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let mut told = match word {
            "mark" => {
                lock(&heard.pcm).clear();
                json!({})
            }
            "heard" => json!(far.judge(&heard.wait(rest.parse()?))),
            "count" => {
                json!({"samples": lock(&heard.pcm).len(), "recovered": *lock(&heard.recovered)})
            }
            "hush" | "speak" => {
                saying.hushed.store(word == "hush", Ordering::Relaxed);
                json!({})
            }
            "compare" => json!(own.judge(&read(Path::new(rest))?)),
            _ => act(word, rest)?,
        };
        told["re"] = json!(word);
        tell(&told);
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(path: &Path) -> anyhow::Result<Vec<i16>> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    wav::read(std::io::BufReader::new(file)).with_context(|| path.display().to_string())
}

/// Says a line; whoever asked may have gone.
fn tell(what: &Value) {
    let _ = writeln!(std::io::stdout(), "{what}");
}

impl Heard {
    /// Waits for this many seconds of it, or for what there is of it in time.
    fn wait(&self, seconds: f64) -> Vec<i16> {
        let samples = (seconds * f64::from(RATE)) as usize;
        let pcm = lock(&self.pcm);
        self.more
            .wait_timeout_while(pcm, LIMIT, |pcm| pcm.len() < samples)
            .map_or_else(|poisoned| poisoned.into_inner().0.clone(), |(pcm, _)| pcm.clone())
    }

    fn write(&self, pcm: &[i16]) {
        let mut kept = lock(&self.pcm);
        if kept.len() < MAX_HEARD {
            kept.extend_from_slice(pcm);
        }
        self.more.notify_all();
    }
}

/// Answers what rings, and tells what matters of the rest.
async fn answer(
    phone: Client,
    mut events: offhook_tokio::Events,
    seat: Seat,
    (saying, heard, last): (Arc<Saying>, Arc<Heard>, Arc<Mutex<Option<ConversationId>>>),
) {
    while let Some(event) = events.next().await {
        match event {
            Event::PendingSession(call) => {
                *lock(&last) = Some(call.conversation.clone());
                let reply = phone.accept_pending(&call.conversation);
                tokio::spawn(async move {
                    if let Err(error) = reply.await {
                        tell(&json!({"event": "not-answered", "error": error.to_string()}));
                    }
                });
            }
            Event::SessionStarted(session) => {
                let Audio { sink, stream } = phone.audio(session.media);
                tokio::spawn(speak(sink, Arc::clone(&saying)));
                let seat = seat.clone();
                tokio::spawn(listen(stream, Arc::clone(&heard), move |frame| seat.keep(frame)));
            }
            Event::MediaAgreed { agreement, .. } => {
                tell(&json!({
                    "event": "agreed", "codec": agreement.codec.name(), "keys": agreement.keys,
                    "sends": agreement.direction.sends(),
                }));
            }
            Event::MediaState { state, .. } => {
                tell(&json!({"event": "media", "state": format!("{state:?}")}));
            }
            Event::SessionReplaced { .. } => tell(&json!({"event": "replaced"})),
            Event::Dtmf { digit, .. } => {
                tell(&json!({"event": "key", "key": digit.as_char().to_string()}));
            }
            Event::SessionEnded { reason, .. } => {
                tell(&json!({"event": "ended", "reason": reason.to_string()}));
            }
            Event::Error(error) => tell(&json!({"event": "error", "error": error.to_string()})),
            _ => {}
        }
    }
}

/// Says the speech again and again, or silence, in whatever codec is agreed on, until the session ends.
async fn speak(sink: AudioSender, saying: Arc<Saying>) {
    let Ok(mut pcm) = sink.pcm(RATE) else { return };
    pcm.set_dtx(saying.dtx);
    for piece in saying.own.chunks(RATE as usize / 10).cycle() {
        let said = match saying.hushed.load(Ordering::Relaxed) {
            true => pcm.write(&vec![0; piece.len()]).await,
            false => pcm.write(piece).await,
        };
        if said.is_err() {
            return;
        }
    }
}

/// Writes down what is heard, until the session ends.
async fn listen(
    mut stream: AudioReceiver,
    heard: Arc<Heard>,
    mut keep: impl FnMut(&AudioFrame) + Send,
) {
    let Ok(mut listener) = Listener::new(RATE) else { return };
    while let Some(frame) = stream.next().await {
        keep(&frame);
        let before = listener.counts().recovered;
        match listener.hear(Instant::now(), &frame) {
            Ok(pcm) => heard.write(&pcm),
            Err(error) => tell(&json!({"event": "error", "error": error.to_string()})),
        }
        *lock(&heard.recovered) += listener.counts().recovered - before;
    }
}
