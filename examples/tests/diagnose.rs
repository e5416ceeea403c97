//! `diagnose` at the emulator, on both services: what is well, and each thing that may be wrong.

mod common;

use std::net::TcpListener;

use common::diagnosed::Diagnosed;
use offhook_examples::demo;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use serde_json::json;

fn genesys(emulator: &Emulator, token: &str, more: &[&str]) -> Diagnosed {
    let (api, ws) = (emulator.http_url(), emulator.ws_url());
    let mut arguments = vec!["genesys", "--json", "--loopback", "--host", "lab.test"];
    arguments.extend(["--api-host", &api, "--ws-host", &ws]);
    arguments.extend(more);
    Diagnosed::run(&arguments, &[("OFFHOOK_TOKEN", token)])
}

fn ribbon(rest: &str, ws: &str, user: &str, password: &str, more: &[&str]) -> Diagnosed {
    let mut arguments = vec!["ribbon", "--json", "--loopback", "--user", user];
    arguments.extend(["--rest-url", rest, "--ws-url", ws]);
    arguments.extend(more);
    Diagnosed::run(&arguments, &[("OFFHOOK_PASSWORD", password)])
}

/// A port where nobody listens.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port()
}

#[test]
fn all_is_well_at_the_emulator_on_both_runtimes() {
    for runtime in ["tokio", "smol"] {
        let all = Diagnosed::run(&["--emulator", "--json", "--runtime", runtime], &[]);
        assert_eq!(all.status, 0, "{}", all.printed);
        for step in ["DNS", "REST", "WebSocket", "log-in", "STUN", "NAT"] {
            assert_eq!(all.result(step), "ok", "{step}: {}", all.printed);
        }
        assert_eq!(all.found["path"]["nat"], "none");
        let table = Diagnosed::run(&["--emulator", "--runtime", runtime], &[]).printed;
        for text in ["Genesys Cloud", "Ribbon WebRTC Gateway", "log-in", "calls will work"] {
            assert!(table.contains(text), "{text}: {table}");
        }
    }
}

#[test]
fn a_wrong_token_is_told_from_a_network_that_fails() {
    let emulator = demo::emulator(1).expect("a port");
    let found = genesys(&emulator, "no-such-token", &[]);
    assert_eq!(found.status, 1, "{}", found.printed);
    assert_eq!((found.result("REST"), found.result("WebSocket")), ("ok", "ok"));
    assert_eq!(found.result("log-in"), "fail");
    assert!(found.words("log-in").contains("get a new token"), "{}", found.printed);
    assert_eq!(found.result("ICE servers"), "skipped");
    emulator.shutdown();
}

#[test]
fn sasl_that_fails_is_told_as_the_log_in() {
    let emulator = demo::emulator(1).expect("a port");
    let (_, token) = emulator.add_user("Ada", None).expect("a user");
    let options = json!({"failSasl": "not-authorized"});
    emulator.control("POST", "options", &options).expect("options");
    let found = genesys(&emulator, &token, &[]);
    assert_eq!((found.status, found.result("log-in")), (1, "fail"), "{}", found.printed);
    assert!(found.words("log-in").contains("token"), "{}", found.printed);
    emulator.shutdown();
}

#[test]
fn rfc_8489_a_stun_server_that_the_service_names_and_nobody_runs_is_a_failure() {
    let emulator = demo::emulator(1).expect("a port");
    let (_, token) = emulator.add_user("Ada", None).expect("a user");
    let stun = json!({"type": "stun", "host": "127.0.0.1", "port": nobody(), "transport": "udp"});
    emulator.control("POST", "options", &json!({"iceServices": [stun]})).expect("options");
    let found = genesys(&emulator, &token, &[]);
    assert_eq!((found.status, found.result("log-in")), (1, "ok"), "{}", found.printed);
    assert_eq!(found.result("STUN"), "fail");
    assert!(found.words("STUN").starts_with("no answer / "), "{}", found.words("STUN"));
    emulator.shutdown();
}

#[test]
fn hosts_that_are_unknown_or_refuse_are_told_and_nothing_is_tried_beyond() {
    let emulator = demo::emulator(1).expect("a port");
    let closed = format!("http://127.0.0.1:{}", nobody());
    let unknown = "wss://nowhere.invalid";
    let found = ribbon(&closed, unknown, "ada@lab.test", "pa55word", &[]);
    assert_eq!(found.status, 1, "{}", found.printed);
    assert_eq!(found.result("DNS nowhere.invalid"), "fail");
    assert!(found.words("DNS nowhere.invalid").contains("spelling"), "{}", found.printed);
    assert!(found.words("REST").starts_with("not connected"), "{}", found.words("REST"));
    assert_eq!((found.result("WebSocket"), found.result("log-in")), ("skipped", "skipped"));
    emulator.shutdown();
}

