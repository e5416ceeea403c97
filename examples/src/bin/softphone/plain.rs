//! The phone by lines: commands in, one a line, and what happens out. For pipes and scripts, too.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use console::style;
use futures_util::future::{self, Either, Fuse, FusedFuture as _, join_all};
use futures_util::stream::{FusedStream, FuturesUnordered, Stream, StreamExt as _, select};
use futures_util::{FutureExt as _, select_biased};
use offhook::machine::Machine;
use offhook_hid::System;
use offhook_runtime::{Drive, Events, Sockets};
use smol::channel::Receiver;

use crate::ask::{Act, Ask};
use crate::board::Board;
use crate::headset::{Face, Seen, Told, Worn};
use crate::live::{FAREWELL, PATIENCE, within};
use crate::news::{CallKey, Network, News, SPEECHLESS, Tell};
use crate::phone::{Asking, Phone};
use crate::settings::Settings;
use crate::sound::{self, Sound};
use crate::terminal::{complain, ctrl_c, keyboard, say, tell};
use crate::voice;

/// The calls, which whoever tells of them changes.
type Calls = Arc<Mutex<Board>>;

fn lock(calls: &Calls) -> MutexGuard<'_, Board> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The news of who has the headset that may wait.
const NEWS: usize = 64;

/// The wishes that may wait for the one under way: more lines are not read until some are done.
const WAITING: usize = 64;

/// The lines, as a headset meets them.
struct Lines(Calls);

impl Face for Lines {
    fn seen(&self) -> Vec<Seen> {
        lock(&self.0).seen()
    }

    fn takes(&mut self, call: &CallKey, act: Act, word: &str) -> Option<(Ask, String)> {
        self.says(format!("headset: {word}"));
        Some((Ask::Call(call.clone(), act), String::new()))
    }

    fn did(&mut self, _: &str) {}

    fn says(&mut self, line: String) {
        say(&line);
    }

    fn fails(&mut self, why: &str) {
        fail(why);
    }
}

/// Says what did not work.
fn fail(why: &str) {
    tell(format_args!("{} {why}", style("!").red()));
}

/// Works a phone by lines until its end.
pub(crate) async fn run<R: Sockets, P: Phone<R>>(settings: &Settings) -> anyhow::Result<()> {
    let calls = Calls::default();
    let board = Arc::clone(&calls);
    let (sender, news) = smol::channel::bounded(NEWS);
    let teller: Tell = Arc::new(move |news| {
        match &news {
            News::Said(line) | News::Done(line) => say(line),
            News::Failed(line) => fail(line),
            News::Network(_) | News::Headset(_) | News::Speechless(_) => {
                let _ = sender.force_send(news.clone());
            }
            News::Presences(presences) => presences.iter().for_each(|one| {
                tell(format_args!("  {} {}", if one.ours { '*' } else { ' ' }, one.label));
            }),
            News::Call(..) | News::Presence(_) | News::Wire(_) => {}
        }
        lock(&board).told(&news);
    });
    let sound = Sound::new(settings, Arc::clone(&teller))?;
    let (mut phone, events) = P::new(settings, sound.clone(), sound.overhears(teller))?;
    let (worn, keys) = Worn::new(settings, P::OFFERS, System)?;
    let presses = ctrl_c();
    tell("logging in …");
    let logged_in = match future::select(pin!(phone.log_in()), pin!(presses.recv())).await {
        Either::Left((logged_in, _)) => Some(logged_in),
        Either::Right(_) => None,
    };
    let Some(logged_in) = logged_in else {
        // The service may have logged it in already.
        let _ = phone.log_out().await;
        return Ok(());
    };
    logged_in.context("cannot log in")?;
    tell(format_args!("ready; {} lists the commands", style("help").bold()));

    let outside = Outside { events, news, headset: keys, lines: keyboard(), presses };
    let worked = work(&mut phone, outside, &sound, &calls, worn).await;
    // Also after an error: what is to be written is written.
    let left = within::<R, _>(FAREWELL, phone.log_out()).await;
    let written = sound.written::<R>().await;
    worked?;
    left.context("the service does not answer; left all the same")?.context("logging out")?;
    written?;
    tell("bye");
    Ok(())
}

/// The things that tell of what happens.
struct Outside<E, L> {
    events: E,
    news: Receiver<News>,
    headset: Receiver<Told>,
    lines: L,
    /// Of Ctrl-C.
    presses: Receiver<()>,
}

/// The next thing that the phone has to react to.
enum Next<E> {
    Event(E),
    News(News),
    Headset(Told),
}

