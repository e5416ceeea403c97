//! Wrong answers of a service, and how often it gives them: faults on requests, as the control API
//! orders them.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response};
use regex_lite::Regex;
use serde_json::Value;

use super::http::{Incoming, error, json as json_response};

/// Faults waiting at once; the oldest go first.
const MAX_FAULTS: usize = 256;
/// The longest that an answer may be late.
const MAX_DELAY: Duration = Duration::from_secs(600);

/// The wrong answers of the service, and how often it gives them (`POST /control/faults`).
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

/// The part of a request that is done although it is answered wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing is done.
    None,
    /// All is done, and then it is answered.
    Before,
    /// It is answered, and then all is done.
    After,
}

/// One wrong answer, or a late one.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    method: Option<String>,
    path: Option<Regex>,
    /// The kind of request, where a service has kinds of them at one path.
    kind: Option<String>,
    status: Option<u16>,
    /// The code in the service's own form of an error, where no body is given.
    pub(crate) code: Option<u16>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Value>,
    times: u64,
    pub(crate) effect: Effect,
    pub(crate) delay: Duration,
}

impl Faults {
    pub(crate) fn add(&mut self, body: &Value) -> Result<(), String> {
        let fault = Fault::read(body)?;
        if self.waiting.len() >= MAX_FAULTS {
            self.waiting.remove(0);
        }
        self.waiting.push(fault);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The wrong answer to this request, if there is one.
    pub(crate) fn take(&mut self, asked: &Incoming<'_>) -> Option<Response<Vec<u8>>> {
        self.take_fault(asked.method, asked.raw_path, None)?.response()
    }

    /// Takes what is to go wrong with a request of this kind.
    pub(crate) fn take_fault(
        &mut self,
        method: &str,
        path: &str,
        kind: Option<&str>,
    ) -> Option<Fault> {
        let at = self.waiting.iter().position(|fault| {
            fault.method.as_deref().is_none_or(|wanted| wanted == method)
                && fault.path.as_ref().is_none_or(|wanted| wanted.is_match(path))
                && (fault.kind.is_none() || fault.kind.as_deref() == kind)
        })?;
        let fault = &mut self.waiting[at];
        fault.times = fault.times.saturating_sub(1);
        let fault = fault.clone();
        if fault.times == 0 {
            self.waiting.remove(at);
        }
        Some(fault)
    }
}

impl Fault {
    fn read(body: &Value) -> Result<Self, String> {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let path = body["path"].as_str().map(Regex::new).transpose();
        let path = path.map_err(|e| format!("path: {e}"))?;
        let kind = text("type");
        if path.is_none() && kind.is_none() {
            return Err("path is missing".to_owned());
        }
        let mut headers = Vec::new();
        for (name, value) in body["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let name = name.parse().map_err(|_| format!("not a header name: {name}"))?;
            headers.push((name, value.parse().map_err(|_| "not a header value".to_owned())?));
        }
        let status = match body["status"].as_u64() {
            Some(status) => Some(
                u16::try_from(status)
                    .ok()
                    .filter(|status| (100..600).contains(status))
                    .ok_or("status is not an HTTP status")?,
            ),
            None => None,
        };
        let code = body["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
        let delay = body["delayMs"].as_u64().map(Duration::from_millis);
        if status.is_none() && code.is_none() && delay.is_none() {
            return Err("status is missing".to_owned());
        }
        Ok(Self {
            method: text("method").map(|method| method.to_uppercase()),
            path,
            kind,
            status,
            code,
            headers,
            body: body.get("body").filter(|body| !body.is_null()).cloned(),
            times: body["times"].as_u64().unwrap_or(1),
            effect: match body["effect"].as_str() {
                None | Some("none") => Effect::None,
                Some("before") => Effect::Before,
                Some("after") => Effect::After,
                Some(_) => return Err("effect is before, after or none".to_owned()),
            },
            delay: delay.unwrap_or_default().min(MAX_DELAY),
        })
    }

    /// The answer that was ordered, in no service's own form. None where the right one is wanted.
    pub(crate) fn response(&self) -> Option<Response<Vec<u8>>> {
        let status = self.status.or(self.code.map(|_| 500))?;
        Some(self.dressed(match &self.body {
            Some(body) => json_response(status, body),
            None => error(status, "lab.fault", "as ordered"),
        }))
    }

    /// The answer that was ordered, where a service has a form of its own for a status and a code.
    pub(crate) fn response_by(
        &self,
        form: impl FnOnce(Option<u16>, u16) -> Response<Vec<u8>>,
    ) -> Option<Response<Vec<u8>>> {
        match (&self.body, self.code) {
            (None, Some(code)) => Some(self.dressed(form(self.status, code))),
            _ => self.response(),
        }
    }

    fn dressed(&self, mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}
