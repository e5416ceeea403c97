//! A softphone on the command line, against any environment.
//!
//! Commands come from the keyboard, one a line: `help` lists them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use console::style;
use futures_util::future::{self, Either};
use futures_util::stream::select;
use futures_util::{Stream, StreamExt as _};
use offhook::audio::{RATE, Side, Tracks, wav};
use offhook::genesys::{Config, ConversationId, Dial, Event, HandledBy, Phone as _};
use offhook::media::{Digit, MediaState};
use offhook::net::NetOptions;
use offhook_runtime::genesys::Client;
use offhook_runtime::{Audio, SendError, Sockets};

const HELP: &str = "\
  answer            answer the call that rings
  reject            decline it
  hangup            end the call
  mute, unmute      in the service: the far end does not hear you
  hold, unhold
  dtmf 123#         press keys
  dial NUMBER       call somebody
  calls             list the calls
  help
  quit              hang up nothing, log out, end
Ctrl-C hangs up, logs out and ends; once more ends at once.";

/// A phone for the keyboard.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The service's domain.
    #[arg(long, default_value = "mypurecloud.com")]
    environment: String,
    /// An OAuth access token; better from the environment than from the command line.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: String,
    /// The REST host with its scheme, for an emulator.
    #[arg(long, value_name = "URL")]
    api_host: Option<String>,
    /// The WebSocket host with its scheme, for an emulator.
    #[arg(long, value_name = "URL")]
    ws_host: Option<String>,
    /// Let media use loopback, for an emulator on this machine.
    #[arg(long)]
    loopback: bool,
    /// The file to say on each call.
    #[arg(long, value_name = "FILE")]
    wav_in: Option<PathBuf>,
    /// The file for what is heard; later calls overwrite it.
    #[arg(long, value_name = "FILE")]
    wav_out: Option<PathBuf>,
    /// The runtime that carries the phone.
    #[arg(long, value_enum, default_value_t = Carrier::Tokio)]
    runtime: Carrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Carrier {
    Tokio,
    Smol,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.runtime {
        Carrier::Tokio => tokio::runtime::Runtime::new()
            .context("tokio")
            .and_then(|tokio| tokio.block_on(run::<offhook_tokio::Tokio>(cli))),
        Carrier::Smol => smol::block_on(run::<offhook_smol::Smol>(cli)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", style("softphone:").red());
            ExitCode::FAILURE
        }
    }
}

/// The next thing that the phone has to react to.
enum Next {
    Event(Event),
    Line(String),
    /// The keyboard is closed.
    End,
}

async fn run<R: Sockets>(cli: Cli) -> anyhow::Result<()> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
    let speech = cli.wav_in.as_ref().map(read).transpose()?;
    if let Some(speech) = &speech {
        wav::read(&speech[..]).context("--wav-in")?;
    }
    let mut config = Config::agent(cli.environment, cli.token);
    config.api_host = cli.api_host;
    config.ws_host = cli.ws_host;
    let net = NetOptions::default().loopback(cli.loopback);
    let (phone, events) = Client::<R>::builder(config).net(net).build()?;
    let presses = ctrl_c();
    tell("logging in …");
    match future::select(pin!(phone.connect()), pin!(presses.recv())).await {
        Either::Left((connected, _)) => connected.context("cannot log in")?,
        Either::Right(_) => return Ok(()),
    }
    tell(format_args!("ready; {} lists the commands", style("help").bold()));

    let mut desk =
        Desk { phone, speech, wav_out: cli.wav_out, calls: BTreeMap::new(), current: None };
    let next = select(events.map(Next::Event), keyboard());
    let interrupted = match future::select(pin!(desk.work(next)), pin!(presses.recv())).await {
        Either::Left((worked, _)) => {
            worked?;
            false
        }
        Either::Right(_) => true,
    };
    if interrupted {
        desk.hang_up().await;
    }
    desk.phone.disconnect().await.context("logging out")?;
    tell("bye");
    Ok(())
}

/// Tells when Ctrl-C is pressed, from a thread of its own whatever the runtime. The second time it
/// ends the program, since the first one's hang-up may take its time.
fn ctrl_c() -> smol::channel::Receiver<()> {
    let (send, presses) = smol::channel::bounded(1);
    std::thread::spawn(move || -> std::io::Result<()> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio.block_on(async {
            tokio::signal::ctrl_c().await?;
            // Whoever listens may have gone.
            let _ = send.try_send(());
            tokio::signal::ctrl_c().await?;
            std::process::exit(130)
        })
    });
    presses
}

/// Says a line. When nobody reads that any more, the calls go on all the same.
fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The lines typed, read on a thread because a terminal cannot be waited for otherwise.
fn keyboard() -> impl Stream<Item = Next> + Unpin {
    let (send, lines) = smol::channel::bounded(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if send.send_blocking(Next::Line(line)).is_err() {
                return;
            }
        }
        // Whoever listens may have gone.
        let _ = send.send_blocking(Next::End);
    });
    Box::pin(lines)
}

#[derive(PartialEq, Eq)]
enum Go {
    On,
    Quit,
}

/// The phone and its calls, by what they are doing.
struct Desk<R> {
    phone: Client<R>,
    /// A WAV file.
    speech: Option<Vec<u8>>,
    wav_out: Option<PathBuf>,
    calls: BTreeMap<ConversationId, String>,
    /// The call that commands are about: the one that rang or was dialled last.
    current: Option<ConversationId>,
}

