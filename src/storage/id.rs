//! Defines the ids of stores and models: ULIDs, as in OpenFGA's API.
//!
//! INVARIANT: an id has one spelling. Text in lower case, or with letters that stand for digits, is
//! not an id.

use crate::clock::Clock;
use crate::storage::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, str::FromStr};
use ulid::Ulid;

/// The error for text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id has 26 digits and upper-case letters, without I, L, O and U, and begins with 0 to 7"
)]
pub struct ParseIdError;

macro_rules! id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// Creates the id with these bits.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(Ulid(bits))
            }

            /// Returns 16 bytes that sort as ids do.
            pub(super) const fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let id = Ulid::from_string(text).map_err(|_| ParseIdError)?;
                if id.to_string() == text {
                    Ok(Self(id))
                } else {
                    Err(ParseIdError)
                }
            }
        }
    };
}

id!(StoreId, "Names a store.");
id!(ModelId, "Names an authorization model within its store.");

impl StoreId {
    /// The id of the store that decisions read, `01BEHEST00000000000000MA1N`; it is the same in
    /// every installation.
    pub const MAIN: Self = match Ulid::from_string("01BEHEST00000000000000MA1N") {
        Ok(id) => Self(id),
        Err(_) => Self(Ulid::nil()),
    };
}

/// A source of ids. Each id is greater than all earlier ones of this source, even if the clock
/// stands still or is set back.
pub struct IdSource {
    clock: Arc<dyn Clock>,
    last: Mutex<u128>,
}

impl IdSource {
    /// Creates a source of ids with the time of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            last: Mutex::new(0),
        }
    }

    /// Creates an id for a new store.
    pub fn next_store(&self) -> Result<StoreId, StoreError> {
        self.next().map(StoreId::from_bits)
    }

    /// Creates an id for a new model.
    pub fn next_model(&self) -> Result<ModelId, StoreError> {
        self.next().map(ModelId::from_bits)
    }

    fn next(&self) -> Result<u128, StoreError> {
        let mut random = [0; 16];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| StoreError::Random)?;
        let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        let fresh = Ulid::from_parts(now_ms, u128::from_be_bytes(random)).0;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = fresh.max(last.saturating_add(1));
        Ok(*last)
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdSource").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
