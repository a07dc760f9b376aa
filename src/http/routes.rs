//! Every endpoint of the service, and which of them a path belongs to.

use super::endpoint::{Access, Endpoint, resources};
use super::{Error, PageReaders, Settings, admin, authzen, console, docs, openfga};
use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

/// The label of a path that no endpoint has.
pub(super) const OTHER: &str = "other";

/// A table of endpoints.
enum Table {
    /// Each has a path of its own.
    Paths(&'static [Endpoint]),
    /// The calls of OpenFGA's API, which are mounted and found below one path.
    Calls,
}

/// All of them. The router tries them in this order, so what is asked most stands first.
static TABLES: [Table; 7] = [
    Table::Paths(&authzen::DECISIONS),
    Table::Calls,
    Table::Paths(&admin::OPERATION),
    Table::Paths(&authzen::DISCOVERY),
    Table::Paths(&console::EXPLANATIONS),
    Table::Paths(&console::CONSOLE),
    Table::Paths(&docs::PAGES),
];

impl Table {
    fn endpoints(&self) -> &'static [Endpoint] {
        match self {
            Self::Paths(endpoints) => endpoints,
            Self::Calls => &openfga::CALLS,
        }
    }
}

/// Returns every endpoint of the service.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    TABLES.iter().flat_map(Table::endpoints)
}

/// Mounts everything.
pub(super) fn mount(app: &mut ServiceConfig) {
    for table in &TABLES {
        match table {
            Table::Paths(endpoints) => resources::<Error>(endpoints, "").for_each(|resource| {
                app.service(resource);
            }),
            Table::Calls => openfga::mount(app),
        }
    }
    app.default_service(web::to(|| async {
        Err::<HttpResponse, _>(Error::NotFound)
    }));
}

/// Returns the label of a path in metrics: one of a closed list, whatever is asked for.
pub(super) fn label(path: &str) -> &'static str {
    endpoint_at(path).map_or(OTHER, |endpoint| endpoint.label)
}

/// Returns `true` if a path is everybody's: whatever credential comes along with it opens nothing
/// there.
pub(super) fn is_public(path: &str, settings: &Settings) -> bool {
    endpoint_at(path).is_some_and(|endpoint| match endpoint.access {
        Access::Public => true,
        Access::Page(page) => settings.readers(page) != PageReaders::Callers,
        Access::Needs(_) => false,
    })
}

/// Finds an endpoint that a path belongs to, by whatever method. Those that share a path share
/// their label, and are public or not together.
fn endpoint_at(path: &str) -> Option<&'static Endpoint> {
    TABLES.iter().find_map(|table| match table {
        Table::Paths(endpoints) => endpoints.iter().find(|endpoint| endpoint.is_at(path)),
        Table::Calls => openfga::call_at(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_path_has_the_label_of_the_endpoint_that_it_belongs_to() {
        for (path, expected) in [
            ("/access/v1/evaluation", "evaluation"),
            ("/access/v1/evaluation/", OTHER),
            ("/access/v1/search/action", "search_action"),
            ("/.well-known/authzen-configuration", "metadata"),
            ("/.well-known/authzen-configuration/tenant", "metadata"),
            ("/", "docs"),
            ("/docs", "docs"),
            ("/docs/index.css", "docs"),
            ("/openapi.json", "openapi"),
            ("/stores", "fga_stores"),
            ("/stores/", "fga_stores"),
            ("/stores/01", "fga_stores"),
            ("/stores/01/check", "fga_check"),
            ("/stores/01/check/02", "fga_check"),
            ("/stores/01/authorization-models/02", "fga_models"),
            ("/stores/01/assertions", "fga_assertions"),
            ("/stores/01/anything", OTHER),
            ("/stores/01/", OTHER),
            ("/storeserver", OTHER),
            ("/nowhere", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(label(path), expected, "{path}");
        }
    }

    #[test]
    fn a_path_is_public_if_its_endpoint_is() {
        let open = Settings::default();
        let closed = Settings {
            metrics: PageReaders::Callers,
            docs: PageReaders::Callers,
            ..Settings::default()
        };
        for endpoint in endpoints() {
            let is_public_in =
                |settings| is_public(&endpoint.path.replace(['{', '}'], ""), settings);
            let expected = match endpoint.access {
                Access::Public => (true, true),
                Access::Page(_) => (true, false),
                Access::Needs(_) => (false, false),
            };
            let found = (is_public_in(&open), is_public_in(&closed));
            assert_eq!(found, expected, "{endpoint:?}");
        }
        for path in ["/nowhere", "/healthz/", "/stores/01/anything", ""] {
            assert!(!is_public(path, &open), "{path}");
        }
    }

    #[test]
    fn endpoints_of_one_path_stand_side_by_side_and_take_other_methods() {
        let mut methods: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for endpoint in endpoints() {
            methods
                .entry(endpoint.path)
                .or_default()
                .extend(endpoint.method.verbs());
        }
        let resources = TABLES.iter().map(|table| {
            let endpoints = table.endpoints();
            endpoints
                .chunk_by(|one, next| one.path == next.path)
                .count()
        });
        assert_eq!(resources.sum::<usize>(), methods.len());
        for (path, methods) in methods {
            let mut once = methods.clone();
            once.sort_by(|one, next| one.as_str().cmp(next.as_str()));
            once.dedup();
            assert_eq!(once.len(), methods.len(), "{path}");
        }
    }
}
