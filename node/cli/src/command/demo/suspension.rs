//! The ethics board suspends the study for a while.

use super::consortium::{BOARD, Consortium, RESEARCHER};
use crate::{failure::Failure, screen::Screen};
use countersign_ingest::Reading;
use countersign_member::now;
use countersign_messages::{Act, StudyId};
use countersign_query::compile;
use countersign_study::{ask, decision, sign};
use serde_json::{Value, json};

/// What the researcher asks meanwhile.
const ASKED: &str = "SELECT sex, COUNT(*) FROM cardiometabolic-core GROUP BY sex";
const WHY: &str = "a complaint about the consent forms of one hospital is looked into";

/// Nothing is asked while the study is suspended; then it goes on.
pub(super) async fn suspend(screen: Screen, consortium: &Consortium, study: StudyId, reading: &Reading) -> Result<Value, Failure> {
    let (board, reader) = (consortium.member(BOARD)?, consortium.member(RESEARCHER)?);
    let mut observer = consortium.network(BOARD)?;
    let [chair, secretary] = &consortium.persons;
    let suspension = decision(observer.state(), board, study, Act::Suspend, WHY)?;
    sign(&mut observer, board, secretary, suspension).await?;
    screen.say(format!("\nThe secretary of the ethics board suspends the study: {WHY}. The researcher asks all the same:\n  {ASKED}"));
    let mut researcher = consortium.network(RESEARCHER)?;
    researcher.until("the suspension", |s| s.study(&study).is_some_and(|s| !s.suspensions.is_empty())).await?;
    let question = compile(ASKED, reading.dictionary())?;
    let refused = match ask(&mut researcher, reader, study, (&question, ASKED), now()).await {
        Err(refused) => refused.to_string(),
        Ok(_) => return Err(Failure::NotVerified("a question of a suspended study was not refused".into())),
    };
    screen.say(format!("  {refused}"));
    let lift = decision(observer.state(), board, study, Act::Lift, "it was unfounded")?;
    for person in [secretary, chair] {
        sign(&mut observer, board, person, lift.clone()).await?;
    }
    screen.say("The secretary and the chair lift the suspension: that takes two.");
    Ok(json!({ "sql": ASKED, "refusal": refused }))
}
