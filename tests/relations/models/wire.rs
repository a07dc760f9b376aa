//! The size of a model is that of its protobuf message, which is written here.

use super::ast::{Ast, Body, Form, Param};
use super::make::make;
use behest::relations::model::{AuthorizationModel, MAX_MODEL_BYTES};
use support::seed::seed;

/// Appends a field that has a length: its number, the length, its bytes.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push((number << 3) | 2);
    let mut left = bytes.len();
    let low = |left: usize| u8::try_from(left & 0x7f).unwrap();
    while left >= 0x80 {
        out.push(0x80 | low(left));
        left >>= 7;
    }
    out.push(low(left));
    out.extend(bytes);
}

/// The same, for a string, which is not there where it is empty.
fn text(out: &mut Vec<u8>, number: u8, text: &str) {
    if !text.is_empty() {
        field(out, number, text.as_bytes());
    }
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, key.as_bytes());
    field(&mut out, 2, value);
    out
}

fn reference(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 2, name);
    out
}

fn userset(body: &Body) -> Vec<u8> {
    let mut out = Vec::new();
    let all = |parts: &[Body]| {
        let mut children = Vec::new();
        for part in parts {
            field(&mut children, 1, &userset(part));
        }
        children
    };
    match body {
        Body::Direct => field(&mut out, 1, &[]),
        Body::Named(name) => field(&mut out, 2, &reference(name)),
        Body::From { computed, tupleset } => {
            let mut arrow = Vec::new();
            field(&mut arrow, 1, &reference(tupleset));
            field(&mut arrow, 2, &reference(computed));
            field(&mut out, 3, &arrow);
        }
        Body::Or(parts) => field(&mut out, 4, &all(parts)),
        Body::And(parts) => field(&mut out, 5, &all(parts)),
        Body::ButNot(parts) => {
            let mut difference = Vec::new();
            field(&mut difference, 1, &userset(&parts[0]));
            field(&mut difference, 2, &userset(&parts[1]));
            field(&mut out, 6, &difference);
        }
    }
    out
}

fn parameter(ty: &Param) -> Vec<u8> {
    // An enum: its number in OpenFGA's list, none of which is 0.
    let mut out = vec![1 << 3, 1];
    if let Param::List(of) | Param::Map(of) = ty {
        field(&mut out, 2, &parameter(of));
    }
    out
}

fn message(ast: &Ast) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, &[b'0'; 26]);
    text(&mut out, 2, ast.schema);
    for kind in &ast.kinds {
        let mut written = Vec::new();
        text(&mut written, 1, &kind.name);
        let mut metadata = Vec::new();
        for relation in &kind.relations {
            field(
                &mut written,
                2,
                &entry(&relation.name, &userset(&relation.body)),
            );
            let mut about = Vec::new();
            for allowed in &relation.allowed {
                let mut one = Vec::new();
                text(&mut one, 1, &allowed.kind);
                match &allowed.form {
                    Form::One => {}
                    Form::Everyone => field(&mut one, 3, &[]),
                    Form::Set(name) => text(&mut one, 2, name),
                }
                text(
                    &mut one,
                    4,
                    allowed.condition.as_deref().unwrap_or_default(),
                );
                field(&mut about, 1, &one);
            }
            field(&mut metadata, 1, &entry(&relation.name, &about));
        }
        if !metadata.is_empty() {
            field(&mut written, 3, &metadata);
        }
        field(&mut out, 3, &written);
    }
    for condition in &ast.conditions {
        let mut written = Vec::new();
        text(&mut written, 1, &condition.name);
        text(&mut written, 2, &condition.expression);
        for (name, ty) in &condition.parameters {
            field(&mut written, 3, &entry(name, &parameter(ty)));
        }
        field(&mut out, 4, &entry(&condition.name, &written));
    }
    out
}

#[test]
fn the_size_of_a_model_is_that_of_its_message() {
    let first = seed(40_000);
    for seed in first..first + 100 {
        let mut ast = make(seed);
        let mut padded = super::naive::condition("padded");
        padded.expression = " ".repeat(MAX_MODEL_BYTES);
        ast.conditions.push(padded);
        let bytes = message(&ast).len();
        let said = AuthorizationModel::new(ast.definition(None)).unwrap_err();
        let wanted = format!("the model has {bytes} bytes, and {MAX_MODEL_BYTES} are allowed");
        assert_eq!(said.to_string(), wanted, "seed {seed}");
        // As many as are allowed are; the expression alone is still too long.
        let more = bytes - MAX_MODEL_BYTES;
        for (less, fits) in [(more, true), (more - 1, false)] {
            let expression = &mut ast.conditions.last_mut().unwrap().expression;
            *expression = " ".repeat(MAX_MODEL_BYTES - less);
            let said = AuthorizationModel::new(ast.definition(None)).unwrap_err();
            let is_large = said.to_string().contains("the model has");
            assert_eq!(is_large, !fits, "seed {seed}: {said}");
        }
    }
}
