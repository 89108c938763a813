//! Proof of SQL: the question as a plan made in code, proven with DynamicDory on the CPU.
//!
//!     SELECT grp, SUM(known), SUM(value), SUM(value * value), COUNT(*) FROM patients
//!     WHERE n0 > 20 AND n1 < 81 AND n2 > 10 AND c1 < 9 AND health AND labs GROUP BY grp
//!
//! There is no NULL: `known` is 1 where the value is known, and where it is not `value` is 0. The plan squares the value itself; no
//! column of squares is committed.

use crate::{
    figures::{Figures, RUNS, VERIFICATIONS, first_and_again, median},
    rows::{FILTERS, Filter, GROUPS, Group, Row},
};
use ark_bls12_381::{Fr, G1Affine};
use ark_ff_05::UniformRand;
use proof_of_sql::{
    base::{
        commitment::{QueryCommitments, TableCommitment},
        database::{
            ColumnRef, ColumnType, LiteralValue, OwnedTable, OwnedTableTestAccessor, TableRef,
            owned_table_utility::{bigint, boolean, decimal75, owned_table, smallint},
        },
        try_standard_binary_serialization,
    },
    proof_primitive::dory::{DoryScalar, DynamicDoryCommitment, DynamicDoryEvaluationProof, ProverSetup, PublicParameters, VerifierSetup},
    sql::{
        proof::VerifiableQueryResult,
        proof_exprs::{AliasedDynProofExpr, ColumnExpr, DynProofExpr, TableExpr},
        proof_plans::DynProofPlan,
    },
};
use rand::{SeedableRng, rngs::StdRng};
use std::time::Instant;

/// Columns of the two consents.
const CONSENTS: [&str; 2] = ["health", "labs"];

fn patients() -> TableRef {
    TableRef::from_names(None, "patients")
}

fn reference(column: &str, kind: ColumnType) -> ColumnRef {
    ColumnRef::new(patients(), column.into(), kind)
}

fn column(name: &str, kind: ColumnType) -> DynProofExpr {
    DynProofExpr::new_column(reference(name, kind))
}

fn comparison(filter: &Filter) -> DynProofExpr {
    let bound = DynProofExpr::new_literal(LiteralValue::SmallInt(filter.bound));
    DynProofExpr::try_new_inequality(column(filter.column, ColumnType::SmallInt), bound, filter.below).unwrap()
}

fn named(alias: &str, expr: DynProofExpr) -> AliasedDynProofExpr {
    AliasedDynProofExpr { expr, alias: alias.into() }
}

/// The question.
fn plan() -> DynProofPlan {
    let value = || column("value", ColumnType::BigInt);
    let consents = CONSENTS.map(|name| column(name, ColumnType::Boolean));
    let conditions = FILTERS.iter().map(comparison).chain(consents);
    let all = conditions.reduce(|a, b| DynProofExpr::try_new_and(a, b).unwrap()).unwrap();
    let square = DynProofExpr::try_new_multiply(value(), value()).unwrap();
    let sums = vec![named("known", column("known", ColumnType::BigInt)), named("sum", value()), named("squares", square)];
    let group = ColumnExpr::new(reference("grp", ColumnType::SmallInt));
    DynProofPlan::try_new_group_by(vec![group], sums, "n".into(), TableExpr { table_ref: patients() }, all).unwrap()
}

/// The rows in columns.
fn table(rows: &[Row]) -> OwnedTable<DoryScalar> {
    let filtered = |i: usize| smallint(FILTERS[i].column, rows.iter().map(move |row| row.filtered[i]));
    let consent = |i: usize| boolean(CONSENTS[i], rows.iter().map(move |row| row.consents[i]));
    owned_table([
        filtered(0),
        filtered(1),
        filtered(2),
        filtered(3),
        consent(0),
        consent(1),
        smallint("grp", rows.iter().map(|row| row.group as i16)),
        bigint("known", rows.iter().map(|row| i64::from(row.value.is_some()))),
        bigint("value", rows.iter().map(|row| row.value.map_or(0, i64::from))),
    ])
}

