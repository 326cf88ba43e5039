//! No circle of modules: at each level of a crate, what siblings, each with all modules below it, use of each
//! other must not form a circle. A module and its own children may use each other. Re-exports are followed to
//! where a thing is defined, and the code of tests does not count.

use super::source::{File, rust, tokens, without_tests};
use std::collections::{BTreeMap, BTreeSet};

/// A module, as the names on the way to it from the root of its crate.
type Module = Vec<String>;

/// A path that a module names, as written; how many inline modules it is in; and the name that it is
/// re-exported under.
struct Use {
    path: Vec<String>,
    inline: usize,
    exported: Option<String>,
}

#[derive(Default)]
struct Crate {
    uses: BTreeMap<Module, Vec<Use>>,
}

/// A use: the module, and the path that it names.
type Edge = (String, String);

#[test]
fn modules_form_no_circles() {
    let mut crates: BTreeMap<String, Crate> = BTreeMap::new();
    for file in rust() {
        if let Some((name, module)) = module_of(&file) {
            crates.entry(name.to_owned()).or_default().uses.insert(module, uses(&file.text));
        }
    }
    assert!(crates.len() > 3 && crates.values().all(|found| found.uses.len() > 1), "the crates are found");
    let circles: Vec<String> = crates.iter().flat_map(|(name, found)| found.circles(name)).collect();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

/// The crate and the module of a file; none for tests and what is no crate.
fn module_of(file: &File) -> Option<(&str, Module)> {
    let (name, inside) = file.path.strip_prefix("crates/")?.split_once("/src/")?;
    let mut module: Module = inside.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    module.pop_if(|last| matches!(last.as_str(), "lib" | "main" | "mod"));
    (module.last().is_none_or(|last| last != "tests")).then_some((name, module))
}

/// Everything that a file names by a path.
fn uses(text: &str) -> Vec<Use> {
    let all = tokens(text);
    let tokens = without_tests(&all);
    let (mut found, mut inline, mut depth, mut at) = (Vec::new(), Vec::new(), 0, 0);
    while at < tokens.len() {
        match tokens[at] {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|opened| *opened == depth);
            }
            "mod" if tokens.get(at + 2) == Some(&"{") => inline.push(depth),
            // `use<'a>` in a type captures lifetimes and names no path.
            "use" if tokens.get(at + 1) != Some(&"<") => {
                let is_public = at > 0 && matches!(tokens[at - 1], "pub" | ")") && inline.is_empty();
                let end = at + tokens[at..].iter().position(|token| *token == ";").unwrap_or(0);
                use_tree(&tokens[at + 1..end], &[], &mut |path, name| {
                    found.push(Use { path, inline: inline.len(), exported: is_public.then_some(name) });
                });
                at = end;
            }
            "crate" | "super" | "self" if tokens.get(at + 1) == Some(&"::") => {
                let path = plain_path(&tokens[at..]);
                at += 2 * path.len() - 2;
                found.push(Use { path, inline: inline.len(), exported: None });
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn plain_path(tokens: &[&str]) -> Vec<String> {
    let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut path = vec![tokens[0].to_owned()];
    for pair in tokens[1..].chunks_exact(2) {
        match pair {
            ["::", name] if is_name(name) => path.push((*name).to_owned()),
            _ => break,
        }
    }
    path
}

/// Visits each path of a `use` tree, with the name that it gets.
fn use_tree(tokens: &[&str], before: &[String], visit: &mut impl FnMut(Vec<String>, String)) {
    let mut path = before.to_vec();
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "::" => {}
            "{" => {
                let inner = &tokens[at + 1..tokens.len() - 1];
                return split_at_commas(inner).iter().for_each(|tree| use_tree(tree, &path, visit));
            }
            "as" => return visit(path, tokens[at + 1].to_owned()),
            name => path.push(name.to_owned()),
        }
    }
    let name = path.last().cloned().unwrap_or_default();
    visit(path, name);
}

fn split_at_commas<'a, 't>(tokens: &'a [&'t str]) -> Vec<&'a [&'t str]> {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        depth += i32::from(*token == "{") - i32::from(*token == "}");
        *token == "," && depth == 0
    });
    parts.filter(|part| !part.is_empty()).collect()
}

