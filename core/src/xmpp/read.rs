//! Reads a text frame as one bounded document.

use std::borrow::Cow;

use memchr::memchr;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::QName;

use super::FrameErrorKind;
use super::document::{Document, Item, Tag};
use super::scope::Scope;
use super::text::{Scan, ascii_name, is_literal, is_xml_name, legal_text};

/// The longest frame in bytes.
pub const MAX_FRAME: usize = 1024 * 1024;
/// The greatest depth to which the elements of a stanza may nest below it.
pub const MAX_DEPTH: usize = 32;
/// The most elements, attributes and texts that a frame may hold. A text is one, however much of it
/// is escaped.
pub const MAX_NODES: usize = 4096;

/// Reads a frame into an empty document. After an error there is a root if its start could be read.
pub(super) fn read<'x>(text: &'x str, document: &mut Document<'x>) -> Result<(), FrameErrorKind> {
    if text.len() > MAX_FRAME {
        return Err(FrameErrorKind::TooLarge(text.len()));
    }
    // About as many as there mostly are.
    document.items.reserve(MAX_NODES.min(text.len() / 64));
    document.attributes.reserve(MAX_NODES.min(text.len() / 20));
    let xml = quick_xml::Reader::from_str(text);
    let (scope, open) = (Scope::default(), Vec::with_capacity(8));
    let Scan { literal, plain } = Scan::of(text);
    Reader { text, xml, document, scope, open, in_text: false, nodes: 0, literal, plain }.read()
}

struct Reader<'x, 'd> {
    text: &'x str,
    xml: quick_xml::Reader<&'x [u8]>,
    document: &'d mut Document<'x>,
    scope: Scope<'x>,
    /// The places in the document of the elements that have not ended yet.
    open: Vec<usize>,
    /// True if nothing has come since the last text.
    in_text: bool,
    nodes: usize,
    /// True if nothing in the frame is escaped, so that every attribute stands for itself: the
    /// rule.
    literal: bool,
    /// True if nothing in the frame has to be looked at to be legal, but what is escaped.
    plain: bool,
}

impl<'x> Reader<'x, '_> {
    fn read(mut self) -> Result<(), FrameErrorKind> {
        loop {
            match self.xml.read_event().map_err(|_| self.not_xml())? {
                Event::Start(start) => self.start(&start, ">")?,
                Event::Empty(start) => {
                    self.start(&start, "/>")?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) if self.plain => self.text(text.xml10_content())?,
                Event::Text(text) => self.text(legal_text(text.xml10_content()))?,
                Event::CData(data) => self.text(legal_text(data.xml10_content()))?,
                Event::GeneralRef(entity) => {
                    let text = character(&entity).ok_or_else(|| self.not_xml())?;
                    self.text(text)?;
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                // RFC 6120 section 11.1: no document type, hence no entities of the peer's making.
                Event::DocType(_) => return Err(FrameErrorKind::DocumentType),
                Event::Eof if self.open.is_empty() => return Ok(()),
                Event::Eof => return Err(self.not_xml()),
            }
        }
    }

    fn not_xml(&self) -> FrameErrorKind {
        FrameErrorKind::NotXml { at: self.xml.buffer_position() }
    }

    fn count(&mut self) -> Result<(), FrameErrorKind> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(FrameErrorKind::TooManyNodes) } else { Ok(()) }
    }

    // Elements

    fn start(&mut self, start: &BytesStart<'_>, close: &str) -> Result<(), FrameErrorKind> {
        let (name, mut rest) = self
            .tag(start.len(), close)
            .and_then(|tag| tag.split_at_checked(start.name().as_ref().len()))
            .ok_or_else(|| self.not_xml())?;
        self.count()?;
        self.scope.enter();
        let first = self.document.attributes.len();
        loop {
            rest = skip_space(rest);
            if rest.is_empty() {
                break;
            }
            self.count()?;
            rest = self.attribute(rest, first).ok_or_else(|| self.not_xml())?;
        }
        let (name, namespace) = Name::split(name)
            .and_then(|name| Some((name.local, self.scope.resolve(name.prefix)?)))
            .ok_or_else(|| self.not_xml())?;
        let at = self.document.items.len();
        if self.open.is_empty() && at > 0 {
            return Err(FrameErrorKind::SeveralElements);
        }
        if self.open.len() > MAX_DEPTH {
            return Err(FrameErrorKind::TooDeep);
        }
        let attributes = first..self.document.attributes.len();
        self.document.items.push(Item::Element(Tag { name, namespace, attributes, end: at + 1 }));
        self.open.push(at);
        self.in_text = false;
        Ok(())
    }

    fn end(&mut self) {
        self.scope.leave();
        self.in_text = false;
        let end = self.document.items.len();
        if let Some(Item::Element(tag)) =
            self.open.pop().and_then(|at| self.document.items.get_mut(at))
        {
            tag.end = end;
        }
    }

    /// The inside of the tag that was read last, of this length and closed so. The event has it
    /// too, but does not lend it for as long.
    fn tag(&self, len: usize, close: &str) -> Option<&'x str> {
        let position = usize::try_from(self.xml.buffer_position()).ok()?;
        let end = position.checked_sub(close.len())?;
        self.text.get(end.checked_sub(len)?..end)
    }

    /// Takes the attribute that this begins with, of the element whose own begin with this one, and
    /// gives what follows. Nothing if it must not be.
    fn attribute(&mut self, text: &'x str, first: usize) -> Option<&'x str> {
        let (name, rest) = Name::split_off(text)?;
        let (value, rest) = split_off_value(skip_space(rest))?;
        let value = if self.literal || is_literal(value) {
            Cow::Borrowed(value)
        } else {
            let escaped = Attribute { key: QName(name.whole), value: Cow::Borrowed(value) };
            legal_text(escaped.normalized_value(XmlVersion::Implicit1_0).ok()?)
        };
        match name {
            Name { prefix: None, local: "xmlns", .. } => self.scope.declare(None, value)?,
            Name { prefix: Some("xmlns"), local, .. } => self.scope.declare(Some(local), value)?,
            Name { prefix: None | Some("xml"), whole, .. } => {
                let attributes = &mut self.document.attributes;
                if attributes[first..].iter().any(|(other, _)| *other == whole) {
                    return None;
                }
                attributes.push((whole, value));
            }
            Name { prefix: Some(_), .. } => {}
        }
        Some(rest)
    }

    // Texts

    fn text(&mut self, text: Cow<'x, str>) -> Result<(), FrameErrorKind> {
        if self.open.is_empty() {
            return match text.trim().is_empty() {
                true => Ok(()),
                false if self.document.items.is_empty() => Err(FrameErrorKind::NotAnElement),
                false => Err(self.not_xml()),
            };
        }
        let rest = self.rest();
        match self.document.items.last_mut() {
            Some(Item::Text(before)) if self.in_text => {
                if let Cow::Borrowed(start) = *before {
                    // Escaped text comes in many small pieces.
                    let follows = memchr(b'<', rest.as_bytes()).unwrap_or(0);
                    let mut whole = String::with_capacity(start.len() + text.len() + follows);
                    whole.push_str(start);
                    *before = Cow::Owned(whole);
                }
                before.to_mut().push_str(&text);
            }
            _ if text.is_empty() => {}
            _ => {
                self.count()?;
                self.document.items.push(Item::Text(text));
                self.in_text = true;
            }
        }
        Ok(())
    }

    /// The text that was not read yet.
    fn rest(&self) -> &'x str {
        let read = usize::try_from(self.xml.buffer_position()).ok();
        read.and_then(|read| self.text.get(read..)).unwrap_or_default()
    }
}

