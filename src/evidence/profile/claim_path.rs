//! Where a claim is found: by its name, or below other claims.

use crate::model::{Record, Value};
use smol_str::SmolStr;

/// LIMIT: names of a path that are joined by dots. Each more doubles the places that it can mean.
pub(in crate::evidence) const MAX_JOINED: usize = 7;

/// A claim, or a member of a claim: `realm_access.roles`. A dot may also be part of a name, unless
/// the names were given one by one: `ext.client` is the claim `ext.client`, or the member `client`
/// of `ext`. The place with the fewest names takes precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    text: SmolStr,
    /// The lists of member names that the path can mean, that of single names last.
    places: Vec<Vec<SmolStr>>,
    /// The audience that was substituted in the path; `None` if the path has no placeholder.
    audience: Option<SmolStr>,
}

impl ClaimPath {
    /// The placeholder for a name, which stands for each of the profile's audiences.
    pub const AUDIENCE: &str = "{audience}";

    /// Creates a path from names joined by dots.
    #[must_use]
    pub fn new(path: impl Into<SmolStr>) -> Self {
        let text = path.into();
        let places = splits(&text);
        Self {
            text,
            places,
            audience: None,
        }
    }

    /// Creates a path from its names.
    #[must_use]
    pub fn exact(names: impl IntoIterator<Item = impl Into<SmolStr>>) -> Self {
        let names: Vec<SmolStr> = names.into_iter().map(Into::into).collect();
        Self {
            text: names.join(".").into(),
            places: vec![names],
            audience: None,
        }
    }

    /// Returns the path as it was written.
    pub(in crate::evidence) fn name(&self) -> &str {
        &self.text
    }

    /// Returns `true` if the path has more joined names than are told apart.
    pub(super) fn is_too_long(&self) -> bool {
        let dots = self.text.matches('.').count();
        self.places.len() > 1 && dots >= MAX_JOINED
    }

    /// Iterates over the claims in which the path can begin.
    pub(in crate::evidence) fn firsts(&self) -> impl Iterator<Item = &SmolStr> {
        self.places.iter().filter_map(|place| place.first())
    }

    /// Returns `true` if the value at this path is meant for services with these audiences.
    pub(in crate::evidence) fn is_for(&self, audiences: &[SmolStr]) -> bool {
        self.audience
            .as_ref()
            .is_none_or(|audience| audiences.contains(audience))
    }

    /// Returns the value at this path; if the path can be read in several ways, the first that is
    /// present.
    #[must_use]
    pub fn of<'a>(&self, claims: &'a Record) -> Option<&'a Value> {
        self.all_of(claims).next()
    }

    /// Iterates over the lists of member names that the path can mean.
    pub(in crate::evidence) fn places(&self) -> impl Iterator<Item = &Vec<SmolStr>> {
        self.places.iter()
    }

    /// Iterates over the values that the path can mean.
    pub(in crate::evidence) fn all_of<'a>(
        &self,
        claims: &'a Record,
    ) -> impl Iterator<Item = &'a Value> {
        self.places.iter().filter_map(|place| at(claims, place))
    }

    /// Iterates over those places of the path at which the claims have a value.
    pub(in crate::evidence) fn found_in(
        &self,
        claims: &Record,
    ) -> impl Iterator<Item = &Vec<SmolStr>> {
        self.places
            .iter()
            .filter(|place| at(claims, place).is_some())
    }

    /// Returns `true` if this name is the audience in the path: the names beside it are other
    /// services'.
    pub(in crate::evidence) fn is_audience(&self, name: &str) -> bool {
        self.audience.as_deref() == Some(name)
    }

    /// Returns the path with each of these audiences in its placeholder, or the path itself if it
    /// has none.
    pub(super) fn for_audiences(&self, audiences: &[SmolStr]) -> Vec<Self> {
        let names = self.places.last().map(Vec::as_slice).unwrap_or_default();
        if !names.iter().any(|name| name == Self::AUDIENCE) {
            return vec![self.clone()];
        }
        let put = |audience: &SmolStr| {
            let names = names.iter().map(|name| {
                if name == Self::AUDIENCE {
                    audience
                } else {
                    name
                }
            });
            Self {
                audience: Some(audience.clone()),
                ..Self::exact(names.cloned())
            }
        };
        audiences.iter().map(put).collect()
    }
}

/// Returns the value below these names.
fn at<'a>(claims: &'a Record, place: &[SmolStr]) -> Option<&'a Value> {
    let (first, rest) = place.split_first()?;
    rest.iter()
        .try_fold(claims.get_present(first)?, |value, name| {
            value.as_record()?.get_present(name)
        })
}

/// Returns every list of names that a text with dots can mean, those with the fewest names first.
fn splits(text: &str) -> Vec<Vec<SmolStr>> {
    let names: Vec<&str> = text.split('.').collect();
    let mut places: Vec<Vec<SmolStr>> = vec![vec![text.into()]];
    if names.len() > MAX_JOINED {
        places.push(names.into_iter().map(SmolStr::new).collect());
        return places;
    }
    // Each split of the last name from the others is made of all splits of the others.
    let mut dots: Vec<usize> = text.match_indices('.').map(|(at, _)| at).collect();
    dots.reverse();
    let mut begun: Vec<Vec<usize>> = vec![Vec::new()];
    for dot in dots {
        let more: Vec<Vec<usize>> = begun
            .iter()
            .map(|at| [&[dot], at.as_slice()].concat())
            .collect();
        begun.extend(more);
    }
    begun.sort_by_key(Vec::len);
    let cut = |dots: &Vec<usize>| {
        let mut from = 0;
        let mut place = Vec::new();
        for dot in dots {
            place.extend(text.get(from..*dot).map(SmolStr::new));
            from = dot + 1;
        }
        place.extend(text.get(from..).map(SmolStr::new));
        place
    };
    begun.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_parts_names_or_is_part_of_one() {
        let places = |path: &str| -> Vec<String> {
            let path = ClaimPath::new(path);
            path.places().map(|place| place.join("|")).collect()
        };
        assert_eq!(places("sub"), ["sub"]);
        assert_eq!(places("ext.client"), ["ext.client", "ext|client"]);
        assert_eq!(
            places("ext.client.id"),
            [
                "ext.client.id",
                "ext.client|id",
                "ext|client.id",
                "ext|client|id"
            ]
        );
        assert_eq!(places("a.b.c.d.e.f.g").len(), 64);
        assert_eq!(
            places("a.b.c.d.e.f.g.h"),
            ["a.b.c.d.e.f.g.h", "a|b|c|d|e|f|g|h"]
        );
        assert!(ClaimPath::new("a.b.c.d.e.f.g.h").is_too_long());
        assert!(!ClaimPath::new("a.b.c.d.e.f.g").is_too_long());
        assert!(!ClaimPath::exact(["a.b.c.d.e.f.g.h", "i"]).is_too_long());
    }
}
