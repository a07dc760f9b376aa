//! Path templates: names and parameters, a segment each.

use super::MappingError;
use super::path::{MAX_SEGMENTS, RequestPath};
use smol_str::SmolStr;

/// A template of paths, such as `/orders/{order}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    text: SmolStr,
    segments: Vec<TemplateSegment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplateSegment {
    Literal(SmolStr),
    Parameter(SmolStr),
}

/// How two templates stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateOverlap {
    /// No path matches both.
    None,
    /// The same paths match both.
    Same,
    /// All paths that match one of them match the other.
    Within,
    /// Some paths match both, and neither is more specific.
    Crossed,
}

impl PathTemplate {
    /// Reads a template.
    pub fn read(text: &str) -> Result<Self, MappingError> {
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| MappingError::NotAbsolute(text.into()))?;
        let count = rest.split('/').count();
        if count > MAX_SEGMENTS {
            return Err(MappingError::TooManySegments(count));
        }
        let mut segments = Vec::with_capacity(count);
        for (at, segment) in rest.split('/').enumerate() {
            // A path that ends with a slash is another one than the path without it.
            let may_be_empty = at + 1 == count;
            let segment = read_segment(segment, may_be_empty)?;
            if let TemplateSegment::Parameter(name) = &segment
                && segments.contains(&segment)
            {
                return Err(MappingError::ParameterTwice(name.clone()));
            }
            segments.push(segment);
        }
        Ok(Self {
            text: text.into(),
            segments,
        })
    }

    /// Returns the template as it was written.
    #[must_use]
    pub fn text(&self) -> &SmolStr {
        &self.text
    }

    /// Returns `true` if the template has a parameter of this name.
    #[must_use]
    pub fn has_parameter(&self, name: &str) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment, TemplateSegment::Parameter(own) if own == name))
    }

    /// Returns how this template and another one overlap. Names that differ in case alone overlap:
    /// some servers do not tell them apart.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> TemplateOverlap {
        use TemplateSegment::{Literal, Parameter};
        if self.segments.len() != other.segments.len() {
            return TemplateOverlap::None;
        }
        let mut is_narrower = false;
        let mut is_wider = false;
        for pair in self.segments.iter().zip(&other.segments) {
            match pair {
                (Literal(one), Literal(other)) if one == other => {}
                (Literal(one), Literal(other)) if one.eq_ignore_ascii_case(other) => {
                    (is_narrower, is_wider) = (true, true);
                }
                (Literal(_), Literal(_)) => return TemplateOverlap::None,
                // A parameter is never empty.
                (Literal(name), Parameter(_)) | (Parameter(_), Literal(name))
                    if name.is_empty() =>
                {
                    return TemplateOverlap::None;
                }
                (Literal(_), Parameter(_)) => is_narrower = true,
                (Parameter(_), Literal(_)) => is_wider = true,
                (Parameter(_), Parameter(_)) => {}
            }
        }
        match (is_narrower, is_wider) {
            (false, false) => TemplateOverlap::Same,
            (true, true) => TemplateOverlap::Crossed,
            (true, false) | (false, true) => TemplateOverlap::Within,
        }
    }

    /// Returns `true` if the path is one of the template's.
    pub(super) fn matches(&self, path: &RequestPath, ignore_case: bool) -> bool {
        let segments = path.segments();
        segments.len() == self.segments.len()
            && self.segments.iter().zip(segments).all(|pair| match pair {
                (TemplateSegment::Literal(name), segment) if ignore_case => {
                    name.eq_ignore_ascii_case(segment)
                }
                (TemplateSegment::Literal(name), segment) => name == segment,
                (TemplateSegment::Parameter(_), segment) => !segment.is_empty(),
            })
    }

    /// Returns the number of names: of two templates that match one path, the one with more is more
    /// specific.
    pub(super) fn literals(&self) -> usize {
        self.segments
            .iter()
            .filter(|segment| matches!(segment, TemplateSegment::Literal(_)))
            .count()
    }

    /// Returns the value of a parameter in a path that matches.
    pub(super) fn value<'p>(&self, name: &str, path: &'p RequestPath) -> Option<&'p SmolStr> {
        let mut pairs = self.segments.iter().zip(path.segments());
        pairs.find_map(|(segment, value)| {
            matches!(segment, TemplateSegment::Parameter(own) if own == name).then_some(value)
        })
    }
}

fn read_segment(text: &str, may_be_empty: bool) -> Result<TemplateSegment, MappingError> {
    let refused = || MappingError::Segment(text.into());
    let parameter = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = parameter {
        return if is_identifier(name) {
            Ok(TemplateSegment::Parameter(name.into()))
        } else {
            Err(refused())
        };
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
    if (text.is_empty() && !may_be_empty)
        || matches!(text, "." | "..")
        || !text.bytes().all(is_plain)
    {
        return Err(refused());
    }
    Ok(TemplateSegment::Literal(text.into()))
}

/// Returns `true` for a name of CEL: letters, digits and `_`, not beginning with a digit.
pub(super) fn is_identifier(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_word)
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}
