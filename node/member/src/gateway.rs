//! A client of a node's gateway.

use async_recursion::async_recursion as boxed;
use countersign_messages::json::{Page, ProblemBody};
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// From connecting to the end of an answer; gateways wait at most half of it for a block.
const TIMEOUT: Duration = Duration::from_secs(60);
/// For the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of a JSON answer: a status with all peers, alerts and accusations is far below.
const JSON_BYTES_MAX: usize = 4 << 20;
/// Bytes of all pages of a list: of what lists hold, more than 100,000.
const LIST_BYTES_MAX: usize = 64 << 20;
/// How often a page of a list is asked for while the gateway is busy.
const PAGE_TRIES: u32 = 5;
const OCTETS: &str = "application/octet-stream";

/// A gateway.
#[derive(Debug, Clone)]
pub struct GatewayClient {
    base: String,
    http: reqwest::Client,
}

/// A request that was answered with an error.
#[derive(Debug, thiserror::Error)]
#[error("the gateway at {base} answers {status}: {detail}")]
pub struct Problem {
    base: String,
    pub(crate) status: StatusCode,
    pub(crate) retry_seconds: Option<u64>,
    detail: String,
}

impl Problem {
    /// True if the gateway does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// True if the gateway asks for another try later.
    pub fn is_busy(&self) -> bool {
        self.retry_seconds.is_some()
    }
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It was answered with an error.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Nobody answers.
    #[error("no node answers at {base}: {source}; start it with `countersign node --config FILE`")]
    Away {
        /// Where.
        base: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Not where a gateway can be.
    #[error("{url}: {reason}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The answer is none.
    #[error("what answers at {base} is no gateway: {reason}")]
    Foreign {
        /// Where.
        base: String,
        /// What is wrong.
        reason: String,
    },
}

impl GatewayClient {
    /// A client of the gateway at a URL such as `http://127.0.0.1:7480`.
    ///
    /// # Errors
    /// The URL is none, or not of plain HTTP.
    pub fn new(url: &str) -> Result<Self, GatewayError> {
        let refused = |reason: String| GatewayError::Url { url: url.to_owned(), reason };
        if !url.starts_with("http://") {
            let words = "a gateway's URL starts with http:// (this program speaks no TLS: use a tunnel, or a proxy on this machine)";
            return Err(refused(words.into()));
        }
        let base = url.trim_end_matches('/').to_owned();
        reqwest::Url::parse(&base).map_err(|e| refused(format!("no URL: {e}")))?;
        let client = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT).no_proxy().build();
        Ok(Self { base, http: client.map_err(|e| refused(format!("no HTTP client can be made: {e}")))? })
    }

    /// Where the gateway is.
    pub fn base(&self) -> &str {
        &self.base
    }

    async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<Response, GatewayError> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.header("content-type", OCTETS).body(body);
        }
        let response = request.send().await.map_err(|source| GatewayError::Away { base: self.base.clone(), source })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry = response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let body = self.bytes(response, JSON_BYTES_MAX).await.unwrap_or_default();
        let detail = self.read(&body).map_or_else(|_| "(no words)".into(), |problem: ProblemBody| problem.detail);
        Err(Problem { base: self.base.clone(), status, retry_seconds: retry, detail }.into())
    }

    /// The body, at most so many bytes of it.
    async fn bytes(&self, mut response: Response, max: usize) -> Result<Vec<u8>, GatewayError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| GatewayError::Away { base: self.base.clone(), source })? {
            if bytes.len() + chunk.len() > max {
                return Err(self.foreign(format!("it sends more than {max} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn foreign(&self, reason: impl ToString) -> GatewayError {
        GatewayError::Foreign { base: self.base.clone(), reason: reason.to_string() }
    }

    /// JSON as a shape.
    fn read<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, GatewayError> {
        let refused = |error: serde_json::Error| match error.is_data() {
            true => self.foreign(format!("{error}; is it of another version?")),
            false => self.foreign(error),
        };
        serde_json::from_slice(bytes).map_err(refused)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        self.read(&self.raw(path, JSON_BYTES_MAX).await?)
    }

    /// Like [`Self::get`], with the patience of [`Self::raw_patiently`].
    ///
    /// # Errors
    /// [`GatewayError`], the last one after `tries`.
    pub async fn get_patiently<T: DeserializeOwned>(&self, path: &str, tries: u32) -> Result<T, GatewayError> {
        self.read(&self.raw_patiently(path, JSON_BYTES_MAX, tries).await?)
    }

    /// Reads a list, all its pages.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, GatewayError> {
        let mut all = Vec::new();
        let none = self.find(path, |item| {
            all.push(item);
            None::<()>
        });
        none.await?;
        Ok(all)
    }

    /// The first of a list's items that is `wanted`, as what that makes of it; pages behind it are not read.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn find<T: DeserializeOwned, R>(
        &self,
        path: &str,
        mut wanted: impl FnMut(T) -> Option<R>,
    ) -> Result<Option<R>, GatewayError> {
        let (mut offset, mut left) = (0, LIST_BYTES_MAX);
        loop {
            let bytes = self.raw_patiently(&format!("{path}?offset={offset}"), JSON_BYTES_MAX.min(left), PAGE_TRIES).await?;
            left -= bytes.len();
            let page: Page<T> = self.read(&bytes)?;
            if let Some(found) = page.items.into_iter().find_map(&mut wanted) {
                return Ok(Some(found));
            }
            offset = match page.next {
                None => return Ok(None),
                // lists end, and only go forward
                Some(next) if next > offset => next,
                Some(next) => return Err(self.foreign(format!("what is behind {offset} of its list begins at {next}"))),
            };
        }
    }

    /// Reads bytes, at most so many.
    ///
    /// # Errors
    /// [`GatewayError`].
    #[boxed]
    pub async fn raw(&self, path: &str, max: usize) -> Result<Vec<u8>, GatewayError> {
        let response = self.send(Method::GET, path, None).await?;
        self.bytes(response, max).await
    }

    /// Like [`Self::raw`], with what a gateway that is busy or sends too fast asks for: a pause and another try.
    ///
    /// # Errors
    /// [`GatewayError`], the last one after `tries`.
    #[boxed]
    pub async fn raw_patiently(&self, path: &str, max: usize, tries: u32) -> Result<Vec<u8>, GatewayError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.raw(path, max).await {
                Err(GatewayError::Problem(problem)) if tried < tries && problem.retry_seconds.is_some() => {
                    tokio::time::sleep(Duration::from_secs(problem.retry_seconds.unwrap_or(1).min(30))).await;
                }
                other => return other,
            }
        }
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// [`GatewayError`].
    #[boxed]
    pub async fn post(&self, path: &str, body: Vec<u8>) -> Result<(), GatewayError> {
        self.send(Method::POST, path, Some(body)).await.map(drop)
    }

    /// Stores bytes.
    ///
    /// # Errors
    /// [`GatewayError`].
    #[boxed]
    pub async fn put(&self, path: &str, body: Vec<u8>) -> Result<(), GatewayError> {
        self.send(Method::PUT, path, Some(body)).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
