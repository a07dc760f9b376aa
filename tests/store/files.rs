//! The data directory of the stores that keep what they are told.

use super::{Fixture, MAIN, OTHER, numbered};
use behest::model::Digest;
use behest::storage::{BackupFile, ModelId, StoreError, StoreId, StoreLocation, restore};
use redb::{Database, TableDefinition};
use std::path::Path;
use support::store::{Kind, State, at, model, record};

const GONE: StoreId = StoreId::from_bits(9);

#[test]
fn a_reopened_store_holds_what_it_held() {
    for kind in Kind::durable() {
        let fixture = Fixture::new(kind);
        fixture
            .store
            .write_model(MAIN, model(5, "{}"), at(1))
            .unwrap();
        fixture
            .store
            .write_assertions(MAIN, ModelId::from_bits(5), b"[]")
            .unwrap();
        fixture.store.apply(MAIN, numbered(0, 5000), at(2)).unwrap();
        let before = State::read(&*fixture.store).unwrap();
        let Fixture { store, dir: _dir } = fixture.reopened(kind);
        assert_eq!(State::read(&*store).unwrap(), before);
        assert_eq!(
            store
                .assertions(MAIN, ModelId::from_bits(5))
                .unwrap()
                .as_deref(),
            Some(&b"[]"[..])
        );
        assert_eq!(
            store
                .apply(MAIN, numbered(5000, 1), at(3))
                .unwrap()
                .revision
                .0,
            before.revision.0 + 1
        );
    }
}

#[test]
fn a_directory_in_use_says_so() {
    for kind in Kind::durable() {
        let Fixture { store, dir } = Fixture::new(kind);
        let refused = kind.open(dir.path()).unwrap_err();
        let expected = format!(
            "the data directory `{}` is in use by another process: stop that one, or choose another directory",
            dir.path().display()
        );
        assert_eq!(refused.to_string(), expected);
        drop(store);
        assert!(kind.open(dir.path()).is_ok());
    }
}

#[test]
fn another_format_is_refused() {
    let Fixture { store, dir } = Fixture::new(Kind::named("redb"));
    drop(store);
    put(dir.path(), b"F", Some(&1_u32.to_be_bytes()));
    let refused = Kind::named("redb").open(dir.path()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "`{}` has format 1, and this version of behest reads format 2: open it with the version that wrote it",
            dir.path().join("behest.redb").display()
        )
    );
    put(dir.path(), b"F", None);
    let refused = Kind::named("redb").open(dir.path()).unwrap_err();
    assert!(
        refused.to_string().contains("(its format is missing)"),
        "{refused}"
    );
}

#[test]
fn a_log_without_its_end_is_refused() {
    let Fixture { store, dir } = Fixture::new(Kind::named("redb"));
    store.apply(MAIN, numbered(0, 1), at(1)).unwrap();
    drop(store);
    put(
        dir.path(),
        &[b"L".as_slice(), &2_u64.to_be_bytes()].concat(),
        None,
    );
    let refused = Kind::named("redb").open(dir.path()).unwrap_err();
    assert!(
        refused.to_string().contains("(the end of the log)"),
        "{refused}"
    );
}

#[test]
fn an_unfinished_new_file_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("behest.redb.new"), b"half a file").unwrap();
    assert!(Kind::named("redb").open(dir.path()).is_ok());
    assert!(!dir.path().join("behest.redb.new").exists());
}

#[test]
fn what_is_no_store_is_refused() {
    for content in [&b""[..], b"hello", &[0; 8192], &[0xff; 8192]] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("behest.redb"), content).unwrap();
        let refused = Kind::named("redb").open(dir.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
        assert_eq!(
            std::fs::read(dir.path().join("behest.redb")).unwrap(),
            content,
            "the file stays as it was"
        );
    }
}

#[test]
fn a_directory_that_cannot_be_made_says_so() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for kind in Kind::durable() {
        let refused = kind.open(&file.path().join("data")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "`{}` cannot be made: Not a directory (os error 20)",
                file.path().join("data").display()
            )
        );
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("new/data");
    let _store = Kind::named("redb").open(&dir).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("behest.redb"))), (0o700, 0o600));
}

fn put(dir: &Path, key: &[u8], value: Option<&[u8]>) {
    const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
    let database = Database::open(dir.join("behest.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut rows = transaction.open_table(ROWS).unwrap();
        match value {
            Some(value) => rows.insert(key, value).unwrap(),
            None => rows.remove(key).unwrap(),
        };
    }
    transaction.commit().unwrap();
}

/// A backup is of the moment of its snapshot, whatever is written before its end, and each backend
/// that keeps anything takes it, whichever it was made from.
#[test]
fn a_backup_of_any_backend_is_restored_into_any_that_keeps() {
    for from in Kind::all() {
        let Fixture { store, dir: _dir } = Fixture::new(from);
        for (id, name) in [(OTHER, "other"), (GONE, "gone")] {
            store.create_store(record(id, name), at(1)).unwrap();
            store.write_model(id, model(5, "{}"), at(1)).unwrap();
        }
        let assertions = ModelId::from_bits(5);
        store.write_assertions(OTHER, assertions, b"[]").unwrap();
        store.apply(MAIN, numbered(0, 5_000), at(2)).unwrap();
        store.apply(GONE, numbered(0, 100), at(2)).unwrap();
        store.delete_store(GONE, at(3)).unwrap();
        store.note_bundle(Digest::new([3; 32]), at(4)).unwrap();
        let snapshot = store.snapshot().unwrap();
        let before = State::read(&*store).unwrap();
        store.apply(MAIN, numbered(5_000, 700), at(5)).unwrap();
        while store.purge().unwrap() {}
        let mut bytes = Vec::new();
        let file = BackupFile {
            name: "beside",
            bytes: b"text".to_vec(),
        };
        let summary = snapshot.write(&[file], &mut bytes).unwrap();
        assert_eq!(summary.header.revision, before.revision);
        assert_eq!(summary.header.bundle, Some(Digest::new([3; 32])));

        for into in Kind::durable() {
            let dir = tempfile::tempdir().unwrap();
            let location = StoreLocation::new(into.backend(), dir.path()).unwrap();
            let restored = restore(&location, &bytes[..], &["beside"], &mut |_| ()).unwrap();
            assert_eq!(restored, summary);
            let text = std::fs::read(dir.path().join("beside")).unwrap();
            assert_eq!(text, b"text");
            let store = into.open(dir.path()).unwrap();
            assert!(State::read(&*store).unwrap() == before, "{from:?} {into:?}");
            assert!(State::replay(&*store, 100).unwrap() == before);
            assert_eq!(
                store.assertions(OTHER, assertions).unwrap().as_deref(),
                Some(&b"[]"[..])
            );
            assert_eq!(store.noted_bundle().unwrap(), summary.header.bundle);
            let next = store.apply(MAIN, numbered(5_000, 1), at(6)).unwrap();
            assert_eq!(next.revision.0, before.revision.0 + 1);
            drop(store);
            let again = restore(&location, &bytes[..], &["beside"], &mut |_| ());
            let told = again.unwrap_err().to_string();
            assert!(told.contains("` holds `be"), "{told}");
            let dir = tempfile::tempdir().unwrap();
            let location = StoreLocation::new(into.backend(), dir.path()).unwrap();
            let unknown = restore(&location, &bytes[..], &[], &mut |_| ()).unwrap_err();
            assert!(unknown.to_string().contains("a file that this version"));
            let closed = into.open(dir.path()).unwrap_err();
            assert!(matches!(closed, StoreError::Restoring(_)), "{closed}");
        }
    }
}
