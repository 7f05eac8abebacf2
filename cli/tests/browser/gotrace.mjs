// Runs the command: once for its output, or as the server of `gotrace view`.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const gotrace = process.env.GOTRACE ?? path.join(root, "target/debug/gotrace");

/** The server has this long to print its address. */
const START_MS = 20_000;

/**
 * The path of a trace of testdata.
 * @param {string} name such as "go1.27/http"
 */
export function testTrace(name) {
  return path.join(root, "testdata/traces", `${name}.trace`);
}

/**
 * Runs gotrace and returns what it prints.
 * @param {string[]} args
 */
export function run(...args) {
  return execFileSync(gotrace, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/**
 * The result of a command with --json.
 * @param {string[]} args
 */
export function runJson(...args) {
  return JSON.parse(run(...args, "--json", "--all"));
}

/** Whether this gotrace has a subcommand. @param {string} name */
export function hasCommand(name) {
  return run("--help")
    .split("\n")
    .some((line) => line.trim().startsWith(`${name} `));
}

/** A folder that is removed at the end of the process. */
export function scratchFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), "gotrace-browser-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Starts `gotrace view` and waits until it has printed its address.
 * @param {string[]} files
 * @param {{ stdin?: Buffer }} [options] `stdin` is written at once; `server.stdin` takes the rest
 */
export async function view(files, { stdin } = {}) {
  const child = spawn(gotrace, ["view", "--no-open", ...files], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  process.on("exit", () => child.kill("SIGKILL"));
  // A failed test does not stop its server, which must not keep the tests from ending.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
  if (stdin) child.stdin.write(stdin);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const address = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no address: ${errors}`)), START_MS);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      const line = /^http:\S+$/m.exec(output);
      if (line && output.includes("\n")) {
        clearTimeout(timer);
        resolve(line[0]);
      }
    });
    child.on("exit", (code) => reject(new Error(`gotrace ended with ${code}: ${errors}`)));
  });
  const url = new URL(address);
  return {
    /** The address with the token. */
    address,
    origin: url.origin,
    port: Number(url.port),
    token: url.hash.replace("#token=", ""),
    stdin: child.stdin,
    /** What the server wrote to standard error. */
    errors: () => errors,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: () => child.kill("SIGKILL"),
  };
}
