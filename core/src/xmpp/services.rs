//! External services: where STUN and TURN are (XEP-0215; version 1 is in wire notes 7).

use super::{Element, ElementRef, ns};
use crate::Secret;

/// A request for external services, or its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Its form.
    pub form: ServicesForm,
    /// The type asked for: `turn` or `stun`.
    pub kind: Option<String>,
    /// The services, in an answer. One without type, host or with a bad port is not kept.
    pub services: Vec<Service>,
}

/// A form of request and answer, of the two versions that servers have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServicesForm {
    /// `services` of version 1, credentials among them.
    #[default]
    First,
    /// `services` of version 2 (XEP-0215 section 3.1).
    List,
    /// `credentials` of version 2, for the services that are named (section 3.3).
    Credentials,
}

impl ServicesForm {
    const fn element(self) -> (&'static str, &'static str) {
        match self {
            Self::First => ("services", ns::EXTERNAL_SERVICES),
            Self::List => ("services", ns::EXTERNAL_SERVICES_2),
            Self::Credentials => ("credentials", ns::EXTERNAL_SERVICES_2),
        }
    }
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `stun`, `turn`, `turns`, or something unknown.
    pub kind: String,
    /// Host name or address.
    pub host: String,
    /// Port, if it is not the default one.
    pub port: Option<u16>,
    /// `udp`, `tcp` or `tls`.
    pub transport: Option<String>,
    /// User name for a relay.
    pub username: Option<String>,
    /// Password for a relay.
    pub password: Option<Secret>,
}

impl Services {
    /// A request for one type, by version 1.
    #[must_use]
    pub fn request(kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), ..Self::default() }
    }

    /// A request for one type, by version 2.
    #[must_use]
    pub fn list(kind: &str) -> Self {
        Self { form: ServicesForm::List, ..Self::request(kind) }
    }

    /// A request for the credentials of a service.
    #[must_use]
    pub fn credentials(service: &Service) -> Self {
        let named = Service { transport: None, username: None, password: None, ..service.clone() };
        Self { form: ServicesForm::Credentials, kind: None, services: vec![named] }
    }

    pub(super) fn read(services: ElementRef<'_>, form: ServicesForm) -> Self {
        let (_, namespace) = form.element();
        Self {
            form,
            kind: services.owned("type"),
            services: services.named("service", namespace).filter_map(Service::read).collect(),
        }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let (name, namespace) = self.form.element();
        Element::new(name, namespace)
            .maybe("type", self.kind.as_ref())
            .children(self.services.iter().map(|service| service.write(namespace)))
    }
}

impl Service {
    /// The service as the URI of RFC 7064 or 7065: `turn:host:port?transport=tcp`. The transport
    /// is named only for relays, and only if it is not UDP.
    #[must_use]
    pub fn url(&self) -> String {
        let host = &self.host;
        let mut url = if host.contains(':') && !host.starts_with('[') {
            format!("{}:[{host}]", self.kind)
        } else {
            format!("{}:{host}", self.kind)
        };
        if let Some(port) = self.port {
            url = format!("{url}:{port}");
        }
        match self.transport.as_deref() {
            Some(transport) if self.is_relay() && transport != "udp" => {
                format!("{url}?transport={transport}")
            }
            Some(_) | None => url,
        }
    }

    /// True for TURN.
    #[must_use]
    pub fn is_relay(&self) -> bool {
        matches!(self.kind.as_str(), "turn" | "turns")
    }

    fn read(service: ElementRef<'_>) -> Option<Self> {
        Some(Self {
            kind: service.owned("type")?,
            host: service.owned("host").filter(|host| !host.is_empty())?,
            port: service.number("port").ok()?,
            transport: service.owned("transport"),
            username: service.owned("username"),
            password: service.attribute("password").map(Secret::new),
        })
    }

    fn write(&self, namespace: &'static str) -> Element<'_> {
        Element::new("service", namespace)
            .maybe("transport", self.transport.as_ref())
            .maybe("port", self.port)
            .attr("type", &self.kind)
            .maybe("username", self.username.as_ref())
            .maybe("password", self.password.as_ref().map(Secret::expose))
            .attr("host", &self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xmpp::{Frame, IqKind, Message, Payload};

    fn service(kind: &str, host: &str, port: Option<u16>, transport: Option<&str>) -> Service {
        Service {
            kind: kind.to_owned(),
            host: host.to_owned(),
            port,
            transport: transport.map(str::to_owned),
            username: None,
            password: None,
        }
    }

    #[test]
    fn urls_follow_wire_notes_7() {
        let url = |kind, host, port, transport| service(kind, host, port, transport).url();
        assert_eq!(url("turn", "t.example", Some(3456), Some("udp")), "turn:t.example:3456");
        assert_eq!(url("turn", "t.example", None, Some("tcp")), "turn:t.example?transport=tcp");
        assert_eq!(url("turns", "t", Some(443), Some("tls")), "turns:t:443?transport=tls");
        assert_eq!(url("stun", "s.example", Some(1), Some("tcp")), "stun:s.example:1");
        assert_eq!(url("stun", "::1", Some(1), None), "stun:[::1]:1");
    }

    #[test]
    fn one_bad_service_does_not_cost_the_others() {
        let bad = Element::new("service", ns::EXTERNAL_SERVICES).attr("type", "turn");
        let worse = bad.clone().attr("host", "h").attr("port", "x");
        let good = service("turn", "t", Some(1), None);
        let all = Element::new("services", ns::EXTERNAL_SERVICES).children([
            bad,
            worse,
            good.write(ns::EXTERNAL_SERVICES),
        ]);
        let text = format!("<message xmlns='jabber:client'>{}</message>", all.to_xml());
        let Ok(Frame::Message(Message { payloads, .. })) =
            Frame::<std::convert::Infallible>::parse(&text)
        else {
            panic!("a message")
        };
        let services = vec![good];
        assert_eq!(payloads, [Payload::Services(Services { services, ..Services::default() })]);
    }

    #[test]
    fn xep_0215_3_3_credentials_are_asked_for_by_host_type_and_port() {
        let service = service("turn", "t.example", Some(9999), Some("udp"));
        let asked = Services::credentials(&service);
        assert_eq!(
            asked.write().to_xml(),
            r#"<credentials xmlns="urn:xmpp:extdisco:2"><service port="9999" type="turn" host="t.example"/></credentials>"#,
        );
        let answer = "<iq xmlns='jabber:client' type='result' id='1'>\
            <credentials xmlns='urn:xmpp:extdisco:2'>\
            <service expires='2026-01-01T00:00:00Z' host='t.example' password='p' port='9999' \
            type='turn' transport='udp' username='u'/></credentials></iq>";
        let Ok(Frame::Iq(iq)) = Frame::<std::convert::Infallible>::parse(answer) else {
            panic!("an iq")
        };
        let with =
            Service { username: Some("u".to_owned()), password: Some("p".into()), ..service };
        let told = Services { kind: None, services: vec![with], ..asked };
        assert_eq!(iq.kind, IqKind::Result(Some(Payload::Services(told))));
    }
}
