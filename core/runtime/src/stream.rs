//! One stream of bytes, over TCP (RFC 9293) or TLS (RFC 8446): both ways, within bounds, and its end.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_channel::Receiver;
use futures_util::future::select;
use futures_util::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use offhook::Input;
use offhook::machine::{NetError, StreamEvent, StreamId};

use crate::connect::{Connection, stream_to};
use crate::error::lost;
use crate::hold::{CLOSING, Holder};
use crate::inbox::Inputs;
use crate::net::Net;
use crate::runtime::Sockets;

/// Bytes that are read at once.
const READ: usize = 16 << 10;

/// The destination of a stream.
pub(crate) struct Destination {
    pub(crate) to: SocketAddr,
    pub(crate) tls: Option<String>,
    pub(crate) from: Option<IpAddr>,
    pub(crate) deadline: Instant,
}

/// Opens a stream, carries bytes both ways, and tells its end.
pub(crate) async fn run<R: Sockets>(
    net: Arc<Net>,
    id: StreamId,
    destination: Destination,
    holder: Holder<Vec<u8>>,
    inputs: Inputs,
) {
    let tell = |event| inputs.send(Input::Stream { id, event });
    let Holder { items, bytes, local: place, mut given_up } = holder;
    let Destination { to, tls, from, deadline } = destination;
    let open = stream_to::<R>(&net, to, tls.as_deref(), from, deadline);
    let Some(opened) = given_up.open::<R, _>(&net.clock, deadline, open).await else { return };
    let (connection, local) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tell(StreamEvent::Failed(error)).await;
            return;
        }
    };
    place.get_or_init(|| local.ip());
    if !tell(StreamEvent::Opened { local }).await {
        return;
    }
    let (reader, mut writer) = connection.split();
    let carry = async {
        let sending = pin!(send(&mut writer, &items, &bytes));
        let receiving = pin!(receive(reader, id, &inputs));
        select(sending, receiving).await.factor_first().0
    };
    let Some(end) = given_up.carry::<R, _>(&net.clock, carry).await else { return };
    match end {
        End::Ours => {
            let time_up = net.clock.now() + CLOSING;
            let _ = select(writer.close(), pin!(net.clock.sleep_until::<R>(time_up))).await;
        }
        End::Theirs(error) => {
            tell(StreamEvent::Closed { error }).await;
        }
    }
}

/// The end of a stream.
enum End {
    /// By our machine's wish, or because it is gone.
    Ours,
    /// By the far side, or by the network.
    Theirs(Option<NetError>),
}

async fn send(
    writer: &mut WriteHalf<Connection>,
    items: &Receiver<Vec<u8>>,
    bytes: &AtomicUsize,
) -> End {
    while let Ok(data) = items.recv().await {
        let sent = async {
            writer.write_all(&data).await?;
            if items.is_empty() { writer.flush().await } else { Ok(()) }
        };
        if let Err(error) = sent.await {
            return End::Theirs(Some(lost(&error)));
        }
        bytes.fetch_sub(data.len(), Ordering::Relaxed);
    }
    End::Ours
}

async fn receive(mut reader: ReadHalf<Connection>, id: StreamId, inputs: &Inputs) -> End {
    let mut buffer = vec![0; READ];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) => return End::Theirs(None),
            Ok(length) => {
                let event = StreamEvent::Data(buffer[..length].to_vec());
                if !inputs.send(Input::Stream { id, event }).await {
                    return End::Ours;
                }
            }
            Err(error) => return End::Theirs(Some(lost(&error))),
        }
    }
}