#[test]
fn rest_that_answers_with_an_error_of_its_own_is_a_failure() {
    let emulator = demo::emulator(1).expect("a port");
    let (_, token) = emulator.add_user("Ada", None).expect("a user");
    let fault = json!({"path": "/api/v2/users/me", "status": 503, "times": 5});
    emulator.control("POST", "faults", &fault).expect("a fault");
    let found = genesys(&emulator, &token, &[]);
    assert_eq!((found.status, found.result("REST")), (1, "fail"), "{}", found.printed);
    assert!(found.words("REST").contains("503"), "{}", found.words("REST"));
    emulator.shutdown();
}

#[test]
fn rfc_5280_a_certificate_that_nobody_trusts_is_named() {
    let address = "127.0.0.1:0".parse().expect("an address");
    let options = EmulatorOptions { tls_listen: Some(address), ..EmulatorOptions::default() };
    let emulator = Emulator::start(options).expect("a port");
    let rest = emulator.https_url().expect("TLS").replace("127.0.0.1", "localhost");
    let ws = rest.replacen("http", "ws", 1);
    let (user, password) = emulator.add_gateway_user("ada@lab.test", None).expect("a user");
    let found = ribbon(&rest, &ws, &user, &password, &[]);
    assert_eq!(found.status, 1, "{}", found.printed);
    assert!(found.words("REST").starts_with("TLS failed"), "{}", found.words("REST"));
    assert!(found.words("WebSocket").starts_with("TLS failed"), "{}", found.printed);
    let file = std::env::temp_dir().join(format!("offhook-diagnose-{}.der", std::process::id()));
    std::fs::write(&file, emulator.certificate().expect("its own")).expect("a file");
    let path = file.display().to_string();
    let trusted = ribbon(&rest, &ws, &user, &password, &["--root", &path]);
    std::fs::remove_file(file).expect("it is there");
    assert_eq!((trusted.result("REST"), trusted.result("log-in")), ("ok", "ok"));
    emulator.shutdown();
}

#[test]
fn a_wrong_password_at_the_gateway_is_told() {
    let emulator = demo::emulator(1).expect("a port");
    let (user, _) = emulator.add_gateway_user("ada@lab.test", None).expect("a user");
    let found = ribbon(&emulator.http_url(), &emulator.ws_url(), &user, "no-such-word", &[]);
    assert_eq!((found.status, found.result("log-in")), (1, "fail"), "{}", found.printed);
    assert!(
        found.words("log-in").contains("correct the user name or the password"),
        "{}",
        found.printed
    );
    emulator.shutdown();
}

#[test]
fn rp_5_a_relay_without_credentials_gets_those_that_the_gateway_gives() {
    let emulator = demo::emulator(1).expect("a port");
    let (user, password) = emulator.add_gateway_user("ada@lab.test", None).expect("a user");
    let relay = format!("turn:127.0.0.1:{}", nobody());
    let look = |relay: &str| {
        let (rest, ws) = (emulator.http_url(), emulator.ws_url());
        ribbon(&rest, &ws, &user, &password, &["--turn", relay])
    };
    // It is asked, in vain: without credentials it would not be.
    let found = look(&relay);
    assert_eq!((found.status, found.result("log-in")), (1, "ok"), "{}", found.printed);
    assert!(found.words("TURN").starts_with("no answer"), "{}", found.words("TURN"));
    let without = json!({"turnCredentials": false});
    emulator.control("POST", "ribbon/options", &without).expect("options");
    assert!(look(&relay).words("TURN").starts_with("no user name"));
    emulator.shutdown();
}

#[test]
fn whoever_calls_it_wrongly_is_told_and_the_status_is_2() {
    for arguments in [
        &[][..],
        &["--emulator", "genesys"],
        &["genesys", "--host", "lab.test"],
        &["genesys", "--token", "t", "--turn", "turn:h,pa55word"],
        &["--emulator", "--root", "/no/such/file"],
    ] {
        let found = Diagnosed::run(arguments, &[]);
        assert!(!found.printed.contains("pa55word"), "{}", found.printed);
        assert_eq!(found.status, 2, "{arguments:?}: {}", found.printed);
    }
}
