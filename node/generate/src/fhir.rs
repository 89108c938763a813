//! FHIR R4 resources of one person, as JSON values.

use crate::{
    Profile,
    dice::Dice,
    history::{Measured, Visit, capped, onset},
    person::{INDEX, Person, Sex, Smoker},
};
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const ICD_10_GM: &str = "http://fhir.de/CodeSystem/bfarm/icd-10-gm";
const LOCAL_SMOKING: &str = "urn:klinik:rauchen";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// Everything recorded about a person, one list a resource type.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) patients: Vec<Value>,
    pub(crate) encounters: Vec<Value>,
    pub(crate) conditions: Vec<Value>,
    pub(crate) observations: Vec<Value>,
}

fn date(day: i32) -> Date {
    INDEX.saturating_add(i64::from(day).days())
}

fn instant(day: i32, minute: i32) -> String {
    let minute = minute.clamp(0, 24 * 60 - 1);
    format!("{}T{:02}:{:02}:00+01:00", date(day), minute / 60, minute % 60)
}

fn coding(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

/// Writes one person's records in a profile's manner.
pub(crate) struct Scribe<'a> {
    profile: Profile,
    patient: &'a str,
    observations: u32,
}

impl<'a> Scribe<'a> {
    pub(crate) fn new(profile: Profile, patient: &'a str) -> Self {
        Self { profile, patient, observations: 0 }
    }

    pub(crate) fn write(mut self, person: &Person, visits: &[Visit], dice: &mut Dice) -> Records {
        let mut records = Records::default();
        self.patient(person, dice, &mut records.patients);
        for (i, visit) in visits.iter().enumerate() {
            let encounter = format!("{}-e{i}", self.patient);
            self.encounter(&encounter, visit, dice, &mut records.encounters);
            for measured in &visit.measured {
                self.measured(*measured, &encounter, visit, dice, &mut records.observations);
            }
        }
        self.conditions(person, dice, &mut records.conditions);
        records
    }

    fn gap(&self, dice: &mut Dice, p: f64) -> bool {
        self.profile.has_gaps() && dice.chance(p)
    }

    fn subject(&self) -> Value {
        json!({"reference": format!("Patient/{}", self.patient)})
    }

    fn patient(&self, person: &Person, dice: &mut Dice, out: &mut Vec<Value>) {
        let birth = if self.gap(dice, 0.04) {
            format!("{:04}", person.birth.year())
        } else if self.gap(dice, 0.06) {
            format!("{:04}-{:02}", person.birth.year(), person.birth.month())
        } else {
            person.birth.to_string()
        };
        let gender = match person.sex {
            Sex::Female => "female",
            Sex::Male => "male",
            Sex::Other => "other",
            Sex::Unknown => "unknown",
        };
        let mut resource = json!({
            "resourceType": "Patient",
            "id": self.patient,
            "meta": {"lastUpdated": "2020-01-31T22:00:00Z"},
            "active": true,
            "gender": gender,
            "birthDate": birth,
        });
        if let Some(day) = person.death {
            resource["deceasedDateTime"] = json!(date(day).to_string());
        }
        if self.gap(dice, 0.02) {
            // an earlier version of the same resource, in which the sex was not yet recorded
            let mut earlier = resource.clone();
            earlier["meta"]["lastUpdated"] = json!("2018-05-01T08:00:00Z");
            earlier["gender"] = json!("unknown");
            out.push(earlier);
        }
        out.push(resource);
    }

    fn encounter(&self, id: &str, visit: &Visit, dice: &mut Dice, out: &mut Vec<Value>) {
        let make = |id: &str, status: &str| {
            json!({
                "resourceType": "Encounter",
                "id": id,
                "meta": {"lastUpdated": instant(visit.day, visit.minute + 60)},
                "status": status,
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                "subject": self.subject(),
                "period": {"start": instant(visit.day, visit.minute), "end": instant(visit.day, visit.minute + 30)},
            })
        };
        out.push(make(id, "finished"));
        if self.gap(dice, 0.05) {
            out.push(make(id, "finished"));
        }
        if self.gap(dice, 0.03) {
            out.push(make(&format!("{id}x"), "cancelled"));
        }
    }

