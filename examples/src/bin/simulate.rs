//! The simulator's tool for bots of one's own: runs, replays, shrinks and draws the hotline, and with
//! `--preset echo` the echo.
//!
//! ```text
//! cargo run -p offhook-examples --bin simulate -- run --seeds 0..20
//! cargo run -p offhook-examples --features bug --bin simulate -- run --seeds 0..20
//! ```

use std::process::ExitCode;

use offhook_examples::{echo, hotline};
use offhook_sim::tool::Tool;

const CALLED: &str = if cfg!(feature = "bug") {
    "cargo run -p offhook-examples --features bug --bin simulate --"
} else {
    "cargo run -p offhook-examples --bin simulate --"
};

fn main() -> ExitCode {
    Tool::new(CALLED).scenario(hotline::scenario()).scenario(echo::scenario()).main()
}
