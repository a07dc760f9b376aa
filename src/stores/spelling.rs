//! Defines how a call on a store may spell objects, users and types.

use crate::model::{ModelType, ObjectRef, TupleTextError, TupleUser};
use crate::relations::Rules;
use crate::stores::{StoreId, Stores, Version};
use smol_str::SmolStr;
use std::sync::Arc;

/// How a call on a store may spell objects, users and types. Every store accepts them as tuples
/// spell them. `main`, where they are entities, also accepts the form in which answers show them;
/// since answers name a type as the request did, an alias of the bundle then stands for its type,
/// unless the model has a type of that name. The stored name is always the model's.
#[derive(Clone, Debug)]
pub struct Spelling {
    is_of_main: bool,
    /// Each alias, with the model's name for its type.
    aliases: Arc<[(SmolStr, SmolStr)]>,
}

impl Spelling {
    /// Creates a spelling that accepts only what tuples spell.
    #[must_use]
    pub fn of_tuples() -> Self {
        Self {
            is_of_main: false,
            aliases: Arc::default(),
        }
    }

    fn of_main(version: &Version) -> Self {
        let aliases = version
            .bundle()
            .map_or(&[][..], |bundle| &bundle.carriers().aliases);
        let model = version.rules().map(Rules::model);
        let is_free = |alias: &SmolStr| model.is_none_or(|model| model.type_named(alias).is_none());
        let free = aliases.iter().filter(|(alias, _)| is_free(alias));
        let spelled = free.map(|(alias, kind)| {
            (
                alias.clone(),
                ModelType::of_entity_type(kind).as_str().clone(),
            )
        });
        Self {
            is_of_main: true,
            aliases: spelled.collect(),
        }
    }

    /// Reads a user.
    pub fn user(&self, text: &str) -> Result<TupleUser, TupleTextError> {
        if self.is_of_main {
            TupleUser::parse_shown(&self.resolve(text))
        } else {
            text.parse()
        }
    }

    /// Reads an object.
    pub fn object(&self, text: &str) -> Result<ObjectRef, TupleTextError> {
        if self.is_of_main {
            ObjectRef::parse_shown(&self.resolve(text))
        } else {
            text.parse()
        }
    }

    /// Reads an object that is given in two parts, with the same result as in one: an id with a
    /// colon is read as a whole, and so is one of a type such as `P::D`.
    pub fn object_of(&self, kind: &SmolStr, id: &SmolStr) -> Result<ObjectRef, TupleTextError> {
        if self.is_of_main && (id.contains(':') || kind.contains("::")) {
            return self.object(&format!("{kind}:{id}"));
        }
        let object = ObjectRef::new(self.kind(kind), id.clone())?;
        object.as_object()?;
        Ok(object)
    }

    /// Returns the model's name of a type; in `main`, also for the name of an entity type.
    #[must_use]
    pub fn kind(&self, kind: &SmolStr) -> SmolStr {
        match self.of_alias(kind) {
            Some(resolved) => resolved.clone(),
            None if self.is_of_main => ModelType::of_entity_type(kind).as_str().clone(),
            None => kind.clone(),
        }
    }

    fn of_alias(&self, kind: &str) -> Option<&SmolStr> {
        self.aliases
            .iter()
            .find(|(alias, _)| alias == kind)
            .map(|(_, kind)| kind)
    }

    /// Replaces an alias at the start of a text by the model's name of its type.
    fn resolve(&self, text: &str) -> SmolStr {
        let parts = if self.aliases.is_empty() {
            None
        } else {
            text.split_once(':')
        };
        let resolved = parts.and_then(|(kind, rest)| Some((self.of_alias(kind)?, rest)));
        // In `agent::Bot`, the prefix `agent::` belongs to another type.
        match resolved.filter(|(_, rest)| !rest.starts_with(':')) {
            Some((kind, rest)) => smol_str::format_smolstr!("{kind}:{rest}"),
            None => text.into(),
        }
    }
}

impl Stores {
    /// Returns how a call on this store may spell objects, users and types.
    #[must_use]
    pub fn spelling(&self, store: StoreId) -> Spelling {
        if store == StoreId::MAIN {
            Spelling::of_main(&self.main())
        } else {
            Spelling::of_tuples()
        }
    }
}
