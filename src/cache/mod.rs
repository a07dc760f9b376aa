//! Leg results. Not built yet: every leg is evaluated, so no answer can be stale.
