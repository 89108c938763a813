//! Errors as problem details (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use countersign_messages::{EnvelopeError, json::ProblemBody};
use countersign_store::StoreError;

use crate::node::SubmitRefused;

/// Every kind of error the gateway answers with. The slug is part of the interface and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The path is none of the gateway's.
    NoSuchRoute,
    /// The path is, with another method.
    MethodNotAllowed,
    /// The ledger holds no such thing.
    NotFound,
    /// The request names another host than this machine, or comes from a page of one.
    ForeignHost,
    /// An id or height in the path.
    BadPath,
    /// A parameter behind the question mark, or a header.
    BadParameter,
    /// The body is of a type the route does not read.
    UnsupportedMediaType,
    /// The body has too many bytes.
    BodyTooLarge,
    /// The body broke off or is not what its type says.
    BadBody,
    /// The bytes are no transaction in canonical form.
    MalformedTransaction,
    /// Signed for another network.
    WrongNetwork,
    /// Signed by nobody of this network.
    UnknownSigner,
    /// The signer has not the role.
    MissingRole,
    /// The key stands for no slot in force.
    NoSlot,
    /// Too much of the signer was rejected today.
    DayClosed,
    /// The signature does not verify.
    BadSignature,
    /// Not the signer's next sequence number.
    BadSequence,
    /// The signer has too many transactions waiting.
    SignerQuota,
    /// The mempool is full.
    MempoolFull,
    /// The node has not caught up.
    Syncing,
    /// The node is shutting down.
    Stopping,
    /// No block came for too long.
    Stuck,
    /// No accepted answer names the ciphertext.
    BlobNotNamed,
    /// The events asked for are too far back for a stream.
    EventsTooFarBack,
    /// The client sends too many requests.
    TooManyRequests,
    /// Too many connections, in total or of one address.
    TooManyConnections,
    /// The gateway works on as much as it may.
    Overloaded,
    /// The request took too long.
    Timeout,
    /// The gateway or its store failed.
    Internal,
}

impl ProblemKind {
    /// All of them, in the order of docs/api.md.
    pub const ALL: [Self; 29] = [
        Self::NoSuchRoute,
        Self::MethodNotAllowed,
        Self::NotFound,
        Self::ForeignHost,
        Self::BadPath,
        Self::BadParameter,
        Self::UnsupportedMediaType,
        Self::BodyTooLarge,
        Self::BadBody,
        Self::MalformedTransaction,
        Self::WrongNetwork,
        Self::UnknownSigner,
        Self::MissingRole,
        Self::NoSlot,
        Self::DayClosed,
        Self::BadSignature,
        Self::BadSequence,
        Self::SignerQuota,
        Self::MempoolFull,
        Self::Syncing,
        Self::Stopping,
        Self::Stuck,
        Self::BlobNotNamed,
        Self::EventsTooFarBack,
        Self::TooManyRequests,
        Self::TooManyConnections,
        Self::Overloaded,
        Self::Timeout,
        Self::Internal,
    ];

    const fn facts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::NoSuchRoute => ("no-such-route", StatusCode::NOT_FOUND, "There is no such route"),
            Self::MethodNotAllowed => ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The route has other methods"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "The ledger holds no such thing"),
            Self::ForeignHost => ("foreign-host", StatusCode::MISDIRECTED_REQUEST, "This gateway answers for this machine only"),
            Self::BadPath => ("bad-path", StatusCode::BAD_REQUEST, "An id or height in the path is malformed"),
            Self::BadParameter => ("bad-parameter", StatusCode::BAD_REQUEST, "A parameter is malformed"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The route does not read this content type")
            }
            Self::BodyTooLarge => ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::BadBody => ("bad-body", StatusCode::BAD_REQUEST, "The body broke off or is malformed"),
            Self::MalformedTransaction => ("malformed-transaction", StatusCode::BAD_REQUEST, "The bytes are not a transaction"),
            Self::WrongNetwork => ("wrong-network", StatusCode::BAD_REQUEST, "The transaction is for another network"),
            Self::UnknownSigner => ("unknown-signer", StatusCode::FORBIDDEN, "The signer is not a member"),
            Self::MissingRole => ("missing-role", StatusCode::FORBIDDEN, "The signer has not the role this takes"),
            Self::NoSlot => ("no-slot", StatusCode::CONFLICT, "The key stands for no slot in force"),
            Self::DayClosed => ("day-closed", StatusCode::FORBIDDEN, "Too much of the signer was rejected today"),
            Self::BadSignature => ("bad-signature", StatusCode::FORBIDDEN, "The signature does not verify"),
            Self::BadSequence => ("bad-sequence", StatusCode::CONFLICT, "The sequence number is not the signer's next"),
            Self::SignerQuota => ("signer-quota", StatusCode::TOO_MANY_REQUESTS, "The signer has too many transactions waiting"),
            Self::MempoolFull => ("mempool-full", StatusCode::SERVICE_UNAVAILABLE, "The mempool is full"),
            Self::Syncing => ("syncing", StatusCode::SERVICE_UNAVAILABLE, "The node is catching up"),
            Self::Stopping => ("stopping", StatusCode::SERVICE_UNAVAILABLE, "The node is shutting down"),
            Self::Stuck => ("stuck", StatusCode::SERVICE_UNAVAILABLE, "The node gets no blocks"),
            Self::BlobNotNamed => ("blob-not-named", StatusCode::CONFLICT, "No accepted answer names this ciphertext"),
            Self::EventsTooFarBack => ("events-too-far-back", StatusCode::GONE, "The events are too far back for a stream"),
            Self::TooManyRequests => ("too-many-requests", StatusCode::TOO_MANY_REQUESTS, "The client sends too many requests"),
            Self::TooManyConnections => ("too-many-connections", StatusCode::SERVICE_UNAVAILABLE, "Too many connections are open"),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "The gateway works on as much as it may"),
            Self::Timeout => ("timeout", StatusCode::SERVICE_UNAVAILABLE, "The request took too long"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "The gateway failed"),
        }
    }

    /// The `type` URI.
    pub fn uri(self) -> String {
        format!("urn:countersign:problem:{}", self.facts().0)
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        self.facts().1
    }

    /// The title: the same words each time.
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    /// Seconds after which trying again makes sense; none if it never does.
    fn retry_seconds(self) -> Option<u64> {
        match self {
            Self::TooManyRequests | Self::SignerQuota | Self::Overloaded => Some(1),
            Self::MempoolFull | Self::Syncing | Self::TooManyConnections | Self::Timeout => Some(5),
            Self::Stopping | Self::Stuck => Some(30),
            _ => None,
        }
    }
}

