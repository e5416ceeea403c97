//! A call in the application's hands.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use offhook::genesys::{
    CallControl, CallPhase, CallReport, CallView, Conversation, ConversationId, EndReason, Error,
    ErrorKind, PendingSession, Phone as _, SpeakTo, Target,
};
use offhook::media::{Agreement, Digit};

use super::Reply;
use super::book::{CallQueue, Entry};
use super::keys::Keys;
use crate::audio::Audio;
use crate::queue::Consumer;
use crate::runtime::Runtime;

/// The longest that [`Call::answer`] waits for the call to connect.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The length of each key of [`Call::send_dtmf`].
const KEY: Duration = Duration::from_millis(100);

/// The end of a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CallEnd {
    /// The reason of the end.
    pub reason: EndReason,
    /// Its timeline and its quality; missing where the client is gone or no longer follows the
    /// call.
    pub report: Option<CallReport>,
}

/// One call: its keys, and what becomes of it. Cheap to clone; clones are the same call.
///
/// Its state is that of [`offhook::genesys::Ledger`], at least as new as any event that was read.
/// Dropping it changes nothing about the call; holding it keeps the client, as any handle does, and
/// what was told of the call until then. A call that is over and rings again is another one.
pub struct Call<R> {
    entry: Arc<Entry>,
    phone: Keys,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Call<R> {
    pub(super) fn new(entry: Arc<Entry>, phone: Keys) -> Self {
        Self { entry, phone, runtime: PhantomData }
    }

    /// Its conversation.
    #[must_use]
    pub fn conversation(&self) -> &ConversationId {
        &self.entry.conversation
    }

    /// Its phase: ringing, connecting, connected or ended.
    #[must_use]
    pub fn phase(&self) -> CallPhase {
        self.entry.view.read(|view| view.phase)
    }

    /// The proposal that rang. None of a call that was dialled, until the service proposes its session,
    /// or that was found connected.
    #[must_use]
    pub fn pending(&self) -> Option<PendingSession> {
        self.entry.view.read(|view| view.pending.clone())
    }

    /// Its state in the service, as last told: muted, held, recorded. None before the first word.
    #[must_use]
    pub fn details(&self) -> Option<Conversation> {
        self.entry.view.read(|view| view.conversation.clone())
    }

    /// The agreement on its audio: the codec to speak, those to be heard, the direction. None
    /// before a session has it.
    #[must_use]
    pub fn agreement(&self) -> Option<Agreement> {
        self.entry.view.read(|view| view.agreement)
    }

    /// All that there is to say about it, once it is over.
    #[must_use]
    pub fn report(&self) -> Option<CallReport> {
        self.entry.view.read(report)
    }

    /// Answers it, at once, and waits until it is connected, which may take [`ANSWER_LIMIT`]. One
    /// that was answered already, by itself for instance, is only waited for.
    ///
    /// # Errors
    ///
    /// The service or the client refused; the call ended before it connected; or the time is up,
    /// and it may yet connect.
    pub fn answer(&self) -> impl Future<Output = Result<(), Error>> + Send + use<R> {
        let call = self.clone();
        let rings = self.entry.view.read(|view| match view.phase {
            CallPhase::Ringing => true,
            CallPhase::Connecting => view.pending.is_some() && view.session.is_none(),
            CallPhase::Connected | CallPhase::Ended(_) => false,
        });
        let accepted = rings.then(|| self.phone.accept_pending(self.conversation()));
        async move {
            let connected = async {
                if let Some(Err(error)) = match accepted {
                    Some(accepted) => Some(accepted.await),
                    None => None,
                } && !call.is_under_way()
                {
                    return Err(error);
                }
                if !call.phone.connects_sessions && call.phase() == CallPhase::Connecting {
                    call.phone.accept_session(call.conversation()).await?;
                }
                call.connected().await
            };
            let timer = call.phone.handle.timer();
            timer.within(ANSWER_LIMIT, connected).await.unwrap_or_else(|| {
                let limit = ANSWER_LIMIT.as_secs();
                let text = format!("the call did not connect within {limit} s");
                Err(Error::new(ErrorKind::Timeout, text).of_call(call.conversation()))
            })
        }
    }

    /// True where it was answered some other way, by itself for instance.
    fn is_under_way(&self) -> bool {
        match self.phase() {
            CallPhase::Connecting | CallPhase::Connected => true,
            CallPhase::Ringing | CallPhase::Ended(_) => false,
        }
    }

    /// Rejects it while it rings ([`offhook::genesys::Command::RejectPendingSession`]).
    pub fn reject(&self) -> Reply<()> {
        self.phone.reject_pending(self.conversation())
    }

    /// Holds it, or resumes it ([`offhook::genesys::Command::SetConversationHeld`]).
    pub fn hold(&self, held: bool) -> Reply<()> {
        self.phone.set_held(self.conversation(), held)
    }

    /// Mutes the user on it, or unmutes them ([`offhook::genesys::Command::SetAudioMute`]).
    pub fn mute(&self, muted: bool) -> Reply<()> {
        self.phone.set_muted(self.conversation(), muted)
    }

    /// Sends keys in the audio: `0` to `9`, `*`, `#` and `A` to `D`, 100 ms each.
    ///
    /// # Errors
    ///
    /// There is no such key, nobody to hear it, or there are too many
    /// ([`offhook::genesys::Command::SendDtmf`]).
    pub fn send_dtmf(&self, keys: &str) -> impl Future<Output = Result<(), Error>> + Send + use<R> {
        let digits: Result<Vec<_>, _> = keys.chars().map(Digit::try_from).collect();
        let sent = digits
            .map(|digits| self.phone.send_dtmf(self.conversation(), digits, KEY))
            .map_err(|error| Error::new(ErrorKind::InvalidOptions, error.to_string()))
            .map_err(|error| error.of_call(self.conversation()));
        async { sent?.await }
    }

    /// Gives the call away without a word ([`CallControl::Transfer`]).
    pub fn blind_transfer(&self, to: Target) -> Reply<()> {
        self.control(CallControl::Transfer { to })
    }

    /// Asks somebody while the other party waits ([`CallControl::Consult`]). Hanging up completes
    /// the transfer.
    pub fn consult(&self, to: Target, speak_to: SpeakTo) -> Reply<()> {
        self.control(CallControl::Consult { to, speak_to })
    }

    /// Speaks to somebody else during a consult ([`CallControl::SpeakTo`]).
    pub fn speak_to(&self, speak_to: SpeakTo) -> Reply<()> {
        self.control(CallControl::SpeakTo(speak_to))
    }

    /// Takes the other party back from a consult ([`CallControl::CancelConsult`]).
    pub fn cancel_consult(&self) -> Reply<()> {
        self.control(CallControl::CancelConsult)
    }

    /// Does anything else that can be done with a call.
    pub fn control(&self, control: CallControl) -> Reply<()> {
        self.phone.control(self.conversation(), control)
    }

    /// Hangs up, at once, and waits until it is over. One that is over already is done.
    ///
    /// # Errors
    ///
    /// See [`offhook::genesys::Command::EndSession`].
    pub fn hang_up(&self) -> impl Future<Output = Result<(), Error>> + Send + use<R> {
        let call = self.clone();
        let ended = match self.phase() {
            CallPhase::Ended(_) => None,
            CallPhase::Ringing | CallPhase::Connecting | CallPhase::Connected => {
                Some(self.phone.end(self.conversation()))
            }
        };
        async move {
            match ended {
                None => Ok(()),
                Some(ended) => match (ended.await, call.phase()) {
                    // The other party was quicker.
                    (Err(_), CallPhase::Ended(_)) => Ok(()),
                    (result, _) => result,
                },
            }
        }
    }

    /// Takes its audio; waits until a session carries it. The audio goes on when the session is
    /// replaced; when it ends and the call does not, take it again. See [`Audio`].
    ///
    /// # Errors
    ///
    /// The call is over.
    pub async fn audio(&self) -> Result<Audio, Error> {
        let carried = |view: &CallView| match (view.ended(), &view.session) {
            (Some(reason), _) => Some(Err(reason)),
            (None, Some(session)) => Some(Ok(session.media)),
            (None, None) => None,
        };
        let media = self.entry.view.find(carried).await.map_err(|reason| self.over(reason))?;
        Ok(self.phone.handle.audio(media))
    }

    /// Waits until it is connected: in the service, and its media as well.
    ///
    /// # Errors
    ///
    /// It ended before.
    pub async fn connected(&self) -> Result<(), Error> {
        let connected = |view: &CallView| match view.phase {
            CallPhase::Ringing | CallPhase::Connecting => None,
            CallPhase::Connected => Some(Ok(())),
            CallPhase::Ended(reason) => Some(Err(reason)),
        };
        self.entry.view.find(connected).await.map_err(|reason| self.over(reason))
    }

    fn over(&self, reason: EndReason) -> Error {
        Error::from(reason).of_call(self.conversation())
    }

    /// Waits until it is over and there is nothing more to be told of it.
    pub async fn ended(&self) -> CallEnd {
        let ended = |view: &CallView| {
            let reason = view.ended().filter(|_| view.settled)?;
            Some(CallEnd { reason, report: report(view) })
        };
        self.entry.view.find(ended).await
    }
}

fn report(view: &CallView) -> Option<CallReport> {
    view.report.as_deref().cloned()
}

impl<R> Clone for Call<R> {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), phone: self.phone.clone(), runtime: PhantomData }
    }
}

