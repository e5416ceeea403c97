//! A call whose media is in another process: what carries the frames between a client here and the program
//! `media-host` (`src/bin/media_host.rs`), a line each, over its standard input and output.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::thread;

use futures_util::future::{Either, select};
use offhook::ribbon::{ConfigPatch, Event, HostEvent, Phone as _};
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::{Client, HostEvents, MediaHost};
use tokio::sync::mpsc::{Receiver, channel};

/// Lines that wait to be taken; then whoever writes waits.
const WAITING: usize = 256;

/// The process that has the media. It ends with this.
#[derive(Debug)]
pub struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the process, and has the media of a client's calls there from now on.
///
/// # Errors
///
/// It does not start, or is not fit for it.
pub async fn media_elsewhere<R: Sockets>(
    phone: &Client<R>,
    program: &mut Command,
) -> anyhow::Result<Elsewhere> {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let elsewhere = Elsewhere(child);
    let (Some(mut input), Some(output)) = (input, output) else { anyhow::bail!("no pipes") };
    let mut lines = lines(output);
    let (carrier, mut events) = (phone.clone(), phone.events());
    R::spawn(async move {
        loop {
            match select(pin!(events.next()), pin!(lines.recv())).await {
                Either::Left((Some(Event::ProxyFrame(frame)), _)) => {
                    if writeln!(input, "{}", *frame).is_err() {
                        return;
                    }
                }
                Either::Left((Some(_), _)) => {}
                Either::Right((Some(line), _)) => drop(carrier.proxy_received(line)),
                Either::Left((None, _)) | Either::Right((None, _)) => return,
            }
        }
    })?;
    phone.set_proxy_channel(true).await?;
    phone.initialize_remote(ConfigPatch::default()).await?;
    phone.set_proxy_mode(true).await?;
    Ok(elsewhere)
}

/// The other process: it takes frames as lines, and says back what each call hears.
///
/// # Errors
///
/// There is nobody to write to any more.
pub async fn host<R: Sockets>(
    host: MediaHost<R>,
    mut events: HostEvents,
    mut lines: Receiver<String>,
    mut out: impl io::Write,
) -> anyhow::Result<()> {
    loop {
        match select(pin!(events.next()), pin!(lines.recv())).await {
            Either::Left((Some(event), _)) => match event {
                HostEvent::Frame(frame) => {
                    writeln!(out, "{}", *frame)?;
                    out.flush()?;
                }
                HostEvent::Started { media } => {
                    let mut audio = host.audio(media);
                    R::spawn(async move {
                        while let Some(frame) = audio.stream.next().await {
                            let _ = audio.sink.send(frame).await;
                        }
                    })?;
                }
                _ => {}
            },
            Either::Right((Some(line), _)) => drop(host.receive(line)),
            Either::Left((None, _)) | Either::Right((None, _)) => return Ok(()),
        }
    }
}

/// The lines of a stream, as they come.
pub fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel(WAITING);
    thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.take_while(|line| sender.blocking_send(line.clone()).is_ok()).for_each(drop);
    });
    receiver
}
