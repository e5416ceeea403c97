//! Many clients in one process: the trouble of one is its own.

use std::net::TcpListener;
use std::time::Duration;

use offhook::net::NetOptions;
use offhook_runtime::Sockets;

use super::http::{answered, ask, get};
use super::puppet::{AMPLE, Stage};
use super::servers;

/// Together more exchanges than any pool of threads has threads.
const TENANTS: u64 = 160;
const EXCHANGES: u64 = 4;

pub(crate) async fn services_that_hang_hold_up_no_other<R: Sockets>() {
    // Never accepts: what its backlog does not take hangs while it connects, the rest after it.
    let hanging = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", hanging.local_addr().expect("bound"));
    let mut hung = Vec::new();
    for _ in 0..TENANTS {
        let stage = Stage::<R>::with(NetOptions::default());
        for id in 0..EXCHANGES {
            stage.make(ask(id, get(&url), Duration::from_secs(120))).await;
        }
        hung.push(stage);
    }
    let server = servers::answer("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    let mut well = Stage::<R>::new();
    well.make(ask(1, get(&server.url("http")), AMPLE)).await;
    let (_, answer) = answered(&mut well).await;
    assert_eq!(answer.expect("held up by no other").status(), 204);
    // Nobody of the others has heard anything yet.
    for mut stage in hung {
        let told = futures_util::FutureExt::now_or_never(stage.events.next());
        assert!(told.is_none(), "{told:?}");
    }
}
