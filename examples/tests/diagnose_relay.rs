//! `diagnose` with a relay that others wrote: `sim/relay/run` installs it.

mod common;

use common::diagnosed::Diagnosed;
use common::relay::{Coturn, certificates};
use offhook::media::IceServer;
use offhook_examples::demo;
use serde_json::json;

/// Looks at relays with an agent of the emulator's, who has no other servers.
fn look(relays: &[IceServer]) -> Diagnosed {
    look_on("tokio", relays)
}

fn look_on(runtime: &str, relays: &[IceServer]) -> Diagnosed {
    let emulator = demo::emulator(1).expect("a port");
    let (_, token) = emulator.add_user("Ada", None).expect("a user");
    emulator.control("POST", "options", &json!({"iceServices": []})).expect("options");
    let (api, ws) = (emulator.http_url(), emulator.ws_url());
    let root = certificates().join("ca.der").display().to_string();
    let mut arguments =
        vec!["genesys", "--json", "--loopback", "--host", "lab.test", "--runtime", runtime];
    arguments.extend(["--api-host", &api, "--ws-host", &ws, "--root", &root]);
    let given = relays.iter().map(|relay| {
        let (user, password) = (relay.username.as_deref(), relay.credential.as_ref());
        let password = password.map_or("", |password| password.expose());
        format!("{},{},{password}", relay.urls.concat(), user.unwrap_or(""))
    });
    let given: Vec<_> = given.collect();
    given.iter().for_each(|relay| arguments.extend(["--turn", relay]));
    let found = Diagnosed::run(&arguments, &[("OFFHOOK_TOKEN", &token)]);
    emulator.shutdown();
    found
}

#[test]
fn rfc_8656_each_transport_lends_and_packets_go_by_it_on_both_runtimes() {
    let relay = Coturn::start(&[]);
    let relays = ["udp", "tcp", "tls"].map(|transport| relay.over(transport, "secret"));
    for found in ["tokio", "smol"].map(|runtime| look_on(runtime, &relays)) {
        assert_eq!(found.status, 0, "{}", found.printed);
        for transport in ["UDP", "TCP", "TLS"] {
            let result = found.result(&format!("TURN over {transport}"));
            assert_eq!(result, "ok", "{}", found.printed);
        }
        for server in found.found["path"]["servers"].as_array().expect("servers") {
            let figures = &server["loopback"];
            let counts = (&figures["sent"], &figures["received"]);
            assert_eq!(counts, (&json!(50), &json!(50)), "{figures}");
            assert_eq!(figures["largest"], 1472, "{figures}");
            assert!(figures["one_way_ms"].as_f64().expect("a time") < 50.0, "{figures}");
        }
    }
    assert!(relay.log().contains("ALLOCATE processed, success"));
}

#[test]
fn rfc_8489_9_2_a_wrong_password_is_a_failure_and_is_not_shown() {
    let relay = Coturn::start(&[]);
    let found = look(&[relay.over("udp", "wr0ng-word"), relay.over("tcp", "secret")]);
    assert_eq!((found.status, found.result("TURN over UDP")), (1, "fail"), "{}", found.printed);
    let words = found.words("TURN over UDP");
    assert!(words.starts_with("refused with 401: wrong user name or password / "), "{words}");
    assert!(words.contains("correct the user name and the password"), "{words}");
    assert_eq!(found.result("TURN over TCP"), "ok");
    assert!(!found.printed.contains("wr0ng-word"), "{}", found.printed);
}

#[test]
fn rfc_8656_5_a_quota_that_is_used_up_is_told() {
    let relay = Coturn::start(&["--user-quota=1"]);
    // Each asks by the loopback address and by others that there may be: one of all is lent.
    let found = look(&[relay.over("udp", "secret")]);
    assert_eq!(found.result("TURN over UDP"), "ok", "{}", found.printed);
    let packets = found.words("  packets by");
    assert!(packets.contains("refused with 486"), "{packets}");
    assert!(packets.contains("raise the quota of this user"), "{packets}");
}

#[test]
fn rfc_8656_a_relay_whose_certificate_nobody_trusts_is_told_with_the_reason() {
    let relay = Coturn::start(&[]);
    let mut secure = relay.over("tls", "secret");
    // Not the name that its certificate has.
    secure.urls = secure.urls.iter().map(|url| url.replace("localhost", "127.0.0.1")).collect();
    let found = look(&[secure]);
    assert_eq!((found.status, found.result("TURN over TLS")), (1, "fail"), "{}", found.printed);
    assert!(found.words("TURN over TLS").starts_with("TLS failed"), "{}", found.printed);
    assert_eq!(found.result("relayed media"), "fail");
}

#[test]
fn rfc_8656_9_a_relay_that_forbids_this_test_is_only_warned_of() {
    let relay = Coturn::start(&["--denied-peer-ip=127.0.0.0-127.255.255.255"]);
    let found = look(&[relay.over("udp", "secret")]);
    assert_eq!((found.status, found.result("  packets by")), (0, "warn"), "{}", found.printed);
    assert!(found.words("  packets by").contains("403"), "{}", found.words("  packets by"));
}
