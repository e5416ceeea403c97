//! The application's side of a driver, for any machine.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_channel::{mpsc, oneshot};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use offhook::machine::{MediaId, Track, TrackId};
use offhook::net::NetOptions;
use tracing::Instrument as _;

use crate::audio::Audio;
use crate::clock::Clock;
use crate::drive::{Drive, Observer};
use crate::driver::Driver;
use crate::error::{StartError, WaitError};
use crate::frames::{Frames, Outgoing};
use crate::front::{Asker, Front, Request};
use crate::hub::Hub;
use crate::net::Net;
use crate::queue::{Consumer, EventQueue, FrameQueue, Producer};
use crate::runtime::{Runtime, Sockets};
use crate::timer::Timer;

/// The most commands that may wait for the driver. It takes them at once: so many are a runaway.
const COMMAND_QUEUE: usize = 256;

/// Counts the machines of this process, to tell their log records apart.
static PHONES: AtomicU64 = AtomicU64::new(1);

/// The most frames, of all tracks, that may wait for the driver.
const FRAME_QUEUE: usize = 64;

/// Starts a task that drives a machine, on the runtime around the caller.
///
/// # Errors
///
/// The options cannot be used, or there is no such runtime here.
pub fn start<R: Sockets, M: Drive>(
    machine: M,
    options: NetOptions,
) -> Result<(Handle<M>, Events<M>), StartError> {
    start_at::<R, M>(machine, options, Clock::default())
}

/// Starts a task that drives a machine by a clock of the caller's, as [`start`] does.
///
/// # Errors
///
/// The options cannot be used, or there is no such runtime here.
pub fn start_at<R: Sockets, M: Drive>(
    machine: M,
    options: NetOptions,
    clock: Clock,
) -> Result<(Handle<M>, Events<M>), StartError> {
    let (handle, front) = attach_observed::<R, M>(clock.clone(), None);
    let events = handle.events();
    drive::<R, M>(machine, options, clock, front)?;
    Ok((handle, events))
}

/// Handles for a machine that somebody else drives, who serves its [`Front`]; by its clock, and on
/// its runtime.
pub fn attach<R: Runtime, M: Drive>(clock: Clock) -> (Handle<M>, Events<M>, Front<M>) {
    let (handle, front) = attach_observed::<R, M>(clock, None);
    let events = handle.events();
    (handle, events, front)
}

/// [`attach`] with somebody who follows all that the machine tells.
pub(crate) fn attach_observed<R: Runtime, M: Drive>(
    clock: Clock,
    observer: Option<Box<dyn Observer<M>>>,
) -> (Handle<M>, Front<M>) {
    let (requests, waiting) = mpsc::unbounded();
    let (frames, spoken) = mpsc::channel(FRAME_QUEUE);
    let (hub, publisher) = Hub::new();
    let handle = Handle { requests, frames, hub, timer: Timer::new::<R>(clock) };
    (handle, Front::new(waiting, spoken, publisher, observer))
}

/// Starts the task that drives a machine behind its front.
pub(crate) fn drive<R: Sockets, M: Drive>(
    machine: M,
    options: NetOptions,
    clock: Clock,
    front: Front<M>,
) -> Result<(), StartError> {
    let net = Net::new(options, clock)?;
    let (driver, arriving) = Driver::<R, M>::new(machine, net, front);
    let phone = PHONES.fetch_add(1, Ordering::Relaxed);
    R::spawn(driver.run(arriving).instrument(tracing::info_span!("phone", phone)))?;
    Ok(())
}

/// Commands to a machine. Cheap to clone.
///
/// The driver lives until the last handle and its [`Events`] are dropped. It then submits
/// [`Drive::farewell`], waits for its completion, and closes everything.
pub struct Handle<M: Drive> {
    requests: mpsc::UnboundedSender<Request<M>>,
    frames: Outgoing,
    hub: Hub<M>,
    timer: Timer,
}

impl<M: Drive> Handle<M> {
    /// Submits a command, now: dropping the completion does not take it back.
    pub fn submit(&self, command: M::Command) -> Completion<M> {
        let (reply, receiver) = oneshot::channel();
        if self.is_full() {
            return Completion(Fate::Refused(Some(M::overloaded())));
        }
        match self.requests.unbounded_send(Request::Command(command, Asker::new(reply))) {
            Ok(()) => Completion(Fate::Submitted(receiver)),
            Err(_) => Completion(Fate::Refused(Some(M::closed()))),
        }
    }

