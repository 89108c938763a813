//! Dictionaries, mappings and the consent policy that come with Countersign, as texts.

/// Cardiometabolic FHIR dictionary, `cardiometabolic-core@1`.
pub const CARDIOMETABOLIC_CORE: &str = include_str!("../dictionaries/cardiometabolic-core.toml");
/// Mapping for hospitals that code as the cardiometabolic dictionary does.
pub const MAPPING_FHIR: &str = include_str!("../dictionaries/mapping-fhir.toml");
/// Mapping for a hospital with other codes and units.
pub const MAPPING_FHIR_OTHER: &str = include_str!("../dictionaries/mapping-fhir-other.toml");
/// Heart disease dictionary for a CSV table, `heart-disease@1`.
pub const HEART_DISEASE: &str = include_str!("../dictionaries/heart-disease.toml");
/// Mapping of the UCI heart disease tables.
pub const MAPPING_HEART_CSV: &str = include_str!("../dictionaries/mapping-heart-csv.toml");
/// Consent policy `broad-research@1`.
pub const CONSENT_POLICY: &str = include_str!("../dictionaries/consent-policy.toml");
/// Consent policy `mii-broad@1`: the broad consent of the German Medical Informatics Initiative.
pub const CONSENT_POLICY_MII: &str = include_str!("../dictionaries/consent-policy-mii.toml");
/// Consent policy `duo@1`: consents coded by the GA4GH Data Use Ontology.
pub const CONSENT_POLICY_DUO: &str = include_str!("../dictionaries/consent-policy-duo.toml");
/// Mapping for a FHIR export with missing units, acknowledged by name.
pub const MAPPING_FHIR_GAPS: &str = include_str!("../dictionaries/mapping-fhir-gaps.toml");
/// Consent policy of the generated hospitals: a document's codes are the scopes.
pub const CONSENT_POLICY_BY_SCOPE: &str = include_str!("../dictionaries/consent-policy-by-scope.toml");
