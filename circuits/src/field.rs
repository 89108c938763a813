//! The field and the curve: names used by everything else.

/// BN254's scalar field, the field of all circuits.
pub type Fr = ark_bn254::Fr;
/// The field of the coordinates of G1.
pub type Fq = ark_bn254::Fq;
/// A point of BN254's G1 in affine form.
pub type G1Affine = ark_bn254::G1Affine;
/// A point of BN254's G1 in projective form.
pub type G1 = ark_bn254::G1Projective;
