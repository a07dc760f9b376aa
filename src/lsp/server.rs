//! The loop of the language server.
//!
//! One thread reads messages, one writes them, and a check has a thread of its own. Between two
//! messages this loop starts the check that is due. Nothing here waits for a check: a hover during
//! one is answered from what the one before found.

use super::bundle_check::CheckedBundle;
use super::documents::ColumnUnit;
use super::frames::{ConnectionError, IncomingFrame, read_frame, write_frame};
use super::workspace::Workspace;
use gen_lsp_types::{
    Diagnostic, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    PositionEncodingKind, PublishDiagnosticsParams, Uri,
};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How long the loop waits if nothing is due.
const IDLE: Duration = Duration::from_mins(1);

/// LIMIT: messages that wait to be handled, and to be written.
const MAX_WAITING: usize = 256;

/// Serves until the editor says `exit`, or goes away.
pub fn serve(
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), ConnectionError> {
    let (events, inbox) = sync_channel(MAX_WAITING);
    let (outbox, messages) = sync_channel::<Value>(MAX_WAITING);
    let reader = events.clone();
    std::thread::Builder::new()
        .name("lsp-reader".to_owned())
        .spawn(move || read_all(input, &reader))?;
    let writer = std::thread::Builder::new()
        .name("lsp-writer".to_owned())
        .spawn(move || write_all(output, &messages))?;
    let mut server = LanguageServer {
        phase: Phase::Before,
        watches: false,
        workspace: Workspace::default(),
        is_checking: false,
        events,
        outbox,
    };
    let ended = server.run(&inbox);
    // What was answered last is written before the process ends.
    drop(server);
    let _ended = writer.join();
    ended
}

/// What the loop is told.
enum ServerEvent {
    Frame(IncomingFrame),
    /// Nothing more comes in; with the error that ended it.
    Closed(Option<ConnectionError>),
    Checked(Box<CheckedBundle>),
}

fn read_all(mut input: impl BufRead, events: &SyncSender<ServerEvent>) {
    loop {
        let event = match read_frame(&mut input) {
            Ok(Some(frame)) => ServerEvent::Frame(frame),
            Ok(None) => ServerEvent::Closed(None),
            Err(error) => ServerEvent::Closed(Some(error)),
        };
        let is_last = matches!(event, ServerEvent::Closed(_));
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}

fn write_all(mut output: impl Write, messages: &Receiver<Value>) {
    while let Ok(message) = messages.recv() {
        if write_frame(&mut output, &message).is_err() {
            return;
        }
    }
}

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `initialize` is awaited.
    Before,
    Serving,
    /// `shutdown` was answered, and only `exit` is awaited.
    After,
}

struct LanguageServer {
    phase: Phase,
    /// Whether the editor tells of changed files if it is asked to.
    watches: bool,
    workspace: Workspace,
    is_checking: bool,
    events: SyncSender<ServerEvent>,
    outbox: SyncSender<Value>,
}

/// Why a request has no result: a code of the protocol, and a sentence.
struct RequestRefusal(ErrorCode, String);

impl LanguageServer {
    fn run(&mut self, inbox: &Receiver<ServerEvent>) -> Result<(), ConnectionError> {
        loop {
            match inbox.recv_timeout(self.next_due()) {
                Ok(ServerEvent::Frame(IncomingFrame::Message(Message::Request(request)))) => {
                    self.request(request);
                }
                Ok(ServerEvent::Frame(IncomingFrame::Message(Message::Notification(
                    notification,
                )))) => {
                    if notification.method == "exit" {
                        let is_ready = self.phase == Phase::After;
                        return if is_ready {
                            Ok(())
                        } else {
                            Err(ConnectionError::Closed)
                        };
                    }
                    self.notification(notification);
                }
                // An answer to what the editor was asked: it watches files, or does not.
                Ok(ServerEvent::Frame(IncomingFrame::Message(Message::Response(_))))
                | Err(RecvTimeoutError::Timeout) => {}
                Ok(ServerEvent::Frame(IncomingFrame::Unreadable(what))) => {
                    let error = json!({"code": what.code(), "message": what.to_string()});
                    self.send(json!({"jsonrpc": "2.0", "id": null, "error": error}));
                }
                Ok(ServerEvent::Closed(error)) => {
                    return match error {
                        Some(error) => Err(error),
                        None if self.phase == Phase::After => Ok(()),
                        None => Err(ConnectionError::Closed),
                    };
                }
                Ok(ServerEvent::Checked(checked)) => self.checked(*checked),
                Err(RecvTimeoutError::Disconnected) => return Err(ConnectionError::Closed),
            }
            self.check_what_is_due();
        }
    }

    fn send(&self, message: Value) {
        // The writer ends only with the editor, and then the reader ends the loop.
        let _gone = self.outbox.send(message);
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn request(&mut self, request: Request) {
        let id: RequestId = request.id.clone();
        let result = self.answer(request);
        self.send(match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(RequestRefusal(code, message)) => {
                let error = json!({"code": code as i32, "message": message});
                json!({"jsonrpc": "2.0", "id": id, "error": error})
            }
        });
    }

