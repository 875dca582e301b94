//! Questions to a person: the plan and the claims, to be approved or changed.

use catena_core::{Context, Error, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    super::{Finding, PatentClaim},
    claims,
    tree::PgTree,
};

/// What is asked.
#[derive(Serialize)]
struct Question<'a, T> {
    /// As a person reads and changes it.
    text: String,
    /// As data.
    value: &'a T,
    /// What the validators say of it.
    findings: &'a [Finding],
    /// What the answer may be.
    answer: &'static str,
}

/// Something that a person approves as it is, or changes.
trait Approvable: Serialize + DeserializeOwned {
    fn written(&self) -> String;
    fn read(text: &str) -> Result<Self>;
}

impl Approvable for PgTree {
    fn written(&self) -> String {
        self.to_markdown()
    }

    fn read(text: &str) -> Result<Self> {
        Self::from_markdown(text)
    }
}

impl Approvable for Vec<PatentClaim> {
    fn written(&self) -> String {
        claims::listed(self)
    }

    fn read(text: &str) -> Result<Self> {
        claims::parse(text)
    }
}

/// The answer: read here, so that one that cannot be read leaves the question open.
enum Approval<T> {
    AsItIs,
    Changed(T),
}

impl<'de, T: Approvable> Deserialize<'de> for Approval<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match Value::deserialize(deserializer)? {
            Value::Bool(true) => Ok(Self::AsItIs),
            Value::String(text) => T::read(&text).map(Self::Changed).map_err(D::Error::custom),
            Value::Bool(false) | Value::Null => Err(D::Error::custom(
                "answer `true`, or with the changed text; to stop for good, leave the question open",
            )),
            other => serde_json::from_value(other)
                .map(Self::Changed)
                .map_err(D::Error::custom),
        }
    }
}

async fn approved<T: Approvable>(
    name: &str,
    value: T,
    findings: &[Finding],
    cx: &Context,
) -> Result<T> {
    let question = Question {
        text: value.written(),
        value: &value,
        findings,
        answer: "true, or the changed text",
    };
    Ok(match cx.interrupt::<Approval<T>>(name, &question).await? {
        Approval::AsItIs => value,
        Approval::Changed(changed) => changed,
    })
}

/// Asks about the plan.
pub(super) async fn plan(plan: PgTree, cx: &Context) -> Result<PgTree> {
    let plan = approved("plan", plan, &[], cx).await?;
    match plan.sections.is_empty() {
        true => Err(Error::invalid("the approved plan has no section")),
        false => Ok(plan),
    }
}

/// Asks about the claims.
pub(super) async fn claims(
    claims: Vec<PatentClaim>,
    findings: &[Finding],
    cx: &Context,
) -> Result<Vec<PatentClaim>> {
    let claims = approved("claims", claims, findings, cx).await?;
    match claims.is_empty() {
        true => Err(Error::invalid("there is no claim among those approved")),
        false => Ok(claims),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_true_or_a_text_or_data() {
        let read = |json: Value| serde_json::from_value::<Approval<Vec<PatentClaim>>>(json);
        assert!(matches!(read(true.into()), Ok(Approval::AsItIs)));
        assert!(
            matches!(read("1. A cup.".into()), Ok(Approval::Changed(claims)) if claims.len() == 1)
        );
        let data = serde_json::json!([{"number": 1, "text": "A cup."}]);
        assert!(matches!(read(data), Ok(Approval::Changed(claims)) if claims.len() == 1));
        for wrong in [Value::Null, false.into(), "no claim".into(), 3.into()] {
            assert!(read(wrong).is_err());
        }
    }
}
