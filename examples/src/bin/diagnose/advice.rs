//! Sentences that say what to do.

use offhook::machine::{NetError, NetErrorKind};
use offhook::media::probe::Problem;

/// The remedy for a failure of the network on the way to a host.
pub(crate) fn of_network(error: &NetError, host: &str) -> String {
    match error.kind {
        NetErrorKind::Resolve => {
            format!("check the spelling of {host} and the DNS servers of this computer")
        }
        NetErrorKind::Connect => {
            format!("check that {host} runs, and let connections to it through the firewall")
        }
        NetErrorKind::Tls => format!(
            "check this computer's clock and the certificate of {host}; a proxy that looks into TLS needs its \
             root trusted (--root)"
        ),
        NetErrorKind::Timeout => {
            format!("let connections to {host} through the firewall, which drops them silently")
        }
        NetErrorKind::Refused(401 | 407) => "give the proxy its user name and password".to_owned(),
        NetErrorKind::Lost => {
            format!("look for what cuts connections to {host}: a proxy, a load balancer")
        }
        _ => format!("check what stands between this computer and {host}"),
    }
}

/// The remedy for something that is wrong with a STUN or TURN server.
pub(crate) fn of_server(problem: &Problem) -> String {
    let text = match problem {
        Problem::Unreadable => {
            "write it as stun:HOST:PORT, turn:HOST:PORT?transport=udp or turns:HOST:PORT"
        }
        Problem::Unused => {
            "name the server by stun: over UDP, or by turn: and turns: over UDP, TCP or TLS"
        }
        Problem::TooMany => "name fewer servers",
        Problem::NoCredentials => "give a user name and a password: --turn URL,USER,PASSWORD",
        Problem::Lookup(_) => "check the spelling of the host and the DNS servers of this computer",
        Problem::NoSocket(_) => "let this program open UDP sockets on a network interface",
        Problem::NoFamily => "connect this computer by the family (IPv4, IPv6) that the server has",
        Problem::Silent => {
            "check that the server runs, and let its port through the firewall, both ways"
        }
        Problem::Unseen => "ask whoever runs the server: it answers with an error",
        Problem::Refused { code: 401 | 441 } => {
            "correct the user name and the password; if they are for some \
                                                 hours only, get new ones, and check the server's clock"
        }
        Problem::Refused { code: 403 } => "ask whoever runs the server to let this user in",
        Problem::Refused { code: 437 } => {
            "try again in some minutes: the server remembers an address of before"
        }
        Problem::Refused { code: 486 } => {
            "end other calls of this user, or have the server's quota raised"
        }
        Problem::Refused { code: 508 } => "have the server given more ports, or another one added",
        Problem::Refused { .. } => "ask whoever runs the server: its log says more",
        Problem::Redirected { .. } => "name the server that it points to",
        Problem::Stream(error) => match error.kind {
            NetErrorKind::Tls => {
                "check this computer's clock and the server's certificate: it has to name the \
                                  host of the URL and come from a trusted root (--root)"
            }
            NetErrorKind::Connect => {
                "check that the server listens at this port, and let it through the firewall"
            }
            NetErrorKind::Timeout => {
                "let the port through the firewall, which drops connections silently"
            }
            _ => "look for what cuts the connection: a proxy, a firewall",
        },
        Problem::NotAmongItself { .. } => {
            "nothing, if calls have sound: the server only forbids this test (denied-peer-ip of coturn)"
        }
        Problem::NoSecond(problem) if matches!(**problem, Problem::Refused { code: 486 }) => {
            "raise the quota of this user: a call may need more than one address"
        }
        Problem::NoSecond(_) => "try again: a first address was lent",
        Problem::NothingCame => "let the server's ports for relaying through its firewall",
        Problem::Lost | Problem::Late => "try again; if it stays so, ask whoever runs the server",
        _ => "ask whoever runs the server",
    };
    text.to_owned()
}
