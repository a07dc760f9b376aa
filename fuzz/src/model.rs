//! The model language: a text, the model that it is, and the same model written out and read again.

use behest::relations::model::{AuthorizationModel, ModelFile, ModelSource, read_dsl, to_dsl};

/// Reads a model. What is read can be written, and means the same when it is read again.
pub fn model(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(source) = read(text) else { return };
    let definition = source.definition.clone();
    if AuthorizationModel::of_source(source).is_err() {
        return;
    }
    let Ok(written) = to_dsl(&definition) else {
        return;
    };
    let again = read(&written).expect("what is written can be read");
    assert_eq!(to_dsl(&again.definition).ok(), Some(written));
}

fn read(text: &str) -> Option<ModelSource> {
    read_dsl(ModelFile {
        name: "model.fga",
        text,
    })
    .ok()
}
