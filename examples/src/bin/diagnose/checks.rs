//! The steps, in order: what each needs was found by those before.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::{Either, select};
use offhook::media::IceServer;
use offhook::media::probe::{Command, Error, Limits, Outcome, Plan, Prober};
use offhook::net::NetOptions;
use offhook_runtime::{Handle, Sockets};

use crate::advice;
use crate::media::{self, ms};
use crate::table::{Findings, Row, Standing};

/// The longest that a log-in may take.
const LOGIN: Duration = Duration::from_secs(30);

/// The addresses of a service.
#[derive(Debug)]
pub(crate) struct Places {
    /// A resource of the REST interface.
    pub(crate) rest: String,
    /// The address of a WebSocket.
    pub(crate) socket: String,
    /// The subprotocol of it.
    pub(crate) protocol: Option<String>,
}

/// A service that one can log in to.
pub(crate) trait Account<R: Sockets> {
    /// The name of it.
    const NAME: &'static str;

    fn places(&self) -> Places;

    /// Logs in, learns which servers are to be used, and logs out.
    fn log_in(&self) -> impl Future<Output = Result<Entered, Refused>>;

    /// The servers of the application's own.
    fn own_servers(&self) -> &[IceServer];
}

/// The gain of a log-in.
#[derive(Debug)]
pub(crate) struct Entered {
    /// All servers that calls use.
    pub(crate) servers: Vec<IceServer>,
    /// True if media may go by relays only.
    pub(crate) must_relay: bool,
}

/// The failure of a log-in.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) wrong: String,
    pub(crate) todo: String,
}

/// Goes through all steps.
pub(crate) async fn run<R: Sockets, A: Account<R>>(
    account: &A,
    net: &NetOptions,
) -> anyhow::Result<Findings> {
    let (prober, _events) = offhook_runtime::prober::<R>(Limits::default(), net.clone())?;
    let places = account.places();
    let mut steps = reach(&prober, &places).await?;
    let is_reached = steps.iter().all(|row| row.result < Standing::Warn);
    let mut entered = None;
    if is_reached {
        let began = Instant::now();
        match within::<R, _>(LOGIN, account.log_in()).await {
            Some(Ok(gained)) => {
                steps.push(Row::ok("log-in", ms(began.elapsed())));
                entered = Some(gained);
            }
            Some(Err(Refused { wrong, todo })) => {
                steps.push(Row::wrong("log-in", Standing::Fail, wrong, todo));
            }
            None => steps.push(Row::wrong(
                "log-in",
                Standing::Fail,
                format!("not done after {} s", LOGIN.as_secs()),
                "try again; if it stays so, ask whoever runs the service",
            )),
        }
    } else {
        steps.push(Row::skipped("log-in", "all above"));
    }
    let must_relay = entered.as_ref().is_some_and(|entered| entered.must_relay);
    let servers = entered.map_or_else(|| account.own_servers().to_vec(), |entered| entered.servers);
    let mut findings = Findings { service: A::NAME, steps, path: None };
    if servers.is_empty() && findings.worst() >= Standing::Fail {
        findings.steps.push(Row::skipped("ICE servers", "the log-in, which names them,"));
    } else {
        let report = match prober.submit(Command::Path(Plan::new(servers))).await? {
            Outcome::Path(report) => *report,
            other => anyhow::bail!("an unexpected answer: {other:?}"),
        };
        findings.steps.extend(media::rows(&report, must_relay));
        findings.path = Some(report);
    }
    prober.submit(Command::Close).await?;
    Ok(findings)
}

/// Looks up names, asks REST, and opens a WebSocket.
async fn reach(prober: &Handle<Prober>, places: &Places) -> anyhow::Result<Vec<Row>> {
    let rest: http::Uri = places.rest.parse().context("the address of the REST interface")?;
    let socket: http::Uri = places.socket.parse().context("the address of the WebSocket")?;
    let host = |uri: &http::Uri| {
        let host = uri.host().context("an address without a host")?;
        anyhow::Ok(host.trim_matches(['[', ']']).to_owned())
    };
    let (rest_host, socket_host) = (host(&rest)?, host(&socket)?);
    let mut rows = Vec::new();
    let mut names = vec![rest_host.clone(), socket_host.clone()];
    names.dedup();
    for host in names {
        rows.push(
            ask(prober, format!("DNS {host}"), &host, Command::Resolve { host: host.clone() })
                .await,
        );
    }
    let known = |host: &str| {
        let name = format!("DNS {host}");
        rows.iter().any(|row| row.step == name && row.result == Standing::Ok)
    };
    let is_known = (known(&rest_host), known(&socket_host));
    rows.push(if is_known.0 {
        ask(prober, "REST", &rest_host, Command::Http { uri: rest }).await
    } else {
        Row::skipped("REST", "DNS")
    });
    rows.push(if is_known.1 {
        let protocol = places.protocol.clone();
        let command = Command::WebSocket { uri: socket, protocol };
        ask(prober, "WebSocket", &socket_host, command).await
    } else {
        Row::skipped("WebSocket", "DNS")
    });
    Ok(rows)
}

/// Asks a question of a host: its row.
async fn ask(
    prober: &Handle<Prober>,
    step: impl Into<String>,
    host: &str,
    command: Command,
) -> Row {
    let (step, began) = (step.into(), Instant::now());
    match prober.submit(command).await {
        Ok(Outcome::Found { addresses, after }) => {
            let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            Row::ok(step, format!("{}, {}", ms(after), all.join(" ")))
        }
        Ok(Outcome::Answered { status: status @ (407 | 500..), after }) => {
            let wrong = format!("answers with status {status}");
            let todo = match status {
                407 => "give the proxy its user name and password",
                _ => "wait, and see whether the service has an outage",
            };
            Row::wrong(step, Standing::Fail, wrong, todo).figure(ms(after))
        }
        // Without credentials 401 is as it should be.
        Ok(Outcome::Answered { status, after }) => {
            Row::ok(step, format!("{}, answers with status {status}", ms(after)))
        }
        Ok(Outcome::Opened { after }) => Row::ok(step, format!("{}, opens", ms(after))),
        Ok(other) => Row::ok(step, format!("{other:?}")),
        Err(Error::Net(error)) => match error.kind {
            // It is there, and speaks HTTP: what it wants is the log-in's business.
            offhook::machine::NetErrorKind::Refused(status @ (400..=406 | 408..=499)) => {
                let after = ms(began.elapsed());
                Row::ok(step, format!("{after}, answers with status {status} without a log-in"))
            }
            _ => {
                let todo = advice::of_network(&error, host);
                Row::wrong(step, Standing::Fail, error, todo)
            }
        },
        Err(error) => Row::wrong(step, Standing::Fail, error, "try again"),
    }
}

/// Waits for something, so long at most.
pub(crate) async fn within<R: Sockets, T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), pin!(R::sleep_until(Instant::now() + limit))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
