//! Reading of notifications.

use std::borrow::Cow;
use std::str::FromStr as _;
use std::time::Duration;

use serde::de::MapAccess;
use serde_json::{Map, Value};

use super::super::address::without_scheme;
use super::super::lenient::{self, Flag, Lenient, Text, Whole, object};
use super::super::parameters::{ReadParameters, received};
use super::{
    Im, Leg, LegEvent, MAX_MESSAGE, Mailbox, Notice, NoticeError, Notification, Parties,
    PresenceNews, SipNews,
};
use crate::ribbon::ids::SessionData;
use crate::text_id::MAX_ID;

object! {
    Envelope<'a> {
        message: Option<Box<Message<'a>>> = "notificationMessage",
    }
}

object! {
    Message<'a> {
        event_type: Text<'a> = "eventType",
        event_id: Text<'a> = "eventId",
        time: Whole = "time",
        status: Whole = "statusCode",
        retry_after: Whole = "retryAfter",
        session: Session<'a> = "sessionParams",
        parties: Names<'a> = "callNotificationParams",
        parameters: ReadParameters<'a> = "customParameters",
        im: Option<Box<ImParams<'a>>> = "imnotificationParams",
        presence: Option<Box<PresenceParams<'a>>> = "presenceWatcherNotificationParams",
        mailbox: Option<Box<MailboxParams>> = "mwiNotificationParam",
        generic: Option<Box<GenericParams<'a>>> = "genericNotificationParams",
    }
}

object! {
    Session<'a> {
        data: Text<'a> = "sessionData",
        sdp: Text<'a> = "sdp",
        status: Whole = "statusCode",
        reason: Text<'a> = "reasonText",
        retry_after: Whole = "retryAfter",
    }
}

object! {
    Names<'a> {
        caller_name: Text<'a> = "callerName",
        caller_number: Text<'a> = "callerDisplayNumber",
        callee_number: Text<'a> = "calleeDisplayNumber",
        remote_name: Text<'a> = "remoteName",
        remote_number: Text<'a> = "remoteDisplayNumber",
        primary_contact: Text<'a> = "primaryContact",
    }
}

object! {
    ImParams<'a> {
        text: Text<'a> = "msgText",
        contact: Text<'a> = "primaryContact",
    }
}

object! {
    PresenceParams<'a> {
        name: Text<'a> = "name",
        status: Text<'a> = "status",
        activity: Text<'a> = "activity",
        note: Text<'a> = "note",
    }
}

object! {
    /// The waiting messages in a mailbox, in a notification as in the answer to a request (w5.5).
    MailboxParams {
        waiting: Flag = "mwi",
        total_voice: Whole = "totalVoice",
        unheard_voice: Whole = "unheardVoice",
        voice: Counts = "voice",
        fax: Counts = "fax",
        multimedia: Counts = "multimedia",
    }
}

object! {
    GenericParams<'a> {
        session: Text<'a> = "sessionData",
        session_type: Text<'a> = "sessionDataType",
    }
}

/// Counts by keys that are passed on as they are (w8, no. 30).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts(Map<String, Value>);

/// The most counts of one kind.
const MAX_COUNTS: usize = 32;

impl<'de> Lenient<'de> for Counts {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut counts = Map::new();
        while let Some((key, value)) = object.next_entry::<String, Value>()? {
            let fits = counts.len() < MAX_COUNTS && key.len() <= MAX_ID;
            let is_count = match &value {
                Value::Number(_) | Value::Bool(_) => true,
                Value::String(text) => text.len() <= MAX_ID,
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            };
            if fits && is_count {
                counts.insert(key, value);
            }
        }
        Ok(Self(counts))
    }
}

impl From<MailboxParams> for Mailbox {
    fn from(read: MailboxParams) -> Self {
        Self {
            waiting: read.waiting.0.unwrap_or(false),
            total_voice: read.total_voice.natural().unwrap_or(0),
            unheard_voice: read.unheard_voice.natural().unwrap_or(0),
            voice: read.voice.0,
            fax: read.fax.0,
            multimedia: read.multimedia.0,
        }
    }
}

