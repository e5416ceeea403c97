//! Ctrl-C as a wish: what is under way ends where it is, and what is done is told.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

/// The status of a program that a signal ended: 128 and the number of SIGINT.
pub(super) const STATUS: u8 = 130;

/// A flag that asks the tool to end; it is never set without [`Interrupt::listen`].
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C from now on. The first is a wish; the second ends the process.
    pub(super) fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        let asked = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (ready, is_ready) = mpsc::channel();
        std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
            runtime.block_on(async {
                let mut first = pin!(tokio::signal::ctrl_c());
                // Polled once, it is heard.
                let early = tokio::select! {
                    biased;
                    heard = &mut first => Some(heard),
                    () = std::future::ready(()) => None,
                };
                let _ = ready.send(());
                let heard = match early {
                    Some(heard) => heard,
                    None => first.await,
                };
                if heard.is_ok() {
                    asked.ask();
                    if tokio::signal::ctrl_c().await.is_ok() {
                        std::process::exit(STATUS.into());
                    }
                }
            });
        })?;
        // A thread that is gone listens no more, which is as if nobody ever asked.
        let _ = is_ready.recv();
        Ok(interrupt)
    }

    /// Asks for the end.
    pub(super) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it was asked for.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
