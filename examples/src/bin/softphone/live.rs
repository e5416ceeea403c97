//! The screen on a terminal: keys, news and the time go in, and what is asked for is done.

#[cfg(test)]
mod tests;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::future::{self, Either, LocalBoxFuture, join_all};
use futures_util::stream::{FusedStream, FuturesUnordered, Stream, StreamExt as _, select};
use futures_util::{FutureExt as _, select_biased};
use offhook::machine::Machine;
use offhook_hid::System;
use offhook_runtime::{Drive, Events, Service, Sockets};
use ratatui::crossterm::event::{
    self, Event as Term, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use ratatui::{DefaultTerminal, crossterm::ExecutableCommand as _};
use smol::channel::Receiver;

use crate::ask::{Act, Ask};
use crate::bell::Bell;
use crate::headset::{Told as OfHeadset, Worn};
use crate::history::Keeper;
use crate::news::{Network, News, Tell};
use crate::phone::Phone;
use crate::screen::{Key, Opening, Screen};
use crate::settings::Settings;
use crate::sound::Sound;

/// The time between two looks at the sound.
const TICK: Duration = Duration::from_millis(250);
/// The news that may wait. More are left out: the terminal is stuck.
const NEWS: usize = 4096;
/// The time that is left to what was asked for before the end, and then to the end of the calls.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// The time within which the phone logs out.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// The terminal, given back as it was whatever happens.
struct Stage(DefaultTerminal);

impl Stage {
    fn new() -> io::Result<Self> {
        // Gives the terminal back before a panic is told, too.
        let stage = Self(ratatui::try_init()?);
        // What is pasted is no keys. A terminal that knows no such thing takes no note.
        io::stdout().execute(event::EnableBracketedPaste)?;
        Ok(stage)
    }
}

impl Stage {
    /// Gives the terminal back as it was, also to whoever ends without a stage.
    fn leaves() {
        let _ = io::stdout().execute(event::DisableBracketedPaste);
        ratatui::restore();
        // Whoever hides the cursor shows it again.
        let _ = io::stdout().execute(ratatui::crossterm::cursor::Show);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        Self::leaves();
    }
}

/// The things that tell of what happens.
struct Outside<M: Service, T> {
    events: Events<M>,
    news: Receiver<News>,
    headset: Receiver<OfHeadset>,
    terminal: T,
}

/// Something that comes from outside.
enum Next<E> {
    Event(E),
    News(News),
    Headset(OfHeadset),
    Key(Key),
    Pasted(String),
    /// The time goes on, or the window is another one.
    Tick,
    /// The terminal is gone, or the process is to end.
    Gone,
}

/// Works a phone by the screen until its end.
pub(crate) async fn run<R: Sockets, P: Phone<R>>(mut settings: Settings) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    settings.trace = true;
    let (sender, news) = smol::channel::bounded(NEWS);
    let tell: Tell = Arc::new(move |news| {
        let _ = sender.try_send(news);
    });
    let sound = Sound::new(&settings, Arc::clone(&tell))?;
    let (mut phone, events) = P::new(&settings, sound.clone(), sound.overhears(Arc::clone(&tell)))?;
    let keeper = Keeper::new(settings.history.clone());
    let before = keeper.read();
    let unread = before.as_ref().err().map(|error| format!("{error:#}"));
    let mut screen = Screen::new(Opening {
        offers: P::OFFERS,
        title: title(&settings, P::OFFERS.service),
        wrap_up: settings.wrap_up.clone(),
        colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        history: before.unwrap_or_default(),
    });
    unread.iter().for_each(|why| screen.failed(why));
    let mut stage = Stage::new().context("the terminal")?;
    let bell = Bell::new(&settings, &sound);
    let (worn, headset) = Worn::new(&settings, P::OFFERS, System)?;
    let outside = Outside { events, news, headset, terminal: terminal() };
    let draw = |screen: &Screen| stage.0.draw(|frame| screen.draw(frame)).map(drop);
    let notes = |number: &str| keeper.notes(number, &tell);
    let worked = work(&mut phone, &mut screen, draw, outside, (&sound, &bell), notes, worn).await;
    // What is told from here on is told as lines, and Ctrl-C is a signal.
    drop(stage);
    let written = sound.written::<R>().await;
    worked.and(written)
}

/// The user, as far as the settings say, and the place of the service.
fn title(settings: &Settings, service: &str) -> String {
    let place = settings.api_host.as_deref().unwrap_or(&settings.environment);
    match &settings.user {
        Some(user) => format!("{user} on {service}"),
        None => format!("{service} {place}"),
    }
}