    /// One more subscription to all that the machine tells from now on, with a queue of its own.
    pub fn events(&self) -> Events<M> {
        let (timer, requests) = (self.timer.clone(), self.requests.clone());
        Events { queue: self.hub.subscribe(), timer, _alive: requests }
    }

    /// The number of events that subscribers have lost, all together, because they did not read
    /// them.
    #[must_use]
    pub fn events_lost(&self) -> u64 {
        self.hub.overruns()
    }

    /// Limits in the time of the machine.
    pub(crate) fn timer(&self) -> &Timer {
        &self.timer
    }

    /// Takes a session's audio. See [`Audio`].
    pub fn audio(&self, media: MediaId) -> Audio {
        let line = self.hub.line(media);
        let (audio, producer) = Audio::new(media, self.frames.clone(), line, self.timer.clone());
        self.listen(TrackId::audio(media), producer);
        audio
    }

    /// Takes one track of a session. See [`Frames`].
    pub fn track(&self, track: TrackId) -> Frames {
        let queue = match track.track {
            // It may be recorded.
            Track::AUDIO => {
                FrameQueue::of_line(self.hub.line(track.media), self.timer.clock.clone())
            }
            _ => FrameQueue::default(),
        };
        let (frames, producer) = Frames::new(track, self.frames.clone(), queue);
        self.listen(track, producer);
        frames
    }

    fn listen(&self, track: TrackId, producer: Producer<FrameQueue>) {
        // When the request is refused the producer is dropped with it, which ends the track.
        if !self.is_full() {
            let _ = self.requests.unbounded_send(Request::Track(track, producer));
        }
    }

    /// Has the driver look after the computer's addresses now.
    pub(crate) fn look(&self) {
        if !self.is_full() {
            let _ = self.requests.unbounded_send(Request::Look);
        }
    }

    /// True if no more commands may wait. The queue has no bound of its own, which would take
    /// all its room at once; handles that ask at the same time may go over this one by their
    /// number.
    fn is_full(&self) -> bool {
        self.requests.len() >= COMMAND_QUEUE
    }
}

impl<M: Drive> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self {
            requests: self.requests.clone(),
            frames: self.frames.clone(),
            hub: self.hub.clone(),
            timer: self.timer.clone(),
        }
    }
}

impl<M: Drive> std::fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

/// The end of a command, sooner or later. Dropping it does not take the command back.
pub struct Completion<M: Drive>(Fate<M>);

enum Fate<M: Drive> {
    Submitted(oneshot::Receiver<Result<M::Outcome, M::Error>>),
    Refused(Option<M::Error>),
}

// Nothing in it is pinned.
impl<M: Drive> Unpin for Completion<M> {}

impl<M: Drive> Future for Completion<M> {
    type Output = Result<M::Outcome, M::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Fate::Submitted(receiver) => receiver
                .poll_unpin(cx)
                .map(|result| result.unwrap_or_else(|oneshot::Canceled| Err(M::closed()))),
            Fate::Refused(error) => Poll::Ready(Err(error.take().unwrap_or_else(M::closed))),
        }
    }
}

impl<M: Drive> std::fmt::Debug for Completion<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Completion")
    }
}

/// The events of a machine: a `Stream` that ends when the driver does.
///
/// There may be several, each with a queue of its own ([`Handle::events`]); one that is dropped
/// keeps nothing. Neither the driver nor another subscriber ever waits for a reader:
/// [`EVENT_QUEUE`](crate::EVENT_QUEUE) events of [`EVENT_BYTES`](crate::EVENT_BYTES) are kept for
/// each. Past that the oldest trace record or statistics goes unnoticed, and where there is none,
/// the oldest event, in whose place one error event tells this subscriber how many it lost.
pub struct Events<M: Drive> {
    queue: Consumer<EventQueue<M>>,
    timer: Timer,
    /// Keeps the driver alive as a handle does.
    _alive: mpsc::UnboundedSender<Request<M>>,
}

impl<M: Drive> Events<M> {
    /// The next event; `None` once the driver is gone.
    pub async fn next(&mut self) -> Option<M::Event> {
        self.queue.next().await
    }

    /// Waits for the first event of which `find` makes something, and returns that, within a limit
    /// by the client's clock; [`Duration::MAX`] is no limit. Events before it are passed over, for
    /// this subscriber only.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use offhook::genesys::{self, Event};
    /// # async fn ring(
    /// #     mut events: offhook_runtime::Events<genesys::Client>,
    /// # ) -> Result<(), offhook_runtime::WaitError> {
    /// let ringing = |event| match event {
    ///     Event::PendingSession(call) => Some(call),
    ///     _ => None,
    /// };
    /// let call = events.wait(Duration::from_secs(30), ringing).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// There was none in time, or the client has ended.
    pub async fn wait<T>(
        &mut self,
        limit: Duration,
        mut find: impl FnMut(M::Event) -> Option<T>,
    ) -> Result<T, WaitError> {
        let Self { queue, timer, .. } = self;
        let found = async {
            while let Some(event) = queue.next().await {
                if let Some(found) = find(event) {
                    return Ok(found);
                }
            }
            Err(WaitError::Ended)
        };
        timer.within(limit, found).await.unwrap_or(Err(WaitError::TimedOut(limit)))
    }
}

