//! Time limits, numbers of attempts and paces, all in one place.
//!
//! What a protocol fixes is no policy and not here: the timers of ICE, DTLS and RTP, the lengths of
//! frames and keys.

use std::fmt;
use std::time::Duration;

/// A figure that is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timing: {field} is {value}, and has to be from {least} to {most}")]
#[non_exhaustive]
pub struct TimingError {
    /// The name of the field of [`Timing`].
    pub field: &'static str,
    /// Its value.
    pub value: Figure,
    /// The least that it can be.
    pub least: Figure,
    /// The most that it can be.
    pub most: Figure,
}

/// A figure of [`Timing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Figure {
    /// A time.
    Time(Duration),
    /// A number.
    Count(u32),
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) if *time == Duration::MAX => f.write_str("forever"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl From<Duration> for Figure {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<u32> for Figure {
    fn from(count: u32) -> Self {
        Self::Count(count)
    }
}

/// A figure with its unit, as the table below has it.
macro_rules! figure {
    ($n:literal ms) => {
        Duration::from_millis($n)
    };
    ($n:literal s) => {
        Duration::from_secs($n)
    };
    ($n:literal min) => {
        Duration::from_secs($n * 60)
    };
    ($n:literal h) => {
        Duration::from_secs($n * 3600)
    };
    ($n:literal times) => {
        $n
    };
    (forever) => {
        Duration::MAX
    };
}

/// The table of the figures: what each means, its default, and its bounds. The struct, its defaults,
/// its check, its setters and what the documents say of all that are made of it.
macro_rules! timing {
    ($(
        $(#[$doc:meta])*
        $name:ident: $type:ident = [$($default:tt)+] [$($least:tt)+] [$($most:tt)+];
    )*) => {
        /// Time limits, numbers of attempts and paces of a client.
        ///
        /// [`Client::new`](super::Client::new) refuses what is out of its bounds.
        ///
        /// ```
        /// use std::time::Duration;
        /// use offhook::genesys::{Config, Timing};
        ///
        /// let patient = Timing::default().connect(Duration::MAX).command(Duration::from_secs(60));
        /// let config = Config::agent("mypurecloud.com", "token").timing(patient);
        /// assert_eq!(config.timing.terminate, Duration::from_secs(2));
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Timing {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!(
                    "Default ", stringify!($($default)+), ", from ", stringify!($($least)+), " to ",
                    stringify!($($most)+), "."
                )]
                pub $name: $type,
            )*
        }

        impl Default for Timing {
            fn default() -> Self {
                Self { $($name: figure!($($default)+),)* }
            }
        }

        impl Timing {
            /// Finds what is out of its bounds.
            ///
            /// # Errors
            ///
            /// The first that is.
            pub(super) fn check(&self) -> Result<(), TimingError> {
                $(
                    let (least, most): ($type, $type) = (figure!($($least)+), figure!($($most)+));
                    if !(least..=most).contains(&self.$name) {
                        return Err(TimingError {
                            field: stringify!($name),
                            value: self.$name.into(),
                            least: least.into(),
                            most: most.into(),
                        });
                    }
                )*
                Ok(())
            }

            /// Each field's name, its bounds, and how to set it, for tests.
            #[cfg(test)]
            pub(super) fn bounds() -> Vec<Bounds> {
                vec![$({
                    let (least, most): ($type, $type) = (figure!($($least)+), figure!($($most)+));
                    Bounds {
                        field: stringify!($name),
                        least: least.into(),
                        most: most.into(),
                        set: |timing, figure| match figure.try_into() {
                            Ok(figure) => timing.$name = figure,
                            Err(_) => panic!("another kind of figure"),
                        },
                    }
                }),*]
            }
        }

        setters!(Timing { $($name: $type),* });
    };
}

/// The bounds of one field.
#[cfg(test)]
pub(super) struct Bounds {
    pub(super) field: &'static str,
    pub(super) least: Figure,
    pub(super) most: Figure,
    pub(super) set: fn(&mut Timing, Figure),
}

timing! {
    // Commands

    /// The limit of [`Command::Connect`](super::Command::Connect). When the time is up it fails with
    /// [`ErrorKind::Timeout`](super::ErrorKind::Timeout) and the last reason: what its message and its
    /// [`cause`](super::Error::cause) say. A client that was not ready since it set out then stops
    /// trying; one that had been goes on. [`Duration::MAX`] waits until it is disconnected.
    connect: Duration = [60 s] [1 s] [forever];
    /// The limit of each other command.
    command: Duration = [30 s] [1 s] [1 h];

    // The connection

    /// The first pause between two attempts to connect; each further one is twice as long (wire
    /// notes 3.2).
    reconnect_first: Duration = [2 s] [100 ms] [1 h];
    /// The longest pause between two attempts to connect.
    reconnect_longest: Duration = [90 s] [100 ms] [24 h];
    /// The time for which failures make the next attempts slower.
    reconnect_memory: Duration = [1 h] [0 s] [24 h];
    /// The limit of one attempt, from socket to session (wire notes 1.4).
    setup: Duration = [15 s] [1 s] [10 min];
    /// The wait of our `<close/>` for the service's (wire notes 1.6).
    close: Duration = [1 s] [0 s] [1 min];
    /// Attempts on one channel before another is asked for (wire notes 3.1).
    channel_attempts: u32 = [10 times] [1 times] [1000 times];
    /// The longest `Retry-After` that is obeyed; a longer one counts as this.
    longest_retry_after: Duration = [1 h] [0 s] [24 h];
    /// The wait for the reply to an IQ (wire notes 1.6).
    iq: Duration = [15 s] [1 s] [10 min];
    /// The pause between a ping's end and the next ping (wire notes 2.1).
    ping: Duration = [14 s] [1 s] [1 h];
    /// Pings in a row that may stay unanswered (wire notes 2.1).
    pings_missed: u32 = [1 times] [0 times] [10 times];
    /// The longest silence of a service that pings by itself (wire notes 2.2).
    silence: Duration = [35 s] [1 s] [1 h];
    /// The lateness of a wake-up that tells that the computer slept (LC-19).
    sleep: Duration = [4 s] [100 ms] [1 h];
    /// The time within which changes of topics become one request (wire notes 4.1).
    topics: Duration = [100 ms] [0 ms] [10 s];
    /// The time that discovered ICE servers are good for (wire notes 7).
    ice_refresh: Duration = [6 h] [1 min] [24 h];
    /// Questions for ICE servers at each refresh, both kinds together (wire notes 7).
    ice_refreshes: u32 = [3 times] [1 times] [10 times];
    /// The pace of the signaling of sessions in the long run: one stanza in this time (SG-8). 20
    /// may go at once, 25 on a fresh connection.
    signal_pace: Duration = [40 ms] [1 ms] [1 s];

    // Requests

    /// The limit of one exchange over HTTP (wire notes 8).
    request: Duration = [30 s] [1 s] [10 min];
    /// Attempts of a request that fails for a passing reason (wire notes 8.7).
    request_attempts: u32 = [10 times] [1 times] [100 times];
    /// The pause before it is made again, where the service does not name one (wire notes 8.7).
    request_pause: Duration = [15 s] [100 ms] [1 h];
    /// The limit of the look whether the service can be reached at all (SG-7).
    probe: Duration = [10 s] [1 s] [10 min];

    // After a login

    /// The pause until something that a login needs and could not have is asked for again.
    again: Duration = [30 s] [1 s] [1 h];
    /// The same pause where topics were refused for good: a phone without topics is deaf, and a
    /// permission may be given meanwhile.
    again_refused: Duration = [5 min] [1 s] [24 h];
    /// Time after a change of the token in which a refusal may be of the one before.
    token_overlap: Duration = [30 s] [0 s] [1 h];
    /// Attempts to be marked as a client that can ring (SG-9).
    lead_attempts: u32 = [16 times] [1 times] [100 times];
    /// The pause between two of them.
    lead_pause: Duration = [500 ms] [10 ms] [1 min];

    // Calls and their media

    /// The time that a call rings that nobody answers, withdraws or speaks of again. Of a ringing
    /// limit of the service's nothing is known (behaviour notes 2.5), so this only catches what was
    /// lost (DEF-5).
    ringing: Duration = [3 min] [1 s] [24 h];
    /// The time that a call outlives its media, or is kept of which media alone tells, before it is
    /// taken for over (DEF-8).
    call_without_media: Duration = [10 s] [1 s] [10 min];
    /// The time that media outlives its call before it is ended too (DEF-8).
    media_without_call: Duration = [10 s] [0 s] [10 min];
    /// The wait for the far side's word on the end of a session (LC-21).
    terminate: Duration = [2 s] [0 s] [1 min];
    /// The time that a re-invite is remembered, as the service repeats it (wire notes 6.14).
    reinvite: Duration = [3 min] [1 s] [1 h];
    /// The time that candidates that come before their offer are kept (wire notes 6.14).
    early_candidates: Duration = [1 min] [0 s] [10 min];
    /// The time that media may take to find a path, or to find it again.
    path: Duration = [30 s] [1 s] [10 min];
    /// The time in which the user's other clients can refuse a request for the headset, from when it has come back;
    /// one that was left it has twice as long to take it, and longer each time that it did not.
    headset: Duration = [1500 ms] [100 ms] [1 min];
    /// The wait for the service's word about a room that was joined, before it is asked who is in it.
    participants: Duration = [500 ms] [0 ms] [1 min];
    /// The longest that STUN and TURN servers are asked for addresses, from the first socket of a session on. Zero asks
    /// none: then media has the addresses of its interfaces, and nothing can be relayed.
    gathering: Duration = [5 s] [0 ms] [30 s];
    /// The most by which audio is delayed to even out the network: what comes later than that is
    /// lost. Zero delays nothing.
    playout: Duration = [200 ms] [0 ms] [500 ms];

    // What is told

    /// The interval at which the figures of a session are told
    /// ([`Event::Stats`](super::Event::Stats)).
    stats: Duration = [5 s] [100 ms] [1 h];
    /// The pace of log records that a peer can bring about at will: one of a kind in this time in
    /// the long run, 20 at once.
    log_pace: Duration = [3 s] [1 ms] [1 h];
    /// The time that log records are collected before they are uploaded (LG-1).
    upload_logs: Duration = [1 s] [100 ms] [1 h];
    /// The time that media figures are collected before they are uploaded (ST-5).
    upload_figures: Duration = [25 s] [100 ms] [1 h];
    /// Attempts of an upload.
    upload_attempts: u32 = [10 times] [1 times] [100 times];
    /// The longest pause between two tries of an upload.
    upload_longest: Duration = [15 s] [1 s] [1 h];
}

#[cfg(test)]
impl TryFrom<Figure> for Duration {
    type Error = ();

    fn try_from(figure: Figure) -> Result<Self, ()> {
        match figure {
            Figure::Time(time) => Ok(time),
            Figure::Count(_) => Err(()),
        }
    }
}

#[cfg(test)]
impl TryFrom<Figure> for u32 {
    type Error = ();

    fn try_from(figure: Figure) -> Result<Self, ()> {
        match figure {
            Figure::Count(count) => Ok(count),
            Figure::Time(_) => Err(()),
        }
    }
}
