import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CfbStream } from '../../../../../src/crypto/openpgp/message/cfb.ts';
import {
  openPlainWorkspace,
  openWasmWorkspace,
  openWorkspace,
  type Workspace,
} from '../../../../../src/crypto/openpgp/message/workspace.ts';
import { madeBytes } from '../../../../../testtools/byte-sources.ts';

const sizeBytes = 5000;
const workspaces: readonly (readonly [string, () => Workspace | undefined])[] = [
  ['by WebAssembly', () => openWasmWorkspace(sizeBytes)],
  ['without it', () => openPlainWorkspace(sizeBytes)],
];
const session = fc.constantFrom(
  { cipher: 'aes128', key: madeBytes(16, 3) } as const,
  { cipher: 'aes192', key: madeBytes(24, 4) } as const,
  { cipher: 'aes256', key: madeBytes(32, 5) } as const,
);

describe.each(workspaces)('CFB %s', (_name, open) => {
  it('is that of OpenSSL, wherever pieces of whole blocks end', () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 40 }).map((blocks) => blocks * 16));
    const last = fc.integer({ min: 0, max: 100 });
    const start = fc.integer({ min: 0, max: 10 }).map((words) => words * 4);
    fc.assert(
      fc.property(session, pieces, last, start, (key, lengths, lastLength, at) => {
        const plain = madeBytes([...lengths, lastLength].reduce((sum, length) => sum + length));
        const reference = createCipheriv(`aes-${key.cipher.slice(3)}-cfb`, key.key, Buffer.alloc(16));
        const encrypted = reference.update(plain);
        for (const [direction, from, to] of [
          ['encrypt', plain, encrypted],
          ['decrypt', encrypted, plain],
        ] as const) {
          const workspace = open();
          if (workspace === undefined) throw new Error('no workspace');
          const stream = new CfbStream(key, direction, workspace);
          const made: Buffer[] = [];
          let done = 0;
          for (const length of [...lengths, lastLength]) {
            workspace.bytes.set(from.subarray(done, done + length), at);
            stream.apply(at, at + length);
            made.push(Buffer.from(workspace.bytes.subarray(at, at + length)));
            done += length;
          }
          workspace.release();
          expect(Buffer.concat(made).equals(to)).toBe(true);
        }
      }),
    );
  });

  it('leaves bytes outside of its piece alone', () => {
    const workspace = open();
    workspace?.bytes.fill(0xa5);
    if (workspace === undefined) throw new Error('no workspace');
    new CfbStream({ cipher: 'aes128', key: madeBytes(16) }, 'encrypt', workspace).apply(64, 64 + 333);
    const outside = [...workspace.bytes.subarray(0, 64), ...workspace.bytes.subarray(64 + 333)];
    expect(outside.every((byte) => byte === 0xa5)).toBe(true);
  });
});

it('workspaces in use at once are apart, and one that was released is larger when more is asked for', () => {
  const small = openWorkspace(1000);
  const other = openWorkspace(1000);
  small.bytes.fill(1);
  other.bytes.fill(2);
  expect(small.bytes.every((byte) => byte === 1)).toBe(true);
  other.release();
  small.release();
  const large = openWorkspace(300_000);
  expect(large.bytes.length).toBe(300_000);
  large.release();
});
