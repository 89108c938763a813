//! The database file: opening it, backing it up, checking it, and the register in it.

use crate::{
    HospitalStoreError,
    slots::{Assignment, RowId, SlotIndex, SlotPeople, SlotRegister, SlotState},
};
use async_recursion::async_recursion as boxed;
use countersign_ingest::PatientId;
use countersign_messages::Height;
use rand::{CryptoRng, RngCore};
use sqlx::{
    QueryBuilder, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::ErrorKind,
    ops::Range,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

/// Memory for pages of the file (negative: KiB). With the library's 2 MiB, anchoring a large table reads its own pages back again and again.
const CACHE: &str = "-32768";
/// How long to wait for another process that is just closing the file.
const BUSY: Duration = Duration::from_secs(5);

/// Slots whose ids come in one row of the database.
const SLOTS_A_ROW: i64 = 1 << 15;

/// The name under which the public key of backups is kept.
const BACKUP_KEY: &str = "backup";

/// What [`HospitalStore::check`] found in a sound file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckReport {
    /// Slots given out so far, dead ones included.
    pub slots: u64,
    /// Openings that can still answer queries.
    pub openings: u64,
    /// Openings planned, prepared or submitted.
    pub openings_pending: u64,
    /// Numbers remembered for the overlap rule, margins included.
    pub released: u64,
    /// Anchors, withdrawals and queries not finished.
    pub unfinished: u64,
}

/// The hospital's store. One process at a time.
#[derive(Debug)]
pub struct HospitalStore {
    pub(crate) pool: SqlitePool,
    path: PathBuf,
}

/// A value SQLite returned as a whole number that must be a `u32`.
pub(crate) fn small(value: i64, what: &'static str) -> Result<u32, HospitalStoreError> {
    u32::try_from(value).map_err(|_| HospitalStoreError::Damaged(what))
}

/// A height as it is stored.
pub(crate) fn height_to_sql(height: Height) -> i64 {
    height.0.min(i64::MAX as u64) as i64
}

/// A stored height.
pub(crate) fn read_height(value: i64) -> Result<Height, HospitalStoreError> {
    u64::try_from(value).map(Height).map_err(|_| HospitalStoreError::Damaged("a height"))
}

/// A stored patient's identifier.
pub(crate) fn read_patient(text: String) -> Result<PatientId, HospitalStoreError> {
    PatientId::new(text).map_err(|_| HospitalStoreError::Damaged("a patient's identifier"))
}

/// Makes a file that only its owner can read; false if there is one already.
fn create_private(path: &Path) -> Result<bool, HospitalStoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(HospitalStoreError::File { path: path.to_owned(), source }),
    }
}

