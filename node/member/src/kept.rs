//! Work that is not done again by the next process: roots of anchored points, and which proofs over segments were verified here.
//!
//! ```text
//! FOLDER/kept/roots            y coordinates of points (public); checked when they are used
//! FOLDER/kept/verified-V       digests of proofs verified by a verifier of version V (public), mode 600: as trusted as the chain beside it
//! ```
//!
//! Both may be deleted at any time. They are written at the end and never flushed: after a crash the last of it is missing or torn, which costs work and nothing else.

use countersign_circuits::{
    hash::Digest32,
    segment::{POINT_BYTES, Roots, use_roots},
};
use countersign_ledger::Verified;
use countersign_verifier::VERDICTS;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// Most bytes of kept roots: eight versions of a million rows of seven attributes. A file that is full is begun anew.
const ROOTS_BYTES_MAX: u64 = 256 << 20;
/// Most digests of verified proofs: 2 MiB. A file that is full is begun anew.
const VERIFIED_MAX: u64 = 1 << 16;
/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;
/// Digest and length before the roots of a segment.
const HEAD_BYTES: usize = DIGEST_BYTES + 4;

/// What a folder keeps. Roots are used by this process as long as this is held.
pub struct KeptWork {
    verified: VerifiedFile,
    /// Held so that it is used.
    _roots: Arc<dyn Roots>,
}

impl KeptWork {
    /// What `folder` keeps, from now on for this process.
    ///
    /// # Errors
    /// The files cannot be read or made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let kept = folder.join("kept");
        DirBuilder::new().recursive(true).mode(0o700).create(&kept)?;
        let roots: Arc<dyn Roots> = Arc::new(RootsFile::open(&kept.join("roots"), ROOTS_BYTES_MAX)?);
        use_roots(&roots);
        // what another verifier accepted says nothing of this one
        let name = format!("verified-{}-{VERDICTS}", env!("CARGO_PKG_VERSION"));
        for entry in std::fs::read_dir(&kept)? {
            let entry = entry?;
            let found = entry.file_name();
            if found.to_string_lossy().starts_with("verified-") && found != name.as_str() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { verified: VerifiedFile::open(&kept.join(name), VERIFIED_MAX)?, _roots: roots })
    }
}

impl Verified for KeptWork {
    fn knows(&self, content: &Digest32) -> bool {
        self.verified.knows(content)
    }

    fn learn(&self, content: &Digest32) {
        self.verified.learn(content);
    }
}

/// For a node, which verifies what it votes for whatever was verified before: it leaves to the commands beside it what it has verified.
#[derive(Debug)]
pub struct LeftToOthers(pub KeptWork);

impl Verified for LeftToOthers {
    fn knows(&self, _: &Digest32) -> bool {
        false
    }

    fn learn(&self, content: &Digest32) {
        self.0.learn(content);
    }
}

impl std::fmt::Debug for KeptWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptWork").finish_non_exhaustive()
    }
}

/// A file of this user's that is read anywhere and written at its end.
fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// Digests one after the other.
struct VerifiedFile {
    file: File,
    known: Mutex<BTreeSet<Digest32>>,
    max: u64,
}

impl VerifiedFile {
    fn open(path: &Path, max: u64) -> io::Result<Self> {
        let mut file = appending(path)?;
        let whole = |bytes: u64| bytes - bytes % DIGEST_BYTES as u64;
        let length = file.metadata()?.len();
        let keep = if length > max * DIGEST_BYTES as u64 { 0 } else { whole(length) };
        if keep != length {
            file.set_len(keep)?;
        }
        let mut bytes = Vec::new();
        (&mut file).take(keep).read_to_end(&mut bytes)?;
        let digests = bytes.chunks_exact(DIGEST_BYTES).filter_map(|digest| Some(Digest32(digest.try_into().ok()?)));
        Ok(Self { known: Mutex::new(digests.collect()), file, max })
    }
}

impl Verified for VerifiedFile {
    fn knows(&self, content: &Digest32) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(content)
    }

    fn learn(&self, content: &Digest32) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(content) {
            return;
        }
        let length = self.file.metadata().map_or(0, |m| m.len());
        if length + DIGEST_BYTES as u64 > self.max * DIGEST_BYTES as u64 && self.file.set_len(0).is_ok() {
            known.clear();
        }
        // a disk that is full costs the next process its work, and this one nothing
        if (&self.file).write_all(&content.0).is_ok() {
            known.insert(*content);
        }
    }
}

/// Digest of a segment, number of bytes (4, little endian), and as many bytes of roots; one after the other.
struct RootsFile {
    file: File,
    found: Mutex<Index>,
    max: u64,
}

/// Where the roots of a segment begin, and how many bytes they are.
type Index = BTreeMap<Digest32, (u64, u32)>;

impl RootsFile {
    fn open(path: &Path, max: u64) -> io::Result<Self> {
        let file = appending(path)?;
        let length = file.metadata()?.len();
        let (mut index, mut whole) = (Index::default(), 0);
        if length <= max {
            while let Some((digest, place)) = head(&file, whole, length)? {
                whole = place.0 + u64::from(place.1);
                index.insert(digest, place);
            }
        }
        if whole != length {
            file.set_len(whole)?;
        }
        Ok(Self { file, found: Mutex::new(index), max })
    }
}

