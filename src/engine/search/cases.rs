//! Checks searches against a bundle's cases: the question of a case about one entity becomes a
//! search over all.

use super::page::{PageBudget, SearchLimits};
use super::{PageTask, SearchHit};
use crate::bundle::{self, BundleFiles, Case};
use crate::clock::FixedClock;
use crate::engine::decide::{CaseOverrides, Circumstances, DecisionOptions, decide};
use crate::engine::search::page_token::SearchPosition;
use crate::engine::{Refusal, Snapshot};
use crate::model::{
    Decision, Evidence, Problems, Request, Revision, SearchKind, SearchRequest, Value,
};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Compiles files and makes three searches of each case: for entities of its subject's type, for
/// entities of its resource's type, and for actions. Each search is answered both narrowed and by
/// going through all known entities. Returns the differences, and the entities that a case permits
/// but the search does not find.
pub fn search_disagreements(files: &mut BundleFiles) -> Result<Vec<String>, Problems> {
    let bundle = bundle::compile(files)?;
    let snapshot = Snapshot::hermetic(bundle, Revision(0))?;
    let mut told = Vec::new();
    // Many cases differ only in the part that is searched for.
    let mut asked: Vec<(&Case, SearchRequest)> = Vec::new();
    for case in snapshot.bundle().cases() {
        for searched in [
            SearchKind::Subject,
            SearchKind::Resource,
            SearchKind::Action,
        ] {
            let Some(search) = SearchRequest::of(searched, &case.request) else {
                continue;
            };
            let search = search.read_by(snapshot.bundle().carriers());
            if asked
                .iter()
                .any(|(other, known)| *known == search && is_same(other, case))
            {
                continue;
            }
            asked.push((case, search.clone()));
            if let Err(difference) = check(&snapshot, case, &search) {
                told.push(format!(
                    "{}: a search for the {}: {difference}",
                    case.name,
                    searched.as_str()
                ));
            }
        }
    }
    Ok(told)
}

/// Whether two cases have the same time, and neither has entities, tuples or facts of its own.
fn is_same(a: &Case, b: &Case) -> bool {
    let is_plain =
        |case: &Case| case.stored.is_none() && case.tuples.is_empty() && case.token.is_none();
    a.now == b.now && is_plain(a) && is_plain(b)
}

/// How a search differs from the case.
#[derive(Debug, thiserror::Error)]
enum SearchDifference {
    #[error("{narrowed:?} when narrowed, {whole:?} otherwise")]
    Narrowed {
        narrowed: BTreeSet<SmolStr>,
        whole: BTreeSet<SmolStr>,
    },
    #[error("it finds `{0}`, which is denied")]
    Denied(SmolStr),
    #[error("it does not find `{0}`, which is permitted")]
    Missed(SmolStr),
    #[error("{0:?}")]
    Refused(Refusal),
}

fn check(snapshot: &Snapshot, case: &Case, search: &SearchRequest) -> Result<(), SearchDifference> {
    let given = CaseOverrides {
        stored: case.stored.as_ref().unwrap_or(snapshot.bundle().stored()),
        tuples: &case.tuples,
        token: case.token.as_ref(),
    };
    let evidence = Evidence::default();
    let (pinned, options) = (snapshot.pinned(), DecisionOptions::default());
    let task = PageTask {
        pinned,
        search,
        options,
        evidence: &evidence,
        given: Some(given),
        now: case.now,
    };
    let all = |scans| {
        let clock = FixedClock::at(0);
        let limits = SearchLimits {
            candidates: usize::MAX,
            ..SearchLimits::default()
        };
        let position = SearchPosition {
            after: None,
            limit: None,
            scans,
        };
        let progress = task.run(
            &position,
            usize::MAX,
            &mut PageBudget::new(limits, &clock, search),
        );
        let found = progress.map_err(SearchDifference::Refused)?.found;
        let ids = found.into_iter().map(|SearchHit { id, .. }| id);
        Ok::<BTreeSet<_>, SearchDifference>(ids.collect())
    };
    let narrowed = all(false)?;
    let whole = all(true)?;
    if narrowed != whole {
        return Err(SearchDifference::Narrowed { narrowed, whole });
    }
    let Some(named) = named(case, search.searched) else {
        return Ok(());
    };
    let question: Request = search.about(&named);
    let decided = decide(
        Circumstances {
            now: case.now,
            ..task.circumstances()
        },
        &question,
        task.evidence,
    );
    let decided = decided.map_err(SearchDifference::Refused)?;
    match (decided.decision, whole.contains(&named)) {
        (Decision::Deny, true) => Err(SearchDifference::Denied(named)),
        (Decision::Permit, false) if task.knows(&named) => Err(SearchDifference::Missed(named)),
        (Decision::Permit, _) | (Decision::Deny, false) => Ok(()),
    }
}

/// Returns the id that the case has for the part that is searched for.
fn named(case: &Case, searched: SearchKind) -> Option<SmolStr> {
    match searched {
        SearchKind::Subject => case
            .request
            .subject
            .get("id")
            .and_then(Value::as_text)
            .cloned(),
        SearchKind::Resource => Some(case.request.resource.uid.id.clone()),
        SearchKind::Action => Some(case.request.action.name.clone()),
    }
}
