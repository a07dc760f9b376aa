//! Parses declarations: the header, types, relations, conditions.

use super::super::definition::{
    ConditionDefinition, ModelDefinition, ModuleOrigin, RelationDefinition, SchemaVersion,
    TypeDefinition,
};
use super::super::source::{Element, ElementPlaces, ModelFile};
use super::body;
use super::lexer::{DslToken, DslTokenKind, Lexer};
use super::relation::{self, Cursor};
use crate::model::{Place, Problem};
use crate::relations::condition::ParameterType;
use smol_str::SmolStr;

/// The content of one parsed file.
#[derive(Debug)]
pub(in super::super) struct ParsedModel {
    pub(in super::super) header: Header,
    pub(in super::super) definition: ModelDefinition,
    /// The indexes in `definition.types` of the types that were written as `extend type`.
    pub(in super::super) extended: Vec<usize>,
    pub(in super::super) places: ElementPlaces,
    /// Second declarations of elements that are already declared.
    pub(in super::super) duplicates: Vec<(Element, Place)>,
}

/// The header with which a file begins.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Header {
    Model,
    Module(SmolStr),
}

/// A mistake that ends its line. It is boxed, because a problem is larger than the parsed values.
#[derive(Debug)]
pub(super) struct Mistake(pub(super) Box<Problem>);

pub(super) type Parse<T> = Result<T, Mistake>;