impl<R: Sockets> Desk<R> {
    /// Does what the events and the keyboard ask for, until either wants to end.
    async fn work(&mut self, mut next: impl Stream<Item = Next> + Unpin) -> anyhow::Result<()> {
        while let Some(next) = next.next().await {
            match next {
                Next::Event(event) => self.told(event)?,
                Next::Line(line) => match self.command(&line).await {
                    Ok(Go::On) => {}
                    Ok(Go::Quit) => break,
                    Err(error) => tell(format_args!("{} {error:#}", style("!").red())),
                },
                Next::End => break,
            }
        }
        Ok(())
    }

    /// Ends the calls that it is on; one that only rings is left to the user's other phones.
    async fn hang_up(&self) {
        for (conversation, state) in &self.calls {
            if state != "ringing"
                && let Err(error) = self.phone.end(conversation.clone()).await
            {
                tell(format_args!("{} {error:#}", style("!").red()));
            }
        }
    }

    fn say(&self, line: &str) {
        tell(format_args!("{} {line}", style("·").cyan()));
    }

    fn told(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::PendingSession(call) => {
                let who = call.who();
                let from = who.remote_name.as_ref().or(who.remote_number.as_ref());
                let from = from.unwrap_or(&call.from);
                self.say(&format!("{} from {from}", style("ringing").yellow().bold()));
                self.calls.insert(call.conversation.clone(), "ringing".to_owned());
                self.current = Some(call.conversation);
            }
            Event::CancelPendingSession { conversation, .. } => {
                self.say("the caller gave up");
                self.forget(&conversation);
            }
            Event::HandledPendingSession { conversation, by: HandledBy::Elsewhere, .. } => {
                self.say("handled by another client");
                self.forget(&conversation);
            }
            Event::SessionStarted(session) => {
                self.calls.insert(session.conversation.clone(), "connecting".to_owned());
                self.current = Some(session.conversation.clone());
                self.talk(self.phone.audio(session.media))?;
            }
            Event::MediaState { conversation, state: MediaState::Connected, .. } => {
                self.say(&style("talking").green().bold().to_string());
                self.calls.insert(conversation, "talking".to_owned());
            }
            Event::SessionInterrupted(_) => self.say("the line is bad"),
            Event::ConversationUpdate(update) => {
                for call in update.current {
                    let mut words = format!("{:?}", call.state).to_lowercase();
                    for (is, word) in [(call.muted, ", muted"), (call.held, ", held")] {
                        if is {
                            words.push_str(word);
                        }
                    }
                    self.say(&words);
                    self.calls.insert(call.id, words);
                }
                for call in update.removed {
                    self.forget(&call.id);
                }
            }
            Event::SessionEnded { session, reason } => {
                self.say(&format!("over: {reason}"));
                self.forget(&session.conversation);
            }
            Event::Dtmf { digit, .. } => self.say(&format!("they pressed {}", digit.as_char())),
            Event::Disconnected { reconnecting, error } => {
                let why = error.map_or_else(String::new, |error| format!(": {error}"));
                if !reconnecting {
                    bail!("disconnected{why}");
                }
                self.say(&format!("connection lost{why}; trying again"));
            }
            Event::Connected { reconnect: true } => self.say("connected again"),
            Event::Error(error) => self.say(&style(error.to_string()).red().to_string()),
            _ => {}
        }
        Ok(())
    }

    fn forget(&mut self, conversation: &ConversationId) {
        self.calls.remove(conversation);
        if self.current.as_ref() == Some(conversation) {
            self.current = self.calls.keys().next_back().cloned();
        }
    }

    /// Plays what is to be said, and records what is heard.
    fn talk(&self, mut audio: Audio) -> anyhow::Result<()> {
        let complain = |what: &dyn Display| tell(format_args!("{} {what:#}", style("!").red()));
        if let Some(path) = self.wav_out.clone() {
            let recording = audio.record();
            R::spawn(async move {
                recording.ended().await;
                let heard = recording.wav(Tracks::Only(Side::Heard), RATE).map_err(Into::into);
                match heard.and_then(|wav| anyhow::Ok(std::fs::write(&path, wav)?)) {
                    Ok(()) => tell(format_args!("{} wrote {}", style("·").cyan(), path.display())),
                    Err(error) => complain(&error.context(path.display().to_string())),
                }
            })?;
        }
        if let Some(speech) = self.speech.clone() {
            R::spawn(async move {
                match audio.play(&speech[..]).await {
                    Ok(()) | Err(SendError::Ended) => {}
                    Err(error) => complain(&error),
                }
            })?;
        }
        Ok(())
    }

    async fn command(&mut self, line: &str) -> anyhow::Result<Go> {
        let (word, rest) = line.trim().split_once(' ').unwrap_or_else(|| (line.trim(), ""));
        let phone = self.phone.clone();
        let call = || self.current.clone().context("there is no call");
        match word {
            "" => {}
            "help" | "?" => tell(HELP),
            "quit" | "q" => return Ok(Go::Quit),
            "calls" => {
                for (id, state) in &self.calls {
                    tell(format_args!("  {id}  {state}"));
                }
            }
            "answer" | "a" => phone.accept_pending(call()?).await?,
            "reject" | "r" => phone.reject_pending(call()?).await?,
            "hangup" | "h" => phone.end(call()?).await?,
            "mute" => phone.set_muted(call()?, true).await?,
            "unmute" => phone.set_muted(call()?, false).await?,
            "hold" => phone.set_held(call()?, true).await?,
            "unhold" => phone.set_held(call()?, false).await?,
            "dtmf" => {
                let keys = rest.trim().chars().map(Digit::try_from).collect::<Result<_, _>>()?;
                phone.send_dtmf(call()?, keys, Duration::from_millis(120)).await?;
            }
            "dial" if !rest.trim().is_empty() => {
                let dialled = phone.dial(Dial::number(rest.trim())).await?;
                self.current = Some(dialled.conversation);
            }
            other => bail!("no such command: {other} (help lists them)"),
        }
        Ok(Go::On)
    }
}
