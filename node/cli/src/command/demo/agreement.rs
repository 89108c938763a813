//! What the organisations agree on before a question is asked: the dictionary, by vote, and the study.

use super::consortium::{BOARD, Consortium, RESEARCHER, VALIDATORS};
use crate::{failure::Failure, screen::Screen};
use countersign_circuits::hash::Digest32;
use countersign_consortium::{propose, vote};
use countersign_hospital::Hospital;
use countersign_ingest::Reading;
use countersign_messages::{Act, Change, Conditions, Height, StudyId};
use countersign_study::{Signed, StudyDraft, decision, sign, submit};

/// The dictionary is published by vote.
pub(super) async fn publish(screen: Screen, consortium: &Consortium, reading: &Reading) -> Result<Digest32, Failure> {
    let change = Change::Dictionary(reading.canonical().to_vec());
    let [first, voters @ ..] = VALIDATORS;
    let member = consortium.member(first)?;
    let mut network = consortium.network(first)?;
    let proposed = propose(&mut network, member, change, Height(0), "the hospitals' data are described by it").await?;
    let voters = &voters[..2];
    for name in voters {
        let mut network = consortium.network(name)?;
        network.until("the proposal", |s| s.proposal(&proposed.proposal).is_some()).await?;
        vote(&mut network, consortium.member(name)?, proposed.proposal, true).await?;
    }
    network.until("the dictionary", |s| s.dictionary(&reading.digest()).is_some()).await?;
    let status = network.state().proposal(&proposed.proposal).map(|p| p.status.to_string()).unwrap_or_default();
    screen.say(format!(
        "\nThe dictionary of what is measured is proposed by {first} (G-{}) and voted for by {}: {status}.",
        proposed.number,
        voters.join(" and ")
    ));
    Ok(reading.digest())
}

/// Submits, approves and accepts the study, each organisation with its own key.
pub(super) async fn open_study(
    screen: Screen,
    consortium: &Consortium,
    reading: &Reading,
    dictionary: &Digest32,
    sites: &[Hospital],
) -> Result<StudyId, Failure> {
    let draft = StudyDraft {
        title: "Diabetes, blood pressure and weight".into(),
        summary: "How age, weight, blood pressure and blood sugar hang together in three hospitals. Only totals leave a hospital.".into(),
        dictionary: *dictionary,
        categories: super::super::categories(reading),
        k_min: 10,
    };
    let (researcher, board) = (consortium.member(RESEARCHER)?, consortium.member(BOARD)?);
    let boards = [board.id()];
    let mut network = consortium.network(RESEARCHER)?;
    let study = submit(&mut network, researcher, &boards, &draft).await?;
    let mut observer = consortium.network(BOARD)?;
    observer.until("the study", |s| s.study(&study).is_some()).await?;
    let conditions = Conditions { words: "results are shown to the hospitals first".into(), ..Conditions::default() };
    let approval = decision(observer.state(), board, study, Act::Approve(conditions), "")?;
    let [chair, secretary] = &consortium.persons;
    if !matches!(sign(&mut observer, board, chair, approval.clone()).await?, Signed::Waits(_)) {
        return Err(Failure::NotVerified("one signature of the ethics board approved a study".into()));
    }
    sign(&mut observer, board, secretary, approval).await?;
    for site in sites {
        let mut network = consortium.network(&site.member.name)?;
        network.until("the approval", |s| s.study(&study).is_some_and(|s| !s.approvals.is_empty())).await?;
        site.accept(&mut network, study, draft.k_min).await?;
    }
    screen.say(
        "\nA study is submitted. The chair of the ethics board signs its approval, which changes nothing; with the secretary's signature it is approved. Each hospital accepts it: \
         from here on the data of the study are fixed.",
    );
    Ok(study)
}
