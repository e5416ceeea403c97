//! The media of a client that signals in another process (`offhook_examples::elsewhere`). Frames of the channel
//! are lines of standard input and output; each call hears back what it says.
//!
//! ```text
//! cargo run -p offhook-examples --bin media_host [-- --loopback]
//! ```

use std::{env, io};

use offhook::net::NetOptions;
use offhook_examples::elsewhere::{host, lines};
use offhook_tokio::ribbon::MediaHost;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let net = NetOptions::default().loopback(env::args().any(|option| option == "--loopback"));
    let (media, events) = MediaHost::builder(()).net(net).build()?;
    host(media, events, lines(io::stdin()), io::stdout()).await
}
