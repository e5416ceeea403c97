//! Answers of the gateway's REST API: one object under the name of the resource, with a code (w1.6).

use http::Response;
use serde_json::{Map, Value, json};

use super::guesses;
use super::options::{Options, StatusIn};
use crate::service::http::{empty, json as respond};

/// The kinds of resources, each with the name that its answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Subscription,
    CallControl,
    Disposition,
    History,
    HistoryRecord,
    ClickToCall,
    AddressBook,
    Directory,
    Message,
    Presence,
    PresenceWatcher,
    EventSubscription,
    Voicemail,
    AppleDevice,
    GoogleDevice,
    External,
    Unknown,
}

impl Resource {
    /// The resource that a path below a user's leads to.
    pub(super) fn of(path: &[&str]) -> Self {
        match path {
            ["subscription", ..] => Self::Subscription,
            ["callControl", ..] => Self::CallControl,
            ["calldisposition"] => Self::Disposition,
            ["logHistory"] => Self::History,
            ["logRecord", _] => Self::HistoryRecord,
            ["clicktocall"] => Self::ClickToCall,
            ["addressbook", ..] => Self::AddressBook,
            ["directory"] => Self::Directory,
            ["instantmessage"] => Self::Message,
            ["presence"] => Self::Presence,
            ["presenceWatcher"] => Self::PresenceWatcher,
            ["eventSubscription", ..] => Self::EventSubscription,
            ["voicemail"] => Self::Voicemail,
            ["push", "apple", ..] => Self::AppleDevice,
            ["push", "google", ..] => Self::GoogleDevice,
            ["externalnotification"] => Self::External,
            _ => Self::Unknown,
        }
    }

    /// The name that its answers have.
    const fn name(self) -> &'static str {
        match self {
            Self::Subscription => "subscribeResponse",
            Self::CallControl => "callControlResponse",
            Self::Disposition => "callDispositionResponse",
            Self::History => "logHistory",
            Self::HistoryRecord => "logRecord",
            Self::ClickToCall => "ctcResponse",
            Self::AddressBook => "addressBookResponse",
            Self::Directory => "directory",
            Self::Message => "imResponse",
            Self::Presence => "presenceResponse",
            Self::PresenceWatcher => "presenceWatcherResponse",
            Self::EventSubscription => "eventSubscriptionResponse",
            Self::Voicemail => "mwiresponse",
            Self::AppleDevice => "appleDeviceRegistrationResponse",
            Self::GoogleDevice => "googleDeviceRegistrationResponse",
            Self::External => "externalNotificationResponse",
            Self::Unknown => "response",
        }
    }
}

/// A refusal: its code, and why no client of ours should meet it, where none should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) wrong: Option<String>,
}

impl Refusal {
    /// One that the client could not foresee.
    pub(super) const fn code(code: u16) -> Self {
        Self { code, wrong: None }
    }

    /// One of a request that no client should make.
    pub(super) fn wrong(code: u16, why: impl Into<String>) -> Self {
        Self { code, wrong: Some(why.into()) }
    }
}

/// An answer before it is written.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    resource: Resource,
    status: u16,
    code: Option<u16>,
    fields: Map<String, Value>,
    whole: Option<Value>,
    /// The session whose next notification may overtake it.
    pub(super) awaits: Option<String>,
}

impl Reply {
    /// A success: the HTTP status, and what it says besides the code.
    pub(super) fn success(resource: Resource, status: u16, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Self { resource, status, code: Some(0), fields, whole: None, awaits: None }
    }

    /// The same as another code says it.
    pub(super) fn with_code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// A success without a word (204).
    pub(super) fn nothing(resource: Resource) -> Self {
        let none = Map::new();
        let status = guesses::GONE;
        Self { resource, status, code: None, fields: none, whole: None, awaits: None }
    }

    /// A body as it is.
    pub(super) fn whole(status: u16, body: Value) -> Self {
        let whole = Some(body);
        let fields = Map::new();
        Self { resource: Resource::Unknown, status, code: None, fields, whole, awaits: None }
    }

    /// A refusal.
    pub(super) fn refused(resource: Resource, status: Option<u16>, code: u16) -> Self {
        let status = status.unwrap_or_else(|| guesses::http_status(code));
        let fields = Map::new();
        Self { resource, status, code: Some(code), fields, whole: None, awaits: None }
    }

    pub(super) fn awaiting(mut self, session: &str) -> Self {
        self.awaits = Some(session.to_owned());
        self
    }

    pub(super) fn response(&self, options: &Options) -> Response<Vec<u8>> {
        if let Some(body) = &self.whole {
            return respond(self.status, body);
        }
        let Some(code) = self.code else { return empty(self.status) };
        let mut fields = self.fields.clone();
        fields.insert("statusCode".to_owned(), options.code(i64::from(code)));
        let refused = self.status >= 300;
        if refused
            && code == 503
            && let Some(ms) = options.retry_after
        {
            fields.insert("retryAfter".to_owned(), json!(ms));
        }
        if options.extra_keys {
            fields.insert("node".to_owned(), json!("lab-1"));
            fields.insert("nothing".to_owned(), Value::Null);
        }
        // Locally provisioned users are refused at the top (w2.1).
        if refused && self.resource == Resource::Subscription && options.status_in == StatusIn::Top
        {
            fields.insert("reason".to_owned(), json!("refused"));
            return respond(self.status, &Value::Object(fields));
        }
        respond(self.status, &json!({self.resource.name(): fields}))
    }
}

/// The page that somebody unknown is answered (w1.5).
pub(super) fn unknown_user() -> Response<Vec<u8>> {
    let page = "<html><head><title>403</title></head><body>Forbidden</body></html>";
    let mut response = Response::new(page.as_bytes().to_vec());
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    let html = http::HeaderValue::from_static("text/html;charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, html);
    response
}
