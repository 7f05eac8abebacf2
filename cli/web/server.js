// The provider that asks the local server. At most two requests are in flight, so that a fast
// zoom does not queue up work whose answer nobody wants.

import { decodeLanes } from "./binary.js";

/** Requests in flight at a time. */
const IN_FLIGHT = 2;

/** The server refused: the cookie is missing. */
export class NoAccess extends Error {}

/**
 * Turns the token in the fragment into a cookie, and removes it from the address.
 */
export async function logIn() {
  const token = /[#&]token=([0-9a-f]+)/i.exec(location.hash)?.[1];
  if (!token) return;
  const rest = location.hash.replace(/[#&]token=[0-9a-f]+/i, "").replace(/^&/, "#");
  history.replaceState(
    null,
    "",
    `${location.pathname}${rest.startsWith("#") || rest === "" ? rest : `#${rest}`}`,
  );
  await fetch("/api/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
}

/**
 * @returns {Provider}
 */
export function serverProvider() {
  let running = 0;
  /** @type {(() => void)[]} */
  const waiting = [];

  /**
   * @param {string} path
   * @param {boolean} [urgent] goes before those that wait
   * @returns {Promise<Response>}
   */
  const get = async (path, urgent = false) => {
    if (running >= IN_FLIGHT) {
      await new Promise((resolve) => {
        const proceed = () => resolve(undefined);
        if (urgent) waiting.unshift(proceed);
        else waiting.push(proceed);
      });
    }
    running += 1;
    try {
      const response = await fetch(path);
      if (response.status === 401 || response.status === 403) throw new NoAccess();
      if (!response.ok) throw new Error(await errorOf(response));
      return response;
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };

  return {
    embedded: false,
    async session() {
      return (await get("/api/session")).json();
    },
    async lanes(start, end, pixels, names) {
      const query = `start=${Math.floor(start)}&end=${Math.ceil(end)}&pixels=${Math.ceil(pixels)}`;
      const response = await get(`/api/lanes?${query}&lanes=${names.join(",")}`, true);
      return decodeLanes(await response.arrayBuffer(), names);
    },
    async json(path, parameters = {}) {
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries(parameters)) {
        if (value !== undefined)
          query.set(key, typeof value === "number" ? String(Math.round(value)) : value);
      }
      return (await get(`/api/${path}?${query}`)).json();
    },
  };
}

/** @param {Response} response */
async function errorOf(response) {
  try {
    return String((await response.json()).error);
  } catch {
    return `the server answered ${response.status}`;
  }
}
