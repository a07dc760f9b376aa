//! Worlds that benchmarks measure, and how their figures are taken and shown.

pub mod agents;
pub mod cpu;
pub mod figures;
pub mod filled;
pub mod folders;
pub mod measure;
pub mod tenants;
