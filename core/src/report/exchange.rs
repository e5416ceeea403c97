//! Records of HTTP exchanges, fit to be shown.

use std::time::Instant;

use super::{Channel, Redactor, TraceDirection, TraceRecord};
use crate::machine::NetError;
use crate::plain::{Shown, plain, plain_document};
use crate::rest::Resource;

impl Redactor {
    /// Words in which a peer may quote what it was sent, as they may be shown.
    pub(crate) fn words(&self, text: &str) -> String {
        // Hidden first: half of a secret is not found any more.
        plain(&self.text(text)).into_owned()
    }

    /// A record of a message whose body is [a document](Redactor::document) already, or empty.
    pub(crate) fn record(
        &self,
        at: Instant,
        direction: TraceDirection,
        channel: Channel,
        summary: &str,
        about: Option<&str>,
        body: String,
    ) -> TraceRecord {
        let about = about.map(|name| self.text(&Shown(name).to_string()));
        let record = TraceRecord::new(at, direction, channel, self.words(summary));
        TraceRecord { about, body: plain_document(body), ..record }
    }

    /// A record of a request.
    pub(crate) fn request(&self, at: Instant, resource: &Resource) -> TraceRecord {
        let summary = format!("{} {}", resource.method, resource.path);
        let body = resource.body.as_ref().map(serde_json::Value::to_string);
        let body = self.document(&body.unwrap_or_default());
        self.record(at, TraceDirection::Sent, Channel::Rest, &summary, None, body)
    }

    /// A record of what became of a request.
    pub(crate) fn response(
        &self,
        at: Instant,
        resource: &Resource,
        result: &Result<http::Response<Vec<u8>>, NetError>,
    ) -> TraceRecord {
        let path = resource.place();
        let (summary, body) = match result {
            Ok(response) => (
                format!("{} {} {path}", response.status().as_u16(), resource.method),
                self.document(&String::from_utf8_lossy(response.body())),
            ),
            Err(error) => {
                (format!("failed {} {path}", resource.method), self.text(&error.to_string()))
            }
        };
        self.record(at, TraceDirection::Received, Channel::Rest, &summary, None, body)
    }
}