/// The result as it must be: groups ascending, those without rows left out. The product of two BIGINT is a DECIMAL(39, 0).
fn result(groups: &[Group; GROUPS]) -> OwnedTable<DoryScalar> {
    let present: Vec<(i16, Group)> = (0i16..).zip(groups.iter().copied()).filter(|(_, group)| group.rows > 0).collect();
    owned_table([
        smallint("grp", present.iter().map(|(name, _)| *name)),
        bigint("known", present.iter().map(|(_, group)| group.known as i64)),
        bigint("sum", present.iter().map(|(_, group)| group.sum as i64)),
        decimal75("squares", 39, 0, present.iter().map(|(_, group)| group.squares)),
        bigint("n", present.iter().map(|(_, group)| group.rows as i64)),
    ])
}

/// As long as the loop takes that the prover has, without `blitzar`, in place of a multi-scalar multiplication when it opens the columns
/// (`compute_dynamic_T_vec_prime`): for each row a point times a scalar, added, and made affine.
fn plain_loop(rows: usize) -> f64 {
    let mut rng = StdRng::seed_from_u64(4);
    let point = G1Affine::rand(&mut rng);
    let scalars: Vec<Fr> = (0..rows).map(|_| Fr::rand(&mut rng)).collect();
    let mut sum = G1Affine::identity();
    let start = Instant::now();
    for scalar in &scalars {
        sum = (sum + point * scalar).into();
    }
    let _ = std::hint::black_box(sum);
    start.elapsed().as_secs_f64()
}

/// Proves and verifies, and compares the verified result with the one found by counting. Setup and commitments are made before and are
/// not counted; but the prover of this version makes the commitments once more for its transcript, so their time is measured as well.
pub(crate) fn measure(log2_rows: u32, rows: &[Row], groups: &[Group; GROUPS]) -> Figures {
    // columns are matrices of this many variables a side
    let variables = log2_rows as usize / 2 + 1;
    let parameters = PublicParameters::rand(variables, &mut StdRng::seed_from_u64(2));
    let (prover, verifier) = (ProverSetup::from(&parameters), VerifierSetup::from(&parameters));
    let (table, plan, expected) = (table(rows), plan(), result(groups));

    let start = Instant::now();
    let commitment = TableCommitment::<DynamicDoryCommitment>::from_owned_table_with_offset(&table, 0, &&prover);
    let committing = start.elapsed().as_secs_f64();
    let commitments: QueryCommitments<DynamicDoryCommitment> = [(patients(), commitment)].into_iter().collect();

    // only lends its columns: it would make a commitment anew whenever it is asked for one, so the verifier asks the others
    let accessor = OwnedTableTestAccessor::<DynamicDoryEvaluationProof>::new_from_table(patients(), table, 0, &prover);
    let prove = || VerifiableQueryResult::<DynamicDoryEvaluationProof>::new(&plan, &accessor, &&prover, &[]).unwrap();
    let (mut proving, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        answers.push(prove());
        proving.push(start.elapsed().as_secs_f64());
    }
    let answer = answers.swap_remove(0);
    let bytes = try_standard_binary_serialization(&answer.proof).unwrap().len();

    let mut verifying = Vec::new();
    for copy in std::iter::repeat_n(answer, VERIFICATIONS) {
        let start = Instant::now();
        let verified = copy.verify(&plan, &commitments, &&verifier, &[]).unwrap();
        verifying.push(start.elapsed().as_secs_f64());
        assert_eq!(verified.table, expected, "the verified result is not that of the rows");
    }
    Figures {
        system: "Proof of SQL, DynamicDory",
        proving_seconds: median(&proving),
        committing_seconds: Some(committing),
        plain_loop_seconds: Some(plain_loop(rows.len())),
        proof_bytes: Some(bytes),
        verifying_seconds: Some(first_and_again(&verifying)),
    }
}
