//! The values of a question, as a route says where in the request they stand.
//!
//! A text that begins with `$` is an expression, `$$` is a `$` that is meant, as in AuthZEN's COAZ
//! profile. Its language there is CEL, of which this is the part that selects: its values are known
//! to be texts, and what they select is known when the bundle is loaded.

use super::path::RequestPath;
use super::template::{PathTemplate, is_identifier};
use super::{MappingError, MappingRefusal, OriginalRequest};
use crate::model::{Record, Value};
use smol_str::SmolStr;

/// Headers that carry credentials, which no question may hold as data.
const CREDENTIAL_HEADERS: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "dpop",
    "behest-gateway-key",
];

/// LIMIT: the number of parts of one expression.
const MAX_PARTS: usize = 16;

/// An expression: one or several parts, whose texts are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestExpression {
    parts: Vec<ExpressionPart>,
    is_optional: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ExpressionPart {
    Text(SmolStr),
    Method,
    Path,
    Host,
    PathParameter(SmolStr),
    Query(SmolStr),
    Header(SmolStr),
}

/// What an expression selects from.
pub(super) struct SelectionInput<'a> {
    pub(super) request: &'a OriginalRequest<'a>,
    pub(super) host: &'a SmolStr,
    pub(super) path: &'a RequestPath,
    pub(super) template: &'a PathTemplate,
}

/// A value of which some texts are expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueTemplate {
    /// A value as it is.
    Literal(Value),
    /// An expression.
    Expression(RequestExpression),
    /// An object; a member whose optional expression selects nothing is left out.
    Record(Vec<(SmolStr, ValueTemplate)>),
    /// A list; the same of its items.
    List(Vec<ValueTemplate>),
}

impl RequestExpression {
    /// Reads an expression, without its `$`.
    pub fn read(text: &str) -> Result<Self, MappingError> {
        let refused = || MappingError::Expression(text.into());
        let (mut parts, mut is_optional) = (Vec::new(), false);
        let mut rest = text.trim();
        loop {
            let (part, optional, after) = read_part(rest).ok_or_else(refused)?;
            if let ExpressionPart::Header(name) = &part
                && CREDENTIAL_HEADERS.contains(&name.as_str())
            {
                return Err(MappingError::CredentialHeader(name.clone()));
            }
            parts.push(part);
            is_optional |= optional;
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix('+').ok_or_else(refused)?.trim_start();
            if parts.len() == MAX_PARTS {
                return Err(refused());
            }
        }
        if is_optional && parts.len() > 1 {
            return Err(MappingError::OptionalPart(text.into()));
        }
        Ok(Self { parts, is_optional })
    }

    /// Creates an expression that is always this text.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self {
            parts: vec![ExpressionPart::Text(text.into())],
            is_optional: false,
        }
    }

    /// Returns `true` if it may select nothing.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// Returns the parameters of the path that it selects.
    pub fn path_parameters(&self) -> impl Iterator<Item = &SmolStr> {
        self.parts.iter().filter_map(|part| match part {
            ExpressionPart::PathParameter(name) => Some(name),
            _ => None,
        })
    }

    /// Returns the text; `None` if it is optional and selects nothing.
    pub(super) fn text(
        &self,
        input: &SelectionInput<'_>,
    ) -> Result<Option<SmolStr>, MappingRefusal> {
        let mut text = String::new();
        for part in &self.parts {
            match part.select(input)? {
                Some(selected) => text.push_str(&selected),
                None if self.is_optional => return Ok(None),
                None => return Err(MappingRefusal::Missing(part.name().into())),
            }
        }
        Ok(Some(text.into()))
    }
}

