import { createVerify, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { JWTAccess } from 'google-auth-library';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gcsCredentials } from '../../../../src/storage/gcs/credentials.ts';
import { scope, signedToken } from '../../../../src/storage/gcs/service-account.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { startHttpScript, type HttpCall, type ScriptedAnswer } from '../../../../testtools/services/http-script.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const account = {
  type: 'service_account',
  client_email: 'backup@project.iam.gserviceaccount.com',
  private_key: privateKey,
  private_key_id: 'key-1',
};

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

async function file(content: unknown): Promise<string> {
  const path = join(directory.path, 'credentials.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Readonly<
    Record<string, unknown>
  >;
}

describe('the key of a service account', () => {
  it('signs tokens as Google’s library does', () => {
    const theirs = new JWTAccess(account.client_email, privateKey, 'key-1').getRequestHeaders(
      undefined,
      undefined,
      scope,
    );
    const token = (theirs.get('authorization') ?? '').replace('Bearer ', '');
    const now = new Date(Number(claimsOf(token)['iat']) * 1_000 + 17);
    const ours = signedToken({ clientEmail: account.client_email, privateKey, privateKeyId: 'key-1' }, now);
    expect(ours).toBe(token);
    const [header, claims, signature = ''] = ours.split('.');
    const verify = createVerify('sha256').update(`${header}.${claims}`);
    expect(verify.verify(publicKey, signature, 'base64url')).toBe(true);
  });

  it('gives the same token until it is about to end, or was refused', async () => {
    const clock = fakeClock();
    const source = gcsCredentials({ credentialsFile: await file(account), clock });
    const first = await source.get();
    clock.advance(3_200_000);
    expect(await source.get()).toBe(first);
    clock.advance(200_000);
    const second = await source.get();
    expect(second).not.toEqual(first);
    source.renew(first);
    expect(await source.get()).toBe(second);
    source.renew(second);
    expect(await source.get()).not.toBe(second);
  });

  it('is refused without showing it when it is none', async () => {
    const source = gcsCredentials({ credentialsFile: await file({ ...account, private_key: 'BEGIN s3cr3t' }) });
    const error = await source.get().then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toMatchObject({ kind: 'config' });
    expect(inspect(error)).not.toContain('[cause]');
    expect(inspect(error)).not.toContain('s3cr3t');
  });
});

describe('the file of credentials', () => {
  it('must be there and be JSON', async () => {
    const missing = join(directory.path, 'none.json');
    expect(() => gcsCredentials({ credentialsFile: missing })).toThrow('cannot read the credentials file');
    const broken = await file('{ "private_key": s3cr3t');
    expect(() => gcsCredentials({ credentialsFile: broken })).toThrow(/^the credentials file ".*" is not JSON$/);
  });
});

describe('credentials of other kinds', () => {
  /** Workload identity, whose token is exchanged at an address that the file names. */
  async function external(answer: (call: HttpCall) => ScriptedAnswer) {
    const service = await startHttpScript(answer);
    const token = join(directory.path, 'token');
    await writeFile(token, 'subject-token');
    const credentialsFile = await file({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${service.url}/token`,
      credential_source: { file: token },
    });
    return { service, source: gcsCredentials({ credentialsFile }) };
  }

  const granted = (token: string): ScriptedAnswer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ access_token: token, expires_in: 3600, token_type: 'Bearer', issued_token_type: 'x' }),
  });

  it('are exchanged for a token, which is kept until it is refused, without a word', async () => {
    const warn = vi.spyOn(console, 'warn');
    let count = 0;
    const { service, source } = await external(() => granted(`token-${(count += 1)}`));
    await using stack = new AsyncDisposableStack();
    stack.use(service);
    const first = await source.get();
    expect(first['authorization']).toBe('Bearer token-1');
    expect(await source.get()).toBe(first);
    expect(service.calls).toHaveLength(1);
    expect(service.calls[0]?.body.toString()).toContain('subject_token=subject-token');
    source.renew(first);
    expect((await source.get())['authorization']).toBe('Bearer token-2');
    source.renew(first);
    expect((await source.get())['authorization']).toBe('Bearer token-2');
    expect(warn).not.toHaveBeenCalled();
  });

  it('are those of the instance where there are no others', { timeout: 30_000 }, async () => {
    await using service = await startHttpScript(({ path }) => ({
      status: 200,
      headers: { 'metadata-flavor': 'Google', 'content-type': 'application/json' },
      body: path.endsWith('/token')
        ? '{"access_token":"of-the-instance","expires_in":3599,"token_type":"Bearer"}'
        : '{}',
    }));
    vi.stubEnv('GCE_METADATA_HOST', new URL(service.url).host);
    vi.stubEnv('HOME', directory.path);
    vi.stubEnv('CLOUDSDK_CONFIG', directory.path);
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined);
    try {
      const headers = await gcsCredentials({ credentialsFile: undefined }).get();
      expect(headers['authorization']).toBe('Bearer of-the-instance');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each([
    [400, 'forbidden'],
    [401, 'forbidden'],
    [503, 'unavailable'],
  ])(
    'that get status %i are an error of kind %s, without what is secret',
    { timeout: 60_000 },
    async (status, kind) => {
      const body = JSON.stringify({ error: 'invalid_grant', error_description: 'expired' });
      const headers = { 'content-type': 'application/json' };
      const { service, source } = await external(() => ({ status, headers, body }));
      await using stack = new AsyncDisposableStack();
      stack.use(service);
      const error = await source.get().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(error).toMatchObject({ kind });
      expect(inspect(error)).not.toContain('[cause]');
      expect(inspect(error)).not.toContain('subject-token');
    },
  );
});
