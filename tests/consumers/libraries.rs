//! Readers in Python and JavaScript: MISP's warning lists, MaxMind DB, STIX, DuckDB, AdGuard's parser.

use super::model::Says;
use super::program::{in_folder_of, installed, program};
use super::world::{Exported, NOW, World, run_with_input, world};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What a table of everything loses of the model.
const NOTHING: [&str; 0] = [];

const PYTHON: &str = "venv/bin/python";

/// Runs a script with questions, a line each. Returns its lines, as many.
fn answers(
    interpreter: &Path,
    option: &str,
    script: &str,
    exported: &Exported,
    questions: &[&str],
) -> Vec<String> {
    let mut command = Command::new(interpreter);
    command.arg(option).arg(script).arg(&exported.path);
    in_folder_of(&mut command, &exported.path);
    let output = run_with_input(&mut command, &(questions.join("\n") + "\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> =
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), questions.len(), "an answer for each question");
    lines
}

fn python(script: &str, exported: &Exported, questions: &[&str]) -> Vec<String> {
    let interpreter = installed(PYTHON).expect("checked before");
    answers(&interpreter, "-c", script, exported, questions)
}

fn addresses(world: &World) -> Vec<&str> {
    world.addresses.iter().map(|row| row.text.as_str()).collect()
}

fn names(world: &World) -> Vec<&str> {
    world.names.iter().map(|row| row.text.as_str()).collect()
}

fn are_blocked(answers: &[String]) -> Vec<bool> {
    let is_blocked = |answer: &String| {
        assert!(["blocked", "passed"].contains(&answer.as_str()), "an answer: {answer}");
        answer == "blocked"
    };
    answers.iter().map(is_blocked).collect()
}

/// Checks answers of the form `status providers assessments`; a status of an address or a name that no row
/// has is 5.
fn check_details(consumer: &str, answers: &[String], verdicts: Vec<(&str, &super::model::Verdict)>) {
    assert_eq!(answers.len(), verdicts.len());
    for (answer, (text, verdict)) in answers.iter().zip(verdicts) {
        let mut words = answer.split(' ');
        let status = words.next().expect("a status");
        let expected = match (verdict.is_blocked(), verdict.is_allowed) {
            (true, _) => "1",
            (false, true) => "0",
            (false, false) => "5",
        };
        assert_eq!(status, expected, "{consumer}: {text}");
        if verdict.is_blocked() {
            let providers: usize = words.next().expect("providers").parse().expect("a number");
            let assessments: BTreeSet<&str> = words.collect();
            assert_eq!(providers, verdict.providers.len(), "{consumer}: {text}");
            assert_eq!(assessments, verdict.assessments, "{consumer}: {text}");
        }
    }
}

fn check_address_details(consumer: &str, answers: &[String]) {
    let rows = world().addresses.iter().map(|row| (row.text.as_str(), &row.verdict));
    check_details(consumer, answers, rows.collect());
}

#[test]
fn warning_lists_of_misp_match_what_lookup_blocks() {
    const SCRIPT: &str = r#"
import json, sys
from pymispwarninglists import WarningLists
lists = WarningLists(slow_search=True, lists=[json.load(open(sys.argv[1]))])
for line in sys.stdin:
    print("blocked" if lists.search(line.strip()) else "passed")
"#;
    if installed(PYTHON).is_none() {
        return;
    }
    let world = world();
    let lost = ["exception", "name", "time", "url"];
    let exported = world.export("misp-warninglist", "misp", &lost);
    let found = python(SCRIPT, &exported, &addresses(world));
    world.check_addresses("pymispwarninglists", &are_blocked(&found));
    let lost = ["address", "exception", "scope", "time", "url"];
    let of_names = world.export("misp-warninglist-names", "misp-names", &lost);
    let found = python(SCRIPT, &of_names, &names(world));
    world.check_names("pymispwarninglists", Says::Exact, &of_names, &are_blocked(&found));
    // MISP keeps one list of each name.
    let name = |exported: &Exported| {
        let list: serde_json::Value = serde_json::from_str(&exported.text()).expect("JSON");
        list["name"].as_str().expect("a name").to_owned()
    };
    assert_ne!(name(&exported), name(&of_names));
}

