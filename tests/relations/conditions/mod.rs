//! Conditions against an oracle of their own.
//!
//! The oracle has a tree, values, types and costs of its own, and neither the parser of the
//! implementation nor its reader of times, addresses, numbers and patterns. Expressions are made
//! from seeds, of right and of wrong types, and written with more spaces, parentheses and escapes
//! than they need. What is refused must be refused by the oracle's rules of types, and what is
//! evaluated must come out as the oracle says, unit of cost by unit.

mod agree;
mod cast;
mod evaluate;
mod functions;
mod make;
mod pattern;
mod send;
mod tables;
mod term;
mod times;
mod types;
mod value;
