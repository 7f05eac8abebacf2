// The timeline in a browser: loading, zoom, selection, wakers, search, ranges, addresses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { assertFits, launch, noBrowser, open, place, settled, visit } from "./browser.mjs";
import { runJson, testTrace, view } from "./gotrace.mjs";

const trace = testTrace("go1.27/http");

describe("timeline", { skip: noBrowser, timeout: 120_000 }, () => {
  let browser;
  let server;
  before(async () => {
    [browser, server] = await Promise.all([launch(), view([trace])]);
  });
  after(async () => {
    await browser?.close();
    assert.ok(server.isRunning());
    assert.equal(server.errors(), "");
    server.stop();
  });

  /** Opens the trace of these tests. @param {{ colorScheme?: "light" | "dark" }} [options] */
  const openTrace = async (options) => {
    const opened = await open(browser, server.address, options);
    await settled(opened.page);
    return opened;
  };

  test("shows progress, then the timeline", async () => {
    const bytes = readFileSync(trace);
    const slow = await view(["-"], { stdin: bytes.subarray(0, bytes.length / 2) });
    const opened = await open(browser, slow.address);
    await opened.page.waitForSelector("progress");
    assert.match(await opened.page.locator(".message").innerText(), /\d KiB/);
    slow.stdin.end(bytes.subarray(bytes.length / 2));
    await settled(opened.page);
    assert.equal(await opened.page.locator("progress").count(), 0);
    assert.match(await opened.page.locator(".top .title").innerText(), /standard input/);
    await opened.close();
    slow.stop();
  });

  test("names the trace, and has lanes of the GC, Ps, groups and threads", async () => {
    const { page, close } = await openTrace();
    assert.match(await page.title(), /^http\.trace – gotrace$/);
    const facts = await page.locator(".top .summary").innerText();
    const session = await page.evaluate(async () => (await fetch("/api/session")).json());
    assert.ok(facts.includes(`${session.trace.goroutine_count} goroutines`), facts);
    const labels = (await page.locator(".label").allInnerTexts()).join("\n");
    for (const proc of session.trace.procs) assert.match(labels, new RegExp(`^P ${proc}$`, "m"));
    assert.match(labels, /Goroutines/);
    assert.match(labels, /http\.\(\*conn\)\.serve/);
    assert.ok(await isDrawn(page, ".lanes canvas"));
    assert.ok(await isDrawn(page, ".overview canvas"));
    assert.ok(!page.url().includes("token"), "the token stays in no address");
    await assertFits(page);
    await close();
  });

  test("zooms and pans by keys, wheel and brush", async () => {
    const { page, close } = await openTrace();
    const whole = await viewOf(page);
    const lanes = await page.locator(".lanes canvas").boundingBox();
    const width = async () => (await viewOf(page)).width;

    const middle = lanes.x + lanes.width / 2;
    await page.mouse.move(middle, lanes.y + 60);
    await page.keyboard.press("w");
    await page.keyboard.press("w");
    await settled(page);
    const zoomed = await viewOf(page);
    assert.ok(Math.abs(zoomed.width / whole.width - 0.72 ** 2) < 0.01, "W zooms in twice");
    const centre = (zoomed.start + zoomed.end) / 2 - (whole.start + whole.end) / 2;
    assert.ok(Math.abs(centre) < whole.width / 100, "W keeps what is under the pointer");
    await page.keyboard.press("d");
    await settled(page);
    const panned = await viewOf(page);
    assert.ok(panned.start > zoomed.start && Math.abs(panned.width / zoomed.width - 1) < 0.01);
    await page.keyboard.press("s");
    await settled(page);
    assert.ok((await width()) > panned.width * 1.2, "S zooms out");
    await page.keyboard.press("0");
    await settled(page);
    assert.ok(Math.abs((await width()) / whole.width - 1) < 0.001, "0 shows the whole trace");

    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -240);
    await page.keyboard.up("Control");
    await settled(page);
    assert.ok((await width()) < whole.width * 0.7, "the wheel zooms");
    await page.keyboard.press("0");
    await settled(page);

    const strip = await page.locator(".overview canvas").boundingBox();
    await drag(
      page,
      [strip.x + strip.width * 0.25, strip.y + 30],
      [strip.x + strip.width * 0.5, strip.y + 30],
    );
    await settled(page);
    const brushed = await viewOf(page);
    assert.ok(Math.abs(brushed.start - (whole.start + whole.width * 0.25)) < whole.width / 100);
    assert.ok(Math.abs(brushed.end - (whole.start + whole.width * 0.5)) < whole.width / 100);
    await close();
  });

  test("a click selects a span, with the values of the command line", async () => {
    const { page, close } = await openTrace();
    const { goroutine, span } = longWait();
    await showGoroutine(page, goroutine);
    await clickSpan(page, goroutine, span);
    const panel = page.locator(".span");
    await panel.locator("h2").waitFor();
    await settled(page);
    const shown = await page.evaluate(
      async ([id, at]) => (await fetch(`/api/span?goroutine=${id}&at=${at}`)).json(),
      [goroutine, span.start_ns],
    );
    for (const key of ["goroutine", "state", "reason", "start_ns", "end_ns", "proc", "thread"])
      assert.equal(shown.span[key], span[key], key);
    assert.deepEqual(shown.span.stack, span.stack);
    const text = await panel.innerText();
    assert.ok(text.includes(span.reason), text);
    assert.ok(text.includes(`G ${goroutine}`), text);
    assert.ok(text.includes(`G ${span.woken_by.goroutine}`), text);
    for (const frame of span.stack.slice(0, 3)) assert.ok(text.includes(`:${frame.line}`), text);
    const milliseconds =
      Number(/([\d.]+) (ms|µs)/.exec(text)[1]) * (text.includes("ms") ? 1e6 : 1e3);
    const length = span.end_ns - span.start_ns;
    assert.ok(Math.abs(milliseconds - length) < length / 50, text);
    await assertFits(page);
    await close();
  });

  test("Enter follows the waker, Backspace returns, arrows step", async () => {
    const { page, close } = await openTrace();
    const { goroutine, span } = longWait();
    await visit(page, { select: `goroutine:${goroutine}@${span.start_ns}` });
    await page.locator(".span h2").waitFor();
    await settled(page);
    const first = (await place(page)).select;
    await page.keyboard.press("Enter");
    await settled(page);
    const waker = (await place(page)).select;
    assert.ok(waker.startsWith(`goroutine:${span.woken_by.goroutine}@`), waker);
    assert.ok(
      (await page.locator(".span dl").innerText()).includes(`G ${span.woken_by.goroutine}`),
    );
    const lanes = await page.locator(".label").allInnerTexts();
    assert.ok(
      lanes.some((text) => text.startsWith(`G ${span.woken_by.goroutine}`)),
      lanes.join(),
    );
    await page.keyboard.press("Backspace");
    await settled(page);
    assert.equal((await place(page)).select, first);
    await page.keyboard.press("ArrowRight");
    await settled(page);
    const spans = runJson("goroutine", trace, String(goroutine)).life.spans;
    const next = spans[spans.findIndex((other) => other.start_ns === span.start_ns) + 1];
    assert.equal((await place(page)).select, `goroutine:${goroutine}@${next.start_ns}`);
    await page.getByRole("tab", { name: "Wakers" }).click();
    await settled(page);
    await page.keyboard.press("Escape");
    await settled(page);
    assert.equal((await place(page)).select, undefined);
    await close();
  });

  test("finds functions, and steps through the hits", async () => {
    const { page, close } = await openTrace();
    await page.keyboard.press("/");
    await page.keyboard.type("readLoop");
    await page.locator(".about tbody tr").first().waitFor();
    await settled(page);
    assert.match(await page.locator(".about tbody").innerText(), /persistConn\)\.readLoop/);
    assert.match(await page.locator(".find .hits").innerText(), /^\d+ hits?$/);
    await page.keyboard.press("Enter");
    await settled(page);
    assert.match(await page.locator(".find .hits").innerText(), /^1 of \d+$/);
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("no such thing");
    await page.getByText("no hit").waitFor();
    await close();
  });

  test("a range has a table and a flame graph", async () => {
    const { page, close } = await openTrace();
    const axis = await page.locator(".axis canvas").boundingBox();
    await drag(
      page,
      [axis.x + axis.width * 0.2, axis.y + 10],
      [axis.x + axis.width * 0.8, axis.y + 10],
    );
    const whole = await viewOf(page);
    const [start, end] = (await place(page)).range.split("-").map(Number);
    assert.ok(Math.abs(start - (whole.start + whole.width * 0.2)) < whole.width / 100);
    assert.ok(Math.abs(end - (whole.start + whole.width * 0.8)) < whole.width / 100);
    await page.getByRole("tab", { name: "Table" }).click();
    await page.locator(".about tbody tr").first().waitFor();
    await page.getByRole("tab", { name: "Flame graph" }).click();
    await page.locator(".flame canvas").waitFor();
    await settled(page);
    assert.ok(await isDrawn(page, ".flame canvas"));
    await page.getByRole("tab", { name: "Table" }).click();
    for (const of of ["runnable", "waiting", "syscall", "network"]) {
      await visit(page, { of });
      await settled(page);
    }
    await assertFits(page);
    await close();
  });

  test("the address restores the view after a reload", async () => {
    const { page, close } = await openTrace();
    const { goroutine, span } = longWait();
    await showGoroutine(page, goroutine);
    await clickSpan(page, goroutine, span);
    await page.keyboard.press("m");
    await page.keyboard.press("f");
    await page.getByRole("tab", { name: "Flame graph" }).click();
    await settled(page);
    const address = page.url();
    const panel = await page.locator(".span").innerText();
    const labels = await page.locator(".label").allInnerTexts();
    await page.reload();
    await settled(page);
    assert.equal(page.url(), address);
    assert.equal(await page.locator(".span").innerText(), panel);
    assert.deepEqual((await page.locator(".label").allInnerTexts()).sort(), labels.sort());
    const tab = page.getByRole("tab", { name: "Flame graph" });
    assert.equal(await tab.getAttribute("aria-selected"), "true");
    await close();
  });

  test("follows the colours of the system, and remembers the reader's choice", async () => {
    const { page, close } = await openTrace({ colorScheme: "dark" });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.getByRole("button", { name: "Light or dark" }).click();
    const light = await background();
    assert.ok(brightness(dark) < 60 && brightness(light) > 200, `${dark} ${light}`);
    await page.reload();
    await settled(page);
    assert.equal(await background(), light);
    await close();
  });

  test("lists its keys", async () => {
    const { page, close } = await openTrace();
    await page.keyboard.press("?");
    await page.locator("dialog.help").waitFor();
    await assertFits(page);
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("main");
    assert.equal(await page.locator("dialog.help").isVisible(), false);
    assert.equal(await page.locator(".find input").inputValue(), "main");
    await close();
  });
});