impl<R> std::fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let phase = self.entry.view.read(|view| view.phase);
        write!(f, "Call({}, {phase:?})", self.entry.conversation)
    }
}

/// The calls of a phone: a `Stream` of each once, those that there are first. It ends with the
/// client.
///
/// A call is one that rings, one that was dialled from here, or one that is found connected on a
/// session of this client, as after a login. [`CALL_QUEUE`](super::CALL_QUEUE) wait to be read; past
/// that the oldest one that is over goes, and where none is, the oldest.
/// [`Ledger::MAX_CALLS`](offhook::genesys::Ledger::MAX_CALLS) are followed at once.
pub struct Calls<R> {
    queue: Consumer<CallQueue>,
    phone: Keys,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Calls<R> {
    pub(super) fn new(queue: Consumer<CallQueue>, phone: Keys) -> Self {
        Self { queue, phone, runtime: PhantomData }
    }

    /// The next call; `None` once the client is gone.
    pub async fn next(&mut self) -> Option<Call<R>> {
        StreamExt::next(self).await
    }
}

impl<R: Runtime> Stream for Calls<R> {
    type Item = Call<R>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Call<R>>> {
        let next = self.queue.poll_next_unpin(cx);
        next.map(|entry| entry.map(|entry| Call::new(entry, self.phone.clone())))
    }
}

impl<R> std::fmt::Debug for Calls<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls")
    }
}