impl HospitalStore {
    /// Opens the file, or makes it (mode 600), and brings it to this version's schema.
    ///
    /// # Errors
    /// The file is readable by others, in use by another process, damaged, or of a later version.
    #[boxed]
    pub async fn open(path: &Path) -> Result<Self, HospitalStoreError> {
        create_private(path)?;
        let metadata = path.metadata().map_err(|source| HospitalStoreError::File { path: path.to_owned(), source })?;
        if metadata.mode() & 0o077 != 0 {
            return Err(HospitalStoreError::Permissions(path.to_owned()));
        }
        // a rollback journal rather than a write-ahead log, and overwritten free pages: destroyed openings leave no copy in the file
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Truncate)
            .locking_mode(SqliteLockingMode::Exclusive)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("secure_delete", "ON")
            .pragma("cache_size", CACHE)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = pool.connect_with(options).await?;
        // taken now and kept (the locking mode): two processes that both had only read would each find at its first write that the other is there
        sqlx::raw_sql("BEGIN EXCLUSIVE; COMMIT").execute(&pool).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self { pool, path: path.to_owned() })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file and gives up its lock. Dropping does the same a moment later.
    #[boxed]
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// Writes a consistent copy to a new file (mode 600).
    ///
    /// # Errors
    /// The file exists, or the disk refuses.
    #[boxed]
    pub async fn backup(&self, to: &Path) -> Result<(), HospitalStoreError> {
        if !create_private(to)? {
            return Err(HospitalStoreError::File { path: to.to_owned(), source: ErrorKind::AlreadyExists.into() });
        }
        let name =
            to.to_str().ok_or_else(|| HospitalStoreError::File { path: to.to_owned(), source: ErrorKind::InvalidFilename.into() })?;
        // SQLite accepts an existing file here if it is empty
        sqlx::query("VACUUM INTO ?").bind(name).execute(&self.pool).await?;
        Ok(())
    }

    /// The public key that backups are sealed to.
    #[boxed]
    pub(crate) async fn backup_key(&self) -> Result<Option<[u8; 32]>, HospitalStoreError> {
        let kept: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT bytes FROM secret WHERE name = ?").bind(BACKUP_KEY).fetch_optional(&self.pool).await?;
        kept.map(|bytes| bytes.try_into().map_err(|_| HospitalStoreError::Damaged("the key of backups"))).transpose()
    }

    /// Sets it.
    #[boxed]
    pub(crate) async fn set_backup_key(&self, public: &[u8; 32]) -> Result<(), HospitalStoreError> {
        let set = "INSERT INTO secret (name, bytes) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes";
        sqlx::query(set).bind(BACKUP_KEY).bind(&public[..]).execute(&self.pool).await?;
        Ok(())
    }

    /// Checks the whole file (of a backup too, once opened).
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn check(&self) -> Result<CheckReport, HospitalStoreError> {
        let verdict: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&self.pool).await?;
        if verdict != "ok" {
            return Err(HospitalStoreError::Damaged("SQLite's integrity check"));
        }
        if sqlx::query("PRAGMA foreign_key_check").fetch_optional(&self.pool).await?.is_some() {
            return Err(HospitalStoreError::Damaged("a reference between tables"));
        }
        let lengths = "SELECT count(*) FROM opening WHERE state BETWEEN 1 AND 3
            AND (length(blinders) <> length(points) OR length(blinders) % 32 <> 0 OR length(codes) % 4096 <> 0)";
        if sqlx::query_scalar::<_, i64>(lengths).fetch_one(&self.pool).await? != 0 {
            return Err(HospitalStoreError::Damaged("an opening"));
        }
        let row: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM slot), (SELECT count(*) FROM opening WHERE state = 3),
                (SELECT count(*) FROM opening WHERE state < 3), (SELECT count(*) FROM number),
                (SELECT count(*) FROM anchor WHERE stage < 3) + (SELECT count(*) FROM withdrawal WHERE state < 3),
                (SELECT count(*) FROM answer WHERE stage < 3)",
        )
        .fetch_one(&self.pool)
        .await?;
        let number = |n: i64| u64::try_from(n).map_err(|_| HospitalStoreError::Damaged("a count"));
        Ok(CheckReport {
            slots: number(row.0)?,
            openings: number(row.1)?,
            openings_pending: number(row.2)?,
            released: number(row.3)?,
            unfinished: number(row.4)? + number(row.5)?,
        })
    }

    /// The slot register as stored.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn register(&self) -> Result<SlotRegister, HospitalStoreError> {
        let mut connection = self.pool.acquire().await?;
        load_register(&mut connection).await
    }

    /// Patients who withdrew and have signed nothing since: an import gives them no slot. Who was erased is not among them: of those no name is kept.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn held_back(&self) -> Result<Vec<PatientId>, HospitalStoreError> {
        let held: Vec<String> = sqlx::query_scalar("SELECT patient FROM withdrawn ORDER BY patient").fetch_all(&self.pool).await?;
        held.into_iter().map(read_patient).collect()
    }

    /// Who has which slot in use, in the order of the slots: what most need of the [register](Self::register), at a fraction of its cost.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn holders(&self) -> Result<Vec<(PatientId, Assignment)>, HospitalStoreError> {
        let rows: Vec<(i64, String, i64)> =
            sqlx::query_as("SELECT slot, patient, row_id FROM slot WHERE state = 0 ORDER BY slot").fetch_all(&self.pool).await?;
        let holder = |(slot, patient, row_id): (i64, String, i64)| {
            let (slot, row_id) = (SlotIndex(small(slot, "a slot")?), RowId(small(row_id, "a row id")?));
            Ok((read_patient(patient)?, Assignment { slot, row_id }))
        };
        rows.into_iter().map(holder).collect()
    }

    /// Whose some slots are or were; who was erased has no name.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn people(&self, slots: Range<u32>) -> Result<HashMap<u32, PatientId>, HospitalStoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT slot, patient FROM slot WHERE patient IS NOT NULL AND slot >= ? AND slot < ?")
                .bind(slots.start)
                .bind(slots.end)
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(|(slot, patient)| Ok((small(slot, "a slot")?, read_patient(patient)?))).collect()
    }

    /// The slots that stand or stood for a patient, ascending; who was erased has none.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn slots_of(&self, patient: &PatientId) -> Result<Vec<(SlotIndex, SlotState)>, HospitalStoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as("SELECT slot, state FROM slot WHERE patient = ? ORDER BY slot")
            .bind(patient.expose())
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(|(slot, state)| Ok((SlotIndex(small(slot, "a slot")?), read_state(state)?))).collect()
    }

    /// The random id of whoever has a slot in use, by slot: no names.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn row_ids(&self) -> Result<SlotPeople, HospitalStoreError> {
        by_slot(&mut *self.pool.acquire().await?, Whose::InUse).await
    }

    /// The state of a slot, `None` if it was never given out.
    ///
    /// # Errors
    /// The file is damaged.
    #[boxed]
    pub async fn slot_state(&self, slot: SlotIndex) -> Result<Option<SlotState>, HospitalStoreError> {
        let state: Option<i64> =
            sqlx::query_scalar("SELECT state FROM slot WHERE slot = ?").bind(slot.0).fetch_optional(&self.pool).await?;
        state.map(read_state).transpose()
    }
}

