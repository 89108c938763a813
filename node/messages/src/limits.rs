//! Bounds on everything that comes from outside, each with its reason.

/// Bytes of one transaction. An anchor of 1,000,000 rows and 800 bins is 12.5 MiB; larger tables come in several transactions.
pub const TRANSACTION_BYTES_MAX: usize = 16 << 20;
/// Bytes of the transactions of one block: one largest transaction and room for the small ones of everybody else.
pub const BLOCK_BYTES_MAX: usize = 20 << 20;
/// Transactions of one block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 1_024;
/// Transactions with a proof in one block: 32 answers of up to 100,000 rows take 0.1 to 0.2 s to verify together (docs/benchmarks.md), within the time that
/// validators wait for a block.
pub const BLOCK_PROOFS_MAX: usize = 32;
/// Bytes of a genesis: 256 members with names and a scope registry are below 100 KiB.
pub const GENESIS_BYTES_MAX: usize = 1 << 20;
/// Members of a network.
pub const MEMBERS_MAX: usize = 256;
/// Proposals open or waiting to come into force: each is looked at after every block, and open ones carry up to a dictionary.
pub const PROPOSALS_PENDING_MAX: usize = 64;
/// Of these, proposals of one member: nobody fills the list for the others.
pub const PROPOSALS_A_MEMBER_MAX: usize = 8;
/// Time for voting, in block time: 30 days. What is not carried by then is closed.
pub const VOTING_MS: u64 = 30 * 24 * 3_600_000;
/// How far ahead of its block a proposal may set its height: a year at a block a second.
pub const IN_FORCE_HEIGHTS_MAX: u64 = 366 * 24 * 3_600;
/// How far ahead of a signer's next sequence number a transaction may be and still be kept for later.
pub const FUTURE_SEQUENCES_MAX: u64 = 64;
/// Bytes of a dictionary's canonical form; the core dictionary has about 30 KiB.
pub const DICTIONARY_BYTES_MAX: usize = 1 << 20;
/// Bytes of an S1 proof: Groth16, public values and an inner-product argument are about 2 KiB.
pub const SEGMENTS_PROOF_BYTES_MAX: usize = 64 << 10;
/// Bytes of an S4 proof: two openings, 1.6 KiB.
pub const ERASURE_PROOF_BYTES_MAX: usize = 4 << 10;
/// Versions of one segment that an erasure replaces: of data and consents under 32 studies with cuts of their own. One hospital has one research cut, so there are a handful.
pub const ERASURE_STEPS_MAX: usize = 64;
/// Bytes of an answer's proof: 2.3 KiB at 128 cells.
pub const ANSWER_PROOF_BYTES_MAX: usize = 64 << 10;
/// Slots of one withdrawal; more come in several transactions.
pub const WITHDRAWN_SLOTS_MAX: usize = 4_096;
/// Keys of one enrolment: each costs every validator a signature.
pub const ENROLMENTS_MAX: usize = 256;
/// Enrolments (transactions) of one hospital in a UTC day.
pub const ENROLMENTS_A_DAY_MAX: u32 = 64;
/// Withdrawals (transactions) of one hospital in a UTC day. One takes [`WITHDRAWN_SLOTS_MAX`] slots, so 16 million patients may leave in a day.
pub const WITHDRAWALS_A_DAY_MAX: u32 = 4_096;
/// Bytes of a hospital's rejected anchors in a UTC day, from which on its anchors stand in no block: four of the largest.
pub const REJECTED_ANCHOR_BYTES_A_DAY_MAX: u64 = 4 * TRANSACTION_BYTES_MAX as u64;
/// Bytes of a member's rejected transactions of every other class in a UTC day: four of the largest dictionaries, or a thousand answers.
pub const REJECTED_BYTES_A_DAY_MAX: u64 = 4 << 20;
/// Anchors of one hospital in a UTC day whose proof or points do not hold: each has cost every validator up to two seconds.
pub const FAILED_ANCHORS_A_DAY_MAX: u32 = 8;
/// Answers of one hospital in a UTC day whose proof fails.
pub const FAILED_ANSWERS_A_DAY_MAX: u32 = 32;
/// Studies one member submits in a UTC day.
pub const STUDIES_A_DAY_MAX: u32 = 16;
/// Suspensions of studies by one member in a UTC day; whoever lifts has suspended.
pub const SUSPENSIONS_A_DAY_MAX: u32 = 16;
/// Persons who sign for one ethics board at a time.
pub const PERSONS_MAX: usize = 32;
/// Longest time a person is admitted for at once, days.
pub const PERSON_DAYS_MAX: i32 = 3 * 366;
/// How long after it was admitted a person signs: others of its board have that time to end it.
pub const PERSON_DELAY_MS: u64 = 24 * 3_600_000;
/// Changes of one person: admitted, prolonged, in another office.
pub const PERSON_CHANGES_MAX: usize = 16;
/// Persons ever admitted to one ethics board: every export of an answer holds what changed them.
pub const PERSONS_RECORDED_MAX: usize = 512;
/// Persons an ethics board admits or changes in one UTC day.
pub const ADMISSIONS_A_DAY_MAX: u32 = 4;
/// How long a first signature waits for a second, days.
pub const SIGNATURE_DAYS: i32 = 30;
/// First signatures of one person that wait for a second.
pub const SIGNATURES_WAITING_MAX: usize = 16;
/// Persons of one board who take no part in one study.
pub const RECUSED_MAX: usize = 64;
/// Studies of one member that wait for a board, or that one has rejected and that are not forgotten yet.
pub const STUDIES_WAITING_MAX: usize = 16;
/// Days a study waits for a board; then it is forgotten, and may be submitted again.
pub const WAITING_DAYS: i32 = 90;
/// Bytes of a title.
pub const TITLE_BYTES_MAX: usize = 200;
/// Bytes of a plain-language summary: 200 words.
pub const SUMMARY_BYTES_MAX: usize = 4_000;
/// Bytes of a question as it was written, and of a refusal's reason.
pub const TEXT_BYTES_MAX: usize = 4_000;
/// Bytes of a statement's canonical form: 8 clauses, 3 groupings and 256 cells of bins are far below.
pub const STATEMENT_BYTES_MAX: usize = 64 << 10;
/// Researchers of one study.
pub const RESEARCHERS_MAX: usize = 32;
/// Sealing keys of one study: the content key of an answer is wrapped once for each.
pub const SEALING_KEYS_MAX: usize = 16;
/// Longest run of a study in days (product rule: an approval ends within 12 months).
pub const STUDY_DAYS_MAX: i32 = 366;
/// Longest time for an answer: 30 days.
pub const QUERY_WINDOW_MS_MAX: u64 = 30 * 24 * 3_600_000;
/// Age of the height an answer names, in block time: 10 minutes (protocol, section 5).
pub const ANSWER_AGE_MS_MAX: u64 = 600_000;
/// Heights whose time is kept for naming them; older ones are refused even if they are younger than [`ANSWER_AGE_MS_MAX`].
pub const RECENT_HEIGHTS_MAX: usize = 16_384;
/// Answers with a proof that fails before a (query, hospital) pair is closed.
pub const INVALID_ANSWERS_MAX: u8 = 3;
/// Days over which released cells of a table are counted (rule D11).
pub const CELL_BUDGET_DAYS: i32 = 365;
/// Bytes of the free text beside a rejection's code; it is for people and not committed to.
pub const DETAIL_BYTES_MAX: usize = 400;
/// Verdicts the ledger's `CachingChecker` keeps: some blocks' worth.
pub const CACHED_VERDICTS_MAX: usize = 4 * BLOCK_TRANSACTIONS_MAX;
/// Bytes of a snapshot of the state: ten hospitals of a million rows.
pub const SNAPSHOT_BYTES_MAX: usize = 1 << 30;
