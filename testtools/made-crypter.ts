/** A way of encrypting that hides nothing, for tests of what stands around crypters: 'MADE', a key's letter, bytes, a sum. */
import { collect, fromBytes, type Stage } from '../src/bytes/stage.ts';
import type { Crypter, KeyFacts } from '../src/crypto/crypter.ts';
import { ArchiverError, CorruptError } from '../src/errors.ts';

/** What keys there are, by their letters. */
export interface MadeKeys {
  /** New objects are for these. */
  readonly encrypts?: string;
  /** These can be read. */
  readonly decrypts?: string;
  /** The first bytes of an object say whom it is for; default true. */
  readonly tells?: boolean;
  /** Of every key. */
  readonly facts?: Partial<KeyFacts>;
}

const magic = Buffer.from('MADE');

/** Makes one; the first letter of `encrypts` is whom objects are for, all others are known as well. */
export function madeCrypter({ encrypts = 'A', decrypts = 'A', tells = true, facts = {} }: MadeKeys = {}): Crypter {
  const letters = [...new Set(Array.from(encrypts + decrypts))];
  return {
    method: tells ? 'openpgp' : 'libsodium',
    encrypt: staged((plain) => {
      if (encrypts === '') throw new ArchiverError('config', 'no key encrypts', { hint: 'Set one.' });
      return Buffer.concat([magic, Buffer.from(encrypts.slice(0, 1)), scrambled(plain), Buffer.of(sumOf(plain))]);
    }),
    decrypt: staged((sealed) => {
      if (!sealed.subarray(0, 4).equals(magic)) throw new CorruptError('no message');
      if (!decrypts.includes(String.fromCharCode(sealed[4] ?? 0))) throw new ArchiverError('forbidden', 'wrong key');
      const plain = scrambled(sealed.subarray(5, -1));
      if (sumOf(plain) !== sealed.at(-1)) throw new CorruptError('wrong sum');
      return plain;
    }),
    report: () =>
      Promise.resolve({
        canEncrypt: encrypts !== '',
        canDecrypt: decrypts !== '',
        keys: letters.map((id) => ({
          id,
          algorithm: 'made',
          users: [`user ${id}`],
          created: undefined,
          expires: undefined,
          encrypts: encrypts.includes(id),
          decrypts: decrypts.includes(id),
          remark: undefined,
          ...facts,
        })),
      }),
    identify: (head) => {
      if (!tells) return Promise.resolve({ encrypted: undefined, recipients: [], ours: undefined });
      const encrypted = magic.equals(head.subarray(0, 4));
      const recipient = String.fromCharCode(head[4] ?? 0);
      return Promise.resolve({
        encrypted,
        recipients: encrypted ? [recipient] : [],
        ours: encrypted && letters.includes(recipient),
      });
    },
    ...(tells && {
      opens: (head: Uint8Array) =>
        Promise.resolve(magic.equals(head.subarray(0, 4)) && decrypts.includes(String.fromCharCode(head[4] ?? 0))),
    }),
  };
}

function staged(change: (bytes: Buffer) => Buffer): Stage {
  return async function* (source) {
    yield* fromBytes(change(await collect(source)));
  };
}

/** Bytes that look like noise; its own inverse. */
function scrambled(bytes: Buffer): Buffer {
  let state = 0x9e3779b9;
  return Buffer.from(
    bytes.map((byte) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return byte ^ (state >>> 24);
    }),
  );
}

function sumOf(bytes: Buffer): number {
  return bytes.reduce((sum, byte) => (sum * 31 + byte) & 0xff, 0);
}
