//! A frame as it was read: its elements and texts in one list, and views into it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::Jid;

/// A frame that was read, borrowing from its text. One list for all of it, rather than one for each
/// element, makes reading a frame a matter of few allocations.
#[derive(Default)]
pub(super) struct Document<'x> {
    /// The elements and texts, in their order.
    pub(super) items: Vec<Item<'x>>,
    /// The attributes of all elements, in the order of the text.
    pub(super) attributes: Vec<(&'x str, Cow<'x, str>)>,
}

pub(super) enum Item<'x> {
    Element(Tag<'x>),
    /// Text; two never stand side by side in an element.
    Text(Cow<'x, str>),
}

/// A start tag, and how far its element goes.
pub(super) struct Tag<'x> {
    /// The name without prefix.
    pub(super) name: &'x str,
    /// The namespace; empty when there is none.
    pub(super) namespace: Cow<'x, str>,
    /// Its attributes other than namespace declarations, among the document's. Of prefixed ones
    /// only `xml:…` are kept, since nothing in use has others.
    pub(super) attributes: Range<usize>,
    /// The index at which the items go on after the element.
    pub(super) end: usize,
}

impl<'x> Document<'x> {
    /// The outermost element, if there is one.
    pub(super) fn root(&self) -> Option<ElementRef<'_>> {
        match self.items.first() {
            Some(Item::Element(tag)) => Some(ElementRef { document: self, tag, at: 0 }),
            Some(Item::Text(_)) | None => None,
        }
    }
}

/// An element that was read.
#[derive(Clone, Copy)]
pub struct ElementRef<'d> {
    document: &'d Document<'d>,
    tag: &'d Tag<'d>,
    at: usize,
}

pub(super) enum Child<'d> {
    Element(ElementRef<'d>),
    Text(&'d str),
}

/// The place of a child among those of its name.
struct Ordinal<'d> {
    parent: ElementRef<'d>,
    child: ElementRef<'d>,
}

impl fmt::Display for Ordinal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, child } = self;
        let before = |other: &ElementRef<'_>| other.name() == child.name() && other.at < child.at;
        write!(f, "{}", parent.elements().filter(before).count())
    }
}

impl<'d> ElementRef<'d> {
    #[inline]
    pub(crate) fn name(self) -> &'d str {
        self.tag.name
    }

    /// The namespace; empty when there is none.
    #[inline]
    pub(crate) fn namespace(self) -> &'d str {
        &self.tag.namespace
    }

    /// True if the element has this name in this namespace.
    #[inline]
    pub(crate) fn is(self, name: &str, namespace: &str) -> bool {
        self.name() == name && self.namespace() == namespace
    }

    /// Names and values of its attributes, no name twice.
    #[inline]
    pub(crate) fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        let attributes = &self.document.attributes[self.tag.attributes.clone()];
        attributes.iter().map(|(name, value)| (*name, &**value))
    }

    /// The value of an attribute.
    #[inline]
    pub(crate) fn attribute(self, name: &str) -> Option<&'d str> {
        self.attributes().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    pub(super) fn children(self) -> impl Iterator<Item = Child<'d>> {
        let Self { document, tag, at } = self;
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let at = next;
            let item = document.items.get(at).filter(|_| at < tag.end)?;
            Some(match item {
                Item::Element(tag) => {
                    next = tag.end;
                    Child::Element(ElementRef { document, tag, at })
                }
                Item::Text(text) => {
                    next += 1;
                    Child::Text(text)
                }
            })
        })
    }

    /// The child elements in order.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> {
        self.children().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    /// The child elements with this name in this namespace.
    pub(crate) fn named<'n>(
        self,
        name: &'n str,
        namespace: &'n str,
    ) -> impl Iterator<Item = Self> + use<'d, 'n> {
        self.elements().filter(move |child| child.is(name, namespace))
    }

    /// The first child element with this name in this namespace.
    pub(crate) fn find(self, name: &str, namespace: &str) -> Option<Self> {
        self.named(name, namespace).next()
    }

    /// The number of children of its name before this child: counted where it is shown, since a
    /// stanza can have thousands that nobody names.
    pub(crate) fn ordinal(self, child: Self) -> impl fmt::Display + use<'d> {
        Ordinal { parent: self, child }
    }

    /// The text directly inside the element.
    pub(crate) fn content(self) -> Cow<'d, str> {
        let mut texts = self.children().filter_map(|child| match child {
            Child::Text(text) => Some(text),
            Child::Element(_) => None,
        });
        match (texts.next(), texts.next()) {
            (None, _) => Cow::Borrowed(""),
            (Some(only), None) => Cow::Borrowed(only),
            (Some(first), Some(second)) => [first, second].into_iter().chain(texts).collect(),
        }
    }
}

/// Parts of an element as the typed readers want them; the error is the text of
/// `Payload::Malformed`.
impl<'d> ElementRef<'d> {
    #[inline]
    pub(crate) fn require(self, name: &str) -> Result<&'d str, String> {
        self.attribute(name).ok_or_else(|| format!("<{}> lacks {name}", self.name()))
    }

    /// An attribute that must be a number if it is there.
    #[inline]
    pub(crate) fn number<T: FromStr>(self, name: &str) -> Result<Option<T>, String> {
        self.attribute(name).map(|value| self.parse(name, value)).transpose()
    }

    fn parse<T: FromStr>(self, name: &str, value: &str) -> Result<T, String> {
        value.parse().map_err(|_| format!("<{}> has a bad {name}", self.name()))
    }

    pub(crate) fn require_jid(self, name: &str) -> Result<Jid, String> {
        self.require(name)?.parse().map_err(|e| format!("<{}> has a bad {name}: {e}", self.name()))
    }

    /// An attribute of type `xs:boolean`; anything but `true` and `1` is false.
    #[inline]
    pub(crate) fn flag(self, name: &str) -> bool {
        matches!(self.attribute(name), Some("true" | "1"))
    }

    /// An attribute as owned text.
    #[inline]
    pub(crate) fn owned(self, name: &str) -> Option<String> {
        self.attribute(name).map(str::to_owned)
    }
}
