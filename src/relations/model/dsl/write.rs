//! Writes a model as DSL, laid out as OpenFGA's tools do.

use super::super::definition::{
    ConditionDefinition, ModelDefinition, RelationDefinition, Restriction, RestrictionForm, Rewrite,
};
use super::super::source::Element;
use super::{body, lexer};
use smol_str::SmolStr;
use std::fmt::Write as _;

/// The part of a model that JSON can express and the DSL cannot.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InexpressibleError {
    /// A name holds a character that names in DSL cannot have.
    #[error("the name `{0}` cannot be written in DSL; use letters, digits, `_`, `-`, `.` and `/`")]
    Name(SmolStr),
    /// A direct part (`[…]`) is at a position where the grammar does not allow one.
    #[error(
        "the direct part of relation `{relation}` of `{kind}` cannot be written in DSL; \
         move it to the front, once"
    )]
    Direct {
        /// The type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
    },
    /// The body of a condition does not read back as it was, or lists or maps are nested.
    #[error(
        "{0} cannot be written in DSL; simplify its parameters, or balance the \
         braces of its expression"
    )]
    Condition(String),
}

/// Writes a model as one text; modules are merged.
pub fn to_dsl(model: &ModelDefinition) -> Result<String, InexpressibleError> {
    let mut out = format!("model\n  schema {}\n", model.schema.as_str());
    for definition in &model.types {
        // Writing to a string cannot fail.
        let _ = write!(out, "\ntype {}\n", name(&definition.name)?);
        if !definition.relations.is_empty() {
            out.push_str("  relations\n");
        }
        for relation in &definition.relations {
            let text = relation_text(relation).map_err(|problem| match problem {
                InexpressiblePart::Name(name) => InexpressibleError::Name(name),
                InexpressiblePart::Direct => InexpressibleError::Direct {
                    kind: definition.name.clone(),
                    relation: relation.name.clone(),
                },
            })?;
            let _ = writeln!(out, "    define {}: {text}", name(&relation.name)?);
        }
    }
    for condition in &model.conditions {
        out.push_str(&condition_text(condition)?);
    }
    Ok(out)
}

enum InexpressiblePart {
    Name(SmolStr),
    Direct,
}

fn name(name: &SmolStr) -> Result<&str, InexpressibleError> {
    if is_name(name) {
        Ok(name)
    } else {
        Err(InexpressibleError::Name(name.clone()))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(lexer::is_word)
}

fn relation_text(relation: &RelationDefinition) -> Result<String, InexpressiblePart> {
    let mut out = String::new();
    rewrite(
        &relation.rewrite,
        &relation.restrictions,
        true,
        false,
        &mut out,
    )?;
    Ok(out)
}

/// Writes a rewrite. A direct part may be written only if it is `leftmost`; `nested` says that an
/// operator surrounds the rewrite.
fn rewrite(
    it: &Rewrite,
    restrictions: &[Restriction],
    leftmost: bool,
    nested: bool,
    out: &mut String,
) -> Result<(), InexpressiblePart> {
    let (operator, children) = match it {
        Rewrite::This if leftmost => return direct(restrictions, out),
        Rewrite::This => return Err(InexpressiblePart::Direct),
        Rewrite::Computed(relation) => {
            out.push_str(word(relation)?);
            return Ok(());
        }
        Rewrite::FromTupleset { tupleset, computed } => {
            out.extend([word(computed)?, " from ", word(tupleset)?]);
            return Ok(());
        }
        Rewrite::Union(children) => (" or ", direct_first(children)),
        Rewrite::Intersection(children) => (" and ", direct_first(children)),
        Rewrite::Difference { base, subtract } => {
            (" but not ", vec![base.as_ref(), subtract.as_ref()])
        }
    };
    // A single operand is written without an operator, as if it stood there alone.
    let is_written = children.len() > 1;
    let parentheses = nested && is_written;
    if parentheses {
        out.push('(');
    }
    for (at, child) in children.into_iter().enumerate() {
        if at > 0 {
            out.push_str(operator);
        }
        let nested = nested || is_written;
        rewrite(child, restrictions, leftmost && at == 0, nested, out)?;
    }
    if parentheses {
        out.push(')');
    }
    Ok(())
}

/// Moves the direct part to the front, as the grammar requires. The order of the operands of `or`
/// and `and` has no meaning.
fn direct_first(children: &[Rewrite]) -> Vec<&Rewrite> {
    let (first, others): (Vec<_>, Vec<_>) =
        children.iter().partition(|child| child.is_assignable());
    first.into_iter().chain(others).collect()
}

fn word(name: &SmolStr) -> Result<&str, InexpressiblePart> {
    if is_name(name) {
        Ok(name)
    } else {
        Err(InexpressiblePart::Name(name.clone()))
    }
}

fn direct(restrictions: &[Restriction], out: &mut String) -> Result<(), InexpressiblePart> {
    out.push('[');
    for (at, restriction) in restrictions.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        word(&restriction.kind)?;
        if let RestrictionForm::Userset(relation) = &restriction.form {
            word(relation)?;
        }
        if let Some(condition) = &restriction.condition {
            word(condition)?;
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "{restriction}");
    }
    out.push(']');
    Ok(())
}

fn condition_text(condition: &ConditionDefinition) -> Result<String, InexpressibleError> {
    let closed = format!("{}\n}}", condition.expression);
    let reads_back = body::read(&closed)
        .is_some_and(|(text, bytes)| text == condition.expression && bytes == closed.len());
    if !reads_back || condition.parameters.iter().any(|(_, ty)| ty.depth() > 1) {
        return Err(InexpressibleError::Condition(
            Element::Condition(condition.name.clone()).to_string(),
        ));
    }
    let mut parameters = Vec::with_capacity(condition.parameters.len());
    for (parameter, ty) in &condition.parameters {
        parameters.push(format!("{}: {ty}", name(parameter)?));
    }
    Ok(format!(
        "\ncondition {}({}) {{\n  {}\n}}\n",
        name(&condition.name)?,
        parameters.join(", "),
        condition.expression
    ))
}
