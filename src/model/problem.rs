//! Problems in files and settings that a person wrote: where, what, and what to do.

use std::fmt;

/// A range of bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the bundle.
    pub file: String,
    /// The offset of the first byte.
    pub offset: usize,
    /// The length in bytes.
    pub len: usize,
}

impl Place {
    /// Returns the beginning of a file, for a problem of the whole file.
    #[must_use]
    pub fn whole(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            offset: 0,
            len: 0,
        }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the problem is; `None` if it is not in a file.
    pub place: Option<Place>,
    /// A second place that the message refers to.
    pub also: Option<Place>,
    /// What is wrong: lower case, no full stop, user input in backticks.
    pub message: String,
    /// How to solve it.
    pub help: Option<String>,
}

impl Problem {
    /// Creates a problem without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            place: None,
            also: None,
            message: message.into(),
            help: None,
        }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds the second place.
    #[must_use]
    pub fn and_at(mut self, place: Place) -> Self {
        self.also = Some(place);
        self
    }

    /// Adds how to solve it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}: ", place.file)?;
        }
        f.write_str(&self.message)
    }
}

/// All problems, in one report. It is never empty when it stands for a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Returns `Ok` if there are no problems.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
