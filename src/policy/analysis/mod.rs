//! Analyses policies at load for use at decisions: what each reads, which relations it mentions,
//! how it uses the clock, what it could permit if arguments are unknown, and what all of them
//! permit that is more often a mistake than meant.

pub(in crate::policy) mod clock_use;
pub(in crate::policy) mod laxity;
pub(in crate::policy) mod mentions;
pub(in crate::policy) mod named_entities;
pub(in crate::policy) mod read_set;
pub(in crate::policy) mod syntax;
pub(in crate::policy) mod unknown_arguments;
