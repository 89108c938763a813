//! Openings: what stands behind an anchored segment. Whoever has one can read the segment; without it the commitments are noise.

use crate::{
    HospitalStore, HospitalStoreError, codes,
    hospital_store::{read_height, small},
};
use async_recursion::async_recursion as boxed;
use countersign_circuits::{
    hash::Digest32,
    opening::Reader,
    outer::scalar_bytes,
    segment::{SegmentId, SlotCodes},
};
use countersign_messages::Height;
use countersign_prover::commitment::Blinders;
use zeroize::Zeroizing;

/// The two kinds of table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableKind {
    /// Rows of a dictionary.
    Data = 0,
    /// Consents of a scope registry.
    Consent = 1,
}

/// A table of this hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Its kind.
    pub kind: TableKind,
    /// Digest of the dictionary, or of the scope registry.
    pub digest: Digest32,
}

/// Which opening: a version of a segment of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpeningKey {
    /// The table.
    pub table: TableName,
    /// The segment and its version.
    pub segment: SegmentId,
}

/// How far an opening has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpeningState {
    /// Its codes are fixed, blinders not drawn.
    Planned = 0,
    /// Blinders and commitments are stored; nothing has left the hospital.
    Prepared = 1,
    /// Its transaction may be on its way.
    Submitted = 2,
    /// On the ledger.
    Anchored = 3,
    /// Codes and blinders are gone for good.
    Destroyed = 4,
}

/// A stored opening. Secret parts are `None` before they are made and after they are destroyed.
#[derive(Debug)]
pub struct Opening {
    /// Which.
    pub key: OpeningKey,
    /// How far.
    pub state: OpeningState,
    /// Bins of the segment's slots.
    pub codes: Option<SlotCodes>,
    /// Blinders of its commitments.
    pub blinders: Option<Blinders>,
    /// Its commitments (public), 32 bytes each.
    pub points: Option<Vec<u8>>,
    /// Where it was anchored.
    pub height: Option<Height>,
    /// What the salts of its records' leaves follow from; none for consents.
    pub source_seed: Option<SourceSeed>,
    /// The root of those leaves (public).
    pub source_root: Option<Digest32>,
}

/// What the salts of a segment's records follow from: with the names of its people it shows that the anchored root is theirs.
pub type SourceSeed = Zeroizing<[u8; 32]>;

/// Codes, blinders, points, state, height, seed and root of the records.
type StoredOpening = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, i64, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);

impl OpeningState {
    fn read(state: i64) -> Result<Self, HospitalStoreError> {
        [Self::Planned, Self::Prepared, Self::Submitted, Self::Anchored, Self::Destroyed]
            .into_iter()
            .find(|s| *s as i64 == state)
            .ok_or(HospitalStoreError::Damaged("an opening's state"))
    }
}

/// kind, table, segment, version
pub(crate) type StoredKey = (i64, Vec<u8>, i64, i64);

pub(crate) fn read_key((kind, digest, index, version): StoredKey) -> Result<OpeningKey, HospitalStoreError> {
    let kind = match kind {
        0 => TableKind::Data,
        1 => TableKind::Consent,
        _ => return Err(HospitalStoreError::Damaged("a table's kind")),
    };
    let digest = Digest32(digest.try_into().map_err(|_| HospitalStoreError::Damaged("a table's digest"))?);
    let segment = SegmentId { index: small(index, "a segment's index")?, version: small(version, "a segment's version")? };
    Ok(OpeningKey { table: TableName { kind, digest }, segment })
}

impl HospitalStore {
    /// Reads an opening.
    ///
    /// # Errors
    /// There is none, or the file is damaged.
    #[boxed]
    pub async fn opening(&self, key: &OpeningKey) -> Result<Opening, HospitalStoreError> {
        self.find_opening(key).await?.ok_or(HospitalStoreError::Unknown("opening"))
    }