fn read_state(state: i64) -> Result<SlotState, HospitalStoreError> {
    match state {
        0 => Ok(SlotState::InUse),
        1 => Ok(SlotState::Withdrawn),
        2 => Ok(SlotState::Erased),
        _ => Err(HospitalStoreError::Damaged("a slot's state")),
    }
}

/// A key of this file, drawn on first use.
pub(crate) async fn secret(
    c: &mut SqliteConnection,
    name: &str,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Zeroizing<[u8; 32]>, HospitalStoreError> {
    let kept: Option<Vec<u8>> = sqlx::query_scalar("SELECT bytes FROM secret WHERE name = ?").bind(name).fetch_optional(&mut *c).await?;
    if let Some(bytes) = kept.map(Zeroizing::new) {
        return bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| HospitalStoreError::Damaged("a key"));
    }
    let mut key = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *key);
    sqlx::query("INSERT INTO secret (name, bytes) VALUES (?, ?)").bind(name).bind(&key[..]).execute(c).await?;
    Ok(key)
}

pub(crate) async fn load_register(connection: &mut SqliteConnection) -> Result<SlotRegister, HospitalStoreError> {
    let mut register = SlotRegister::default();
    let mut slots: Vec<(i64, Option<String>, Option<i64>, i64)> =
        sqlx::query_as("SELECT slot, patient, row_id, state FROM slot ORDER BY slot").fetch_all(&mut *connection).await?;
    // those in use last; the database would sort them in a file
    slots.sort_by_key(|(_, _, _, state)| std::cmp::Reverse(*state));
    for (slot, patient, row_id, state) in slots {
        let patient = patient.map(read_patient).transpose()?;
        let row_id = row_id.map(|id| small(id, "a row id").map(RowId)).transpose()?;
        register.insert(patient, SlotIndex(small(slot, "a slot")?), row_id, read_state(state)?);
    }
    for patient in sqlx::query_scalar::<_, String>("SELECT patient FROM withdrawn").fetch_all(&mut *connection).await? {
        register.insert_withdrawn(read_patient(patient)?);
    }
    for id in sqlx::query_scalar::<_, i64>("SELECT row_id FROM retired_row_id").fetch_all(&mut *connection).await? {
        register.insert_retired(RowId(small(id, "a row id")?));
    }
    Ok(register)
}

