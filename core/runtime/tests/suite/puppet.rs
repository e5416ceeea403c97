//! A machine on strings: commands are its outputs, its events are the inputs it saw.

use std::collections::VecDeque;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use offhook::machine::{CommandId, MediaId, NetErrorKind, UdpEvent, UdpId, Wake, WsEvent, WsId};
use offhook::net::NetOptions;
use offhook::{Input, Machine, Output};
use offhook_runtime::{Clock, Drive, Events, Handle, Sockets, start_at};

/// Longer than anything here takes on a busy computer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command to the puppet.
pub(crate) enum Pull {
    /// Put out this, then complete.
    Make(Box<Output<Saw, (), Fault>>),
    /// Ask for this wake-up, then complete.
    WakeAt(Instant),
    /// Put out this many ordinary events, then complete.
    Chatter(u64),
    /// Complete never.
    Hang,
    /// Refuse, as impossible now.
    Refuse,
    /// Take leave, as told by [`Manners`].
    Farewell,
}

/// The puppet's way of taking leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// At once.
    Prompt,
    /// Never.
    Stubborn,
    /// Refuses to.
    Rude,
}

/// An event of the puppet.
#[derive(Clone, Debug)]
pub(crate) enum Saw {
    /// An input, and when it came.
    Input(Input, Instant),
    /// Nothing in particular.
    Chatter(u64),
    /// A session's audio has ended.
    MediaEnded(MediaId),
    /// Events were lost.
    Lost(u64),
}

/// The failure of a command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("refused")]
    Refused,
    #[error("closed")]
    Closed,
    #[error("overloaded")]
    Overloaded,
}

/// The end of the puppet, told to the test past the driver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Farewell,
    Dropped,
}

pub(crate) struct Puppet {
    outputs: VecDeque<Output<Saw, (), Fault>>,
    wake: Option<Instant>,
    commands: u64,
    manners: Manners,
    fate: mpsc::Sender<Fate>,
}

impl Puppet {
    pub(crate) fn new(manners: Manners) -> (Self, mpsc::Receiver<Fate>) {
        let (fate, told) = mpsc::channel();
        let outputs = VecDeque::new();
        (Self { outputs, wake: None, commands: 0, manners, fate }, told)
    }
}

impl Machine for Puppet {
    type Command = Pull;
    type Event = Saw;
    type Outcome = ();
    type Error = Fault;

    fn submit(&mut self, _: Instant, pull: Pull) -> Result<CommandId, Fault> {
        let command = CommandId(self.commands);
        let mut complete = true;
        match pull {
            Pull::Make(output) => self.outputs.push_back(*output),
            Pull::WakeAt(at) => self.wake = Some(at),
            Pull::Chatter(count) => {
                self.outputs.extend((0..count).map(|n| Output::Event(Saw::Chatter(n))));
            }
            Pull::Hang => complete = false,
            Pull::Refuse => return Err(Fault::Refused),
            Pull::Farewell => {
                let _ = self.fate.send(Fate::Farewell);
                match self.manners {
                    Manners::Prompt => {}
                    Manners::Stubborn => complete = false,
                    Manners::Rude => return Err(Fault::Refused),
                }
            }
        }
        self.commands += 1;
        if complete {
            self.outputs.push_back(Output::Completed { command, result: Ok(()) });
        }
        Ok(command)
    }

    fn handle_input(&mut self, now: Instant, input: Input) {
        if matches!(input, Input::Timeout) {
            self.wake = None;
        }
        self.outputs.push_back(Output::Event(Saw::Input(input, now)));
    }

    fn poll_output(&mut self) -> Output<Saw, (), Fault> {
        let wake = self.wake.map(|at| Wake { at, reason: "test" });
        self.outputs.pop_front().unwrap_or(Output::Timeout(wake))
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.fate.send(Fate::Dropped);
    }
}

impl Drive for Puppet {
    fn farewell() -> (Pull, Duration) {
        (Pull::Farewell, Duration::from_millis(50))
    }

    fn is_expendable(_: &Saw) -> bool {
        false
    }

