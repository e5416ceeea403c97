//! A computer that sleeps: the runtime's clock goes on, and the machine hears of it.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use offhook::machine::{NetErrorKind, WsEvent};
use offhook::{Input, Output};
use offhook_runtime::Sockets;

use super::http::{answered, ask, get};
use super::puppet::{Pull, Saw, Stage, within};
use super::servers::{self, Server};
use super::websocket::{ID, echo, opened, says};

const SLEEP: Duration = Duration::from_secs(600);

pub(crate) async fn a_program_sleeps_as_long_as_it_wants_and_never_less<R: Sockets>() {
    let begun = R::now();
    let (short, for_ever) = (R::sleep(Duration::from_millis(20)), R::sleep(Duration::MAX));
    match select(pin!(for_ever), pin!(within::<R, _>(short))).await {
        Either::Left(((), _)) => panic!("for ever is over"),
        Either::Right(((), _)) => assert!(R::now() >= begun + Duration::from_millis(20)),
    }
}

pub(crate) async fn a_timer_is_due_after_a_sleep<R: Sockets>() {
    let mut stage = Stage::<R>::new();
    let at = stage.clock.now() + Duration::from_secs(60);
    within::<R, _>(stage.handle.submit(Pull::WakeAt(at))).await.expect("taken");
    stage.clock.advance(SLEEP);
    match stage.saw().await {
        // So late that the machine knows.
        Saw::Input(Input::Timeout, now) => assert!(now >= at + Duration::from_secs(500)),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn what_comes_after_a_sleep_shows_it<R: Sockets>() {
    let server = Server::websocket(echo);
    let mut stage = Stage::<R>::new();
    opened(&mut stage, &server.url("ws")).await;
    let before = stage.clock.now();
    stage.clock.advance(SLEEP);
    says(&mut stage, "good morning").await;
    match stage.saw().await {
        Saw::Input(Input::WebSocket { id: ID, event: WsEvent::Text(text) }, now) => {
            assert_eq!(text, "good morning");
            assert!(now >= before + SLEEP);
        }
        other => panic!("{other:?}"),
    }
    stage.make(Output::CloseWebSocket { id: ID }).await;
    server.join();
}

pub(crate) async fn a_deadline_passes_in_a_sleep<R: Sockets>() {
    let silent = servers::silent();
    let mut stage = Stage::<R>::new();
    stage.make(ask(1, get(&silent.url("http")), SLEEP / 2)).await;
    stage.clock.advance(SLEEP);
    let (_, answer) = answered(&mut stage).await;
    assert_eq!(answer.expect_err("silence").kind, NetErrorKind::Timeout);
    silent.join();
}
