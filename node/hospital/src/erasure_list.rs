//! Who was erased, in a file apart from the hospital's own: a copy of before that is brought back does not know it, and must not bring anybody back.
//!
//! A line for every erasure and every readmission, added and never changed: a sign and a hash of the hospital's own id under a key that follows from the member's. The file names nobody; who has the
//! member's key can test an id against it. It lies beside the hospital's file, and `backup create` leaves a copy beside the backups.

use crate::backup::BackupError;
use countersign_circuits::{hash::Digest32, tag};
use countersign_ingest::PatientId;
use countersign_member::Member;
use countersign_messages::{MemberId, NetworkId};
use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// How the first line begins; network and hospital follow.
const HEAD: &str = "countersign-erasures/1";
/// The end of its name.
const EXTENSION: &str = "erased";
/// Bytes of a list: some millions of lines.
const BYTES_MAX: u64 = 256 << 20;

/// See the module's documentation. The key is hidden in `Debug`.
pub(crate) struct ErasureList {
    path: PathBuf,
    head: String,
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for ErasureList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ErasureList({})", self.path.display())
    }
}

/// What a list says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Erasures {
    text: String,
    /// Hashes of people by line; false: the erasure ended.
    lines: Vec<(bool, Digest32)>,
    /// Hashes of people who are erased by now.
    people: HashSet<Digest32>,
}

impl Erasures {
    /// Its lines, and the digest of all of it.
    pub(crate) fn state(&self) -> (usize, Digest32) {
        (self.lines.len(), Digest32::of(self.text.as_bytes()))
    }

    /// What follows a state of before; `None`: it does not go on from that state, but is older, or another list.
    pub(crate) fn since(&self, state: Option<(usize, Digest32)>) -> Option<&[(bool, Digest32)]> {
        let Some((lines, digest)) = state else { return Some(&self.lines) };
        let end = self.text.match_indices('\n').map(|(at, _)| at + 1).nth(lines)?;
        (Digest32::of(self.text.get(..end)?.as_bytes()) == digest).then(|| self.lines.get(lines..)).flatten()
    }
}

/// Where the list of a hospital's file lies.
fn beside(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}.{EXTENSION}", file.display()))
}

/// The first line of a hospital's list.
fn head(network: &NetworkId, hospital: &MemberId) -> String {
    format!("{HEAD} {} {hospital}", network.0)
}

impl ErasureList {
    pub(crate) fn new(file: &Path, network: &NetworkId, member: &Member) -> Self {
        let secret = Zeroizing::new(member.signing().to_bytes());
        let key = Zeroizing::new(Digest32::tagged(tag::ERASED, [&b"list"[..], &secret[..], &member.id().0, &network.0.0]).0);
        Self { path: beside(file), head: head(network, &member.id()), key }
    }

