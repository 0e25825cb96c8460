import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import { openLibsodiumCrypter } from '../../../../src/crypto/libsodium/crypter.ts';
import { lending, madeBytes } from '../../../../testtools/byte-sources.ts';

const text = 'correct horse battery staple, 32';

function crypterOf(key: string): ReturnType<typeof openLibsodiumCrypter> {
  return openLibsodiumCrypter(rawSettings({ WALG_LIBSODIUM_KEY: key }));
}

describe('the libsodium crypter', () => {
  it('reports a fingerprint of the key, the same each time, and nothing of the key itself', async () => {
    const crypter = crypterOf(text);
    const report = await crypter.report();
    expect(report).toMatchObject({ canEncrypt: true, canDecrypt: true });
    expect(report.keys).toHaveLength(1);
    expect(report.keys[0]?.id).toMatch(/^[0-9A-F]{8}$/);
    expect(await crypterOf(text).report()).toEqual(report);
    expect((await crypterOf(`${text.slice(1)}!`).report()).keys[0]?.id).not.toBe(report.keys[0]?.id);
    const shown = inspect([crypter, report], { depth: 9, showHidden: true }) + JSON.stringify([crypter, report]);
    expect(shown).not.toContain('horse');
    expect(shown).not.toContain(Buffer.from('horse').toString('hex'));
  });

  it('knows its own objects by their beginnings', async () => {
    const crypter = crypterOf(text);
    const [{ id } = { id: '' }] = (await crypter.report()).keys;
    for (const length of [0, 5, 8192, 100_000]) {
      const object = await collect(crypter.encrypt(lending(madeBytes(length))));
      const head = object.subarray(0, 16 << 10);
      expect(await crypter.identify(head)).toEqual({ encrypted: true, recipients: [id], ours: true });
      expect(await crypter.opens?.(head)).toBe(true);
      expect(await crypterOf('x'.repeat(32)).opens?.(head)).toBe(false);
      const other = await crypterOf('x'.repeat(32)).identify(head);
      expect(other).toEqual({ encrypted: undefined, recipients: [], ours: false });
    }
  });

  it('knows that objects are in clear that are shorter than the shortest of its own', async () => {
    const known = await crypterOf(text).identify(Buffer.alloc(40));
    expect(known).toEqual({ encrypted: false, recipients: [], ours: false });
  });
});
