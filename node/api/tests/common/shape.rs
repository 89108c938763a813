//! Reads answers back through the types that clients read them with.

use super::schema::pattern_of;
use countersign_messages::json::*;
use serde::{Serialize, de::DeserializeOwned};

/// Panics where a body is not, byte for byte, what its type writes.
pub fn same<T: DeserializeOwned + Serialize>(body: &str) {
    let read: T = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}\n{body}"));
    assert_eq!(serde_json::to_string(&read).unwrap(), body);
}

/// What a route answers to GET.
pub fn check(path: &str, body: &str) {
    match pattern_of(path).as_str() {
        "/v1/blocks" => same::<Headers>(body),
        "/v1/blocks/{height}" => same::<Block>(body),
        "/v1/transactions/{id}" => same::<Transaction>(body),
        "/v1/studies" => same::<Page<StudySummary>>(body),
        "/v1/studies/{id}" => same::<Study>(body),
        "/v1/queries" => same::<Page<QuerySummary>>(body),
        "/v1/queries/{id}" => same::<Query>(body),
        "/v1/queries/{id}/answers/{hospital}" => same::<Answer>(body),
        "/v1/patients/{key}" => same::<PatientSlot>(body),
        "/v1/patients/{key}/uses" => same::<Page<Use>>(body),
        "/v1/members/{member}/slots/{slot}" => same::<Slot>(body),
        "/v1/members" => same::<Page<Member>>(body),
        "/v1/validators" => same::<Validators>(body),
        "/v1/dictionaries" => same::<Page<DictionarySummary>>(body),
        "/v1/proposals" => same::<Page<ProposalSummary>>(body),
        "/v1/proposals/{id}" => same::<Proposal>(body),
        "/v1/sync" => same::<Sync>(body),
        "/v1/health" | "/v1/ready" => same::<Well>(body),
        // a dictionary is its canonical bytes; the document is utoipa's
        "/v1/dictionaries/{digest}" | "/v1/openapi.json" => {}
        other => panic!("{other} answers in a shape that is not here"),
    }
}
