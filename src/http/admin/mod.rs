//! What operators ask: whether the service lives and can decide, its metrics, and the keys of
//! issuers, fetched now.

pub(in crate::http) mod health;
pub(in crate::http) mod keys;
