//! A body that is written for long, and looks at its caller again before each piece.
//!
//! **Problem.** An export may take minutes. A caller whose token ends, or whose authority is
//! withdrawn meanwhile, would read on.
//! **Decision.** Before each piece the caller is looked at as behind any other wait; if it is no
//! longer who it was, the body breaks off, and the connection with it. A list writes a piece for
//! each object, so a future is made only if an issuer has to be asked again.

use crate::http::Error;
use crate::http::shared::ServiceState;
use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{Bytes, Data};
use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A look at the caller that is under way.
type CallerLook = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// A body, and whose it is.
pub(in crate::http) struct WatchedBody<B> {
    body: B,
    shared: Data<ServiceState>,
    request: HttpRequest,
    look: Option<CallerLook>,
}

/// The error if a body broke off.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum BrokenBody {
    /// The caller is no longer who it was.
    #[error("an answer broke off: its caller is no longer let in")]
    Caller,
    /// The body itself failed.
    #[error(transparent)]
    Body(Box<dyn StdError>),
}

impl<B> WatchedBody<B> {
    /// Wraps the body of the answer to this request.
    pub(in crate::http) fn new(
        body: B,
        shared: &Data<ServiceState>,
        request: &HttpRequest,
    ) -> Self {
        Self {
            body,
            shared: shared.clone(),
            request: request.clone(),
            look: None,
        }
    }
}

impl<B: MessageBody + Unpin> MessageBody for WatchedBody<B> {
    type Error = BrokenBody;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenBody>>> {
        let this = self.get_mut();
        let outcome = if this.look.is_none() && !this.shared.must_ask(&this.request, None) {
            this.shared.check_now(&this.request, None)
        } else {
            let look = this.look.get_or_insert_with(|| {
                let shared = this.shared.clone();
                let request = this.request.clone();
                Box::pin(async move { shared.check_sender(&request).await })
            });
            let outcome = ready!(look.as_mut().poll(cx));
            this.look = None;
            outcome
        };
        if outcome.is_err() {
            return Poll::Ready(Some(Err(BrokenBody::Caller)));
        }
        let piece = ready!(Pin::new(&mut this.body).poll_next(cx));
        Poll::Ready(piece.map(|piece| piece.map_err(|error| BrokenBody::Body(error.into()))))
    }
}
