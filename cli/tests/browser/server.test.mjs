// What other programs and other sites may send to the server: it refuses and goes on.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { testTrace, view } from "./gotrace.mjs";

/** The server closes a connection that does not send its headers after this long. */
const HEADER_MS = 10_000;

describe("server", { concurrency: true, timeout: 90_000 }, () => {
  let server;
  let cookie;
  before(async () => {
    server = await view([testTrace("go1.27/http")]);
    cookie = await logIn(server);
    await loaded();
  });
  after(async () => {
    assert.equal((await get("/api/session")).status, 200, "the server still answers");
    assert.ok(server.isRunning());
    assert.equal(server.errors(), "");
    server.stop();
  });

  /** Waits until the trace is loaded. */
  const loaded = async () => {
    while (JSON.parse((await get("/api/session")).body).phase !== "ready")
      await new Promise((resolve) => setTimeout(resolve, 50));
  };
  /** A request of the page that logged in. */
  const get = (path, headers = {}, method = "GET", body = undefined) =>
    request(server.port, path, { cookie, ...headers }, method, body);
  /** Sends lines as they are; the status of the answer, or "closed" without one. */
  const raw = (...lines) => rawStatus(server.port, `${lines.join("\r\n")}\r\n\r\n`);
  const host = () => `Host: 127.0.0.1:${server.port}`;

  test("the page gets its files and answers, with headers that confine it", async () => {
    for (const [path, type] of [
      ["/", "text/html"],
      ["/main.js", "text/javascript"],
      ["/style.css", "text/css"],
      ["/api/session", "application/json"],
    ]) {
      const { status, headers } = await get(path);
      assert.equal(status, 200, path);
      assert.match(headers["content-type"], new RegExp(`^${type}`));
      const policy = headers["content-security-policy"];
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ])
        assert.ok(policy.includes(part), `${path}: ${policy}`);
      assert.ok(!/unsafe|\*/.test(policy), policy);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["referrer-policy"], "no-referrer");
      assert.equal(headers["cross-origin-resource-policy"], "same-origin");
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
    assert.equal((await get("/api/session", { host: `localhost:${server.port}` })).status, 200);
  });

  test("a foreign, missing or second Host is refused", async () => {
    const line = "GET /api/session HTTP/1.1";
    const session = `Cookie: ${cookie}`;
    assert.equal(await raw(line, host(), session), 200);
    for (const hosts of [
      ["Host: example.com"],
      [`Host: example.com:${server.port}`],
      ["Host:"],
      [],
      ["Host: 127.0.0.1"],
      [`Host: 127.0.0.1:${server.port}.example.com`],
      [`Host: 0.0.0.0:${server.port}`],
      [host(), "Host: example.com"],
      ["Host: example.com", host()],
      [host(), host()],
    ])
      assert.match(String(await raw(line, ...hosts, session)), /^4\d\d$/, hosts.join());
    // The files of the page have no secrets, but rebinding must not reach them either.
    assert.equal(await raw("GET / HTTP/1.1", "Host: example.com"), 403);
    assert.match(String(await raw("GET /api/session HTTP/1.0", session)), /^4\d\d$/);
  });

  test("a request line of a proxy names no other host", async () => {
    const session = `Cookie: ${cookie}`;
    for (const target of ["http://example.com/api/session", "http://user@example.com/"])
      assert.match(String(await raw(`GET ${target} HTTP/1.1`, host(), session)), /^4\d\d$/, target);
    for (const line of [
      "CONNECT example.com:80 HTTP/1.1",
      "OPTIONS * HTTP/1.1",
      "TRACE / HTTP/1.1",
    ])
      assert.match(String(await raw(line, host(), session)), /^4\d\d$/, line);
  });

  test("requests of other sites are refused", async () => {
    for (const origin of [
      "http://example.com",
      "null",
      `http://127.0.0.1:${server.port + 1}`,
      `https://127.0.0.1:${server.port}`,
      `http://127.0.0.1:${server.port}.example.com`,
      "",
    ])
      assert.equal((await get("/api/session", { origin })).status, 403, origin);
    for (const site of ["cross-site", "same-site", "other", ""])
      assert.equal((await get("/api/session", { "sec-fetch-site": site })).status, 403, site);
    assert.equal((await get("/", { "sec-fetch-site": "cross-site" })).status, 200, "a link");
    const own = { origin: server.origin, "sec-fetch-site": "same-origin" };
    assert.equal((await get("/api/session", own)).status, 200);
    const login = { "content-type": "application/json", "sec-fetch-site": "cross-site" };
    const body = JSON.stringify({ token: server.token });
    assert.equal((await get("/api/login", login, "POST", body)).status, 403);
  });

  test("answers need the cookie of this server", async () => {
    const [name, value] = cookie.split("=");
    for (const wrong of [
      undefined,
      "",
      `${name}=`,
      `gotrace-${server.port + 1}=${value}`,
      `gotrace=${value}`,
      `${name}=${server.token}`,
      `${name}=${value.slice(1)}`,
      `${name}=${value}0`,
      `${name}=${value.toUpperCase().replace(/[0-9]/g, "A")}`,
    ]) {
      const headers = wrong === undefined ? {} : { cookie: wrong };
      for (const path of [
        "/api/session",
        "/api/lanes?lanes=gc&pixels=10",
        "/api/gc",
        "/api/find?q=a",
      ])
        assert.equal((await request(server.port, path, headers)).status, 403, `${wrong} ${path}`);
    }
  });

  test("only the token gets a cookie", async () => {
    const json = { "content-type": "application/json" };
    const post = (body, headers = json) =>
      request(server.port, "/api/login", headers, "POST", body);
    const good = JSON.stringify({ token: server.token });
    const answer = await post(good);
    assert.equal(answer.status, 204);
    const [set] = answer.headers["set-cookie"];
    assert.match(set, /; HttpOnly; SameSite=Strict; Path=\/$/);
    assert.ok(!set.includes(server.token), "the cookie is not the token");
    const guesses = Array.from({ length: 200 }, (_, n) => n.toString(16).padStart(32, "0"));
    for (const token of ["", server.token.slice(1), `${server.token} `, ...guesses]) {
      const { status, headers } = await post(JSON.stringify({ token }));
      assert.equal(status, 403, token);
      assert.equal(headers["set-cookie"], undefined);
    }
    for (const body of [
      "",
      "{",
      "[]",
      '{"token":1}',
      '{"token":null}',
      "{}",
      `{"token":${"[".repeat(900)}`,
    ])
      assert.match(String((await post(body)).status), /^4\d\d$/, body);
    // A form of another site can send these without asking first.
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
      assert.equal((await post(good, { "content-type": type })).status, 415, type);
    const { status } = await request(server.port, "/api/login", {}, "GET");
    assert.match(String(status), /^4\d\d$/);
  });

  test("large headers and bodies are refused", async () => {
    const json = { "content-type": "application/json" };
    const big = JSON.stringify({ token: "0".repeat(5_000) });
    assert.equal((await request(server.port, "/api/login", json, "POST", big)).status, 413);
    const large = await raw("GET / HTTP/1.1", host(), `X: ${"x".repeat(1 << 20)}`);
    assert.ok(large === 431 || large === "closed", String(large));
    const many = Array.from({ length: 5_000 }, (_, n) => `X-${n}: 1`);
    assert.match(String(await raw("GET / HTTP/1.1", host(), ...many)), /^(431|closed)$/);
    const long = await raw(`GET /${"x".repeat(1 << 20)} HTTP/1.1`, host());
    assert.match(String(long), /^(414|431|closed)$/);
    const endless = await raw("POST /api/login HTTP/1.1", host(), "Content-Length: 99999999999999");
    assert.match(String(endless), /^4\d\d$/);
    const both = ["Content-Length: 4", "Transfer-Encoding: chunked"];
    assert.match(String(await raw("POST /api/login HTTP/1.1", host(), ...both)), /^4\d\d$/);
    assert.match(String(await raw("nonsense")), /^(400|closed)$/);
    assert.match(String(await rawStatus(server.port, Buffer.alloc(4096, 0xff))), /^(400|closed)$/);
  });

  test("nothing acts on POST except for the login", async () => {
    for (const path of ["/", "/main.js", "/api/session", "/api/lanes", "/api/gc", "/api/nothing"])
      for (const method of ["POST", "PUT", "DELETE", "PATCH"])
        assert.match(
          String((await get(path, {}, method, "{}")).status),
          /^4\d\d$/,
          `${method} ${path}`,
        );
  });

  test("paths lead to no other file", async () => {
    for (const path of [
      "/../Cargo.toml",
      "/%2e%2e/Cargo.toml",
      "/%2e%2e%2fCargo.toml",
      "/..%5cCargo.toml",
      "//etc/passwd",
      "/etc/passwd",
      "/main.js/../../Cargo.toml",
      "/main.js%00.html",
      "/types.d.ts",
      "/tsconfig.json",
      "/api/../Cargo.toml",
      "/api/",
      "/api",
      "/api/nothing",
      "/api/session/",
      "/api//session",
    ]) {
      const status = await raw(`GET ${path} HTTP/1.1`, host(), `Cookie: ${cookie}`);
      assert.match(String(status), /^4\d\d$/, path);
    }
  });

  test("wrong parameters are refused, and none of them ends the server", async () => {
    const numbers = [
      "-1",
      "0",
      "1e9",
      "NaN",
      "",
      "18446744073709551615",
      "9223372036854775807",
      "-9223372036854775808",
      "9".repeat(400),
      "1.5",
      "\0",
      "<script>",
      "\u202e",
    ];
    const paths = [
      "lanes?lanes=gc&pixels=N&start=0&end=1",
      "lanes?lanes=gc&pixels=100&start=N&end=N",
      "lanes?lanes=proc:N,goroutine:N,thread:N,group:N&pixels=100",
      "lanes?lanes=N&pixels=100",
      `lanes?pixels=100&lanes=${Array(5000).fill("gc").join()}`,
      "series?names=heap&pixels=N",
      "series?names=N&pixels=100",
      "marks?pixels=100&start=N&end=0",
      "marks?pixels=N",
      "intervals?kind=N&pixels=100",
      "intervals?kind=tasks&pixels=N&start=N&end=N",
      "group?id=N",
      "group?id=0&offset=N&limit=N&sort=N",
      "goroutine?id=N",
      "span?goroutine=N&at=N",
      "span?proc=N&at=0",
      "span?thread=N&at=0",
      "step?goroutine=1&at=N&to=N",
      "profile?of=N",
      "profile?of=waiting&reason=N&group=N",
      "waits?limit=N&start=N&end=N",
      "find?q=N&limit=N",
      "names?goroutines=N",
      `names?goroutines=${Array(501).fill("1").join()}`,
      "gc?N=N",
    ];
    for (const path of paths)
      for (const number of numbers) {
        const { status, body } = await get(
          `/api/${path.replaceAll("N", encodeURIComponent(number))}`,
        );
        assert.ok(
          status === 200 || (status >= 400 && status < 500),
          `${status}: ${path} ${number}`,
        );
        if (status >= 400) assert.equal(typeof JSON.parse(body).error, "string", path);
      }
    for (const path of [
      "lanes?lanes=gc&pixels=N",
      "series?names=heap&pixels=N",
      "marks?pixels=N",
    ]) {
      for (const number of ["-1", "NaN", "9".repeat(400)])
        assert.equal(
          (await get(`/api/${path.replace("N", number)}`)).status,
          400,
          `${path} ${number}`,
        );
      const { body } = await get(`/api/${path.replace("N", "18446744073709551615")}`);
      assert.ok(body.length < 8 << 20, `${path}: ${body.length} bytes`);
    }
  });

  test("a connection that does not send its headers is closed", async () => {
    const times = await Promise.all([
      silence(server.port, ""),
      silence(server.port, "GET / HTTP/1.1\r\n"),
      silence(server.port, `GET / HTTP/1.1\r\n${host()}\r\nX: `, 1000),
    ]);
    for (const time of times)
      assert.ok(time > HEADER_MS * 0.8 && time < HEADER_MS * 1.6, `closed after ${time} ms`);
  });
});

