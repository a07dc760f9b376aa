//! Reads a model from JSON; every message names the path to the problem.

use super::super::definition::{
    ConditionDefinition, MAX_REWRITE_DEPTH, ModelDefinition, ModuleOrigin, RelationDefinition,
    Restriction, RestrictionForm, Rewrite, SchemaVersion, TypeDefinition,
};
use super::super::error::{ModelRefusal, RefusalCode};
use super::TYPE_NAMES;
use super::members::{
    CHILDREN, CONDITION, DIFFERENCE, FROM_TUPLESET, METADATA, MODEL, PARAMETER, REFERENCE,
    RELATION, RESTRICTION, REWRITE, TYPE, camel,
};
use crate::model::{Problem, shown};
use crate::relations::condition::{MAX_TYPE_DEPTH, ParameterType};
use serde_json::Value;
use smol_str::SmolStr;
use std::fmt;

/// Reads a model: `schema_version`, `type_definitions`, `conditions`. Other members are ignored or
/// refused, as `members` says.
pub fn from_json(json: &Value) -> Result<ModelDefinition, ModelRefusal> {
    read(&JsonNode::root(json)).map_err(
        |FormError {
             code,
             message,
             help,
         }| ModelRefusal::new(code, Problem::new(message).help(help)),
    )
}

/// The first problem with the form of the JSON.
pub(super) struct FormError {
    pub(super) code: RefusalCode,
    pub(super) message: String,
    pub(super) help: String,
}

pub(super) type FormResult<T> = Result<T, FormError>;

/// A JSON value and the path to it.
#[derive(Clone)]
pub(super) struct JsonNode<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
}

impl<'a> JsonNode<'a> {
    fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    fn misfit(&self, wanted: impl fmt::Display) -> FormError {
        let path = if self.path.is_empty() {
            "the model"
        } else {
            &self.path
        };
        let path = if self.path.is_empty() {
            path.to_owned()
        } else {
            format!("`{path}`")
        };
        FormError {
            code: RefusalCode::ValidationError,
            message: format!("{path} is not {wanted}"),
            help: "compare it with what OpenFGA's tools make of a model in DSL".to_owned(),
        }
    }

