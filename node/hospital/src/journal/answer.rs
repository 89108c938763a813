//! Answering a query: attempts, the stored answer or refusal, and the ledger's word.

use crate::{
    HospitalStore, HospitalStoreError,
    hospital_store::{height_to_sql, read_height, small},
    released::{self, Judged},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::hash::Digest32;
use countersign_messages::{Height, QueryId, TransactionId};
use rand::{CryptoRng, RngCore};
use sqlx::SqliteConnection;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Most proofs begun for one query; then the hospital can only refuse.
pub const ATTEMPTS_MAX: u32 = 16;

/// What a hospital sends about a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// An answer with a proof.
    Answer = 0,
    /// A refusal with a reason.
    Refusal = 1,
}

/// Fresh entropy of one attempt: the seed of its salts, blinders and masks. Never stored.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct AttemptEntropy(pub [u8; 32]);

impl fmt::Debug for AttemptEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptEntropy(secret)")
    }
}

/// A proof begun.
#[derive(Debug)]
pub struct Attempt {
    /// The query.
    pub query: QueryId,
    /// Counts from 1.
    pub number: u32,
    /// For this attempt only.
    pub entropy: AttemptEntropy,
}

/// What a query needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerStep {
    /// Compute and prove an answer with fresh salts, or refuse.
    Attempt {
        /// The query.
        query: QueryId,
        /// Number the attempt will have.
        number: u32,
    },
    /// All attempts are used up: refuse.
    Refuse {
        /// The query.
        query: QueryId,
    },
    /// Report the bytes as submitted, then send them.
    Submit {
        /// The query.
        query: QueryId,
        /// Answer or refusal.
        kind: AnswerKind,
        /// What to send.
        bytes: Vec<u8>,
    },
    /// Ask the ledger for bytes that may have been sent; send them again if the ledger does not know them.
    Await {
        /// The query.
        query: QueryId,
        /// Answer or refusal.
        kind: AnswerKind,
        /// What to send.
        bytes: Vec<u8>,
    },
    /// The ledger accepted the answer: hand its ciphertext to those who keep it. Not before.
    Deliver {
        /// The query.
        query: QueryId,
        /// The ciphertext.
        sealed: Vec<u8>,
    },
    /// The ledger holds it.
    Done {
        /// The query.
        query: QueryId,
        /// Answer or refusal.
        kind: AnswerKind,
        /// In which block.
        height: Height,
    },
}

/// stage, attempts, kind, bytes, height
type Stored = (i64, i64, Option<i64>, Option<Vec<u8>>, Option<i64>);

fn read_kind(kind: Option<i64>) -> Result<AnswerKind, HospitalStoreError> {
    match kind {
        Some(0) => Ok(AnswerKind::Answer),
        Some(1) => Ok(AnswerKind::Refusal),
        _ => Err(HospitalStoreError::Damaged("the kind of an answer")),
    }
}

fn read_query(id: Vec<u8>) -> Result<QueryId, HospitalStoreError> {
    let id = id.try_into().map_err(|_| HospitalStoreError::Damaged("a query's id"))?;
    Ok(QueryId(TransactionId(Digest32(id))))
}

async fn read(c: &mut SqliteConnection, query: QueryId) -> Result<Stored, HospitalStoreError> {
    sqlx::query_as("SELECT stage, attempts, kind, bytes, height FROM answer WHERE query = ?")
        .bind(&query.0.0.0[..])
        .fetch_optional(c)
        .await?
        .ok_or(HospitalStoreError::Unknown("query"))
}

/// Whether a refused answer used up one of the attempts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedUp {
    /// It did: the answer was at fault, or something came in between.
    Yes,
    /// Its study was suspended or had ended.
    No,
}

