//! What people see of studies: all of them in short, one in full.

use super::super::{Session, network_arguments::MemberArguments};
use crate::{failure::Failure, keyed_connection::KeyedConnection, screen::plain};
use async_recursion::async_recursion as boxed;
use countersign_ledger::{Decision, SignatureRecord, State, StudyRecord, StudyStatus};
use countersign_member::named;
use countersign_messages::{MemberId, SealingParty, StudyId};
use countersign_study::{conditions_in_words, standing, statement_in_words, waiting};
use serde_json::{Value, json};

/// All studies.
pub(super) async fn list(session: &Session, member: &MemberArguments) -> Result<(), Failure> {
    let network = member.open(session).await?;
    let state = network.state();
    let mut all: Vec<_> = state.studies().collect();
    all.sort_unstable_by_key(|(_, s)| s.number);
    let line = |(_, s): &(&StudyId, &StudyRecord)| {
        format!(
            "S-{}  {}; {} of the hospitals have accepted\n     {}",
            s.number,
            plain(&standing(state, s)),
            s.accepted,
            plain(&s.submitted.title)
        )
    };
    let text = || match all.is_empty() {
        true => "no studies".to_owned(),
        false => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    session.screen.result(text, || json!({ "studies": all.iter().map(|(id, s)| value(state, id, s)).collect::<Vec<_>>() }));
    network.close().await
}

/// One study, whole: what is decided about, by whom, and what waits for a signature.
#[boxed]
pub(super) async fn show(session: &Session, study: &str, member: &MemberArguments) -> Result<(), Failure> {
    let network = member.open(session).await?;
    let id = named::study(network.state(), study)?;
    let (state, record) = (network.state(), network.state().study(&id));
    let text = || record.map(|record| in_full(state, &id, record).join("\n")).unwrap_or_default();
    session.screen.result(text, || record.map_or(Value::Null, |record| value(state, &id, record)));
    network.close().await
}

/// A study after something was done to it.
pub(super) async fn say(session: &Session, network: KeyedConnection, id: StudyId, words: &str) -> Result<(), Failure> {
    let (state, study) = (network.state(), network.state().study(&id));
    let number = study.map_or(0, |s| s.number);
    session.screen.result(|| format!("study S-{number}, id {id}: {words}"), || study.map_or(Value::Null, |s| value(state, &id, s)));
    network.close().await
}

fn name(state: &State, id: &MemberId) -> String {
    plain(&state.member(id).map_or_else(|| id.to_string(), |member| member.name.to_string()))
}

fn signed(signatures: &[SignatureRecord]) -> String {
    let one = |s: &SignatureRecord| format!("the {} on {} (key {})", s.office, s.day, s.person);
    signatures.iter().map(one).collect::<Vec<_>>().join(" and ")
}

fn decision(state: &State, decision: &Decision) -> Vec<String> {
    let by = match decision.signatures.as_slice() {
        [] => name(state, &decision.by),
        signatures => format!("{}, signed by {}", name(state, &decision.by), signed(signatures)),
    };
    let reason = if decision.reason.is_empty() { String::new() } else { format!(": {}", plain(&decision.reason)) };
    let name = |id: &MemberId| name(state, id);
    let conditions = decision.conditions().map(|conditions| conditions_in_words(&name, conditions)).unwrap_or_default();
    [format!("  {} in block {} by {by}{reason}", decision.act, decision.height)]
        .into_iter()
        .chain(conditions.iter().map(|words| format!("    condition: {}", plain(words))))
        .collect()
}

fn in_full(state: &State, id: &StudyId, study: &StudyRecord) -> Vec<String> {
    let submitted = &study.submitted;
    let names = |ids: &[MemberId]| ids.iter().map(|id| name(state, id)).collect::<Vec<_>>().join(", ");
    let dictionary = state.dictionary(&submitted.dictionary).map(|record| record.dictionary().reference()).unwrap_or_default();
    let mut lines = vec![
        format!("S-{}  {}", study.number, plain(&submitted.title)),
        format!("id {id}, version {}", study.version),
        plain(&standing(state, study)),
        format!("in plain words: {}", plain(&submitted.summary)),
        format!("submitted by {} in block {}; researchers: {}", name(state, &study.submitter), study.height, names(&submitted.researchers)),
        format!("for {}, with data of {}, of {}", plain(&submitted.purpose), plain(&submitted.categories.join(", ")), plain(&dictionary)),
        format!("at least {} people behind a released number, until {}", study.k_min(), study.last_day()),
    ];
    let decisions = study.approvals.values().chain(study.suspensions.values()).chain(&study.ended);
    lines.extend(decisions.flat_map(|d| decision(state, d)));
    for board in boards(study) {
        for waits in waiting(state, &board, id) {
            lines.push(format!("  waits at {} until {}, signed by {}:", name(state, &board), waits.until(), signed(&waits.signatures)));
            let words = statement_in_words(&|id| name(state, id), &waits.statement);
            lines.extend(words.iter().map(|line| format!("    {}", plain(line))));
        }
    }
    lines.extend(study.recused.iter().map(|person| format!("  takes no part: {person}")));
    let sites: Vec<MemberId> = state.cuts(id).map(|cut| cut.hospital).collect();
    lines.push(format!("accepted by: {}", if sites.is_empty() { "no hospital yet".to_owned() } else { names(&sites) }));
    lines
}

fn boards(study: &StudyRecord) -> impl Iterator<Item = MemberId> + '_ {
    study.submitted.sealing.iter().filter(|key| key.party == SealingParty::Board).map(|key| key.member)
}

fn value(state: &State, id: &StudyId, study: &StudyRecord) -> Value {
    let sites: Vec<String> = state.cuts(id).filter_map(|cut| state.member(&cut.hospital).map(|m| m.name.to_string())).collect();
    let signatures = |signatures: &[SignatureRecord]| -> Vec<Value> {
        let one = |s: &SignatureRecord| json!({ "person": s.person.to_string(), "office": s.office.to_string(), "day": s.day.to_string() });
        signatures.iter().map(one).collect()
    };
    let name = |id: &MemberId| name(state, id);
    let decision = |d: &Decision| {
        let conditions = d.conditions().map(|conditions| conditions_in_words(&name, conditions));
        json!({ "act": d.act.to_string(), "by": name(&d.by), "reason": d.reason, "conditions": conditions, "signatures": signatures(&d.signatures), "height": d.height.0 })
    };
    let decisions: Vec<Value> = study.approvals.values().chain(study.suspensions.values()).chain(&study.ended).map(decision).collect();
    let waits = |board: MemberId| {
        let one = move |w: countersign_ledger::WaitingStatement| json!({ "board": name(&board), "meaning": w.statement.meaning(), "reason": w.statement.reason(), "signatures": signatures(&w.signatures), "until": w.until().to_string() });
        waiting(state, &board, id).into_iter().map(one).collect::<Vec<_>>()
    };
    json!({ "study": id.to_string(), "standing": study.status().name(), "words": standing(state, study), "number": study.number, "title": study.submitted.title,
        "approved": matches!(study.status(), StudyStatus::Approved | StudyStatus::Open), "accepted_by": sites, "k_min": study.k_min(),
        "last_day": study.last_day().to_string(), "decisions": decisions, "waiting": boards(study).flat_map(waits).collect::<Vec<_>>(),
        "recused": study.recused.iter().map(ToString::to_string).collect::<Vec<_>>() })
}
