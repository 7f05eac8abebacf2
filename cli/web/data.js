// Chooses the provider, keeps its latest answers, and tells when the page waits for one.

import { embeddedProvider } from "./embedded.js";
import { serverProvider } from "./server.js";

/** Answers kept, newest last. */
const ANSWERS_KEPT = 300;

/** The page shows that it works if an answer takes longer than this. */
const PATIENCE_MS = 80;

let pending = 0;

function began() {
  pending += 1;
  if (pending > 1) return;
  setTimeout(() => {
    if (pending > 0) document.documentElement.classList.add("busy");
  }, PATIENCE_MS);
}

function ended() {
  pending -= 1;
  if (pending === 0) document.documentElement.classList.remove("busy");
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function watched(promise) {
  began();
  try {
    return await promise;
  } finally {
    ended();
  }
}

/**
 * The provider of this page: the report's own data, or the server.
 * @returns {Provider}
 */
export function openProvider() {
  const inner = embeddedProvider() ?? serverProvider();
  /** @type {Map<string, Promise<any>>} */
  const answers = new Map();
  return {
    embedded: inner.embedded,
    session: () => inner.session(),
    lanes: (start, end, pixels, names) => watched(inner.lanes(start, end, pixels, names)),
    json(path, parameters = {}) {
      const key = `${path}?${JSON.stringify(parameters)}`;
      const known = answers.get(key);
      if (known) return known;
      const answer = watched(inner.json(path, parameters));
      answers.set(key, answer);
      answer.catch(() => answers.delete(key));
      const oldest = answers.keys().next().value;
      if (answers.size > ANSWERS_KEPT && oldest !== undefined) answers.delete(oldest);
      return answer;
    },
  };
}
