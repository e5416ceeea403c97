//! An agent's presence and mailbox, on either runtime, against the emulator with real sockets.

mod common;

use offhook::genesys::{Error, ErrorKind, Event, Phone as _, SystemPresence};
use offhook::net::NetOptions;
use offhook_examples::demo;
use offhook_runtime::Sockets;
use serde_json::{Value, json};

use common::{Desk, PATIENCE, on_both_runtimes, within};

/// Waits until the phone is told of that presence.
async fn told<R: Sockets>(desk: &mut Desk<R>, system: SystemPresence) {
    let is = |event| match event {
        Event::UserPresence(presence) => (presence.system == system).then_some(()),
        _ => None,
    };
    desk.events.wait(PATIENCE, is).await.expect("it is told");
}

async fn an_agent_goes_on_queue_and_is_told_of_it<R: Sockets>() {
    let net = NetOptions::default().loopback(true);
    let emulator = demo::emulator(31).expect("a free port");
    let mut desk = Desk::<R>::at(emulator, net, |config| config.presence = true);
    within::<R, _>("login", desk.phone.connect()).await.expect("a service");
    let definitions = desk.phone.fetch_presence_definitions();
    let definitions = within::<R, _>("definitions", definitions).await.expect("definitions");
    let mut on_queue = definitions.iter().filter(|one| one.system == SystemPresence::OnQueue);
    let on_queue = on_queue.next().expect("a queue");
    let set = desk.phone.set_presence(&on_queue.id);
    within::<R, _>("presence", set).await.expect("it is set");
    told(&mut desk, SystemPresence::OnQueue).await;
    let own = within::<R, _>("presence", desk.phone.fetch_presence()).await.expect("a presence");
    assert_eq!(own.definition, on_queue.id);
    let change =
        |body: &Value| desk.emulator.control("PATCH", &format!("users/{}", desk.user), body);
    change(&json!({"presence": "Away", "voicemail": {"total": 4, "unread": 1}})).expect("a change");
    told(&mut desk, SystemPresence::Away).await;
    let mailbox = within::<R, _>("mailbox", desk.phone.fetch_voicemail()).await.expect("a mailbox");
    assert_eq!((mailbox.total, mailbox.unread), (4, 1));
    desk.close().await;
}

async fn a_refusal_is_an_error_and_no_more<R: Sockets>() {
    let desk = Desk::<R>::open(32).await;
    let fault = json!({"path": "presence", "status": 403, "times": 1});
    desk.emulator.control("POST", "faults", &fault).expect("a fault");
    let refused = within::<R, _>("presence", desk.phone.fetch_presence()).await;
    assert!(matches!(refused, Err(Error { kind: ErrorKind::Http(403), .. })), "{refused:?}");
    let asked = within::<R, _>("presence", desk.phone.fetch_presence()).await;
    assert_eq!(asked.expect("a presence").system, SystemPresence::Available);
    desk.close().await;
}

on_both_runtimes! {
    an_agent_goes_on_queue_and_is_told_of_it
    a_refusal_is_an_error_and_no_more
}
