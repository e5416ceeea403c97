//! Wrong answers of a service, and how often it gives them: faults on requests, as the control API
//! orders them.

use http::{HeaderName, HeaderValue, Response};
use regex_lite::Regex;
use serde_json::Value;

use super::http::{Incoming, error, json as json_response};

/// Faults waiting at once; the oldest go first.
const MAX_FAULTS: usize = 256;

/// The wrong answers of the service, and how often it gives them (`POST /control/faults`).
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

#[derive(Debug)]
struct Fault {
    method: Option<String>,
    path: Regex,
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Value>,
    times: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, body: &Value) -> Result<(), String> {
        let path = body["path"].as_str().ok_or("path is missing")?;
        let status = body["status"].as_u64().ok_or("status is missing")?;
        let mut headers = Vec::new();
        for (name, value) in body["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let name = name.parse().map_err(|_| format!("not a header name: {name}"))?;
            headers.push((name, value.parse().map_err(|_| "not a header value".to_owned())?));
        }
        if self.waiting.len() >= MAX_FAULTS {
            self.waiting.remove(0);
        }
        self.waiting.push(Fault {
            method: body["method"].as_str().map(str::to_uppercase),
            path: Regex::new(path).map_err(|e| format!("path: {e}"))?,
            status: u16::try_from(status)
                .ok()
                .filter(|status| (100..600).contains(status))
                .ok_or("status is not an HTTP status")?,
            headers,
            body: body.get("body").filter(|body| !body.is_null()).cloned(),
            times: body["times"].as_u64().unwrap_or(1),
        });
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The wrong answer to this request, if there is one.
    pub(crate) fn take(&mut self, asked: &Incoming<'_>) -> Option<Response<Vec<u8>>> {
        let at = self.waiting.iter().position(|fault| {
            fault.method.as_deref().is_none_or(|method| method == asked.method)
                && fault.path.is_match(asked.raw_path)
        })?;
        let fault = &mut self.waiting[at];
        let mut response = match &fault.body {
            Some(body) => json_response(fault.status, body),
            None => error(fault.status, "lab.fault", "as ordered"),
        };
        for (name, value) in &fault.headers {
            response.headers_mut().insert(name, value.clone());
        }
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.waiting.remove(at);
        }
        Some(response)
    }
}
