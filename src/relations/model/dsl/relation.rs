//! Parses the right side of `define`: who is in a relation.
//!
//! The direct part, `[…]`, comes first and at most once. Operators cannot be mixed without
//! parentheses, so no reader has to know which binds tighter.

use super::super::definition::{Restriction, RestrictionForm, Rewrite};
use super::lexer::{DslToken, DslTokenKind};
use super::parser::{Mistake, Parse};

/// Maximum nesting of parentheses: one less than the maximum nesting of operators in a relation.
const MAX_DEPTH: usize = super::super::definition::MAX_REWRITE_DEPTH - 1;

/// A stream of tokens with one token of lookahead.
pub(super) trait Cursor<'a> {
    /// Returns the current token.
    fn current(&self) -> DslToken<'a>;

    /// Moves to the next token.
    fn advance(&mut self);

    /// Reports a problem with a token.
    fn problem_at(&self, token: DslToken<'_>, message: String, help: &str) -> Mistake;

    /// Reports that the current token is not the expected one.
    fn unexpected(&self, wanted: &str, help: &str) -> Mistake {
        let token = self.current();
        self.problem_at(
            token,
            format!("expected {wanted}, found {}", token.kind.describe()),
            help,
        )
    }

    /// Reads a word.
    fn word(&mut self, wanted: &str, help: &str) -> Parse<&'a str> {
        let DslTokenKind::Word(word) = self.current().kind else {
            return Err(self.unexpected(wanted, help));
        };
        self.advance();
        Ok(word)
    }

    /// Reads a mark.
    fn mark(&mut self, mark: char, help: &str) -> Parse<()> {
        if self.current().kind != DslTokenKind::Mark(mark) {
            return Err(self.unexpected(&format!("`{mark}`"), help));
        }
        self.advance();
        Ok(())
    }

    /// Skips line ends, which mean nothing within brackets.
    fn skip_line_ends(&mut self) {
        while self.current().kind == DslTokenKind::Line {
            self.advance();
        }
    }
}

/// Parses the rewrite of a relation and its type restrictions.
pub(super) fn read<'a>(cursor: &mut impl Cursor<'a>) -> Parse<(Rewrite, Vec<Restriction>)> {
    let mut restrictions = Vec::new();
    let rewrite = expression(cursor, &mut restrictions, true, 0)?;
    Ok((rewrite, restrictions))
}

/// Parses operands joined by one operator. A direct part is allowed only if `leftmost`.
fn expression<'a>(
    cursor: &mut impl Cursor<'a>,
    restrictions: &mut Vec<Restriction>,
    leftmost: bool,
    depth: usize,
) -> Parse<Rewrite> {
    let first = operand(cursor, restrictions, leftmost, depth)?;
    let Some(operator) = operator(cursor)? else {
        return Ok(first);
    };
    let mut operands = vec![first];
    loop {
        operands.push(operand(cursor, restrictions, false, depth)?);
        let token = cursor.current();
        match self::operator(cursor)? {
            None => break,
            Some(next) if next == operator && operator != Operator::ButNot => {}
            Some(next) => {
                let help =
                    "put one of them in parentheses, as in `(a or b) and c`: nothing binds tighter";
                return Err(cursor.problem_at(
                    token,
                    format!("`{next}` follows `{operator}` without parentheses"),
                    help,
                ));
            }
        }
    }
    Ok(match operator {
        Operator::Or => Rewrite::Union(operands),
        Operator::And => Rewrite::Intersection(operands),
        Operator::ButNot => {
            let mut operands = operands.into_iter().map(Box::new);
            match (operands.next(), operands.next()) {
                (Some(base), Some(subtract)) => Rewrite::Difference { base, subtract },
                _ => return Err(cursor.unexpected("a relation", "write `a but not b`")),
            }
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    ButNot,
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Or => "or",
            Self::And => "and",
            Self::ButNot => "but not",
        })
    }
}

