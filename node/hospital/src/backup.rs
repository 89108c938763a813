//! Backups of a hospital's file, sealed to a key of which the hospital's machines hold the public half only: the other is on paper.
//!
//! A backup is a whole, consistent copy. Its head says, readable for everybody, of which hospital it is and as of which block; everything else is sealed
//! ([`countersign_messages::SealingWriter`]), the head authenticated with it. It is written beside its place and moved there when it is whole.

use crate::{CheckReport, HospitalStore, HospitalStoreError, erasure_list};
use async_recursion::async_recursion as boxed;
use borsh::{BorshDeserialize, BorshSerialize};
use countersign_circuits::{hash::Digest32, tag};
use countersign_messages::{BlockTime, Height, MemberId, Name, NetworkId, OpeningReader, SealingWriter, sealed::SealingSecret};
use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const MAGIC: &[u8] = b"countersign-backup/1\n";
/// Bytes of a head: two keys, a name, two numbers.
const HEAD_BYTES_MAX: u32 = 4_096;
/// The end of a backup's name.
const EXTENSION: &str = "backup";
/// What a backup, and a restored file, is called until it is whole.
const PART: &str = "part";
/// How folders of plain copies begin.
const COPY: &str = "countersign-backup-";
/// What SQLite keeps beside a file. Left there by a crash, it would be played into what is restored.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// What stands before a backup's sealed content.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BackupHead {
    /// The network.
    pub network: NetworkId,
    /// The hospital.
    pub hospital: MemberId,
    /// Its name.
    pub name: Name,
    /// When it was made, by the hospital's clock.
    pub made: BlockTime,
    /// The ledger's last block then.
    pub height: Height,
}

/// Why a backup is not made, or says nothing.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// No key was made.
    #[error("this hospital has no key for backups yet: `countersign backup key` makes one")]
    NoKey,
    /// There is a key.
    #[error("this hospital has a key for backups already; backups of before open with its sheet only. With --replace a new one is made")]
    KeyThere,
    /// It is none, or was changed, or is sealed to another key.
    #[error("{} is no backup that opens with this sheet: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nothing is written over.
    #[error("{} is there already; it is never written over", .0.display())]
    There(PathBuf),
    /// Two lists of erasures of which neither begins with the other.
    #[error("{} and {} are lists of erasures of which neither goes on from the other: make one of them with the first line once and all other lines of both, and put it in the place of both, before anything else", list.display(), other.display())]
    ErasuresThere {
        /// One.
        list: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A list of erasures that cannot be read.
    #[error("the list of erasures {} cannot be read: {reason}. Put the newest copy there (one lies beside the last backup); nothing is done with the hospital's file until then, as erased people could come back", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// A list of erasures that does not go on from what the file knows.
    #[error(
        "the list of erasures {} is missing, older than the hospital's file, or another one: erased people could come back with the next backup, or readmitted ones be erased. Put the newest there (it lies where \
         the hospital's file lay, or beside the last backup). If it is lost for good, `countersign backup new-list` begins another one",
        .0.display()
    )]
    ListOlder(PathBuf),
    /// A file cannot be read or written; nothing half-made is left.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The hospital's file.
    #[error(transparent)]
    Store(#[from] HospitalStoreError),
}

impl BackupError {
    /// True if something else must be given; false if the same may work another time.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::Store(_))
    }

    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupMade {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub bytes: u64,
    /// Its head.
    pub head: BackupHead,
}

/// What is in a backup that opens and is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFinding {
    /// Its head.
    pub head: BackupHead,
    /// Its content.
    pub content: CheckReport,
    /// Lines of the list of erasures that lies beside it, or beside the place it was restored to; `None`: there is no list.
    pub erasures: Option<usize>,
}

/// What a backup is sealed for.
fn context(head: &[u8]) -> Digest32 {
    Digest32::tagged(tag::BACKUP, [head])
}

