// Decodes the binary answer of /api/lanes.

/** "GTL1", little-endian. */
const MAGIC = 0x314c5447;

/** Every array starts at a multiple of this. */
const ALIGNMENT = 8;

/**
 * @param {ArrayBuffer} buffer
 * @param {string[]} names the lanes that were asked for, in their order
 * @returns {LanesAnswer}
 */
export function decodeLanes(buffer, names) {
  const header = new DataView(buffer);
  if (buffer.byteLength < 24 || header.getUint32(0, true) !== MAGIC) {
    throw new Error("the answer with the lanes is damaged");
  }
  const shift = header.getUint32(4, true);
  const start = Number(header.getBigInt64(8, true));
  const cells = header.getUint32(16, true);
  const count = header.getUint32(20, true);
  let offset = 24;
  /**
   * @template {Uint8Array | Uint32Array | Float32Array | BigUint64Array} T
   * @param {ArrayKind<T>} kind
   * @param {number} length
   * @returns {T}
   */
  const take = (kind, length) => {
    offset = Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
    const array = new kind(buffer, offset, length);
    offset += length * kind.BYTES_PER_ELEMENT;
    return array;
  };
  /** @type {(RunLane | GroupLane)[]} */
  const lanes = [];
  for (let index = 0; index < count; index += 1) {
    offset = Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
    const form = header.getUint32(offset, true);
    const length = header.getUint32(offset + 4, true);
    offset += 8;
    const name = names[index] ?? "";
    if (form === 0) {
      lanes.push({
        form,
        name,
        first: take(Uint32Array, length),
        length: take(Uint32Array, length),
        state: take(Uint8Array, length),
        share: take(Uint8Array, length),
        flags: take(Uint8Array, length),
        what: take(BigUint64Array, length),
      });
    } else {
      lanes.push({
        form: 1,
        name,
        runnable: take(Float32Array, length),
        running: take(Float32Array, length),
        waiting: take(Float32Array, length),
        syscall: take(Float32Array, length),
        gc: take(Float32Array, length),
      });
    }
  }
  return { shift, start_ns: start, cells, lanes };
}
