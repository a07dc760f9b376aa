//! Reads and writes OpenFGA's modelling language, schema 1.1 and 1.2, with a parser written by
//! hand.
//!
//! **Problem.** OpenFGA's only grammar is written for ANTLR and serves other languages; and model
//! authors want every mistake reported at once, each with its line. **Decision.** Each declaration
//! has a line of its own, so after a mistake the parser skips the rest of the line and continues
//! with the next. Within brackets, line ends do not matter. **Trade-off.** Where the ANTLR grammar
//! requires exactly one blank, this parser accepts any number.

mod body;
mod lexer;
mod parser;
mod relation;
mod write;

pub use write::{InexpressibleError, to_dsl};

pub(super) use parser::{Header, ParsedModel};

use super::error::{ModelRefusal, RefusalCode};
use super::source::{Element, ModelFile, ModelSource};
use crate::model::{Place, Problem, Problems};

/// Maximum length in bytes of a DSL text. A model within the limit of 256 KiB as a protobuf message
/// is never longer than this in DSL, comments aside.
pub const MAX_DSL_BYTES: usize = 1024 * 1024;

/// Reads a model from one text that begins with `model`.
pub fn read_dsl(file: ModelFile<'_>) -> Result<ModelSource, ModelRefusal> {
    let parsed = parse(file)?;
    if parsed.header != Header::Model {
        return Err(refuse(vec![
            Problem::new("a module is a part of a model")
                .at(file.place(0, "module".len()))
                .help(
                    "read it together with the other modules, or begin with \
                     `model` and `schema 1.1`",
                ),
        ]));
    }
    let twice: Vec<_> = parsed
        .duplicates
        .iter()
        .map(|(element, place)| {
            defined_twice(element, place.clone(), parsed.places.of(element).cloned())
        })
        .collect();
    if twice.is_empty() {
        Ok(ModelSource {
            definition: parsed.definition,
            places: parsed.places,
        })
    } else {
        Err(refuse(twice))
    }
}

/// Returns the problem that an element of the model is declared twice.
pub(super) fn defined_twice(element: &Element, place: Place, first: Option<Place>) -> Problem {
    let mut problem = Problem::new(format!("{element} is defined twice"))
        .at(place)
        .help("remove one, or give it another name");
    if let Some(first) = first {
        problem = problem.and_at(first);
    }
    problem
}

/// Parses one file, model or module, without refusing duplicates or checking anything that concerns
/// the whole model.
pub(super) fn parse(file: ModelFile<'_>) -> Result<ParsedModel, ModelRefusal> {
    if file.text.len() > MAX_DSL_BYTES {
        return Err(ModelRefusal::new(
            RefusalCode::ExceededEntityLimit,
            Problem::new(format!("the text has more than {MAX_DSL_BYTES} bytes"))
                .at(file.place(0, 0))
                .help("a model can have 256 KiB; split it, or remove what is not used"),
        ));
    }
    let (parsed, problems) = parser::Parser::new(file).parse();
    if problems.is_empty() {
        Ok(parsed)
    } else {
        Err(refuse(problems))
    }
}

pub(super) fn refuse(problems: Vec<Problem>) -> ModelRefusal {
    ModelRefusal {
        code: RefusalCode::InvalidAuthorizationModel,
        problems: Problems(problems),
    }
}

#[cfg(test)]
mod tests;
