//! Joins a meeting of Genesys Cloud and writes what is seen and heard there to a WebM file, which browsers and players
//! open. The meeting sees test pictures, or those of a file. No encoder and no decoder is in it: pictures and Opus are written as they come.
//!
//! Try it against the emulator, which it can bring along:
//!
//! ```text
//! cargo run -p offhook-examples --bin record -- --emulator
//! ```
//!
//! At the service it wants a token (`OFFHOOK_TOKEN`) and the address of a room.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use offhook::genesys::Phone as _;
use offhook_examples::meeting;
use offhook_examples::seat::Seat;
use offhook_tokio::Tokio;

/// Records a meeting.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    seat: Seat,
    /// The file.
    #[arg(long, default_value = "target/meeting.webm")]
    file: PathBuf,
    /// A file to show: WebM, IVF or H.264. Without one the meeting sees test pictures.
    #[arg(long)]
    show: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt::init();
    let cli = Cli::parse();
    let show = match &cli.show {
        Some(path) => meeting::clip(path)?,
        None => meeting::test_pictures()?,
    };
    let (phone, emulator) = cli.seat.take::<Tokio>()?;
    phone.connect().await?;
    if let Some(folder) = cli.file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(&cli.file)?);
    let lasts = Duration::from_secs(cli.seat.seconds);
    let recorded = meeting::record(&phone, &cli.seat.room, show, lasts, &mut file).await?;
    file.flush()?;
    phone.end(recorded.conversation).await?;
    phone.disconnect().await?;
    if let Some(emulator) = emulator {
        emulator.shutdown();
    }
    let file = cli.file.display();
    println!(
        "{file}: {} pictures and {} packets of sound; {} pictures of ours were shown",
        recorded.pictures, recorded.sounds, recorded.shown
    );
    anyhow::ensure!(recorded.pictures > 0, "no picture came");
    Ok(())
}
