//! Tests that wrong manifests and merges are refused, with both places.

use super::*;

const CORE: &str = "module core\ntype user\ntype doc\n  relations\n    define owner: [user]\n";

fn files<'a>(files: &[(&'a str, &'a str)]) -> Vec<ModelFile<'a>> {
    files
        .iter()
        .map(|(name, text)| ModelFile { name, text })
        .collect()
}

fn manifest(text: &str, beside: &[(&str, &str)]) -> Result<ModelSource, String> {
    read_modules(
        ModelFile {
            name: "fga.mod",
            text,
        },
        &files(beside),
    )
    .map_err(|refusal| refusal.to_string())
}

fn merged(beside: &[(&str, &str)]) -> Vec<(Place, String, Option<Place>)> {
    let refusal = merge_modules(&files(beside)).unwrap_err();
    refusal
        .problems
        .0
        .into_iter()
        .map(|it| (it.place.unwrap(), it.message, it.also))
        .collect()
}

fn place(file: &str, offset: usize, len: usize) -> Place {
    Place {
        file: file.into(),
        offset,
        len,
    }
}

#[test]
fn a_manifest_names_every_file_once() {
    let core = ("core.fga", CORE);
    assert!(manifest("schema: '1.2'\ncontents:\n  - core.fga\n", &[core]).is_ok());
    for (text, beside, message) in [
        (
            "schema: '1.2'\ncontents: [core.fga, x/y.fga]",
            vec![core],
            "fga.mod: there is no file `x/y.fga`",
        ),
        (
            "schema: '1.2'\ncontents: [core.fga, core.fga]",
            vec![core],
            "fga.mod: `core.fga` is named twice",
        ),
        (
            "schema: '1.2'\ncontents: [core.fga]",
            vec![core, ("more.fga", "module more")],
            "more.fga: `fga.mod` does not name `more.fga`",
        ),
        (
            "schema: '1.1'\ncontents: [core.fga]",
            vec![core],
            "fga.mod: modules have schema 1.2, not `1.1`",
        ),
        (
            "schema: '1.2'\ncontents: [../core.fga]",
            vec![core],
            "fga.mod: `../core.fga` is no module beside `fga.mod`",
        ),
        (
            "schema: '1.2'\ncontents: [/core.fga]",
            vec![core],
            "fga.mod: `/core.fga` is no module beside `fga.mod`",
        ),
        (
            "schema: '1.2'\ncontents: [core.txt]",
            vec![core],
            "fga.mod: `core.txt` is no module beside `fga.mod`",
        ),
        (
            "schema: '1.2'\ncontent: [core.fga]",
            vec![core],
            "fga.mod: `fga.mod` does not say which modules there are",
        ),
        (
            "[",
            vec![core],
            "fga.mod: `fga.mod` does not say which modules there are",
        ),
    ] {
        assert_eq!(manifest(text, &beside).unwrap_err(), message, "{text}");
    }
}

#[test]
fn nothing_is_defined_twice_and_nothing_wins() {
    assert_eq!(
        merged(&[("core.fga", CORE), ("b.fga", "module b\ntype doc\n")]),
        [(
            place("b.fga", 14, 3),
            "type `doc` is defined twice".to_owned(),
            Some(place("core.fga", 27, 3))
        )]
    );
    assert_eq!(
        merged(&[
            ("core.fga", CORE),
            (
                "b.fga",
                "module b\nextend type doc\n  relations\n    define owner: [user]\n"
            )
        ]),
        [(
            place("b.fga", 48, 5),
            "relation `owner` of `doc` is defined twice".to_owned(),
            Some(place("core.fga", 54, 5))
        )]
    );
    assert_eq!(
        merged(&[
            ("a.fga", "module a\ncondition c(x: int) { x > 1 }"),
            ("b.fga", "module b\ncondition c(x: int) { x > 2 }")
        ]),
        [(
            place("b.fga", 19, 1),
            "condition `c` is defined twice".to_owned(),
            Some(place("a.fga", 19, 1))
        )]
    );
    assert_eq!(
        merged(&[("a.fga", "module a\ntype t\ntype t")]),
        [(
            place("a.fga", 21, 1),
            "type `t` is defined twice".to_owned(),
            Some(place("a.fga", 14, 1))
        )]
    );
}

#[test]
fn modules_extend_types_of_others_and_are_no_models() {
    assert_eq!(
        merged(&[
            ("core.fga", CORE),
            (
                "b.fga",
                "module b\nextend type page\n  relations\n    define owner: [user]\n"
            )
        ]),
        [(
            place("b.fga", 49, 5),
            "there is no type `page` to extend".to_owned(),
            None
        )]
    );
    assert_eq!(
        merged(&[("m.fga", "model\n  schema 1.2\ntype user\n")]),
        [(
            place("m.fga", 0, 0),
            "a model of several files is made of modules".to_owned(),
            None
        )]
    );
    // An extension may come before the type that it extends.
    let extension = (
        "b.fga",
        "module b\nextend type doc\n  relations\n    define reader: [user] or owner\n",
    );
    let source = merge_modules(&files(&[extension, ("core.fga", CORE)])).unwrap();
    assert!(super::super::AuthorizationModel::of_source(source).is_ok());
}

#[test]
fn a_module_defines_what_is_declared_elsewhere_and_needed() {
    let declared: BTreeSet<SmolStr> = ["user", "agent", "doc", "tool"]
        .map(SmolStr::new_static)
        .into();
    let text = "module m\nextend type doc\n  relations\n    define reader: [user, doc#reader]\n";
    let added = |model: ModelSource| add_modules(model, &files(&[("m.fga", text)]), &declared);
    let names = |source: &ModelSource| {
        source
            .definition
            .types
            .iter()
            .map(|kind| kind.name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(&added(ModelSource::default()).unwrap()), "doc user");
    // The model's own relations stay as they are, and the module's are added.
    let model = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define owner: [user]\n";
    let source = added(
        dsl::read_dsl(ModelFile {
            name: "o.fga",
            text: model,
        })
        .unwrap(),
    )
    .unwrap();
    assert_eq!(names(&source), "user doc");
    assert_eq!(source.definition.types[1].relations.len(), 2);
    assert!(super::super::AuthorizationModel::of_source(source).is_ok());
    // A type that only the model's own restrictions name is not defined.
    let model = "model\n  schema 1.1\ntype doc\n  relations\n    define owner: [agent]\n";
    let source = added(
        dsl::read_dsl(ModelFile {
            name: "o.fga",
            text: model,
        })
        .unwrap(),
    )
    .unwrap();
    assert_eq!(names(&source), "doc user");
    assert!(super::super::AuthorizationModel::of_source(source).is_err());
    let clash =
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define reader: [user]\n";
    let refusal = added(
        dsl::read_dsl(ModelFile {
            name: "o.fga",
            text: clash,
        })
        .unwrap(),
    )
    .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "m.fga: relation `reader` of `doc` is defined twice"
    );
    let refusal = add_modules(
        ModelSource::default(),
        &files(&[("m.fga", text)]),
        &BTreeSet::new(),
    )
    .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "m.fga: there is no type `doc` to extend"
    );
}
