//! Bounded queues from the driver to the application, with a policy for when they are full.
//!
//! The driver never waits for the application: a full queue loses something, and says so.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use offhook::machine::Frame;
use offhook::media::{AudioFrame, VideoFrame};

use crate::clock::Clock;
use crate::drive::Drive;
use crate::line::Line;

/// The most events that may wait for an application that does not read them.
pub const EVENT_QUEUE: usize = 4096;

/// The most bytes of events that may wait for it, unless a single one has more.
pub const EVENT_BYTES: usize = 4 << 20;

/// The most audio frames that may wait for an application that does not read them: usually 2 s.
pub const AUDIO_QUEUE: usize = 100;

/// The most pictures of a track that may wait for an application that does not read them: usually 3 s.
pub const VIDEO_QUEUE: usize = 90;

/// The most bytes of pictures of a track that may wait for it, unless a single one has more.
pub const VIDEO_BYTES: usize = 4 << 20;

/// A queue with its policy.
pub(crate) trait Queue {
    type Item;
    /// The type that its reader gets.
    type Read;
    /// Notes an item that comes by, whether or not anybody will read it.
    fn note(&self, _: &Self::Item) {}
    /// True if items are wanted that nobody will read.
    fn is_noted(&self) -> bool {
        false
    }
    fn push(&mut self, item: Self::Item);
    fn pop(&mut self) -> Option<Self::Read>;
}

/// An event and its weight, shared by all queues that it waits in.
pub(crate) struct Told<M: Drive> {
    weight: usize,
    event: M::Event,
}

impl<M: Drive> Told<M> {
    pub(crate) fn new(event: M::Event) -> Arc<Self> {
        Arc::new(Self { weight: M::weight(&event), event })
    }

    /// The event; a copy where another queue still has it.
    fn take(self: Arc<Self>) -> M::Event {
        match Arc::try_unwrap(self) {
            Ok(told) => told.event,
            Err(shared) => shared.event.clone(),
        }
    }
}

/// Events in order, bounded by number and by bytes. When full, the oldest expendable event goes; when none is expendable, the
/// oldest one, and the reader is told how many it missed, in the place where they were.
pub(crate) struct EventQueue<M: Drive> {
    events: VecDeque<Arc<Told<M>>>,
    bytes: usize,
    lost: u64,
    /// The number of events that all queues of the machine have lost.
    overruns: Arc<AtomicU64>,
}

impl<M: Drive> EventQueue<M> {
    /// An empty queue that adds what it loses to a sum.
    pub(crate) fn new(overruns: Arc<AtomicU64>) -> Self {
        Self { events: VecDeque::new(), bytes: 0, lost: 0, overruns }
    }
}

impl<M: Drive> Queue for EventQueue<M> {
    type Item = Arc<Told<M>>;
    type Read = M::Event;

    fn push(&mut self, told: Arc<Told<M>>) {
        while self.is_full(told.weight) {
            let expendable = |told: &Arc<Told<M>>| M::is_expendable(&told.event);
            let gone = match self.events.iter().position(expendable) {
                Some(expendable) => self.events.remove(expendable),
                None if expendable(&told) => return,
                None => {
                    self.lost += 1;
                    self.overruns.fetch_add(1, Ordering::Relaxed);
                    self.events.pop_front()
                }
            };
            self.bytes -= gone.map_or(0, |told| told.weight);
        }
        self.bytes += told.weight;
        self.events.push_back(told);
    }

    fn pop(&mut self) -> Option<M::Event> {
        match std::mem::take(&mut self.lost) {
            0 => {
                let told = self.events.pop_front()?;
                self.bytes -= told.weight;
                Some(told.take())
            }
            lost => Some(M::events_lost(lost)),
        }
    }
}

impl<M: Drive> EventQueue<M> {
    /// True if something has to go before an event of this weight comes.
    fn is_full(&self, weight: usize) -> bool {
        let over = self.bytes.saturating_add(weight) > EVENT_BYTES;
        self.events.len() >= EVENT_QUEUE || (over && !self.events.is_empty())
    }
}

