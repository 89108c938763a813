//! The certificate of an erasure, for the person it is about: what was erased, what remains, and how to check it without the hospital.

use countersign_circuits::consent::Day;
use countersign_hospital::{Erased, ErasedPlace};
use countersign_ingest::day_text;
use countersign_messages::{MemberId, NetworkId};

/// Who erased, where and when.
pub(super) struct Issuer {
    /// The network.
    pub(super) network: NetworkId,
    /// The hospital.
    pub(super) hospital: MemberId,
    /// Its name.
    pub(super) name: String,
    /// The chain's day.
    pub(super) day: Day,
}

const REPLACED: &str = "- your row and your permissions, in every version of the tables that is in use; the network has checked that nobody else's row changed";
const ANCHORED: &str = "- your row and your permissions, in the tables of now";

/// The certificate in plain words. It names no person: whoever holds it knows whose it is.
pub(super) fn text(of: &Issuer, erased: &Erased) -> String {
    let replaced = erased.places.iter().all(|place| place.left.is_none() || place.emptied.is_some());
    let mut lines = vec![
        "Certificate of erasure".to_owned(),
        String::new(),
        format!("Hospital: {} ({})", of.name, of.hospital),
        format!("Network:  {}", of.network),
        format!("Day:      {}", day_text(of.day)),
        String::new(),
        "Erased in the hospital's research computer".to_owned(),
        "- your name or number there, your keys and codes, and everything that tied them to a place in its tables".to_owned(),
        if replaced { REPLACED } else { ANCHORED }.to_owned(),
        "- what could open your row in the versions of before; what is left of them on the chain is noise to everybody".to_owned(),
    ];
    if let Some(until) = erased.openings.until {
        lines.push(format!(
            "- not yet: {} versions that studies are answered from; no answer counts you, and they go after {}",
            erased.openings.pinned,
            day_text(until)
        ));
    }
    if erased.openings.newest > 0 {
        lines.push(format!("- not yet: {} versions, until the hospital's files are anchored again", erased.openings.newest));
    }
    lines.push(String::new());
    lines.push("What remains".to_owned());
    lines.extend(erased.places.iter().map(place));
    lines.push("- totals that were published before, in which you may be counted".to_owned());
    lines.push(
        "- your record for your care in the hospital's own systems; and backups of the research computer of before, until they are deleted"
            .to_owned(),
    );
    lines.push(
        "- with the hospital, that somebody of your number was erased, as a hash: so that you do not come back by mistake".to_owned(),
    );
    lines.push(String::new());
    lines.push("To check it, ask any member's node, best not the hospital's:".to_owned());
    lines.extend(erased.places.iter().map(|place| format!("  /v1/members/{}/slots/{}", of.hospital, place.slot.0)));
    lines.push("It names since when the place is out of force, and the transaction above with its block.".to_owned());
    lines.join("\n") + "\n"
}

fn place(place: &ErasedPlace) -> String {
    let left = match place.left {
        Some(height) => format!("out of force since block {height}"),
        None => "on no ledger".to_owned(),
    };
    let emptied = place.emptied.map(|(id, height)| format!(", emptied by transaction {id} of block {height}")).unwrap_or_default();
    format!("- on the chain: the number {} of a place that stays empty, {left}{emptied}", place.slot.0)
}
