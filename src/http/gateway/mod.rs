//! Gateways that ask whether to let a request through.
//!
//! **Problem.** A gateway does not speak AuthZEN: it repeats a request of its client's, and does
//! what the status of the answer says. Whoever answers must not take a word of that client for the
//! gateway's, and must not answer anything that a gateway set to fail open takes for a permit.
//! **Decision.** The listener is its own. What arrives there is read by the rules of one kind of
//! gateway ([`origin`]), becomes a question by the bundle's routes ([`crate::mapping`]), and is
//! then sent to `/access/v1/evaluation` of the same worker, as any other caller's ([`layer`]): who
//! may ask, the limits, the record and the decision are that endpoint's. Its answer becomes a
//! status ([`verdict`]).
//! **Trade-off.** A question is written as JSON and read again: a few microseconds of a request
//! that crosses two sockets.
//!
//! INVARIANT: 200 is answered for a decision that is `true`, and for nothing else; everything else
//! is a 401 or a 403. A 5xx would let the request through where a gateway is set to fail open.

mod kind;
mod layer;
mod origin;
mod verdict;

pub use kind::{GatewayKind, GatewayKindError};
pub(in crate::http) use layer::GatewayLayer;
