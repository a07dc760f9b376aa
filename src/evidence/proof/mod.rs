//! Checks proofs that the sender of a token is its holder.
//!
//! **Problem.** A bearer token can be used by anyone who has read it: from a log, a proxy, a tool
//! that it was sent to.
//! **Decision.** If a token names a key or a certificate, the caller passes on what it saw: the
//! proof with the method and the address of the request that carried it, or the certificate of the
//! TLS handshake. It must match what the token names. A proof for a token that names no key is
//! refused as well, since its sender believes the token to be bound.
//! **Trade-off.** The service believes its caller about method, address and handshake, which only
//! the caller has seen.

mod certificate;
mod dpop;
mod replay;
mod target;

pub(super) use certificate::{der_chain, thumbprint};
pub(super) use dpop::check as check_dpop;
pub(super) use replay::Replays;

/// How long proofs are remembered: as long as a proof from a clock that is ahead is fresh.
pub(super) const REMEMBERED_MS: i64 = dpop::FRESH_MS + dpop::AHEAD_MS;
