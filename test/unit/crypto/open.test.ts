import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../src/config/setting.ts';
import { openCrypter } from '../../../src/crypto/open.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { recordingLogger } from '../../../testtools/recording-logger.ts';

const open = (values: Readonly<Record<string, string>>, logger = silentLogger) =>
  openCrypter(rawSettings(values), { logger });

describe('the crypter', () => {
  it('is none without settings', async () => {
    expect(await open({ WALG_PGP_KEY: '' })).toBeUndefined();
  });

  it.each(['WALG_ENVELOPE_PGP_KEY', 'WALG_ENVELOPE_PGP_KEY_PATH', 'YC_CSE_KMS_KEY_ID'])(
    'is refused, not left out, when %s is set',
    async (name) => {
      const opening = open({ [name]: 'hunter2' });
      await expect(opening).rejects.toMatchObject({ kind: 'config', message: expect.stringContaining(name) as string });
      await expect(opening).rejects.not.toThrow('hunter2');
    },
  );

  it('is refused when OpenPGP is asked for with and without an envelope', async () => {
    const opening = open({ WALE_GPG_KEY_ID: 'hunter2', WALG_ENVELOPE_PGP_KEY_PATH: '/hunter2' });
    await expect(opening).rejects.toMatchObject({
      kind: 'config',
      message: 'WALE_GPG_KEY_ID and WALG_ENVELOPE_PGP_KEY_PATH are both set',
    });
  });

  it('is refused, though another could be had, when the one that wins cannot', async () => {
    const opening = open({ YC_CSE_KMS_KEY_ID: 'hunter2', WALG_LIBSODIUM_KEY: '0123456789abcdef0123456789abcdef' });
    await expect(opening).rejects.toMatchObject({ kind: 'config' });
  });

  it('comes with a warning about settings that mean nothing without a key', async () => {
    const logger = recordingLogger();
    expect(await open({ WALG_PGP_KEY_PASSPHRASE: 'hunter2' }, logger)).toBeUndefined();
    expect(logger.records).toEqual([expect.objectContaining({ level: 'warn', message: 'setting not used' })]);
    expect(JSON.stringify(logger.records)).toContain('WALG_PGP_KEY_PASSPHRASE');
    expect(JSON.stringify(logger.records)).not.toContain('hunter2');
  });
});
