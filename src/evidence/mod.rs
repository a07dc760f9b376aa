//! Keys, and credentials behind a request. Credentials are not verified yet: a request that carries one is denied.

mod signer;

pub use signer::{KEY_FILE, Signer, SignerError};
