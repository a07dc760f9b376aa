//! Handles signals: SIGTERM and SIGINT shut the service down gracefully, SIGHUP reloads, and
//! SIGXFSZ is caught so that it does not kill the process.

use super::watch::Reloader;
use super::{no_thread, renew};
use crate::evidence::Verifier;
use crate::http::Tls;
use crate::model::Problem;
use crate::record::RecordWriter;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::oneshot;

/// Lets the service survive a limit on the size of its files (`ulimit -f`). By default SIGXFSZ
/// kills a process that exceeds this limit; when it is handled, the write fails as on a full disk
/// instead, and the store reports the error.
pub(super) fn outlive_full_disks() -> Result<(), Problem> {
    let unread = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, unread).map_err(|error| no_handler(&error))?;
    Ok(())
}

/// Starts to handle signals. The returned future completes on the first SIGTERM or SIGINT; a second
/// one exits the process immediately.
///
/// On SIGHUP the bundle is loaded again, certificates are read again, keys of issuers are fetched,
/// and the file of decision records is reopened.
pub(super) fn listen(
    reload: Option<Reloader>,
    writer: Option<Arc<RecordWriter>>,
    tls: Option<Arc<Tls>>,
    verifier: Option<Arc<Verifier>>,
) -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| no_handler(&error))?;
    let (end, ended) = oneshot::channel();
    let handle = move || {
        let mut end = Some(end);
        for signal in signals.forever() {
            match (signal, end.take()) {
                (SIGHUP, kept) => {
                    end = kept;
                    hang_up(reload.as_ref(), writer.as_deref(), tls.as_deref());
                    verifier.iter().for_each(|verifier| verifier.look_at_keys());
                }
                (_, Some(end)) => {
                    tracing::info!("stopping: requests in progress may end");
                    let _listener_is_gone = end.send(());
                }
                (signal, None) => std::process::exit(128 + signal),
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(handle)
        .map_err(|error| no_thread(&error))?;
    Ok(async {
        let _sender_is_gone = ended.await;
    })
}

fn no_handler(error: &std::io::Error) -> Problem {
    Problem::new(format!("signals cannot be handled: {error}"))
}

fn hang_up(reload: Option<&Reloader>, writer: Option<&RecordWriter>, tls: Option<&Tls>) {
    tls.into_iter().for_each(renew::reload);
    if let Some(reload) = reload {
        reload.now();
    } else {
        tracing::info!("the default bundle is part of the program: there is nothing to reload");
    }
    if let Some(writer) = writer {
        writer.reopen();
    }
}
