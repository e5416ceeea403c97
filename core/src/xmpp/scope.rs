//! Namespaces of prefixes, by their place in a document (Namespaces in XML 1.0).

use std::borrow::Cow;

use super::ns;

/// The longest name of a namespace in bytes. Each element of a frame may have to hold a copy.
pub const MAX_NAMESPACE: usize = 1024;

/// The declarations in force.
#[derive(Default)]
pub(super) struct Scope<'x> {
    declared: Vec<Declaration<'x>>,
    depth: usize,
}

struct Declaration<'x> {
    /// The prefix; none for the default namespace.
    prefix: Option<&'x str>,
    namespace: Cow<'x, str>,
    depth: usize,
}

impl<'x> Scope<'x> {
    /// Begins an element: what is declared now is its.
    pub(super) fn enter(&mut self) {
        self.depth += 1;
    }

    /// Ends the element, and its declarations with it.
    pub(super) fn leave(&mut self) {
        while self.declared.pop_if(|last| last.depth == self.depth).is_some() {}
        self.depth = self.depth.saturating_sub(1);
    }

    /// Takes a declaration. Nothing for one that must not be: twice in an element, of a reserved
    /// prefix, of a prefix for nothing (sections 3 and 6), or longer than [`MAX_NAMESPACE`].
    pub(super) fn declare(
        &mut self,
        prefix: Option<&'x str>,
        namespace: Cow<'x, str>,
    ) -> Option<()> {
        let mut own = self.declared.iter().rev().take_while(|other| other.depth == self.depth);
        let twice = own.any(|other| other.prefix == prefix);
        let reserved = match prefix {
            Some("xml") => namespace != ns::XML,
            Some("xmlns") => true,
            Some(_) => namespace.is_empty(),
            None => false,
        };
        if twice || reserved || namespace.len() > MAX_NAMESPACE {
            return None;
        }
        self.declared.push(Declaration { prefix, namespace, depth: self.depth });
        Some(())
    }

    /// The namespace of an element with this prefix: empty for none, nothing for one that was
    /// never declared.
    pub(super) fn resolve(&self, prefix: Option<&str>) -> Option<Cow<'x, str>> {
        let declared = self.declared.iter().rev().find(|other| other.prefix == prefix);
        match (declared, prefix) {
            (Some(declaration), _) => Some(declaration.namespace.clone()),
            (None, None) => Some(Cow::Borrowed("")),
            (None, Some("xml")) => Some(Cow::Borrowed(ns::XML)),
            (None, Some(_)) => None,
        }
    }
}
