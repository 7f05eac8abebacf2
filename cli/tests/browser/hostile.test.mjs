// Names that come from a trace run nothing, ask for nothing and break no layout.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { assertFits, launch, noBrowser, open, settled, visit } from "./browser.mjs";
import { hasCommand, run, scratchFolder, testTrace, view } from "./gotrace.mjs";
import { hostile, hostileV1 } from "./hostile.mjs";

const folder = scratchFolder();

/**
 * Writes a hostile trace to a file whose name is hostile too.
 * @param {string} from
 * @param {(trace: Buffer) => Buffer} make
 */
function write(from, make) {
  const name = `<img src=x onerror=window.hacked=9>\u202e${from.replace("/", " ")}.trace`;
  const file = path.join(folder, name);
  writeFileSync(file, make(readFileSync(testTrace(from))));
  return file;
}

describe("hostile names", { skip: noBrowser, concurrency: true, timeout: 180_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  for (const [from, make] of [
    ["go1.27/annotations", hostile],
    ["go1.27/http", hostile],
    ["go1.21/annotations", hostileV1],
  ]) {
    test(`in ${from}`, async () => {
      const file = write(from, make);
      const warnings = /(damaged|lost|skipped).*/.exec(run("summary", file));
      assert.equal(warnings, null, "the trace is as valid as the original");
      const server = await view([file]);
      const opened = await open(browser, server.address);
      await everyPage(opened.page);
      await opened.close();
      assert.ok(server.isRunning());
      assert.equal(server.errors(), "");
      server.stop();
    });
  }

  const noReport = !hasCommand("report") && "this gotrace has no report";
  test("in a report", { skip: noReport }, async () => {
    const file = write("go1.27/annotations", hostile);
    const report = path.join(folder, "report.html");
    run("report", file, "-o", report);
    const opened = await open(browser, `file://${report}`);
    await everyPage(opened.page);
    await opened.close();
  });
});

/** Opens each page, and each thing of the timeline. @param {any} page */
async function everyPage(page) {
  await settled(page);
  const widths = await panelWidths(page);
  const groups = await page.evaluate(() =>
    [...document.querySelectorAll('.label a[href*="page=group"]')].map((link) =>
      Number(/id=(\d+)/.exec(link.getAttribute("href") ?? "")?.[1]),
    ),
  );
  assert.ok(groups.length > 3);
  await assertKept(page, widths);

  await visit(page, { page: "timeline", open: groups.slice(0, 6).join() });
  await assertKept(page, widths);
  await hoverEverything(page);
  await assertKept(page, widths);

  const waits = page.locator(".about tbody tr");
  for (let index = 0; index < Math.min(5, await waits.count()); index += 1) {
    await waits.nth(index).click();
    await settled(page);
    await assertKept(page, widths);
  }
  for (const tab of ["Table", "Flame graph", "Wakers"]) {
    await page.getByRole("tab", { name: tab }).click();
    await settled(page);
    await assertKept(page, widths);
  }
  await page.getByRole("tab", { name: "Flame graph" }).click();
  for (const of of ["running", "waiting"]) {
    await visit(page, { of });
    await page.locator(".flame canvas").hover();
    await page.locator(".flame canvas").click({ position: { x: 60, y: 30 } });
    await assertKept(page, widths);
  }
  for (const text of ["window.hacked", "right to left", "WWWWWWWWWWWW", "__proto__", "<b>"]) {
    await page.keyboard.press("/");
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
    await settled(page);
    await assertKept(page, widths);
    await page.keyboard.press("Escape");
  }
  for (const name of ["goroutines", "gc", "tasks", "leak"]) {
    await visit(page, { page: name, id: "" });
    await assertKept(page, {});
    for (const row of await page.locator("summary").all()) await row.click();
    await assertKept(page, {});
  }
  for (const id of groups) {
    await visit(page, { page: "group", id });
    await assertKept(page, {});
  }
  const goroutine = page.locator("tr.link").first();
  if ((await goroutine.count()) > 0) {
    await goroutine.click();
    await settled(page);
    await assertKept(page, {});
  }
}

/** Rests the pointer on each row, for its tooltip. @param {any} page */
async function hoverEverything(page) {
  const lanes = await page.locator(".lanes canvas").boundingBox();
  for (let y = 8; y < lanes.height; y += 19) {
    await page.mouse.move(lanes.x + lanes.width * 0.45, lanes.y + y);
    await page.waitForTimeout(30);
    const tooltip = await page.locator(".tooltip").boundingBox();
    if (tooltip) assert.ok(tooltip.width <= 422 && tooltip.height < 400, JSON.stringify(tooltip));
  }
  await page.mouse.move(lanes.x + lanes.width * 0.3, lanes.y + 60);
  await page.waitForTimeout(600);
}

/** Widths of the parts of the timeline that no name may change. @param {any} page */
async function panelWidths(page) {
  return page.evaluate(() =>
    Object.fromEntries(
      [".labels", ".span", ".about", ".lanes canvas", ".top", ".find input", ".top nav"].map(
        (selector) => [selector, document.querySelector(selector)?.getBoundingClientRect().width],
      ),
    ),
  );
}

/**
 * @param {any} page
 * @param {Record<string, number>} widths
 */
async function assertKept(page, widths) {
  await assertFits(page);
  const now = await panelWidths(page);
  for (const [selector, width] of Object.entries(widths))
    assert.equal(now[selector], width, selector);
  const foreign = await page.evaluate(() => ({
    elements: document.querySelectorAll(
      "img, iframe, object, embed, meta[http-equiv=refresh], [onload], [onerror], [onmouseover], a[href^='javascript']",
    ).length,
    // The page's own, and the data of a report.
    scripts: document.scripts.length <= 2,
    styles: document.querySelectorAll("style").length <= 1,
  }));
  assert.deepEqual(foreign, { elements: 0, scripts: true, styles: true });
  assert.equal(await page.evaluate("window.hacked"), undefined);
}
