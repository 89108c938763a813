//! Edited bytes: proofs with regions changed, numbers that are not canonical, points outside their groups, key files.

use ark_bn254::{Bn254, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField, UniformRand};
use ark_groth16::VerifyingKey;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use countersign_circuits::{
    field::Fr,
    keys::{CircuitName, KeyOrigin, KeyRole, frame, unframe},
};
use rand::{SeedableRng, rngs::StdRng};

/// A named range of a proof's bytes.
#[derive(Debug, Clone)]
pub struct Region {
    /// The element.
    pub name: String,
    /// First byte.
    pub start: usize,
    /// Bytes.
    pub len: usize,
    /// What stands there.
    pub kind: Kind,
}

/// What a region holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A compressed point.
    Point,
    /// A number of 32 bits.
    Number,
    /// A field element.
    Scalar,
}

/// The regions of an answer (`rounds` 22, with gate counts) or of an anchor proof (30, without).
pub fn regions(rounds: usize, answer: bool) -> Vec<Region> {
    let mut out: Vec<Region> = Vec::new();
    let mut push = |name: String, len: usize, kind: Kind| {
        let start = out.last().map_or(0, |r: &Region| r.start + r.len);
        out.push(Region { name, start, len, kind });
    };
    [("A", 32), ("B", 64), ("C", 32)].into_iter().for_each(|(n, len)| push(n.into(), len, Kind::Point));
    if answer {
        (0..5).for_each(|i| push(format!("count {i}"), 4, Kind::Number));
        ["cells digest", "gamma"].into_iter().for_each(|n| push(n.into(), 32, Kind::Scalar));
    }
    (0..rounds).for_each(|i| push(format!("r_{i}"), 32, Kind::Scalar));
    push("c_m".into(), 32, Kind::Scalar);
    push("D".into(), 32, Kind::Point);
    ["w", "blinder"].into_iter().for_each(|n| push(n.into(), 32, Kind::Scalar));
    (0..18).for_each(|i| push(format!("{}_{}", if i % 2 == 0 { "L" } else { "R" }, i / 2), 32, Kind::Point));
    (0..4).for_each(|i| push(format!("last_{i}"), 32, Kind::Scalar));
    out
}

/// Adds one to the number in a region, canonically.
pub fn increment(bytes: &[u8], region: &Region) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let part = &mut out[region.start..region.start + region.len];
    match region.kind {
        Kind::Scalar => (Fr::deserialize_compressed(&part[..]).unwrap() + Fr::from(1u64)).serialize_compressed(&mut part[..]).unwrap(),
        // another valid point: the sign
        Kind::Point => part[region.len - 1] ^= 0x80,
        Kind::Number => part[0] = part[0].wrapping_add(1),
    }
    out
}

/// The same number plus the modulus: equal in the field, other bytes.
pub fn plus_modulus(bytes: &[u8], region: &Region) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let part = &mut out[region.start..region.start + region.len];
    let mut x = Fr::deserialize_compressed(&part[..]).unwrap().into_bigint();
    x.add_with_carry(&Fr::MODULUS);
    part.copy_from_slice(&x.to_bytes_le());
    out
}

/// A point of the twist that is not in G2's subgroup.
pub fn outside_subgroup() -> G2Affine {
    let mut rng = StdRng::seed_from_u64(24);
    loop {
        let x = ark_bn254::Fq2::rand(&mut rng);
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, true).filter(|p| !p.is_in_correct_subgroup_assuming_on_curve()) {
            return point;
        }
    }
}

/// The verifying key inside a key file.
pub fn open_key(name: CircuitName, file: &[u8]) -> VerifyingKey<Bn254> {
    let (_, body) = unframe(name, KeyRole::Verifying, file).unwrap();
    VerifyingKey::deserialize_compressed(body).unwrap()
}

/// A key file around a changed key, with a right checksum.
pub fn crafted_key(name: CircuitName, key: &VerifyingKey<Bn254>, trailing: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    key.serialize_compressed(&mut body).unwrap();
    body.extend_from_slice(trailing);
    frame(name, KeyRole::Verifying, KeyOrigin::Development, &body)
}

/// The named degenerate keys of point 24 with the reason each is refused for.
pub fn degenerate_keys(key: &VerifyingKey<Bn254>) -> Vec<(&'static str, VerifyingKey<Bn254>)> {
    let with = |change: &dyn Fn(&mut VerifyingKey<Bn254>)| {
        let mut key = key.clone();
        change(&mut key);
        key
    };
    vec![
        ("gamma and delta are not independent", with(&|k| k.delta_g2 = k.gamma_g2)),
        ("gamma and delta are not independent", with(&|k| k.delta_g2 = G2Affine::generator())),
        ("gamma and delta are not independent", with(&|k| k.gamma_g2 = G2Affine::generator())),
        ("a point is the identity", with(&|k| k.beta_g2 = G2Affine::zero())),
        ("a point is the identity", with(&|k| k.gamma_g2 = G2Affine::zero())),
        ("a point is the identity", with(&|k| k.delta_g2 = G2Affine::zero())),
        ("a point is the identity", with(&|k| k.alpha_g1 = AffineRepr::zero())),
        ("a point is the identity", with(&|k| k.gamma_abc_g1[3] = AffineRepr::zero())),
        ("the number of inputs is not four", with(&|k| k.gamma_abc_g1.truncate(4))),
        ("the number of inputs is not four", with(&|k| k.gamma_abc_g1.push(k.alpha_g1))),
        ("a point is not in its group", with(&|k| k.gamma_g2 = outside_subgroup())),
    ]
}