impl HospitalStore {
    /// Records a query that arrived in a block. Seeing it again changes nothing.
    ///
    /// # Errors
    /// The database refuses.
    #[boxed]
    pub async fn query_seen(&self, query: QueryId, arrived: Height) -> Result<(), HospitalStoreError> {
        sqlx::query("INSERT INTO answer (query, arrived, stage, attempts) VALUES (?, ?, 0, 0) ON CONFLICT (query) DO NOTHING")
            .bind(&query.0.0.0[..])
            .bind(height_to_sql(arrived))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Queries not finished, the oldest first.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn open_queries(&self) -> Result<Vec<QueryId>, HospitalStoreError> {
        let ids: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT query FROM answer WHERE stage < 3 OR sealed IS NOT NULL ORDER BY arrived, query")
                .fetch_all(&self.pool)
                .await?;
        ids.into_iter().map(read_query).collect()
    }

    /// What a query needs next.
    ///
    /// # Errors
    /// The query was never seen, or the file is damaged.
    #[boxed]
    pub async fn next_answer_step(&self, query: QueryId) -> Result<AnswerStep, HospitalStoreError> {
        let mut c = self.pool.acquire().await?;
        let (stage, attempts, kind, bytes, height) = read(&mut c, query).await?;
        if stage == 0 {
            let number = small(attempts, "a number of attempts")? + 1;
            return Ok(if number > ATTEMPTS_MAX { AnswerStep::Refuse { query } } else { AnswerStep::Attempt { query, number } });
        }
        let (kind, bytes) = (read_kind(kind)?, bytes.ok_or(HospitalStoreError::Damaged("an answer without bytes"))?);
        match stage {
            1 => Ok(AnswerStep::Submit { query, kind, bytes }),
            2 => Ok(AnswerStep::Await { query, kind, bytes }),
            _ => {
                let sealed: Option<Vec<u8>> =
                    sqlx::query_scalar("SELECT sealed FROM answer WHERE query = ?").bind(&query.0.0.0[..]).fetch_one(&mut *c).await?;
                if let Some(sealed) = sealed {
                    return Ok(AnswerStep::Deliver { query, sealed });
                }
                let height = read_height(height.ok_or(HospitalStoreError::Damaged("an answer without its height"))?)?;
                Ok(AnswerStep::Done { query, kind, height })
            }
        }
    }

    /// Begins a proof. The attempt is counted before any of its entropy is used; an attempt that a crash ends is never resumed.
    ///
    /// # Errors
    /// An answer or refusal is stored already, or the attempts are used up.
    pub async fn start_attempt(&self, query: QueryId, rng: &mut (impl RngCore + CryptoRng)) -> Result<Attempt, HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let counted = sqlx::query("UPDATE answer SET attempts = attempts + 1 WHERE query = ? AND stage = 0 AND attempts < ?")
            .bind(&query.0.0.0[..])
            .bind(ATTEMPTS_MAX)
            .execute(&mut *tx)
            .await?;
        if counted.rows_affected() != 1 {
            return Err(HospitalStoreError::OutOfOrder("the query is answered or refused already, unknown, or out of attempts"));
        }
        let number = small(read(&mut tx, query).await?.1, "a number of attempts")?;
        tx.commit().await?;
        let mut entropy = AttemptEntropy([0; 32]);
        rng.fill_bytes(&mut entropy.0);
        Ok(Attempt { query, number, entropy })
    }

    /// Stores the signed answer of the current attempt with its ciphertext, and remembers the numbers it releases.
    ///
    /// # Errors
    /// Another attempt was begun since, an answer or refusal is stored already, or another answer was stored since this one was judged
    /// ([`HospitalStoreError::Overlap`]): then judge and prove again.
    #[boxed]
    pub async fn store_answer(&self, attempt: &Attempt, bytes: &[u8], sealed: &[u8], judged: &Judged) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let stored =
            sqlx::query("UPDATE answer SET stage = 1, kind = 0, bytes = ?, sealed = ? WHERE query = ? AND stage = 0 AND attempts = ?")
                .bind(bytes)
                .bind(sealed)
                .bind(&attempt.query.0.0.0[..])
                .bind(attempt.number)
                .execute(&mut *tx)
                .await?;
        if stored.rows_affected() != 1 {
            return Err(HospitalStoreError::OutOfOrder("the attempt is not the current one of an open query"));
        }
        released::remember(&mut tx, attempt.query, judged).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Stores a signed refusal.
    ///
    /// # Errors
    /// An answer or refusal is stored already, or the query was never seen.
    #[boxed]
    pub async fn store_refusal(&self, query: QueryId, bytes: &[u8]) -> Result<(), HospitalStoreError> {
        let stored = sqlx::query("UPDATE answer SET stage = 1, kind = 1, bytes = ? WHERE query = ? AND stage = 0")
            .bind(bytes)
            .bind(&query.0.0.0[..])
            .execute(&self.pool)
            .await?;
        if stored.rows_affected() == 1 { Ok(()) } else { Err(HospitalStoreError::OutOfOrder("the query is answered, refused or unknown")) }
    }

