// Text from traces is hostile: it may hold markup, control and bidirectional characters, or be
// very long. It reaches the page only through `clean` and `textContent` or `fillText`.

/** Longest text shown in tables and panels, in UTF-16 units. */
const LONGEST = 300;

/** Longest text of a title (the tooltip of the browser). */
const LONGEST_TITLE = 2000;

const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * Text with control characters made visible, as Go's strconv.Quote does, and cut.
 * @param {string} text
 * @param {number} [longest]
 * @returns {string}
 */
export function clean(text, longest = LONGEST) {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    const short = "tnr"["\t\n\r".indexOf(character)];
    if (short) return `\\${short}`;
    return code < 0x80 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

/**
 * @param {number} code
 * @param {number} digits
 */
function hex(code, digits) {
  return code.toString(16).padStart(digits, "0");
}

/**
 * The same for the title of an element.
 * @param {string} text
 */
export function cleanTitle(text) {
  return clean(text, LONGEST_TITLE);
}

/** Characters of a function's name that are looked at. */
const LONGEST_NAME = 2000;

/** In place of the function of a goroutine that never had a stack, as the command prints it. */
export const NO_STACK = "(no stack in the trace)";

/**
 * A function without the directories of its package and without type arguments:
 * "example.com/pool.(*Pool[int]).Get" is "pool.(*Pool[…]).Get".
 * @param {string} name
 */
export function shortFunction(name) {
  if (name === "") return NO_STACK;
  // Longer names are cut when they are drawn, and the search below takes the square of the length.
  const plain = name.slice(0, LONGEST_NAME).replace(/\[[^\]]*\]/g, "[…]");
  const end = plain.search(/[[(]/);
  return plain.slice(plain.lastIndexOf("/", end < 0 ? plain.length : end) + 1);
}

/**
 * Cuts text so that it fits a width on a canvas; empty if not even four characters fit.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} width
 */
export function fitText(context, text, width) {
  const visible = clean(text, 200);
  if (context.measureText(visible).width <= width) return visible;
  let low = 0;
  let high = visible.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${visible.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low < 4 ? "" : `${visible.slice(0, low)}…`;
}
