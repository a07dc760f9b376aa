//! What is said of a leg that was decided: the reason of a denial, and what of its values may be
//! shown.

pub(in crate::policy) mod reasons;
pub(in crate::policy) mod shown;
pub(in crate::policy) mod unknown;
