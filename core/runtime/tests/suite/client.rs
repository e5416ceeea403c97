//! The client's own surface, as far as it needs no service.

use std::time::Duration;

use offhook::genesys::{Config, ErrorKind, Event, Phone as _};
use offhook::net::{NetOptions, Proxy, ProxyUrl};
use offhook_runtime::genesys::Client;
use offhook_runtime::{BuildError, Sockets, StartError};

use super::puppet::within;
use super::servers;

fn config(api_host: &str) -> Config {
    let mut config = Config::agent("localhost", "token");
    config.api_host = Some(api_host.to_owned());
    config
}

pub(crate) async fn a_token_that_is_refused_fails_to_connect<R: Sockets>() {
    // A login asks several things at once; any may come first.
    let server = servers::Server::new(|listener| {
        loop {
            let mut socket = servers::accept(&listener);
            let seen = servers::read_request(&mut socket);
            let refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
            let _ = std::io::Write::write_all(&mut socket, refusal);
            if let Some(seen) = seen.filter(|seen| seen.line.contains("organizations/me")) {
                return seen;
            }
        }
    });
    let config = config(&format!("http://{}", server.address));
    let (phone, mut events) = Client::<R>::builder(config).build().expect("inside the runtime");
    let refused = within::<R, _>(phone.connect()).await.expect_err("no such token");
    assert_eq!(refused.kind, ErrorKind::InvalidToken);
    let seen = server.join();
    assert_eq!(seen.header("authorization"), Some("Bearer token"));

    // A command that is impossible now fails at once.
    let impossible = within::<R, _>(phone.end("no such call")).await.expect_err("no such call");
    assert_ne!(impossible.kind, ErrorKind::Cancelled);
    let again = phone.clone();
    drop(phone);
    drop(within::<R, _>(again.disconnect()).await);
    drop(again);
    // Without commands the events go on, and end only with the driver; here nobody is left.
    assert!(within::<R, _>(events.next()).await.is_some());
}

pub(crate) async fn a_service_that_cannot_be_reached_fails_to_connect_with_the_reason<
    R: Sockets,
>() {
    // A port that nobody listens on any more.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let mut config = config(&format!("http://{address}"));
    config.timing.connect = Duration::from_secs(1);
    let (phone, mut events) = Client::<R>::builder(config).build().expect("inside the runtime");
    let failed = within::<R, _>(phone.connect()).await.expect_err("nobody is there");
    assert_eq!(failed.kind, ErrorKind::Timeout);
    assert!(failed.message.contains("not connected within 1 s"), "{failed}");
    assert!(failed.message.contains("refused"), "{failed}");
    let stopped = |event| match event {
        Event::Disconnected { reconnecting: false, error } => error,
        _ => None,
    };
    assert_eq!(events.wait(Duration::from_secs(20), stopped).await, Ok(failed));
}

pub(crate) async fn unusable_options_are_typed_errors<R: Sockets>() {
    let build = |config, options| Client::<R>::builder(config).net(options).build().map(drop);
    let good = config("http://127.0.0.1");
    let nobody = Config::agent("localhost", "");
    let defaults = NetOptions::default;

    assert!(build(good.clone(), defaults()).is_ok());
    assert!(matches!(build(nobody, defaults()), Err(BuildError::Config(_))));
    let proxy = Proxy::Url(ProxyUrl("socks4://127.0.0.1".into()));
    let options = defaults().proxy(proxy);
    assert!(matches!(build(good.clone(), options), Err(BuildError::Start(StartError::Proxy(_)))));
    let options = defaults().extra_roots(vec![b"not DER".to_vec()]);
    assert!(matches!(build(good, options), Err(BuildError::Start(StartError::Tls(_)))));
}
