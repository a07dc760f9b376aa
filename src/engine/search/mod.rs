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
pub use page::{PageCut, SearchHit, SearchLimits, SearchPage, SearchRefusal};
pub use page_token::{PageTokenError, Sealer};
pub(super) use universe::place;

use super::decide::{CaseOverrides, Circumstances, DecisionOptions, decide};
use super::snapshot::PinnedView;
use super::{Ask, Engine, Refusal};
use crate::model::{
    AnswerDepth, Decision, EntityRef, Evidence, Fault, PageRequest, SearchKind, SearchRequest,
    Timestamp, encode_id,
};
use crate::policy::StoredEntities;
use crate::relations::ObjectPlace;
use candidates::{Candidates, candidates};
use page::{NextPage, PageBudget, PageProgress};
use page_token::{SearchPosition, TokenBinding};
use smol_str::SmolStr;

impl Engine {
    /// Answers one page of a search.
    pub fn search(
        &self,
        ask: &Ask<'_>,
        search: &SearchRequest,
        page: &PageRequest,
    ) -> Result<SearchPage, SearchRefusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        let now = Timestamp(self.clock.now_ms());
        let sealer = self
            .sealer
            .as_ref()
            .ok_or_else(|| internal("there was no randomness for a key"))?;
        let binding = page::binding(ask.caller, search, ask.arguments, pinned.bundle.digest());
        let position = begin(sealer, &binding, page, now)?;
        let options = DecisionOptions {
            require_actor: ask.require_actor,
            arguments: ask.arguments,
            ..DecisionOptions::default()
        };
        let nothing = Evidence::default();
        let evidence = ask.evidence.unwrap_or(&nothing);
        let search = &search.clone().read_by(pinned.bundle.carriers());
        let task = PageTask {
            pinned,
            search,
            options,
            evidence,
            given: None,
            now,
        };
        let is_first = page.token.is_none();
        let mut budget = PageBudget::new(self.search_limits, &*self.clock, search);
        let progress = self.work_out(&task, &position, page, &mut budget)?;
        let whole = progress.next == NextPage::End;
        let is_explained =
            whole && is_first && progress.found.is_empty() && ask.depth != AnswerDepth::Lean;
        let reason = is_explained.then(|| nothing::reason(&task, &progress, &mut budget));
        let next = match progress.next {
            NextPage::End => None,
            NextPage::Behind(after) => {
                let limit = page.limit.or(position.limit);
                Some(seal(sealer, &binding, (after, limit, progress.scans), now)?)
            }
        };
        Ok(SearchPage {
            total: (is_first && whole).then_some(progress.found.len()),
            next,
            reason,
            cut: progress.cut,
            found: progress.found,
            bundle: pinned.bundle.digest(),
            revision: pinned.revision,
        })
    }

    /// Works out one page, and counts its cost in the metrics.
    fn work_out(
        &self,
        task: &PageTask<'_>,
        position: &SearchPosition,
        page: &PageRequest,
        budget: &mut PageBudget<'_>,
    ) -> Result<PageProgress, SearchRefusal> {
        let limit = self
            .search_limits
            .page(page.limit.or(position.limit.filter(|limit| *limit > 0)));
        let mut progress = task.run(position, limit, budget)?;
        self.metrics.searched(
            task.search.searched.as_str(),
            progress.candidates,
            progress.decided,
            progress.found.len(),
        );
        task.end_if_denied(&mut progress, page.token.is_none())?;
        Ok(progress)
    }
}

/// Returns the position at which a page begins: the start, or the position in its token.
fn begin(
    sealer: &Sealer,
    binding: &TokenBinding,
    page: &PageRequest,
    now: Timestamp,
) -> Result<SearchPosition, SearchRefusal> {
    let Some(token) = &page.token else {
        return Ok(SearchPosition {
            after: None,
            limit: page.limit,
            scans: false,
        });
    };
    let position = sealer
        .open(binding, token, now)
        .map_err(SearchRefusal::Token)?;
    if page.limit.is_some() && page.limit != position.limit {
        return Err(SearchRefusal::Token(PageTokenError::OtherQuery));
    }
    Ok(position)
}

/// Returns the token of the page that begins after a position.
fn seal(
    sealer: &Sealer,
    binding: &TokenBinding,
    (after, limit, scans): (Option<ObjectPlace>, Option<u64>, bool),
    now: Timestamp,
) -> Result<String, Refusal> {
    let position = SearchPosition {
        after,
        limit,
        scans,
    };
    sealer
        .seal(binding, &position, now)
        .map_err(|_| internal("a token cannot be sealed"))
}

