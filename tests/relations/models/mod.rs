//! Generated authorization models: how they are read and written, which are refused, and what
//! follows from them.
//!
//! A model is made as a tree of the tests' own ([`ast`]), and written by writers of their own. What
//! must be read of it, what must be refused, which tuples it allows and which relations are possible
//! is said by naive functions over that tree.

mod ast;
mod breaks;
mod dsl;
mod expansions;
mod forms;
mod histories;
mod invalid;
mod json;
mod make;
mod modules;
mod naive;
mod possible;
mod tuples;
mod wire;
