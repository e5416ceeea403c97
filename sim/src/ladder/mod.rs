//! Ladder diagrams: every message of a call on one page, for a browser.
//!
//! [`Ladder`] is the data, [`Ladder::to_html`] one self-contained page of it, with bodies on
//! click and nothing to load from elsewhere.

#[cfg(test)]
mod contrast;

use std::time::{Duration, Instant};

use offhook::report::{Channel, TraceDirection, TraceRecord};
use serde::Serialize;

const PAGE: &str = include_str!("page.html");
/// Rows of one page; more are left out, and the page says so.
pub const MAX_ROWS: usize = 5_000;

/// A diagram.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ladder {
    /// The title of the page.
    pub title: String,
    /// Facts for the head of the page: name and value.
    pub summary: Vec<(String, String)>,
    /// The phones' names, where there is more to say than that it is one.
    phones: Vec<String>,
    /// Messages and milestones, in order of time.
    rows: Vec<Row>,
    /// The number of rows that did not fit.
    left_out: usize,
}

/// One line of a diagram.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Milliseconds since the beginning.
    pub at_ms: f64,
    /// The phone, by its number in the diagram.
    pub phone: usize,
    /// The kind of row.
    #[serde(flatten)]
    pub kind: Kind,
}

/// The kind of a row, with what it shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Kind {
    /// A message on the wire.
    Message {
        /// `xmpp`, `notices`, `rest` or `media`: each has a lane, where there is something on it.
        channel: &'static str,
        /// True if the phone sent it.
        sent: bool,
        /// The message in a few words.
        text: String,
        /// The call or session that it belongs to.
        about: Option<String>,
        /// Its content.
        body: String,
    },
    /// Something that became so.
    Milestone {
        /// The words.
        text: String,
        /// The state that the call is in from here on.
        state: State,
    },
}

/// States that a call's lifeline is coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// No call.
    Idle,
    /// Ringing, here or there.
    Ringing,
    /// Taken; media is looking for its path.
    Connecting,
    /// Media flows, and both are heard.
    Talking,
    /// Connected, but no media flows: nobody is heard.
    Silent,
    /// Muted in the service.
    Muted,
    /// On hold.
    Held,
}

/// Builds a [`Ladder`] as things happen.
#[derive(Clone, Debug)]
pub struct LadderBuilder {
    start: Instant,
    ladder: Ladder,
}

impl LadderBuilder {
    /// A diagram that begins at an instant.
    #[must_use]
    pub fn new(title: impl Into<String>, start: Instant) -> Self {
        let ladder = Ladder { title: title.into(), ..Ladder::default() };
        Self { start, ladder }
    }

    /// Names the phones, each a lane of its own.
    pub fn phones(&mut self, names: Vec<String>) {
        self.ladder.phones = names;
    }

    /// Adds a message of the first phone.
    pub fn message(&mut self, record: &TraceRecord) {
        self.message_of(0, record);
    }

    /// Adds a message of a phone, by its place among the names.
    pub fn message_of(&mut self, phone: usize, record: &TraceRecord) {
        let channel = match record.channel {
            Channel::Xmpp => "xmpp",
            Channel::Notification => "notices",
            Channel::Rest => "rest",
            Channel::Media => "media",
        };
        self.add(
            phone,
            record.at,
            Kind::Message {
                channel,
                sent: record.direction == TraceDirection::Sent,
                text: record.summary.clone(),
                about: record.about.clone(),
                body: record.body.clone(),
            },
        );
    }

    /// Adds a milestone of the first phone.
    pub fn milestone(&mut self, at: Instant, text: impl Into<String>, state: State) {
        self.milestone_of(0, at, text, state);
    }

    /// Adds a milestone of a phone, by its place among the names.
    pub fn milestone_of(
        &mut self,
        phone: usize,
        at: Instant,
        text: impl Into<String>,
        state: State,
    ) {
        self.add(phone, at, Kind::Milestone { text: text.into(), state });
    }

