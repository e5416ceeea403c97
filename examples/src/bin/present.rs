//! Shows a screen to a meeting of Genesys Cloud: the pictures of a file, or, with the features of this package, the
//! screen of an X server.
//!
//! ```text
//! cargo run -p offhook-examples --bin present -- --emulator --file talk.webm
//! cargo run -p offhook-examples --features x11 --bin present -- --emulator --screen
//! ```
//!
//! At the service it wants a token (`OFFHOOK_TOKEN`) and the address of a room. A file is sent as it is, over and over; a
//! screen is encoded as H.264, in Rust alone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use offhook::genesys::Phone as _;
use offhook::video::Player;
use offhook_examples::meeting::{self, Source};
use offhook_examples::seat::Seat;
use offhook_tokio::Tokio;

/// Pictures of a screen in a second.
#[cfg(feature = "x11")]
const RATE: u32 = 10;

/// Shows a screen to a meeting.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    seat: Seat,
    /// A file to show: WebM, IVF or H.264. Without one the meeting sees test pictures.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Show the screen of the display that `DISPLAY` names.
    #[cfg(feature = "x11")]
    #[arg(long, conflicts_with = "file")]
    screen: bool,
}

impl Cli {
    fn source(&self) -> anyhow::Result<Box<dyn Source>> {
        #[cfg(feature = "x11")]
        if self.screen {
            use offhook_examples::live::{Live, h264::H264, x11::Display};

            return Ok(Box::new(Live::start(Display::open()?, H264::new(RATE), RATE)));
        }
        let clip = match &self.file {
            Some(path) => meeting::clip(path)?,
            None => meeting::test_pictures()?,
        };
        Ok(Box::new(Player::new(clip, Instant::now())))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt::init();
    let cli = Cli::parse();
    let mut source = cli.source()?;
    let (phone, emulator) = cli.seat.take::<Tokio>()?;
    phone.connect().await?;
    let lasts = Duration::from_secs(cli.seat.seconds);
    let shown = meeting::present(&phone, &cli.seat.room, source.as_mut(), lasts).await?;
    if let Some(emulator) = &emulator {
        let room = format!("rooms/{}/media", shown.conversation.as_str());
        let told = emulator.control("GET", &room, &serde_json::Value::Null).context("a room")?;
        let lines = told["lines"].as_array().into_iter().flatten();
        let received = lines.filter_map(|line| line["framesReceived"].as_u64()).sum::<u64>();
        println!("the emulator has seen {received} pictures");
        anyhow::ensure!(received > 0, "nothing was seen");
    }
    phone.end(shown.conversation).await?;
    phone.disconnect().await?;
    if let Some(emulator) = emulator {
        emulator.shutdown();
    }
    println!(
        "{} pictures were shown; {} key frames were asked for",
        shown.pictures, shown.keyframes_wanted
    );
    Ok(())
}