    fn conditions(&self, person: &Person, dice: &mut Dice, out: &mut Vec<Value>) {
        let local = self.profile == Profile::OtherCodes;
        let chronic = [
            (person.diabetes, "dm", if local { (ICD_10_GM, "E11.90") } else { (SNOMED, "44054006") }),
            (person.hypertension, "ht", if local { (ICD_10_GM, "I10.00") } else { (SNOMED, "38341003") }),
            (dice.chance(0.12), "cold", if local { (ICD_10_GM, "J06.9") } else { (SNOMED, "195662009") }),
        ];
        for (present, suffix, code) in chronic {
            let day = onset(person, dice);
            if present {
                let onset = if self.gap(dice, 0.3) { format!("{:04}", date(day).year()) } else { instant(day, 540) };
                out.push(self.condition(suffix, code, &onset, day, "confirmed"));
                if self.gap(dice, 0.05) {
                    out.push(self.condition(suffix, code, &onset, day, "confirmed"));
                }
            } else if suffix != "cold" && self.gap(dice, 0.02) {
                // recorded for the wrong patient and taken back
                out.push(self.condition(suffix, code, &instant(day, 540), day, "entered-in-error"));
            }
        }
    }

    fn condition(&self, suffix: &str, (system, code): (&str, &str), onset: &str, day: i32, verification: &str) -> Value {
        let short_illness = suffix == "cold";
        let mut resource = json!({
            "resourceType": "Condition",
            "id": format!("{}-{suffix}", self.patient),
            "meta": {"lastUpdated": instant(day, 600)},
            "verificationStatus": coding("http://terminology.hl7.org/CodeSystem/condition-ver-status", verification),
            "code": coding(system, code),
            "subject": self.subject(),
            "onsetDateTime": onset,
            "recordedDate": instant(day, 600),
        });
        if verification != "entered-in-error" {
            let clinical = if short_illness { "resolved" } else { "active" };
            resource["clinicalStatus"] = coding("http://terminology.hl7.org/CodeSystem/condition-clinical", clinical);
        }
        if short_illness {
            resource["abatementDateTime"] = json!(instant(day + 9, 540));
        }
        resource
    }

    fn measured(&mut self, measured: Measured, encounter: &str, visit: &Visit, dice: &mut Dice, out: &mut Vec<Value>) {
        let local = self.profile == Profile::OtherCodes;
        let bodies = match measured {
            Measured::Hba1c(tenths) if local => {
                // IFCC = (NGSP - 2.15) / 0.0915, whole numbers as German laboratories report it
                let ifcc = ((f64::from(tenths) / 10.0 - 2.15) / 0.0915).round() as i32;
                vec![json!({"code": coding(LOINC, "59261-8"), "category": [coding(CATEGORY, "laboratory")],
                    "valueQuantity": {"value": ifcc, "unit": "mmol/mol", "system": UCUM, "code": "mmol/mol"}})]
            }
            Measured::Hba1c(tenths) => vec![quantity("4548-4", "laboratory", json!(f64::from(tenths) / 10.0), "%")],
            Measured::Bmi(tenths) => vec![quantity("39156-5", "vital-signs", json!(f64::from(tenths) / 10.0), "kg/m2")],
            Measured::Pressure(systolic, diastolic) if local => {
                [("8480-6", systolic), ("8462-4", diastolic)].map(|(code, value)| bare_pressure(code, value)).to_vec()
            }
            Measured::Pressure(systolic, diastolic) => vec![panel(systolic, diastolic)],
            Measured::Smoker(smoker) => vec![smoking(smoker, local)],
        };
        for body in bodies {
            self.observation(body, encounter, visit, dice, out);
        }
    }