/// The work for one page.
pub(super) struct PageTask<'a> {
    pub(super) pinned: PinnedView<'a>,
    pub(super) search: &'a SearchRequest,
    pub(super) options: DecisionOptions,
    /// The evidence of the search's credentials.
    pub(super) evidence: &'a Evidence,
    /// What a case supplies, if a case is run.
    pub(super) given: Option<CaseOverrides<'a>>,
    pub(super) now: Timestamp,
}

impl<'a> PageTask<'a> {
    /// Returns how candidates are decided: each is evaluated anew, because a search stores nothing
    /// in the cache.
    pub(super) fn circumstances(&self) -> Circumstances<'a> {
        Circumstances {
            pinned: self.pinned,
            now: self.now,
            options: self.options,
            cache: None,
            given: self.given,
        }
    }

    fn stored(&self) -> &'a StoredEntities {
        self.given
            .map_or(self.pinned.bundle.stored(), |given| given.stored)
    }

    /// Whether `id` names an action, or an entity that the bundle or a case stores.
    fn knows(&self, id: &SmolStr) -> bool {
        match self.search.searched {
            SearchKind::Action => true,
            SearchKind::Subject | SearchKind::Resource => {
                universe::kind(self).is_some_and(|kind| {
                    self.stored().holds(&EntityRef {
                        kind,
                        id: id.clone(),
                    })
                })
            }
        }
    }

    /// Decides candidates after `position` until the page is full and it is known whether there are
    /// more, or the budget is spent.
    fn run(
        &self,
        position: &SearchPosition,
        limit: usize,
        budget: &mut PageBudget<'_>,
    ) -> Result<PageProgress, Refusal> {
        let after = position.after.as_ref();
        match self.search.searched {
            SearchKind::Action => {
                let vocabulary = &self.pinned.bundle.policy_set().schema().vocabulary;
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
            SearchKind::Subject | SearchKind::Resource => {
                let Some(kind) = universe::kind(self) else {
                    return Ok(PageProgress::default());
                };
                let known = universe::Universe::new(self, kind);
                match candidates(self, position.scans, budget)? {
                    Candidates::Few(ids) => {
                        let mut places: Vec<(SmolStr, ObjectPlace)> = ids
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
    fn end_if_denied(
        &self,
        progress: &mut PageProgress,
        is_first: bool,
    ) -> Result<(), SearchRefusal> {
        if !progress.found.is_empty() || !nothing::is_denied(self, progress) {
            return Ok(());
        }
        if !is_first {
            return Err(SearchRefusal::Token(PageTokenError::Denied));
        }
        progress.next = NextPage::End;
        progress.cut = None;
        Ok(())
    }

    fn decide_all(
        &self,
        candidates: impl Iterator<Item = (SmolStr, ObjectPlace)>,
        limit: usize,
        budget: &mut PageBudget<'_>,
        scans: bool,
        after: Option<&ObjectPlace>,
    ) -> Result<PageProgress, Refusal> {
        let mut progress = PageProgress {
            scans,
            ..PageProgress::default()
        };
        let mut question = self.search.question().clone();
        let mut last = after.cloned();
        for (id, place) in candidates {
            progress.candidates += 1;
            // However long the narrowing took, each page decides at least one candidate: the next
            // page would take as long.
            if let Some(cut) = budget
                .is_spent(progress.found.len() >= limit)
                .filter(|_| progress.decided > 0)
            {
                // A full page is what the request asked for, so it does not count as cut.
                progress.cut = (progress.found.len() < limit).then_some(cut);
                progress.next = NextPage::Behind(last);
                return Ok(progress);
            }
            self.search.set(&mut question, &id);
            // Outcomes for candidates are not cached: most are decided once, and would evict those
            // that are used again.
            let verdict = decide(self.circumstances(), &question, self.evidence)?;
            progress.decided += 1;
            match verdict.decision {
                Decision::Permit if progress.found.len() >= limit => {
                    progress.next = NextPage::Behind(last);
                    return Ok(progress);
                }
                Decision::Permit => progress.found.push(SearchHit {
                    id,
                    policies: verdict.policies,
                }),
                Decision::Deny if progress.found.is_empty() => {
                    verdict
                        .reason
                        .into_iter()
                        .for_each(|reason| progress.denials.add(reason));
                }
                Decision::Deny => {}
            }
            last = Some(place);
        }
        Ok(progress)
    }
}

fn internal(what: &str) -> Refusal {
    Refusal::Fault(Fault::Internal(format!("a page of a search: {what}")))
}

/// Returns an id as positions spell it.
fn spelled(id: &str) -> SmolStr {
    encode_id(id)
}
