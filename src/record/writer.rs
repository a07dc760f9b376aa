//! The queue of records, and the one thread that empties it.
//!
//! INVARIANT: the bytes of a record are counted from before it enters the queue until they have
//! been written to the sink, so the bound on bytes includes both waiting records and those being
//! written.

use crate::record::sink::Output;
use crate::record::{QueueFull, QueueSettings, Sink, WhenFull};
use crate::telemetry::Metrics;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Lines are collected up to this size before they are written, so that one system call writes many
/// records under load.
const BATCH_BYTES: usize = 256 << 10;

/// The pause between attempts while the sink fails.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

enum Message {
    Line(Vec<u8>),
    /// Wakes the thread because a flag was set.
    Wake,
}

/// State that the threads share.
#[derive(Debug)]
struct QueueState {
    metrics: Arc<Metrics>,
    /// Bytes that wait or are being written.
    bytes: AtomicUsize,
    closing: AtomicBool,
    reopening: AtomicBool,
}

/// The sending side of the queue.
#[derive(Debug)]
pub(super) struct Queue {
    sender: SyncSender<Message>,
    settings: QueueSettings,
    shared: Arc<QueueState>,
}

impl Queue {
    pub(super) fn push(&self, line: Vec<u8>) -> Result<(), QueueFull> {
        let size = line.len();
        let before = self.shared.bytes.fetch_add(size, Ordering::SeqCst);
        // The first record is accepted whatever its size: a bound smaller than one record must not
        // stop the service for good.
        let fits = before == 0 || before.saturating_add(size) <= self.settings.bytes;
        let closing = self.shared.closing.load(Ordering::SeqCst);
        if fits && !closing && self.send(Message::Line(line)) {
            return Ok(());
        }
        self.shared.bytes.fetch_sub(size, Ordering::SeqCst);
        match self.settings.when_full {
            WhenFull::Deny => Err(QueueFull),
            WhenFull::Drop => {
                self.shared.metrics.records_dropped(1);
                Ok(())
            }
        }
    }

    fn send(&self, message: Message) -> bool {
        match self.sender.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// A handle of the writing thread, by which it is stopped.
#[derive(Debug)]
pub struct RecordWriter {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl RecordWriter {
    /// Requests that the sink's file be reopened before the next line, for log rotation.
    pub fn reopen(&self) {
        self.queue.shared.reopening.store(true, Ordering::Release);
        if let Some(thread) = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            self.wake(thread);
        }
    }

    /// Writes the queued records and ends the thread. Later records find the queue full. If the
    /// sink fails, one last attempt is made, and the remaining records are counted as lost. Closing
    /// again does nothing.
    pub fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        self.queue.shared.closing.store(true, Ordering::SeqCst);
        self.wake(&thread);
        if thread.join().is_err() {
            tracing::error!("the writer of decision records had failed");
        }
    }

    fn wake(&self, thread: &JoinHandle<()>) {
        // If the queue is full, the thread is awake and sees the flag after the next batch.
        self.queue.send(Message::Wake);
        thread.thread().unpark();
    }
}

pub(super) fn start(
    sink: Sink,
    settings: QueueSettings,
    metrics: Arc<Metrics>,
) -> io::Result<(Arc<Queue>, RecordWriter)> {
    let output = Output::open(sink)?;
    let (sender, receiver) = sync_channel(settings.records);
    let shared = Arc::new(QueueState {
        metrics,
        bytes: AtomicUsize::new(0),
        closing: AtomicBool::new(false),
        reopening: AtomicBool::new(false),
    });
    let queue = Arc::new(Queue {
        sender,
        settings,
        shared: Arc::clone(&shared),
    });
    let run = WriterLoop {
        output,
        receiver,
        shared,
        pending: Vec::new(),
        lines: 0,
        failing: false,
    };
    let thread = std::thread::Builder::new()
        .name("decision-records".to_owned())
        .spawn(move || run.until_closed())?;
    Ok((
        Arc::clone(&queue),
        RecordWriter {
            queue,
            thread: Mutex::new(Some(thread)),
        },
    ))
}

struct WriterLoop {
    output: Output,
    receiver: Receiver<Message>,
    shared: Arc<QueueState>,
    /// Lines to be written next.
    pending: Vec<u8>,
    /// The number of pending lines.
    lines: u64,
    /// Whether the last attempt failed, so that a failure is logged only when it begins and when it
    /// ends.
    failing: bool,
}

impl WriterLoop {
    fn until_closed(mut self) {
        while let Ok(message) = self.receiver.recv() {
            self.take(message);
            self.fill();
            self.write_pending();
            if self.closing() {
                break;
            }
        }
        self.finish();
    }

    fn closing(&self) -> bool {
        self.shared.closing.load(Ordering::SeqCst)
    }

    fn take(&mut self, message: Message) {
        if let Message::Line(line) = message {
            self.pending.extend_from_slice(&line);
            self.lines += 1;
        }
    }

    /// Takes waiting lines, up to a batch.
    fn fill(&mut self) {
        while self.pending.len() < BATCH_BYTES {
            let Ok(message) = self.receiver.try_recv() else {
                return;
            };
            self.take(message);
        }
    }

    /// Writes until nothing is pending. While the sink fails, it tries again until the writer is
    /// closed.
    fn write_pending(&mut self) {
        loop {
            self.reopen_if_asked();
            if self.attempt() || self.closing() {
                return;
            }
            std::thread::park_timeout(RETRY_PAUSE);
        }
    }

    fn attempt(&mut self) -> bool {
        if self.pending.is_empty() {
            return true;
        }
        let before = self.pending.len();
        let outcome = self.output.write(&mut self.pending);
        self.shared
            .bytes
            .fetch_sub(before.saturating_sub(self.pending.len()), Ordering::SeqCst);
        let left = count_lines(&self.pending);
        self.shared
            .metrics
            .records_written(self.lines.saturating_sub(left));
        self.lines = left;
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    let path = self.output.sink();
                    tracing::info!(%path, "decision records are written again");
                }
                true
            }
            Err(error) => {
                self.shared.metrics.record_write_failed();
                if !std::mem::replace(&mut self.failing, true) {
                    let path = self.output.sink();
                    tracing::error!(
                        %path,
                        %error,
                        "decision records cannot be written; they wait in the queue"
                    );
                }
                false
            }
        }
    }

    fn reopen_if_asked(&mut self) {
        if self.shared.reopening.swap(false, Ordering::AcqRel)
            && let Err(error) = self.output.reopen()
        {
            let path = self.output.sink();
            tracing::error!(
                %path,
                %error,
                "the file of decision records cannot be opened anew; the old one is kept"
            );
        }
    }

    /// Writes the records that are still queued, or counts them as lost.
    ///
    /// INVARIANT: a record's bytes are counted before `closing` is read (`Queue::push`), and
    /// `closing` was set before this runs. So while a record is entering the queue, the counted
    /// bytes exceed the pending ones.
    fn finish(&mut self) {
        let mut works = true;
        loop {
            while let Ok(message) = self.receiver.try_recv() {
                self.take(message);
            }
            works = works && self.attempt();
            let settled = self.shared.bytes.load(Ordering::SeqCst) == self.pending.len();
            if settled && (self.pending.is_empty() || !works) {
                break;
            }
            std::thread::yield_now();
        }
        if self.lines > 0 {
            self.shared.metrics.records_dropped(self.lines);
            tracing::error!(
                records = self.lines,
                "decision records were lost at the end"
            );
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}
