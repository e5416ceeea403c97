//! A small XML tree for what a stanza carries, and its writer.

use std::borrow::Cow;
use std::fmt;

use super::document::{Child, Document};
use super::text::{legal, xml_name};
use super::{ElementRef, FrameErrorKind, ns};

/// An element with its namespace resolved. It borrows from what it will be written
/// from.
///
/// Attributes keep their order; of prefixed ones only `xml:…` survive reading, since nothing in
/// use has others. Names are XML names without a colon, except `xml:…` attributes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Element<'x> {
    /// Name without prefix.
    pub name: Cow<'x, str>,
    /// Namespace; empty when there is none.
    pub namespace: Cow<'x, str>,
    /// Attributes other than namespace declarations.
    pub attributes: Vec<(Cow<'x, str>, Cow<'x, str>)>,
    /// Elements and text in order.
    pub children: Vec<Node<'x>>,
}

/// A child of an [`Element`].
#[derive(Clone, PartialEq, Eq)]
pub enum Node<'x> {
    /// An element.
    Element(Element<'x>),
    /// Text; two never stand side by side in a tree that was read.
    Text(Cow<'x, str>),
}

/// Namespaces that the reference client writes with a prefix declared on `description`.
const PREFIXED: [(&str, &str); 2] = [(ns::RTCP_FEEDBACK, "rtcpf"), (ns::HEADER_EXTENSIONS, "rtph")];

impl<'x> Element<'x> {
    /// An element without attributes and children.
    #[must_use]
    pub fn new(name: impl Into<Cow<'x, str>>, namespace: impl Into<Cow<'x, str>>) -> Self {
        Self { name: name.into(), namespace: namespace.into(), ..Self::default() }
    }

    /// Reads one element by itself, within the bounds of a [`super::Frame`].
    ///
    /// # Errors
    ///
    /// It is not one well-formed element, or over a bound.
    pub fn parse(text: &str) -> Result<Element<'static>, FrameErrorKind> {
        let mut document = Document::default();
        super::read::read(text, &mut document)?;
        document.root().map(Element::from).ok_or(FrameErrorKind::NotAnElement)
    }

    /// Sets an attribute.
    #[must_use]
    pub fn attr(mut self, name: impl Into<Cow<'x, str>>, value: impl fmt::Display) -> Self {
        let (name, value) = (name.into(), Cow::Owned(value.to_string()));
        match self.attributes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name, value)),
        }
        self
    }

    /// Sets an attribute that may be absent.
    #[must_use]
    pub fn maybe(self, name: impl Into<Cow<'x, str>>, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Appends an element.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Appends elements.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Appends text.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'x, str>>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.children.push(Node::Text(text));
        }
        self
    }

    /// The value of an attribute.
    #[must_use]
    #[inline]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| &**value)
    }

    /// True if the element has this name in this namespace.
    #[must_use]
    #[inline]
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    /// The child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child element with this name in this namespace.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &str, namespace: &str) -> Option<&Self> {
        self.elements().find(|e| e.is(name, namespace))
    }

    /// The text directly inside the element.
    #[must_use]
    pub fn content(&self) -> String {
        self.children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(&**text),
                Node::Element(_) => None,
            })
            .collect()
    }

    /// Writes the element, ready to be a frame or a part of one.
    #[must_use]
    pub fn to_xml(&self) -> String {
        // Most fit.
        let mut out = String::with_capacity(512);
        self.write(&mut out, "", false);
        out
    }

    fn write(&self, out: &mut String, default: &str, declared: bool) {
        let prefix = match &*self.namespace {
            // The stream elements are the only ones whose prefix is fixed (RFC 7395 section 3.3.2).
            ns::STREAMS => Some("stream"),
            own if declared => PREFIXED.iter().find(|(ns, _)| *ns == own).map(|(_, p)| *p),
            _ => None,
        };
        let name = match prefix {
            Some(prefix) => Cow::Owned(format!("{prefix}:{}", xml_name(&self.name))),
            None => xml_name(&self.name),
        };
        let inner = if prefix.is_some() { default } else { &self.namespace };
        out.push('<');
        out.push_str(&name);
        if prefix == Some("stream") {
            push_attribute(out, "xmlns:stream", ns::STREAMS);
        }
        if inner != default {
            push_attribute(out, "xmlns", inner);
        }
        let declares = !declared && self.is("description", ns::RTP) && self.uses_prefixed();
        if declares {
            for (uri, prefix) in PREFIXED {
                push_attribute(out, &format!("xmlns:{prefix}"), uri);
            }
        }
        for (attribute, value) in &self.attributes {
            match attribute.strip_prefix("xml:") {
                Some(local) => push_attribute(out, &format!("xml:{}", xml_name(local)), value),
                None => push_attribute(out, &xml_name(attribute), value),
            }
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(out, inner, declared || declares),
                Node::Text(text) => escape(out, text, Place::Text),
            }
        }
        out.push_str("</");
        out.push_str(&name);
        out.push('>');
    }

    fn uses_prefixed(&self) -> bool {
        self.elements()
            .any(|e| PREFIXED.iter().any(|(ns, _)| *ns == e.namespace) || e.uses_prefixed())
    }
}

/// The element by itself.
impl From<ElementRef<'_>> for Element<'static> {
    fn from(e: ElementRef<'_>) -> Self {
        let owned = |text: &str| Cow::Owned(text.to_owned());
        Self {
            name: owned(e.name()),
            namespace: owned(e.namespace()),
            attributes: e.attributes().map(|(n, v)| (owned(n), owned(v))).collect(),
            children: e
                .children()
                .map(|child| match child {
                    Child::Element(element) => Node::Element(element.into()),
                    Child::Text(text) => Node::Text(owned(text)),
                })
                .collect(),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Text,
    Attribute,
}

fn escape(out: &mut String, text: &str, place: Place) {
    // What may not stand for itself begins with one of these bytes; U+FFFE and U+FFFF with 0xef.
    let is_special = |b: u8| match b {
        b'&' | b'<' | b'>' | 0xef => true,
        b'"' => place == Place::Attribute,
        _ => b < b' ',
    };
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut tail = tail.chars();
        match tail.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            // A reader would normalise these white space characters away (XML 1.0, 2.11 and 3.3.3).
            Some('\r') => out.push_str("&#13;"),
            Some('\n') if place == Place::Attribute => out.push_str("&#10;"),
            Some('\t') if place == Place::Attribute => out.push_str("&#9;"),
            Some(c) => out.push(legal(c)),
            None => {}
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
}

fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value, Place::Attribute);
    out.push('"');
}

/// Shows the shape without values: a tree may hold passwords and keys.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} xmlns={:?}", self.name, self.namespace)?;
        for (name, _) in &self.attributes {
            write!(f, " {name}")?;
        }
        f.write_str(">")?;
        f.debug_list().entries(&self.children).finish()
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element(element) => element.fmt(f),
            Self::Text(text) => write!(f, "text({})", text.len()),
        }
    }
}
