//! A service alone, with a test at its control desk: no client, no sockets.

use std::time::{Duration, Instant};

use http::Request;
use offhook::media::WebRtcFactory;
use offhook_sim::cloud::{Cloud, CloudConfig};
use offhook_sim::service::{ConnId, Input, Output, RequestId, Service};
use serde_json::Value;

/// The most outputs that one input may lead to.
const MAX_DRAIN: usize = 100_000;

pub(crate) struct Desk<S = Cloud> {
    pub(crate) service: S,
    pub(crate) now: Instant,
    pub(crate) outputs: Vec<Output>,
    pub(crate) wake: Option<Instant>,
    next: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let config = CloudConfig::new(7, 1_795_225_723_900);
        Self::of(Cloud::new(config, Box::new(WebRtcFactory::new()), now), now)
    }

    /// A request to the service's API that is answered at once.
    pub(crate) fn api(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let id = self.ask(method, &format!("/api/v2/{path}"), token, &body.to_string());
        self.answer(id).unwrap_or_else(|| panic!("{method} {path} is not answered"))
    }
}

impl<S: Service> Desk<S> {
    pub(crate) fn of(service: S, now: Instant) -> Self {
        Self { service, now, outputs: Vec::new(), wake: None, next: 0 }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.service.handle_input(self.now, input);
        for _ in 0..MAX_DRAIN {
            match self.service.poll_output() {
                Output::Timeout(wake) => {
                    self.wake = wake.map(|wake| wake.at);
                    return;
                }
                output => self.outputs.push(output),
            }
        }
        panic!("the drain never ends");
    }

    /// Time passes; the cloud is woken when it asked.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.wake.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// A request; its id.
    pub(crate) fn ask(&mut self, method: &str, path: &str, token: &str, body: &str) -> RequestId {
        let bearer = format!("Bearer {token}");
        self.ask_as(method, path, &[("authorization", &bearer)], body)
    }

    /// A request with these headers; its id.
    pub(crate) fn ask_as(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> RequestId {
        self.next += 1;
        let id = RequestId(self.next);
        let request = Request::builder().method(method).uri(path);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(body.as_bytes().to_vec()).unwrap();
        self.input(Input::Request { id, request });
        id
    }

    /// The answer to a request, once it is there.
    pub(crate) fn answer(&mut self, wanted: RequestId) -> Option<(u16, Value)> {
        let is_it = |output: &Output| matches!(output, Output::Respond { id, .. } if *id == wanted);
        let at = self.outputs.iter().position(is_it)?;
        let Output::Respond { response, .. } = self.outputs.remove(at) else { unreachable!() };
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        Some((response.status().as_u16(), body))
    }

    /// A control request that is answered at once.
    pub(crate) fn control(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let id = self.ask(method, &format!("/control/{path}"), "", &body.to_string());
        self.answer(id).unwrap_or_else(|| panic!("{method} {path} is not answered"))
    }

    pub(crate) fn text(&mut self, conn: u64, text: &str) {
        self.input(Input::SocketText { conn: ConnId(conn), text: text.to_owned() });
    }

    /// Text messages sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        self.outputs
            .extract_if(.., |output| matches!(output, Output::SendText { .. }))
            .map(|output| match output {
                Output::SendText { text, .. } => text,
                _ => unreachable!(),
            })
            .collect()
    }
}
