//! One question for the addresses of a host.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{Either, select};
use offhook::Input;
use offhook::machine::{NameId, NetError};

use crate::error::timed_out;
use crate::inbox::Inputs;
use crate::net::Net;
use crate::runtime::Runtime;

/// Looks a host up, and tells what was found.
pub(crate) async fn run<R: Runtime>(
    net: Arc<Net>,
    id: NameId,
    host: String,
    deadline: Instant,
    inputs: Inputs,
) {
    let found = pin!(addresses(&net, &host));
    let result = match select(found, pin!(net.clock.sleep_until::<R>(deadline))).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => Err(timed_out()),
    };
    inputs.send(Input::Resolved { id, result }).await;
}

async fn addresses(net: &Net, host: &str) -> Result<Vec<IpAddr>, NetError> {
    let found = net.resolve(host, 0).await?;
    let mut known = BTreeSet::new();
    Ok(found.iter().map(|address| address.ip()).filter(|ip| known.insert(*ip)).collect())
}
