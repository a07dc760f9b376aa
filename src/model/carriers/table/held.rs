//! Finds carriers in objects that nobody reads: by their names, and by names one slip away.

use super::near::{KnownName, meant};
use super::{Carrier, Site, carrier, container, inside};
use crate::model::spelling::UnusualNames;
use crate::model::{Letters, Value};

/// The carriers that are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// Those that are carriers to every bundle.
    Always,
    /// [`Carrier::ClientId`], which is one only to some.
    Client,
}

impl Sought {
    /// Returns the carrier that has this name in some spelling.
    pub(super) fn named(self, letters: &Letters<'_>) -> Option<Carrier> {
        match self {
            Self::Always => carrier(letters),
            Self::Client => letters
                .are_of(Carrier::ClientId.name())
                .then_some(Carrier::ClientId),
        }
    }

    /// Returns the carrier that a known name is, if it is one of these.
    pub(super) fn meant(self, known: &KnownName) -> Option<Carrier> {
        known
            .carrier
            .filter(|carrier| carrier.is_always() == (self == Self::Always))
    }

    /// Returns `true` if a member says who acts at a site, or would if it were read.
    pub(super) fn stands_in(self, carrier: Carrier, site: Site, value: &Value) -> bool {
        self == Self::Client || carrier.stands_in(site, value)
    }
}

/// What is found in an object that nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Carrier(Carrier),
    /// More names than are compared.
    TooMuch,
}

/// A search in one object and all objects in it.
pub(super) struct HeldSearch {
    sought: Sought,
    /// Whether names that are one slip away count.
    takes_slips: bool,
    unusual: UnusualNames,
}

impl HeldSearch {
    pub(super) fn new(sought: Sought, takes_slips: bool) -> Self {
        Self {
            sought,
            takes_slips,
            unusual: UnusualNames::default(),
        }
    }

    /// Searches an object, or a list of objects, that is of the kind `site` by its name.
    pub(super) fn search(&mut self, value: &Value, site: Site) -> Option<Held> {
        match value {
            Value::Record(record) => record
                .iter()
                .filter(|(_, value)| !value.is_null())
                .find_map(|(member, value)| self.member(member, value, site)),
            Value::List(items) => items.iter().find_map(|item| self.search(item, site)),
            _ => None,
        }
    }

    fn member(&mut self, member: &str, value: &Value, site: Site) -> Option<Held> {
        if self.unusual.are_too_many(member) {
            return Some(Held::TooMuch);
        }
        let letters = Letters::of(member);
        if let Some(carrier) = self.sought.named(&letters)
            && self.stands(carrier, site, member, value)
        {
            return Some(Held::Carrier(carrier));
        }
        if let Some(name) = container(&letters) {
            return self.search(value, inside(site, name)?);
        }
        if !self.takes_slips {
            return None;
        }
        meant(member, &letters, value).find_map(|known| match self.sought.meant(known) {
            Some(carrier) => self
                .sought
                .stands_in(carrier, site, value)
                .then_some(Held::Carrier(carrier)),
            None => self.search(value, inside(site, known.meant)?),
        })
    }

    /// Returns `true` if a member with a carrier's name stands for it: in another spelling, too, a
    /// count of actors is refused.
    fn stands(&self, carrier: Carrier, site: Site, member: &str, value: &Value) -> bool {
        let is_spelt = carrier == Carrier::Delegation && member != carrier.name();
        (is_spelt && carrier.is_taken_in(site)) || self.sought.stands_in(carrier, site, value)
    }
}
