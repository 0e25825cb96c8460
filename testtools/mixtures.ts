/** Bytes for properties of compression: what makes matches of all lengths and distances. */
import fc from 'fast-check';

const steps = fc.array(
  fc.oneof(
    fc.record({ literals: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
    fc.record({ back: fc.nat(3_000), length: fc.integer({ min: 1, max: 700 }) }),
    fc.record({ byte: fc.nat(3), length: fc.integer({ min: 1, max: 300 }) }),
  ),
  { maxLength: 60 },
);

type Step =
  | { readonly literals: Uint8Array }
  | { readonly back: number; readonly length: number }
  | { readonly byte: number; readonly length: number };

/** Any mixture of literals, runs, and copies of what was before. */
export const mixtures: fc.Arbitrary<Buffer> = steps.map(built);

function built(parts: readonly Step[]): Buffer {
  const bytes: number[] = [];
  for (const part of parts) {
    if ('literals' in part) bytes.push(...part.literals);
    else if ('byte' in part) bytes.push(...Array<number>(part.length).fill(part.byte));
    else for (let end = bytes.length + part.length; bytes.length < end;) bytes.push(bytes.at(-1 - part.back) ?? 1);
  }
  return Buffer.from(bytes);
}