/// The entry that begins at a place, if it is whole.
fn head(file: &File, at: u64, length: u64) -> io::Result<Option<(Digest32, (u64, u32))>> {
    let begin = at + HEAD_BYTES as u64;
    if begin > length {
        return Ok(None);
    }
    let mut bytes = [0; HEAD_BYTES];
    file.read_exact_at(&mut bytes, at)?;
    let (digest, size) = bytes.split_at(DIGEST_BYTES);
    let (Ok(digest), Ok(size)) = (digest.try_into(), size.try_into()) else { return Ok(None) };
    let size = u32::from_le_bytes(size);
    let whole = begin + u64::from(size) <= length && (size as usize).is_multiple_of(POINT_BYTES);
    Ok(whole.then_some((Digest32(digest), (begin, size))))
}

impl Roots for RootsFile {
    fn find(&self, segment: &Digest32) -> Option<Vec<u8>> {
        let (at, size) = *self.found.lock().unwrap_or_else(PoisonError::into_inner).get(segment)?;
        let mut ys = vec![0; size as usize];
        self.file.read_exact_at(&mut ys, at).ok()?;
        Some(ys)
    }

    fn keep(&self, segment: &Digest32, ys: &[u8]) {
        let mut index = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(size) = u32::try_from(ys.len()) else { return };
        let entry = [&segment.0[..], &size.to_le_bytes(), ys].concat();
        if entry.len() as u64 > self.max || index.contains_key(segment) {
            return;
        }
        if self.file.metadata().map_or(0, |m| m.len()) + entry.len() as u64 > self.max && self.file.set_len(0).is_ok() {
            index.clear();
        }
        if (&self.file).write_all(&entry).is_err() {
            return;
        }
        // another process may have written in between: if so, what is found there is no root of these points, and costs them
        let end = self.file.metadata().map_or(0, |m| m.len());
        if let Some(begin) = end.checked_sub(ys.len() as u64) {
            index.insert(*segment, (begin, size));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DIGEST_BYTES, HEAD_BYTES, RootsFile, VerifiedFile};
    use countersign_circuits::{hash::Digest32, segment::Roots};
    use countersign_ledger::Verified;
    use std::fs::{self, OpenOptions};

    fn digest(i: u8) -> Digest32 {
        Digest32([i; 32])
    }

    #[test]
    fn what_was_verified_is_known_to_the_next_process_and_torn_ends_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verified");
        let file = VerifiedFile::open(&path, 100).unwrap();
        (1..=3).for_each(|i| file.learn(&digest(i)));
        file.learn(&digest(3));
        assert_eq!(fs::metadata(&path).unwrap().len(), 3 * DIGEST_BYTES as u64, "once each");
        drop(file);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(3 * DIGEST_BYTES as u64 - 1).unwrap();
        let again = VerifiedFile::open(&path, 100).unwrap();
        assert!(again.knows(&digest(1)) && again.knows(&digest(2)) && !again.knows(&digest(3)) && !again.knows(&digest(4)));
        again.learn(&digest(4));
        assert!(VerifiedFile::open(&path, 100).unwrap().knows(&digest(4)), "written behind the last whole digest");
    }

    #[test]
    fn a_full_file_of_digests_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verified");
        let file = VerifiedFile::open(&path, 2).unwrap();
        (1..=2).for_each(|i| file.learn(&digest(i)));
        assert!(VerifiedFile::open(&path, 2).unwrap().knows(&digest(2)), "full, and whole");
        file.learn(&digest(3));
        assert!(!file.knows(&digest(1)) && file.knows(&digest(3)));
        let next = VerifiedFile::open(&path, 2).unwrap();
        assert!(!next.knows(&digest(1)) && next.knows(&digest(3)));
    }

    #[test]
    fn roots_are_found_by_the_next_process_whatever_end_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots");
        let first = RootsFile::open(&path, 10_000).unwrap();
        first.keep(&digest(1), &[1; 64]);
        first.keep(&digest(2), &[2; 96]);
        first.keep(&digest(2), &[9; 96]);
        assert_eq!((first.find(&digest(1)), first.find(&digest(2)), first.find(&digest(3))), (Some(vec![1; 64]), Some(vec![2; 96]), None));
        drop(first);
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), 2 * HEAD_BYTES + 64 + 96);
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let again = RootsFile::open(&path, 10_000).unwrap();
            assert_eq!(again.find(&digest(1)).is_some(), length >= HEAD_BYTES + 64, "{length}");
            assert_eq!(again.find(&digest(2)).is_some(), length == whole.len(), "{length}");
            again.keep(&digest(3), &[3; 32]);
            drop(again);
            assert_eq!(RootsFile::open(&path, 10_000).unwrap().find(&digest(3)), Some(vec![3; 32]), "{length}");
        }
    }

    #[test]
    fn two_processes_write_and_a_full_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots");
        let (one, other) = (RootsFile::open(&path, 400).unwrap(), RootsFile::open(&path, 400).unwrap());
        one.keep(&digest(1), &[1; 64]);
        other.keep(&digest(2), &[2; 64]);
        one.keep(&digest(3), &[3; 64]);
        assert_eq!(
            (one.find(&digest(1)), one.find(&digest(3)), other.find(&digest(2))),
            (Some(vec![1; 64]), Some(vec![3; 64]), Some(vec![2; 64]))
        );
        // what does not fit begins the file anew; what never will is left out
        one.keep(&digest(4), &[4; 320]);
        assert_eq!((one.find(&digest(1)), one.find(&digest(4))), (None, Some(vec![4; 320])));
        one.keep(&digest(5), &[5; 384]);
        assert_eq!((one.find(&digest(5)), one.find(&digest(4)).is_some()), (None, true));
        // the other looks where something else is by now: those are no roots of its points
        assert_ne!(other.find(&digest(2)), Some(vec![2; 64]));
        let next = RootsFile::open(&path, 400).unwrap();
        assert_eq!((next.find(&digest(1)), next.find(&digest(4))), (None, Some(vec![4; 320])));
    }
}
