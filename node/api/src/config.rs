//! Where the gateway listens, and its limits.

use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

/// How a gateway is set up.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// True if a proxy that terminates TLS stands in front. Only then may the gateway listen on an address other machines reach, and only then is
    /// the client's address taken from the last entry of `X-Forwarded-For`, which the proxy must write.
    pub behind_proxy: bool,
    /// Names the gateway answers to beside those of this machine, without a port: of a proxy in front, or of this machine in a network of its own. Behind
    /// a proxy with none listed it answers to all: which names are served is the proxy's say then.
    pub hosts: Vec<String>,
    /// The limits.
    pub limits: Limits,
    /// Renders what the program's metrics recorder has collected. The program installs the recorder and runs its upkeep.
    pub metrics: PrometheusHandle,
}

impl std::fmt::Debug for GatewayConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayConfig")
            .field("listen", &self.listen)
            .field("behind_proxy", &self.behind_proxy)
            .field("hosts", &self.hosts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bounds on everything strangers may use up. The defaults are in the table of docs/api.md.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a body that carries a transaction: the largest transaction has 16 MiB.
    pub transaction_body_bytes: usize,
    /// Requests a second of one client, on average. IPv6 clients count by their /64.
    pub requests_per_second: u32,
    /// Requests one client may send at once after a pause: a page loads some dozens of things.
    pub requests_burst: u32,
    /// Clients whose rate is remembered; about 100 bytes each. If all are busy, a new client is refused.
    pub clients: usize,
    /// Requests worked on at the same time.
    pub requests: usize,
    /// Transactions and ciphertexts read at the same time: each may take [`Self::transaction_body_bytes`] of memory.
    pub uploads: usize,
    /// Raw blocks and exports sent at the same time: each is held in memory until it is sent.
    pub downloads: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one address. Not applied behind a proxy, where all come from one.
    pub connections_per_address: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Milliseconds for a request's head, and for the pause between two requests of a connection.
    pub head_ms: u64,
    /// Milliseconds from a request's head to the answer's.
    pub request_ms: u64,
    /// Longest `?wait=` for a transaction, in milliseconds; shorter than [`Self::request_ms`].
    pub wait_ms: u64,
    /// Milliseconds a client may take nothing of what is sent to it.
    pub stalled_ms: u64,
    /// Milliseconds for a whole raw block or export.
    pub download_ms: u64,
    /// Event streams open at the same time.
    pub event_streams: usize,
    /// Milliseconds after which a stream ends and the client comes back with `Last-Event-ID`.
    pub event_stream_ms: u64,
    /// Milliseconds of silence after which a stream carries a comment, so that dead connections show.
    pub event_heartbeat_ms: u64,
    /// Blocks a stream may lie behind, when it begins and later. A client further behind reads blocks instead.
    pub event_blocks_behind: u64,
    /// Items of one page of a list.
    pub page: usize,
    /// Milliseconds requests may go on after the gateway was told to stop.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transaction_body_bytes: 17 << 20,
            requests_per_second: 20,
            requests_burst: 100,
            clients: 20_000,
            requests: 256,
            uploads: 8,
            downloads: 4,
            connections: 1_024,
            connections_per_address: 64,
            head_bytes: 16 << 10,
            head_ms: 15_000,
            request_ms: 60_000,
            wait_ms: 30_000,
            stalled_ms: 30_000,
            download_ms: 600_000,
            event_streams: 128,
            event_stream_ms: 3_600_000,
            event_heartbeat_ms: 15_000,
            event_blocks_behind: 10_000,
            page: 100,
            drain_ms: 10_000,
        }
    }
}

/// Names a gateway may answer to.
const HOSTS_MAX: usize = 64;
/// Least bytes of a head buffer: the HTTP library takes no fewer.
const HEAD_BYTES_MIN: usize = 8 << 10;

/// A configuration that is refused. Whoever wrote it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Plain HTTP where others can listen in.
    #[error(
        "the gateway speaks plain HTTP and would listen on {0}, which other machines reach. Listen on 127.0.0.1 or [::1], or put a proxy that \
         terminates TLS in front and set behind_proxy = true"
    )]
    Exposed(SocketAddr),
    /// A name that no request can have.
    #[error("\"{0}\" in hosts is no host's name: write it as in a URL, without scheme, port or path")]
    Host(String),
    /// Too many names.
    #[error("hosts lists more than {HOSTS_MAX} names")]
    Hosts,
    /// A limit of zero, which would refuse everything.
    #[error("the limit {0} must be above zero")]
    Zero(&'static str),
    /// A head buffer the HTTP library does not take.
    #[error("the limit head_bytes must be at least {HEAD_BYTES_MIN}")]
    HeadBytes,
    /// A wait that the request's time would cut off.
    #[error("the limit wait_ms must be below request_ms")]
    Wait,
}

