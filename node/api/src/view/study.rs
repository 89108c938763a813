//! Studies.

use super::date;
use countersign_ledger::{DataCut, Decision, SignatureRecord, State, StudyRecord, StudyStatus, WaitingStatement};
use countersign_messages::{Act, BlockTime, Conditions, SealingKey, SealingParty, StudyId, json};

fn standing(record: &StudyRecord, now: BlockTime) -> json::Standing {
    match record.status() {
        StudyStatus::Rejected => json::Standing::Rejected,
        StudyStatus::Stopped => json::Standing::Stopped,
        StudyStatus::Closed => json::Standing::Closed,
        _ if now.day() > record.last_day() => json::Standing::Expired,
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
        expiry: date(record.last_day()),
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

fn signature(signature: &SignatureRecord) -> json::PersonSignature {
    json::PersonSignature {
        person: signature.person.signer().into(),
        office: signature.office.to_string(),
        day: date(signature.day),
        transaction: signature.transaction.into(),
    }
}

fn conditions(conditions: &Conditions) -> json::Conditions {
    json::Conditions {
        until: conditions.until.map(date),
        not_before: conditions.not_before.map(date),
        k_min: conditions.k_min,
        sites: conditions.sites.iter().map(|site| (*site).into()).collect(),
        words: conditions.words.clone(),
    }
}

fn decision(decision: &Decision) -> json::Decision {
    json::Decision {
        act: decision.act.to_string(),
        by: decision.by.into(),
        party: party(decision.party),
        reason: decision.reason.clone(),
        conditions: decision.conditions().map(conditions),
        signatures: decision.signatures.iter().map(signature).collect(),
        height: decision.height.0,
        transaction: decision.transaction.into(),
    }
}

/// What a board has begun to decide about a study.
fn waiting(state: &State, key: &SealingKey, study: &StudyId) -> Vec<json::Waiting> {
    let about = |waiting: &&WaitingStatement| waiting.statement.study() == Some(study);
    let shown = |waiting: &WaitingStatement| json::Waiting {
        board: key.member.into(),
        act: waiting.statement.act().map_or_else(|| "recuse".to_owned(), ToString::to_string),
        meaning: waiting.statement.meaning().to_owned(),
        conditions: waiting.statement.act().and_then(Act::conditions).map(conditions),
        reason: waiting.statement.reason().to_owned(),
        signatures: waiting.signatures.iter().map(signature).collect(),
        until: date(waiting.until()),
    };
    match key.party {
        SealingParty::Board => state.waiting_statements(&key.member).filter(about).map(shown).collect(),
        SealingParty::Team => Vec::new(),
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
        k_min: record.k_min(),
        researchers: submitted.researchers.iter().map(|member| (*member).into()).collect(),
        sealing: submitted.sealing.iter().map(sealing).collect(),
        decisions: record.approvals.values().chain(record.suspensions.values()).chain(&record.ended).map(decision).collect(),
        waiting: submitted.sealing.iter().flat_map(|key| waiting(state, key, id)).collect(),
        recused: record.recused.iter().map(|person| person.signer().into()).collect(),
        accepted_by: state.cuts(id).map(site).collect(),
    }
}