/// Shows and does, until the end is asked for.
async fn work<R: Sockets, P: Phone<R>>(
    phone: &mut P,
    screen: &mut Screen,
    mut draw: impl FnMut(&Screen) -> io::Result<()>,
    outside: Outside<P::Machine, impl Stream<Item = Told>>,
    (sound, bell): (&Sound, &Bell),
    notes: impl Fn(&str),
    mut worn: Worn,
) -> anyhow::Result<()>
where
    P::Machine: Drive,
{
    let began = Instant::now();
    let Outside { events, news, headset, terminal } = outside;
    let told = select(news.map(Next::News), headset.map(Next::Headset));
    let mut outside = pin!(select(told, terminal.map(Next::from)).fuse());
    // The first figures of the sound.
    screen.hears(sound.view(bell));
    let left = {
        let mut logging_in = pin!(phone.log_in().fuse());
        loop {
            screen.wears(worn.words());
            draw(screen)?;
            select_biased! {
                done = logging_in => {
                    done.context("cannot log in")?;
                    break false;
                }
                one = outside.next() => match one {
                    Some(Next::Key(key)) => {
                        screen.hears(sound.view(bell));
                        match pressed(screen, key, sound, bell) {
                            None => {}
                            Some(Ask::Quit) => break true,
                            Some(_) => screen.failed("this phone is not logged in yet"),
                        }
                    }
                    Some(Next::Pasted(text)) => screen.pasted(&text),
                    Some(Next::News(news)) => screen.told(news),
                    Some(Next::Headset(told)) => {
                        // Without a call nothing is asked for, and the other clients are asked once it is logged in.
                        worn.told(Instant::now(), told, screen);
                    }
                    Some(Next::Tick) => {
                        screen.tick(began.elapsed());
                        screen.hears(sound.view(bell));
                    }
                    Some(Next::Event(_)) => {}
                    Some(Next::Gone) | None => break true,
                },
            }
        }
    };
    if left {
        // The service may have logged it in already.
        let _ = within::<R, _>(PATIENCE, phone.log_out()).await;
        return Ok(());
    }
    let mut next = pin!(select(events.map(Next::Event), outside).fuse());
    let mut asked = Asked::new();
    let up = News::Network(Network::Up);
    let wanted = worn.news(Instant::now(), &up, screen);
    worn.begin(wanted, |ask| phone.ask(ask));
    screen.told(up);
    let ended = loop {
        screen.tick(began.elapsed());
        bell.rings(screen.rings());
        let wanted = worn.looks(Instant::now(), screen);
        worn.begin(wanted, |ask| phone.ask(ask));
        screen.wears(worn.words());
        // Where there is no terminal any more, the calls end, and what is to be written is.
        if let Err(error) = draw(screen) {
            break Err(error.into());
        }
        select_biased! {
            (begun, done) = asked.select_next_some() => match done {
                Ok(()) => screen.done(&begun),
                Err(error) => screen.failed(&format!("{error:#}")),
            },
            done = worn.under_way.select_next_some() => {
                let wanted = worn.done(Instant::now(), done, screen);
                worn.begin(wanted, |ask| phone.ask(ask));
            }
            one = next.next() => match one {
                Some(Next::Event(event)) => if let Err(error) = phone.told(event) {
                    break Err(error);
                },
                Some(Next::News(News::Speechless(call))) => {
                    screen.told(News::Speechless(call.clone()));
                    let mutes = phone.ask(Ask::Call(call, Act::Mute(true)));
                    asked.push(mutes.map(|done| (String::new(), done)).boxed_local());
                }
                Some(Next::News(news)) => {
                    let wanted = worn.news(Instant::now(), &news, screen);
                    worn.begin(wanted, |ask| phone.ask(ask));
                    screen.told(news);
                }
                Some(Next::Headset(told)) => {
                    let wanted = worn.told(Instant::now(), told, screen);
                    worn.begin(wanted, |ask| phone.ask(ask));
                }
                Some(Next::Tick) => screen.hears(sound.view(bell)),
                Some(Next::Pasted(text)) => screen.pasted(&text),
                Some(Next::Key(key)) => {
                    // The devices that it may be about are those of now.
                    screen.hears(sound.view(bell));
                    match pressed(screen, key, sound, bell) {
                        None => {}
                        Some(Ask::Quit) => break Ok(()),
                        Some(ask) => {
                            if let Some(number) = ask.number() {
                                notes(number);
                            }
                            let (begun, asking) = (screen.begun(), phone.ask(ask));
                            asked.push(asking.map(|done| (begun, done)).boxed_local());
                        }
                    }
                }
                Some(Next::Gone) | None => break Ok(()),
            },
        }
    };
    bell.rings(None);
    let _ = draw(screen);
    ended.and(leave::<R, P>(phone, screen, (asked, worn), &mut next).await)
}

/// Takes a key and does what it asks of this computer, and returns what it asks of the service.
fn pressed(screen: &mut Screen, key: Key, sound: &Sound, bell: &Bell) -> Option<Ask> {
    let done = match screen.key(key)? {
        Ask::Device(place, name) => sound.want(bell, place, name),
        Ask::Volume(volume) => sound.set_volume(volume),
        Ask::Voice(part, on) => sound.set_voice(part, on),
        ask => return Some(ask),
    };
    if let Err(error) = done {
        screen.failed(&format!("{error:#}"));
    }
    None
}

/// The wishes under way, with the words for them.
type Asked = FuturesUnordered<LocalBoxFuture<'static, (String, anyhow::Result<()>)>>;

