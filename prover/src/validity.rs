//! The prover of S1: every entry of a stack of segments is a bit.
//!
//! Cost: the entries that are set, in each of the first few rounds; rows times segments afterwards. One proof carries a
//! [`STACK_SEGMENTS`] stack, so that an import of any size is proved piece by piece in bounded memory.

mod rows;
mod zerocheck;

pub use rows::{SparseRow, sparse_rows};

use crate::{
    commitment::Blinders,
    entropy::Hedge,
    groth16::{self, Groth16Error},
    keys::CircuitKey,
    opening::Mask,
};
use ark_ff::{UniformRand, Zero};
use countersign_circuits::{
    commitment::eq_table,
    field::Fr,
    keys::CircuitName,
    outer::{OuterTranscript, scalar_bytes},
    proof::ValidityProof,
    segment::{SLOT_VARIABLES, SLOTS},
    tag,
    validity::{
        SegmentsInstance, StackShape, ValidityCircuit, ValidityPrivate, ValidityPublic, ValidityTranscript, ValidityViolation,
        check_validity, eq_point, stack_digest, start_outer,
    },
};
use rand::{CryptoRng, RngCore};
use zerocheck::ZeroCheck;
use zeroize::Zeroizing;

/// Segments an anchoring hospital puts into one proof: 131,072 slots.
pub const STACK_SEGMENTS: usize = 64;

