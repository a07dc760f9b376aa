//! Proofs that a token is presented by its holder.
//!
//! **Problem.** A token that is a bearer's is whoever's has read it: from a log, a proxy, a tool
//! that it was sent to.
//! **Decision.** Where a token names a key or a certificate, the caller hands over what it saw: the
//! proof with the method and the address of the request that carried it, the certificate of the
//! handshake. What the token names must be shown; a proof for a token that names no key is refused
//! as well, since its sender believes it to be bound.
//! **Trade-off.** The service believes its caller about method, address and handshake, which only
//! the caller has seen.

mod certificate;
mod dpop;
mod replay;
mod target;

pub(super) use certificate::{der_chain, thumbprint};
pub(super) use dpop::check as check_dpop;
pub(super) use replay::Replays;

/// How long proofs are remembered: as long as one that came from a clock ahead is fresh.
pub(super) const REMEMBERED_MS: i64 = dpop::FRESH_MS + dpop::AHEAD_MS;
