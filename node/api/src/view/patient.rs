//! What the ledger has of a patient's key.

use super::time;
use countersign_ledger::{SlotRow, State, Use, WithdrawnBy};
use countersign_messages::{MemberId, PatientKey, json};

fn name(state: &State, member: &MemberId) -> String {
    state.member(member).map_or_else(|| member.to_string(), |member| member.name.to_string())
}

/// The slot a key stands for.
pub(crate) fn slot(state: &State, key: &PatientKey) -> Option<json::PatientSlot> {
    let (hospital, slot) = state.slot_of_key(key)?;
    let record = state.patient_key(&hospital, slot)?;
    Some(json::PatientSlot {
        key: key.signer().into(),
        hospital: hospital.into(),
        hospital_name: name(state, &hospital),
        slot,
        height: record.height.0,
        transaction: record.transaction.into(),
        left: left(state, hospital, slot),
    })
}

fn left(state: &State, hospital: MemberId, slot: u32) -> Option<json::Left> {
    let left = state.withdrawal(hospital, slot)?;
    let by = match left.by {
        WithdrawnBy::Key => "key",
        WithdrawnBy::Word => "word",
        WithdrawnBy::Source => "source",
    };
    Some(json::Left { height: left.height.0, by: by.into() })
}

/// What a hospital has anchored at one of its slots; `None`: nothing.
pub(crate) fn rows(state: &State, hospital: &MemberId, slot: u32) -> Option<json::Slot> {
    let row = |row: SlotRow| {
        let anchored = state.slot_segment(hospital, &row)?;
        let name = state.dictionary(&row.table).map_or_else(|| "consents".into(), |record| record.dictionary().reference());
        Some(json::SlotRow {
            table: row.table.into(),
            name,
            segment: row.segment.index,
            version: row.segment.version,
            height: anchored.height.0,
            transaction: anchored.transaction.into(),
            current: row.current,
            studies: row.studies,
        })
    };
    let rows: Vec<_> = state.slot_rows(hospital, slot).into_iter().filter_map(row).collect();
    let hospital_name = name(state, hospital);
    (!rows.is_empty()).then(|| json::Slot { hospital: (*hospital).into(), hospital_name, slot, left: left(state, *hospital, slot), rows })
}

/// An answer that a slot could be counted in.
pub(crate) fn used(state: &State, used: &Use) -> json::Use {
    let (query, study) = (state.query(&used.query), state.study(&used.study));
    json::Use {
        query: used.query.into(),
        number: used.number,
        question: query.map_or_else(String::new, |record| record.query.question.clone()),
        asker: query.map_or_else(String::new, |record| name(state, &record.asker)),
        asked: time(query.map_or(state.tip().time, |record| record.time)),
        study: used.study.into(),
        study_number: study.map_or(0, |record| record.number),
        title: study.map_or_else(String::new, |record| record.submitted.title.clone()),
        height: used.height.0,
    }
}
