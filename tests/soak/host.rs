//! A service in a process of its own, on TCP or TLS, and what it takes of the machine.

use super::client::{Client, Stream};
use rcgen::{CertificateParams, KeyPair, SanType};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;
use support::place::{Place, Service};

/// How a client speaks to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Tcp,
    Tls,
}

/// A running service. One worker: what it can do is then what one core can.
pub(crate) struct Host {
    address: String,
    process: u32,
    /// Ended with the host; its log is for one reader.
    _service: Mutex<Service>,
    _place: Place,
    tls: Option<Arc<ClientConfig>>,
}

impl Host {
    /// Starts one with these lines of `behest.toml` under `[limits]`.
    pub(crate) fn start(wire: Wire, limits: &str) -> Self {
        let place = Place::new();
        let (settings, tls) = match wire {
            Wire::Tcp => (String::new(), None),
            Wire::Tls => {
                let (settings, config) = certified(&place);
                (settings, Some(config))
            }
        };
        place.write(
            "behest.toml",
            &format!("[limits]\nworkers = 1\n{limits}\n{settings}"),
        );
        let service = place.serve(&["--cache", "off", "--config", "behest.toml"]);
        let address = service.address.clone();
        let process = service.child.id();
        Self {
            address,
            process,
            _service: Mutex::new(service),
            _place: place,
            tls,
        }
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Client {
        Client::new(self.stream(self.socket()))
    }

    /// A new connection on which nothing has been said, not even by TLS.
    pub(crate) fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(&self.address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        socket
            .set_write_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        socket
    }

    fn stream(&self, socket: TcpStream) -> Stream {
        match &self.tls {
            None => Stream::Tcp(socket),
            Some(config) => {
                let name = ServerName::try_from("localhost").unwrap();
                let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
                Stream::Tls(Box::new(StreamOwned::new(connection, socket)))
            }
        }
    }

    /// Resident memory, in MiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
    }

    /// Has the service stand still for so long.
    pub(crate) fn pause(&self, time: Duration, meanwhile: impl FnOnce()) {
        let process = Pid::from_raw(self.process.try_into().unwrap()).unwrap();
        kill_process(process, Signal::STOP).unwrap();
        meanwhile();
        sleep(time);
        kill_process(process, Signal::CONT).unwrap();
    }

    /// A number of the metrics: the sum over its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.connect().get("/metrics").unwrap().text();
        text.lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

/// Certificates for the service, and a client that trusts them.
fn certified(place: &Place) -> (String, Arc<ClientConfig>) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    place.write("own.pem", &certificate.pem());
    place.write("own.key", &key.serialize_pem());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(certificate.der().to_vec()))
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    (
        "[tls]\ncertificate = \"own.pem\"\nkey = \"own.key\"\n".to_owned(),
        Arc::new(config),
    )
}
