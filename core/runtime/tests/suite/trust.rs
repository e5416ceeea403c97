//! Certificates: pinned keys, no verification, and nobody's word.

use std::collections::BTreeMap;

use offhook::Output;
use offhook::machine::{NetError, NetErrorKind, WsEvent};
use offhook::net::{CertificatePin, NetOptions, Roots};
use offhook_runtime::Sockets;

use super::puppet::{AMPLE, Stage, open};
use super::servers::{self, Server, upgrade};
use super::websocket::{ID, echo, opened};

/// A server with a certificate for `phone.test`: so many failures, and then so many sockets.
fn phone(failures: usize, sockets: usize) -> (Vec<u8>, Server<()>) {
    let (certificate, secured) = servers::tls("phone.test");
    let server = Server::new(move |listener| {
        for _ in 0..failures {
            assert!(upgrade(secured(servers::accept(&listener))).is_none());
        }
        for _ in 0..sockets {
            echo(upgrade(secured(servers::accept(&listener))).expect("trust"));
        }
    });
    (certificate, server)
}

/// Options for the server, which is known as two hosts.
fn to(server: &Server<()>) -> NetOptions {
    let hosts = ["phone.test", "other.test"].map(|name| (name.to_owned(), server.address));
    NetOptions::default().resolve(hosts.into())
}

async fn failure<R: Sockets>(options: NetOptions, url: &str) -> NetError {
    let mut stage = Stage::<R>::with(options);
    stage.make(open(ID, url, AMPLE)).await;
    match stage.websocket(ID).await {
        WsEvent::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

async fn works<R: Sockets>(options: NetOptions, url: &str) {
    let mut stage = Stage::<R>::with(options);
    opened(&mut stage, url).await;
    stage.make(Output::CloseWebSocket { id: ID }).await;
}

fn pinned(host: &str, pins: &[CertificatePin]) -> BTreeMap<String, Vec<CertificatePin>> {
    [(host.to_owned(), pins.to_vec())].into()
}

pub(crate) async fn rfc_7469_2_6_a_pinned_host_must_have_the_key<R: Sockets>() {
    let (root, server) = phone(3, 3);
    let options = to(&server).extra_roots([root]);
    let wrong = CertificatePin::sha256([7; 32]);
    let url = "wss://phone.test/";

    let error = failure::<R>(options.clone().pins(pinned("phone.test", &[wrong])), url).await;
    assert_eq!(error.kind, NetErrorKind::Tls);
    let (reason, pin) = error.message.split_once(", but ").expect("the pin that it has");
    let says = "invalid peer certificate: the key of phone.test is none of those pinned for it";
    assert_eq!(reason, says);
    let pin: CertificatePin = pin.parse().expect("a pin");

    // In any case of letters, and where no key is allowed.
    for pins in [pinned("Phone.Test", &[wrong]), pinned("phone.test", &[])] {
        assert_eq!(failure::<R>(options.clone().pins(pins), url).await.kind, NetErrorKind::Tls);
    }
    works::<R>(options.clone().pins(pinned("phone.test", &[wrong, pin])), url).await;
    works::<R>(options.clone().pins(pinned("PHONE.test", &[pin])), url).await;
    works::<R>(options.pins(pinned("other.test", &[wrong])), url).await;
    server.join();
}

pub(crate) async fn a_pin_makes_no_certificate_trusted<R: Sockets>() {
    let (_, server) = phone(2, 0);
    let wrong = CertificatePin::sha256([7; 32]);
    let loud = to(&server).danger_accept_any_certificate();
    let error = failure::<R>(loud.pins(pinned("phone.test", &[wrong])), "wss://phone.test/").await;
    let (_, pin) = error.message.split_once(", but ").expect("the pin that it has");
    let pins = pinned("phone.test", &[pin.parse().expect("a pin")]);
    let error = failure::<R>(to(&server).pins(pins), "wss://phone.test/").await;
    assert_eq!(error.kind, NetErrorKind::Tls);
    server.join();
}

pub(crate) async fn without_verification_any_certificate_will_do<R: Sockets>() {
    let (_, server) = phone(0, 2);
    let options = to(&server).danger_accept_any_certificate();
    works::<R>(options.clone(), "wss://phone.test/").await;
    works::<R>(options, "wss://other.test/").await;
    server.join();
}

pub(crate) async fn without_roots_nobody_is_trusted_and_plain_connections_work<R: Sockets>() {
    let (_, server) = phone(1, 0);
    let options = to(&server).roots(Roots::None);
    let error = failure::<R>(options.clone(), "wss://phone.test/").await;
    assert_eq!(error.kind, NetErrorKind::Tls);
    server.join();

    let plain = Server::websocket(echo);
    works::<R>(options, &plain.url("ws")).await;
    plain.join();
}
