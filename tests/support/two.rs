//! Two requests at once: which is answered first.

use crate::service::{Reply, reply};
use actix_web::test::{TestRequest, call_service, init_service};
use behest::http::Server;
use std::cell::Cell;

/// Sends two requests at once, the first to be looked at first, and says whether the second was answered before it.
pub(crate) async fn send_two(server: &Server, first: TestRequest, second: TestRequest) -> (Reply, Reply, bool) {
    // Whatever takes time and is no answer is done before.
    let (one, other) = (init_service(server.app()).await, init_service(server.app()).await);
    let is_first_there = Cell::new(false);
    let first = async {
        let response = call_service(&one, first.to_request()).await;
        is_first_there.set(true);
        reply(response).await
    };
    let second = async {
        let response = call_service(&other, second.to_request()).await;
        (!is_first_there.get(), reply(response).await)
    };
    let (first, (is_before, second)) = tokio::join!(first, second);
    (first, second, is_before)
}
