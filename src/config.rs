//! One typed tree of settings.
