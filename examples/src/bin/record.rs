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

use anyhow::Context as _;
use clap::Parser;
use offhook::genesys::{Config, Phone as _};
use offhook::net::NetOptions;
use offhook_examples::{demo, meeting};
use offhook_runtime::genesys::Client;
use offhook_tokio::Tokio;

/// Records a meeting.
#[derive(Debug, Parser)]
struct Cli {
    /// The service's domain.
    #[arg(long, default_value = "mypurecloud.com")]
    environment: String,
    /// An OAuth access token.
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The address of the room.
    #[arg(long, default_value = meeting::ROOM)]
    room: String,
    /// The time for which it is recorded, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The file.
    #[arg(long, default_value = "target/meeting.webm")]
    file: PathBuf,
    /// A file to show: WebM, IVF or H.264. Without one the meeting sees test pictures.
    #[arg(long)]
    show: Option<PathBuf>,
    /// Meet in an emulator of its own.
    #[arg(long)]
    emulator: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt::init();
    let cli = Cli::parse();
    let show = match &cli.show {
        Some(path) => meeting::clip(path)?,
        None => meeting::test_pictures()?,
    };
    let emulator = cli.emulator.then(|| demo::emulator(1)).transpose()?;
    let config = match &emulator {
        Some(emulator) => {
            let (_, token) = emulator.add_user("Ada", None).context("a user")?;
            let mut config = Config::agent("lab.test", token);
            config.api_host = Some(emulator.http_url());
            config.ws_host = Some(emulator.ws_url());
            config
        }
        None => {
            let token = cli.token.context("--token, or OFFHOOK_TOKEN, is wanted")?;
            Config::agent(cli.environment, token)
        }
    };
    let net = NetOptions::default().loopback(cli.emulator);
    let (phone, _events) = Client::<Tokio>::builder(config).net(net).build()?;
    phone.connect().await?;
    if let Some(folder) = cli.file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(&cli.file)?);
    let lasts = Duration::from_secs(cli.seconds);
    let recorded = meeting::record(&phone, &cli.room, show, lasts, &mut file).await?;
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
