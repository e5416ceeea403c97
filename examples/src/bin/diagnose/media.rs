//! The findings about the way of media, from a probe's report.

use std::time::Duration;

use offhook::media::probe::{Loopback, Nat, PathReport, Problem, ServerReport, Transport};

use crate::advice;
use crate::table::{Row, Standing};

/// A loss that is heard, and one that no codec makes up for.
const LOSS: (f64, f64) = (0.01, 0.1);
/// A delay that is noticed, and one that nobody can speak over (ITU-T G.114).
const DELAY: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(400));
/// A jitter that makes audio late.
const JITTER: Duration = Duration::from_millis(30);
/// The packets that handshakes and pictures have (RFC 8261 section 5, RFC 9147 section 4.4).
const PACKET: u16 = 1200;

/// The rows of a report. `must_relay` is true where media may not go another way.
pub(crate) fn rows(report: &PathReport, must_relay: bool) -> Vec<Row> {
    if report.servers.is_empty() {
        let todo = "name servers (--stun, --turn): without them calls have sound only where nothing is in between";
        return vec![Row::wrong("ICE servers", Standing::Warn, "none is named", todo)];
    }
    let is_relay = |one: &&ServerReport| one.transport != Transport::Stun;
    let lends = report.servers.iter().filter(is_relay).any(|one| one.best().is_some());
    let any = lends || report.servers.iter().any(|one| one.best().is_some());
    let mut rows: Vec<_> = report
        .servers
        .iter()
        .flat_map(|server| {
            let others = if is_relay(&server) { lends } else { any };
            std::iter::once(row(server, others)).chain(measured(server))
        })
        .collect();
    rows.push(nat(report.nat, lends));
    if must_relay && !lends {
        let todo = "correct what is wrong with the relays above";
        rows.push(Row::wrong("relayed media", Standing::Fail, "no relay lends an address", todo));
    }
    rows
}

fn name(server: &ServerReport) -> String {
    let kind = match server.transport {
        Transport::Stun => "STUN",
        Transport::TurnUdp => "TURN over UDP",
        Transport::TurnTcp => "TURN over TCP",
        Transport::TurnTls => "TURN over TLS",
        _ => "server",
    };
    format!("{kind} {}", server.url)
}

/// The row of a server. `others` is true if another does the same.
fn row(server: &ServerReport, others: bool) -> Row {
    let name = name(server);
    let Some(problem) = &server.problem else {
        let best = server.best().and_then(|best| Some((best.address?, best.after)));
        let what = if server.transport == Transport::Stun { "seen as" } else { "lends" };
        let figure = best.map(|(address, after)| format!("{}, {what} {address}", ms(after)));
        return Row::ok(name, figure.unwrap_or_default());
    };
    let standing = match problem {
        // Somebody has to correct that.
        Problem::Refused { .. } | Problem::Unreadable | Problem::NoCredentials => Standing::Fail,
        _ if others => Standing::Warn,
        _ => Standing::Fail,
    };
    Row::wrong(name, standing, problem, advice::of_server(problem))
}

/// The row of the packets that went by a relay.
fn measured(server: &ServerReport) -> Option<Row> {
    let name = format!("  packets by {}", server.url);
    if let Some(problem) = &server.loopback_problem {
        let standing = match problem {
            Problem::NothingCame => Standing::Fail,
            _ => Standing::Warn,
        };
        return Some(Row::wrong(name, standing, problem, advice::of_server(problem)));
    }
    let figures = server.loopback.as_ref()?;
    let text = figure(figures);
    let (standing, wrong, todo) = judge(figures);
    Some(match standing {
        Standing::Ok => Row::ok(name, text),
        standing => Row::wrong(name, standing, wrong, todo).figure(text),
    })
}

fn figure(figures: &Loopback) -> String {
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), ms);
    let largest = figures.largest.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    format!(
        "loss {:.1} %, one way {}, round trip {}, jitter {}, up to {largest} bytes",
        100.0 * figures.loss(),
        time(figures.one_way),
        time(figures.round_trip),
        ms(figures.jitter),
    )
}

/// The worst of the figures, what is wrong with it and what to do.
fn judge(figures: &Loopback) -> (Standing, &'static str, &'static str) {
    let (loss, delay) = (figures.loss(), figures.one_way.unwrap_or_default());
    let line = "use a wire instead of Wi-Fi, and look at what else loads the line";
    let near = "use a relay that is nearer";
    let size = "lower the MTU of this computer's interface, or let ICMP \"packet too big\" through the firewall";
    if loss >= LOSS.1 {
        (Standing::Fail, "so many packets are lost that speech cannot be understood", line)
    } else if delay >= DELAY.1 {
        (Standing::Fail, "the delay is too long for a conversation", near)
    } else if figures.largest.is_none_or(|largest| largest < PACKET) {
        (Standing::Fail, "packets of 1200 bytes do not come through: handshakes may fail", size)
    } else if loss >= LOSS.0 {
        (Standing::Warn, "losses that may be heard", line)
    } else if delay >= DELAY.0 {
        (Standing::Warn, "a delay that is noticed", near)
    } else if figures.jitter >= JITTER {
        (Standing::Warn, "packets come unevenly, so audio is delayed to even them out", line)
    } else {
        (Standing::Ok, "", "")
    }
}

fn nat(nat: Nat, lends: bool) -> Row {
    match nat {
        Nat::None => Row::ok("NAT", "none"),
        Nat::EndpointIndependent => {
            Row::ok("NAT", "the same address for all (endpoint-independent)")
        }
        Nat::Dependent if lends => {
            Row::ok("NAT", "another address for each (symmetric); a relay is there")
        }
        Nat::Dependent => Row::wrong(
            "NAT",
            Standing::Fail,
            "another address for each (symmetric), and no relay: most calls have no sound",
            "name a TURN server (--turn), or have the NAT changed",
        ),
        _ => Row::ok("NAT", "unknown: fewer than two servers say how they see this computer"),
    }
}

/// A time in milliseconds.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