    /// The hash of a patient.
    pub(crate) fn hash(&self, patient: &PatientId) -> Digest32 {
        Digest32::tagged(tag::ERASED, [&self.key[..], patient.expose().as_bytes()])
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; nothing, if it is not there yet.
    pub(crate) fn read(&self) -> Result<Erasures, BackupError> {
        if there(&self.path)? { parse(&self.path, whole_lines(&self.path)?, &self.head) } else { Ok(Erasures::default()) }
    }

    /// True if a patient is erased by the list.
    pub(crate) fn holds(&self, erasures: &Erasures, patient: &PatientId) -> bool {
        !erasures.people.is_empty() && erasures.people.contains(&self.hash(patient))
    }

    /// Notes an erasure (or that it ended), on the disk when this returns. What it says then.
    pub(crate) fn note(&self, patient: &PatientId, erased: bool) -> Result<Erasures, BackupError> {
        let now = self.read()?;
        if self.holds(&now, patient) == erased {
            return Ok(now);
        }
        let lines = if now.text.is_empty() { format!("{}\n", self.head) } else { now.text };
        let line = format!("{} {}\n", if erased { '+' } else { '-' }, self.hash(patient));
        replace(&self.path, &format!("{lines}{line}"))?;
        self.read()
    }

    /// Leaves a copy beside backups. A copy there that says more than the list is not written over.
    pub(crate) fn copy_to(&self, folder: &Path, name: &str) -> Result<(), BackupError> {
        let to = folder.join(format!("{name}.{EXTENSION}"));
        let lines = self.read()?.text;
        if there(&to)? && !lines.starts_with(&whole_lines(&to)?) {
            return Err(BackupError::ErasuresThere { list: self.path.clone(), other: to });
        }
        if lines.is_empty() { Ok(()) } else { replace(&to, &lines) }
    }
}

/// Puts the list that lies beside a backup next to a restored file: how many lines. `None`: there is none, neither there nor beside the file.
pub(crate) fn bring_back(backup: &Path, (network, hospital): (&NetworkId, &MemberId), file: &Path) -> Result<Option<usize>, BackupError> {
    let (to, head) = (beside(file), head(network, hospital));
    let mut found = if there(&to)? { Some(parse(&to, whole_lines(&to)?, &head)?) } else { None };
    let folder = backup.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder).map_err(|source| BackupError::File { path: folder.to_owned(), source })? {
        let path = entry.map_err(|source| BackupError::File { path: folder.to_owned(), source })?.path();
        if path.extension().is_none_or(|end| end != EXTENSION) || path == to || !begins_with(&path, &head) {
            continue;
        }
        let other = parse(&path, whole_lines(&path)?, &head)?;
        found = match found {
            Some(known) if known.text.starts_with(&other.text) => Some(known),
            Some(known) if !other.text.starts_with(&known.text) => return Err(BackupError::ErasuresThere { list: to, other: path }),
            _ => Some(other),
        };
    }
    if let Some(list) = &found {
        replace(&to, &list.text)?;
    }
    Ok(found.map(|list| list.lines.len()))
}

fn there(path: &Path) -> Result<bool, BackupError> {
    path.try_exists().map_err(|source| BackupError::File { path: path.to_owned(), source })
}

