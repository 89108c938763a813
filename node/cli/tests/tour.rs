//! docs/tour.md is what happens: its commands run here, and print what it says.

use crate::common;

use crate::common::{finish, folder, keys};
use std::path::Path;

const STEPS: &str = "## Step by step";
const ORGANISATIONS: &str = "## A network of organisations";
/// Where the tour's keys are.
const SHOWN_KEYS: &str = "/home/you/.cache/countersign/development-keys-v1";

/// A command of the tour, and what it prints.
#[derive(Debug)]
struct Shown {
    command: Vec<String>,
    lines: Vec<String>,
}

/// The words of a line as a shell takes them; enough of it for the tour.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted, mut word) = (Vec::new(), false, None::<String>);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    assert!(!quoted, "{line}");
    words.extend(word);
    words
}

/// The commands of a part, each with its output: indented lines, a command behind `$`, continued by `\`.
fn shown(part: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    let mut lines = part.lines().peekable();
    while let Some(line) = lines.next() {
        // an empty line inside an output is one of its lines
        let more = || lines.clone().find(|l| !l.is_empty()).is_some_and(|l| l.starts_with("    "));
        let Some(line) = line.strip_prefix("    ").or((line.is_empty() && inside && more()).then_some("")) else {
            inside = false;
            continue;
        };
        match line.strip_prefix("$ countersign ") {
            Some(command) => {
                let mut command = command.to_owned();
                while let Some(begun) = command.strip_suffix('\\') {
                    command = format!("{begun}{}", lines.next().unwrap().trim_start());
                }
                all.push(Shown { command: words(&command), lines: Vec::new() });
            }
            None => all.last_mut().unwrap().lines.push(line.to_owned()),
        }
        inside = true;
    }
    all
}

/// A line without what differs from run to run: ids, digests of keys, times, the folder of keys.
fn lasting(line: &str) -> String {
    let line = line.replace(keys().to_str().unwrap(), SHOWN_KEYS);
    let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
    for word in &mut words {
        let bare = word.trim_end_matches([':', ',', ')']).trim_start_matches('(');
        let is_id = bare.len() == 64 && bare.bytes().all(|b| b.is_ascii_hexdigit());
        let shape = |form: &str| bare.len() == form.len() && bare.bytes().zip(form.bytes()).all(|(b, f)| (f == b'0') == b.is_ascii_digit());
        if is_id || shape("0000-00-00") || shape("00:00") {
            *word = word.replace(bare, "*");
        }
    }
    words.join(" ").trim_end().to_owned()
}

#[test]
fn every_step_of_the_tour_prints_what_it_says() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tour.md")).unwrap();
    let part = text.split(STEPS).nth(1).unwrap().split(ORGANISATIONS).next().unwrap();
    let steps = shown(part);
    assert!(steps.len() > 12, "{}", steps.len());
    common::run(["keys", "generate"]).done();
    let place = folder();
    let mut differences = Vec::new();
    for Shown { command, lines } in steps {
        let mut running = common::command(&command);
        running.current_dir(place.path());
        let outcome = finish(running);
        let printed: Vec<String> = format!("{}{}", outcome.stdout, outcome.stderr).lines().map(lasting).collect();
        let said: Vec<String> = lines.iter().map(|l| lasting(l)).collect();
        // nothing is shown of a table that was shown already
        if !said.is_empty() && printed != said {
            let command = command.join(" ");
            differences.push(format!("countersign {command}\nprints\n{}\nand the tour says\n{}", printed.join("\n"), said.join("\n")));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn every_command_of_the_tour_for_organisations_is_one() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tour.md")).unwrap();
    let commands = shown(text.split(ORGANISATIONS).last().unwrap());
    assert!(commands.len() > 7);
    for Shown { mut command, .. } in commands {
        // who runs it stands beside it
        if let Some(beside) = command.iter().position(|word| word.starts_with('(')) {
            command.truncate(beside);
        }
        let place = folder();
        let mut running = common::command(&command);
        running.current_dir(place.path());
        let outcome = finish(running);
        assert!(!outcome.stderr.contains("Usage:"), "countersign {}: {outcome:?}", command.join(" "));
    }
}
