// A browser for the tests. Each page records what must not happen: errors, dialogs, requests to
// others.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { root } from "./gotrace.mjs";

/** The folder in which npm installed the packages of package.json. */
const packages = process.env.GOTRACE_NODE_PACKAGES ?? path.join(root, "target/browser");
const executable = process.env.GOTRACE_CHROMIUM ?? "/usr/bin/chromium";

/** Why there is no browser, or false: the `skip` option of a test. */
export const noBrowser = !existsSync(executable)
  ? `there is no ${executable}`
  : !existsSync(path.join(packages, "node_modules/playwright-core"))
    ? "playwright-core is not installed"
    : false;

/**
 * A folder with the files of the page, to try a change without building: they replace those that
 * are compiled into gotrace.
 */
const pageFolder = process.env.GOTRACE_PAGE;

/** Size of the window: the smallest that the page is made for. */
const WINDOW = { width: 1280, height: 800 };

export async function launch() {
  const require = createRequire(path.join(packages, "package.json"));
  const { chromium } = require("playwright-core");
  return chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
}

/**
 * Opens an address in a window of its own, with its own cookies.
 * @param {any} browser
 * @param {string} address
 * @param {{ colorScheme?: "light" | "dark" }} [options]
 */
export async function open(browser, address, { colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport: WINDOW, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  /** @type {string[]} */
  const faults = [];
  /** @type {string[]} */
  const requests = [];
  const own = address.startsWith("http") ? new URL(address).origin : address;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("popup", () => faults.push("a window was opened"));
  page.on("request", (request) => {
    requests.push(request.url());
    if (!request.url().startsWith(own) && !request.url().startsWith("data:,"))
      faults.push(`request: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  if (pageFolder && address.startsWith("http")) await replaceFiles(page, own, pageFolder);
  await page.goto(address);
  return {
    page,
    requests,
    faults,
    /** Ends the test of this page: fails if anything happened that must not. */
    async close() {
      assert.equal(await page.evaluate("window.hacked"), undefined);
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

/**
 * @param {any} page
 * @param {string} origin
 * @param {string} folder
 */
async function replaceFiles(page, origin, folder) {
  await page.route(`${origin}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.startsWith("/api/")) return route.continue();
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    const kind = name.endsWith(".js") ? "text/javascript" : `text/${path.extname(name).slice(1)}`;
    const response = await route.fetch();
    const headers = { ...response.headers(), "content-type": kind };
    return route.fulfill({ status: 200, headers, path: path.join(folder, name) });
  });
}

/** Waits until the timeline is drawn and no answer is outstanding. @param {any} page */
export async function settled(page) {
  await page.waitForSelector("header.top");
  await page.waitForFunction(() => !document.documentElement.classList.contains("busy"));
  // The panels follow the view after it rests.
  await page.waitForTimeout(450);
  await page.waitForFunction(() => !document.querySelector(".stale"));
  await page.waitForFunction(() => !document.documentElement.classList.contains("busy"));
}

/** The fragment of the address, as an object. @param {any} page */
export async function place(page) {
  return Object.fromEntries(new URLSearchParams(new URL(page.url()).hash.slice(1)));
}

/**
 * Changes the fragment of the address, as a link would.
 * @param {any} page
 * @param {Record<string, any>} changes
 */
export async function visit(page, changes) {
  const fragment = new URLSearchParams({ ...(await place(page)), ...changes });
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#${fragment}`);
  await settled(page);
}

/** Fails if the document, or a page in it, is wider than the window. @param {any} page */
export async function assertFits(page) {
  const sizes = await page.evaluate(() => ({
    document: document.documentElement.scrollWidth - innerWidth,
    height: document.documentElement.scrollHeight - innerHeight,
    inside: [...document.querySelectorAll(".subpage, .top, .span, .tabbody, dialog[open]")]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .map((element) => element.className),
  }));
  assert.deepEqual(sizes, { document: 0, height: 0, inside: [] }, new URL(page.url()).hash);
}
