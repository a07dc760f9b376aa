//! Tests that an import does what importing one line after the other would do.

use super::*;
use crate::model::{Problem, Record, TupleCondition, Value};
use crate::stores::StoresError;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A line of a file.
#[derive(Clone, Debug)]
enum Line {
    /// A tuple on one of a few objects, with one of a few conditions or none.
    Tuple { object: u8, condition: Option<u8> },
    /// A tuple that is refused before it is sent.
    Unchecked,
    /// A line that is not a tuple.
    Unread,
}

#[derive(Clone, Copy, Debug)]
struct ImportTerms {
    batch: usize,
    max_wrong: u64,
    skips: bool,
    deletes: bool,
}

/// A store as the tests of `store/` know it: OpenFGA's preconditions, all or nothing. Object 0 is
/// always refused.
#[derive(Clone, Debug, Default)]
struct Fake {
    tuples: BTreeMap<TupleKey, Tuple>,
    skips: bool,
    deletes: bool,
    revision: u64,
    /// How many batches succeed before the disk fails.
    left: usize,
}

impl Fake {
    fn refuses(&self, tuple: &Tuple) -> bool {
        let found = self.tuples.get(&tuple.key);
        is_object(tuple, 0)
            || match found {
                None => self.deletes && !self.skips,
                Some(found) => !(self.deletes || self.skips && found == tuple),
            }
    }
}

impl ImportTarget for Fake {
    fn check(&self, tuple: &Tuple) -> Result<(), StoresError> {
        if is_object(tuple, UNCHECKED) {
            Err(StoresError::MainModel)
        } else {
            Ok(())
        }
    }

    fn write(&mut self, tuples: &[&Tuple]) -> Result<BatchResult, BatchRefusal> {
        let keys: std::collections::BTreeSet<&TupleKey> =
            tuples.iter().map(|tuple| &tuple.key).collect();
        assert_eq!(keys.len(), tuples.len(), "no key occurs twice");
        if tuples.iter().any(|tuple| self.refuses(tuple)) {
            return Err(BatchRefusal::Tuples("refused".to_owned()));
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| BatchRefusal::Stop(Problem::new("the disk is full").into()))?;
        let before = self.tuples.clone();
        for tuple in tuples.iter().copied() {
            if self.deletes {
                self.tuples.remove(&tuple.key);
            } else {
                self.tuples.insert(tuple.key.clone(), tuple.clone());
            }
        }
        let changed = self.tuples.len().abs_diff(before.len()) as u64;
        self.revision += u64::from(changed > 0);
        Ok(BatchResult {
            changed,
            revision: Some(self.revision),
        })
    }
}

const UNCHECKED: u8 = 200;

fn is_object(tuple: &Tuple, object: u8) -> bool {
    tuple.key.object.id() == object.to_string().as_str()
}

fn tuple(object: u8, condition: Option<u8>) -> Tuple {
    let key = format!("document:{object}#viewer@user:a").parse().unwrap();
    let condition = condition.map(|value| {
        let context = Record::from_iter([("n".into(), Value::from(i64::from(value)))]);
        Arc::new(TupleCondition {
            name: "c".into(),
            context,
        })
    });
    Tuple { key, condition }
}

fn entries(lines: &[Line]) -> Vec<Result<FileEntry, WrongEntry>> {
    let read = |(line, what): (u64, &Line)| match what {
        Line::Tuple { object, condition } => Ok(FileEntry {
            line,
            tuple: tuple(*object, *condition),
        }),
        Line::Unchecked => Ok(FileEntry {
            line,
            tuple: tuple(UNCHECKED, None),
        }),
        Line::Unread => Err(WrongEntry {
            line,
            message: "unread".to_owned(),
            is_last: false,
        }),
    };
    (1..).zip(lines).map(read).collect()
}

/// Runs the import under test; returns its counts, the lines that it reported, and whether it
/// failed.
fn import(lines: &[Line], terms: ImportTerms, store: &mut Fake) -> (ImportTally, Vec<u64>, bool) {
    let mut told = Vec::new();
    let work = ImportRun {
        target: store,
        batch: terms.batch,
        skips: terms.skips,
        same_keys: terms.deletes,
        max_wrong: terms.max_wrong,
        tell: &mut |wrong| told.push(wrong.line),
        step: &|_| {},
    };
    let (tally, outcome) = work.run(entries(lines).into_iter());
    (tally, told, outcome.is_err())
}

