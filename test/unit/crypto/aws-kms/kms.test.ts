import { execFile } from 'node:child_process';
import { inspect, promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { awsDataKeys, type DataKeys, type KmsPatience } from '../../../../src/crypto/aws-kms/kms.ts';
import { startKms, type KmsTrouble } from '../../../../testtools/kms/stand-in.ts';

const kms = await startKms();
afterAll(() => kms[Symbol.asyncDispose]());
afterEach(() => {
  kms.fail(undefined);
});

const patience: KmsPatience = { connectMs: 10_000, requestMs: 10_000, deadlineMs: 30_000, attempts: 2 };
/** For stand-ins that never answer: how long is waited for one. A stand-in that answers may take longer on a busy machine. */
const shortly: KmsPatience = { ...patience, requestMs: 100 };
const settings = {
  WALG_CSE_KMS_ID: 'alias/backups',
  WALG_CSE_KMS_REGION: 'eu-north-1',
  WALG_CSE_KMS_ENDPOINT: kms.url,
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a secret of AWS',
};
const dataKey = Buffer.alloc(32, 0x61);

function keysWith(more: Readonly<Record<string, string | undefined>> = {}, waiting = patience): DataKeys {
  return awsDataKeys(rawSettings({ ...settings, ...more }), waiting);
}

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
}

describe('a data key', () => {
  it('is wrapped and unwrapped', async () => {
    const blob = await keysWith().wrap(dataKey);
    expect(blob).toHaveLength(184);
    expect(Buffer.from(await keysWith().unwrap(blob))).toEqual(dataKey);
  });

  it('is refused when its wrapping has another length than readers expect', async () => {
    await using odd = await startKms({ blobBytes: 200 });
    const wrapping = keysWith({ WALG_CSE_KMS_ENDPOINT: odd.url }).wrap(dataKey);
    await expect(wrapping).rejects.toMatchObject({ kind: 'config', message: expect.stringContaining('200') as string });
  });
});

describe('trouble with AWS KMS', () => {
  const denied = { status: 400, type: 'AccessDeniedException', message: 'User: nobody is not authorized' };
  const troubles: readonly (readonly [string, KmsTrouble, string, RegExp])[] = [
    ['no permission', denied, 'forbidden', /AccessDeniedException: User: nobody is not authorized/],
    [
      'a disabled key',
      { status: 400, type: 'DisabledException', message: 'off' },
      'forbidden',
      /DisabledException: off/,
    ],
    ['no such key', { status: 400, type: 'NotFoundException', message: 'none' }, 'config', /NotFoundException/],
    ['its own trouble', { status: 500, type: 'KMSInternalException', message: 'oh' }, 'unavailable', /KMSInternal/],
    ['no answer', 'hang', 'unavailable', /100 ms|timeout/i],
    ['a lost connection', 'drop', 'unavailable', /socket hang up/],
  ];

  it.each(troubles)('ends with what to do: %s', async (_what, trouble, kind, message) => {
    kms.fail(trouble);
    const error = await errorOf(keysWith({}, trouble === 'hang' ? shortly : patience).wrap(dataKey));
    expect(error).toMatchObject({ kind, message: expect.stringMatching(message) as string });
    expect(error).toHaveProperty('hint', expect.stringMatching(/^[A-Z].*\.$/));
    // The error of the library would hold the request, and with it the data key.
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/a secret of AWS|YWFhYWFh|aaaaaaaa|0x61/);
  });

  it('is outlived when it passes', async () => {
    for (const trouble of [{ status: 500, type: 'KMSInternalException', message: '' }, 'drop', 'hang'] as const) {
      kms.fail(trouble, 1);
      expect(await keysWith({}, { ...patience, requestMs: 2_000 }).wrap(dataKey)).toHaveLength(184);
    }
  });

  it('keeps to itself what AWS quotes of a signed request', async () => {
    const message = 'The signature does not match.\n\nThe Canonical String:\nx-amz-security-token:verysecret';
    kms.fail({ status: 400, type: 'InvalidSignatureException', message });
    const error = await errorOf(keysWith().wrap(dataKey));
    expect(error).toMatchObject({ kind: 'forbidden' });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('verysecret');
  });

  it('ends at the deadline, whatever waits', async () => {
    kms.fail('hang');
    const impatient = awsDataKeys(rawSettings(settings), { ...patience, requestMs: 60_000, deadlineMs: 150 });
    const error = await errorOf(impatient.wrap(dataKey));
    expect(error).toMatchObject({ kind: 'unavailable' });
  });
});

describe('the settings of AWS KMS', () => {
  it('take the region of AWS where the key has none of its own', async () => {
    await keysWith({ WALG_CSE_KMS_REGION: undefined, AWS_REGION: 'us-gov-east-1' }).wrap(dataKey);
    expect(kms.calls.at(-1)?.authorization).toContain('/us-gov-east-1/kms/');
  });

  it('take the names of the Go library, and a session token', async () => {
    const names = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    await keysWith({ ...names, AWS_ACCESS_KEY: 'AKIDOTHER', AWS_SECRET_KEY: 'x', AWS_SESSION_TOKEN: 't' }).wrap(
      dataKey,
    );
    expect(kms.calls.at(-1)?.authorization).toMatch(/Credential=AKIDOTHER\/.*x-amz-security-token/);
  });

  it('are refused without an id, and with an endpoint that is none', () => {
    expect(() => keysWith({ WALG_CSE_KMS_ID: undefined })).toThrow('WALG_CSE_KMS_ID is not set');
    expect(() => keysWith({ WALG_CSE_KMS_ENDPOINT: 'kms.example' })).toThrow('invalid value of WALG_CSE_KMS_ENDPOINT');
    expect(() => keysWith({ WALG_CSE_KMS_ENDPOINT: 'ftp://kms.example' })).toThrow('invalid value');
  });
});

describe('the process', () => {
  it('ends by itself after calls: idle connections keep nothing alive', async () => {
    const script = `
      const { awsDataKeys } = await import('./src/crypto/aws-kms/kms.ts');
      const { rawSettings } = await import('./src/config/setting.ts');
      const keys = awsDataKeys(rawSettings(${JSON.stringify(settings)}));
      await keys.unwrap(await keys.wrap(new Uint8Array(32)));
      process.stdout.write('done');`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect((await run).stdout).toBe('done');
  }, 30_000);
});
