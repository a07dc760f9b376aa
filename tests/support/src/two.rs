//! Two requests at once: which is answered first.

use crate::service::{Reply, reply};
use actix_web::test::{TestRequest, call_service, init_service};
use behest::http::Server;
use std::cell::Cell;

/// How often two requests are sent: what is done on another thread may by chance be done before the
/// other is answered, and what is done on the worker never lets the other go first.
const ATTEMPTS: usize = 5;

/// Sends two requests at once, the first to be looked at first, and says whether the second was
/// answered before it in some attempt; returns the answers of the last one, and how many there
/// were.
pub async fn send_two(
    server: &Server,
    first: impl Fn() -> TestRequest,
    second: impl Fn() -> TestRequest,
) -> (Reply, Reply, Option<usize>) {
    let mut attempts = 1;
    loop {
        let (one, other, is_before) = send_once(server, first(), second()).await;
        if is_before || attempts == ATTEMPTS {
            return (one, other, is_before.then_some(attempts));
        }
        attempts += 1;
    }
}

async fn send_once(
    server: &Server,
    first: TestRequest,
    second: TestRequest,
) -> (Reply, Reply, bool) {
    // Whatever takes time and is no answer is done before.
    let (one, other) = (
        init_service(server.app()).await,
        init_service(server.app()).await,
    );
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
    // In this order each time: answers that take equally long come in it.
    let (first, (is_before, second)) = tokio::join!(biased; first, second);
    (first, second, is_before)
}
