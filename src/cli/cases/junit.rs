//! The results of cases as the XML of `JUnit`, which most CI systems show: a suite for each file.

use super::{TestOutcome, TestRun};
use crate::bundle::{CaseFailure, CaseResult};
use crate::cli::lints::LintFinding;
use crate::model::{Problem, Problems};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

type Xml = Writer<Vec<u8>>;

/// Renders the results. Lints that are denied are a suite of their own, and so is a bundle that is
/// refused.
pub(super) fn render(run: &TestRun) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory does not fail.
    let _written = match &run.outcome {
        Ok(outcome) => write_outcome(&mut xml, run, outcome),
        Err(problems) => write_refusal(&mut xml, run, problems),
    };
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    text
}

/// One `<testcase>`.
struct TestCase<'a> {
    suite: &'a str,
    name: &'a str,
    file: Option<String>,
    line: Option<usize>,
    /// The element, the message and the text of what is wrong.
    wrong: Option<(&'static str, String, String)>,
}

fn write_outcome(xml: &mut Xml, run: &TestRun, outcome: &TestOutcome) -> io::Result<()> {
    let cases = outcome.report.results.iter();
    let mut suites: Vec<(&str, Vec<TestCase<'_>>)> = Vec::new();
    for case in cases {
        let tested = of_case(run, case);
        match suites.last_mut() {
            Some((file, cases)) if *file == case.file => cases.push(tested),
            Some(_) | None => suites.push((&case.file, vec![tested])),
        }
    }
    let denied = outcome.lints.iter().filter(|lint| lint.is_denied());
    let denied: Vec<TestCase<'_>> = denied.map(|lint| of_lint(run, lint)).collect();
    if !denied.is_empty() {
        suites.push(("lints", denied));
    }
    write_suites(xml, &suites)
}

fn write_refusal(xml: &mut Xml, run: &TestRun, problems: &Problems) -> io::Result<()> {
    let name = ("bundle", "the bundle loads");
    let problems = problems.0.iter();
    let cases = problems.map(|problem| of_problem(run, name, "error", problem));
    write_suites(xml, &[("bundle", cases.collect())])
}

fn of_case<'a>(run: &TestRun, case: &'a CaseResult) -> TestCase<'a> {
    let wrong = case.failure.as_ref().map(|failure| {
        let CaseFailure {
            expected,
            found,
            explanation,
        } = failure;
        let message = format!("expected {expected}, got {found}");
        let text = format!("expected  {expected}\ngot       {found}\n\n{explanation}\n");
        ("failure", message, text)
    });
    TestCase {
        suite: &case.file,
        name: &case.name,
        file: run.path(&case.file),
        line: line(run, Some(&case.at)),
        wrong,
    }
}

fn of_lint<'a>(run: &TestRun, finding: &'a LintFinding) -> TestCase<'a> {
    let name = ("lints", finding.lint.name());
    of_problem(run, name, "failure", &finding.problem)
}

/// Returns a problem as a test that has gone wrong in this way.
fn of_problem<'a>(
    run: &TestRun,
    (suite, name): (&'a str, &'a str),
    kind: &'static str,
    problem: &Problem,
) -> TestCase<'a> {
    let place = problem.place.as_ref();
    TestCase {
        suite,
        name,
        file: place.and_then(|place| run.path(&place.file)),
        line: line(run, place),
        wrong: Some((
            kind,
            problem.to_string(),
            problem.help.clone().unwrap_or_default(),
        )),
    }
}

fn line(run: &TestRun, place: Option<&crate::model::Place>) -> Option<usize> {
    run.position(place?).map(|(line, _)| line)
}

fn write_suites(xml: &mut Xml, suites: &[(&str, Vec<TestCase<'_>>)]) -> io::Result<()> {
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = counts(all());
    xml.create_element("testsuites")
        .with_attribute(("name", "behest"))
        .with_attributes(counts.iter().map(|(name, count)| (*name, count.as_str())))
        .write_inner_content(|xml| {
            suites
                .iter()
                .try_for_each(|(name, cases)| write_suite(xml, name, cases))
        })?;
    Ok(())
}

fn write_suite(xml: &mut Xml, name: &str, cases: &[TestCase<'_>]) -> io::Result<()> {
    let counts = counts(cases.iter());
    xml.create_element("testsuite")
        .with_attribute(("name", legal(name).as_str()))
        .with_attributes(counts.iter().map(|(name, count)| (*name, count.as_str())))
        .write_inner_content(|xml| cases.iter().try_for_each(|case| write_case(xml, case)))?;
    Ok(())
}

fn counts<'a>(cases: impl Iterator<Item = &'a TestCase<'a>>) -> [(&'static str, String); 3] {
    let mut all = 0;
    let mut failures = 0;
    let mut errors = 0;
    for case in cases {
        all += 1;
        match &case.wrong {
            Some(("error", ..)) => errors += 1,
            Some(_) => failures += 1,
            None => {}
        }
    }
    [
        ("tests", all.to_string()),
        ("failures", failures.to_string()),
        ("errors", errors.to_string()),
    ]
}

fn write_case(xml: &mut Xml, case: &TestCase<'_>) -> io::Result<()> {
    // What the last point of a class's name is followed by is shown as its own name.
    let class = case.suite.strip_suffix(".yaml").unwrap_or(case.suite);
    let mut attributes = vec![("classname", legal(class)), ("name", legal(case.name))];
    attributes.extend(case.file.as_deref().map(|file| ("file", legal(file))));
    attributes.extend(case.line.map(|line| ("line", line.to_string())));
    let element = xml
        .create_element("testcase")
        .with_attributes(attributes.iter().map(|(name, it)| (*name, it.as_str())));
    let Some((kind, message, text)) = &case.wrong else {
        return element.write_empty().map(drop);
    };
    element.write_inner_content(|xml| {
        xml.create_element(*kind)
            .with_attribute(("message", legal(message).as_str()))
            .write_text_content(BytesText::new(&legal(text)))
            .map(drop)
    })?;
    Ok(())
}

/// Returns a text without the characters that XML 1.0 has no way to write.
fn legal(text: &str) -> String {
    let is_legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars()
        .map(|c| if is_legal(c) { c } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_write_is_replaced_and_the_rest_is_escaped() {
        let name = "a \u{0}\u{1b}\u{ffff} <b> & \"c\" 'd'\nnext ]]>";
        let case = |wrong| TestCase {
            suite: "policies/x.cases.yaml",
            name,
            file: None,
            line: Some(3),
            wrong,
        };
        let failure = Some(("failure", name.to_owned(), name.to_owned()));
        let mut xml = Writer::new(Vec::new());
        write_suites(&mut xml, &[("s", vec![case(None), case(failure)])]).unwrap();
        let text = String::from_utf8(xml.into_inner()).unwrap();
        let legal = "a \u{fffd}\u{fffd}\u{fffd} &lt;b&gt; &amp; &quot;c&quot; \
                     &apos;d&apos;&#10;next ]]&gt;";
        assert!(text.contains(&format!("name=\"{legal}\"")), "{text}");
        assert!(text.contains("classname=\"policies/x.cases\""), "{text}");
        assert!(
            text.contains("tests=\"2\" failures=\"1\" errors=\"0\""),
            "{text}"
        );
        let mut reader = quick_xml::Reader::from_str(&text);
        while !matches!(reader.read_event().unwrap(), Event::Eof) {}
    }
}
