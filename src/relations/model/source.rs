//! The places in the source text at which the elements of a model are declared.

use super::definition::ModelDefinition;
use crate::model::Place;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::fmt;

/// One text of a model: a `.fga` file, or `fga.mod`.
#[derive(Clone, Copy, Debug)]
pub struct ModelFile<'a> {
    /// The file's name, relative to the bundle; places and module origins use it.
    pub name: &'a str,
    /// The content of the file.
    pub text: &'a str,
}

impl ModelFile<'_> {
    /// Returns the place of `len` bytes at `offset` in this file.
    #[must_use]
    pub fn place(&self, offset: usize, len: usize) -> Place {
        Place {
            file: self.name.to_owned(),
            offset,
            len,
        }
    }
}

/// A model as read from DSL.
#[derive(Clone, Debug, Default)]
pub struct ModelSource {
    /// The model itself.
    pub definition: ModelDefinition,
    /// The places of its elements in the text.
    pub places: ElementPlaces,
}

/// The place of each element's declaration.
#[derive(Clone, Debug, Default)]
pub struct ElementPlaces(HashMap<Element, Place>);

impl ElementPlaces {
    /// Returns where an element is declared; for a relation without a place, where its type is.
    #[must_use]
    pub fn of(&self, element: &Element) -> Option<&Place> {
        self.0.get(element).or_else(|| match element {
            Element::Relation(kind, _) => self.0.get(&Element::Type(kind.clone())),
            Element::Model | Element::Type(_) | Element::Condition(_) => None,
        })
    }

    /// Notes where an element is declared. The first declaration stays; a later one gets its place
    /// back.
    pub(super) fn note(&mut self, element: Element, place: Place) -> Option<Place> {
        match self.0.entry(element) {
            std::collections::hash_map::Entry::Occupied(first) => Some(first.get().clone()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(place);
                None
            }
        }
    }
}

/// An element of a model that a problem can refer to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// The whole model.
    Model,
    /// A type.
    Type(SmolStr),
    /// A relation of a type.
    Relation(SmolStr, SmolStr),
    /// A condition.
    Condition(SmolStr),
}

/// Writes the element as messages begin: ``relation `viewer` of `document` ``.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model => f.write_str("the model"),
            Self::Type(kind) => write!(f, "type `{kind}`"),
            Self::Relation(kind, relation) => write!(f, "relation `{relation}` of `{kind}`"),
            Self::Condition(name) => write!(f, "condition `{name}`"),
        }
    }
}

/// Returns the line and the column, both from 1, of a byte in a text; columns count characters.
#[must_use]
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before.get(start..).unwrap_or_default().chars().count() + 1,
    )
}