    fn answer(&mut self, request: Request) -> Result<Value, RequestRefusal> {
        let method = request.method.as_str();
        match (self.phase, method) {
            (Phase::Before, "initialize") => Ok(self.initialize(&request.params)),
            (Phase::Before, _) => Err(RequestRefusal(
                ErrorCode::ServerNotInitialized,
                format!("`{method}` came before `initialize`"),
            )),
            (Phase::After, _) => Err(RequestRefusal(
                ErrorCode::InvalidRequest,
                format!("`{method}` came after `shutdown`"),
            )),
            (Phase::Serving, "shutdown") => {
                self.phase = Phase::After;
                Ok(Value::Null)
            }
            (Phase::Serving, "textDocument/hover") => {
                let asked = params(request)?;
                Ok(self
                    .workspace
                    .hover(&asked)
                    .map_or(Value::Null, |hover| json!(hover)))
            }
            (Phase::Serving, "textDocument/definition") => {
                let asked = params(request)?;
                Ok(json!(self.workspace.definition(&asked)))
            }
            (Phase::Serving, "initialize") => Err(RequestRefusal(
                ErrorCode::InvalidRequest,
                "`initialize` came twice".to_owned(),
            )),
            (Phase::Serving, _) => Err(RequestRefusal(
                ErrorCode::MethodNotFound,
                format!("there is no `{method}` here"),
            )),
        }
    }

    /// Reads the few capabilities that matter. Others may have any form.
    fn initialize(&mut self, params: &Value) -> Value {
        let of = |path: &str| params.pointer(path).cloned().unwrap_or_default();
        let offered = of("/capabilities/general/positionEncodings");
        let offered: Vec<PositionEncodingKind> =
            serde_json::from_value(offered).unwrap_or_default();
        self.workspace.unit = ColumnUnit::choose(&offered);
        let watches = of("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration");
        self.watches = watches == Value::Bool(true);
        self.phase = Phase::Serving;
        json!({
            "capabilities": {
                "positionEncoding": self.workspace.unit.kind(),
                "textDocumentSync": {"openClose": true, "change": 2, "save": true},
                "hoverProvider": true,
                "definitionProvider": true,
            },
            "serverInfo": {"name": "behest", "version": env!("CARGO_PKG_VERSION")},
        })
    }

    fn notification(&mut self, notification: Notification) {
        if self.phase != Phase::Serving {
            return;
        }
        match notification.method.as_str() {
            "initialized" => self.watch(),
            "textDocument/didOpen" => self.with(notification, Self::did_open),
            "textDocument/didChange" => self.with(notification, Self::did_change),
            "textDocument/didClose" => self.with(notification, Self::did_close),
            "textDocument/didSave" => self.with(notification, |server, saved| {
                let saved: DidSaveTextDocumentParams = saved;
                server.workspace.touch_uri(&saved.text_document.uri);
            }),
            "workspace/didChangeWatchedFiles" => self.with(notification, |server, changed| {
                let changed: DidChangeWatchedFilesParams = changed;
                for change in &changed.changes {
                    server.workspace.touch_uri(&change.uri);
                }
            }),
            // Others need not be known: `$/cancelRequest`, settings, traces.
            _ => {}
        }
    }

    /// Reads what a notification says, and handles it. One that cannot be read is told of: it has
    /// no answer.
    fn with<T: DeserializeOwned>(
        &mut self,
        notification: Notification,
        handle: impl FnOnce(&mut Self, T),
    ) {
        match serde_json::from_value(notification.params) {
            Ok(params) => handle(self, params),
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", notification.method);
                self.notify("window/logMessage", json!({"type": 2, "message": message}));
            }
        }
    }

    /// Asks the editor to tell of files that change on the disk.
    fn watch(&self) {
        if !self.watches {
            return;
        }
        let watchers = ["**/schemas/**", "**/policies/**"];
        let watchers: Vec<Value> = watchers
            .iter()
            .map(|glob| json!({"globPattern": glob}))
            .collect();
        let registration = json!({
            "id": "files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": {"watchers": watchers},
        });
        self.send(json!({
            "jsonrpc": "2.0",
            "id": "watch-files",
            "method": "client/registerCapability",
            "params": {"registrations": [registration]},
        }));
    }

    fn did_open(&mut self, opened: DidOpenTextDocumentParams) {
        let document = opened.text_document;
        self.workspace.open(document.uri, document.text);
    }

    fn did_change(&mut self, changed: DidChangeTextDocumentParams) {
        let uri = changed.text_document.text_document_identifier.uri;
        self.workspace.change(&uri, changed.content_changes);
    }

    fn did_close(&mut self, closed: DidCloseTextDocumentParams) {
        for uri in self.workspace.close(&closed.text_document.uri) {
            self.publish(uri, Vec::new());
        }
    }

    fn next_due(&self) -> Duration {
        let due = self.workspace.next_due().filter(|_| !self.is_checking);
        due.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Starts the check that is due, unless one runs.
    fn check_what_is_due(&mut self) {
        if self.is_checking || self.phase != Phase::Serving {
            return;
        }
        let Some(job) = self.workspace.take_due(Instant::now()) else {
            return;
        };
        let events = self.events.clone();
        let thread = std::thread::Builder::new().name("lsp-check".to_owned());
        let started = thread.spawn(move || {
            let _gone = events.send(ServerEvent::Checked(Box::new(job.run())));
        });
        self.is_checking = started.is_ok();
    }

    /// Tells the editor what a check found.
    fn checked(&mut self, checked: CheckedBundle) {
        self.is_checking = false;
        for (uri, diagnostics) in self.workspace.checked(checked) {
            self.publish(uri, diagnostics);
        }
    }

    fn publish(&self, uri: Uri, diagnostics: Vec<Diagnostic>) {
        let params = PublishDiagnosticsParams {
            uri,
            version: None,
            diagnostics,
        };
        self.notify("textDocument/publishDiagnostics", params);
    }
}

fn params<T: DeserializeOwned>(request: Request) -> Result<T, RequestRefusal> {
    let method = request.method;
    serde_json::from_value(request.params).map_err(|error| {
        RequestRefusal(
            ErrorCode::InvalidParams,
            format!("`{method}` cannot be read: {error}"),
        )
    })
}
