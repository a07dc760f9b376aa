//! Types of arguments: what a JSON Schema says of a tool's input, in Cedar's types.
//!
//! **Problem.** JSON Schema says more than Cedar's types can: alternatives, patterns, maps.
//! **Decision.** What has one Cedar type gets it. Everything else is left out and says why:
//! policies do not see such an argument, and so cannot permit by it. **Trade-off.** An enum is a
//! String, and its values are a rule that the author writes.

use super::quoting;
use super::tool_list::text;
use crate::model::{Record, Value};
use std::fmt::Write as _;

/// Maximum depth of objects and arrays in a tool's arguments; what lies deeper is left out.
const MAX_DEPTH: usize = 8;

/// Maximum number of `$ref` on the way to one argument, so that a definition cannot name itself.
const MAX_REFERENCES: usize = 16;

/// Maximum number of typed and left out members of a tool: definitions that name each other twice
/// double with every level.
const MAX_MEMBERS: usize = 500;

/// Maximum number of alternatives of one argument, most of which are null.
const MAX_ALTERNATIVES: usize = 20;

/// Maximum length of an argument's name in bytes.
const MAX_NAME: usize = 256;

/// The Cedar type of an argument.
#[derive(Debug)]
pub(super) enum ArgumentType {
    Bool,
    Long,
    Decimal,
    /// A String, with one of its values if the schema lists them.
    Text(Option<String>),
    Set(Box<ArgumentType>),
    Members(ArgumentMembers),
}

/// The members of an object.
#[derive(Debug, Default)]
pub(super) struct ArgumentMembers {
    pub(super) typed: Vec<TypedMember>,
    /// Names of what is left out, each with the reason.
    pub(super) left_out: Vec<(String, &'static str)>,
}

/// An argument with a type.
#[derive(Debug)]
pub(super) struct TypedMember {
    pub(super) name: String,
    pub(super) kind: ArgumentType,
    pub(super) is_required: bool,
}

/// Returns the arguments of a tool.
pub(super) fn of_input(input: &Record) -> ArgumentMembers {
    let mut reader = SchemaReader {
        root: input,
        left: MAX_MEMBERS,
    };
    // A tool whose input is described elsewhere, or by alternatives, has the arguments of that.
    if input.get("properties").is_none() {
        match reader.plain(input) {
            Ok(plain) => return reader.members(plain.schema, 0),
            Err(why) => {
                let left_out = vec![("…".to_owned(), why)];
                return ArgumentMembers {
                    typed: Vec::new(),
                    left_out,
                };
            }
        }
    }
    reader.members(input, 0)
}

struct SchemaReader<'s> {
    root: &'s Record,
    left: usize,
}

/// A schema of which only one thing can hold, and whether null may stand in its place.
struct PlainSchema<'s> {
    schema: &'s Record,
    is_nullable: bool,
}

const TOO_DEEP: &str = "it lies too deep";
const NO_TYPE: &str = "it has no single type";

impl<'s> SchemaReader<'s> {
    fn members(&mut self, schema: &'s Record, depth: usize) -> ArgumentMembers {
        let mut members = ArgumentMembers::default();
        let properties = schema.get("properties").and_then(Value::as_record);
        let required: Vec<&Value> = match schema.get("required") {
            Some(Value::List(names)) => names.iter().collect(),
            _ => Vec::new(),
        };
        for (name, property) in properties.into_iter().flat_map(Record::iter) {
            let Some(left) = self.left.checked_sub(1) else {
                members
                    .left_out
                    .push(("…".to_owned(), "there are too many"));
                break;
            };
            self.left = left;
            let name = name.to_string();
            if name.len() > MAX_NAME {
                let begin: String = name.chars().take(20).collect();
                members
                    .left_out
                    .push((format!("{begin}…"), "its name is too long"));
                continue;
            }
            let is_required = required
                .iter()
                .any(|required| required.as_text().is_some_and(|text| *text == name));
            match self.read(property, depth) {
                Ok((kind, is_nullable)) => members.typed.push(TypedMember {
                    name,
                    kind,
                    // A null counts as not sent.
                    is_required: is_required && !is_nullable,
                }),
                Err(why) => members.left_out.push((name, why)),
            }
        }
        members
    }

