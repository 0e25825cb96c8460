import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../src/config/setting.ts';
import { failureOf, type Check } from '../../../src/doctor/check.ts';
import { examine, type DoctorOptions } from '../../../src/doctor/doctor.ts';
import { ArchiverError } from '../../../src/errors.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import { doctorJson } from '../../../src/commands/doctor-output.ts';

async function run(
  env: Readonly<Record<string, string>>,
  more: Partial<DoctorOptions> = {},
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const options: DoctorOptions = {
    configuration: { settings: rawSettings({ S3_MAX_PART_SIZE: '5242880', ...env }), path: undefined, warnings: [] },
    openStorage: () => Promise.resolve(createMemoryStorage()),
    programPath: '/walvault',
    database: 'postgres',
    only: 'storage',
    write: true,
    turbo: false,
    logger: silentLogger,
    clock: systemClock,
    signal: new AbortController().signal,
    ...more,
  };
  for await (const check of examine(options)) checks.push(check);
  return checks;
}

function outcome(checks: readonly Check[], area: string, name: string): string | undefined {
  return checks.find((one) => one.area === area && one.name === name)?.outcome;
}

describe('the doctor', () => {
  it('says that there is no storage, and goes on with the rest', async () => {
    const openStorage = () => Promise.reject(new ArchiverError('config', 'no storage is configured'));
    // No server listens on a port of no service.
    const env = { PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'nobody' };
    const checks = await run(env, { openStorage, only: undefined });
    expect(outcome(checks, 'storage', 'settings')).toBe('fail');
    expect(outcome(checks, 'storage', 'list')).toBeUndefined();
    expect(outcome(checks, 'database', 'reachable')).toBe('fail');
    expect(failureOf(checks)).toMatchObject({ kind: 'config' });
    expect(failureOf(checks)?.message).toMatch(/^check failed: storage settings: .* \(and 1 more\)$/);
  });

  it('does not ask for the other half when told so', async () => {
    const areas = new Set((await run({})).map(({ area }) => area));
    expect(areas).toEqual(new Set(['settings', 'encryption', 'storage']));
    const env = { PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'nobody' };
    const others = new Set((await run(env, { only: 'database' })).map(({ area }) => area));
    expect(others).toEqual(new Set(['settings', 'database']));
  });

  it('repeats what was odd about names of settings', async () => {
    const fields = { name: 'WALG_FILE_PREFX', nearest: 'WALG_FILE_PREFIX', file: undefined };
    const warnings = [{ message: 'unknown setting', fields }];
    const checks = await run({}, { configuration: { settings: rawSettings({}), path: '/etc/w.json', warnings } });
    const names = checks.find(({ area, name }) => area === 'settings' && name === 'names');
    expect(names).toMatchObject({ outcome: 'warn' });
    expect(names?.text).toContain('did you mean WALG_FILE_PREFIX?');
  });

  it('fails for a configuration file that is not used', async () => {
    const warnings = [{ message: 'configuration file not used', fields: { path: '/etc/w.json', reason: 'no JSON' } }];
    const checks = await run({}, { configuration: { settings: rawSettings({}), path: undefined, warnings } });
    expect(outcome(checks, 'settings', 'file')).toBe('fail');
  });

  it('tells which of several prefixes is used', async () => {
    const checks = await run({ WALG_S3_PREFIX: 's3://b/p', WALG_FILE_PREFIX: '/tmp' });
    expect(checks.find(({ name }) => name === 'storages')?.text).toMatch(/and WALG_S3_PREFIX is used$/);
  });

  it('tries compression and keys', async () => {
    const key = '00'.repeat(32);
    const env = { WALG_COMPRESSION_METHOD: 'zstd', WALG_LIBSODIUM_KEY: key, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };
    const checks = await run(env);
    expect(outcome(checks, 'encryption', 'compression')).toBe('ok');
    expect(outcome(checks, 'encryption', 'keys')).toBe('ok');
    expect(JSON.stringify(checks)).not.toContain(key);
    const wrong = await run({ WALG_LIBSODIUM_KEY: 'short' });
    expect(outcome(wrong, 'encryption', 'keys')).toBe('fail');
  });

  it('looks at each of several storages', async () => {
    const members = ['default', 'second'].map((name) => ({ name, storage: createMemoryStorage(), isAlive: true }));
    const storage = Object.assign(createMemoryStorage(), { members });
    const checks = await run({}, { openStorage: () => Promise.resolve(storage) });
    const puts = checks.filter(({ name }) => name === 'put');
    expect(puts.map((one) => one.storage)).toEqual(['default', 'second']);
    const mirrored = Object.assign(createMemoryStorage(), { copies: members.slice(1) });
    const others = await run({}, { openStorage: () => Promise.resolve(mirrored) });
    expect(others.filter(({ name }) => name === 'put').map((one) => one.storage)).toEqual(['second']);
  });

  it('gives programs the same, with stable names', async () => {
    const { ok, checks } = JSON.parse(doctorJson(await run({}))) as { ok: boolean; checks: readonly object[] };
    expect(ok).toBe(true);
    expect(checks).toContainEqual({
      area: 'storage',
      storage: null,
      name: 'create_only_concurrent',
      outcome: 'ok',
      text: expect.any(String) as string,
      hint: null,
      kind: null,
      figures: { atomic: true },
    });
  });
});
