//! What members and patients sign.

use crate::{START, Who, id};
use countersign_messages::*;
use ed25519_dalek::SigningKey;

pub fn withdraw(slots: &[u32], cause: Cause) -> Payload {
    Payload::Withdraw(Withdraw { slots: slots.to_vec(), cause, received: START.day() })
}

/// The secret of a patient's key.
pub fn patient(number: u8) -> SigningKey {
    let mut seed = [200; 32];
    seed[0] = number;
    SigningKey::from_bytes(&seed)
}

/// Keys of patients for slots of a hospital.
pub fn enrol(network: NetworkId, hospital: Who, keys: &[(u32, u8)]) -> Payload {
    let enrolment = |(slot, number): &(u32, u8)| {
        let secret = patient(*number);
        let possession = PatientKey::prove_possession(&secret, &network, &id(hospital));
        Enrolment { slot: *slot, key: PatientKey::from(&secret.verifying_key()), possession }
    };
    Payload::Enrol(Enrol { keys: keys.iter().map(enrolment).collect() })
}

/// A patient takes a slot out of force.
pub fn leave(network: NetworkId, number: u8, hospital: Who, slot: u32) -> Transaction {
    let payload = Payload::WithdrawByKey(WithdrawByKey { hospital: id(hospital), slot });
    Transaction::sign(&patient(number), network, 0, payload)
}

pub fn propose(change: Change) -> Payload {
    propose_at(change, Height(0))
}

pub fn propose_at(change: Change, in_force: Height) -> Payload {
    Payload::Propose(Proposal { change, in_force, reason: "needed".into() })
}

pub fn vote(proposal: ProposalId, approve: bool) -> Payload {
    Payload::Vote(Vote { proposal, approve })
}

pub fn refusal(query: QueryId, code: u16) -> Payload {
    Payload::Refusal(Refusal { query, code: RefusalCode(code), reason: "declined".into() })
}
