//! The metrics of what the service holds: relations, files, and certificates with their ends.
//!
//! They are brought up to date when the metrics are asked for, by whoever knows them: no write and
//! no reload waits for them.

use super::names;
use prometheus_client::metrics::{family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// LIMIT: how many files of the data directory are looked at. A backend has one or a few dozen.
const MAX_FILES: usize = 4_096;

/// How deep folders are below the data directory: a backend's own folder, and those in it.
const MAX_DEPTH: usize = 3;

type ByName = Family<[(&'static str, &'static str); 1], Gauge>;

/// What all stores hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelationFigures {
    /// The newest revision that decisions see.
    pub revision: u64,
    /// The number of stores, `main` among them.
    pub stores: usize,
    /// Tuples that were written, over all stores.
    pub stored_tuples: usize,
    /// Tuples of the bundle.
    pub bundle_tuples: usize,
}

/// When certificates end, in seconds since 1970; `None` for those that there are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertificateEnds {
    /// The first end among the service's certificate and the intermediates that are sent with it.
    pub server: Option<i64>,
    /// The first end among the authorities of callers' certificates.
    pub client_authority: Option<i64>,
    /// Whether the last reading of their files found nothing wrong.
    pub is_read: bool,
}

/// The gauges of what the service holds.
#[derive(Clone, Debug, Default)]
pub struct StateMetrics {
    revision: Gauge,
    stores: Gauge,
    tuples: ByName,
    data_bytes: Gauge,
    data_dir: OnceLock<PathBuf>,
    certificates: ByName,
    /// Without labels, and a family so that it is not there where there is no TLS.
    certificates_read: Family<[(&'static str, &'static str); 0], Gauge>,
}

impl StateMetrics {
    /// Sets the directory whose files are measured. It is set once, at start.
    pub fn watch_data(&self, dir: &Path) {
        let _set_once = self.data_dir.set(dir.to_owned());
    }

    /// Records what the stores hold.
    pub fn set_relations(&self, figures: RelationFigures) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.revision
            .set(i64::try_from(figures.revision).unwrap_or(i64::MAX));
        self.stores.set(count(figures.stores));
        for (layer, tuples) in [
            ("stored", figures.stored_tuples),
            ("bundle", figures.bundle_tuples),
        ] {
            self.tuples
                .get_or_create(&[("layer", layer)])
                .set(count(tuples));
        }
    }

    /// Records when the certificates end.
    pub fn set_certificates(&self, ends: CertificateEnds) {
        for (certificate, end) in [
            ("server", ends.server),
            ("client_authority", ends.client_authority),
        ] {
            let labels = [("certificate", certificate)];
            match end {
                Some(end) => drop(self.certificates.get_or_create(&labels).set(end)),
                None => drop(self.certificates.remove(&labels)),
            }
        }
        self.certificates_read
            .get_or_create(&[])
            .set(i64::from(ends.is_read));
    }

    /// Measures the files of the data directory.
    pub(super) fn measure(&self) {
        if let Some(dir) = self.data_dir.get() {
            let bytes = bytes_below(dir, MAX_DEPTH, &mut MAX_FILES.clone());
            self.data_bytes
                .set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.set_relations(RelationFigures::default());
        for (name, help, gauge) in [
            (
                names::REVISION,
                "The newest revision that decisions see",
                &self.revision,
            ),
            (names::STORES, "Stores of relations", &self.stores),
            (
                names::DATA_BYTES,
                "Size of the files in the data directory",
                &self.data_bytes,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            names::TUPLES,
            "Tuples of all stores, by layer",
            self.tuples.clone(),
        );
        registry.register(
            names::CERTIFICATE_END,
            "When a certificate ends, in seconds since 1970",
            self.certificates.clone(),
        );
        registry.register(
            names::CERTIFICATES_READ,
            "Whether the last reading of the certificates found nothing wrong",
            self.certificates_read.clone(),
        );
    }
}

/// Returns the size of the files below a folder, as far as it can be read.
fn bytes_below(dir: &Path, depth: usize, files_left: &mut usize) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let mut bytes: u64 = 0;
    for entry in entries.filter_map(Result::ok) {
        if *files_left == 0 {
            break;
        }
        *files_left -= 1;
        // A link is not followed: what it leads to is not the directory's.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        bytes = bytes.saturating_add(if metadata.is_file() {
            metadata.len()
        } else if metadata.is_dir() && depth > 1 {
            bytes_below(&entry.path(), depth - 1, files_left)
        } else {
            0
        });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_measured_as_deep_as_a_backend_lays_them() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: usize| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; bytes]).unwrap();
        };
        write("behest.redb", 100);
        write("behest.sled/db", 20);
        write("behest.sled/blobs/1", 3);
        write("a/b/c/too-deep", 5_000);
        std::os::unix::fs::symlink("/proc/self/exe", dir.path().join("link")).unwrap();
        let measured = |mut files| bytes_below(dir.path(), MAX_DEPTH, &mut files);
        assert_eq!(measured(MAX_FILES), 123);
        assert_eq!(measured(0), 0);
        assert_eq!(bytes_below(&dir.path().join("none"), 1, &mut 9), 0);
    }
}
