//! The types of the parameters of conditions.

use std::fmt;

/// Maximum nesting of `list<…>` and `map<…>`. No real value needs more, and every walk over a type
/// is recursive.
pub const MAX_TYPE_DEPTH: usize = 8;

/// The type of a parameter. Keys of maps are strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ParameterType {
    /// Any value that is sent.
    Any,
    /// `true` or `false`.
    Bool,
    /// A string.
    String,
    /// A signed integer of 64 bits.
    Int,
    /// An unsigned integer of 64 bits.
    Uint,
    /// A double.
    Double,
    /// A span of time, as Go writes it: `1h30m`.
    Duration,
    /// A point in time (RFC 3339).
    Timestamp,
    /// An IP address, of version 4 or 6.
    Ipaddress,
    /// A list of values of one type.
    List(Box<ParameterType>),
    /// A map from names to values of one type.
    Map(Box<ParameterType>),
}

impl ParameterType {
    /// Returns the scalar type that the DSL calls `name`.
    #[must_use]
    pub fn scalar(name: &str) -> Option<Self> {
        Some(match name {
            "any" => Self::Any,
            "bool" => Self::Bool,
            "string" => Self::String,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "duration" => Self::Duration,
            "timestamp" => Self::Timestamp,
            "ipaddress" => Self::Ipaddress,
            _ => return None,
        })
    }

    /// Returns the name without the element type: `list`, not `list<string>`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Timestamp => "timestamp",
            Self::Ipaddress => "ipaddress",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// Returns how deep `list` and `map` are nested in the type.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.element().map_or(0, |element| element.depth() + 1)
    }

    /// Returns the element type of a list or a map.
    #[must_use]
    pub fn element(&self) -> Option<&ParameterType> {
        match self {
            Self::List(element) | Self::Map(element) => Some(element),
            _ => None,
        }
    }
}

/// Writes the type as the DSL does: `list<string>`.
impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.element() {
            Some(element) => write!(f, "<{element}>"),
            None => Ok(()),
        }
    }
}
