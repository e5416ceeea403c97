//! Names of what a machine opens, asks and is asked.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "#{}"), self.0)
            }
        }
    };
}

id!(
    /// Names one WebSocket, from [`Output::OpenWebSocket`](super::Output::OpenWebSocket) on.
    WsId
);
id!(
    /// Names one HTTP exchange.
    HttpId
);
id!(
    /// Names one group of UDP sockets: one session's media, or one by which a server is asked besides.
    UdpId
);
id!(
    /// Names one stream of bytes, from [`Output::OpenStream`](super::Output::OpenStream) on.
    StreamId
);
id!(
    /// Names one question for the addresses of a host.
    NameId
);
id!(
    /// Names one accepted command until its [`Output::Completed`](super::Output::Completed).
    CommandId
);
id!(
    /// Names one media session: all of its tracks.
    MediaId
);
