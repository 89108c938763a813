//! Studies.

use super::date;
use countersign_ledger::{DataCut, Decision, State, StudyRecord, StudyStatus};
use countersign_messages::{BlockTime, SealingKey, SealingParty, StudyId, json};

fn standing(record: &StudyRecord, now: BlockTime) -> json::Standing {
    match record.status() {
        StudyStatus::Rejected => json::Standing::Rejected,
        StudyStatus::Stopped => json::Standing::Stopped,
        StudyStatus::Closed => json::Standing::Closed,
        _ if now.day() > record.submitted.expiry => json::Standing::Expired,
        StudyStatus::Suspended => json::Standing::Suspended,
        StudyStatus::Submitted => json::Standing::Submitted,
        StudyStatus::Approved => json::Standing::Approved,
        StudyStatus::Open => json::Standing::Open,
    }
}

/// A study, in short.
pub(crate) fn summary(id: &StudyId, record: &StudyRecord, now: BlockTime) -> json::StudySummary {
    json::StudySummary {
        id: (*id).into(),
        number: record.number,
        title: record.submitted.title.clone(),
        standing: standing(record, now),
        height: record.height.0,
        expiry: date(record.submitted.expiry),
        sites: record.accepted,
        statements: record.statements,
    }
}

fn party(party: SealingParty) -> String {
    match party {
        SealingParty::Team => "team".into(),
        SealingParty::Board => "board".into(),
    }
}

fn decision(decision: &Decision) -> json::Decision {
    json::Decision {
        act: decision.act.to_string(),
        by: decision.by.into(),
        party: party(decision.party),
        reason: decision.reason.clone(),
        height: decision.height.0,
        transaction: decision.transaction.into(),
    }
}

fn sealing(key: &SealingKey) -> json::SealingKey {
    json::SealingKey { party: party(key.party), member: key.member.into(), key: key.key.into() }
}

fn site(cut: &DataCut) -> json::Site {
    json::Site {
        hospital: cut.hospital.into(),
        cut: cut.id.0.into(),
        k_min: cut.k_min,
        segments: cut.data.len(),
        report: cut.report.into(),
        origin: cut.origin.into(),
        changed: cut.changed,
        height: cut.height.0,
        transaction: cut.transaction.into(),
    }
}

/// A study.
pub(crate) fn study(id: &StudyId, record: &StudyRecord, state: &State) -> json::Study {
    let submitted = &record.submitted;
    json::Study {
        summary: summary(id, record, state.tip().time),
        plain_summary: submitted.summary.clone(),
        submitter: record.submitter.into(),
        version: record.version,
        dictionary: submitted.dictionary.into(),
        purpose: submitted.purpose.clone(),
        categories: submitted.categories.clone(),
        k_min: submitted.k_min,
        researchers: submitted.researchers.iter().map(|member| (*member).into()).collect(),
        sealing: submitted.sealing.iter().map(sealing).collect(),
        approval: record.approval.map(|(board, height, transaction)| json::Approval {
            board: board.into(),
            height: height.0,
            transaction: transaction.into(),
        }),
        decisions: record.suspensions.values().chain(&record.ended).map(decision).collect(),
        accepted_by: state.cuts(id).map(site).collect(),
    }
}
