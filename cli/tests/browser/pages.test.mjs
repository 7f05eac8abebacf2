// The pages beside the timeline, in light and dark.
//
// With GOTRACE_SCREENSHOTS=FOLDER, a picture of each is written there, to be looked at.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { assertFits, launch, noBrowser, open, place, settled, visit } from "./browser.mjs";
import { gotrace, root, run, runJson, testTrace, view } from "./gotrace.mjs";

const pictures = process.env.GOTRACE_SCREENSHOTS;

/** @type {("light" | "dark")[]} */
const schemes = ["light", "dark"];

describe("pages", { skip: noBrowser, timeout: 120_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  /**
   * Opens files in light and dark, and checks their pages.
   * @param {string[]} files
   * @param {(page: any, shoot: (name: string) => Promise<void>) => Promise<void>} check
   */
  const inBoth = async (files, check) => {
    const server = await view(files);
    for (const colorScheme of schemes) {
      const { page, close } = await open(browser, server.address, { colorScheme });
      await settled(page);
      await check(page, async (name) => {
        await assertFits(page);
        if (pictures)
          await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) });
      });
      await close();
    }
    assert.ok(server.isRunning());
    assert.equal(server.errors(), "");
    server.stop();
  };
  /** Goes to a page by its link. */
  const goTo = async (page, name) => {
    await page.getByRole("navigation", { name: "Pages" }).getByText(name, { exact: true }).click();
    await settled(page);
  };

  test("Goroutines: groups, a group, a goroutine", async () => {
    const trace = testTrace("go1.27/http");
    const { group_count: groups, goroutine_count: goroutines } = runJson("goroutines", trace);
    await inBoth([trace], async (page, shoot) => {
      await shoot("timeline");
      await page.locator(".about tbody tr").nth(1).click();
      await settled(page);
      await shoot("timeline-selected");
      await page.getByRole("tab", { name: "Flame graph" }).click();
      await visit(page, { of: "waiting" });
      await shoot("timeline-flame");
      await goTo(page, "Goroutines");
      const lead = await page.locator(".lead").innerText();
      assert.ok(lead.includes(`${goroutines} goroutines in ${groups} groups`), lead);
      assert.equal(await page.locator("tbody tr").count(), groups);
      await shoot("goroutines");
      await page.getByRole("button", { name: "function" }).click();
      const names = await page.locator("tbody tr td:first-child").allInnerTexts();
      assert.deepEqual(names, [...names].sort(), "sorted by the column");

      await page.locator("tbody").getByText("main.main.func2", { exact: true }).click();
      await settled(page);
      assert.equal((await place(page)).page, "group");
      assert.equal(await page.locator("h1").innerText(), "main.main.func2");
      assert.equal(await page.locator("tbody tr").count(), 3);
      await shoot("group");
      await page.locator("tbody tr").first().getByRole("link").first().click();
      await settled(page);
      const { page: kind, id } = await place(page);
      assert.equal(kind, "goroutine");
      assert.equal(await page.locator("h1").innerText(), `G ${id}`);
      const { life } = runJson("goroutine", trace, String(id));
      const text = await page.locator(".subpage").innerText();
      for (const { reason } of life.totals.waiting) assert.ok(text.includes(reason), reason);
      await shoot("goroutine");
      await page.getByText("show on the timeline").click();
      await settled(page);
      assert.ok(
        (await page.locator(".label").allInnerTexts()).some((label) => label.includes(`G ${id}`)),
      );
      await page.goBack();
      await settled(page);
      assert.equal((await place(page)).page, "goroutine");
    });
  });

  test("goroutines without a function say why", async () => {
    const missing = "(no stack in the trace)";
    await inBoth([testTrace("go1.21/http")], async (page, shoot) => {
      const label = page.locator(".label", { hasText: missing });
      const box = await label.boundingBox();
      await page.mouse.move(box.x + 400, box.y + 10);
      await page.locator(".tooltip", { hasText: missing }).waitFor();
      await visit(page, { page: "goroutines" });
      assert.equal(await page.locator(".tooltip").isVisible(), false);
      assert.equal(await page.locator("tbody tr", { hasText: missing }).count(), 1);
      await shoot("goroutines-without-function");
      await page.getByRole("link", { name: missing }).click();
      await settled(page);
      assert.equal(await page.locator("h1").innerText(), missing);
    });
  });

  test("GC: cycles, pauses, utilisation", async () => {
    const trace = testTrace("go1.27/gc");
    const gc = runJson("gc", trace);
    await inBoth([trace], async (page, shoot) => {
      await shoot("timeline-gc");
      await goTo(page, "GC");
      const facts = await page.locator(".subpage .facts").innerText();
      assert.match(facts, new RegExp(`collections\\s+${gc.cycle_count}\\b`));
      const cycles = page.locator("table", { hasText: "heap at start" }).locator("tbody tr");
      assert.equal(await cycles.count(), gc.cycle_count);
      assert.equal(await page.locator("svg.chart").count(), 3);
      await shoot("gc");
      await cycles.first().click();
      await settled(page);
      const { start_ns: start, end_ns: end } = gc.cycles[0];
      assert.equal((await place(page)).range, `${start}-${end}`);
      await shoot("timeline-cycle");
    });
  });

  test("Tasks: tasks, regions, latencies", async () => {
    const trace = testTrace("go1.27/annotations");
    const { task_count: tasks, region_count: regions } = runJson("tasks", trace);
    await inBoth([trace], async (page, shoot) => {
      await shoot("timeline-tasks");
      await goTo(page, "Tasks");
      const text = await page.locator(".subpage").innerText();
      assert.ok(text.includes(`Tasks · ${tasks}`) && text.includes(`Regions · ${regions}`), text);
      for (const name of ["fan out", "outlives its parent", "innermost"])
        assert.ok(text.includes(name), name);
      assert.match(text, /scheduler latency/);
      await shoot("tasks");
    });
  });

  test("without tasks and collections, the pages say how to capture them", async () => {
    await inBoth([testTrace("go1.27/pingpong")], async (page, shoot) => {
      await goTo(page, "Tasks");
      assert.match(await page.locator(".subpage").innerText(), /trace\.NewTask/);
      await shoot("tasks-none");
      await goTo(page, "GC");
      assert.match(await page.locator(".subpage").innerText(), /No collection ran/);
      await shoot("gc-none");
      await goTo(page, "Leak");
      await shoot("leak-none");
      await visit(page, { page: "nonsense" });
      assert.match(await page.locator(".subpage").innerText(), /does not exist/);
    });
  });

  const oneFile = !/<FILE>\.\.\./.test(run("view", "--help")) && "this gotrace shows one file only";
  const folder = path.join(root, "testdata/leaks/captures/go1.27/chanrecv");

  test("Leak: the verdict and its findings", { skip: oneFile }, async () => {
    // The exit status of a leak is 1.
    const { stdout } = spawnSync(gotrace, ["diagnose", folder, "--json"], { encoding: "utf8" });
    const { verdict, findings } = JSON.parse(stdout);
    assert.equal(verdict, "leak");
    await inBoth([folder], async (page, shoot) => {
      await goTo(page, "Leak");
      const text = await page.locator(".subpage").innerText();
      assert.match(text, /There is a leak/);
      for (const { title } of findings) assert.ok(text.includes(title), title);
      for (const evidence of await page.locator("summary").all()) await evidence.click();
      await shoot("leak");
    });
  });

  test("Profiles: flame graph and call graph", { skip: oneFile }, async (t) => {
    await inBoth([folder], async (page, shoot) => {
      const path = "/api/pprof?id=0&type=goroutine";
      const answer = await page.context().request.get(new URL(path, page.url()).href);
      if (answer.status() === 404) return t.skip("this gotrace has no flame graphs of profiles");
      await goTo(page, "Profiles");
      await page.locator(".flame canvas").waitFor();
      await shoot("profile");
      await page.getByText("Call graph").click();
      await settled(page);
      await shoot("call-graph");
    });
  });
});
