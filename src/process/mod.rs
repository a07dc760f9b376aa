//! What concerns the process as a whole, and no decision.

pub mod huge_pages;