impl Crate {
    /// The module that a path leads to, seen from `from`; none where it leads out of the crate.
    fn resolve(&self, from: &[String], path: &[String], inline: usize, hops: usize) -> Option<Module> {
        let (mut module, mut inline, mut at) = (from.to_vec(), inline, 0);
        match path.first()?.as_str() {
            "crate" => (module, inline, at) = (Module::new(), 0, 1),
            "super" | "self" => {}
            first => {
                self.uses.get(&[from, &[first.to_owned()]].concat())?;
            }
        }
        while let Some("super" | "self") = path.get(at).map(String::as_str) {
            if path[at] == "super" && inline > 0 {
                inline -= 1;
            } else if path[at] == "super" {
                module.pop();
            }
            at += 1;
        }
        while let Some(name) = path.get(at).filter(|_| inline == 0) {
            module.push(name.clone());
            if !self.uses.contains_key(&module) {
                module.pop();
                break;
            }
            at += 1;
        }
        let exported = path.get(at).filter(|_| hops < 4 && inline == 0 && module != from);
        let further = exported.and_then(|name| {
            let export =
                self.uses.get(&module)?.iter().find(|found| found.exported.as_ref() == Some(name))?;
            self.resolve(&module, &export.path, 0, hops + 1)
        });
        Some(further.unwrap_or(module))
    }

    /// The circles among the children of each module, in words.
    fn circles(&self, name: &str) -> Vec<String> {
        let mut levels: BTreeMap<Module, BTreeMap<(String, String), Edge>> = BTreeMap::new();
        for (from, uses) in &self.uses {
            for found in uses {
                let Some(to) = self.resolve(from, &found.path, found.inline, 0) else { continue };
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
                    let edge = (from.join("::"), found.path.join("::"));
                    let level = levels.entry(from[..shared].to_vec()).or_default();
                    level.entry((a.clone(), b.clone())).or_insert(edge);
                }
            }
        }
        levels.values().filter_map(circle).map(|circle| format!("{name}: {circle}")).collect()
    }
}

/// A circle, if there is one: a shortest way from a module back to itself.
fn circle(edges: &BTreeMap<(String, String), Edge>) -> Option<String> {
    let starts: BTreeSet<&String> = edges.keys().map(|(from, _)| from).collect();
    let way = starts.into_iter().filter_map(|start| way_back(edges, start)).min_by_key(Vec::len)?;
    let step = |(from, to): &(String, String)| {
        let (module, path) = &edges[&(from.clone(), to.clone())];
        format!("{from} -> {to} ({module} uses {path})")
    };
    Some(way.iter().map(step).collect::<Vec<_>>().join(", "))
}

/// The edges of a shortest way from `start` to itself.
fn way_back(edges: &BTreeMap<(String, String), Edge>, start: &String) -> Option<Vec<(String, String)>> {
    let mut reached: BTreeMap<&String, &(String, String)> = BTreeMap::new();
    let mut front = vec![start];
    while !front.is_empty() && !reached.contains_key(start) {
        let mut next = Vec::new();
        for edge in edges.keys().filter(|(from, _)| front.contains(&from)) {
            if !reached.contains_key(&edge.1) {
                reached.insert(&edge.1, edge);
                next.push(&edge.1);
            }
        }
        front = next;
    }
    let mut way = vec![(*reached.get(start)?).clone()];
    while let Some((from, _)) = way.last().filter(|(from, _)| from != start) {
        way.push(reached[from].clone());
    }
    way.reverse();
    Some(way)
}

#[test]
fn a_circle_is_found_and_children_are_exempt() {
    let found = |files: &[(&str, &str)]| {
        let uses = files.iter().map(|(module, text)| {
            (module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect(), uses(text))
        });
        Crate { uses: uses.collect() }.circles("x")
    };
    let none = [("", "mod a; mod b; pub use a::A;"), ("a", "use super::B;"), ("b", "use crate::A;")];
    assert_eq!(found(&none), [""; 0]);
    let exported = [("", "pub use a::A; pub use b::B;"), ("a", "use crate::{B, x};"), ("b", "use crate::A;")];
    assert_eq!(found(&exported), ["x: a -> b (a uses crate::B), b -> a (b uses crate::A)"]);
    let below = [("", ""), ("a", ""), ("a::c", "fn f() { crate::b::g() }"), ("b", "use super::a::c as d;")];
    assert_eq!(found(&below), ["x: a -> b (a::c uses crate::b::g), b -> a (b uses super::a::c)"]);
    let inline = [("", ""), ("a", "mod m { use super::b; } use crate::b;"), ("b", "mod n { use super::X; }")];
    assert_eq!(found(&inline), [""; 0]);
}
