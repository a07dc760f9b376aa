//! Answers searches: who may do this, to what may it be done, and what may be done (AuthZEN 1.0
//! section 8).
//!
//! **Problem.** A list that disagrees with single decisions is worse than none, and so is a list
//! that was cut silently. Deciding about every known entity is right but slow; a second engine that
//! computes the list is fast but will be wrong one day.
//! **Decision.** Every result has been decided by [`super::decide`], like any question. The only
//! optimization is to leave candidates out: [`candidates`] works out from policies and relations a
//! set outside which nothing can be permitted, or says that all known entities must be gone through
//! ([`universe`]). In both cases candidates come in one order that writes do not change, so a page
//! needs only a position in that order to continue; the position is sealed into a [`token`].
//! **Trade-off.** Each page uses the newest revision, not that of the first page. What is permitted
//! at every revision that the pages saw is found, and what is found was permitted at one of these
//! revisions. The order of results looks random.
//!
//! A failed search does not look like an empty list. If the decision about a candidate is a fault
//! of the service, the whole page is a fault: a list without this candidate would be a denial that
//! nobody decided. And an empty page has a reason ([`nothing`]).
//!
//! INVARIANT: a page ends with the last candidate that was decided. A page that ends early says so,
//! and the next page continues after that candidate.

mod candidates;
mod cases;
mod nothing;
mod page;
mod page_token;
mod universe;

pub use cases::search_disagreements;
pub use page::{Cut, Found, FoundPage, SearchLimits, SearchRefusal};
pub use page_token::{Sealer, TokenError};

use super::decide::{Circumstances, Given, Want, decide};
use super::snapshot::Pinned;
use super::{Ask, Engine, Refusal};
use crate::model::{
    Decision, Depth, EntityRef, Evidence, Fault, PageRequest, SearchRequest, Searched, Timestamp,
    encode_id,
};
use crate::policy::Stored;
use crate::relations::Place;
use candidates::{Candidates, candidates};
use page::{Budget, Next, Turn};
use page_token::{Bound, Stand};
use smol_str::SmolStr;

impl Engine {
    /// Answers one page of a search.
    pub fn search(
        &self,
        ask: &Ask<'_>,
        search: &SearchRequest,
        page: &PageRequest,
    ) -> Result<FoundPage, SearchRefusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        let now = Timestamp(self.clock.now_ms());
        let sealer = self
            .sealer
            .as_ref()
            .ok_or_else(|| internal("there was no randomness for a key"))?;
        let bound = page::bound(ask.caller, search, ask.arguments, pinned.bundle.digest());
        let stand = begin(sealer, &bound, page, now)?;
        let want = Want {
            require_actor: ask.require_actor,
            arguments: ask.arguments,
            ..Want::default()
        };
        let nothing = Evidence::default();
        let evidence = ask.evidence.unwrap_or(&nothing);
        let search = &search.clone().read_by(pinned.bundle.carriers());
        let task = Task {
            pinned,
            search,
            want,
            evidence,
            given: None,
            now,
        };
        let is_first = page.token.is_none();
        let turn = self.work_out(&task, &stand, page)?;
        let whole = turn.next == Next::End;
        let is_explained = whole && is_first && turn.found.is_empty() && ask.depth != Depth::Lean;
        let reason = is_explained.then(|| nothing::reason(&task, &turn));
        let next = match turn.next {
            Next::End => None,
            Next::Behind(after) => {
                let limit = page.limit.or(stand.limit);
                Some(seal(sealer, &bound, (after, limit, turn.scans), now)?)
            }
        };
        Ok(FoundPage {
            total: (is_first && whole).then_some(turn.found.len()),
            next,
            reason,
            cut: turn.cut,
            found: turn.found,
            bundle: pinned.bundle.digest(),
            revision: pinned.revision,
        })
    }

    /// Works out one page, and counts its cost in the metrics.
    fn work_out(
        &self,
        task: &Task<'_>,
        stand: &Stand,
        page: &PageRequest,
    ) -> Result<Turn, SearchRefusal> {
        let limit = self
            .search_limits
            .page(page.limit.or(stand.limit.filter(|limit| *limit > 0)));
        let mut budget = Budget::new(self.search_limits, &*self.clock, task.search);
        let mut turn = task.run(stand, limit, &mut budget)?;
        self.metrics.searched(
            task.search.searched.as_str(),
            turn.candidates,
            turn.decided,
            turn.found.len(),
        );
        task.end_if_denied(&mut turn, page.token.is_none())?;
        Ok(turn)
    }
}

/// Returns the position at which a page begins: the start, or the position in its token.
fn begin(
    sealer: &Sealer,
    bound: &Bound,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Stand, SearchRefusal> {
    let Some(token) = &page.token else {
        return Ok(Stand {
            after: None,
            limit: page.limit,
            scans: false,
        });
    };
    let stand = sealer
        .open(bound, token, now)
        .map_err(SearchRefusal::Token)?;
    if page.limit.is_some() && page.limit != stand.limit {
        return Err(SearchRefusal::Token(TokenError::OtherQuery));
    }
    Ok(stand)
}

/// Returns the token of the page that begins after a position.
fn seal(
    sealer: &Sealer,
    bound: &Bound,
    (after, limit, scans): (Option<Place>, Option<u64>, bool),
    now: Timestamp,
) -> Result<String, Refusal> {
    let stand = Stand {
        after,
        limit,
        scans,
    };
    sealer
        .seal(bound, &stand, now)
        .map_err(|_| internal("a token cannot be sealed"))
}

/// The work for one page.
pub(super) struct Task<'a> {
    pub(super) pinned: Pinned<'a>,
    pub(super) search: &'a SearchRequest,
    pub(super) want: Want,
    /// The evidence of the search's credentials.
    pub(super) evidence: &'a Evidence,
    /// What a case supplies, if a case is run.
    pub(super) given: Option<Given<'a>>,
    pub(super) now: Timestamp,
}

