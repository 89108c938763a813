//! Reading the engine's write-ahead log before the engine does.
//!
//! The engine cuts a log off at the first entry that does not end where it should, and goes on: what came after is forgotten. So the log is read here
//! first, and one that is not whole is not used. Format: `arc-malachitebft-wal` 0.8.2, version 1, all integers big-endian: version (4 bytes), height
//! (8), and entries of a flag for compression (1), length (8), CRC-32 (4) and that many bytes.

use countersign_messages::Height;
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

const VERSION: u32 = 1;
/// Bytes of an entry: the longest are certificates of 256 validators.
const ENTRY_BYTES_MAX: u64 = 1 << 20;

/// A write-ahead log as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// There is none.
    Missing,
    /// It is for this height, and whole.
    Whole(Height),
    /// It is not whole.
    Damaged {
        /// How it shows.
        how: String,
        /// The height it is for, if that can be read.
        height: Option<Height>,
    },
}

impl Log {
    /// The height it is for; 0 if that is not known.
    pub fn height(&self) -> Height {
        match self {
            Self::Missing => Height(0),
            Self::Whole(height) => *height,
            Self::Damaged { height, .. } => height.unwrap_or_default(),
        }
    }
}

/// Reads a log.
///
/// # Errors
/// The file cannot be opened or read, though it is there.
pub fn read(path: &Path) -> io::Result<Log> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Log::Missing),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    scan(&mut BufReader::new(file), length)
}

fn scan(input: &mut impl Read, length: u64) -> io::Result<Log> {
    let damaged = |how: String, height| Ok(Log::Damaged { how, height });
    let mut head = [0; 12];
    if length < head.len() as u64 {
        return damaged(format!("it has {length} bytes"), None);
    }
    input.read_exact(&mut head)?;
    let [v0, v1, v2, v3, height @ ..] = head;
    if u32::from_be_bytes([v0, v1, v2, v3]) != VERSION {
        return damaged("it does not begin as one".into(), None);
    }
    let height = Height(u64::from_be_bytes(height));
    let (mut at, mut data) = (head.len() as u64, Vec::new());
    while at < length {
        let mut entry = [0; 13];
        if length - at < entry.len() as u64 {
            return damaged(format!("it ends inside the entry at byte {at}"), Some(height));
        }
        input.read_exact(&mut entry)?;
        let [compressed, l0, l1, l2, l3, l4, l5, l6, l7, crc @ ..] = entry;
        let bytes = u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
        if compressed != 0 || bytes > ENTRY_BYTES_MAX {
            return damaged(format!("the entry at byte {at} is none"), Some(height));
        }
        if length - at - (entry.len() as u64) < bytes {
            return damaged(format!("it ends inside the entry at byte {at}"), Some(height));
        }
        data.clear();
        input.take(bytes).read_to_end(&mut data)?;
        if data.len() as u64 != bytes || crc32fast::hash(&data) != u32::from_be_bytes(crc) {
            return damaged(format!("the entry at byte {at} is not what was written"), Some(height));
        }
        at += entry.len() as u64 + bytes;
    }
    Ok(Log::Whole(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arc_malachitebft_wal::Log as Written;

    /// As the engine writes it.
    fn written(folder: &Path, height: u64, entries: &[&[u8]]) -> std::path::PathBuf {
        let path = folder.join("consensus.wal");
        let mut log = Written::open(&path).unwrap();
        log.reset(height).unwrap();
        for entry in entries {
            log.append(entry).unwrap();
        }
        log.flush().unwrap();
        path
    }

    #[test]
    fn what_the_engine_writes_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("consensus.wal")).unwrap(), Log::Missing);
        let path = written(folder.path(), 9, &[b"vote", b"", &[7; 5_000]]);
        assert_eq!(read(&path).unwrap(), Log::Whole(Height(9)));
        written(folder.path(), 10, &[]);
        assert_eq!(read(&path).unwrap(), Log::Whole(Height(10)));
    }

    #[test]
    fn a_changed_byte_or_a_cut_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), 9, &[b"one vote", b"another vote", b"a third"]);
        let bytes = std::fs::read(&path).unwrap();
        let ends = [12, 33, 58];
        for at in (0..4).chain(12..bytes.len()) {
            let mut bad = bytes.clone();
            bad[at] ^= 0x40;
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(read(&path).unwrap(), Log::Damaged { .. }), "byte {at}");
        }
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let whole = read(&path).unwrap() == Log::Whole(Height(9));
            // at the end of an entry it looks as if it had been written so
            assert_eq!(whole, ends.contains(&cut), "cut at {cut}");
        }
        // the height: it is not the database's then
        let mut other = bytes;
        other[11] = 8;
        std::fs::write(&path, &other).unwrap();
        assert_eq!(read(&path).unwrap(), Log::Whole(Height(8)));
    }
}
