//! A language server: mistakes, meanings and places of what is in a bundle, while it is typed.
//!
//! **Problem.** An author who runs a command to hear of a mistake hears of it late, and looks for
//! the relation behind a name in four kinds of files. **Decision.** `behest lsp` speaks the
//! language server protocol on standard input and output. A bundle is checked as a whole by the
//! same code that loads it, from the files on the disk with the editor's unsaved texts over them;
//! hover and definitions come from the texts, so that they work while a file is unfinished. Cases
//! are not run. **Trade-off.** A check reads the whole bundle again: it waits until nobody has
//! typed for a moment, and one runs at a time.
//!
//! [`frames`] reads what comes in, and bounds it; [`server`] is the loop; [`workspace`] has the
//! open bundles, [`documents`] the open texts; [`roots`] finds a file's bundle, [`bundle_check`]
//! checks one; [`outline`] finds what is declared where, and [`cursor`] what is pointed at.
//!
//! The messages are `lsp-server`'s, and the types `gen-lsp-types`'s, which are made from the
//! protocol's own description. Streams are read here, since that crate's reader takes any length
//! that a message claims to have.

mod bundle_check;
mod cursor;
mod documents;
mod frames;
mod hover;
mod outline;
mod roots;
mod server;
mod workspace;

pub use frames::ConnectionError;
pub use server::serve;
