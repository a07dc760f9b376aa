//! Wraps a stream to note what happens on the wire, and to fail once its connection is late.

use super::{Connection, ConnectionWatch};
use actix_web::rt::net::{ActixStream, Ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stream of a connection, TCP or a Unix socket; TLS, if used, lies above it.
pub(in crate::http) struct TimedStream<S> {
    stream: S,
    connection: Rc<Connection>,
}

impl<S> TimedStream<S> {
    /// Wraps a connection that was just accepted.
    pub(in crate::http) fn new(stream: S, watch: &Rc<ConnectionWatch>) -> Self {
        Self {
            stream,
            connection: watch.add(),
        }
    }

    /// Returns the state of the connection.
    pub(in crate::http) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Returns the wrapped stream.
    pub(in crate::http) fn get_ref(&self) -> &S {
        &self.stream
    }

    fn check(&self) -> io::Result<()> {
        if self.connection.end().is_some() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(())
        }
    }

    fn note_write(&self, cx: &Context<'_>, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Ready(Ok(_)) => self.connection.wrote(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.connection.blocked();
                self.connection.park(cx);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let before = buffer.filled().len();
        let is_full = buffer.remaining() == 0;
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match outcome {
            Poll::Ready(Ok(())) if !is_full => self.connection.read(buffer.filled().len() - before),
            Poll::Ready(_) => {}
            Poll::Pending => self.connection.park(cx),
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(cx, &outcome);
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        if outcome.is_ready() {
            self.connection.flushed();
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.note_write(cx, &outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: ActixStream> ActixStream for TimedStream<S> {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.stream.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.stream.poll_write_ready(cx)
    }
}
