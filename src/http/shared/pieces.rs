//! A body that a thread writes in pieces, while its client reads it.
//!
//! INVARIANT: a body that ends regularly is complete. Otherwise it breaks off, and the connection
//! with it.

use crate::http::load::places::StreamPlace;
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Size in bytes at which a piece is sent.
pub(in crate::http) const PIECE_BYTES: usize = 64 << 10;

/// Maximum number of pieces that wait for a slow client; then the thread waits too.
const WAITING: usize = 4;

/// How long the thread waits for a client that does not read.
const STALLED: Duration = Duration::from_secs(30);

/// A piece of the body: any number of bytes, then the end.
enum BodyPiece {
    Bytes(Bytes),
    End,
}

/// The side that writes. It blocks, so it must be used on a thread that may wait.
pub(in crate::http) struct PieceSender {
    place: StreamPlace,
    sender: Sender<BodyPiece>,
    waiting: Vec<u8>,
}

/// The side that the client reads.
pub(in crate::http) struct PieceBody {
    receiver: Receiver<BodyPiece>,
}

/// Returns both sides of a body that holds this place while it is written.
pub(in crate::http) fn channel_of_pieces(place: StreamPlace) -> (PieceSender, PieceBody) {
    let (sender, receiver) = channel(WAITING);
    let sender = PieceSender {
        place,
        sender,
        waiting: Vec::new(),
    };
    (sender, PieceBody { receiver })
}

impl PieceSender {
    /// Sends a piece. Returns `false` if the body has to break off.
    pub(in crate::http) fn send(&mut self, bytes: Bytes) -> bool {
        let length = bytes.len();
        self.place
            .pass(&self.sender, BodyPiece::Bytes(bytes), length, STALLED)
    }

    /// Ends the body regularly.
    pub(in crate::http) fn end(&mut self) {
        let _taken = self.place.pass(&self.sender, BodyPiece::End, 0, STALLED);
    }
}

/// Collects what is written into pieces.
impl io::Write for PieceSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.waiting);
        if piece.is_empty() || self.send(piece.into()) {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
}

/// The error if the writer has gone without sending the end.
#[derive(Debug, thiserror::Error)]
#[error("an answer broke off: it could not be written, or its client did not read")]
pub(in crate::http) struct BrokenPieces;

impl MessageBody for PieceBody {
    type Error = BrokenPieces;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenPieces>>> {
        match std::task::ready!(self.get_mut().receiver.poll_recv(cx)) {
            Some(BodyPiece::Bytes(bytes)) => Poll::Ready(Some(Ok(bytes))),
            Some(BodyPiece::End) => Poll::Ready(None),
            None => Poll::Ready(Some(Err(BrokenPieces))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[actix_web::test]
    async fn a_body_is_complete_only_with_its_last_word() {
        for (last, is_complete) in [(Some(BodyPiece::End), true), (None, false)] {
            let (sender, receiver) = channel(WAITING);
            let piece = BodyPiece::Bytes("{}\n".into());
            assert!(sender.send(piece).await.is_ok());
            if let Some(last) = last {
                assert!(sender.send(last).await.is_ok());
            }
            drop(sender);
            let mut lines = Box::pin(PieceBody { receiver });
            assert!(matches!(
                poll_fn(|cx| lines.as_mut().poll_next(cx)).await,
                Some(Ok(_))
            ));
            assert_eq!(
                poll_fn(|cx| lines.as_mut().poll_next(cx)).await.is_none(),
                is_complete
            );
        }
    }
}
