//! Words what is reported of a decided leg: the reason of a denial, and those of its values that
//! may be shown.

pub(in crate::policy) mod reasons;
pub(in crate::policy) mod shown;
pub(in crate::policy) mod unknown;
pub(in crate::policy) mod unmet;