/// Frames of one track in order. When full, the oldest goes and the next one says so: of pictures, the
/// next that needs no other, for those between build on what is gone.
#[derive(Default)]
pub(crate) struct FrameQueue {
    frames: VecDeque<Frame>,
    /// The bytes of pictures.
    bytes: usize,
    /// True if pictures are gone, and none came since that needs no other.
    broken: bool,
    /// The line on which somebody may record what comes, and the time.
    line: Option<(Arc<Line>, Clock)>,
}

impl FrameQueue {
    /// The queue of what comes on a line.
    pub(crate) fn of_line(line: Arc<Line>, clock: Clock) -> Self {
        Self { line: Some((line, clock)), ..Self::default() }
    }

    fn push_audio(&mut self, frame: AudioFrame) {
        self.frames.push_back(frame.into());
        if self.frames.len() > AUDIO_QUEUE
            && let Some(Frame::Audio(lost)) = self.frames.pop_front()
            && let Some(Frame::Audio(next)) = self.frames.front_mut()
        {
            next.lost_before += lost.lost_before + 1;
        }
    }

    fn push_picture(&mut self, mut frame: VideoFrame) {
        if self.broken && !frame.keyframe {
            return;
        }
        frame.lost_before |= std::mem::take(&mut self.broken);
        self.bytes += frame.data.len();
        self.frames.push_back(frame.into());
        while self.is_full() {
            self.pop();
            while self.frames.front().is_some_and(|next| !needs_no_other(next)) {
                self.pop();
            }
            match self.frames.front_mut() {
                Some(Frame::Video(next)) => next.lost_before = true,
                _ => self.broken = true,
            }
        }
    }

    /// True if there is more than may wait. One picture may.
    fn is_full(&self) -> bool {
        self.frames.len() > VIDEO_QUEUE || (self.bytes > VIDEO_BYTES && self.frames.len() > 1)
    }
}

/// True for a frame that builds on none before it.
fn needs_no_other(frame: &Frame) -> bool {
    match frame {
        Frame::Video(picture) => picture.keyframe,
        _ => true,
    }
}

impl Queue for FrameQueue {
    type Item = Frame;
    type Read = Frame;

    fn note(&self, frame: &Frame) {
        if let (Some((line, clock)), Frame::Audio(frame)) = (&self.line, frame) {
            line.heard(clock.now(), frame);
        }
    }

    fn is_noted(&self) -> bool {
        self.line.as_ref().is_some_and(|(line, _)| line.is_recorded())
    }

    fn push(&mut self, frame: Frame) {
        match frame {
            Frame::Audio(frame) => self.push_audio(frame),
            Frame::Video(frame) => self.push_picture(frame),
            // A newer contract has newer frames.
            _ => {}
        }
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        if let Frame::Video(picture) = &frame {
            self.bytes -= picture.data.len();
        }
        Some(frame)
    }
}

struct State<Q> {
    queue: Q,
    reader: Option<Waker>,
    /// The tasks that wait for the end.
    watchers: Vec<Waker>,
    ended: bool,
    unread: bool,
}

type Shared<Q> = Arc<Mutex<State<Q>>>;

fn lock<Q>(shared: &Shared<Q>) -> MutexGuard<'_, State<Q>> {
    // The state is whole after every statement, so a panic elsewhere does not matter.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue with its two ends.
pub(crate) fn channel<Q: Queue + Default>() -> (Producer<Q>, Consumer<Q>) {
    ends(Q::default())
}

/// The two ends of a queue.
pub(crate) fn ends<Q: Queue>(queue: Q) -> (Producer<Q>, Consumer<Q>) {
    let shared = Arc::new(Mutex::new(State {
        queue,
        reader: None,
        watchers: Vec::new(),
        ended: false,
        unread: false,
    }));
    (Producer(Arc::clone(&shared)), Consumer(shared))
}

/// The driver's end. Dropping it ends the stream, after what is queued.
pub(crate) struct Producer<Q>(Shared<Q>);

impl<Q: Queue> Producer<Q> {
    /// Queues an item, unless nobody will read it.
    pub(crate) fn push(&self, item: Q::Item) {
        if let Some(reader) = self.put(item) {
            reader.wake();
        }
    }

