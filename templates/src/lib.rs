//! Every prompt of Catena, as [Tera](https://keats.github.io/tera/) templates compiled in.
//!
//! A template's head comment says which paper's prompt it follows, its variables and the form of
//! the answer. The files are in a folder for each system; [`get`] finds one by `folder/name`.

#![forbid(unsafe_code)]

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        /// The names of all templates.
        pub const NAMES: &[&str] = &[$($name),+];

        /// The text of the template `name`, such as `chain/worker_query`.
        pub fn get(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("../", $name, ".tera"))),)+
                _ => None,
            }
        }
    };
}

templates![
    "chain/judge_query",
    "chain/judge_summary",
    "chain/manager_query",
    "chain/manager_summary",
    "chain/worker_query",
    "chain/worker_query_written",
    "chain/worker_summary",
    "full_context/query",
    "memory/answer",
    "memory/digest",
    "memory/enough",
    "memory/facts",
    "memory/need",
    "memory/segment",
    "memory/summary",
    "patent/abstract",
    "patent/background",
    "patent/choose",
    "patent/claims",
    "patent/details",
    "patent/examine",
    "patent/paper_component",
    "patent/paper_plan",
    "patent/paper_retrieve",
    "patent/paper_review",
    "patent/paper_revise",
    "patent/paper_write",
    "patent/plan",
    "patent/revise",
    "patent/summary",
    "patent/title",
    "patent/write",
    "patent/zero_shot",
    "repair/again",
    "repair/classify",
    "repair/correct",
    "repair/critique",
    "repair/critique_paper",
    "repair/program",
    "tool_use/json",
    "tool_use/last",
    "tool_use/native",
    "tool_use/result",
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_template_has_a_head_comment() {
        for name in super::NAMES {
            let text = super::get(name).unwrap();
            assert!(text.starts_with("{#"), "{name}");
        }
        assert_eq!(super::get("chain/none"), None);
    }
}