/// What an export to MMDB loses of the model; its times are those of whole hours.
const MMDB_LOST: [&str; 2] = ["name", "url"];

#[test]
fn mmdblookup_finds_what_lookup_finds() {
    let Some(_) = program("mmdblookup") else { return };
    let exported = world().export("mmdb", "mmdblookup", &MMDB_LOST);
    let script = "while read address; do
        echo $(mmdblookup --file \"$0\" --ip $address status 2>/dev/null || echo 5)
        done";
    let found = answers(Path::new("sh"), "-c", script, &exported, &addresses(world()));
    let status = |answer: &String| answer.split(' ').next().unwrap_or_default().to_owned();
    let found: Vec<bool> = found.iter().map(|answer| status(answer) == "1").collect();
    world().check_addresses("mmdblookup", &found);
}

#[test]
fn maxminddb_of_python_finds_what_lookup_finds() {
    const SCRIPT: &str = r#"
import maxminddb, sys
reader = maxminddb.open_database(sys.argv[1], maxminddb.MODE_FILE)
for line in sys.stdin:
    row = reader.get(line.strip())
    print(row["status"], row["providers"], *row["assessments"]) if row else print(5)
assert sum(1 for _ in reader) > 1000
"#;
    if installed(PYTHON).is_none() {
        return;
    }
    let exported = world().export("mmdb", "maxminddb", &MMDB_LOST);
    check_address_details("maxminddb", &python(SCRIPT, &exported, &addresses(world())));
}

/// Runs a script of Node with what was installed for it.
fn node(script: &str, exported: &Exported, questions: &[&str]) -> Option<Vec<String>> {
    let (node, modules) = (program("node")?, installed("node_modules")?);
    let script = script.replace("MODULES", modules.to_str().expect("UTF-8"));
    Some(answers(&node, "-e", &script, exported, questions))
}

#[test]
fn maxmind_of_javascript_finds_what_lookup_finds() {
    const SCRIPT: &str = r#"
const maxmind = require("MODULES/maxmind");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
maxmind.open(process.argv[1]).then((reader) => {
    for (const line of lines) {
        const row = reader.get(line);
        console.log(row ? [row.status, row.providers, ...row.assessments].join(" ") : "5");
    }
});
"#;
    let exported = world().export("mmdb", "maxmind", &MMDB_LOST);
    if let Some(found) = node(SCRIPT, &exported, &addresses(world())) {
        check_address_details("maxmind", &found);
    }
}

#[test]
fn rules_that_adguard_parses_match_what_lookup_blocks() {
    // The patterns of DNS filters: `||` begins at a label, `|` at the name, and `^` ends either.
    const SCRIPT: &str = r#"
import("MODULES/@adguard/agtree/dist/index.js").then(({ RuleParser }) => {
    const fs = require("fs");
    const [names, trees] = [new Set(), new Set()];
    for (const line of fs.readFileSync(process.argv[1], "utf8").trim().split("\n")) {
        const rule = RuleParser.parse(line);
        if (rule.type === "CommentRule") continue;
        if (rule.type !== "NetworkRule" || rule.exception || rule.modifiers) throw new Error(line);
        const [, anchor, name] = /^(\|\|?)([^|^]+)\^$/.exec(rule.pattern.value);
        (anchor === "||" ? trees : names).add(name);
    }
    for (const name of fs.readFileSync(0, "utf8").trim().split("\n")) {
        const above = name.split(".").map((_, at, labels) => labels.slice(at).join("."));
        console.log(names.has(name) || above.some((name) => trees.has(name)) ? "blocked" : "passed");
    }
});
"#;
    let exported = world().export("adblock", "agtree", &["address", "exception", "scope", "time", "url"]);
    if let Some(found) = node(SCRIPT, &exported, &names(world())) {
        world().check_names("agtree", Says::ExactAndTree, &exported, &are_blocked(&found));
    }
}

/// Checks a table that DuckDB reads with `read`.
fn duckdb(format: &str, read: &str) {
    const SCRIPT: &str = r#"
import duckdb, ipaddress, sys
rows = duckdb.sql(f"SELECT indicator, type, scope, status, providers, assessments FROM READ").fetchall()
networks, names = {}, {}
for indicator, kind, scope, status, providers, assessments in rows:
    words = assessments.split("; ") if isinstance(assessments, str) else assessments
    row = " ".join(["1" if status == "blocklisted" else "0", str(providers), *words])
    if kind == "domain":
        names.setdefault(indicator, {})[scope] = row
    elif kind in ("ipv4", "ipv6"):
        network = ipaddress.ip_network(indicator)
        networks[(network.version, network.prefixlen, int(network.network_address))] = row
def of_address(text):
    address = ipaddress.ip_address(text)
    bits = address.max_prefixlen
    for length in range(bits, -1, -1):
        key = (address.version, length, int(address) >> (bits - length) << (bits - length))
        if key in networks:
            return networks[key]
    return "5"
def of_name(name):
    labels = name.split(".")
    for at in range(len(labels)):
        scopes = names.get(".".join(labels[at:]), {})
        for scope in ["exact", "tree"] if at == 0 else ["tree", "subdomains"]:
            if scope in scopes:
                return scopes[scope]
    return "5"
for line in sys.stdin:
    text = line.strip()
    print(of_address(text) if ":" in text or text[-1].isdigit() else of_name(text))
"#;
    if installed(PYTHON).is_none() {
        return;
    }
    let exported = world().export(format, &format!("duckdb-{format}"), &NOTHING);
    let script = SCRIPT.replace("READ", &format!("{read}('{{sys.argv[1]}}')"));
    check_address_details(format, &python(&script, &exported, &addresses(world())));
    let rows = world().names.iter().map(|row| (row.text.as_str(), &row.verdict));
    check_details(format, &python(&script, &exported, &names(world())), rows.collect());
}

#[test]
fn duckdb_reads_csv() {
    duckdb("csv", "read_csv");
}

#[test]
fn duckdb_reads_jsonl() {
    duckdb("jsonl", "read_json");
}

#[test]
fn duckdb_reads_parquet() {
    duckdb("parquet", "read_parquet");
}

/// A pattern says one name, so that of trees only the name is left. The shape of each pattern is checked
/// here, and some with the grammar, which takes a few milliseconds each.
#[test]
fn patterns_that_stix2_parses_match_what_lookup_blocks() {
    const SCRIPT: &str = r#"
import datetime, ipaddress, re, stix2, sys
from stix2patterns.v21.pattern import Pattern
now = datetime.datetime.fromisoformat("NOW")
shape = re.compile(r"\[(ipv[46]-addr|domain-name|url):value (=|ISSUBSET) '([^'\\]*)'\]")
bundle = stix2.parse(open(sys.argv[1]).read(), allow_custom=False)
values, networks = set(), set()
indicators = [item for item in bundle.objects if item.type == "indicator"]
for at, item in enumerate(indicators):
    kind, operator, value = shape.fullmatch(item.pattern).groups()
    assert item.valid_from <= now < item.valid_until and (operator == "ISSUBSET") == ("addr" in kind and "/" in value)
    if at % 50 == 0:
        assert list(Pattern(item.pattern).inspect().comparisons) == [kind]
    if kind.startswith("ip"):
        network = ipaddress.ip_network(value)
        networks.add((network.version, network.prefixlen, int(network.network_address)))
    else:
        values.add(value)
assert len({item.id for item in indicators}) == len(indicators)
for line in sys.stdin:
    text = line.strip()
    try:
        address = ipaddress.ip_address(text)
        bits = address.max_prefixlen
        keys = [(address.version, length, int(address) >> (bits - length) << (bits - length)) for length in range(bits + 1)]
        print("blocked" if any(key in networks for key in keys) else "passed")
    except ValueError:
        print("blocked" if text in values else "passed")
"#;
    if installed(PYTHON).is_none() {
        return;
    }
    let exported = world().export("stix", "stix", &["exception", "scope"]);
    let world = world();
    let script = SCRIPT.replace("NOW", NOW);
    let found = python(&script, &exported, &[addresses(world), names(world)].concat());
    let (of_addresses, of_names) = found.split_at(world.addresses.len());
    world.check_addresses("stix2", &are_blocked(of_addresses));
    world.check_names("stix2", Says::Exact, &exported, &are_blocked(of_names));
}
