//! Reads a page as strictly as no browser does: every element is closed in its place, every attribute is in quotes, and
//! what refers to an id finds it.

use std::collections::BTreeMap;

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "input", "br"];

/// An element: its name, its attributes, and the text in it and below.
#[derive(Debug, Default, Clone)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A page that was read.
pub(super) struct Document {
    /// The elements, in the order of their ends.
    pub(super) elements: Vec<Element>,
}

impl Document {
    /// Reads a page.
    pub(super) fn read(page: &str) -> Document {
        let mut rest = page.strip_prefix("<!doctype html>\n").expect("the doctype");
        let (mut open, mut elements): (Vec<Element>, Vec<Element>) = (Vec::new(), Vec::new());
        while let Some(at) = rest.find('<') {
            let (text, tag) = rest.split_at(at);
            let text = unescaped(text);
            open.iter_mut().for_each(|element| element.text += &text);
            let is_style = open.last().is_some_and(|element| element.name == "style");
            let end = tag.find('>').expect("a tag ends");
            let (inner, after) = (&tag[1..end], &tag[end + 1..]);
            rest = after;
            if let Some(name) = inner.strip_prefix('/') {
                let closed = open.pop().expect("an element to close");
                assert_eq!(closed.name, name, "in its place; before {after:.60}");
                elements.push(closed);
                continue;
            }
            assert!(!is_style, "no tag in the style: {inner}");
            let (element, is_closed) = element(inner);
            let is_void = is_closed || VOID.contains(&element.name.as_str());
            if is_void { elements.push(element) } else { open.push(element) }
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "all is closed: {open:?} {rest:.60}");
        Document { elements }
    }

    pub(super) fn all(&self, name: &str) -> Vec<&Element> {
        self.elements.iter().filter(|element| element.name == name).collect()
    }

    /// The one element of a name.
    pub(super) fn one(&self, name: &str) -> &Element {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "one {name}");
        all[0]
    }

    /// What holds for every page.
    pub(super) fn check(&self) {
        let ids: Vec<&str> =
            self.elements.iter().map(|element| element.attribute("id")).filter(|id| !id.is_empty()).collect();
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len(), "ids are distinct: {ids:?}");
        for element in &self.elements {
            for name in ["aria-labelledby", "aria-describedby", "for"] {
                let id = element.attribute(name);
                assert!(id.is_empty() || ids.contains(&id), "{name} of {} names {id}", element.name);
            }
            let href = element.attribute("href");
            match href.strip_prefix('#') {
                Some(id) => assert!(ids.contains(&id), "a link to {id}"),
                None => assert!(["", "/", "/bulk", "/feeds"].contains(&href), "a link to {href}"),
            }
            let is_foreign = |name: &String| name.starts_with("on") || name == "style" || name == "src";
            assert!(!element.attributes.keys().any(is_foreign), "{element:?}");
        }
        for forbidden in ["script", "img", "iframe", "object", "link", "base"] {
            assert!(self.all(forbidden).is_empty(), "<{forbidden}>");
        }
        self.check_names(&ids);
    }

    /// That all that needs a name has one.
    fn check_names(&self, ids: &[&str]) {
        assert_eq!(self.one("html").attribute("lang"), "en");
        assert!(self.one("title").text.ends_with(" · rapsheet") && self.one("title").text.len() > 12);
        assert!(!self.one("h1").text.trim().is_empty());
        for landmark in ["main", "header", "footer", "nav"] {
            assert!(self.all(landmark).len() <= 1, "{landmark}");
        }
        assert_eq!(self.one("main").attribute("id"), "main");
        let labels: Vec<&str> = self.all("label").iter().map(|label| label.attribute("for")).collect();
        for control in [self.all("input"), self.all("textarea")].concat() {
            assert!(labels.contains(&control.attribute("id")), "{control:?} has a label");
        }
        for section in self.all("section") {
            assert!(ids.contains(&section.attribute("aria-labelledby")), "a section has a name");
        }
        assert_eq!(self.all("table").len(), self.all("caption").len(), "a table has a caption");
        for header in self.all("th") {
            assert!(["row", "col"].contains(&header.attribute("scope")), "{header:?}");
        }
        for time in self.all("time") {
            assert_eq!(time.attribute("datetime").len(), "2026-11-22T00:00:00Z".len());
        }
    }
}

/// An element of what stands between `<` and `>`, and whether it closes itself.
fn element(inner: &str) -> (Element, bool) {
    let (inner, is_closed) = match inner.strip_suffix('/') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let name_end = inner.find([' ', '\n']).unwrap_or(inner.len());
    let (name, mut rest) = inner.split_at(name_end);
    assert!(
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        "<{inner}>"
    );
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(value) => value.split_once('"').expect("a quoted value ends"),
            None => ("", after),
        };
        assert!(!after.starts_with('='), "attributes are in quotes: <{inner}>");
        let is_new = element.attributes.insert(key.to_owned(), unescaped(value)).is_none();
        assert!(is_new, "an attribute stands once: <{inner}>");
        rest = after;
    }
    (element, is_closed)
}

/// A text without its escapes, each of which must be one of five.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out += &rest[..at];
        rest = &rest[at..];
        let escapes = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')];
        let (escape, character) =
            escapes.into_iter().find(|(escape, _)| rest.starts_with(escape)).expect("an escape");
        out.push(character);
        rest = &rest[escape.len()..];
    }
    out + rest
}

#[test]
#[should_panic(expected = "in its place")]
fn elements_in_a_wrong_order_are_found() {
    Document::read("<!doctype html>\n<p><b></p></b>");
}

#[test]
#[should_panic(expected = "attributes are in quotes")]
fn attributes_without_quotes_are_found() {
    Document::read("<!doctype html>\n<p class=x></p>");
}

#[test]
#[should_panic(expected = "an escape")]
fn a_bare_ampersand_is_found() {
    Document::read("<!doctype html>\n<p>a & b</p>");
}