    /// Returns the type of a schema, and whether null may stand in its place.
    fn read(
        &mut self,
        schema: &'s Value,
        depth: usize,
    ) -> Result<(ArgumentType, bool), &'static str> {
        if depth >= MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        let PlainSchema {
            schema,
            is_nullable,
        } = self.plain(schema.as_record().ok_or(NO_TYPE)?)?;
        let (kind, is_nullable) = match type_of(schema, is_nullable)? {
            ("string", null) => (ArgumentType::Text(example(schema)), null),
            ("integer", null) => (ArgumentType::Long, null),
            ("number", null) => (ArgumentType::Decimal, null),
            ("boolean", null) => (ArgumentType::Bool, null),
            ("array", null) => {
                let items = schema.get("items").ok_or("its items have no type")?;
                let (item, holds_null) = self.read(items, depth + 1)?;
                if holds_null {
                    return Err("its items may be null");
                }
                (ArgumentType::Set(Box::new(item)), null)
            }
            ("object", null) => {
                let members = self.members(schema, depth + 1);
                if members.typed.is_empty() {
                    return Err("it is an object whose members have no types");
                }
                (ArgumentType::Members(members), null)
            }
            _ => return Err(NO_TYPE),
        };
        Ok((kind, is_nullable))
    }

    /// Follows references, and alternatives of which all but one are null.
    fn plain(&self, schema: &'s Record) -> Result<PlainSchema<'s>, &'static str> {
        let mut schema = schema;
        let mut is_nullable = false;
        for _ in 0..MAX_REFERENCES {
            if let Some(reference) = schema.get("$ref") {
                schema = self.resolve(reference).ok_or("its `$ref` leads nowhere")?;
                continue;
            }
            let alternatives = ["anyOf", "oneOf", "allOf"]
                .into_iter()
                .find_map(|name| schema.get(name));
            let Some(alternatives) = alternatives.and_then(Value::as_list) else {
                return Ok(PlainSchema {
                    schema,
                    is_nullable,
                });
            };
            if alternatives.len() > MAX_ALTERNATIVES {
                return Err("it has too many alternatives");
            }
            let (null, other): (Vec<&Value>, Vec<&Value>) =
                alternatives.iter().partition(|schema| is_null(schema));
            is_nullable |= !null.is_empty();
            schema = match other.as_slice() {
                [Value::Record(one)] => one,
                _ => return Err("it has alternatives"),
            };
        }
        Err("its definitions go on and on")
    }

    /// Returns what a reference within the schema leads to.
    fn resolve(&self, reference: &Value) -> Option<&'s Record> {
        let mut at = self.root;
        for step in reference.as_text()?.strip_prefix("#/")?.split('/') {
            let step = step.replace("~1", "/").replace("~0", "~");
            at = at.get(&step)?.as_record()?;
        }
        Some(at)
    }
}

fn is_null(schema: &Value) -> bool {
    let kind = schema.as_record().and_then(|schema| text(schema, "type"));
    kind.as_deref() == Some("null")
}

/// Returns the one type of a schema, and whether null may stand in its place.
fn type_of(schema: &Record, is_nullable: bool) -> Result<(&str, bool), &'static str> {
    match schema.get("type") {
        Some(Value::Text(kind)) => Ok((kind.as_str(), is_nullable)),
        Some(Value::List(kinds)) => {
            let named = |kind: &Value| kind.as_text().is_some_and(|kind| kind == "null");
            let (null, other): (Vec<&Value>, Vec<&Value>) =
                kinds.iter().partition(|kind| named(kind));
            match other.as_slice() {
                [Value::Text(kind)] => Ok((kind.as_str(), is_nullable || !null.is_empty())),
                _ => Err("it has several types"),
            }
        }
        Some(_) => Err(NO_TYPE),
        None => inferred(schema)
            .map(|kind| (kind, is_nullable))
            .ok_or(NO_TYPE),
    }
}