/// True for a file whose first line is this one. Whatever else ends like a list is somebody else's.
fn begins_with(path: &Path, head: &str) -> bool {
    let mut first = vec![0; head.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == head.as_bytes()
}

/// The lines of a file that are whole.
fn whole_lines(path: &Path) -> Result<String, BackupError> {
    let failed = |source: std::io::Error| BackupError::File { path: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(BackupError::List { path: path.to_owned(), reason: "it is larger than any" });
    }
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    Ok(text)
}

fn parse(path: &Path, text: String, head: &str) -> Result<Erasures, BackupError> {
    let unreadable = |reason: &'static str| BackupError::List { path: path.to_owned(), reason };
    let mut all = text.lines();
    if all.next() != Some(head) {
        return Err(unreadable("it is another hospital's or network's"));
    }
    let (mut people, mut lines) = (HashSet::new(), Vec::new());
    for line in all {
        let (sign, hash) = line.split_once(' ').ok_or_else(|| unreadable("a line of it is damaged"))?;
        let hash: Digest32 = hash.parse().map_err(|_| unreadable("a line of it is damaged"))?;
        match sign {
            "+" => people.insert(hash),
            "-" => people.remove(&hash),
            _ => return Err(unreadable("a line of it is damaged")),
        };
        lines.push((sign == "+", hash));
    }
    Ok(Erasures { text, lines, people })
}

/// Writes a whole file in another one's place.
fn replace(to: &Path, lines: &str) -> Result<(), BackupError> {
    let part = PathBuf::from(format!("{}.part", to.display()));
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, to)?;
        File::open(to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| BackupError::File { path: to.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_messages::Role;

    const NETWORK: NetworkId = NetworkId(Digest32([1; 32]));
    use std::os::unix::fs::PermissionsExt;

    fn patients() -> [PatientId; 3] {
        ["p1", "p2", "p3"].map(|id| PatientId::new(id).unwrap())
    }

    #[test]
    fn a_list_says_who_is_erased_by_now_and_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let (file, member) = (folder.path().join("h.sqlite"), Member::generate("h", &[Role::Hospital]).unwrap());
        let list = ErasureList::new(&file, &NETWORK, &member);
        let [p1, p2, p3] = patients();
        assert_eq!(list.read().unwrap(), Erasures::default(), "nobody so far");
        list.note(&p1, true).unwrap();
        list.note(&p2, true).unwrap();
        let both = list.note(&p2, true).unwrap();
        let one = list.note(&p1, false).unwrap();
        assert!(list.holds(&both, &p1) && list.holds(&both, &p2) && !list.holds(&both, &p3));
        assert!(!list.holds(&one, &p1) && list.holds(&one, &p2) && one.state() != both.state());
        // what follows a state, and that an older or another list does not
        assert_eq!(one.since(Some(both.state())).unwrap(), [(false, list.hash(&p1))]);
        assert_eq!((one.since(None).unwrap().len(), one.since(Some(one.state())).unwrap().len()), (3, 0));
        assert!(both.since(Some(one.state())).is_none() && Erasures::default().since(Some(one.state())).is_none());
        assert!(one.since(Some((2, Digest32([9; 32])))).is_none());
        let elsewhere = ErasureList::new(&file, &NetworkId(Digest32([2; 32])), &member);
        assert!(elsewhere.read().is_err(), "another network's");
        assert!(!format!("{list:?}").contains("key"));
        let text = std::fs::read_to_string(&list.path).unwrap();
        assert_eq!((text.lines().count(), list.path.metadata().unwrap().permissions().mode() & 0o777), (4, 0o600));
        assert!(!text.contains("p1") && !text.contains("p2"));
        let other = Member::generate("h", &[Role::Hospital]).unwrap();
        assert!(ErasureList::new(&file, &NETWORK, &other).read().is_err(), "another hospital's");
        std::fs::write(&list.path, text.replace("- ", "* ")).unwrap();
        assert!(list.read().is_err(), "damaged");
        std::fs::write(&list.path, format!("{text}+ 12")).unwrap();
        assert_eq!(list.read().unwrap(), one, "a line that is not whole");
    }

    #[test]
    fn a_copy_beside_backups_is_brought_back_and_the_longer_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (file, backups) = (folder.path().join("h.sqlite"), folder.path().join("backups"));
        std::fs::create_dir(&backups).unwrap();
        let member = Member::generate("h", &[Role::Hospital]).unwrap();
        let list = ErasureList::new(&file, &NETWORK, &member);
        let backup = backups.join("h-1-1.backup");
        let bring = |file: &Path| bring_back(&backup, (&NETWORK, &member.id()), file);
        assert_eq!(bring(&file).unwrap(), None);
        list.copy_to(&backups, "h").unwrap();
        let [p1, p2, p3] = patients();
        list.note(&p1, true).unwrap();
        list.copy_to(&backups, "h").unwrap();
        let kept = list.note(&p2, true).unwrap();
        assert_eq!(bring(&file).unwrap(), Some(2), "what lies beside the file is newer");
        assert_eq!(list.read().unwrap(), kept);
        // the disk is lost: the copy is what there is
        let elsewhere = folder.path().join("new.sqlite");
        assert_eq!(bring(&elsewhere).unwrap(), Some(1));
        let restored = ErasureList::new(&elsewhere, &NETWORK, &member);
        assert!(restored.holds(&restored.read().unwrap(), &p1) && !restored.holds(&restored.read().unwrap(), &p2));
        // two lists that each say something of their own are for a person to look at
        list.copy_to(&backups, "h").unwrap();
        restored.note(&p3, true).unwrap();
        assert!(matches!(bring(&elsewhere), Err(BackupError::ErasuresThere { .. })));
        assert!(matches!(restored.copy_to(&backups, "h"), Err(BackupError::ErasuresThere { .. })));
        std::fs::write(backups.join("other.erased"), "countersign-erasures/1 0\n").unwrap();
        std::fs::write(backups.join("strange.erased"), [255, 254]).unwrap();
        std::fs::create_dir(backups.join("folder.erased")).unwrap();
        assert_eq!(bring(&file).unwrap(), Some(2), "another hospital's is passed by");
        // a damaged copy of the own one is not passed by
        let copy = backups.join("h.erased");
        std::fs::write(&copy, std::fs::read_to_string(&copy).unwrap().replace("+ ", "? ")).unwrap();
        assert!(matches!(bring(&file), Err(BackupError::List { .. })));
    }
}
