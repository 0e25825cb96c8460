import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acquireEngine,
  ownBytes,
  packedBound,
  releaseEngine,
  slackBytes,
  type Lz4Engine,
} from '../../../../src/codecs/lz4/engine.ts';
import { createNapiEngine } from '../../../../src/codecs/lz4/napi-engine.ts';
import { createWasmEngine } from '../../../../src/codecs/lz4/wasm-engine.ts';
import { xxh32 } from '../../../../src/codecs/lz4/xxh32.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const maxPlain = 300_000;
const fromAt = ownBytes;
const toAt = fromAt + packedBound(maxPlain) + slackBytes;
const memoryBytes = toAt + packedBound(maxPlain) + slackBytes;

function engines(): Record<'wasm' | 'napi', Lz4Engine> {
  const wasm = createWasmEngine();
  if (wasm === undefined) throw new Error('no WebAssembly here');
  const napi = createNapiEngine();
  for (const engine of [wasm, napi]) engine.reserve(memoryBytes);
  return { wasm, napi };
}

function compress(engine: Lz4Engine, plain: Uint8Array): Buffer {
  engine.bytes.set(plain, fromAt);
  const length = engine.compress(fromAt, plain.length, toAt);
  return Buffer.from(engine.bytes.subarray(toAt, toAt + length));
}

function decompress(engine: Lz4Engine, packed: Uint8Array, maxBytes: number, window: Uint8Array = Buffer.of()): Buffer {
  engine.bytes.set(packed, fromAt);
  const at = toAt + window.length;
  engine.bytes.set(window, toAt);
  const length = engine.decompress(fromAt, packed.length, { at, maxBytes, windowBytes: window.length });
  return Buffer.from(engine.bytes.subarray(at, at + length));
}

const plains = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(fc.nat(maxPlain), fc.nat()).map(([length, seed]) => madeBytes(length, seed)),
  fc.tuple(fc.nat(20_000), fc.nat()).map(([length, seed]) => noise(length, seed)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(maxPlain))
    .map(([period, length]) => Buffer.alloc(length, period)),
);

describe('the two engines', () => {
  const { wasm, napi } = engines();

  it('are WebAssembly where it can be had, and are used again', async () => {
    const engine = await acquireEngine();
    releaseEngine(engine);
    expect(await acquireEngine()).toBe(engine);
    releaseEngine(engine);
  });

  it('read what the other one wrote, within the promised bound', () => {
    fc.assert(
      fc.property(plains, (plain) => {
        for (const [writer, reader] of [
          [wasm, napi],
          [napi, wasm],
          [wasm, wasm],
        ] as const) {
          const packed = compress(writer, plain);
          expect(packed.length).toBeLessThanOrEqual(packedBound(plain.length));
          expect(decompress(reader, packed, plain.length).equals(plain)).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('compress about equally well', () => {
    const plain = madeBytes(maxPlain, 9);
    expect(compress(wasm, plain).length).toBeLessThan(compress(napi, plain).length * 1.02);
  });

  it('refuse a plaintext longer than allowed', () => {
    const packed = compress(wasm, madeBytes(5_000));
    for (const engine of [wasm, napi]) expect(() => decompress(engine, packed, 4_999)).toThrow(CorruptError);
  });

  it('refer to the window before a block, and never beyond it', () => {
    const window = noise(40_000, 3);
    // One literal, then a match of 4 + 15 + 45 = 64 bytes at offset 1 + window length, then five literals.
    for (const [offset, allowed] of [
      [window.length + 1, true],
      [window.length + 2, false],
    ] as const) {
      const packed = Buffer.from([0x1f, 0x41, offset & 0xff, offset >> 8, 45, 0x50, 1, 2, 3, 4, 5]);
      const expected = Buffer.concat([Buffer.from('A'), window.subarray(0, 64), Buffer.from([1, 2, 3, 4, 5])]);
      for (const engine of [wasm, napi]) {
        const read = (): Buffer => decompress(engine, packed, 1_000, window);
        if (allowed) expect(read().equals(expected)).toBe(true);
        else expect(read).toThrow(CorruptError);
      }
    }
  });

  it('agree on damaged blocks: both give the same plaintext or both refuse', () => {
    const outcome = (engine: Lz4Engine, packed: Uint8Array, maxBytes: number): string => {
      try {
        return decompress(engine, packed, maxBytes).toString('hex');
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptError);
        return 'corrupt';
      }
    };
    const damaged = fc
      .tuple(fc.nat(1_000), fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
      .map(([length, seed, changes]) => {
        const packed = compress(wasm, madeBytes(length, seed));
        for (const [at, byte] of changes) packed[at % packed.length] = byte;
        return packed;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 300 }), damaged), (packed) => {
        expect(outcome(wasm, packed, 2_000)).toBe(outcome(napi, packed, 2_000));
      }),
      { numRuns: 500 },
    );
  });

  it('write nothing outside of the place for the plaintext and its slack', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(2_000), (packed, maxBytes) => {
        wasm.bytes.fill(0x5a, toAt - 1_000, toAt + 10_000);
        try {
          decompress(wasm, packed, maxBytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
        const before = wasm.bytes.subarray(toAt - 1_000, toAt);
        const after = wasm.bytes.subarray(toAt + maxBytes + slackBytes, toAt + 10_000);
        expect(before.every((byte) => byte === 0x5a) && after.every((byte) => byte === 0x5a)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('hash alike, in pieces of any length', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(), fc.array(fc.nat(700), { minLength: 1 }), (length, seed, sizes) => {
        const bytes = noise(length, seed);
        for (const engine of [wasm, napi]) {
          engine.bytes.set(bytes, fromAt);
          engine.hashStart();
          let at = 0;
          for (const size of sizes) {
            const piece = Math.min(size, length - at);
            engine.hashUpdate(fromAt + at, piece);
            at += piece;
          }
          engine.hashUpdate(fromAt + at, length - at);
          expect(engine.hashDigest()).toBe(xxh32(bytes));
        }
      }),
    );
  });
});
