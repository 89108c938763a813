//! A development network, where one person has everybody's keys: what they would do one after the other.

use crate::{
    failure::Failure,
    keyed_connection::{KeyHolder, KeyedConnection},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_consortium::{BOARD, VALIDATOR, propose};
use countersign_hospital::Hospital;
use countersign_messages::{Act, Change, Conditions, Height, Office, StudyId};
use countersign_study::{StudyDraft, decision, sign, submit};

/// Publishes a dictionary if the ledger does not know it: on a development network, where one member decides.
///
/// # Errors
/// It is refused, or others must propose it or vote on it.
#[boxed]
pub async fn publish_dictionary(network: &mut KeyedConnection, canonical: &[u8]) -> Result<Digest32, Failure> {
    let digest = Digest32::of(canonical);
    if network.state().dictionary(&digest).is_some() {
        return Ok(digest);
    }
    if matches!(network.holder(), KeyHolder::Member(_)) {
        let words = "the dictionary is not published on this network; a governance member proposes it with";
        return Err(Failure::Refused(format!("{words} `countersign propose dictionary FILE --config node.toml --reason TEXT`")));
    }
    let validator = network.member(VALIDATOR)?;
    propose(network, &validator, Change::Dictionary(canonical.to_vec()), Height(0), "a hospital's data are described by it").await?;
    Ok(digest)
}

/// Submits a study, has the board approve it and the hospitals accept it.
///
/// # Errors
/// A step is refused.
#[boxed]
pub async fn open_study(network: &mut KeyedConnection, draft: &StudyDraft, hospitals: &[Hospital]) -> Result<StudyId, Failure> {
    let (researcher, board) = (network.holder().reader()?, network.member(BOARD)?);
    let study = submit(network, &researcher, &[board.id()], draft).await?;
    let KeyHolder::Everybody(folder) = network.holder() else { return Err(Failure::Refused("this takes a development network".into())) };
    let persons = [folder.person(Office::Chair)?, folder.person(Office::Secretary)?];
    let approval = decision(network.state(), &board, study, Act::Approve(Conditions::default()), "")?;
    for person in persons {
        sign(network, &board, &person, approval.clone()).await?;
    }
    for hospital in hospitals {
        hospital.accept(network, study, draft.k_min).await?;
    }
    Ok(study)
}