impl<M: Drive> Stream for Events<M> {
    type Item = M::Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<M::Event>> {
        self.queue.poll_next_unpin(cx)
    }
}

impl<M: Drive> std::fmt::Debug for Events<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

#[cfg(test)]
mod tests {
    use offhook::genesys::{self, Command, Event, Outcome};
    use offhook::machine::CommandId;
    use offhook::media::{VideoCodec, VideoFrame};

    use super::*;
    use crate::error::NoRuntime;
    use crate::front::Asked;

    /// A runtime that nobody is inside of.
    struct Nowhere;

    impl Runtime for Nowhere {
        fn spawn(_: impl Future<Output = ()> + Send + 'static) -> Result<(), NoRuntime> {
            Err(NoRuntime)
        }

        async fn sleep_until(_: std::time::Instant) {
            std::future::pending::<()>().await;
        }
    }

    #[test]
    fn a_runaway_of_commands_is_refused_at_once() {
        let (handle, front) = attach_observed::<Nowhere, genesys::Client>(Clock::default(), None);
        let replies: Vec<_> = (0..COMMAND_QUEUE).map(|_| handle.submit(Command::Connect)).collect();
        let refused = handle.submit(Command::Connect).now_or_never().expect("at once");
        assert_eq!(refused, Err(genesys::Client::overloaded()));
        drop(front);
        for reply in replies {
            assert_eq!(reply.now_or_never(), Some(Err(genesys::Client::closed())));
        }
        let late = handle.submit(Command::Connect).now_or_never().expect("at once");
        assert_eq!(late, Err(genesys::Client::closed()));
    }

    #[test]
    fn frames_of_all_tracks_wait_in_one_bounded_queue() {
        let clock = Clock::standing(std::time::Instant::now());
        let (handle, _events, mut front) = attach::<Nowhere, genesys::Client>(clock);
        let (audio, video) = (TrackId::audio(MediaId(1)), Track::video(0));
        let video = TrackId { media: MediaId(2), track: video };
        let mut tracks = [audio, video].map(|track| handle.track(track));
        let frame = || VideoFrame::new(VideoCodec::Vp8, 0, true, &b"picture"[..]).into();
        let mut sent = 0;
        while tracks[sent % 2].sink.send(frame()).now_or_never().is_some() {
            sent += 1;
            assert!(sent < 10 * FRAME_QUEUE, "it has no end");
        }
        assert!((FRAME_QUEUE..=FRAME_QUEUE + 2).contains(&sent), "{sent}");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for n in 0..sent {
            match front.poll_asked(&mut cx) {
                Poll::Ready(Asked::Frame(track, _)) => assert_eq!(track, [audio, video][n % 2]),
                other => panic!("{other:?}"),
            }
        }
        assert!(front.poll_asked(&mut cx).is_pending());
        assert!(tracks[1].sink.send(frame()).now_or_never().is_some(), "there is room again");
    }

    #[test]
    fn a_front_serves_handles_without_a_driver() {
        let clock = Clock::standing(std::time::Instant::now());
        let (handle, mut events, mut front) = attach::<Nowhere, genesys::Client>(clock);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let reply = handle.submit(Command::Connect);
        let Poll::Ready(Asked::Command(Command::Connect, asker)) = front.poll_asked(&mut cx) else {
            panic!("a command is asked for");
        };
        front.submitted(asker, Ok(CommandId(7)));
        front.told(Event::Ready);
        assert!(front.waits_for(CommandId(7)));
        front.completed(CommandId(7), Ok(Outcome::Done));
        assert!(!front.waits_for(CommandId(7)));
        assert_eq!(reply.now_or_never(), Some(Ok(Outcome::Done)));
        assert!(matches!(events.next().now_or_never(), Some(Some(Event::Ready))));
        assert!(front.poll_asked(&mut cx).is_pending());
        drop((handle, events));
        assert!(matches!(front.poll_asked(&mut cx), Poll::Ready(Asked::Leave)));
        assert!(front.poll_asked(&mut cx).is_pending(), "once");
    }
}
