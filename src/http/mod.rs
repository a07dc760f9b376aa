//! AuthZEN over HTTP.