impl<'a> Notice<'a> {
    /// Reads a message: none where it is JSON, but no notification, as the answer to a ping is.
    ///
    /// # Errors
    ///
    /// It is too long, no JSON, or of no call that it names.
    pub fn read(text: &'a str) -> Result<Option<Self>, NoticeError> {
        if text.len() > MAX_MESSAGE {
            return Err(NoticeError::TooLong);
        }
        let envelope: Envelope<'_> = lenient::read_text(text).map_err(NoticeError::Json)?;
        let Some(mut message) = envelope.message else { return Ok(None) };
        let id = message.event_id.0.take();
        let time = message.time.natural();
        Ok(Some(Self { id, time, body: body(*message)?, text }))
    }
}

fn body(message: Message<'_>) -> Result<Notification<'_>, NoticeError> {
    if let Some(generic) = message.generic {
        let is_call = generic.session_type.as_str() == "call";
        let call = generic.session.0.filter(|_| is_call).and_then(|data| session(&data));
        let event_type = message.event_type.0.unwrap_or_default();
        return Ok(Notification::Sip(SipNews { event_type, call }));
    }
    let event_type = message.event_type.as_str();
    if let Ok(event) = LegEvent::from_str(event_type) {
        return leg(event, message).map(|leg| Notification::Leg(Box::new(leg)));
    }
    Ok(match event_type {
        "IM" => {
            let read = message.im.map(|read| *read).unwrap_or_default();
            Notification::Im(Im {
                text: read.text.0.unwrap_or_default(),
                sender: address(read.contact).unwrap_or_default(),
            })
        }
        "presenceWatcher" => {
            let read = message.presence.map(|read| *read).unwrap_or_default();
            Notification::Presence(PresenceNews {
                user: address(read.name).unwrap_or_default(),
                status: read.status.0,
                activity: read.activity.0,
                note: read.note.0,
            })
        }
        "mwi" => {
            let read = message.mailbox.map(|read| *read).unwrap_or_default();
            Notification::Mailbox(Box::new(read.into()))
        }
        "gone" => {
            let wait =
                message.retry_after.natural().or_else(|| message.session.retry_after.natural());
            Notification::Gone { retry_after: wait.map(Duration::from_millis) }
        }
        "websocketOverridden" => Notification::Overridden,
        _ => Notification::Other(message.event_type.0.unwrap_or_default()),
    })
}

fn leg(event: LegEvent, message: Message<'_>) -> Result<Leg<'_>, NoticeError> {
    let Message { session: params, parties, status: top, .. } = message;
    let session = params.data.0.as_deref().and_then(session).ok_or(NoticeError::NoSession)?;
    let inner = params.status.code();
    // Zero at the top is no failure (w3.1).
    let top = top.code().filter(|status| *status != 0);
    let status = match event {
        LegEvent::RespondCallUpdate => top.or_else(|| inner.filter(|status| *status != 0)),
        LegEvent::Call
        | LegEvent::Ringing
        | LegEvent::SessionProgress
        | LegEvent::StartCallUpdate
        | LegEvent::CallEnd
        | LegEvent::CallCancel
        | LegEvent::SessionComplete
        | LegEvent::SessionFail => inner.or(top),
    };
    let wait = params.retry_after.natural().or_else(|| message.retry_after.natural());
    let (parameters, parameters_cut) = received(message.parameters);
    Ok(Leg {
        event,
        session,
        sdp: params.sdp.0.filter(|sdp| !sdp.trim().is_empty()),
        status,
        reason: params.reason.0,
        retry_after: wait.map(Duration::from_millis),
        parties: Parties {
            caller_name: parties.caller_name.0,
            caller_number: parties.caller_number.0,
            callee_number: parties.callee_number.0,
            remote_name: parties.remote_name.0,
            remote_number: parties.remote_number.0,
            primary_contact: parties.primary_contact.0,
        },
        parameters,
        parameters_cut,
    })
}

/// A session's name, if it is one.
fn session(data: &str) -> Option<SessionData> {
    (!data.is_empty() && data.len() <= MAX_ID).then(|| data.into())
}

/// An address without its scheme.
fn address(text: Text<'_>) -> Option<Cow<'_, str>> {
    match text.0? {
        Cow::Borrowed(address) => Some(Cow::Borrowed(without_scheme(address))),
        Cow::Owned(address) => Some(Cow::Owned(without_scheme(&address).to_owned())),
    }
}
