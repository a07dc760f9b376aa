//! Reads and writes a model as OpenFGA's API has it: as the JSON of its protobuf messages.
//!
//! It is read as protobuf's JSON is read: names may have either spelling (`type_name`, `typeName`),
//! `null` counts as absent, and unknown members are ignored unless they could be a misspelling or
//! could change who is in a relation. It is written with one spelling each and without empty
//! members, as OpenFGA's own tools do. This folder refuses wrong forms only; `validate` decides
//! whether a model makes sense.

mod members;
mod read;
mod write;

pub use read::from_json;
pub use write::to_json;

/// The types of parameters: the name in JSON, and the name in DSL.
const TYPE_NAMES: [(&str, &str); 11] = [
    ("TYPE_NAME_ANY", "any"),
    ("TYPE_NAME_BOOL", "bool"),
    ("TYPE_NAME_STRING", "string"),
    ("TYPE_NAME_INT", "int"),
    ("TYPE_NAME_UINT", "uint"),
    ("TYPE_NAME_DOUBLE", "double"),
    ("TYPE_NAME_DURATION", "duration"),
    ("TYPE_NAME_TIMESTAMP", "timestamp"),
    ("TYPE_NAME_IPADDRESS", "ipaddress"),
    ("TYPE_NAME_LIST", "list"),
    ("TYPE_NAME_MAP", "map"),
];

#[cfg(test)]
mod tests;