impl GatewayConfig {
    /// Checks what can be checked before the port is opened.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.behind_proxy && !self.listen.ip().is_loopback() {
            return Err(ConfigError::Exposed(self.listen));
        }
        let named =
            |host: &String| !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
        if let Some(host) = self.hosts.iter().find(|host| !named(host)) {
            return Err(ConfigError::Host(host.escape_debug().take(253).collect()));
        }
        if self.hosts.len() > HOSTS_MAX {
            return Err(ConfigError::Hosts);
        }
        self.limits.check()
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        let numbers = [
            ("transaction_body_bytes", self.transaction_body_bytes as u64),
            ("requests_per_second", self.requests_per_second.into()),
            ("requests_burst", self.requests_burst.into()),
            ("clients", self.clients as u64),
            ("requests", self.requests as u64),
            ("uploads", self.uploads as u64),
            ("downloads", self.downloads as u64),
            ("connections", self.connections as u64),
            ("connections_per_address", self.connections_per_address as u64),
            ("head_ms", self.head_ms),
            ("request_ms", self.request_ms),
            ("stalled_ms", self.stalled_ms),
            ("download_ms", self.download_ms),
            ("event_streams", self.event_streams as u64),
            ("event_stream_ms", self.event_stream_ms),
            ("event_heartbeat_ms", self.event_heartbeat_ms),
            ("event_blocks_behind", self.event_blocks_behind),
            ("page", self.page as u64),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Zero(name));
        }
        if self.head_bytes < HEAD_BYTES_MIN {
            return Err(ConfigError::HeadBytes);
        }
        if self.wait_ms >= self.request_ms { Err(ConfigError::Wait) } else { Ok(()) }
    }
}

/// A limit in milliseconds as a duration.
pub(crate) fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    fn config(listen: &str) -> GatewayConfig {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        GatewayConfig { listen: listen.parse().unwrap(), behind_proxy: false, hosts: Vec::new(), limits: Limits::default(), metrics }
    }

    #[test]
    fn plain_http_stays_on_loopback_unless_a_proxy_stands_in_front() {
        for listen in ["127.0.0.1:0", "[::1]:8080", "127.9.9.9:1"] {
            assert_eq!(config(listen).check(), Ok(()), "{listen}");
        }
        for listen in ["0.0.0.0:0", "[::]:80", "192.0.2.1:80"] {
            let mut config = config(listen);
            let error = config.check().unwrap_err();
            assert!(error.to_string().contains("behind_proxy = true"), "{error}");
            config.behind_proxy = true;
            assert_eq!(config.check(), Ok(()), "{listen}");
        }
    }

    #[test]
    fn hosts_are_names_alone() {
        let mut config = config("127.0.0.1:0");
        config.hosts = vec!["node.example".into(), "192.0.2.1".into()];
        assert_eq!(config.check(), Ok(()));
        for bad in ["", "node.example:80", "https://node.example", "*", "a\nb"] {
            config.hosts = vec![bad.into()];
            assert!(matches!(config.check(), Err(ConfigError::Host(_))), "{bad}");
        }
        config.hosts = vec!["a".into(); HOSTS_MAX + 1];
        assert_eq!(config.check(), Err(ConfigError::Hosts));
    }

    #[test]
    fn limits_that_refuse_everything_are_refused() {
        let mut config = config("127.0.0.1:0");
        config.limits = Limits { requests: 0, ..Limits::default() };
        assert_eq!(config.check(), Err(ConfigError::Zero("requests")));
        config.limits = Limits { wait_ms: 60_000, ..Limits::default() };
        assert_eq!(config.check(), Err(ConfigError::Wait));
        config.limits = Limits { head_bytes: 100, ..Limits::default() };
        assert_eq!(config.check(), Err(ConfigError::HeadBytes));
    }

    #[test]
    fn limits_are_read_by_name() {
        let limits: Limits = serde_json::from_str(r#"{"requests": 3}"#).unwrap();
        assert_eq!(limits, Limits { requests: 3, ..Limits::default() });
        assert!(serde_json::from_str::<Limits>(r#"{"request": 3}"#).is_err());
    }
}