/// Returns the type of a schema that does not say it, and has values or members of one type.
fn inferred(schema: &Record) -> Option<&'static str> {
    if schema.get("properties").is_some() {
        return Some("object");
    }
    let values = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::List(values)), _) if !values.is_empty() => values.as_slice(),
        (None, Some(value)) => std::slice::from_ref(value),
        _ => return None,
    };
    let all = |is_kind: fn(&Value) -> bool| values.iter().all(is_kind);
    if all(|value| matches!(value, Value::Text(_))) {
        Some("string")
    } else if all(|value| matches!(value, Value::Bool(_))) {
        Some("boolean")
    } else {
        None
    }
}

/// Returns a value that the schema of a string lists.
fn example(schema: &Record) -> Option<String> {
    let listed = schema.get("enum").and_then(Value::as_list);
    let first = listed
        .and_then(<[Value]>::first)
        .or_else(|| schema.get("const"));
    first.and_then(Value::as_text).map(ToString::to_string)
}

impl ArgumentType {
    /// Returns the type as the schema has it, its further lines indented by `margin`.
    pub(super) fn cedar(&self, margin: &str) -> String {
        match self {
            Self::Bool => "Bool".to_owned(),
            Self::Long => "Long".to_owned(),
            Self::Decimal => "decimal".to_owned(),
            Self::Text(_) => "String".to_owned(),
            Self::Set(item) => format!("Set<{}>", item.cedar(margin)),
            Self::Members(members) => members.cedar(margin),
        }
    }

    /// Returns a value of the type, as it stands in a case.
    fn sample(&self) -> String {
        match self {
            Self::Bool => "true".to_owned(),
            Self::Long => "1".to_owned(),
            Self::Decimal => "1.5".to_owned(),
            Self::Text(value) => quoting::yaml_string(value.as_deref().unwrap_or("text")),
            Self::Set(item) => format!("[{}]", item.sample()),
            Self::Members(members) => members.sample(),
        }
    }
}

impl ArgumentMembers {
    /// Returns whether a call may come without any of them.
    pub(super) fn are_optional(&self) -> bool {
        !self.typed.iter().any(|member| member.is_required)
    }

    /// Returns the record type, with a comment for each member that is left out.
    pub(super) fn cedar(&self, margin: &str) -> String {
        let inner = format!("{margin}  ");
        let mut out = String::from("{\n");
        for member in &self.typed {
            let mark = if member.is_required { "" } else { "?" };
            let name = quoting::cedar_member(&member.name);
            let kind = member.kind.cedar(&inner);
            // Writing into a string cannot fail.
            let _ = writeln!(out, "{inner}{name}{mark}: {kind},");
        }
        for (name, why) in &self.left_out {
            let name = quoting::comment(name);
            let _ = writeln!(out, "{inner}// `{name}` is left out: {why}");
        }
        out.push_str(margin);
        out.push('}');
        out
    }

