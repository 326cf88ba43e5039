// What the scripts share: the browser, the pages, and that nothing goes wrong behind them.
"use strict";
const about = JSON.parse(process.argv[2]);
const puppeteer = require(about.modules + "/puppeteer-core");

const at = (text) => "/lookup/" + encodeURIComponent(text);
const LIST = [about.listed, about.allowed, about.unlisted, "hxxp://evil-two[.]com/x", "010.0.0.1", "=1+2",
    "<script>alert(1)</script>", "\u202eabc"].join("\n");

// Each page: its name, its address, and whether the list is sent from it.
const PAGES = [
    { name: "front", url: about.url + "/" },
    { name: "blocklisted", url: about.url + at(about.listed) },
    { name: "allowlisted", url: about.url + at(about.allowed) },
    { name: "unknown", url: about.url + at(about.unlisted) },
    { name: "failed", url: about.stale + at(about.unlisted) },
    { name: "hostile", url: about.url + at(about.hostile) },
    { name: "unusable", url: about.url + at("<script>alert('1')</script>\u202e\"" + "x".repeat(900)) },
    { name: "list", url: about.url + "/bulk" },
    { name: "answers", url: about.url + "/bulk", list: LIST },
    { name: "feeds", url: about.url + "/feeds" },
    { name: "not-found", url: about.url + "/feeds/x" },
];

function check(is, what) {
    if (!is) throw new Error(what);
}

// Runs `work` with a browser, and fails if a page logs, breaks its policy or asks another host for anything.
async function withBrowser(work) {
    const browser = await puppeteer.launch({
        executablePath: about.chromium,
        args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
    });
    const wrong = [];
    const own = [about.url, about.stale];
    const open = async () => {
        const page = await browser.newPage();
        const client = await page.createCDPSession();
        await client.send("Log.enable");
        await client.send("Audits.enable");
        client.on("Log.entryAdded", ({ entry }) => {
            // A page of an error is an answer like others.
            if (!/the server responded with a status of 4/.test(entry.text)) wrong.push(`${entry.url}: ${entry.text}`);
        });
        client.on("Audits.issueAdded", ({ issue }) => wrong.push(JSON.stringify(issue)));
        page.on("console", (message) => {
            if (!/the server responded with a status of 4/.test(message.text())) wrong.push(message.text());
        });
        page.on("pageerror", (error) => wrong.push(String(error)));
        page.on("dialog", (dialog) => { wrong.push("a script ran: " + dialog.message()); dialog.dismiss(); });
        page.on("request", (request) => {
            const url = request.url();
            if (!own.some((host) => url.startsWith(host + "/"))) wrong.push("asked " + url);
        });
        return page;
    };
    try {
        await work(open, browser);
        check(wrong.length === 0, wrong.join("\n"));
    } finally {
        await browser.close();
    }
}

// Goes to a page of the table.
async function go(page, { url, list }) {
    await page.goto(url);
    if (list) {
        await page.$eval("#list", (area, text) => { area.value = text; }, list);
        await Promise.all([page.waitForNavigation(), page.click("button[value=page]")]);
    }
}

function run(work) {
    withBrowser(work).catch((error) => { console.error(error); process.exit(1); });
}

module.exports = { about, at, check, go, run, LIST, PAGES };
