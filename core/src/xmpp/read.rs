//! Pulls one bounded element out of a text frame.

use quick_xml::XmlVersion;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::element::{is_xml_name, legal};
use super::{Element, FrameErrorKind, Node};

/// The longest frame in bytes.
pub const MAX_FRAME: usize = 1024 * 1024;
/// How deep the elements of a stanza may nest below it.
pub const MAX_DEPTH: usize = 32;
/// How many elements, attributes and texts a frame may hold.
pub const MAX_NODES: usize = 4096;

/// A frame being read: first [`Reader::root`], then [`Reader::children`].
pub(super) struct Reader<'x> {
    xml: NsReader<&'x [u8]>,
    nodes: usize,
}

enum Token {
    Start(Element),
    End,
    Text(String),
    Eof,
}

impl<'x> Reader<'x> {
    pub(super) fn new(text: &'x str) -> Result<Self, FrameErrorKind> {
        if text.len() > MAX_FRAME {
            return Err(FrameErrorKind::TooLarge(text.len()));
        }
        let mut xml = NsReader::from_str(text);
        xml.config_mut().expand_empty_elements = true;
        Ok(Self { xml, nodes: 0 })
    }

    /// The start of the outermost element.
    pub(super) fn root(&mut self) -> Result<Element, FrameErrorKind> {
        loop {
            match self.token()? {
                Token::Start(element) => return Ok(element),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) | Token::Eof | Token::End => {
                    return Err(FrameErrorKind::NotAnElement);
                }
            }
        }
    }

    /// All that is inside the outermost element; nothing may follow it.
    pub(super) fn children(mut self) -> Result<Vec<Node>, FrameErrorKind> {
        let mut top = Vec::new();
        let mut open: Vec<Element> = Vec::new();
        loop {
            let token = self.token()?;
            let depth = open.len();
            let siblings = open.last_mut().map_or(&mut top, |parent| &mut parent.children);
            match token {
                Token::Start(_) if depth == MAX_DEPTH => return Err(FrameErrorKind::TooDeep),
                Token::Start(element) => open.push(element),
                Token::Text(text) => match siblings.last_mut() {
                    Some(Node::Text(before)) => before.push_str(&text),
                    _ => siblings.push(Node::Text(text)),
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
                Token::Start(_) => return Err(FrameErrorKind::SeveralElements),
                Token::Text(_) | Token::End => return Err(self.not_xml()),
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

    fn token(&mut self) -> Result<Token, FrameErrorKind> {
        loop {
            let event = self.xml.read_event().map_err(|_| self.not_xml())?;
            let text = match event {
                Event::Start(start) | Event::Empty(start) => {
                    return self.element(&start).map(Token::Start);
                }
                Event::End(_) => return Ok(Token::End),
                Event::Eof => return Ok(Token::Eof),
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(data) => data.xml10_content().into_owned(),
                Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    Ok(None) => {
                        resolve_predefined_entity(&entity).ok_or_else(|| self.not_xml())?.to_owned()
                    }
                    Err(_) => return Err(self.not_xml()),
                },
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => continue,
                // RFC 6120 section 11.1: no document type, hence no entities of the peer's making.
                Event::DocType(_) => return Err(FrameErrorKind::DocumentType),
            };
            if !text.is_empty() {
                self.count()?;
                return Ok(Token::Text(text.chars().map(legal).collect()));
            }
        }
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, FrameErrorKind> {
        self.count()?;
        let (namespace, local) = self.xml.resolver().resolve_element(start.name());
        let namespace = match namespace {
            ResolveResult::Unbound => String::new(),
            ResolveResult::Bound(uri) => {
                unescape(uri.0).map_err(|_| self.not_xml())?.chars().map(legal).collect()
            }
            ResolveResult::Unknown(_) => return Err(self.not_xml()),
        };
        let mut element = Element::new(local.as_ref(), &namespace);
        if !is_xml_name(&element.name) {
            return Err(self.not_xml());
        }
        for attribute in start.attributes() {
            self.count()?;
            let attribute = attribute.map_err(|_| self.not_xml())?;
            let (local, prefix) = attribute.key.decompose();
            let name = match prefix {
                _ if attribute.key.as_namespace_binding().is_some() => continue,
                None => local.as_ref().to_owned(),
                Some(prefix) if prefix.is_xml() => format!("xml:{}", local.as_ref()),
                Some(_) => continue,
            };
            if !is_xml_name(local.as_ref()) {
                return Err(self.not_xml());
            }
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| self.not_xml())?;
            element.attributes.push((name, value.chars().map(legal).collect()));
        }
        Ok(element)
    }
}
