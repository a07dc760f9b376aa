//! Settings of the process as a whole, which no decision depends on.

pub mod huge_pages;