/// Rows of one statement that writes many.
const ROWS_A_STATEMENT: usize = 4_096;

/// Writes the places of new people, in the order of their slots: each is at the end of the table's tree if the register was empty, and near its neighbours otherwise.
pub(crate) async fn store_slots(connection: &mut SqliteConnection, new: &[(PatientId, Assignment)]) -> Result<(), HospitalStoreError> {
    let mut new: Vec<&(PatientId, Assignment)> = new.iter().collect();
    new.sort_unstable_by_key(|(_, assignment)| assignment.slot);
    for some in new.chunks(ROWS_A_STATEMENT) {
        let mut insert = QueryBuilder::new("INSERT INTO slot (slot, patient, row_id, state) ");
        insert.push_values(some, |mut row, (patient, assignment)| {
            row.push_bind(assignment.slot.0).push_bind(patient.expose()).push_bind(assignment.row_id.0).push("0");
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Takes slots out of use in this file.
pub(crate) async fn take_out_of_use(
    connection: &mut SqliteConnection,
    slots: impl Iterator<Item = SlotIndex>,
) -> Result<(), HospitalStoreError> {
    let slots: Vec<u32> = slots.map(|slot| slot.0).collect();
    for some in slots.chunks(ROWS_A_STATEMENT) {
        let mut update = QueryBuilder::new("UPDATE slot SET state = 1 WHERE state = 0 AND slot IN (");
        let mut list = update.separated(", ");
        some.iter().for_each(|slot| {
            list.push_bind(*slot);
        });
        update.push(")");
        update.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Whose every slot is or was, by the person's random id; slots of erased people are nobody's.
pub(crate) async fn people_by_slot(c: &mut SqliteConnection) -> Result<SlotPeople, HospitalStoreError> {
    by_slot(c, Whose::Ever).await
}

/// Slots in use, or whoever's they ever were.
#[derive(Clone, Copy)]
enum Whose {
    InUse,
    Ever,
}

/// The register's random ids, many a row of the database: each row costs a trip to its thread and back.
async fn by_slot(c: &mut SqliteConnection, whose: Whose) -> Result<SlotPeople, HospitalStoreError> {
    let wanted = match whose {
        Whose::InUse => {
            "SELECT group_concat(slot || ' ' || row_id, ' ') FROM slot WHERE slot >= ? AND slot < ? AND state = 0 AND row_id IS NOT NULL"
        }
        Whose::Ever => "SELECT group_concat(slot || ' ' || row_id, ' ') FROM slot WHERE slot >= ? AND slot < ? AND row_id IS NOT NULL",
    };
    let slots = sqlx::query_scalar::<_, Option<i64>>("SELECT max(slot) FROM slot").fetch_one(&mut *c).await?.map_or(0, |last| last + 1);
    let mut people = SlotPeople::with_slots(small(slots, "a slot")?);
    let mut from = 0;
    while from < slots {
        let some: Option<String> = sqlx::query_scalar(wanted).bind(from).bind(from + SLOTS_A_ROW).fetch_one(&mut *c).await?;
        let mut numbers = some.as_deref().unwrap_or_default().split_ascii_whitespace().map(str::parse::<u32>);
        while let Some(slot) = numbers.next() {
            let (Ok(slot), Some(Ok(person))) = (slot, numbers.next()) else { return Err(HospitalStoreError::Damaged("a row id")) };
            people.put(SlotIndex(slot), RowId(person)).ok_or(HospitalStoreError::Damaged("a slot"))?;
        }
        from += SLOTS_A_ROW;
    }
    Ok(people)
}
