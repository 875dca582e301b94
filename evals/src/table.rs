//! Tables of strategies against metrics, for a terminal, a README and a program.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Summary;

/// One strategy and its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name of the strategy.
    pub strategy: String,
    /// Its scores, in the order in which they were added.
    pub scores: Vec<Score>,
}

/// The score of a strategy by one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The name of the metric: the heading of its column.
    pub metric: String,
    /// The score; from 0 to 1, shown in per cent.
    #[serde(flatten)]
    pub summary: Summary,
}

impl Row {
    /// A row without scores.
    pub fn new(strategy: impl Into<String>) -> Self {
        Self {
            strategy: strategy.into(),
            scores: Vec::new(),
        }
    }

    /// Adds the score by a metric, or replaces it.
    pub fn push(&mut self, metric: impl ToString, summary: Summary) {
        let metric = metric.to_string();
        self.scores.retain(|score| score.metric != metric);
        self.scores.push(Score { metric, summary });
    }

    fn score(&self, metric: &str) -> Option<&Summary> {
        self.scores
            .iter()
            .find(|score| score.metric == metric)
            .map(|score| &score.summary)
    }
}

/// Strategies against metrics.
///
/// [`Display`](fmt::Display) aligns it for a terminal; [`markdown`](Self::markdown) and
/// [`json`](Self::json) are for files. A cell holds mean and interval in per cent,
/// `41.2 [30.1, 52.0]`; one that was measured on fewer or more items than the first of its row
/// says on how many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The strategies, top to bottom.
    pub rows: Vec<Row>,
}

impl FromIterator<Row> for Table {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        Self {
            rows: rows.into_iter().collect(),
        }
    }
}

impl Table {
    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let cells = self.cells();
        let mut lines = Vec::with_capacity(cells.len() + 1);
        for (index, row) in cells.iter().enumerate() {
            let escaped: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            lines.push(format!("| {} |", escaped.join(" | ")));
            if index == 0 {
                let rule: Vec<_> = (0..row.len())
                    .map(|column| if column == 0 { "---" } else { "---:" })
                    .collect();
                lines.push(format!("| {} |", rule.join(" | ")));
            }
        }
        lines.join("\n") + "\n"
    }

    /// The table as one JSON object: `rows`, each with `strategy` and `scores` of `metric`, `n`,
    /// `mean`, `low` and `high`.
    pub fn json(&self) -> String {
        // Neither a map with keys that are not strings nor a failing writer is involved.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Headings and rows, as text.
    fn cells(&self) -> Vec<Vec<String>> {
        let mut metrics: Vec<&str> = Vec::new();
        for score in self.rows.iter().flat_map(|row| &row.scores) {
            if !metrics.contains(&score.metric.as_str()) {
                metrics.push(&score.metric);
            }
        }
        let head = ["strategy", "n"].into_iter().chain(metrics.iter().copied());
        let mut cells = vec![head.map(str::to_owned).collect::<Vec<_>>()];
        for row in &self.rows {
            let n = row.scores.first().map(|score| score.summary.n);
            let mut line = vec![
                row.strategy.clone(),
                n.map_or("–".to_owned(), |n| n.to_string()),
            ];
            line.extend(metrics.iter().map(|metric| cell(row.score(metric), n)));
            cells.push(line);
        }
        cells
    }
}

fn cell(summary: Option<&Summary>, n: Option<usize>) -> String {
    let Some(summary) = summary else {
        return "–".to_owned();
    };
    let [mean, low, high] = [summary.mean, summary.low, summary.high].map(|share| share * 100.0);
    let text = format!("{mean:.1} [{low:.1}, {high:.1}]");
    if Some(summary.n) == n {
        text
    } else {
        format!("{text} n={}", summary.n)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.cells();
        let mut widths: Vec<usize> = Vec::new();
        for row in &cells {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &cells {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    line.push_str(&format!("{cell:<width$}"));
                } else {
                    line.push_str(&format!("  {cell:>width$}"));
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let summary = |n, mean, low, high| Summary { n, mean, low, high };
        let mut chain = Row::new("chain|8k");
        chain.push("F1", summary(30, 0.5362, 0.401, 0.67));
        chain.push("EM", summary(28, 0.5, 0.3, 0.7));
        let mut vanilla = Row::new("vanilla");
        vanilla.push("F1", summary(30, 0.05, 0.0, 0.1));
        Table::from_iter([chain, vanilla])
    }

    #[test]
    fn text_is_aligned() {
        assert_eq!(
            table().to_string(),
            "strategy   n                 F1                      EM\n\
             chain|8k  30  53.6 [40.1, 67.0]  50.0 [30.0, 70.0] n=28\n\
             vanilla   30    5.0 [0.0, 10.0]                       –\n",
        );
    }

    #[test]
    fn markdown_is_escaped() {
        assert_eq!(
            table().markdown(),
            "| strategy | n | F1 | EM |\n\
             | --- | ---: | ---: | ---: |\n\
             | chain\\|8k | 30 | 53.6 [40.1, 67.0] | 50.0 [30.0, 70.0] n=28 |\n\
             | vanilla | 30 | 5.0 [0.0, 10.0] | – |\n",
        );
    }

    #[test]
    fn json_reads_back() {
        let json = table().json();
        assert!(
            json.contains("\"metric\": \"F1\",\n          \"n\": 30,\n          \"mean\": 0.5362"),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Table>(&json).unwrap(), table());
    }

    #[test]
    fn a_metric_has_one_score_a_row() {
        let mut row = Row::new("x");
        row.push(
            "F1",
            Summary {
                n: 1,
                mean: 0.0,
                low: 0.0,
                high: 0.0,
            },
        );
        row.push(
            "F1",
            Summary {
                n: 2,
                mean: 1.0,
                low: 1.0,
                high: 1.0,
            },
        );
        assert_eq!(row.scores.len(), 1);
        assert_eq!(row.scores[0].summary.n, 2);
    }

    #[test]
    fn an_empty_table_is_its_head() {
        assert_eq!(Table::default().to_string(), "strategy  n\n");
    }
}
