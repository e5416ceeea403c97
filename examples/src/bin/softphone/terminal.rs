//! The terminal: lines in, lines out, and Ctrl-C.

use std::fmt::Display;
use std::io::{BufRead, Write as _};
use std::time::Duration;

use console::style;
use futures_util::Stream;

/// Tells when Ctrl-C is pressed, or the process is to end, from a thread of its own whatever the runtime. The second time it
/// ends the program, since the first one's hang-up may take its time.
pub(crate) fn ctrl_c() -> smol::channel::Receiver<()> {
    let (send, presses) = smol::channel::bounded(1);
    std::thread::spawn(move || -> std::io::Result<()> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio.block_on(async {
            signal().await?;
            // Whoever listens may have gone.
            let _ = send.try_send(());
            signal().await?;
            std::process::exit(130)
        })
    });
    presses
}

/// The longest wait for a terminal that takes nothing any more.
const MOMENT: Duration = Duration::from_millis(500);

/// Tells once when the process is to end: by a signal, or as its terminal is gone. The second time it ends, and gives the
/// terminal back if it can.
pub(crate) fn on_end(told: impl FnOnce() + Send + 'static, gives_back: fn()) {
    std::thread::spawn(move || -> std::io::Result<()> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio.block_on(async {
            signal().await?;
            told();
            signal().await?;
            let (gives, given) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                gives_back();
                let _ = gives.send(());
            });
            // Whoever draws may be stuck, and hold what this waits for.
            let _ = given.recv_timeout(MOMENT);
            std::process::exit(130)
        })
    });
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Says a line. When nobody reads that any more, the calls go on all the same.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The lines typed, read on a thread because a terminal cannot be waited for otherwise.
pub(crate) fn keyboard() -> impl Stream<Item = String> + Unpin {
    let (send, lines) = smol::channel::bounded(16);
    std::thread::spawn(move || {
        for line in lines_of(std::io::stdin().lock()) {
            if send.send_blocking(line).is_err() {
                return;
            }
        }
    });
    Box::pin(lines)
}

/// The lines of somebody who may write in any encoding: what is no UTF-8 is shown as such, and ends nothing.
fn lines_of(mut from: impl BufRead) -> impl Iterator<Item = String> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = from.read_until(b'\n', &mut line).ok()?;
        (read > 0).then(|| String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    })
}

/// Says what has happened.
pub(crate) fn say(line: &str) {
    tell(format_args!("{} {line}", style("·").cyan()));
}

/// Says what did not work.
pub(crate) fn complain(what: &anyhow::Error) {
    tell(format_args!("{} {what:#}", style("!").red()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_another_encoding_ends_nothing() {
        let lines: Vec<_> = lines_of(&b"calls\r\ndial J\xe9r\n\nquit"[..]).collect();
        assert_eq!(lines, ["calls", "dial J\u{fffd}r", "", "quit"]);
    }
}
