//! What is found out about policies at load, for decisions to rest on: what each reads, which
//! relations it asks for, how it uses the clock, and what it could permit where arguments are
//! unknown.

pub(in crate::policy) mod clock_use;
pub(in crate::policy) mod mentions;
pub(in crate::policy) mod read_set;
pub(in crate::policy) mod syntax;
pub(in crate::policy) mod unknown_arguments;
