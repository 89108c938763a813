//! Reading requests: path, parameters, bodies.

use crate::problem::{Problem, ProblemKind};
use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

/// What the path names.
#[derive(Debug)]
pub(crate) struct InPath<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(value) =
            Path::from_request_parts(parts, state).await.map_err(|error| Problem::new(ProblemKind::BadPath, error.body_text()))?;
        Ok(Self(value))
    }
}

/// The parameters behind the question mark.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(value) =
            Query::from_request_parts(parts, state).await.map_err(|error| Problem::new(ProblemKind::BadParameter, error.body_text()))?;
        Ok(Self(value))
    }
}

/// The content type without its parameters, in lower case.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Reads the whole body. A body that says how long it is is refused before a byte of it is read.
pub(crate) async fn read_body(mut request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(ProblemKind::BodyTooLarge, format!("at most {bytes_max} bytes"));
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    DefaultBodyLimit::max(bytes_max).apply(&mut request);
    Bytes::from_request(request, &()).await.map_err(|rejection| {
        if rejection.status() == ProblemKind::BodyTooLarge.status() {
            too_large()
        } else {
            Problem::new(ProblemKind::BadBody, "the body broke off or is badly framed")
        }
    })
}
