//! The time that signaling takes: one offer, one notification, one whole call.

mod common;

use common::{Agent, baseline, traffic};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use offhook::genesys::wire::Frame;
use traffic::Escaping;

fn main() {
    divan::main();
}

#[divan::bench]
fn session_initiate(bencher: Bencher<'_, '_>) {
    let text = traffic::session_initiate();
    bencher.counter(BytesCount::of_str(&text)).bench(|| Frame::parse(black_box(&text)));
}

#[divan::bench]
fn session_initiate_quick_xml(bencher: Bencher<'_, '_>) {
    let text = traffic::session_initiate();
    bencher.counter(BytesCount::of_str(&text)).bench(|| baseline::scan(black_box(&text)));
}

#[divan::bench]
fn conversation(bencher: Bencher<'_, '_>) {
    let mut agent = Agent::ready();
    agent.play(Agent::script_to_connected());
    let mut held = false;
    bencher
        .with_inputs(|| {
            held = !held;
            traffic::notification("connected", held, Escaping::Little)
        })
        .input_counter(BytesCount::of_str)
        .bench_local_values(|text| agent.frame(text));
}

#[divan::bench]
fn conversation_quick_xml_and_serde(bencher: Bencher<'_, '_>) {
    let text = traffic::notification("connected", false, Escaping::Little);
    bencher.counter(BytesCount::of_str(&text)).bench(|| baseline::notification(black_box(&text)));
}

#[divan::bench]
fn inbound_call(bencher: Bencher<'_, '_>) {
    let script = Agent::script_of_a_call();
    bencher
        .with_inputs(|| (Agent::ready(), script.clone()))
        .input_counter(|(_, script)| BytesCount::new(script.xml_bytes()))
        .bench_local_values(|(mut agent, script)| {
            agent.play(script);
            agent
        });
}