/** A wait that another goroutine ended, and long enough to be clicked. */
function longWait() {
  const { matches } = runJson("goroutine", trace, "--func", "main.main.func2");
  const waits = matches.flatMap(({ goroutine }) =>
    runJson("goroutine", trace, String(goroutine))
      .life.spans.filter((span) => span.state === "waiting" && span.woken_by?.goroutine)
      .map((span) => ({ goroutine, span })),
  );
  waits.sort((a, b) => b.span.end_ns - b.span.start_ns - (a.span.end_ns - a.span.start_ns));
  return waits[0];
}

/** Opens the group of a goroutine, and scrolls to its lane. */
async function showGoroutine(page, goroutine) {
  const { group } = await page.evaluate(
    async (id) => (await fetch(`/api/goroutine?id=${id}`)).json(),
    goroutine,
  );
  await visit(page, { open: group });
  const box = await page.locator(".lanes canvas").boundingBox();
  await page.mouse.move(box.x + 10, box.y + 10);
  for (let turn = 0; turn < 40 && (await laneLabel(page, goroutine).count()) === 0; turn += 1) {
    await page.mouse.wheel(0, 60);
    await page.waitForTimeout(100);
  }
  await settled(page);
}

function laneLabel(page, goroutine) {
  const name = page.locator(".name", { hasText: new RegExp(`^G ${goroutine}$`) });
  return page.locator(".label.runs", { has: name }).last();
}

