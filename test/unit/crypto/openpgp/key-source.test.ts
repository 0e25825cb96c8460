import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { openKeySource, type KeySource } from '../../../../src/crypto/openpgp/key-source.ts';
import { makeKey } from '../../../../testtools/openpgp-keys.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

function open(values: Readonly<Record<string, string>>, logger = recordingLogger()): KeySource {
  return openKeySource(rawSettings(values), { logger, home: directory.path });
}

const textOf = async (source: KeySource): Promise<string> => Buffer.from((await source.privateKeys()).bytes).toString();

describe('the source of OpenPGP keys', () => {
  it('is the text of the setting, also in one line with escapes', async () => {
    const { privateKey } = await makeKey();
    expect(await textOf(open({ WALG_PGP_KEY: privateKey }))).toBe(privateKey.trimEnd());
    const oneLine = privateKey.replaceAll('\r\n', '\n').replaceAll('\n', '\\n');
    expect(oneLine).not.toContain('\n');
    expect(await textOf(open({ WALG_PGP_KEY: oneLine }))).toBe(privateKey.replaceAll('\r\n', '\n'));
  });

  it('is the setting, when a file and an id in GnuPG are given as well', async () => {
    const { publicKey } = await makeKey();
    const logger = recordingLogger();
    const path = join(directory.path, 'missing.asc');
    const source = open({ WALG_PGP_KEY: publicKey, WALG_PGP_KEY_PATH: path, WALG_GPG_KEY_ID: 'ABC' }, logger);
    expect(await textOf(source)).toBe(publicKey.trimEnd());
    expect(logger.records).toEqual([]);
  });

  it('is the file, armored or binary', async () => {
    const { key, publicKey } = await makeKey();
    const path = join(directory.path, 'key');
    for (const bytes of [Buffer.from(publicKey), key.write()]) {
      writeFileSync(path, bytes);
      const { bytes: read } = await open({ WALG_PGP_KEY_PATH: path, GPG_KEY_ID: 'ABC' }).publicKeys();
      expect(Buffer.from(read).equals(bytes)).toBe(true);
    }
  });

  it.each(['WALG_GPG_KEY_ID', 'WALE_GPG_KEY_ID', 'GPG_KEY_ID'])('is GnuPG with %s, and warns', (name) => {
    const logger = recordingLogger();
    expect(open({ [name]: 'ABC' }, logger).freshPublicKeys).toBeDefined();
    expect(logger.records).toMatchObject([{ level: 'warn', message: 'keys by their id in GnuPG are deprecated' }]);
  });

  it('is refused at once when there is no such file, or no key in it', () => {
    const path = join(directory.path, 'key');
    expect(() => open({ WALG_PGP_KEY_PATH: path })).toThrow(expect.objectContaining({ kind: 'missing' }) as Error);
    expect(() => open({ WALG_PGP_KEY_PATH: directory.path })).toThrow(
      expect.objectContaining({ kind: 'config' }) as Error,
    );
    writeFileSync(path, 'hunter2');
    expect(() => open({ WALG_PGP_KEY_PATH: path })).toThrow(
      `the file "${path}" (WALG_PGP_KEY_PATH) holds no OpenPGP key`,
    );
    expect(() => open({ WALG_PGP_KEY: 'hunter2' })).toThrow('WALG_PGP_KEY holds no OpenPGP key');
  });
});