    /// [`Producer::push`] that leaves it to the caller to wake the reader.
    pub(crate) fn put(&self, item: Q::Item) -> Option<Waker> {
        let mut state = lock(&self.0);
        state.queue.note(&item);
        if state.unread {
            return None;
        }
        state.queue.push(item);
        state.reader.take()
    }

    /// True while there is somebody to read.
    pub(crate) fn is_read(&self) -> bool {
        !lock(&self.0).unread
    }

    /// True while the application still holds anything of this queue, or takes note of what comes
    /// by.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1 || lock(&self.0).queue.is_noted()
    }
}

impl<Q> Drop for Producer<Q> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.ended = true;
        let mut waiting = std::mem::take(&mut state.watchers);
        waiting.extend(state.reader.take());
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The application's end.
pub(crate) struct Consumer<Q>(Shared<Q>);

impl<Q> Consumer<Q> {
    /// Tells whether the producer is gone.
    pub(crate) fn watch(&self) -> Watch<Q> {
        Watch(Arc::clone(&self.0))
    }
}

impl<Q: Queue> Stream for Consumer<Q> {
    type Item = Q::Read;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Q::Read>> {
        let mut state = lock(&self.0);
        match state.queue.pop() {
            Some(item) => Poll::Ready(Some(item)),
            None if state.ended => Poll::Ready(None),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<Q> Drop for Consumer<Q> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.unread = true;
        // Nobody is to be woken for it any more, in whatever lock.
        let reader = state.reader.take();
        drop(state);
        drop(reader);
    }
}

/// Knows whether a queue has ended.
pub(crate) struct Watch<Q>(Shared<Q>);

impl<Q> Clone for Watch<Q> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q> Watch<Q> {
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.0).ended
    }

    /// Waits until it has.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<'_, Q> {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.ended {
                return Poll::Ready(());
            }
            if !state.watchers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.watchers.push(cx.waker().clone());
            }
            Poll::Pending
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt as _, StreamExt as _};
    use offhook::genesys::{self, Event};
    use offhook::media::{AudioCodec, VideoCodec};

    use super::*;

    fn popped(queue: &mut EventQueue<genesys::Client>) -> String {
        format!("{:?}", queue.pop().expect("an event"))
    }

    fn told(event: Event) -> Arc<Told<genesys::Client>> {
        Told::new(event)
    }

    fn stats() -> Event {
        let session_type = genesys::SessionType::Softphone;
        let (session, conversation) = ("s".into(), "c".into());
        Event::Stats { session, conversation, session_type, stats: Default::default() }
    }

    #[test]
    fn a_full_event_queue_drops_the_oldest_expendable_event_unnoticed() {
        let mut queue = EventQueue::<genesys::Client>::new(Arc::default());
        queue.push(told(Event::Ready));
        queue.push(told(stats()));
        for _ in 2..EVENT_QUEUE {
            queue.push(told(Event::Ready));
        }
        queue.push(told(Event::Connected { reconnect: true }));
        assert_eq!(queue.events.len(), EVENT_QUEUE);
        for _ in 1..EVENT_QUEUE {
            assert_eq!(popped(&mut queue), "Ready");
        }
        assert_eq!(popped(&mut queue), "Connected { reconnect: true }");
        assert!(queue.pop().is_none());
    }

    #[test]
    fn an_event_queue_full_of_others_drops_the_oldest_and_says_how_many() {
        let mut queue = EventQueue::<genesys::Client>::new(Arc::default());
        for _ in 0..3 {
            queue.push(told(Event::Connected { reconnect: false }));
        }
        for _ in 0..EVENT_QUEUE {
            queue.push(told(Event::Ready));
            queue.push(told(stats()));
        }
        assert_eq!(queue.events.len(), EVENT_QUEUE);
        let notice = popped(&mut queue);
        assert!(notice.contains("3 events were lost"), "{notice}");
        assert_eq!(popped(&mut queue), "Ready");
    }

    #[test]
    fn events_are_bounded_by_bytes_too() {
        let mut queue = EventQueue::<genesys::Client>::new(Arc::default());
        let large = |bytes| Event::Malformed { what: "x".repeat(bytes) };
        queue.push(told(stats()));
        for _ in 0..1024 {
            queue.push(told(large(1 << 20)));
            assert!(queue.bytes <= EVENT_BYTES);
        }
        assert_eq!(queue.events.len(), 3);
        let notice = popped(&mut queue);
        assert!(notice.contains("1021 events were lost"), "{notice}");
        // One that is larger than all is kept alone, and nothing is forgotten in the sum.
        queue.push(told(large(2 * EVENT_BYTES)));
        assert_eq!(queue.events.len(), 1);
        popped(&mut queue);
        popped(&mut queue);
        assert_eq!((queue.bytes, queue.events.len()), (0, 0));
    }

    #[test]
    fn a_full_audio_queue_drops_the_oldest_and_adds_up_what_was_lost() {
        let mut queue = FrameQueue::of_line(Arc::default(), Clock::default());
        for time in 0..AUDIO_QUEUE as u64 + 3 {
            let (codec, data) = (AudioCodec::Pcmu, Bytes::new());
            // Two were already missing before the second one.
            let lost_before = if time == 1 { 2 } else { 0 };
            queue.push(AudioFrame { codec, time, lost_before, talkspurt: false, data }.into());
        }
        let mut next = || match queue.pop() {
            Some(Frame::Audio(frame)) => (frame.time, frame.lost_before),
            other => panic!("{other:?}"),
        };
        assert_eq!((next(), next()), ((3, 5), (4, 0)));
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), AUDIO_QUEUE - 2);
    }

    fn picture(time: u64, keyframe: bool, bytes: usize) -> Frame {
        VideoFrame::new(VideoCodec::Vp8, time, keyframe, vec![0; bytes]).into()
    }

    /// The times of the pictures that wait, and whether some are said to be lost before each.
    fn waiting(queue: &mut FrameQueue) -> Vec<(u64, bool)> {
        let seen = std::iter::from_fn(|| queue.pop()).map(|frame| match frame {
            Frame::Video(frame) => (frame.time, frame.lost_before),
            other => panic!("{other:?}"),
        });
        seen.collect()
    }

    #[test]
    fn a_full_queue_of_pictures_drops_the_oldest_and_all_that_build_on_it() {
        let mut queue = FrameQueue::default();
        let all = VIDEO_QUEUE as u64;
        // The first, the eleventh and so on need no other.
        for time in 0..=all {
            queue.push(picture(time, time.is_multiple_of(10), 1));
        }
        let seen = waiting(&mut queue);
        let expected: Vec<_> = (10..=all).map(|time| (time, time == 10)).collect();
        assert_eq!(seen, expected);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn pictures_that_build_on_what_is_gone_are_not_kept() {
        let mut queue = FrameQueue::default();
        for time in 0..2 * VIDEO_QUEUE as u64 {
            queue.push(picture(time, time == 0, 1));
            assert!(queue.frames.len() <= VIDEO_QUEUE);
        }
        assert!(queue.pop().is_none(), "none of them can be seen");
        queue.push(picture(1000, true, 1));
        queue.push(picture(1001, false, 1));
        assert_eq!(waiting(&mut queue), [(1000, true), (1001, false)]);
    }

    #[test]
    fn pictures_are_bounded_by_bytes_too() {
        let mut queue = FrameQueue::default();
        for time in 0..20 {
            queue.push(picture(time, true, VIDEO_BYTES / 4));
            assert!(queue.bytes <= VIDEO_BYTES);
        }
        assert_eq!(queue.frames.len(), 4);
        // One that is larger than all is kept alone.
        queue.push(picture(20, true, 2 * VIDEO_BYTES));
        assert_eq!(waiting(&mut queue), [(20, true)]);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn a_stream_ends_after_what_is_queued_and_a_dropped_one_keeps_nothing() {
        let (producer, mut consumer) = ends(EventQueue::<genesys::Client>::new(Arc::default()));
        producer.push(told(Event::Ready));
        assert!(producer.is_held());
        drop(producer);
        assert!(matches!(consumer.next().now_or_never(), Some(Some(Event::Ready))));
        assert!(matches!(consumer.next().now_or_never(), Some(None)));

        let (producer, consumer) = ends(EventQueue::<genesys::Client>::new(Arc::default()));
        drop(consumer);
        producer.push(told(Event::Ready));
        assert!(!producer.is_held());
        assert_eq!(lock(&producer.0).queue.events.len(), 0);
    }
}
