//! Redirections (w1.4): browsers follow them without a word, so gateways may use them.

use http::{Method, Response, StatusCode, Uri, header};

use crate::ribbon::error::{Error, ErrorCode};

/// The most redirections of one request that are followed.
pub(crate) const MAX_REDIRECTS: u32 = 5;

/// The place to make a request again, with the same method and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// The place.
    pub(crate) uri: Uri,
    /// True if it is the same origin: then, and only then, the credentials go along.
    pub(crate) same_origin: bool,
}

/// Decides on a response, after so many redirections: none where it is no redirection.
///
/// # Errors
///
/// The status as [`ErrorCode::Gateway`]: one too many, a request whose body would be lost, or no place.
pub(crate) fn decide(
    method: &Method,
    asked: &Uri,
    response: &Response<Vec<u8>>,
    followed: u32,
) -> Result<Option<Redirect>, Error> {
    let status = response.status();
    let refused = |why: &str| {
        let text = format!("redirected by {status}, {why}");
        Err(Error::new(ErrorCode::Gateway(status.as_u16()), text).with_status(status.as_u16()))
    };
    let keeps_body = match status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method != Method::POST,
        StatusCode::SEE_OTHER => !matches!(*method, Method::POST | Method::PUT),
        _ => return Ok(None),
    };
    if !keeps_body {
        return refused("and the request's body would be lost");
    }
    if followed >= MAX_REDIRECTS {
        return refused("once too often");
    }
    let location = response.headers().get(header::LOCATION);
    let Some(uri) =
        location.and_then(|place| place.to_str().ok()).and_then(|place| join(asked, place))
    else {
        return refused("to no place");
    };
    let same_origin = origin(&uri) == origin(asked);
    Ok(Some(Redirect { uri, same_origin }))
}

/// Scheme, host and port, with the one that the scheme has.
fn origin(uri: &Uri) -> (Option<&str>, Option<String>, u16) {
    let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    let host = uri.host().map(str::to_ascii_lowercase);
    (uri.scheme_str(), host, uri.port_u16().unwrap_or(default))
}

/// The place that a `Location` names, seen from where was asked (RFC 3986 section 5.2): an address, another
/// host, or a path.
fn join(asked: &Uri, place: &str) -> Option<Uri> {
    let place = place.split('#').next()?;
    let (scheme, authority) = (asked.scheme_str()?, asked.authority()?);
    let absolute = match place {
        "" => return None,
        _ if place.contains("://") => place.to_owned(),
        _ if place.starts_with("//") => format!("{scheme}:{place}"),
        _ if place.starts_with('/') => format!("{scheme}://{authority}{place}"),
        _ => {
            let folder = asked.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{place}")
        }
    };
    let uri: Uri = absolute.parse().ok()?;
    let usable = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.host().is_some_and(|host| !host.is_empty());
    usable.then_some(uri)
}