    /// Completes an observation; in profile `small-gaps` with the accidents of real records.
    fn observation(&mut self, mut body: Value, encounter: &str, visit: &Visit, dice: &mut Dice, out: &mut Vec<Value>) {
        let id = format!("{}-o{}", self.patient, self.observations);
        self.observations += 1;
        let when = instant(capped(visit.day), visit.minute + 5);
        let when = if self.gap(dice, 0.02) { when.chars().take(7).collect() } else { when };
        let fields = [
            ("resourceType", json!("Observation")),
            ("id", json!(id)),
            ("meta", json!({"lastUpdated": instant(visit.day, visit.minute + 90)})),
            ("status", json!("final")),
            ("subject", self.subject()),
            ("encounter", json!({"reference": format!("Encounter/{encounter}")})),
            ("effectiveDateTime", json!(when)),
        ];
        for (name, value) in fields {
            body[name] = value;
        }
        if self.gap(dice, 0.08) {
            for quantity in quantities(&mut body) {
                *quantity = json!({"value": quantity["value"].clone()});
            }
        }
        if self.gap(dice, 0.04) {
            let mut wrong = with_value(&body, 9999);
            wrong["id"] = json!(format!("{id}x"));
            wrong["status"] = json!("entered-in-error");
            out.push(wrong);
        }
        if self.gap(dice, 0.05) {
            // a preliminary version under the same id, with another value, before or after the one that counts
            let mut earlier = with_value(&body, 7);
            earlier["status"] = json!("preliminary");
            earlier["meta"]["lastUpdated"] = json!(instant(visit.day, visit.minute + 10));
            let before = dice.chance(0.5);
            out.extend(if before { [earlier, body] } else { [body, earlier] });
        } else {
            out.push(body);
        }
    }
}

fn quantity(code: &str, category: &str, value: Value, unit: &str) -> Value {
    json!({"code": coding(LOINC, code), "category": [coding(CATEGORY, category)],
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}})
}

fn bare_pressure(code: &str, value: i32) -> Value {
    json!({"code": coding(LOINC, code), "category": [coding(CATEGORY, "vital-signs")], "valueQuantity": {"value": value, "unit": "mmHg"}})
}

fn panel(systolic: i32, diastolic: i32) -> Value {
    let part = |code: &str, value: i32| json!({"code": coding(LOINC, code), "valueQuantity": {"value": value, "unit": "mm[Hg]", "system": UCUM, "code": "mm[Hg]"}});
    json!({"code": coding(LOINC, "85354-9"), "category": [coding(CATEGORY, "vital-signs")],
        "component": [part("8480-6", systolic), part("8462-4", diastolic)]})
}

fn smoking(smoker: Smoker, local: bool) -> Value {
    let (system, code) = match (smoker, local) {
        (Smoker::Never, false) => (SNOMED, "266919005"),
        (Smoker::Former, false) => (SNOMED, "8517006"),
        (Smoker::Current, false) => (SNOMED, "449868002"),
        (Smoker::Never, true) => (LOCAL_SMOKING, "NR"),
        (Smoker::Former, true) => (LOCAL_SMOKING, "EX"),
        (Smoker::Current, true) => (LOCAL_SMOKING, "RA"),
    };
    json!({"code": coding(LOINC, "72166-2"), "category": [coding(CATEGORY, "social-history")], "valueCodeableConcept": coding(system, code)})
}

/// The quantities of an observation, its components' included.
fn quantities(body: &mut Value) -> Vec<&mut Value> {
    if body.get("valueQuantity").is_some() {
        return body.get_mut("valueQuantity").into_iter().collect();
    }
    let components = body.get_mut("component").and_then(Value::as_array_mut);
    components.into_iter().flatten().filter_map(|c| c.get_mut("valueQuantity")).collect()
}

fn with_value(body: &Value, value: i32) -> Value {
    let mut copy = body.clone();
    for quantity in quantities(&mut copy) {
        quantity["value"] = json!(value);
    }
    copy
}