    fn child(&self, name: impl fmt::Display, value: &'a Value) -> Self {
        let path = if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.path)
        };
        Self { value, path }
    }

    /// Returns a member, in either spelling; `null` counts as absent.
    fn member(&self, name: &str) -> Option<Self> {
        let (name, value) = self
            .value
            .as_object()?
            .get_key_value(name)
            .or_else(|| self.value.as_object()?.get_key_value(&camel(name)))?;
        if value.is_null() {
            None
        } else {
            Some(self.child(name, value))
        }
    }

    fn object(&self) -> FormResult<&'a serde_json::Map<String, Value>> {
        self.value
            .as_object()
            .ok_or_else(|| self.misfit("an object"))
    }

    /// Returns the members of an object, each with its path; an absent object has none.
    fn entries(it: Option<&Self>) -> FormResult<Vec<(SmolStr, Self)>> {
        let Some(it) = it else { return Ok(Vec::new()) };
        Ok(it
            .object()?
            .iter()
            .map(|(name, value)| (name.into(), it.child(name, value)))
            .collect())
    }

    /// Returns the elements of an array; an absent array has none.
    fn items(it: Option<&Self>) -> FormResult<Vec<Self>> {
        let Some(it) = it else { return Ok(Vec::new()) };
        let items = it.value.as_array().ok_or_else(|| it.misfit("an array"))?;
        let item = |(at, value)| Self {
            value,
            path: format!("{}[{at}]", it.path),
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    fn text(&self) -> FormResult<SmolStr> {
        self.value
            .as_str()
            .map(SmolStr::from)
            .ok_or_else(|| self.misfit("a string"))
    }

    /// Returns a string member; an empty string counts as absent.
    fn text_member(&self, name: &str) -> FormResult<Option<SmolStr>> {
        let text = self.member(name).map(|it| it.text()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }
}

fn read(root: &JsonNode<'_>) -> FormResult<ModelDefinition> {
    root.object()?;
    root.expect(MODEL)?;
    let types = JsonNode::items(root.member("type_definitions").as_ref())?;
    let conditions = JsonNode::entries(root.member("conditions").as_ref())?;
    Ok(ModelDefinition {
        schema: schema(root)?,
        types: types
            .iter()
            .map(type_definition)
            .collect::<FormResult<_>>()?,
        conditions: conditions
            .iter()
            .map(|(key, it)| condition(key, it))
            .collect::<FormResult<_>>()?,
    })
}

fn schema(root: &JsonNode<'_>) -> FormResult<SchemaVersion> {
    let version = root.text_member("schema_version")?.unwrap_or_default();
    SchemaVersion::parse(&version).ok_or_else(|| FormError {
        code: if version == "1.0" {
            RefusalCode::InvalidAuthorizationModel
        } else {
            RefusalCode::ValidationError
        },
        message: format!("`schema_version` is `{}`", shown(&version)),
        help: "write `1.1`, or `1.2` for a model with modules".to_owned(),
    })
}

fn type_definition(it: &JsonNode<'_>) -> FormResult<TypeDefinition> {
    it.object()?;
    it.expect(TYPE)?;
    let metadata = it.member("metadata");
    metadata.as_ref().map_or(Ok(()), |it| it.expect(METADATA))?;
    let mut about = JsonNode::entries(
        metadata
            .as_ref()
            .and_then(|it| it.member("relations"))
            .as_ref(),
    )?;
    let mut relations = Vec::new();
    for (name, userset) in JsonNode::entries(it.member("relations").as_ref())? {
        let about = about
            .iter()
            .position(|(it, _)| *it == name)
            .map(|at| about.swap_remove(at).1);
        about.as_ref().map_or(Ok(()), |it| it.expect(RELATION))?;
        let restricted = about
            .as_ref()
            .and_then(|it| it.member("directly_related_user_types"));
        relations.push(RelationDefinition {
            rewrite: rewrite(&userset, 0)?,
            restrictions: JsonNode::items(restricted.as_ref())?
                .iter()
                .map(restriction)
                .collect::<FormResult<_>>()?,
            origin: about.as_ref().map(origin).transpose()?.unwrap_or_default(),
            name,
        });
    }
    if let Some((name, it)) = about.first() {
        return Err(FormError {
            code: RefusalCode::InvalidAuthorizationModel,
            message: format!(
                "`{}` is about a relation `{name}` that the type does not have",
                it.path
            ),
            help: "define the relation, or remove what is said about it".to_owned(),
        });
    }
    Ok(TypeDefinition {
        name: it.text_member("type")?.unwrap_or_default(),
        relations,
        origin: metadata
            .as_ref()
            .map(origin)
            .transpose()?
            .unwrap_or_default(),
    })
}

fn origin(it: &JsonNode<'_>) -> FormResult<ModuleOrigin> {
    let file = it
        .member("source_info")
        .map(|it| it.text_member("file"))
        .transpose()?
        .flatten();
    Ok(ModuleOrigin {
        module: it.text_member("module")?,
        file,
    })
}

fn rewrite(it: &JsonNode<'_>, depth: usize) -> FormResult<Rewrite> {
    if depth > MAX_REWRITE_DEPTH {
        return Err(FormError {
            code: RefusalCode::InvalidAuthorizationModel,
            message: format!("`{}` is nested more than {MAX_REWRITE_DEPTH} deep", it.path),
            help: "give a part a name of its own, as another relation".to_owned(),
        });
    }
    it.object()?;
    expect_one(it)?;
    let children = |it: &JsonNode<'_>| -> FormResult<Vec<Rewrite>> {
        it.expect(CHILDREN)?;
        let children = JsonNode::items(it.member("child").as_ref())?;
        if children.is_empty() {
            return Err(it.misfit("a list of at least one `child`"));
        }
        children
            .iter()
            .map(|child| rewrite(child, depth + 1))
            .collect()
    };
    if it.member("this").is_some() {
        Ok(Rewrite::This)
    } else if let Some(it) = it.member("computed_userset") {
        Ok(Rewrite::Computed(relation(&it)?))
    } else if let Some(it) = it.member("tuple_to_userset") {
        it.expect(FROM_TUPLESET)?;
        let part = |name| {
            it.member(name)
                .ok_or_else(|| it.misfit(format!("an object with `{name}`")))
        };
        let (tupleset, computed) = (
            relation(&part("tupleset")?)?,
            relation(&part("computed_userset")?)?,
        );
        Ok(Rewrite::FromTupleset { tupleset, computed })
    } else if let Some(it) = it.member("union") {
        Ok(Rewrite::Union(children(&it)?))
    } else if let Some(it) = it.member("intersection") {
        Ok(Rewrite::Intersection(children(&it)?))
    } else if let Some(it) = it.member("difference") {
        it.expect(DIFFERENCE)?;
        let part = |name| {
            it.member(name)
                .ok_or_else(|| it.misfit(format!("an object with `{name}`")))
        };
        let (base, subtract) = (
            rewrite(&part("base")?, depth + 1)?,
            rewrite(&part("subtract")?, depth + 1)?,
        );
        Ok(Rewrite::Difference {
            base: Box::new(base),
            subtract: Box::new(subtract),
        })
    } else {
        let wanted = "an object with `this`, `computedUserset`, `tupleToUserset`, `union`, \
            `intersection` or `difference`";
        Err(it.misfit(wanted))
    }
}

/// Refuses members that are no operator, and a second operator: the two could contradict each
/// other, and only one would be evaluated.
fn expect_one(it: &JsonNode<'_>) -> FormResult<()> {
    it.expect(REWRITE)?;
    let present = it
        .value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null());
    if present.count() > 1 {
        Err(it.misfit("an object with one operator"))
    } else {
        Ok(())
    }
}