pub(super) struct Parser<'a> {
    file: ModelFile<'a>,
    lexer: Lexer<'a>,
    current: DslToken<'a>,
    parsed: ParsedModel,
    problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(file: ModelFile<'a>) -> Self {
        let mut lexer = Lexer::new(file.text.strip_prefix('\u{feff}').unwrap_or(file.text));
        let current = lexer.next();
        let parsed = ParsedModel {
            header: Header::Model,
            definition: ModelDefinition::default(),
            extended: Vec::new(),
            places: ElementPlaces::default(),
            duplicates: Vec::new(),
        };
        Self {
            file,
            lexer,
            current,
            parsed,
            problems: Vec::new(),
        }
    }

    /// Parses the whole text and continues after mistakes.
    pub(super) fn parse(mut self) -> (ParsedModel, Vec<Problem>) {
        self.skip_lines();
        if let Err(problem) = self.header() {
            self.recover(problem);
        }
        loop {
            self.skip_lines();
            if self.current.kind == DslTokenKind::End {
                self.note_namespaced();
                return (self.parsed, self.problems);
            }
            if let Err(problem) = self.declaration() {
                self.recover(problem);
            }
        }
    }

    /// Reports a name that is written as in Cedar, once however many such names there are.
    fn note_namespaced(&mut self) {
        let Some(token) = self.lexer.namespaced() else {
            return;
        };
        let DslTokenKind::Word(name) = token.kind else {
            return;
        };
        let message = format!("`{name}` is written as in Cedar, and a relation model has no `::`");
        let help = format!(
            "write `{}`, here and wherever a name has `::`",
            name.replace("::", "/")
        );
        let Mistake(problem) = self.problem_at(token, message, &help);
        self.problems.insert(0, *problem);
    }

    fn header(&mut self) -> Parse<()> {
        match self.current.kind {
            DslTokenKind::Word("model") => {
                self.advance();
                self.skip_lines();
                self.keyword("schema", "write `schema 1.1` below `model`")?;
                let token = self.current;
                let version = self.word(
                    "the version of the schema",
                    "write `schema 1.1` or `schema 1.2`",
                )?;
                self.parsed.definition.schema = SchemaVersion::parse(version).ok_or_else(|| {
                    self.problem_at(
                        token,
                        format!("there is no schema `{version}`"),
                        "write `schema 1.1` or `schema 1.2`",
                    )
                })?;
            }
            DslTokenKind::Word("module") => {
                self.advance();
                let name = self.word("the name of the module", "write `module core`")?;
                self.parsed.header = Header::Module(name.into());
                self.parsed.definition.schema = SchemaVersion::V1_2;
            }
            _ => {
                let help = "begin with `model` and, on the next line, `schema 1.1`; \
                    or with `module` and a name";
                return Err(self.unexpected("`model` or `module`", help));
            }
        }
        self.end_of_line()
    }

    fn declaration(&mut self) -> Parse<()> {
        match self.current.kind {
            DslTokenKind::Word("type") => self.type_definition(false),
            DslTokenKind::Word("extend") => {
                let extend = self.current;
                if self.parsed.header == Header::Model {
                    let help =
                        "only a module extends a type of another: begin with `module` and a name";
                    return Err(self.problem_at(
                        extend,
                        "a model has nothing to extend".to_owned(),
                        help,
                    ));
                }
                self.advance();
                match self.current.kind {
                    DslTokenKind::Word("type") => self.type_definition(true),
                    _ => Err(self.unexpected(
                        "`type`",
                        "write `extend type` and the name of a type of another module",
                    )),
                }
            }
            DslTokenKind::Word("condition") => self.condition(),
            DslTokenKind::Word("define") => {
                let help = "relations stand below `type NAME` and `relations`";
                Err(self.problem_at(
                    self.current,
                    "`define` stands outside of a type".to_owned(),
                    help,
                ))
            }
            _ => Err(self.unexpected(
                "`type` or `condition`",
                "a line begins with `type`, `relations`, `define` or `condition`",
            )),
        }
    }

    fn type_definition(&mut self, extended: bool) -> Parse<()> {
        self.advance();
        let name_token = self.current;
        let name: SmolStr = self
            .word("the name of the type", "write `type document`")?
            .into();
        self.end_of_line()?;
        let origin = self.origin();
        let mut definition = TypeDefinition {
            name: name.clone(),
            relations: Vec::new(),
            origin,
        };
        if !extended {
            self.note(Element::Type(name), name_token);
        }
        self.skip_lines();
        if let DslTokenKind::Word("relations") = self.current.kind {
            self.advance();
            if let Err(problem) = self.end_of_line() {
                self.recover(problem);
            }
            self.relations(&mut definition);
        }
        if extended {
            self.parsed
                .extended
                .push(self.parsed.definition.types.len());
        }
        self.parsed.definition.types.push(definition);
        Ok(())
    }

    fn relations(&mut self, definition: &mut TypeDefinition) {
        let found_before = self.problems.len();
        loop {
            self.skip_lines();
            let DslTokenKind::Word("define") = self.current.kind else {
                break;
            };
            match self.relation(&definition.name) {
                Ok(relation) => definition.relations.push(relation),
                Err(problem) => self.recover(problem),
            }
        }
        if definition.relations.is_empty() && self.problems.len() == found_before {
            let problem = self.unexpected(
                "`define`",
                "define a relation, as in `define viewer: [user]`, or remove `relations`",
            );
            self.problems.push(*problem.0);
        }
    }

    fn relation(&mut self, kind: &SmolStr) -> Parse<RelationDefinition> {
        self.advance();
        let name_token = self.current;
        let name: SmolStr = self
            .word("the name of the relation", "write `define viewer: [user]`")?
            .into();
        self.mark(':', "write `define viewer: [user]`")?;
        self.note(Element::Relation(kind.clone(), name.clone()), name_token);
        let (rewrite, restrictions) = relation::read(self)?;
        self.end_of_line()?;
        Ok(RelationDefinition {
            name,
            rewrite,
            restrictions,
            origin: ModuleOrigin::default(),
        })
    }

    fn condition(&mut self) -> Parse<()> {
        const SHAPE: &str = "write `condition in_hours(now: timestamp) { … }`";
        self.advance();
        let name_token = self.current;
        let name: SmolStr = self.word("the name of the condition", SHAPE)?.into();
        self.mark('(', SHAPE)?;
        let mut parameters = Vec::new();
        self.skip_lines();
        while self.current.kind != DslTokenKind::Mark(')') {
            let parameter = self.word("the name of a parameter", SHAPE)?.into();
            self.mark(
                ':',
                "write the parameter with its type, as in `now: timestamp`",
            )?;
            parameters.push((parameter, self.parameter_type()?));
            self.skip_lines();
            if self.current.kind == DslTokenKind::Mark(',') {
                self.advance();
                self.skip_lines();
            } else if self.current.kind != DslTokenKind::Mark(')') {
                return Err(self.unexpected("`,` or `)`", SHAPE));
            }
        }
        self.advance();
        if self.current.kind != DslTokenKind::Mark('{') {
            return Err(self.unexpected("`{`", "write the expression between `{` and `}`"));
        }
        let brace = self.current;
        let Some((expression, bytes)) = body::read(self.lexer.rest()) else {
            // All that follows belongs to the condition's body.
            self.lexer.skip(usize::MAX);
            return Err(self.problem_at(
                brace,
                "this `{` is never closed".to_owned(),
                "end the condition with `}`",
            ));
        };
        self.lexer.skip(bytes);
        self.advance();
        self.note(Element::Condition(name.clone()), name_token);
        let origin = self.origin();
        self.parsed.definition.conditions.push(ConditionDefinition {
            name,
            expression,
            parameters,
            origin,
        });
        self.end_of_line()
    }

    fn parameter_type(&mut self) -> Parse<ParameterType> {
        const TYPES: &str = "a parameter is `any`, `bool`, `string`, `int`, `uint`, `double`, \
            `duration`, `timestamp`, `ipaddress`, `list<…>` or `map<…>`";
        let token = self.current;
        let name = self.word("the type of the parameter", TYPES)?;
        if let Some(scalar) = ParameterType::scalar(name) {
            return Ok(scalar);
        }
        let wrap = match name {
            "list" => ParameterType::List,
            "map" => ParameterType::Map,
            _ => return Err(self.problem_at(token, format!("there is no type `{name}`"), TYPES)),
        };
        self.mark('<', "say what it holds, as in `list<string>`")?;
        let token = self.current;
        let element = self.word("the type of the elements", TYPES)?;
        let element = ParameterType::scalar(element).ok_or_else(|| {
            self.problem_at(
                token,
                format!("a `{name}` cannot hold `{element}`"),
                "use `any` for what is nested deeper",
            )
        })?;
        self.mark('>', "close it, as in `list<string>`")?;
        Ok(wrap(Box::new(element)))
    }

    /// Returns the module and the file of an element of a module; a model has no origin.
    fn origin(&self) -> ModuleOrigin {
        match &self.parsed.header {
            Header::Model => ModuleOrigin::default(),
            Header::Module(name) => ModuleOrigin {
                module: Some(name.clone()),
                file: Some(self.file.name.into()),
            },
        }
    }

    fn note(&mut self, element: Element, token: DslToken<'_>) {
        let place = self.place(token);
        if self
            .parsed
            .places
            .note(element.clone(), place.clone())
            .is_some()
        {
            self.parsed.duplicates.push((element, place));
        }
    }

    fn keyword(&mut self, keyword: &'static str, help: &str) -> Parse<()> {
        if self.current.kind == DslTokenKind::Word(keyword) {
            self.advance();
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{keyword}`"), help))
        }
    }

    fn end_of_line(&mut self) -> Parse<()> {
        match self.current.kind {
            DslTokenKind::Line | DslTokenKind::End => Ok(()),
            _ => Err(self.unexpected(
                "the end of the line",
                "begin a new line for the next declaration",
            )),
        }
    }

    /// Reports a mistake and continues at the next line.
    fn recover(&mut self, mistake: Mistake) {
        self.problems.push(*mistake.0);
        while !matches!(self.current.kind, DslTokenKind::Line | DslTokenKind::End) {
            self.advance();
        }
    }

    fn skip_lines(&mut self) {
        while self.current.kind == DslTokenKind::Line {
            self.advance();
        }
    }

    fn place(&self, token: DslToken<'_>) -> Place {
        let skipped = self.file.text.len()
            - self
                .file
                .text
                .strip_prefix('\u{feff}')
                .unwrap_or(self.file.text)
                .len();
        self.file.place(token.offset + skipped, token.len)
    }
}

impl<'a> Cursor<'a> for Parser<'a> {
    fn current(&self) -> DslToken<'a> {
        self.current
    }

    fn advance(&mut self) {
        self.current = self.lexer.next();
    }

    fn problem_at(&self, token: DslToken<'_>, message: String, help: &str) -> Mistake {
        Mistake(Box::new(
            Problem::new(message).at(self.place(token)).help(help),
        ))
    }
}