    fn add(&mut self, phone: usize, at: Instant, kind: Kind) {
        if self.ladder.rows.len() >= MAX_ROWS {
            self.ladder.left_out += 1;
            return;
        }
        let at_ms = millis(at.saturating_duration_since(self.start));
        self.ladder.rows.push(Row { at_ms, phone, kind });
    }

    /// The diagram, with facts for its head.
    #[must_use]
    pub fn finish(mut self, summary: Vec<(String, String)>) -> Ladder {
        self.ladder.summary = summary;
        self.ladder.rows.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
        self.ladder
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

impl Ladder {
    /// The messages and milestones, in order of time.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The same data as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// A page for a browser, complete in itself.
    #[must_use]
    pub fn to_html(&self) -> String {
        PAGE.replacen("{{title}}", &escape(&self.title), 1).replacen(
            "{{data}}",
            &embed(&serde_json::to_string(self).unwrap_or_default()),
            1,
        )
    }
}

/// Text between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON within a script element: without `<`, nothing in it can end the element.
fn embed(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(at: Instant, body: &str) -> TraceRecord {
        TraceRecord::new(at, TraceDirection::Sent, Channel::Xmpp, "propose").body(body)
    }

    fn data(html: &str) -> serde_json::Value {
        let start = html.find("id=\"data\">").unwrap() + "id=\"data\">".len();
        let end = start + html[start..].find("</script>").unwrap();
        serde_json::from_str(&html[start..end]).unwrap()
    }

    #[test]
    fn rows_come_in_order_of_time() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut builder = LadderBuilder::new("a call", start);
        builder.milestone(start + ms(20), "talking", State::Talking);
        builder.message(&record(start + ms(10), "<a/>"));
        let ladder = builder.finish(vec![("loss".into(), "0".into())]);
        let times: Vec<_> = ladder.rows().iter().map(|row| row.at_ms).collect();
        assert_eq!(times, [10.0, 20.0]);
        assert_eq!(data(&ladder.to_html())["rows"][1]["state"], "talking");
        assert!(ladder.to_json().contains("\"loss\""));
    }

    #[test]
    fn a_page_is_bounded_and_says_what_is_missing() {
        let start = Instant::now();
        let mut builder = LadderBuilder::new("", start);
        for _ in 0..MAX_ROWS + 3 {
            builder.message(&record(start, ""));
        }
        let ladder = builder.finish(Vec::new());
        assert_eq!((ladder.rows().len(), ladder.left_out), (MAX_ROWS, 3));
    }

    #[test]
    fn each_channel_has_a_lane_of_its_own() {
        let start = Instant::now();
        let mut builder = LadderBuilder::new("", start);
        let channels = [Channel::Xmpp, Channel::Notification, Channel::Rest, Channel::Media];
        for channel in channels {
            builder.message(&TraceRecord::new(start, TraceDirection::Received, channel, ""));
        }
        let html = builder.finish(Vec::new()).to_html();
        let data = data(&html);
        let told: Vec<_> =
            (0..4).map(|row| data["rows"][row]["channel"].as_str().unwrap()).collect();
        assert_eq!(told, ["xmpp", "notices", "rest", "media"]);
        for channel in told {
            assert!(
                html.contains(&format!("value=\"{channel}\" checked")),
                "no choice of {channel}"
            );
            assert!(
                html.contains(&format!(".{channel} {{ --tone: var(--{channel}); }}")),
                "{channel}"
            );
            assert!(html.contains(&format!("['{channel}', '")), "{channel} has no lane");
        }
    }

    #[test]
    fn a_page_loads_nothing() {
        let html = LadderBuilder::new("x", Instant::now()).finish(Vec::new()).to_html();
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_the_page(
            title in ".*",
            body in "(.|</script>|<!--|\\{\\{data\\}\\}|\u{2028}){0,20}",
        ) {
            let start = Instant::now();
            let mut builder = LadderBuilder::new(title.replace("{{data}}", ""), start);
            builder.message(&record(start, &body));
            let html = builder.finish(Vec::new()).to_html();
            let data = data(&html);
            prop_assert_eq!(data["rows"][0]["body"].as_str(), Some(&*body));
            prop_assert_eq!(html.matches("</script>").count(), PAGE.matches("</script>").count());
        }
    }
}
