//! Sends two requests at once and reports which is answered first.

use crate::service::{Reply, reply};
use actix_web::test::{TestRequest, call_service, init_service};
use behest::http::Server;
use std::cell::Cell;

/// How often two requests are sent. Work on another thread may by chance end before the other
/// request is answered, but work on the worker never lets the other one go first.
const ATTEMPTS: usize = 5;

/// Sends two requests at once, of which the first is polled first. Returns both answers of the last
/// attempt, and after how many attempts the second request was answered first, or `None` if it
/// never was.
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
    // Everything that takes time and is not part of an answer is done before.
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
    // The order of polling is fixed, so answers that take equally long arrive in it.
    let (first, (is_before, second)) = tokio::join!(biased; first, second);
    (first, second, is_before)
}