    /// Records that the stored bytes are about to be sent. Call this before sending.
    ///
    /// # Errors
    /// Nothing is stored, or it was submitted before.
    #[boxed]
    pub async fn answer_submitted(&self, query: QueryId) -> Result<(), HospitalStoreError> {
        self.move_answer(query, (1, 2), None).await
    }

    /// Records that the ledger holds the answer or refusal. Its ciphertext may leave from now on ([`AnswerStep::Deliver`]).
    ///
    /// # Errors
    /// Nothing was submitted, or it is confirmed already.
    #[boxed]
    pub async fn answer_confirmed(&self, query: QueryId, height: Height) -> Result<(), HospitalStoreError> {
        self.move_answer(query, (2, 3), Some(height)).await
    }

    async fn move_answer(&self, query: QueryId, (from, to): (i64, i64), height: Option<Height>) -> Result<(), HospitalStoreError> {
        let moved = sqlx::query("UPDATE answer SET stage = ?, height = ? WHERE query = ? AND stage = ?")
            .bind(to)
            .bind(height.map(height_to_sql))
            .bind(&query.0.0.0[..])
            .bind(from)
            .execute(&self.pool)
            .await?;
        if moved.rows_affected() == 1 { Ok(()) } else { Err(HospitalStoreError::OutOfOrder("the answer is at another stage")) }
    }

    /// Records that the ledger refused the submitted bytes for good (a withdrawal came in between, say). They are dropped and
    /// the query is open for another attempt. Its numbers are forgotten: a ciphertext leaves the hospital only after
    /// [`HospitalStore::answer_confirmed`], so nobody can have read them, and from then on they stay for ever.
    ///
    /// # Errors
    /// Nothing was submitted, or it is confirmed already.
    #[boxed]
    pub async fn answer_rejected(&self, query: QueryId, attempt: UsedUp) -> Result<(), HospitalStoreError> {
        let mut tx = self.pool.begin().await?;
        let given_back = match attempt {
            UsedUp::Yes => 0,
            UsedUp::No => 1,
        };
        let dropped = "UPDATE answer SET stage = 0, kind = NULL, bytes = NULL, sealed = NULL, attempts = max(attempts - ?, 0) WHERE query = ? AND stage = 2";
        let moved = sqlx::query(dropped).bind(given_back).bind(&query.0.0.0[..]).execute(&mut *tx).await?;
        if moved.rows_affected() != 1 {
            return Err(HospitalStoreError::OutOfOrder("nothing submitted for this query is awaited"));
        }
        released::forget(&mut tx, &query.0.0.0).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records that the ciphertext of an accepted answer has reached those who keep it.
    ///
    /// # Errors
    /// The answer is not accepted, or was handed over before.
    #[boxed]
    pub async fn answer_delivered(&self, query: QueryId) -> Result<(), HospitalStoreError> {
        let done = sqlx::query("UPDATE answer SET sealed = NULL WHERE query = ? AND stage = 3 AND sealed IS NOT NULL")
            .bind(&query.0.0.0[..])
            .execute(&self.pool)
            .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(HospitalStoreError::OutOfOrder("no ciphertext of an accepted answer waits")) }
    }
}