/// Writes a copy of a hospital's file, sealed, into a folder.
///
/// # Errors
/// The folder or the disk refuses; nothing half-made is left.
#[boxed]
pub(crate) async fn create(store: &HospitalStore, head: BackupHead, key: &[u8; 32], folder: &Path) -> Result<BackupMade, BackupError> {
    std::fs::create_dir_all(folder).map_err(BackupError::file(folder))?;
    let path = folder.join(format!("{}-{}-{}.{EXTENSION}", head.name, head.made.0, head.height.0));
    if path.exists() {
        return Err(BackupError::There(path));
    }
    // on the disk of the hospital's file, not where the backup goes; nobody else writes there while this process has the file
    let beside = store.path().parent().unwrap_or(Path::new("."));
    sweep(beside)?;
    let copy = tempfile::Builder::new().prefix(COPY).tempdir_in(beside).map_err(BackupError::file(beside))?;
    let plain = copy.path().join("copy.sqlite");
    store.backup(&plain).await?;
    let part = path.with_extension(PART);
    let (from, to, key, sealing) = (plain, part.clone(), *key, head.clone());
    let sealed = tokio::task::spawn_blocking(move || seal(&from, &sealing, &key, &to)).await;
    let moved = sealed.unwrap_or_else(|e| Err(std::io::Error::other(e))).and_then(|()| std::fs::rename(&part, &path));
    if let Err(source) = moved {
        // the reason is what counts; what cannot be removed either stays
        let _ = std::fs::remove_file(&part);
        return Err(BackupError::File { path, source });
    }
    let bytes = path.metadata().map_err(BackupError::file(&path))?.len();
    Ok(BackupMade { path, bytes, head })
}

/// Removes plain copies that a process left behind which was killed.
fn sweep(folder: &Path) -> Result<(), BackupError> {
    for entry in std::fs::read_dir(folder).map_err(BackupError::file(folder))? {
        let entry = entry.map_err(BackupError::file(folder))?;
        if entry.file_name().to_string_lossy().starts_with(COPY) {
            std::fs::remove_dir_all(entry.path()).map_err(BackupError::file(&entry.path()))?;
        }
    }
    Ok(())
}