impl<'a> Task<'a> {
    /// Returns how candidates are decided: each is evaluated anew, because a search stores nothing
    /// in the cache.
    pub(super) fn circumstances(&self) -> Circumstances<'a> {
        Circumstances {
            pinned: self.pinned,
            now: self.now,
            want: self.want,
            cache: None,
            given: self.given,
        }
    }

    fn stored(&self) -> &'a Stored {
        self.given
            .map_or(self.pinned.bundle.stored(), |given| given.stored)
    }

    /// Whether `id` names an action, or an entity that the bundle or a case stores.
    fn knows(&self, id: &SmolStr) -> bool {
        match self.search.searched {
            Searched::Action => true,
            Searched::Subject | Searched::Resource => universe::kind(self).is_some_and(|kind| {
                self.stored().holds(&EntityRef {
                    kind,
                    id: id.clone(),
                })
            }),
        }
    }

    /// Decides candidates after `stand` until the page is full and it is known whether there are
    /// more, or the budget is spent.
    fn run(&self, stand: &Stand, limit: usize, budget: &mut Budget<'_>) -> Result<Turn, Refusal> {
        let after = stand.after.as_ref();
        match self.search.searched {
            Searched::Action => {
                let vocabulary = &self.pinned.bundle.compiled().schema().vocabulary;
                let names = vocabulary
                    .actions()
                    .into_iter()
                    .map(|name| (0, name.clone()));
                let names = names.filter(|place| after.is_none_or(|after| place > after));
                self.decide_all(
                    names.map(|place| (place.1.clone(), place)),
                    limit,
                    budget,
                    false,
                    after,
                )
            }
            Searched::Subject | Searched::Resource => {
                let Some(kind) = universe::kind(self) else {
                    return Ok(Turn::default());
                };
                let known = universe::Universe::new(self, kind);
                match candidates(self, stand.scans, budget)? {
                    Candidates::Few(ids) => {
                        let mut places: Vec<(SmolStr, Place)> = ids
                            .into_iter()
                            .map(|id| (id.clone(), universe::place(&id)))
                            .collect();
                        places.retain(|(_, place)| after.is_none_or(|after| place > after));
                        places.sort_unstable_by(|(_, a), (_, b)| a.cmp(b));
                        let places = places.into_iter().filter(|(id, _)| known.holds(id));
                        self.decide_all(places, limit, budget, false, after)
                    }
                    Candidates::Any => {
                        self.decide_all(known.after(after), limit, budget, true, after)
                    }
                }
            }
        }
    }

    /// Ends a search that is denied as a whole, since no later page finds anything. If it is not
    /// the first page, the request is refused: otherwise the pages before it would look complete.
    fn end_if_denied(&self, turn: &mut Turn, is_first: bool) -> Result<(), SearchRefusal> {
        if !turn.found.is_empty() || !nothing::is_denied(self, turn) {
            return Ok(());
        }
        if !is_first {
            return Err(SearchRefusal::Token(TokenError::Denied));
        }
        turn.next = Next::End;
        turn.cut = None;
        Ok(())
    }

    fn decide_all(
        &self,
        candidates: impl Iterator<Item = (SmolStr, Place)>,
        limit: usize,
        budget: &mut Budget<'_>,
        scans: bool,
        after: Option<&Place>,
    ) -> Result<Turn, Refusal> {
        let mut turn = Turn {
            scans,
            ..Turn::default()
        };
        let mut question = self.search.question().clone();
        let mut last = after.cloned();
        for (id, place) in candidates {
            turn.candidates += 1;
            // However long the narrowing took, each page decides at least one candidate: the next
            // page would take as long.
            if let Some(cut) = budget
                .is_spent(turn.found.len() >= limit)
                .filter(|_| turn.decided > 0)
            {
                // A full page is what the request asked for, so it does not count as cut.
                turn.cut = (turn.found.len() < limit).then_some(cut);
                turn.next = Next::Behind(last);
                return Ok(turn);
            }
            self.search.set(&mut question, &id);
            // Outcomes for candidates are not cached: most are decided once, and would evict those
            // that are used again.
            let verdict = decide(self.circumstances(), &question, self.evidence)?;
            turn.decided += 1;
            match verdict.decision {
                Decision::Permit if turn.found.len() >= limit => {
                    turn.next = Next::Behind(last);
                    return Ok(turn);
                }
                Decision::Permit => turn.found.push(Found {
                    id,
                    policies: verdict.policies,
                }),
                Decision::Deny if turn.found.is_empty() => {
                    verdict
                        .reason
                        .into_iter()
                        .for_each(|reason| turn.denials.add(reason));
                }
                Decision::Deny => {}
            }
            last = Some(place);
        }
        Ok(turn)
    }
}

fn internal(what: &str) -> Refusal {
    Refusal::Fault(Fault::Internal(format!("a page of a search: {what}")))
}

/// Returns an id as positions spell it.
fn spelled(id: &str) -> SmolStr {
    encode_id(id)
}
