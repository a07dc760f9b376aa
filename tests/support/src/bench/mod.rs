//! The worlds that benchmarks measure, and the code that takes and shows their figures.

pub mod agents;
pub mod cpu;
pub mod figures;
pub mod filled;
pub mod folders;
pub mod measure;
pub mod tenants;
