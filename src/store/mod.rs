//! Durable tuples. Not built yet.
