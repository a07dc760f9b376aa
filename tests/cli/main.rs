//! The program as people meet it: its commands, its exit codes, and the sentence for each thing
//! that goes wrong.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what helpers of tests unwrap is part of the assertion"
)]

mod authors;
mod backends;
mod backup;
mod bulk;
mod commands;
mod dev;
mod editor;
mod explain;
mod facts;
mod grants;
mod init;
mod interrupted;
mod observed;
mod reach;
mod serve;
mod settings;
mod shell;
