// The report: the same page in one file, which asks nobody for anything.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { assertFits, launch, noBrowser, open, place, settled, visit } from "./browser.mjs";
import { hasCommand, run, runJson, scratchFolder, testTrace } from "./gotrace.mjs";

const noReport = !hasCommand("report") && "this gotrace has no report";

describe("report", { skip: noBrowser || noReport, timeout: 120_000 }, () => {
  const folder = scratchFolder();
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  /**
   * Writes the report of a trace and opens it from the disk.
   * @param {string} name
   */
  const openReport = async (name) => {
    const file = path.join(folder, `${path.basename(name)}.html`);
    run("report", testTrace(name), "-o", file);
    const opened = await open(browser, `file://${file}`);
    await settled(opened.page);
    const close = async () => {
      assert.deepEqual([...new Set(opened.requests)], [`file://${file}`], "no other request");
      await opened.close();
    };
    return { ...opened, file, close };
  };

  test("shows the timeline, a wait and its waker", async () => {
    const { page, close } = await openReport("go1.27/http");
    assert.match(await page.locator(".top .title").innerText(), /http\.trace/);
    assert.match((await page.locator(".label").allInnerTexts()).join("\n"), /main\.main\.func2/);
    await assertFits(page);
    await page.locator(".about tbody tr").first().click();
    await page.locator(".span h2").waitFor();
    const { select } = await place(page);
    const [, goroutine, at] = /^goroutine:(\d+)@(\d+)$/.exec(select);
    const { spans } = runJson("goroutine", testTrace("go1.27/http"), goroutine).life;
    const span = spans.find((other) => other.start_ns === Number(at));
    const text = await page.locator(".span").innerText();
    assert.ok(text.includes(span.reason) && text.includes(`G ${span.woken_by.goroutine}`), text);
    for (const tab of ["Table", "Flame graph", "Wakers"]) {
      await page.getByRole("tab", { name: tab }).click();
      await settled(page);
    }
    const address = page.url();
    await page.reload();
    await settled(page);
    assert.equal(page.url(), address);
    await close();
  });

  test("has the other pages, and says what was left out", async () => {
    const { page, close } = await openReport("go1.27/annotations");
    for (const [name, expected] of [
      ["goroutines", /14 goroutines/],
      ["gc", /Garbage collection/],
      ["tasks", /fan out/],
      ["leak", /./],
    ]) {
      await visit(page, { page: name });
      assert.match(await page.locator(".subpage").innerText(), expected, name);
      await assertFits(page);
    }
    await page.getByRole("button", { name: "report: an extract" }).click();
    const dialog = page.locator("dialog[open]");
    assert.match(await dialog.innerText(), /leaves out[^]*gotrace view annotations\.trace/);
    await assertFits(page);
    await close();
  });

  test("runs only its own script", async () => {
    const { file, page, faults, close } = await openReport("go1.27/pingpong");
    const html = readFileSync(file, "utf8");
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]+)"/i.exec(html)?.[1];
    assert.ok(policy, "the report has a policy");
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'sha256-[^']+'/);
    assert.ok(!/unsafe-inline|unsafe-eval|https?:/.test(policy), policy);
    const ran = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      return window.ran === true;
    });
    assert.equal(ran, false, "a script that is added does not run");
    // Chromium reports the refusal on the console.
    assert.equal(faults.length, 1);
    assert.match(faults.pop() ?? "", /Content Security Policy/);
    await close();
  });
});
