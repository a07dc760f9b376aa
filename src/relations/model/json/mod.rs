//! A model as OpenFGA's API has it: the JSON of its protobuf messages.
//!
//! Read as protobuf's JSON is read: names in either spelling (`type_name`, `typeName`), `null` is
//! absent, unknown members are left out where nothing can have been meant by them. Written with one
//! spelling each, without what is empty, as OpenFGA's own tools write it. What this refuses is the
//! form; whether a model makes sense is asked in `validate`.

mod members;
mod read;
mod write;

pub use read::from_json;
pub use write::to_json;

/// The name of a parameter's type in JSON, and whether it holds elements.
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
