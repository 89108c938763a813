//! The corpus of the fuzz targets, replayed, with seeded mutations of every entry.

use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_core_consensus::SignedConsensusMsg;
use arc_malachitebft_core_types::{Context as _, NilOrVal, Round};
use countersign_circuits::hash::Digest32;
use countersign_consensus::malachite::{
    context::{BlockId, Chain, Height},
    network::{check_message, consensus_bytes},
    part::{Opening, parts},
    signing::Keys,
};
use countersign_messages::NetworkId;
use countersign_net::Channel;
use countersign_testkit::world::{World, keys};
use countersign_tests::fuzz::TARGETS;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::path::Path;

fn entries(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut entries: Vec<Vec<u8>> = files.map(|f| std::fs::read(f.unwrap().path()).unwrap()).collect();
    entries.sort();
    entries
}

/// Honest bytes, made anew, so that mutations start from what decodes.
fn honest(name: &str) -> Vec<Vec<u8>> {
    let world = World::new(200, 3);
    match name {
        "answer" => {
            let statement = countersign_circuits::statement::Statement {
                filter: vec![],
                groups: vec![],
                measures: countersign_circuits::statement::Measures::Descriptive { count_rows: true, of: vec![] },
            };
            let wiring = world.wiring(&statement, 1).unwrap();
            vec![world.answer(&wiring, &[], 1).unwrap().proof.encode()]
        }
        "anchor" => vec![world.anchor_proof(1)],
        "segment" => vec![world.data_segments[0].encode()[..320].to_vec()],
        "key" => vec![keys().validity.verifying_file()],
        "consensus" => consensus(),
        _ => vec![],
    }
}

/// A vote and the parts of a proposal, as a validator sends them.
fn consensus() -> Vec<Vec<u8>> {
    let keys = Keys::new(NetworkId(Digest32::of(b"n")), ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let block = BlockId(countersign_messages::BlockId(Digest32::of(b"b")));
    let vote = keys.vote(Chain.new_precommit(Height(3), Round::new(1), NilOrVal::Val(block), keys.address()));
    let proposal = keys.proposal(Chain.new_proposal(Height(3), Round::new(1), block, Round::Nil, keys.address()));
    let opening = Opening::sign(&keys, (Height(3), Round::new(1), Round::Nil), block, b"bytes");
    let stream =
        |(i, part)| borsh::to_vec(&StreamMessage::new(StreamId::new(b"s".to_vec().into()), i as u64, StreamContent::Data(part))).unwrap();
    let messages = [SignedConsensusMsg::Vote(vote), SignedConsensusMsg::Proposal(proposal)];
    let signed: Vec<Vec<u8>> = messages.iter().map(|m| consensus_bytes(m).unwrap().to_vec()).collect();
    let parts: Vec<Vec<u8>> = parts(opening, b"bytes").into_iter().enumerate().map(stream).collect();
    signed.iter().for_each(|bytes| check_message(Channel::Consensus, bytes).unwrap());
    parts.iter().for_each(|bytes| check_message(Channel::Parts, bytes).unwrap());
    [signed, parts].concat()
}

#[test]
fn no_decoder_panics_and_what_decodes_is_canonical() {
    let mut rng = StdRng::seed_from_u64(1);
    for (name, target) in TARGETS {
        let mut seeds = entries(name);
        assert!(!seeds.is_empty(), "{name} has a corpus");
        seeds.extend(honest(name));
        for seed in seeds {
            target(&seed);
            for _ in 0..60 {
                let mut bytes = seed.clone();
                for _ in 0..rng.gen_range(1..4) {
                    match rng.gen_range(0..4) {
                        0 if !bytes.is_empty() => {
                            let at = rng.gen_range(0..bytes.len());
                            bytes[at] ^= 1 << rng.gen_range(0..8);
                        }
                        1 if !bytes.is_empty() => bytes.truncate(rng.gen_range(0..bytes.len())),
                        2 => bytes.insert(rng.gen_range(0..=bytes.len()), rng.r#gen()),
                        _ if !bytes.is_empty() => {
                            let at = rng.gen_range(0..bytes.len());
                            bytes[at] = [0, 255, b'"', b'(', b'\n'][rng.gen_range(0..5)];
                        }
                        _ => bytes.push(0),
                    }
                }
                target(&bytes);
            }
        }
    }
}
