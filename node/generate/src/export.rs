//! Writing an export folder: one pass over the patients, memory independent of their number.

use crate::{
    Profile,
    consent::{Consent, Kind},
    dice::{Dice, Seed},
    fhir::Scribe,
    history::visits,
    person::Person,
};
use flate2::{Compression, GzBuilder, write::GzEncoder};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Most patients of one export: what a table of 2^22 slots holds.
pub const PATIENTS_MAX: u32 = 1 << 22;
/// Patients between two reports of progress.
const PROGRESS_STEP: u32 = 500;
/// When the export was made.
const TRANSACTION_TIME: &str = "2020-02-01T03:00:00Z";

/// Why an export was not written. The folder may then hold incomplete files and no `manifest.json`.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The output folder holds something already.
    #[error("{} is not empty; choose a new folder, nothing was overwritten", .0.display())]
    NotEmpty(PathBuf),
    /// More patients than a table holds.
    #[error("{0} patients asked for; a hospital has at most {PATIENTS_MAX}")]
    TooManyPatients(u32),
    /// The disk would not have it.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file of the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileCount {
    /// FHIR resource type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// File name inside the folder.
    pub name: String,
    /// Resources, repeats included; one a line.
    pub lines: u64,
}

/// How many patients signed what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConsentCounts {
    /// All scopes, in force.
    pub full: u32,
    /// All but labs, in force.
    pub without_labs: u32,
    /// Expired.
    pub expired: u32,
    /// Taken back.
    pub withdrawn: u32,
    /// Never signed.
    pub none: u32,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The profile.
    pub profile: Profile,
    /// Distinct patients.
    pub patients: u32,
    /// Consents by kind; they add up to `patients`.
    pub consents: ConsentCounts,
    /// NDJSON files, in the manifest's order.
    pub files: Vec<FileCount>,
}

enum Sink {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(file) => file.flush(),
        }
    }
}

struct Output {
    path: PathBuf,
    sink: Sink,
    count: FileCount,
}

impl Output {
    fn create(folder: &Path, kind: &'static str, gzip: bool) -> Result<Self, GenerateError> {
        let name = format!("{kind}.ndjson{}", if gzip { ".gz" } else { "" });
        let path = folder.join(&name);
        let file = BufWriter::new(File::create_new(&path).map_err(|source| GenerateError::Write { path: path.clone(), source })?);
        // no file name and no time in the gzip header: equal content is equal bytes
        let sink = if gzip { Sink::Gzip(Box::new(GzBuilder::new().mtime(0).write(file, Compression::new(6)))) } else { Sink::Plain(file) };
        Ok(Self { path, sink, count: FileCount { kind, name, lines: 0 } })
    }

    fn push<'a>(&mut self, resources: impl IntoIterator<Item = &'a Value>) -> Result<(), GenerateError> {
        for resource in resources {
            self.count.lines += 1;
            let written =
                serde_json::to_writer(&mut self.sink, resource).map_err(io::Error::from).and_then(|()| self.sink.write_all(b"\n"));
            written.map_err(|source| GenerateError::Write { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    fn finish(self) -> Result<FileCount, GenerateError> {
        let Self { path, sink, count } = self;
        let flushed = match sink {
            Sink::Plain(mut file) => file.flush(),
            Sink::Gzip(file) => file.finish().and_then(|mut file| file.flush()),
        };
        flushed.map_err(|source| GenerateError::Write { path, source })?;
        Ok(count)
    }
}

/// Writes a hospital of `patients` invented patients into the folder `out`, which is made if absent and must be empty.
/// `progress` is called now and then with the number of patients written, and once at the end.
///
/// The work is one pass; memory does not grow with `patients`. `manifest.json` is written last: a folder without it is
/// incomplete.
///
/// # Errors
/// The folder is not empty, too many patients, or the disk refuses.
///
/// # Panics
/// Never: if not all files opened, one of them has the error.
pub fn generate(profile: Profile, patients: u32, seed: u64, out: &Path, mut progress: impl FnMut(u32)) -> Result<Summary, GenerateError> {
    if patients > PATIENTS_MAX {
        return Err(GenerateError::TooManyPatients(patients));
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| GenerateError::Write { path, source }
    };
    fs::create_dir_all(out).map_err(failed(out))?;
    if fs::read_dir(out).map_err(failed(out))?.next().is_some() {
        return Err(GenerateError::NotEmpty(out.to_owned()));
    }
    let gzip = profile == Profile::OtherCodes;
    let mut outputs = ["Patient", "Encounter", "Condition", "Observation", "Consent"].map(|kind| Output::create(out, kind, gzip));
    let [Ok(patient_out), Ok(encounter_out), Ok(condition_out), Ok(observation_out), Ok(consent_out)] = &mut outputs else {
        return Err(outputs.into_iter().find_map(Result::err).expect("not all files opened, so one failed"));
    };
    let csv_path = out.join("consents.csv");
    let mut csv = BufWriter::new(File::create_new(&csv_path).map_err(failed(&csv_path))?);
    csv.write_all(b"patient,scope,until\n").map_err(failed(&csv_path))?;
    let stream = Seed::new(profile, seed);
    let mut consents = ConsentCounts::default();
    for i in 0..patients {
        let mut dice = Dice::of(&stream, i);
        let person = Person::draw(profile, &mut dice);
        let id = format!("{}-{:07}", profile.prefix(), i + 1);
        let seen = visits(profile, &person, &mut dice);
        let records = Scribe::new(profile, &id).write(&person, &seen, &mut dice);
        patient_out.push(&records.patients)?;
        encounter_out.push(&records.encounters)?;
        condition_out.push(&records.conditions)?;
        observation_out.push(&records.observations)?;
        let consent = Consent::draw(&mut dice);
        count(&mut consents, consent.kind);
        consent_out.push(&consent.resource(&id))?;
        csv.write_all(consent.csv(&id).as_bytes()).map_err(failed(&csv_path))?;
        if (i + 1) % PROGRESS_STEP == 0 {
            progress(i + 1);
        }
    }
    csv.flush().map_err(failed(&csv_path))?;
    let files = outputs.into_iter().map(|o| o.and_then(Output::finish)).collect::<Result<Vec<_>, _>>()?;
    write_manifest(out, &files)?;
    progress(patients);
    Ok(Summary { profile, patients, consents, files })
}

fn count(counts: &mut ConsentCounts, kind: Kind) {
    *match kind {
        Kind::Full => &mut counts.full,
        Kind::WithoutLabs => &mut counts.without_labs,
        Kind::Expired => &mut counts.expired,
        Kind::Withdrawn => &mut counts.withdrawn,
        Kind::None => &mut counts.none,
    } += 1;
}

/// The bulk export's status manifest (FHIR Bulk Data Access), with file names as urls.
fn write_manifest(out: &Path, files: &[FileCount]) -> Result<(), GenerateError> {
    let output: Vec<Value> = files.iter().map(|f| json!({"type": f.kind, "url": f.name, "count": f.lines})).collect();
    let manifest = json!({
        "transactionTime": TRANSACTION_TIME,
        "request": "https://hospital.example/fhir/$export",
        "requiresAccessToken": false,
        "output": output,
        "deleted": [],
        "error": [],
    });
    let path = out.join("manifest.json");
    fs::write(&path, format!("{manifest:#}\n")).map_err(|source| GenerateError::Write { path, source })
}
