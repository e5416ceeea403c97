//! The terminal: lines in, lines out, and Ctrl-C.

use std::fmt::Display;
use std::io::{BufRead as _, Write as _};

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

/// Tells once when the process is to end: by a signal, or as its terminal is gone. The second time it ends.
pub(crate) fn on_end(told: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || -> std::io::Result<()> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio.block_on(async {
            signal().await?;
            told();
            signal().await?;
            ratatui::restore();
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
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if send.send_blocking(line).is_err() {
                return;
            }
        }
    });
    Box::pin(lines)
}

/// Says what has happened.
pub(crate) fn say(line: &str) {
    tell(format_args!("{} {line}", style("·").cyan()));
}

/// Says what did not work.
pub(crate) fn complain(what: &anyhow::Error) {
    tell(format_args!("{} {what:#}", style("!").red()));
}
