//! Credentials behind a request: what verifies, what it is read as, and everything that is refused.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

mod actors;
mod advice;
mod agreement;
mod asked_again;
mod batches;
mod bound_callers;
mod caller_scopes;
mod callers;
mod chains;
mod clients;
mod details;
mod empty_searches;
mod facts;
mod generated;
mod id_tokens;
mod introspection;
mod invented;
mod keys;
mod mutation;
mod named;
mod others;
mod overage;
mod own_tokens;
mod parties;
mod presets;
mod profiles;
mod proofs;
mod providers;
mod recognition;
mod search;
mod second_parties;
mod settings;
mod spiffe;
mod tls;
mod token;
mod two_issuers;
mod withdrawal;
mod world;
