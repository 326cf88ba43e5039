// What a person does. Scripts are forbidden, but for what is hostile, which is asked for a second time with them.
"use strict";
const fs = require("fs");
const { about, at, check, run, LIST } = require("./browser.cjs");

const text = (page, of) => page.$eval(of, (element) => element.innerText);
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.innerText);

// Waits until an element has the focus: a browser gives it with its next frame.
async function hasFocus(page, name) {
    for (let tries = 0; tries < 200; tries += 1) {
        if (await focused(page) === name) return true;
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    return false;
}

async function enter(page) {
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

// Types into the box that has the focus from the start, and presses Enter.
async function ask(page, question) {
    await page.goto(about.url + "/");
    check(await hasFocus(page, "q"), "the box of the front page has the focus");
    await page.keyboard.type(question);
    await enter(page);
}

async function searches(page) {
    for (const [question, word, indicator] of [
        [about.listed, "Blocklisted", about.listed],
        [about.allowed, "Allowlisted", about.allowed],
        [about.unlisted, "Unknown", about.unlisted],
        ["hxxps://login.evil-one[.]com:443/gate.php?id=1", "Blocklisted", "https://login.evil-one.com/gate.php?id=1"],
        ["45[.]9[.]20[.]0/27", "Blocklisted", "45.9.20.0/27"],
        ["2001:980:77::1", "Blocklisted", "2001:980:77::1"],
        ["EVIL-TWO.com.", "Blocklisted", "evil-two.com"],
    ]) {
        await ask(page, question);
        check(await text(page, ".word") === word, `${question}: ${await text(page, "h1")}`);
        check(await text(page, ".indicator") === indicator, `${question}: ${await text(page, "h1")}`);
        check(await page.title() === `${word}: ${indicator} · rapsheet`, await page.title());
        check(page.url() === about.url + at(question), "an answer has an address of its own: " + page.url());
    }
}

async function sources(page) {
    await ask(page, about.listed);
    const rows = await page.$$eval(".sources tbody tr", (all) => all.map((row) => row.innerText.replace(/\s+/g, " ")));
    check(rows.length === 7, rows.join("\n"));
    check(/^botnets\.example c2 Blocklisted botnet 45\.9\.20\.5 2026-11-22 00:00 UTC just now/.test(rows[0]), rows[0]);
    check(rows.some((row) => /^old\.example old .* stale/.test(row)), rows.join("\n"));
    check(/^own\.example own Allowlisted/.test(rows.at(-1)), rows.at(-1));
    const missing = await text(page, ".missing");
    check(/lost\.example lost failed/.test(missing.replace(/\s+/g, " ")), missing);
}

async function hostile(page) {
    await ask(page, about.hostile);
    check(await text(page, ".word") === "Blocklisted", await text(page, "h1"));
    for (const path of [
        at("<script>alert(1)</script>"), at("\"><svg onload=alert(1)>"), at("' autofocus onfocus='alert(1)"),
        at("</textarea></title></style><script>alert(1)</script>"), at("javascript:alert(1)"),
        at("x".repeat(1024) + "\u202e<b>"), "/lookup/" + "%3C".repeat(1200), "/lookup/%ff%fe%c3%28", "/lookup/%00",
        "/lookup?q=" + "%22%3E".repeat(900), "/feeds/%3Cscript%3E",
    ]) {
        const answer = await page.goto(about.url + path);
        check([400, 404].includes(answer.status()), `${path}: ${answer.status()}`);
        const tags = await page.$$eval("*", (all) => all.map((element) => element.localName));
        check(!tags.some((tag) => ["script", "img", "b"].includes(tag)), `${path}: ${tags}`);
        const own = ["/", "/bulk", "/feeds", "#main"];
        const links = await page.$$eval("a", (all) => all.map((link) => link.getAttribute("href")));
        check(links.every((link) => own.includes(link)), `${path}: ${links}`);
        // The box has what was typed, and nothing else does.
        const shown = await page.$eval("html", (html) => {
            const copy = html.cloneNode(true);
            copy.querySelectorAll("input").forEach((box) => box.removeAttribute("value"));
            return copy.outerHTML;
        });
        check(!/[\u202a-\u202e\u2066-\u2069]/.test(shown), `${path}: it turns text around`);
    }
    // Pasted, 4 KB of anything: the form takes it, and says what is wrong with it.
    await page.goto(about.url + "/");
    await page.$eval("#q", (box) => { box.value = "<\"'&".repeat(600); });
    await page.focus("#q");
    await enter(page);
    check(/Not an indicator|Too long/.test(await text(page, "h1")), await text(page, "h1"));
}

// What comes back in a box is what was typed, so that a second Enter asks the same.
async function again(page) {
    for (const question of ["evil-\ufefftwo.com", "\u202eabc", "..", "."]) {
        await page.goto(about.url + "/");
        await page.$eval("#q", (box, typed) => { box.value = typed; }, question);
        for (let times = 0; times < 2; times += 1) {
            await page.focus("#q");
            await enter(page);
            check(await text(page, "h1") === "Not an indicator", `${question}: ${page.url()}`);
            check(await page.$eval("#q", (box) => box.value) === question, `${question} comes back`);
        }
    }
    const list = "\u202eabc\n<b>\t\u200b\nevil-two.com";
    await page.goto(about.url + "/bulk");
    await page.$eval("#list", (area, typed) => { area.value = typed; }, list);
    await page.focus("#list");
    await page.keyboard.press("Tab");
    await enter(page);
    check(await page.$eval("#list", (area) => area.value) === list, "the list comes back");
}

async function keyboard(page) {
    await page.goto(about.url + at(about.unlisted));
    await page.keyboard.press("Tab");
    check(await hasFocus(page, "Skip to the content"), "the first stop leads past the bar: " + await focused(page));
    const shown = await page.$eval(".skip", (link) => link.getBoundingClientRect().left);
    check(shown >= 0, "it is seen when it has the focus");
    await page.keyboard.press("Enter");
    check(await hasFocus(page, "main"), "it leads to the content");
    const stops = [];
    for (let at = 0; at < 12; at += 1) {
        await page.keyboard.press("Tab");
        const stop = await page.evaluate(() => {
            const element = document.activeElement;
            const { outlineStyle, outlineWidth } = getComputedStyle(element);
            return { name: element.id || element.innerText, tag: element.localName, is: outlineStyle !== "none" && outlineWidth };
        });
        check(stop.tag === "body" || stop.is, `the focus is seen: ${JSON.stringify(stop)}`);
        stops.push(stop.name);
        if (stop.tag === "summary" && /do not list it|does not list it/.test(stop.name)) break;
    }
    check(stops.includes("q"), "Tab leads to the box: " + stops);
    const closed = await page.$eval(".names", (list) => list.checkVisibility());
    check(!closed, "who does not list it is not shown at first");
    await page.keyboard.press("Space");
    check(await page.$eval(".names", (list) => list.checkVisibility()), "Space opens it: " + stops);
    // A second question, from the page of the first.
    await page.focus("#q");
    await page.keyboard.down("Control");
    await page.keyboard.press("a");
    await page.keyboard.up("Control");
    await page.keyboard.type(about.allowed);
    await enter(page);
    check(await text(page, ".word") === "Allowlisted", await text(page, "h1"));
}

async function lists(page, browser) {
    await page.goto(about.url + "/bulk");
    await page.focus("#list");
    await page.evaluate((list) => document.execCommand("insertText", false, list), LIST);
    await page.keyboard.press("Tab");
    await enter(page);
    const counts = await page.$$eval(".counts strong", (all) => all.map((element) => element.innerText));
    check(counts.join() === "2,1,1,0,4", counts.join());
    check(await page.title() === "2 of 8 lines blocklisted · rapsheet", await page.title());
    // The list is still in the box: take it away from here.
    const session = await browser.target().createCDPSession();
    fs.mkdirSync(about.downloads, { recursive: true });
    await session.send("Browser.setDownloadBehavior",
        { behavior: "allow", downloadPath: about.downloads, eventsEnabled: true });
    const done = new Promise((resolve, reject) => {
        session.on("Browser.downloadProgress", ({ state }) => {
            if (state === "completed") resolve();
            if (state === "canceled") reject(new Error("the download was canceled"));
        });
    });
    await page.focus("#list");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    check(await hasFocus(page, "Take away as CSV"), await focused(page));
    await page.keyboard.press("Enter");
    await done;
    const files = fs.readdirSync(about.downloads);
    check(files.join() === "rapsheet-2026-11-22.csv", files.join());
    const rows = fs.readFileSync(`${about.downloads}/${files[0]}`, "utf8").trim().split("\n");
    check(rows[0].startsWith("input,indicator,type,status,verdict,"), rows[0]);
    check(rows.filter((row) => row.startsWith(about.listed + ",")).length === 7, rows.join("\n"));
    check(rows.some((row) => row.startsWith("'=1+2,")), "no spreadsheet runs what was pasted");
}

run(async (open, browser) => {
    const page = await open();
    await page.setJavaScriptEnabled(false);
    await searches(page);
    await sources(page);
    await hostile(page);
    await again(page);
    await keyboard(page);
    await lists(page, browser);
    // Where scripts may run, the policy of the pages would tell of one.
    await hostile(await open());
});
