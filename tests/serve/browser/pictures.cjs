// Pictures of all pages in three widths and both themes. No page is wider than its window, whatever its width.
"use strict";
const { about, check, go, run, PAGES } = require("./browser.cjs");

run(async (open) => {
    const page = await open();
    for (const of of PAGES) {
        await page.setViewport({ width: 1600, height: 900 });
        await go(page, of);
        for (const width of [320, 360, 480, 545, 640, 800, 930, 1100, 1199, 1201, 1300, 1600]) {
            await page.setViewport({ width, height: 900 });
            const is = await page.evaluate(() => document.documentElement.scrollWidth);
            check(is <= width, `${of.name} is ${is} wide in a window of ${width}`);
        }
        for (const width of [360, 800, 1600]) {
            await page.setViewport({ width, height: width < 500 ? 740 : 900 });
            for (const theme of ["light", "dark"]) {
                await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
                const path = `${about.pictures}/${of.name}-${width}-${theme}.png`;
                await page.screenshot({ path, fullPage: true });
            }
        }
    }
});
