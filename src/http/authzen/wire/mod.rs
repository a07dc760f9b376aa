//! Converts JSON to the model and back.
//!
//! **Problem.** The usual readers keep the last of two members with one name, turn numbers into
//! doubles and recurse as deep as the body does; the usual writers build a tree for an answer of
//! seventeen bytes.
//! **Decision.** Bodies are read by [`crate::json`], straight into the model's own values, and the
//! model checks the shapes of requests. Answers without a context are written from constants.
//! **Trade-off.** The shapes in the API description are written separately from the reader, not
//! derived from it; tests keep the two equal.

mod answer;
mod batch;
mod explanation;
mod json;
mod options;
mod search;

pub(in crate::http) use answer::{BatchBody, EvaluationResponse, EvaluationsResponse};
pub use answer::{ReasonJson, write_answer};
pub(in crate::http) use batch::{EvaluationsInput, check_size, read_evaluations, record_bytes};
pub use explanation::ExplanationJson;
pub use json::{write_condition, write_record, write_text, write_tuple, write_value};
pub(in crate::http) use options::{Options, RequestKind};
pub(in crate::http) use search::SearchResponse;
pub use search::write_page;