/// Ends the calls, also one that is being made, and logs out.
async fn leave<R: Sockets, P: Phone<R>>(
    phone: &mut P,
    screen: &mut Screen,
    (mut asked, mut worn): (Asked, Worn),
    next: &mut (impl FusedStream<Item = Next<<P::Machine as Machine>::Event>> + Unpin),
) -> anyhow::Result<()> {
    let mut patience = pin!(R::sleep(PATIENCE).fuse());
    while !(asked.is_empty() && worn.under_way.is_empty()) {
        select_biased! {
            _ = asked.select_next_some() => {}
            _ = worn.under_way.select_next_some() => {}
            () = patience => break,
            one = next.next() => match one {
                // What follows from it is of no more concern.
                Some(Next::Event(event)) => drop(phone.told(event)),
                Some(Next::News(news)) => screen.told(news),
                Some(Next::Key(Key::Interrupt)) => bail!(AT_ONCE),
                // A terminal that goes says so by a signal, too.
                Some(_) | None => {}
            },
        }
    }
    // One that was dialled is told of before its dialling is done.
    while let Some(Some(one)) = next.next().now_or_never() {
        match one {
            Next::Event(event) => drop(phone.told(event)),
            Next::News(news) => screen.told(news),
            _ => {}
        }
    }
    let ends: Vec<_> = screen
        .ours()
        .into_iter()
        .map(|(call, consults)| {
            // The end of a consult would give the caller away.
            let back = consults.then(|| phone.ask(Ask::Call(call.clone(), Act::CancelConsult)));
            let end = phone.ask(Ask::Call(call, Act::End));
            async move {
                if let Some(back) = back {
                    let _ = back.await;
                }
                // One that is over by now need not be ended.
                let _ = end.await;
            }
        })
        .collect();
    let ending = async {
        let _ = within::<R, _>(PATIENCE, join_all(ends)).await;
        match within::<R, _>(FAREWELL, phone.log_out()).await {
            Some(done) => done.context("logging out"),
            None => bail!("the service does not answer; left all the same"),
        }
    };
    let mut ending = pin!(ending.fuse());
    loop {
        select_biased! {
            done = ending => return done,
            one = next.next() => {
                if let Some(Next::Key(Key::Interrupt)) = one {
                    bail!(AT_ONCE);
                }
            }
        }
    }
}

/// The words for an end that nobody waits for.
const AT_ONCE: &str = "left before the service had answered";

/// The outcome within so long; none if it takes longer.
pub(crate) async fn within<R: Sockets, T>(
    limit: Duration,
    of: impl Future<Output = T>,
) -> Option<T> {
    match future::select(pin!(of), pin!(R::sleep(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// The keys and the time, told by a thread because a terminal cannot be waited for otherwise.
fn terminal() -> impl Stream<Item = Told> {
    let (send, told) = smol::channel::bounded(64);
    let signals = send.clone();
    let gone = move || {
        // Whoever is stuck is ended by the next one.
        let _ = signals.try_send(Told::Gone);
    };
    crate::terminal::on_end(gone, Stage::leaves);
    std::thread::spawn(move || {
        let mut tick = Instant::now();
        loop {
            let wait = tick.saturating_duration_since(Instant::now());
            let one = match event::poll(wait) {
                Ok(false) => {
                    tick = Instant::now() + TICK;
                    Told::Tick
                }
                Ok(true) => match event::read() {
                    Ok(Term::Key(pressed)) => match key(pressed, cfg!(windows)) {
                        Some(key) => Told::Key(key),
                        None => continue,
                    },
                    Ok(Term::Paste(text)) => Told::Pasted(text),
                    Ok(_) => Told::Tick,
                    Err(_) => Told::Gone,
                },
                Err(_) => Told::Gone,
            };
            let is_last = matches!(one, Told::Gone);
            if send.send_blocking(one).is_err() || is_last {
                return;
            }
        }
    });
    told
}

/// A word of the thread of the terminal.
enum Told {
    Key(Key),
    Pasted(String),
    Tick,
    Gone,
}

impl<E> From<Told> for Next<E> {
    fn from(told: Told) -> Self {
        match told {
            Told::Key(key) => Self::Key(key),
            Told::Pasted(text) => Self::Pasted(text),
            Told::Tick => Self::Tick,
            Told::Gone => Self::Gone,
        }
    }
}

/// The key that was pressed, if it is one that the phone knows. With `alt_gr`, Ctrl and Alt together are AltGr.
fn key(pressed: KeyEvent, alt_gr: bool) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let (control, alt) = (KeyModifiers::CONTROL, KeyModifiers::ALT);
    let [control, alt] = [control, alt].map(|which| pressed.modifiers.contains(which));
    // Some keyboards have an `@` with AltGr only, which is both there.
    let (control, alt) = if alt_gr && control && alt { (false, false) } else { (control, alt) };
    Some(match pressed.code {
        KeyCode::Char('c' | 'C') if control => Key::Interrupt,
        KeyCode::Char('u' | 'U') if control => Key::Clear,
        KeyCode::Char(_) if control || alt => return None,
        KeyCode::Char(char) => Key::Char(char),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}
