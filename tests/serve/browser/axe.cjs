// All rules of axe, best practices and experimental ones among them, on all pages.
"use strict";
const { about, check, go, run, PAGES } = require("./browser.cjs");
const axe = require("fs").readFileSync(about.modules + "/axe-core/axe.min.js", "utf8");

const OPTIONS = {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"],
    resultTypes: ["violations", "incomplete"],
};

const SIGHTS = [[1600, "light"], [1600, "dark"], [360, "dark"], [360, "light"]];

run(async (open) => {
    const page = await open();
    // axe is a script, which the policy of the pages forbids.
    await page.setBypassCSP(true);
    let rules = 0;
    for (const of of PAGES) {
        await page.setViewport({ width: 1600, height: 800 });
        await go(page, of);
        await page.$$eval("details", (all) => all.forEach((details) => { details.open = true; }));
        await page.evaluate(axe);
        for (const [width, theme] of SIGHTS) {
            await page.setViewport({ width, height: 800 });
            await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
            const found = await page.evaluate((options) => globalThis.axe.run(document, options), OPTIONS);
            const told = [...found.violations, ...found.incomplete].map((rule) =>
                `${of.name} ${width} ${theme}: ${rule.id}: ${rule.help}\n`
                + rule.nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join("\n"));
            check(told.length === 0, told.join("\n"));
            rules += found.passes.length;
        }
    }
    check(rules > 20 * PAGES.length * SIGHTS.length, `few rules were applied: ${rules}`);
});
