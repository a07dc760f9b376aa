//! Brings a graph up to date that was built beside the writers, before it replaces the graph that
//! they write to.
//!
//! **Problem.** Building a bundle's layer, or a graph with other numbers for names, takes seconds
//! if there are millions of tuples. Within a turn this would delay every write, including
//! suspensions.
//! **Decision.** The graph is built from a pinned version. The log has what was written since; most
//! of it is applied while writers go on, and only the rest within the turn.
//!
//! INVARIANT: after [`Stores::catch_up`] in a turn, the graph holds the store's tuples as of the
//! last durable revision.

use crate::model::{Revision, TupleKey};
use crate::relations::Graph;
use crate::storage::Event;
use crate::stores::write_guard::REPLAYED_AT_ONCE;
use crate::stores::{OpenStore, Stores, StoresError};

/// How often a graph catches up before its turn. Each round has less to do, unless writers are as
/// fast.
const ROUNDS: usize = 4;

/// If a round has at most this many tuples, the rest is left to the turn.
const FEW: usize = 200;

impl Stores {
    /// Applies what was published since the graph's revision, until little is left. Adds the keys
    /// of the written tuples to `written`.
    pub(super) fn catch_up_beside_writers(
        &self,
        open: &OpenStore,
        graph: &mut Graph,
        written: &mut Vec<TupleKey>,
    ) -> Result<(), StoresError> {
        for _ in 0..ROUNDS {
            let until = open.version.load().revision();
            if self.put_in(open, graph, written, until)? <= FEW {
                break;
            }
        }
        Ok(())
    }

    /// Applies everything that was made durable since the graph's revision; to be called in a turn.
    pub(super) fn catch_up(
        &self,
        open: &OpenStore,
        graph: &mut Graph,
        written: &mut Vec<TupleKey>,
    ) -> Result<(), StoresError> {
        self.put_in(open, graph, written, Revision(u64::MAX))
            .map(drop)
    }

    /// Applies the changes up to `until`, and returns how many tuples were added or removed.
    fn put_in(
        &self,
        open: &OpenStore,
        graph: &mut Graph,
        written: &mut Vec<TupleKey>,
        until: Revision,
    ) -> Result<usize, StoresError> {
        let mut count = 0;
        let mut after = graph.revision();
        while after < until {
            let page = self
                .store
                .changes(Some(open.record.id), after, REPLAYED_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            after = last.revision;
            for change in page.into_iter().filter(|change| change.revision <= until) {
                if let Event::TuplesChanged {
                    deleted,
                    written: new,
                    ..
                } = change.event
                {
                    *graph = graph.apply(&deleted, &new, change.revision)?;
                    count += deleted.len() + new.len();
                    written.extend(new.into_iter().map(|tuple| tuple.key));
                }
            }
        }
        Ok(count)
    }
}