    /// Reads an opening, if it is here.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn find_opening(&self, key: &OpeningKey) -> Result<Option<Opening>, HospitalStoreError> {
        let stored: Option<StoredOpening> = sqlx::query_as(
            "SELECT codes, blinders, points, state, height, source_seed, source_root FROM opening
             WHERE kind = ? AND table_id = ? AND segment = ? AND version = ?",
        )
        .bind(key.table.kind as i64)
        .bind(&key.table.digest.0[..])
        .bind(key.segment.index)
        .bind(key.segment.version)
        .fetch_optional(&self.pool)
        .await?;
        let (codes, blinders, points, state, height, seed, root) = match stored {
            Some(stored) => stored,
            None => return Ok(None),
        };
        let codes = codes.map(Zeroizing::new).map(|bytes| codes::from_bytes(&bytes)).transpose()?;
        let blinders = blinders.map(Zeroizing::new).map(|bytes| read_blinders(&bytes)).transpose()?;
        let height = height.map(read_height).transpose()?;
        let bytes = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| HospitalStoreError::Damaged("an opening's source"));
        let source_seed = seed.map(bytes).transpose()?.map(Zeroizing::new);
        let source_root = root.map(bytes).transpose()?.map(Digest32);
        let state = OpeningState::read(state)?;
        Ok(Some(Opening { key: *key, state, codes, blinders, points, height, source_seed, source_root }))
    }

    /// The roots of the records of all segments that an anchored opening's transaction carried, in its order, and the opening's place among them. `None`: one of them is not known.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn source_roots(&self, key: &OpeningKey) -> Result<Option<(Vec<Digest32>, usize)>, HospitalStoreError> {
        type Rooted = (i64, Vec<u8>, i64, i64, Option<Vec<u8>>);
        let stored: Vec<Rooted> = sqlx::query_as(
            "SELECT o.kind, o.table_id, o.segment, o.version, o.source_root FROM opening o
             JOIN opening own ON o.anchor = own.anchor AND o.sequence = own.sequence
             WHERE own.kind = ? AND own.table_id = ? AND own.segment = ? AND own.version = ? ORDER BY o.table_id, o.segment, o.version",
        )
        .bind(key.table.kind as i64)
        .bind(&key.table.digest.0[..])
        .bind(key.segment.index)
        .bind(key.segment.version)
        .fetch_all(&self.pool)
        .await?;
        let own = (key.table.kind as i64, &key.table.digest.0[..], i64::from(key.segment.index), i64::from(key.segment.version));
        let place = stored.iter().position(|(kind, table, segment, version, _)| (*kind, &table[..], *segment, *version) == own);
        let root = |(kind, .., root): Rooted| match root {
            // an erasure carries consents beside research data
            None if kind == TableKind::Consent as i64 => Some(Digest32::default()),
            root => root.and_then(|bytes| bytes.try_into().ok()).map(Digest32),
        };
        Ok(stored.into_iter().map(root).collect::<Option<Vec<_>>>().zip(place))
    }

    /// The newest anchored opening of every segment of a table, ascending by segment.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn anchored(&self, table: TableName) -> Result<Vec<OpeningKey>, HospitalStoreError> {
        let keys: Vec<StoredKey> = sqlx::query_as(
            "SELECT kind, table_id, segment, max(version) FROM opening
             WHERE kind = ? AND table_id = ? AND state = 3 GROUP BY segment ORDER BY segment",
        )
        .bind(table.kind as i64)
        .bind(&table.digest.0[..])
        .fetch_all(&self.pool)
        .await?;
        keys.into_iter().map(read_key).collect()
    }

    /// Anchored openings of which a newer version is anchored too. Destroy them once no study's cut and no open query pins them.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn superseded(&self) -> Result<Vec<OpeningKey>, HospitalStoreError> {
        let keys: Vec<StoredKey> = sqlx::query_as(
            "SELECT o.kind, o.table_id, o.segment, o.version FROM opening o WHERE o.state = 3 AND EXISTS (
                SELECT 1 FROM opening n WHERE n.kind = o.kind AND n.table_id = o.table_id AND n.segment = o.segment
                AND n.state = 3 AND n.version > o.version)
             ORDER BY o.kind, o.table_id, o.segment, o.version",
        )
        .fetch_all(&self.pool)
        .await?;
        keys.into_iter().map(read_key).collect()
    }

    /// Destroys an anchored opening: codes and blinders are overwritten in the file. What is anchored is noise from then on.
    /// Backups hold it until they are rotated.
    ///
    /// # Errors
    /// The opening does not exist or is not anchored.
    #[boxed]
    pub async fn destroy(&self, key: &OpeningKey) -> Result<(), HospitalStoreError> {
        let done = sqlx::query(
            "UPDATE opening SET state = 4, codes = NULL, blinders = NULL, source_seed = NULL
             WHERE kind = ? AND table_id = ? AND segment = ? AND version = ? AND state = 3",
        )
        .bind(key.table.kind as i64)
        .bind(&key.table.digest.0[..])
        .bind(key.segment.index)
        .bind(key.segment.version)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(HospitalStoreError::Unknown("anchored opening")) }
    }
}

/// Blinders as they are stored: canonical little-endian bytes, 32 for each matrix row.
pub(crate) fn blinders_to_bytes(blinders: &Blinders) -> Zeroizing<Vec<u8>> {
    // room for all of them at once: a buffer that grows leaves copies behind
    let mut bytes = Zeroizing::new(Vec::with_capacity(32 * blinders.0.len()));
    blinders.0.iter().for_each(|blinder| bytes.extend(scalar_bytes(blinder)));
    bytes
}

fn read_blinders(bytes: &[u8]) -> Result<Blinders, HospitalStoreError> {
    let damaged = || HospitalStoreError::Damaged("blinders");
    if bytes.is_empty() || !bytes.len().is_multiple_of(32) {
        return Err(damaged());
    }
    Ok(Blinders(Reader::new(bytes).scalars(bytes.len() / 32).map_err(|_| damaged())?))
}