describe("server with many connections", { timeout: 60_000 }, () => {
  test("idle connections do not keep a page from its answers for long", async () => {
    const server = await view([testTrace("go1.27/http")]);
    const cookie = await logIn(server);
    const idle = Array.from({ length: 100 }, () => {
      const socket = net.connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      return socket;
    });
    const start = Date.now();
    const { status } = await request(server.port, "/api/session", { cookie });
    assert.equal(status, 200);
    assert.ok(Date.now() - start < HEADER_MS * 2.5, `answered after ${Date.now() - start} ms`);
    for (const socket of idle) socket.destroy();
    assert.ok(server.isRunning());
    server.stop();
  });
});

/**
 * Sends a request on a connection of its own.
 * @param {number} port
 * @param {string} path
 * @param {Record<string, string>} [headers]
 * @param {string} [method]
 * @param {string} [body]
 * @returns {Promise<{ status: number, headers: any, body: string }>}
 */
function request(port, path, headers = {}, method = "GET", body = undefined) {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path,
      headers,
      method,
      agent: false,
      timeout: 40_000,
    };
    const sent = http.request(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => {
        text += part;
      });
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      );
    });
    sent.on("timeout", () =>
      sent.destroy(new Error(`no answer to ${method} ${path.slice(0, 200)}`)),
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The cookie that the token gets. */
async function logIn({ port, token }) {
  const headers = { "content-type": "application/json" };
  const answer = await request(port, "/api/login", headers, "POST", JSON.stringify({ token }));
  return answer.headers["set-cookie"][0].split(";")[0];
}

/**
 * Sends bytes; the status of the answer, or "closed" if the server closes without one.
 * @param {number} port
 * @param {string | Buffer} bytes
 * @returns {Promise<number | "closed">}
 */
function rawStatus(port, bytes) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let answer = "";
    socket.setTimeout(5_000, () => {
      socket.destroy();
      reject(new Error(`no answer to ${String(bytes).slice(0, 200)}`));
    });
    socket.on("data", (data) => {
      answer += data;
      const status = /^HTTP\/1\.[01] (\d+)/.exec(answer);
      if (!status) return;
      resolve(Number(status[1]));
      socket.destroy();
    });
    socket.on("close", () => resolve("closed"));
    // The server may close before it has read everything.
    socket.on("error", () => {});
    socket.write(bytes);
  });
}

/**
 * Sends a part of a request, and one more byte now and then; how long the server bears it.
 * @param {number} port
 * @param {string} part
 * @param {number} [every] milliseconds
 * @returns {Promise<number>}
 */
function silence(port, part, every) {
  return new Promise((resolve) => {
    const start = Date.now();
    const socket = net.connect(port, "127.0.0.1", () => socket.write(part));
    const timer = every ? setInterval(() => socket.write("x"), every) : undefined;
    socket.on("error", () => {});
    socket.resume();
    socket.on("close", () => {
      clearInterval(timer);
      resolve(Date.now() - start);
    });
  });
}
