//! The phone by lines: commands in, one a line, and what happens out. For pipes and scripts, too.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use console::style;
use futures_util::StreamExt as _;
use futures_util::future::{self, Either};
use futures_util::stream::{self, select};
use offhook_runtime::{Drive, Events, Sockets};

use crate::ask::{Act, Ask};
use crate::board::Board;
use crate::news::{News, Tell};
use crate::phone::Phone;
use crate::settings::Settings;
use crate::sound::{self, Sound};
use crate::terminal::{complain, ctrl_c, keyboard, say, tell};
use crate::voice;

/// The calls, which whoever tells of them changes.
type Calls = Arc<Mutex<Board>>;

fn lock(calls: &Calls) -> MutexGuard<'_, Board> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works a phone by lines until its end.
pub(crate) async fn run<R: Sockets, P: Phone<R>>(settings: &Settings) -> anyhow::Result<()> {
    let calls = Calls::default();
    let board = Arc::clone(&calls);
    let teller: Tell = Arc::new(move |news| {
        match &news {
            News::Said(line) => say(line),
            News::Failed(line) => tell(format_args!("{} {line}", style("!").red())),
            News::Call(..) | News::Network(_) | News::Presence(_) | News::Wire(_) => {}
        }
        lock(&board).told(&news);
    });
    let sound = Sound::new(settings, Arc::clone(&teller))?;
    let (mut phone, events) = P::new(settings, sound.clone(), teller)?;
    let presses = ctrl_c();
    tell("logging in …");
    match future::select(pin!(phone.log_in()), pin!(presses.recv())).await {
        Either::Left((logged_in, _)) => logged_in.context("cannot log in")?,
        Either::Right(_) => {
            // The service may have logged it in already.
            let _ = phone.log_out().await;
            return Ok(());
        }
    }
    tell(format_args!("ready; {} lists the commands", style("help").bold()));

    let interrupted = {
        let working = pin!(work(&mut phone, events, &sound, &calls));
        match future::select(working, pin!(presses.recv())).await {
            Either::Left((worked, _)) => {
                worked?;
                false
            }
            Either::Right(_) => true,
        }
    };
    if interrupted {
        // One that only rings is left to the user's other phones.
        let ours = lock(&calls).ours();
        for call in ours {
            if let Err(error) = phone.ask(Ask::Call(call, Act::End)).await {
                complain(&error);
            }
        }
    }
    phone.log_out().await.context("logging out")?;
    tell("bye");
    Ok(())
}

/// The next thing that the phone has to react to.
enum Next<E> {
    Event(E),
    Line(String),
    /// The keyboard is closed.
    End,
}

/// Does what the events and the keyboard ask for, until either wants to end.
async fn work<R: Sockets, P: Phone<R>>(
    phone: &mut P,
    events: Events<P::Machine>,
    sound: &Sound,
    calls: &Calls,
) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    let lines = keyboard().map(Next::Line).chain(stream::iter([Next::End]));
    let mut next = pin!(select(events.map(Next::Event), lines));
    while let Some(next) = next.next().await {
        let line = match next {
            Next::Event(event) => {
                phone.told(event)?;
                continue;
            }
            Next::Line(line) => line,
            Next::End => break,
        };
        let (word, rest) = line.trim().split_once(' ').unwrap_or_else(|| (line.trim(), ""));
        match word {
            "" => {}
            "help" | "?" => tell(format_args!(
                "{}\n  {}{}\n  calls             list the calls\n  help\n  \
                 quit              hang up nothing, log out, end\n\
                 Ctrl-C hangs up, logs out and ends; once more ends at once.",
                P::KEYS,
                sound::KEYS,
                voice::KEYS
            )),
            "quit" | "q" => break,
            "calls" => lock(calls).list().iter().for_each(|call| tell(format_args!("  {call}"))),
            word => {
                match sound.command(word, rest.trim()) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        complain(&error);
                        continue;
                    }
                }
                let wish = wish(&lock(calls), word, rest.trim());
                let done = match wish {
                    Ok(wish) => phone.ask(wish).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = done {
                    complain(&error);
                }
            }
        }
    }
    Ok(())
}

/// The wish that a line says.
fn wish(calls: &Board, word: &str, rest: &str) -> anyhow::Result<Ask> {
    let act = match (word, rest) {
        ("answer" | "a", _) => Act::Answer,
        ("reject" | "r", _) => Act::Reject,
        ("ignore", _) => Act::Ignore,
        ("forward", to) if !to.is_empty() => Act::Forward(to.to_owned()),
        ("hangup" | "h", _) => Act::End,
        ("mute", _) => Act::Mute(true),
        ("unmute", _) => Act::Mute(false),
        ("hold", _) => Act::Hold(true),
        ("unhold", _) => Act::Hold(false),
        ("transfer", to) if !to.is_empty() => Act::Transfer(to.to_owned()),
        ("dtmf", keys) => Act::Press(keys.to_owned()),
        ("dial", to) if !to.is_empty() => return Ok(Ask::Dial(to.to_owned())),
        (other, _) => bail!("no such command: {other} (help lists them)"),
    };
    Ok(Ask::Call(calls.current().context("there is no call")?, act))
}
