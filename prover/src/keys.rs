//! Proving keys: generation, files, and what proving needs beside the key.

use ark_bn254::Bn254;
use ark_ec::AffineRepr;
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisMode};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use countersign_circuits::{
    aggregate::AggregateCircuit,
    field::Fr,
    keys::{CircuitName, KeyFileError, KeyOrigin, KeyRole, frame, unframe},
    validity::ValidityCircuit,
};
use rand::{CryptoRng, RngCore};

/// A circuit's proving key with its matrices, which are made anew from the circuit and never read from a file.
#[derive(Debug)]
pub struct CircuitKey {
    name: CircuitName,
    origin: KeyOrigin,
    pub(crate) key: ProvingKey<Bn254>,
    pub(crate) matrices: Vec<Matrix<Fr>>,
    pub(crate) constraints: usize,
    pub(crate) inputs: usize,
}

/// A key that cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The content.
    #[error("the proving key cannot be read: {0}")]
    Content(String),
    /// Setup failed.
    #[error("keys cannot be generated: {0}")]
    Setup(String),
}

/// Matrices A, B, C of a circuit, its constraints and its inputs (the constant one included).
///
/// # Errors
/// Synthesis failed.
pub fn matrices(name: CircuitName) -> Result<(Vec<Matrix<Fr>>, usize, usize), KeyError> {
    let cs = ConstraintSystem::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Setup);
    Blank(name).generate_constraints(cs.clone()).map_err(|e| KeyError::Setup(e.to_string()))?;
    cs.finalize();
    let fail = || KeyError::Setup("the constraint system gave no matrices".into());
    let matrices = cs.to_matrices().map_err(|e| KeyError::Setup(e.to_string()))?.remove(R1CS_PREDICATE_LABEL).ok_or_else(fail)?;
    Ok((matrices, cs.num_constraints(), cs.num_instance_variables()))
}

/// A circuit of a name without an assignment.
struct Blank(CircuitName);

impl ConstraintSynthesizer<Fr> for Blank {
    fn generate_constraints(self, cs: ark_relations::gr1cs::ConstraintSystemRef<Fr>) -> Result<(), ark_relations::gr1cs::SynthesisError> {
        match self.0 {
            CircuitName::Validity => ValidityCircuit::blank().generate_constraints(cs),
            CircuitName::Aggregate(size) => AggregateCircuit::blank(size).generate_constraints(cs),
        }
    }
}

impl CircuitKey {
    /// Makes a development key on this machine. Its maker could forge proofs: it is marked, and refused outside development networks.
    ///
    /// # Errors
    /// Synthesis or setup failed.
    pub fn generate_development(name: CircuitName, rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, KeyError> {
        let key =
            Groth16::<Bn254>::generate_random_parameters_with_reduction(Blank(name), rng).map_err(|e| KeyError::Setup(e.to_string()))?;
        Self::assemble(name, KeyOrigin::Development, key)
    }

    fn assemble(name: CircuitName, origin: KeyOrigin, key: ProvingKey<Bn254>) -> Result<Self, KeyError> {
        let (matrices, constraints, inputs) = matrices(name)?;
        if key.vk.gamma_abc_g1.len() != inputs || key.vk.delta_g2.is_zero() {
            return Err(KeyError::Content("it is not a key for this circuit".into()));
        }
        Ok(Self { name, origin, key, matrices, constraints, inputs })
    }

    /// The circuit.
    pub fn name(&self) -> CircuitName {
        self.name
    }

    /// Who could forge with it.
    pub fn origin(&self) -> KeyOrigin {
        self.origin
    }

    /// Constraints of the circuit.
    pub fn constraints(&self) -> usize {
        self.constraints
    }

    /// The proving key file.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn proving_file(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.key.serialize_uncompressed(&mut body).expect("writing to memory does not fail");
        frame(self.name, KeyRole::Proving, self.origin, &body)
    }

    /// The verifying key file, for everybody.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn verifying_file(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.key.vk.serialize_compressed(&mut body).expect("writing to memory does not fail");
        frame(self.name, KeyRole::Verifying, self.origin, &body)
    }

    /// Reads a proving key file. Its checksum is checked; group membership of its points is not, which would take seconds: the file is
    /// the hospital's own. A damaged key makes proofs that do not verify. The checksum is no signature: a key crafted by somebody
    /// else could weaken hiding, so the file must come from who made the network's keys.
    ///
    /// # Errors
    /// The file is damaged or for another circuit.
    pub fn read(name: CircuitName, file: &[u8]) -> Result<Self, KeyError> {
        let (origin, body) = unframe(name, KeyRole::Proving, file)?;
        let mut rest = body;
        let key = ProvingKey::<Bn254>::deserialize_uncompressed_unchecked(&mut rest).map_err(|e| KeyError::Content(e.to_string()))?;
        if !rest.is_empty() {
            return Err(KeyError::Content("bytes behind its end".into()));
        }
        Self::assemble(name, origin, key)
    }
}
