//! Redirects: the address that a service sends a request on to.

use http::uri::{Authority, Scheme};
use http::{Method, StatusCode, Uri};

/// The address to repeat a request at, with the same method and body; none where the answer is no
/// redirect, or one that would lose the body or leads nowhere (RFC 9110 section 15.4).
pub(super) fn target(
    from: &Uri,
    method: &Method,
    status: StatusCode,
    location: Option<&str>,
) -> Option<Uri> {
    let keeps = match status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method != Method::POST,
        StatusCode::SEE_OTHER => *method != Method::POST && *method != Method::PUT,
        _ => return None,
    };
    let location = location?.trim();
    let location = location.split('#').next().filter(|location| !location.is_empty())?;
    if !keeps {
        return None;
    }
    let (scheme, authority) = (from.scheme_str()?, from.authority()?.as_str());
    let whole = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let uri: Uri = whole.parse().ok()?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    (web && plain).then_some(uri)
}

/// True if two addresses have one scheme, host and port (RFC 6454 section 4).
pub(super) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| uri.port_u16().or_else(|| uri.scheme().map(usual_port));
    let host = |uri: &Uri| uri.authority().map(Authority::host).map(str::to_ascii_lowercase);
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

fn usual_port(scheme: &Scheme) -> u16 {
    if *scheme == Scheme::HTTPS { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(method: Method, status: u16, location: &str) -> Option<String> {
        let from = "https://a.example:8443/rest/version/1/x?q=1".parse().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        target(&from, &method, status, Some(location)).map(|uri| uri.to_string())
    }

    #[test]
    fn the_method_and_the_body_survive_or_there_is_no_redirect() {
        let there = |method: Method, status| to(method, status, "/y").is_some();
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            assert!(there(method.clone(), 307) && there(method.clone(), 308));
            assert_eq!(there(method.clone(), 301), method != Method::POST);
            assert_eq!(there(method.clone(), 302), method != Method::POST);
            let bodiless = method != Method::POST && method != Method::PUT;
            assert_eq!(there(method.clone(), 303), bodiless);
            assert!(!there(method, 304));
        }
    }

    #[test]
    fn locations_of_every_form_are_resolved_and_useless_ones_are_not() {
        let get = |location| to(Method::GET, 307, location);
        assert_eq!(get("/y#f").unwrap(), "https://a.example:8443/y");
        assert_eq!(get("y").unwrap(), "https://a.example:8443/rest/version/1/y");
        assert_eq!(get("//b/z").unwrap(), "https://b/z");
        assert_eq!(get("http://b:80/z").unwrap(), "http://b:80/z");
        for useless in ["", "#", "ftp://b/z", "https://u:p@b/z", "https://"] {
            assert_eq!(get(useless), None, "{useless}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| is_same_origin(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("https://A/x", "https://a:443/y"));
        for other in ["http://a/x", "https://a:444/x", "https://b/x", "https://a.b/x"] {
            assert!(!same("https://a/x", other));
        }
    }

    proptest::proptest! {
        #[test]
        fn wherever_a_location_leads_other_origins_are_known(
            place in "\\PC{0,40}|(https?:)?//[a-z.@:/]{0,20}",
        ) {
            let from: Uri = "https://gw.example/x".parse().unwrap();
            let to = target(&from, &Method::PUT, StatusCode::TEMPORARY_REDIRECT, Some(&place));
            if let Some(to) = to {
                let home = to.host().is_some_and(|host| host.eq_ignore_ascii_case("gw.example"));
                let home = home && to.scheme_str() == Some("https");
                proptest::prop_assert!(home || !is_same_origin(&from, &to), "{}", to);
            }
        }
    }
}
