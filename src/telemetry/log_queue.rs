//! Lines of the log, on their way to standard error.
//!
//! **Problem.** Whoever writes to a terminal that is held, or to a pipe that nobody reads, waits
//! for as long as that lasts: a worker answers nobody then, and a signal ends nothing.
//! **Decision.** Lines are offered to a thread that writes them. One that finds too many waiting is
//! lost and counted, and a line says so when lines are written again. The thread of the access log
//! waits itself, and leaves half of the room to all others.
//! **Trade-off.** A process that is killed loses the lines of its last moment.

use super::ExportMetrics;
use super::access_log::TARGET;
use super::background::{Arrivals, Background};
use super::lines::{LineForm, LineWriter};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// LIMIT: lines that wait to be written.
const QUEUE: usize = 4_096;

/// LIMIT: bytes of lines that wait. One line is taken however long it is.
const MAX_BYTES: usize = 8 << 20;

/// How many lines are taken from the queue at once.
const BATCH: usize = 64;

/// How long the end of the process waits for lines that are not written yet.
const FLUSH: Duration = Duration::from_millis(500);

/// How long the access log waits before it looks for room again.
const STEP: Duration = Duration::from_millis(2);

/// The log of the process: the thread that writes its lines.
pub struct Log {
    queue: Arc<LogQueue>,
}

/// Makes the writer of each line.
pub(super) struct LogLines {
    queue: Arc<LogQueue>,
    form: LineForm,
}

/// A writer of one line.
pub(super) struct LogSlot<'q> {
    queue: &'q LogQueue,
    /// Whether it waits for room.
    waits: bool,
}

struct LogQueue {
    background: Background<Vec<u8>>,
    counts: Arc<LogCounts>,
}

#[derive(Default)]
struct LogCounts {
    /// Bytes that wait to be written.
    bytes: AtomicUsize,
    /// Lines that were lost, and of which no line tells yet.
    lost: AtomicUsize,
    metrics: OnceLock<ExportMetrics>,
}

impl Log {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        // The lock of standard error stays free: what writes there beside the log takes it.
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        Self::to(File::from(stderr))
    }

    fn to(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let counts = Arc::new(LogCounts::default());
        let shared = Arc::clone(&counts);
        let run = move |mut arrivals: Arrivals<Vec<u8>>| {
            loop {
                let lines = arrivals.batch(Duration::ZERO, BATCH);
                if lines.is_empty() {
                    break;
                }
                let mut is_refused = false;
                for line in lines {
                    is_refused = write_line(&mut out, &line).is_err();
                    if is_refused {
                        shared.lose();
                    }
                    shared.bytes.fetch_sub(line.len(), Ordering::SeqCst);
                    arrivals.done(1);
                }
                // A line about lines that are refused would be refused, and lead to one about it.
                if is_refused {
                    continue;
                }
                let lost = shared.lost.swap(0, Ordering::SeqCst);
                if lost > 0 {
                    tracing::warn!(lines = lost, "lines of this log were lost: nobody read it");
                }
            }
        };
        let background = Background::start("log", QUEUE, run)?;
        let queue = Arc::new(LogQueue { background, counts });
        Ok(Self { queue })
    }

    /// Counts lines that are lost from now on in these metrics.
    pub fn count_in(&self, metrics: &ExportMetrics) {
        let _set_once = self.queue.counts.metrics.set(metrics.clone());
    }
}

/// Writes a line as a whole, and waits where standard error is one that says so instead of waiting.
/// What is left of a line that fails is ended, so that the next one is a line of its own.
fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    let mut rest = line;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(STEP),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                if rest.len() < line.len() {
                    let _ended = out.write(b"\n");
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.background.close(FLUSH);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log(..)")
    }
}

impl LogLines {
    pub(super) fn new(log: &Log, form: LineForm) -> Self {
        Self {
            queue: Arc::clone(&log.queue),
            form,
        }
    }

    fn line(&self, waits: bool) -> LineWriter<LogSlot<'_>> {
        let queue = &*self.queue;
        LineWriter::new(LogSlot { queue, waits }, self.form)
    }
}

impl<'q> MakeWriter<'q> for LogLines {
    type Writer = LineWriter<LogSlot<'q>>;

    fn make_writer(&'q self) -> Self::Writer {
        self.line(false)
    }

    fn make_writer_for(&'q self, about: &Metadata<'_>) -> Self::Writer {
        self.line(about.target() == TARGET)
    }
}

impl LogQueue {
    /// Returns `true` if so many lines and bytes may wait.
    fn has_room(&self, lines: usize, bytes: usize) -> bool {
        let waiting = self.counts.bytes.load(Ordering::SeqCst);
        self.background.waiting() < lines && waiting < bytes
    }

