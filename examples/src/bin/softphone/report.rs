//! The report of a call that is over, as lines.

use serde_json::Value;

/// The figures and times of a report, one a line: `timeline.answered.after_ms 1200`.
pub(crate) fn lines(report: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    collect(&mut lines, "", report);
    lines
}

fn collect(lines: &mut Vec<String>, path: &str, value: &Value) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| collect(lines, &below(key), value));
        }
        Value::Array(values) => {
            values
                .iter()
                .enumerate()
                .for_each(|(n, value)| collect(lines, &below(&n.to_string()), value));
        }
        Value::String(text) => lines.push(format!("{path}  {text}")),
        Value::Number(number) if number.is_f64() => {
            lines.push(format!("{path}  {:.3}", number.as_f64().unwrap_or_default()));
        }
        value => lines.push(format!("{path}  {value}")),
    }
}
