//! The paths of the OpenFGA API.

use crate::http::Error;
use crate::http::openfga::error::ApiError;
use crate::http::openfga::{
    assertions, batch_check, changes, check, clear, expand, export, list_objects, list_users,
    models, read, stores, stream, write,
};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};

const STORES: &str = "/stores";

/// Mounts the calls. The router tries them in this order, so what is asked most stands first.
pub(in crate::http) fn mount(app: &mut ServiceConfig) {
    let calls = web::scope(STORES)
        // For servers that enforce.
        .service(at("/{store_id}/check", "POST").route(web::post().to(check::check)))
        .service(
            at("/{store_id}/batch-check", "POST").route(web::post().to(batch_check::batch_check)),
        )
        .service(
            at("/{store_id}/list-objects", "POST")
                .route(web::post().to(list_objects::list_objects)),
        )
        .service(
            at("/{store_id}/streamed-list-objects", "POST")
                .route(web::post().to(stream::streamed_list_objects)),
        )
        .service(at("/{store_id}/list-users", "POST").route(web::post().to(list_users::list_users)))
        .service(at("/{store_id}/expand", "POST").route(web::post().to(expand::expand)))
        // For whoever keeps the tuples.
        .service(at("/{store_id}/write", "POST").route(web::post().to(write::write)))
        .service(at("/{store_id}/read", "POST").route(web::post().to(read::read)))
        .service(at("/{store_id}/changes", "GET").route(web::get().to(changes::changes)))
        .service(
            at("/{store_id}/delete-tuples", "POST").route(web::post().to(clear::delete_tuples)),
        )
        .service(at("/{store_id}/export-tuples", "GET").route(web::get().to(export::export_tuples)))
        // For whoever keeps the stores and their models.
        .service(
            at("/{store_id}/authorization-models", "GET, POST")
                .route(web::get().to(models::list))
                .route(web::post().to(models::write)),
        )
        .service(
            at("/{store_id}/authorization-models/{model_id}", "GET")
                .route(web::get().to(models::get)),
        )
        .service(
            at("/{store_id}/assertions/{model_id}", "GET, PUT")
                .route(web::get().to(assertions::read))
                .route(web::put().to(assertions::write)),
        )
        .service(
            at("/{store_id}", "GET, DELETE")
                .route(web::get().to(stores::get))
                .route(web::delete().to(stores::delete)),
        )
        .service(
            at("", "GET, POST")
                .route(web::get().to(stores::list))
                .route(web::post().to(stores::create)),
        )
        .default_service(web::to(|| async { refuse(Error::NotFound) }));
    app.service(calls);
}

/// The label of a path in metrics: a closed list, whatever is asked for. `None` where the path is
/// not of this API.
pub(in crate::http) fn endpoint_name(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix(STORES)?;
    let mut parts = rest
        .strip_prefix('/')
        .into_iter()
        .flat_map(|rest| rest.splitn(3, '/'))
        .skip(1);
    Some(match parts.next() {
        _ if !rest.is_empty() && !rest.starts_with('/') => return None,
        None => "fga_stores",
        Some("check") => "fga_check",
        Some("batch-check") => "fga_batch_check",
        Some("list-objects") => "fga_list_objects",
        Some("streamed-list-objects") => "fga_streamed_list_objects",
        Some("list-users") => "fga_list_users",
        Some("expand") => "fga_expand",
        Some("write") => "fga_write",
        Some("read") => "fga_read",
        Some("changes") => "fga_changes",
        Some("export-tuples") => "fga_export_tuples",
        Some("delete-tuples") => "fga_delete_tuples",
        Some("authorization-models") => "fga_models",
        Some("assertions") => "fga_assertions",
        Some(_) => "other",
    })
}

fn at(path: &'static str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        refuse(Error::MethodNotAllowed(methods))
    }))
}

fn refuse(error: Error) -> Result<HttpResponse, ApiError> {
    Err(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_of_few_names() {
        for (path, name) in [
            ("/stores", Some("fga_stores")),
            ("/stores/01", Some("fga_stores")),
            ("/stores/01/check", Some("fga_check")),
            ("/stores/01/authorization-models/02", Some("fga_models")),
            ("/stores/01/anything", Some("other")),
            ("/storeserver", None),
            ("/healthz", None),
        ] {
            assert_eq!(endpoint_name(path), name, "{path}");
        }
    }
}
