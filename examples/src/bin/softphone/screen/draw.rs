//! The screen as it is drawn. Words and signs say everything; colours, where there may be any, say it again.

use std::time::Duration;

use offhook::media::PathState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::calls::{Call, Meeting, Sounds};
use super::keys::{ALWAYS, Entry, HELP, Kind, Menu};
use super::log::{Page, What};
use super::{Meter, Mode, Screen, Status};
use crate::news::{Network, Person, Phase, clock};

/// The least size, in columns and rows.
const LEAST: (u16, u16) = (80, 24);
/// The characters of a meter.
const METER: usize = 14;
/// The loudness at which a meter begins, in dB of full scale.
const QUIET: f32 = -60.0;

/// The meaning of a colour.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Warns,
    Bad,
    Faint,
}

impl Screen {
    /// Draws it.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            self.draw_small(frame, area);
            return;
        }
        // All keys of the help have a row of their own.
        let bar = if self.mode == Mode::Help { 1 } else { 2 };
        let rows = [
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(1),
            Constraint::Length(bar),
        ];
        let [head, body, status, bar] = Layout::vertical(rows).areas(area);
        self.draw_head(frame, head);
        match &self.mode {
            Mode::Help => self.draw_help(frame, body),
            Mode::Log(page) => self.draw_log(frame, body, *page),
            Mode::Menu(menu) => self.draw_menu(frame, body, menu),
            Mode::Calls | Mode::Prompt(_) | Mode::Stale | Mode::Ends => {
                self.draw_body(frame, body);
            }
        }
        self.draw_status(frame, status);
        self.draw_bar(frame, bar);
    }

    fn tone(&self, tone: Tone) -> Style {
        let (color, modifier) = match tone {
            Tone::Good => (Color::Green, Modifier::BOLD),
            Tone::Warns => (Color::Yellow, Modifier::BOLD | Modifier::REVERSED),
            Tone::Bad => (Color::Red, Modifier::BOLD),
            Tone::Faint => (Color::Reset, Modifier::DIM),
        };
        let style = Style::new().add_modifier(modifier);
        if self.colours { style.fg(color) } else { style }
    }

    fn draw_small(&self, frame: &mut Frame<'_>, area: Rect) {
        let state = self.calls.current().map_or("no call", |call| call.state().1);
        let rings = if self.rings().is_some() { "A CALL RINGS: a answers" } else { state };
        let lines = [
            format!("This window is {} by {}.", area.width, area.height),
            format!("The phone wants {} by {}.", LEAST.0, LEAST.1),
            "Calls go on; keys work.".to_owned(),
            rings.to_owned(),
        ];
        frame.render_widget(Paragraph::new(lines.map(Line::from).to_vec()), area);
    }

    fn draw_head(&self, frame: &mut Frame<'_>, area: Rect) {
        let covered = !matches!(self.mode, Mode::Calls | Mode::Prompt(_));
        if let Some(call) = self.calls.ringing().filter(|_| covered) {
            let width = usize::from(area.width);
            let who = fit(&call.who.to_string(), width.saturating_sub(36));
            let line = format!(" ! RINGING: {who}   (Esc, then a answers)");
            let line = format!("{line}{}", " ".repeat(width.saturating_sub(columns(&line))));
            frame.render_widget(Span::styled(line, self.tone(Tone::Warns)), area);
            return;
        }
        let (network, tone) = match &self.network {
            Network::Up => ("network: up".to_owned(), Tone::Good),
            Network::Lost(why) => (format!("network: DOWN, {why}"), Tone::Bad),
        };
        let presence = self.presence.as_ref().map_or_else(String::new, |is| format!("you: {is}  "));
        let title = Span::styled(format!(" offhook  {}", self.title), Modifier::BOLD);
        frame.render_widget(title, area);
        let style = self.tone(tone);
        let right = Line::from(vec![
            Span::raw(format!("  {presence}")),
            Span::styled(network, style),
            Span::raw(" "),
        ]);
        let width = u16::try_from(right.width()).unwrap_or(area.width).min(area.width);
        let place = Rect { x: area.right() - width, width, ..area };
        frame.render_widget(Clear, place);
        frame.render_widget(right, place);
    }

    fn draw_body(&self, frame: &mut Frame<'_>, area: Rect) {
        let rows = [Constraint::Min(7), Constraint::Length(5), Constraint::Length(6)];
        let [calls, figures, said] = Layout::vertical(rows).areas(area);
        let columns = [Constraint::Percentage(54), Constraint::Min(0)];
        let [sound, quality] = Layout::horizontal(columns).areas(figures);
        self.draw_calls(frame, calls);
        self.draw_sound(frame, sound);
        self.draw_quality(frame, quality);
        match self.calls.current().and_then(|call| call.meeting.as_ref()) {
            Some(meeting) => self.draw_people(frame, said, meeting),
            None => self.draw_said(frame, said),
        }
    }

    fn draw_calls(&self, frame: &mut Frame<'_>, area: Rect) {
        let calls = self.calls.all();
        let room = usize::from(area.height.saturating_sub(2));
        let at = calls.iter().position(|call| self.calls.is_current(call)).unwrap_or(0);
        let from = (at + 1).saturating_sub(room);
        let shown = calls.iter().enumerate().skip(from).take(room);
        let mut lines: Vec<_> =
            shown.map(|(n, call)| self.call_line(n, call, area.width - 2)).collect();
        if lines.is_empty() {
            lines.push(Line::from("  no calls"));
            if let Some(last) = self.calls.last() {
                let time = clock(last.ended.saturating_sub(last.began));
                let line = format!("  the last: {}, {time}, over: {}", last.who, last.why);
                let line = fit(&line, usize::from(area.width.saturating_sub(2)));
                lines.push(Line::styled(line, self.tone(Tone::Faint)));
            }
        }
        let title = match calls.len() {
            0 => " Calls ".to_owned(),
            count => format!(" Calls: {count} "),
        };
        frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
    }

    fn call_line(&self, n: usize, call: &Call, width: u16) -> Line<'static> {
        let mark = if self.calls.is_current(call) { '>' } else { ' ' };
        let (sign, word) = call.state();
        let tone = match (call.phase, call.sound) {
            (Phase::Rings, _) => self.tone(Tone::Warns),
            (Phase::Up, Sounds::Stopped) => self.tone(Tone::Bad),
            (Phase::Up, Sounds::Flows) if !call.held && !call.held_by_them => self.tone(Tone::Good),
            _ => Style::new(),
        };
        let time = clock(self.now.saturating_sub(call.since));
        let mut facts = Vec::new();
        if call.muted {
            facts.push("MUTED".to_owned());
        }
        if call.held && call.held_by_them {
            facts.push("held by both".to_owned());
        }
        if let Some(Meeting { film: Some(_), .. }) = &call.meeting {
            facts.push("FILMED".to_owned());
        }
        if let Some((whom, to_them)) = &call.consults {
            facts.push(if *to_them { format!("to {whom}") } else { "to the caller".to_owned() });
        }
        if !call.pressed.is_empty() {
            facts.push(format!("sent {}", call.pressed));
        }
        let facts = fit(&facts.join(", "), 34);
        let begin = format!("{mark}{} ", n + 1);
        let state = format!("{sign} {word:<12}");
        let taken = Span::raw(format!("{begin}{state}{time:>8}    {facts}")).width();
        let who = fit(&call.who.to_string(), usize::from(width).saturating_sub(taken));
        Line::from(vec![
            Span::raw(begin),
            Span::styled(state, tone),
            Span::raw(format!("{time:>8}  {who}  ")),
            Span::styled(facts, Modifier::BOLD),
        ])
    }

    fn draw_sound(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = self.with_headset(Block::bordered().title(" Sound "), area);
        if self.sound.off {
            frame.render_widget(
                Paragraph::new(" no devices are used (--no-sound)").block(block),
                area,
            );
            return;
        }
        let (mic, far) = (&self.sound.microphone, &self.sound.speaker);
        let bell = self.sound.bell.as_deref().unwrap_or("default speaker");
        let bell = fit(bell, 16);
        let wanted = self.calls.all().iter().any(|call| call.phase == Phase::Up);
        let late = (mic.late + far.late).as_millis();
        let glitches = mic.glitches + far.glitches;
        let lines = vec![
            Line::from(meter("mic", mic, wanted)),
            Line::from(meter("far", far, wanted)),
            Line::from(format!("ring {bell:<16} late {late} ms, gaps {glitches}")),
        ];
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    /// A block with the headset at its bottom.
    fn with_headset<'a>(&self, block: Block<'a>, area: Rect) -> Block<'a> {
        match &self.headset {
            Some(words) => {
                let room = usize::from(area.width.saturating_sub(4));
                block.title_bottom(format!(" {} ", fit(words, room)))
            }
            None => block,
        }
    }

    fn draw_quality(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" Quality of this call ");
        let Some(call) = self.calls.current() else {
            frame.render_widget(Paragraph::new(" no call").block(block), area);
            return;
        };
        let (path, tone) = match call.path {
            // Only another one than a good one is told.
            None if call.sound == Sounds::NotYet => ("not known yet", Style::new()),
            None | Some(PathState::Good) => ("good", self.tone(Tone::Good)),
            Some(PathState::Shaky) => ("SHAKY: much is lost", self.tone(Tone::Bad)),
            Some(PathState::Lost) => ("LOST: another is looked for", self.tone(Tone::Bad)),
            Some(PathState::Failed) => ("FAILED: none was found", self.tone(Tone::Bad)),
        };
        let mut lines = vec![Line::from(vec![Span::raw(" path "), Span::styled(path, tone)])];
        match &call.quality {
            None => lines.push(Line::from(" no figures yet")),
            Some(quality) => {
                let (word, tone) = match quality.mos {
                    4.0.. => ("good", Tone::Good),
                    3.5.. => ("fair", Tone::Warns),
                    _ => ("BAD", Tone::Bad),
                };
                lines.push(Line::from(vec![
                    Span::raw(format!(" MOS {:.1} ", quality.mos)),
                    Span::styled(word, self.tone(tone)),
                    Span::raw(format!("   loss {:.1} %", quality.loss * 100.0)),
                ]));
                let (latency, jitter) = (quality.latency.as_millis(), quality.jitter.as_millis());
                lines.push(Line::from(format!(" latency {latency} ms   jitter {jitter} ms")));
            }
        }
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn draw_said(&self, frame: &mut Frame<'_>, area: Rect) {
        let room = usize::from(area.height.saturating_sub(2));
        let mut lines: Vec<_> = self.log.lines().rev().take(room).map(said).collect();
        lines.reverse();
        frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Log ")), area);
    }

    fn draw_people(&self, frame: &mut Frame<'_>, area: Rect, meeting: &Meeting) {
        let (room, width) = (usize::from(area.height.saturating_sub(2)), usize::from(area.width));
        let line = |one: &Person| {
            let style = if one.speaks { self.tone(Tone::Good) } else { Style::new() };
            Line::styled(format!(" {}", fit(&person(one), width.saturating_sub(3))), style)
        };
        let lines: Vec<_> = meeting.people.iter().take(room).map(line).collect();
        let title = match meeting.people.len() {
            0 => " People: not told yet ".to_owned(),
            count if count > room => format!(" People: {count} (M shows all) "),
            count => format!(" People: {count} "),
        };
        let block = Block::bordered().title(title);
        let block = match &meeting.film {
            Some(file) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                block.title_bottom(format!(" film: {} ", fit(&name, width.saturating_sub(12))))
            }
            None => block,
        };
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn draw_help(&self, frame: &mut Frame<'_>, area: Rect) {
        let line = |entry: &Entry| {
            // What does nothing now is faint, and the sign says so, too.
            let works = self.deed(entry.key).is_ok();
            let sign = if works { ' ' } else { '-' };
            let text = format!("{sign} {:<12} {:<14} {}", entry.keys, entry.word, entry.about);
            if works { Line::from(text) } else { Line::styled(text, self.tone(Tone::Faint)) }
        };
        let lines: Vec<_> = HELP.iter().chain(&ALWAYS).map(line).collect();
        let title = " Keys (-: does nothing now, and says why) ";
        let block = Block::new().borders(ratatui::widgets::Borders::TOP).title(title);
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn draw_log(&self, frame: &mut Frame<'_>, area: Rect, page: Page) {
        let lines = self.rows(page.what, area.width);
        let room = usize::from(area.height.saturating_sub(2));
        let from = page.from.min(lines.len().saturating_sub(room));
        let tabs: Vec<_> = What::ALL
            .iter()
            .map(|what| match *what == page.what {
                true => format!("[{}]", what.word().to_uppercase()),
                false => what.word().to_owned(),
            })
            .collect();
        let title = format!(" {} ", tabs.join(" | "));
        let first = (from + 1).min(lines.len());
        let count = format!(" {first}-{} of {} ", (from + room).min(lines.len()), lines.len());
        let lines: Vec<_> = lines.into_iter().skip(from).take(room).collect();
        let block = Block::bordered().title(title).title_bottom(count);
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    /// The rows of a page in a window of a width: what is longer goes on below.
    fn rows(&self, what: What, width: u16) -> Vec<Line<'static>> {
        let (lines, indent) = match what {
            What::Ladder => (self.ladder(), 22),
            What::Report => (self.report(), 2),
            What::Said => (self.log.lines().map(said).collect(), 8),
        };
        let width = usize::from(width.saturating_sub(2));
        lines
            .iter()
            .flat_map(|line| wrap(&line.to_string(), width, indent))
            .map(Line::from)
            .collect()
    }

    /// The last row from which a page can be shown, in the least window: a larger one shows more.
    pub(super) fn last_row(&self, what: What) -> usize {
        let room = usize::from(LEAST.1) - 6;
        self.rows(what, LEAST.0).len().saturating_sub(room)
    }

    /// The messages on the wire during the last call, or the one that is.
    fn ladder(&self) -> Vec<Line<'static>> {
        /// A call is proposed before it rings, and its end is told before all is said about it.
        const MARGIN: Duration = Duration::from_secs(1);
        let (began, ended) = match (self.calls.last(), self.calls.current()) {
            (Some(last), _) => (last.began, last.ended + MARGIN),
            (None, Some(call)) => (call.began, self.now),
            (None, None) => return vec![Line::from(" there was no call yet")],
        };
        let from = began.saturating_sub(MARGIN).max(self.calls.over_before(began));
        let line = |message: &super::log::Message| {
            let at = message.at.saturating_sub(from).as_secs_f64();
            let arrow = if message.sent { "phone ----->" } else { "phone <-----" };
            Line::from(format!("{at:>8.3}  {arrow} {:<7} {}", message.channel, message.summary))
        };
        let lines: Vec<_> = self.log.between(from, ended).map(line).collect();
        if lines.is_empty() { vec![Line::from(" nothing of it is kept")] } else { lines }
    }

    fn report(&self) -> Vec<Line<'static>> {
        let Some(last) = self.calls.last() else {
            return vec![Line::from(" no call is over yet")];
        };
        let time = clock(last.ended.saturating_sub(last.began));
        let mut lines = vec![
            Line::from(format!("with {}", last.who)),
            Line::from(format!("it took {time}, and is over: {}", last.why)),
        ];
        lines.extend(last.report.iter().map(|line| Line::from(line.clone())));
        lines
    }

    fn draw_menu(&self, frame: &mut Frame<'_>, area: Rect, menu: &Menu) {
        let room = usize::from(area.height.saturating_sub(2));
        let from = (menu.at + 1).saturating_sub(room);
        let line = |(n, (_, words)): (usize, &(crate::ask::Ask, String))| {
            let mark = if n == menu.at { '>' } else { ' ' };
            let style = if n == menu.at { Modifier::REVERSED } else { Modifier::empty() };
            let words = fit(words, usize::from(area.width.saturating_sub(4)));
            Line::styled(format!("{mark} {words}"), style)
        };
        let lines: Vec<_> = menu.items.iter().enumerate().skip(from).take(room).map(line).collect();
        let title = menu.kind.title();
        let block = match menu.kind {
            Kind::Presence | Kind::People => Block::bordered().title(format!(" {title} ")),
            Kind::Devices => {
                let title = format!(" {title}, volume {} ", self.sound.volume);
                self.with_headset(Block::bordered().title(title), area)
            }
        };
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn draw_status(&self, frame: &mut Frame<'_>, area: Rect) {
        if let Mode::Prompt(prompt) = &self.mode {
            let label = prompt.label();
            let why = match &self.status {
                Status::No(why) => format!("   ! {}", fit(why, usize::from(area.width) / 2)),
                Status::Said(_) => String::new(),
            };
            // The end of a long line is what is typed.
            let taken = columns(&label) + columns(&why) + 2;
            let text = tail(prompt.text(), usize::from(area.width).saturating_sub(taken));
            let line = format!(" {label}{text}");
            let width = u16::try_from(columns(&line)).unwrap_or(area.width);
            frame.set_cursor_position(Position::new(area.x + width.min(area.width - 1), area.y));
            let spans =
                vec![Span::styled(line, Modifier::BOLD), Span::styled(why, self.tone(Tone::Bad))];
            frame.render_widget(Line::from(spans), area);
            return;
        }
        let width = usize::from(area.width);
        let line = match &self.status {
            Status::Said(words) => Line::from(fit(&format!(" {words}"), width)),
            Status::No(why) => Line::styled(fit(&format!(" ! {why}"), width), self.tone(Tone::Bad)),
        };
        frame.render_widget(line, area);
    }

    fn draw_bar(&self, frame: &mut Frame<'_>, area: Rect) {
        let words: Vec<(String, &str)> = match &self.mode {
            // What is always there is there also where the others have no room.
            Mode::Calls => ALWAYS
                .iter()
                .chain(&HELP)
                .filter(|entry| self.deed(entry.key).is_ok())
                .map(|entry| (entry.keys.to_owned(), entry.word))
                .collect(),
            Mode::Prompt(_) => keys(&[
                ("Enter", "yes"),
                ("Esc", "no"),
                ("Up Down", "of before"),
                ("Ctrl-U", "empty"),
            ]),
            Mode::Menu(menu) => {
                let mut words =
                    keys(&[("Up Down", "choose"), ("Enter", "take it"), ("Esc", "back")]);
                if menu.kind == Kind::Devices {
                    words.insert(2, ("+ -".to_owned(), "volume"));
                }
                words
            }
            Mode::Log(_) => keys(&[
                ("Tab", "next page"),
                ("Up Down PageUp PageDown", "scroll"),
                ("Esc", "back"),
            ]),
            Mode::Help | Mode::Stale => keys(&[("Esc", "back")]),
            Mode::Ends => keys(&[("Ctrl-C", "at once")]),
        };
        let mut lines = vec![Line::default()];
        for (key, word) in words {
            let piece = format!(" {key} {word} ");
            let full = lines
                .last()
                .is_some_and(|line| line.width() + piece.chars().count() > usize::from(area.width));
            if full {
                lines.push(Line::default());
            }
            if let Some(line) = lines.last_mut() {
                line.push_span(Span::styled(format!(" {key}"), Modifier::BOLD));
                line.push_span(Span::raw(format!(" {word} ")));
            }
        }
        frame.render_widget(Paragraph::new(lines), area);
    }
}

