//! Model services on real sockets: HTTP, WebSocket and TLS on TCP, media on UDP.
//!
//! An [`Emulator`] runs on a thread and a runtime of its own, so that any program can have one,
//! whatever runtime it uses itself.
//!
//! ```
//! use offhook_sim::serve::{Emulator, EmulatorOptions};
//!
//! let emulator = Emulator::start(EmulatorOptions::default())?;
//! assert!(emulator.http_url().starts_with("http://127.0.0.1:"));
//! emulator.shutdown();
//! # Ok::<(), offhook_sim::serve::EmulatorError>(())
//! ```

mod both;
mod door;
mod driver;
mod guard;
mod listen;
mod options;
mod order;
mod requests;
mod tls;
mod udp;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use offhook::media::{AudioFrame, WebRtcFactory};

use both::Both;
use driver::Started;
pub use options::{EmulatorError, EmulatorOptions};
use order::Order;

use crate::cloud::{Cloud, CloudConfig};
use crate::gateway::{Gateway, GatewayConfig};
use crate::service::Service;

/// A running emulator. Dropping it ends it.
#[derive(Debug)]
pub struct Emulator {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    certificate: Option<Vec<u8>>,
    orders: tokio::sync::mpsc::Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// A call's far end, played by the program that runs the emulator.
#[derive(Debug)]
pub struct FarEnd {
    /// The frames that it says. At most 500 frames wait; more are refused.
    pub speak: tokio::sync::mpsc::Sender<AudioFrame>,
    /// The frames that it hears: nothing while the agent is muted or the call is held. At most 3000
    /// frames wait; more are lost.
    pub heard: tokio::sync::mpsc::Receiver<AudioFrame>,
}

impl Emulator {
    /// Starts serving the model cloud, and beside it the model gateway, which has the paths below
    /// `/rest/version` and `/control/ribbon`.
    ///
    /// # Errors
    ///
    /// See [`EmulatorError`]; nothing is left running.
    pub fn start(options: EmulatorOptions) -> Result<Self, EmulatorError> {
        Self::serve(options, |options, unix_ms, now| {
            let mut config = CloudConfig::new(options.seed, unix_ms);
            config.public_ip = options.public_ip;
            if let Some(prompt) = &options.prompt {
                config.prompt.clone_from(prompt);
            }
            let mut beside = GatewayConfig::new(options.seed, unix_ms);
            beside.public_ip = options.public_ip;
            beside.prompt.clone_from(&config.prompt);
            let cloud = Cloud::new(config, Box::new(WebRtcFactory::new()), now);
            Both::new(cloud, Gateway::new(beside, Box::new(WebRtcFactory::new()), now))
        })
    }

    /// Starts serving any model service. `make` makes it, from the options, the wall clock in
    /// milliseconds since 1970, and its first instant.
    ///
    /// # Errors
    ///
    /// See [`EmulatorError`]; nothing is left running.
    pub fn serve<S: Service>(
        options: EmulatorOptions,
        make: impl FnOnce(&EmulatorOptions, u64, Instant) -> S + Send + 'static,
    ) -> Result<Self, EmulatorError> {
        let (tell, told) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("offhook-emulator".to_owned()).spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build();
                match runtime {
                    Ok(runtime) => runtime.block_on(driver::run(options, make, tell)),
                    // Whoever starts it waits for this word; if nobody does, nobody minds.
                    Err(error) => drop(tell.send(Err(EmulatorError::Start(error)))),
                }
            })?;
        match told.recv() {
            Ok(Ok(Started { http, https, certificate, orders })) => {
                Ok(Self { http, https, certificate, orders, thread: Some(thread) })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(EmulatorError::Ended),
        }
    }

    /// The base of the service's REST API and of `/control`, in plain HTTP, or in TLS when there
    /// is no plain listener.
    #[must_use]
    pub fn http_url(&self) -> String {
        self.http.map_or_else(|| self.https_url().unwrap_or_default(), |a| format!("http://{a}"))
    }

    /// The same over TLS, if that is served.
    #[must_use]
    pub fn https_url(&self) -> Option<String> {
        self.https.map(|address| format!("https://{address}"))
    }

    /// The base for WebSockets.
    #[must_use]
    pub fn ws_url(&self) -> String {
        self.http_url().replacen("http", "ws", 1)
    }

    /// The base of the control API.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("{}/control", self.http_url())
    }

    /// The TLS certificate (DER) for clients to trust, where it is self-signed.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Makes a user; their id and token. None when the emulator has ended or is full.
    #[must_use]
    pub fn add_user(&self, name: &str, token: Option<&str>) -> Option<(String, String)> {
        let body = serde_json::json!({"name": name, "token": token});
        let user = self.control("POST", "users", &body)?;
        let text = |key: &str| user[key].as_str().map(str::to_owned);
        Some((text("userId")?, text("token")?))
    }

    /// Makes a user of the model gateway; their whole name and their password. What is to be said of them
    /// besides goes through [`Emulator::control`], as all else that the gateway is to do does
    /// (`ribbon/calls`), and [`Emulator::far_end`] takes its calls, too. None when the emulator has ended or
    /// is full.
    #[must_use]
    pub fn add_gateway_user(&self, user: &str, password: Option<&str>) -> Option<(String, String)> {
        let body = serde_json::json!({"user": user, "password": password});
        let user = self.control("POST", "ribbon/users", &body)?;
        let text = |key: &str| user[key].as_str().map(str::to_owned);
        Some((text("user")?, text("password")?))
    }

    /// One request to the control API, without a socket: `POST`, `calls`, a body. The answer's
    /// body; none for an error status or when the emulator has ended. Blocks.
    #[must_use]
    pub fn control(
        &self,
        method: &str,
        path: &str,
        body: &serde_json::Value,
    ) -> Option<serde_json::Value> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/control/{path}"))
            .header(http::header::HOST, self.http.or(self.https)?.to_string())
            .header(requests::SCHEME, if self.http.is_some() { "http" } else { "https" })
            .body(body.to_string().into_bytes())
            .ok()?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.orders.try_send(Order::Request { request, answer }).ok()?;
        // On a thread of its own, because the caller's may belong to a runtime.
        let response = std::thread::spawn(|| answered.blocking_recv()).join().ok()?.ok()?;
        if !response.status().is_success() {
            return None;
        }
        serde_json::from_slice(response.body()).ok()
    }

    /// Takes over the far end of a call, whatever state it is in. The last to take it has it.
    ///
    /// None when the emulator has ended.
    #[must_use]
    pub fn far_end(&self, conversation: &str) -> Option<FarEnd> {
        let (speak, spoken) = tokio::sync::mpsc::channel(500);
        let (hear, heard) = tokio::sync::mpsc::channel(3000);
        let conversation = conversation.to_owned();
        // The queue of orders is only full while the driver is stuck.
        self.orders.try_send(Order::PlayFarEnd { conversation, spoken, hear }).ok()?;
        Some(FarEnd { speak, heard })
    }

    /// Ends it and waits until it has ended.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // When the queue is full or closed, dropping the sender ends it as well.
            let _ = self.orders.try_send(Order::Stop);
            if thread.join().is_err() {
                tracing::error!("the emulator's thread panicked");
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}
