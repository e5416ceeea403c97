//! The runtimes' common tests on tokio, and what only tokio can show.

use std::future::Future;

use offhook_runtime::{NoRuntime, StartError, WaitError, start};
use offhook_tokio::Tokio;

use suite::puppet::{Fault, Manners, Pull, Puppet, Stage};

#[path = "../../core/runtime/tests/suite/mod.rs"]
#[macro_use]
mod suite;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

suite!(Tokio, block_on);

#[test]
fn a_runtime_that_ends_leaves_nothing_hanging() {
    let first = runtime();
    let (stage, hanging, mut audio) = first.block_on(async {
        let stage = Stage::<Tokio>::new();
        let hanging = stage.handle.submit(Pull::Hang);
        let audio = stage.handle.audio(offhook::machine::MediaId(1));
        (stage, hanging, audio)
    });
    drop(first);
    block_on(async move {
        let Stage { handle, mut events, .. } = stage;
        assert_eq!(hanging.await, Err(Fault::Closed));
        assert_eq!(handle.submit(Pull::Chatter(1)).await, Err(Fault::Closed));
        let forever = std::time::Duration::MAX;
        assert_eq!(events.wait(forever, |_| None::<()>).await, Err(WaitError::Ended));
        assert!(events.next().await.is_none());
        assert!(handle.events().next().await.is_none());
        assert!(audio.stream.next().await.is_none());
        assert!(handle.audio(offhook::machine::MediaId(1)).stream.next().await.is_none());
    });
}

#[test]
fn outside_of_a_runtime_nothing_is_built() {
    let (puppet, _) = Puppet::new(Manners::Prompt);
    let built = start::<Tokio, _>(puppet, offhook::net::NetOptions::default());
    assert!(matches!(built, Err(StartError::NoRuntime(NoRuntime))));
}
