//! The trace of what goes and comes, for whoever wants it (RC-005, RC-008).

use super::{MAX_TOLD, Outbox};
use crate::machine::{HttpId, NetError};
use crate::report::{Channel, TraceDirection, TraceRecord};
use crate::rest::Resource;
use crate::ribbon::config::TraceDetail;
use crate::ribbon::constants::LogLevel;
use crate::ribbon::event::Event;
use crate::ribbon::ids::CallId;
use crate::ribbon::wire::resources::subscription::Subscription;

impl Outbox {
    fn traces(&mut self) -> bool {
        self.config.trace.on && self.told < MAX_TOLD
    }

    /// True if records have bodies (RC-005, RC-009).
    fn bodies(&self) -> bool {
        self.config.trace.bodies && self.config.trace.detail == TraceDetail::Full
    }

    /// Tells a record, and logs it at its level (RC-008).
    fn trace(&mut self, record: TraceRecord) {
        let level = self.config.trace.level;
        if self.logs(level) {
            log(level, &record);
        }
        self.told += record.summary.len() + record.body.len();
        self.event(Event::Trace(record));
    }

    /// Tells a notification as it came.
    pub(crate) fn trace_notification(&mut self, summary: &str, about: Option<&str>, text: &str) {
        if self.traces() {
            let body = if self.bodies() { self.redactor.document(text) } else { String::new() };
            let (at, way) = (self.now(), TraceDirection::Received);
            let record = self.redactor.record(at, way, Channel::Notification, summary, about, body);
            self.trace(record);
        }
    }

    /// Tells a milestone of a call's media.
    pub(crate) fn trace_media(&mut self, summary: &str, call: &CallId) {
        if self.traces() {
            let (at, way) = (self.now(), TraceDirection::Received);
            let about = Some(call.as_str());
            let record =
                self.redactor.record(at, way, Channel::Media, summary, about, String::new());
            self.trace(record);
        }
    }

    pub(super) fn trace_request(&mut self, resource: &Resource) {
        if self.traces() {
            let record = self.redactor.request(self.now(), resource);
            self.trace(self.without_body(record));
        }
    }

    pub(super) fn trace_response(
        &mut self,
        id: HttpId,
        result: &Result<http::Response<Vec<u8>>, NetError>,
    ) {
        if self.traces()
            && let Some(resource) = self.rest.resource(id)
        {
            let body = result.as_ref().map(http::Response::body);
            if let Some(session) = body.ok().and_then(|body| Subscription::session_in(body)) {
                self.redactor.hide(&session);
            }
            let record = self.redactor.response(self.now(), resource, result);
            self.trace(self.without_body(record));
        }
    }

    fn without_body(&self, mut record: TraceRecord) -> TraceRecord {
        if !self.bodies() {
            record.body = String::new();
        }
        record
    }
}

fn log(level: LogLevel, record: &TraceRecord) {
    let (direction, summary) = (record.direction, &record.summary);
    match level {
        LogLevel::Silent => {}
        LogLevel::Error => tracing::error!(?direction, %summary, "message"),
        LogLevel::Warn => tracing::warn!(?direction, %summary, "message"),
        LogLevel::Info => tracing::info!(?direction, %summary, "message"),
        LogLevel::Debug => tracing::debug!(?direction, %summary, "message"),
    }
}