/// An anchor that cannot be proved.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// More segments or rows than one proof carries, or lists that do not belong together.
    #[error("the segments do not fit one proof, or their rows and blinders are not theirs")]
    Shape,
    /// The native check failed.
    #[error("the anchor would not verify: {0}")]
    Violation(#[from] ValidityViolation),
    /// Groth16 failed.
    #[error(transparent)]
    Groth16(#[from] Groth16Error),
}

/// Proves S1 for a stack: `rows[segment][row]` and the blinders of each segment.
///
/// # Errors
/// [`AnchorError`].
pub fn prove_validity(
    key: &CircuitKey,
    instance: &SegmentsInstance<'_>,
    rows: Vec<Vec<SparseRow>>,
    blinders: &[Blinders],
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<ValidityProof, AnchorError> {
    if key.name() != CircuitName::Validity {
        return Err(AnchorError::Shape);
    }
    let mut draft = Draft::start(instance, &rows, blinders, rng)?;
    draft.run_rounds(&rows);
    draft.bind(rng);
    check_validity(&draft.public, &draft.private)?;
    let assignment = draft.assignment()?;
    let groth16 = groth16::prove(key, &assignment, &mut draft.blinding(rng))?;
    draft.finish(groth16, &rows, blinders)
}

/// A proof of S1 in the making; the steps are public for the test suite's cheating provers.
#[derive(Debug)]
pub struct Draft {
    /// The verifier's side so far.
    pub public: ValidityPublic,
    /// The prover's side so far.
    pub private: ValidityPrivate,
    /// Shape of the stack.
    pub shape: StackShape,
    tau: Vec<Fr>,
    outer: OuterTranscript,
    hedge: Hedge,
    mask: Option<Mask>,
}

impl Draft {
    /// Draws tau from the commitments and the salt.
    ///
    /// # Errors
    /// [`AnchorError::Shape`].
    pub fn start(
        instance: &SegmentsInstance<'_>,
        rows: &[Vec<SparseRow>],
        blinders: &[Blinders],
        os: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, AnchorError> {
        let shape = StackShape::new(instance.layout, instance.segments.len()).ok_or(AnchorError::Shape)?;
        let fits = rows.len() == shape.segments
            && blinders.len() == shape.segments
            && rows.iter().all(|r| r.len() == shape.rows)
            && blinders.iter().all(|b| b.0.len() == shape.rows);
        if !fits {
            return Err(AnchorError::Shape);
        }
        let digest = stack_digest(&instance.context, instance.segments);
        let (outer, tau) = start_outer(&digest);
        let mut hedge = Hedge::new(os, tag::HEDGE_S1);
        hedge.add(&digest.0);
        blinders.iter().flat_map(|b| &b.0).for_each(|b| hedge.add(&scalar_bytes(b)));
        let mut private = ValidityPrivate::blank();
        private.salt = Fr::rand(&mut hedge.rng("salt"));
        let z = Fr::zero();
        let public = ValidityPublic { digest: ValidityPublic::digest_field(&digest), eq: z, r: Vec::new(), c_m: z, chi: z, w: z };
        Ok(Self { public, private, shape, tau, outer, hedge, mask: None })
    }

    /// S1.1: the zero-check's rounds.
    pub fn run_rounds(&mut self, rows: &[Vec<SparseRow>]) {
        let mut transcript = ValidityTranscript::start(self.public.digest, self.private.salt);
        let mut check = ZeroCheck::new(self.shape, &self.tau, rows);
        for message in &mut self.private.messages {
            *message = check.message().to_vec();
            let challenge = transcript.round(message);
            check.fold(challenge);
            self.public.r.push(challenge);
        }
        self.private.e = check.finish();
        self.public.eq = eq_point(&self.tau, &self.public.r);
    }

    /// S1.3: mask, c_m, chi, w.
    pub fn bind(&mut self, os: &mut (impl RngCore + CryptoRng)) {
        let mut fresh = [0u8; 32];
        os.fill_bytes(&mut fresh);
        self.hedge.add(&fresh);
        self.private.messages.iter().flatten().chain([&self.private.e]).for_each(|x| self.hedge.add(&scalar_bytes(x)));
        let mut rng = self.hedge.rng("mask");
        let mask = Mask::draw(&mut rng);
        let (public, private) = (&mut self.public, &mut self.private);
        private.m = mask.evaluation(&eq_table(&public.r[..SLOT_VARIABLES]));
        private.s = Fr::rand(&mut rng);
        let mut transcript = ValidityTranscript::start(public.digest, private.salt);
        private.messages.iter().for_each(|m| {
            transcript.round(m);
        });
        public.c_m = transcript.finish(public.eq, private.e, private.m, private.s);
        public.chi = ValidityProof::draw_chi(&mut self.outer, &public.r, &public.c_m, &mask.commitment);
        public.w = countersign_circuits::fingerprint::mask(public.chi, private.m, &[private.e]);
        self.mask = Some(mask);
    }

    /// The values of the circuit's variables.
    ///
    /// # Errors
    /// Synthesis failed.
    pub fn assignment(&self) -> Result<Zeroizing<Vec<Fr>>, Groth16Error> {
        groth16::assignment(ValidityCircuit { public: self.public.clone(), private: self.private.clone() })
    }

    /// Randomness of the Groth16 proof.
    pub fn blinding(&self, os: &mut (impl RngCore + CryptoRng)) -> rand_chacha::ChaCha20Rng {
        let mut fresh = [0u8; 32];
        os.fill_bytes(&mut fresh);
        self.hedge.rng(&format!("groth16/{fresh:?}"))
    }

    /// The opening for a given circuit proof.
    ///
    /// # Errors
    /// [`Draft::bind`] has not run.
    pub fn finish(
        mut self,
        groth16: ark_groth16::Proof<ark_bn254::Bn254>,
        rows: &[Vec<SparseRow>],
        blinders: &[Blinders],
    ) -> Result<ValidityProof, AnchorError> {
        let Some(mask) = self.mask else { return Err(AnchorError::Shape) };
        let ValidityPublic { r, chi, c_m, w, .. } = self.public;
        let weights = self.shape.row_weights(&r);
        let mut z = Zeroizing::new(vec![Fr::zero(); SLOTS]);
        let mut rho = Fr::zero();
        for ((rows, blinders), weights) in rows.iter().zip(blinders).zip(&weights) {
            for ((row, blinder), weight) in rows.iter().zip(&blinders.0).zip(weights) {
                let weight = *weight * chi;
                row.add_to(&mut z, weight);
                rho += weight * blinder;
            }
        }
        let opening = mask.open(&z, rho, &eq_table(&r[..SLOT_VARIABLES]), &w, &mut self.outer);
        Ok(ValidityProof { groth16, r, c_m, d: mask.commitment, w, opening })
    }
}
