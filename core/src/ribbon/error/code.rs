//! Codes of errors (w1.7): a family of the SDK's and a number in it, a number of the gateway's, or what
//! happens to a command on its way.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::machine::NetErrorKind;

/// The families: an enum for each, with its name and numbers as in the SDK.
macro_rules! families {
    ($($(#[$doc:meta])* $code:ident in $family:ident $name:literal {
        $($(#[$about:meta])* $variant:ident = $number:literal,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[non_exhaustive]
            pub enum $code {
                $($(#[$about])* #[doc = concat!("`", $name, ":", $number, "`.")] $variant,)*
            }

            impl $code {
                /// All of them, in the order of their numbers.
                pub const ALL: &'static [Self] = &[$(Self::$variant),*];

                /// The number in the family.
                #[must_use]
                pub const fn number(self) -> u16 {
                    match self { $(Self::$variant => $number,)* }
                }

                /// The code as the SDK writes it: family and number.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => concat!($name, ":", $number),)* }
                }
            }

            impl From<$code> for ErrorCode {
                fn from(code: $code) -> Self {
                    Self::$family(code)
                }
            }
        )*

        /// The kind of a failure, to act on.
        ///
        /// Most have a family and a number in it, as the SDK has them. What the gateway says of a
        /// call's request has the gateway's number alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("A code of the family `", $name, "`.")] $family($code),)*
            /// The gateway's own number for the reason (w1.6), or the HTTP status where it gives none.
            Gateway(u16),
            /// The client is closed.
            Closed,
            /// Too many commands wait already.
            Busy,
            /// The deadline passed without an answer.
            Timeout,
            /// The network failed.
            Network(NetErrorKind),
            /// A setting or an argument that cannot work.
            Options,
            /// Another command of the same kind is under way.
            Pending,
            /// Another command took its place.
            Cancelled,
            /// The gateway answered something that cannot be used.
            Protocol,
            /// A mistake in the client itself. Please report it.
            Internal,
        }

        impl ErrorCode {
            /// The code as the SDK writes it: `call:12`, or the gateway's bare number.
            #[must_use]
            pub fn as_str(&self) -> Cow<'static, str> {
                Cow::Borrowed(match self {
                    $(Self::$family(code) => code.as_str(),)*
                    Self::Gateway(number) => return Cow::Owned(number.to_string()),
                    Self::Closed => "closed",
                    Self::Busy => "busy",
                    // w1.4: the name of the exception, in a browser.
                    Self::Timeout => "TimeoutError",
                    Self::Network(_) => "network",
                    Self::Options => "options",
                    Self::Pending => "pending",
                    Self::Cancelled => "cancelled",
                    Self::Protocol => "protocol",
                    Self::Internal => "internal",
                })
            }
        }

        impl FromStr for ErrorCode {
            type Err = UnknownCode;

            /// Reads what [`ErrorCode::as_str`] writes. What failed of the network it does not say.
            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                $(
                    let same = |code: &&$code| code.as_str() == text;
                    if let Some(code) = $code::ALL.iter().find(same) {
                        return Ok(Self::$family(*code));
                    }
                )*
                match text {
                    "closed" => Ok(Self::Closed),
                    "busy" => Ok(Self::Busy),
                    "TimeoutError" => Ok(Self::Timeout),
                    "network" => Ok(Self::Network(NetErrorKind::Local)),
                    "options" => Ok(Self::Options),
                    "pending" => Ok(Self::Pending),
                    "cancelled" => Ok(Self::Cancelled),
                    "protocol" => Ok(Self::Protocol),
                    "internal" => Ok(Self::Internal),
                    number => number.parse().map(Self::Gateway).map_err(|_| UnknownCode(())),
                }
            }
        }
    };
}

families! {
    /// Failures of logging in and of staying so.
    AuthCode in Auth "authentication" {
        /// The credentials are missing, or refused.
        InvalidCredentials = 1,
        /// The socket did not open.
        ConnectFailed = 2,
        /// There is nothing to unsubscribe from.
        UnsubscribeFailed = 3,
        /// The gateway refused the subscription.
        SubscribeFailed = 4,
        /// The subscription could not be renewed.
        ExtendFailed = 5,
        /// The subscription could not be changed.
        UpdateFailed = 6,
        /// Another user cannot be set while services are subscribed.
        InvalidState = 7,
        /// The gateway has no services for the user.
        MissingService = 12,
        /// The gateway has too much to do, also after several attempts.
        SubscribeUnavailable = 13,
    }
    /// Failures of a subscription.
    SubscriptionCode in Subscription "subscription" {
        /// The socket did not open, or is not there.
        Socket = 1,
        /// No service was named.
        NoService = 2,
        /// None of the others.
        Generic = 3,
        /// No credentials are set.
        InvalidState = 4,
    }
    /// Failures of connectivity.
    ConnectivityCode in Connectivity "connectivity" {
        /// None of the others: there are none.
        Generic = 1,
    }
    /// Failures of calls.
    CallCode in Call "call" {
        /// Not known.
        Unknown = 1,
        /// None of the others.
        Generic = 2,
        /// Media could not be made ready.
        InitMediaFailed = 3,
        /// The application's media could not be had.
        UserMedia = 4,
        /// Not by these settings.
        NotSupported = 5,
        /// Not in this state of the call.
        InvalidState = 6,
        /// An argument that cannot be used.
        InvalidParam = 7,
        /// The gateway thinks otherwise of the call.
        StateDesync = 8,
        /// The far side's description cannot be used.
        InvalidOffer = 9,
        /// No ICE candidates were found.
        NoIceCandidates = 10,
        /// An answer that belongs to another session.
        SessionMismatch = 11,
        /// Another operation is under way, here or at the far side.
        Glare = 12,
    }
    /// Failures of the history of calls.
    HistoryCode in History "callHistory" {
        /// Not known.
        Unknown = 1,
        /// A text cannot be read.
        BadRequest = 2,
        /// There is no such record.
        NotFound = 3,
        /// Nobody is logged in.
        NotAuthenticated = 4,
        /// The user may not.
        Forbidden = 5,
    }
    /// Failures of calls between two other telephones.
    ClickToCallCode in ClickToCall "clickToCall" {
        /// A party is missing.
        MissingArgs = 1,
        /// The gateway refused it.
        ResponseError = 2,
    }
    /// Failures of messages.
    MessagingCode in Messaging "messaging" {
        /// The message was not sent.
        SendFailed = 5,
    }
    /// Failures of voicemail.
    MwiCode in Mwi "mwi" {
        /// The gateway does not say if anything waits.
        FetchFailed = 1,
    }
    /// Failures of events of SIP.
    SipCode in Sip "sipEvents" {
        /// Not known.
        Unknown = 1,
        /// The service for such events is not subscribed.
        NotProvisioned = 2,
        /// There is no subscription of that kind.
        NotSubscribed = 3,
    }
    /// Failures of presence.
    PresenceCode in Presence "presence" {
        /// No such status.
        InvalidStatus = 1,
        /// No such activity.
        InvalidActivity = 2,
        /// The gateway refused it.
        InvalidRequest = 3,
        /// An argument that cannot be used.
        InvalidParam = 4,
    }
    /// Failures of the directory and of the address book.
    UsersCode in Users "users" {
        /// Not known.
        Unknown = 1,
        /// The address book could not be asked.
        RefreshContactsFailed = 2,
        /// The directory could not be asked.
        DirectoryFailed = 3,
        /// An argument that cannot be used.
        InvalidParam = 4,
    }
    /// Failures of tracks.
    WebRtcCode in WebRtc "webrtc" {
        /// An argument that cannot be used.
        InvalidParam = 1,
        /// There is no such track.
        InvalidTrackId = 2,
        /// A call has the track.
        TrackInUse = 3,
        /// The track is the far side's.
        TrackNotLocal = 4,
    }
    /// Failures of media in another process.
    ProxyCode in Proxy "proxy" {
        /// An argument that cannot be used.
        InvalidParam = 1,
        /// The channel cannot be set.
        SetChannelFailed = 2,
        /// Not while there are calls.
        InActiveCall = 3,
        /// The other process has another version.
        VersionMismatch = 4,
        /// Not in this state.
        InvalidState = 5,
        /// The other process did not answer.
        Timeout = 6,
        /// Not known.
        Unknown = 7,
    }
}

/// A text that is no code of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no code of an error")]
pub struct UnknownCode(());

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str())
    }
}

impl serde::Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.as_str())
    }
}