/** Clicks in the middle of a span on the lane of its goroutine. */
async function clickSpan(page, goroutine, span) {
  const label = await laneLabel(page, goroutine).boundingBox();
  const lanes = await page.locator(".lanes canvas").boundingBox();
  const { start, width } = await viewOf(page);
  const at = ((span.start_ns + span.end_ns) / 2 - start) / width;
  await page.mouse.click(lanes.x + at * lanes.width, label.y + label.height / 2);
  await page.locator(".span h2").waitFor();
}

/** The range in view. */
async function viewOf(page) {
  const { start, end } = await place(page);
  if (start !== undefined)
    return { start: Number(start), end: Number(end), width: Number(end) - Number(start) };
  const session = await page.evaluate(async () => (await fetch("/api/session")).json());
  const { start_ns, end_ns } = session.trace;
  return { start: start_ns, end: end_ns, width: end_ns - start_ns };
}

/** Whether a canvas has more than one colour. */
async function isDrawn(page, selector) {
  return page.locator(selector).evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size > 2;
  });
}

async function drag(page, [x, y], [toX, toY]) {
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move((x + toX) / 2, (y + toY) / 2);
  await page.mouse.move(toX, toY);
  await page.mouse.up();
}

/** Brightness of a colour such as "rgb(1, 2, 3)", from 0 to 255. */
function brightness(colour) {
  const parts = colour.match(/\d+/g).map(Number);
  return (parts[0] + parts[1] + parts[2]) / 3;
}