fn relation(it: &JsonNode<'_>) -> FormResult<SmolStr> {
    it.expect(REFERENCE)?;
    Ok(it.text_member("relation")?.unwrap_or_default())
}

fn restriction(it: &JsonNode<'_>) -> FormResult<Restriction> {
    it.object()?;
    it.expect(RESTRICTION)?;
    let relation = it.text_member("relation")?;
    let form = match (it.member("wildcard"), relation) {
        (Some(_), Some(_)) => return Err(it.misfit("one of a `relation` and a `wildcard`")),
        (Some(_), None) => RestrictionForm::Wildcard,
        (None, Some(relation)) => RestrictionForm::Userset(relation),
        (None, None) => RestrictionForm::Object,
    };
    let kind = it.text_member("type")?.unwrap_or_default();
    Ok(Restriction {
        kind,
        form,
        condition: it.text_member("condition")?,
    })
}

fn condition(key: &SmolStr, it: &JsonNode<'_>) -> FormResult<ConditionDefinition> {
    it.object()?;
    it.expect(CONDITION)?;
    let name = it.text_member("name")?.unwrap_or_default();
    if name != *key {
        return Err(FormError {
            code: RefusalCode::InvalidAuthorizationModel,
            message: format!("condition `{key}` is named `{name}`"),
            help: "write the same `name` as the key that it stands under".to_owned(),
        });
    }
    let parameters = JsonNode::entries(it.member("parameters").as_ref())?;
    Ok(ConditionDefinition {
        name,
        expression: it
            .text_member("expression")?
            .unwrap_or_default()
            .to_string(),
        parameters: parameters
            .into_iter()
            .map(|(name, it)| Ok((name, parameter_type(&it, 0)?)))
            .collect::<FormResult<_>>()?,
        origin: it
            .member("metadata")
            .as_ref()
            .map(origin)
            .transpose()?
            .unwrap_or_default(),
    })
}

fn parameter_type(it: &JsonNode<'_>, depth: usize) -> FormResult<ParameterType> {
    if depth > MAX_TYPE_DEPTH {
        return Err(it.misfit(format!("a type of at most {MAX_TYPE_DEPTH} levels")));
    }
    it.expect(PARAMETER)?;
    let wanted = "an object with a `type_name`, such as `TYPE_NAME_STRING`";
    let name = it
        .member("type_name")
        .ok_or_else(|| it.misfit(wanted))?
        .text()?;
    let known = TYPE_NAMES
        .iter()
        .find(|(json, _)| *json == name)
        .ok_or_else(|| it.misfit(wanted))?
        .1;
    let held = JsonNode::items(it.member("generic_types").as_ref())?;
    match (ParameterType::scalar(known), held.as_slice()) {
        (Some(scalar), []) => Ok(scalar),
        (None, [element]) => {
            let element = Box::new(parameter_type(element, depth + 1)?);
            Ok(if known == "list" {
                ParameterType::List(element)
            } else {
                ParameterType::Map(element)
            })
        }
        (Some(_), _) => Err(it.misfit(format!(
            "a type without `generic_types`, as `{known}` holds nothing"
        ))),
        (None, _) => Err(it.misfit(format!(
            "a type with one of `generic_types`: what the `{known}` holds"
        ))),
    }
}
