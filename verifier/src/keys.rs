//! Verifying keys.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_groth16::{PreparedVerifyingKey, Proof, prepare_verifying_key};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use countersign_circuits::{
    aggregate::AggregateSize,
    hash::Digest32,
    keys::{CircuitName, KeyFileError, KeyOrigin, KeyRole, unframe},
    msm::msm,
    tag,
};

/// Public inputs of both circuits: c_m, chi, w, y.
pub(crate) const INPUTS: usize = 4;

/// A verifying key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A point outside its group, a wrong number of inputs, or degenerate points.
    #[error("the verifying key of {0} is not usable: {1}")]
    Content(&'static str, &'static str),
}

/// One circuit's verifying key, checked.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    origin: KeyOrigin,
    digest: Digest32,
    prepared: PreparedVerifyingKey<Bn254>,
}

impl VerifyingKey {
    /// Reads and checks a key file: every point in its group and not the identity, `gamma != delta`, neither of them the generator,
    /// exactly four inputs.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(name: CircuitName, file: &[u8]) -> Result<Self, KeyError> {
        let (origin, body) = unframe(name, KeyRole::Verifying, file)?;
        let content = |why| KeyError::Content(name.name(), why);
        let mut rest = body;
        let key =
            ark_groth16::VerifyingKey::<Bn254>::deserialize_compressed(&mut rest).map_err(|_| content("a point is not in its group"))?;
        let mut again = Vec::new();
        key.serialize_compressed(&mut again).map_err(|_| content("it cannot be written again"))?;
        if !rest.is_empty() || again != body {
            return Err(content("not canonical"));
        }
        if key.gamma_abc_g1.len() != INPUTS + 1 {
            return Err(content("the number of inputs is not four"));
        }
        let g2 = [key.beta_g2, key.gamma_g2, key.delta_g2];
        if g2.iter().any(AffineRepr::is_zero) || key.alpha_g1.is_zero() || key.gamma_abc_g1.iter().any(AffineRepr::is_zero) {
            return Err(content("a point is the identity"));
        }
        if key.gamma_g2 == key.delta_g2 || key.delta_g2 == G2Affine::generator() || key.gamma_g2 == G2Affine::generator() {
            return Err(content("gamma and delta are not independent"));
        }
        Ok(Self {
            origin,
            // the origin is hashed with the key: another first line is another key, which no network names
            digest: Digest32::tagged(tag::VERIFYING_KEY, [name.name().as_bytes(), origin.mark().as_bytes(), body]),
            prepared: prepare_verifying_key(&key),
        })
    }

    /// Hash of the key.
    pub fn digest(&self) -> Digest32 {
        self.digest
    }

    /// Who could forge with it.
    pub fn origin(&self) -> KeyOrigin {
        self.origin
    }

    /// The inputs as one point, by one multi-scalar multiplication.
    fn fold_inputs(&self, inputs: &[Fr; INPUTS]) -> G1Affine {
        let bases = &self.prepared.vk.gamma_abc_g1;
        (msm(&bases[1..], inputs) + bases[0]).into_affine()
    }

    /// The pairs of a proof whose pairings multiply to the key's constant, the proof's side scaled by `weight`.
    pub(crate) fn pairs(&self, proof: &Proof<Bn254>, inputs: &[Fr; INPUTS], weight: Fr) -> [(G1Affine, G2Affine); 4] {
        let vk = &self.prepared.vk;
        let scale = |p: G1Affine, s: Fr| (p * s).into_affine();
        [
            (scale(proof.a, weight), proof.b),
            (scale(self.fold_inputs(inputs), -weight), vk.gamma_g2),
            (scale(proof.c, -weight), vk.delta_g2),
            (scale(vk.alpha_g1, -weight), vk.beta_g2),
        ]
    }

    /// Verifies one proof.
    pub(crate) fn verify(&self, proof: &Proof<Bn254>, inputs: &[Fr; INPUTS]) -> bool {
        let inputs = self.fold_inputs(inputs);
        let prepared = &self.prepared;
        let product = Bn254::multi_miller_loop(
            [proof.a.into(), inputs.into(), proof.c.into()] as [<Bn254 as Pairing>::G1Prepared; 3],
            [proof.b.into(), prepared.gamma_g2_neg_pc.clone(), prepared.delta_g2_neg_pc.clone()],
        );
        Bn254::final_exponentiation(product).is_some_and(|result| result.0 == prepared.alpha_g1_beta_g2)
    }
}

/// [`VerifyingKeys::digest`] of the keys of checked ceremonies: none has been held for circuit version 1.
const CEREMONIES: [Digest32; 0] = [];

/// The keys of all circuits of this version.
#[derive(Debug, Clone)]
pub struct VerifyingKeys {
    /// S1.
    pub validity: VerifyingKey,
    /// S2 with 128 cells.
    pub aggregate_128: VerifyingKey,
    /// S2 with 256 cells.
    pub aggregate_256: VerifyingKey,
}

impl VerifyingKeys {
    /// The key of S2 at a size.
    pub fn aggregate(&self, size: AggregateSize) -> &VerifyingKey {
        match size {
            AggregateSize::Cells128 => &self.aggregate_128,
            AggregateSize::Cells256 => &self.aggregate_256,
        }
    }

    /// What a genesis names: one hash over all keys.
    pub fn digest(&self) -> Digest32 {
        let digests = [&self.validity, &self.aggregate_128, &self.aggregate_256].map(|k| k.digest.0);
        Digest32::tagged(tag::VERIFYING_KEYS, digests.iter().map(|d| d.as_slice()))
    }

    /// True unless every key comes from a ceremony whose transcript this version of the program was checked against: what a file says of itself is not enough.
    pub fn development(&self) -> bool {
        let keys = [&self.validity, &self.aggregate_128, &self.aggregate_256];
        keys.iter().any(|k| k.origin == KeyOrigin::Development) || !CEREMONIES.contains(&self.digest())
    }
}
