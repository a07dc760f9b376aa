//! A graph that is made beside the writers: what they write meanwhile is put into it before it
//! takes the place of the one that they write to.
//!
//! **Problem.** A bundle's layer, or a graph with names of its own, takes seconds where there are
//! millions of tuples. Made in a turn it would hold up every write, a suspension among them.
//! **Decision.** It is made from a version that is pinned. What was written since stands in the
//! log; most of it is put in while writers go on, and in the turn only what came after that.
//!
//! INVARIANT: after [`Stores::catch_up`] in a turn the graph holds the store's tuples as every
//! durable revision left them.

use crate::model::{Revision, TupleKey};
use crate::relations::Graph;
use crate::storage::Event;
use crate::stores::write_guard::REPLAYED_AT_ONCE;
use crate::stores::{OpenStore, Stores, StoresError};

/// How often a graph catches up before its turn. Each time there is less to do, unless writers are
/// as fast.
const ROUNDS: usize = 4;

/// So few tuples are put in within the turn.
const FEW: usize = 200;

impl Stores {
    /// Puts in what was published since the graph's revision, until that is little. Notes the keys
    /// of what was written.
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

    /// In a turn: puts in what was made durable since the graph's revision.
    pub(super) fn catch_up(
        &self,
        open: &OpenStore,
        graph: &mut Graph,
        written: &mut Vec<TupleKey>,
    ) -> Result<(), StoresError> {
        self.put_in(open, graph, written, Revision(u64::MAX))
            .map(drop)
    }

    /// Returns how many tuples were put in or taken out.
    fn put_in(
        &self,
        open: &OpenStore,
        graph: &mut Graph,
        written: &mut Vec<TupleKey>,
        until: Revision,
    ) -> Result<usize, StoresError> {
        let (mut count, mut after) = (0, graph.revision());
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
