/**
 * How a run of objects becomes batches that keep several threads busy alike: as few parts of consecutive objects as
 * the limits allow, but one for each thread where none gets too small for a commit of its own, and the largest of them
 * as small as can be. Pure, so that the same listing gives the same batches.
 */
export interface PartLimits {
  /** Of a part; one larger object is a part of its own. */
  readonly bytes: number;
  readonly objects: number;
}

/** A commit takes a few files and round trips, which fewer bytes are not worth. */
const leastPartBytes = 8 << 20;

type Sized = { readonly size: number };

export function equalParts<T extends Sized>(objects: readonly T[], limits: PartLimits, threads: number): T[][] {
  const total = objects.reduce((sum, { size }) => sum + size, 0);
  const parts = Math.max(countParts(objects, limits), Math.min(threads, Math.floor(total / leastPartBytes)));
  let low = Math.min(limits.bytes, Math.ceil(total / parts));
  let high = limits.bytes;
  while (low < high) {
    const bytes = Math.floor((low + high) / 2);
    if (countParts(objects, { ...limits, bytes }) <= parts) high = bytes;
    else low = bytes + 1;
  }
  const meter = new PartMeter({ ...limits, bytes: high });
  const cut: T[][] = [];
  for (const object of objects) {
    if (meter.opens(object)) cut.push([]);
    cut.at(-1)!.push(object);
  }
  return cut;
}

/** Fills part after part as far as the limits allow. */
export class PartMeter {
  readonly #limits: PartLimits;
  #bytes = 0;
  #objects = 0;
  parts = 0;

  constructor(limits: PartLimits) {
    this.#limits = limits;
  }

  wouldOpen({ size }: Sized): boolean {
    const { bytes, objects } = this.#limits;
    return this.parts === 0 || this.#bytes + size > bytes || this.#objects >= objects;
  }

  /** Takes the object in; true where it is the first one of a part. */
  opens(object: Sized): boolean {
    const isFirst = this.wouldOpen(object);
    if (isFirst) {
      this.parts++;
      this.#bytes = 0;
      this.#objects = 0;
    }
    this.#bytes += object.size;
    this.#objects++;
    return isFirst;
  }
}

function countParts(objects: readonly Sized[], limits: PartLimits): number {
  const meter = new PartMeter(limits);
  for (const object of objects) meter.opens(object);
  return meter.parts;
}
