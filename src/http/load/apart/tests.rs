//! Tests of the places for long work.

use super::*;
use std::cell::Cell;
use std::sync::mpsc::channel;

#[actix_web::test]
async fn one_more_than_may_wait_is_refused_and_a_place_comes_back() {
    let apart = LongWorkPlaces::new(1, 1, QUESTION_WAIT);
    let (begun, is_begun) = channel();
    let (end, ends) = channel::<()>();
    let first = apart.run(async { Ok(()) }, move || {
        begun.send(()).unwrap();
        ends.recv().unwrap();
        Ok::<_, Error>(1)
    });
    let others = async {
        while is_begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let second = apart.run(async { Ok(()) }, || Ok::<_, Error>(2));
        let third = async {
            let refused = apart.run(async { Ok(()) }, || Ok::<_, Error>(3)).await;
            end.send(()).unwrap();
            refused
        };
        tokio::join!(second, third)
    };
    let (first, (second, third)) = tokio::join!(first, others);
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    assert!(matches!(third, Err(Error::Overloaded(Shortage::Time))));
    assert_eq!(
        apart
            .run(async { Ok(()) }, || Ok::<_, Error>(4))
            .await
            .unwrap(),
        4
    );
}

#[actix_web::test]
async fn what_is_allowed_no_more_when_its_place_comes_is_not_done() {
    let apart = LongWorkPlaces::new(1, 1, QUESTION_WAIT);
    let taken = Arc::clone(&apart.places).acquire_owned().await.unwrap();
    let is_withdrawn = Cell::new(false);
    let check = async || {
        if is_withdrawn.get() {
            Err(Error::WrongCredential)
        } else {
            Ok(())
        }
    };
    let waiting = apart.run(check(), || Ok::<_, Error>(1));
    let meanwhile = async {
        tokio::task::yield_now().await;
        is_withdrawn.set(true);
        drop(taken);
    };
    let (refused, ()) = tokio::join!(waiting, meanwhile);
    assert!(matches!(refused, Err(Error::WrongCredential)));
    is_withdrawn.set(false);
    assert_eq!(
        apart.run(check(), || Ok::<_, Error>(2)).await.unwrap(),
        2,
        "the place came back"
    );
}