    fn offer(&self, line: &[u8]) -> bool {
        self.counts.bytes.fetch_add(line.len(), Ordering::SeqCst);
        let is_taken = self.background.offer(line.to_vec());
        if !is_taken {
            self.counts.bytes.fetch_sub(line.len(), Ordering::SeqCst);
        }
        is_taken
    }
}

impl LogCounts {
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::SeqCst);
        if let Some(metrics) = self.metrics.get() {
            metrics.log_line_lost();
        }
    }
}

impl Write for LogSlot<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        while self.waits && !self.queue.has_room(QUEUE / 2, MAX_BYTES / 2) {
            std::thread::sleep(STEP);
        }
        if !(self.queue.has_room(QUEUE, MAX_BYTES) && self.queue.offer(line)) {
            self.queue.counts.lose();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    /// Takes each line when it is let.
    struct HeldTerminal {
        let_on: Receiver<()>,
        shown: Sender<Vec<u8>>,
    }

    impl Write for HeldTerminal {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ended = self.let_on.recv();
            self.shown.send(line.to_vec()).unwrap();
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn held() -> (Log, Sender<()>, Receiver<Vec<u8>>) {
        let (free, let_on) = channel();
        let (shown, seen) = channel();
        (Log::to(HeldTerminal { let_on, shown }).unwrap(), free, seen)
    }

    #[test]
    fn a_terminal_that_is_held_costs_lines_and_no_time() {
        let (log, free, seen) = held();
        let metrics = Metrics::default();
        log.count_in(metrics.exports());
        let begun = Instant::now();
        let lines = LogLines::new(&log, LineForm::Json);
        for number in 0..2 * QUEUE {
            let line = format!("{number}\n");
            lines.make_writer().write_all(line.as_bytes()).unwrap();
        }
        let text = metrics.encode(0);
        assert!(!text.contains("behest_log_lines_dropped_total 0\n"));
        drop(free);
        drop(log);
        assert!(begun.elapsed() < Duration::from_secs(20));
        let first: Vec<_> = seen.iter().take(3).collect();
        assert_eq!(first, [b"0\n", b"1\n", b"2\n"]);
    }

    /// A disk that is full, and a terminal that another program made one that does not wait.
    #[test]
    fn lines_that_are_refused_are_counted_and_those_that_must_wait_are_not_lost() {
        struct Fickle(Vec<u8>, u32);
        impl Write for Fickle {
            fn write(&mut self, part: &[u8]) -> io::Result<usize> {
                self.1 += 1;
                match self.1 % 3 {
                    0 => Err(io::ErrorKind::WouldBlock.into()),
                    _ => self.0.write(part.get(..part.len().min(2)).unwrap()),
                }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut fickle = Fickle(Vec::new(), 0);
        write_line(&mut fickle, b"a whole line\n").unwrap();
        assert_eq!(fickle.0, b"a whole line\n");

        let log = Log::to(Full).unwrap();
        let metrics = Metrics::default();
        log.count_in(metrics.exports());
        let lines = LogLines::new(&log, LineForm::Json);
        lines.make_writer().write_all(b"lost\n").unwrap();
        drop((lines, log));
        let text = metrics.encode(0);
        assert!(
            text.contains("behest_log_lines_dropped_total 1\n"),
            "{text}"
        );
    }

    #[test]
    fn lines_that_are_long_wait_up_to_a_number_of_bytes() {
        let (log, free, seen) = held();
        let line = vec![b'x'; MAX_BYTES / 4];
        let lines = LogLines::new(&log, LineForm::Json);
        for _ in 0..20 {
            lines.make_writer().write_all(&line).unwrap();
        }
        drop(free);
        drop(log);
        assert_eq!(seen.iter().count(), 4);
    }

    #[test]
    fn the_access_log_leaves_room_and_loses_nothing() {
        let (log, free, seen) = held();
        let lines = LogLines::new(&log, LineForm::Json);
        let all = QUEUE + 100;
        std::thread::scope(|scope| {
            let access = scope.spawn(|| {
                for _ in 0..all {
                    lines.line(true).write_all(b"access\n").unwrap();
                }
            });
            while log.queue.has_room(QUEUE / 2, MAX_BYTES) {
                std::thread::sleep(STEP);
            }
            std::thread::sleep(10 * STEP);
            assert!(log.queue.has_room(QUEUE / 2 + 1, MAX_BYTES));
            assert!(!access.is_finished());
            lines.make_writer().write_all(b"warning\n").unwrap();
            drop(free);
            access.join().unwrap();
        });
        drop(log);
        let shown: Vec<_> = seen.iter().collect();
        assert_eq!(shown.len(), all + 1);
        assert!(shown.contains(&b"warning\n".to_vec()));
    }
}