fn operator<'a>(cursor: &mut impl Cursor<'a>) -> Parse<Option<Operator>> {
    let operator = match cursor.current().kind {
        DslTokenKind::Word("or") => Operator::Or,
        DslTokenKind::Word("and") => Operator::And,
        DslTokenKind::Word("but") => {
            cursor.advance();
            if cursor.current().kind != DslTokenKind::Word("not") {
                return Err(cursor.unexpected("`not`", "write `a but not b`"));
            }
            Operator::ButNot
        }
        _ => return Ok(None),
    };
    cursor.advance();
    Ok(Some(operator))
}

fn operand<'a>(
    cursor: &mut impl Cursor<'a>,
    restrictions: &mut Vec<Restriction>,
    leftmost: bool,
    depth: usize,
) -> Parse<Rewrite> {
    let token = cursor.current();
    match token.kind {
        DslTokenKind::Mark('[') if leftmost => direct(cursor, restrictions),
        DslTokenKind::Mark('[') => {
            let help = "write the direct part once, before everything else: `[user] or editor`";
            Err(cursor.problem_at(token, "`[` stands behind another part".to_owned(), help))
        }
        DslTokenKind::Mark('(') if depth >= MAX_DEPTH => {
            let help = "give a part a name of its own, as another relation";
            Err(cursor.problem_at(
                token,
                format!("parentheses are nested more than {MAX_DEPTH} deep"),
                help,
            ))
        }
        DslTokenKind::Mark('(') => {
            cursor.advance();
            cursor.skip_line_ends();
            let inner = expression(cursor, restrictions, leftmost, depth + 1)?;
            cursor.skip_line_ends();
            cursor.mark(')', "close the parenthesis")?;
            Ok(inner)
        }
        _ => {
            let help = "name a relation, as in `editor` or `viewer from parent`, \
                or types in brackets: `[user]`";
            let name = cursor.word("a relation", help)?;
            if cursor.current().kind != DslTokenKind::Word("from") {
                return Ok(Rewrite::Computed(name.into()));
            }
            cursor.advance();
            let tupleset = cursor.word(
                "the relation that leads there",
                "write `viewer from parent`",
            )?;
            Ok(Rewrite::FromTupleset {
                tupleset: tupleset.into(),
                computed: name.into(),
            })
        }
    }
}

fn direct<'a>(cursor: &mut impl Cursor<'a>, restrictions: &mut Vec<Restriction>) -> Parse<Rewrite> {
    cursor.advance();
    cursor.skip_line_ends();
    loop {
        restrictions.push(restriction(cursor)?);
        cursor.skip_line_ends();
        if cursor.current().kind != DslTokenKind::Mark(',') {
            cursor.mark(']', "part types by `,` and end them with `]`")?;
            return Ok(Rewrite::This);
        }
        cursor.advance();
        cursor.skip_line_ends();
    }
}

fn restriction<'a>(cursor: &mut impl Cursor<'a>) -> Parse<Restriction> {
    const SHAPE: &str =
        "name a type: `user`, `user:*` or `team#member`, `with` a condition or without";
    let kind = cursor.word("a type", SHAPE)?.into();
    let form = match cursor.current().kind {
        DslTokenKind::Mark(':') => {
            cursor.advance();
            cursor.mark(
                '*',
                "after a type and a colon stands `*`: everyone of that type",
            )?;
            RestrictionForm::Wildcard
        }
        DslTokenKind::Mark('#') => {
            cursor.advance();
            RestrictionForm::Userset(
                cursor
                    .word(
                        "a relation",
                        "write the relation behind `#`, as in `team#member`",
                    )?
                    .into(),
            )
        }
        _ => RestrictionForm::Object,
    };
    let condition = match cursor.current().kind {
        DslTokenKind::Word("with") => {
            cursor.advance();
            Some(
                cursor
                    .word("the name of a condition", "write `[user with in_hours]`")?
                    .into(),
            )
        }
        _ => None,
    };
    Ok(Restriction {
        kind,
        form,
        condition,
    })
}