/// An error as the client sees it.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    detail: String,
    retry_seconds: Option<u64>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_seconds: kind.retry_seconds() }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("the ledger as this node knows it holds no {what}"))
    }

    /// Something that cannot happen, or the machine's fault: logged here, no more than that is told.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(ProblemKind::Internal, "the gateway or its store failed; its log says why")
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_seconds = Some(seconds);
        self
    }

    fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: self.kind.uri(),
            title: self.kind.title().into(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
        }
    }

    /// The whole HTTP/1.1 response, for a connection that is closed at once.
    pub(crate) fn raw_response(&self) -> Vec<u8> {
        let body = serde_json::to_string(&self.body()).unwrap_or_default();
        let status = self.kind.status();
        let retry = self.retry_seconds.map(|s| format!("retry-after: {s}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {MEDIA_TYPE}\r\n{retry}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

const MEDIA_TYPE: &str = "application/problem+json";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), Json(self.body())).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::not_found(what),
            StoreError::BlobTooLong(_) => Self::new(ProblemKind::BodyTooLarge, error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<SubmitRefused> for Problem {
    fn from(refused: SubmitRefused) -> Self {
        let kind = match &refused {
            SubmitRefused::Envelope(EnvelopeError::Bounds(_) | EnvelopeError::TooLong(_)) => ProblemKind::MalformedTransaction,
            SubmitRefused::Envelope(EnvelopeError::Network) => ProblemKind::WrongNetwork,
            SubmitRefused::Envelope(EnvelopeError::Signer(_)) => ProblemKind::UnknownSigner,
            SubmitRefused::Envelope(EnvelopeError::Sequence { .. }) | SubmitRefused::Known => ProblemKind::BadSequence,
            SubmitRefused::Envelope(EnvelopeError::Signature) => ProblemKind::BadSignature,
            SubmitRefused::Envelope(EnvelopeError::Role(_)) => ProblemKind::MissingRole,
            SubmitRefused::Envelope(EnvelopeError::NoSlot) => ProblemKind::NoSlot,
            SubmitRefused::Envelope(EnvelopeError::DayClosed { .. }) => ProblemKind::DayClosed,
            SubmitRefused::SignerQuota { .. } => ProblemKind::SignerQuota,
            SubmitRefused::Full => ProblemKind::MempoolFull,
            SubmitRefused::Syncing => ProblemKind::Syncing,
            SubmitRefused::Stopping => ProblemKind::Stopping,
        };
        Self::new(kind, refused.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn kinds_have_uris_of_their_own_and_stand_in_the_document() {
        let uris: BTreeSet<String> = ProblemKind::ALL.iter().map(|k| k.uri()).collect();
        assert_eq!(uris.len(), ProblemKind::ALL.len());
        let document = include_str!("../../../docs/api.md");
        for kind in ProblemKind::ALL {
            let row = format!("| `{}` | {} |", kind.facts().0, kind.status().as_u16());
            assert!(document.contains(&row), "docs/api.md lacks {row}");
        }
    }
}