fn seal(from: &Path, head: &BackupHead, key: &[u8; 32], to: &Path) -> std::io::Result<()> {
    let head = borsh::to_vec(head)?;
    let mut out = BufWriter::new(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?);
    out.write_all(MAGIC)?;
    out.write_all(&(head.len() as u32).to_le_bytes())?;
    out.write_all(&head)?;
    let mut writer = SealingWriter::new(out, context(&head), key)?;
    std::io::copy(&mut BufReader::new(File::open(from)?), &mut writer)?;
    writer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

/// The head of a backup, and its content to be opened.
fn open(path: &Path, secret: &SealingSecret) -> Result<(BackupHead, OpeningReader<BufReader<File>>), BackupError> {
    let unreadable = |reason: String| BackupError::Unreadable { path: path.to_owned(), reason };
    let mut file = BufReader::new(File::open(path).map_err(BackupError::file(path))?);
    let (head, bytes) = read_head(&mut file).map_err(|e| unreadable(e.to_string()))?;
    let content = OpeningReader::new(file, context(&bytes), secret).map_err(|e| unreadable(e.to_string()))?;
    Ok((head, content))
}

fn read_head(file: &mut impl Read) -> std::io::Result<(BackupHead, Vec<u8>)> {
    let none = || std::io::Error::new(std::io::ErrorKind::InvalidData, "this is no backup");
    let (mut magic, mut length) = ([0; MAGIC.len()], [0; 4]);
    file.read_exact(&mut magic)?;
    file.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if magic != *MAGIC || length > HEAD_BYTES_MAX {
        return Err(none());
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    Ok((BackupHead::try_from_slice(&bytes).map_err(|_| none())?, bytes))
}

/// Opens a whole backup with its sheet, and checks what is in it as a hospital's file: the test of a restore. A plain copy lies in the system's folder for temporary files meanwhile, mode 600; if the
/// process is killed, it stays there.
///
/// # Errors
/// It is none, was changed, opens with another sheet, or holds a damaged file.
#[boxed]
pub async fn verify(path: &Path, secret: &SealingSecret) -> Result<BackupFinding, BackupError> {
    let folder = tempfile::Builder::new().prefix("countersign-verify-").tempdir().map_err(BackupError::file(path))?;
    restore(path, secret, &folder.path().join("restored.sqlite")).await
}

/// Writes what is in a backup as a hospital's file, checks it, and moves it to its place when it is whole, with the list of erasures that lies beside the backup. Codes that were handed to patients and not used before the backup was made are good no
/// more: some may have been used since.
///
/// # Errors
/// As [`verify`], or something is there already, or lies beside it from before. Nothing is left then.
#[boxed]
pub async fn restore(path: &Path, secret: &SealingSecret, to: &Path) -> Result<BackupFinding, BackupError> {
    let (head, content) = open(path, secret)?;
    let named = |end: &str| PathBuf::from(format!("{}{end}", to.display()));
    if let Some(there) = [to.to_owned()].into_iter().chain(BESIDE.map(named)).find(|file| file.exists()) {
        return Err(BackupError::There(there));
    }
    let part = named(&format!(".{PART}"));
    // of an earlier run that was killed
    if part.exists() {
        std::fs::remove_file(&part).map_err(BackupError::file(&part))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(BackupError::file(&part))?;
    let written = tokio::task::spawn_blocking(move || write_all(content, file)).await.unwrap_or_else(|e| Err(std::io::Error::other(e)));
    let checked = match written {
        Ok(()) => check(&part).await,
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData || e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(BackupError::Unreadable { path: path.to_owned(), reason: e.to_string() })
        }
        Err(source) => Err(BackupError::File { path: part.clone(), source }),
    };
    let moved = checked.and_then(|content| {
        // first: no file without what must be replayed over it
        let erasures = erasure_list::bring_back(path, (&head.network, &head.hospital), to)?;
        std::fs::rename(&part, to).map_err(BackupError::file(to))?;
        Ok(BackupFinding { head, content, erasures })
    });
    if moved.is_err() {
        for file in std::iter::once(part.clone()).chain(BESIDE.map(|end| PathBuf::from(format!("{}{end}", part.display())))) {
            let _ = std::fs::remove_file(file);
        }
    }
    moved
}

fn write_all(mut content: impl Read, file: File) -> std::io::Result<()> {
    let mut out = BufWriter::new(file);
    std::io::copy(&mut content, &mut out)?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

async fn check(file: &Path) -> Result<CheckReport, BackupError> {
    let store = HospitalStore::open(file).await?;
    let report = match store.forget_claims().await {
        Ok(()) => store.check().await,
        Err(error) => Err(error),
    };
    store.close().await;
    Ok(report?)
}

/// Deletes backups of a hospital that are older than so many milliseconds, but never the newest. What was deleted. Erased people leave backups by this.
///
/// # Errors
/// The folder cannot be read, or a file not be deleted.
pub fn prune(folder: &Path, hospital: &MemberId, now: BlockTime, older_ms: u64) -> Result<Vec<PathBuf>, BackupError> {
    let mut found: Vec<(BlockTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(BackupError::file(folder))? {
        let path = entry.map_err(BackupError::file(folder))?.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        // another hospital's, or no backup: left alone
        let head = File::open(&path).ok().and_then(|file| read_head(&mut BufReader::new(file)).ok());
        found.extend(head.filter(|(head, _)| head.hospital == *hospital).map(|(head, _)| (head.made, path)));
    }
    let newest = found.iter().map(|(made, _)| *made).max();
    found.retain(|(made, _)| Some(*made) != newest && made.plus_ms(older_ms) < now);
    found.sort();
    for (_, path) in &found {
        std::fs::remove_file(path).map_err(BackupError::file(path))?;
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_backups_go_and_the_newest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let hospital = MemberId([1; 32]);
        let write = |name: &str, hospital: MemberId, made: u64| {
            let head = BackupHead {
                network: NetworkId(Digest32::default()),
                hospital,
                name: Name::new("A").unwrap(),
                made: BlockTime(made),
                height: Height(1),
            };
            let head = borsh::to_vec(&head).unwrap();
            std::fs::write(folder.path().join(name), [MAGIC, &(head.len() as u32).to_le_bytes(), &head].concat()).unwrap();
        };
        write("a.backup", hospital, 1_000);
        write("b.backup", hospital, 2_000);
        write("c.backup", hospital, 3_000);
        write("others.backup", MemberId([2; 32]), 1);
        write("a.other-name", hospital, 1);
        std::fs::write(folder.path().join("rubbish.backup"), [0xff; 100]).unwrap();
        let prune = |now: u64, older: u64| {
            let gone = prune(folder.path(), &hospital, BlockTime(now), older).unwrap();
            gone.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(prune(3_000, 5_000), [""; 0]);
        assert_eq!(prune(3_000, 1_500), ["a.backup"]);
        assert_eq!(prune(1_000_000, 1), ["b.backup"], "the newest stays, however old");
        assert_eq!(prune(1_000_000, 1), [""; 0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
