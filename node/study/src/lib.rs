//! What researchers and ethics boards do: studies and questions, from the draft to the answers.
//!
//! A researcher [submits](submit) a [`StudyDraft`], persons of an ethics board [sign] what it decides, whoever submitted it [decides](decide) too, hospitals accept it
//! (`countersign-hospital`). Then the researcher
//! [finds](find) the dictionary a question names, a study that [covers](covering) it, and [asks](ask). Where each question stands at each hospital is
//! [`asked_by`]; what has come is [`result`]: opened with the member's own key, verified here, tabulated. [`export`] writes files that convince others.
//!
//! A researcher who asks and reads:
//!
//! ```no_run
//! # use countersign_member::{Connection, Member, now};
//! # use countersign_study::{StudyError, ask, covering, find, result, until_answered};
//! # use std::time::Duration;
//! # async fn a_question(connection: &mut Connection, me: &Member) -> Result<(), StudyError> {
//! let sql = "SELECT diabetes, AVG(hba1c) FROM cardiometabolic-core GROUP BY diabetes";
//! let (dictionary, question) = find(connection.state(), sql)?;
//! let study = match covering(connection.state(), &me.id(), &dictionary, &question) {
//!     Ok(study) => study,
//!     Err(first) => { println!("{first:?}"); return Ok(()); }
//! };
//! let query = ask(connection, me, study, (&question, sql), now()).await?;
//! until_answered(connection, query, Duration::from_secs(120), &|waiting| println!("waiting for {waiting:?}")).await?;
//! let collected = result(connection, me, query).await?;
//! println!("{}", countersign_stats::render_text(&collected.table));
//! # Ok(())
//! # }
//! ```
//!
//! Everything is read from the chain and the member's keys, so it works at any time and after any restart.

mod answered;
mod asked;
mod asking;
mod covering;
mod deciding;
mod draft;
mod error;
mod exporting;
mod request;
mod signing;

pub use answered::{Collected, collect, result};
pub use asked::{Asked, HospitalsAtHand, Standing, asked_before, asked_by};
pub use asking::{ask, dictionary, find, until_answered};
pub use covering::{NotCovered, categories_of, covering, hospitals_with_table};
pub use deciding::{decide, standing};
pub use draft::{StudyDraft, boards, submit};
pub use error::StudyError;
pub use exporting::{export, writable};
pub use request::{SigningRequest, statement_in_words};
pub use signing::{Signed, admission, conditions_in_words, decision, send, sign, waiting};