/// Imports one line after the other, as the reference.
fn one_by_one(lines: &[Line], terms: ImportTerms, store: &mut Fake) -> (ImportTally, Vec<u64>) {
    let (mut tally, mut told) = (ImportTally::default(), Vec::new());
    for (line, read) in (1..).zip(entries(lines)) {
        let done = read.map_err(|_| ()).and_then(|entry| {
            store.check(&entry.tuple).map_err(|_| ())?;
            store.write(&[&entry.tuple]).map_err(|_| ())
        });
        match done {
            Ok(BatchResult { changed, revision }) => {
                tally.changed += changed;
                tally.skipped += 1 - changed;
                tally.revision = revision;
            }
            Err(()) => {
                told.push(line);
                tally.wrong += 1;
                if tally.wrong > terms.max_wrong {
                    tally.stopped_at = Some(line);
                    break;
                }
            }
        }
    }
    (tally, told)
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let condition = prop_oneof![3 => Just(None), 1 => (0_u8..2).prop_map(Some)];
    let tuple =
        (0_u8..40, condition).prop_map(|(object, condition)| Line::Tuple { object, condition });
    let line = prop_oneof![20 => tuple, 1 => Just(Line::Unchecked), 1 => Just(Line::Unread)];
    prop::collection::vec(line, 0..80)
}

fn terms() -> impl Strategy<Value = ImportTerms> {
    let max_wrong = prop_oneof![Just(0), 1_u64..6, Just(u64::MAX)];
    (1_usize..40, max_wrong, any::<bool>(), any::<bool>()).prop_map(
        |(batch, max_wrong, skips, deletes)| ImportTerms {
            batch,
            max_wrong,
            skips,
            deletes,
        },
    )
}

/// Creates a store that holds some of the tuples in the lines.
fn store(terms: ImportTerms, held: &[u8]) -> Fake {
    let tuples = held
        .iter()
        .map(|object| tuple(*object, None))
        .map(|tuple| (tuple.key.clone(), tuple))
        .collect();
    Fake {
        tuples,
        skips: terms.skips,
        deletes: terms.deletes,
        revision: 0,
        left: usize::MAX,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn batches_do_what_single_lines_would(
        lines in lines(),
        terms in terms(),
        held in prop::collection::vec(0_u8..40, 0..20),
    ) {
        let (mut found, mut expected) = (store(terms, &held), store(terms, &held));
        let (mut tally, told, failed) = import(&lines, terms, &mut found);
        let (mut plain, plainly_told) = one_by_one(&lines, terms, &mut expected);
        // The number of revisions depends on the batches.
        (tally.revision, plain.revision) = (None, None);
        prop_assert_eq!((tally, told, failed), (plain, plainly_told, false));
        prop_assert_eq!(found.tuples, expected.tuples);
    }

    /// After any interruption, running the import again leads to the same result as without it.
    #[test]
    fn an_interrupted_import_goes_on(
        lines in lines(),
        mut terms in terms(),
        batches in 0_usize..12,
    ) {
        (terms.skips, terms.max_wrong) = (true, u64::MAX);
        let mut expected = store(terms, &[]);
        let (whole, told, _) = import(&lines, terms, &mut expected);

        let mut found = store(terms, &[]);
        found.left = batches;
        let (first, _, failed) = import(&lines, terms, &mut found);
        found.left = usize::MAX;
        let (second, told_again, failed_again) = import(&lines, terms, &mut found);
        prop_assert!(!failed_again && (failed || first.taken() == whole.taken()));
        prop_assert_eq!(told_again, told);
        prop_assert_eq!(first.changed + second.changed, whole.changed);
        prop_assert_eq!(found.tuples, expected.tuples);
    }
}

#[test]
fn a_file_that_cannot_be_read_on_is_not_done() {
    let (mut store, mut told) = (
        Fake {
            left: 9,
            ..Fake::default()
        },
        0,
    );
    let work = ImportRun {
        target: &mut store,
        batch: 10,
        skips: true,
        same_keys: false,
        max_wrong: 5,
        tell: &mut |_| told += 1,
        step: &|_| {},
    };
    let broken = WrongEntry {
        line: 2,
        message: "the disk is gone".to_owned(),
        is_last: true,
    };
    let (tally, outcome) = work.run(
        [
            Ok(FileEntry {
                line: 1,
                tuple: tuple(1, None),
            }),
            Err(broken),
        ]
        .into_iter(),
    );
    assert_eq!(
        (
            tally.changed,
            tally.wrong,
            tally.stopped_at,
            outcome.is_ok(),
            told
        ),
        (1, 1, Some(2), true, 1)
    );
}

#[test]
fn a_fault_ends_an_import_and_says_what_was_done() {
    let terms = ImportTerms {
        batch: 2,
        max_wrong: 0,
        skips: true,
        deletes: false,
    };
    let lines: Vec<Line> = (1..=9)
        .map(|object| Line::Tuple {
            object,
            condition: None,
        })
        .collect();
    let mut store = Fake {
        left: 3,
        ..store(terms, &[])
    };
    let (tally, told, failed) = import(&lines, terms, &mut store);
    assert_eq!(
        (tally.changed, tally.stopped_at, told, failed),
        (6, None, Vec::new(), true)
    );
    assert_eq!(store.tuples.len(), 6);
}
