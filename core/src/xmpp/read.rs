//! Pulls one bounded element out of a text frame.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use quick_xml::events::attributes::{Attribute, Attributes};

use super::element::{is_literal, is_xml_name, legal_text};
use super::scope::Scope;
use super::{Element, FrameErrorKind, Node};

/// The longest frame in bytes.
pub const MAX_FRAME: usize = 1024 * 1024;
/// How deep the elements of a stanza may nest below it.
pub const MAX_DEPTH: usize = 32;
/// How many elements, attributes and texts a frame may hold. A text is one, however much of it is
/// escaped.
pub const MAX_NODES: usize = 4096;

/// A frame being read: first [`Reader::root`], then [`Reader::children`].
pub(super) struct Reader<'x> {
    text: &'x str,
    xml: quick_xml::Reader<&'x [u8]>,
    scope: Scope<'x>,
    /// The attributes of the element being read.
    attributes: Vec<(Cow<'x, str>, Cow<'x, str>)>,
    nodes: usize,
    /// Whether the root is an empty element.
    empty: bool,
}

enum Token<'x> {
    Start(Element<'x>),
    /// A start and an end in one.
    Empty(Element<'x>),
    End,
    Text(Cow<'x, str>),
    Eof,
}

impl<'x> Reader<'x> {
    pub(super) fn new(text: &'x str) -> Result<Self, FrameErrorKind> {
        if text.len() > MAX_FRAME {
            return Err(FrameErrorKind::TooLarge(text.len()));
        }
        Ok(Self {
            text,
            xml: quick_xml::Reader::from_str(text),
            scope: Scope::default(),
            attributes: Vec::new(),
            nodes: 0,
            empty: false,
        })
    }

    /// The start of the outermost element.
    pub(super) fn root(&mut self) -> Result<Element<'x>, FrameErrorKind> {
        loop {
            match self.token()? {
                Token::Start(element) => return Ok(element),
                Token::Empty(element) => {
                    self.empty = true;
                    return Ok(element);
                }
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) | Token::Eof | Token::End => {
                    return Err(FrameErrorKind::NotAnElement);
                }
            }
        }
    }

    /// All that is inside the outermost element; nothing may follow it.
    pub(super) fn children(mut self) -> Result<Vec<Node<'x>>, FrameErrorKind> {
        let mut top = Vec::new();
        let mut open: Vec<Element<'x>> = Vec::new();
        while !self.empty {
            let token = self.token()?;
            let depth = open.len();
            let siblings = open.last_mut().map_or(&mut top, |parent| &mut parent.children);
            match token {
                Token::Start(_) | Token::Empty(_) if depth == MAX_DEPTH => {
                    return Err(FrameErrorKind::TooDeep);
                }
                Token::Start(element) => open.push(element),
                Token::Empty(element) => siblings.push(Node::Element(element)),
                Token::Text(text) => match siblings.last_mut() {
                    Some(Node::Text(before)) => {
                        if let Cow::Borrowed(start) = *before {
                            // Escaped text comes in many small pieces.
                            let len = start.len() + text.len() + self.before_tag();
                            let mut whole = String::with_capacity(len);
                            whole.push_str(start);
                            *before = Cow::Owned(whole);
                        }
                        before.to_mut().push_str(&text);
                    }
                    Some(Node::Element(_)) | None => {
                        self.count()?;
                        siblings.push(Node::Text(text));
                    }
                },
                Token::End => match open.pop() {
                    Some(done) => open
                        .last_mut()
                        .map_or(&mut top, |parent| &mut parent.children)
                        .push(Node::Element(done)),
                    None => break,
                },
                Token::Eof => return Err(self.not_xml()),
            }
        }
        loop {
            match self.token()? {
                Token::Eof => return Ok(top),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Start(_) | Token::Empty(_) => return Err(FrameErrorKind::SeveralElements),
                Token::Text(_) | Token::End => return Err(self.not_xml()),
            }
        }
    }

    /// Bytes that follow before the next tag.
    fn before_tag(&self) -> usize {
        let read = usize::try_from(self.xml.buffer_position()).ok();
        read.and_then(|read| self.text.get(read..)?.find('<')).unwrap_or(0)
    }

    fn not_xml(&self) -> FrameErrorKind {
        FrameErrorKind::NotXml { at: self.xml.buffer_position() }
    }

    fn count(&mut self) -> Result<(), FrameErrorKind> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(FrameErrorKind::TooManyNodes) } else { Ok(()) }
    }

    fn token(&mut self) -> Result<Token<'x>, FrameErrorKind> {
        loop {
            let event = self.xml.read_event().map_err(|_| self.not_xml())?;
            let text = match event {
                Event::Start(start) => {
                    let tag = self.tag(start.len(), ">")?;
                    return self.element(tag, start.name().as_ref().len()).map(Token::Start);
                }
                Event::Empty(start) => {
                    let tag = self.tag(start.len(), "/>")?;
                    let element = self.element(tag, start.name().as_ref().len())?;
                    self.scope.leave();
                    return Ok(Token::Empty(element));
                }
                Event::End(_) => {
                    self.scope.leave();
                    return Ok(Token::End);
                }
                Event::Eof => return Ok(Token::Eof),
                Event::Text(text) => legal_text(text.xml10_content()),
                Event::CData(data) => legal_text(data.xml10_content()),
                Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                    Ok(Some(c)) => legal_text(Cow::Owned(c.to_string())),
                    Ok(None) => {
                        let known = resolve_predefined_entity(&entity);
                        Cow::Borrowed(known.ok_or_else(|| self.not_xml())?)
                    }
                    Err(_) => return Err(self.not_xml()),
                },
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => continue,
                // RFC 6120 section 11.1: no document type, hence no entities of the peer's making.
                Event::DocType(_) => return Err(FrameErrorKind::DocumentType),
            };
            if !text.is_empty() {
                return Ok(Token::Text(text));
            }
        }
    }

    /// The inside of the tag that was read last, of this length and with this end. The event has
    /// it too, but does not lend it for as long.
    fn tag(&self, len: usize, end: &str) -> Result<&'x str, FrameErrorKind> {
        let position = usize::try_from(self.xml.buffer_position()).ok();
        let end = position.and_then(|position| position.checked_sub(end.len()));
        end.and_then(|end| self.text.get(end.checked_sub(len)?..end)).ok_or_else(|| self.not_xml())
    }

    fn element(&mut self, tag: &'x str, name_len: usize) -> Result<Element<'x>, FrameErrorKind> {
        self.count()?;
        self.scope.enter();
        self.attributes.clear();
        // Duplicates are found below, among those that are kept.
        for attribute in Attributes::new(tag, name_len).with_checks(false) {
            self.count()?;
            self.attribute(attribute.map_err(|_| self.not_xml())?)?;
        }
        let (prefix, local) = self.name(&tag[..name_len])?;
        let namespace = self.scope.resolve(prefix).ok_or_else(|| self.not_xml())?;
        let attributes = self.attributes.drain(..).collect();
        Ok(Element { attributes, ..Element::new(local, namespace) })
    }

    fn attribute(&mut self, attribute: Attribute<'x>) -> Result<(), FrameErrorKind> {
        let value = match attribute.value {
            Cow::Borrowed(raw) if is_literal(raw) => Cow::Borrowed(raw),
            _ => legal_text(
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| self.not_xml())?,
            ),
        };
        let (prefix, local) = self.name(attribute.key.into_inner())?;
        let name = match (prefix, local) {
            (None, "xmlns") => return self.declare(None, value),
            (Some("xmlns"), prefix) => return self.declare(Some(prefix), value),
            (None, local) => Cow::Borrowed(local),
            (Some("xml"), local) => Cow::Owned(format!("xml:{local}")),
            (Some(_), _) => return Ok(()),
        };
        if self.attributes.iter().any(|(other, _)| *other == name) {
            return Err(self.not_xml());
        }
        self.attributes.push((name, value));
        Ok(())
    }

    /// A name's prefix, if it has one, and the name without it.
    fn name(&self, name: &'x str) -> Result<(Option<&'x str>, &'x str), FrameErrorKind> {
        if is_xml_name(name) {
            return Ok((None, name));
        }
        match name.split_once(':') {
            Some((prefix, local)) if is_xml_name(prefix) && is_xml_name(local) => {
                Ok((Some(prefix), local))
            }
            Some(_) | None => Err(self.not_xml()),
        }
    }

    fn declare(
        &mut self,
        prefix: Option<&'x str>,
        namespace: Cow<'x, str>,
    ) -> Result<(), FrameErrorKind> {
        if self.scope.declare(prefix, namespace) { Ok(()) } else { Err(self.not_xml()) }
    }
}
