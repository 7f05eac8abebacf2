// Makes traces with hostile names: replaces every string of a trace of testdata, which are the names
// of functions and files, labels, task types, regions, log messages and reasons to wait.

/** Names that try to run, to reorder or hide what is around them, or to take all the space. */
const names = [
  '<img src=x onerror="window.hacked=1">',
  "<script>window.hacked=2</script>",
  '"><svg onload=window.hacked=3><a href="javascript:window.hacked=3">',
  "javascript:window.hacked=4",
  "</script><!--<script>window.hacked=5</script>]]>",
  "' onmouseover='window.hacked=6' x='",
  "${window.hacked=7}{{constructor.constructor('window.hacked=8')()}}",
  "</title></style><style>*{display:none}</style>",
  "http://example.com/?<b>&amp;&#x3c;",
  "\u202eright to left\u2066\u2067\u2068 never closed",
  "nul \0, escape \x1b[31m, bell \x07, lines\r\n\n\n\n\n\n\n\n",
  `accents Z${"\u0301".repeat(200)}`,
  "\u05e9\u05dc\u05d5\u05dd.\u0645\u0631\u062d\u0628\u0627",
  "\ufeff\u200b\u00ad",
  "__proto__",
  "constructor",
  "toString.call",
];

/** Names that are as long as a trace permits, with and without places to break the line. */
const long = (/** @type {number} */ length) => [
  "W".repeat(length),
  "a b ".repeat(length / 4),
  "\u05e9".repeat(length / 2),
  "<b>".repeat(length / 3),
];

/**
 * The n-th name. All are different.
 * @param {number} n
 * @param {number} longest length of the long ones in bytes
 */
function name(n, longest) {
  const all = [...names, ...long(longest - 20)];
  const text = all[n % all.length] ?? "";
  return Buffer.from(n < all.length ? text : `${text} ${n}`);
}

/** Bytes with a position, to be read from the start to the end. */
class Input {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get isEmpty() {
    return this.at >= this.bytes.length;
  }

  byte() {
    this.at += 1;
    return this.bytes[this.at - 1] ?? 0;
  }

  varint() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  }

  /** @param {number} length */
  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** @param {number} value */
function varint(value) {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const HEADER = 16;

/**
 * Replaces the strings of a trace of Go 1.22 or later, where a string has at most 1,024 bytes.
 * @param {Buffer} trace
 */
export function hostile(trace) {
  const [EVENT_BATCH, STRINGS, STRING] = [1, 4, 5];
  const MOST_BYTES = 60_000;
  const input = new Input(trace);
  const out = [input.take(HEADER)];
  /** @type {Map<string, number>} so that a string gets the same name in each generation */
  const numbers = new Map();
  while (!input.isEmpty) {
    const start = input.at;
    if (input.byte() !== EVENT_BATCH) {
      // What ends a generation has no data.
      out.push(input.bytes.subarray(start, input.at));
      continue;
    }
    // Generation, thread and time stay as they are.
    for (let left = 3; left > 0; left -= 1) input.varint();
    const head = input.bytes.subarray(start, input.at);
    const body = input.take(input.varint());
    if (body[0] !== STRINGS) {
      out.push(input.bytes.subarray(start, input.at));
      continue;
    }
    /** @type {Buffer[]} */
    let batch = [];
    const flush = () => {
      const data = Buffer.concat([Buffer.from([STRINGS]), ...batch]);
      out.push(head, varint(data.length), data);
      batch = [];
    };
    const strings = new Input(body);
    strings.byte();
    while (!strings.isEmpty) {
      strings.byte();
      const id = strings.varint();
      const before = strings.take(strings.varint()).toString("latin1");
      if (!numbers.has(before)) numbers.set(before, numbers.size);
      const after = name(numbers.get(before) ?? 0, 1024);
      batch.push(Buffer.from([STRING]), varint(id), varint(after.length), after);
      if (Buffer.concat(batch).length > MOST_BYTES) flush();
    }
    flush();
  }
  return Buffer.concat(out);
}

/**
 * Replaces the strings of a trace of Go 1.21, where a string may have a million bytes: the long ones
 * have 64 kB.
 * @param {Buffer} trace
 */
export function hostileV1(trace) {
  const [STRING, USER_LOG] = [37, 48];
  const BY_LENGTH = 3;
  const input = new Input(trace);
  const out = [input.take(HEADER)];
  let count = 0;
  while (!input.isEmpty) {
    const start = input.at;
    const first = input.byte();
    const type = first & 0x3f;
    if (type === STRING) {
      input.varint();
      out.push(input.bytes.subarray(start, input.at));
    } else {
      if (first >> 6 === BY_LENGTH) input.take(input.varint());
      else for (let left = (first >> 6) + 1; left > 0; left -= 1) input.varint();
      out.push(input.bytes.subarray(start, input.at));
      if (type !== USER_LOG) continue;
    }
    input.take(input.varint());
    const text = name(count, 1 << 16);
    count += 1;
    out.push(varint(text.length), text);
  }
  return Buffer.concat(out);
}
