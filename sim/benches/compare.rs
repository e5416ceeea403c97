//! The cost of a message elsewhere: in a loop that does nothing but take it from a heap, and in
//! turmoil, which simulates sockets under tokio. Beside `offhook-sim bench`, whose messages are
//! also read, understood, answered and checked.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark reads the clock and prints"
)]

use std::time::{Duration, Instant};

use offhook_sim::tool::{BenchArgs, Command, Tool, bare_loop};
use turmoil::net::UdpSocket;

/// Hosts that talk to one other.
const HOSTS: u64 = 50;
const PORT: u16 = 5000;
/// The size of a keep-alive.
const SIZE: usize = 150;

fn main() {
    // Cargo says `--bench`; whoever wants more than the two lines says `--all`.
    if std::env::args().any(|word| word == "--all") {
        let tool = Tool::new("cargo bench -p offhook-sim --bench compare --");
        let table = Command::Bench(BenchArgs { quick: false });
        tool.perform(&table, &mut std::io::stdout()).expect("a terminal, and workloads that run");
    }
    tell("a bare event loop", 1_000_000, bare_loop(1_000_000));
    let (took, messages) = sockets(200_000);
    tell("turmoil, datagrams", messages, took);
}

fn tell(what: &str, messages: u64, took: Duration) {
    let each = took.as_secs_f64() * 1e6 / messages as f64;
    println!("{what:<26}{messages:>11} messages{each:>8.2} µs each");
}

/// Datagrams there and back, one at a time between any two, with the least latency that it has:
/// each step of its clock moves every host.
fn sockets(messages: u64) -> (Duration, u64) {
    let rounds = messages / 2 / HOSTS;
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .simulation_duration(Duration::from_secs(86_400))
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_millis(1))
        .udp_capacity(HOSTS as usize)
        .build();
    sim.host("service", || async {
        let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
        let mut data = [0; SIZE];
        loop {
            let (size, from) = socket.recv_from(&mut data).await?;
            socket.send_to(&data[..size], from).await?;
        }
    });
    for host in 0..HOSTS {
        sim.client(format!("phone-{host}"), async move {
            let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
            let mut data = [0; SIZE];
            for _ in 0..rounds {
                socket.send_to(&data, ("service", PORT)).await?;
                socket.recv_from(&mut data).await?;
            }
            Ok(())
        });
    }
    let began = Instant::now();
    sim.run().expect("every datagram arrives");
    (began.elapsed(), rounds * 2 * HOSTS)
}