/// The character that a reference stands for.
fn character(entity: &BytesRef<'_>) -> Option<Cow<'static, str>> {
    match entity.resolve_char_ref().ok()? {
        Some(c) => Some(legal_text(Cow::Owned(c.to_string()))),
        None => resolve_predefined_entity(entity).map(Cow::Borrowed),
    }
}

/// A name with its prefix, if it has one.
struct Name<'x> {
    whole: &'x str,
    prefix: Option<&'x str>,
    local: &'x str,
}

impl<'x> Name<'x> {
    fn split(whole: &'x str) -> Option<Self> {
        let (first, rest) = whole.split_at(ascii_name(whole));
        match rest.strip_prefix(':') {
            None if rest.is_empty() && !first.is_empty() => {
                return Some(Self { whole, prefix: None, local: whole });
            }
            Some(local) if !first.is_empty() && is_xml_name(local) => {
                return Some(Self { whole, prefix: Some(first), local });
            }
            _ => {}
        }
        // There are letters beyond ASCII in it, or it is none.
        if is_xml_name(whole) {
            return Some(Self { whole, prefix: None, local: whole });
        }
        let (prefix, local) = whole.split_once(':')?;
        let valid = is_xml_name(prefix) && is_xml_name(local);
        valid.then_some(Self { whole, prefix: Some(prefix), local })
    }

    /// An attribute's name, and what follows after the equals sign.
    fn split_off(text: &'x str) -> Option<(Self, &'x str)> {
        let (whole, rest) = text.split_at(ascii_name(text));
        if let Some(rest) = rest.strip_prefix('=').filter(|_| !whole.is_empty()) {
            return Some((Self { whole, prefix: None, local: whole }, rest));
        }
        let (whole, rest) = text.split_once('=')?;
        Some((Self::split(whole.trim_end_matches(is_space))?, rest))
    }
}

/// The value that this begins with, as it is written between its quotes, and what follows.
fn split_off_value(text: &str) -> Option<(&str, &str)> {
    let quote = *text.as_bytes().first()?;
    let text = text.strip_prefix(['"', '\''])?;
    let (value, rest) = text.split_at(memchr(quote, text.as_bytes())?);
    Some((value, &rest[1..]))
}

fn skip_space(mut text: &str) -> &str {
    while let Some(rest) = text.strip_prefix(is_space) {
        text = rest;
    }
    text
}

/// True for white space as XML has it (XML 1.0 section 2.3).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
