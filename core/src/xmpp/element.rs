//! A small owned XML tree for what a stanza carries, and its writer.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::{Jid, ns};

/// An element with its namespace resolved. It borrows from what it was read from, or will be
/// written from.
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

    /// The same, borrowing from nothing.
    #[must_use]
    pub fn into_owned(self) -> Element<'static> {
        fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        let attributes = self.attributes.into_iter().map(|(n, v)| (owned(n), owned(v)));
        let children = self.children.into_iter().map(|node| match node {
            Node::Element(element) => Node::Element(element.into_owned()),
            Node::Text(text) => Node::Text(owned(text)),
        });
        Element {
            name: owned(self.name),
            namespace: owned(self.namespace),
            attributes: attributes.collect(),
            children: children.collect(),
        }
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

    /// The first child element with this name in this namespace, without the rest.
    pub(crate) fn into_child(self, name: &str, namespace: &str) -> Option<Self> {
        self.children.into_iter().find_map(|node| match node {
            Node::Element(child) if child.is(name, namespace) => Some(child),
            Node::Element(_) | Node::Text(_) => None,
        })
    }

    /// The text directly inside the element, without the rest.
    pub(crate) fn into_content(mut self) -> String {
        match &mut self.children[..] {
            [Node::Text(only)] => std::mem::take(only).into_owned(),
            nodes => text_of(nodes).into_owned(),
        }
    }

    /// The text directly inside the element.
    #[must_use]
    pub fn content(&self) -> Cow<'_, str> {
        text_of(&self.children)
    }

    /// Writes the element, ready to be a frame or a part of one.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
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

/// What the typed readers ask of an element; the error is the text of `Payload::Malformed`.
impl Element<'_> {
    #[inline]
    pub(crate) fn require(&self, name: &str) -> Result<&str, String> {
        self.attribute(name).ok_or_else(|| format!("<{}> lacks {name}", self.name))
    }

    /// An attribute that must be a number if it is there.
    #[inline]
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.attribute(name).map(|value| self.parse(name, value)).transpose()
    }

    #[inline]
    pub(crate) fn require_number<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.require(name).and_then(|value| self.parse(name, value))
    }

    fn parse<T: FromStr>(&self, name: &str, value: &str) -> Result<T, String> {
        value.parse().map_err(|_| format!("<{}> has a bad {name}", self.name))
    }

    pub(crate) fn require_jid(&self, name: &str) -> Result<Jid, String> {
        self.require(name)?.parse().map_err(|e| format!("<{}> has a bad {name}: {e}", self.name))
    }

    /// An attribute of type `xs:boolean`; anything but `true` and `1` is false.
    #[inline]
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.attribute(name), Some("true" | "1"))
    }

    /// An attribute as owned text.
    #[inline]
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.attribute(name).map(str::to_owned)
    }
}

/// The text among these nodes; a tree that was read has it in one piece, mostly.
pub(super) fn text_of<'n>(nodes: &'n [Node<'_>]) -> Cow<'n, str> {
    let mut texts = nodes.iter().filter_map(|node| match node {
        Node::Text(text) => Some(&**text),
        Node::Element(_) => None,
    });
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(only),
        (Some(first), Some(second)) => [first, second].into_iter().chain(texts).collect(),
    }
}

fn name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// True if the text may stand as the name of an element or attribute without prefix.
pub(super) fn is_xml_name(name: &str) -> bool {
    let first = name.bytes().next();
    let ascii = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if first.is_some_and(|b| b.is_ascii_alphabetic()) && name.bytes().all(ascii) {
        return true;
    }
    name.starts_with(name_start) && name.chars().all(name_char)
}

/// A name that can be written, whatever the tree was built from.
fn xml_name(name: &str) -> Cow<'_, str> {
    if is_xml_name(name) {
        return Cow::Borrowed(name);
    }
    let kept = name.chars().map(|c| if name_char(c) { c } else { '_' });
    Cow::Owned(std::iter::once('_').chain(kept).collect())
}

/// The text itself, or with U+FFFD for each character that XML 1.0 cannot carry (section 2.2).
pub(super) fn legal_text(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_plain(&text) || text.chars().all(|c| legal(c) == c) {
        return text;
    }
    Cow::Owned(text.chars().map(legal).collect())
}

/// True for the text of an attribute that stands for itself: plain, and nothing escaped.
pub(super) fn is_literal(text: &str) -> bool {
    text.bytes().fold(true, |literal, b| literal & (b >= b' ') & (b != 0xef) & (b != b'&'))
}

/// True for text without control characters and such as begin with the byte of U+FFFE and U+FFFF:
/// nearly all text.
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early end, which would keep it from being done many bytes at a time.
    text.bytes().fold(true, |plain, b| plain & (b >= b' ') & (b != 0xef))
}

/// The character itself, or U+FFFD for one that XML 1.0 cannot carry (section 2.2).
fn legal(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Text,
    Attribute,
}

fn escape(out: &mut String, text: &str, place: Place) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if place == Place::Attribute => out.push_str("&quot;"),
            // A reader would normalise these white space characters away (XML 1.0, 2.11 and 3.3.3).
            '\r' => out.push_str("&#13;"),
            '\n' if place == Place::Attribute => out.push_str("&#10;"),
            '\t' if place == Place::Attribute => out.push_str("&#9;"),
            c => out.push(legal(c)),
        }
    }
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