    fn weight(event: &Saw) -> usize {
        match event {
            Saw::Input(Input::WebSocket { event: WsEvent::Text(text), .. }, _) => text.len(),
            _ => 1,
        }
    }

    fn events_lost(count: u64) -> Saw {
        Saw::Lost(count)
    }

    fn ended_media(event: &Saw) -> Option<MediaId> {
        match event {
            Saw::MediaEnded(media) => Some(*media),
            _ => None,
        }
    }

    fn closed() -> Fault {
        Fault::Closed
    }

    fn overloaded() -> Fault {
        Fault::Overloaded
    }
}

/// A puppet on a driver, in a test's hands.
pub(crate) struct Stage<R> {
    pub(crate) handle: Handle<Puppet>,
    pub(crate) events: Events<Puppet>,
    pub(crate) fate: mpsc::Receiver<Fate>,
    pub(crate) clock: Clock,
    runtime: PhantomData<R>,
}

impl<R: Sockets> Stage<R> {
    pub(crate) fn new() -> Self {
        Self::with(NetOptions::default())
    }

    pub(crate) fn with(options: NetOptions) -> Self {
        Self::acting(options, Manners::Prompt)
    }

    pub(crate) fn acting(options: NetOptions, manners: Manners) -> Self {
        let (puppet, fate) = Puppet::new(manners);
        let clock = Clock::default();
        let (handle, events) =
            start_at::<R, _>(puppet, options, clock.clone()).expect("inside the runtime");
        Self { handle, events, fate, clock, runtime: PhantomData }
    }

    /// Has the puppet put out something.
    pub(crate) async fn make(&self, output: Output<Saw, (), Fault>) {
        within::<R, _>(self.handle.submit(Pull::Make(Box::new(output)))).await.expect("taken");
    }

    /// The next thing that the puppet tells.
    pub(crate) async fn saw(&mut self) -> Saw {
        within::<R, _>(self.events.next()).await.expect("the driver lives")
    }

    /// The event that the puppet has told already, if any.
    pub(crate) fn at_once(&mut self) -> Option<Option<Saw>> {
        self.events.next().now_or_never()
    }

    /// The next input that the puppet gets.
    pub(crate) async fn input(&mut self) -> Input {
        match self.saw().await {
            Saw::Input(input, _) => input,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn websocket(&mut self, expected: WsId) -> WsEvent {
        match self.input().await {
            Input::WebSocket { id, event } if id == expected => event,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn udp(&mut self, expected: UdpId) -> UdpEvent {
        match self.input().await {
            Input::Udp { id, event } if id == expected => event,
            other => panic!("{other:?}"),
        }
    }

    /// Opens a WebSocket, which must fail, and tells how.
    pub(crate) async fn websocket_failure(&mut self, url: &str, limit: Duration) -> NetErrorKind {
        self.make(open(WsId(7), url, limit)).await;
        match self.websocket(WsId(7)).await {
            WsEvent::Failed(error) => error.kind,
            other => panic!("{other:?}"),
        }
    }

    /// Checks what became of the puppet, in order.
    pub(crate) fn expect_fate(fate: &mpsc::Receiver<Fate>, expected: &[Fate]) {
        for expected in expected {
            assert_eq!(fate.recv_timeout(PATIENCE).as_ref(), Ok(expected));
        }
    }
}

/// Time enough for anything that is going to work.
pub(crate) const AMPLE: Duration = Duration::from_secs(15);

/// Opens a WebSocket.
pub(crate) fn open(id: WsId, url: &str, limit: Duration) -> Output<Saw, (), Fault> {
    let request = http::Request::get(url).header("Sec-WebSocket-Protocol", "xmpp");
    let request = request.body(()).expect("a request");
    Output::OpenWebSocket { id, request, deadline: Instant::now() + limit }
}

/// Waits for what must happen, and fails the test when it does not.
pub(crate) async fn within<R: Sockets, T>(future: impl Future<Output = T>) -> T {
    match select(pin!(future), pin!(R::sleep_until(Instant::now() + PATIENCE))).await {
        Either::Left((value, _)) => value,
        Either::Right(((), _)) => panic!("waited in vain"),
    }
}
