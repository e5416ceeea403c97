//! The simulator's tool for a bot of one's own: runs, replays, shrinks and draws the hotline.
//!
//! ```text
//! cargo run -p offhook-examples --bin simulate -- run --seeds 0..20
//! cargo run -p offhook-examples --features bug --bin simulate -- run --seeds 0..20
//! ```

use std::process::ExitCode;

use offhook_examples::hotline;
use offhook_sim::tool::Tool;

const CALLED: &str = if cfg!(feature = "bug") {
    "cargo run -p offhook-examples --features bug --bin simulate --"
} else {
    "cargo run -p offhook-examples --bin simulate --"
};

fn main() -> ExitCode {
    Tool::new(CALLED).scenario(hotline::scenario()).main()
}