    /// Returns an object with every required member, as it stands in a case.
    pub(super) fn sample(&self) -> String {
        let required = self.typed.iter().filter(|member| member.is_required);
        let members: Vec<String> = required
            .map(|member| {
                let name = quoting::yaml_string(&member.name);
                format!("{name}: {}", member.kind.sample())
            })
            .collect();
        if members.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{ {} }}", members.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    fn typed(schema: &str) -> String {
        let input = format!("{{\"properties\": {{\"a\": {schema}}}, \"required\": [\"a\"]}}");
        let input = read_object(input.as_bytes(), 64).unwrap();
        let text = of_input(&input).cedar("");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_type_of_json_schema_has_one_of_cedar_or_says_why_not() {
        for (schema, cedar) in [
            (r#"{"type": "string"}"#, "{ a: String, }"),
            (r#"{"type": "integer"}"#, "{ a: Long, }"),
            (r#"{"type": "number"}"#, "{ a: decimal, }"),
            (r#"{"type": "boolean"}"#, "{ a: Bool, }"),
            (r#"{"enum": ["x", "y"]}"#, "{ a: String, }"),
            (r#"{"const": true}"#, "{ a: Bool, }"),
            (r#"{"type": ["string", "null"]}"#, "{ a?: String, }"),
            (
                r#"{"anyOf": [{"type": "integer"}, {"type": "null"}]}"#,
                "{ a?: Long, }",
            ),
            (
                r#"{"type": "array", "items": {"type": "string"}}"#,
                "{ a: Set<String>, }",
            ),
            (
                r#"{"type": "object", "properties": {"in": {"type": "string"}}}"#,
                "{ a: { \"in\"?: String, }, }",
            ),
            (r#"{}"#, "{ // `a` is left out: it has no single type }"),
            (r#"true"#, "{ // `a` is left out: it has no single type }"),
            (
                r#"{"anyOf": [{"type": "integer"}, {"type": "string"}]}"#,
                "{ // `a` is left out: it has alternatives }",
            ),
            (
                r#"{"type": ["integer", "string"]}"#,
                "{ // `a` is left out: it has several types }",
            ),
            (
                r#"{"type": "array"}"#,
                "{ // `a` is left out: its items have no type }",
            ),
            (
                r#"{"type": "object"}"#,
                "{ // `a` is left out: it is an object whose members have no types }",
            ),
            (
                r##"{"$ref": "#/properties/a"}"##,
                "{ // `a` is left out: its definitions go on and on }",
            ),
            (
                r##"{"$ref": "#/$defs/b"}"##,
                "{ // `a` is left out: its `$ref` leads nowhere }",
            ),
        ] {
            assert_eq!(typed(schema), cedar, "{schema}");
        }
    }

    #[test]
    fn an_input_that_is_described_elsewhere_has_those_arguments() {
        let nulls = vec![r#"{"type": "null"}"#; MAX_ALTERNATIVES].join(",");
        let many = format!(r##"{{"anyOf": [{nulls}, {{"$ref": "#/$defs/a"}}]}}"##);
        let name = "n".repeat(MAX_NAME + 1);
        let long = format!(r#"{{"properties": {{"{name}": {{"type": "string"}}}}}}"#);
        let of_defs = r##"{"$ref": "#/$defs/a",
            "$defs": {"a": {"properties": {"x": {"const": "1"}}}}}"##;
        for (input, told) in [
            (of_defs, ""),
            (r#"{"allOf": [{"properties": {"x": {"const": "1"}}}]}"#, ""),
            (
                r#"{"oneOf": [{"properties": {}}, {"properties": {}}]}"#,
                "has alternatives",
            ),
            (&many, "too many alternatives"),
            (&long, "name is too long"),
        ] {
            let input = read_object(input.as_bytes(), 64).unwrap();
            let members = of_input(&input);
            if told.is_empty() {
                let names: Vec<_> = members.typed.iter().map(|member| &member.name).collect();
                assert_eq!(names, ["x"]);
            } else {
                let why = members.left_out[0].1;
                assert!(members.typed.is_empty() && why.contains(told), "{why}");
            }
        }
    }

    #[test]
    fn a_reference_is_followed_and_one_that_grows_is_bounded() {
        let input = read_object(
            br##"{
                "$defs": {
                    "kind": {"enum": ["x"]},
                    "tree": {"type": "object", "properties": {
                        "v": {"type": "string"},
                        "l": {"$ref": "#/$defs/tree"}, "r": {"$ref": "#/$defs/tree"},
                        "s": {"$ref": "#/$defs/tree"}, "t": {"$ref": "#/$defs/tree"}
                    }}
                },
                "properties": {"k": {"$ref": "#/$defs/kind"}, "t": {"$ref": "#/$defs/tree"}},
                "required": ["k"]
            }"##,
            64,
        )
        .unwrap();
        let members = of_input(&input);
        assert_eq!(members.sample(), r#"{ "k": "x" }"#);
        let lines = members.cedar("").lines().count();
        assert!(lines > 100 && lines < 3 * MAX_MEMBERS, "{lines}");
    }
}