impl ExpressionPart {
    fn select(&self, input: &SelectionInput<'_>) -> Result<Option<SmolStr>, MappingRefusal> {
        Ok(match self {
            Self::Text(text) => Some(text.clone()),
            Self::Method => Some(input.request.method.into()),
            Self::Path => Some(input.path.text().clone()),
            Self::Host => Some(input.host.clone()),
            Self::PathParameter(name) => input.template.value(name, input.path).cloned(),
            Self::Query(name) => input.path.parameter(name)?,
            Self::Header(name) => input.request.header(name)?.map(SmolStr::from),
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Text(_) | Self::Method | Self::Path | Self::Host => "request",
            Self::PathParameter(name) | Self::Query(name) | Self::Header(name) => name,
        }
    }
}

impl ValueTemplate {
    /// Reads a value.
    pub fn read(value: &Value) -> Result<Self, MappingError> {
        Ok(match value {
            Value::Text(text) => match text.strip_prefix('$') {
                None => Self::Literal(value.clone()),
                Some(literal) if literal.starts_with('$') => Self::Literal(Value::text(literal)),
                Some(expression) => Self::Expression(RequestExpression::read(expression)?),
            },
            Value::Record(record) => {
                let members = record.iter().map(|(name, value)| {
                    let template = Self::read(value)?;
                    Ok((name.clone(), template))
                });
                Self::Record(members.collect::<Result<_, MappingError>>()?)
            }
            Value::List(items) => {
                Self::List(items.iter().map(Self::read).collect::<Result<_, _>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Literal(value.clone()),
        })
    }

    /// Returns every expression in it.
    #[must_use]
    pub fn expressions(&self) -> Vec<&RequestExpression> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expression(expression) => vec![expression],
            Self::Record(members) => members
                .iter()
                .flat_map(|(_, it)| it.expressions())
                .collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
        }
    }

    /// Returns the value; `None` if an optional expression selects nothing.
    pub(super) fn value(
        &self,
        input: &SelectionInput<'_>,
    ) -> Result<Option<Value>, MappingRefusal> {
        Ok(Some(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => match expression.text(input)? {
                Some(text) => Value::Text(text),
                None => return Ok(None),
            },
            Self::Record(members) => {
                let mut record = Record::new();
                for (name, template) in members {
                    if let Some(value) = template.value(input)? {
                        record.insert(name.clone(), value);
                    }
                }
                Value::Record(record)
            }
            Self::List(templates) => {
                let mut items = Vec::with_capacity(templates.len());
                for template in templates {
                    items.extend(template.value(input)?);
                }
                Value::List(items)
            }
        }))
    }
}

/// Reads one part: what it selects, whether that may be absent, and what follows.
fn read_part(text: &str) -> Option<(ExpressionPart, bool, &str)> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let (literal, rest) = rest.split_once(quote)?;
            let part = ExpressionPart::Text(literal.into());
            return (!literal.contains('\\')).then_some((part, false, rest));
        }
    }
    let rest = text.strip_prefix("request.")?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let (member, rest) = rest.split_at_checked(end)?;
    let part = match member {
        "method" => ExpressionPart::Method,
        "path" => ExpressionPart::Path,
        "host" => ExpressionPart::Host,
        _ => {
            let (name, is_optional, rest) = read_key(rest)?;
            let part = match member {
                "path_params" if !is_optional => ExpressionPart::PathParameter(name.into()),
                "query" => ExpressionPart::Query(name.into()),
                "headers" => ExpressionPart::Header(name.to_ascii_lowercase().into()),
                _ => return None,
            };
            return Some((part, is_optional, rest));
        }
    };
    Some((part, false, rest))
}

/// Reads `.name`, `.?name`, `["name"]` or `[?"name"]`.
fn read_key(text: &str) -> Option<(&str, bool, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let (is_optional, rest) = rest
            .strip_prefix('?')
            .map_or((false, rest), |rest| (true, rest));
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(end)?;
        return is_identifier(name).then_some((name, is_optional, rest));
    }
    let rest = text.strip_prefix('[')?;
    let (is_optional, rest) = rest
        .strip_prefix('?')
        .map_or((false, rest), |rest| (true, rest));
    let quote = rest
        .chars()
        .next()
        .filter(|quote| ['"', '\''].contains(quote))?;
    let (name, rest) = rest.strip_prefix(quote)?.split_once(quote)?;
    let is_name = !name.is_empty() && !name.contains('\\');
    Some((name, is_optional, rest.strip_prefix(']')?)).filter(|_| is_name)
}
