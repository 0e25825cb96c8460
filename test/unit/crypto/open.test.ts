import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../src/config/setting.ts';
import { openCrypter } from '../../../src/crypto/open.ts';
import { cryptoSettings } from '../../../src/crypto/settings.ts';

const names = Object.values(cryptoSettings).flatMap(({ env, aliases }) => [env, ...aliases]);

describe('the crypter', () => {
  it('is none without settings', async () => {
    expect(await openCrypter(rawSettings({ WALG_PGP_KEY: '' }))).toBeUndefined();
  });

  it.each([...names, 'WALE_GPG_KEY_ID'])('is refused, not left out, when %s is set', async (name) => {
    const opening = openCrypter(rawSettings({ [name]: 'hunter2' }));
    await expect(opening).rejects.toMatchObject({ kind: 'config', message: expect.stringContaining(name) as string });
    await expect(opening).rejects.not.toThrow('hunter2');
  });
});
