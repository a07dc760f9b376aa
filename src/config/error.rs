//! Why the text of a setting is refused.

/// A text that a setting cannot have. The remedy follows the semicolon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The service cannot listen on it.
    #[error(
        "`{0}` is not an address; write for example `127.0.0.1:8181` or `unix:/run/behest.sock`"
    )]
    Listen(String),
    /// It is no number of bytes.
    #[error("`{0}` is not a size; write for example `64MiB`, `512KiB` or `4096`")]
    ByteSize(String),
    /// It is neither a number of bytes nor `off`.
    #[error("`{0}` is not a size; write for example `64MiB`, `512KiB` or `4096`, or `off`")]
    CacheSize(String),
    /// It is no mode of a file.
    #[error("`{0}` is not a mode; write its octal digits as a text, for example `\"0660\"`")]
    SocketMode(String),
    /// It is no key. The text is not repeated, since it may be most of one.
    #[error("the value is not 64 hexadecimal digits; make one with `openssl rand -hex 32`")]
    TokenKey,
}
