//! Queries, and what became of them at each site.

use super::{answer::gates, time};
use countersign_ledger::{PairStatus, QueryRecord, State};
use countersign_messages::{BlockTime, MemberId, QueryId, Role, json};

/// A query, in short.
pub(crate) fn summary(id: &QueryId, record: &QueryRecord, now: BlockTime) -> json::QuerySummary {
    json::QuerySummary {
        id: (*id).into(),
        number: record.number,
        study: record.query.study.into(),
        question: record.query.question.clone(),
        height: record.height.0,
        time: time(record.time),
        deadline: time(record.query.deadline),
        open: now <= record.query.deadline,
        sites: record.hospitals.len(),
    }
}

fn site_status(id: &QueryId, hospital: &MemberId, state: &State, over: bool) -> json::SiteStatus {
    let Some(pair) = state.pair(id, hospital) else {
        return if over { json::SiteStatus::Overdue } else { json::SiteStatus::Open { invalid: 0 } };
    };
    match &pair.status {
        PairStatus::Open if over => json::SiteStatus::Overdue,
        PairStatus::Open if !pair.is_open() => json::SiteStatus::Closed,
        PairStatus::Open => json::SiteStatus::Open { invalid: pair.invalid },
        PairStatus::Answered(record) => json::SiteStatus::Answered {
            height: record.height.0,
            transaction: record.transaction.into(),
            gates: gates(record.counts),
            marked: record.marked,
        },
        PairStatus::Declined { code, reason, height, transaction, after_acceptance } => json::SiteStatus::Declined {
            code: code.to_string(),
            reason: reason.clone(),
            height: height.0,
            transaction: (*transaction).into(),
            after_acceptance: *after_acceptance,
        },
    }
}

/// A query.
pub(crate) fn query(id: &QueryId, record: &QueryRecord, state: &State) -> json::Query {
    let now = state.tip().time;
    let over = now > record.query.deadline;
    let others = state.members().filter(|m| m.roles.contains(&Role::Hospital) && !record.hospitals.contains(&m.id));
    let unasked = others.map(|m| m.id).filter(|m| state.pair(id, m).is_some()).map(|m| (m, false));
    let sites = record.hospitals.iter().map(|m| (*m, true)).chain(unasked);
    let site = |(hospital, asked): (MemberId, bool)| json::SiteOfQuery {
        hospital: hospital.into(),
        asked,
        status: site_status(id, &hospital, state, over),
    };
    json::Query {
        summary: summary(id, record, now),
        asker: record.asker.into(),
        statement: record.statement.into(),
        status_by_site: sites.map(site).collect(),
    }
}