fn keys(of: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    of.iter().map(|(key, word)| ((*key).to_owned(), *word)).collect()
}

fn said((at, line): &(Duration, String)) -> Line<'static> {
    Line::from(format!("{:>7} {line}", clock(*at)))
}

/// Somebody in a meeting, in a row: a long name leaves room for what is said of them.
pub(super) fn person(one: &Person) -> String {
    Person { name: fit(&one.name, Person::NAME), ..one.clone() }.to_string()
}

/// The columns that a text takes.
fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// The end of a text that fits into so many columns.
fn tail(text: &str, room: usize) -> &str {
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let mut ends = starts.filter_map(|at| text.get(at..));
    ends.find(|end| columns(end) <= room).unwrap_or_default()
}

/// A text in rows of so many columns. What goes on below is indented, and breaks between words where it can.
fn wrap(text: &str, room: usize, indent: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut rest = text;
    while columns(&row) + columns(rest) > room {
        let space = room.saturating_sub(columns(&row));
        let ends = rest.char_indices().map(|(at, _)| at).skip(1);
        let fits = ends.take_while(|at| columns(&rest[..*at]) <= space).last();
        // One character at least, or it would never end.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = fits.unwrap_or(first);
        // A word that is longer than what is left of half a row is broken.
        let words = rest[..end].rfind(' ').filter(|at| at * 2 > end);
        let end = words.map_or(end, |at| at + 1);
        row.push_str(rest[..end].trim_end());
        rows.push(std::mem::replace(&mut row, " ".repeat(indent)));
        rest = &rest[end..];
    }
    row.push_str(rest);
    rows.push(row);
    rows
}

/// As much of a text as fits into so many columns, with a sign where something is left out.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if Span::raw(text).width() <= columns {
        return text.to_owned();
    }
    let mut cut = text.to_owned();
    while !cut.is_empty() && Span::raw(cut.as_str()).width() >= columns {
        cut.pop();
    }
    format!("{}…", cut.trim_end())
}

/// A way of the sound: its loudness as a bar and as a number.
fn meter(word: &str, of: &Meter, wanted: bool) -> String {
    let Some(device) = &of.device else {
        let why = if wanted { "NO DEVICE: there is silence" } else { "not in use" };
        return format!("{word:<4} {why}");
    };
    let share = ((of.level - QUIET) / -QUIET).clamp(0.0, 1.0);
    // A cast of a float stops at zero.
    let filled = (share * METER as f32).round() as usize;
    let bar = format!("{}{}", "#".repeat(filled), "-".repeat(METER - filled));
    let device = fit(device, 12);
    format!("{word:<4} [{bar}] {:>3.0} dB {device}", of.level)
}