/// Does what the events and the keyboard ask for, until either wants to end. The wishes of lines come one after the other, as a
/// script means them; all else goes on meanwhile.
async fn work<R: Sockets, P: Phone<R>>(
    phone: &mut P,
    outside: Outside<Events<P::Machine>, impl Stream<Item = String>>,
    sound: &Sound,
    calls: &Calls,
    mut worn: Worn,
) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    let Outside { events, news, headset, lines, presses } = outside;
    let told = select(news.map(Next::News), headset.map(Next::Headset));
    let mut next = pin!(select(events.map(Next::Event), told).fuse());
    let mut lines = pin!(lines.fuse());
    let mut presses = pin!(presses.fuse());
    let mut asking: Fuse<Asking> = Fuse::terminated();
    // Of calls that have no microphone.
    let mut muting: FuturesUnordered<Asking> = FuturesUnordered::new();
    let mut waiting: VecDeque<String> = VecDeque::new();
    // No more lines are read.
    let mut ends = false;
    let mut face = Lines(Arc::clone(calls));
    let mut wanted = worn.news(Instant::now(), &News::Network(Network::Up), &mut face);
    loop {
        wanted.extend(worn.looks(Instant::now(), &mut face));
        worn.begin(std::mem::take(&mut wanted), |ask| phone.ask(ask));
        while asking.is_terminated()
            && let Some(line) = waiting.pop_front()
        {
            let wish = wish(&lock(calls), &line);
            match wish {
                Ok(wish) => asking = phone.ask(wish).fuse(),
                Err(error) => complain(&error),
            }
        }
        if ends && asking.is_terminated() {
            break;
        }
        let reads = !ends && waiting.len() < WAITING;
        let mut line = pin!(
            async {
                match reads {
                    true => lines.next().await,
                    false => future::pending().await,
                }
            }
            .fuse()
        );
        let line = select_biased! {
            () = presses.select_next_some() => {
                hurries::<R, P>(phone, &mut next, (asking, muting, worn), calls).await;
                break;
            }
            done = worn.under_way.select_next_some() => {
                wanted = worn.done(Instant::now(), done, &mut face);
                continue;
            }
            done = asking => {
                if let Err(error) = done {
                    complain(&error);
                }
                continue;
            }
            done = muting.select_next_some() => {
                if let Err(error) = done {
                    complain(&error);
                }
                continue;
            }
            one = next.next() => {
                match one {
                    Some(Next::Event(event)) => phone.told(event)?,
                    Some(Next::News(News::Speechless(call))) => {
                        fail(SPEECHLESS);
                        muting.push(phone.ask(Ask::Call(call, Act::Mute(true))));
                    }
                    Some(Next::News(news)) => {
                        wanted = worn.news(Instant::now(), &news, &mut face);
                    }
                    Some(Next::Headset(told)) => {
                        wanted = worn.told(Instant::now(), told, &mut face);
                    }
                    None => break,
                }
                continue;
            }
            line = line => line,
        };
        let Some(line) = line else {
            ends = true;
            continue;
        };
        let (word, rest) = words(&line);
        match word {
            "" => {}
            "help" | "?" => tell(format_args!(
                "{}\n  {}{}\n  headset           show the headset and its state\n  \
                 calls             list the calls\n  help\n  \
                 quit              hang up nothing, log out, end\n\
                 Ctrl-C hangs up, logs out and ends; once more ends at once.",
                P::KEYS,
                sound::KEYS,
                voice::KEYS
            )),
            "quit" | "q" => ends = true,
            "headset" => {
                let words = worn.words();
                tell(format_args!("  {}", words.as_deref().unwrap_or("there is no headset")));
            }
            "people" => match lock(calls).people() {
                Some([]) => tell("  nobody is told of yet"),
                Some(people) => people.iter().for_each(|one| tell(format_args!("  {one}"))),
                None => complain(&anyhow!("this is no meeting")),
            },
            "presence" if rest.is_empty() && !P::OFFERS.presences.is_empty() => {
                P::OFFERS.presences.iter().for_each(|one| tell(format_args!("    {one}")));
            }
            "calls" => match &lock(calls).list()[..] {
                [] => tell("  no calls"),
                list => list.iter().for_each(|call| tell(format_args!("  {call}"))),
            },
            word => match sound.command(word, rest) {
                Ok(true) => {}
                Ok(false) => waiting.push_back(line),
                Err(error) => complain(&error),
            },
        }
    }
    Ok(())
}

/// Ends the calls, also one that is being made, without further words.
async fn hurries<R: Sockets, P: Phone<R>>(
    phone: &mut P,
    next: &mut (impl FusedStream<Item = Next<<P::Machine as Machine>::Event>> + Unpin),
    (mut asking, mut muting, mut worn): (Fuse<Asking>, FuturesUnordered<Asking>, Worn),
    calls: &Calls,
) {
    let mut patience = pin!(R::sleep(PATIENCE).fuse());
    while !(asking.is_terminated() && muting.is_empty() && worn.under_way.is_empty()) {
        select_biased! {
            _ = asking => {}
            _ = muting.select_next_some() => {}
            _ = worn.under_way.select_next_some() => {}
            () = patience => break,
            // What follows from it is of no more concern.
            one = next.next() => if let Some(Next::Event(event)) = one {
                drop(phone.told(event));
            },
        }
    }
    // One that was dialled is told of before its dialling is done.
    while let Some(Some(one)) = next.next().now_or_never() {
        if let Next::Event(event) = one {
            drop(phone.told(event));
        }
    }
    // One that only rings is left to the user's other phones.
    let ours = lock(calls).ours();
    let ends: Vec<_> = ours.into_iter().map(|call| phone.ask(Ask::Call(call, Act::End))).collect();
    let ended = within::<R, _>(PATIENCE, join_all(ends)).await;
    ended.into_iter().flatten().filter_map(Result::err).for_each(|error| complain(&error));
}

/// The first word of a line, and what follows.
fn words(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    (word, rest.trim())
}

/// The wish that a line says.
fn wish(calls: &Board, line: &str) -> anyhow::Result<Ask> {
    let act = match words(line) {
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
        ("film", _) => Act::Film(true),
        ("unfilm", _) => Act::Film(false),
        ("presence", "") => return Ok(Ask::Presences),
        ("presence", name) => return Ok(Ask::Presence(name.to_owned())),
        ("voicemail", _) => return Ok(Ask::Voicemail),
        ("meet", room) if !room.is_empty() => return Ok(Ask::Meet(room.to_owned())),
        ("dial", to) if !to.is_empty() => return Ok(Ask::Dial(to.to_owned())),
        (word @ ("meet" | "dial" | "transfer" | "forward"), _) => {
            bail!("{word} wants to know more (help lists what)")
        }
        (other, _) => bail!("no such command: {other} (help lists them)"),
    };
    Ok(Ask::Call(calls.current().context("there is no call")?, act))
}
