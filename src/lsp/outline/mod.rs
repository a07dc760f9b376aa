//! What a bundle's files declare, and where.
//!
//! The declarations are found in the texts and not in the compiled bundle: a person who types has a
//! file that does not parse, and still wants to know where a relation is defined. What is found is
//! shown and jumped to, and decides nothing.

mod declarations;
mod model_lines;
mod tree;

pub(super) use declarations::policies_of;
pub(super) use model_lines::relation_lines;
pub(super) use tree::{YamlNode, YamlPath, YamlTree};

use crate::bundle::BundleFiles;
use crate::model::Place;
use crate::policy::SourceFile;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// LIMIT: the bytes of a file of entities or cases whose names are listed. A larger one is made by
/// a program, and nobody looks names up in it by hand.
const MAX_LISTED: usize = 2 * 1024 * 1024;

/// What a name is declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SymbolKind {
    EntityType,
    CommonType,
    /// An attribute of an entity type, or a member of an action's context.
    Attribute,
    Action,
    /// A type of the relation model.
    ModelType,
    Relation,
    /// A condition of the relation model.
    Condition,
    Policy,
    /// The reason that a policy gives.
    Reason,
    Case,
    /// A stored entity.
    Entity,
}

impl SymbolKind {
    /// Returns what a person calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::EntityType => "entity type",
            Self::CommonType => "common type",
            Self::Attribute => "attribute",
            Self::Action => "action",
            Self::ModelType => "type of the relation model",
            Self::Relation => "relation",
            Self::Condition => "condition",
            Self::Policy => "policy",
            Self::Reason => "reason of the policy",
            Self::Case => "case",
            Self::Entity => "stored entity",
        }
    }
}

/// One declaration.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub(super) kind: SymbolKind,
    pub(super) name: SmolStr,
    /// The type of an attribute, a relation or an entity; the file of a case; the policy of a
    /// reason.
    pub(super) owner: Option<SmolStr>,
    /// The place of the name.
    pub(super) at: Place,
    /// The bytes of the whole declaration.
    pub(super) whole: Range<usize>,
    /// Sentences about it that its author wrote.
    pub(super) docs: Vec<String>,
    /// Types that it leads to: of an attribute, its value's; of an action, its resources'; of a
    /// relation, its users'.
    pub(super) types: Vec<SmolStr>,
}

/// All declarations of a bundle.
#[derive(Debug, Default)]
pub(super) struct SymbolIndex {
    symbols: Vec<Symbol>,
    by_name: HashMap<(SymbolKind, SmolStr), Vec<usize>>,
    texts: HashMap<String, Arc<str>>,
}

impl SymbolIndex {
    /// Reads the declarations of all files, those of packs included.
    pub(super) fn of(files: &BundleFiles) -> Self {
        let mut index = Self::default();
        for file in files.all() {
            for symbol in symbols_of(file) {
                let key = (symbol.kind, symbol.name.clone());
                index
                    .by_name
                    .entry(key)
                    .or_default()
                    .push(index.symbols.len());
                index.symbols.push(symbol);
            }
            index.texts.insert(file.path.clone(), file.text.clone());
        }
        index
    }

    /// Returns the declarations of a name.
    pub(super) fn named<'i>(
        &'i self,
        kind: SymbolKind,
        name: &str,
    ) -> impl Iterator<Item = &'i Symbol> + use<'i> {
        let found = self.by_name.get(&(kind, SmolStr::new(name)));
        found
            .into_iter()
            .flatten()
            .filter_map(|at| self.symbols.get(*at))
    }

    /// Returns the declarations of a name that belong to an owner.
    pub(super) fn of_owner(&self, kind: SymbolKind, owner: &str, name: &str) -> Vec<&Symbol> {
        self.named(kind, name)
            .filter(|symbol| symbol.owner.as_deref() == Some(owner))
            .collect()
    }

    /// Returns the text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&Arc<str>> {
        self.texts.get(path)
    }

    /// Returns the declaration as it is written.
    pub(super) fn source(&self, symbol: &Symbol) -> &str {
        let text = self.texts.get(&symbol.at.file).map_or("", |text| text);
        text.get(symbol.whole.clone()).unwrap_or_default()
    }
}

fn symbols_of(file: &SourceFile) -> Vec<Symbol> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if name.ends_with(".cedarschema") {
        declarations::schema(file)
    } else if name.ends_with(".cedar") {
        declarations::policies(file)
    } else if name.ends_with(".fga") {
        model_lines::model(file)
    } else if file.text.len() > MAX_LISTED {
        Vec::new()
    } else if name.ends_with("cases.yaml") {
        tree::cases(file)
    } else if name.ends_with("entities.json") {
        tree::entities(file)
    } else {
        Vec::new()
    }
}
